"""How long making a date of an asset takes, from what Dagster recorded of the runs before."""

from collections import Counter
from collections.abc import Iterable

import dagster as dg
from dagster import AssetRecordsFilter, DagsterInstance

LOOKED_AT = 400
"""Materializations of an asset, the newest first, among whose runs the longest is looked for: a season has some 270."""

FIRST_GUESS = 0.3
"""Seconds a date of an asset that was never made here: a guess, until a run has measured it."""


def seconds_a_date(instance: DagsterInstance, keys: Iterable[dg.AssetKey]) -> dict[dg.AssetKey, float]:
    """Seconds that a date of each asset took with its checks, in the newest run over the most dates."""
    return {key: _seconds(instance, key) for key in keys}


def _seconds(instance: DagsterInstance, key: dg.AssetKey) -> float:
    found = instance.fetch_materializations(AssetRecordsFilter(key), limit=LOOKED_AT).records
    runs = Counter(record.run_id for record in found)
    if not runs:
        return FIRST_GUESS
    (run_id, dates), *_ = runs.most_common(1)
    # The asset's step and those of its checks, whose names begin with its own.
    name = "__".join(key.path)
    steps = [stats for stats in instance.get_run_step_stats(run_id) if stats.step_key.startswith(name)]
    seconds = sum(stats.end_time - stats.start_time for stats in steps if stats.end_time and stats.start_time)
    return seconds / dates if seconds else FIRST_GUESS


def as_time(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    return f"about {round(seconds / 60)} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
