"""Which alert tells of which failure: its own, or a summary of the same cause that has room for it.

That an alert names the same date proves nothing: in a storm every date is named by some alert. What was made good
before its alert went out is told by the record that says so, and by nothing else; whether it was is looked up anew.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from dagster import (
    AssetCheckKey,
    AssetCheckSeverity,
    AssetKey,
    AssetRecordsFilter,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    RunsFilter,
)
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.storage.asset_check_execution_record import COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES

from nba_pipeline.alerting.alerts import Alert
from nba_pipeline.alerting.sensor import ALERTS_KEY, MADE_GOOD, RESOLVED, SENT
from nba_pipeline.alerting.sources import EventLog
from nba_pipeline.assets.table_checks import GRID_CHECK
from nba_pipeline.gates.alert_metadata import AlertKind
from nba_pipeline.monitoring.freshness import FRESHNESS_CHECK

PAGE = 500

ENDED = COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES


@dataclass(frozen=True)
class Told:
    """An alert that was sent, or made good before: its number in the log, when (in real time), and what it says."""

    number: int
    sent_at: float
    signature: str
    what: str
    link: str
    since: datetime
    dates: tuple[str, str] | None = None
    made_good: bool = False

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


def all_told(instance: DagsterInstance, after: int | None = None) -> list[Told]:
    """What was sent or recorded as made good before, oldest first, from the one behind number `after` on.

    That something is resolved tells of no failure.
    """
    found: list[Told] = []
    while True:
        behind = AssetRecordsFilter(ALERTS_KEY, after_storage_id=after)
        records = instance.fetch_observations(behind, limit=PAGE, ascending=True).records
        for record in records:
            assert record.asset_observation is not None
            said = {name: str(value.value) for name, value in record.asset_observation.metadata.items()}
            after = record.storage_id
            if said.get("outcome", SENT) == RESOLVED:
                continue
            first, _, last = said.get("dates", "").partition(" to ")
            found.append(
                Told(
                    record.storage_id, record.timestamp, said["signature"], said["what"], said["link"],
                    datetime.fromisoformat(said["since"]), (first, last) if first else None,
                    said.get("outcome") == MADE_GOOD,
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


def falsely_made_good(instance: DagsterInstance, told: Sequence[Told]) -> list[str]:
    """What is recorded as made good, though the log until then does not show it: of runs, and of late tables."""
    found = []
    for alert in told:
        lie = ""
        if alert.made_good and alert.signature.startswith(f"{AlertKind.RUN_FAILED.value} | "):
            lie = _still_missing(instance, alert)
        elif alert.made_good and alert.signature.startswith(f"{AlertKind.FRESHNESS_MISSED.value} | "):
            lie = _still_late(instance, alert)
        found += [f"{alert.what}: {lie}"] if lie else []
    return found


def _still_missing(instance: DagsterInstance, alert: Told) -> str:
    """What a failed run was to publish and nobody had, from its failure up to the instant of a record."""
    planned: set[tuple[AssetKey, str | None]] = set()
    made: set[tuple[AssetKey, str | None]] = set()
    failed_at = alert.sent_at
    for entry in instance.all_logs(alert.link.rpartition("/runs/")[2]):
        event = entry.dagster_event
        if event is None:
            continue
        if event.event_type is DagsterEventType.RUN_FAILURE:
            failed_at = min(failed_at, entry.timestamp)
        elif event.asset_key and event.event_type is DagsterEventType.ASSET_MATERIALIZATION_PLANNED:
            planned.add((event.asset_key, event.partition))
        elif event.asset_key and event.event_type is DagsterEventType.ASSET_MATERIALIZATION:
            made.add((event.asset_key, event.partition))
    missing = []
    for key, partition in sorted(planned - made, key=str):
        of_it = AssetRecordsFilter(key, asset_partitions=[partition] if partition else None)
        later = instance.fetch_materializations(of_it, limit=PAGE).records
        if not any(e.partition_key == partition and failed_at <= e.timestamp <= alert.sent_at for e in later):
            missing.append(f"{key.to_user_string()} {partition}")
    return ", ".join(missing)


def _still_late(instance: DagsterInstance, alert: Told) -> str:
    """The dates of a late table for which nothing had passed since, up to the instant of a record."""
    table = alert.signature.split(" | ")[1].partition(",")[0]
    passed = set()
    for name in (FRESHNESS_CHECK, GRID_CHECK):
        key = AssetCheckKey(AssetKey(table.split(".")), name)
        for record in instance.event_log_storage.get_asset_check_execution_history(key, limit=PAGE * 20, status=ENDED):
            evaluation = record.evaluation
            if evaluation and evaluation.passed and record.event and record.event.timestamp <= alert.sent_at:
                due = evaluation.metadata.get("due date")
                passed.add(record.partition or (str(due.value) if due else ""))
    return ", ".join(sorted({*(alert.dates or ())} - passed))
