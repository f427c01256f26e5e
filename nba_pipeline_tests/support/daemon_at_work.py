"""What a real daemon is doing, and what its warehouse lacks."""

from datetime import date

import requests
from dagster import DagsterRun, DagsterRunStatus, RunsFilter

from nba_pipeline.assets.tables import all_tables
from nba_pipeline.automation.launches import PHASE_TAG, UNFINISHED
from nba_pipeline.gates.evidence import Need
from nba_pipeline.partitions import dates_of, game_dates
from nba_pipeline.warehouse.audit import Reasons
from nba_pipeline.warehouse.errors import WarehouseError
from nba_pipeline_tests.support.real_daemon import RealDaemon, process_of

YESTERDAY, TODAY, TOMORROW, SLOW = date(2025, 10, 22), date(2025, 10, 23), date(2025, 10, 24), date(2025, 10, 26)
LAUNCH = """
mutation Launch($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""


def needs(real: RealDaemon) -> dict[tuple[str, date], Need] | None:
    """What the days up to today want; None while a step has the warehouse."""
    try:
        with real.gatekeeper.warehouse.session(read_only=True, wait_seconds=0) as session:
            evidence = real.gatekeeper.evidence(session)
            return evidence.lineage.needs(all_tables(), game_dates(YESTERDAY, evidence.clock.today()))
    except WarehouseError:
        return None


def executing(real: RealDaemon, phase: str, day: date | None = None) -> tuple[DagsterRun, int] | None:
    """A run of a phase (about a date) whose process is at work, with the process's id."""
    for run in real.runs(**{PHASE_TAG: phase}):
        at_work = run.status is DagsterRunStatus.STARTED and (day is None or day in dates_of(run))
        if at_work and (process := process_of(real.instance, run)):
            return run, process
    return None


def serves(real: RealDaemon) -> bool:
    """Whether the UI answers, which it does some seconds after the start."""
    try:
        return requests.get(f"http://127.0.0.1:{real.port}/server_info", timeout=5).ok
    except requests.ConnectionError:
        return False


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


def broken(real: RealDaemon) -> dict[str, Reasons]:
    """The tables whose published rows break a promise, or are not those that were published."""
    with real.gatekeeper.warehouse.session(read_only=True) as session:
        evidence = real.gatekeeper.evidence(session)
        dates = [YESTERDAY, TODAY, TOMORROW]
        published = {
            table: [day for day in dates if day in evidence.manifest.published(table)] for table in all_tables()
        }
        found = {
            table.name: evidence.coverage.broken_promises(table, days) for table, days in published.items() if days
        }
    return {name: reasons for name, reasons in found.items() if reasons}


def all_made(real: RealDaemon) -> bool:
    """Whether nothing wants anything, and no run is under way that could change that."""
    return not real.instance.get_runs_count(RunsFilter(statuses=UNFINISHED)) and needs(real) == {}
