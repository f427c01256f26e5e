"""Dagster runs started from the command line, on the instance that the UI shows."""

import hashlib
import logging
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from importlib import resources
from pathlib import Path

import dagster as dg
from dagster import DagsterInstance
from filelock import FileLock
from rich.progress import Progress as RichBars

from nba_pipeline.assets.progress import PROGRESS
from nba_pipeline.assets.run_failures import failures_in
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.automation.jobs import SEASON_BACKFILL, Job
from nba_pipeline.definitions import definitions
from nba_pipeline.monitoring.freshness import FRESHNESS_CHECK, evaluate_freshness
from nba_pipeline.monitoring.orphans import PROCESS_TAG
from nba_pipeline.monitoring.outcome import NotTriedError
from nba_pipeline.partitions import RANGE_END, RANGE_START, to_key
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings, instance_folder
from nba_pipeline.warehouse.errors import WarehouseError

SHIPPED_BEFORE = {
    "1848a8d4bf6ef5a3668484d9c9ced3b1b30f7648463d4e0117e0ad81d63a5f20",
    "4a4dcf4a7ec1839cb254dace31718645f70d055f51d9ffc2ff0116e037df77f8",
}
"""Hashes of the dagster.yaml of earlier versions, which are replaced; one that people changed is left alone."""


@dataclass(frozen=True)
class Attempt:
    """What became of one run: its id, the failures of its steps, and the assets that it did not reach."""

    run_id: str
    success: bool
    failures: tuple[str, ...]
    not_reached: tuple[dg.AssetKey, ...]


def dagster_home(settings: Settings) -> Path:
    """Where Dagster's instance is: in `DAGSTER_HOME` if it is set, else where the settings say.

    Raises `NotTriedError` for a folder in which its databases cannot lie, and for one half of a clone.
    """
    try:
        return instance_folder(settings)
    except ValueError as error:
        raise NotTriedError(f"DAGSTER_HOME: {error}") from error


def instance_of(settings: Settings) -> DagsterInstance:
    """The instance that the UI shows; its home and its database are made if need be."""
    # Dagster makes its tables without a look at who else does: of two commands on a new home one would fail.
    with FileLock(dagster_home(settings) / "opening.lock"):
        return DagsterInstance.from_config(str(prepare_home(settings)))


def prepare_home(settings: Settings) -> Path:
    """Makes Dagster's home if need be, and returns it."""
    return prepared(dagster_home(settings))


def prepared(home: Path) -> Path:
    """The same of a folder."""
    home.mkdir(parents=True, exist_ok=True)
    shipped = (resources.files("nba_pipeline") / "dagster.yaml").read_bytes()
    kept = home / "dagster.yaml"
    if not kept.exists() or hashlib.sha256(kept.read_bytes()).hexdigest() in SHIPPED_BEFORE:
        kept.write_bytes(shipped)
    elif kept.read_bytes() != shipped:
        logging.getLogger(__name__).warning(
            "%s is not the dagster.yaml that comes with this version. Compare it: without run retries, run "
            "monitoring and the pools' limits a crashed or stuck run stays as it is.",
            kept,
        )
    return home


@dataclass(frozen=True)
class Pipeline:
    """One pipeline, opened: what follows from its settings, Dagster's side of it, and where its progress shows.

    `started` are the assets of all runs so far.
    """

    runtime: Runtime
    instance: DagsterInstance
    definitions: dg.Definitions
    bars: RichBars
    started: set[dg.AssetKey] = field(default_factory=set)


@contextmanager
def opened(runtime: Runtime, bars: RichBars) -> Iterator[Pipeline]:
    """The pipeline of a runtime, on the instance that the UI shows, for one load.

    Its runs evaluate no freshness, since what one of them misses the next may make. When the load is over, what it
    made is evaluated once.
    """
    with instance_of(runtime.settings) as instance:
        pipeline = Pipeline(runtime, instance, _without_freshness(definitions(runtime)), bars)
        yield pipeline
        _evaluate_freshness(pipeline)


def _evaluate_freshness(pipeline: Pipeline) -> None:
    """Evaluates the freshness of what a load made; where that cannot be, what the load itself has to report stands."""
    tables = [table for table in all_tables() if asset_key(table) in pipeline.started]
    runtime = pipeline.runtime
    if not tables or not runtime.warehouse.exists:
        return
    try:
        with runtime.gatekeeper.looking() as evidence:
            evaluate_freshness(pipeline.instance, evidence, tables)
    except WarehouseError as error:
        logging.getLogger(__name__).error("freshness could not be evaluated after the load; the sensor does: %s", error)


def _without_freshness(found: dg.Definitions) -> dg.Definitions:
    checks = [
        check
        for check in found.asset_checks or ()
        if not isinstance(check, dg.AssetChecksDefinition)
        or any(key.name != FRESHNESS_CHECK for key in check.check_keys)
    ]
    return dg.Definitions(
        assets=found.assets,
        asset_checks=checks,
        jobs=found.jobs,
        resources=found.resources,
        executor=found.executor,
    )


def materialize(
    pipeline: Pipeline,
    keys: Sequence[dg.AssetKey],
    first: date,
    last: date,
    label: str,
    tags: Mapping[str, str] | None = None,
    job: Job = SEASON_BACKFILL,
) -> Attempt:
    """One run of a job that materializes the assets for the dates, in this process, with a bar for its steps."""
    instance, bars = pipeline.instance, pipeline.bars
    defined = pipeline.definitions.resolve_job_def(job.name)
    task = bars.add_task(label, total=None)
    pipeline.started.update(keys)

    @dg.success_hook
    def advance(context: dg.HookContext) -> None:
        bars.advance(task)

    tags = {PROCESS_TAG: f"{socket.gethostname()}:{os.getpid()}", **(tags or {})}
    if first != last:
        tags |= {RANGE_START: to_key(first), RANGE_END: to_key(last)}
    steps = len(defined.get_subset(asset_selection=set(keys)).nodes)
    bars.update(task, total=steps)
    with PROGRESS.shown_in(bars):
        result = defined.with_hooks({advance}).execute_in_process(
            instance=instance,
            asset_selection=list(keys),
            tags=tags,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            partition_key=to_key(first) if first == last else None,
        )
    return _attempt(instance, result.run_id, result.success, keys)


def _attempt(instance: DagsterInstance, run_id: str, success: bool, keys: Sequence[dg.AssetKey]) -> Attempt:
    entries = instance.all_logs(run_id)
    started = {
        entry.dagster_event.step_key
        for entry in entries
        if entry.dagster_event and entry.dagster_event.event_type_value == "STEP_START"
    }
    not_reached = tuple(key for key in keys if "__".join(key.path) not in started)
    return Attempt(run_id, success, tuple(str(failure) for failure in failures_in(entries)), not_reached)
