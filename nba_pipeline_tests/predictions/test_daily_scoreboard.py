"""The scoreboard says of every date what the grades say, in any order and any range."""

import re
from base64 import b64decode
from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest

from nba_pipeline.grades import daily_scoreboard as board
from nba_pipeline.grades import prediction_accuracy
from nba_pipeline.grades.calculations.scoreboard_report import scoreboard_report
from nba_pipeline.grades.prediction_accuracy import BASELINES
from nba_pipeline.partitions import read_bounds
from nba_pipeline_tests.support.grading import run

FIRST = date(2025, 11, 1)
DAYS = [FIRST + timedelta(days=n) for n in (0, 1, 2, 5, 29, 30, 31, 45)]
TODAY, TOMORROW = date(2025, 11, 12), date(2025, 11, 13)
ORDER = list(board.CONTRACT.grain)


def grades(seed: int = 5, rows: int = 600) -> pd.DataFrame:
    """Grades of two statistics by two systems, a tenth of them void, a third with a line."""
    rng = np.random.default_rng(seed)
    played = rng.random(rows) > 0.1
    actual = np.where(played, rng.integers(0, 40, rows), np.nan)
    value, line = rng.uniform(0, 30, rows).round(4), np.where(rng.random(rows) < 0.3, 20.0, np.nan)
    known = pd.DataFrame(
        {
            "game_date": rng.choice(np.array(DAYS, dtype=object), rows),
            "stat": rng.choice(["points", "assists"], rows), "system_id": rng.choice(["ours", "theirs"], rows),
            "setting": "morning", "mode": "backtest",
            "game_id": 1, "player_id": np.arange(rows), "predicted_value": value, "played": played,
            "expected_minutes": rng.choice([np.nan, 12.0, 20.0, 33.0], rows),
            "expected_points": rng.choice([np.nan, 5.0, 20.0], rows),
            "actual_value": actual, "absolute_error": np.abs(value - actual), "signed_error": value - actual,
            "line": line, "over_probability": np.where(np.isnan(line), np.nan, rng.random(rows)),
            "brier": rng.random(rows), "last_game_brier": rng.integers(0, 2, rows).astype(float),
        }
    )  # fmt: skip
    undecided = np.isnan(line) | np.isnan(actual) | (line == actual)
    known["in_interval"] = pd.array(np.abs(value - actual) < 8, dtype="boolean")
    known.loc[~played, "in_interval"] = pd.NA
    known["went_over"] = pd.array(actual > line, dtype="boolean")
    known.loc[undecided, "went_over"] = pd.NA
    for name in BASELINES:
        known[f"{name}_absolute_error"] = np.where(played, rng.uniform(0, 20, rows), np.nan)
    return known


def table(rows: pd.DataFrame) -> ibis.Table:
    """The grades as the table that the scoreboard reads; columns that it does not read are null."""
    schema = prediction_accuracy.CONTRACT.schema
    whole = rows.reindex(columns=schema.names).astype(object)
    return ibis.memtable(whole.where(whole.notna(), None).to_dict("records"), schema=schema)


def scoreboard(rows: pd.DataFrame) -> pd.DataFrame:
    return (
        run(board.daily_scoreboard(table(rows)))
        .sort_values(ORDER)
        .reset_index(drop=True)[list(board.CONTRACT.schema.names)]
    )


@pytest.fixture(scope="module")
def graded() -> pd.DataFrame:
    return grades()


@pytest.fixture(scope="module")
def scored(graded) -> pd.DataFrame:
    return scoreboard(graded)


def of_population(rows: pd.DataFrame, population: str) -> pd.DataFrame:
    wanted = {"all": True, "rotation": rows["expected_minutes"] >= 20, "stars": rows["expected_points"] >= 20}
    return rows[wanted[population]] if population != "all" else rows


def test_every_score_is_what_pandas_makes_of_the_rows_of_its_window(graded, scored):
    assert set(scored["days"]) == {1, 30}
    for row in scored.itertuples():
        window = graded[
            (graded["game_date"] <= row.game_date) & (graded["game_date"] > row.game_date - timedelta(days=row.days))
        ]
        mine = of_population(
            window[(window["stat"] == row.stat) & (window["system_id"] == row.system_id)], row.population
        )
        played, decided = mine[mine["played"]], mine[mine["went_over"].notna()]
        assert (row.predictions, row.rows, row.lines) == (len(mine), len(played), len(decided))
        assert row.dates == mine["game_date"].nunique()
        over = (decided["over_probability"] - decided["went_over"].astype(float)) ** 2
        wanted = {
            "bias": played["signed_error"].mean(), "mean_absolute_error": played["absolute_error"].mean(),
            "root_mean_squared_error": np.sqrt((played["signed_error"] ** 2).mean()),
            "interval_coverage": played["in_interval"].astype(float).mean(), "brier": mine["brier"].mean(),
            "last_game_brier": mine["last_game_brier"].mean(), "over_brier": over.mean(),
            **{f"{name}_mean_absolute_error": played[f"{name}_absolute_error"].mean() for name in BASELINES},
        }  # fmt: skip
        for name, value in wanted.items():
            assert getattr(row, name) == pytest.approx(value, abs=1e-8, nan_ok=True), name


def test_a_range_gives_what_single_dates_give(graded, scored):
    for day in DAYS:
        seen = graded[(graded["game_date"] <= day) & (graded["game_date"] > day - timedelta(days=board.MONTH))]
        alone = scoreboard(seen.sample(frac=1, random_state=3))
        alone = alone[alone["game_date"] == day].reset_index(drop=True)
        together = scored[scored["game_date"] == day].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, together, check_exact=True)


def test_a_void_counts_for_the_chance_of_playing_and_for_no_error(graded, scored):
    without = scoreboard(graded[graded["played"]])
    keys = ["game_date", "days", "stat", "system_id", "population"]
    both = scored.merge(without, on=keys, suffixes=("", "_without"))
    pd.testing.assert_series_equal(both["mean_absolute_error"], both["mean_absolute_error_without"], check_names=False)
    assert (both["predictions"] > both["predictions_without"]).any()


def test_a_population_without_a_player_has_its_row_and_no_score(graded):
    few = graded[graded["expected_points"] != 20]
    stars = scoreboard(few)
    stars = stars[stars["population"] == "stars"]
    assert len(stars)
    assert (stars[["predictions", "rows"]] == 0).all().all()
    assert stars[["mean_absolute_error", "brier", "interval_coverage"]].isna().all().all()


def test_every_key_of_the_grades_is_expected(graded, scored):
    wanted = run(board.scored_keys(lambda contract: table(graded)))
    assert set(wanted[ORDER].itertuples(index=False)) == set(scored[ORDER].itertuples(index=False))


def test_a_part_that_counts_more_than_the_whole_is_refused(scored):
    (audit,) = board.CONTRACT.audits

    def violations(rows):
        return run(audit.violations(ibis.memtable(rows), lambda contract: ibis.memtable(rows)))

    assert not len(violations(scored))
    broken = scored.copy()
    place = broken.index[(broken["population"] == "stars") & (broken["days"] == 1)][0]
    broken.loc[place, "rows"] = 10_000
    assert violations(broken)["game_date"].tolist() == [broken.loc[place, "game_date"]]


def test_the_scoreboard_reads_no_further_back_than_its_month():
    read = board.CONTRACT.reads["accuracy"]
    assert (read.days, board.WINDOWS) == (board.MONTH, (1, board.MONTH))


def test_the_scoreboard_compiles_for_bigquery():
    assert "RANGE BETWEEN" in ibis.to_sql(board.daily_scoreboard(prediction_accuracy.CONTRACT.unbound()), "bigquery")


def test_the_ui_shows_the_month_and_draws_its_days(graded):
    sums = run(board.daily_sums(table(graded)))
    sums = sums[sums["population"] == "all"]
    report = scoreboard_report(sums, DAYS[-1], board.MONTH)
    shown = graded[(graded["game_date"] > DAYS[-1] - timedelta(days=board.MONTH)) & graded["played"]]
    ours = shown[(shown["stat"] == "points") & (shown["system_id"] == "ours")]
    (line,) = [line for line in report.splitlines() if re.match(r"\| points +\| ours", line)]
    cells = [cell.strip() for cell in line.split("|")]
    assert cells[4:6] == [str(len(ours)), f"{ours['absolute_error'].mean():.3f}"]
    image = b64decode(report.split("base64,")[1].removesuffix(")")).decode()
    assert image.count("<polyline") == 6, "two systems and EWMA-7, two systems and 80 %"
    assert len(report) < 12_000
    assert scoreboard_report(sums, FIRST - timedelta(days=1), board.MONTH) == ""


def test_a_grade_that_comes_later_makes_its_month_of_scores_stale_and_no_score_waits_for_it(copy):
    table, first, day = board.CONTRACT, date(2025, 10, 25), date(2025, 11, 10)
    read = table.reads["accuracy"]
    with copy.warehouse.session(read_only=True) as session:
        evidence = copy.gatekeeper().evidence(session)
        assert not evidence.lineage.is_stale(table, day)
        assert evidence.lineage.dates_needed(read, day) == [day]
        assert evidence.lineage.reached(table, {read.table.name: [first]}) == {
            d for d in evidence.manifest.published(read.table) if first <= d < first + timedelta(days=board.MONTH)
        } | {TODAY, TOMORROW}
        asked_for = evidence.lineage.inputs_from_outside([read.table, table], day)
    copy.sql(
        "UPDATE operations.published_partitions SET fingerprint = 'another' "
        f"WHERE table_name = '{read.table.name}' AND game_date = '{first}'"
    )
    with copy.warehouse.session(read_only=True) as session:
        evidence = copy.gatekeeper().evidence(session)
        assert evidence.lineage.is_stale(table, day)
        assert not evidence.lineage.is_stale(table, first - timedelta(days=1))
        assert evidence.lineage.inputs_from_outside([read.table, table], day) != asked_for, (
            "else nobody would launch it again"
        )


def test_a_trailing_read_begins_so_many_days_before_the_first_date():
    read = board.CONTRACT.reads["accuracy"]
    assert read_bounds(read, DAYS[-1], DAYS[-1]) == (DAYS[-1] - timedelta(days=board.MONTH - 1), DAYS[-1])
