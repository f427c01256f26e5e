"""Trained models and what is kept of them: the class of all, those beside the systems, assets, cards and scores."""
