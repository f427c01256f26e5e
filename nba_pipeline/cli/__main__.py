"""`python -m nba_pipeline.cli …` is `nba-pipeline …`."""

from nba_pipeline.cli.app import main

main()
