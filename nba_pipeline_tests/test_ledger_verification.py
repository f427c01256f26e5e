"""The ledger of a real pipeline is proven whole, and whoever changes it in the warehouse is found out."""

import json
import shutil
from collections.abc import Callable
from datetime import date, timedelta

import dagster as dg
import pytest
from dagster import AssetCheckKey

from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.cli.ledger_commands import run_ledger_verify
from nba_pipeline.definitions import definitions
from nba_pipeline.monitoring.ledger_verification import LEDGER, LEDGER_CHECK, recorded_heads
from nba_pipeline.monitoring.pipeline_health import health
from nba_pipeline.operations.runs import instance_of
from nba_pipeline.partitions import PARTITION
from nba_pipeline.runtime import Runtime
from nba_pipeline_tests.support.warehouse_copy import Copy
from nba_pipeline_tests.support.workbench import NOW, Workbench

TODAY, TOMORROW = date(2025, 11, 12), date(2025, 11, 13)

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def recorded(copy: Copy, season_start: Workbench) -> Copy:
    """A copy of the three weeks, with what Dagster recorded of them."""
    shutil.copytree(season_start.settings.dagster_home, copy.settings.dagster_home)
    return copy


def forget_last(copy: Copy, day: date) -> None:
    """Takes the end of a chain away, and the manifest's line with it, so that the warehouse says nothing of it."""
    last = f"SELECT max(chain_position) FROM {LEDGER.name} WHERE game_date = '{day}'"
    copy.sql(f"DELETE FROM {LEDGER.name} WHERE game_date = '{day}' AND chain_position = ({last})")
    copy.sql(f"DELETE FROM operations.published_partitions WHERE table_name = '{LEDGER.name}' AND game_date = '{day}'")


def change_made_at(copy: Copy, day: date) -> None:
    where = f"WHERE game_date = '{day}' AND chain_position = 7"
    copy.sql(f"UPDATE {LEDGER.name} SET made_at = made_at - INTERVAL 1 HOUR {where}")


def test_the_ledger_of_an_undisturbed_pipeline_is_whole_and_every_live_row_is_in_it(
    recorded: Copy, capsys: Printed
) -> None:
    assert run_ledger_verify(recorded.settings, None, None, as_json=True) == 0
    said = json.loads(capsys.readouterr().out)["chains"]
    assert {chain["game_date"]: chain["whole"] for chain in said} == {str(TODAY): True, str(TOMORROW): True}
    live = recorded.sql(f"SELECT count(*) FROM {LEDGER.name} WHERE mode = 'live'")[0][0]
    assert sum(chain["live_rows"] for chain in said) == live > 0


@pytest.mark.parametrize(
    ("damage", "told"),
    [(forget_last, "are gone"), (change_made_at, "position 7 (game")],
    ids=["the end is gone with its manifest", "a row was made an hour earlier"],
)
def test_what_is_wrong_is_told_by_date_position_and_key(
    recorded: Copy, capsys: Printed, damage: Callable[[Copy, date], None], told: str
) -> None:
    damage(recorded, TODAY)
    assert run_ledger_verify(recorded.settings, TOMORROW, None, as_json=False) == 0
    assert run_ledger_verify(recorded.settings, None, TODAY, as_json=False) == 1
    said = capsys.readouterr().out
    assert f"{TODAY}, position" in said
    assert told in said
    assert "0 of 1 chains intact" in said


def test_a_chain_that_is_gone_altogether_is_missed(recorded: Copy, capsys: Printed) -> None:
    recorded.sql(f"DROP TABLE {LEDGER.name}")
    assert run_ledger_verify(recorded.settings, None, None, as_json=False) == 1
    assert "0 of 2 chains intact" in capsys.readouterr().out


def test_without_a_warehouse_or_an_event_log_nothing_is_proven(copy: Copy) -> None:
    assert run_ledger_verify(copy.settings, None, None, as_json=False) == 2
    nowhere = copy.settings.model_copy(update={"home": copy.settings.home / "nowhere"})
    assert run_ledger_verify(nowhere, None, None, as_json=False) == 2
    assert not nowhere.home.exists()


def test_a_broken_chain_fails_its_check_for_its_date_and_is_a_problem_of_health(recorded: Copy) -> None:
    change_made_at(recorded, TODAY)
    key = AssetCheckKey(asset_key(LEDGER), LEDGER_CHECK)
    job = definitions(Runtime(recorded.settings)).resolve_implicit_global_asset_job_def()
    job = job.get_subset(asset_selection=set(), asset_check_selection={key})
    with instance_of(recorded.settings) as instance:
        found = {}
        for day in (TODAY, TOMORROW):
            result = job.execute_in_process(instance=instance, tags={PARTITION: str(day)})
            assert result.success, "it blocks nothing"
            [found[day]] = result.get_asset_check_evaluations()
        report = health(recorded.gatekeeper(), instance, TODAY)
    assert found[TOMORROW].passed
    assert not found[TODAY].passed
    assert found[TODAY].severity is dg.AssetCheckSeverity.ERROR, "a warning would not alert as a failure"
    assert "position 7" in str(found[TODAY].metadata["reasons"].value)
    [said] = [problem for problem in report.problems if "ledger" in problem]
    assert f"nba-pipeline ledger verify --from {TODAY} --to {TODAY}" in said


def test_every_publication_records_the_head_of_its_date(recorded: Copy) -> None:
    lengths = dict(
        recorded.sql(f"SELECT game_date, max(chain_position) FROM {LEDGER.name} WHERE mode = 'live' GROUP BY 1")
    )
    with instance_of(recorded.settings) as instance:
        heads = recorded_heads(instance)
        assert {day: max(head.length for head in found) for day, found in heads.items()} == lengths
        before = len(heads[TODAY])
        assert recorded.run(LEDGER, TODAY - timedelta(days=1), TOMORROW).success
        again = recorded_heads(instance, [TODAY])[TODAY]
    assert len(again) == before + 1
    assert {head.row_hash for head in again} == {heads[TODAY][0].row_hash}, "the same again is no news"
    assert NOW.date() == TODAY


def test_a_date_that_is_made_again_after_its_games_keeps_its_live_rows_and_gets_no_backtests(recorded: Copy) -> None:
    rows = f"SELECT * FROM {LEDGER.name} WHERE game_date = '{TODAY}' ORDER BY chain_position"
    before = recorded.sql(rows)
    recorded.settings = recorded.settings.model_copy(update={"now": NOW + timedelta(days=1)})
    recorded.sql(f"UPDATE precompute.ml_feature_store SET points_prior = 1.5 WHERE game_date = '{TODAY}'")
    assert recorded.run(LEDGER, TODAY, TODAY).success
    assert recorded.sql(rows) == before
    assert run_ledger_verify(recorded.settings, TODAY, TODAY, as_json=False) == 0
