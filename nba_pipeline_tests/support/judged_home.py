"""A warehouse and a landing of two games a date, judged by what is landed of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pyarrow as pa

from nba_pipeline.assets.contexts import AssetContext
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.clock import Clock
from nba_pipeline.contracts import Contract
from nba_pipeline.decisions.game_decisions import GameDecision, Ruling, record_decision
from nba_pipeline.gates.evidence import Evidence
from nba_pipeline.raw import games, held_games, player_box_scores
from nba_pipeline.sources.landing import Capture, Landing
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline.warehouse.interface import Session
from nba_pipeline.warehouse.publish import Publication, Rows, Stamp, publish
from nba_pipeline_tests.support.api_items import stat

DAY, NEXT = date(2024, 1, 17), date(2024, 1, 18)
NIGHT, MORNING = datetime(2024, 1, 18, 7, tzinfo=UTC), datetime(2024, 1, 18, 12, tzinfo=UTC)
"""Before the deadline of the first date, and after it."""

TEAMS = {1: ("ATL", "BOS"), 2: ("CHI", "DEN")}
IDS = {"ATL": 1, "BOS": 2, "CHI": 3, "DEN": 4}


def scheduled(game_id: int, day: date = DAY, **other: Any) -> dict[str, Any]:
    home, visitor = TEAMS[game_id]
    return {
        "game_date": day, "game_id": game_id, "season": 2023, "status": "final", "status_text": "Final", "period": 4,
        "tipoff_at": None, "postseason": False, "home_team_id": IDS[home], "home_team": home, "home_score": 100,
        "visitor_team_id": IDS[visitor], "visitor_team": visitor, "visitor_score": 90, "moved_to": None, **other,
    }  # fmt: skip


def listed(game_id: int, day: date = DAY, assists: int = 3) -> list[dict[str, Any]]:
    """The players of a game that is whole: five a team, with all minutes and points."""
    return [
        stat(
            game={"id": game_id, "date": str(day), "season": 2023},
            player={"id": 100 * IDS[team] + n, "first_name": "A", "last_name": f"B{n}", "position": "G"},
            team={"id": IDS[team], "abbreviation": team}, min="48", fgm=made, fga=20, pts=2 * made, ast=assists,
        )
        for team, made in zip(TEAMS[game_id], (10, 9), strict=True)
        for n in range(5)
    ]  # fmt: skip


class Home:
    """A warehouse and a landing, and the two tables made as their assets make them."""

    def __init__(self, folder: Path) -> None:
        self.warehouse = DuckDBWarehouse(folder / "warehouse.duckdb")
        self.landing = Landing(folder / "landing")
        self.asked = NIGHT - timedelta(hours=1)
        self.schedule(*map(scheduled, TEAMS))

    def schedule(self, *rows: Mapping[str, Any], day: date = DAY) -> None:
        found = pa.Table.from_pylist([dict(row) for row in rows], schema=games.CONTRACT.schema.to_pyarrow())
        self.publish(games.CONTRACT, Rows(found), day)

    def publish(self, table: Contract, made: Rows, *days: date, now: datetime = NIGHT) -> dict[date, Publication]:
        with self.warehouse.session() as session:
            session.ensure(held_games.CONTRACT)
            inputs = self.evidence(session, now).lineage.inputs(table, days)
            return publish(session, table, replace(made, inputs=inputs), days, Stamp("run", self.asked))

    def evidence(self, session: Session, now: datetime = MORNING) -> Evidence:
        return Evidence(session, Clock(now), all_tables(), self.landing)

    def land(self, *items: Sequence[object], first: date = DAY, last: date = DAY) -> Capture:
        self.asked += timedelta(minutes=1)
        writer = self.landing.begin("stats", first, last, self.asked)
        body = json.dumps({"data": [one for some in items for one in some], "meta": {}}).encode()
        writer.add_page(body, {}, self.asked)
        return writer.commit()

    def make(self, now: datetime = MORNING, *days: date) -> dict[date, Publication]:
        """Judges and publishes; returns what became of the box scores."""
        days = days or (DAY,)
        resources = {"warehouse": self.warehouse, "landing": self.landing, "clock": Clock(now)}
        with dg.build_asset_context(resources=resources) as given:
            context = cast("AssetContext", given)
            ruled = self.publish(held_games.CONTRACT, held_games.judged_dates(context, days), *days, now=now)
            assert {outcome.status for outcome in ruled.values()} != {"refused"}
            inputs = games.CONTRACT.unbound(), held_games.CONTRACT.unbound()
            made = player_box_scores.parsed_dates(context, days, *inputs)
        return self.publish(player_box_scores.CONTRACT, made, *days, now=now)

    def rows(self, table: Contract) -> list[dict[str, Any]]:
        with self.warehouse.session(read_only=True) as session:
            return session.query(session.read(table)).to_pylist()

    def states(self) -> dict[int, str]:
        return {row["game_id"]: row["state"] for row in self.rows(held_games.CONTRACT)}

    def assists(self) -> dict[int, set[int]]:
        """What is published: the assists of each game's players, of whom there must be ten."""
        found: dict[int, list[int]] = {}
        for row in self.rows(player_box_scores.CONTRACT):
            found.setdefault(row["game_id"], []).append(row["assists"])
        assert all(len(numbers) == 10 for numbers in found.values())
        return {game_id: set(numbers) for game_id, numbers in found.items()}

    def inputs(self, day: date = DAY) -> str:
        with self.warehouse.session() as session:
            return self.evidence(session, NIGHT).lineage.inputs(held_games.CONTRACT, [day])[day]

    def is_stale(self, now: datetime) -> bool:
        """Whether the rulings of the date are not those that would be made at an instant."""
        with self.warehouse.session() as session:
            return self.evidence(session, now).lineage.is_stale(held_games.CONTRACT, DAY)

    def nothing_arrived(self) -> bool:
        with self.warehouse.session() as session:
            return self.evidence(session).calendar.nothing_arrived(DAY)

    def decide(self, ruling: Ruling, game_id: int = 1, **corrections: Any) -> None:
        at = self.asked.replace(tzinfo=None)
        with self.warehouse.session() as session:
            record_decision(session, GameDecision(DAY, game_id, ruling, corrections, "Ann", "seen", None, at))
