"""Game dates are New York dates of the season, up to tomorrow."""

from datetime import UTC, date, datetime, time, timedelta

import dagster as dg
import pytest
from dagster._core.definitions.freshness import CronFreshnessPolicy
from dagster._core.definitions.partitions.snap import PartitionsSnap
from dagster._core.definitions.partitions.subset import TimeWindowPartitionsSubset
from dagster._serdes import deserialize_value, serialize_value
from dagster._utils.schedules import cron_string_iterator
from hypothesis import given
from hypothesis import strategies as st

from nba_pipeline.analytics import upcoming_player_game_context
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import all_tables, table_modules, tables_of
from nba_pipeline.clock import NEW_YORK, Clock, game_date_of, season_of
from nba_pipeline.contracts import Phase, Window
from nba_pipeline.definitions import definitions
from nba_pipeline.gates.deadlines import hours_of
from nba_pipeline.gates.rules import gate_named, last_table
from nba_pipeline.monitoring.smoke_test import out_of_season
from nba_pipeline.partitions import (
    DAILY,
    FIRST_GAME_DATE,
    OFF_SEASON,
    SEASON_DAYS,
    contiguous,
    game_date_partitions,
    game_dates,
    month_partitions,
    partition_mapping,
    played_outside,
    read_bounds,
)
from nba_pipeline.precompute import player_daily_cache
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings


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


REAL_DAYS, REAL_MONTHS = game_date_partitions(Clock()), month_partitions(Clock())
"""Made once, as in a process that lives for years."""


def newest(partitions: dg.TimeWindowPartitionsDefinition, day: date, at: time = time(12)) -> tuple[str | None, ...]:
    """The newest partition at an instant: here, in the processes that are told of it then, and as a list counts."""
    told = PartitionsSnap.from_def
    with dg.partition_loading_context(datetime.combine(day, at, NEW_YORK).astimezone(UTC)):
        elsewhere = told(partitions).get_partitions_definition()
        assert isinstance(elsewhere, dg.TimeWindowPartitionsDefinition)
        return partitions.get_last_partition_key(), elsewhere.get_last_partition_key()


def newest_due(tomorrow: date) -> date:
    """The last day of a season up to tomorrow, counted by hand."""
    return date(tomorrow.year, 6, 30) if tomorrow.month in (7, 8, 9) else tomorrow


@pytest.mark.parametrize("first", [date(2027, 1, 1), date(2028, 1, 1)], ids=["ordinary year", "leap year"])
def test_on_every_day_of_the_year_partitions_end_tomorrow_or_with_the_season(first):
    days = [first + timedelta(days=n) for n in range(366) if (first + timedelta(days=n)).year == first.year]
    found = {day: newest(REAL_DAYS, day) for day in days}
    assert found == {day: (str(newest_due(day + timedelta(days=1))),) * 2 for day in days}


@pytest.mark.parametrize("year", [2027, 2028])
def test_partitions_of_months_end_with_that_of_tomorrow_or_with_june(year):
    days = [date(year, month, day) for month in range(1, 13) for day in (1, 15, 27)]
    days += [date(year, month, 1) - timedelta(days=n) for month in range(2, 13) for n in (1, 2)]
    found = {day: newest(REAL_MONTHS, day) for day in days}
    assert found == {day: (str(newest_due(day + timedelta(days=1)).replace(day=1)),) * 2 for day in days}


@pytest.mark.parametrize(
    ("day", "last"),
    [
        (date(2027, 6, 29), "2027-06-30"), (date(2027, 6, 30), "2027-06-30"), (date(2027, 7, 15), "2027-06-30"),
        (date(2027, 9, 29), "2027-06-30"), (date(2027, 9, 30), "2027-10-01"), (date(2027, 10, 1), "2027-10-02"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("at", [time(0, 0, 1), time(23, 59, 59)], ids=["just begun", "almost over"])
def test_the_newest_partition_changes_at_midnight_in_new_york(day, last, at):
    assert newest(REAL_DAYS, day, at) == (last, last)


@pytest.mark.parametrize(("day", "last"), [(date(2027, 7, 15), "2027-06-30"), (date(2027, 9, 30), "2027-10-01")])
def test_around_the_summer_every_way_of_listing_partitions_ends_alike(day, last):
    at = time(12)
    with dg.partition_loading_context(datetime.combine(day, at, NEW_YORK).astimezone(UTC)) as context:
        listed = REAL_DAYS.get_partition_keys()
        assert listed[-1] == last
        assert REAL_DAYS.get_num_partitions() == len(listed)
        assert REAL_DAYS.get_partition_keys_between_indexes(len(listed) - 1, len(listed) + 9) == [last]
        assert REAL_DAYS.get_paginated_partition_keys(context, 1, ascending=False).results == [last]
    assert list(game_date_partitions(Clock(datetime.combine(day, at, NEW_YORK))).get_partition_keys())[-1] == last


def test_partitions_in_the_summer_survive_what_dagster_writes_down():
    ran = []

    @dg.asset(partitions_def=REAL_DAYS, backfill_policy=dg.BackfillPolicy.single_run())
    def upstream(context: dg.AssetExecutionContext) -> None:
        ran.append(list(context.partition_keys))

    mapping = partition_mapping(player_daily_cache.CONTRACT.reads["history"])

    @dg.asset(
        partitions_def=REAL_DAYS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=[dg.AssetDep(upstream, partition_mapping=mapping)],
    )
    def downstream(context: dg.AssetExecutionContext) -> None:
        ran.append(list(context.partition_keys))

    tags = {"dagster/asset_partition_range_start": "2027-06-29", "dagster/asset_partition_range_end": "2027-06-30"}
    with dg.partition_loading_context(datetime(2027, 7, 15, 16, tzinfo=UTC)), dg.DagsterInstance.ephemeral() as home:
        assert dg.materialize([upstream, downstream], instance=home, tags=tags).success
        assert home.get_materialized_partitions(downstream.key) == {"2027-06-29", "2027-06-30"}
        read = deserialize_value(serialize_value(REAL_DAYS), dg.TimeWindowPartitionsDefinition)
        assert read.cron_schedule == REAL_DAYS.cron_schedule
        subset = REAL_DAYS.subset_with_partition_keys(["2027-06-30"]).to_serializable_subset()
        assert isinstance(subset, TimeWindowPartitionsSubset)
        written = serialize_value(subset)
        assert list(deserialize_value(written, TimeWindowPartitionsSubset).get_partition_keys()) == ["2027-06-30"]
    assert ran == [["2027-06-29", "2027-06-30"]] * 2


PLAIN = dg.TimeWindowPartitionsDefinition(
    start=FIRST_GAME_DATE.isoformat(), fmt="%Y-%m-%d", cron_schedule=DAILY, timezone=str(NEW_YORK),
    exclusions=[OFF_SEASON],
)  # fmt: skip
"""The same partitions, made by Dagster alone."""


@given(st.dates(date(2015, 10, 2), date(2030, 12, 31)), st.sampled_from([time(0), time(2), time(23, 59)]))
def test_the_partitions_around_an_instant_are_those_that_dagster_works_out(day, at):
    instant = datetime.combine(day, at, NEW_YORK)
    for _ in range(2):
        assert REAL_DAYS.get_prev_partition_window(instant, respect_bounds=False) == (
            PLAIN.get_prev_partition_window(instant, respect_bounds=False)
        )
        assert REAL_DAYS.get_next_partition_window(instant, respect_bounds=False) == (
            PLAIN.get_next_partition_window(instant, respect_bounds=False)
        )


def test_a_window_of_seasons_reaches_as_far_as_dagster_would_reach():
    mapping = dg.TimeWindowPartitionMapping(
        start_offset=-2 * SEASON_DAYS, end_offset=-1, allow_nonexistent_upstream_partitions=True
    )
    made = {}
    for name, partitions in (("ours", REAL_DAYS), ("plain", PLAIN)):
        subset = partitions.subset_with_partition_keys(["2024-01-10", "2024-01-11"])
        found = mapping.get_upstream_mapped_partitions_result_for_partitions(subset, partitions, partitions)
        made[name] = list(found.partitions_subset.get_partition_keys())
    assert made["ours"] == made["plain"]
    assert made["ours"][0] == "2022-01-08"


def test_games_outside_of_the_seasons_months_are_named_and_expected_by_nobody():
    assert game_dates(date(2020, 7, 1), date(2020, 9, 30)) == []
    (bubble,) = played_outside(date(2020, 6, 1), date(2020, 8, 15))
    assert bubble.startswith("from 2020-07-22 to 2020-08-15 the league played in Orlando")
    assert played_outside(date(2021, 6, 30), date(2021, 6, 30)) == []
    assert played_outside(date(2023, 7, 1), date(2023, 9, 30)) == []
    assert "from 2021-07-20 to 2021-07-20 the league played" in out_of_season(date(2021, 7, 20), date(2021, 7, 25))[1]


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
    graph = definitions(Runtime(Settings())).resolve_asset_graph()
    upstream = graph.get(asset_key(player_daily_cache.CONTRACT)).partition_mappings[asset_key(read.table)]
    assert isinstance(upstream, dg.TimeWindowPartitionMapping)
    assert upstream.end_offset == -1


@pytest.mark.parametrize("table", all_tables(), ids=lambda table: table.name)
def test_every_table_is_an_asset_with_its_group_kinds_owners_schema_and_checks(table):
    node = definitions(Runtime(Settings())).resolve_asset_graph().get(asset_key(table))
    assert node.group_name == f"phase_{table.phase.value}_{table.phase.name.lower()}"
    assert node.description == table.description
    assert "duckdb" in node.kinds
    assert node.owners
    schema = node.metadata["dagster/column_schema"]
    assert tuple(column.name for column in schema.columns) == tuple(table.schema.names)
    assert all(column.description for column in schema.columns)
    [place] = node.metadata["dagster/code_references"].code_references
    [module] = (module for module in table_modules() if module.CONTRACT is table)
    assert place.file_path == module.__file__
    checks = {check.name for check in node.check_keys}
    always = {"contract", "expected_grid", "distribution_drift", "null_rates", "freshness"}
    always |= {"ledger_chain"} if table.ledger else set()
    assert checks >= always
    assert all(name.startswith("gate_") for name in checks - always)
    windows = {read.window for read in table.reads.values()}
    assert windows <= set(Window)
    policy = node.freshness_policy_or_from_metadata
    assert isinstance(policy, CronFreshnessPolicy)
    assert policy.timezone == "America/New_York"
    ticks = cron_string_iterator(
        datetime(2026, 6, 29, tzinfo=NEW_YORK).timestamp(), policy.deadline_cron, str(NEW_YORK)
    )
    days = [next(ticks) for _ in range(3)]
    assert [(at.month, at.day) for at in days] == [(6, 29), (6, 30), (10, 1)]
    assert {at.time() for at in days} == {hours_of(table).due}


@pytest.mark.parametrize("table", tables_of(Phase.PRECOMPUTE), ids=lambda table: table.name)
def test_in_a_run_features_come_after_the_contexts_that_their_gate_asks_for(table):
    context = asset_key(last_table(gate_named("analytics_to_precompute"), all_tables()))
    assert context == asset_key(upcoming_player_game_context.CONTRACT)
    assert context in definitions(Runtime(Settings())).resolve_asset_graph().get_ancestor_asset_keys(asset_key(table))


def test_seasons_turn_over_in_summer():
    assert season_of(date(2024, 6, 20)) == 2023
    assert season_of(date(2024, 10, 22)) == 2024
