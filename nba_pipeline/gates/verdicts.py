"""What a gate is, and what it says about a date."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from nba_pipeline.contracts import Contract, Phase
from nba_pipeline.gates.alert_metadata import AlertKind
from nba_pipeline.gates.evidence import Evidence, Held


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


GateRule = Callable[[Evidence, Sequence[date], Sequence[Contract]], Mapping[date, Finding]]
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
    rule: GateRule

    @property
    def check_name(self) -> str:
        """The name of the gate's asset check."""
        return f"gate_{self.name}"


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
