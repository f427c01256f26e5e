"""Phase 5: predictions, and the systems and models that make them."""
