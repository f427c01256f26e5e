"""What stands of each table on each date, against what should: its rows, its contract, and what it is parsed from."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import cast

import ibis

from nba_pipeline.contracts import Contract, Grid, Reader, StoredTable
from nba_pipeline.gates.evidence.manifest import Manifest
from nba_pipeline.sources.errors import DamagedLandingError
from nba_pipeline.sources.landing import Landing
from nba_pipeline.warehouse.audit import (
    STAGED,
    Reasons,
    as_reasons,
    audit_columns,
    audit_promises,
    describe_gaps,
    fingerprints_as_noted,
    grid_gaps,
)
from nba_pipeline.warehouse.date_scope import in_scope, rows_in_scope
from nba_pipeline.warehouse.interface import QueryFunction, Session
from nba_pipeline.warehouse.publish import NO_ROWS


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

    def reasons(self, table: Contract) -> list[str]:
        """Why the date is not complete, as sentences that name the table; empty when it is."""
        if not self.published:
            return [f"{table.name} was never published for {self.game_date}", *self.gaps]
        return [f"{table.name} on {self.game_date}: {gap}" for gap in self.gaps]


class Standing:
    """The coverage of tables and dates, what they wait for, and what was landed of them."""

    def __init__(self, session: Session, manifest: Manifest, landing: Landing | None) -> None:
        self._session = session
        self._manifest = manifest
        self._landing = landing.as_it_is() if landing else None
        self._coverage: dict[str, dict[date, Coverage]] = {}
        self._answers: dict[tuple[str, date, bool], str] = {}
        self._damaged: set[tuple[str, date]] = set()

    def of(self, table: Contract, dates: Sequence[date], *, counts: bool = False) -> dict[date, Coverage]:
        """What stands of a table on each of the dates, in the order given.

        Without `counts` only the gaps are looked for, which is all that a gate needs.
        """
        if counts:
            return self._measure(table, dates, counts=True)
        known = self._coverage.setdefault(table.name, {})
        unknown = [day for day in dates if day not in known]
        known |= self._measure(table, unknown, counts=False)
        return {day: known[day] for day in dates}

    def _measure(self, table: Contract, dates: Sequence[date], *, counts: bool) -> dict[date, Coverage]:
        published, grid = self._manifest.published(table), table.grid
        rows = {day: published[day].row_count if day in published else 0 for day in dates}
        if grid is None or not dates:
            return {day: Coverage(day, day in published, None, rows[day], ()) for day in dates}
        sentences = describe_gaps(self._session.query(partial(_gaps, table), dates=dates), grid)
        if gone := sorted(self._gone(grid)):
            unknown = f"what is expected is unknown: {', '.join(gone)} was published and is gone from the warehouse"
            sentences = {day: [unknown, *sentences.get(day, ())] for day in dates}
        expected = self._count(partial(_expected, table), dates) if counts else {}
        present = self._count(partial(_present, table), dates) if counts else rows
        return {
            day: Coverage(
                day, day in published, expected.get(day, 0), present.get(day, 0), tuple(sentences.get(day, ()))
            )
            for day in dates
        }

    def _count(self, counted: QueryFunction, dates: Sequence[date]) -> Mapping[date, int]:
        return {row["game_date"]: row["n"] for row in self._session.query(counted, dates=dates).to_pylist()}

    def _gone(self, grid: Grid) -> set[str]:
        """The tables that say what is expected, were published and are not there; without them nobody can say."""
        lost = self._manifest.lost
        asked: set[str] = set()

        def read(table: StoredTable) -> ibis.Table:
            asked.add(table.name)
            return self._session.read(table)

        if lost:
            grid.expected(read)
        return lost & asked

    def is_complete(self, table: Contract, day: date) -> bool:
        """Whether a table has everything that is expected on a date."""
        return self.of(table, [day])[day].complete

    def broken_promises(self, table: Contract, dates: Sequence[date]) -> Reasons:
        """The promises of the contract that the published rows of the dates break, per date.

        A published date whose rows are not those that were published (count or content) is broken too.
        """
        if not dates:
            return {}
        session = self._session
        session.stage(STAGED, partial(rows_in_scope, table), dates=dates)
        broken: Reasons = {}
        for found in (as_reasons(audit_columns(session, table)), audit_promises(session, table, dates)):
            for day, reasons in found.items():
                broken.setdefault(day, []).extend(reasons)
        published = self._manifest.published(table)
        lines = {day: published[day] for day in dates if day in published}
        content = fingerprints_as_noted(session, table, {day: line.fingerprint_columns for day, line in lines.items()})
        for day, line in lines.items():
            if content.get(day, NO_ROWS) != line.fingerprint:
                broken.setdefault(day, []).append("the rows are not those that the pipeline published")
        return broken

    def waiting(self, table: Contract, dates: Sequence[date]) -> Reasons:
        """Per date, what the table still waits for before it can be made; dates left out wait for nothing."""
        if table.waits_for is None or not dates:
            return {}
        reasons: Reasons = {}
        for row in self._session.query(table.waits_for, dates=dates).to_pylist():
            reasons.setdefault(row["game_date"], []).append(row["reason"])
        return reasons

    def not_landed(self, table: Contract, dates: Sequence[date]) -> Reasons:
        """The dates about which the source was never asked, or whose answer cannot be read, and why.

        Of a table that is parsed from landed answers; others wait for none. Where landing is optional, only
        what cannot be read is named.
        """
        if table.landed is None or self._landing is None:
            return {}
        nothing = f"nothing was landed from {table.landed} about"
        found = {day: self.answers(table, day) for day in dates}
        return {
            day: [said if said != "-" else f"{nothing} {day}"]
            for day, said in found.items()
            if (said == "-" and not table.landed_optional) or (table.landed, day) in self._damaged
        }

    def has_no_answer(self, table: Contract, day: date) -> bool:
        """Whether nothing was ever landed of a table about a date; an answer that cannot be read is one."""
        return self._landing is not None and self.answers(table, day) == "-"

    def answers(self, table: Contract, day: date) -> str:
        """A hash over the landed answers that a table's rows of a date follow from; `-` when there is none.

        Of an answer that cannot be read it is the reason.
        """
        if table.landed is None or self._landing is None:
            return "-"
        key = (table.landed, day, table.every_answer)
        if key not in self._answers:
            try:
                self._answers[key] = _hash_of_answers(self._landing, table, day)
            except DamagedLandingError as error:
                # The date is closed with this reason; a step that reads the answer raises it.
                self._answers[key] = str(error)
                self._damaged.add((table.landed, day))
        return self._answers[key]


def _gaps(table: Contract, read: Reader) -> ibis.Table:
    return grid_gaps(read(table), table, read)


def _expected(table: Contract, read: Reader) -> ibis.Table:
    return _counted(cast(Grid, table.grid).expected(read))


def _present(table: Contract, read: Reader) -> ibis.Table:
    return _counted(cast(Grid, table.grid).present(read(table)))


def _counted(rows: ibis.Table) -> ibis.Table:
    return rows.filter(in_scope(rows.game_date)).group_by("game_date").agg(n=ibis._.count())


def _hash_of_answers(landing: Landing, table: Contract, day: date) -> str:
    """A hash over the answers that count.

    The newest answer speaks for most tables, and the first that said the same stands for it; for some every answer that
    said something new counts, and while there is one alone that is the same. Optional ones say
    when their news was known: where nothing tells what an answer says of a date, every one counts, also one that
    repeats the one before.
    """
    captures = landing.telling(table.landed or "", day)
    if not captures:
        return "-"
    if table.every_answer and len(captures) > 1:
        return hashlib.sha256("|".join(capture.fingerprint for capture in captures).encode()).hexdigest()
    if not table.landed_optional:
        return captures[-1].fingerprint
    said = "|".join(f"{capture.known_at.isoformat()} {capture.fingerprint}" for capture in captures)
    return hashlib.sha256(said.encode()).hexdigest()
