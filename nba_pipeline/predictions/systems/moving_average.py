"""Moving average: the last five games, the last ten and the season, weighted. The system to beat."""

from dataclasses import dataclass

import pandas as pd

from nba_pipeline.predictions.systems.interface import Forecast, Past

WEIGHTS = {"points_avg_last_5": 0.5, "points_avg_last_10": 0.3, "points_avg_season": 0.2}

TRUSTED_GAMES = 5
"""Below this many games this season, the averages are blended with the prior, game by game."""


@dataclass(frozen=True)
class MovingAverage:
    """Needs no training; early in a season it leans on the prior."""

    system_id: str = "moving_average"

    def forecast(self, slate: pd.DataFrame, past: Past) -> Forecast:
        """0.5 · last 5 + 0.3 · last 10 + 0.2 · season, blended with the prior for the first games."""
        average = pd.DataFrame({name: weight * slate[name] for name, weight in WEIGHTS.items()}).sum(
            axis=1, skipna=False
        )
        trust = (slate["games_played_season"] / TRUSTED_GAMES).clip(upper=1.0)
        blended = trust * average.fillna(0.0) + (1 - trust) * slate["points_prior"]
        return Forecast(blended.to_numpy(), "1")


SYSTEM = MovingAverage()
