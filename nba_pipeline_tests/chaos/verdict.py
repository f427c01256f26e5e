"""What became of the faults of a storm: which mattered, and which of those were told.

That a fault mattered is decided by what happened, and never by an alert: a run failed, a tick failed, or a table
stood incomplete past its deadline.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from nba_pipeline_tests.support.told import Late, Told


@dataclass
class Fault:
    """One fault: its class, its date, and what became of it.

    `struck` is when it first did something: a faulty answer was served, or a run was hit; None while it has not.
    `troubles` is what came of it, each under the name by which it owes an alert.
    """

    kind: str
    day: date
    rule: int | None = None
    struck: datetime | None = None
    troubles: set[str] = field(default_factory=set)
    detected: datetime | None = None
    healed: datetime | None = None

    @property
    def mattered(self) -> bool:
        """Whether anything came of it."""
        return bool(self.troubles)

    def strikes(self, now: datetime) -> None:
        """It does something: for the first time, or once more, and then it is not healed yet."""
        self.struck = self.struck or now
        self.healed = None


def heard_of_late(late: Iterable[Late], told: Sequence[Told]) -> dict[str, Told]:
    """The late tables that were told, each with the first alert that says so."""
    found = {str(each): next((alert for alert in told if each.is_told_by(alert)), None) for each in late}
    return {name: alert for name, alert in found.items() if alert is not None}


def detect(faults: Iterable[Fault], heard: Mapping[str, Told], sent: Mapping[int, datetime]) -> None:
    """Notes when the first alert about each fault was sent; `sent` has the instants by the alerts' numbers."""
    for fault in faults:
        instants = [sent[heard[trouble].number] for trouble in fault.troubles if trouble in heard]
        fault.detected = min(instants, default=None)


def mattered_and_not_told(faults: Iterable[Fault], heard: Mapping[str, Told]) -> list[str]:
    """What came of faults and is in no alert."""
    return [
        f"{fault.kind} of {fault.day}: {trouble}"
        for fault in faults
        for trouble in sorted(fault.troubles)
        if trouble not in heard
    ]


def never_injected(faults: Iterable[Fault], kinds: Iterable[str]) -> list[str]:
    """The classes of faults of which none ever struck: a storm without them shows nothing about them."""
    struck = {fault.kind for fault in faults if fault.struck}
    return [kind for kind in kinds if kind not in struck]


def never_mattered(faults: Iterable[Fault], groups: Mapping[str, Sequence[str]]) -> list[str]:
    """The groups of classes of which no fault mattered: a storm that nothing felt shows nothing."""
    mattered = {fault.kind for fault in faults if fault.mattered}
    return [group for group, kinds in groups.items() if mattered.isdisjoint(kinds)]


def never_healed(faults: Iterable[Fault]) -> list[str]:
    """The faults that struck and are not healed."""
    return [f"{fault.kind} of {fault.day}" for fault in faults if fault.struck and fault.healed is None]
