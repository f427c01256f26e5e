"""Dagster's own daemon, webserver and run launching, on the shipped definitions and the shipped dagster.yaml."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from dagster import DagsterEventType, DagsterInstance, DagsterRun, RunsFilter

import nba_pipeline
from nba_pipeline.cli.demo import free_port
from nba_pipeline.cli.ui_commands import ui_command, ui_environment
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.settings import Settings
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon

Found = TypeVar("Found")

LONGEST = 240
"""Seconds that anything may take; what takes longer has failed."""

LONGEST_LIFE = 5400
"""Seconds after which `dagster dev` is killed, whatever became of the test that started it."""

REFUSING = """
run_launcher:
  module: nba_pipeline_tests.support.refusing_launcher
  class: RefusingLauncher
"""
"""Added to the shipped dagster.yaml: Dagster's launcher, but for the times when a test wants it to fail."""

HOLDS_THE_WAREHOUSE = """
import duckdb, sys, time
while True:
    try:
        connection = duckdb.connect(sys.argv[1])
        break
    except duckdb.Error:
        time.sleep(0.005)
print("held", flush=True)
sys.stdin.read()
"""


class RealDaemon:
    """`dagster dev` on the home of a simulated daemon, which was used to load it."""

    def __init__(self, loaded: SimulatedDaemon, webhook: str | None = None, **settings: str) -> None:
        self.loaded = loaded
        self.home: Path = loaded.home
        self.server: LeagueServer = loaded.server
        self.clock_file = loaded.clock_file
        self.instance: DagsterInstance = loaded.instance
        self.gatekeeper = loaded.gatekeeper
        self.port = free_port()
        self.ui_url = f"http://127.0.0.1:{self.port}"
        with (self.home / "dagster" / "dagster.yaml").open("a") as configuration:
            configuration.write(REFUSING)
        self.environment = os.environ | {
            "NBA_PIPELINE_HOME": str(self.home),
            "DAGSTER_HOME": str(self.home / "dagster"),
            "NBA_PIPELINE_NOW": "2026-01-20T15:00:00+00:00",
            "NBA_PIPELINE_CLOCK_FILE": str(self.clock_file),
            "BALLDONTLIE_API_URL": self.server.url,
            "BALLDONTLIE_API_KEY": "k",
            "BALLDONTLIE_REQUESTS_PER_MINUTE": "100000",
            "NBA_PIPELINE_HTTP_WAIT_MIN_SECONDS": "0.05",
            "NBA_PIPELINE_HTTP_WAIT_MAX_SECONDS": "0.1",
            "NBA_PIPELINE_SENSOR_INTERVAL_SECONDS": "2",
            "NBA_PIPELINE_SELF_HEAL_INTERVAL_SECONDS": "5",
            "NBA_PIPELINE_ALERT_INTERVAL_SECONDS": "2",
            "NBA_PIPELINE_ALERT_WAIT_MIN_SECONDS": "0.05",
            "NBA_PIPELINE_ALERT_WAIT_MAX_SECONDS": "0.1",
            "NBA_PIPELINE_LOCK_WAIT_SECONDS": "4",
            "NBA_PIPELINE_STEP_RETRIES": "1",
            "NBA_PIPELINE_STEP_RETRY_WAIT_SECONDS": "1",
            "PYTHONPATH": str(Path(nba_pipeline.__file__).parents[1]),
            **({"NBA_PIPELINE_SLACK_WEBHOOK_URL": webhook} if webhook else {}),
            **ui_environment(Settings(), self.port),
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "RealDaemon":
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop(signal.SIGTERM)

    def start(self) -> None:
        """Starts webserver and daemon in a process group of their own."""
        timeout = shutil.which("timeout")
        bounded = [timeout, "--signal=KILL", str(LONGEST_LIFE)] if timeout else []
        with (self.home / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*bounded, *ui_command(self.port)], env=self.environment, stdout=log, stderr=log,
                start_new_session=True, cwd=self.home,
            )  # fmt: skip

    def stop(self, how: signal.Signals) -> None:
        """Ends the process group that was started, by its id."""
        if self.process is None:
            return
        group = self.process.pid
        if self.process.poll() is None:
            os.killpg(group, how)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(group, signal.SIGKILL)
            self.process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
        self.process = None

    def at(self, now: datetime) -> None:
        """Moves the clock of all processes and of the league."""
        unfinished = self.clock_file.with_suffix(".new")
        unfinished.write_text(now.astimezone(UTC).isoformat())
        unfinished.replace(self.clock_file)
        self.server.clock.fixed = now

    @contextmanager
    def launching_fails(self) -> Iterator[None]:
        """No run can be launched, though it was asked for."""
        refusal = self.home / "dagster" / "refuse"
        refusal.touch()
        try:
            yield
        finally:
            refusal.unlink()

    @contextmanager
    def warehouse_held(self) -> Iterator[None]:
        """Another program has the warehouse open for writing, such as a forgotten DuckDB shell."""
        command = [sys.executable, "-c", HOLDS_THE_WAREHOUSE, str(self.home / "warehouse.duckdb")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shell:
            try:
                assert shell.stdout is not None
                assert shell.stdout.readline() == b"held\n"
                yield
            finally:
                shell.kill()

    def happened(self, run: DagsterRun, kind: DagsterEventType) -> int:
        """How many events of a kind a run's log has."""
        return len(self.instance.all_logs(run.run_id, of_type=kind))

    def now_is(self, run: DagsterRun) -> DagsterRun:
        """The run as it stands now."""
        found = self.instance.get_run_by_id(run.run_id)
        assert found is not None
        return found

    def runs(self, **tags: str) -> list[DagsterRun]:
        """The runs with these tags, the oldest first."""
        return list(self.instance.get_runs(RunsFilter(tags=tags)))[::-1]

    def wait_until(self, what: Callable[[], Found | None], why: str, seconds: float = LONGEST) -> Found:
        """Waits until something is true, and returns it. Raises `AssertionError` with the end of the daemon's log."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = what()
            if found:
                return found
            time.sleep(0.2)
        raise AssertionError(f"not within {seconds} s: {why}\n{self.log()[-3000:]}")

    def log(self) -> str:
        """What the daemon has said."""
        return (self.home / "daemon.log").read_text(errors="replace")


def process_of(instance: DagsterInstance, run: DagsterRun) -> int | None:
    """The id of the process that executes a run, as Dagster noted it in the run's log; None before it has one."""
    for entry in instance.all_logs(run.run_id):
        found = re.search(r"Started process for run \(pid: (\d+)\)", entry.message or entry.user_message or "")
        if found is None and entry.dagster_event is not None:
            found = re.search(r"\(pid: (\d+)\)", entry.dagster_event.message or "")
        if found:
            return int(found.group(1))
    return None
