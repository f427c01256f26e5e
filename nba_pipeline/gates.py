"""The circuit breakers: may the data of a date flow on?

A gate is a pure rule: evidence from the warehouse in, a verdict with reasons out, for many dates at once.
The same verdict is a blocking asset check, the refusal at the start of every downstream step, the
condition of the sensors and a line of the smoke test. What cannot be evaluated is closed.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from enum import StrEnum
from functools import partial
from typing import NamedTuple

import ibis
import pyarrow as pa

from nba_pipeline.alert_metadata import AlertKind
from nba_pipeline.clock import Clock
from nba_pipeline.contracts import Phase, Read, Reader, Table, Window
from nba_pipeline.evidence import MEND, WHY_NOT_CURRENT, Coverage, Evidence, Held, Need, make_again
from nba_pipeline.partitions import contiguous
from nba_pipeline.sources.landing import Landing
from nba_pipeline.sources.records import UNCLEAR
from nba_pipeline.warehouse.audit import Reasons
from nba_pipeline.warehouse.interface import Session, Warehouse, WarehouseError
from nba_pipeline.warehouse.operations_tables import GATE_VERDICTS
from nba_pipeline.warehouse.publish import asked_rows

ENOUGH_PRECOMPUTE_TABLES = 3
"""Of the Phase 4 tables, how many must be complete for predictions to begin, the critical ones among them."""

RECENT = timedelta(days=14)
"""What the accuracy tripwires look at."""

ENOUGH_GRADES = 500
"""Fewer graded rows than this say nothing about what a system does with a statistic."""

TOO_BAD = 1.35
"""Where the honest range of a system's mean absolute error ends, as a share of EWMA-7's on the same rows.

Ours is near 0.97; a prior alone, in the first two weeks of a league without any history, is at 1.16.
"""

TOO_GOOD = {"morning": 0.88, "pre_tip": 0.80}
"""Where the honest range begins, by setting: who is out tonight makes honest errors smaller.

The best of all fortnights of 2021-22 to 2023-24, of any system, was at 0.89 in the morning (assists), and before
tip-off at 0.85 (points), in the last week of a season, in which many rest: `benchmarks/walked.py` prints them.
"""

TOO_GOOD_MINUTES = {"morning": 0.80, "pre_tip": 0.62}
"""The same of minutes: who starts and who rests says more about minutes than about what is done in them.

The best fortnights were at 0.85 and 0.68; with the minutes themselves leaked, a model was at 0.01.
"""

ON_RECORD = ("gold", "silver")
"""Quality of the rows on which an error can be too good.

What is known less of has an EWMA-7 that stands on a prior or on a game or two, which is beaten honestly: in the
first weeks of a season honest fortnights over all rows were at 0.79 (`benchmarks/walked.py`).
"""

GRADED = "predictions.prediction_accuracy"

JUDGED_BY = ("system_id", "stat", "setting", "mode")
"""What has errors of its own, to be judged by themselves."""

TRIPWIRE = "accuracy tripwire"

LOOK_BACK_SEASONS = 1
"""Earlier seasons that precompute reads."""


class Sums(NamedTuple):
    """Of some graded rows: their number, and the absolute errors of the system and of EWMA-7."""

    rows: int
    error: float
    baseline: float

    @property
    def share(self) -> float | None:
        """The system's error as a share of EWMA-7's; None when too few rows say anything."""
        return self.error / self.baseline if self.rows >= ENOUGH_GRADES and self.baseline else None


class State(StrEnum):
    """How a gate stands for a date."""

    OPEN = "open"
    DEGRADED = "degraded"
    OVERRIDDEN = "overridden"
    CLOSED = "closed"


@dataclass
class Finding:
    """What a rule found about a date: reasons that close the gate, and warnings that do not.

    `held` are the games of the date that it goes on without, `kept` those of which an earlier answer counts;
    `dishonest` says that errors are among the reasons that cannot be honest.
    """

    reasons: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    kept: list[Held] = field(default_factory=list)
    dishonest: bool = False


Rule = Callable[[Evidence, Sequence[date], Sequence[Table]], Mapping[date, Finding]]
"""What is found about each of the dates, for the tables behind the gate that are to be made."""


@dataclass(frozen=True)
class Verdict:
    """What a gate says about a date; `held`, `kept` and `dishonest` are those of what its rule found."""

    gate: str
    game_date: date
    state: State
    reasons: tuple[str, ...] = ()
    held: tuple[Held, ...] = ()
    kept: tuple[Held, ...] = ()
    dishonest: bool = False

    @property
    def lets_through(self) -> bool:
        """Whether data may flow on."""
        return self.state is not State.CLOSED


@dataclass(frozen=True)
class Gate:
    """The rule between two phases. A verdict for date d says whether `into` may be made for d."""

    name: str
    out_of: Phase
    into: Phase
    description: str
    rule: Rule

    @property
    def check_name(self) -> str:
        """The name of the gate's asset check."""
        return f"gate_{self.name}"


def raw_is_whole(evidence: Evidence, dates: Sequence[date], into: Sequence[Table]) -> Mapping[date, Finding]:
    """2→3: what the tables read of a date is there, and its contracts hold for what stands in the warehouse now.

    A summary needs every expected game final by its content or postponed, box scores of both teams with enough
    players, points and minutes that add up, no key twice and nothing that nobody expects. The context of a game
    needs what is known before tip-off, and no box score. Of a date to come only what can exist is asked for.
    """
    found = {day: Finding() for day in dates}
    for table in evidence.tables_of(Phase.RAW):
        behind = [t for t in into if any(read.table is table for read in t.reads.values())]
        asked = [day for day in dates if any(_is_asked_for(evidence, table, t, day) for t in behind)]
        covered = evidence.coverage.of(table, asked)
        broken = evidence.coverage.broken_promises(table, [day for day in asked if covered[day].published])
        for day in asked:
            found[day].reasons += covered[day].reasons(table)
            found[day].reasons += [f"{table.name} on {day}: {reason}" for reason in broken.get(day, ())]
            if evidence.lineage.is_outdated(table, day):
                found[day].reasons.append(_not_current(table, [day], Need.OUTDATED))
            found[day].warnings += _made_without(evidence, table, [day])
    for day in dates if any(table.before_tip_off for table in into) else ():
        found[day].warnings += evidence.calendar.undecided(day)
    for day, said in unclear_games(evidence, dates).items():
        found[day].warnings += said
    for day in dates if not all(table.before_tip_off for table in into) else ():
        found[day].held += evidence.calendar.held(day).values()
        found[day].kept += evidence.calendar.kept(day)
        found[day].warnings += map(str, [*found[day].held, *found[day].kept])
        if evidence.calendar.nothing_arrived(day):
            found[day].reasons.append(
                f"no box score of {day} arrived before its deadline, so that all its games are held; if none will "
                f'ever come, say so: nba-pipeline gate gap {day} --by "your name" --because "why"'
                f"{MEND}nba-pipeline backfill --from {day} --to {day}"
            )
    return found


def _made_without(evidence: Evidence, table: Table, dates: Sequence[date]) -> list[str]:
    """A sentence for each date with games that went on without what the source had not given when it was due."""
    said = []
    for day in dates if table.done_without else ():
        line, tip = evidence.manifest.published(table).get(day), evidence.calendar.last_tip_off(day)
        if line and tip and not line.row_count and line.published_at.replace(tzinfo=UTC) < tip:
            said.append(
                f"{table.name} has nothing of {day}, whose deadline is over: its players are predicted from recent "
                f"games{MEND}nba-pipeline backfill --from {day} --to {day}"
            )
    return said


def unclear_games(evidence: Evidence, dates: Sequence[date]) -> Reasons:
    """A sentence for each game of the dates that is unclear, and not held yet: nothing is expected of it."""
    if not dates:
        return {}
    evidence.session.ask_about(dates)
    found: Reasons = {}
    for row in evidence.session.query_built(
        "unclear games", partial(_unclear_games, evidence.calendar.schedule)
    ).to_pylist():
        day, game_id = row["game_date"], row["game_id"]
        teams = " and ".join(filter(None, (row["visitor_team"], row["home_team"]))) or "nobody known"
        if game_id not in evidence.calendar.held(day):
            found.setdefault(day, []).append(
                f"game {game_id} of {teams} on {day} is unclear, so that nothing is expected of it: "
                f"{row['status_text']}{MEND}nba-pipeline game show {game_id}"
            )
    return found


def _unclear_games(schedule: Table, read: Reader) -> ibis.Table:
    rows = asked_rows(schedule, read)
    return rows.filter(rows.status == UNCLEAR).order_by("game_date", "game_id")


def _is_asked_for(evidence: Evidence, table: Table, behind: Table, day: date) -> bool:
    """Whether what is read must be there for the table behind; what is there before its time is judged as well.

    A summary of a game to come lacks its own inputs, and is refused for them.
    """
    return (
        behind.before_tip_off or evidence.calendar.can_exist(behind, day) or day in evidence.manifest.published(table)
    )


def look_back_is_whole(evidence: Evidence, dates: Sequence[date], into: Sequence[Table]) -> Mapping[date, Finding]:
    """3→4: every analytics table is complete on every due date of the look-back window, known gaps aside.

    Tables made before tip-off are complete on the date itself too, and nothing that they are made from has
    changed since: features are not made twice because the context of their game comes a minute later. Nor has what
    the summaries of earlier games are made from: a corrected box score counts when its summary is made again.
    """
    found = {day: Finding(warnings=passed_over_by_rule(evidence, day)) for day in dates}
    for table in evidence.tables_of(Phase.ANALYTICS):
        window = Window.UP_TO if table.before_tip_off else Window.BEFORE
        look_back = Read(table, window, LOOK_BACK_SEASONS)
        for day, reason in _incomplete_reads(evidence, look_back, dates).items():
            found[day].reasons.append(reason)
        asked = {day: [day] if table.before_tip_off else evidence.lineage.dates_needed(look_back, day) for day in dates}
        looked_at = {d for days in asked.values() for d in days}
        outdated = {day for day in looked_at if evidence.lineage.is_outdated(table, day)}
        stale = {day for day in looked_at - outdated if evidence.lineage.is_stale(table, day)}
        for day, days in asked.items():
            for need, dates_of in ((Need.OUTDATED, outdated), (Need.STALE, stale)):
                if not dates_of.isdisjoint(days):
                    found[day].reasons.append(_not_current(table, sorted(dates_of.intersection(days)), need))
    return found


def passed_over_by_rule(evidence: Evidence, day: date) -> list[str]:
    """A sentence for each of the last days of which the source never told, and which a look-back does without."""
    gaps = [gap for gap in evidence.decisions.overrides.values() if gap.by_rule and day - RECENT <= gap.game_date < day]
    gaps = [gap for gap in gaps if evidence.decisions.is_known_gap(gap.game_date)]
    return [f"nothing of {gap.game_date} counts: {gap.reason}" for gap in sorted(gaps, key=lambda gap: gap.game_date)]


def _not_current(table: Table, dates: Sequence[date], need: Need) -> str:
    first, last = contiguous(dates)[0]
    others = f" (and {len(dates) - 1} more dates)" if len(dates) > 1 else ""
    return f"{table.name} on {dates[0]}{others} {WHY_NOT_CURRENT[need]}. {make_again(need, first, last)}"


def precompute_is_enough(evidence: Evidence, dates: Sequence[date], into: Sequence[Table]) -> Mapping[date, Finding]:
    """4→5: enough Phase 4 tables, both critical ones among them, whole, fresh and on a whole history."""
    tables = evidence.tables_of(Phase.PRECOMPUTE)
    covered = {table.name: evidence.coverage.of(table, dates) for table in tables}
    history = look_back_is_whole(evidence, dates, tables)
    found = {}
    for day in dates:
        complete = {table.name: covered[table.name][day].complete for table in tables}
        finding = enough_tables(complete, {table.name for table in tables if table.critical})
        for table in tables:
            reasons = covered[table.name][day].reasons(table)
            if table.critical and complete[table.name]:
                reasons = evidence.lineage.not_current(table, [day]).get(day, [])
            (finding.reasons if table.critical else finding.warnings).extend(reasons)
        finding.reasons += history[day].reasons
        finding.warnings += history[day].warnings
        found[day] = finding
    return found


def enough_tables(complete: Mapping[str, bool], critical: set[str]) -> Finding:
    """The rule of 4→5 by itself: at least three complete tables, and every critical one."""
    missing = sorted(name for name, whole in complete.items() if not whole)
    count = len(complete) - len(missing)
    finding = Finding()
    if missing:
        short = f"{count} of {len(complete)} Phase 4 tables are complete; missing: {', '.join(missing)}"
        closes = count < min(ENOUGH_PRECOMPUTE_TABLES, len(complete)) or critical & set(missing)
        (finding.reasons if closes else finding.warnings).append(short)
    return finding


def predictions_are_whole(evidence: Evidence, dates: Sequence[date], into: Sequence[Table]) -> Mapping[date, Finding]:
    """5→6: every expected prediction of every system, values in range, and recent errors that are honest."""
    found = {day: Finding() for day in dates}
    for table in evidence.tables_of(Phase.PREDICTIONS):
        covered = evidence.coverage.of(table, dates)
        broken = evidence.coverage.broken_promises(table, [day for day in dates if covered[day].published])
        for day in dates:
            found[day].reasons += covered[day].reasons(table)
            found[day].reasons += [f"{table.name} on {day}: {reason}" for reason in broken.get(day, ())]
            found[day].reasons += (
                evidence.lineage.not_current(table, [day]).get(day, []) if covered[day].complete else []
            )
    for day, reasons in dishonest_errors(evidence, dates).items():
        found[day].reasons += reasons
        found[day].dishonest = True
    if GRADED in evidence.manifest.lost:
        # Only a warning: closed, the gate would keep the grades from being made again.
        for day in dates:
            found[day].warnings.append(f"{TRIPWIRE}: {GRADED} was published and is gone, so no error can be judged")
    return found


def dishonest_errors(evidence: Evidence, dates: Sequence[date]) -> Reasons:
    """Per date, the systems whose errors over the days before lie outside the honest range.

    Every statistic is judged against its own EWMA-7, and settings and modes apart: a leak into one of them would
    vanish in the mean over all.
    """
    graded = next((table for table in evidence.tables_of(Phase.GRADES) if table.name == GRADED), None)
    if graded is None or not dates:
        return {}
    rows = evidence.session.read(graded)
    begin, end = min(dates) - RECENT, max(dates)
    played = rows.filter(rows.played, rows.game_date >= ibis.literal(begin), rows.game_date < ibis.literal(end))
    played = played.mutate(on_record=played.quality_tier.isin(ON_RECORD))
    by_day = played.group_by(*JUDGED_BY, "on_record", "game_date").agg(
        rows=ibis._.count(), error=played.absolute_error.sum(), baseline=played.ewma_7_absolute_error.sum()
    )
    sums: dict[tuple[str, ...], dict[tuple[date, bool], Sums]] = {}
    for row in evidence.session.query(by_day).to_pylist():
        days = sums.setdefault(tuple(row[key] for key in JUDGED_BY), {})
        days[row["game_date"], row["on_record"]] = Sums(row["rows"], row["error"], row["baseline"])
    reasons: Reasons = {}
    for (system, stat, setting, mode), days in sorted(sums.items()):
        for day in dates:
            on_record = recent_sums(days, day, (True,))
            everyone = recent_sums(days, day, (True, False))
            honest_from = (TOO_GOOD_MINUTES if stat == "minutes" else TOO_GOOD)[setting]
            sentence = tripped(f"{system} ({stat}, {setting}, {mode})", honest_from, on_record, everyone)
            if sentence:
                reasons.setdefault(day, []).append(sentence)
    return reasons


def recent_sums(days: Mapping[tuple[date, bool], Sums], day: date, on_record: Sequence[bool]) -> Sums:
    """The sums over the days before a date that the tripwires look at, of the rows with and without a record."""
    before = [day - timedelta(days=n) for n in range(1, RECENT.days + 1)]
    recent = [days[d, known] for d in before for known in on_record if (d, known) in days]
    return Sums(sum(r.rows for r in recent), sum(r.error for r in recent), sum(r.baseline for r in recent))


def tripped(system: str, honest_from: float, on_record: Sums, everyone: Sums) -> str | None:
    """Why the errors of a system cannot be honest; None when they can be.

    They are too good by the rows of players with a record, and too bad by the rows of everyone.
    """
    if on_record.share is not None and on_record.share < honest_from:
        return _suspicion(system, "too good to be true", on_record, "Look for a leak")
    if everyone.share is not None and everyone.share > TOO_BAD:
        return _suspicion(system, "too bad to be used", everyone, "Look at the model and its inputs")
    return None


def _suspicion(system: str, what: str, sums: Sums, mend: str) -> str:
    return (
        f"{TRIPWIRE}: {system} is {what}: mean absolute error {sums.error / sums.rows:.2f} against "
        f"{sums.baseline / sums.rows:.2f} of EWMA-7 on the same {sums.rows} rows of the last {RECENT.days} days. "
        f"{mend} first"
    )


GATES = (
    Gate(
        "raw_to_analytics",
        Phase.RAW,
        Phase.ANALYTICS,
        "What is known before the games is whole; once they are over every one is final or postponed, and its box "
        "scores are whole and add up.",
        raw_is_whole,
    ),
    Gate(
        "analytics_to_precompute",
        Phase.ANALYTICS,
        Phase.PRECOMPUTE,
        "Every analytics table is complete on every date looked back on; the context of the date is there and fresh.",
        look_back_is_whole,
    ),
    Gate(
        "precompute_to_predictions",
        Phase.PRECOMPUTE,
        Phase.PREDICTIONS,
        "Three of the five Phase 4 tables, both critical ones among them, are complete, fresh and on a whole history.",
        precompute_is_enough,
    ),
    Gate(
        "predictions_to_grades",
        Phase.PREDICTIONS,
        Phase.GRADES,
        "Every expected prediction of every system is there, in range, and recent errors are honest.",
        predictions_are_whole,
    ),
)


def gate_into(phase: Phase) -> Gate | None:
    """The gate in front of a phase; None for landing and raw, which nothing but the source feeds."""
    return next((gate for gate in GATES if gate.into is phase), None)


def gate_named(name: str) -> Gate:
    """The gate of a name. Raises `KeyError` that lists the names."""
    found = {gate.name: gate for gate in GATES}
    if name not in found:
        raise KeyError(f"there is no gate {name!r}; the gates are {', '.join(found)}")
    return found[name]


@dataclass(frozen=True)
class Admission:
    """What a step may make: refused dates with reasons, dates let through by an override, and the inputs.

    `decided` are the decisions of people about games among the inputs, a sentence each.
    """

    refused: Reasons
    verdicts: Mapping[date, Verdict]
    inputs: Mapping[date, str]
    decided: Mapping[date, Sequence[str]] = field(default_factory=dict)


class Gatekeeper:
    """Asks the gates, for whoever launches or runs a step, and records what they said."""

    def __init__(
        self,
        warehouse: Warehouse,
        clock: Clock,
        landing: Landing | None,
        tables: Sequence[Table],
        time_limit_seconds: float = 120,
        games_a_team: int | None = None,
    ) -> None:
        self.warehouse = warehouse
        self.clock = clock
        self.landing = landing
        self.tables = tables
        self.time_limit_seconds = time_limit_seconds
        self.games_a_team = games_a_team

    def evidence(self, session: Session) -> Evidence:
        """Fresh evidence, true while the session lasts."""
        return Evidence(session, self.clock, self.tables, self.landing)

    def verdicts(
        self, evidence: Evidence, gate: Gate, dates: Sequence[date], into: Sequence[Table] | None = None
    ) -> dict[date, Verdict]:
        """What a gate says about each date, to the tables given or else to all tables behind it.

        When it cannot be evaluated it is closed, and the reason says why.
        """
        if not dates:
            return {}
        try:
            with evidence.session.time_limit(self.time_limit_seconds):
                found = gate.rule(evidence, dates, evidence.tables_of(gate.into) if into is None else into)
        except WarehouseError as error:
            found = {day: Finding([f"the gate could not be evaluated, so it is closed: {error}"]) for day in dates}
        return {day: self._verdict(evidence, gate, day, found[day]) for day in dates}

    def _verdict(self, evidence: Evidence, gate: Gate, day: date, finding: Finding) -> Verdict:
        if not finding.reasons:
            state, reasons = State.DEGRADED if finding.warnings else State.OPEN, finding.warnings
        elif override := self._override(evidence, gate, day):
            state, reasons = State.OVERRIDDEN, [override, *finding.reasons]
        else:
            state, reasons = State.CLOSED, [*finding.reasons, *finding.warnings]
        return Verdict(
            gate.name, day, state, tuple(reasons), tuple(finding.held), tuple(finding.kept), finding.dishonest
        )

    def _override(self, evidence: Evidence, gate: Gate, day: date) -> str | None:
        """The override in force; an override that cannot be read opens nothing."""
        try:
            found = evidence.decisions.overrides.get((gate.name, day))
        except WarehouseError:
            return None
        return str(found) if found else None

    def judge(self, evidence: Evidence, table: Table, dates: Sequence[date]) -> Admission:
        """May the rows of these dates be made? The gate in front of the phase, and the table's own inputs."""
        gate = gate_into(table.phase)
        verdicts = self.verdicts(evidence, gate, dates, [table]) if gate else {}
        refused: Reasons = {day: list(v.reasons) for day, v in verdicts.items() if not v.lets_through}
        try:
            unmet = (evidence.coverage.waiting(table, dates), incomplete_inputs(evidence, table.reads, dates))
            inputs = evidence.lineage.inputs(table, dates)
            decided = decided_about(evidence, dates) if table.decided else {}
        except WarehouseError as error:
            unknown = f"what {table.name} is made from could not be looked at, so it is not made: {error}"
            return Admission({day: [*refused.get(day, ()), unknown] for day in dates}, verdicts, {})
        for found in unmet:
            for day, reasons in found.items():
                overridden = day in verdicts and verdicts[day].state is State.OVERRIDDEN
                new = [] if overridden else [r for r in reasons if r not in refused.get(day, ())]
                if new:
                    refused.setdefault(day, []).extend(new)
        return Admission(refused, verdicts, inputs, decided)

    def admit(self, table: Table, dates: Sequence[date], asked_by: str) -> Admission:
        """Judges at the start of a step and records the verdicts, in one session that nobody can write in between."""
        with self.warehouse.session() as session:
            admission = self.judge(self.evidence(session), table, dates)
            record(session, admission.verdicts.values(), asked_by, self.clock)
        return admission


def decided_about(evidence: Evidence, dates: Sequence[date]) -> Reasons:
    """Per date, the decisions in force about its games, a sentence each; dates left out have none."""
    found: Reasons = {}
    for (day, game_id), decision in evidence.decisions.about_games.items():
        if day in dates:
            found.setdefault(day, []).append(f"{decision}{MEND}nba-pipeline game show {game_id} --date {day}")
    return found


def record(session: Session, verdicts: Iterable[Verdict], asked_by: str, clock: Clock) -> None:
    """Appends verdicts to `operations.gate_verdicts`, one row a date, gate and evaluation."""
    rows = [
        {
            "game_date": verdict.game_date,
            "gate": verdict.gate,
            "evaluated_at": clock.now().replace(tzinfo=None),
            "asked_by": asked_by,
            "state": verdict.state.value,
            "reasons": json.dumps(list(verdict.reasons)),
        }
        for verdict in verdicts
    ]
    if rows:
        session.ensure(GATE_VERDICTS)
        session.append(GATE_VERDICTS, pa.Table.from_pylist(rows, schema=GATE_VERDICTS.schema.to_pyarrow()))


def incomplete_inputs(evidence: Evidence, reads: Mapping[str, Read], dates: Sequence[date]) -> Reasons:
    """The dates whose inputs are not whole or not current, with the reasons; dates left out may be made.

    The rows of a date need every upstream table complete on the dates that they read: on the date itself,
    or on every earlier date back to where the history begins. Between phases the gate decides which tables
    may be missing on the date itself; here count those that the table cannot be made without.
    """
    reasons: Reasons = {}
    for read in (read for read in reads.values() if not read.optional):
        for day, reason in _incomplete_reads(evidence, read, dates).items():
            reasons.setdefault(day, []).append(reason)
    for day, mixed in evidence.lineage.mixed_reads(
        reads.values(), [day for day in dates if day not in reasons]
    ).items():
        reasons.setdefault(day, []).extend(mixed)
    return reasons


def _incomplete_reads(evidence: Evidence, read: Read, dates: Sequence[date]) -> dict[date, str]:
    needed = {day: evidence.lineage.dates_needed(read, day) for day in dates}
    asked = sorted({day for days in needed.values() for day in days})
    incomplete = {c.game_date: c for c in evidence.coverage.of(read.table, asked).values() if not c.complete}
    blocking = {day: [incomplete[d] for d in days if d in incomplete] for day, days in needed.items()}
    return {day: _sentence(read.table, found) for day, found in blocking.items() if found}


def _sentence(table: Table, blocking: Sequence[Coverage]) -> str:
    first, last = contiguous([c.game_date for c in blocking])[0]
    others = f" (and {len(blocking) - 1} more dates)" if len(blocking) > 1 else ""
    return f"{'; '.join(blocking[0].reasons(table))}{others}. Mend: nba-pipeline backfill --from {first} --to {last}"


def last_table(gate: Gate, tables: Sequence[Table]) -> Table:
    """The table of the gate's upstream phase that the next phase reads and no table of its own phase does.

    Where the next phase, or a part of it, is made after the games, that is a table made after them too.
    """
    of_phase = [table for table in tables if table.phase is gate.out_of]
    within = {read.table.name for table in of_phase for read in table.reads.values()}
    across = {read.table.name for table in tables if table.phase is gate.into for read in table.reads.values()}
    found = [table for table in of_phase if table.name in across - within]
    before_tip_off = all(table.before_tip_off for table in tables if table.phase is gate.into)
    return ([table for table in found if table.before_tip_off is before_tip_off] or found)[-1]


def alert_kind(verdicts: Iterable[Verdict]) -> AlertKind | None:
    """The kind of alert that verdicts call for, where it is more than a failed check."""
    found = list(verdicts)
    states = {verdict.state for verdict in found}
    if any(verdict.dishonest and verdict.state is State.CLOSED for verdict in found):
        return AlertKind.ACCURACY_TRIPWIRE
    if State.CLOSED in states:
        return None
    if State.OVERRIDDEN in states:
        return AlertKind.OVERRIDE_USED
    if any(verdict.held for verdict in found):
        return AlertKind.GAME_HELD
    return AlertKind.GAME_KEPT if any(verdict.kept for verdict in found) else None
