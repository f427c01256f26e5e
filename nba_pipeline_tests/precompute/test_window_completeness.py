"""The windows that look back on a game that is in no history lack it, whatever the reason, and no other window does."""

from datetime import date, timedelta

import ibis
import pandas as pd
import pytest

from nba_pipeline.precompute.calculations.window_completeness import (
    COLUMNS,
    WINDOWS,
    expected_games,
    is_complete,
    with_windows,
)
from nba_pipeline.precompute.team_defense_zone_analysis import missing_states
from nba_pipeline.raw import games as raw_games

DAY = date(2026, 1, 20)
MINE, OTHERS = 1, 99


def game(days_ago: int, team: int = MINE, opponent: int = OTHERS, *, status: str = "final", season: int = 2025) -> dict:
    """A game on the schedule, of a team at home."""
    return {
        "game_date": DAY - timedelta(days=days_ago), "game_id": 1000 * team + days_ago, "season": season,
        "status": status, "period": 4, "postseason": False, "home_team_id": team, "home_team": f"T{team}",
        "visitor_team_id": opponent, "visitor_team": f"T{opponent}",
    }  # fmt: skip


def on(*days_ago: int, **changes) -> list[dict]:
    return [game(n, **changes) for n in days_ago]


def schedule_of(games: list[dict]) -> ibis.Table:
    table = raw_games.CONTRACT
    return ibis.memtable(pd.DataFrame(games, columns=table.schema.names).astype(object), schema=table.schema)


def history_of(games: list[dict], *without: int) -> ibis.Table:
    """The team's history of the games but for those of some days ago."""
    lacking = {DAY - timedelta(days=n) for n in without}
    rows = [
        {"season": row["season"], "game_date": row["game_date"], "game_id": row["game_id"], "team_id": row[side]}
        for row in games
        if row["game_date"] not in lacking
        for side in ("home_team_id", "visitor_team_id")
    ]
    types = {"season": "int64", "game_date": "date", "game_id": "int64", "team_id": "int64"}
    return ibis.memtable(pd.DataFrame(rows, columns=list(types)), schema=types)


def listings(*of: tuple[int, int]) -> ibis.Table:
    """When player 1 was listed, in days ago, and for which team."""
    rows = [{"season": 2025, "game_date": DAY - timedelta(days=n), "player_id": 1, "team_id": team} for n, team in of]
    types = {"season": "int64", "game_date": "date", "player_id": "int64", "team_id": "int64"}
    return ibis.memtable(pd.DataFrame(rows, columns=list(types)), schema=types)


def windows(
    games: list[dict],
    *without: int,
    team: int = MINE,
    opponent: int = OTHERS,
    listed: tuple[tuple[int, int], ...] = (),
    player: int = 1,
) -> dict:
    """The windows of a player of the team on the day, where history lacks the games of some days ago."""
    spine = [
        {"game_date": DAY, "game_id": 9, "player_id": each, "season": 2025, "team_id": team, "opponent_id": opponent}
        for each in (1, 2)
    ]
    found = with_windows(
        ibis.memtable(pd.DataFrame(spine)), schedule_of(games), history_of(games, *without), listings(*listed)
    )
    found = found.mutate(complete=is_complete(found.window_completeness))
    rows = ibis.duckdb.connect().to_pandas(found)
    assert len(rows) == 2, "one row a player, as before"
    return rows.set_index("player_id").loc[player].to_dict()


def missing(row: dict) -> list[int]:
    return [row[f"games_missing_{name}"] for name in ("last_5", "last_10", "last_7_days", "last_14_days")]


EVERY_OTHER_DAY = on(*range(2, 30, 2))


def test_where_history_has_what_the_schedule_expects_nothing_is_missing():
    row = windows(EVERY_OTHER_DAY)
    assert row["games_expected_last_5"] == 5
    assert row["games_expected_last_10"] == 10
    assert row["games_expected_last_7_days"] == 3
    assert row["games_expected_last_14_days"] == 7
    assert missing(row) == [0, 0, 0, 0]
    assert row["window_completeness"] == 1
    assert row["complete"]


@pytest.mark.parametrize("status", ["final", "scheduled", "in_progress", "suspended"])
def test_a_game_that_is_in_no_history_is_missing_whatever_the_schedule_last_said_of_it(status):
    """A held game is final; one of a silent date or a known gap may stand as it did before; nothing else says so."""
    games = [*on(*(n for n in range(2, 30, 2) if n != 12)), game(12, status=status)]
    row = windows(games, 12)
    assert missing(row) == [0, 1, 0, 1]
    assert row["games_expected_last_14_days"] == 7
    assert row["window_completeness"] == pytest.approx(6 / 7)
    assert not row["complete"]


@pytest.mark.parametrize("status", ["postponed", "moved", "cancelled", "exhibition", "undecided"])
def test_nothing_is_expected_of_a_game_that_is_off(status):
    row = windows([*on(2, 4, 6), game(3, status=status)], 3)
    assert row["games_expected_last_10"] == 3
    assert row["window_completeness"] == 1


def test_a_whole_date_that_was_given_up_is_missing_for_all_who_played_on_it():
    """Of a known gap there is no box score, and no held game either."""
    games = [*EVERY_OTHER_DAY, *on(2, 4, 6, 8, team=3, opponent=4)]
    of_gap = [windows(games, 4, team=team)["games_missing_last_5"] for team in (MINE, OTHERS, 3, 4)]
    assert of_gap == [1, 1, 1, 1]
    assert missing(windows([*EVERY_OTHER_DAY, *on(3, team=3, opponent=4)], 3)) == [0, 0, 0, 0]


def test_the_second_night_lacks_a_held_game_of_the_first():
    row = windows(on(1, 4, 6, 9, 12), 1)
    assert missing(row) == [1, 1, 1, 1]
    assert row["games_expected_last_7_days"] == 3
    assert row["window_completeness"] == pytest.approx(2 / 3)


def test_an_opponent_that_lacks_a_game_is_told_beside_the_own_windows():
    games = [*EVERY_OTHER_DAY, *on(3, 5, team=3, opponent=4)]
    row = windows(games, 3, opponent=3)
    assert row["window_completeness"] == 1
    assert row["opponent_window_completeness"] == pytest.approx(0.5)
    assert windows(games, 3, opponent=OTHERS)["opponent_window_completeness"] == 1


OLD = 3
"""The team that player 1 came from."""

TRADED = ((17, OLD), (15, OLD), (9, OLD), (4, MINE), (2, MINE))


def test_a_game_that_is_missing_of_the_team_that_he_came_from_is_missing_for_him_alone():
    games = [*EVERY_OTHER_DAY, *on(17, 15, 9, 7, team=OLD, opponent=4)]
    row = windows(games, 7, listed=TRADED)
    assert missing(row) == [1, 1, 1, 1]
    assert [row[f"games_expected_{name}"] for name in ("last_5", "last_10")] == [5, 10]
    assert row["games_expected_last_7_days"] == 4
    assert row["window_completeness"] == pytest.approx(3 / 4)
    assert missing(windows(games, 7, listed=TRADED, player=2)) == [0, 0, 0, 0]


def test_what_his_old_team_lacks_since_he_left_or_from_before_his_windows_is_not_his():
    games = [*EVERY_OTHER_DAY, *on(27, 17, 15, 9, 3, team=OLD, opponent=4)]
    assert missing(windows(games, 3, listed=TRADED)) == [0, 0, 0, 0]
    often = ((28, OLD), *((n, MINE) for n in range(26, 0, -2)))
    assert missing(windows(games, 27, listed=often)) == [0, 0, 0, 0]


def test_what_is_missing_here_and_there_adds_up():
    games = [*on(*(n for n in range(2, 30, 2) if n != 20)), game(20), *on(9, 7, team=OLD, opponent=4)]
    row = windows(games, 7, 20, listed=TRADED)
    assert row["games_missing_last_10"] == 2
    assert row["games_expected_last_10"] == 10


def test_one_of_ten_is_still_complete():
    row = windows(on(*range(1, 40, 3)), 28)
    assert row["games_missing_last_10"] == 1
    assert row["window_completeness"] == pytest.approx(0.9)
    assert row["complete"]


def test_before_the_first_game_nothing_is_expected_and_nothing_missing():
    row = windows(on(3, team=2, opponent=3))
    assert row["games_expected_last_10"] == 0
    assert row["complete"]


def test_nothing_is_missing_of_the_season_before():
    row = windows([*on(200, season=2024), *on(2, 4)], 200)
    assert missing(row) == [0, 0, 0, 0]
    assert row["games_expected_last_10"] == 2


def test_a_defence_lacks_the_same_games():
    games = EVERY_OTHER_DAY
    states = missing_states(schedule_of(games), history_of(games, 12, 2))
    states = states.filter(states.team_id == MINE, states.as_of_season == 2025).order_by("known_from")
    assert ibis.duckdb.connect().to_pandas(states)["games_missing"].tolist() == [0] * 8 + [1] * 5 + [2]


def test_each_game_of_the_schedule_is_expected_once_a_team():
    games = EVERY_OTHER_DAY
    rows = ibis.duckdb.connect().to_pandas(expected_games(schedule_of(games), history_of(games, 2)))
    assert len(rows) == 2 * len(games)
    assert rows["missing"].sum() == 2


def test_the_columns_are_those_of_the_contract():
    row = windows(on(2, 4))
    assert {column.name for column in COLUMNS} <= set(row)
    assert len(WINDOWS) == 4
