"""A copy of a season's warehouse that a test may damage, and the gates on it."""

import shutil
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import duckdb
from rich.console import Console
from rich.progress import Progress

from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.clock import Clock
from nba_pipeline.contracts import Contract
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.gates.verdicts import Gate, Verdict
from nba_pipeline.operations.runs import Attempt, materialize, opened
from nba_pipeline.runtime import Runtime
from nba_pipeline.sources.landing import Landing
from nba_pipeline.warehouse.audit import STAGED, fingerprints
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline.warehouse.publish import NO_ROWS, rows_of
from nba_pipeline_tests.support.workbench import NOW, Workbench


class Copy:
    """A copy of the season's warehouse that a test may damage, and the gates on it."""

    def __init__(self, original: Workbench, home: Path) -> None:
        home.mkdir()
        self.settings = original.settings.model_copy(update={"home": home})
        shutil.copyfile(original.settings.warehouse_path, self.settings.warehouse_path)
        (home / "landing").symlink_to(original.settings.landing_path)
        self.warehouse = DuckDBWarehouse(self.settings.warehouse_path, 5)

    def gatekeeper(self, now: datetime = NOW, time_limit_seconds: float = 120) -> Gatekeeper:
        landing = Landing(self.settings.landing_path)
        return Gatekeeper(self.warehouse, Clock(now), landing, all_tables(), time_limit_seconds)

    def verdicts(self, gate: Gate, dates: Sequence[date], **kind) -> dict[date, Verdict]:
        """What the gate says now."""
        gatekeeper = self.gatekeeper(**kind)
        with self.warehouse.session() as session:
            return gatekeeper.verdicts(gatekeeper.evidence(session), gate, dates)

    def sql(self, statement: str) -> list[tuple]:
        """What anybody with a DuckDB shell can do."""
        with duckdb.connect(str(self.settings.warehouse_path)) as connection:
            return connection.execute(statement).fetchall()

    def stamp(self, table: Contract, day: date) -> None:
        """Makes the manifest say that the rows that stand there are those that were published."""
        with self.warehouse.session() as session:
            session.stage(STAGED, rows_of(session, table, [day]))
            rows, fingerprint = fingerprints(session, table).get(day, (0, NO_ROWS))
        self.sql(
            f"UPDATE operations.published_partitions SET row_count = {rows}, fingerprint = '{fingerprint}' "
            f"WHERE table_name = '{table.name}' AND game_date = '{day}'"
        )

    def stamp_inputs(self, table: Contract, day: date) -> None:
        """Makes the manifest say that the rows were made from what stands now."""
        with self.warehouse.session() as session:
            inputs = self.gatekeeper().evidence(session).lineage.inputs(table, [day])[day]
        self.sql(
            f"UPDATE operations.published_partitions SET inputs = '{inputs}' "
            f"WHERE table_name = '{table.name}' AND game_date = '{day}'"
        )

    def forget(self, table: Contract, day: date) -> None:
        """Takes the rows of a date away, and the note that they were published."""
        self.sql(f"DELETE FROM {table.name} WHERE game_date = '{day}'")
        self.sql(
            f"DELETE FROM operations.published_partitions WHERE table_name = '{table.name}' AND game_date = '{day}'"
        )

    def run(self, table: Contract, first: date, last: date) -> Attempt:
        """A real run of the table's asset."""
        with Progress(console=Console(quiet=True)) as bars, opened(Runtime(self.settings), bars) as pipeline:
            return materialize(pipeline, [asset_key(table)], first, last, "test")
