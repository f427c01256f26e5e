"""Phases 5 and 6: predictions and their grades."""
