"""Whether what an alert says is still so, by what Dagster's event log says since.

Only what is found there makes good: of what was deleted, or never looked at again, nothing is known, and its alert
is sent. Every look is one query on an index, and ends at the first date that is not good.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import dagster as dg
from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetKey,
    AssetRecordsFilter,
    DagsterInstance,
)

from nba_pipeline.alerting.alerts import Good
from nba_pipeline.alerting.complaints import (
    CheckComplaint,
    Complaint,
    RunComplaint,
    SilenceComplaint,
    SilentAsset,
    TickComplaint,
    days_of,
    ranges_of,
)
from nba_pipeline.alerting.sources import days_named
from nba_pipeline.assets.run_failures import not_published
from nba_pipeline.assets.table_checks import GRID_CHECK
from nba_pipeline.automation.self_heal import SELF_HEAL
from nba_pipeline.automation.silent_source import FACTS_LANDED
from nba_pipeline.dagster_internals.event_log import (
    AssetCheckExecutionRecord,
    TickStatus,
    completed_evaluations,
    newest_materializations,
)
from nba_pipeline.gates.alert_metadata import COVERED_METADATA, AlertKind
from nba_pipeline.gates.deadlines import OPERATED
from nba_pipeline.landing.assets import FETCHED_AT
from nba_pipeline.monitoring.freshness import DUE_DATE
from nba_pipeline.partitions import dates_of, game_dates, to_key

WHOLE_EVALUATIONS = 50
"""How many evaluations of a check that name their dates themselves are looked through for one about a date."""

HEALED = "healed"
"""Under which self-heal names a phase and a date that it found whole again."""

ANSWERS = 200
"""How many materializations of a landed asset are looked through for one with an answer."""

OF_ONE_DATE = 5
"""Runs that may evaluate a check of one date at the same time: the last to begin is not always the last to say."""


@dataclass(frozen=True)
class Said:
    """One evaluation: when, whether it passed for what is asked about, and its sentence."""

    at: float
    passed: bool
    sentence: str


class Truth:
    """What the log of an instance says of complaints."""

    def __init__(self, instance: DagsterInstance, today: Callable[[], date]) -> None:
        self._instance = instance
        self._today = today
        self._dates_of_runs: dict[str, frozenset[str]] = {}

    def of(self, complaint: Complaint) -> tuple[Complaint | None, Good | None]:
        """What is left of a complaint, None when all of it is good; and what made the last part of it good."""
        match complaint:
            case CheckComplaint():
                return self._check(complaint) if complaint.ranges else self._whole_check(complaint)
            case RunComplaint():
                return self._runs(complaint)
            case TickComplaint():
                return self._tick(complaint)
            case SilenceComplaint():
                return self._silence(complaint)

    # silence

    def _silence(self, complaint: SilenceComplaint) -> tuple[Complaint | None, Good | None]:
        left: list[SilentAsset] = []
        good: Good | None = None
        for part in complaint.silent:
            answer = self.answered(part)
            rest = part if answer is None else self._without_any_answer(part)
            if rest is not None:
                left.append(rest)
            elif answer is not None:
                good = _newer(good, answer)
        return (replace(complaint, silent=tuple(left)), good) if left else (None, good)

    def answered(self, part: SilentAsset) -> Good | None:
        """The newest answer about an asset since a failure to get one; a run may have had nothing to ask about."""
        since = AssetRecordsFilter(AssetKey.from_user_string(part.asset), after_storage_id=part.event)
        for record in self._instance.fetch_materializations(since, limit=ANSWERS).records:
            made = record.asset_materialization
            if made and FETCHED_AT in made.metadata:
                asset = ".".join(made.asset_key.path)
                return Good(f"the source answered about {asset} in run {record.run_id}", _instant(record.timestamp))
        return None

    def _without_any_answer(self, part: SilentAsset) -> SilentAsset | None:
        """What is left of an asset that is answered again: dates asked for on and on that no answer ever was about.

        Older ones, and what is only asked about now, are nobody's to wait for.
        """
        key, begin = AssetKey.from_user_string(part.asset), to_key(self._today() - OPERATED)
        days = [day for day in days_of(part.ranges) if day >= begin]
        if key not in FACTS_LANDED or not days:
            return None
        found = newest_materializations(self._instance, key, days)
        never = [day for day in days if day not in found]
        return replace(part, ranges=ranges_of(never)) if never else None

    # ticks

    def _tick(self, complaint: TickComplaint) -> tuple[Complaint | None, Good | None]:
        well = self._instance.get_ticks(
            complaint.origin, complaint.selector, after=complaint.at, limit=1,
            statuses=[TickStatus.SUCCESS, TickStatus.SKIPPED],
        )  # fmt: skip
        return (None, Good("a later tick ended well", _instant(well[0].timestamp))) if well else (complaint, None)

    # runs

    def _runs(self, complaint: RunComplaint) -> tuple[Complaint | None, Good | None]:
        good: Good | None = None
        for n, (run_id, event) in enumerate(complaint.runs):
            published = self._published_since(run_id, event)
            if published is None:
                return replace(complaint, runs=complaint.runs[n:]), good
            good = _newer(good, published)
        return None, good

    def _published_since(self, run_id: str, event: int) -> Good | None:
        """What published everything that a failed run was to publish and did not; None while something is missing.

        A run that published all that it was to, and then failed in a check, leaves nothing that could be looked up.
        """
        missing = not_published(self._instance, run_id)
        newest = 0
        for key, partitions in missing.items():
            found = self._materialized_since(key, partitions, event)
            if found is None:
                return None
            newest = max(newest, found)
        if not missing:
            return None
        at, by = self._materialization(newest, missing)
        return Good(f"all that it was to publish was published later, the last of it {by}", at)

    def _materialized_since(self, key: AssetKey, partitions: set[str | None], event: int) -> int | None:
        """The number of the newest materialization; None when one of the partitions has none since the event."""
        named = {partition for partition in partitions if partition is not None}
        found: list[int] = []
        if named:
            since = newest_materializations(self._instance, key, named, after=event)
            if named - since.keys():
                return None
            found += since.values()
        if None in partitions:
            latest = self._instance.fetch_materializations(AssetRecordsFilter(key, after_storage_id=event), limit=1)
            if not latest.records:
                return None
            found.append(latest.records[0].storage_id)
        return max(found)

    def _materialization(self, number: int, of: Mapping[AssetKey, object]) -> tuple[datetime, str]:
        for key in of:
            found = self._instance.fetch_materializations(AssetRecordsFilter(key, storage_ids=[number]), limit=1)
            for record in found.records:
                return _instant(record.timestamp), f"in run {record.run_id}"
        raise LookupError(f"materialization {number} of {', '.join(map(str, of))} is gone from Dagster's event log")

    # checks

    def _whole_check(self, complaint: CheckComplaint) -> tuple[Complaint | None, Good | None]:
        newest = max(self._evaluations(_key(complaint), None, WHOLE_EVALUATIONS), key=_at, default=None)
        if newest is None or newest.event is None:
            return complaint, None
        passed, sentence = _passed(newest), _sentence(newest, None)
        return (None, Good(sentence, _instant(newest.event.timestamp))) if passed else (complaint, None)

    def _check(self, complaint: CheckComplaint) -> tuple[Complaint | None, Good | None]:
        whole = self._evaluations(_key(complaint), None, WHOLE_EVALUATIONS)
        good: Good | None = None
        days = days_of(complaint.ranges)
        for n, day in enumerate(days):
            found = self._good_on(complaint, day, whole)
            if found is None:
                return replace(complaint, ranges=ranges_of(days[n:])), good
            good = _newer(good, found)
        return None, good

    def _good_on(self, complaint: CheckComplaint, day: str, whole: list[AssetCheckExecutionRecord]) -> Good | None:
        """What made a date good again: the newest evaluation about it passed, or what else speaks for its kind."""
        if complaint.kind is AlertKind.SELF_HEAL_GAVE_UP:
            return self._healed(complaint, day)
        of_date = self._evaluations(_key(complaint), day, OF_ONE_DATE)
        # What a run says of the date alone counts more than what it says of all its dates.
        runs = {record.run_id for record in of_date if record.run_id}
        others = [record for record in whole if record.run_id not in runs]
        said = [*_said_of_date(of_date, day), *self._said_as_a_whole(others, day)]
        if complaint.kind is AlertKind.FRESHNESS_MISSED:
            grid = self._evaluations(AssetCheckKey(_key(complaint).asset_key, GRID_CHECK), day, OF_ONE_DATE)
            said += _said_of_date(grid, day)
        if all(each.passed for each in said):
            # What did not pass lies further back than is looked: only what passed after it counts.
            said = [each for each in said if each.at > complaint.at]
        newest = max(said, key=lambda each: each.at, default=None)
        if newest is not None and newest.passed:
            return Good(newest.sentence, _instant(newest.at))
        return self._made_all_the_same(complaint, day) if complaint.waits else None

    def _said_as_a_whole(self, whole: list[AssetCheckExecutionRecord], day: str) -> Iterator[Said]:
        """What evaluations without a partition say of the date: those that name it, or of whose run it is a date."""
        for record in whole:
            evaluation = record.evaluation
            if evaluation is None:
                continue
            named = days_named(evaluation)
            if day in named or day in self._covered(evaluation, record.run_id):
                passed = evaluation.passed or bool(named and day not in named)
                yield Said(_at(record), passed, _sentence(record, day))

    def _covered(self, evaluation: AssetCheckEvaluation, run_id: str) -> frozenset[str]:
        """The dates that an evaluation without a partition is about, beyond those that it names.

        Freshness is about the date that was due, whichever dates its run made; others say which they looked at.
        """
        if COVERED_METADATA in evaluation.metadata:
            first, last = map(date.fromisoformat, str(evaluation.metadata[COVERED_METADATA].value).split(" to "))
            return frozenset(map(to_key, game_dates(first, last)))
        if DUE_DATE in evaluation.metadata:
            return frozenset({str(evaluation.metadata[DUE_DATE].value)})
        if run_id and run_id not in self._dates_of_runs:
            run = self._instance.get_run_by_id(run_id)
            self._dates_of_runs[run_id] = frozenset(map(to_key, dates_of(run))) if run else frozenset()
        return self._dates_of_runs.get(run_id, frozenset())

    def _made_all_the_same(self, complaint: CheckComplaint, day: str) -> Good | None:
        """The materializations of all that waited for a gate: nothing of the date waits any more."""
        newest = 0
        for name in complaint.waits:
            found = self._materialized_since(AssetKey.from_user_string(name), {day}, complaint.event)
            if found is None:
                return None
            newest = max(newest, found)
        at, by = self._materialization(newest, dict.fromkeys(map(AssetKey.from_user_string, complaint.waits)))
        return Good(f"what waited was made for {day}, the last of it {by}", at)

    def _healed(self, complaint: CheckComplaint, day: str) -> Good | None:
        """What self-heal itself observed later: only it looks whether a phase of a date is whole."""
        since = AssetRecordsFilter(SELF_HEAL, asset_partitions=[day], after_storage_id=complaint.event)
        for record in self._instance.fetch_observations(since, limit=WHOLE_EVALUATIONS).records:
            observed = record.asset_observation
            if observed and HEALED in observed.metadata:
                healed = str(observed.metadata[HEALED].value)
                if healed == f"{complaint.phase} {day}":
                    return Good(f"self-heal found {healed} complete", _instant(record.timestamp))
        return None

    def _evaluations(self, key: AssetCheckKey, day: str | None, limit: int) -> list[AssetCheckExecutionRecord]:
        """The newest evaluations of a check for a partition, or of those without one; what is only planned is none."""
        return completed_evaluations(self._instance, key, day, limit)


def _key(complaint: CheckComplaint) -> AssetCheckKey:
    return AssetCheckKey(dg.AssetKey.from_user_string(complaint.asset), complaint.check)


def _at(record: AssetCheckExecutionRecord) -> float:
    return record.event.timestamp if record.event else record.create_timestamp


def _passed(record: AssetCheckExecutionRecord) -> bool:
    return record.evaluation is not None and record.evaluation.passed


def _sentence(record: AssetCheckExecutionRecord, day: str | None) -> str:
    asset = ".".join(record.key.asset_key.path)
    about = f" for {day}" if day else ""
    where = f" in run {record.run_id}" if record.run_id else ""
    return f"check {record.key.name} of {asset} passed{about}{where}"


def _said_of_date(records: Iterable[AssetCheckExecutionRecord], day: str) -> list[Said]:
    return [Said(_at(record), _passed(record), _sentence(record, day)) for record in records]


def _newer(one: Good | None, other: Good) -> Good:
    return other if one is None or other.at >= one.at else one


def _instant(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
