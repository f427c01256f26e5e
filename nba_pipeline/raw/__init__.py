"""Phase 2: what the source said, typed and audited, one file a table."""
