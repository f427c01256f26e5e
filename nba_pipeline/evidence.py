"""What stands of each table on each date, against what should: the evidence that gates judge by.

Everything here is read from the warehouse and the landing. No status flag and no memory of what a run
believed takes part: a date is complete because its rows are there.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any

import ibis

from nba_pipeline.clock import Clock, season_of, tips_off_by
from nba_pipeline.code_versions import version_of
from nba_pipeline.contracts import Grid, Phase, Read, Reader, Table, Window
from nba_pipeline.game_decisions import GameDecision, decision_hash, decisions_in_force
from nba_pipeline.partitions import game_dates, read_bounds, season_start
from nba_pipeline.source_faults import repairs_hash
from nba_pipeline.sources.errors import DamagedLandingError
from nba_pipeline.sources.landing import Landing
from nba_pipeline.sources.records import NOT_PLAYED
from nba_pipeline.warehouse.asked import is_asked
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
from nba_pipeline.warehouse.interface import Session
from nba_pipeline.warehouse.operations_tables import GATE_OVERRIDES, PUBLISHED_PARTITIONS
from nba_pipeline.warehouse.publish import NO_ROWS, asked_rows

KNOWN_GAP = "known_gap"
"""The override that lets look-backs pass over a date whose games will never be had."""

THE_RULE = "the deadline's rule"
"""Who decided of a known gap that was recorded when the deadline of a silent source was over: nobody."""

SCHEDULE = "raw.games"

BOX_SCORES = "raw.player_box_scores"

HELD_GAMES = "raw.held_games"

BY_RULE = "the deadline"
"""By what a game is held when no person decided it."""

MEND = ". Mend: "
"""Where a reason names the command that mends it."""


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


@dataclass(frozen=True)
class Published:
    """One line of the manifest: what was published, from which inputs, by which code, and when."""

    row_count: int
    fingerprint: str
    inputs: str | None
    published_at: datetime
    code_version: str | None = None
    fingerprint_columns: str | None = None


@dataclass(frozen=True)
class Override:
    """A person's recorded decision to open a gate for a date, until an instant."""

    gate: str
    game_date: date
    decided_by: str
    reason: str
    until: datetime

    @property
    def by_rule(self) -> bool:
        """Whether no person decided, but the rule about a source that is silent beyond its deadline."""
        return self.gate == KNOWN_GAP and self.decided_by == THE_RULE

    def __str__(self) -> str:
        """The decision as a sentence."""
        return (
            f"{self.decided_by} let {self.gate} pass for {self.game_date} until {self.until:%Y-%m-%d %H:%M} UTC: "
            f"{self.reason}"
        )


@dataclass(frozen=True)
class Held:
    """A game that is held: nothing of it is in any history, and nothing waits for it."""

    game_date: date
    game_id: int
    teams: tuple[str, ...]
    reasons: str
    decided_by: str

    def __str__(self) -> str:
        """The game with the reasons, as a sentence that names the next command."""
        return (
            f"game {self.game_id} of {' and '.join(self.teams)} on {self.game_date} is held by {self.decided_by}: "
            f"{self.reasons}{MEND}nba-pipeline game show {self.game_id}"
        )


class Need(StrEnum):
    """What has to be done about a table on a date."""

    NOTHING = "nothing"
    MISSING = "missing"
    STALE = "stale"
    OUTDATED = "outdated"


class Evidence:
    """Everything that gates, sensors, self-heal, health and smoke test ask, each looked up once a session.

    It is true for as long as its session lasts and is then thrown away.
    """

    def __init__(self, session: Session, clock: Clock, tables: Sequence[Table], landing: Landing | None = None) -> None:
        self.session = session
        self.clock = clock
        self.tables = tables
        self._landing = landing.as_it_is() if landing else None
        self._coverage: dict[str, dict[date, Coverage]] = {}
        self._content: dict[tuple[str, date], str] = {}
        self._damaged: set[tuple[str, date]] = set()
        self._prefixes: dict[tuple[str, date, bool], tuple[list[date], list[str]]] = {}
        self._held: dict[date, dict[int, Held]] | None = None
        self._decisions: Mapping[tuple[date, int], GameDecision] | None = None
        self._manifest: dict[str, dict[date, Published]] | None = None
        self._overrides: dict[tuple[str, date], Override] | None = None
        self._last_decisions: dict[tuple[str, date], Override] = {}
        self._tipped_off: dict[date, datetime] | None = None
        self._stale: dict[tuple[str, date], bool] = {}
        self._behind: dict[str, dict[date, str]] = {}
        self._made_again: dict[str, set[date]] = {}

    def tables_of(self, phase: Phase) -> list[Table]:
        """The tables of one phase."""
        return [table for table in self.tables if table.phase is phase]

    @property
    def schedule(self) -> Table:
        """The table of the games of every date."""
        return next(table for table in self.tables if table.name == SCHEDULE)

    @property
    def manifest(self) -> Mapping[str, Mapping[date, Published]]:
        """Per table and date, what was published."""
        if self._manifest is None:
            found: dict[str, dict[date, Published]] = {}
            for row in self.session.query_built("manifest", lambda read: read(PUBLISHED_PARTITIONS)).to_pylist():
                line = Published(
                    row["row_count"], row["fingerprint"], row["inputs"], row["published_at"], row["code_version"],
                    row["fingerprint_columns"],
                )  # fmt: skip
                found.setdefault(row["table_name"], {})[row["game_date"]] = line
            self._manifest = found
        return self._manifest

    def published(self, table: Table) -> Mapping[date, Published]:
        """Per date, what was published of a table; nothing when the table itself is gone from the warehouse."""
        return self.manifest.get(table.name, {}) if self.session.exists(table) else {}

    def coverage(self, table: Table, dates: Sequence[date], *, counts: bool = False) -> dict[date, Coverage]:
        """What stands of a table on each of the dates, in the order given.

        Without `counts` only the gaps are looked for, which is all that a gate needs.
        """
        if counts:
            return self._measure(table, dates, counts=True)
        known = self._coverage.setdefault(table.name, {})
        unknown = [day for day in dates if day not in known]
        known |= self._measure(table, unknown, counts=False)
        return {day: known[day] for day in dates}

    def _measure(self, table: Table, dates: Sequence[date], *, counts: bool) -> dict[date, Coverage]:
        published, grid = self.published(table), table.grid
        rows = {day: published[day].row_count if day in published else 0 for day in dates}
        if grid is None or not dates:
            return {day: Coverage(day, day in published, None, rows[day], ()) for day in dates}
        session, gone = self.session, sorted(self._gone(grid))
        session.ask_about(dates)
        gaps = session.query_built(("gaps", table), lambda read: grid_gaps(read(table), grid, read))
        sentences = describe_gaps(gaps, grid)
        if gone:
            unknown = f"what is expected is unknown: {', '.join(gone)} was published and is gone from the warehouse"
            sentences = {day: [unknown, *sentences.get(day, ())] for day in dates}
        expected = self._count(("expected", table), lambda read: grid.expected(read)) if counts else {}
        present = self._count(("present", table), lambda read: grid.present(read(table))) if counts else rows
        return {
            day: Coverage(
                day, day in published, expected.get(day, 0), present.get(day, 0), tuple(sentences.get(day, ()))
            )
            for day in dates
        }

    def _count(self, key: Hashable, keys: Callable[[Reader], ibis.Table]) -> Mapping[date, int]:
        def counted(read: Reader) -> ibis.Table:
            rows = keys(read)
            return rows.filter(is_asked(rows.game_date)).group_by("game_date").agg(n=ibis._.count())

        return {row["game_date"]: row["n"] for row in self.session.query_built(key, counted).to_pylist()}

    @property
    def lost(self) -> set[str]:
        """The tables that were published and are not in the warehouse any more."""
        return {t.name for t in self.tables if t.name in self.manifest and not self.session.exists(t)}

    def _gone(self, grid: Grid) -> set[str]:
        """The tables that say what is expected, were published and are not there: from none follows nothing."""
        lost = self.lost
        asked: set[str] = set()

        def read(table: Table) -> ibis.Table:
            asked.add(table.name)
            return self.session.read(table)

        if lost:
            grid.expected(read)
        return lost & asked

    def complete(self, table: Table, day: date) -> bool:
        """Whether a table has everything that is expected on a date."""
        return self.coverage(table, [day])[day].complete

    def broken_promises(self, table: Table, dates: Sequence[date]) -> Reasons:
        """The promises of the contract that the published rows of the dates break, per date.

        A published date whose rows are not those that were published (count or content) is broken too.
        """
        if not dates:
            return {}
        session = self.session
        session.ask_about(dates)
        session.stage_built(STAGED, ("standing", table), partial(asked_rows, table))
        broken: Reasons = {}
        for found in (as_reasons(audit_columns(session, table)), audit_promises(session, table, dates)):
            for day, reasons in found.items():
                broken.setdefault(day, []).extend(reasons)
        lines = {day: line for day in dates if (line := self.published(table).get(day)) is not None}
        content = fingerprints_as_noted(session, table, {day: line.fingerprint_columns for day, line in lines.items()})
        for day, line in lines.items():
            if content.get(day, NO_ROWS) != line.fingerprint:
                broken.setdefault(day, []).append("the rows are not those that the pipeline published")
        return broken

    def waiting(self, table: Table, dates: Sequence[date]) -> Reasons:
        """Per date, what the table still waits for before it can be made; dates left out wait for nothing."""
        if table.waits_for is None or not dates:
            return {}
        reasons: Reasons = {}
        self.session.ask_about(dates)
        for row in self.session.query_built(("waits for", table), table.waits_for).to_pylist():
            reasons.setdefault(row["game_date"], []).append(row["reason"])
        return reasons

    def not_landed(self, table: Table, dates: Sequence[date]) -> Reasons:
        """The dates about which the source was never asked, or whose answer cannot be read, and why.

        Of a table that is parsed from landed answers; others wait for none. Where landing is optional, only
        what cannot be read is named.
        """
        if table.landed is None or self._landing is None:
            return {}
        nothing = f"nothing was landed from {table.landed} about"
        found = {day: self._landed(table, day) for day in dates}
        return {
            day: [said if said != "-" else f"{nothing} {day}"]
            for day, said in found.items()
            if (said == "-" and not table.landed_optional) or (table.landed, day) in self._damaged
        }

    def has_no_answer(self, table: Table, day: date) -> bool:
        """Whether nothing was ever landed of a table about a date; an answer that cannot be read is one."""
        return self._landing is not None and self._landed(table, day) == "-"

    @property
    def overrides(self) -> Mapping[tuple[str, date], Override]:
        """The overrides in force, by gate and date: the last recorded counts, and none when that one is over."""
        if self._overrides is None:
            found = self.session.query_built(
                "overrides", lambda read: read(GATE_OVERRIDES).order_by("recorded_at", ibis.desc("until"))
            )
            now = self.clock.now().replace(tzinfo=None)
            last = {
                (row["gate"], row["game_date"]): Override(
                    row["gate"], row["game_date"], row["decided_by"], row["reason"], row["until"]
                )
                for row in found.to_pylist()
                if row["recorded_at"] <= now
            }
            self._last_decisions = last
            self._overrides = {key: decision for key, decision in last.items() if now < decision.until}
        return self._overrides

    @property
    def decisions(self) -> Mapping[tuple[date, int], GameDecision]:
        """What people decided about games, and what is in force now, by date and game."""
        if self._decisions is None:
            self._decisions = decisions_in_force(self.session, self.clock.now())
        return self._decisions

    def held(self, day: date) -> Mapping[int, Held]:
        """The games of a date that are held, by id."""
        if self._held is None:
            self._held = {}
            table = next((table for table in self.tables if table.name == HELD_GAMES), None)
            days = sorted(d for d, line in self.published(table).items() if line.row_count) if table else []
            for row in self._held_rows(table, days) if table and days else ():
                of_date = self._held.setdefault(row["game_date"], {})
                known = of_date.get(row["game_id"])
                teams = (*(known.teams if known else ()), row.pop("team"))
                of_date[row["game_id"]] = Held(**row, teams=teams)
        return self._held.get(day, {})

    def _held_rows(self, table: Table, days: Sequence[date]) -> list[dict[str, Any]]:
        self.session.ask_about(days)
        return self.session.query_built("held games", partial(_held_rows, table)).to_pylist()

    def nothing_arrived(self, day: date) -> bool:
        """Whether the source gave no box score at all of a date with games, and its deadline is over.

        Such a date is closed, and later dates look back past it: its games are held.
        """
        if not any(held.decided_by == BY_RULE for held in self.held(day).values()):
            return False
        line = self.manifest.get(BOX_SCORES, {}).get(day)
        return line is not None and not line.row_count

    def last_decision(self, gate: str, day: date) -> Override | None:
        """What was recorded last about a gate and a date, over or not."""
        return self.overrides.get((gate, day)) or self._last_decisions.get((gate, day))

    def is_known_gap(self, day: date, table: Table | None = None) -> bool:
        """Whether what is not there of a date is passed over: a person recorded that it will never be had.

        Or the rule did, when the source was silent beyond its deadline: then only what lacks facts of the source is
        passed over, and only as long as they lack. What is made from facts that came must be there as ever.
        """
        gap = self.overrides.get((KNOWN_GAP, day))
        if gap is None or not gap.by_rule:
            return gap is not None
        facts = [each for each in self.tables_of(Phase.RAW) if each.landed and not each.landed_optional]
        return any(self.lacks_facts(each, day) for each in ([table] if table else facts))

    def is_left_alone(self, day: date) -> bool:
        """Whether a person recorded that the games of a date will never be had: nobody asks for them any more."""
        gap = self.overrides.get((KNOWN_GAP, day))
        return gap is not None and not gap.by_rule

    def lacks_facts(self, table: Table, day: date) -> bool:
        """Whether anything of the source that a table's rows of a date are made from, of the same date, never came."""
        if table.phase is Phase.RAW:
            return not table.landed_optional and day not in self.published(table)
        return any(self.lacks_facts(r.table, day) for r in table.reads.values() if r.window is not Window.BEFORE)

    def first_loaded(self, begin: date) -> date | None:
        """The earliest date, from `begin` on, on which anything was published; None when nothing was."""
        dates = [day for lines in self.manifest.values() for day in lines if day >= begin]
        return min(dates) if dates else None

    def dates_needed(self, read: Read, day: date) -> list[date]:
        """The dates of an upstream table that must be complete before `day` may be made.

        A look back asks for every date whose games are due: from the start of the season, or from the first
        date loaded if that is earlier, up to yesterday, but for known gaps and dates of which nothing arrived.
        Seasons that were never loaded are a known gap, which the quality of the features shows. A trailing window
        takes what there is.
        """
        same = [day] if read.window is not Window.BEFORE else []
        if read.window in (Window.SAME_DATE, Window.TRAILING):
            return same
        begin, _ = read_bounds(read, day, day)
        start = min(self.first_loaded(begin) or day, season_start(season_of(day)))
        due = min(day - timedelta(days=1), self.clock.today() - timedelta(days=1))
        looked_back = game_dates(max(begin, start), due)
        passed_over = {d for d in looked_back if self.is_known_gap(d, read.table) or self.nothing_arrived(d)}
        return [*(d for d in looked_back if d not in passed_over), *same]

    def inputs(self, table: Table, dates: Sequence[date]) -> dict[date, str]:
        """Per date, one SHA-256 over the fingerprints of everything that its rows are made from.

        Rows recorded with another one are stale: something that they were made from has changed since.
        """
        return {day: self._inputs_of(table, day) for day in dates}

    def inputs_from_outside(self, tables: Iterable[Table], day: date) -> str:
        """One hash over what tables that are made in one run are made from, and over the code that makes them.

        What they make of each other for the date is left aside; what stands of earlier dates is not.
        """
        made = list(tables)
        hashes = [f"{table.name}:{version_of(table)}:{self._inputs_of(table, day, made_with=made)}" for table in made]
        return hashlib.sha256("|".join(sorted(hashes)).encode()).hexdigest()

    def _inputs_of(self, table: Table, day: date, made_with: Sequence[Table] = ()) -> str:
        digest = hashlib.sha256(self._landed(table, day).encode())
        if table.decided:
            digest.update(f"{decision_hash(self.decisions, day)}{repairs_hash(day)}".encode())
        for name, read in sorted(table.reads.items()):
            made = read.table in made_with
            if made and read.window is Window.SAME_DATE:
                continue
            digest.update(f"|{name}:".encode())
            if read.window is not Window.SAME_DATE:
                begin, _ = read_bounds(read, day, day)
                digest.update(self._before(read, begin, day).encode())
            if read.window is not Window.BEFORE and not made:
                line = self.published(read.table).get(day)
                digest.update((line.fingerprint if line and _says_something(read, line) else "-").encode())
        return digest.hexdigest()

    def _before(self, read: Read, begin: date, day: date) -> str:
        """A hash over the fingerprints of a table from `begin` to the day before `day`."""
        table, key = read.table, (read.table.name, begin, read.optional)
        if key not in self._prefixes:
            lines = self.published(table)
            dates = sorted(d for d, line in lines.items() if d >= begin and _says_something(read, line))
            digest, hashes = hashlib.sha256(), []
            for d in dates:
                digest.update(f"{d}{self.published(table)[d].fingerprint}".encode())
                hashes.append(digest.hexdigest())
            self._prefixes[key] = dates, hashes
        dates, hashes = self._prefixes[key]
        place = bisect_left(dates, day)
        return hashes[place - 1] if place else "-"

    def _landed(self, table: Table, day: date) -> str:
        if table.landed is None or self._landing is None:
            return "-"
        key = (table.landed, day)
        if key not in self._content:
            try:
                self._content[key] = self._spoken(table, day, self._landing)
            except DamagedLandingError as error:
                # The date is closed with this reason; a step that reads the answer raises it.
                self._content[key] = str(error)
                self._damaged.add(key)
        return self._content[key]

    def _spoken(self, table: Table, day: date, landing: Landing) -> str:
        """A hash over the landed answers that a table's rows of a date follow from; `-` when there is none.

        The newest answer speaks for most tables, and the first that said the same stands for it. Optional ones say
        when their news was known: where nothing tells what an answer says of a date, every one counts, also one that
        repeats the one before.
        """
        captures = landing.telling(table.landed or "", day)
        if not captures:
            return "-"
        if not table.landed_optional:
            return captures[-1].fingerprint
        told = "|".join(f"{capture.known_at.isoformat()} {capture.fingerprint}" for capture in captures)
        return hashlib.sha256(told.encode()).hexdigest()

    def last_tip_off(self, day: date) -> datetime | None:
        """When the last game of a date tips off; None when the schedule does not say."""
        if self._tipped_off is None:
            self.session.ask_about(sorted(self.published(self.schedule)))
            rows = self.session.query_built("last tip-offs", partial(_last_tip_offs, self.schedule)).to_pylist()
            self._tipped_off = {row["game_date"]: _last_of(row) for row in rows}
        return self._tipped_off.get(day)

    def all_have_begun(self, day: date) -> bool:
        """Whether the last game of a date has tipped off, or, with times unknown, the date has begun.

        Until then its ledger can still gain rows: of the games that have not begun.
        """
        tip = self.last_tip_off(day)
        return self.clock.now() >= tip if tip else day <= self.clock.today()

    def can_exist(self, table: Table, day: date) -> bool:
        """Whether the rows of a date can be made by now at all."""
        last = self.clock.today() + timedelta(days=1 if table.before_tip_off else -1)
        return day <= last

    def needs(self, tables: Iterable[Table], dates: Sequence[date]) -> dict[tuple[str, date], Need]:
        """What has to be done, per table and date; what needs nothing is left out."""
        found: dict[tuple[str, date], Need] = {}
        for table in tables:
            possible = [day for day in dates if self.can_exist(table, day) and not self.is_left_alone(day)]
            covered = self.coverage(table, possible)
            for day in possible:
                need = Need.MISSING if not covered[day].complete else self.need_of_rows(table, day)
                if need is not Need.NOTHING:
                    found[table.name, day] = need
        return found

    def need_of_rows(self, table: Table, day: date) -> Need:
        """Whether the rows that stand of a date are stale or outdated; whether any are missing is not asked."""
        if self.is_frozen(table, day):
            return Need.NOTHING
        if self.is_outdated(table, day):
            return Need.OUTDATED
        return Need.STALE if self.is_stale(table, day) else Need.NOTHING

    def is_frozen(self, table: Table, day: date) -> bool:
        """Whether a ledger can gain or change no row of a date any more: its games have begun, and all was said before.

        What was computed after the games is made again like everything else.
        """
        return table.ledger and self.all_have_begun(day) and day not in self._dates_made_again(table)

    def _dates_made_again(self, table: Table) -> set[date]:
        """The dates of a ledger that have rows which are made again."""
        if table.made_again is None:
            return set()
        if table.name not in self._made_again:
            made_again = table.made_again
            self.session.ask_about(sorted(self.published(table)))
            days = self.session.query_built(
                ("dates made again", table),
                lambda read: made_again(asked_rows(table, read)).select("game_date").distinct(),
            )
            self._made_again[table.name] = {row["game_date"] for row in days.to_pylist()}
        return self._made_again[table.name]

    def not_current(self, table: Table, dates: Iterable[date]) -> Reasons:
        """Per date, why published rows are not those that would be made now, as sentences that name the table.

        Rows of a ledger about games that have begun are never made again, so nothing is said of them.
        """
        found: Reasons = {}
        for day in dates:
            need = self.need_of_rows(table, day)
            if need is not Need.NOTHING:
                found[day] = [f"{table.name} on {day} {WHY_NOT_CURRENT[need]}. {make_again(need, day, day)}"]
        return found

    def is_stale(self, table: Table, day: date) -> bool:
        """Whether something that a published date was made from has changed since."""
        if (table.name, day) not in self._stale:
            line = self.published(table).get(day)
            self._stale[table.name, day] = line is not None and line.inputs != self._inputs_of(table, day)
        return self._stale[table.name, day]

    def is_outdated(self, table: Table, day: date) -> bool:
        """Whether the rows of a published date were made by other code than this process runs.

        What cannot be made again stays as it is: parsed rows whose landed answer is gone, and what a ledger keeps.
        """
        line, now = self.published(table).get(day), version_of(table)
        if line is None or now is None or line.code_version == now or self.is_frozen(table, day):
            return False
        gone = table.landed is not None and self._landing is not None and self._landed(table, day) == "-"
        return not (gone and (line.row_count or not table.landed_optional))

    def outdated(self, table: Table, since: date = date.min) -> list[date]:
        """The published dates from `since` on that are outdated, known gaps aside, in order."""
        return [
            day
            for day in sorted(self.published(table))
            if day >= since and self.is_outdated(table, day) and not self.is_known_gap(day)
        ]

    def behind(self, table: Table) -> Mapping[date, str]:
        """The dates whose rows are outdated, or were made from such rows, each with the outdated table and date.

        Known gaps are passed over: nobody makes them again. Whether rows made from outdated ones will change is not
        known until those were made again.
        """
        if table.name not in self._behind:
            found = {day: f"{table.name} on {day}" for day in self.outdated(table)}
            for read in table.reads.values():
                upstream = self.behind(read.table)
                in_order = sorted(upstream)
                for day in self.published(table) if upstream else ():
                    first = _first_within(in_order, *read_bounds(read, day, day))
                    if first is not None and not self.is_frozen(table, day) and not self.is_known_gap(day):
                        found.setdefault(day, upstream[first])
            self._behind[table.name] = found
        return self._behind[table.name]

    def mixed_reads(self, reads: Iterable[Read], dates: Iterable[date], *, own_date: bool = True) -> Reasons:
        """Per date, the rows that it would read and that are not current: what is made of them would be a mixture.

        The whole history that is read counts, known gaps aside. Of raw tables only the code counts: where a newer
        answer of the source is refused, the last good one stands. Without `own_date` only dates before count.
        """
        found: Reasons = {}
        chosen = sorted(dates)
        for read in reads:
            behind = self.behind(read.table)
            outdated, stale = sorted(behind), self._stale_within(read, chosen)
            for day in chosen:
                begin, end = read_bounds(read, day, day)
                bounds = begin, end if own_date else min(end, day - timedelta(days=1))
                if (first := _first_within(outdated, *bounds)) is not None:
                    reason = f"{behind[first]} {WHY_NOT_CURRENT[Need.OUTDATED]}. {make_again(Need.OUTDATED)}"
                elif (first := _first_within(stale, *bounds)) is not None:
                    mend = make_again(Need.STALE, first, first)
                    reason = f"{read.table.name} on {first} {WHY_NOT_CURRENT[Need.STALE]}. {mend}"
                else:
                    continue
                found.setdefault(day, []).append(reason)
        return found

    def _stale_within(self, read: Read, dates: Sequence[date]) -> list[date]:
        """The stale dates of an upstream table that some of the dates read, in order."""
        if not dates or read.table.phase is Phase.RAW:
            return []
        table, (begin, end) = read.table, read_bounds(read, dates[0], dates[-1])
        wanted = {*dates} if read.window is Window.SAME_DATE else None
        return [
            day
            for day in sorted(self.published(table))
            if begin <= day <= end
            and (wanted is None or day in wanted)
            and self.is_stale(table, day)
            and not (self.is_frozen(table, day) or self.is_known_gap(day))
        ]

    def reached(self, table: Table, changed: Mapping[str, Iterable[date]]) -> set[date]:
        """The dates of a table that changes upstream can reach: `changed` has the dates by upstream table.

        Dates without a schedule in the warehouse are not reached: nobody has asked for them.
        """
        scheduled = sorted(self.manifest.get(SCHEDULE, {}))
        dates: set[date] = set()
        for read in table.reads.values():
            for day in changed.get(read.table.name, ()):
                if read.window is not Window.BEFORE:
                    dates.add(day)
                if read.window is not Window.SAME_DATE:
                    end = _reached_until(read, day)
                    dates.update(scheduled[bisect_right(scheduled, day) : bisect_left(scheduled, end)])
        return dates


def _says_something(read: Read, line: Published) -> bool:
    """Whether a date of an upstream table counts as an input: one without rows adds nothing to an optional one."""
    return bool(line.row_count) or not read.optional


def _held_rows(table: Table, read: Reader) -> ibis.Table:
    """The teams of the games of the asked dates that are held."""
    rows = asked_rows(table, read)
    held = rows.filter(rows.state == "held").order_by("game_date", "game_id", "team")
    return held.select("game_date", "game_id", "team", "reasons", "decided_by")


def _last_tip_offs(schedule: Table, read: Reader) -> ibis.Table:
    """When the last game of each asked date tips off that is played, and whether some tip-off is unknown."""
    games = asked_rows(schedule, read)
    playing = games.filter(games.status.notin(NOT_PLAYED))
    return playing.group_by("game_date").agg(last=playing.tipoff_at.max(), unknown=playing.tipoff_at.isnull().any())


def _last_of(row: Mapping[str, Any]) -> datetime:
    """The last tip-off of a date; of one that is unknown, the instant up to which the game has certainly not begun."""
    known = [row["last"].replace(tzinfo=UTC)] if row["last"] else []
    return max([*known, *([tips_off_by(row["game_date"], None)] if row["unknown"] else [])])


WHY_NOT_CURRENT = {
    Need.STALE: "was made before what it is made from changed",
    Need.OUTDATED: "was made by other code than runs now",
}


def make_again(need: Need, first: date | None = None, last: date | None = None) -> str:
    """The command that makes again what is stale within a range, or what is outdated anywhere.

    What is outdated is so on every date that was made before, and its history counts.
    """
    within = f" --from {first} --to {last}" if need is Need.STALE and first and last else ""
    return f"Mend: nba-pipeline backfill --outdated{within}"


def _first_within(dates: Sequence[date], begin: date, end: date) -> date | None:
    """The first of some dates in order that lies within bounds, both included."""
    place = bisect_left(dates, begin)
    return dates[place] if place < len(dates) and dates[place] <= end else None


def _reached_until(read: Read, day: date) -> date:
    """The first date that reads `day` no more."""
    if read.window is Window.TRAILING:
        return day + timedelta(days=read.days)
    return season_start(season_of(day) + read.earlier_seasons + 1)
