"""How sure a difference is: the interval covers the truth as often as it says, and says the same twice."""

import numpy as np
import pytest

from nba_pipeline.monitoring.bootstrap import FEWEST_DATES, Difference, difference

TRUTH = -0.2


def season(rng: np.random.Generator, dates: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors that are alike on a date: sums by date of a system, a baseline, and the number of rows."""
    rows = rng.integers(40, 200, dates).astype(float)
    together = rng.normal(0, 0.5, dates)
    baseline = rows * (4.5 + rng.normal(0, 0.3, dates))
    return baseline + rows * (TRUTH + together), baseline, rows


def interval(error: np.ndarray, baseline: np.ndarray, rows: np.ndarray) -> tuple[float, float, float]:
    """The difference and the ends of its interval, where there are some."""
    found = difference(error, baseline, rows)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    return found.value, found.low, found.high


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(11)
    values, lows, highs = np.array([interval(*season(rng)) for _ in range(300)]).T
    assert 0.90 <= np.mean((lows <= TRUTH) & (highs >= TRUTH)) <= 0.98
    assert values.mean() == pytest.approx(TRUTH, abs=0.02)


def test_rows_that_err_together_make_the_interval_wider_than_their_number_would():
    rng = np.random.default_rng(12)
    error, baseline, rows = season(rng)
    _, low, high = interval(error, baseline, rows)
    _, low_alone, high_alone = interval(baseline + rows * TRUTH + rng.normal(0, 0.5 * np.sqrt(rows)), baseline, rows)
    assert high - low > 3 * (high_alone - low_alone)


def test_the_same_rows_give_the_same_interval():
    sums = season(np.random.default_rng(13))
    assert difference(*sums) == difference(*sums)


def test_dates_without_rows_change_nothing():
    error, baseline, rows = season(np.random.default_rng(14))
    padded = [np.insert(values, 7, 0.0) for values in (error, baseline, rows)]
    assert difference(*padded) == difference(error, baseline, rows)


def test_the_difference_of_a_system_and_itself_is_nought():
    _, baseline, rows = season(np.random.default_rng(15))
    assert interval(baseline, baseline, rows) == (0, 0, 0)


def test_too_few_dates_give_a_difference_without_an_interval_and_none_gives_nothing():
    error, baseline, rows = season(np.random.default_rng(16), FEWEST_DATES - 1)
    assert difference(error, baseline, rows) == Difference((error - baseline).sum() / rows.sum(), None, None)
    assert difference(np.zeros(3), np.zeros(3), np.zeros(3)) is None
