"""The windows that look back on a held game lack it, and no other window does."""

from datetime import date, timedelta

import ibis
import pandas as pd
import pytest

from nba_pipeline.precompute.window_completeness import COLUMNS, is_complete, with_windows

DAY = date(2026, 1, 20)


def played(team: int, *days_ago: int, season: int = 2025) -> list[dict]:
    return [
        {"season": season, "game_date": DAY - timedelta(days=n), "game_id": 1000 * team + n, "team_id": team}
        for n in days_ago
    ]


def windows(history: list[dict], held: list[dict], team: int = 1) -> dict:
    spine = pd.DataFrame(
        [{"game_date": DAY, "game_id": 9, "player_id": p, "season": 2025, "team_id": team} for p in (1, 2)]
    )
    rulings = pd.DataFrame([{**row, "state": "held"} for row in held] or [{**played(99, 500)[0], "state": "accepted"}])
    found = with_windows(ibis.memtable(spine), ibis.memtable(pd.DataFrame(history)), ibis.memtable(rulings))
    found = found.mutate(complete=is_complete(found.window_completeness))
    rows = ibis.duckdb.connect().to_pandas(found)
    assert len(rows) == 2, "one row a player, as before"
    return rows.iloc[0].to_dict()


def test_without_a_held_game_nothing_is_missing():
    row = windows(played(1, *range(2, 30, 2)), [])
    assert row["games_expected_last_5"] == 5
    assert row["games_expected_last_10"] == 10
    assert row["games_expected_last_7_days"] == 3
    assert row["games_expected_last_14_days"] == 7
    assert {row[f"games_missing_{name}"] for name in ("last_5", "last_10", "last_7_days", "last_14_days")} == {0}
    assert row["window_completeness"] == 1
    assert row["complete"]


def test_a_held_game_is_expected_and_missing_in_the_windows_that_hold_it():
    history = played(1, *(n for n in range(2, 30, 2) if n != 12))
    row = windows(history, played(1, 12))
    missing = [row[f"games_missing_{name}"] for name in ("last_5", "last_10", "last_7_days", "last_14_days")]
    assert missing == [0, 1, 0, 1]
    assert row["games_expected_last_14_days"] == 7
    assert row["window_completeness"] == pytest.approx(6 / 7)
    assert not row["complete"]


def test_one_of_ten_is_still_complete():
    history = played(1, *(n for n in range(1, 40, 3) if n != 28))
    row = windows(history, played(1, 28))
    assert row["games_missing_last_10"] == 1
    assert row["window_completeness"] == pytest.approx(0.9)
    assert row["complete"]


def test_a_held_game_of_another_team_or_one_that_was_accepted_is_not_missing():
    assert windows(played(1, 2, 4, 6), played(2, 3))["window_completeness"] == 1


def test_before_the_first_game_nothing_is_expected_and_nothing_missing():
    row = windows(played(2, 3), [])
    assert row["games_expected_last_10"] == 0
    assert row["complete"]


def test_the_columns_are_those_of_the_contract():
    row = windows(played(1, 2, 4), [])
    assert {column.name for column in COLUMNS} <= set(row)
