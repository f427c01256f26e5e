"""Simulated daemons on real servers, each in a home of its own."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest
from dagster import DagsterInstance

from nba_pipeline.league.faults import FAULTS
from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer
from nba_pipeline_tests.support.loaded_season import CORRECTION, LOADED_AT
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon
from nba_pipeline_tests.support.webhook import Webhook


@pytest.fixture
def daemon(league: League, tmp_path: Path) -> Iterator[Callable[..., SimulatedDaemon]]:
    """Makes simulated daemons; faults are given as JSON rules."""
    with ExitStack() as stack:

        def make(
            now: datetime, *faults: dict, name: str = "home", of: League = league, webhook: str | None = None
        ) -> SimulatedDaemon:
            server = stack.enter_context(LeagueServer(of, now=now, faults=FAULTS.validate_python(list(faults))))
            made = SimulatedDaemon(tmp_path / name, server, now, webhook)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def loaded(daemon: Callable[..., SimulatedDaemon], loaded_home: Path, tmp_path: Path) -> Callable[..., SimulatedDaemon]:
    """Makes daemons on copies of the loaded home; `now` and faults can be given."""

    def make(*faults: dict, now: datetime = LOADED_AT, name: str = "home") -> SimulatedDaemon:
        shutil.copytree(loaded_home, tmp_path / name)
        made = daemon(now, CORRECTION, *faults, name=name)
        made.cursors = json.loads((made.home / "cursors.json").read_text())
        return made

    return make


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as running:
        yield running


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    (tmp_path / "dagster").mkdir()
    quiet = {"telemetry": {"enabled": False}}
    with DagsterInstance.local_temp(str(tmp_path / "dagster"), overrides=quiet) as opened:
        yield opened
