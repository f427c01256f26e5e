"""What `nba-pipeline gate` prints and records."""

from datetime import date, timedelta

from nba_pipeline.cli.terminal import refuse_nothing, refuse_range
from nba_pipeline.gates.evidence import KNOWN_GAP, Override
from nba_pipeline.gates.overrides import (
    OverrideError,
    end_override,
    known_gap,
    overrides_in_force,
    record_override,
)
from nba_pipeline.gates.rules import GATES
from nba_pipeline.monitoring.outcome import NotTriedError, Outcome, console, end, refusing, say
from nba_pipeline.monitoring.smoke_test import (
    cause_of_closing,
    gap_in_force,
    let_through,
    out_of_season,
)
from nba_pipeline.partitions import game_dates
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings


@refusing
def run_gate_list(settings: Settings, day: date, *, as_json: bool) -> int:
    """Prints how each gate stands for a date; 1 when one is closed that no known gap passes over."""
    runtime = Runtime(settings)
    gatekeeper = runtime.gatekeeper
    refuse_range(gatekeeper.clock, day, day)
    refuse_nothing(runtime, day)
    with gatekeeper.warehouse.session(read_only=True) as session:
        evidence = gatekeeper.evidence(session)
        verdicts = [gatekeeper.verdicts(evidence, gate, game_dates(day, day)).get(day) for gate in GATES]
        gap = evidence.decisions.overrides[KNOWN_GAP, day] if evidence.decisions.is_known_gap(day) else None
    found = [verdict for verdict in verdicts if verdict is not None]
    closed = tuple(str(cause_of_closing(verdict)) for verdict in found if not verdict.lets_through)
    passed = [said for verdict in found if (said := let_through(verdict))]
    decided = (*passed, *([gap_in_force(gap)] if gap else []), *out_of_season(day, day))

    def print_it() -> None:
        for verdict in found:
            say([f"{verdict.gate:<28}{verdict.state.value}"], style=None if verdict.lets_through else "red")
            say([f"    {reason}" for reason in verdict.reasons])
            if not verdict.lets_through:
                say([f"    Next: {cause_of_closing(verdict).command}"])

    listed = [{"gate": v.gate, "state": v.state.value, "reasons": v.reasons} for v in found]
    outcome = Outcome(undone=() if gap else closed, decided=decided)
    return end(outcome, {"game_date": str(day), "gates": listed}, print_it, as_json=as_json)


@refusing
def run_override(
    settings: Settings, gate: str, day: date, by: str, because: str, hours: float, *, as_json: bool = False
) -> int:
    """Records an override; 2 when it cannot be recorded as asked for."""
    runtime = Runtime(settings)
    until = (runtime.clock.now() + timedelta(hours=hours)).replace(tzinfo=None)
    return _record(runtime, Override(gate, day, by, because, until), as_json=as_json)


@refusing
def run_known_gap(settings: Settings, day: date, by: str, because: str, *, as_json: bool = False) -> int:
    """Records a known gap; 2 when it cannot be recorded as asked for."""
    return _record(Runtime(settings), known_gap(day, by, because), as_json=as_json)


@refusing
def run_end_override(settings: Settings, gate: str, day: date, by: str, because: str, *, as_json: bool = False) -> int:
    """Ends an override or a known gap; 2 when none is in force."""
    runtime = Runtime(settings)
    refuse_nothing(runtime, day)
    try:
        ended = end_override(runtime.warehouse, runtime.clock, gate, day, by, because)
    except OverrideError as error:
        raise NotTriedError(str(error)) from error
    return end(Outcome(), {"ended": str(ended)}, lambda: say([f"ended: {ended}"]), as_json=as_json)


def _record(runtime: Runtime, decision: Override, *, as_json: bool) -> int:
    refuse_nothing(runtime, decision.game_date)
    try:
        recorded = record_override(runtime.warehouse, runtime.clock, decision)
    except OverrideError as error:
        raise NotTriedError(str(error)) from error
    return end(Outcome(), {"recorded": str(recorded)}, lambda: say([str(recorded)]), as_json=as_json)


@refusing
def run_overrides(settings: Settings, *, as_json: bool = False) -> int:
    """Prints the decisions in force."""
    runtime = Runtime(settings)
    refuse_nothing(runtime)
    found = [str(override) for override in overrides_in_force(runtime.warehouse, runtime.clock)]

    def print_it() -> None:
        if not found:
            console.print("No override and no known gap is in force.")

    return end(Outcome(decided=tuple(found)), {}, print_it, as_json=as_json)
