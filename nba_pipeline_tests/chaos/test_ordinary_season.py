"""What a season's replay says of predictions without a mark is told from the rules, and can fail."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from nba_pipeline_tests.chaos.ordinary_season import Played, calendar, elsewhere, played_within, unmarked, unseen

FIRST = date(2023, 11, 1)
MINE, OTHER, ELSEWHERE = 1, 2, 3


def tip(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 23, 30, tzinfo=UTC)


def league() -> Any:
    """A team that plays every other day against another, and once against a third, on the last day."""
    days = [FIRST + timedelta(days=n) for n in range(0, 12, 2)]
    rows = [
        {"game_id": n, "game_date": day, "tipoff_at": pd.Timestamp(tip(day)), "home_team_id": MINE,
         "visitor_team_id": ELSEWHERE if day == days[-1] else OTHER}
        for n, day in enumerate(days)
    ]  # fmt: skip
    return SimpleNamespace(games=pd.DataFrame(rows))


def found(rule: dict, tier: str = "gold", *, hour: int = 12) -> list[str]:
    """What is found of predictions of the last game, made on its morning at an hour of UTC."""
    games = league().games
    last = games.iloc[-1]
    made = {
        "game_date": last["game_date"], "game_id": int(last["game_id"]), "player_id": 7, "quality_tier": tier,
        "made_at": datetime(2023, 11, 11, hour),
    }  # fmt: skip
    days = [FIRST + timedelta(days=n) for n in range(11)]
    return unmarked(pd.DataFrame([made]), [rule], league(), days)


NEVER_THERE = [
    {"kind": "wrong_score", "game_id": 2},
    {"kind": "missing_players", "game_id": 4},
    {"kind": "missing_game", "game_id": 4, "appears_at": "2023-11-11T18:00:00+00:00"},
    {"kind": "late_final", "game_id": 4, "hours": 40.0},
    {"kind": "silent_days", "since": "2023-11-10T05:00:00+00:00", "until": "2023-11-12T05:00:00+00:00"},
]


@pytest.mark.parametrize("rule", NEVER_THERE, ids=lambda rule: rule["kind"])
def test_a_prediction_without_a_mark_is_found_where_a_game_cannot_have_counted(rule):
    assert len(found(rule)) == 1
    assert "1 players in game 5 of 2023-11-11" in found(rule)[0]
    assert found(rule, "poor") == []


@pytest.mark.parametrize("rule", NEVER_THERE[2:4], ids=lambda rule: rule["kind"])
def test_what_came_before_the_prediction_needs_no_mark(rule):
    assert found(rule, hour=19) == []


@pytest.mark.parametrize("rule", [
    {"kind": "stat_correction", "game_id": 4, "field": "ast", "appears_at": "2023-11-12T17:00:00+00:00"},
    {"kind": "undecided_tip_off", "game_date": "2023-11-09", "whole_date": True},
    {"kind": "postponed_game", "game_id": 4, "announced_at": "2023-11-09T20:00:00+00:00",
     "rescheduled_to": "2023-11-11", "rescheduled_at": "2023-11-10T17:00:00+00:00"},
], ids=lambda rule: rule["kind"])  # fmt: skip
def test_a_game_that_counts_or_is_not_played_yet_needs_no_mark(rule):
    assert found(rule) == []


def test_a_game_that_was_moved_beyond_the_days_is_not_expected_of_them_and_one_within_is():
    days = [FIRST + timedelta(days=n) for n in range(12)]
    rows = pd.DataFrame({"game_id": [0, 2], "player_id": 7})

    def left(day: str) -> list[int]:
        moved = {"kind": "moved_game", "game_id": 2, "moved_to": day}
        return played_within(rows, calendar(league(), [moved], days), [moved], days[-1])["game_id"].tolist()

    assert left("2023-12-05") == [0]
    assert left("2023-11-12") == [0, 2]


def test_a_game_that_no_answer_lists_until_after_the_days_is_not_asked_for():
    days = [FIRST + timedelta(days=n) for n in range(6)]
    rows = pd.DataFrame({"game_id": [0, 2], "player_id": 7})

    def left(appears_at: str) -> list[int]:
        missing = {"game_id": 2, "kind": "missing_game", "appears_at": appears_at}
        return played_within(rows, calendar(league(), [missing], days), [missing], days[-1])["game_id"].tolist()

    assert left("2023-11-06T17:00:00+00:00") == [0]
    assert left("2023-11-05T17:00:00+00:00") == [0, 2]


def test_only_who_is_on_the_roster_of_a_team_that_does_not_play_the_game_is_elsewhere():
    games = calendar(league(), [], [FIRST])
    rosters = pd.DataFrame({"game_date": FIRST, "player_id": [7, 8, 9], "team_id": [MINE, OTHER, ELSEWHERE]})
    rosters = rosters.assign(team=["AAA", "BBB", "CCC"])
    assert elsewhere(rosters, games) == {(0, 9): "CCC"}
    assert elsewhere(rosters.assign(game_date=FIRST + timedelta(days=1)), games) == {}


def test_who_has_not_played_and_is_on_no_roster_is_unseen_until_his_first_game():
    days = [FIRST + timedelta(days=n) for n in range(6)]
    box = pd.DataFrame({"game_id": [0, 1], "player_id": 7})
    moved = {"game_id": 0, "kind": "moved_game", "moved_to": str(days[-1])}
    games = calendar(league(), [moved], days)
    of_second = games.loc[games["game_id"] == 1, "game_date"].item()
    nobody = pd.DataFrame({"game_date": [], "player_id": []})
    assert {game for game, _ in unseen(box, nobody, games)} == {*games.loc[games["game_date"] <= of_second, "game_id"]}
    assert (1, 7) not in unseen(box, pd.DataFrame({"game_date": [of_second], "player_id": [7]}), games)


def test_a_replay_goes_on_where_an_earlier_call_has_ended(tmp_path):
    played = Played.so_far(tmp_path / "played.json", "a week")
    assert (played.days, played.moments, played.stood, played.cursors) == (0, 0, {}, {})
    played.days, played.moments = 3, 2
    played.stood[FIRST] = datetime(2023, 11, 2, 8, 30, tzinfo=UTC)
    played.cursors |= {"self_heal": "{}", "alerts": None}
    played.keep()
    assert Played.so_far(tmp_path / "played.json", "a week") == played
    with pytest.raises(ValueError, match="begun with a week, and not with a month: name another --home"):
        Played.so_far(tmp_path / "played.json", "a month")
