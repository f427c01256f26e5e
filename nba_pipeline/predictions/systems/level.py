"""The level of a player: what he does these days, whoever the opponent is."""

import numpy as np
import pandas as pd

TRUSTED_GAMES = {"points": 5, "rebounds": 5, "assists": 5, "three_pointers_made": 5, "minutes": 2}
"""Games, of this season or the one before, from which on a player's own mean needs no prior beside it.

Counts vary from game to game; minutes are what the coach gives him, and show at once.
"""

LEVEL_ONLY = "level-only"
"""How the version begins of what is said from the level of the player, in place of a model."""


def level_columns(stat: str) -> tuple[str, ...]:
    """The features that `level` looks at."""
    return "games_played_season", "games_prior_season", f"{stat}_ewma_7", f"{stat}_prior"


def level(rows: pd.DataFrame, stat: str) -> np.ndarray:
    """The mean with half-life 7, blended with the prior for the first games of a career; the prior without any."""
    games = rows["games_played_season"] + rows["games_prior_season"].fillna(0.0)
    share = (games / TRUSTED_GAMES[stat]).clip(upper=1.0)
    prior = rows[f"{stat}_prior"]
    return (share * rows[f"{stat}_ewma_7"].fillna(prior) + (1 - share) * prior).to_numpy(np.float64)
