"""Backfill: bring a range of dates to completeness, with the history that it needs, and verify it."""

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import dagster as dg
from dagster import DagsterEventType, DagsterInstance, RunsFilter

from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import all_tables, tables_of
from nba_pipeline.clock import Clock, season_of
from nba_pipeline.code_versions.translations import SOURCES
from nba_pipeline.contracts import Contract, Phase
from nba_pipeline.gates.evidence import Evidence
from nba_pipeline.landing.assets import (
    LANDED_GAME_LINES,
    LANDED_GAMES,
    LANDED_INJURIES,
    LANDED_PLAYER_BOX_SCORES,
    LANDED_PLAYER_PROP_LINES,
    LANDED_PLAYERS,
)
from nba_pipeline.monitoring.outcome import COMMAND, OK, Outcome
from nba_pipeline.monitoring.smoke_test import DateResult, outcome_of, smoke_test
from nba_pipeline.operations.runs import Attempt, Pipeline, materialize
from nba_pipeline.partitions import contiguous, game_dates, season_start
from nba_pipeline.predictions.walk_forward.walk import HISTORY_SEASONS
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings
from nba_pipeline.warehouse.errors import WarehouseError
from nba_pipeline.warehouse.interface import Warehouse

LANDING_BEFORE_TIP_OFF = (
    LANDED_GAMES,
    LANDED_PLAYERS,
    LANDED_INJURIES,
    LANDED_PLAYER_PROP_LINES,
    LANDED_GAME_LINES,
)
"""What the source says of games to come. Of games that are over it cannot tell what was known before them."""

LANDING = (LANDED_GAMES, LANDED_PLAYER_BOX_SCORES, LANDED_PLAYERS)

BACKFILL_TAG, PLANNED_RANGE_TAG, DONE_TAG = (
    "nba_pipeline/backfill",
    "nba_pipeline/stretch",
    "nba_pipeline/backfill_done",
)
"""The tags of runs by which a backfill that was ended goes on where it was."""

GOES_ON_WITHIN = timedelta(hours=2)
"""What was made longer ago may be another thing by now: a source that was asked then is asked again."""

HISTORY_PHASES = (Phase.LANDING, Phase.RAW, Phase.ANALYTICS, Phase.PRECOMPUTE)
"""What a date needs of the dates before it: all but their predictions."""


@dataclass(frozen=True)
class PlannedRange:
    """A range of dates and the phases to run on it."""

    first: date
    last: date
    keys: tuple[dg.AssetKey, ...]
    why: str

    @property
    def label(self) -> str:
        """The range in words, by which an ended backfill knows it again."""
        return f"{self.why} {self.first} to {self.last}"


@dataclass(frozen=True)
class Report:
    """What a backfill did: its runs, and how the dates that it was asked about stand now.

    `unknown` says why that could not be looked at, where it could not.
    """

    attempts: tuple[Attempt, ...]
    results: tuple[DateResult, ...]
    dates: tuple[date, date]
    unknown: str | None = None

    @property
    def failed(self) -> tuple[str, ...]:
        """A sentence for everything that went wrong in the runs."""
        return tuple(sentence for attempt in self.attempts for sentence in failures_of(attempt))

    @property
    def outcome(self) -> Outcome:
        """Done only when every run succeeded, history included, and every date is complete, current and open."""
        found = outcome_of(self.results, *self.dates, self.failed)
        return replace(found, undone=(*found.undone, self.unknown)) if self.unknown else found

    @property
    def complete(self) -> bool:
        """Whether all of it is done."""
        return self.outcome.exit_code == OK


def failures_of(attempt: Attempt) -> list[str]:
    """What went wrong in a run, as sentences; nothing when it succeeded."""
    silent = (f"failed without saying why; look at it with: {COMMAND}ui",)
    said = () if attempt.success else attempt.failures or silent
    # A check of a range says the same of each of its dates.
    return [f"run {attempt.run_id[:8]}: {failure}" for failure in dict.fromkeys(said)]


def keys_of(phases: Sequence[Phase], *, before_tip_off: bool) -> tuple[dg.AssetKey, ...]:
    """The assets of the phases; with `before_tip_off` only those that exist before the games."""
    landing = LANDING_BEFORE_TIP_OFF if before_tip_off else LANDING
    tables = [t for phase in phases for t in tables_of(phase) if t.before_tip_off or not before_tip_off]
    return (*(landing if Phase.LANDING in phases else ()), *(asset_key(table) for table in tables))


def plan_ranges(
    runtime: Runtime, first: date, last: date, phases: Sequence[Phase], *, history: bool
) -> list[PlannedRange]:
    """The ranges to run, in order: missing history first, then the played dates, then those to come.

    Dates that a person recorded as known gaps are left out.
    """
    ranges: list[PlannedRange] = []
    warehouse, clock = runtime.warehouse, runtime.clock
    needs_history = any(phase.value >= Phase.ANALYTICS.value for phase in phases)
    with warehouse.session(read_only=True) as session:
        evidence = Evidence(session, clock, all_tables())
        dates = [day for day in game_dates(first, last) if not evidence.decisions.is_left_alone(day)]
    if history and needs_history and dates:
        last_phase = max(phase.value for phase in phases)
        behind = [phase for phase in HISTORY_PHASES if phase.value <= last_phase]
        ranges += history_ranges(warehouse, clock, first, behind)
    for upcoming, why in ((False, "played"), (True, "upcoming")):
        keys = keys_of(phases, before_tip_off=upcoming)
        chosen = [day for day in dates if (day >= clock.today()) is upcoming]
        ranges += [PlannedRange(a, b, keys, why) for a, b in contiguous(chosen) if keys]
    return ranges


def history_ranges(
    warehouse: Warehouse, clock: Clock, first: date, phases: Sequence[Phase] = HISTORY_PHASES
) -> list[PlannedRange]:
    """The dates before `first` that its context and features need and that are not complete.

    From the start of its season, or from the earliest date loaded in the seasons that models learn from. Raw tables
    that nothing is made from are no history: for their sake the source is not asked again.
    """
    read = {read.table.name for table in all_tables() for read in table.reads.values()}
    needed = [t for phase in phases for t in tables_of(phase) if phase is not Phase.RAW or t.name in read]
    season = season_of(first)
    with warehouse.session(read_only=True) as session:
        evidence = Evidence(session, clock, all_tables())
        loaded = evidence.manifest.first_loaded(season_start(season - HISTORY_SEASONS))
        start = min(season_start(season), loaded or first)
        last = min(first, clock.today()) - timedelta(days=1)
        dates = [day for day in game_dates(start, last) if not evidence.decisions.is_known_gap(day)]
        covered = [evidence.coverage.of(table, dates) for table in needed]
    missing = [day for day in dates if any(not found[day].complete for found in covered)]
    keys = keys_of(phases, before_tip_off=False)
    return [PlannedRange(a, b, keys, "history") for a, b in contiguous(missing)]


@dataclass(frozen=True)
class Ended:
    """A backfill of the same dates and phases by the same code that was ended before it was done.

    `done` has the assets that it made, by the labels of its ranges.
    """

    runs: tuple[str, ...] = ()
    done: Mapping[str, frozenset[dg.AssetKey]] = field(default_factory=dict)


def identity_of(settings: Settings, first: date, last: date, phases: Sequence[Phase], *, history: bool) -> str:
    """What tells one backfill of a home from another: dates, phases, code, and where it asks, lands and publishes.

    The home itself is left out: its own runs are looked through, wherever it was moved to.
    """
    places = f"{settings.balldontlie_api_url} {settings.landing} {settings.warehouse} {settings.lines}"
    said = f"{first} {last} {[phase.name for phase in phases]} {history} {SOURCES} {places}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def ended_before(instance: DagsterInstance, identity: str) -> Ended:
    """What an ended backfill had made lately; nothing when the last one came to its end."""
    since = datetime.now(UTC) - GOES_ON_WITHIN
    runs = instance.get_runs(RunsFilter(tags={BACKFILL_TAG: identity}, created_after=since))
    series = list(itertools.takewhile(lambda run: DONE_TAG not in run.tags, runs))
    done: dict[str, set[dg.AssetKey]] = {}
    for run in series:
        succeeded = {
            entry.dagster_event.step_key
            for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_SUCCESS)
            if entry.dagster_event
        }
        made = {key for key in run.asset_selection or () if "__".join(key.path) in succeeded}
        done.setdefault(run.tags[PLANNED_RANGE_TAG], set()).update(made)
    return Ended(tuple(run.run_id for run in series), {label: frozenset(keys) for label, keys in done.items()})


def run_range(
    pipeline: Pipeline, planned: PlannedRange, identity: str = "", done: frozenset[dg.AssetKey] = frozenset()
) -> list[Attempt]:
    """Runs a range to its end: one run, and after a failure one more for what it did not reach.

    Every further run reaches at least one more asset, so there are never more runs than assets. Dates that
    are blocked stay blocked in each, and the others go on. What an ended backfill has `done` is not done again.
    """
    attempts: list[Attempt] = []
    keys = [key for key in planned.keys if key not in done]
    tags = {BACKFILL_TAG: identity, PLANNED_RANGE_TAG: planned.label} if identity else {}
    while keys:
        attempt = materialize(pipeline, keys, planned.first, planned.last, planned.label, tags)
        attempts.append(attempt)
        if len(attempt.not_reached) >= len(keys):
            break
        keys = list(attempt.not_reached)
    return attempts


def backfill(
    pipeline: Pipeline,
    ranges: Sequence[PlannedRange],
    dates: tuple[date, date],
    phases: Sequence[Phase],
    identity: str = "",
    before: Ended = Ended(),
) -> Report:
    """Runs the ranges and reports how the asked dates stand, by what is in the warehouse.

    With an `identity`, one that is ended can be gone on with: `before` is what it had made. What was run is reported
    also when nobody can look at the warehouse afterwards.
    """
    attempts = tuple(
        attempt
        for planned in ranges
        for attempt in run_range(pipeline, planned, identity, before.done.get(planned.label, frozenset()))
    )
    for run_id in (*before.runs, *(attempt.run_id for attempt in attempts)) if identity else ():
        pipeline.instance.add_run_tags(run_id, {DONE_TAG: "yes"})
    checked: list[Contract] = [table for table in all_tables() if table.phase in phases]
    try:
        results = smoke_test(pipeline.runtime.gatekeeper, *dates, checked)
    except WarehouseError as error:
        command = f"{COMMAND}smoke-test {dates[0]} {dates[1]}"
        unknown = f"how the dates stand now could not be looked at: {error} Look again: {command}"
        return Report(attempts, (), dates, unknown)
    return Report(attempts, tuple(results), dates)
