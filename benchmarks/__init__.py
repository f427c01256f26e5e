"""Measurements that take long: each prints what it found, and the claims in `docs/` come from them."""
