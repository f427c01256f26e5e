"""The jobs: Dagster's Runs page says what ran, and a person finds there what can be run."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from nba_pipeline.analytics.player_game_summary import CONTRACT as SUMMARY
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.automation.jobs import (
    DAILY_ANALYTICS,
    LANDING_CLEAN_UP,
    WORK_TAG,
    Job,
    Work,
    job_of,
    jobs_in,
    jobs_of,
)
from nba_pipeline.automation.launches import PHASE_TAG, Launch, Launches
from nba_pipeline.automation.planning import FED_PHASES, landing_key
from nba_pipeline.clock import Clock
from nba_pipeline.contracts import Phase
from nba_pipeline.definitions import definitions
from nba_pipeline.partitions import PARTITION, RANGE_END, RANGE_START, dates_of, game_date_partitions, to_key
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings
from nba_pipeline_tests.support.loaded_season import CORRECTED_GAME, LOADED_AT, lose
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon

PAGE = Path(__file__).parents[2] / "docs" / "automation.md"

NOT_STARTED = dg.DagsterRunStatus.NOT_STARTED

NOW = datetime(2026, 1, 20, 17, tzinfo=UTC)
TODAY = NOW.date()
YESTERDAY, TOMORROW, LAST_WEEK = TODAY - timedelta(days=1), TODAY + timedelta(days=1), TODAY - timedelta(days=7)

SETTINGS = Settings(now=NOW, landing_keep_days=30, lines="on")
JOBS = jobs_in(SETTINGS)


@pytest.fixture(scope="module")
def repository() -> dg.RepositoryDefinition:
    return definitions(Runtime(SETTINGS)).get_repository_def()


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_job_says_what_it_does_and_its_runs_what_kind_of_work_they_are(
    repository: dg.RepositoryDefinition, job: Job
) -> None:
    found = repository.get_job(job.name)
    assert found.description == job.description
    assert job.description.endswith(".")
    assert found.tags[WORK_TAG] == found.run_tags[WORK_TAG] == job.work
    assert set(found.asset_layer.executable_asset_keys) == set(job.keys)


@pytest.mark.parametrize("job", [j for j in JOBS if j.work in (Work.SOURCE, Work.TABLES)], ids=lambda job: job.name)
def test_one_run_of_a_job_can_be_about_a_range_of_game_dates(repository: dg.RepositoryDefinition, job: Job) -> None:
    found = repository.get_job(job.name)
    assert found.partitions_def == game_date_partitions(Clock(NOW))
    assert found.backfill_policy == dg.BackfillPolicy.single_run()


def test_a_run_of_a_job_steps_through_the_same_assets_and_checks_as_one_of_all(
    repository: dg.RepositoryDefinition,
) -> None:
    everything = definitions(Runtime(SETTINGS)).resolve_implicit_global_asset_job_def()
    for job in JOBS:
        mine, of_all = (
            each.get_subset(asset_selection=set(job.keys)) for each in (repository.get_job(job.name), everything)
        )
        assert {node.name for node in mine.nodes} == {node.name for node in of_all.nodes}, job.name


def test_every_table_can_be_made_by_a_daily_job_and_by_one_of_the_past() -> None:
    for table in all_tables():
        for job in jobs_of(table.phase):
            assert asset_key(table) in job.keys, (table.name, job.name)
            assert table.landed is None or landing_key(table) in job.keys or job.work is not Work.TABLES


def test_the_docs_say_of_every_job_what_it_does() -> None:
    section = PAGE.read_text("utf-8").partition("## Jobs\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", section, re.MULTILINE)
    assert dict(rows) == {job.name: job.description for job in JOBS}


def test_the_clean_up_is_a_job_only_where_a_setting_asks_for_it() -> None:
    assert LANDING_CLEAN_UP in JOBS
    assert LANDING_CLEAN_UP not in jobs_in(Settings(now=NOW))


def test_every_schedule_launches_runs_of_a_named_job(repository: dg.RepositoryDefinition) -> None:
    named = {job.name for job in JOBS}
    assert {schedule.name for schedule in repository.schedule_defs if schedule.job_name not in named} == set()


def test_what_dagster_loads_has_no_job_without_a_name_but_the_one_of_all_assets(
    repository: dg.RepositoryDefinition,
) -> None:
    assert {job.name for job in repository.get_all_jobs()} - {job.name for job in JOBS} == {"__ASSET_JOB"}


@pytest.mark.parametrize(
    ("phase", "first", "last", "name"),
    [
        (Phase.RAW, YESTERDAY, YESTERDAY, "raw_tables"),
        (Phase.RAW, LAST_WEEK, LAST_WEEK, "history_update"),
        (Phase.ANALYTICS, YESTERDAY, TODAY, "daily_analytics"),
        (Phase.ANALYTICS, TOMORROW, TOMORROW, "daily_analytics"),
        (Phase.PRECOMPUTE, TODAY, TODAY, "overnight_precompute"),
        (Phase.PRECOMPUTE, LAST_WEEK, TODAY, "overnight_precompute"),
        (Phase.PRECOMPUTE, TOMORROW, TOMORROW, "tomorrow_precompute"),
        (Phase.PRECOMPUTE, LAST_WEEK, LAST_WEEK, "history_update"),
        (Phase.PREDICTIONS, TODAY, TODAY, "same_day_predictions"),
        (Phase.PREDICTIONS, TOMORROW, TOMORROW, "tomorrow_predictions"),
        (Phase.GRADES, YESTERDAY, YESTERDAY, "grading"),
        (Phase.GRADES, LAST_WEEK, LAST_WEEK, "regrade"),
    ],
)  # fmt: skip
def test_a_launch_is_named_by_its_phase_and_by_when_its_dates_are(
    phase: Phase, first: date, last: date, name: str
) -> None:
    inputs = {first + timedelta(days=n): "a" for n in range((last - first).days + 1)}
    request = Launch(phase, (), inputs).request("anyone", NOW)
    assert request.job_name == name
    assert request.tags.get(RANGE_END, request.partition_key) == str(last)
    assert job_of(phase, first, last, TODAY) in jobs_of(phase)


@pytest.mark.parametrize("phase", FED_PHASES, ids=lambda phase: phase.name.lower())
def test_sensors_and_self_heal_may_launch_every_job_that_their_phase_can_need(
    repository: dg.RepositoryDefinition, phase: Phase
) -> None:
    for sensor in (f"{phase.name.lower()}_when_upstream_is_fresh", "self_heal"):
        targets = {target.job_name for target in repository.get_sensor_def(sensor).targets}
        assert targets >= {job.name for job in jobs_of(phase)}


def test_a_run_of_a_whole_job_is_under_way_for_the_assets_of_the_job_alone(repository: dg.RepositoryDefinition) -> None:
    others = [key for table in all_tables() if (key := asset_key(table)) not in DAILY_ANALYTICS.keys]
    with dg.DagsterInstance.ephemeral() as instance:
        whole = repository.get_job(DAILY_ANALYTICS.name)
        instance.create_run_for_job(whole, tags={PARTITION: to_key(TODAY)}, status=dg.DagsterRunStatus.STARTED)
        launches = Launches(instance)
        assert all(launches.under_way([key], TODAY) for key in DAILY_ANALYTICS.keys)
        assert not launches.under_way(DAILY_ANALYTICS.keys, YESTERDAY)
        assert not launches.under_way(others, TODAY), "it makes none of them, so they wait for nothing"


def test_a_run_that_has_no_plan_yet_may_make_every_asset_of_its_date() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_run(
            dg.DagsterRun(job_name="any", run_id="any", tags={PARTITION: to_key(TODAY)}, status=NOT_STARTED)
        )
        assert Launches(instance).under_way([asset_key(SUMMARY)], TODAY)


def test_a_run_that_is_just_being_made_may_make_every_asset_of_its_date(repository: dg.RepositoryDefinition) -> None:
    others = [key for table in all_tables() if (key := asset_key(table)) not in DAILY_ANALYTICS.keys]
    with dg.DagsterInstance.ephemeral() as instance:
        whole = repository.get_job(DAILY_ANALYTICS.name)
        instance.create_run_for_job(whole, tags={PARTITION: to_key(TODAY)}, status=NOT_STARTED)
        assert Launches(instance).under_way(others, TODAY), "Dagster notes its plan one asset after the other"


def test_the_runs_page_says_what_ran(loaded: Callable[..., SimulatedDaemon]) -> None:
    daemon = loaded()
    assert {run.job_name for run in daemon.instance.get_runs()} == {"season_backfill", "tonights_file"}
    lose(daemon, SUMMARY, CORRECTED_GAME)
    healed = daemon.tick_sensor("self_heal").runs
    assert {(run.job_name, run.tags[PHASE_TAG]) for run in healed} == {("history_update", "analytics")}
    asked = daemon.tick_schedule("same_day_injuries", LOADED_AT).runs
    assert [(run.job_name, run.tags[WORK_TAG]) for run in asked] == [("injury_reports", "source")]
    again = daemon.tick_schedule("last_14_days_again", LOADED_AT).runs
    assert [(run.job_name, RANGE_START in run.tags, len(dates_of(run)) > 1) for run in again] == [
        ("box_score_corrections", True, True)
    ]  # fmt: skip
    lose(daemon, SUMMARY, LOADED_AT.date() - timedelta(days=1))
    made = daemon.tick_schedule("yesterday_analytics", LOADED_AT).runs
    assert [(run.job_name, run.is_success) for run in made] == [("daily_analytics", True)]
