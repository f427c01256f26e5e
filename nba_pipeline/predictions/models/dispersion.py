"""Dispersion: how far from his level a player's outcomes usually lie, by what is known of him and of the season.

Bench players vary more than their means say, and everybody in the last weeks of a season. Intervals are
calibrated in units of this dispersion, so that one that is wide for one player is not for another.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from nba_pipeline.predictions.models.trained_models import REPRODUCIBLE, TrainedModels
from nba_pipeline.predictions.systems.level import level, level_columns
from nba_pipeline.predictions.walk_forward.forecasts import FEATURE_NAMES, MORNING
from nba_pipeline.predictions.walk_forward.walk import Past

SHARED = (
    "points_deviation_last_10", "minutes_deviation_last_10", "minutes_ewma_deviation_30", "points_ewma_deviation_30",
    "minutes_ewma_7", "minutes_ewma_30", "points_ewma_7", "team_games_missed", "participation_season",
    "participation_ewma_3", "minutes_rank_in_team", "team_games_season", "expected_margin_size",
)  # fmt: skip
"""What is looked at beside the level: how he varied, his role, how far the season is and how even the game."""

ROOT_DEVIATIONS = {"points": 1.6, "rebounds": 1.0, "assists": 0.95, "three_pointers_made": 0.8, "minutes": 1.3}
"""Standard deviation of what players do, in roots of their level and one: all there is before a model."""

MEAN_DISTANCE = float(np.sqrt(2 / np.pi))
"""Mean distance from the middle of a normal distribution, in standard deviations."""

LEAST = 0.1

ROUNDS = 80

PARAMETERS: dict[str, Any] = {
    "objective": "regression",
    "learning_rate": 0.1,
    "num_leaves": 7,
    "min_data_in_leaf": 400,
    "max_bin": 63,
    **REPRODUCIBLE,
}


@dataclass(frozen=True)
class Dispersion(TrainedModels):
    """A small model of the distance from the level, one a month and statistic."""

    system_id: str = "spread"
    """What homes and the graph call it: the folder of its models and its asset."""
    settings: tuple[str, ...] = (MORNING,)
    rounds: int = ROUNDS
    parameters: dict[str, Any] = field(default_factory=lambda: dict(PARAMETERS), hash=False)

    least: ClassVar[float] = LEAST

    def inputs(self, stat: str, setting: str) -> list[str]:
        """What the level is made of, and what else says how he varies."""
        return [name for name in dict.fromkeys([*level_columns(stat), *SHARED]) if name in FEATURE_NAMES]

    def names(self, stat: str, setting: str) -> list[str]:
        """The level stands before the features."""
        return ["level", *self.inputs(stat, setting)]

    def matrix(self, rows: pd.DataFrame, stat: str, setting: str) -> np.ndarray:
        """The level and the features."""
        return np.column_stack([level(rows, stat), super().matrix(rows, stat, setting)])

    def outcome(self, rows: pd.DataFrame, stat: str) -> np.ndarray:
        """How far from the level it came."""
        return np.abs(super().outcome(rows, stat) - level(rows, stat))

    def by_rule(self, slate: pd.DataFrame, past: Past, stat: str) -> np.ndarray:
        """The distance by the level alone."""
        return MEAN_DISTANCE * ROOT_DEVIATIONS[stat] * np.sqrt(level(slate, stat) + 1)


MODEL = Dispersion()
