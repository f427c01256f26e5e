"""Gradient boosting: LightGBM on the feature store, refitted every month on everything before it."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd

from nba_pipeline.predictions.systems.monthly_models import MODELS_AT_ONCE, MonthlyModels, Trained, importance, matrix
from nba_pipeline.predictions.walk_forward.forecasts import features_of
from nba_pipeline.predictions.walk_forward.walk import OUTCOMES

ROUNDS = 300

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
class GradientBoosting(MonthlyModels):
    """Learns the median of each statistic; seeded, so that the same past gives the same models."""

    system_id: str = "gradient_boosting"
    rounds: int = ROUNDS
    parameters: dict[str, Any] = field(default_factory=lambda: dict(PARAMETERS), hash=False)

    def train(self, rows: pd.DataFrame, setting: str, stats: Sequence[str]) -> Iterator[Trained]:
        """The models of several statistics, learned from the same rows; their text is LightGBM's own."""
        inputs = matrix(rows, setting)
        bins = lightgbm.Dataset(inputs, feature_name=features_of(setting), params=self.parameters).construct()

        def trained(stat: str) -> Trained:
            outcome = rows[OUTCOMES[stat]].to_numpy(np.float64)
            data = lightgbm.Dataset(inputs, outcome, reference=bins, params=self.parameters)
            model = lightgbm.train(self.parameters, data, self.rounds)
            return Trained(stat, model.model_to_string(), importance(model))

        with ThreadPoolExecutor(MODELS_AT_ONCE) as pool:
            yield from pool.map(trained, stats)

    def values(self, model: Path, slate: pd.DataFrame, setting: str) -> np.ndarray:
        """The medians that the model expects."""
        return np.asarray(lightgbm.Booster(model_file=model).predict(matrix(slate, setting)))


SYSTEM = GradientBoosting()
