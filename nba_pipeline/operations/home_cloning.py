"""Copies a home to another folder, as of one moment, to try things on beside it.

What is copied never acts as the home that it was copied from: `CLONE_MARK` stands in it, with which sensors and
schedules are off and alerts reach nobody (`Settings`), it writes nowhere but in its folder, what ran is ended and what
was started by hand is stopped.
"""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import cast

import ibis
import yaml
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from filelock import FileLock, Timeout

from nba_pipeline.dagster_internals.event_log import BulkActionStatus, InstigatorStatus
from nba_pipeline.monitoring.orphans import UNFINISHED
from nba_pipeline.monitoring.outcome import NotTriedError
from nba_pipeline.operations.runs import dagster_home, prepared
from nba_pipeline.raw import player_box_scores
from nba_pipeline.runtime import Runtime, warehouse_at
from nba_pipeline.settings import CLONE_MARK, Settings, is_clone, without_signs_of_addresses
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline.warehouse.errors import WarehouseError
from nba_pipeline.warehouse.operations_tables import PUBLISHED_PARTITIONS

UNDER_WAY = [*UNFINISHED, DagsterRunStatus.QUEUED, DagsterRunStatus.CANCELING]

LEFT_OUT = (".lock", ".unfinished", "-wal", "-shm", "-journal", "dagster.yaml")
"""How names end of what is not copied: locks, what somebody is just writing, what belongs to a database that is copied
as one, and Dagster's settings, which may hold a password; a clone has those that come with the package."""

RUNS = "history/runs.db"
"""Dagster's list of runs. It is copied first: what ends later is under way in the clone, and is ended there."""

STORAGES = ("storage", "run_storage", "event_log_storage", "schedule_storage")
"""What in Dagster's settings says where the history is."""

Advance = Callable[[int], None]

Starts = Callable[[str, int], Advance]
"""Called with what is copied next and how much there is; returns what is called with the progress."""


@dataclass
class Clone:
    """What stands in a clone: rows by table, files and their bytes; what was ended in it, and why it has no history."""

    rows: dict[str, int] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0
    ended: list[str] = field(default_factory=list)
    no_history: str | None = None


def refuse_what_cannot_be_cloned(settings: Settings, target: Path) -> None:
    """Raises `NotTriedError` for a home that is not all in its folder, and for a place where no clone can lie."""
    home = settings.home
    if settings.warehouse is not None:
        raise NotTriedError(
            f"NBA_PIPELINE_WAREHOUSE is {settings.warehouse}, where a clone of {home} would write too. Take it out of "
            "the environment, and copy the tables into the home: "
            f"nba-pipeline warehouse copy --from {settings.warehouse} --to {settings.warehouse_path}"
        )
    if settings.landing is not None:
        raise NotTriedError(
            f"NBA_PIPELINE_LANDING is {settings.landing}, where a clone of {home} would land its answers too. Copy it "
            f"to {settings.landing_path}, and take the setting out of the environment"
        )
    try:
        without_signs_of_addresses(target)
    except ValueError as error:
        raise NotTriedError(str(error)) from error
    for outer, inner in ((home, target), (target, home)):
        if inner.is_relative_to(outer):
            raise NotTriedError(f"{inner} lies within {outer}: name a folder beside the home, not in or above it")
    if target.is_mount():
        raise NotTriedError(
            f"{target} is where a disk is mounted, and no clone can be put in its place: name a folder in it"
        )
    needed, there = sum(_size(each) for each in _everything(settings)), _existing(_beside(target))
    free = shutil.disk_usage(there).free
    if needed > free:
        raise NotTriedError(
            f"a clone of {home} takes {as_size(needed)}, and of the disk of {there} {as_size(free)} are free: name a "
            "folder on another one"
        )


def clone_home(runtime: Runtime, target: Path, starts: Starts) -> Clone:
    """Copies the home of a runtime to a folder, which is there when all of it is.

    Nobody writes tables while it copies them and what belongs to them; answers and models, which never change, are
    copied before that as far as they are there. Raises `WarehouseBusyError` when a writer does not let go, and
    `NotTriedError` where something else is, or somebody else makes a clone just now.
    """
    with _alone(target):
        _refuse_what_is_there(target)
        return _cloned(runtime, target, starts)


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Lets nobody else make a clone in the same folder meanwhile, by a lock beside it that is gone afterwards."""
    path = target.with_name(f"{_beside(target).name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise NotTriedError(
            f"somebody makes a clone in {target} just now: wait until it is there, or name another folder"
        ) from error
    try:
        yield
    finally:
        # While it is held: who comes later makes a new one, and whoever had opened this one finds it gone.
        path.unlink(missing_ok=True)
        lock.release()


def _refuse_what_is_there(target: Path) -> None:
    """Raises `NotTriedError` where something lies that no clone may be put in the place of."""
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise NotTriedError(f"{target} is there and not empty: name a folder that is, or one that is not there yet")
    beside = _beside(target)
    if beside.exists() and not is_clone(beside):
        raise NotTriedError(f"{beside} is not what an ended clone has left: move it away, or name another folder")


def _cloned(runtime: Runtime, target: Path, starts: Starts) -> Clone:
    """Makes the clone beside its folder, and puts it there when it is complete."""
    # Any other was refused before.
    settings, warehouse = runtime.settings, cast(DuckDBWarehouse, runtime.warehouse)
    history = dagster_home(settings)
    beside, clone = _beside(target), Clone(no_history=why_no_history(history))
    if beside.exists():
        shutil.rmtree(beside)
    beside.mkdir(parents=True)
    now = runtime.clock.now().isoformat()
    (beside / CLONE_MARK).write_text(json.dumps({"clone_of": str(settings.home), "cloned_at": now}))
    try:
        _copy_files(settings, beside, starts)
        with warehouse.copied(beside / settings.warehouse_path.name, starts) as rows:
            clone.rows = rows
            _copy_files(settings, beside, starts)
            if clone.no_history is None:
                _copy_history(history, beside / "dagster", starts)
        clone.ended = _ended(beside / "dagster")
        beside.replace(target)
    except BaseException:
        shutil.rmtree(beside)
        raise
    found = [path for path in target.rglob("*") if path.is_file()]
    clone.files, clone.bytes = len(found), sum(_size(path) for path in found)
    return clone


def newest_day(settings: Settings, home: Path, today: date) -> date | None:
    """The newest date up to today whose box scores stand in a clone.

    None where there is none, and where nobody can look: the clone is there all the same.
    """
    try:
        with warehouse_at(settings, str(home / "warehouse.duckdb")).session(read_only=True, wait_seconds=0) as session:
            lines = session.read(PUBLISHED_PARTITIONS)
            mine = lines.filter(lines.table_name == player_box_scores.CONTRACT.name, lines.row_count > 0)
            found = session.query(mine.filter(mine.game_date <= ibis.literal(today)).agg(newest=mine.game_date.max()))
            return found.to_pylist()[0]["newest"]
    except WarehouseError:
        return None


def why_no_history(folder: Path) -> str | None:
    """Why no history of Dagster's can be copied from its folder; None where it lies there."""
    kept = folder / "dagster.yaml"
    said = (yaml.safe_load(kept.read_text("utf-8")) if kept.exists() else None) or {}
    for key in STORAGES:
        match said.get(key):
            case None:
                pass
            case {"sqlite": {"base_dir": str(place)}} if Path(place).resolve() == folder.resolve():
                pass
            case _:
                return f"{kept} keeps it elsewhere, under {key}"
    if not (folder / RUNS).exists():
        return f"there is none in {folder}. Where the home's DAGSTER_HOME is another, set it, and clone anew"
    return None


def as_size(count: int) -> str:
    """Bytes as people read them."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


def _beside(target: Path) -> Path:
    """Where a clone lies until it is complete."""
    return target.with_name(f"{target.name}.unfinished")


def _existing(path: Path) -> Path:
    """The path, or the first folder above it that is there."""
    return next(each for each in (path, *path.parents) if each.exists())


def _everything(settings: Settings) -> Iterator[Path]:
    yield settings.warehouse_path
    for folder in (settings.landing_path, settings.models_path, dagster_home(settings)):
        yield from _files(folder)


def _files(folder: Path) -> list[Path]:
    """The files of a folder that a clone has too."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.endswith(LEFT_OUT)]


def _size(path: Path) -> int:
    # Somebody may clean up meanwhile.
    return path.stat().st_size if path.exists() else 0


def _copy_files(settings: Settings, target: Path, starts: Starts) -> None:
    """Copies the answers and models that the target does not have yet: each is written once and never again."""
    for folder in (settings.landing_path, settings.models_path):
        missing = [p for p in _files(folder) if not (target / p.relative_to(settings.home)).exists()]
        if not missing:
            continue
        advance = starts(folder.name, len(missing))
        for path in missing:
            _copy(path, target / path.relative_to(settings.home))
            advance(1)


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(path, to)
    except FileNotFoundError:
        # It was cleaned up after it was listed, and is not in the home any more either.
        if path.exists():
            raise


def _copy_history(source: Path, target: Path, starts: Starts) -> None:
    """Copies Dagster's runs, events, ticks and logs; its databases while they may be written to."""
    paths = sorted(_files(source), key=lambda path: path != source / RUNS)
    advance = starts("dagster", len(paths))
    for path in paths:
        to = target / path.relative_to(source)
        if path.suffix == ".db":
            _copy_database(path, to)
        else:
            _copy(path, to)
        advance(1)


def _copy_database(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        # By its address, for only so SQLite makes no empty one where one was cleaned up after it was listed.
        with (
            closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as source,
            closing(sqlite3.connect(to)) as target,
        ):
            source.backup(target)
    except sqlite3.OperationalError:
        if path.exists():
            raise
        to.unlink(missing_ok=True)


def _ended(home: Path) -> list[str]:
    """Ends in a clone what was under way in its home, and stops what was started there by hand; the ids of the runs."""
    with DagsterInstance.from_config(str(prepared(home))) as instance:
        # Of daemons that work on the home, and of none that ever worked on the clone.
        instance.wipe_daemon_heartbeats()
        runs = instance.get_runs(RunsFilter(statuses=UNDER_WAY))
        for run in runs:
            instance.report_run_canceled(
                run, "It was under way when its home was cloned; a clone does not go on with it."
            )
        for backfill in instance.get_backfills(status=BulkActionStatus.REQUESTED):
            instance.update_backfill(backfill.with_status(BulkActionStatus.CANCELED))
        for state in instance.all_instigator_state():
            if state.status is InstigatorStatus.RUNNING:
                instance.update_instigator_state(state.with_status(InstigatorStatus.STOPPED))
        return [run.run_id for run in runs]
