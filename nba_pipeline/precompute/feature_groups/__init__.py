"""The groups of features, one file each: what they are, and how they follow from what is known before the date."""
