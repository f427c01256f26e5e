"""Backfill: bring a range of dates to completeness, with the history that it needs, and verify it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import dagster as dg

from nba_pipeline.clock import Clock, season_of
from nba_pipeline.contracts import Phase, Table
from nba_pipeline.evidence import Evidence
from nba_pipeline.landing import (
    LANDED_GAME_LINES,
    LANDED_GAMES,
    LANDED_INJURIES,
    LANDED_PLAYER_BOX_SCORES,
    LANDED_PLAYER_PROP_LINES,
    LANDED_PLAYERS,
)
from nba_pipeline.operations.runs import Attempt, Pipeline, materialize
from nba_pipeline.operations.smoke_test import DateResult, State, smoke_test
from nba_pipeline.partitions import contiguous, game_dates, season_start
from nba_pipeline.predictions.walk import HISTORY_SEASONS
from nba_pipeline.table_asset import asset_key
from nba_pipeline.tables import all_tables, tables_of
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

HISTORY_PHASES = (Phase.LANDING, Phase.RAW, Phase.ANALYTICS, Phase.PRECOMPUTE)
"""What a date needs of the dates before it: all but their predictions."""


@dataclass(frozen=True)
class Stretch:
    """A range of dates and the phases to run on it."""

    first: date
    last: date
    keys: tuple[dg.AssetKey, ...]
    why: str


@dataclass(frozen=True)
class Report:
    """What a backfill did: its runs, and how the dates stand now."""

    attempts: tuple[Attempt, ...]
    results: tuple[DateResult, ...]

    @property
    def complete(self) -> bool:
        """Whether every expected date is complete."""
        return all(result.overall is not State.FAIL for result in self.results)


def keys_of(phases: Sequence[Phase], *, before_tip_off: bool) -> tuple[dg.AssetKey, ...]:
    """The assets of the phases; with `before_tip_off` only those that exist before the games."""
    landing = LANDING_BEFORE_TIP_OFF if before_tip_off else LANDING
    tables = [t for phase in phases for t in tables_of(phase) if t.before_tip_off or not before_tip_off]
    return (*(landing if Phase.LANDING in phases else ()), *(asset_key(table) for table in tables))


def plan(
    warehouse: Warehouse, clock: Clock, first: date, last: date, phases: Sequence[Phase], *, history: bool
) -> list[Stretch]:
    """The stretches to run, in order: missing history first, then the played dates, then those to come."""
    stretches: list[Stretch] = []
    needs_history = any(phase.value >= Phase.ANALYTICS.value for phase in phases)
    if history and needs_history:
        last_phase = max(phase.value for phase in phases)
        behind = [phase for phase in HISTORY_PHASES if phase.value <= last_phase]
        stretches += history_stretches(warehouse, clock, first, behind)
    dates = game_dates(first, last)
    for upcoming, why in ((False, "played"), (True, "upcoming")):
        keys = keys_of(phases, before_tip_off=upcoming)
        chosen = [day for day in dates if (day >= clock.today()) is upcoming]
        stretches += [Stretch(a, b, keys, why) for a, b in contiguous(chosen) if keys]
    return stretches


def history_stretches(
    warehouse: Warehouse, clock: Clock, first: date, phases: Sequence[Phase] = HISTORY_PHASES
) -> list[Stretch]:
    """The dates before `first` that its context and features need and that are not complete.

    From the start of its season, or from the earliest date loaded in the seasons that models learn from.
    """
    season = season_of(first)
    with warehouse.session(read_only=True) as session:
        loaded = Evidence(session, clock, all_tables()).first_loaded(season_start(season - HISTORY_SEASONS))
    start = min(season_start(season), loaded or first)
    last = min(first, clock.today()) - timedelta(days=1)
    needed = [table for phase in phases for table in tables_of(phase)]
    results = smoke_test(warehouse, clock, start, last, needed) if start <= last else []
    missing = [result.game_date for result in results if any(found.state is State.FAIL for found in result.tables)]
    keys = keys_of(phases, before_tip_off=False)
    return [Stretch(a, b, keys, "history") for a, b in contiguous(missing)]


def run_stretch(pipeline: Pipeline, stretch: Stretch) -> list[Attempt]:
    """Runs a stretch to its end: one run, and after a failure one more for what it did not reach.

    Every further run reaches at least one more asset, so there are never more runs than assets. Dates that
    are blocked stay blocked in each, and the others go on.
    """
    attempts: list[Attempt] = []
    keys = list(stretch.keys)
    while keys:
        label = f"{stretch.why} {stretch.first} to {stretch.last}"
        attempt = materialize(pipeline, keys, stretch.first, stretch.last, label)
        attempts.append(attempt)
        if len(attempt.not_reached) >= len(keys):
            break
        keys = list(attempt.not_reached)
    return attempts


def backfill(
    pipeline: Pipeline, stretches: Sequence[Stretch], dates: tuple[date, date], phases: Sequence[Phase]
) -> Report:
    """Runs the stretches and reports how the asked dates stand, by what is in the warehouse."""
    attempts = [attempt for stretch in stretches for attempt in run_stretch(pipeline, stretch)]
    checked: list[Table] = [table for table in all_tables() if table.phase in phases]
    results = smoke_test(pipeline.warehouse, pipeline.clock, *dates, checked) if checked else []
    return Report(tuple(attempts), tuple(results))
