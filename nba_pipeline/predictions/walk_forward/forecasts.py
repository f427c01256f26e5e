"""What is predicted, in which settings, from which features, and what a forecast is."""

from dataclasses import dataclass

import numpy as np

from nba_pipeline.precompute.ml_feature_store import FEATURES

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
