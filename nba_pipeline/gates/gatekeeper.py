"""The circuit breakers: may the data of a date flow on?

A gate is a pure rule: evidence from the warehouse in, a verdict with reasons out, for many dates at once.
The same verdict is a blocking asset check, the refusal at the start of every downstream step, the
condition of the sensors and a line of the smoke test. What cannot be evaluated is closed.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa

from nba_pipeline.clock import Clock
from nba_pipeline.contracts import Contract
from nba_pipeline.gates.evidence import NEXT_COMMAND, Evidence
from nba_pipeline.gates.rules import gate_into, incomplete_inputs
from nba_pipeline.gates.verdicts import Finding, Gate, State, Verdict
from nba_pipeline.sources.landing import Landing
from nba_pipeline.warehouse.audit import Reasons
from nba_pipeline.warehouse.errors import WarehouseError
from nba_pipeline.warehouse.interface import Session, Warehouse
from nba_pipeline.warehouse.operations_tables import GATE_VERDICTS


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
        tables: Sequence[Contract],
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

    @contextmanager
    def looking(self, wait_seconds: float | None = None) -> Iterator[Evidence]:
        """Fresh evidence, in a session of its own that writes nothing; waits for it as `Warehouse.session` does."""
        with self.warehouse.session(read_only=True, wait_seconds=wait_seconds) as session:
            yield self.evidence(session)

    def verdicts(
        self, evidence: Evidence, gate: Gate, dates: Sequence[date], into: Sequence[Contract] | None = None
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

    def judge(self, evidence: Evidence, table: Contract, dates: Sequence[date]) -> Admission:
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

    def admit(self, table: Contract, dates: Sequence[date], asked_by: str) -> Admission:
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
            found.setdefault(day, []).append(f"{decision}{NEXT_COMMAND}nba-pipeline game show {game_id} --date {day}")
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
