"""What a load by a person leaves to the daemon: nothing false to alert about, and links that lead to its UI."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
import requests
from dagster import AssetCheckKey, DagsterInstance, DagsterRunStatus
from dagster._core.storage.asset_check_execution_record import COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES

from nba_pipeline.alerting.sensor import MADE_GOOD, RESOLVED, SENT
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.cli import demo
from nba_pipeline.cli.ui_commands import run_ui, ui_environment
from nba_pipeline.contracts import Phase
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.league.simulation import simulate
from nba_pipeline.monitoring.freshness import FRESHNESS_CHECK
from nba_pipeline.precompute import player_daily_cache
from nba_pipeline.raw import games
from nba_pipeline.settings import Settings
from nba_pipeline_tests.support.daemon_at_work import launch, serves
from nba_pipeline_tests.support.loaded_season import LOADED_AT, backfill, lose
from nba_pipeline_tests.support.real_daemon import RealDaemon
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon
from nba_pipeline_tests.support.webhook import Webhook

Loaded = Callable[..., SimulatedDaemon]

TODAY = LOADED_AT.date()
CACHE = player_daily_cache.CONTRACT

ENDED = COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES

QUIET_SECONDS = 180
ALERT_SECONDS = 60
"""The interval at which alerts are sent unless a setting says otherwise."""


def freshness_known(instance: DagsterInstance) -> dict[str, list[bool]]:
    """Of every table, whether each evaluation of its freshness passed, the newest first."""
    found = {}
    for table in all_tables():
        key = AssetCheckKey(asset_key(table), FRESHNESS_CHECK)
        history = instance.event_log_storage.get_asset_check_execution_history(key, limit=100, status=ENDED)
        found[table.name] = [record.evaluation.passed for record in history if record.evaluation]
    return found


def outcomes(daemon: SimulatedDaemon) -> list[str]:
    """What became of all alerts so far, oldest first."""
    return [said["outcome"] for said in daemon.everything_said()]


def test_a_load_judges_the_freshness_of_what_it_made_once_and_finds_nothing_late_that_it_makes(
    loaded: Loaded,
) -> None:
    daemon = loaded()
    known = freshness_known(daemon.instance)
    assert {name for name, passed in known.items() if not all(passed)} == set()
    assert {name for name, passed in known.items() if not passed} == set()
    daemon.tick_sensor("alerts")
    assert outcomes(daemon) == []


def test_runs_of_a_first_load_find_nothing_late_that_the_next_makes_and_one_alert_closes_once(
    daemon: Callable[..., SimulatedDaemon],
) -> None:
    made = daemon(LOADED_AT)
    raw = [table for table in all_tables() if table.phase is Phase.RAW]
    backfill(made, date(2025, 10, 21), TODAY, Phase.LANDING, Phase.RAW)
    known = freshness_known(made.instance)
    assert {table.name: known[table.name] for table in raw} == {table.name: [True] for table in raw}
    made.tick_sensor("alerts")
    assert outcomes(made) == []
    lose(made, games.CONTRACT, TODAY)
    for _ in range(2):
        made.tick_sensor("freshness")
        made.tick_sensor("alerts")
    backfill(made, TODAY, TODAY, Phase.LANDING, Phase.RAW)
    for _ in range(2):
        made.tick_sensor("alerts")
    about = [
        said["outcome"] for said in made.everything_said() if f"freshness of {games.CONTRACT.name} " in said["what"]
    ]
    assert about == [SENT, RESOLVED]


def test_the_freshness_that_a_load_judged_is_that_of_the_newest_materialization_for_the_ui(loaded: Loaded) -> None:
    daemon = loaded()
    backfill(daemon, TODAY, TODAY)
    for table in (table for table in all_tables() if table.before_tip_off):
        record = daemon.instance.get_latest_asset_check_evaluation_record(
            AssetCheckKey(asset_key(table), FRESHNESS_CHECK)
        )
        newest = daemon.instance.fetch_materializations(asset_key(table), limit=1).records[0]
        assert record
        assert record.evaluation
        assert record.evaluation.target_materialization_data
        assert record.evaluation.target_materialization_data.storage_id == newest.storage_id, table.name


def test_after_a_load_what_is_late_alerts_once_and_closes_once_when_it_was_made_again(loaded: Loaded) -> None:
    daemon = loaded()
    lose(daemon, CACHE, TODAY)
    for name in ("freshness", "alerts", "freshness", "alerts"):
        daemon.tick_sensor(name)
    alerts = daemon.everything_said()
    assert {(alert["outcome"], alert["kind"]) for alert in alerts} == {(SENT, "freshness missed")}
    assert any(f"{CACHE.name} was never published for {TODAY}" in alert["what"] for alert in alerts)
    backfill(daemon, TODAY, TODAY)
    for name in ("alerts", "freshness", "alerts"):
        daemon.tick_sensor(name)
    assert outcomes(daemon) == [SENT] * len(alerts) + [RESOLVED] * len(alerts)


def test_a_lost_table_that_was_made_again_before_the_alerts_were_read_is_not_sent(loaded: Loaded) -> None:
    daemon = loaded()
    lose(daemon, CACHE, TODAY)
    daemon.tick_sensor("freshness")
    backfill(daemon, TODAY, TODAY)
    daemon.tick_sensor("alerts")
    assert {*outcomes(daemon)} == {MADE_GOOD}


# where the links lead


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No person has said where the UI is; what is set meanwhile is taken back."""
    before = dict(os.environ)
    monkeypatch.delenv("NBA_PIPELINE_UI_URL", raising=False)
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(tmp_path / "home"))
    yield
    os.environ.clear()
    os.environ |= before


@pytest.mark.usefixtures("unset")
def test_the_ui_command_says_to_the_daemon_beside_it_at_which_port_the_ui_is(monkeypatch: pytest.MonkeyPatch) -> None:
    become: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda path, command: become.append(command))
    run_ui(Settings(), 4321)
    assert become[0][-2:] == ["-p", "4321"]
    assert Settings().ui_url == "http://127.0.0.1:4321"


@pytest.mark.usefixtures("unset")
def test_the_address_that_a_person_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBA_PIPELINE_UI_URL", "https://dagster.example")
    assert ui_environment(Settings(), 4321) == {}
    monkeypatch.setenv("NBA_PIPELINE_UI_URL", "")
    assert ui_environment(Settings(), 4321) == {"NBA_PIPELINE_UI_URL": "http://127.0.0.1:4321"}


UI = """
import http.server, os, sys, threading

class Page(http.server.BaseHTTPRequestHandler):
    timeout = 60

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        if self.path == "/asset-groups":
            threading.Thread(target=self.server.shutdown).start()

open(sys.argv[2], "w").write(os.environ["NBA_PIPELINE_UI_URL"])
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"""
"""What the demo starts in place of Dagster's UI: it notes the address that it is told, and ends after its page."""


@pytest.mark.usefixtures("unset")
def test_the_ui_of_the_demo_says_its_port_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = tmp_path / "told"
    monkeypatch.setattr("nba_pipeline.cli.demo.ui_command", lambda port: [sys.executable, "-c", UI, str(port), told])
    # The browser's own request is the last one: with it the UI ends, as if by a person.
    monkeypatch.setattr("webbrowser.open", lambda url: requests.get(url, timeout=60).ok)
    demo.serve_ui(port := demo.free_port())
    assert told.read_text() == f"http://127.0.0.1:{port}"


@pytest.mark.usefixtures("unset")
def test_a_ui_of_the_demo_that_never_answers_is_ended_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = [sys.executable, "-c", "import time; time.sleep(600)"]
    monkeypatch.setattr("nba_pipeline.cli.demo.ui_command", lambda port: silent)
    monkeypatch.setattr("nba_pipeline.cli.demo.LONGEST_START", 0.5)
    with pytest.raises(RuntimeError, match=r"did not answer within 0\.5 s"):
        demo.serve_ui(demo.free_port())


# the demo, and the real daemon after it


@pytest.mark.campaign
def test_after_the_demo_three_minutes_send_nothing_and_a_fault_is_one_alert_and_one_closing(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-m", "nba_pipeline.cli", "demo", "--no-ui"]
    subprocess.run(command, env=os.environ | {"NBA_PIPELINE_HOME": str(tmp_path)}, check=True)
    league = simulate(7, [2024, 2025])
    with Webhook() as webhook, LeagueServer(league, now=demo.DEMO_NOW) as server:
        made = SimulatedDaemon(tmp_path / "demo", server, demo.DEMO_NOW)
        usual = {
            "NBA_PIPELINE_SENSOR_INTERVAL_SECONDS": "30",
            "NBA_PIPELINE_SELF_HEAL_INTERVAL_SECONDS": "900",
            "NBA_PIPELINE_ALERT_INTERVAL_SECONDS": str(ALERT_SECONDS),
            "NBA_PIPELINE_LINES": "on",
            "BALLDONTLIE_PLAN": "goat",
        }
        with RealDaemon(made, webhook.url, **usual) as real:
            real.wait_until(lambda: serves(real), "no UI")
            until = time.monotonic() + QUIET_SECONDS
            while time.monotonic() < until:
                assert webhook.taken == []
                time.sleep(1)
            day = demo.DEMO_NOW.date()
            with real.warehouse_held():
                failed = launch(real, list(asset_key(CACHE).path), day, {})
                real.wait_until(lambda: ended(real, failed) is DagsterRunStatus.FAILURE, "the run did not fail")
            real.wait_until(lambda: webhook.taken, "no alert within its interval", ALERT_SECONDS + 15)
            assert f"<http://127.0.0.1:{real.port}/runs/{failed}|" in webhook.taken[0]
            healed = launch(real, list(asset_key(CACHE).path), day, {})
            real.wait_until(lambda: ended(real, healed) is DagsterRunStatus.SUCCESS, "it was not made again")
            real.wait_until(lambda: len(webhook.taken) > 1, "no closing within its interval", ALERT_SECONDS + 15)
            time.sleep(ALERT_SECONDS + 5)
            assert ["*resolved*" in text for text in webhook.taken] == [False, True]
            assert healed in webhook.taken[1]
        made.close()


def ended(real: RealDaemon, run_id: str) -> DagsterRunStatus | None:
    """How a run stands; None when there is none of that id."""
    run = real.instance.get_run_by_id(run_id)
    return run.status if run else None
