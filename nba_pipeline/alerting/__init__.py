"""Alerts: what went wrong is read from Dagster's event log, told once, and closed when it is true no more."""
