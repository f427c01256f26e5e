"""Moving average: the last five games, the last ten and the season, weighted. The system to beat."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nba_pipeline.predictions.systems.level import level
from nba_pipeline.predictions.walk_forward.forecasts import MORNING, Forecast
from nba_pipeline.predictions.walk_forward.walk import Past

WEIGHTS = {"avg_last_5": 0.5, "avg_last_10": 0.3, "avg_season": 0.2}

TRUSTED_GAMES = 5
"""Below this many games this season, the averages are blended with the level, which reaches further back."""


@dataclass(frozen=True)
class MovingAverage:
    """Needs no training; early in a season it leans on the season before, and without one on the prior."""

    system_id: str = "moving_average"
    settings: tuple[str, ...] = (MORNING,)

    def forecast(self, slate: pd.DataFrame, past: Past, stat: str, setting: str) -> Forecast:
        """0.5 · last 5 + 0.3 · last 10 + 0.2 · season, blended with the level for the first games of a season."""
        average = sum(
            weight * slate[f"{stat}_{name}"].fillna(0.0).to_numpy(np.float64) for name, weight in WEIGHTS.items()
        )
        share = (slate["games_played_season"] / TRUSTED_GAMES).clip(upper=1.0).to_numpy(np.float64)
        return Forecast(share * average + (1 - share) * level(slate, stat), "1")


SYSTEM = MovingAverage()
