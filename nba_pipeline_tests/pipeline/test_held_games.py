"""A game that is broken, or that the calendar has wrong, reaches its two teams and who meets them, and nothing else."""

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pandas as pd
import pytest

from nba_pipeline.analytics import (
    player_game_summary,
    team_defense_game_summary,
    team_offense_game_summary,
    upcoming_player_game_context,
)
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.contracts import Phase
from nba_pipeline.dagster_internals.event_log import completed_evaluations
from nba_pipeline.decisions.game_decisions import GameDecision, Ruling, record_decision
from nba_pipeline.gates.rules import gate_named, last_table
from nba_pipeline.gates.verdicts import State as GateState
from nba_pipeline.gates.verdicts import Verdict
from nba_pipeline.grades import prediction_accuracy
from nba_pipeline.league.faults import FAULTS
from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.monitoring.smoke_test import DateState, smoke_test
from nba_pipeline.operations.runs import instance_of
from nba_pipeline.precompute import ml_feature_store, player_daily_cache
from nba_pipeline.predictions import player_predictions
from nba_pipeline.predictions.player_predictions import modes
from nba_pipeline.raw import games, held_games, player_box_scores
from nba_pipeline.warehouse.operations_tables import QUARANTINE
from nba_pipeline_tests.support.workbench import OPENING, Workbench

FIRST, BAD, LAST = OPENING, OPENING + timedelta(days=1), OPENING + timedelta(days=3)
STARS = OPENING + timedelta(days=2)
TODAY, LATER = OPENING + timedelta(days=4), OPENING + timedelta(days=6)
PRESEASON = date(2025, 10, 10)

EARLY = datetime(2025, 10, 22, 12, tzinfo=UTC)
ANNOUNCED = EARLY + timedelta(hours=3)
NOW = datetime(2025, 10, 25, 15, tzinfo=UTC)
"""An hour before the earliest tip-off that there can be today."""

FAULTY = [
    ({"kind": "missing_game", "absent_from": ["stats"]}, "has no 5 players who played"),
    ({"kind": "missing_game", "absent_from": ["games"]}, "no game on the schedule of the date expects"),
    ({"kind": "missing_players", "count": 1}, "points sum to the score: players of"),
    ({"kind": "late_final", "hours": 24 * 60}, "is in_progress (4th Qtr), not final"),
    ({"kind": "late_final", "hours": 24 * 60, "served_as": "final_incomplete"}, "points sum to the score"),
    ({"kind": "null_player"}, "player"),
    ({"kind": "wrong_score"}, "points sum to the score: players of"),
    ({"kind": "stat_value", "field": "pf", "value": 7}, "personal_fouls is outside 0 to 6 fouls"),
    ({"kind": "player_on_both_teams"}, "more than one row per game_date, game_id, player_id"),
]
"""A fault of one game each, and what is said of it: the first games of the bad date, by place; the last one is well."""


def about(kind: str, day: date, index: int = 0, **said: object) -> dict[str, object]:
    return {"kind": kind, "game_date": str(day), "index": index, **said}


CALENDAR = [
    about("moved_game", STARS, 0, moved_to=str(LAST), announced_at=ANNOUNCED.isoformat()),
    about("withdrawn_game", STARS, 3, listed_as="scheduled", withdrawn_at=ANNOUNCED.isoformat()),
    about("withdrawn_game", LAST, 0),
    about("withdrawn_game", LAST, 1, teams_known=False),
    about("undecided_game", TODAY, 0, teams_known=False, decided_at=(NOW + timedelta(hours=5)).isoformat()),
    {"kind": "undecided_tip_off", "game_date": str(TODAY), "whole_date": True},
    about("stray_game", STARS, 1, also_on=str(LAST), carried_by=["stats"]),
    about("stray_game", LATER, 0, also_on=str(LAST), carried_by=["games"]),
    {"kind": "unusual_game", "game_date": str(STARS), "what": "all_star"},
    {"kind": "unusual_game", "game_date": str(PRESEASON), "what": "preseason"},
]
"""What the calendar of the same days has wrong."""


@pytest.fixture(scope="module")
def broken(league: League, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """Four dates and today, with everything that follows; on the second all games but one are broken.

    The schedule of the third was loaded on the day before too: what leaves it later was known.
    """
    rules = [about(**fault, day=BAD, index=n) for n, (fault, _) in enumerate(FAULTY)]
    with LeagueServer(league, now=EARLY, faults=FAULTS.validate_python([*rules, *CALENDAR])) as server:
        bench = Workbench(tmp_path_factory.mktemp("broken") / "home", server, EARLY)
        known = bench.backfill(STARS, STARS, Phase.LANDING, Phase.RAW, history=False)
        bench.at(NOW)
        report = bench.backfill(FIRST, TODAY)
        for loaded in (known, report):
            assert loaded.complete, [attempt.failures for attempt in loaded.attempts]
        yield bench


def games_of(league: League, day: date = BAD) -> pd.DataFrame:
    return league.games[league.games["game_date"] == day].sort_values("game_id").reset_index(drop=True)


def game_at(league: League, day: date, place: int) -> int:
    return int(games_of(league, day)["game_id"][place])


@pytest.mark.parametrize(("place", "reason"), list(enumerate(reason for _, reason in FAULTY)))
def test_each_kind_of_broken_game_is_held_with_its_reason(broken, league, place, reason):
    game = int(games_of(league)["game_id"][place])
    rows = broken.rows(held_games.CONTRACT)
    mine = rows[rows["game_id"] == game]
    assert len(mine) == 2, "both teams"
    assert set(mine["state"]) == {"held"}
    assert set(mine["decided_by"]) == {held_games.BY_RULE}
    assert reason in mine["reasons"].iloc[0]


def test_the_other_games_of_the_dates_are_published_as_they_are(broken, season_start, league):
    truth = season_start.rows(player_box_scores.CONTRACT, FIRST, LAST)
    gone = {*games_of(league)["game_id"][: len(FAULTY)], *never_played(league), moved := game_at(league, STARS, 0)}
    others = truth[~truth["game_id"].isin(gone)].reset_index(drop=True)
    published = broken.rows(player_box_scores.CONTRACT)
    published = published[published["game_id"] != moved].reset_index(drop=True)
    pd.testing.assert_frame_equal(published, others, check_exact=True)


def test_the_rows_of_a_held_game_are_in_quarantine_with_the_reason(broken, league):
    with broken.warehouse.session(read_only=True) as session:
        rows = session.query(session.read(QUARANTINE)).to_pandas()
    game = int(games_of(league)["game_id"][2])
    mine = rows[rows["reason"].str.startswith(f"game {game} is held: ")]
    assert len(mine) > 15
    assert set(mine["table_name"]) == {held_games.CONTRACT.name}


def test_a_held_game_is_in_no_statistic_and_in_no_grade(broken, league):
    held = set(games_of(league)["game_id"][: len(FAULTY)])
    for table in (player_game_summary, team_offense_game_summary, team_defense_game_summary, prediction_accuracy):
        rows = broken.rows(table.CONTRACT)
        assert {BAD, LAST} <= set(rows["game_date"]), table.CONTRACT.name
        assert held.isdisjoint(rows["game_id"]), table.CONTRACT.name


def test_the_date_passes_and_says_which_games_are_held_and_what_to_do(broken, league):
    first, bad, *_, last = smoke_test(broken.gatekeeper, FIRST, LAST)
    assert {first.overall, bad.overall, last.overall} == {DateState.PASS}
    said = " ".join(bad.decided)
    assert "raw_to_analytics is degraded" in said
    for game in games_of(league)["game_id"][: len(FAULTY)]:
        assert f"game {game} of " in said
        assert f"nba-pipeline game show {game}" in said
    assert not first.decided
    assert not last.decided


def test_the_gate_of_the_bad_date_alone_is_degraded(broken):
    keeper = broken.gatekeeper
    with broken.warehouse.session(read_only=True) as session:
        gate = gate_named("raw_to_analytics")
        found = keeper.verdicts(keeper.evidence(session), gate, [FIRST, BAD, LAST])
    assert [found[day].state for day in (FIRST, BAD, LAST)] == [GateState.OPEN, GateState.DEGRADED, GateState.OPEN]


def test_a_game_of_all_stars_does_not_count(broken, season_start):
    schedule, twin = (bench.rows(games.CONTRACT, STARS, STARS) for bench in (broken, season_start))
    (stars,) = schedule[~schedule["game_id"].isin(twin["game_id"])].to_dict("records")
    assert stars["status"] == games.EXHIBITION
    for table in (player_box_scores, held_games, player_game_summary, player_daily_cache, player_predictions):
        assert stars["game_id"] not in set(broken.rows(table.CONTRACT, STARS, STARS)["game_id"]), table.CONTRACT.name


# what the calendar has wrong


def never_played(league: League) -> list[int]:
    """The game that was withdrawn, and the two that are undecided for good."""
    return [game_at(league, STARS, 3), game_at(league, LAST, 0), game_at(league, LAST, 1)]


MADE_OF_A_GAME = (
    player_box_scores, held_games, player_game_summary, team_offense_game_summary, team_defense_game_summary,
    upcoming_player_game_context, ml_feature_store, player_predictions, prediction_accuracy,
)  # fmt: skip


def dates_by_table(bench: Workbench, game: int) -> dict[str, set[date]]:
    """On which dates a game stands in each table; tables that have nothing of it are left out."""
    rows = {table.CONTRACT.name: bench.rows(table.CONTRACT) for table in MADE_OF_A_GAME}
    found = {name: set(each[each["game_id"] == game]["game_date"]) for name, each in rows.items()}
    return {name: days for name, days in found.items() if days}


def states(bench: Workbench, game: int) -> dict[date, str]:
    schedule = bench.rows(games.CONTRACT)
    mine = schedule[schedule["game_id"] == game]
    return dict(zip(mine["game_date"], mine["status"], strict=True))


def verdict_of(bench: Workbench, day: date) -> Verdict:
    with bench.warehouse.session(read_only=True) as session:
        keeper = bench.gatekeeper
        return keeper.verdicts(keeper.evidence(session), gate_named("raw_to_analytics"), [day])[day]


def test_a_moved_game_counts_on_its_new_date_and_there_alone_through_analytics_and_grades(broken, league):
    game = game_at(league, STARS, 0)
    assert states(broken, game) == {STARS: "moved", LAST: "final"}
    made = {table.CONTRACT.name for table in MADE_OF_A_GAME} - {held_games.CONTRACT.name}
    assert dates_by_table(broken, game) == {name: {LAST} for name in made}
    listed = broken.rows(player_box_scores.CONTRACT, LAST, LAST)
    assert (listed["game_id"] == game).sum() == (league.box["game_id"] == game).sum()


def test_a_withdrawn_game_is_cancelled_and_leaves_the_others_of_its_date_alone(broken, league):
    assert states(broken, game_at(league, STARS, 3)) == {STARS: "cancelled"}
    others = set(games_of(league, STARS)["game_id"][1:3])
    for table in (player_box_scores, player_game_summary):
        assert set(broken.rows(table.CONTRACT, STARS, STARS)["game_id"]) == others, table.CONTRACT.name


@pytest.mark.parametrize("place", range(3), ids=["withdrawn", "never decided", "nobody knows who"])
def test_of_a_game_that_is_never_played_nothing_is_made(broken, league, place):
    assert dates_by_table(broken, never_played(league)[place]) == {}


def test_an_undecided_game_is_off_when_its_date_is_over_and_closes_nothing(broken, league):
    for game in never_played(league)[1:]:
        assert states(broken, game) == {LAST: "undecided"}
    assert verdict_of(broken, LAST).state is GateState.OPEN


def test_an_undecided_game_to_come_is_waited_for_and_the_others_of_its_date_are_predicted(broken, league):
    game, *others = games_of(league, TODAY)["game_id"]
    assert states(broken, game) == {TODAY: "undecided"}
    assert dates_by_table(broken, game) == {}
    assert set(broken.rows(player_predictions.CONTRACT, TODAY, TODAY)["game_id"]) == set(others)


def test_games_with_a_placeholder_tip_off_are_named_and_predicted_live_until_the_stated_hour(broken, league):
    undecided, *others = games_of(league, TODAY)["game_id"]
    verdict = verdict_of(broken, TODAY)
    [said] = verdict.reasons
    assert verdict.state is GateState.DEGRADED
    assert all(f"game {game} of " in said for game in others)
    assert f"game {undecided} of" not in said
    assert "before 16:00 UTC of the date is live" in said
    assert set(broken.rows(player_predictions.CONTRACT, TODAY, TODAY)["mode"]) == {"live"}
    schedule = broken.rows(games.CONTRACT, TODAY, TODAY)
    early, late = (set(modes(schedule, NOW + timedelta(minutes=minutes))) for minutes in (59, 60))
    assert (early, late) == ({"live"}, {"backtest"})


def test_what_is_said_of_games_to_come_stands_on_the_check_of_the_gate_before_they_begin(broken):
    gate = gate_named("raw_to_analytics")
    key = dg.AssetCheckKey(asset_key(last_table(gate, all_tables())), gate.check_name)
    with instance_of(broken.settings) as instance:
        [newest] = completed_evaluations(instance, key, str(TODAY), 1)
    assert newest.evaluation is not None
    assert not newest.evaluation.passed
    assert verdict_of(broken, TODAY).reasons[0] in str(newest.evaluation.metadata["reasons"].value)


def test_a_preseason_game_against_a_club_from_abroad_counts_for_nothing(broken):
    [game] = broken.rows(games.CONTRACT, PRESEASON, PRESEASON).to_dict("records")
    assert game["status"] == games.EXHIBITION
    assert dates_by_table(broken, game["game_id"]) == {}
    assert verdict_of(broken, PRESEASON).state is GateState.OPEN


@pytest.mark.parametrize(("day", "place", "source"), [(STARS, 1, "stats"), (LATER, 0, "games")])
def test_a_stray_item_is_named_and_lands_nowhere(broken, league, day, place, source):
    game = game_at(league, day, place)
    with broken.warehouse.session(read_only=True) as session:
        set_aside = session.query(session.read(QUARANTINE)).to_pandas()["reason"]
    named = f"/{source} answered with game {game} of {day}, which is left out"
    assert set_aside.str.contains(named, regex=False).any()
    assert game not in set(broken.rows(games.CONTRACT, LAST, LAST)["game_id"])
    assert all(LAST not in days for days in dates_by_table(broken, game).values())


# before and after the deadline


def load_raw(bench: Workbench):
    return bench.backfill(BAD, BAD, Phase.LANDING, Phase.RAW, history=False)


def test_a_broken_game_is_waited_for_until_the_deadline_then_held_and_released_when_whole(workbench, season_start):
    appears = datetime(2025, 10, 25, 12, tzinfo=UTC)
    rule = {"kind": "missing_players", "game_date": str(BAD), "count": 2, "appears_at": appears.isoformat()}
    bench = workbench(rule, now=datetime(2025, 10, 23, 10, 30, tzinfo=UTC))
    report = load_raw(bench)
    assert not report.complete
    assert bench.rows(held_games.CONTRACT).empty
    assert bench.rows(player_box_scores.CONTRACT).empty
    bench.at(datetime(2025, 10, 23, 11, tzinfo=UTC))
    assert load_raw(bench).complete
    assert bench.rows(held_games.CONTRACT)["game_id"].nunique() == 1
    assert not bench.rows(player_box_scores.CONTRACT).empty
    bench.at(appears + timedelta(hours=1))
    assert load_raw(bench).complete
    assert bench.rows(held_games.CONTRACT).empty
    truth = season_start.rows(player_box_scores.CONTRACT, BAD, BAD)
    pd.testing.assert_frame_equal(bench.rows(player_box_scores.CONTRACT), truth, check_exact=True)


def test_a_person_accepts_a_game_without_the_row_that_cannot_be_read(broken, league, tmp_path):
    place = next(n for n, (fault, _) in enumerate(FAULTY) if fault["kind"] == "null_player")
    game = int(games_of(league)["game_id"][place])
    shutil.copytree(broken.home, tmp_path / "home")
    mine = Workbench(tmp_path / "home", broken.server, broken.settings.now)
    accept = GameDecision(BAD, game, Ruling.ACCEPT, {}, "Ann", "the row is nobody's", None, NOW.replace(tzinfo=None))
    with mine.warehouse.session() as session:
        record_decision(session, accept)
    report = mine.backfill(BAD, BAD, Phase.RAW, history=False)
    assert report.complete, [attempt.failures for attempt in report.attempts]
    rulings = mine.rows(held_games.CONTRACT)
    assert set(rulings[rulings["game_id"] == game]["state"]) == {held_games.ACCEPTED}
    listed = league.box[league.box["game_id"] == game]
    published = mine.rows(player_box_scores.CONTRACT)
    assert (published["game_id"] == game).sum() == len(listed) - 1
    others = rulings[rulings["game_id"] != game]
    assert set(others["state"]) == {held_games.HELD}


def test_a_game_in_two_columns_of_dates_is_judged_by_its_own_date(broken):
    schedule = broken.rows(games.CONTRACT, BAD, BAD)
    held = broken.rows(held_games.CONTRACT)
    assert set(held["game_date"]) == {BAD}
    assert len(schedule) == len(FAULTY), "one of ten games is on no schedule"
