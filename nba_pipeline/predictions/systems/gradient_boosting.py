"""Gradient boosting: LightGBM on the feature store, refitted every month on everything before it."""

from dataclasses import dataclass, field
from typing import Any

from nba_pipeline.predictions.models.trained_models import REPRODUCIBLE, TrainedModels

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
    **REPRODUCIBLE,
}


@dataclass(frozen=True)
class GradientBoosting(TrainedModels):
    """Learns the median of each statistic; seeded, so that the same past gives the same models."""

    system_id: str = "gradient_boosting"
    rounds: int = ROUNDS
    parameters: dict[str, Any] = field(default_factory=lambda: dict(PARAMETERS), hash=False)


SYSTEM = GradientBoosting()
