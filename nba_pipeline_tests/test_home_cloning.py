"""A clone of a home has all that the home has, and never acts as it."""

import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus
from dagster._daemon.types import DaemonHeartbeat
from filelock import FileLock
from pydantic import ValidationError
from typer.testing import CliRunner, Result

from nba_pipeline.cli.app import app
from nba_pipeline.definitions import defs
from nba_pipeline.monitoring.outcome import NotTriedError
from nba_pipeline.operations.home_cloning import RUNS, Starts, _copy_database, newest_day, why_no_history
from nba_pipeline.operations.runs import dagster_home, instance_of
from nba_pipeline.runtime import warehouse_at
from nba_pipeline.settings import CLONE_MARK, Settings, as_export, environment_of
from nba_pipeline.warehouse.bigquery_warehouse import BigQueryWarehouse
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline_tests.code_versions.changed_code import HOME_FILE, HOME_NOW
from nba_pipeline_tests.support.named_command import named_command

WEBHOOK = "https://hooks.example/T000/B000/x"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small home with what else may lie in one, in the environment of production."""
    with tarfile.open(HOME_FILE) as packed:
        packed.extractall(tmp_path, filter="data")
    made = tmp_path / "home"
    for name in (
        "models/availability/played-morning/2025-10-0123456789abcdef.txt", "translated/a/b.json",
        "rate-limit/requests.sqlite", "landing/balldontlie/games/now/page-0001.json.gz.unfinished", "password.txt",
    ):  # fmt: skip
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(name)
    (made / "dagster" / "dagster.yaml").write_text("# password: s3cret\n")
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(made))
    monkeypatch.setenv("NBA_PIPELINE_NOW", HOME_NOW)
    monkeypatch.setenv("NBA_PIPELINE_AUTOMATION", "on")
    monkeypatch.setenv("NBA_PIPELINE_SLACK_WEBHOOK_URL", WEBHOOK)
    monkeypatch.setenv("NBA_PIPELINE_LOCK_WAIT_SECONDS", "0.2")
    return made


def clone(target: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["home", "clone", str(target), *options])


def rows_of(home: Path) -> dict[str, tuple]:
    """A hash of the rows of every table, whatever their order."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        tables = connection.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()").fetchall()
        return {
            name: connection.execute(f"SELECT (count(*), sum(hash(t)), bit_xor(hash(t))) FROM {name} t").fetchall()[0][
                0
            ]
            for (name,) in tables
        }


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def contents_of(database: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


def test_a_clone_has_the_tables_answers_models_and_history_of_its_home_and_nothing_else(home: Path) -> None:
    before, target = files_of(home), home.parent / "other folder" / "it's a clone"
    made = clone(target, "--json")
    assert made.exit_code == 0, made.output
    assert rows_of(target) == rows_of(home)
    there = files_of(target)
    for folder in ("landing", "models"):
        mine = {name for name in before if name.startswith(f"{folder}/") and not name.endswith(".unfinished")}
        assert {name: there[name] for name in there if name.startswith(f"{folder}/")} == {n: before[n] for n in mine}
    databases = [name for name in before if name.startswith("dagster/") and name.endswith(".db")]
    assert len(databases) == 6
    for name in databases:
        assert contents_of(target / name) == contents_of(home / name), name
    assert {name.split("/")[0] for name in there} == {"landing", "models", "dagster", "warehouse.duckdb", CLONE_MARK}
    assert not [name for name, content in there.items() if b"s3cret" in content or name.endswith(".lock")]
    assert {name for name in files_of(home) if not name.endswith(".lock")} == {n for n in before if n[-5:] != ".lock"}
    said = json.loads(made.stdout)
    assert said["rows"]["raw.games"] > 0
    assert (said["files"], said["bytes"]) == (len(there), sum(map(len, there.values())))
    assert json.loads((target / CLONE_MARK).read_text())["clone_of"] == str(home)


def test_a_clone_is_off_and_tells_nobody_whatever_the_environment_says_until_its_mark_goes(home: Path) -> None:
    assert clone(home.parent / "clone").exit_code == 0
    ours, theirs = Settings(), Settings(home=home.parent / "clone")
    assert (ours.automation, ours.slack_webhook_url and ours.slack_webhook_url.get_secret_value()) == ("on", WEBHOOK)
    assert (theirs.automation, theirs.slack_webhook_url) == ("off", None)
    (home.parent / "clone" / CLONE_MARK).unlink()
    assert Settings(home=home.parent / "clone").automation == "on"


ELSEWHERE = [
    ("NBA_PIPELINE_WAREHOUSE", "bigquery://a-project/nba"), ("NBA_PIPELINE_LANDING", "gs://bucket/landing"),
    ("NBA_PIPELINE_PUBLISHED", "gs://bucket/published"),
]  # fmt: skip


@pytest.fixture
def empty_clone(tmp_path: Path) -> Path:
    """A home with the mark of a clone and nothing else."""
    made = tmp_path / "my clone"
    made.mkdir()
    (made / CLONE_MARK).write_text("{}")
    return made


@pytest.mark.parametrize(("setting", "place"), ELSEWHERE)
def test_a_clone_refuses_the_tables_and_answers_of_production_with_what_unsets_them(
    empty_clone: Path, monkeypatch: pytest.MonkeyPatch, setting: str, place: str
) -> None:
    monkeypatch.setenv(setting, place)
    with pytest.raises(
        ValidationError, match=f"{place}.*unset NBA_PIPELINE_WAREHOUSE NBA_PIPELINE_LANDING NBA_PIPELINE_PUBLISHED"
    ):
        Settings(home=empty_clone)
    Settings(home=empty_clone.parent)
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(empty_clone))
    refused = CliRunner().invoke(app, ["health"])
    assert refused.exit_code == 2
    assert f"{setting}: {empty_clone} is a clone" in refused.output
    for name in refused.output.strip().rpartition("unset ")[2].split():
        monkeypatch.delenv(name, raising=False)
    assert "There is no warehouse" in CliRunner().invoke(app, ["health"]).output


def test_a_place_that_is_named_in_a_command_is_no_setting_of_a_clone(empty_clone: Path) -> None:
    named = warehouse_at(Settings(home=empty_clone), "bigquery://a-project/nba")
    assert isinstance(named, BigQueryWarehouse)
    with pytest.raises(ValidationError, match="should match pattern"):
        warehouse_at(Settings(home=empty_clone), "bigquery://a-project")


@pytest.mark.parametrize("half", ["the home", "Dagster's folder"])
def test_one_half_of_a_clone_is_refused_with_both_halves(
    empty_clone: Path, monkeypatch: pytest.MonkeyPatch, half: str
) -> None:
    production = empty_clone.parent / "production"
    whole, other = environment_of(empty_clone), environment_of(production)
    if half == "the home":
        mixed = {**whole, "DAGSTER_HOME": other["DAGSTER_HOME"]}
    else:
        mixed = {**other, "DAGSTER_HOME": whole["DAGSTER_HOME"]}
    for name, value in mixed.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(NotTriedError) as refused:
        dagster_home(Settings())
    assert as_export(whole) in str(refused.value)
    with pytest.raises(ValueError, match="Name both"):
        defs()
    ended = CliRunner().invoke(app, ["gate", "overrides"])
    assert ended.exit_code == 2
    assert as_export(whole) in ended.output
    for environment in (whole, other):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert str(dagster_home(Settings())) == environment["DAGSTER_HOME"]


def test_the_instance_of_a_home_that_is_no_clone_may_lie_anywhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "elsewhere" / "of-dagster"))
    assert dagster_home(Settings(home=tmp_path / "home")) == tmp_path / "elsewhere" / "of-dagster"


@dg.op
def nothing() -> None:
    """Does nothing."""


@dg.job
def some_job() -> None:
    """Does nothing."""
    nothing()


def test_what_was_under_way_is_ended_in_the_clone_and_what_was_started_by_hand_is_stopped(home: Path) -> None:
    ours = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("nba_pipeline"), "__repository__")
    sensor, job = RemoteInstigatorOrigin(ours, "raw_to_analytics"), RemoteJobOrigin(ours, "some_job")
    asked = PartitionBackfill("by hand", BulkActionStatus.REQUESTED, False, {}, 0.0)
    with instance_of(Settings()) as instance:
        runs = {
            status: instance.create_run_for_job(some_job, status=status, remote_job_origin=job).run_id
            for status in (DagsterRunStatus.QUEUED, DagsterRunStatus.STARTED, DagsterRunStatus.SUCCESS)
        }
        instance.add_instigator_state(InstigatorState(sensor, InstigatorType.SENSOR, InstigatorStatus.RUNNING))
        instance.add_backfill(asked)
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "it", None))
    made = clone(home.parent / "clone", "--json")
    assert {*json.loads(made.stdout)["ended"]} == {runs[DagsterRunStatus.QUEUED], runs[DagsterRunStatus.STARTED]}
    under_way = {DagsterRunStatus.QUEUED, DagsterRunStatus.STARTED}
    for folder, ended, state, action, daemons in (
        (home.parent / "clone", {DagsterRunStatus.CANCELED}, InstigatorStatus.STOPPED, BulkActionStatus.CANCELED, []),
        (home, under_way, InstigatorStatus.RUNNING, BulkActionStatus.REQUESTED, ["SENSOR"]),
    ):
        with DagsterInstance.from_config(str(folder / "dagster")) as instance:
            found = {run.run_id: run.status for run in instance.get_runs()}
            assert {found[runs[DagsterRunStatus.QUEUED]], found[runs[DagsterRunStatus.STARTED]]} == ended
            assert found[runs[DagsterRunStatus.SUCCESS]] is DagsterRunStatus.SUCCESS
            assert [each.status for each in instance.all_instigator_state()] == [state]
            assert [each.status for each in instance.get_backfills()] == [action]
            assert [*instance.get_daemon_heartbeats()] == daemons


WRITING = """
import sys, time, duckdb
number = 0
while True:
    number += 1
    with duckdb.connect(sys.argv[1]) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS written")
        connection.execute("BEGIN")
        for name in ("first", "second"):
            connection.execute(f"CREATE OR REPLACE TABLE written.{name} AS SELECT {number} AS number")
        connection.execute("COMMIT")
    if number == 1:
        print("writing", flush=True)
    time.sleep(0.01)
"""


def test_a_clone_of_a_home_that_is_written_to_is_of_one_moment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBA_PIPELINE_LOCK_WAIT_SECONDS", "60")
    with subprocess.Popen(
        [sys.executable, "-c", WRITING, str(home / "warehouse.duckdb")], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout
        writer.stdout.readline()
        try:
            for number in range(3):
                assert clone(home.parent / f"clone {number}").exit_code == 0
        finally:
            writer.kill()
    for number in range(3):
        with duckdb.connect(str(home.parent / f"clone {number}" / "warehouse.duckdb"), read_only=True) as connection:
            first, second = (connection.execute(f"FROM written.{name}").fetchall() for name in ("first", "second"))
        assert first == second


def test_a_writer_that_does_not_let_go_is_named_and_nothing_of_the_clone_stays(home: Path) -> None:
    holding = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    command = [sys.executable, "-c", holding, str(home / "warehouse.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        refused = clone(home.parent / "clone")
        holder.communicate(b"\n")
    assert refused.exit_code == 2
    assert f"by process {holder.pid}" in refused.output
    assert [path.name for path in home.parent.iterdir()] == ["home"]


def test_what_a_killed_clone_has_left_is_begun_again_and_what_is_somebody_elses_is_not(home: Path) -> None:
    left = home.parent / "clone.unfinished"
    left.mkdir()
    (left / "notes.txt").write_text("mine")
    refused = clone(home.parent / "clone")
    assert refused.exit_code == 2
    assert str(left) in refused.output
    assert (left / "notes.txt").exists()
    (left / CLONE_MARK).write_text("{}")
    assert clone(home.parent / "clone").exit_code == 0
    assert not left.exists()
    assert not (home.parent / "clone" / "notes.txt").exists()


def test_what_cannot_be_copied_fails_the_clone_nothing_of_it_stays_and_the_next_is_whole(home: Path) -> None:
    path = home / "dagster" / "history" / "runs" / "damaged.db"
    path.write_bytes(b"no database " * 100)
    failed = clone(home.parent / "clone", "--json")
    assert failed.exit_code == 1
    assert [each.name for each in home.parent.iterdir()] == ["home"]
    (reason,) = json.loads(failed.stdout)["outcome"]["reasons"]
    assert "could not be copied" in reason
    path.unlink()
    assert CliRunner().invoke(app, named_command(reason)).exit_code == 0


def test_of_two_clones_in_one_folder_at_once_the_second_is_refused_and_touches_nothing(home: Path) -> None:
    unfinished = home.parent / "clone.unfinished"
    unfinished.mkdir()
    (unfinished / CLONE_MARK).write_text("{}")
    with FileLock(f"{unfinished}.lock"):
        refused = clone(home.parent / "clone")
        assert refused.exit_code == 2
        assert "just now: wait until it is there" in refused.output
        assert (unfinished / CLONE_MARK).exists()
    assert clone(home.parent / "clone").exit_code == 0
    assert {each.name for each in home.parent.iterdir()} == {"home", "clone"}


@pytest.mark.parametrize("name", ["runs.db", "a #1 home?%41.db"])
def test_a_database_that_was_cleaned_up_after_it_was_listed_is_made_anew_nowhere(tmp_path: Path, name: str) -> None:
    kept, gone, copy = tmp_path / name, tmp_path / "gone" / name, tmp_path / "copy" / name
    gone.parent.mkdir()
    _copy_database(gone, copy)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    with contextlib.closing(sqlite3.connect(kept)) as made:
        made.execute("CREATE TABLE events (number)")
        made.commit()
    _copy_database(kept, copy)
    assert contents_of(copy) == contents_of(kept)


def sqlite_in(folder: Path) -> str:
    return f"storage:\n  sqlite:\n    base_dir: {folder}\n"


POSTGRES = "storage:\n  # ours\n  postgres:\n    postgres_url:\n      env: PG_URL\n"


@pytest.mark.parametrize(
    ("settings", "elsewhere"),
    [
        ("", False),
        ("run_monitoring:\n  enabled: true\n# storage: here\nretention:\n  storage: none\n", False),
        (POSTGRES, True),
        (f"telemetry:\n  enabled: false\n{POSTGRES}", True),
        ("run_storage:\n  module: dagster_postgres\n", True),
        ("storage: {postgres: {}}\n", True),
    ],
)
def test_a_history_that_is_not_in_its_folder_is_known_by_dagsters_settings(
    tmp_path: Path, settings: str, elsewhere: bool
) -> None:
    (tmp_path / "history").mkdir()
    (tmp_path / RUNS).touch()
    kept = tmp_path / "dagster.yaml"
    kept.write_text(settings)
    assert (f"{kept} keeps it elsewhere" in (why_no_history(tmp_path) or "")) is elsewhere
    kept.write_text(sqlite_in(tmp_path))
    assert why_no_history(tmp_path) is None
    kept.write_text(sqlite_in(tmp_path / "other"))
    assert "under storage" in (why_no_history(tmp_path) or "")
    kept.unlink()
    (tmp_path / RUNS).unlink()
    assert f"there is none in {tmp_path}" in (why_no_history(tmp_path) or "")


def test_a_clone_without_history_says_so_and_has_none_of_an_earlier_time(home: Path) -> None:
    with instance_of(Settings()) as instance:
        run = instance.create_run_for_job(some_job).run_id
    (home / "dagster" / "dagster.yaml").write_text(POSTGRES)
    made = clone(home.parent / "clone")
    assert made.exit_code == 0
    said = " ".join(made.output.split())
    assert "Dagster's history is not in it" in said
    export = as_export(environment_of(home.parent / "clone"))
    assert f"{export} unset NBA_PIPELINE_WAREHOUSE NBA_PIPELINE_LANDING NBA_PIPELINE_PUBLISHED" in said
    with DagsterInstance.from_config(str(home.parent / "clone" / "dagster")) as instance:
        assert instance.get_run_by_id(run) is None


def test_a_clone_in_which_nobody_can_look_just_now_has_no_newest_date(tmp_path: Path) -> None:
    (tmp_path / "warehouse.duckdb").write_bytes(b"no database " * 1000)
    assert newest_day(Settings(home=tmp_path), tmp_path, date(2026, 1, 15)) is None


def not_empty(home: Path) -> Path:
    (home.parent / "full").mkdir()
    (home.parent / "full" / "file").touch()
    return home.parent / "full"


def no_room(home: Path) -> Path:
    """A file of the size of a disk, none of whose bytes are written."""
    (home / "models").mkdir(exist_ok=True)
    with (home / "models" / "large.txt").open("wb") as file:
        file.truncate(shutil.disk_usage(home).free + 2**30)
    return home.parent / "clone"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (lambda home: home / "clone", "lies within"),
        (lambda home: home, "lies within"),
        (lambda home: home.parent, "lies within"),
        (not_empty, "not empty"),
        (lambda home: home.parent / "what?", "choose one without"),
        (no_room, "are free"),
        (lambda home: next(disk for disk in (Path("/proc"), Path("/dev")) if disk.is_mount()), "name a folder in it"),
    ],
    ids=["in it", "itself", "above it", "not empty", "no address", "no room", "a disk"],
)
def test_a_place_where_no_clone_can_lie_is_refused_with_what_to_name(
    home: Path, target: Callable[[Path], Path], said: str
) -> None:
    place = target(home)
    before = {path for path in home.parent.rglob("*") if "dagster" not in path.parts}
    refused = clone(place, "--json")
    assert refused.exit_code == 2
    assert said in json.loads(refused.stdout)["outcome"]["reasons"][0]
    assert {path for path in home.parent.rglob("*") if "dagster" not in path.parts} == before


@pytest.mark.parametrize(("setting", "place"), ELSEWHERE[:2])
def test_a_home_whose_tables_or_answers_lie_elsewhere_is_not_cloned(
    home: Path, monkeypatch: pytest.MonkeyPatch, setting: str, place: str
) -> None:
    monkeypatch.setenv(setting, place)
    refused = clone(home.parent / "clone")
    assert refused.exit_code == 2
    assert f"{setting} is {place}" in refused.output.replace("\n", " ")


def test_where_nothing_was_loaded_there_is_nothing_to_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(tmp_path / "home"))
    refused = clone(tmp_path / "clone")
    assert refused.exit_code == 2
    assert "There is no warehouse" in refused.output


def test_tables_that_cannot_be_copied_name_the_file_and_fail_the_clone(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up with something else: DuckDB is given a file that is none."""

    def full(warehouse: DuckDBWarehouse, path: Path, starts: Starts) -> AbstractContextManager[dict[str, int]]:
        path.write_bytes(b"no database " * 1000)
        return copied(warehouse, path, starts)

    copied = DuckDBWarehouse.copied
    monkeypatch.setattr(DuckDBWarehouse, "copied", full)
    failed = clone(home.parent / "clone")
    assert failed.exit_code == 1
    assert "the tables could not be copied to" in failed.output
    assert [each.name for each in home.parent.iterdir()] == ["home"]
