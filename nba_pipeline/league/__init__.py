"""A league to try everything on: simulated or read from files, served as balldontlie serves the real one."""
