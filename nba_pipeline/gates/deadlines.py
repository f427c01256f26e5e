"""When a table's rows about a game date are due, in New York time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from nba_pipeline.clock import NEW_YORK
from nba_pipeline.clock import held_from as held_from
from nba_pipeline.contracts import Contract, Phase
from nba_pipeline.gates.evidence import Evidence

OPERATED = timedelta(days=14)
"""How far back health and self-heal look every time, and predictions are filled at all."""

PATIENCE = timedelta(minutes=30)
"""How long a wait goes on before people are notified that began when what it is for was late already."""


@dataclass(frozen=True)
class Hours:
    """From when self-heal steps in, and by when the rows must be there; days count from the game date."""

    days_after: int
    healed_from: time
    due: time


BEFORE_THE_GAMES = {
    Phase.RAW: Hours(0, time(6, 45), time(8, 0)),
    Phase.ANALYTICS: Hours(0, time(7, 0), time(8, 30)),
    Phase.PRECOMPUTE: Hours(0, time(7, 15), time(9, 0)),
    Phase.PREDICTIONS: Hours(0, time(7, 30), time(10, 0)),
}
"""What exists before the games of its date: predictions are out two hours before the earliest tip-off."""

AFTER_THE_GAMES = {
    Phase.RAW: Hours(1, time(3, 45), time(8, 0)),
    Phase.ANALYTICS: Hours(1, time(3, 45), time(8, 0)),
    Phase.GRADES: Hours(1, time(4, 0), time(10, 0)),
}
"""What the games make: the last of them ends around one in the morning."""


def hours_of(table: Contract) -> Hours:
    """The hours of a table."""
    return (BEFORE_THE_GAMES if table.before_tip_off else AFTER_THE_GAMES)[table.phase]


def due(table: Contract, day: date) -> datetime:
    """The instant by which the rows about a date must be published, in UTC."""
    hours = hours_of(table)
    return _instant(day + timedelta(days=hours.days_after), hours.due)


def healed_from(table: Contract, day: date) -> datetime:
    """The instant from which rows that are not there are taken for lost, in UTC."""
    hours = hours_of(table)
    return _instant(day + timedelta(days=hours.days_after), hours.healed_from)


def is_due(table: Contract, day: date, now: datetime) -> bool:
    """Whether the rows about a date must be published by now."""
    return due(table, day) <= now


def is_done_without(table: Contract, day: date, now: datetime) -> bool:
    """Whether a date is made without what the source has not given of a table by now."""
    return table.done_without and is_due(table, day, now)


def is_late(tables: Iterable[Contract], day: date, now: datetime, waited_for_since: datetime | None = None) -> bool:
    """The one judgement of what is late: the rows of all of the tables about a date must be there by now.

    Of a single table `owed` asks it, for `health` and `freshness`; of all tables behind a gate `health`; of the facts
    of the source the rule that passes over a silent date. A sensor asks it of what it wants to launch, and says since
    when it has waited: a gate that it found closed after the deadline, as in a backfill, has the `PATIENCE` to open.
    """
    over = all(is_due(table, day, now) for table in tables)
    return over and (waited_for_since is None or now > waited_for_since + PATIENCE)


def owed(evidence: Evidence, table: Contract, dates: Iterable[date]) -> list[date]:
    """The dates of which a table's rows are late where they are not there, and that no known gap passes over.

    What of them is not complete alerts, and is named by `health`.
    """
    now = evidence.clock.now()
    return [day for day in dates if is_late([table], day, now) and not evidence.decisions.is_known_gap(day, table)]


def newest_due_date(table: Contract, now: datetime) -> date:
    """The newest date whose rows must be there by now."""
    day = now.astimezone(NEW_YORK).date() + timedelta(days=1)
    while not is_due(table, day, now):
        day -= timedelta(days=1)
    return day


def _instant(day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=NEW_YORK).astimezone(UTC)
