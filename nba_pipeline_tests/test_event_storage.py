"""Dagster's storages with kept connections: any home opens, what was told is not lost, and what anchors is synced."""

import multiprocessing
import os
import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from importlib import resources
from multiprocessing.connection import Connection
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterEventType, DagsterInstance

from nba_pipeline.dagster_internals.event_log import newest_materializations
from nba_pipeline.dagster_internals.sqlite_storage import (
    ANCHOR,
    OPEN_RUNS,
    EventLogStorage,
    Instance,
    RunStorage,
    ScheduleStorage,
)
from nba_pipeline.operations.runs import instance_of
from nba_pipeline.predictions.calculations.ledger import HEAD
from nba_pipeline.settings import Settings

SHIPPED = (resources.files("nba_pipeline") / "dagster.yaml").read_text("utf-8")

THING = dg.AssetKey("thing")

FORK = multiprocessing.get_context("fork")


@dg.asset(key=THING, partitions_def=dg.DailyPartitionsDefinition("2025-01-01"))
def thing() -> None: ...


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the dagster.yaml that comes with the pipeline."""
    (tmp_path / "dagster.yaml").write_text(SHIPPED, encoding="utf-8")
    return tmp_path


@pytest.fixture
def instance(home: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.from_config(str(home)) as instance:
        yield instance


def event_log(instance: DagsterInstance) -> EventLogStorage:
    storage = instance.event_log_storage
    assert isinstance(storage, EventLogStorage)
    return storage


def made(instance: DagsterInstance, partition: str, **metadata: str) -> None:
    """Stores one materialization that belongs to no run."""
    instance.report_runless_asset_event(dg.AssetMaterialization(THING, partition=partition, metadata=metadata))


def run_of_a_day(instance: DagsterInstance, day: int) -> str:
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return dg.materialize([thing], instance=instance, partition_key=f"2025-01-{day:02}", run_config=quiet).run_id


def kinds(instance: DagsterInstance, run_id: str) -> list[str]:
    """The kinds of a run's events, in their order."""
    return [entry.get_dagster_event().event_type_value for entry in instance.all_logs(run_id) if entry.is_dagster_event]


def open_files(home: Path) -> list[str]:
    """The databases below a home that this process has open."""
    links = [Path(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]  # noqa: PTH208
    found = [os.readlink(link) for link in links if link.is_symlink()]  # noqa: PTH115
    return [name for name in found if name.startswith(str(home)) and name.endswith(".db")]


def whole(home: Path) -> bool:
    files = [*home.rglob("*.db")]
    return bool(files) and all(
        sqlite3.connect(file).execute("PRAGMA integrity_check").fetchall() == [("ok",)] for file in files
    )


def test_the_dagster_yaml_that_comes_along_keeps_connections(instance: DagsterInstance) -> None:
    assert isinstance(instance, Instance)
    assert isinstance(instance.event_log_storage, EventLogStorage)
    assert isinstance(instance.run_storage, RunStorage)
    assert isinstance(instance.schedule_storage, ScheduleStorage)


def test_a_process_that_is_given_the_reference_of_an_instance_has_the_same_storages(instance: DagsterInstance) -> None:
    with DagsterInstance.from_ref(instance.get_ref()) as other:
        assert isinstance(other.event_log_storage, EventLogStorage)
        assert other.root_directory == instance.root_directory


def test_a_home_of_before_opens_and_one_of_now_opens_without_kept_connections(home: Path) -> None:
    (home / "dagster.yaml").unlink()
    with DagsterInstance.from_config(str(home)) as before:
        assert not isinstance(before, Instance)
        first = run_of_a_day(before, 1)
        told = kinds(before, first)
    (home / "dagster.yaml").write_text(SHIPPED, encoding="utf-8")
    with DagsterInstance.from_config(str(home)) as now:
        assert kinds(now, first) == told
        second = run_of_a_day(now, 2)
        newest = newest_materializations(now, THING, ["2025-01-01", "2025-01-02"])
        assert newest["2025-01-02"] > newest["2025-01-01"]
    (home / "dagster.yaml").unlink()
    with DagsterInstance.from_config(str(home)) as after:
        assert newest_materializations(after, THING, ["2025-01-01", "2025-01-02"]) == newest
        assert kinds(after, second)[-1] == DagsterEventType.RUN_SUCCESS.value


def test_the_dagster_yaml_of_the_version_before_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    begin, end = SHIPPED.index("\n# In the files of"), SHIPPED.index("\n# One run at a time")
    (tmp_path / "dagster.yaml").write_text(SHIPPED[:begin] + SHIPPED[end:], encoding="utf-8")
    with instance_of(Settings(home=tmp_path)) as instance:
        assert isinstance(instance, Instance)


def test_a_run_is_stored_as_dagsters_own_storage_stores_it(instance: DagsterInstance, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / "own")) as own:
        kept, theirs = (kinds(each, run_of_a_day(each, 1)) for each in (instance, own))
        tables = [
            sqlite3.connect(next((folder / "history" / "runs").glob("*-*.db")))
            .execute("SELECT name, sql FROM sqlite_master ORDER BY name")
            .fetchall()
            for folder in (Path(instance.root_directory), Path(own.root_directory))
        ]
    assert kept == theirs
    assert tables[0] == tables[1]


def test_of_many_runs_the_files_of_the_last_ones_stay_open(instance: DagsterInstance, home: Path) -> None:
    storage = event_log(instance)
    runs = [f"run-{n}" for n in range(3 * OPEN_RUNS)]
    for run_id in runs:
        assert storage.get_logs_for_run(run_id) == []
    assert len(open_files(home)) <= OPEN_RUNS + 3
    assert {*runs} <= {*storage.get_all_run_ids()}


def test_closing_an_instance_closes_its_files(home: Path) -> None:
    with DagsterInstance.from_config(str(home)) as instance:
        run_of_a_day(instance, 1)
        assert open_files(home)
    assert open_files(home) == []


def test_events_go_into_the_file_that_is_there_when_another_was_removed(instance: DagsterInstance) -> None:
    storage = event_log(instance)
    made(instance, "2025-01-01")
    runless = storage.path("")
    for file in (runless, Path(f"{runless}-wal"), Path(f"{runless}-shm")):
        file.unlink()
    made(instance, "2025-01-02")
    assert len(storage.get_logs_for_run("")) == 1


def test_the_events_of_a_run_can_be_deleted(instance: DagsterInstance) -> None:
    run_id = run_of_a_day(instance, 1)
    instance.delete_run(run_id)
    assert instance.all_logs(run_id) == []
    assert newest_materializations(instance, THING, ["2025-01-01"]) == {}


def test_a_fork_writes_on_connections_of_its_own(instance: DagsterInstance) -> None:
    made(instance, "parent-0")
    before = open_files(Path(instance.root_directory))

    def in_the_fork() -> None:
        for n in range(20):
            made(instance, f"child-{n}")

    process = FORK.Process(target=in_the_fork, daemon=True)
    process.start()
    for n in range(1, 20):
        made(instance, f"parent-{n}")
    process.join(60)
    assert process.exitcode == 0
    partitions = [f"{who}-{n}" for who in ("parent", "child") for n in range(20)]
    assert newest_materializations(instance, THING, partitions).keys() == {*partitions}
    assert open_files(Path(instance.root_directory)) == before


def write(home: Path, name: str, count: int | None, told: Connection) -> None:
    """Stores events one after the other, in a file of its own run and in the index, and tells of each afterwards."""
    with DagsterInstance.from_config(str(home)) as instance:
        run = instance.create_run_for_job(dg.Definitions(assets=[thing]).resolve_implicit_global_asset_job_def())
        told.send(run.run_id)
        n = 0
        while count is None or n < count:
            made(instance, f"{name}-{n}")
            instance.report_engine_event(f"event {n}", run)
            n += 1
            told.send(n)


def test_processes_that_write_at_the_same_time_lose_nothing(home: Path) -> None:
    DagsterInstance.from_config(str(home)).dispose()
    ends = [FORK.Pipe(duplex=False) for _ in range(4)]
    writers = [FORK.Process(target=write, args=(home, f"writer{n}", 25, end)) for n, (_, end) in enumerate(ends)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0] * 4
    partitions = [f"writer{n}-{k}" for n in range(4) for k in range(25)]
    with DagsterInstance.from_config(str(home)) as instance:
        found = newest_materializations(instance, THING, partitions)
        assert found.keys() == {*partitions}
        assert len({*found.values()}) == 100
        assert [len(instance.all_logs(told.recv())) for told, _ in ends] == [1 + 25] * 4


@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.campaign)])
def test_a_writer_that_is_killed_at_any_moment_leaves_all_that_it_told_of(home: Path, kills: int) -> None:
    DagsterInstance.from_config(str(home)).dispose()
    moments = random.Random(2026)
    for kill in range(kills):
        told, end = FORK.Pipe(duplex=False)
        writer = FORK.Process(target=write, args=(home, f"life{kill}", None, end))
        writer.start()
        end.close()
        run_id = told.recv()
        if kill:
            told.recv()
        time.sleep(moments.uniform(0, 0.3))
        writer.kill()
        writer.join()
        count = 0
        while True:
            try:
                count = told.recv()
            except EOFError:
                break
        assert whole(home)
        partitions = [f"life{kill}-{n}" for n in range(count)]
        with DagsterInstance.from_config(str(home)) as instance:
            assert newest_materializations(instance, THING, partitions).keys() == {*partitions}
            assert len(instance.all_logs(run_id)) >= count
            made(instance, f"after-{kill}")
    with DagsterInstance.from_config(str(home)) as instance:
        after = [f"after-{kill}" for kill in range(kills)]
        assert newest_materializations(instance, THING, after).keys() == {*after}


@pytest.fixture
def after_a_loss_of_power(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """Puts a home as it was at the last sync of each log: what was written later never came to the disk."""
    synced: dict[str, int] = {}
    really = os.fsync

    def noted(handle: int) -> None:
        really(handle)
        synced[os.readlink(f"/proc/self/fd/{handle}")] = os.fstat(handle).st_size  # noqa: PTH115

    monkeypatch.setattr(os, "fsync", noted)

    def lost(copy: Path) -> Path:
        shutil.copytree(home, copy, ignore=shutil.ignore_patterns("*-shm"))
        for log in (copy / "history" / "runs").glob("*.db-wal"):
            there = synced.get(str(home / log.relative_to(copy)), 0)
            os.truncate(log, there)
        return copy

    return lost


def test_the_ledger_is_anchored_by_what_the_event_log_takes_for_an_anchor() -> None:
    assert ANCHOR == HEAD


def test_an_event_that_anchors_the_ledger_outlives_a_loss_of_power(
    instance: DagsterInstance, tmp_path: Path, after_a_loss_of_power: Callable[[Path], Path]
) -> None:
    made(instance, "before")
    made(instance, "anchored", **{ANCHOR: "abc"})
    made(instance, "later")
    copy = after_a_loss_of_power(tmp_path / "copy")
    assert whole(copy)
    with DagsterInstance.from_config(str(copy)) as found:
        newest = newest_materializations(found, THING, ["before", "anchored", "later"])
        assert newest.keys() == {"before", "anchored"}
        (anchor,) = found.fetch_materializations(dg.AssetRecordsFilter(THING, asset_partitions=["anchored"]), 1).records
        assert anchor.asset_materialization is not None
        assert anchor.asset_materialization.metadata[ANCHOR].value == "abc"
        made(found, "again")


def test_a_run_that_ended_is_told_with_all_of_its_events_after_a_loss_of_power(
    instance: DagsterInstance, tmp_path: Path, after_a_loss_of_power: Callable[[Path], Path]
) -> None:
    run_id = run_of_a_day(instance, 1)
    told = kinds(instance, run_id)
    with DagsterInstance.from_config(str(after_a_loss_of_power(tmp_path / "copy"))) as found:
        assert kinds(found, run_id) == told
        assert newest_materializations(found, THING, ["2025-01-01"])


def test_no_cursor_is_stored_before_the_events_that_it_has_seen_are_synced(
    instance: DagsterInstance, tmp_path: Path, after_a_loss_of_power: Callable[[Path], Path]
) -> None:
    made(instance, "seen")
    stored: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DagsterInstance, "update_instigator_state", lambda _, state: stored.append(state))
        instance.update_instigator_state(object())  # pyright: ignore[reportArgumentType]
    assert len(stored) == 1
    with DagsterInstance.from_config(str(after_a_loss_of_power(tmp_path / "copy"))) as found:
        assert newest_materializations(found, THING, ["seen"])


def test_who_watches_a_run_is_told_of_events_that_another_process_stores(instance: DagsterInstance, home: Path) -> None:
    told, end = FORK.Pipe(duplex=False)
    go, wait = FORK.Pipe(duplex=False)

    def write_when_asked() -> None:
        with DagsterInstance.from_config(str(home)) as other:
            run = other.create_run_for_job(dg.Definitions(assets=[thing]).resolve_implicit_global_asset_job_def())
            end.send(run.run_id)
            for n in range(200):
                if go.poll(0.1):
                    return
                other.report_engine_event(f"later {n}", run)

    writer = FORK.Process(target=write_when_asked)
    writer.start()
    run_id, seen = told.recv(), FORK.Queue()
    instance.watch_event_logs(run_id, None, lambda entry, _: seen.put(entry.message))
    try:
        assert "later 5" in iter(lambda: seen.get(timeout=20), "later 6")
    finally:
        wait.send("enough")
        writer.join(60)
