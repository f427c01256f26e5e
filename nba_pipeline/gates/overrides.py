"""Decisions of people to let one date through one gate: recorded, shown everywhere, and over at an instant."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from nba_pipeline.clock import Clock
from nba_pipeline.gates.evidence import GAP_BY_RULE, KNOWN_GAP, Evidence, Override
from nba_pipeline.gates.rules import gate_named
from nba_pipeline.warehouse.interface import Warehouse
from nba_pipeline.warehouse.operations_tables import GATE_OVERRIDES

LONGEST = timedelta(days=7)
"""An override that should last longer is a defect of the gate, or a known gap."""

FOR_GOOD = datetime(9999, 12, 31, tzinfo=UTC)
"""A known gap does not close by waiting."""


class OverrideError(ValueError):
    """A decision that cannot be recorded as it was asked for."""


def record_override(warehouse: Warehouse, clock: Clock, decision: Override) -> Override:
    """Records a decision and returns it. Raises `OverrideError` that says what is wrong with it."""
    now = clock.now()
    until = decision.until.replace(tzinfo=UTC)
    if decision.gate != KNOWN_GAP:
        try:
            gate_named(decision.gate)
        except KeyError as error:
            raise OverrideError(str(error.args[0])) from error
        if until > now + LONGEST:
            raise OverrideError(f"an override lasts at most {LONGEST.days} days; a date whose data will never come "
                                f"is a known gap: nba-pipeline gate gap {decision.game_date} "
                                '--by "your name" --because "why"')  # fmt: skip
    elif decision.game_date >= clock.today():
        raise OverrideError(f"the games of {decision.game_date} have not been played: no gap is known of it yet")
    if decision.by_rule:
        raise OverrideError(f"{GAP_BY_RULE!r} is nobody who decides: say who does (--by)")
    if until <= now:
        raise OverrideError(f"{until:%Y-%m-%d %H:%M} UTC is over already")
    return _append(warehouse, decision, now)


def end_override(warehouse: Warehouse, clock: Clock, gate: str, day: date, by: str, because: str) -> Override:
    """Ends the decision in force for a gate and date, a known gap too, and returns what was recorded.

    Raises `OverrideError` when there is none to end.
    """
    if not any((found.gate, found.game_date) == (gate, day) for found in overrides_in_force(warehouse, clock)):
        raise OverrideError(
            f"no decision about {gate} is in force for {day}; see those that are: nba-pipeline gate overrides"
        )
    now = clock.now()
    return _append(warehouse, Override(gate, day, by, because, now.replace(tzinfo=None)), now)


def record_by_rule(warehouse: Warehouse, clock: Clock, gaps: Sequence[Override], wait_seconds: float) -> None:
    """Records known gaps that no person decided, or their end; later records count, and none is taken away."""
    now = clock.now()
    rows = [_row(gap, now) for gap in gaps]
    with warehouse.session(wait_seconds=wait_seconds) as session:
        session.ensure(GATE_OVERRIDES)
        session.append(GATE_OVERRIDES, pa.Table.from_pylist(rows, schema=GATE_OVERRIDES.schema.to_pyarrow()))


def gap_by_rule(day: date, reason: str, until: datetime = FOR_GOOD) -> Override:
    """The known gap of a date about which the source is silent beyond its deadline; ended with `until`."""
    return Override(KNOWN_GAP, day, GAP_BY_RULE, reason, until.replace(tzinfo=None))


def _append(warehouse: Warehouse, decision: Override, now: datetime) -> Override:
    if not decision.decided_by.strip() or not decision.reason.strip():
        raise OverrideError("say who decides (--by) and why (--because)")
    with warehouse.session() as session:
        session.ensure(GATE_OVERRIDES)
        rows = pa.Table.from_pylist([_row(decision, now)], schema=GATE_OVERRIDES.schema.to_pyarrow())
        session.append(GATE_OVERRIDES, rows)
    return decision


def _row(decision: Override, now: datetime) -> dict[str, object]:
    return {
        "game_date": decision.game_date,
        "gate": decision.gate,
        "decided_by": decision.decided_by,
        "reason": decision.reason,
        "until": decision.until,
        "recorded_at": now.replace(tzinfo=None),
    }


def known_gap(day: date, decided_by: str, reason: str) -> Override:
    """The decision to count a date's games as never to be had: look-backs pass over it."""
    return Override(KNOWN_GAP, day, decided_by, reason, FOR_GOOD.replace(tzinfo=None))


def overrides_in_force(warehouse: Warehouse, clock: Clock) -> Sequence[Override]:
    """The decisions that count now, by date."""
    with warehouse.session(read_only=True) as session:
        found = Evidence(session, clock, ()).decisions.overrides
    return sorted(found.values(), key=lambda override: (override.game_date, override.gate))
