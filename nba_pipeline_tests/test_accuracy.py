"""What `nba-pipeline accuracy` says: scores on identical rows, kept apart where they differ, and how sure they are."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from rich.console import Console

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.cli.prediction_commands import accuracy_table
from nba_pipeline.contracts import Contract
from nba_pipeline.grades import prediction_accuracy
from nba_pipeline.grades.prediction_accuracy import BASELINES
from nba_pipeline.monitoring.outlook import accuracy_of
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse

FIRST, DATES, PLAYERS = date(2025, 11, 1), 20, 30
LAST = FIRST + timedelta(days=DATES - 1)


def append(warehouse: DuckDBWarehouse, table: Contract, rows: pd.DataFrame) -> None:
    with warehouse.session() as session:
        session.ensure(table)
        schema = table.schema.to_pyarrow()
        whole = rows.reindex(columns=schema.names).astype(object)
        session.append(table, pa.Table.from_pandas(whole, schema, preserve_index=False))


@pytest.fixture(scope="module")
def graded() -> pd.DataFrame:
    """Twenty dates on which a system is half a point nearer than the baselines, in two settings."""
    rng = np.random.default_rng(2)
    count = DATES * PLAYERS
    played = np.arange(count) % 10 != 0
    error = np.where(played, rng.uniform(1, 9, count), np.nan)
    rows = pd.DataFrame(
        {
            "game_date": [FIRST + timedelta(days=n // PLAYERS) for n in range(count)],
            "game_id": 1, "player_id": np.arange(count), "stat": "points", "system_id": "ours", "setting": "morning",
            "mode": "backtest", "expected_minutes": np.where(np.arange(count) % 2, 30.0, 10.0), "expected_points": 9.0,
            "played": played, "absolute_error": error, "signed_error": -error, "brier": 0.1, "last_game_brier": 0.2,
            **{f"{name}_absolute_error": error + 0.5 + rng.normal(0, 0.1, count) for name in BASELINES},
        }
    )  # fmt: skip
    rows["in_interval"] = pd.array(np.where(played, error < 7, pd.NA), dtype="boolean")
    better = rows.assign(setting="pre_tip", absolute_error=rows["absolute_error"] - 0.25)
    return pd.concat([rows, better], ignore_index=True)


@pytest.fixture(scope="module")
def warehouse(graded, tmp_path_factory) -> DuckDBWarehouse:
    found = DuckDBWarehouse(tmp_path_factory.mktemp("graded") / "warehouse.duckdb", 5)
    append(found, prediction_accuracy.CONTRACT, graded)
    mine = graded[graded["setting"] == "morning"]
    append(found, player_game_summary.CONTRACT, pd.concat([mine, mine.assign(player_id=mine["player_id"] + 10_000)]))
    return found


def test_the_scores_are_those_of_the_rows_and_the_difference_lies_in_its_interval(warehouse, graded):
    morning, pre_tip = accuracy_of(warehouse, FIRST, LAST)
    assert (morning["setting"], pre_tip["setting"]) == ("morning", "pre_tip")
    mine = graded[(graded["setting"] == "morning") & graded["played"]]
    assert (morning["rows"], morning["void"]) == (len(mine), DATES * PLAYERS - len(mine))
    assert morning["coverage"] == 0.5, "half of those who played were not predicted"
    assert morning["mean_absolute_error"] == pytest.approx(mine["absolute_error"].mean())
    assert morning["bias"] == pytest.approx(mine["signed_error"].mean())
    assert morning["root_mean_squared_error"] == pytest.approx(np.sqrt((mine["signed_error"] ** 2).mean()))
    assert morning["interval_coverage"] == pytest.approx(mine["in_interval"].mean())
    assert (morning["brier"], morning["last_game_brier"]) == (pytest.approx(0.1), pytest.approx(0.2))
    assert morning["ewma_7_difference"] == pytest.approx(-0.5, abs=0.02)
    assert pre_tip["ewma_7_difference"] == pytest.approx(-0.75, abs=0.02)
    for score in (morning, pre_tip):
        assert score["ewma_7_difference_low"] < score["ewma_7_difference"] < score["ewma_7_difference_high"] < 0


def test_one_population_setting_or_date_can_be_asked_for(warehouse, graded):
    (one,) = accuracy_of(warehouse, FIRST, LAST, settings=["pre_tip"], population="rotation")
    wanted = (graded["setting"] == "pre_tip") & graded["played"] & (graded["expected_minutes"] >= 20)
    assert one["rows"] == wanted.sum()
    assert one["coverage"] is None, "who else would have been in the rotation is not known"
    (day,) = accuracy_of(warehouse, FIRST, FIRST, settings=["morning"])
    assert day["ewma_7_difference"] is not None
    assert day["ewma_7_difference_low"] is None, "one date says nothing about how sure it is"
    (stars,) = accuracy_of(warehouse, FIRST, LAST, settings=["morning"], population="stars")
    assert (stars["rows"], stars["mean_absolute_error"], stars["ewma_7_difference"]) == (0, None, None)
    assert accuracy_of(warehouse, FIRST, LAST, stats=["assists"]) == []


def test_nothing_graded_gives_no_scores(tmp_path: Path):
    assert accuracy_of(DuckDBWarehouse(tmp_path / "warehouse.duckdb", 5), FIRST, LAST) == []


def test_people_read_every_figure_and_a_dash_where_there_is_none(warehouse):
    scores = accuracy_of(warehouse, FIRST, LAST) + accuracy_of(warehouse, FIRST, LAST, population="stars")
    console = Console(width=100)
    with console.capture() as capture:
        console.print(accuracy_table(scores, "points"))
    said = capture.get()
    low, high = (f"{scores[0][f'ewma_7_difference_{end}']:+.3f}" for end in ("low", "high"))
    assert f"[{low}, {high}]" in said
    assert f"{scores[1]['mean_absolute_error']:.3f}" in said
    assert " - " in said
