"""Phase 6: predictions against what happened, by prediction, day and system, one file a table."""
