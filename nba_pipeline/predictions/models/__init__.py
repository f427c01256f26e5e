"""Trained models beside the systems: who plays, how far a statistic spreads; and their assets, cards and scores."""
