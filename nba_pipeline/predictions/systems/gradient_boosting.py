"""Gradient boosting: LightGBM on the feature store, refitted every month on everything before it."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd

from nba_pipeline.predictions.cards import Card, card_file, model_file, write_whole
from nba_pipeline.predictions.systems.interface import SETTINGS, STATS, Forecast, features_of
from nba_pipeline.predictions.systems.level import level
from nba_pipeline.predictions.walk import OUTCOMES, Past

FEWEST_ROWS = 2_000
"""Below this many games to learn from, some ten dates of a season, the level is the better forecast."""

LEVEL_ONLY = "level-only"
"""How the version begins of a prediction that is the level of the player, in place of a model."""

ROUNDS = 300

MODELS_AT_ONCE = 2
"""Trained side by side, each in one thread: two threads on one model wait for each other most of the time."""

PARAMETERS: dict[str, Any] = {
    "objective": "regression_l1",
    "max_bin": 63,
    "learning_rate": 0.06,
    "num_leaves": 15,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.2,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}


@dataclass(frozen=True)
class GradientBoosting:
    """Learns the median of each statistic; seeded, so that the same past gives the same models."""

    system_id: str = "gradient_boosting"
    settings: tuple[str, ...] = SETTINGS
    rounds: int = ROUNDS
    parameters: dict[str, Any] = field(default_factory=lambda: dict(PARAMETERS), hash=False)

    def forecast(self, slate: pd.DataFrame, past: Past, stat: str, setting: str) -> Forecast:
        """The model of the month; the level, and a version that says so, while there is too little past."""
        rows = past.count(setting)
        if rows < FEWEST_ROWS:
            return Forecast(level(slate, stat), f"{LEVEL_ONLY}-{rows}-rows")
        card = past.walk.once((self.system_id, past.until, setting), lambda: self._models(past, setting))[stat]
        model = lightgbm.Booster(model_file=self._path(past, card.stat, setting, card.version))
        return Forecast(np.maximum(np.asarray(model.predict(matrix(slate, setting))), 0.0), card.version)

    def learn(self, past: Past) -> list[Card]:
        """Finds or trains the month's models of every statistic and setting; none where there is too little past."""
        enough = [setting for setting in self.settings if past.count(setting) >= FEWEST_ROWS]
        return [card for setting in enough for card in self._models(past, setting).values()]

    def _models(self, past: Past, setting: str) -> dict[str, Card]:
        recipe = {
            "features": features_of(setting), "rounds": self.rounds, "lightgbm": lightgbm.__version__, **self.parameters
        }  # fmt: skip
        prints = {stat: past.fingerprint(recipe, [features_of(setting), [OUTCOMES[stat]]], setting) for stat in STATS}
        paths = {
            stat: self._path(past, stat, setting, f"{past.until:%Y-%m}-{found[:16]}") for stat, found in prints.items()
        }
        gone = [stat for stat in STATS if not (paths[stat].exists() and card_file(paths[stat]).exists())]
        if gone:
            self._train(past, setting, {stat: paths[stat] for stat in gone}, prints)
        return {stat: Card.read(card_file(path)) for stat, path in paths.items()}

    def _train(self, past: Past, setting: str, paths: Mapping[str, Path], prints: Mapping[str, str]) -> None:
        """Trains the models of several statistics on the same rows, and keeps each with its card."""
        rows = past.learned_from(["game_date", *features_of(setting), *[OUTCOMES[s] for s in paths]], setting)
        inputs = matrix(rows, setting)
        bins = lightgbm.Dataset(inputs, feature_name=features_of(setting), params=self.parameters).construct()

        def train(stat: str) -> Card:
            outcome = rows[OUTCOMES[stat]].to_numpy(np.float64)
            data = lightgbm.Dataset(inputs, outcome, reference=bins, params=self.parameters)
            model = lightgbm.train(self.parameters, data, self.rounds)
            card = Card(
                model=self.system_id,
                stat=stat,
                setting=setting,
                month=str(past.until),
                version=paths[stat].stem,
                rows=len(rows),
                first_date=str(rows["game_date"].iloc[0]),
                last_date=str(rows["game_date"].iloc[-1]),
                features=features_of(setting),
                parameters={"rounds": self.rounds, **self.parameters},
                library=f"lightgbm {lightgbm.__version__}",
                training_data=prints[stat],
                importance=importance(model),
            )
            card.write(card_file(paths[stat]))
            write_whole(paths[stat], model.model_to_string())
            return card

        with ThreadPoolExecutor(MODELS_AT_ONCE) as pool:
            past.walk.trained.extend(pool.map(train, paths))

    def _path(self, past: Past, stat: str, setting: str, version: str) -> Path:
        return model_file(past.walk.models_path, self.system_id, f"{stat}-{setting}", version)


def matrix(rows: pd.DataFrame, setting: str) -> np.ndarray:
    """The features as LightGBM takes them: missing stays missing."""
    return rows[features_of(setting)].to_numpy(np.float32)


def importance(model: lightgbm.Booster) -> dict[str, float]:
    """Each feature's share of what the model gained by splitting, the greatest first."""
    gains = model.feature_importance("gain")
    shares: Sequence[float] = (gains / max(gains.sum(), 1e-12)).tolist()
    return dict(sorted(zip(model.feature_name(), shares, strict=True), key=lambda item: -item[1]))


SYSTEM = GradientBoosting()
