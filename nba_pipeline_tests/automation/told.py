"""Which alert tells of which failure: its own, or a summary of the same cause that has room for it.

That an alert names the same date proves nothing: in a storm every date is named by some alert.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from dagster import (
    AssetCheckSeverity,
    AssetRecordsFilter,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    RunsFilter,
)
from dagster._core.scheduler.instigation import TickStatus

from nba_pipeline.alert_metadata import AlertKind
from nba_pipeline.automation.alert_sensor import ALERTS_KEY
from nba_pipeline.automation.alert_sources import EventLog
from nba_pipeline.automation.alerts import Alert
from nba_pipeline.automation.freshness import FRESHNESS_CHECK

PAGE = 500


@dataclass(frozen=True)
class Told:
    """An alert that was sent: its number in the log, when (in real time), and what it says."""

    number: int
    sent_at: float
    signature: str
    what: str
    link: str
    since: datetime
    dates: tuple[str, str] | None = None

    @property
    def sums_up(self) -> int:
        """How many alerts it stands for; 0 when it is no summary."""
        found = re.match(r"(\d+) more of the same", self.what)
        return int(found[1]) if found else 0

    def covers(self, dates: tuple[str, str] | None) -> bool:
        """Whether all of the dates are among its own."""
        return dates is None or (self.dates is not None and self.dates[0] <= dates[0] and dates[1] <= self.dates[1])


@dataclass(frozen=True)
class Owed:
    """An alert that something owes: a failed run by its id, or a failed tick; and when it failed."""

    by: str
    failed_at: float
    alert: Alert

    def is_told_by(self, told: Told) -> bool:
        """Whether an alert is the one that is owed, or a summary that may count it."""
        if told.signature != self.alert.signature or told.sent_at < self.failed_at:
            return False
        if told.sums_up:
            return told.since <= self.alert.since and told.covers(self.alert.dates)
        return told.link == self.alert.link and told.since == self.alert.since


@dataclass(frozen=True)
class Late:
    """A table that stood incomplete past its deadline, noticed when so many alerts had been sent."""

    table: str
    day: date
    alerts_before: int

    def __str__(self) -> str:
        """The table and the date."""
        return f"{self.table} on {self.day}, past its deadline"

    def is_told_by(self, told: Told) -> bool:
        """Whether an alert says that this very table was not there for this very date."""
        of_the_table = f"{AlertKind.FRESHNESS_MISSED.value} | {self.table}, {FRESHNESS_CHECK} | "
        day = str(self.day)
        return (
            told.signature.startswith(of_the_table)
            and told.number > self.alerts_before
            and told.dates is not None
            and told.covers((day, day))
        )


def alerts_sent(instance: DagsterInstance, after: int | None = None) -> list[Told]:
    """The alerts that were sent, oldest first, from the one behind number `after` on."""
    found: list[Told] = []
    while True:
        behind = AssetRecordsFilter(ALERTS_KEY, after_storage_id=found[-1].number if found else after)
        records = instance.fetch_observations(behind, limit=PAGE, ascending=True).records
        for record in records:
            assert record.asset_observation is not None
            said = {name: str(value.value) for name, value in record.asset_observation.metadata.items()}
            first, _, last = said.get("dates", "").partition(" to ")
            found.append(
                Told(
                    record.storage_id, record.timestamp, said["signature"], said["what"], said["link"],
                    datetime.fromisoformat(said["since"]), (first, last) if first else None,
                )
            )  # fmt: skip
        if len(records) < PAGE:
            return found


def failed_runs(instance: DagsterInstance) -> list[DagsterRun]:
    """The runs that failed, whatever they were about."""
    return list(instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.FAILURE])))


def owed(instance: DagsterInstance, ui_url: str) -> list[Owed]:
    """The alerts that failed runs and failed ticks owe, oldest first.

    A run in which nothing failed but checks owes those of the checks.
    """
    log = EventLog(instance, ui_url)
    by_runs = [each for run in failed_runs(instance) for each in _owed_by_run(instance, log, run)]
    return sorted([*by_runs, *_owed_by_ticks(instance, log)], key=lambda each: each.failed_at)


def _owed_by_run(instance: DagsterInstance, log: EventLog, run: DagsterRun) -> list[Owed]:
    entries = instance.all_logs(run.run_id, of_type=DagsterEventType.RUN_FAILURE)
    of_run = [Owed(run.run_id, entry.timestamp, alert) for entry in entries if (alert := log.failed_run(entry))]
    if of_run or not entries:
        return of_run
    found = []
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION):
        event = entry.dagster_event
        fails = event is not None and event.asset_check_evaluation_data.severity is AssetCheckSeverity.ERROR
        if fails and (alert := log.failed_check(entry)):
            found.append(Owed(run.run_id, entry.timestamp, alert))
    return found


def tick_named(name: str, timestamp: float) -> str:
    """What a failed tick is called among those that owe an alert."""
    return f"a tick of {name} at {datetime.fromtimestamp(timestamp, UTC).isoformat()}"


def _owed_by_ticks(instance: DagsterInstance, log: EventLog) -> Iterator[Owed]:
    for state in instance.all_instigator_state():
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, statuses=[TickStatus.FAILURE])
        for tick in ticks:
            yield Owed(tick_named(tick.instigator_name, tick.timestamp), tick.timestamp, log.failed_tick(tick))


def heard(owing: Sequence[Owed], told: Sequence[Told]) -> dict[str, Told]:
    """By whom an alert is owed, and the first that was sent for him; who was not heard of is left out.

    A summary speaks for as many as it says that it counts, the oldest first.
    """
    waiting = sorted(owing, key=lambda each: each.failed_at)
    found: dict[str, Told] = {}
    for alert in told:
        spoken_for = [each for each in waiting if each.is_told_by(alert)][: max(alert.sums_up, 1)]
        for each in spoken_for:
            found.setdefault(each.by, alert)
        waiting = [each for each in waiting if each not in spoken_for]
    return found


def unheard(instance: DagsterInstance, owing: Sequence[Owed], heard_of: dict[str, Told]) -> list[str]:
    """The failed runs and ticks of which no alert tells, those that owe none because nothing saw them included."""
    failed = {run.run_id for run in failed_runs(instance)} | {each.by for each in owing}
    return sorted(failed - set(heard_of))
