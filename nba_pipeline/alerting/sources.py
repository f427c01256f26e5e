"""What in Dagster's event log alerts: failed runs, checks that did not pass, failed ticks of automation."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, partial
from heapq import merge

import dagster as dg
from dagster import AssetCheckEvaluation, DagsterEventType, DagsterInstance, DagsterRun, EventLogEntry

from nba_pipeline.alerting.alerts import Alert
from nba_pipeline.alerting.complaints import (
    CheckComplaint,
    RunComplaint,
    TickComplaint,
    ranges_of,
)
from nba_pipeline.alerting.silence import Asked, asked_in_vain, complaint_of
from nba_pipeline.assets.run_failures import failures_of_run, not_published, root_cause
from nba_pipeline.automation.jobs import WORK_TAG, Work
from nba_pipeline.automation.launches import UnansweredStep, unanswered_steps
from nba_pipeline.dagster_internals.event_log import (
    InstigatorState,
    InstigatorTick,
    TickStatus,
    entries_after,
    last_entry,
)
from nba_pipeline.gates.alert_metadata import (
    ALERT_KIND_METADATA,
    EFFECT_METADATA,
    NEXT_COMMAND_METADATA,
    REASONS_METADATA,
    SINCE_METADATA,
    WAITS_METADATA,
    AlertKind,
)
from nba_pipeline.landing.assets import LANDED_GAMES, LANDED_PLAYER_BOX_SCORES, LANDED_PLAYERS, SOURCE_POOL
from nba_pipeline.monitoring.ledger_verification import LEDGER_CHECK
from nba_pipeline.partitions import PARTITION, RANGE_END, RANGE_START, to_key

BATCH = 200
"""How many entries of each kind are read at a time."""

SHOWN = 5
"""Causes and dates that one alert names; of the others it says how many there are."""

SAYS_NOTHING = "This run has been marked as failed from outside the execution context"
"""Dagster's message of a run that could not be launched, or whose process was killed."""

RUNS = "runs"
"""The subject of a failed run that asks the source or makes tables: the same outage fails runs of many jobs."""

DONE_BY_ITSELF = (Work.MODELS.value, Work.OPERATIONS.value)
"""The work whose failure closes by itself, since no other run makes it good."""

DECISION_KINDS = (AlertKind.OVERRIDE_USED, AlertKind.GAME_DECIDED)
"""What a person did. That it was done stays so, and nothing makes it good."""

ALWAYS_SENT = (*DECISION_KINDS, AlertKind.ACCURACY_TRIPWIRE)
"""What people must hear of though it has passed: decisions, errors that were dishonest. So is a changed ledger."""

HEALED_LANDED = (LANDED_GAMES, LANDED_PLAYER_BOX_SCORES, LANDED_PLAYERS)
"""What self-heal asks for; reports and lines that were not asked for in time cannot be had any more."""

A_DAY = re.compile(r"\d{4}-\d\d-\d\d")

Dates = tuple[str, str]


@dataclass(frozen=True)
class Position:
    """How far the log was read: ids in the event log, and for each sensor and schedule the time of its last
    failed tick."""

    run_failure: int = 0
    check_evaluation: int = 0
    ticks: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One entry of the log: when it was written, the position after it, and the alert that it makes, if any.

    The alert is made when it is asked for, because it may take a look at a whole run.
    """

    at: float
    passed: Callable[[Position], Position]
    alert: Callable[[], Alert | None]


class EventLog:
    """The entries of an instance's log that may alert, in the order of time."""

    def __init__(self, instance: DagsterInstance, ui_url: str, *, automation: bool = True) -> None:
        self._instance = instance
        self._automation = automation
        self._ui_url = ui_url.rstrip("/")
        self._run = cache(instance.get_run_by_id)

    def checked(self, position: Position) -> Position:
        """The position, moved back if the log ends before it.

        SQLite gives the ids of deleted runs to new events; a position beyond the end would hide those.
        """
        last = last_entry(self._instance)
        return replace(
            position,
            run_failure=min(position.run_failure, last),
            check_evaluation=min(position.check_evaluation, last),
        )

    def after(self, position: Position) -> list[Entry]:
        """The next entries behind the position, at most a batch of each kind; empty at the end of the log."""
        streams = [
            self._events(
                DagsterEventType.RUN_FAILURE,
                position.run_failure,
                lambda number, before: replace(before, run_failure=number),
                self.failed_run,
            ),
            self._events(
                DagsterEventType.ASSET_CHECK_EVALUATION,
                position.check_evaluation,
                lambda number, before: replace(before, check_evaluation=number),
                self.failed_check,
            ),
            *(self._ticks(state, position) for state in self._instance.all_instigator_state()),
        ]
        # Each stream keeps its own order, whatever the clocks of the processes say: positions only move on.
        return list(merge(*streams, key=lambda entry: entry.at))

    def _events(
        self,
        kind: DagsterEventType,
        after: int,
        passed: Callable[[int, Position], Position],
        alert: Callable[[EventLogEntry, int], Alert | None],
    ) -> Iterator[Entry]:
        for number, entry in entries_after(self._instance, after, kind, BATCH).items():
            yield Entry(entry.timestamp, partial(passed, number), partial(alert, entry, number))

    def _ticks(self, state: InstigatorState, position: Position) -> Iterator[Entry]:
        origin, selector = state.instigator_origin_id, state.selector_id
        after, failed = position.ticks.get(selector), [TickStatus.FAILURE]
        # Summaries come without the errors, so that a long outage is read a batch at a time, oldest first.
        waiting = sorted(
            self._instance.get_tick_summaries(origin, selector, after=after, statuses=failed),
            key=lambda summary: summary.timestamp,
        )
        if not waiting:
            return
        before = waiting[BATCH].timestamp if len(waiting) > BATCH else None
        ticks = self._instance.get_ticks(origin, selector, before=before, after=after, statuses=failed)
        stored = {summary.tick_id: summary.timestamp for summary in waiting}
        for tick in sorted(ticks, key=lambda tick: tick.timestamp):
            if tick.tick_id in stored:
                yield self._failed_tick(selector, stored[tick.tick_id], tick)

    def _failed_tick(self, selector: str, at: float, tick: InstigatorTick) -> Entry:
        return Entry(
            at,
            lambda position: replace(position, ticks={**position.ticks, selector: at}),
            lambda: self.failed_tick(tick),
        )

    def failed_run(self, entry: EventLogEntry, number: int = 0) -> Alert | None:
        """The alert of a run that failed; `number` is that of the failure in the log.

        None when nothing failed but checks: each of them is an alert of its own.
        """
        run = self._run(entry.run_id)
        failures = failures_of_run(self._instance, entry.run_id)
        ended = _ended_from_outside(entry)
        if not ended and any(failure.evaluation for failure in failures) and all(failure.check for failure in failures):
            return None
        steps = () if ended or run is None else unanswered_steps(self._instance, entry.run_id)
        silent = {step.step_key: step for step in steps}
        if run is not None and silent and all(failure.check or failure.step_key in silent for failure in failures):
            return self._silence(entry, number, run, [*silent.values()])
        causes = [str(failure) for failure in failures if not failure.check]
        # What its steps say of a run that was ended is what the end did to them.
        causes = [ended, *causes] if ended else causes or [self._run_cause(entry)]
        dates = _dates_of(run)
        job = run.job_name if run else entry.job_name or "a run"
        return Alert(
            kind=AlertKind.RUN_FAILED,
            subject=job if run and run.tags.get(WORK_TAG) in DONE_BY_ITSELF else RUNS,
            cause=causes[0],
            what=f"{_named(job)}{_on(dates)}: {_first_of(causes)}",
            since=instant_of(entry.timestamp),
            effect=self._not_published(entry.run_id, dates),
            next_command=_next_command(dates),
            link=f"{self._ui_url}/runs/{entry.run_id}",
            dates=dates,
            complaint=RunComplaint(((entry.run_id, number),)),
        )

    def _silence(
        self, entry: EventLogEntry, number: int, run: DagsterRun, unanswered: Sequence[UnansweredStep]
    ) -> Alert:
        """The alert of a run that failed for want of an answer, or because the source refuses the key."""
        setting = next((each.setting for each in unanswered if each.setting), None)
        days = sorted({day for each in unanswered for day in each.dates})
        dates = to_key(days[0]), to_key(days[-1])
        asked = asked_in_vain(self._instance, run, days[0], instant_of(entry.timestamp))
        assets = ", ".join(sorted(".".join(each.asset.path) for each in unanswered))
        times = "once" if asked.times == 1 else f"{asked.times} times"
        refused = f"the source refuses {setting}, and so said" if setting else "the source said"
        often = f"It was asked {times} since {asked.since:%Y-%m-%d %H:%M} UTC"
        again = _asked_again(asked, unanswered, self._automation)
        command = f"nba-pipeline backfill --from {dates[0]} --to {dates[1]}"
        return Alert(
            kind=AlertKind.KEY_REFUSED if setting else AlertKind.SOURCE_SILENT,
            subject=SOURCE_POOL,
            cause="",
            what=(
                f"{refused} nothing about {assets}{_on(dates)}. {often}, {again}. "
                f"{_first_of([next(iter(each.reasons.values())) for each in unanswered])}"
            ),
            since=asked.since,
            effect=f"{self._not_published(entry.run_id, dates)}. What is made from it waits.",
            next_command=f"set {setting} where the pipeline runs and start it again; {command}" if setting else command,
            link=f"{self._ui_url}/runs/{entry.run_id}",
            dates=dates,
            complaint=complaint_of(unanswered, number),
        )

    def _not_published(self, run_id: str, dates: Dates | None) -> str:
        """Which assets of the run are not published, wholly or for some of the dates."""
        missing = sorted(".".join(key.path) for key in not_published(self._instance, run_id))
        if not missing:
            return "The run did not end well; what it was to publish is not known to be missing."
        return f"Not published, wholly or in part{_on(dates)}: {', '.join(missing)}"

    def _run_cause(self, entry: EventLogEntry) -> str:
        """Why a run failed none of whose steps did, such as one that took too long or whose process died.

        Where the failure itself says nothing, what Dagster's engine said before it does.
        """
        event = entry.dagster_event
        error = event.job_failure_data.error if event and event.event_specific_data else None
        message = root_cause(error) or (event.message if event else None) or SAYS_NOTHING
        return self._engine_said(entry) or message if message.startswith(SAYS_NOTHING) else message

    def _engine_said(self, entry: EventLogEntry) -> str | None:
        said = self._instance.all_logs(entry.run_id, of_type=DagsterEventType.ENGINE_EVENT)
        events = [before.dagster_event for before in said if before.timestamp <= entry.timestamp]
        if not events or events[-1] is None:
            return None
        error = events[-1].engine_event_data.error if events[-1].event_specific_data else None
        return root_cause(error) or events[-1].message

    def failed_check(self, entry: EventLogEntry, number: int = 0) -> Alert | None:
        """The alert of a check that did not pass, None of one that did; `number` is its place in the log."""
        evaluation = entry.dagster_event.asset_check_evaluation_data if entry.dagster_event else None
        if evaluation is None or evaluation.passed:
            return None
        run = self._run(entry.run_id) if entry.run_id else None
        reasons = reasons_of(evaluation)
        dates = _dates_of_check(evaluation, run)
        asset = ".".join(evaluation.asset_key.path)
        check = f"check {evaluation.check_name} of {asset}"
        said = [reason if not day else f"{day}: {reason}" for day, reason in reasons]
        kind = _kind(evaluation)
        return Alert(
            kind=kind,
            subject=f"{asset}, {evaluation.check_name}",
            cause=reasons[0][1] if reasons else "",
            what=f"{check} did not pass{_on(dates)}" + (f": {_first_of(said)}" if said else ""),
            since=_since(evaluation) or instant_of(entry.timestamp),
            effect=_text(evaluation, EFFECT_METADATA) or _effect_of_check(evaluation, asset, dates),
            next_command=_text(evaluation, NEXT_COMMAND_METADATA) or _next_command(dates),
            link=self._link(entry.run_id, evaluation.asset_key),
            dates=dates,
            complaint=_complaint(evaluation, kind, number, entry.timestamp),
            always_sent=kind in ALWAYS_SENT or evaluation.check_name == LEDGER_CHECK,
        )

    def failed_tick(self, tick: InstigatorTick) -> Alert:
        """The alert of a sensor or schedule whose tick failed."""
        cause = root_cause(tick.error) or "no error was recorded"
        automation = f"{tick.instigator_type.value.lower()} {tick.instigator_name}"
        return Alert(
            kind=AlertKind.AUTOMATION_FAILED,
            subject=automation,
            cause=cause,
            what=f"A tick of {automation} failed: {cause}",
            since=instant_of(tick.timestamp),
            effect=f"What {automation} does by itself was not done; its next tick tries again.",
            next_command="nba-pipeline ui",
            link=f"{self._ui_url}/automation",
            complaint=_tick_complaint(tick),
        )

    def _link(self, run_id: str, asset: dg.AssetKey) -> str:
        if run_id:
            return f"{self._ui_url}/runs/{run_id}"
        return f"{self._ui_url}/assets/{'/'.join(asset.path)}?view=checks"


def reasons_of(evaluation: AssetCheckEvaluation) -> list[tuple[str, str]]:
    """Why a check did not pass, as pairs of a date (empty when there is none) and a reason."""
    for name in REASONS_METADATA:
        value = evaluation.metadata.get(name)
        found = _pairs(value.value) if value is not None else []
        if found:
            return found
    return _pairs(evaluation.description or "")


def _pairs(value: object) -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        return [(str(key), "; ".join(why for _, why in _pairs(each))) for key, each in sorted(value.items())]
    if isinstance(value, list | tuple):
        return [("", str(each)) for each in value]
    lines = [line.strip().removeprefix("- ") for line in str(value).splitlines()]
    return [("", line) for line in lines if line]


def _dates_of_check(evaluation: AssetCheckEvaluation, run: DagsterRun | None) -> Dates | None:
    """The partition of the evaluation, else the dates that it names, else those of its run."""
    if evaluation.partition:
        return evaluation.partition, evaluation.partition
    named = days_named(evaluation)
    return (min(named), max(named)) if named else _dates_of(run)


def days_named(evaluation: AssetCheckEvaluation) -> list[str]:
    """The dates that an evaluation names in its reasons, oldest first."""
    return sorted({day for day, _ in reasons_of(evaluation) if A_DAY.fullmatch(day)})


def _complaint(evaluation: AssetCheckEvaluation, kind: AlertKind, number: int, at: float) -> CheckComplaint | None:
    """What has to pass for the check to be good again: for its partition or the dates that it names, else as a whole.

    None of what a person did, since that stays so, and of a partition that is no date.
    """
    days = [evaluation.partition] if evaluation.partition else days_named(evaluation)
    if kind in DECISION_KINDS or not all(map(A_DAY.fullmatch, days)):
        return None
    waits = evaluation.metadata.get(WAITS_METADATA)
    reasons = reasons_of(evaluation)
    return CheckComplaint(
        asset=evaluation.asset_key.to_user_string(),
        check=evaluation.check_name,
        kind=kind,
        event=number,
        at=at,
        ranges=ranges_of(days),
        waits=tuple(map(str, waits.value)) if waits and isinstance(waits.value, list) else (),
        phase=reasons[0][1].split(" ")[0] if kind is AlertKind.SELF_HEAL_GAVE_UP and reasons else "",
    )


def _tick_complaint(tick: InstigatorTick) -> TickComplaint | None:
    return TickComplaint(tick.instigator_origin_id, tick.selector_id, tick.timestamp) if tick.selector_id else None


def _dates_of(run: DagsterRun | None) -> Dates | None:
    tags = run.tags if run else {}
    if RANGE_START in tags and RANGE_END in tags:
        return tags[RANGE_START], tags[RANGE_END]
    return (tags[PARTITION], tags[PARTITION]) if PARTITION in tags else None


def _effect_of_check(evaluation: AssetCheckEvaluation, asset: str, dates: Dates | None) -> str:
    if evaluation.blocking:
        return f"What reads {asset} is not made{_on(dates)}."
    return f"{asset} cannot be relied on{_on(dates)}."


def _asked_again(asked: Asked, unanswered: Sequence[UnansweredStep], automation: bool) -> str:
    """When the source is asked again by itself."""
    if not automation:
        return "and is asked again when somebody does, since the automation is off"
    if asked.again_at is not None:
        return f"and is asked again at {asked.again_at:%Y-%m-%d %H:%M} UTC, ever more rarely, up to every six hours"
    if any(each.asset in HEALED_LANDED for each in unanswered):
        return "and is asked again by the next look of self-heal, within a quarter of an hour"
    return "and is asked again by the next schedule that does"


def _next_command(dates: Dates | None) -> str:
    if dates is None:
        return "nba-pipeline ui"
    first, last = dates
    return f"nba-pipeline smoke-test {first}" if first == last else f"nba-pipeline backfill --from {first} --to {last}"


def _kind(evaluation: AssetCheckEvaluation) -> AlertKind:
    """The kind that the evaluation names. A word that is none must not keep the alert from being sent."""
    named = _text(evaluation, ALERT_KIND_METADATA)
    return AlertKind(named) if named in list(AlertKind) else AlertKind.CHECK_FAILED


def _since(evaluation: AssetCheckEvaluation) -> datetime | None:
    try:
        since = datetime.fromisoformat(_text(evaluation, SINCE_METADATA))
    except ValueError:
        return None
    return since.astimezone(UTC) if since.tzinfo else since.replace(tzinfo=UTC)


def _text(evaluation: AssetCheckEvaluation, name: str) -> str:
    value = evaluation.metadata.get(name)
    return str(value.value) if value is not None else ""


def _ended_from_outside(entry: EventLogEntry) -> str | None:
    """Why a run was ended by another process that says so, such as run monitoring at the run's limit."""
    event = entry.dagster_event
    if event is None or event.event_specific_data is not None or not event.message:
        return None
    return None if event.message.startswith(SAYS_NOTHING) else event.message


def _named(job: str) -> str:
    return "a run of assets" if job.startswith("__") else f"a run of {job}"


def _on(dates: Dates | None) -> str:
    if dates is None:
        return ""
    return f" for {dates[0]}" if dates[0] == dates[1] else f" for {dates[0]} to {dates[1]}"


def _first_of(texts: list[str]) -> str:
    more = f"\nand {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return "\n".join(texts[:SHOWN]) + more


def instant_of(timestamp: float) -> datetime:
    """An instant as Dagster stores it."""
    return datetime.fromtimestamp(timestamp, UTC)
