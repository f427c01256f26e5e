"""How a model did on months that it had not seen."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nba_pipeline.predictions.calculations.populations import populations
from nba_pipeline.predictions.models import availability, spread
from nba_pipeline.predictions.models.availability import PLAYED
from nba_pipeline.predictions.models.cards import Card
from nba_pipeline.predictions.systems import systems
from nba_pipeline.predictions.systems.level import level
from nba_pipeline.predictions.walk_forward.walk import OUTCOMES, Past

MONTHS = 3
"""The months before, with games, on which a model's forerunners are scored."""

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
    if card.stat == PLAYED:
        return _availability_held_out(past, card.setting)
    if card.model == spread.MODEL.system_id:
        return _spread_held_out(past, card)
    system = next(system for system in systems() if system.system_id == card.model)
    walked = past.walked(MONTHS, system, card.stat, card.setting)
    if not walked:
        return HeldOut(past.rows.iloc[:0], np.array([]), np.array([]))
    return HeldOut(
        pd.concat([month.rows for month in walked]),
        np.concatenate([month.values for month in walked]),
        np.concatenate([month.outcomes for month in walked]),
    )


def _availability_held_out(past: Past, setting: str) -> HeldOut:
    months = past.walk.months_before(past.until, MONTHS)
    frames = [past.walk.expected(month, setting) for month in months]
    said = [
        availability.MODEL.forecast(rows, past.walk.past(month), setting).values
        for month, rows in zip(months, frames, strict=True)
    ]
    rows = pd.concat(frames) if frames else past.rows.iloc[:0]
    return HeldOut(rows, np.concatenate([*said, np.array([])]), rows["played"].to_numpy(np.float64))


def _spread_held_out(past: Past, card: Card) -> HeldOut:
    months = past.walk.months_before(past.until, MONTHS)
    frames = [past.walk.played(month, card.setting) for month in months]
    said = [
        spread.MODEL.forecast(rows, past.walk.past(month), card.stat).values
        for month, rows in zip(months, frames, strict=True)
    ]
    came = [np.abs(rows[OUTCOMES[card.stat]].to_numpy(np.float64) - level(rows, card.stat)) for rows in frames]
    rows = pd.concat(frames) if frames else past.rows.iloc[:0]
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
