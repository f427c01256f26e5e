"""How long making a date of an asset takes, from what Dagster recorded of the runs before."""

from collections.abc import Iterable

import dagster as dg
from dagster import AssetRecordsFilter, DagsterInstance

from nba_pipeline.partitions import dates_of

LOOKED_AT = 400
"""Materializations of an asset, the newest first, whose runs are looked at: a season has some 270."""

FIRST_GUESS = 0.3
"""Seconds a date of an asset that was never made here; a season on two busy cores takes about that."""


def seconds_a_date(instance: DagsterInstance, keys: Iterable[dg.AssetKey]) -> dict[dg.AssetKey, float]:
    """Seconds that a date of each asset took with its checks, in the newest run over the most dates."""
    return {key: _seconds(instance, key) for key in keys}


def _seconds(instance: DagsterInstance, key: dg.AssetKey) -> float:
    found = instance.fetch_materializations(AssetRecordsFilter(key), limit=LOOKED_AT).records
    runs = [instance.get_run_by_id(run_id) for run_id in dict.fromkeys(record.run_id for record in found)]
    measured = [(len(dates_of(run)), _step_seconds(instance, run, key)) for run in runs if run and dates_of(run)]
    dates, seconds = max(((dates, seconds) for dates, seconds in measured if seconds), default=(0, 0.0))
    return seconds / dates if dates else FIRST_GUESS


def _step_seconds(instance: DagsterInstance, run: dg.DagsterRun, key: dg.AssetKey) -> float:
    """Seconds of the asset's step and of its checks' steps, whose names begin with that of the asset."""
    name = "__".join(key.path)
    stats = instance.get_run_step_stats(run.run_id)
    return sum(s.end_time - s.start_time for s in stats if s.step_key.startswith(name) and s.end_time and s.start_time)


def as_time(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    return f"about {round(seconds / 60)} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
