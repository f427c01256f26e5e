"""The smoke test: did every phase of a date produce what the schedule says it should have, and is it current?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum

from nba_pipeline.assets.tables import all_tables
from nba_pipeline.clock import Clock
from nba_pipeline.contracts import Contract, Phase, Window
from nba_pipeline.gates.accuracy_tripwire import RECENT, TRIPWIRE
from nba_pipeline.gates.evidence import KNOWN_GAP, NEXT_COMMAND, Coverage, Evidence, Held, Override
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.gates.rules import GATES
from nba_pipeline.gates.verdicts import State as GateState
from nba_pipeline.gates.verdicts import Verdict
from nba_pipeline.monitoring.outcome import COMMAND, Cause, Outcome
from nba_pipeline.partitions import game_dates, played_outside

CHECKED = (Phase.RAW, Phase.ANALYTICS, Phase.PRECOMPUTE, Phase.PREDICTIONS, Phase.GRADES)


class DateState(Enum):
    """How a table or a phase of a date stands."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a secret
    FAIL = "FAIL"
    VALID_SKIP = "VALID-SKIP"


@dataclass(frozen=True)
class TableResult:
    """One table on one date: its state, its counts and what is wrong.

    `because_of` names the table of the same date because of which alone it fails; None for what fails by itself.
    """

    table: Contract
    state: DateState
    expected: int | None
    present: int
    reasons: tuple[str, ...]
    published: bool = True
    complete: bool = True
    because_of: str | None = None


@dataclass(frozen=True)
class DateResult:
    """One date: its tables, what the gates in front of them say, the known gap that was recorded, and held games."""

    game_date: date
    tables: tuple[TableResult, ...]
    verdicts: tuple[Verdict, ...] = ()
    gap: Override | None = None
    held: tuple[Held, ...] = ()

    def phase(self, phase: Phase) -> DateState:
        """FAIL when a table fails; VALID-SKIP when nothing was expected of any; else PASS."""
        return worst(result.state for result in self.tables if result.table.phase is phase)

    @property
    def overall(self) -> DateState:
        """The state of the whole date; a closed gate fails it, though every table be complete."""
        return DateState.FAIL if self.closed else worst(self.phase(phase) for phase in CHECKED)

    @property
    def causes(self) -> list[Cause]:
        """What is wrong with the date: tables that fail by themselves, each with what follows; then closed gates."""
        return [*causes_of(self.game_date, self.tables), *map(cause_of_closing, self.closed)]

    @property
    def decided(self) -> list[str]:
        """What is skipped or let through by a recorded decision or a rule, as sentences."""
        if self.gap:
            return [gap_in_force(self.gap)]
        waiting = [found for found in self.tables if found.state is DateState.VALID_SKIP and found.reasons]
        if self.tables and all(found.state is DateState.VALID_SKIP for found in self.tables) and not waiting:
            return [f"nothing is expected of {self.game_date}: {DateState.VALID_SKIP.value}"]
        names = ", ".join(found.table.name for found in waiting)
        skipped = [f"{names} of {self.game_date}: {waiting[0].reasons[0]}"] if waiting else []
        through = [said for verdict in self.verdicts if (said := let_through(verdict))]
        untold = [str(held) for held in self.held if not any(str(held) in said for said in through)]
        return [*skipped, *through, *untold]

    @property
    def closed(self) -> tuple[Verdict, ...]:
        """The gates that are closed."""
        return tuple(verdict for verdict in self.verdicts if not verdict.lets_through)


def let_through(verdict: Verdict) -> str | None:
    """Why a gate lets a date pass in spite of reasons: a decision, or its rule; None when it does not."""
    if verdict.state not in (GateState.OVERRIDDEN, GateState.DEGRADED):
        return None
    return f"the gate {verdict.gate} is {verdict.state} for {verdict.game_date}: {'; '.join(verdict.reasons)}"


def gap_in_force(gap: Override) -> str:
    """A known gap as a sentence, with the command that ends it."""
    return (
        f"{gap}. The date is passed over; end that with: {COMMAND}gate end {KNOWN_GAP} {gap.game_date} "
        '--by "your name" --because "why"'
    )


def worst(states: Iterable[DateState]) -> DateState:
    """FAIL before PASS before VALID-SKIP."""
    found = set(states)
    return next((state for state in (DateState.FAIL, DateState.PASS) if state in found), DateState.VALID_SKIP)


def smoke_test(
    gatekeeper: Gatekeeper, first: date, last: date, tables: Sequence[Contract] | None = None
) -> list[DateResult]:
    """The state of every game date from `first` to `last`, a query a table and not a date.

    Of all tables or of the given ones, with the gates in front of them: a table passes when it is complete and
    made from what stands now. Raises `WarehouseError` when the warehouse cannot be read: what cannot be checked has
    no state.
    """
    dates = game_dates(first, last)
    chosen = list(all_tables() if tables is None else tables)
    with gatekeeper.looking() as evidence:
        gaps = {
            day: evidence.decisions.overrides[KNOWN_GAP, day] for day in dates if evidence.decisions.is_known_gap(day)
        }
        verdicts = gate_verdicts(gatekeeper, evidence, dates, chosen)
        found = [table_results(evidence, table, dates, gaps, counts=True) for table in chosen]
        held = {day: tuple(evidence.calendar.held(day).values()) for day in dates}
    return [
        DateResult(
            day,
            with_causes([results[day] for results in found]),
            tuple(verdicts[day]),
            gaps.get(day),
            held[day],
        )
        for day in dates
    ]


def gate_verdicts(
    gatekeeper: Gatekeeper, evidence: Evidence, dates: Sequence[date], tables: Sequence[Contract]
) -> dict[date, list[Verdict]]:
    """Per date, what the gates in front of the tables say, where a part of what is behind can be made by now."""
    found: dict[date, list[Verdict]] = {day: [] for day in dates}
    for gate in GATES:
        into = [table for table in tables if table.phase is gate.into]
        possible = [day for day in dates if not evidence.decisions.is_known_gap(day)]
        mine = [day for day in possible if any(evidence.calendar.can_exist(table, day) for table in into)]
        for day, verdict in gatekeeper.verdicts(evidence, gate, mine, into).items():
            found[day].append(verdict)
    return found


def table_results(
    evidence: Evidence, table: Contract, dates: Sequence[date], gaps: Mapping[date, Override], *, counts: bool
) -> dict[date, TableResult]:
    """How a table stands on each of the dates."""
    covered = evidence.coverage.of(table, dates, counts=counts)
    complete = [day for day in dates if covered[day].complete and evidence.calendar.can_exist(table, day)]
    old = evidence.lineage.not_current(table, complete)
    passed = {day: gap for day, gap in gaps.items() if evidence.decisions.is_known_gap(day, table)}
    return {day: _result(table, covered[day], old.get(day, []), evidence.clock, passed.get(day)) for day in dates}


def _result(table: Contract, coverage: Coverage, old: Sequence[str], clock: Clock, gap: Override | None) -> TableResult:
    waiting = not table.before_tip_off and coverage.game_date >= clock.today()
    if waiting and not coverage.complete:
        note = ("not due: the games of the date have not been played",)
        return TableResult(table, DateState.VALID_SKIP, 0, coverage.present, note)
    if gap and (old or not coverage.complete):
        return TableResult(table, DateState.VALID_SKIP, 0, coverage.present, (str(gap),))
    reasons = (*coverage.reasons(table), *old)
    state = DateState.VALID_SKIP if coverage.nothing_expected else DateState.PASS
    return TableResult(
        table, DateState.FAIL if reasons or not coverage.complete else state, coverage.expected, coverage.present,
        reasons, coverage.published, coverage.complete,
    )  # fmt: skip


def with_causes(results: Sequence[TableResult]) -> tuple[TableResult, ...]:
    """The tables of one date, upstream first; one that fails only because another of the date does names it.

    It fails because of what its contract reads of the same date, and of what that reads. Where only a part of its
    own rows is missing, nothing but missing rows upstream can be the reason.
    """
    failing: dict[str, TableResult] = {}
    for found in results:
        if found.state is DateState.FAIL:
            reads = [r for r in found.table.reads.values() if r.window is not Window.BEFORE and not r.optional]
            upstream = [failing[read.table.name] for read in reads if read.table.name in failing]
            may = [u for u in upstream if not u.complete or not found.published or found.complete]
            cause = next((u.because_of or u.table.name for u in may), None)
            failing[found.table.name] = replace(found, because_of=cause)
    return tuple(failing.get(found.table.name, found) for found in results)


def causes_of(day: date, results: Sequence[TableResult]) -> list[Cause]:
    """The tables of one date that fail by themselves, upstream first, each with those that fail because of it."""
    return [
        cause_of(
            found.reasons or (f"{found.table.name} on {day} is not complete",),
            backfill_command(day),
            follows=tuple(other.table.name for other in results if other.because_of == found.table.name),
        )
        for found in results
        if found.state is DateState.FAIL and found.because_of is None
    ]


def cause_of_closing(verdict: Verdict) -> Cause:
    """Why a gate is closed: its first reason, with the command that is next."""
    day, first = verdict.game_date, verdict.reasons[0]
    command = backfill_command(day)
    if any(TRIPWIRE in reason for reason in verdict.reasons):
        command = f"{COMMAND}accuracy --from {day - RECENT} --to {day}"
    more = f" (and {len(verdict.reasons) - 1} more reasons)" if len(verdict.reasons) > 1 else ""
    said = f"the gate {verdict.gate} is closed for {day}: {first.partition(NEXT_COMMAND)[0]}{more}"
    return Cause(said, cause_of(verdict.reasons, command).command)


def cause_of(reasons: Sequence[str], command: str, follows: tuple[str, ...] = ()) -> Cause:
    """Reasons as one cause, with the first command that one of them names, or else the one given."""
    named = next((after for reason in reasons if (after := reason.partition(NEXT_COMMAND)[2])), command)
    return Cause("; ".join(reason.partition(NEXT_COMMAND)[0] for reason in reasons), named, follows)


def made_of(table: Contract) -> list[Contract]:
    """A table and those that it is made of on its date, upstream first."""
    names = {table.name}
    for candidate in reversed(all_tables()):
        if candidate.name in names:
            names |= {read.table.name for read in candidate.reads.values() if read.window is not Window.BEFORE}
    return [candidate for candidate in all_tables() if candidate.name in names]


def backfill_command(first: date, last: date | None = None) -> str:
    """The command that makes dates again."""
    return f"{COMMAND}backfill --from {first} --to {last or first}"


def outcome_of(results: Sequence[DateResult], first: date, last: date, failed: Sequence[str] = ()) -> Outcome:
    """What becomes of a command that was asked about these dates."""
    undone = [str(cause) for result in results for cause in result.causes]
    decided = [decision for result in results for decision in result.decided]
    return Outcome(tuple(failed), tuple(undone), (*decided, *out_of_season(first, last)))


def out_of_season(first: date, last: date) -> list[str]:
    """The sentence about days that no game date can be, and one about each time that the league played on such days."""
    left = (last - first).days + 1 - len(game_dates(first, last))
    said = f"{left} days from {first} to {last} are out of season: nothing is expected of them"
    return [said, *played_outside(first, last)] if left else []


def as_json_objects(results: Sequence[DateResult]) -> list[dict[str, object]]:
    """The results for scripts: one object a date, with phases and tables."""
    return [
        {
            "game_date": result.game_date.isoformat(),
            "overall": result.overall.value,
            "closed_gates": {verdict.gate: list(verdict.reasons) for verdict in result.closed},
            "phases": {f"P{phase.value}": result.phase(phase).value for phase in CHECKED},
            "held_games": [
                {"game_id": h.game_id, "teams": list(h.teams), "reasons": h.reasons, "decided_by": h.decided_by}
                for h in result.held
            ],
            "tables": [table_object(found) for found in result.tables],
        }
        for result in results
    ]


def table_object(found: TableResult) -> dict[str, object]:
    """One table of a date for scripts."""
    return {
        "table": found.table.name,
        "phase": f"P{found.table.phase.value}",
        "state": found.state.value,
        "expected": found.expected,
        "present": found.present,
        "reasons": list(found.reasons),
        "because_of": found.because_of,
    }
