"""How what is landed becomes rows: the newest answer about each date, earlier ones, and those of before tip-off."""
