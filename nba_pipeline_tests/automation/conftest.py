"""Simulated daemons on real servers, each in a home of its own."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock
from rich.console import Console
from rich.progress import Progress

from nba_pipeline.clock import NEW_YORK
from nba_pipeline.contracts import Contract, Phase
from nba_pipeline.league.faults import FAULTS
from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.operations import backfill as backfilling
from nba_pipeline.operations.backfill import Report
from nba_pipeline.operations.runs import opened
from nba_pipeline.warehouse.operations_tables import PUBLISHED_PARTITIONS
from nba_pipeline_tests.automation.simulated_daemon import SimulatedDaemon


def backfill(daemon: SimulatedDaemon, first: date, last: date, *phases: Phase) -> Report:
    """What `nba-pipeline backfill --no-history` does in the daemon's home."""
    chosen = list(phases or Phase)
    with Progress(console=Console(quiet=True)) as bars, opened(daemon.settings, bars) as pipeline:
        stretches = backfilling.plan(pipeline.warehouse, pipeline.clock, first, last, chosen, history=False)
        report = backfilling.backfill(pipeline, stretches, (first, last), chosen)
    assert report.complete, [attempt.failures for attempt in report.attempts]
    return report


@pytest.fixture
def daemon(league: League, tmp_path: Path) -> Iterator[Callable[..., SimulatedDaemon]]:
    """Makes simulated daemons; faults are given as JSON rules."""
    with ExitStack() as stack:

        def make(
            now: datetime, *faults: dict, name: str = "home", of: League = league, webhook: str | None = None
        ) -> SimulatedDaemon:
            server = stack.enter_context(LeagueServer(of, now=now, faults=FAULTS.validate_python(list(faults))))
            made = SimulatedDaemon(tmp_path / name, server, now, webhook)
            stack.callback(made.close)
            return made

        yield make


LOADED_AT = datetime(2025, 10, 24, 12, tzinfo=NEW_YORK)
"""The season's fourth day, at noon: three days are played and graded, today is predicted."""

CORRECTED_GAME = date(2025, 10, 22)
CORRECTION = {
    "kind": "stat_correction", "game_date": str(CORRECTED_GAME), "appears_at": "2025-10-27T12:00:00Z"
}  # fmt: skip
"""In the source of every loaded home: one count of one player is wrong until then."""


@pytest.fixture(scope="session")
def loaded_home(league: League, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home loaded from the start of the season up to `LOADED_AT`, whose sensors have seen all of it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "automation-loaded-home"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            unfinished = tmp_path_factory.mktemp("loading") / "home"
            with LeagueServer(league, now=LOADED_AT, faults=FAULTS.validate_python([CORRECTION])) as server:
                daemon = SimulatedDaemon(unfinished, server, LOADED_AT)
                today = daemon.now.date()
                backfill(daemon, date(2025, 10, 1), today)
                for name in daemon.sensors():
                    assert not daemon.tick_sensor(name).runs, name
                (unfinished / "cursors.json").write_text(json.dumps(daemon.cursors))
                daemon.close()
            shutil.move(unfinished, folder)
    return folder


@pytest.fixture
def loaded(daemon: Callable[..., SimulatedDaemon], loaded_home: Path, tmp_path: Path) -> Callable[..., SimulatedDaemon]:
    """Makes daemons on copies of the loaded home; `now` and faults can be given."""

    def make(*faults: dict, now: datetime = LOADED_AT, name: str = "home") -> SimulatedDaemon:
        shutil.copytree(loaded_home, tmp_path / name)
        made = daemon(now, CORRECTION, *faults, name=name)
        made.cursors = json.loads((made.home / "cursors.json").read_text())
        return made

    return make


def lose(daemon: SimulatedDaemon, table: Contract, *days: date) -> None:
    """Takes the rows and the manifest's lines of some dates out of the warehouse, as nobody should."""
    with duckdb.connect(str(daemon.settings.warehouse_path)) as connection:
        for day in days:
            connection.execute(f"delete from {table.name} where game_date = ?", [day])
            manifest = f"delete from {PUBLISHED_PARTITIONS.name} where game_date = ? and table_name = ?"
            connection.execute(manifest, [day, table.name])
