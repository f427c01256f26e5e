"""A pipeline in a folder of its own, on a real server, with real runs."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import SecretStr
from rich.console import Console
from rich.progress import Progress

from nba_pipeline.assets.tables import all_tables
from nba_pipeline.contracts import Contract, Phase
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.operations import backfill as backfilling
from nba_pipeline.operations.backfill import Report
from nba_pipeline.operations.runs import opened
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings

OPENING = date(2025, 10, 21)
DAY_OFF = date(2025, 10, 20)
NOW = datetime(2025, 11, 12, 15, tzinfo=UTC)


class Workbench:
    """One home, and what a user does with it."""

    def __init__(self, home: Path, server: LeagueServer, now: datetime = NOW, **places: Any) -> None:
        self.server = server
        self.home = home
        self.places = places
        self.at(now)

    def at(self, now: datetime) -> None:
        """Moves the clocks of the pipeline and of the league."""
        self.server.clock.fixed = now
        self.settings = Settings(
            home=self.home, now=now, balldontlie_api_key=SecretStr("k"), balldontlie_api_url=self.server.url,
            balldontlie_requests_per_minute=100_000, http_wait_min_seconds=0.01, http_wait_max_seconds=0.02,
            http_timeout_seconds=1.5, http_attempts=3, lock_wait_seconds=30, **self.places,
        )  # fmt: skip
        self.warehouse = Runtime(self.settings).warehouse

    @property
    def gatekeeper(self) -> Gatekeeper:
        """The gates on what it loaded."""
        return Runtime(self.settings).gatekeeper

    def backfill(self, first: date, last: date, *phases: Phase, history: bool = True) -> Report:
        """What `nba-pipeline backfill` does."""
        chosen = list(phases or Phase)
        with Progress(console=Console(quiet=True)) as bars, opened(Runtime(self.settings), bars) as pipeline:
            ranges = backfilling.plan_ranges(pipeline.runtime, first, last, chosen, history=history)
            return backfilling.backfill(pipeline, ranges, (first, last), chosen)

    def rows(self, table: Contract, first: date = date(2015, 1, 1), last: date = date(2100, 1, 1)) -> pd.DataFrame:
        """What is published of a table, in the order of its grain, without volatile columns."""
        keys = [c.name for c in table.columns if not c.volatile]
        with self.warehouse.session(read_only=True) as session:
            rows = session.read(table).select(keys)
            found = session.query(rows.filter(rows.game_date.between(first, last)))
        order = [key for key in table.grain if key in keys]
        return found.to_pandas(date_as_object=True).sort_values(order).reset_index(drop=True)

    def everything(self, first: date = date(2015, 1, 1), last: date = date(2100, 1, 1)) -> dict[str, pd.DataFrame]:
        """All tables."""
        return {table.name: self.rows(table, first, last) for table in all_tables()}


def assert_same(one: dict[str, pd.DataFrame], other: dict[str, pd.DataFrame]) -> None:
    """Every table has the same rows, to the last digit."""
    assert one.keys() == other.keys()
    for name, rows in one.items():
        pd.testing.assert_frame_equal(rows, other[name], check_exact=True, obj=name)
