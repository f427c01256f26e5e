"""Boosted ridge: a line through the roots of a statistic, and LightGBM on what the line leaves.

The root of a count and a half scatters about as much at every level (Anscombe, Biometrika 35, 1948), so that
least squares weighs bench players and stars alike. Trees follow a straight line only in steps; a ridge regression
(Hoerl and Kennard, Technometrics 12, 1970) gives it to them. It errs elsewhere than trees alone: their mean is
better than either.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd

from nba_pipeline.predictions.models.trained_models import Trained, TrainedModels, shares
from nba_pipeline.predictions.systems.gradient_boosting import PARAMETERS, ROUNDS

PENALTY = 300.0
"""On the square of each weight, beside the squared errors of all rows."""

FARTHEST = 6.0
"""Standard deviations from the mean beyond which a feature says no more."""


BLOCK = 8192
"""Rows that are looked at together."""

LEAST_DEVIATION = 1e-9


@dataclass(frozen=True)
class Line:
    """The ridge regression of one statistic: features, their means and deviations, a weight for each, an intercept.

    A missing feature counts as its mean.
    """

    features: list[str]
    means: list[float]
    deviations: list[float]
    weights: list[float]
    intercept: float

    def roots(self, inputs: np.ndarray) -> np.ndarray:
        """The root that the line says of every row."""
        found = np.full(len(inputs), self.intercept)
        for block in blocks(len(inputs)):
            known = standing(inputs[block], np.array(self.means), np.array(self.deviations))
            # Added up column by column: a matrix product may round otherwise for one date than for a month.
            for number, weight in enumerate(self.weights):
                found[block] += weight * known[:, number]
        return found


@dataclass(frozen=True)
class BoostedRidge(TrainedModels):
    """Learns the root of each statistic; seeded, so that the same past gives the same models."""

    system_id: str = "boosted_ridge"
    rounds: int = ROUNDS
    parameters: dict[str, Any] = field(default_factory=lambda: {**PARAMETERS, "objective": "regression"}, hash=False)

    def recipe(self, stat: str, setting: str) -> dict[str, Any]:
        """Everything but the rows that makes a model what it is: the line's settings as well."""
        return {**super().recipe(stat, setting), "penalty": PENALTY, "farthest": FARTHEST}

    def train(self, rows: pd.DataFrame, setting: str, stats: Sequence[str]) -> Iterator[Trained]:
        """The models of several statistics, learned from the same rows; kept as a `Line` and a booster in JSON."""
        names, inputs = self.names(stats[0], setting), self.matrix(rows, stats[0], setting)
        roots = [to_root(self.outcome(rows, stat)) for stat in stats]
        lines = ridge(inputs, np.column_stack(roots), names)
        boosters = self.boosters(inputs, names, roots, begin_at=[line.roots(inputs) for line in lines])
        for stat, line, booster in zip(stats, lines, boosters, strict=True):
            text = json.dumps({"line": asdict(line), "booster": booster.model_to_string()})
            yield Trained(stat, text, shares(names, np.abs(line.weights)))

    def values(self, model: Path, slate: pd.DataFrame, stat: str, setting: str) -> np.ndarray:
        """The values whose roots the line and the trees expect together."""
        kept, inputs = json.loads(model.read_text()), self.matrix(slate, stat, setting)
        booster = lightgbm.Booster(model_str=kept["booster"])
        return from_root(Line(**kept["line"]).roots(inputs) + np.asarray(booster.predict(inputs)))


def to_root(outcomes: np.ndarray) -> np.ndarray:
    """The root of an outcome and a half."""
    return np.sqrt(outcomes + 0.5)


def from_root(roots: np.ndarray) -> np.ndarray:
    """The outcome of a root; 0 below the root of a half."""
    return np.maximum(np.maximum(roots, 0.0) ** 2 - 0.5, 0.0)


def ridge(inputs: np.ndarray, roots: np.ndarray, names: Sequence[str]) -> list[Line]:
    """The line of each column of `roots`, from one look at the features, block by block to spare memory."""
    means, deviations = moments(inputs)
    size = len(names) + 1
    # The last unknown is the intercept, which is not drawn towards 0.
    gram = np.diag([PENALTY] * len(names) + [0.0])
    right = np.zeros((size, roots.shape[1]))
    for block in blocks(len(inputs)):
        known = np.column_stack([standing(inputs[block], means, deviations), np.ones(len(inputs[block]))])
        gram += known.T @ known
        right += known.T @ roots[block]
    # A product of matrices differs in its last bits with where they lie in memory; training again must not.
    found = np.round(np.linalg.solve(gram, right), 9)
    return [
        Line(list(names), means.tolist(), deviations.tolist(), weights[:-1].tolist(), float(weights[-1]))
        for weights in found.T
    ]


def moments(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each feature where it is known; 0 and 1 where it never is, or never varies."""
    count, total, squares = (np.zeros(inputs.shape[1]) for _ in range(3))
    for block in blocks(len(inputs)):
        values = inputs[block].astype(np.float64)
        count += (~np.isnan(values)).sum(axis=0)
        total += np.nansum(values, axis=0)
        squares += np.nansum(values**2, axis=0)
    means = total / np.maximum(count, 1)
    deviations = np.sqrt(np.maximum(squares / np.maximum(count, 1) - means**2, 0.0))
    return means, np.where(deviations > LEAST_DEVIATION, deviations, 1.0)


def standing(inputs: np.ndarray, means: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """Features in standard deviations from their means; 0 where one is not known."""
    return np.nan_to_num(((inputs.astype(np.float64) - means) / deviations).clip(-FARTHEST, FARTHEST), nan=0.0)


def blocks(count: int) -> Iterator[slice]:
    """The rows in parts of `BLOCK`."""
    return (slice(begin, begin + BLOCK) for begin in range(0, count, BLOCK))


SYSTEM = BoostedRidge()
