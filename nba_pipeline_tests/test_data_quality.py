"""What is possible but unusual is said: a column that turns null, a default in place of values."""

from datetime import date, timedelta

import pandas as pd
import pytest
from dagster import AssetCheckKey, AssetCheckSeverity, DagsterInstance

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.contracts import Contract
from nba_pipeline.definitions import definitions
from nba_pipeline.monitoring.data_quality import (
    DRIFT_CHECK,
    ENOUGH_DATES,
    NULLS_CHECK,
    daily_figures,
    drifted,
    more_nulls,
)
from nba_pipeline.partitions import PARTITION
from nba_pipeline.predictions import player_predictions
from nba_pipeline.runtime import Runtime
from nba_pipeline_tests.support.warehouse_copy import Copy

SUMMARY, PREDICTIONS = player_game_summary.CONTRACT, player_predictions.CONTRACT
LAST = date(2025, 11, 11)
"""The only date played that has enough dates before it."""


def figures(copy: Copy, table: Contract) -> pd.DataFrame:
    with copy.warehouse.session(read_only=True) as session:
        return daily_figures(session, table)


@pytest.mark.parametrize("table", all_tables(), ids=lambda table: table.name)
def test_an_ordinary_date_is_not_unusual(copy: Copy, table: Contract) -> None:
    days = figures(copy, table)
    assert more_nulls(days, LAST) == []
    assert drifted(days, LAST) == []


def test_a_column_that_turns_null_is_named(copy: Copy) -> None:
    copy.sql(f"UPDATE {SUMMARY.name} SET usage_rate = NULL WHERE game_date = '{LAST}'")
    (said,) = more_nulls(figures(copy, SUMMARY), LAST)
    assert said.startswith("usage_rate is null in 100%")
    assert str(LAST) in said


def test_one_bad_date_does_not_make_the_next_one_look_usual(copy: Copy) -> None:
    copy.sql(
        f"UPDATE {SUMMARY.name} SET usage_rate = NULL WHERE game_date BETWEEN '{LAST - timedelta(1)}' AND '{LAST}'"
    )
    (said,) = more_nulls(figures(copy, SUMMARY), LAST)
    assert said.startswith("usage_rate is null in 100%")


def test_one_value_for_everybody_is_named(copy: Copy) -> None:
    copy.sql(f"UPDATE {PREDICTIONS.name} SET predicted_value = 20 WHERE game_date = '{LAST}'")
    said = " ".join(drifted(figures(copy, PREDICTIONS), LAST))
    assert "predicted_value has a mean of 20" in said


@pytest.mark.parametrize(("before", "unusual"), [(0.0, False), (1.0, True)])
def test_a_column_that_was_nought_so_far_may_begin_to_say_something(before: float, unusual: bool) -> None:
    dates = [LAST - timedelta(n) for n in range(ENOUGH_DATES, -1, -1)]
    means = [*([before] * ENOUGH_DATES), 3.4]
    days = pd.DataFrame({"game_date": dates, "rows": 500, "mean departed_minutes": means})
    assert bool(drifted(days, LAST)) is unusual


def test_too_few_dates_before_say_nothing(copy: Copy) -> None:
    days = figures(copy, SUMMARY)
    early = sorted(days["game_date"])[ENOUGH_DATES - 1]
    copy.sql(f"UPDATE {SUMMARY.name} SET usage_rate = NULL, points = points * 9 WHERE game_date = '{early}'")
    damaged = figures(copy, SUMMARY)
    assert drifted(damaged, early) == more_nulls(damaged, early) == []


def test_the_check_warns_in_dagster_and_names_date_and_column(copy: Copy) -> None:
    copy.sql(f"UPDATE {SUMMARY.name} SET usage_rate = NULL WHERE game_date = '{LAST}'")
    checks = {AssetCheckKey(asset_key(SUMMARY), name) for name in (DRIFT_CHECK, NULLS_CHECK)}
    job = definitions(Runtime(copy.settings)).resolve_implicit_global_asset_job_def()
    with DagsterInstance.ephemeral() as instance:
        result = job.get_subset(asset_selection=set(), asset_check_selection=checks).execute_in_process(
            instance=instance, tags={PARTITION: str(LAST)}, resources=Runtime(copy.settings).resources
        )
    assert result.success, "it warns and does not block"
    found = {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}
    assert found[DRIFT_CHECK].passed
    assert not found[NULLS_CHECK].passed
    assert found[NULLS_CHECK].severity is AssetCheckSeverity.WARN
    assert "usage_rate" in str(found[NULLS_CHECK].metadata["reasons"].value)
    assert str(LAST) in str(found[NULLS_CHECK].metadata["reasons"].value)
