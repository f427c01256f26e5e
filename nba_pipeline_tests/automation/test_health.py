"""The health report says well only where it is well, and every problem as a sentence that names its date."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from dagster import DagsterInstance
from dagster._daemon.types import DaemonHeartbeat

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.cli.health_commands import run_health
from nba_pipeline.clock import Clock
from nba_pipeline.contracts import Phase
from nba_pipeline.gates.accuracy_tripwire import RECENT, TRIPWIRE
from nba_pipeline.gates.alert_metadata import AlertKind
from nba_pipeline.gates.deadlines import due
from nba_pipeline.gates.evidence import Override
from nba_pipeline.gates.overrides import known_gap, record_override
from nba_pipeline.gates.verdicts import State as GateState
from nba_pipeline.gates.verdicts import Verdict
from nba_pipeline.landing.assets import LANDED_GAMES
from nba_pipeline.monitoring.orphans import PROCESS_TAG
from nba_pipeline.monitoring.pipeline_health import (
    HEALTH_CHECK,
    LONGEST_SILENCE,
    PIPELINE_HEALTH_KEY,
    Health,
    health,
)
from nba_pipeline.monitoring.smoke_test import DateState, cause_of_closing, smoke_test
from nba_pipeline.partitions import PARTITION, game_dates, to_key
from nba_pipeline.precompute import player_daily_cache
from nba_pipeline.predictions import player_predictions
from nba_pipeline.settings import Settings
from nba_pipeline.warehouse.operations_tables import PUBLISHED_PARTITIONS
from nba_pipeline_tests.support.loaded_season import CORRECTED_GAME, LOADED_AT, lose
from nba_pipeline_tests.support.named_command import named_command
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon
from nba_pipeline_tests.support.workbench import OPENING

Loaded = Callable[..., SimulatedDaemon]

YESTERDAY = LOADED_AT.date() - timedelta(days=1)


def found(daemon: SimulatedDaemon) -> Health:
    return health(daemon.gatekeeper, daemon.instance, YESTERDAY)


def sign_of_life(instance: DagsterInstance, ago: timedelta) -> None:
    """What Dagster's daemons write every half minute."""
    for daemon_type in instance.get_required_daemon_types():
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - ago.total_seconds(), daemon_type, "it", None))


def test_a_home_in_which_all_is_there_is_well(loaded: Loaded) -> None:
    report = found(loaded())
    assert report.healthy, report.problems
    assert report.score == 100
    assert report.due == report.complete > 0


def test_a_missing_date_is_a_problem_with_its_table_and_closes_the_gates_behind_it(loaded: Loaded) -> None:
    daemon = loaded()
    lose(daemon, player_game_summary.CONTRACT, CORRECTED_GAME)
    report = found(daemon)
    assert report.complete < report.due
    assert report.closed_gates > 0
    told = " ".join(report.problems)
    assert f"{player_game_summary.CONTRACT.name} was never published for {CORRECTED_GAME}" in told
    assert "the gate analytics_to_precompute is closed" in told


def test_the_report_on_yesterday_sees_what_is_due_today(loaded: Loaded) -> None:
    daemon = loaded()
    today = LOADED_AT.date()
    lose(daemon, player_daily_cache.CONTRACT, today)
    daemon.at(due(player_daily_cache.CONTRACT, today) - timedelta(seconds=1))
    assert found(daemon).healthy, "not due yet"
    daemon.at(due(player_daily_cache.CONTRACT, today))
    told = " ".join(found(daemon).problems)
    assert f"{player_daily_cache.CONTRACT.name} was never published for {today}" in told
    daemon.at(due(player_predictions.CONTRACT, today))
    assert f"the gate precompute_to_predictions is closed for {today}" in " ".join(found(daemon).problems)


def without_games(daemon: SimulatedDaemon, day: date) -> None:
    """Makes the warehouse look as after a source that answers, and knows of nothing on a date."""
    with duckdb.connect(str(daemon.settings.warehouse_path)) as connection:
        for table in all_tables():
            connection.execute(f"DELETE FROM {table.name} WHERE game_date = ?", [day])
        manifest = f"UPDATE {PUBLISHED_PARTITIONS.name} SET row_count = 0 WHERE game_date = ?"
        connection.execute(manifest, [day])


def test_a_date_without_games_in_mid_season_is_a_problem_until_a_person_says_the_league_rests(
    loaded: Loaded,
) -> None:
    daemon = loaded()
    dates = [YESTERDAY, LOADED_AT.date()]
    for day in dates:
        without_games(daemon, day)
    told = [problem for problem in found(daemon).problems if "knows of no games" in problem]
    assert [str(day) in problem for day, problem in zip(dates, told, strict=True)] == [True, True]
    clock = Clock.from_settings(daemon.settings)
    record_override(daemon.warehouse, clock, known_gap(YESTERDAY, "Ann", "All-Star break"))
    (left,) = [problem for problem in found(daemon).problems if "knows of no games" in problem]
    assert f"on {LOADED_AT.date()}" in left


def test_a_date_without_games_before_a_season_or_long_after_its_last_game_is_no_problem(loaded: Loaded) -> None:
    daemon = loaded()
    before = OPENING - timedelta(days=1)
    report = health(daemon.gatekeeper, daemon.instance, before)
    assert not [problem for problem in report.problems if f"no games on {before}" in problem]
    for day in game_dates(OPENING, LOADED_AT.date() - timedelta(days=1)):
        without_games(daemon, day)
    with duckdb.connect(str(daemon.settings.warehouse_path)) as connection:
        connection.execute("UPDATE raw.games SET game_date = game_date - 10")
    without_games(daemon, LOADED_AT.date())
    assert not [problem for problem in found(daemon).problems if "knows of no games" in problem]


def test_a_morning_with_problems_alerts_and_one_without_does_not(loaded: Loaded) -> None:
    daemon = loaded()
    alerts = []
    for lost in (False, True):
        if lost:
            lose(daemon, player_daily_cache.CONTRACT, LOADED_AT.date())
        run = daemon.launch(dg.RunRequest(partition_key=str(YESTERDAY), asset_selection=[PIPELINE_HEALTH_KEY]), "test")
        assert run is not None
        assert run.status is dg.DagsterRunStatus.SUCCESS
        daemon.tick_sensor("alerts")
        alerts.append([alert for alert in daemon.alerts() if HEALTH_CHECK in alert["what"]])
    assert alerts[0] == []
    (alert,) = alerts[1]
    assert alert["kind"] == AlertKind.CHECK_FAILED
    assert f"{player_daily_cache.CONTRACT.name} was never published for {LOADED_AT.date()}" in alert["what"]
    assert alert["mend"] == "nba-pipeline health"


def test_a_recorded_known_gap_is_no_problem_any_more(loaded: Loaded) -> None:
    daemon = loaded()
    lose(daemon, player_daily_cache.CONTRACT, CORRECTED_GAME)
    clock = Clock.from_settings(daemon.settings)
    record_override(daemon.warehouse, clock, known_gap(CORRECTED_GAME, "Ann", "the source lost it"))
    report = found(daemon)
    assert report.healthy, report.problems
    assert "the source lost it" in " ".join(report.overrides)
    (tested,) = smoke_test(daemon.gatekeeper, CORRECTED_GAME, CORRECTED_GAME)
    assert tested.phase(Phase.RAW) is DateState.PASS
    assert tested.overall is not DateState.FAIL
    notes = [result.reasons for result in tested.tables if result.table is player_daily_cache.CONTRACT]
    assert "the source lost it" in str(notes)


def test_a_daemon_that_went_silent_is_a_problem_and_one_that_lives_or_never_was_is_none(loaded: Loaded) -> None:
    daemon = loaded()
    assert found(daemon).healthy, "commands alone need no daemon"
    sign_of_life(daemon.instance, timedelta(seconds=40))
    assert found(daemon).healthy
    sign_of_life(daemon.instance, LONGEST_SILENCE + timedelta(seconds=1))
    (problem,) = found(daemon).problems
    assert "last sign of life" in problem
    assert "nba-pipeline ui" in problem


def process_that_died(daemon: SimulatedDaemon, *keys: dg.AssetKey, day: date) -> None:
    """A run that a command had begun when it was killed."""
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    tags = {PROCESS_TAG: f"{socket.gethostname()}:{gone.pid}", PARTITION: to_key(day)}
    begun = dg.DagsterRunStatus.STARTED
    daemon.instance.create_run_for_job(daemon.job, tags=tags, status=begun, asset_selection=frozenset(keys))


def test_every_problem_of_every_kind_ends_in_a_command_that_can_be_typed(loaded: Loaded) -> None:
    daemon = loaded()
    lose(daemon, player_game_summary.CONTRACT, CORRECTED_GAME)
    with duckdb.connect(str(daemon.settings.warehouse_path)) as connection:
        made = f"UPDATE {PUBLISHED_PARTITIONS.name} SET inputs = 'other' WHERE game_date = ?"
        connection.execute(f"{made} AND table_name = 'raw.players'", [CORRECTED_GAME])
        earlier = f"UPDATE {player_predictions.CONTRACT.name} SET made_at = made_at - INTERVAL 1 HOUR"
        connection.execute(f"{earlier} WHERE chain_position = 7")
    without_games(daemon, YESTERDAY)
    sign_of_life(daemon.instance, LONGEST_SILENCE + timedelta(seconds=1))
    process_that_died(daemon, asset_key(player_game_summary.CONTRACT), day=CORRECTED_GAME)
    kinds = {
        "last sign of life": "ui",
        "was killed": "backfill",
        "was never published": "backfill",
        "made before what it is made from changed": "backfill",
        "the ledger is broken": "ledger",
        "the gate": "backfill",
        "knows of no games": "gate",
    }
    problems = found(daemon).problems
    for kind, command in kinds.items():
        assert command in {named_command(problem)[0] for problem in problems if kind in problem}, kind
    assert all(any(kind in problem for kind in kinds) for problem in problems), "kinds that nobody named"


def test_a_killed_run_whose_dates_are_complete_and_current_is_no_problem(loaded: Loaded) -> None:
    daemon = loaded()
    process_that_died(daemon, asset_key(player_daily_cache.CONTRACT), LANDED_GAMES, day=CORRECTED_GAME)
    assert found(daemon).healthy
    lose(daemon, player_daily_cache.CONTRACT, CORRECTED_GAME)
    assert "was killed" in " ".join(found(daemon).problems)


def test_two_weeks_of_which_nothing_was_loaded_are_one_problem_and_not_well(loaded: Loaded) -> None:
    daemon = loaded()
    late = LOADED_AT.date() + timedelta(days=30)
    daemon.at(LOADED_AT + timedelta(days=31))
    report = health(daemon.gatekeeper, daemon.instance, late)
    (problem,) = report.problems
    first = late - timedelta(days=14)
    assert problem.startswith(f"nothing was loaded of the game dates from {first} to {late + timedelta(days=1)}")
    assert named_command(problem) == ["backfill", "--from", str(first), "--to", str(late + timedelta(days=1))]


def test_rows_made_of_what_has_changed_since_are_a_problem(loaded: Loaded) -> None:
    daemon = loaded()
    with duckdb.connect(str(daemon.settings.warehouse_path)) as connection:
        made = f"UPDATE {PUBLISHED_PARTITIONS.name} SET inputs = 'other' WHERE table_name = ? AND game_date = ?"
        connection.execute(made, [player_daily_cache.CONTRACT.name, CORRECTED_GAME])
    report = found(daemon)
    assert report.stale == 1
    (problem,) = [p for p in report.problems if not p.startswith("the gate")]
    assert problem.startswith(f"{player_daily_cache.CONTRACT.name} on {CORRECTED_GAME} was made before")


def test_a_suspicion_of_the_tripwire_ends_in_the_command_that_shows_the_errors() -> None:
    suspicion = f"{TRIPWIRE}: ensemble is too good to be true. Look for a leak first"
    cause = cause_of_closing(Verdict("predictions_to_grades", YESTERDAY, GateState.CLOSED, (suspicion,)))
    assert named_command(str(cause)) == ["accuracy", "--from", str(YESTERDAY - RECENT), "--to", str(YESTERDAY)]


def test_a_home_that_was_never_loaded_is_not_called_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_health(Settings(home=tmp_path), None, as_json=False) == 2
    assert "There is no warehouse at" in capsys.readouterr().err


def test_the_command_lists_problems_and_overrides_and_its_exit_code_says_the_same(
    loaded: Loaded, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = loaded()
    settings = daemon.settings.model_copy(update={"home": daemon.home})
    assert run_health(settings, YESTERDAY, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == []
    until = (daemon.now + timedelta(hours=3)).replace(tzinfo=None)
    record_override(
        daemon.warehouse, Clock.from_settings(settings),
        Override("analytics_to_precompute", YESTERDAY, "Ann", "known and harmless", until),
    )  # fmt: skip
    lose(daemon, player_game_summary.CONTRACT, CORRECTED_GAME)
    assert run_health(settings, YESTERDAY, as_json=False) == 1
    said = capsys.readouterr().out
    assert str(CORRECTED_GAME) in said
    assert "Ann" in said
    assert "known and harmless" in said
