"""Game dates are New York dates of the season, up to tomorrow."""

from datetime import UTC, date, datetime

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nba_pipeline.analytics import upcoming_player_game_context
from nba_pipeline.clock import Clock, game_date_of, season_of
from nba_pipeline.contracts import Phase, Window
from nba_pipeline.definitions import defs
from nba_pipeline.gates import gate_named, last_table
from nba_pipeline.partitions import contiguous, game_date_partitions, game_dates, month_partitions, read_bounds
from nba_pipeline.precompute import player_daily_cache
from nba_pipeline.table_asset import asset_key
from nba_pipeline.tables import all_tables, tables_of


def keys(now: datetime) -> list[str]:
    return list(game_date_partitions(Clock(now)).get_partition_keys())


@pytest.mark.parametrize(
    ("now", "tomorrow"),
    [
        (datetime(2024, 1, 18, 4, 59, tzinfo=UTC), "2024-01-18"),
        (datetime(2024, 1, 18, 5, 1, tzinfo=UTC), "2024-01-19"),
        (datetime(2024, 3, 10, 12, tzinfo=UTC), "2024-03-11"),
        (datetime(2024, 11, 3, 12, tzinfo=UTC), "2024-11-04"),
        (datetime(2031, 1, 18, 12, tzinfo=UTC), "2031-01-19"),
    ],
)
def test_partitions_end_with_tomorrow_in_new_york(now, tomorrow):
    assert keys(now)[-1] == tomorrow


def test_a_time_that_is_moved_in_a_file_has_partitions_up_to_the_fixed_one(tmp_path):
    file = tmp_path / "now"
    file.write_text("2025-10-22T16:00:00+00:00")
    clock = Clock(datetime(2026, 1, 20, 15, tzinfo=UTC), file)
    assert clock.today() == date(2025, 10, 22)
    assert list(game_date_partitions(clock).get_partition_keys())[-1] == "2026-01-21"
    assert list(month_partitions(clock).get_partition_keys())[-1] == "2026-01-01"


def test_daylight_saving_days_are_partitions_like_any_other():
    found = keys(datetime(2024, 12, 1, tzinfo=UTC))
    assert len(found) == len(set(found))
    assert {"2024-03-10", "2024-03-11", "2024-11-03", "2024-11-04"} <= set(found)


def test_the_off_season_has_no_partitions():
    months = {key[5:7] for key in keys(datetime(2024, 12, 1, tzinfo=UTC))}
    assert not {"07", "08", "09"} & months
    assert len(months) == 9


def test_a_late_game_in_the_west_belongs_to_the_evening_it_is_played_on():
    assert game_date_of(datetime(2024, 1, 18, 4, 30, tzinfo=UTC)) == date(2024, 1, 17)
    with pytest.raises(ValueError, match="no UTC offset"):
        game_date_of(datetime(2024, 1, 18, 4, 30))


@given(st.sets(st.dates(date(2022, 1, 1), date(2024, 12, 31)).filter(lambda d: d.month not in (7, 8, 9)), max_size=40))
def test_ranges_cover_exactly_their_dates(days):
    ranges = contiguous(days)
    assert sorted(day for first, last in ranges for day in game_dates(first, last)) == sorted(days)


def test_the_cache_of_a_date_depends_on_the_dates_before_it_and_not_on_its_own():
    read = player_daily_cache.CONTRACT.reads["history"]
    assert read_bounds(read, date(2024, 1, 17), date(2024, 1, 19)) == (date(2022, 10, 1), date(2024, 1, 18))
    graph = defs.resolve_asset_graph()
    upstream = graph.get(asset_key(player_daily_cache.CONTRACT)).partition_mappings[asset_key(read.table)]
    assert isinstance(upstream, dg.TimeWindowPartitionMapping)
    assert upstream.end_offset == -1


@pytest.mark.parametrize("table", all_tables(), ids=lambda table: table.name)
def test_every_table_is_an_asset_with_its_group_kinds_owners_schema_and_checks(table):
    node = defs.resolve_asset_graph().get(asset_key(table))
    assert node.group_name == f"phase_{table.phase.value}_{table.phase.name.lower()}"
    assert node.description == table.description
    assert "duckdb" in node.kinds
    assert node.owners
    schema = node.metadata["dagster/column_schema"]
    assert tuple(column.name for column in schema.columns) == tuple(table.schema.names)
    assert all(column.description for column in schema.columns)
    checks = {check.name for check in node.check_keys}
    always = {"contract", "expected_grid", "distribution_drift", "null_rates", "freshness"}
    always |= {"ledger_chain"} if table.ledger else set()
    assert checks >= always
    assert all(name.startswith("gate_") for name in checks - always)
    windows = {read.window for read in table.reads.values()}
    assert windows <= set(Window)


@pytest.mark.parametrize("table", tables_of(Phase.PRECOMPUTE), ids=lambda table: table.name)
def test_in_a_run_features_come_after_the_contexts_that_their_gate_asks_for(table):
    context = asset_key(last_table(gate_named("analytics_to_precompute"), all_tables()))
    assert context == asset_key(upcoming_player_game_context.CONTRACT)
    assert context in defs.resolve_asset_graph().get_ancestor_asset_keys(asset_key(table))


def test_seasons_turn_over_in_summer():
    assert season_of(date(2024, 6, 20)) == 2023
    assert season_of(date(2024, 10, 22)) == 2024
