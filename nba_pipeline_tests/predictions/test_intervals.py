"""Eighty percent means eighty percent: of all players, of the rotation and of the stars."""

import numpy as np
import pytest

from nba_pipeline.predictions.calculations.intervals import (
    Predicted,
    calibrated,
    dispersion_past,
    predicted,
    residuals_of,
    supposed,
)
from nba_pipeline.predictions.calculations.populations import populations
from nba_pipeline.predictions.systems import moving_average
from nba_pipeline.predictions.walk_forward.forecasts import MORNING
from nba_pipeline.predictions.walk_forward.walk import OUTCOMES
from nba_pipeline_tests.support.made_up_months import slate_of


def scattered(count: int, seed: int, mean: float = 12.0, noise: float = 1.0) -> tuple[Predicted, np.ndarray]:
    """Predictions of three kinds of players, and counts that scatter more for some than for others."""
    rng = np.random.default_rng(seed)
    stratum = rng.integers(0, 3, count)
    values = rng.gamma(3, mean / 3, count) * (1 + stratum / 2)
    dispersion = np.sqrt(values + 1)
    size = 4.0 / (1 + stratum) / noise
    return Predicted(values, dispersion, stratum), rng.negative_binomial(size, size / (size + values)).astype(float)


@pytest.mark.parametrize("mean", [0.4, 1.5, 12.0], ids=["rare counts", "low counts", "high counts"])
def test_intervals_cover_what_they_say_in_each_population(mean: float) -> None:
    learned = calibrated(*scattered(30_000, 1, mean))
    said, outcomes = scattered(60_000, 2, mean)
    low, high = learned.interval(said)
    covered = (low <= outcomes) & (outcomes <= high)
    for stratum in range(3):
        assert covered[said.stratum == stratum].mean() == pytest.approx(0.8, abs=0.02)
    for part in np.array_split(np.argsort(said.values), 5):
        assert covered[part].mean() == pytest.approx(0.8, abs=0.04)


def test_an_interval_holds_its_value_and_nothing_below_zero() -> None:
    for learned in (calibrated(*scattered(5_000, 1, 0.5)), supposed()):
        said, _ = scattered(1_000, 3, 0.5)
        low, high = learned.interval(said)
        assert (low >= 0).all()
        assert ((low <= said.values) & (said.values <= high)).all()


def test_a_wider_dispersion_makes_a_wider_interval() -> None:
    said, _ = scattered(100, 3)
    low, high = supposed().interval(said)
    wide_low, wide_high = supposed().interval(Predicted(said.values, 2 * said.dispersion, said.stratum))
    assert (wide_high - wide_low > high - low).all()


def test_the_chance_of_going_over_falls_with_the_line_and_is_right() -> None:
    learned = calibrated(*scattered(30_000, 1))
    said, outcomes = scattered(30_000, 2)
    chances = [learned.over(said, np.full(30_000, line)) for line in (4.5, 9.5, 19.5)]
    for chance, line in zip(chances, (4.5, 9.5, 19.5), strict=True):
        assert ((chance > 0) & (chance < 1)).all()
        assert chance.mean() == pytest.approx((outcomes > line).mean(), abs=0.02)
    assert (chances[0] >= chances[1]).all()
    assert (chances[1] >= chances[2]).all()


def test_without_a_line_there_is_no_chance_of_going_over_it() -> None:
    said, _ = scattered(10, 1)
    assert np.isnan(supposed().over(said, np.full(10, np.nan))).all()


def test_a_level_at_which_all_rows_stand_leaves_no_group_empty() -> None:
    values = np.concatenate([np.zeros(2_000), np.linspace(0, 2, 1_000)])
    stratum = np.zeros(3_000, dtype=int)
    learned = calibrated(Predicted(values, np.ones(3_000), stratum), np.random.default_rng(1).poisson(values) * 1.0)
    low, high = learned.interval(Predicted(values, np.ones(3_000), stratum))
    assert np.isfinite(low).all()
    assert np.isfinite(high).all()


@pytest.mark.parametrize("stat", ["points", "three_pointers_made"])
def test_the_months_before_calibrate_the_month_to_come(months, past, stat: str) -> None:
    system = moving_average.SYSTEM
    slate = slate_of(months)
    slate = slate[slate["played"]].reset_index(drop=True)
    values = past.forecast(system, slate, stat, MORNING).values
    low, high = residuals_of(past, system, stat, MORNING).interval(
        predicted(values, slate, dispersion_past(past), stat)
    )
    outcomes = slate[OUTCOMES[stat]].to_numpy(float)
    covered = (low <= outcomes) & (outcomes <= high)
    for name, mask in populations(slate).items():
        assert covered[mask].mean() == pytest.approx(0.8, abs=0.05), name
