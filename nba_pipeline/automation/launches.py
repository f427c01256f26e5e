"""What was launched already, read from Dagster's own run storage: there is no second record of it."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache

import dagster as dg
from dagster import (
    AssetRecordsFilter,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    RunsFilter,
)

from nba_pipeline.assets.run_failures import planned_assets
from nba_pipeline.automation.jobs import Job, job_of
from nba_pipeline.clock import game_date_of
from nba_pipeline.contracts import Phase
from nba_pipeline.gates.deadlines import OPERATED
from nba_pipeline.landing.assets import ASKED_FIRST_TAG, FETCHED_AT, KEY_REFUSED, UNANSWERED, dates_between
from nba_pipeline.partitions import PARTITION, RANGE_END, RANGE_START, contiguous, dates_of, game_dates, to_key

PHASE_TAG = "nba_pipeline/phase"
INPUTS_TAG = "nba_pipeline/inputs"
LAUNCHED_AT_TAG = "nba_pipeline/launched_at"
LAUNCHED_BY_TAG = "nba_pipeline/launched_by"

UNFINISHED = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]

LONGEST_RUN_SECONDS = 600
"""A run of the automation that takes longer is ended by Dagster's run monitoring and fails."""

OLD_DATES_PRIORITY = "-1"
"""What is made again of old dates waits for what is due now."""

MOST_DATES_A_RUN = 31

LONGEST_RANGE = timedelta(days=31 + 92)
"""The days that a run's first and last date can lie apart: a summer has no game dates."""


@dataclass(frozen=True)
class Launch:
    """One run to be launched: tables of a phase for contiguous dates, and what they will be made from."""

    phase: Phase
    keys: tuple[dg.AssetKey, ...]
    inputs: Mapping[date, str]
    attempt: int = 0

    @property
    def dates(self) -> list[date]:
        """The dates, in order."""
        return sorted(self.inputs)

    def request(self, launched_by: str, now: datetime, job: Job | None = None) -> dg.RunRequest:
        """The run request; its key names the dates, what they are made from, and the attempt.

        A schedule launches runs of its own job; without one it is that of the phase and the dates.
        """
        first, last = self.dates[0], self.dates[-1]
        name = (job or job_of(self.phase, first, last, game_date_of(now))).name
        noted = {to_key(day): self.inputs[day][:12] for day in self.dates}
        identity = f"{self.phase.name.lower()}:{first}:{last}:{inputs_hash(noted)}:{self.attempt}"
        tags = {
            PHASE_TAG: self.phase.name.lower(),
            INPUTS_TAG: json.dumps(noted),
            LAUNCHED_AT_TAG: now.isoformat(),
            LAUNCHED_BY_TAG: launched_by,
            "dagster/max_runtime": str(LONGEST_RUN_SECONDS),
            **({"dagster/priority": OLD_DATES_PRIORITY} if last < game_date_of(now) - OPERATED else {}),
        }
        keys = list(self.keys)
        if first == last:
            return dg.RunRequest(identity, job_name=name, partition_key=to_key(first), asset_selection=keys, tags=tags)
        tags |= {RANGE_START: to_key(first), RANGE_END: to_key(last)}
        if self.attempt:
            tags[ASKED_FIRST_TAG] = to_key(self.dates[self.attempt % len(self.dates)])
        return dg.RunRequest(identity, job_name=name, asset_selection=keys, tags=tags)


def inputs_hash(noted: Mapping[str, str]) -> str:
    """A short hash over what dates are made from."""
    return hashlib.sha256(json.dumps(noted, sort_keys=True).encode()).hexdigest()[:16]


def in_runs(phase: Phase, wanted: Mapping[date, tuple[frozenset[dg.AssetKey], str]]) -> list[Launch]:
    """The launches that bring the dates about: contiguous dates that want the same assets share a run."""
    launches = []
    for keys in sorted({keys for keys, _ in wanted.values()}, key=sorted):
        for first, last in contiguous(day for day, (mine, _) in wanted.items() if mine == keys):
            days = game_dates(first, last)
            for start in range(0, len(days), MOST_DATES_A_RUN):
                inputs = {day: wanted[day][1] for day in days[start : start + MOST_DATES_A_RUN]}
                launches.append(Launch(phase, tuple(sorted(keys)), inputs))
    return sorted(launches, key=lambda launch: launch.dates[0])


@dataclass(frozen=True)
class Attempted:
    """An earlier launch for one date: when it was asked for, whether it ended well, and what was left unanswered.

    `unanswered` are the landed assets for which it was asked about the date and gave no answer.
    """

    launched_at: datetime
    succeeded: bool
    unanswered: frozenset[dg.AssetKey] = frozenset()

    @property
    def in_silence(self) -> bool:
        """Whether the attempt failed for want of an answer, which says nothing about what is asked for."""
        return bool(self.unanswered)


_UNANSWERED: dict[str, Mapping[dg.AssetKey, Sequence[date]]] = {}
"""By run that has ended, what the source left unanswered: of what is over, the log says the same for ever."""

LATEST = 5
"""Of so many newest materializations one was answered: a run may have had nothing to ask about."""


@dataclass(frozen=True)
class UnansweredStep:
    """A step that asked the source in vain: its asset, why by span of dates, and all that its failure says."""

    step_key: str
    asset: dg.AssetKey
    reasons: Mapping[str, str]
    metadata: Mapping[str, dg.MetadataValue]

    @property
    def dates(self) -> list[date]:
        """The game dates about which it asked in vain, in order."""
        return sorted({day for span in self.reasons for day in game_dates(*dates_between(span))})

    @property
    def setting(self) -> str | None:
        """The setting with the key, where the source refused that."""
        return str(self.metadata[KEY_REFUSED].value) if KEY_REFUSED in self.metadata else None


def unanswered_steps(instance: DagsterInstance, run_id: str) -> Iterator[UnansweredStep]:
    """The landing steps of a run that failed for want of an answer, from their failures in Dagster's log."""
    for entry in instance.all_logs(run_id, of_type=DagsterEventType.STEP_FAILURE):
        event = entry.dagster_event
        failure = event.step_failure_data.user_failure_data if event else None
        metadata = (failure.metadata or {}) if failure else {}
        said = metadata[UNANSWERED].value if UNANSWERED in metadata else None
        if event and event.step_key and isinstance(said, Mapping) and said:
            asset = dg.AssetKey(event.step_key.split("__"))
            yield UnansweredStep(event.step_key, asset, {str(k): str(v) for k, v in said.items()}, metadata)


def _planned(instance: DagsterInstance, run: DagsterRun) -> frozenset[dg.AssetKey]:
    """What a run of a whole job plans to make; of one that is just being made, Dagster may not have noted all yet."""
    return (
        frozenset() if run.status is DagsterRunStatus.NOT_STARTED else frozenset(planned_assets(instance, run.run_id))
    )


class Launches:
    """The runs that Dagster knows: those under way, and what was tried for a date with the same inputs."""

    def __init__(self, instance: DagsterInstance) -> None:
        self._instance = instance
        self._under_way = [
            (run.asset_selection or _planned(instance, run), set(dates_of(run)))
            for run in instance.get_runs(RunsFilter(statuses=UNFINISHED))
        ]
        self.last_success = cache(self._last_success)
        self._answered_at = cache(self._last_answer_of)

    def under_way(self, keys: Iterable[dg.AssetKey], day: date) -> bool:
        """Whether an unfinished run makes any of the assets for the date; one that has no plan yet may make any."""
        wanted = set(keys)
        return any(day in dates and (not chosen or wanted & chosen) for chosen, dates in self._under_way)

    def attempts(self, phase: Phase, day: date, inputs: str) -> list[Attempted]:
        """What was launched by the automation for the date from the same inputs, the oldest first."""
        found = []
        for run in self._about(phase, day):
            noted = json.loads(run.tags.get(INPUTS_TAG, "{}"))
            if noted.get(to_key(day)) == inputs[:12]:
                succeeded = run.status is DagsterRunStatus.SUCCESS
                silent = {} if succeeded or phase is not Phase.RAW else self._unanswered(run)
                about = frozenset(key for key, dates in silent.items() if day in dates)
                found.append(Attempted(launched_at(run), succeeded, about))
        return sorted(found, key=lambda attempted: attempted.launched_at)

    def last_answer(self, keys: Iterable[dg.AssetKey]) -> datetime | None:
        """Since when the source answers each of the landed assets again, by the pipeline's clock; None if one never."""
        answers = [self._answered_at(key) for key in keys]
        return min((at for at in answers if at), default=None) if all(answers) else None

    def _last_answer_of(self, key: dg.AssetKey) -> datetime | None:
        newest = self._instance.fetch_materializations(AssetRecordsFilter(key), limit=LATEST).records
        said = [record.asset_materialization.metadata for record in newest if record.asset_materialization]
        at = next((metadata[FETCHED_AT].value for metadata in said if FETCHED_AT in metadata), None)
        return datetime.fromtimestamp(float(str(at)), UTC) if at is not None else None

    def _unanswered(self, run: DagsterRun) -> Mapping[dg.AssetKey, Sequence[date]]:
        """What a failed run asked the source in vain, by landed asset, from the failures of its steps."""
        if run.run_id in _UNANSWERED:
            return _UNANSWERED[run.run_id]
        found = {step.asset: step.dates for step in unanswered_steps(self._instance, run.run_id)}
        if run.is_finished:
            _UNANSWERED[run.run_id] = found
        return found

    def _last_success(self, phase: Phase) -> datetime | None:
        """When the newest successful run of the phase was launched by the automation."""
        succeeded = RunsFilter(tags={PHASE_TAG: phase.name.lower()}, statuses=[DagsterRunStatus.SUCCESS])
        newest = self._instance.get_runs(succeeded, limit=1)
        return launched_at(newest[0]) if newest else None

    def _about(self, phase: Phase, day: date) -> list[DagsterRun]:
        """All runs of the phase about the date, however old: one that is forgotten would be made again."""
        starts = game_dates(day - LONGEST_RANGE, day)[-MOST_DATES_A_RUN:]
        found: list[DagsterRun] = []
        for tags in ({PARTITION: to_key(day)}, {RANGE_START: [to_key(start) for start in starts]}):
            found += self._instance.get_runs(RunsFilter(tags={PHASE_TAG: phase.name.lower(), **tags}))
        return found


def launched_at(run: DagsterRun) -> datetime:
    """When the automation asked for a run, by the pipeline's clock."""
    return datetime.fromisoformat(run.tags[LAUNCHED_AT_TAG]).astimezone(UTC)
