"""Phase 4: what is known before a game, one file a table; every read of history goes through as_of."""
