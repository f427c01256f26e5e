"""What a session costs, in a DuckDB that runs or starts and in two formats of its file; what a window of seasons costs.

.venv/bin/python -m benchmarks.sessions [--rounds 20]
"""

import argparse
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import duckdb

from benchmarks.translation import compared
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.clock import NEW_YORK, Clock
from nba_pipeline.partitions import (
    DAILY,
    FIRST_GAME_DATE,
    OFF_SEASON,
    PARTITION_FORMAT,
    SEASON_DAYS,
    game_date_partitions,
    to_key,
)
from nba_pipeline.warehouse.duckdb_files import literal, opened
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse

NOW = datetime(2026, 1, 20, 15, tzinfo=UTC)

WINDOW = dg.TimeWindowPartitionMapping(
    start_offset=-2 * SEASON_DAYS, end_offset=-1, allow_nonexistent_upstream_partitions=True
)
"""What a table reads that looks back over two seasons."""


def seconds(work: Callable[[], object]) -> float:
    """Seconds by the clock that a piece of work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_a_new_duckdb(path: Path) -> None:
    """Opens the file and closes it, as a session did before."""
    duckdb.connect(str(path), read_only=True).close()


def in_one_that_runs(path: Path) -> None:
    """Opens the file and closes it within the instance of the process."""
    with opened(path, read_only=True):
        pass


def of_another_format(path: Path) -> Path:
    """A copy of the file in the format that DuckDB writes unless it is told otherwise."""
    copy = path.with_name("plain.duckdb")
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH {literal(str(path))} AS ours (READ_ONLY)")
        connection.execute(f"ATTACH {literal(str(copy))} AS plain")
        connection.execute("COPY FROM DATABASE ours TO plain")
    return copy


def mapped(partitions: dg.TimeWindowPartitionsDefinition, day: date) -> None:
    """Works out what a date reads of a table over two seasons."""
    asked = partitions.subset_with_partition_keys([to_key(day)])
    WINDOW.get_upstream_mapped_partitions_result_for_partitions(asked, partitions, partitions)


def main() -> None:
    """Measures in turns, so that a busy machine is as busy for both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = range(parser.parse_args().rounds)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "warehouse.duckdb"
        with DuckDBWarehouse(path).session() as session:
            for table in all_tables():
                session.ensure(table)
        found = [(seconds(lambda: in_a_new_duckdb(path)), seconds(lambda: in_one_that_runs(path))) for _ in rounds]
        unversioned = of_another_format(path)
        formats = [
            (seconds(lambda: in_one_that_runs(unversioned)), seconds(lambda: in_one_that_runs(path))) for _ in rounds
        ]
    compared("file of DuckDB's own format", [old for old, _ in formats], "of ours", [ours for _, ours in formats])
    compared("file in a new DuckDB", [new for new, _ in found], "in one that runs", [runs for _, runs in found])
    ours = game_date_partitions(Clock(NOW))
    plain = dg.TimeWindowPartitionsDefinition(
        start=FIRST_GAME_DATE.strftime(PARTITION_FORMAT), fmt=PARTITION_FORMAT, cron_schedule=DAILY,
        timezone=str(NEW_YORK), exclusions=[OFF_SEASON],
    )  # fmt: skip
    days = [NOW.date() - timedelta(days=n) for n in rounds]
    mapped(ours, days[0])
    windows = [(seconds(lambda d=d: mapped(plain, d)), seconds(lambda d=d: mapped(ours, d))) for d in days]
    compared("window by cron", [plain for plain, _ in windows], "by what is kept", [kept for _, kept in windows])


if __name__ == "__main__":
    main()
