"""Alerts: what went wrong is read from Dagster's event log, sent once, and closed when it is over."""
