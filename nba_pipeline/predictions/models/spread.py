"""Spread: how far from his level a player's outcomes usually lie, by what is known of him and of the season.

Bench players spread more than their means say, and everybody in the last weeks of a season. Intervals are
calibrated in units of this spread, so that one that is wide for one player is not for another.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd

from nba_pipeline.code_versions import of_class
from nba_pipeline.predictions.models.cards import Card, card_file, model_file
from nba_pipeline.predictions.systems.level import level, level_columns
from nba_pipeline.predictions.systems.monthly_models import FEWEST_ROWS, card_of, importance, keep
from nba_pipeline.predictions.walk_forward.forecasts import FEATURE_NAMES, MORNING, STATS, Forecast
from nba_pipeline.predictions.walk_forward.walk import OUTCOMES, Past

SHARED = (
    "points_deviation_last_10", "minutes_deviation_last_10", "minutes_ewma_deviation_30", "points_ewma_deviation_30",
    "minutes_ewma_7", "minutes_ewma_30", "points_ewma_7", "team_games_missed", "participation_season",
    "participation_ewma_3", "minutes_rank_in_team", "team_games_season", "expected_margin_size",
)  # fmt: skip
"""What is looked at beside the level: how he varied, his role, how far the season is and how even the game."""

DISPERSION = {"points": 1.6, "rebounds": 1.0, "assists": 0.95, "three_pointers_made": 0.8, "minutes": 1.3}
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
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}


def inputs_of(stat: str) -> list[str]:
    """The features that it looks at."""
    return [name for name in dict.fromkeys([*level_columns(stat), *SHARED]) if name in FEATURE_NAMES]


@dataclass(frozen=True)
class SpreadModel:
    """A small model of the distance from the level, one a month and statistic."""

    system_id: str = "spread"
    parameters: dict[str, Any] = field(default_factory=lambda: dict(PARAMETERS), hash=False)

    def forecast(self, rows: pd.DataFrame, past: Past, stat: str) -> Forecast:
        """The distance expected of each row; from the level alone while there is too little past."""
        count = past.count(MORNING)
        if count < FEWEST_ROWS:
            distance = MEAN_DISTANCE * DISPERSION[stat] * np.sqrt(level(rows, stat) + 1)
            return Forecast(distance, f"level-only-{count}-rows")
        card = past.walk.once((self.system_id, past.until, stat), lambda: self._model(past, stat))
        model = lightgbm.Booster(model_file=self._path(past, stat, card.version))
        return Forecast(np.maximum(np.asarray(model.predict(matrix(rows, stat))), LEAST), card.version)

    def learn(self, past: Past) -> list[Card]:
        """Finds or trains the month's model of every statistic; none where there is too little past."""
        return [self._model(past, stat) for stat in STATS] if past.count(MORNING) >= FEWEST_ROWS else []

    def _model(self, past: Past, stat: str) -> Card:
        recipe = {
            "features": inputs_of(stat), "rounds": ROUNDS, "lightgbm": lightgbm.__version__,
            "code": of_class(type(self)), **self.parameters,
        }  # fmt: skip
        found = past.fingerprint(recipe, [[*inputs_of(stat), OUTCOMES[stat]]], MORNING)
        path = self._path(past, stat, f"{past.until:%Y-%m}-{found[:16]}")
        if not (path.exists() and card_file(path).exists()):
            self._train(past, stat, path, found)
        return Card.read(card_file(path))

    def _train(self, past: Past, stat: str, path: Path, training_data: str) -> None:
        names = inputs_of(stat)
        rows = past.learned_from(["game_date", *names, OUTCOMES[stat]], MORNING)
        distance = np.abs(rows[OUTCOMES[stat]].to_numpy(np.float64) - level(rows, stat))
        data = lightgbm.Dataset(matrix(rows, stat), distance, feature_name=["level", *names])
        model = lightgbm.train(self.parameters, data, ROUNDS)
        card = card_of(
            past,
            rows,
            path,
            model=self.system_id,
            stat=stat,
            setting=MORNING,
            features=["level", *names],
            parameters={"rounds": ROUNDS, **self.parameters},
            training_data=training_data,
            importance=importance(model),
        )
        keep(past, card, path, model.model_to_string())

    def _path(self, past: Past, stat: str, version: str) -> Path:
        return model_file(past.walk.models_path, self.system_id, f"{stat}-{MORNING}", version)


def matrix(rows: pd.DataFrame, stat: str) -> np.ndarray:
    """The level and the features, as LightGBM takes them."""
    return np.column_stack([level(rows, stat), rows[inputs_of(stat)].to_numpy(np.float32)])


MODEL = SpreadModel()
