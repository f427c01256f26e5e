"""What a prediction system is: feature rows of one month in, a value for each out."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from nba_pipeline.precompute.ml_feature_store import FEATURES

if TYPE_CHECKING:
    from nba_pipeline.predictions.walk import Past

STATS = ("points", "rebounds", "assists", "three_pointers_made", "minutes")
"""What is predicted of every player."""

MORNING, PRE_TIP = "morning", "pre_tip"

SETTINGS = (MORNING, PRE_TIP)
"""What a prediction may know: nothing about who is out today, or the newest injury report before tip-off."""

FEATURE_NAMES = [feature.name for feature in FEATURES]


def features_of(setting: str) -> list[str]:
    """The features that a model of the setting sees: those of the injury report only before tip-off."""
    return [feature.name for feature in FEATURES if setting == PRE_TIP or not feature.news]


@dataclass(frozen=True)
class Forecast:
    """One value a row of the slate, in its order, and the version of the model that made it."""

    values: np.ndarray
    model_version: str


class System(Protocol):
    """A way to predict the statistics. It sees features and the past, never the game."""

    @property
    def system_id(self) -> str:
        """The name under which its predictions are published and graded."""
        ...

    @property
    def settings(self) -> tuple[str, ...]:
        """The settings in which it publishes; one that uses no news has only the morning's."""
        ...

    def forecast(self, slate: pd.DataFrame, past: "Past", stat: str, setting: str) -> Forecast:
        """Predicts every row of the slate, whose dates all lie in the month of `past.until`.

        It may be asked in any setting, and without one of its own answers as in the morning.
        """
        ...
