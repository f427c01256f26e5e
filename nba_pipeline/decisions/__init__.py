"""What is decided about single games, by people and by the catalogue of the sources' known faults."""
