"""The shipped definitions and the shipped dagster.yaml under Dagster's own daemon and run launching."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
import requests
from dagster import DagsterRun, DagsterRunStatus

from nba_pipeline.evidence import Need
from nba_pipeline.league.faults import FAULTS
from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.partitions import dates_of
from nba_pipeline.tables import all_tables
from nba_pipeline.warehouse.interface import WarehouseError
from nba_pipeline_tests.automation.conftest import backfill
from nba_pipeline_tests.automation.real_daemon import RealDaemon, process_of
from nba_pipeline_tests.automation.simulated_daemon import SimulatedDaemon
from nba_pipeline_tests.automation.test_alerts import Webhook

pytestmark = pytest.mark.campaign
"""Minutes of waiting for intervals: `make campaign` runs it."""

YESTERDAY, TODAY, SLOW = date(2025, 10, 22), date(2025, 10, 23), date(2025, 10, 26)
LOADED_AT = datetime(2025, 10, 22, 16, tzinfo=UTC)
MORNING = datetime(2025, 10, 23, 12, 30, tzinfo=UTC)

LAUNCH = """
mutation Launch($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""


@pytest.fixture(scope="module")
def webhook() -> Iterator[Webhook]:
    with Webhook() as running:
        yield running


@pytest.fixture(scope="module")
def real(league: League, webhook: Webhook, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDaemon]:
    """A season loaded up to yesterday's morning, and the real daemon on it; the source is slow about one date."""
    slow = {"kind": "slow_drip", "endpoint": "games", "game_date": str(SLOW), "bytes_per_second": 20}
    with LeagueServer(league, now=LOADED_AT, faults=FAULTS.validate_python([slow])) as server:
        loaded = SimulatedDaemon(tmp_path_factory.mktemp("daemon"), server, LOADED_AT)
        backfill(loaded, date(2025, 10, 1), YESTERDAY)
        with RealDaemon(loaded, webhook.url) as running:
            yield running
        loaded.close()


def needs(real: RealDaemon) -> dict[tuple[str, date], Need] | None:
    """What yesterday and today want; None while a step has the warehouse."""
    try:
        with real.gatekeeper.warehouse.session(read_only=True) as session:
            return real.gatekeeper.evidence(session).needs(all_tables(), [YESTERDAY, TODAY])
    except WarehouseError:
        return None


def executing(real: RealDaemon, phase: str) -> tuple[DagsterRun, int] | None:
    """A run of a phase whose process is at work, with the process's id."""
    for run in real.runs(**{"nba_pipeline/phase": phase}):
        if run.status is DagsterRunStatus.STARTED and (process := process_of(real.instance, run)):
            return run, process
    return None


def launch(real: RealDaemon, asset: list[str], day: date, tags: dict[str, str]) -> str:
    """Launches a run as the UI's button does, and returns its id."""
    parameters = {
        "selector": {
            "repositoryName": "__repository__", "repositoryLocationName": "nba_pipeline.definitions",
            "pipelineName": "__ASSET_JOB", "assetSelection": [{"path": asset}],
        },
        "runConfigData": {},
        "executionMetadata": {
            "tags": [{"key": k, "value": v} for k, v in {"dagster/partition": str(day), **tags}.items()]
        },
    }  # fmt: skip
    url = f"http://127.0.0.1:{real.port}/graphql"
    answer = requests.post(url, json={"query": LAUNCH, "variables": {"parameters": parameters}}, timeout=60).json()
    assert answer["data"]["launchRun"]["__typename"] == "LaunchRunSuccess", answer
    return answer["data"]["launchRun"]["run"]["runId"]


def test_a_night_flows_on_though_a_run_and_the_daemon_are_killed(real, webhook):
    real.at(MORNING)
    killed, process = real.wait_until(lambda: executing(real, "precompute"), "no run of precompute was at work")
    os.kill(process, signal.SIGKILL)
    real.wait_until(
        lambda: real.instance.get_run_by_id(killed.run_id).status is DagsterRunStatus.FAILURE,
        "the killed run was not marked as failed",
    )
    real.stop(signal.SIGKILL)
    real.start()
    real.wait_until(lambda: needs(real) == {}, "not everything of yesterday and today was made")
    real.wait_until(
        lambda: any("run failed" in text and str(dates_of(killed)[0]) in text for text in webhook.taken),
        "no alert about the killed run",
    )
    effective = [run for run in real.runs() if run.status is DagsterRunStatus.SUCCESS and run.run_id != killed.run_id]
    keys = [(run.tags["nba_pipeline/phase"], run.tags["nba_pipeline/inputs"], tuple(sorted(run.asset_selection or ())))
            for run in effective if "nba_pipeline/inputs" in run.tags]  # fmt: skip
    assert len(keys) == len(set(keys)), "the same thing was made twice"


def test_a_limit_shorter_than_the_work_ends_in_a_failed_run_and_an_alert(real, webhook):
    real.wait_until(lambda: requests.get(f"http://127.0.0.1:{real.port}/server_info", timeout=5).ok, "no UI")
    run_id = launch(real, ["landing", "games"], SLOW, {"dagster/max_runtime": "3"})
    real.wait_until(
        lambda: real.instance.get_run_by_id(run_id).status is DagsterRunStatus.FAILURE, "the run was not ended"
    )
    real.wait_until(lambda: any(str(SLOW) in text for text in webhook.taken), "no alert")
