"""What makes a game or a row of the source usable: rules, corrections, the kinds of games."""
