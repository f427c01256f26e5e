"""Simulated daemons on real servers, each in a home of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from nba_pipeline.contracts import Phase
from nba_pipeline.league.faults import FAULTS
from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.operations import backfill as backfilling
from nba_pipeline.operations.backfill import Report
from nba_pipeline.operations.runs import opened
from nba_pipeline_tests.automation.simulated_daemon import SimulatedDaemon


def backfill(daemon: SimulatedDaemon, first: date, last: date, *phases: Phase) -> Report:
    """What `nba-pipeline backfill --no-history` does in the daemon's home."""
    chosen = list(phases or Phase)
    with Progress(console=Console(quiet=True)) as bars, opened(daemon.settings, bars) as pipeline:
        stretches = backfilling.plan(pipeline.warehouse, pipeline.clock, first, last, chosen, history=False)
        report = backfilling.backfill(pipeline, stretches, (first, last), chosen)
    assert report.complete, [attempt.failures for attempt in report.attempts]
    return report


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
