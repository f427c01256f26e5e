"""Copies a warehouse into another, whatever engines they are on, and compares every partition's rows by their hash."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import ibis
import pyarrow as pa

from nba_pipeline.assets.tables import all_tables
from nba_pipeline.contracts import StoredTable
from nba_pipeline.warehouse.audit import content_hashes
from nba_pipeline.warehouse.interface import Replacement, Session, Warehouse
from nba_pipeline.warehouse.operations_tables import (
    GAME_DECISIONS,
    GATE_OVERRIDES,
    GATE_VERDICTS,
    PIPELINE_HEALTH,
    PUBLISHED_PARTITIONS,
    QUARANTINE,
)
from nba_pipeline.warehouse.publish import rows_of

DATES_AT_ONCE = 31
"""Partitions that travel, and are replaced in one transaction; a copy that is killed loses no more than these."""


class CopyError(Exception):
    """The target does not hold what the source holds; the message says where, and what a person should do."""


@dataclass
class CopiedTable:
    """What became of one table: partitions that were written, those that were there before, and their rows."""

    table: StoredTable
    written: int = 0
    there: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Content:
    """What stands in one partition: its rows by number and hash, and its lines of the manifest."""

    rows: tuple[int, str]
    lines: tuple[tuple[object, ...], ...]


def copied_tables() -> tuple[StoredTable, ...]:
    """Every table that has a contract, but the manifest: its lines travel with the partitions that they are about."""
    return (*all_tables(), QUARANTINE, GATE_VERDICTS, GATE_OVERRIDES, GAME_DECISIONS, PIPELINE_HEALTH)


def copy_warehouse(
    source: Warehouse, target: Warehouse, starts: Callable[[StoredTable, int], Callable[[int], None]]
) -> list[CopiedTable]:
    """Copies all partitions of all tables that the target does not hold yet, and returns what became of each table.

    `starts` is called with each table and its number of partitions, and returns what is called with the progress. What
    was copied before, by a run that was killed perhaps, is recognised by its hash and stays. Raises `CopyError` when
    the target has partitions that the source lacks, or rows arrive other than they were sent.
    """
    copied = []
    for table in copied_tables():
        dates = _dates(source, table)
        _refuse_others(table, dates, _dates(target, table))
        progress = starts(table, len(dates))
        report = CopiedTable(table)
        ordered = sorted(dates)
        for begin in range(0, len(ordered), DATES_AT_ONCE):
            some = ordered[begin : begin + DATES_AT_ONCE]
            _copy_some(source, target, table, some, report)
            progress(len(some))
        copied.append(report)
    return copied


def _dates(warehouse: Warehouse, table: StoredTable) -> set[date]:
    """The dates of which the table has rows, or a line of the manifest that says that it needs none."""
    with warehouse.session(read_only=True) as session:
        found = set()
        for rows in (session.read(table), _lines(session, table)):
            found |= {row["game_date"] for row in session.query(rows.select("game_date").distinct()).to_pylist()}
        return found


def _lines(session: Session, table: StoredTable) -> ibis.Table:
    lines = session.read(PUBLISHED_PARTITIONS)
    return lines.filter(lines.table_name == table.name)


def _refuse_others(table: StoredTable, dates: set[date], there: set[date]) -> None:
    others = sorted(there - dates)
    if others:
        raise CopyError(
            f"The target has {len(others)} partitions of {table.name} that the source does not have, the first of "
            f"them {others[0]}. Nothing was written to that table. Copy into a place that only copies of this source "
            "were written to, or take those partitions away."
        )


def _copy_some(
    source: Warehouse, target: Warehouse, table: StoredTable, dates: Sequence[date], report: CopiedTable
) -> None:
    with source.session(read_only=True) as session:
        sent = _contents(session, table, dates)
    with target.session() as session:
        session.ensure(table)
        session.ensure(PUBLISHED_PARTITIONS)
        found = _contents(session, table, dates)
    missing = [day for day in dates if found[day] != sent[day]]
    if missing:
        with source.session(read_only=True) as session:
            rows, lines = (session.query(part) for part in _parts(session, table, missing))
        arrived = _written(target, table, missing, rows, lines)
        _compare(table, {day: sent[day] for day in missing}, arrived)
    report.written += len(missing)
    report.there += len(dates) - len(missing)
    report.rows += sum(content.rows[0] for content in sent.values())


def _parts(session: Session, table: StoredTable, dates: Sequence[date]) -> Iterator[ibis.Table]:
    yield rows_of(session, table, dates)
    lines = _lines(session, table)
    yield lines.filter(lines.game_date.isin([ibis.literal(day) for day in dates]))


def _written(
    target: Warehouse, table: StoredTable, dates: Sequence[date], rows: pa.Table, lines: pa.Table
) -> dict[date, Content]:
    """Replaces the partitions and their lines of the manifest in one transaction; returns what stands then."""
    of_table = {"table_name": table.name}
    with target.session() as session:
        session.replace(
            [
                Replacement(table, ibis.memtable(rows), dates),
                Replacement(PUBLISHED_PARTITIONS, ibis.memtable(lines), dates, where=of_table),
            ]
        )
        return _contents(session, table, dates)


def _contents(session: Session, table: StoredTable, dates: Sequence[date]) -> dict[date, Content]:
    hashes = content_hashes(session, table, dates)
    _, lines = _parts(session, table, dates)
    noted: dict[date, list[tuple[object, ...]]] = {}
    for line in session.query(lines).to_pylist():
        noted.setdefault(line["game_date"], []).append(tuple(line.values()))
    return {day: Content(hashes.get(day, (0, "no rows")), tuple(sorted(noted.get(day, []), key=str))) for day in dates}


def _compare(table: StoredTable, sent: dict[date, Content], arrived: dict[date, Content]) -> None:
    wrong = [day for day, content in sent.items() if arrived[day] != content]
    if wrong:
        day = wrong[0]
        raise CopyError(
            f"{len(wrong)} partitions of {table.name} are not in the target what they are in the source; of {day} "
            f"{sent[day].rows[0]} rows with the hash {sent[day].rows[1]} were sent and {arrived[day].rows[0]} with "
            f"{arrived[day].rows[1]} stand there. If the pipeline ran on the source or the target in the meantime, "
            "stop it and copy again; if not, this is a defect."
        )
