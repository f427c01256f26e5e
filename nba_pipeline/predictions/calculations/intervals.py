"""Intervals: how far from what a system said the outcomes of the months before lay.

Split conformal prediction (Vovk et al. 2005; Lei et al. 2018), walked forward: the residuals are of what the
models of the last months said of their own months, which they had not seen, each in units of the dispersion that
was expected of the row. They are grouped by population and predicted level (Mondrian), so that the coverage holds in
each.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from nba_pipeline.predictions.calculations.populations import strata
from nba_pipeline.predictions.models.dispersion import MEAN_DISTANCE, MODEL
from nba_pipeline.predictions.walk_forward.forecasts import MORNING
from nba_pipeline.predictions.walk_forward.walk import Past, System

COVERAGE = 0.8

CALIBRATION_MONTHS = 3
"""The months before, with games, whose residuals count."""

FEWEST_RESIDUALS = 300
"""What a group must have; a smaller one is taken together with the others."""

MOST_BINS = 10
"""Groups of predicted levels in a population."""

HIGHEST = 120.0


@dataclass(frozen=True, eq=False)
class Predicted:
    """Predicted values, each with the dispersion expected of its row and the stratum of its player."""

    values: np.ndarray
    dispersion: np.ndarray
    stratum: np.ndarray


@dataclass(frozen=True, eq=False)
class Group:
    """The residuals of one group in order, in units of dispersion, and the ends of its interval among them."""

    residuals: np.ndarray
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Residuals:
    """The residuals of a system: per stratum the edges of the predicted levels and a group for each."""

    groups: Mapping[int, tuple[np.ndarray, tuple[Group, ...]]]

    def interval(self, of: Predicted) -> tuple[np.ndarray, np.ndarray]:
        """The ends of the interval of each value; never below 0, and the value lies within."""
        low, high = np.empty(len(of.values)), np.empty(len(of.values))
        for chosen, group in self._grouped(of):
            low[chosen] = of.values[chosen] + group.low * of.dispersion[chosen]
            high[chosen] = of.values[chosen] + group.high * of.dispersion[chosen]
        return np.clip(low, 0.0, of.values), np.clip(high, of.values, HIGHEST)

    def over(self, of: Predicted, lines: np.ndarray) -> np.ndarray:
        """The probability of more than the line: the share of residuals beyond it, never quite 0 or 1."""
        found = np.full(len(of.values), np.nan)
        for chosen, group in self._grouped(of):
            needed = (lines[chosen] - of.values[chosen]) / of.dispersion[chosen]
            beyond = len(group.residuals) - np.searchsorted(group.residuals, needed, side="right")
            found[chosen] = (beyond + 0.5) / (len(group.residuals) + 1)
        return np.where(np.isnan(lines), np.nan, found)

    def _grouped(self, of: Predicted) -> list[tuple[np.ndarray, Group]]:
        parts = []
        for stratum, (edges, groups) in self.groups.items():
            place = np.searchsorted(edges, of.values, side="right")
            parts += [(np.flatnonzero((of.stratum == stratum) & (place == n)), group) for n, group in enumerate(groups)]
        return [(chosen, group) for chosen, group in parts if len(chosen)]


def dispersion_past(past: Past) -> Past:
    """The past of the first month whose residuals count: its dispersion model measures them and the month itself.

    It has seen none of them, and what is measured by one model is measured alike.
    """
    months = past.walk.months_before(past.until, CALIBRATION_MONTHS)
    return past.walk.past(months[0]) if months else past


def predicted(values: np.ndarray, rows: pd.DataFrame, measured_by: Past, stat: str) -> Predicted:
    """The values with what the intervals need to know of their rows, looked up once a slate."""

    def looked_up() -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
        # The rows stay in the value, so that no other frame can take their identity.
        return MODEL.forecast(rows, measured_by, stat, MORNING).values, strata(rows), rows

    dispersion, own, _ = measured_by.walk.once(("rows", measured_by.until, stat, id(rows)), looked_up)
    return Predicted(values, dispersion, own)


def residuals_of(past: Past, system: System, stat: str, setting: str) -> Residuals:
    """How far outcomes lie from what a system says of a statistic, from what it said of the months before."""
    key = ("residuals", past.until, system.system_id, stat, setting)
    return past.walk.once(key, lambda: _learned(past, system, stat, setting))


def _learned(past: Past, system: System, stat: str, setting: str) -> Residuals:
    walked = past.walked(CALIBRATION_MONTHS, system, stat, setting)
    if sum(len(found.values) for found in walked) < FEWEST_RESIDUALS:
        return supposed() if setting == MORNING else residuals_of(past, system, stat, MORNING)
    said = [predicted(found.values, found.rows, dispersion_past(past), stat) for found in walked]
    together = Predicted(
        *(np.concatenate([getattr(p, name) for p in said]) for name in ("values", "dispersion", "stratum"))
    )
    return calibrated(together, np.concatenate([found.outcomes for found in walked]))


def calibrated(said: Predicted, outcomes: np.ndarray) -> Residuals:
    """The residuals by stratum and level; a small stratum takes the rows of all."""
    groups = {}
    for stratum in range(3):
        mine = said.stratum == stratum
        if mine.sum() < FEWEST_RESIDUALS:
            mine = np.ones(len(outcomes), dtype=bool)
        bins = max(1, min(MOST_BINS, int(mine.sum()) // FEWEST_RESIDUALS))
        edges = np.unique(np.quantile(said.values[mine], np.linspace(0, 1, bins + 1)[1:-1]))
        place = np.searchsorted(edges, said.values, side="right")
        # A level at which many rows stand together may leave the group below it empty: it takes them all.
        chosen = [mine & (place == n) if (mine & (place == n)).any() else mine for n in range(len(edges) + 1)]
        groups[stratum] = edges, tuple(group_of(said.values[c], said.dispersion[c], outcomes[c]) for c in chosen)
    return Residuals(groups)


def group_of(values: np.ndarray, dispersion: np.ndarray, outcomes: np.ndarray) -> Group:
    """One group: a tenth of the outcomes lie below its interval, and so many above that a fifth lie outside.

    Where the interval begins at 0 nothing can lie below it, and all that may lie outside lies above: else an
    interval of a rare count would cover far more than it says.
    """
    residuals = np.sort((outcomes - values) / dispersion)
    count, outside = len(residuals), 1 - COVERAGE
    low = residuals[max(int((count + 1) * outside / 2) - 1, 0)]
    below = float(np.mean(outcomes < np.maximum(values + low * dispersion, 0.0)))
    high = residuals[min(int(np.ceil((count + 1) * (COVERAGE + below))), count) - 1]
    return Group(residuals, float(low), float(max(high, 0.0)))


def supposed() -> Residuals:
    """The residuals before there are any: normal, as wide as the dispersion says."""
    grid = np.array([NormalDist(0.0, 1 / MEAN_DISTANCE).inv_cdf(n / 200) for n in range(1, 200)])
    group = Group(grid, float(grid[19]), float(grid[179]))
    return Residuals({stratum: (np.array([]), (group,)) for stratum in range(3)})
