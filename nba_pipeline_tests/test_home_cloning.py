"""A clone of a home has all that the home has, and never acts as it."""

import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import AbstractContextManager
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
from typer.testing import CliRunner, Result

from nba_pipeline.cli.app import app
from nba_pipeline.operations.home_cloning import Starts
from nba_pipeline.operations.runs import instance_of
from nba_pipeline.settings import CLONE_MARK, Settings
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
    made = clone(home.parent / "clone", "--json")
    assert {*json.loads(made.stdout)["ended"]} == {runs[DagsterRunStatus.QUEUED], runs[DagsterRunStatus.STARTED]}
    under_way = {DagsterRunStatus.QUEUED, DagsterRunStatus.STARTED}
    for folder, ended, state, action in (
        (home.parent / "clone", {DagsterRunStatus.CANCELED}, InstigatorStatus.STOPPED, BulkActionStatus.CANCELED),
        (home, under_way, InstigatorStatus.RUNNING, BulkActionStatus.REQUESTED),
    ):
        with DagsterInstance.from_config(str(folder / "dagster")) as instance:
            found = {run.run_id: run.status for run in instance.get_runs()}
            assert {found[runs[DagsterRunStatus.QUEUED]], found[runs[DagsterRunStatus.STARTED]]} == ended
            assert found[runs[DagsterRunStatus.SUCCESS]] is DagsterRunStatus.SUCCESS
            assert [each.status for each in instance.all_instigator_state()] == [state]
            assert [each.status for each in instance.get_backfills()] == [action]


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
    ],
    ids=["in it", "itself", "above it", "not empty", "no address", "no room"],
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


@pytest.mark.parametrize(
    ("setting", "place"),
    [("NBA_PIPELINE_WAREHOUSE", "bigquery://a-project/nba"), ("NBA_PIPELINE_LANDING", "gs://bucket/landing")],
)
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
