"""Runs whose process died, told from those that work and from those that have just ended."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterEvent, DagsterInstance, DagsterRun, DagsterRunStatus, job
from dagster._core.events import EngineEventData
from dagster._core.storage.tags import GRPC_INFO_TAG

from nba_pipeline.cli.backfill_commands import close_killed
from nba_pipeline.monitoring import orphans
from nba_pipeline.monitoring.orphans import PROCESS_TAG, close_orphans
from nba_pipeline_tests.support.named_command import named_command


@job
def nothing():
    pass


@pytest.fixture(autouse=True)
def short_of_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans, "LAST_WORDS_SECONDS", 0.01)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(tmp_path), overrides={"telemetry": {"enabled": False}}) as opened:
        yield opened


@pytest.fixture
def gone() -> int:
    """The id of a process that was."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def launched_by_dagster(instance: DagsterInstance, process: int, host: str = "localhost") -> DagsterRun:
    """A run as Dagster's launcher leaves it: the code server in a tag, the process in the log."""
    tags = {GRPC_INFO_TAG: json.dumps({"host": host, "socket": "/tmp/gone"})}
    run = instance.create_run_for_job(nothing, tags=tags, status=DagsterRunStatus.STARTED)
    instance.report_engine_event("Started process for run.", run, EngineEventData.in_process(process))
    return run


def launched_by_a_command(instance: DagsterInstance, process: int) -> DagsterRun:
    tags = {PROCESS_TAG: f"{socket.gethostname()}:{process}"}
    return instance.create_run_for_job(nothing, tags=tags, status=DagsterRunStatus.STARTED)


@pytest.mark.parametrize("launched", [launched_by_dagster, launched_by_a_command])
def test_a_run_whose_process_is_gone_is_closed(instance, gone, launched):
    run = launched(instance, gone)
    assert close_orphans(instance) == [run.run_id]
    assert instance.get_run_by_id(run.run_id).status is DagsterRunStatus.FAILURE
    assert close_orphans(instance) == []


def test_a_killed_run_of_no_dates_is_closed_and_names_health(instance, gone, capsys):
    run = launched_by_a_command(instance, gone)
    assert close_killed(instance) == [run.run_id]
    said = capsys.readouterr().err
    assert f"Run {run.run_id} was killed, and is now marked as failed." in said
    assert named_command(said) == ["health"]
    assert close_killed(instance) == []


@pytest.mark.parametrize("launched", [launched_by_dagster, launched_by_a_command])
def test_a_run_whose_process_lives_is_left_alone(instance, launched):
    launched(instance, os.getpid())
    assert close_orphans(instance) == []


@pytest.mark.parametrize("launched", [launched_by_dagster, launched_by_a_command])
def test_a_run_that_ends_while_we_look_keeps_its_success(instance, gone, launched, monkeypatch):
    run = launched(instance, gone)
    success = DagsterEvent("PIPELINE_SUCCESS", run.job_name)
    monkeypatch.setattr(orphans.time, "sleep", lambda _: instance.handle_run_event(run.run_id, success))
    assert close_orphans(instance) == []
    assert instance.get_run_by_id(run.run_id).status is DagsterRunStatus.SUCCESS


def test_a_process_that_was_given_the_same_id_later_is_another_one(instance, monkeypatch):
    run = launched_by_dagster(instance, os.getpid())
    monkeypatch.setattr(orphans, "_began", lambda process: time.time() + orphans.YOUNGER_SECONDS + 1)
    assert close_orphans(instance) == [run.run_id]


def test_a_process_on_another_machine_is_not_ours_to_judge(instance, gone):
    launched_by_dagster(instance, gone, host="elsewhere")
    assert close_orphans(instance) == []


def test_when_a_process_began_is_read_from_the_system():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert abs(orphans._began(process.pid) - time.time()) < orphans.YOUNGER_SECONDS
        process.kill()
    assert orphans._began(process.pid) == 0.0


def test_an_age_that_no_process_has_is_that_of_one_that_begins_now(monkeypatch):
    def ps(*args, **kwargs) -> subprocess.CompletedProcess:
        return subprocess.CompletedProcess(args, 0, stdout="213503982334-14:25:51\n")

    monkeypatch.setattr(orphans.subprocess, "run", ps)
    assert abs(orphans._began(1) - time.time()) < orphans.YOUNGER_SECONDS
