"""A game whose numbers are wrong or absent is held, and reaches its two teams and who meets them, and nothing else."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from nba_pipeline.analytics import player_game_summary, team_defense_game_summary, team_offense_game_summary
from nba_pipeline.contracts import Phase
from nba_pipeline.decisions.game_decisions import GameDecision, Ruling, record_decision
from nba_pipeline.gates.rules import gate_named
from nba_pipeline.gates.verdicts import State as GateState
from nba_pipeline.grades import prediction_accuracy
from nba_pipeline.league.faults import FAULTS
from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.monitoring.smoke_test import DateState, smoke_test
from nba_pipeline.precompute import player_daily_cache
from nba_pipeline.predictions import player_predictions
from nba_pipeline.raw import games, held_games, player_box_scores
from nba_pipeline.warehouse.operations_tables import QUARANTINE
from nba_pipeline_tests.support.workbench import OPENING, Workbench

FIRST, BAD, LAST = OPENING, OPENING + timedelta(days=1), OPENING + timedelta(days=3)
STARS = OPENING + timedelta(days=2)

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


@pytest.fixture(scope="module")
def broken(league: League, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """Four dates, loaded with everything that follows, on the second of which all games but one are broken."""
    rules = [{**fault, "game_date": str(BAD), "index": n} for n, (fault, _) in enumerate(FAULTY)]
    rules.append({"kind": "unusual_game", "game_date": str(STARS), "what": "all_star"})
    now = datetime(2025, 11, 12, 15, tzinfo=UTC)
    with LeagueServer(league, now=now, faults=FAULTS.validate_python(rules)) as server:
        bench = Workbench(tmp_path_factory.mktemp("broken") / "home", server, now)
        report = bench.backfill(FIRST, LAST)
        assert report.complete, [attempt.failures for attempt in report.attempts]
        yield bench


def games_of(league: League) -> pd.DataFrame:
    return league.games[league.games["game_date"] == BAD].sort_values("game_id").reset_index(drop=True)


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
    held = set(games_of(league)["game_id"][: len(FAULTY)])
    others = truth[~((truth["game_date"] == BAD) & truth["game_id"].isin(held))].reset_index(drop=True)
    pd.testing.assert_frame_equal(broken.rows(player_box_scores.CONTRACT), others, check_exact=True)


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
    accept = GameDecision(BAD, game, Ruling.ACCEPT, {}, "Ann", "the row is nobody's", None, datetime(2025, 11, 12))
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
