"""Fixtures that several kinds of tests share: a league, a server, a home, and the real seasons if they are here."""

import atexit
import os
import shutil
import tempfile

# The partitions end with the tomorrow of the clock that the process starts with; no test depends on today.
os.environ["NBA_PIPELINE_NOW"] = "2026-01-20T15:00:00+00:00"
os.environ.pop("DAGSTER_HOME", None)
os.environ.pop("NBA_PIPELINE_HOME", None)

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path

import hypothesis
import pytest
from filelock import FileLock

from nba_pipeline import code_versions
from nba_pipeline.code_versions.translations import translations_at
from nba_pipeline.league.faults import FAULTS
from nba_pipeline.league.model import League
from nba_pipeline.league.parquet_seasons import read_seasons
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.league.simulation import simulate
from nba_pipeline_tests.support.google_fixtures import bigquery, bigquery_settings, bucket, emulator, wire  # noqa: F401
from nba_pipeline_tests.support.loaded_season import CORRECTION, LOADED_AT, backfill
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon
from nba_pipeline_tests.support.warehouse_copy import Copy
from nba_pipeline_tests.support.workbench import DAY_OFF, NOW, Workbench

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# Homes are made by the hundred; what is translated for one is not translated again for the others.
if "NBA_PIPELINE_TRANSLATIONS" not in os.environ:
    os.environ["NBA_PIPELINE_TRANSLATIONS"] = tempfile.mkdtemp(prefix="nba_pipeline-translated-")
    atexit.register(shutil.rmtree, os.environ["NBA_PIPELINE_TRANSLATIONS"], ignore_errors=True)
code_versions.keep_in(translations_at(Path(os.environ["NBA_PIPELINE_TRANSLATIONS"])))

REAL_DATA = Path(os.environ.get("NBA_PIPELINE_TEST_DATA") or Path(__file__).parents[2] / "shared" / "nba-data")


IN_MEMORY, ROOM_NEEDED = Path("/dev/shm"), 6 * 2**30
# Hundreds of homes are made, and on a disk every commit of their databases waits for it: a quarter of all the time.
if IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ROOM_NEEDED:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))


@pytest.fixture(scope="session")
def league() -> League:
    """Two seasons of a simulated league."""
    return simulate(7, [2024, 2025])


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real seasons; skips where it is not."""
    if not (REAL_DATA / "games.parquet").exists():
        pytest.skip(f"no real seasons at {REAL_DATA}; set NBA_PIPELINE_TEST_DATA to a folder of them")
    return REAL_DATA


@pytest.fixture(scope="session")
def real_league(real_data: Path) -> League:
    """The nine real seasons."""
    return read_seasons(real_data)


@pytest.fixture
def server(league: League) -> Iterator[LeagueServer]:
    """The simulated league, served at its end."""
    with LeagueServer(league, now=league.last_instant.replace(month=7)) as running:
        yield running


@pytest.fixture
def workbench(league: League, tmp_path: Path) -> Iterator[Callable[..., Workbench]]:
    """Makes workbenches, each in a home of its own; faults are given as JSON rules."""
    with ExitStack() as stack:

        def make(*faults: dict, name: str = "home", of: League = league, now: datetime = NOW) -> Workbench:
            rules = FAULTS.validate_python(list(faults))
            return Workbench(tmp_path / name, stack.enter_context(LeagueServer(of, now=now, faults=rules)), now)

        yield make


@pytest.fixture(scope="session")
def season_start_home(league: League, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of `season_start`, made once for all test processes."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "season-start"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            unfinished = tmp_path_factory.mktemp("loading") / "home"
            with LeagueServer(league, now=NOW) as server:
                report = Workbench(unfinished, server).backfill(DAY_OFF, date(2025, 11, 13))
            assert report.complete, [attempt.failures for attempt in report.attempts]
            shutil.move(unfinished, folder)
    return folder


@pytest.fixture(scope="session")
def season_start(
    league: League, season_start_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workbench]:
    """Three undisturbed weeks of a season, today and tomorrow; for tests that only look."""
    home = tmp_path_factory.mktemp("season") / "home"
    shutil.copytree(season_start_home, home)
    with LeagueServer(league, now=NOW) as server:
        yield Workbench(home, server)


@pytest.fixture
def copy(season_start: Workbench, tmp_path: Path) -> Copy:
    """A copy of the three weeks that may be damaged."""
    return Copy(season_start, tmp_path / "copy")


@pytest.fixture(scope="session")
def loaded_home(league: League, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home loaded from the start of the season up to `LOADED_AT`, whose sensors have seen all of it.

    Today is published, which is all that they launched.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "automation-loaded-home"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            unfinished = tmp_path_factory.mktemp("loading") / "home"
            with LeagueServer(league, now=LOADED_AT, faults=FAULTS.validate_python([CORRECTION])) as server:
                daemon = SimulatedDaemon(unfinished, server, LOADED_AT)
                today = daemon.now.date()
                backfill(daemon, date(2025, 10, 1), today)
                for name in daemon.sensors():
                    launched = [(run.job_name, run.is_success) for run in daemon.tick_sensor(name).runs]
                    assert launched == ([("tonights_file", True)] if name == "tonights_file" else []), name
                (unfinished / "cursors.json").write_text(json.dumps(daemon.cursors))
                daemon.close()
            shutil.move(unfinished, folder)
    return folder
