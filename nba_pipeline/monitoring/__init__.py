"""Reports about the pipeline: smoke test, health, data quality, freshness, the ledger, the season's schedule."""
