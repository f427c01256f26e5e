"""What one date would be billed on BigQuery, worked out from the rows of a real warehouse and the statements of a run.

.venv/bin/python -m benchmarks.bigquery_cost --home HOME --date 2026-01-15 [--dollars-per-tib 6.25]

HOME is a pipeline's home on DuckDB with the seasons before the date. The date is made once more from what was
landed; each question to the warehouse is translated to the statement that BigQuery would be sent. A statement
is counted as BigQuery's price list says: at least 10 MB for each table that it names, and else all columns of
the partitions that it names. What it would read of fewer columns is not taken off, so the figure is an upper one.
"""

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import sqlglot
import sqlglot.expressions as sge
from rich.console import Console
from rich.progress import Progress
from rich.table import Table as RichTable

from nba_pipeline.assets.tables import all_tables
from nba_pipeline.clock import NEW_YORK
from nba_pipeline.contracts import Phase
from nba_pipeline.operations import backfill as backfilling
from nba_pipeline.operations.runs import opened
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings
from nba_pipeline.warehouse.bigquery_budget import LEAST_BILLED
from nba_pipeline.warehouse.bigquery_sql import DATE_SCOPE, Names, read_parameters, translate
from nba_pipeline.warehouse.cached_queries import Statement
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBSession, DuckDBWarehouse
from nba_pipeline.warehouse.interface import NO_READS, Query, Replacement

NAMES = Names("project", "nba")
SEASON_DATES = 170
"""Dates with games in a season and its playoffs, about."""

WRITES_A_CHANGE, WRITES_A_LEASE = 3, 2
"""Statements of a publication: for each table delete, insert and compare; and take and look at the lease."""

STAGED = "staged rows, and the pipeline's own tables"

FIXED = {pa.bool_(): 1}
"""Bytes of a value; every other type of fixed width has 8."""


def bytes_of(rows: pa.Table) -> int:
    """Logical bytes of rows by BigQuery's price list: 8 a number or instant, 2 and its length a text."""
    total = 0
    for column in rows.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            total += sum(2 + len((value or "").encode()) for value in column.to_pylist())
        else:
            total += FIXED.get(column.type, 8) * len(column)
    return total


class Sizes:
    """Bytes of each table by date: rows of each date times the bytes of a row on the date of the run."""

    def __init__(self, warehouse: DuckDBWarehouse, day: date) -> None:
        self.by_date: dict[str, dict[date, float]] = {}
        with warehouse.session(read_only=True) as session:
            for table in all_tables():
                rows = session.read(table)
                counted = session.query(rows.group_by("game_date").agg(n=ibis._.count()))
                sample = session.query(rows.filter(rows.game_date.between(day - timedelta(days=7), day)))
                each = bytes_of(sample) / sample.num_rows if sample.num_rows else 0
                name = f"{NAMES.dataset(table.schema_name)}.{table.short_name}"
                self.by_date[name] = {row["game_date"]: row["n"] * each for row in counted.to_pylist()}

    def read(self, name: str, first: date, last: date) -> float:
        """Bytes of the partitions of a table from one date to another."""
        return sum(size for day, size in self.by_date.get(name, {}).items() if first <= day <= last)


def named_dates(select: sge.Select | None, day: date) -> tuple[date, date] | None:
    """The first and last date that a SELECT or one around it names; None where none does."""
    while select is not None:
        where = select.args.get("where")
        text = where.sql("bigquery") if where is not None else ""
        days = [date(*map(int, found)) for found in re.findall(r"DATE\((\d+), (\d+), (\d+)\)", text)]
        days += [date.fromisoformat(found) for found in re.findall(r"'(\d{4}-\d\d-\d\d)'", text)]
        if DATE_SCOPE in text:
            days.append(day)
        if days:
            return min(days), max(days)
        select = select.parent_select
    return None


def with_dates(statement: Statement, reads: Mapping[str, tuple[date, date]]) -> str:
    """The text of a statement with the dates that it may read of its inputs written into it."""
    text = statement.text
    for name in statement.dates.windows:
        for parameter, day in zip(read_parameters(name), reads[name], strict=True):
            text = re.sub(rf"@{parameter}\b", f"DATE '{day}'", text)
    return text


def billed(text: str, sizes: Sizes, day: date) -> dict[str, float]:
    """What each table of a statement adds to its bill."""
    tree = sqlglot.parse_one(text, read="bigquery")
    whole = [d for select in tree.find_all(sge.Select) if (d := named_dates(select, day))]
    bill: dict[str, float] = defaultdict(lambda: LEAST_BILLED)
    for table in tree.find_all(sge.Table):
        if table.db:
            published = f"{table.db}.{table.name}"
            name = published if published in sizes.by_date else STAGED
            around = named_dates(table.parent_select, day) or (
                (min(d[0] for d in whole), max(d[1] for d in whole)) if whole else (date.min, date.max)
            )
            bill[name] = max(bill[name], sizes.read(published, *around))
    return bill


class Bill:
    """Statements and bytes of a run, by table that they read."""

    def __init__(self, sizes: Sizes, day: date) -> None:
        self.sizes, self.day = sizes, day
        self.statements = 0
        self.bytes: Counter[str] = Counter()

    def query(
        self, session: DuckDBSession, query: Query, reads: Mapping[str, tuple[date, date]] = NO_READS, **_: object
    ) -> None:
        """Adds a query with the dates that it may read of its inputs."""
        self.statements += 1
        text = with_dates(translate(query(session.read) if callable(query) else query, NAMES), reads)
        self.bytes.update(billed(text, self.sizes, self.day) or {STAGED: LEAST_BILLED})

    def writes(self, changes: int) -> None:
        """Adds a publication of so many tables."""
        self.statements += WRITES_A_LEASE + WRITES_A_CHANGE * changes
        self.bytes["publications"] += LEAST_BILLED * (WRITES_A_LEASE + WRITES_A_CHANGE * changes)


@contextmanager
def billing(bill: Bill) -> Iterator[None]:
    """Puts everything that sessions are asked on a bill."""
    names = ("stage", "query", "replace")
    before = {name: getattr(DuckDBSession, name) for name in names}

    def staging(self: DuckDBSession, name: str, rows: Query | pa.Table, **dates: Any) -> ibis.Table:
        if not isinstance(rows, pa.Table):
            bill.query(self, rows, **dates)
        return before["stage"](self, name, rows, **dates)

    def querying(self: DuckDBSession, query: Query, **dates: Any) -> pa.Table:
        bill.query(self, query, **dates)
        return before["query"](self, query, **dates)

    def replacing(self: DuckDBSession, changes: Sequence[Replacement]) -> None:
        bill.writes(len(changes))
        return before["replace"](self, changes)

    for name, counted in zip(names, (staging, querying, replacing), strict=True):
        setattr(DuckDBSession, name, counted)
    try:
        yield
    finally:
        for name, method in before.items():
            setattr(DuckDBSession, name, method)


def main() -> None:
    """Prints the bill by table, and what it comes to for a date and a season."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--date", type=date.fromisoformat, required=True)
    parser.add_argument("--dollars-per-tib", type=float, default=6.25)
    arguments = parser.parse_args()
    day = arguments.date
    settings = Settings(
        home=arguments.home, now=datetime.combine(day + timedelta(days=1), time(12), tzinfo=NEW_YORK), clock_file=None
    )
    bill = Bill(Sizes(DuckDBWarehouse(settings.warehouse_path), day), day)
    phases = [phase for phase in Phase if phase is not Phase.LANDING]
    with Progress(console=Console(stderr=True)) as bars, opened(Runtime(settings), bars) as pipeline, billing(bill):
        ranges = backfilling.plan_ranges(pipeline.runtime, day, day, phases, history=False)
        report = backfilling.backfill(pipeline, ranges, (day, day), phases)
    print_bill(bill, arguments.dollars_per_tib)
    if not report.complete:
        raise SystemExit(f"{day} is not complete, so the bill is not that of a whole date: {report.attempts}")


def print_bill(bill: Bill, dollars_per_tib: float) -> None:
    """The bytes by table, the largest first, and the sums."""
    table = RichTable(title=f"{bill.day}: billed at most, for one run of all tables")
    table.add_column("read from")
    table.add_column("GB", justify="right")
    for name, size in bill.bytes.most_common():
        table.add_row(name, f"{size / 1e9:.2f}")
    total = sum(bill.bytes.values())
    stored = sum(sum(sizes.values()) for sizes in bill.sizes.by_date.values())
    dollars = total / 2**40 * dollars_per_tib
    console = Console()
    console.print(table)
    console.print(
        f"{bill.statements} statements, {total / 1e9:.1f} GB, {dollars:.2f} dollars a run of a date; "
        f"{dollars * SEASON_DATES:.0f} dollars for {SEASON_DATES} dates, each made once. "
        f"The tables hold {stored / 1e9:.2f} GB."
    )


if __name__ == "__main__":
    main()
