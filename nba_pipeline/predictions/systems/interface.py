"""What a prediction system is: feature rows of one month in, a value for each out."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from nba_pipeline.precompute.ml_feature_store import FEATURES

FEATURE_NAMES = [feature.name for feature in FEATURES]


@dataclass(frozen=True)
class Past:
    """What a system may learn from: feature rows of games played before `until`, with what came of them.

    `rows` has the keys, the features and `outcome`, sorted by the keys; `models_path` is where a trained
    model may be kept.
    """

    until: date
    rows: pd.DataFrame
    models_path: Path


@dataclass(frozen=True)
class Forecast:
    """One value a row of the slate, in its order, and the version of the model that made it."""

    values: np.ndarray
    model_version: str


class System(Protocol):
    """A way to predict a statistic. It sees features and the past, never the game."""

    @property
    def system_id(self) -> str:
        """The name under which its predictions are published and graded."""
        ...

    def forecast(self, slate: pd.DataFrame, past: Past) -> Forecast:
        """Predicts every row of the slate, whose dates all lie on or after `past.until`."""
        ...
