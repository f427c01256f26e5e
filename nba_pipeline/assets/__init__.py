"""From a contract to an asset: factory, checks, I/O manager, retries, progress, discovery."""
