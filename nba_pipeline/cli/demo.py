"""The demo: a simulated league behind the real API, thirty game dates end to end, and the UI."""

import os
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import requests
from rich.console import Console

from nba_pipeline.cli.demo_runs import backfill_last_dates, print_outlook
from nba_pipeline.cli.ui_commands import ui_command, ui_environment
from nba_pipeline.monitoring.outcome import NotTriedError
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings

DEMO_NOW = datetime(2026, 1, 20, 15, 0, tzinfo=UTC)
"""Ten in the morning in New York, in the middle of the simulated season."""

GAME_DATES_SHOWN = 30
PLAYERS_SHOWN = 12
LONGEST_START = 60
"""Seconds that the league or the UI may take to answer."""

console = Console()


def run_demo(settings: Settings, *, seed: int, ui: bool, port: int) -> int:
    """Runs the demo in a home of its own, beside real data and never mixed with it; returns an exit code."""
    began = time.monotonic()
    home = settings.home / "demo"
    with league_server(seed) as url:
        enter_demo_environment(home, url)
        console.print(f"A simulated league (seed {seed}) answers at {url}; it is {DEMO_NOW:%Y-%m-%d %H:%M} UTC there.")
        exit_code = materialize_last_dates()
        console.print(f"Done in {time.monotonic() - began:.0f} s. Everything is in {home}.")
        if ui and exit_code == 0:
            serve_ui(port)
    return exit_code


def enter_demo_environment(home: Path, url: str) -> None:
    """Points this process, and those that it starts, at the simulated league and its clock."""
    os.environ |= {
        "NBA_PIPELINE_HOME": str(home),
        "NBA_PIPELINE_NOW": DEMO_NOW.isoformat(),
        "DAGSTER_HOME": str(home / "dagster"),
        "BALLDONTLIE_API_URL": url,
        "BALLDONTLIE_API_KEY": "demo",
        "BALLDONTLIE_PLAN": "goat",
        "NBA_PIPELINE_LINES": "on",
        "BALLDONTLIE_REQUESTS_PER_MINUTE": "60000",
        "NBA_PIPELINE_HTTP_WAIT_MIN_SECONDS": "0.2",
        "NBA_PIPELINE_HTTP_WAIT_MAX_SECONDS": "5",
    }


def materialize_last_dates() -> int:
    """Loads the season so far, predicts and grades its last dates, and predicts tomorrow."""
    runtime = Runtime(Settings())
    exit_code = backfill_last_dates(runtime, GAME_DATES_SHOWN)
    print_outlook(runtime.warehouse, DEMO_NOW.date(), PLAYERS_SHOWN)
    return exit_code


@contextmanager
def league_server(seed: int) -> Iterator[str]:
    """The replay server as a process of its own, on a free port of loopback; ended afterwards, by its id."""
    port = free_port()
    command = [sys.executable, "-m", "nba_pipeline.cli", "serve-league", "--simulate", str(seed)]
    command += ["--port", str(port), "--now", DEMO_NOW.isoformat()]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:  # noqa: S603 - our own module
        try:
            url = f"http://127.0.0.1:{port}"
            try:
                wait_for(f"{url}/v1/teams", process)
            except RuntimeError as error:
                raise NotTriedError(f"The simulated league did not start: {error}") from error
            yield url
        finally:
            process.terminate()


def serve_ui(port: int) -> None:
    """Serves Dagster's UI until it is interrupted."""
    url = f"http://127.0.0.1:{port}"
    console.print(f"Dagster's UI: {url}/asset-groups (Ctrl-C ends it)")
    environment = os.environ | ui_environment(Settings(), port)
    with subprocess.Popen(ui_command(port), env=environment) as process:  # noqa: S603 - our own interpreter's dagster
        try:
            wait_for(f"{url}/server_info", process)
            webbrowser.open(f"{url}/asset-groups")
            process.wait()
        except KeyboardInterrupt:
            pass
        finally:
            # Else an error would wait here, without a word, for a UI that nobody can see.
            process.terminate()


def wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Waits until the process answers at the URL. Raises `RuntimeError` when it ends or takes too long."""
    deadline = time.monotonic() + LONGEST_START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"what should answer at {url} ended with exit code {process.returncode}")
        try:
            requests.get(url, headers={"Authorization": "demo"}, timeout=2)
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{url} did not answer within {LONGEST_START} s")


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
