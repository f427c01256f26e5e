"""What several precomputed tables compute alike: features, their evidence, and how complete windows are."""
