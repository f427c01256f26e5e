"""What an alert says is wrong, kept so that it can be looked up again; all that one signature says is one complaint.

Complaints are kept in the alert sensor's cursor, which Dagster stores with every tick. So their size has a bound,
and what is beyond it is not watched, which its closing says.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from nba_pipeline.gates.alert_metadata import AlertKind

MOST_RANGES = 20
"""Stretches of dates that one complaint keeps. An outage is one or two of them, whatever its length."""

MOST_RUNS = 20
"""Failed runs that one complaint keeps. Self-heal tries the same thing sixteen times at most."""

DateRange = tuple[str, str]
"""A first and a last partition, and every day between them."""


@dataclass(frozen=True)
class CheckComplaint:
    """A check did not pass: for the dates in `ranges`, or as a whole when there are none.

    `event` and `at` are the number and the time of the newest evaluation that says so. `waits` are the assets that a
    closed gate keeps from being made, `phase` the one that self-heal gave up on.
    """

    asset: str
    check: str
    kind: AlertKind
    event: int
    at: float
    ranges: tuple[DateRange, ...] = ()
    waits: tuple[str, ...] = ()
    phase: str = ""
    unwatched: bool = False


@dataclass(frozen=True)
class RunComplaint:
    """Runs failed: the id of each, and the number of its failure in the log."""

    runs: tuple[tuple[str, int], ...]
    unwatched: bool = False


@dataclass(frozen=True)
class TickComplaint:
    """A tick of a sensor or schedule failed, by the ids that Dagster keeps its ticks under; `at` is the newest."""

    origin: str
    selector: str
    at: float
    unwatched: bool = False


@dataclass(frozen=True)
class SilentAsset:
    """A landed asset of which the source left dates unanswered; `event` is the number of the newest such failure."""

    asset: str
    event: int
    ranges: tuple[DateRange, ...]


@dataclass(frozen=True)
class SilenceComplaint:
    """The source gave no answer, in so many runs."""

    silent: tuple[SilentAsset, ...]
    asked: int = 1
    unwatched: bool = False


Complaint = CheckComplaint | RunComplaint | TickComplaint | SilenceComplaint


def ranges_of(days: Iterable[str]) -> tuple[DateRange, ...]:
    """The days as stretches of days that follow on each other, oldest first."""
    found: list[DateRange] = []
    for day in sorted(set(days)):
        follows = found and date.fromisoformat(found[-1][1]) + timedelta(days=1) == date.fromisoformat(day)
        found[-1:] = [(found[-1][0], day)] if follows else [*found[-1:], (day, day)]
    return tuple(found)


def days_of(ranges: Iterable[DateRange]) -> list[str]:
    """Every day of the stretches, in their order."""
    found: list[str] = []
    for first, last in ranges:
        begin = date.fromisoformat(first)
        found += [str(begin + timedelta(days=n)) for n in range((date.fromisoformat(last) - begin).days + 1)]
    return found


def merged(one: Complaint | None, other: Complaint | None) -> Complaint | None:
    """Both as one complaint; None when one of them is unknown, or they are not about the same thing."""
    match one, other:
        case CheckComplaint(), CheckComplaint():
            return _checks(one, other)
        case RunComplaint(), RunComplaint():
            runs = tuple(dict([*one.runs, *other.runs]).items())
            unwatched = one.unwatched or other.unwatched or len(runs) > MOST_RUNS
            return RunComplaint(runs[-MOST_RUNS:], unwatched)
        case TickComplaint(), TickComplaint():
            return replace(one, at=max(one.at, other.at))
        case SilenceComplaint(), SilenceComplaint():
            return _silences(one, other)
        case _:
            return None


def _silences(one: SilenceComplaint, other: SilenceComplaint) -> SilenceComplaint:
    """Both; of an asset in both the dates of both.

    What was answered after the older failure says nothing of dates that were left unanswered by the newer one; of
    dates that the older one left already it counts.
    """
    parts = {part.asset: part for part in one.silent}
    unwatched = one.unwatched or other.unwatched
    for part in other.silent:
        before = parts.get(part.asset, part)
        known, new = {*days_of(before.ranges)}, {*days_of(part.ranges)}
        event = before.event if new <= known else max(before.event, part.event)
        ranges = ranges_of(known | new)
        unwatched = unwatched or len(ranges) > MOST_RANGES
        parts[part.asset] = SilentAsset(part.asset, event, ranges[-MOST_RANGES:])
    return SilenceComplaint(tuple(parts[name] for name in sorted(parts)), one.asked + other.asked, unwatched)


def _checks(one: CheckComplaint, other: CheckComplaint) -> CheckComplaint:
    """Both; one about the check as a whole stays so, since what passes as a whole passes for every date."""
    newest = max(one, other, key=lambda complaint: complaint.event)
    whole = not (one.ranges and other.ranges)
    ranges = () if whole else ranges_of([*days_of(one.ranges), *days_of(other.ranges)])
    return replace(
        newest,
        ranges=ranges[-MOST_RANGES:],
        waits=tuple(sorted({*one.waits, *other.waits})),
        unwatched=one.unwatched or other.unwatched or len(ranges) > MOST_RANGES,
    )
