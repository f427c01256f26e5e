"""Write-audit-publish: stage the rows, audit them in the engine, then replace partitions in one transaction."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any, Literal

import ibis
import pyarrow as pa

from nba_pipeline.code_versions import version_of
from nba_pipeline.contracts import Contract, Reader, StoredTable
from nba_pipeline.partitions import read_bounds
from nba_pipeline.warehouse import audit
from nba_pipeline.warehouse.date_scope import in_scope, in_window, rows_in_scope
from nba_pipeline.warehouse.interface import Replacement, Session
from nba_pipeline.warehouse.operations_tables import PUBLISHED_PARTITIONS, QUARANTINE

NO_ROWS = "0 rows"
"""The fingerprint of a date that was published with nothing in it."""

STANDING = "standing_rows"


Transform = Callable[..., ibis.Table]
"""Makes the rows of a table from the tables that its contract reads, which it is given by their names there.

It takes no dates and gives the same expression each time, so that this is built and translated once a process.
"""


@dataclass(frozen=True)
class Rows:
    """What a step made: rows for a range of dates, and why some of the dates have none that can be trusted.

    `rejected` holds source items that could not be read, as (date, reason, JSON). `inputs` says per date what
    the rows were made from, as one hash; it must have been taken before any of it was read. `decided` are the
    decisions of people about games that are part of it, a sentence each.
    """

    rows: ibis.Table | pa.Table | Transform
    refused: Mapping[date, Sequence[str]] = field(default_factory=dict)
    rejected: Sequence[tuple[date, str, str]] = ()
    inputs: Mapping[date, str] = field(default_factory=dict)
    decided: Mapping[date, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Publication:
    """What became of one date: published (changed), unchanged (same content as before) or refused.

    `notes` are those that the contract takes of the published rows.
    """

    game_date: date
    status: Literal["published", "unchanged", "refused"]
    row_count: int
    fingerprint: str
    reasons: tuple[str, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stamp:
    """Who publishes, and when."""

    run_id: str
    at: datetime


def publish(
    session: Session, table: Contract, made: Rows, dates: Sequence[date], stamp: Stamp
) -> dict[date, Publication]:
    """Publishes the dates whose rows keep the contract and returns what became of each date.

    A date that does not is refused: its rows go to quarantine with the reasons and whatever was published
    before stays. Raises `ContractError` when the rows cannot be this table's at all.
    """
    for needed in (table, PUBLISHED_PARTITIONS, QUARANTINE, *(read.table for read in table.reads.values())):
        session.ensure(needed)
    candidates = [day for day in dates if day not in made.refused]
    staged = _stage(session, table, made.rows, candidates)
    reasons: dict[date, list[str]] = {day: list(why) for day, why in made.refused.items()}
    broken = audit.audit_columns(session, table)
    for found in (
        audit.as_reasons(broken),
        audit.audit_promises(session, table, candidates),
        audit.audit_grid(session, table, candidates),
    ):
        for day, why in found.items():
            reasons.setdefault(day, []).extend(why)
    rules = {name for names in broken.values() for name in names}
    _quarantine(session, table, made.rejected, _broken_rows(session, staged, table, rules), stamp)
    good = [day for day in candidates if day not in reasons]
    return _commit(session, table, staged, good, made.inputs, stamp) | {
        day: Publication(day, "refused", 0, "", tuple(why)) for day, why in reasons.items() if day in dates
    }


def _stage(
    session: Session, table: Contract, rows: ibis.Table | pa.Table | Transform, dates: Sequence[date]
) -> ibis.Table:
    """Stages the rows of the dates, beside those that stand and are kept."""
    if not dates:
        return session.stage(audit.STAGED, table.schema.to_pyarrow().empty_table())
    name = audit.STAGED if table.keeps is None else "new_rows"
    if isinstance(rows, ibis.Table | pa.Table):
        source = session.stage("made_rows", rows) if isinstance(rows, pa.Table) else rows
        conformed = audit.conform(source, table)
        new = session.stage(name, conformed.filter(conformed.game_date.isin([ibis.literal(d) for d in dates])))
    else:
        new = session.stage(name, partial(transformed_rows, table, rows), dates=dates, reads=_bounds(table, dates))
    if table.keeps is None:
        return new
    # Staged by name, since a union goes by place and a column that a contract gains stands last in its table.
    standing = session.stage(STANDING, partial(rows_in_scope, table), dates=dates)
    return session.stage(audit.STAGED, audit.conform(table.keeps(new, standing), table))


def _bounds(table: Contract, dates: Sequence[date]) -> dict[str, tuple[date, date]]:
    """The first and last date that the dates read of each input."""
    return {name: read_bounds(read, min(dates), max(dates)) for name, read in table.reads.items()}


def transformed_rows(table: Contract, transform: Transform, read: Reader) -> ibis.Table:
    """The rows of the dates in scope, from inputs that hold no other dates than those may read."""
    inputs = {name: read(entry.table) for name, entry in table.reads.items()}
    within = {name: rows.filter(in_window(rows.game_date, name)) for name, rows in inputs.items()}
    rows = audit.conform(transform(**within), table)
    return rows.filter(in_scope(rows.game_date))


def rows_of(session: Session, table: StoredTable, dates: Sequence[date]) -> ibis.Table:
    """The published rows of the dates; of none, an empty table, so that nobody scans anything for it."""
    if not dates:
        return ibis.memtable(table.schema.to_pyarrow().empty_table())
    published = session.read(table)
    return published.filter(published.game_date.isin([ibis.literal(d) for d in dates]))


def _commit(
    session: Session,
    table: Contract,
    staged: ibis.Table,
    good: Sequence[date],
    inputs: Mapping[date, str],
    stamp: Stamp,
) -> dict[date, Publication]:
    """Writes what changed, and notes for all of it what it was made from.

    A date whose content is as before keeps its rows and the time at which they were published.
    """
    found = audit.fingerprints(session, table)
    now = {day: found.get(day, (0, NO_ROWS)) for day in good}
    before = _manifest_lines(session, table, good)
    same = _unchanged(session, table, {day: before[day] for day in good if day in before})
    changed = sorted({*good} - same | _damaged(session, table, {day: before[day] for day in same}))
    made_from = {day: {"inputs": inputs.get(day), "code_version": version_of(table)} for day in good}
    remade = [day for day in good if day not in changed and not made_from[day].items() <= before[day].items()]
    lines = [
        {
            "game_date": day,
            "table_name": table.name,
            "row_count": now[day][0],
            "fingerprint": now[day][1],
            "fingerprint_columns": audit.fingerprint_columns(table),
            "published_at": stamp.at.replace(tzinfo=None),
            "run_id": stamp.run_id,
            **made_from[day],
        }
        for day in changed
    ] + [noted_columns(table, before[day]) | made_from[day] for day in remade]
    if lines:
        manifest = pa.Table.from_pylist(lines, schema=PUBLISHED_PARTITIONS.schema.to_pyarrow())
        rows = staged.filter(staged.game_date.isin([ibis.literal(day) for day in changed]))
        mine = {"table_name": table.name}
        noted = Replacement(PUBLISHED_PARTITIONS, ibis.memtable(manifest), [*changed, *remade], where=mine)
        session.replace([Replacement(table, rows, changed), noted] if changed else [noted])
    notes = _notes(session, table, good)
    # Rows that did not change keep the fingerprint that they had, over the columns that there were.
    stands = {day: now[day] if day in changed else (now[day][0], str(before[day]["fingerprint"])) for day in good}
    return {
        day: Publication(day, "published" if day in changed else "unchanged", *stands[day], notes=notes.get(day, {}))
        for day in good
    }


def noted_columns(table: Contract, line: Mapping[str, Any]) -> dict[str, Any]:
    """A line of the manifest that notes over which columns its fingerprint was taken.

    A line from before they were noted is about those of the contract.
    """
    return {**line, "fingerprint_columns": line["fingerprint_columns"] or audit.fingerprint_columns(table)}


def note_columns(session: Session, tables: Sequence[Contract]) -> None:
    """Notes in every line of the manifest over which columns its fingerprint was taken.

    What cannot be made again, such as a ledger, keeps its line; a contract may gain a column after this.
    """
    session.ensure(PUBLISHED_PARTITIONS)
    for table in tables:
        lines = session.read(PUBLISHED_PARTITIONS)
        mine = lines.filter(lines.table_name == table.name, lines.fingerprint_columns.isnull())
        noted = [noted_columns(table, line) for line in session.query(mine).to_pylist()]
        if noted:
            rows = ibis.memtable(pa.Table.from_pylist(noted, schema=PUBLISHED_PARTITIONS.schema.to_pyarrow()))
            dates = [line["game_date"] for line in noted]
            session.replace([Replacement(PUBLISHED_PARTITIONS, rows, dates, where={"table_name": table.name})])


def _unchanged(session: Session, table: Contract, lines: Mapping[date, Mapping[str, Any]]) -> set[date]:
    """The dates whose staged rows say what the manifest notes of them.

    A column that the contract has gained since says something new where any row has a value in it.
    """
    noted = {day: line["fingerprint_columns"] for day, line in lines.items()}
    found = audit.fingerprints_as_noted(session, table, noted)
    same = {day for day, line in lines.items() if found.get(day, NO_ROWS) == line["fingerprint"]}
    for columns in {noted[day] for day in same if noted[day]}:
        gained = {*audit.fingerprint_columns(table).split(",")} - {*columns.split(",")}
        if gained:
            says_more = audit.dates_with_values(session, table, gained)
            same -= {day for day in says_more if noted.get(day) == columns}
    return same


def _notes(session: Session, table: Contract, dates: Sequence[date]) -> dict[date, dict[str, Any]]:
    """What the contract notes of the rows that stand published now."""
    if table.notes is None or not dates:
        return {}
    found = session.query(partial(noted_rows, table.notes, table), dates=dates).to_pylist()
    return {row.pop("game_date"): row for row in found}


def noted_rows(notes: Callable[[ibis.Table], ibis.Table], table: Contract, read: Reader) -> ibis.Table:
    """What a contract notes of the rows of the dates in scope."""
    return notes(rows_in_scope(table, read))


def _damaged(session: Session, table: Contract, lines: Mapping[date, Mapping[str, Any]]) -> set[date]:
    """The dates whose published rows are not those of the manifest any more: somebody else changed them."""
    if not lines:
        return set()
    session.stage(STANDING, partial(rows_in_scope, table), dates=list(lines))
    noted = {day: line["fingerprint_columns"] for day, line in lines.items()}
    found = audit.fingerprints_as_noted(session, table, noted, STANDING)
    return {day for day, line in lines.items() if found.get(day, NO_ROWS) != line["fingerprint"]}


def _manifest_lines(session: Session, table: Contract, dates: Sequence[date]) -> dict[date, dict[str, Any]]:
    """The lines of the manifest about the dates of a table."""
    found = session.query(partial(_lines_in_scope, table.name), dates=dates)
    return {row["game_date"]: row for row in found.to_pylist()}


def _lines_in_scope(table_name: str, read: Reader) -> ibis.Table:
    lines = rows_in_scope(PUBLISHED_PARTITIONS, read)
    return lines.filter(lines.table_name == table_name)


def _broken_rows(session: Session, staged: ibis.Table, table: Contract, rules: set[str]) -> list[tuple[date, str, str]]:
    """The rows that break the rules, as (date, reason, JSON)."""
    if not rules:
        return []
    rows = session.query(audit.broken_rows(staged, table, rules)).to_pylist()
    return [(row["game_date"], row.pop("reason"), json.dumps(row, default=str)) for row in rows]


def _quarantine(
    session: Session,
    table: Contract,
    rejected: Sequence[tuple[date, str, str]],
    broken: Sequence[tuple[date, str, str]],
    stamp: Stamp,
) -> None:
    """Keeps what broke the contract, so that a person can see the very rows."""
    kept = sorted({*broken, *rejected}, key=str)
    dates = sorted({day for day, _, _ in kept if day is not None})
    if not dates:
        return
    rows = [
        {
            "game_date": day,
            "table_name": table.name,
            "reason": reason,
            "row_json": row_json,
            "quarantined_at": stamp.at.replace(tzinfo=None),
            "run_id": stamp.run_id,
        }
        for day, reason, row_json in kept
        if day is not None
    ]
    found = pa.Table.from_pylist(rows, schema=QUARANTINE.schema.to_pyarrow())
    session.replace([Replacement(QUARANTINE, ibis.memtable(found), dates, where={"table_name": table.name})])
