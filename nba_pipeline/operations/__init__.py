"""What a person starts: backfills and their runs, the remaking of outdated rows, explanations, copies."""
