"""The benchmark measures ways that make the same rows, and says what it measured."""

import dataclasses
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from benchmarks import commits, scale, side_by_side
from benchmarks.figures import Figures
from benchmarks.pandas_loop import differences, features_of_date
from benchmarks.report import Measured, report, with_section
from benchmarks.side_by_side import FEATURES, sample
from benchmarks.ways import (
    DifferentRowsError,
    called_directly,
    compared,
    hashes,
    inputs_and_outputs,
    loop_in_pandas,
    tables_of,
)
from nba_pipeline.contracts import Phase
from nba_pipeline.settings import Settings
from nba_pipeline_tests.support.workbench import DAY_OFF, OPENING, Workbench

PHASES = (Phase.RAW, Phase.ANALYTICS, Phase.PRECOMPUTE)
LAST = date(2025, 10, 22)
MACHINE = {"cores": "2", "commit": "abc"}
PLAN = {"dates": ["2025-10-21", "2025-10-22"], "last": "2025-10-22", "partitions": 22}


@pytest.fixture(scope="module")
def directly_made(season_start: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a home in which the season's first dates were made without Dagster, from the same landing."""
    home = tmp_path_factory.mktemp("directly") / "home"
    home.mkdir()
    (home / "landing").symlink_to(season_start.settings.landing_path, target_is_directory=True)
    settings = season_start.settings.model_copy(update={"home": home})
    figures = called_directly(settings, DAY_OFF, LAST, PHASES)
    assert figures.parts.keys() == {"raw", "analytics", "precompute"}
    return settings


def test_transforms_called_directly_make_the_rows_that_dagster_made(
    directly_made: Settings, season_start: Workbench
) -> None:
    found = hashes(directly_made, DAY_OFF, LAST, PHASES)
    assert compared(found, hashes(season_start.settings, DAY_OFF, LAST, PHASES)) > 1000


def test_the_floor_writes_what_was_made_and_nothing_else(directly_made: Settings, tmp_path: Path) -> None:
    settings = directly_made.model_copy(update={"home": tmp_path})
    (tmp_path / "landing").symlink_to(directly_made.landing_path, target_is_directory=True)
    inputs_and_outputs(settings, DAY_OFF, LAST, PHASES, directly_made.home)
    assert rows_of(settings) == rows_of(directly_made)


def rows_of(settings: Settings) -> Mapping[str, int]:
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        counted = {table.name: connection.sql(f"FROM {table.name}").shape[0] for table in tables_of(PHASES)}
    assert any(counted.values())
    return counted


def test_the_loop_in_pandas_has_the_values_of_the_feature_store(season_start: Workbench, tmp_path: Path) -> None:
    settings = season_start.settings.model_copy(update={"home": tmp_path})
    figures = loop_in_pandas(settings, [date(2025, 11, 11)], season_start.home)
    assert figures.notes["columns"] > 100
    assert figures.notes["different"] == 0


def test_the_loop_in_pandas_looks_back_on_two_seasons_as_the_windows_do() -> None:
    with duckdb.connect() as connection:
        assert scale.made_up_games(connection, 2 * 66 * 4, 2) == 2 * 66 * 4
        connection.execute("UPDATE games SET usage_rate = NULL WHERE random() < 0.3")
        connection.execute("CREATE VIEW history AS FROM games; CREATE VIEW spine AS FROM games")
        games = connection.execute("FROM games").df(date_as_object=True)
        states = connection.execute(scale.features()[0]).df(date_as_object=True)
    for number in (0, 5, 40):
        day = sorted({*games["game_date"][games["season"] == scale.FIRST_SEASON + 1]})[number]
        made = features_of_date(day, games, games).drop(columns="games_played_season")
        assert len(made) == 4
        assert differences(made, states[states["game_date"] == day]) == {}


def test_a_value_unlike_the_feature_store_is_counted() -> None:
    made = pd.DataFrame({"game_date": [OPENING] * 2, "game_id": [1, 1], "player_id": [1, 2], "points_last_3": [9.0, 4]})
    assert differences(made, made) == {}
    assert differences(made, made.assign(points_last_3=[9.0, 5])) == {"points_last_3": 1}
    assert differences(made, made.head(1)) == {"rows": -1}


def test_ways_that_made_other_rows_are_not_compared() -> None:
    ours = {"raw.games": {OPENING: (2, "a"), LAST: (3, "b")}}
    assert compared(ours, ours) == 5
    with pytest.raises(DifferentRowsError, match=r"raw\.games of 2025-10-22"):
        compared(ours, {"raw.games": {OPENING: (2, "a"), LAST: (3, "c")}})
    with pytest.raises(DifferentRowsError, match=r"raw\.games of 2025-10-22"):
        compared(ours, {"raw.games": {OPENING: (2, "a")}})


def measured(different: float = 0, **walls: float) -> list[Measured]:
    """One round in which each way took so many seconds by the clock and half of that of the processor."""
    notes = {"dagster_bytes": 3e6, "warehouse_bytes": 5e6, "landing_bytes": 1e6, "rows": 1000.0, "dates": 1.0}
    notes |= {"columns": 10.0, "columns_of_store": 20.0, "different": different}
    walls |= {"compare": 0.0}
    return [
        Measured(way, FEATURES, Figures(wall, wall / 2, int(wall * 1e6), 4.0, {"raw": wall / 4}, notes))
        for way, wall in walls.items()
    ]


def test_the_report_has_figures_ratios_and_what_they_depend_on() -> None:
    text = report("simulated league", "--dates 2", PLAN, MACHINE, measured(dagster=80, direct=20, floor=5), warm=True)
    assert "| (a) through Dagster, everything on | 80.0 | 40.0 | 80 | 90 | 12 | 4.0 |" in text
    assert "| (a)/(b) | 4.00 | 4.00 | 4.00 |" in text
    assert "| (b)/(c) | 4.00 | 4.00 | 4.00 |" in text
    assert "| (b) called directly | 5.0 | 15.0 |" in text
    assert "Dagster's home 3.0 MB" in text
    assert "cores 2; commit abc." in text
    assert '`make benchmark ARGS="--dates 2"`' in text
    assert "queries translated before" in text


def test_a_loop_measured_on_a_sample_is_scaled_and_says_so() -> None:
    every = measured(dagster=80, direct=20, floor=5, pandas=400)
    text = report("simulated league", "", PLAN, MACHINE, every, warm=False)
    assert "| (d) loop in pandas | 800.0 | 400.0 |" in text
    assert "| (d)/(a) | 10.00 | 10.00 | 5.00 |" in text
    assert "10 of the feature store's 20 features" in text
    assert "measured on 1 of the dates, and scaled to 2" in text
    assert "all values the same" in text
    astray = measured(different=3, dagster=80, direct=20, floor=5, pandas=400)
    assert "3 values different" in report("simulated league", "", PLAN, MACHINE, astray, warm=False)


def test_several_rounds_are_told_by_their_medians() -> None:
    rounds = [each for wall in (70, 80, 150) for each in measured(dagster=wall, direct=20, floor=5)]
    text = report("simulated league", "", PLAN, MACHINE, rounds, warm=False)
    assert "| (a) through Dagster, everything on | 80.0 |" in text
    assert "medians of 3 rounds" in text


def test_a_result_replaces_its_own_section_and_no_other() -> None:
    page = with_section(with_section("", "real seasons", "slow"), "simulated league", "fast")
    again = with_section(page, "real seasons", "faster")
    assert "slow" not in again
    assert again.index("faster") < again.index("fast\n<!-- end of simulated league -->")
    assert again == page.replace("slow", "faster")


def test_sampled_dates_are_spread_over_all() -> None:
    assert sample([str(n) for n in range(10)], 2) == ["2", "7"]
    assert sample(["1", "2"], 5) == ["1", "2"]
    assert sample(["1", "2"], 0) == []


def pairs(*ratios: float) -> list[commits.Pair]:
    base = Figures(wall=10, processor=10, peak=10**6)
    return [(base, dataclasses.replace(base, processor=10 * ratio)) for ratio in ratios]


def test_a_commit_is_slower_by_the_median_of_its_rounds() -> None:
    assert commits.verdict(pairs(1.5, 1.0, 1.05), "processor", 1.1) == 0
    assert commits.verdict(pairs(1.5, 1.2, 1.05), "processor", 1.1) == 1
    assert commits.verdict(pairs(1.5, 1.2, 1.05), "wall", 1.1) == 0
    assert "| processor, s | 10.0 | 12.0 | 1.20 | 1.05 to 1.50 |" in commits.page(pairs(1.5, 1.2, 1.05), "one", "other")


def test_a_commit_that_is_not_there_is_not_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert commits.main(["no-such-commit"]) == 2
    assert "no-such-commit" in capsys.readouterr().err


@pytest.mark.campaign
def test_the_benchmark_runs_whole_on_two_dates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.md"
    arguments = ["--dates", "2", "--sample", "1", "--predictions", "--results", str(results)]
    assert side_by_side.main(arguments) == 0
    text = results.read_text()
    assert "### Phases 2 to 4" in text
    assert "### Phases 5 and 6" in text
    assert "| (d)/(a) |" in text


@pytest.mark.campaign
def test_a_tree_is_compared_with_its_own_commit(capsys: pytest.CaptureFixture[str]) -> None:
    assert commits.main(["HEAD", "--dates", "1", "--rounds", "1", "--at-most", "5"]) == 0
    assert "| processor, s |" in capsys.readouterr().out
