"""The circuit breakers: may the data of a date flow on?

A verdict comes from what stands in the warehouse, for many dates in one query, and from nothing else:
no status flag can open a gate. What cannot be evaluated raises, and so stays closed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import ibis

from nba_pipeline.clock import Clock, season_of
from nba_pipeline.contracts import Read, Table, Window
from nba_pipeline.partitions import contiguous, game_dates, read_bounds, season_start
from nba_pipeline.warehouse.audit import (
    STAGED,
    Reasons,
    as_reasons,
    audit_columns,
    audit_promises,
    describe_gaps,
    fingerprints,
    grid_gaps,
)
from nba_pipeline.warehouse.interface import Session
from nba_pipeline.warehouse.operations_tables import PUBLISHED_PARTITIONS
from nba_pipeline.warehouse.publish import NO_ROWS, published_fingerprints, rows_of


@dataclass(frozen=True)
class Coverage:
    """What stands of one table on one date, against what the expected grid wants."""

    game_date: date
    published: bool
    expected: int | None
    present: int
    gaps: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether the date was published and lacks nothing."""
        return self.published and not self.gaps

    @property
    def nothing_expected(self) -> bool:
        """Whether the date is a valid skip: nothing was expected, and nothing is there."""
        return self.complete and not self.present and not self.expected

    def reasons(self, table: Table) -> list[str]:
        """Why the date is not complete, as sentences that name the table; empty when it is."""
        if not self.published:
            return [f"{table.name} was never published for {self.game_date}", *self.gaps]
        return [f"{table.name} on {self.game_date}: {gap}" for gap in self.gaps]


def coverage(session: Session, table: Table, dates: Sequence[date], *, counts: bool = True) -> dict[date, Coverage]:
    """What stands of a table on each of the dates, in the order given.

    Without `counts` only the gaps are looked for, which is all that a gate needs.
    """
    if not dates:
        return {}
    published = _row_counts(session, table, min(dates), max(dates))
    if table.grid is None:
        return {day: Coverage(day, day in published, None, published.get(day, 0), ()) for day in dates}
    rows = session.read(table)
    gaps = session.query(grid_gaps(rows, table.grid, session.read, dates))
    sentences = describe_gaps(gaps, table.grid)
    expected = _count_keys(session, table.grid.expected(session.read), dates) if counts else {}
    present = _count_keys(session, table.grid.present(rows), dates) if counts else {}
    return {
        day: Coverage(day, day in published, expected.get(day, 0), present.get(day, 0), tuple(sentences.get(day, ())))
        for day in dates
    }


def closed(session: Session, table: Table, dates: Sequence[date], clock: Clock) -> dict[date, list[str]]:
    """The dates of a table that may not be made yet, with the reasons; dates left out are open.

    The rows of a date need every upstream table complete on the dates that they read: on the date itself,
    or on every earlier date back to where the history begins.
    """
    verdict: dict[date, list[str]] = {day: [] for day in dates}
    for read in table.reads.values():
        for day, reasons in _closed_by(session, read, dates, clock).items():
            verdict[day].extend(reasons)
    return {day: reasons for day, reasons in verdict.items() if reasons}


def broken_promises(session: Session, table: Table, dates: Sequence[date]) -> Reasons:
    """The promises of the contract that the published rows of the dates break, per date.

    A published date whose rows are not those that were published (count or content) is broken too.
    """
    rows = session.stage(STAGED, rows_of(session, table, dates))
    broken: Reasons = {}
    for found in (as_reasons(audit_columns(session, table)), audit_promises(session, rows, table, dates)):
        for day, reasons in found.items():
            broken.setdefault(day, []).extend(reasons)
    content = fingerprints(session, table)
    for day, fingerprint in published_fingerprints(session, table, dates).items():
        if content.get(day, (0, NO_ROWS))[1] != fingerprint:
            broken.setdefault(day, []).append("the rows are not those that the pipeline published")
    return broken


def _closed_by(session: Session, read: Read, dates: Sequence[date], clock: Clock) -> dict[date, list[str]]:
    loaded = {begin: first_loaded(session, begin) for begin in {read_bounds(read, day, day)[0] for day in dates}}
    needed = {day: dates_needed(read, day, loaded[read_bounds(read, day, day)[0]], clock) for day in dates}
    asked = sorted({day for days in needed.values() for day in days})
    incomplete = [c for c in coverage(session, read.table, asked, counts=False).values() if not c.complete]
    result: dict[date, list[str]] = {}
    for day, days in needed.items():
        wanted = set(days)
        blocking = [c for c in incomplete if c.game_date in wanted]
        if blocking:
            result[day] = [_sentence(read.table, blocking)]
    return result


def _sentence(table: Table, blocking: Sequence[Coverage]) -> str:
    first, last = contiguous([c.game_date for c in blocking])[0]
    others = f" (and {len(blocking) - 1} more dates)" if len(blocking) > 1 else ""
    return f"{'; '.join(blocking[0].reasons(table))}{others}. Mend: nba-pipeline backfill --from {first} --to {last}"


def dates_needed(read: Read, day: date, loaded_from: date | None, clock: Clock) -> list[date]:
    """The dates of an upstream table that must be complete before `day` may be made.

    A look back asks for every date whose games are due: from the start of the season, or from the first
    date loaded if that is earlier, up to yesterday. Seasons that were never loaded are a known gap, which
    the quality of the features shows.
    """
    same = [day] if read.window is not Window.BEFORE else []
    if read.window is Window.SAME_DATE:
        return same
    begin, _ = read_bounds(read, day, day)
    start = min(loaded_from or day, season_start(season_of(day)))
    due = min(day - timedelta(days=1), clock.today() - timedelta(days=1))
    return [*game_dates(max(begin, start), due), *same]


def first_loaded(session: Session, begin: date) -> date | None:
    """The earliest date, from `begin` on, on which anything was published; None when nothing was."""
    manifest = session.read(PUBLISHED_PARTITIONS)
    found = session.query(manifest.filter(manifest.game_date >= begin).agg(first=manifest.game_date.min())).to_pylist()
    return found[0]["first"] if found else None


def _row_counts(session: Session, table: Table, first: date, last: date) -> Mapping[date, int]:
    manifest = session.read(PUBLISHED_PARTITIONS)
    mine = manifest.filter(manifest.table_name == table.name, manifest.game_date.between(first, last))
    rows = session.query(mine.select("game_date", "row_count")).to_pylist()
    return {row["game_date"]: row["row_count"] for row in rows}


def _count_keys(session: Session, keys: ibis.Table, dates: Sequence[date]) -> Mapping[date, int]:
    counted = (
        keys.filter(keys.game_date.isin([ibis.literal(day) for day in dates]))
        .group_by("game_date")
        .agg(n=ibis._.count())
    )
    return {row["game_date"]: row["n"] for row in session.query(counted).to_pylist()}
