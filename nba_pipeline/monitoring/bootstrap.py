"""Block bootstrap by game date: how sure a difference between two mean absolute errors is.

Errors of one date are not independent: overtime, blow-outs and absences touch many players at once. So whole
dates are drawn, and not rows.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 2_000

SEED = 7

LEVEL = 0.95

FEWEST_DATES = 10
"""Fewer dates give intervals that are too narrow to be believed, and so none."""

Sums = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """A system's mean absolute error less a baseline's on the same rows, and the interval in which it lies.

    Negative is better than the baseline. Without enough dates the ends of the interval are None.
    """

    value: float
    low: float | None
    high: float | None


def difference(error: Sums, baseline: Sums, rows: Sums) -> Difference | None:
    """The difference from sums by game date: absolute errors of both on the same rows, and the number of rows.

    None without rows. The same sums give the same interval: the draws are seeded.
    """
    graded = rows > 0
    surplus, counts = (error - baseline)[graded], rows[graded]
    if not len(counts):
        return None
    value = float(surplus.sum() / counts.sum())
    if len(counts) < FEWEST_DATES:
        return Difference(value, None, None)
    draws = np.random.default_rng(SEED).multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=RESAMPLES)
    resampled = (draws @ surplus) / (draws @ counts)
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Difference(value, float(low), float(high))
