"""The smoke test: did every phase of a date produce what the schedule says it should have?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

from nba_pipeline.clock import Clock
from nba_pipeline.contracts import Phase, Table
from nba_pipeline.evidence import KNOWN_GAP, Coverage, Evidence
from nba_pipeline.gates import GATES, Gatekeeper, Verdict
from nba_pipeline.partitions import game_dates
from nba_pipeline.tables import all_tables
from nba_pipeline.warehouse.interface import Warehouse

CHECKED = (Phase.RAW, Phase.ANALYTICS, Phase.PRECOMPUTE, Phase.PREDICTIONS, Phase.GRADES)


class State(Enum):
    """How a table or a phase of a date stands."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a secret
    FAIL = "FAIL"
    VALID_SKIP = "VALID-SKIP"


@dataclass(frozen=True)
class TableResult:
    """One table on one date: its state, its counts and what is wrong."""

    table: Table
    state: State
    expected: int | None
    present: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class DateResult:
    """One date: the tables of each phase, and the gates that are closed for it."""

    game_date: date
    tables: tuple[TableResult, ...]
    closed: tuple[Verdict, ...] = ()

    def phase(self, phase: Phase) -> State:
        """FAIL when a table fails; VALID-SKIP when nothing was expected of any; else PASS."""
        return worst(result.state for result in self.tables if result.table.phase is phase)

    @property
    def overall(self) -> State:
        """The state of the whole date; a closed gate fails it, though every table be complete."""
        return State.FAIL if self.closed else worst(self.phase(phase) for phase in CHECKED)


def worst(states: Iterable[State]) -> State:
    """FAIL before PASS before VALID-SKIP."""
    found = set(states)
    return next((state for state in (State.FAIL, State.PASS) if state in found), State.VALID_SKIP)


def smoke_test(
    warehouse: Warehouse, clock: Clock, first: date, last: date, tables: Sequence[Table] | None = None
) -> list[DateResult]:
    """The state of every game date from `first` to `last`, a query a table and not a date.

    Of all tables, with the gates between them, or of the given ones alone.

    Raises `WarehouseError` when the warehouse cannot be read: what cannot be checked has no state.
    """
    dates = game_dates(first, last)
    found: dict[str, dict[date, Coverage]] = {}
    chosen = list(tables or all_tables())
    gatekeeper = Gatekeeper(warehouse, clock, None, all_tables())
    with warehouse.session(read_only=True) as session:
        evidence = gatekeeper.evidence(session)
        for table in chosen:
            found[table.name] = evidence.coverage(table, dates, counts=True)
        closed = closed_gates(gatekeeper, evidence, dates) if tables is None else {}
        gaps = {day: str(evidence.overrides[KNOWN_GAP, day]) for day in dates if evidence.is_known_gap(day)}
    return [
        DateResult(
            day,
            tuple(_result(table, found[table.name][day], clock, gaps.get(day)) for table in chosen),
            closed.get(day, ()),
        )
        for day in dates
    ]


def closed_gates(gatekeeper: Gatekeeper, evidence: Evidence, dates: Sequence[date]) -> dict[date, tuple[Verdict, ...]]:
    """Per date, the gates that are closed though their phase, or a part of it, can be made by now."""
    closed: dict[date, list[Verdict]] = {day: [] for day in dates}
    for gate in GATES:
        into = evidence.tables_of(gate.into)
        possible = [day for day in dates if not evidence.is_known_gap(day)]
        mine = [day for day in possible if any(evidence.can_exist(table, day) for table in into)]
        for day, verdict in gatekeeper.verdicts(evidence, gate, mine).items():
            if not verdict.lets_through:
                closed[day].append(verdict)
    return {day: tuple(verdicts) for day, verdicts in closed.items()}


def _result(table: Table, coverage: Coverage, clock: Clock, gap: str | None) -> TableResult:
    waiting = not table.before_tip_off and coverage.game_date >= clock.today()
    if waiting and not coverage.complete:
        note = ("not due: the games of the date have not been played",)
        return TableResult(table, State.VALID_SKIP, 0, coverage.present, note)
    if gap and not coverage.complete:
        return TableResult(table, State.VALID_SKIP, 0, coverage.present, (gap,))
    if not coverage.complete:
        reasons = tuple(coverage.reasons(table))
        return TableResult(table, State.FAIL, coverage.expected, coverage.present, reasons)
    state = State.VALID_SKIP if coverage.nothing_expected else State.PASS
    return TableResult(table, state, coverage.expected, coverage.present, ())


def as_json_objects(results: Sequence[DateResult]) -> list[dict[str, object]]:
    """The results for scripts: one object a date, with phases and tables."""
    return [
        {
            "game_date": result.game_date.isoformat(),
            "overall": result.overall.value,
            "closed_gates": {verdict.gate: list(verdict.reasons) for verdict in result.closed},
            "phases": {f"P{phase.value}": result.phase(phase).value for phase in CHECKED},
            "tables": [
                {
                    "table": found.table.name,
                    "phase": f"P{found.table.phase.value}",
                    "state": found.state.value,
                    "expected": found.expected,
                    "present": found.present,
                    "reasons": list(found.reasons),
                }
                for found in result.tables
            ],
        }
        for result in results
    ]
