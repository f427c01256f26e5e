"""A home with games that wait for a person: one broken, one on two dates, one nobody scheduled."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from nba_pipeline.raw import games, player_box_scores
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline.warehouse.operations_tables import QUARANTINE

DAY, MOVED_TO = date(2026, 1, 14), date(2026, 3, 2)
NOW = datetime(2026, 1, 15, 18, tzinfo=UTC)
WHOLE, BROKEN, MOVED, NEVER_LISTED, PARTLY = 501, 502, 503, 504, 505
FAULT = "game 502: players of BKN have 99 points, the team 100"
SIGNED = "--by Ann --because 'the league says so'"


def scheduled(game_id: int, day: date = DAY, **other: Any) -> dict[str, Any]:
    return {
        "game_date": day, "game_id": game_id, "season": 2025, "status": "final", "status_text": "Final", "period": 4,
        "tipoff_at": None, "postseason": False, "home_team_id": 3, "home_team": "BKN", "home_score": 100,
        "visitor_team_id": 20, "visitor_team": "NYK", "visitor_score": 90, **other,
    }  # fmt: skip


def listed(game_id: int, player: int, team: str, points: int) -> dict[str, Any]:
    counts = {column.name: 0 for column in player_box_scores.COUNTS}
    return {
        "game_date": DAY, "game_id": game_id, "player_id": player, "first_name": "A", "last_name": f"B{player}",
        "position": "G", "season": 2025, "team_id": {"BKN": 3, "NYK": 20}[team], "team": team, "minutes": 30.0,
        "did_not_play": False, **counts, "points": points, "plus_minus": 0,
    }  # fmt: skip


def quarantined(reason: str, content: dict[str, Any], table: str = "raw.player_box_scores") -> dict[str, Any]:
    return {"game_date": DAY, "table_name": table, "reason": reason, "row_json": json.dumps(content, default=str),
            "quarantined_at": NOW.replace(tzinfo=None), "run_id": "r"}  # fmt: skip


def home_with_undecided_games(tmp_path: Path) -> Path:
    """One game that is whole, one whose players are in quarantine, one on two dates, and one nobody scheduled."""
    put_off = {"status": "postponed", "status_text": "PPD", "period": 0, "home_score": None, "visitor_score": None}
    content = {
        games.CONTRACT: [
            scheduled(WHOLE), scheduled(BROKEN), scheduled(PARTLY), scheduled(MOVED, **put_off),
            scheduled(MOVED, MOVED_TO, **put_off | {"status": "scheduled"}),
        ],
        player_box_scores.CONTRACT: [listed(WHOLE, 7, "BKN", 100), listed(WHOLE, 8, "NYK", 90)],
        QUARANTINE: [
            quarantined(FAULT, listed(BROKEN, 9, "BKN", 99), "raw.held_games"),
            quarantined(FAULT, listed(BROKEN, 10, "NYK", 90), "raw.held_games"),
            quarantined("game 505: player 9: more shots made than attempted", listed(PARTLY, 9, "BKN", 99)),
            quarantined("minutes of game 502 do not sum", {"player": None}),
            quarantined("game 5021: nobody knows it", {"game_id": 5021}),
            quarantined("points: a number was expected, there was none", {"id": 1, "game": {"id": NEVER_LISTED}}),
        ],
    }  # fmt: skip
    with DuckDBWarehouse(tmp_path / "warehouse.duckdb").session() as session:
        for table, rows in content.items():
            session.ensure(table)
            session.append(table, pa.Table.from_pylist(rows, schema=table.schema.to_pyarrow()))
    return tmp_path
