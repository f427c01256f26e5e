"""Whatever the source does wrong, what is published is right or absent, and the run says why."""

from datetime import UTC, date, datetime, timedelta

import duckdb
import pandas as pd
import pytest

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.contracts import Phase
from nba_pipeline.grades import prediction_accuracy
from nba_pipeline.monitoring.smoke_test import DateState, smoke_test
from nba_pipeline.precompute import player_daily_cache
from nba_pipeline.predictions import player_predictions
from nba_pipeline.raw import games, held_games, player_box_scores
from nba_pipeline_tests.support.workbench import OPENING, Workbench

FIRST, BAD, LAST = OPENING, OPENING + timedelta(days=1), OPENING + timedelta(days=2)
GAMES_AND_BOX_SCORES = (Phase.LANDING, Phase.RAW)


def load(bench: Workbench, *phases: Phase):
    return bench.backfill(FIRST, LAST, *(phases or GAMES_AND_BOX_SCORES), history=False)


def said(report) -> str:
    return " ".join(failure for attempt in report.attempts for failure in attempt.failures)


def dates_of(bench: Workbench, table=player_box_scores.CONTRACT) -> set[date]:
    return set(bench.rows(table)["game_date"])


@pytest.fixture
def truth(season_start) -> pd.DataFrame:
    return season_start.rows(player_box_scores.CONTRACT, FIRST, LAST)


HEALING = [
    {"kind": "status", "code": 503, "times": 2},
    {"kind": "status", "code": 429, "times": 1, "retry_after": 0},
    {"kind": "timeout", "endpoint": "stats", "seconds": 2, "times": 1},
    {"kind": "slow_drip", "endpoint": "games", "bytes_per_second": 500, "times": 1},
    {"kind": "truncated_body", "endpoint": "stats", "times": 2},
    {"kind": "malformed_json", "endpoint": "games", "times": 2},
    {"kind": "extra_field", "endpoint": "stats", "field": "arena"},
    {"kind": "duplicate_rows", "endpoint": "stats", "count": 5},
]


@pytest.mark.parametrize("fault", HEALING, ids=lambda fault: fault["kind"])
def test_trouble_that_heals_or_does_no_harm_leaves_the_truth(workbench, truth, fault):
    bench = workbench(fault)
    report = load(bench)
    assert report.complete, said(report)
    pd.testing.assert_frame_equal(bench.rows(player_box_scores.CONTRACT), truth, check_exact=True)


BLOCKING = [
    ({"kind": "status", "code": 500, "endpoint": "stats", "game_date": str(BAD)}, "HTTP 500"),
    ({"kind": "status", "code": 404, "endpoint": "stats", "game_date": str(BAD)}, "refused with HTTP 404"),
    ({"kind": "truncated_body", "endpoint": "stats", "game_date": str(BAD)}, "bytes"),
    ({"kind": "malformed_json", "endpoint": "stats", "game_date": str(BAD)}, "a body that is no page"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "reason"), BLOCKING, ids=lambda value: value["kind"] if isinstance(value, dict) else ""
)
def test_what_is_not_the_truth_is_absent_and_the_run_says_why(workbench, truth, fault, reason):
    bench = workbench(fault)
    report = load(bench)
    assert not report.complete
    assert reason in said(report)
    published = bench.rows(player_box_scores.CONTRACT)
    assert BAD not in set(published["game_date"])
    if "refused" not in reason:
        others = truth[truth["game_date"] != BAD].reset_index(drop=True)
        pd.testing.assert_frame_equal(published, others, check_exact=True)


WHOLE_DATE = [
    (
        {"kind": "missing_field", "endpoint": "stats", "field": "pts", "game_date": str(BAD)},
        "field 'pts' is missing",
        True,
    ),
    ({"kind": "empty", "endpoint": "stats", "game_date": str(BAD)}, "has no 5 players who played", False),
]
"""A fault of every game of a date, what is said of it, and whether rows of them arrived."""


@pytest.mark.parametrize(("fault", "reason", "arrived"), WHOLE_DATE, ids=["no points", "empty"])
def test_a_date_of_which_no_game_can_be_used_holds_all_its_games_and_no_other(workbench, truth, fault, reason, arrived):
    bench = workbench(fault)
    report = load(bench)
    assert report.complete is arrived, "a date of which nothing arrived is closed"
    held = bench.rows(held_games.CONTRACT)
    assert set(held["game_date"]) == {BAD}
    assert len(held) == 2 * len(bench.rows(games.CONTRACT, BAD, BAD))
    assert held["reasons"].str.contains(reason, regex=False).all()
    others = truth[truth["game_date"] != BAD].reset_index(drop=True)
    pd.testing.assert_frame_equal(bench.rows(player_box_scores.CONTRACT), others, check_exact=True)
    assert reason in " ".join(report.outcome.decided), "who ran it is told"


def test_box_scores_of_games_that_no_schedule_knows_are_held(workbench):
    bench = workbench({"kind": "empty", "endpoint": "games"})
    load(bench)
    held = bench.rows(held_games.CONTRACT)
    assert set(held["game_date"]) == {FIRST, BAD, LAST}
    assert held["reasons"].str.contains("no game on the schedule of the date expects").all()
    assert dates_of(bench) == set()


def test_an_empty_schedule_never_replaces_a_good_one(workbench):
    bench = workbench({"kind": "empty", "endpoint": "games", "requests": [2]})
    assert load(bench).complete
    before = bench.rows(games.CONTRACT)
    report = load(bench)
    assert report.complete, "each game was asked for by its own id, and stands where it stood"
    pd.testing.assert_frame_equal(bench.rows(games.CONTRACT), before, check_exact=True)


def movable_game(league) -> int:
    """A game of the first date whose teams are both free on the last."""
    games_of = {day: league.games[league.games["game_date"] == day] for day in (FIRST, LAST)}
    busy = set(games_of[LAST]["home_team_id"]) | set(games_of[LAST]["visitor_team_id"])
    free = [g for g in games_of[FIRST].itertuples() if not {g.home_team_id, g.visitor_team_id} & busy]
    return int(free[0].game_id)


def test_a_postponed_game_is_not_expected(workbench):
    bench = workbench({"kind": "postponed_game", "game_date": str(BAD)})
    report = load(bench)
    assert report.complete, said(report)
    rows = bench.rows(games.CONTRACT, BAD, BAD)
    assert sorted(rows["status"]) == ["final"] * (len(rows) - 1) + ["postponed"]


def test_a_game_that_moves_after_it_was_published_is_taken_from_its_old_date(workbench, league):
    bench = workbench(now=datetime(2025, 10, 20, 15, tzinfo=UTC))
    assert bench.backfill(OPENING, OPENING, Phase.LANDING, Phase.RAW, history=False).complete
    game = movable_game(league)
    assert game in set(bench.rows(games.CONTRACT)["game_id"])
    moved = workbench({"kind": "postponed_game", "game_id": game, "rescheduled_to": str(LAST)}, name="home")
    report = load(moved)
    assert report.complete, said(report)
    rows = moved.rows(games.CONTRACT)
    mine = rows[rows["game_id"] == game]
    assert mine[["game_date", "status", "moved_to"]].to_numpy().tolist() == [
        [FIRST, "moved", LAST], [LAST, "final", None]
    ]  # fmt: skip


def test_a_correction_that_appears_later_replaces_what_was_published(workbench, truth, league):
    appears = datetime(2025, 11, 1, tzinfo=UTC)
    rule = {"kind": "stat_correction", "game_date": str(BAD), "field": "fgm", "appears_at": appears.isoformat()}
    bench = workbench(rule, now=appears - timedelta(days=1))
    report = load(bench)
    assert report.complete, said(report)
    before = bench.rows(player_box_scores.CONTRACT)
    bench.at(appears + timedelta(days=1))
    report = load(bench)
    assert report.complete, said(report)
    after = bench.rows(player_box_scores.CONTRACT)
    assert after["points"].sum() == before["points"].sum() + 2
    pd.testing.assert_frame_equal(after, truth, check_exact=True)


def test_a_late_game_is_published_when_it_is_final(workbench, truth, league):
    bench = workbench(
        {"kind": "late_final", "game_date": str(LAST), "hours": 45}, now=datetime(2025, 10, 24, 10, tzinfo=UTC)
    )
    assert not load(bench).complete, "before its deadline a game is waited for"
    assert LAST not in dates_of(bench)
    bench.at(datetime(2025, 10, 24, 14, tzinfo=UTC))
    assert load(bench).complete, "after it the game is held"
    assert LAST in dates_of(bench)
    bench.at(datetime(2025, 10, 26, 12, tzinfo=UTC))
    report = load(bench)
    assert report.complete, said(report)
    pd.testing.assert_frame_equal(bench.rows(player_box_scores.CONTRACT), truth, check_exact=True)


def test_a_date_of_which_nothing_arrived_closes_itself_and_later_dates_look_back_past_it(workbench):
    bench = workbench({"kind": "empty", "endpoint": "stats", "game_date": str(BAD)})
    later = LAST + timedelta(days=1)
    report = bench.backfill(FIRST, later)
    assert not report.complete
    assert f"no box score of {BAD} arrived before its deadline" in " ".join(report.outcome.undone)
    assert BAD not in dates_of(bench, player_game_summary.CONTRACT), "the gate is closed for the date itself"
    assert BAD not in dates_of(bench, prediction_accuracy.CONTRACT)
    assert later in dates_of(bench, player_predictions.CONTRACT)
    results = {r.game_date: r.overall for r in smoke_test(bench.gatekeeper, FIRST, LAST)}
    assert results == {FIRST: DateState.PASS, BAD: DateState.FAIL, LAST: DateState.PASS}


def test_a_derived_table_that_is_gone_never_lets_anything_flow_on(workbench):
    """The five-day incident: its inputs stand, so no deadline and no rule lets later dates pass over it."""
    bench = workbench()
    assert bench.backfill(FIRST, BAD).complete
    with duckdb.connect(str(bench.settings.warehouse_path)) as connection:
        connection.execute(f"DELETE FROM analytics.player_game_summary WHERE game_date = '{BAD}'")
    report = bench.backfill(LAST, LAST, Phase.LANDING, Phase.RAW, Phase.PRECOMPUTE, Phase.PREDICTIONS, history=False)
    assert not report.complete
    assert LAST not in dates_of(bench, player_daily_cache.CONTRACT)
    assert LAST not in dates_of(bench, player_predictions.CONTRACT)
