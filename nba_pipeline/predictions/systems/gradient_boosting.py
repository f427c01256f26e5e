"""Gradient boosting: LightGBM on the feature store, refitted every month on everything before it."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd

from nba_pipeline.predictions.systems.interface import FEATURE_NAMES, Forecast, Past

FEWEST_ROWS = 2_000
"""Below this many games to learn from, some ten dates of a season, the prior is the better forecast."""

ROUNDS = 400

PARAMETERS: dict[str, Any] = {
    "objective": "regression_l1",
    "learning_rate": 0.04,
    "num_leaves": 15,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 2,
    "verbose": -1,
}


@dataclass(frozen=True)
class GradientBoosting:
    """Learns the median of points; seeded, so that the same past gives the same model."""

    system_id: str = "gradient_boosting"
    parameters: dict[str, Any] = field(default_factory=lambda: dict(PARAMETERS), hash=False)

    def forecast(self, slate: pd.DataFrame, past: Past) -> Forecast:
        """The model of the month; the prior, and a version that says so, while there is too little past."""
        if len(past.rows) < FEWEST_ROWS:
            return Forecast(slate["points_prior"].to_numpy(), f"prior-only-{len(past.rows)}-rows")
        inputs, outcome = matrix(past.rows), past.rows["outcome"].to_numpy(np.float64)
        version = f"{past.until:%Y-%m}-{fingerprint(inputs, outcome, self.parameters)[:16]}"
        path = past.models_path / self.system_id / "points" / f"{version}.txt"
        if not path.exists():
            train(inputs, outcome, self.parameters, path)
        model = lightgbm.Booster(model_file=path)
        return Forecast(np.maximum(np.asarray(model.predict(matrix(slate))), 0.0), version)


def matrix(rows: pd.DataFrame) -> np.ndarray:
    """The features as LightGBM takes them: missing stays missing."""
    return rows[FEATURE_NAMES].to_numpy(np.float64)


def fingerprint(inputs: np.ndarray, outcome: np.ndarray, parameters: dict[str, Any]) -> str:
    """What a model is made of: its data, its features, its parameters and the library."""
    recipe = {"features": FEATURE_NAMES, "rounds": ROUNDS, "lightgbm": lightgbm.__version__, **parameters}
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(inputs).tobytes())
    digest.update(np.ascontiguousarray(outcome).tobytes())
    return digest.hexdigest()


def train(inputs: np.ndarray, outcome: np.ndarray, parameters: dict[str, Any], path: Path) -> None:
    """Trains a model and keeps it at `path`, which holds a whole model or does not exist."""
    data = lightgbm.Dataset(inputs, outcome, feature_name=FEATURE_NAMES)
    model = lightgbm.train(parameters, data, ROUNDS)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.unfinished")
    unfinished.write_text(model.model_to_string())
    unfinished.replace(path)


SYSTEM = GradientBoosting()
