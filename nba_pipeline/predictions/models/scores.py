"""How a model did on months that it had not seen."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nba_pipeline.predictions.calculations.populations import populations
from nba_pipeline.predictions.models import availability, dispersion
from nba_pipeline.predictions.models.cards import Card
from nba_pipeline.predictions.models.trained_models import TrainedModels
from nba_pipeline.predictions.systems import systems
from nba_pipeline.predictions.walk_forward.walk import Past

MONTHS = 3
"""The months before, with games, on which a model's forerunners are scored."""

BESIDE_SYSTEMS: Mapping[str, TrainedModels] = {
    model.system_id: model for model in (availability.MODEL, dispersion.MODEL)
}
"""Models that predict no statistic: who plays, and how far outcomes lie from the level."""

GROUPS = 10
"""Points of a calibration plot."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What the models of the months before said of their own months, and what came of it."""

    rows: pd.DataFrame
    predicted: np.ndarray
    actual: np.ndarray


def held_out(past: Past, card: Card) -> HeldOut:
    """What the forerunners of a model said of the months before it, each of its own month."""
    if card.model in BESIDE_SYSTEMS:
        return _beside_systems(past, BESIDE_SYSTEMS[card.model], card)
    system = next(system for system in systems() if system.system_id == card.model)
    walked = past.walked(MONTHS, system, card.stat, card.setting)
    if not walked:
        return HeldOut(past.rows.iloc[:0], np.array([]), np.array([]))
    return HeldOut(
        pd.concat([month.rows for month in walked]),
        np.concatenate([month.values for month in walked]),
        np.concatenate([month.outcomes for month in walked]),
    )


def _beside_systems(past: Past, model: TrainedModels, card: Card) -> HeldOut:
    months = past.walk.months_before(past.until, MONTHS)
    rows_of = past.walk.played if model.of_played else past.walk.expected
    frames = [rows_of(month, card.setting) for month in months]
    said = [
        model.forecast(rows, past.walk.past(month), card.stat, card.setting).values
        for month, rows in zip(months, frames, strict=True)
    ]
    rows = pd.concat(frames) if frames else past.rows.iloc[:0]
    came = [model.outcome(frame, card.stat) for frame in frames]
    return HeldOut(rows, np.concatenate([*said, np.array([])]), np.concatenate([*came, np.array([])]))


def scores(held: HeldOut) -> list[dict[str, object]]:
    """Mean absolute error, root mean squared error and bias, by population; nothing without rows.

    Of a probability the squared error is the Brier score.
    """
    errors = held.predicted - held.actual
    return [
        {
            "population": name,
            "rows": int(mask.sum()),
            "mean_absolute_error": round(float(np.abs(errors[mask]).mean()), 4),
            "root_mean_squared_error": round(float(np.sqrt((errors[mask] ** 2).mean())), 4),
            "mean_squared_error": round(float((errors[mask] ** 2).mean()), 4),
            "bias": round(float(errors[mask].mean()), 4),
        }
        for name, mask in populations(held.rows).items()
        if mask.any()
    ]


def calibration(held: HeldOut) -> tuple[list[float], list[float]]:
    """Mean prediction and mean outcome of rows grouped by prediction."""
    groups = [group for group in np.array_split(np.argsort(held.predicted, kind="stable"), GROUPS) if len(group)]
    return (
        [float(held.predicted[group].mean()) for group in groups],
        [float(held.actual[group].mean()) for group in groups],
    )
