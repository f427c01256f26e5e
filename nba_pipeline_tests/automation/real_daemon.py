"""Dagster's own daemon, webserver and run launching, on the shipped definitions and the shipped dagster.yaml."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from dagster import DagsterInstance, DagsterRun, RunsFilter

from nba_pipeline.league.server import LeagueServer
from nba_pipeline.operations.commands import ui_command
from nba_pipeline.operations.demo import free_port
from nba_pipeline_tests.automation.simulated_daemon import SimulatedDaemon

LONGEST = 240
"""Seconds that anything may take; what takes longer has failed."""


class RealDaemon:
    """`dagster dev` on the home of a simulated daemon, which was used to load it."""

    def __init__(self, loaded: SimulatedDaemon, webhook: str | None = None, **settings: str) -> None:
        self.home: Path = loaded.home
        self.server: LeagueServer = loaded.server
        self.clock_file = loaded.clock_file
        self.instance: DagsterInstance = loaded.instance
        self.gatekeeper = loaded.gatekeeper
        self.port = free_port()
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
            **({"NBA_PIPELINE_SLACK_WEBHOOK_URL": webhook} if webhook else {}),
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
        log = (self.home / "daemon.log").open("ab")
        self.process = subprocess.Popen(
            ui_command(self.port), env=self.environment, stdout=log, stderr=log, start_new_session=True, cwd=self.home
        )

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
        self.process = None

    def at(self, now: datetime) -> None:
        """Moves the clock of all processes and of the league."""
        unfinished = self.clock_file.with_suffix(".new")
        unfinished.write_text(now.astimezone(UTC).isoformat())
        unfinished.replace(self.clock_file)
        self.server.clock.fixed = now

    def runs(self, **tags: str) -> list[DagsterRun]:
        """The runs with these tags, the oldest first."""
        return list(self.instance.get_runs(RunsFilter(tags=tags)))[::-1]

    def wait_until(self, what: Callable[[], object], why: str, seconds: float = LONGEST) -> object:
        """Waits until something is true, and returns it. Raises `AssertionError` with the end of the daemon's log."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = what()
            if found:
                return found
            time.sleep(0.5)
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
