"""What predictions are published with: intervals, the ledger's chain, the populations that are scored."""
