"""History is read strictly before a date, exactly, and within bounds."""

from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nba_pipeline.as_of import GameLog, Known, as_of, as_of_each, asked_of, within_days


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


def test_a_slope_is_the_line_of_least_squares_through_the_last_games_of_the_season():
    points = [3, 9, 27, 1, 5, 8, 2, 30, 11, 4, 7, 6]
    before = history([50, 40, 30], start=date(2023, 1, 1), season=2022)
    slope = {"slope": lambda log: log.slope(log.rows.points, 10)}
    found = known(pd.concat([before, history(points)]), date(2024, 6, 1), **slope)
    assert found["slope"].iloc[0] == pytest.approx(np.polyfit(range(10), points[-10:], 1)[0], abs=1e-9)
    early = known(
        pd.concat([before, history(points[:3])]), date(2023, 12, 1), date(2024, 1, 4), date(2024, 2, 1), **slope
    )
    assert early["slope"].isna().tolist() == [True, True, False], "two games lie on every line, last season's on none"


def test_the_season_has_a_deviation_of_its_own():
    points = [3, 9, 27, 1]
    rows = pd.concat([history([50, 40, 30], start=date(2023, 1, 1), season=2022), history(points)])
    found = known(rows, date(2024, 6, 1), spread=lambda log: log.deviation(log.rows.points, log.this_season))
    assert found["spread"].iloc[0] == pytest.approx(np.std(points, ddof=1), abs=1e-9)


def test_games_back_and_extremes_reach_into_the_season_before():
    rows = pd.concat([history([50, 40], start=date(2023, 1, 1), season=2022), history([10, 20])])
    found = known(
        rows,
        date(2024, 1, 2),
        date(2024, 6, 1),
        one=lambda log: log.back(log.rows.points, 1),
        four=lambda log: log.back(log.rows.points, 4),
        most=lambda log: log.last_most(log.rows.points, 3),
        least=lambda log: log.last_least(log.rows.points, 3),
    )
    assert found["one"].tolist() == [40, 10]
    assert found["four"].isna().all()
    assert (found["most"].tolist(), found["least"].tolist()) == ([50, 40], [10, 10])


def test_a_weighted_sum_counts_games_by_the_number_given():
    rows = history([10, 20]).assign(number=[1, 7])
    found = known(rows, date(2024, 6, 1), total=lambda log: log.weighted_sum(log.rows.points, log.rows.number, 7))
    assert found["total"].iloc[0] == pytest.approx(10 * 2 ** (1 / 7) + 20 * 2, abs=1e-6)


def test_a_value_that_is_never_null_has_the_same_mean_with_shared_weights():
    rows = history([10, 20, 30])
    found = known(
        rows,
        date(2024, 6, 1),
        own=lambda log: log.ewma(log.rows.points, 7),
        shared=lambda log: log.ewma(log.rows.points, 7, never_null=True),
    )
    assert found["own"].tolist() == found["shared"].tolist()


def test_several_kinds_of_states_are_read_at_once_as_one_after_the_other():
    rows = pd.concat([history([10, 20]), history([5, 7], player=2)])
    days = ibis.memtable(
        pd.DataFrame({"player_id": [1, 2], "rival_id": [2, 3], "season": 2023, "game_date": [date(2024, 1, 2)] * 2})
    )
    log = GameLog(ibis.memtable(rows), "player_id")
    own, rival = log.states(own=log.mean(log.rows.points)), log.states(rival=log.mean(log.rows.points))
    one_by_one = run(as_of(as_of(days, own, "player_id"), rival, "player_id", on="rival_id"))
    at_once = run(as_of_each(days, Known(own, "player_id"), Known(rival, "player_id", on="rival_id")))
    pd.testing.assert_frame_equal(at_once, one_by_one)
    assert at_once["own"].tolist() == [10.0, 5.0]
    assert at_once["rival"].tolist()[0] == 5.0
    assert pd.isna(at_once["rival"].tolist()[1])
    for kinds in ([Known(own, "player_id"), Known(own, "player_id", on="rival_id")], [Known(own, "player_id")]):
        with pytest.raises(ValueError, match="own of player_id is there already: give it another name"):
            as_of_each(days if len(kinds) > 1 else days.mutate(own=1), *kinds)


def test_what_is_not_asked_about_is_left_out_and_changes_nothing():
    rows = ibis.memtable(pd.concat([history([10, 20, 30]), history([5, 7], player=2)]))
    asked = spine(date(2024, 1, 4))
    whole, part = GameLog(rows, "player_id"), GameLog(rows, "player_id", asked_of(asked, "player_id"))
    states = [log.states(ewma=log.ewma(log.rows.points, 7), games=log.count()) for log in (whole, part)]
    found = [run(as_of(asked, each, "player_id")) for each in states]
    pd.testing.assert_frame_equal(*found, check_exact=True)
    assert set(run(part.rows)["player_id"]) == {1}
    assert set(run(part.rows)["as_of_season"]) == {2023}


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
        "slope": lambda log: log.slope(log.rows.points, 5),
        "back": lambda log: log.back(log.rows.points, 1).cast("float64"),
    }
    whole = known(rows, day, **measures)
    past = rows[rows["game_date"] < day]
    other = pd.concat([past, history(later, start=day)])
    pd.testing.assert_frame_equal(whole, known(past, day, **measures), check_exact=True)
    pd.testing.assert_frame_equal(whole, known(other, day, **measures), check_exact=True)
