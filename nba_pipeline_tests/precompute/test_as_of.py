"""History is read strictly before a date, exactly, and within bounds."""

from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nba_pipeline.precompute.as_of import GameLog, as_of, within_days


def run(expression: ibis.Table) -> pd.DataFrame:
    return ibis.duckdb.connect().to_pyarrow(expression).to_pandas()


def history(points: list[int], *, player: int = 1, start: date = date(2024, 1, 1), season: int = 2023) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "player_id": player,
            "season": season,
            "game_date": [start + timedelta(days=2 * n) for n in range(len(points))],
            "points": points,
        }
    )


def spine(*days: date, player: int = 1, season: int = 2023) -> ibis.Table:
    return ibis.memtable(pd.DataFrame({"player_id": player, "season": season, "game_date": list(days)}))


def known(rows: pd.DataFrame, *days: date, **measures) -> pd.DataFrame:
    log = GameLog(ibis.memtable(rows), "player_id")
    states = log.states(**{name: make(log) for name, make in measures.items()})
    return run(as_of(spine(*days), states, "player_id")).sort_values("game_date").reset_index(drop=True)


def test_a_game_is_not_known_on_its_own_date():
    rows = history([10, 20, 30])
    found = known(rows, *rows["game_date"], mean=lambda log: log.mean(log.rows.points))
    assert found["mean"].isna().tolist() == [True, False, False]
    assert found["mean"].dropna().tolist() == [10.0, 15.0]


def test_between_games_the_latest_state_speaks():
    rows = history([10, 20])
    found = known(
        rows, date(2024, 1, 2), date(2024, 1, 4), date(2024, 6, 1), last=lambda log: log.last(log.rows.points, 1)
    )
    assert found["last"].tolist() == [10.0, 20.0, 20.0]


def test_ewma_is_the_weighted_mean_of_an_independent_implementation():
    points = np.random.default_rng(0).integers(0, 50, 60).tolist()
    rows = history(points)
    day = rows["game_date"].iloc[-1] + timedelta(days=1)
    for half_life in (3, 7, 30):
        found = known(rows, day, ewma=lambda log, h=half_life: log.ewma(log.rows.points, h))
        weights = 0.5 ** (np.arange(len(points))[::-1] / half_life)
        assert found["ewma"].iloc[0] == pytest.approx(np.average(points, weights=weights), abs=1e-6)


def test_the_season_begins_at_zero_and_the_one_before_is_its_prior():
    rows = pd.concat([history([30, 30], start=date(2023, 1, 1), season=2022), history([10, 20])])
    found = known(
        rows,
        date(2024, 1, 1),
        date(2024, 2, 1),
        season_mean=lambda log: log.mean(log.rows.points, log.this_season),
        prior=lambda log: log.mean(log.rows.points, ~log.this_season),
        last_2=lambda log: log.last(log.rows.points, 2),
    )
    assert found["prior"].tolist() == [30.0, 30.0]
    assert found["season_mean"].isna().tolist() == [True, False]
    assert found["last_2"].isna().tolist() == [True, False], "a window may not reach into the season before"
    assert found["season_mean"].iloc[1] == found["last_2"].iloc[1] == 15.0


def test_two_seasons_ago_is_forgotten():
    rows = history([30, 30], start=date(2022, 1, 1), season=2021)
    found = known(rows, date(2024, 1, 1), ewma=lambda log: log.ewma(log.rows.points, 7))
    assert found["ewma"].isna().all()


def test_deviation_is_that_of_the_last_games():
    points = [3, 9, 27, 1, 5, 8, 2, 30, 11, 4, 7, 6]
    found = known(history(points), date(2024, 6, 1), deviation=lambda log: log.last_deviation(log.rows.points, 10))
    assert found["deviation"].iloc[0] == pytest.approx(np.std(points[-10:], ddof=1), abs=1e-9)


def test_sums_over_days_count_the_days_before_and_not_the_day_itself():
    rows = history([10, 20, 30]).assign(game=1)
    days = ibis.memtable(pd.DataFrame({"player_id": [1], "game_date": [date(2024, 1, 5)]}))
    found = run(
        within_days(
            days,
            ibis.memtable(rows),
            "player_id",
            ("game_date",),
            {"games_7": ("game", 7), "games_2": ("game", 2), "points_7": ("points", 7)},
        )
    )
    assert found[["games_7", "games_2", "points_7"]].iloc[0].tolist() == [2.0, 1.0, 30.0]


def test_half_lives_that_do_not_fit_exact_sums_are_refused():
    with pytest.raises(ValueError, match="half-life of 2"):
        known(history([1]), date(2024, 2, 1), ewma=lambda log: log.ewma(log.rows.points, 2))


@settings(max_examples=25, deadline=None)
@given(
    points=st.lists(st.integers(0, 60), min_size=2, max_size=40),
    cut=st.integers(1, 40),
    later=st.lists(st.integers(0, 60), max_size=10),
)
def test_nothing_on_or_after_a_date_changes_what_was_known_before_it(points, cut, later):
    rows = history(points)
    day = rows["game_date"].iloc[min(cut, len(points) - 1)]
    measures = {
        "ewma": lambda log: log.ewma(log.rows.points, 3),
        "mean": lambda log: log.mean(log.rows.points),
        "last": lambda log: log.last(log.rows.points, 5),
        "games": lambda log: log.count(),
    }
    whole = known(rows, day, **measures)
    past = rows[rows["game_date"] < day]
    other = pd.concat([past, history(later, start=day)])
    pd.testing.assert_frame_equal(whole, known(past, day, **measures), check_exact=True)
    pd.testing.assert_frame_equal(whole, known(other, day, **measures), check_exact=True)
