"""The one adapter to what is private in Dagster, each thing with the reason why nothing public does it."""
