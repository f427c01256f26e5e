"""A season loaded up to its fourth day, for simulated daemons: how it is loaded, and how to lose some of it."""

from datetime import date, datetime

import duckdb
from rich.console import Console
from rich.progress import Progress

from nba_pipeline.clock import NEW_YORK
from nba_pipeline.contracts import Contract, Phase
from nba_pipeline.operations import backfill as backfilling
from nba_pipeline.operations.backfill import Report
from nba_pipeline.operations.runs import opened
from nba_pipeline.runtime import Runtime
from nba_pipeline.warehouse.operations_tables import PUBLISHED_PARTITIONS
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon


def backfill(daemon: SimulatedDaemon, first: date, last: date, *phases: Phase) -> Report:
    """What `nba-pipeline backfill --no-history` does in the daemon's home."""
    chosen = list(phases or Phase)
    with Progress(console=Console(quiet=True)) as bars, opened(Runtime(daemon.settings), bars) as pipeline:
        ranges = backfilling.plan_ranges(pipeline.runtime, first, last, chosen, history=False)
        report = backfilling.backfill(pipeline, ranges, (first, last), chosen)
    assert report.complete, [attempt.failures for attempt in report.attempts]
    return report


LOADED_AT = datetime(2025, 10, 24, 12, tzinfo=NEW_YORK)
"""The season's fourth day, at noon: three days are played and graded, today is predicted."""
CORRECTED_GAME = date(2025, 10, 22)
CORRECTION = {
    "kind": "stat_correction", "game_date": str(CORRECTED_GAME), "appears_at": "2025-10-27T12:00:00Z"
}  # fmt: skip
"""In the source of every loaded home: one count of one player is wrong until then."""


def lose(daemon: SimulatedDaemon, table: Contract, *days: date) -> None:
    """Takes the rows and the manifest's lines of some dates out of the warehouse, as nobody should."""
    with duckdb.connect(str(daemon.settings.warehouse_path)) as connection:
        for day in days:
            connection.execute(f"delete from {table.name} where game_date = ?", [day])
            manifest = f"delete from {PUBLISHED_PARTITIONS.name} where game_date = ? and table_name = ?"
            connection.execute(manifest, [day, table.name])
