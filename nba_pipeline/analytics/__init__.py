"""Phase 3: what a box score says, as rates, one file a table."""
