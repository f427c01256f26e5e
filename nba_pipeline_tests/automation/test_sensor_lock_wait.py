"""Sensors and schedules wait a bounded time for the warehouse: Dagster ends a tick after a minute."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.automation.schedules import SCHEDULE_SPECS
from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.settings import Settings
from nba_pipeline_tests.support.real_daemon import HOLDS_THE_WAREHOUSE
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon

DAY = date(2025, 10, 22)
NOW = datetime(2025, 10, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def locked_out(league: League, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedDaemon]:
    """A daemon whose steps would wait for a second, and a warehouse that another program has open."""
    with LeagueServer(league, now=NOW) as server:
        daemon = SimulatedDaemon(tmp_path_factory.mktemp("locked"), server, NOW)
        update = {"sensor_lock_wait_seconds": 0.2, "lock_wait_seconds": 1}
        daemon.settings = daemon.settings.model_copy(update=update)
        daemon.load()
        landing = [dg.AssetKey(["landing", name]) for name in ("games", "player_box_scores", "players")]
        for key in [*landing, *(asset_key(table) for table in all_tables())]:
            daemon.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=str(DAY)))
        command = [sys.executable, "-c", HOLDS_THE_WAREHOUSE, str(daemon.settings.warehouse_path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shell:
            assert shell.stdout is not None
            assert shell.stdout.readline() == b"held\n"
            yield daemon
            shell.kill()
        daemon.close()


SENSORS = ["self_heal", "freshness", "decided_games", "tonights_file", *(f"{phase}_when_upstream_is_fresh" for phase in
           ("raw", "analytics", "precompute", "predictions", "grades"))]  # fmt: skip


@pytest.mark.parametrize("name", SENSORS)
def test_a_sensor_that_finds_the_warehouse_held_waits_no_longer_than_a_tick_may(locked_out, name):
    ticked = locked_out.tick_sensor(name)
    assert "was locked for more than 0.2 s" in "".join(_causes(ticked.error)), "each wait names its own limit"


@pytest.mark.parametrize("name", [spec.name for spec in SCHEDULE_SPECS if not spec.job.assets])
def test_a_schedule_that_finds_the_warehouse_held_waits_no_longer_than_a_tick_may(locked_out, name):
    ticked = locked_out.tick_schedule(name, NOW)
    assert "was locked for more than 0.2 s" in "".join(_causes(ticked.error)), "each wait names its own limit"


def test_both_waits_of_a_tick_fit_into_dagsters_minute(tmp_path: Path):
    assert 2 * Settings(home=tmp_path).sensor_lock_wait_seconds < 60
    with pytest.raises(ValueError, match="sensor_lock_wait_seconds"):
        Settings(home=tmp_path, sensor_lock_wait_seconds=30)


def _causes(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield str(error)
        error = error.__cause__
