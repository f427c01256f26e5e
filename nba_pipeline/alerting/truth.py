"""Whether what an alert says is still so, by what Dagster's event log says since.

Only what is found there makes good: of what was deleted, or never looked at again, nothing is known, and its alert
is sent. Every look is one query on an index, and ends at the first date that is not good.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from datetime import date
from functools import cache

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
from nba_pipeline.alerting.sources import days_named, instant_of
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
"""Under which self-heal names a phase and a date that it found complete again."""

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
        self._dates_of_run = cache(self._dates_in_tags)

    def of(self, complaint: Complaint) -> Complaint | Good:
        """What is left of a complaint, or what made the last part of it good."""
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

    def _silence(self, complaint: SilenceComplaint) -> Complaint | Good:
        left: list[SilentAsset] = []
        good: Good | None = None
        for part in complaint.silent:
            answer = self.answered(part)
            rest = part if answer is None else self._without_any_answer(part)
            if rest is not None:
                left.append(rest)
            elif answer is not None:
                good = _newer(good, answer)
        return replace(complaint, silent=tuple(left)) if left or good is None else good

    def answered(self, part: SilentAsset) -> Good | None:
        """The newest answer about an asset since a failure to get one; a run may have had nothing to ask about."""
        since = AssetRecordsFilter(AssetKey.from_user_string(part.asset), after_storage_id=part.event)
        for record in self._instance.fetch_materializations(since, limit=ANSWERS).records:
            made = record.asset_materialization
            if made and FETCHED_AT in made.metadata:
                asset = ".".join(made.asset_key.path)
                return Good(f"the source answered about {asset} in run {record.run_id}", instant_of(record.timestamp))
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

    def _tick(self, complaint: TickComplaint) -> Complaint | Good:
        well = self._instance.get_ticks(
            complaint.origin, complaint.selector, after=complaint.at, limit=1,
            statuses=[TickStatus.SUCCESS, TickStatus.SKIPPED],
        )  # fmt: skip
        return Good("a later tick ended well", instant_of(well[0].timestamp)) if well else complaint

    # runs

    def _runs(self, complaint: RunComplaint) -> Complaint | Good:
        good: Good | None = None
        for n, (run_id, event) in enumerate(complaint.runs):
            # One that published all that it was to, and then failed in a check, leaves nothing that could be looked up.
            missing = not_published(self._instance, run_id)
            published = self._made_since(missing, event, "all that it was to publish was published later")
            if published is None:
                return replace(complaint, runs=complaint.runs[n:])
            good = _newer(good, published)
        return good or complaint

    def _made_since(self, wanted: Mapping[AssetKey, Set[str | None]], event: int, what: str) -> Good | None:
        """The newest materialization of all that is wanted, as what made it good; None while one is missing.

        One is wanted behind the event in the log: of each partition, and of an asset without any where None is one.
        """
        made: dict[int, AssetKey] = {}
        for key, partitions in wanted.items():
            numbers = self._newest_since(key, partitions, event)
            if len(numbers) < len(partitions):
                return None
            made |= dict.fromkeys(numbers, key)
        if not made:
            return None
        newest = AssetRecordsFilter(made[max(made)], storage_ids=[max(made)])
        found = self._instance.fetch_materializations(newest, limit=1).records
        return (
            Good(f"{what}, the last of it in run {found[0].run_id}", instant_of(found[0].timestamp)) if found else None
        )

    def _newest_since(self, key: AssetKey, partitions: Set[str | None], event: int) -> list[int]:
        """The number of the newest materialization of each partition that has one behind the event."""
        named = {partition for partition in partitions if partition is not None}
        numbers = [*newest_materializations(self._instance, key, named, after=event).values()] if named else []
        if None in partitions:
            latest = self._instance.fetch_materializations(AssetRecordsFilter(key, after_storage_id=event), limit=1)
            numbers += [record.storage_id for record in latest.records]
        return numbers

    # checks

    def _whole_check(self, complaint: CheckComplaint) -> Complaint | Good:
        whole = completed_evaluations(self._instance, _key(complaint), None, WHOLE_EVALUATIONS)
        return _newest_good(map(_said, whole)) or complaint

    def _check(self, complaint: CheckComplaint) -> Complaint | Good:
        whole = completed_evaluations(self._instance, _key(complaint), None, WHOLE_EVALUATIONS)
        good: Good | None = None
        days = days_of(complaint.ranges)
        for n, day in enumerate(days):
            found = self._good_on(complaint, day, whole)
            if found is None:
                return replace(complaint, ranges=ranges_of(days[n:]))
            good = _newer(good, found)
        return good or complaint

    def _good_on(self, complaint: CheckComplaint, day: str, whole: list[AssetCheckExecutionRecord]) -> Good | None:
        """What made a date good again: the newest evaluation about it passed, or what else speaks for its kind."""
        if complaint.kind is AlertKind.SELF_HEAL_GAVE_UP:
            return self._healed(complaint, day)
        of_date = completed_evaluations(self._instance, _key(complaint), day, OF_ONE_DATE)
        # What a run says of the date alone counts more than what it says of all its dates.
        runs = {record.run_id for record in of_date if record.run_id}
        others = [record for record in whole if record.run_id not in runs]
        said = [*(_said(record, day) for record in of_date), *self._said_as_a_whole(others, day)]
        if complaint.kind is AlertKind.FRESHNESS_MISSED:
            grid = AssetCheckKey(_key(complaint).asset_key, GRID_CHECK)
            said += [_said(each, day) for each in completed_evaluations(self._instance, grid, day, OF_ONE_DATE)]
        if all(each.passed for each in said):
            # What did not pass lies further back than is looked: only what passed after it counts.
            said = [each for each in said if each.at > complaint.at]
        waited = {AssetKey.from_user_string(name): {day} for name in complaint.waits}
        return _newest_good(said) or self._made_since(waited, complaint.event, f"what waited was made for {day}")

    def _said_as_a_whole(self, whole: list[AssetCheckExecutionRecord], day: str) -> Iterator[Said]:
        """What evaluations without a partition say of the date: those that name it, or of whose run it is a date."""
        for record in whole:
            evaluation = record.evaluation
            if evaluation is None:
                continue
            named = days_named(evaluation)
            if day in named or day in self._covered(evaluation, record.run_id):
                yield replace(_said(record, day), passed=evaluation.passed or bool(named and day not in named))

    def _covered(self, evaluation: AssetCheckEvaluation, run_id: str) -> frozenset[str]:
        """The dates that an evaluation without a partition is about, beyond those that it names.

        Freshness is about the date that was due, whichever dates its run made; others say which they looked at.
        """
        if COVERED_METADATA in evaluation.metadata:
            first, last = map(date.fromisoformat, str(evaluation.metadata[COVERED_METADATA].value).split(" to "))
            return frozenset(map(to_key, game_dates(first, last)))
        if DUE_DATE in evaluation.metadata:
            return frozenset({str(evaluation.metadata[DUE_DATE].value)})
        return self._dates_of_run(run_id)

    def _dates_in_tags(self, run_id: str) -> frozenset[str]:
        run = self._instance.get_run_by_id(run_id) if run_id else None
        return frozenset(map(to_key, dates_of(run))) if run else frozenset()

    def _healed(self, complaint: CheckComplaint, day: str) -> Good | None:
        """What self-heal itself observed later: only it looks whether a phase of a date is complete."""
        since = AssetRecordsFilter(SELF_HEAL, asset_partitions=[day], after_storage_id=complaint.event)
        for record in self._instance.fetch_observations(since, limit=WHOLE_EVALUATIONS).records:
            observed = record.asset_observation
            if observed and HEALED in observed.metadata:
                healed = str(observed.metadata[HEALED].value)
                if healed == f"{complaint.phase} {day}":
                    return Good(f"self-heal found {healed} complete", instant_of(record.timestamp))
        return None


def _key(complaint: CheckComplaint) -> AssetCheckKey:
    return AssetCheckKey(dg.AssetKey.from_user_string(complaint.asset), complaint.check)


def _said(record: AssetCheckExecutionRecord, day: str | None = None) -> Said:
    asset = ".".join(record.key.asset_key.path)
    about = f" for {day}" if day else ""
    where = f" in run {record.run_id}" if record.run_id else ""
    return Said(
        record.event.timestamp if record.event else record.create_timestamp,
        record.evaluation is not None and record.evaluation.passed,
        f"check {record.key.name} of {asset} passed{about}{where}",
    )


def _newest_good(said: Iterable[Said]) -> Good | None:
    """What passed, if it is the newest that was said."""
    newest = max(said, key=lambda each: each.at, default=None)
    return Good(newest.sentence, instant_of(newest.at)) if newest is not None and newest.passed else None


def _newer(one: Good | None, other: Good) -> Good:
    return other if one is None or other.at >= one.at else one
