"""Walk-forward training: each month by models that saw nothing of it."""
