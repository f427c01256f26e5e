"""What other code made is made again by self-heal, from what is landed; it says so once, and once that it is done."""

import duckdb
import pytest
from dagster import AssetCheckEvaluation, DagsterEventType

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.automation import planning, self_heal
from nba_pipeline.contracts import Contract
from nba_pipeline.gates.alert_metadata import ALERT_KIND_METADATA, EFFECT_METADATA, AlertKind
from nba_pipeline.monitoring.code_changes import CODE_CHECK
from nba_pipeline.raw import games, players
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon

SUMMARY, PLAYERS, GAMES = player_game_summary.CONTRACT, players.CONTRACT, games.CONTRACT


def age(daemon: SimulatedDaemon, table: Contract) -> None:
    """Makes the manifest say that other code made the table."""
    with duckdb.connect(str(daemon.settings.warehouse_path)) as connection:
        statement = "UPDATE operations.published_partitions SET code_version = 'older' WHERE table_name = ?"
        connection.execute(statement, [table.name])


def said(daemon: SimulatedDaemon) -> list[AssetCheckEvaluation]:
    """The evaluations of the check, the oldest first."""
    kind = DagsterEventType.ASSET_CHECK_EVALUATION
    entries = daemon.instance.event_log_storage.get_logs_for_all_runs_by_log_id(0, kind, 100_000).values()
    found = [entry.dagster_event.asset_check_evaluation_data for entry in entries if entry.dagster_event]
    return [evaluation for evaluation in found if evaluation.check_name == CODE_CHECK]


@pytest.mark.parametrize("table", [PLAYERS, GAMES, SUMMARY], ids=lambda table: table.name)
def test_outdated_rows_are_made_again_from_the_landing_and_said_once(loaded, table):
    daemon = loaded()
    age(daemon, table)
    asked = len(daemon.server.requests)
    healed = daemon.tick_sensor("self_heal")
    assert healed.error is None
    made = {key for run in healed.runs for key in run.asset_selection or ()}
    assert asset_key(table) in made
    assert {key.path[0] for key in made} == {table.schema_name}, "nothing is landed"
    assert not daemon.tick_sensor("self_heal").runs
    assert len(daemon.server.requests) == asked
    changed, good = said(daemon)
    assert (changed.passed, good.passed) == (False, True)
    assert changed.metadata[ALERT_KIND_METADATA].value == AlertKind.CODE_CHANGED
    effect = str(changed.metadata[EFFECT_METADATA].value)
    assert "are made again, about" in effect
    assert "The predictions due at" in effect


def test_a_process_with_code_that_is_not_on_the_disk_any_more_makes_nothing_again_and_says_why(loaded, monkeypatch):
    daemon = loaded()
    age(daemon, SUMMARY)
    for module in (self_heal, planning):
        monkeypatch.setattr(module, "sources_have_changed", lambda: True)
    healed = daemon.tick_sensor("self_heal")
    assert not healed.runs
    assert "reload the code location" in str(healed.error.__cause__ or healed.error)
