"""The shipped definitions and the shipped dagster.yaml under Dagster's own daemon and run launching."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from dagster import DagsterEventType, DagsterRun, DagsterRunStatus

from nba_pipeline.automation.attempts import FIRST_WAIT, wait_after
from nba_pipeline.automation.launches import INPUTS_TAG, PHASE_TAG
from nba_pipeline.league.faults import FAULTS
from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.partitions import dates_of
from nba_pipeline_tests.support.daemon_at_work import (
    SLOW,
    TOMORROW,
    YESTERDAY,
    all_made,
    broken,
    executing,
    launch,
    serves,
)
from nba_pipeline_tests.support.loaded_season import backfill
from nba_pipeline_tests.support.real_daemon import RealDaemon
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon
from nba_pipeline_tests.support.webhook import Webhook

pytestmark = pytest.mark.campaign
"""Minutes of waiting for intervals: `make campaign` runs it."""

LOADED_AT = datetime(2025, 10, 22, 16, tzinfo=UTC)
MORNING = datetime(2025, 10, 23, 12, 30, tzinfo=UTC)
NEXT_MORNING = MORNING + timedelta(days=1)
AFTER_THREE_TRIES = NEXT_MORNING + wait_after(3)
AFTER_ONE_MORE = AFTER_THREE_TRIES + FIRST_WAIT


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


def made(real: RealDaemon, phase: str, day: date) -> list[DagsterRun]:
    """The successful runs of a phase for a date."""
    runs = real.runs(**{PHASE_TAG: phase, "dagster/partition": str(day)})
    return [run for run in runs if run.status is DagsterRunStatus.SUCCESS]


def alerted(webhook: Webhook, *words: str) -> bool:
    """Whether an alert with all of the words has arrived."""
    return any(all(word in text for word in words) for text in webhook.taken)


def ended_well_again(real: RealDaemon, run: DagsterRun) -> list[DagsterRun]:
    """The successful retries of a run by Dagster itself."""
    again = real.runs(**{"dagster/root_run_id": run.root_run_id or run.run_id})
    return [found for found in again if found.status is DagsterRunStatus.SUCCESS]


def made_twice(real: RealDaemon) -> list[tuple[str, ...]]:
    """What more than one run made of the same inputs."""
    well = [run for run in real.runs() if run.status is DagsterRunStatus.SUCCESS and INPUTS_TAG in run.tags]
    keys = [(run.tags[PHASE_TAG], run.tags[INPUTS_TAG], str(sorted(run.asset_selection or ()))) for run in well]
    return [key for key, count in Counter(keys).items() if count > 1]


def test_a_night_flows_from_landing_to_grades_though_a_run_and_the_machine_are_killed(real, webhook):
    real.at(MORNING)
    killed, process = real.wait_until(lambda: executing(real, "analytics"), "no run of analytics was at work")
    os.kill(process, signal.SIGKILL)
    real.wait_until(lambda: ended_well_again(real, killed), "the killed run was not done again")
    cut_off, _ = real.wait_until(lambda: executing(real, "precompute"), "no run of precompute was at work")
    real.stop(signal.SIGKILL)
    assert real.now_is(cut_off).status is DagsterRunStatus.STARTED
    real.start()
    real.wait_until(
        lambda: real.now_is(cut_off).status is DagsterRunStatus.FAILURE, "a run without a process looks busy", 60
    )
    real.wait_until(lambda: ended_well_again(real, cut_off), "the run that was cut off was not done again")
    real.wait_until(lambda: all_made(real), "not everything of yesterday and today was made")
    for run, cause in ((killed, "was terminated by signal 9"), (cut_off, "ended without finishing this run")):
        told = ("run failed", str(dates_of(run)[0]), cause)
        real.wait_until(lambda told=told: alerted(webhook, *told), f"no alert with {cause}")
    assert made_twice(real) == []
    assert broken(real) == {}


def test_a_run_that_could_not_be_launched_is_launched_again(real, webhook):
    with real.launching_fails():
        real.at(NEXT_MORNING)
        last_try = {PHASE_TAG: "raw", "dagster/partition": str(TOMORROW), "dagster/retry_number": "2"}
        real.wait_until(
            lambda: [run for run in real.runs(**last_try) if run.status is DagsterRunStatus.FAILURE],
            "Dagster did not try to launch three times",
        )
        refused = real.runs(**{PHASE_TAG: "raw", "dagster/partition": str(TOMORROW)})
        assert sum(real.happened(run, DagsterEventType.STEP_START) for run in refused) == 0
        real.wait_until(lambda: alerted(webhook, str(TOMORROW), "no process could be started"), "no alert")
    real.at(AFTER_THREE_TRIES)
    real.wait_until(lambda: made(real, "raw", TOMORROW), "what could not be launched was not launched again")


def test_a_step_that_finds_the_warehouse_held_is_retried(real):
    run, _ = real.wait_until(lambda: executing(real, "precompute", TOMORROW), "precompute was not at work")
    with real.warehouse_held():
        real.wait_until(lambda: real.happened(run, DagsterEventType.STEP_UP_FOR_RETRY), "no step was to be retried")
    real.wait_until(lambda: real.now_is(run).is_finished, "the run did not end")
    assert real.happened(run, DagsterEventType.STEP_RESTARTED) >= 1
    assert real.now_is(run).status is DagsterRunStatus.SUCCESS


def test_a_run_that_failed_is_done_again_and_its_alert_arrives_when_slack_is_back(real, webhook):
    run, _ = real.wait_until(lambda: executing(real, "predictions", TOMORROW), "predictions were not at work")
    webhook.down = True
    with real.warehouse_held():
        real.wait_until(lambda: real.now_is(run).status is DagsterRunStatus.FAILURE, "the run did not fail")
    about = ("run failed", str(TOMORROW), "player_predictions")
    asked = webhook.asked
    real.wait_until(lambda: webhook.asked > asked + 3, "nobody tried to alert")
    assert not alerted(webhook, *about)
    webhook.down = False
    real.wait_until(lambda: alerted(webhook, *about), "the alert was lost")
    real.at(AFTER_ONE_MORE)
    real.wait_until(lambda: all_made(real), "what failed was not made again")
    same = real.runs(**{INPUTS_TAG: run.tags[INPUTS_TAG], PHASE_TAG: "predictions"})
    assert [other.status for other in same] == [DagsterRunStatus.FAILURE, DagsterRunStatus.SUCCESS]
    assert made_twice(real) == []
    assert broken(real) == {}


def test_a_limit_shorter_than_the_work_ends_in_a_failed_run_and_an_alert(real, webhook):
    real.wait_until(lambda: serves(real), "no UI")
    run_id = launch(real, ["landing", "games"], SLOW, {"dagster/max_runtime": "3"})
    real.wait_until(
        lambda: real.instance.get_run_by_id(run_id).status is DagsterRunStatus.FAILURE, "the run was not ended"
    )
    about = real.wait_until(lambda: [text for text in webhook.taken if f"/runs/{run_id}|" in text], "no alert")
    assert len(about) == 1
    assert "*run failed*" in about[0]
    assert "Exceeded maximum runtime of 3 seconds" in about[0]
    assert f"Not published, wholly or in part for {SLOW}: landing.games\n" in about[0]
