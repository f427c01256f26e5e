"""The landing assets: they ask the sources and keep the answers, and remove those that nothing stands on any more."""
