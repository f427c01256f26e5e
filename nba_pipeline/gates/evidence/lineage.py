"""What was made from what: which dates a date reads, and whether its rows are those that would be made now."""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from nba_pipeline.clock import Clock, held_from, season_of
from nba_pipeline.code_versions import version_of
from nba_pipeline.contracts import Contract, Phase, Read, Window
from nba_pipeline.decisions.game_decisions import decision_hash
from nba_pipeline.decisions.source_faults import repairs_hash
from nba_pipeline.gates.evidence.calendar import SCHEDULE, Calendar
from nba_pipeline.gates.evidence.coverage import Standing
from nba_pipeline.gates.evidence.decisions import Decisions
from nba_pipeline.gates.evidence.manifest import Manifest, Published
from nba_pipeline.gates.evidence.needs import WHY_NOT_CURRENT, Need, make_again
from nba_pipeline.partitions import game_dates, read_bounds, season_start
from nba_pipeline.warehouse.audit import Reasons


class Lineage:
    """The dates that each date was made from and reaches, and what of them is stale, outdated or missing."""

    def __init__(
        self,
        clock: Clock,
        tables: Sequence[Contract],
        manifest: Manifest,
        decisions: Decisions,
        calendar: Calendar,
        coverage: Standing,
    ) -> None:
        self._clock = clock
        self._manifest = manifest
        self._decisions = decisions
        self._calendar = calendar
        self._coverage = coverage
        self._prefixes: dict[tuple[str, date, bool], tuple[list[date], list[str]]] = {}
        self._stale: dict[tuple[str, date], bool] = {}
        self._behind: dict[str, dict[date, str]] = {}
        self._tables = tables

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
        start = min(self._manifest.first_loaded(begin) or day, season_start(season_of(day)))
        due = min(day - timedelta(days=1), self._clock.today() - timedelta(days=1))
        looked_back = game_dates(max(begin, start), due)
        return [*(d for d in looked_back if not self._is_passed_over(d, read.table)), *same]

    def _is_passed_over(self, day: date, table: Contract) -> bool:
        """Whether a look back asks nothing of a table on a date."""
        return self._decisions.is_known_gap(day, table) or self._calendar.nothing_arrived(day)

    def reached(self, table: Contract, changed: Mapping[str, Iterable[date]]) -> set[date]:
        """The dates of a table that changes upstream can reach: `changed` has the dates by upstream table.

        Dates without a schedule in the warehouse are not reached: nobody has asked for them.
        """
        scheduled = sorted(self._manifest.lines.get(SCHEDULE, {}))
        dates: set[date] = set()
        for read in table.reads.values():
            for day in changed.get(read.table.name, ()):
                if read.window is not Window.BEFORE:
                    dates.add(day)
                if read.window is not Window.SAME_DATE:
                    end = _reached_until(read, day)
                    dates.update(scheduled[bisect_right(scheduled, day) : bisect_left(scheduled, end)])
        return dates

    def inputs(self, table: Contract, dates: Sequence[date]) -> dict[date, str]:
        """Per date, one SHA-256 over the fingerprints of everything that its rows are made from.

        Rows recorded with another one are stale: something that they were made from has changed since.
        """
        return {day: self._inputs_of(table, day) for day in dates}

    def inputs_from_outside(self, tables: Iterable[Contract], day: date) -> str:
        """One hash over what tables that are made in one run are made from, and over the code that makes them.

        What they make of each other for the date is left aside; what stands of earlier dates is not.
        """
        made = list(tables)
        hashes = [f"{table.name}:{version_of(table)}:{self._inputs_of(table, day, made_with=made)}" for table in made]
        return hashlib.sha256("|".join(sorted(hashes)).encode()).hexdigest()

    def _inputs_of(self, table: Contract, day: date, made_with: Sequence[Contract] = ()) -> str:
        digest = hashlib.sha256(self._coverage.answers(table, day).encode())
        if table.decided:
            digest.update(f"{decision_hash(self._decisions.about_games, day)}{repairs_hash(day)}".encode())
        for name, read in sorted(table.reads.items()):
            made = read.table in made_with
            if made and read.window is Window.SAME_DATE:
                continue
            digest.update(f"|{name}:".encode())
            if read.window is not Window.SAME_DATE:
                begin, _ = read_bounds(read, day, day)
                digest.update(self._before(read, begin, day).encode())
            if read.window is not Window.BEFORE and not made:
                line = self._manifest.published(read.table).get(day)
                digest.update((line.fingerprint if line and _says_something(read, line) else "-").encode())
        return self._with_deadline(table, day, digest.hexdigest())

    def _with_deadline(self, table: Contract, day: date, inputs: str) -> str:
        """What a table is made from, with the end of the date's deadline where it follows from that.

        It does while what is made of it from the same answers is not made from what stands now: what was waited for is
        then waited for no longer, though nothing new was landed. Once that is made, rows from before the deadline are
        as good as those from after it.
        """
        if not table.by_deadline or self._clock.now() < held_from(day):
            return inputs
        over = hashlib.sha256(f"{inputs} the deadline is over".encode()).hexdigest()
        noted = self._manifest.published(table).get(day)
        waiting = any(
            day not in self._manifest.published(waits) or self.is_stale(waits, day)
            for waits in self._waiting_for(table)
        )
        return over if waiting or (noted is not None and noted.inputs == over) else inputs

    def _waiting_for(self, table: Contract) -> list[Contract]:
        """The tables that are made of a table from the same landed answers."""
        same = [other for other in self._tables if other.landed is not None and other.landed == table.landed]
        return [other for other in same if any(read.table is table for read in other.reads.values())]

    def _before(self, read: Read, begin: date, day: date) -> str:
        """A hash over the fingerprints of a table from `begin` to the day before `day`."""
        table, key = read.table, (read.table.name, begin, read.optional)
        if key not in self._prefixes:
            lines = self._manifest.published(table)
            dates = sorted(d for d, line in lines.items() if d >= begin and _says_something(read, line))
            digest, hashes = hashlib.sha256(), []
            for d in dates:
                digest.update(f"{d}{lines[d].fingerprint}".encode())
                hashes.append(digest.hexdigest())
            self._prefixes[key] = dates, hashes
        dates, hashes = self._prefixes[key]
        place = bisect_left(dates, day)
        return hashes[place - 1] if place else "-"

    def is_stale(self, table: Contract, day: date) -> bool:
        """Whether something that a published date was made from has changed since."""
        if (table.name, day) not in self._stale:
            line = self._manifest.published(table).get(day)
            self._stale[table.name, day] = line is not None and line.inputs != self._inputs_of(table, day)
        return self._stale[table.name, day]

    def is_outdated(self, table: Contract, day: date) -> bool:
        """Whether the rows of a published date were made by other code than this process runs.

        What cannot be made again stays as it is: parsed rows whose landed answer is gone, and what a ledger keeps.
        """
        line, now = self._manifest.published(table).get(day), version_of(table)
        if line is None or now is None or line.code_version == now or self._calendar.is_frozen(table, day):
            return False
        gone = table.landed is not None and self._coverage.has_no_answer(table, day)
        return not (gone and (line.row_count or not table.landed_optional))

    def outdated(self, table: Contract, since: date = date.min) -> list[date]:
        """The published dates from `since` on that are outdated, known gaps aside, in order."""
        return [
            day
            for day in sorted(self._manifest.published(table))
            if day >= since and self.is_outdated(table, day) and not self._decisions.is_known_gap(day)
        ]

    def behind(self, table: Contract) -> Mapping[date, str]:
        """The dates whose rows are outdated, or were made from such rows, each with the outdated table and date.

        Known gaps are passed over: nobody makes them again. Whether rows made from outdated ones will change is not
        known until those were made again.
        """
        if table.name not in self._behind:
            found = {day: f"{table.name} on {day}" for day in self.outdated(table)}
            for read in table.reads.values():
                upstream = self.behind(read.table)
                in_order = sorted(upstream)
                for day in self._manifest.published(table) if upstream else ():
                    first = _first_within(in_order, *read_bounds(read, day, day))
                    if first is not None and not self._stays(table, day):
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
                    command = make_again(Need.STALE, first, first)
                    reason = f"{read.table.name} on {first} {WHY_NOT_CURRENT[Need.STALE]}. {command}"
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
            for day in sorted(self._manifest.published(table))
            if begin <= day <= end
            and (wanted is None or day in wanted)
            and self.is_stale(table, day)
            and not self._stays(table, day)
        ]

    def _stays(self, table: Contract, day: date) -> bool:
        """Whether nobody makes the rows of a date again: they are final, or those of a known gap."""
        return self._calendar.is_frozen(table, day) or self._decisions.is_known_gap(day)

    def needs(self, tables: Iterable[Contract], dates: Sequence[date]) -> dict[tuple[str, date], Need]:
        """What has to be done, per table and date; what needs nothing is left out."""
        found: dict[tuple[str, date], Need] = {}
        for table in tables:
            can_exist = (day for day in dates if self._calendar.can_exist(table, day))
            possible = [day for day in can_exist if not self._decisions.is_left_alone(day)]
            covered = self._coverage.of(table, possible)
            for day in possible:
                need = Need.MISSING if not covered[day].complete else self.need_of_rows(table, day)
                if need is not Need.NOTHING:
                    found[table.name, day] = need
        return found

    def need_of_rows(self, table: Contract, day: date) -> Need:
        """Whether the rows that stand of a date are stale or outdated; whether any are missing is not asked."""
        if self._calendar.is_frozen(table, day):
            return Need.NOTHING
        if self.is_outdated(table, day):
            return Need.OUTDATED
        return Need.STALE if self.is_stale(table, day) else Need.NOTHING

    def not_current(self, table: Contract, dates: Iterable[date]) -> Reasons:
        """Per date, why published rows are not those that would be made now, as sentences that name the table.

        Rows of a ledger about games that have begun are never made again, so nothing is said of them.
        """
        found: Reasons = {}
        for day in dates:
            need = self.need_of_rows(table, day)
            if need is not Need.NOTHING:
                found[day] = [f"{table.name} on {day} {WHY_NOT_CURRENT[need]}. {make_again(need, day, day)}"]
        return found


def _says_something(read: Read, line: Published) -> bool:
    """Whether a date of an upstream table counts as an input: one without rows adds nothing to an optional one."""
    return bool(line.row_count) or not read.optional


def _first_within(dates: Sequence[date], begin: date, end: date) -> date | None:
    """The first of some dates in order that lies within bounds, both included."""
    place = bisect_left(dates, begin)
    return dates[place] if place < len(dates) and dates[place] <= end else None


def _reached_until(read: Read, day: date) -> date:
    """The first date that reads `day` no more."""
    if read.window is Window.TRAILING:
        return day + timedelta(days=read.days)
    return season_start(season_of(day) + read.earlier_seasons + 1)
