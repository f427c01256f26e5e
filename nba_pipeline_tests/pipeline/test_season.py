"""The whole pipeline on a simulated season: real server, real runs, real warehouse."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from nba_pipeline.assets.tables import all_tables
from nba_pipeline.contracts import Phase, Window
from nba_pipeline.grades import prediction_accuracy
from nba_pipeline.league.model import League
from nba_pipeline.monitoring.smoke_test import DateState, smoke_test
from nba_pipeline.precompute import ml_feature_store, player_daily_cache
from nba_pipeline.predictions import player_predictions
from nba_pipeline.predictions.systems import systems
from nba_pipeline.predictions.walk_forward.forecasts import SETTINGS, STATS
from nba_pipeline.raw import games, player_box_scores
from nba_pipeline_tests.support.workbench import DAY_OFF, NOW, OPENING, Workbench, assert_same

TODAY, TOMORROW = date(2025, 11, 12), date(2025, 11, 13)


def test_every_date_passes_the_smoke_test(season_start):
    results = smoke_test(season_start.gatekeeper, DAY_OFF, TOMORROW)
    states = {result.game_date: result.overall for result in results}
    assert [verdict for result in results for verdict in result.closed] == []
    assert set(states.values()) <= {DateState.PASS, DateState.VALID_SKIP}
    assert states[DAY_OFF] is DateState.VALID_SKIP
    assert states[OPENING] is DateState.PASS


def test_today_and_tomorrow_are_predicted_before_they_are_played(season_start):
    for day in (TODAY, TOMORROW):
        rows = season_start.rows(player_predictions.CONTRACT, day, day)
        playing = season_start.rows(games.CONTRACT, day, day)
        assert set(rows["mode"]) == {"live"}
        assert set(rows["game_id"]) == set(playing["game_id"])
        assert set(rows["system_id"]) == {system.system_id for system in systems()}
        assert set(rows["stat"]) == set(STATS)
        assert set(rows["setting"]) == set(SETTINGS), "the injury report was landed before any tip-off"
    assert set(season_start.rows(player_predictions.CONTRACT, OPENING, TODAY - timedelta(days=1))["mode"]) == {
        "backtest"
    }


def test_the_roster_known_before_tip_off_says_who_is_expected(season_start, league):
    cache = season_start.rows(player_daily_cache.CONTRACT, TOMORROW, TOMORROW)
    assert set(cache["expected_because"]) == {"roster"}
    on_day = {s.player_id: s.team_id for s in league.stays if s.first_day <= TODAY <= s.last_day}
    assert all(on_day[row.player_id] == row.team_id for row in cache.itertuples())
    earlier = season_start.rows(player_daily_cache.CONTRACT, date(2025, 11, 5), date(2025, 11, 5))
    assert set(earlier["expected_because"]) == {"recent games"}, (
        "a roster asked for after the game is not known before it"
    )


def test_players_who_sat_are_void_and_never_a_perfect_zero(season_start):
    grades = season_start.rows(prediction_accuracy.CONTRACT)
    void = grades[~grades["played"]]
    assert len(void)
    assert void[["actual_value", "absolute_error"]].isna().all().all()
    played = grades[grades["played"]]
    assert played["absolute_error"].to_numpy() == pytest.approx(
        (played["predicted_value"] - played["actual_value"]).abs().to_numpy()
    )
    baselines = played[["last_10_value", "season_mean_value", "ewma_7_value"]]
    assert not baselines.isna().any().any()


def test_each_feature_has_a_definition_a_unit_and_a_quality():
    names = {column.name for column in ml_feature_store.CONTRACT.columns}
    sources = {table.name for table in all_tables() if table.phase.value < Phase.PREDICTIONS.value}
    assert len(ml_feature_store.FEATURES) >= 300
    for feature in ml_feature_store.FEATURES:
        assert feature.definition.endswith("."), feature.name
        assert feature.unit
        assert feature.source in sources, feature.name
        assert feature.quality_column.name in names


@pytest.mark.parametrize("table", all_tables(), ids=lambda table: table.name)
def test_every_column_says_what_it_means_and_in_which_unit(table):
    assert table.description
    for column in table.columns:
        assert len(column.definition) > 8, column.name
        assert column.definition.endswith((".", "`.")), column.name
        assert column.unit, column.name


def test_missing_is_null_with_quality_zero_and_never_a_default(season_start):
    rows = season_start.rows(ml_feature_store.CONTRACT)
    # What is made of tomorrow before the games of today lacks these, and its quality says so.
    rows = rows[rows["game_date"] <= TODAY]
    lasting = [feature for feature in ml_feature_store.FEATURES if not feature.news]
    known = rows[[feature.name for feature in lasting]].notna().to_numpy()
    qualities = rows[[feature.quality_column.name for feature in lasting]].to_numpy()
    assert (qualities >= 40).all()
    np.testing.assert_allclose(rows["quality"], (qualities * known).mean(axis=1))
    assert rows["missing_features"].tolist() == (~known).sum(axis=1).tolist()
    assert (~known).any()


def test_a_second_run_publishes_nothing_and_keeps_the_fingerprints(season_start, tmp_path):
    before = fingerprints(season_start)
    season_start.backfill(date(2025, 11, 10), date(2025, 11, 11))
    assert fingerprints(season_start) == before


def fingerprints(bench: Workbench) -> pd.DataFrame:
    with duckdb.connect(str(bench.settings.warehouse_path), read_only=True) as connection:
        rows = connection.execute(
            "SELECT * EXCLUDE inputs FROM operations.published_partitions ORDER BY table_name, game_date"
        ).df()
    return rows.to_json()


def season_until(bench: Workbench, home: Path, day: date) -> None:
    """Puts the season's home there as if it had been loaded up to the day before, and no model been trained."""
    shutil.copytree(home, bench.home)
    shutil.rmtree(bench.settings.models_path, ignore_errors=True)
    with duckdb.connect(str(bench.settings.warehouse_path)) as connection:
        tables = connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        for schema, name in tables:
            connection.execute(f"DELETE FROM {schema}.{name} WHERE game_date >= ?", [day])


def test_a_single_date_gives_what_the_range_gave(season_start, season_start_home, workbench):
    """On the first of a month, with which the model changes."""
    bench, day = workbench(), date(2025, 11, 1)
    season_until(bench, season_start_home, day)
    report = bench.backfill(day, day, history=False)
    assert report.complete, report.attempts
    assert_same(bench.everything(OPENING, day), season_start.everything(OPENING, day))


@pytest.mark.campaign
def test_fourteen_single_dates_give_what_the_range_gave(season_start, workbench):
    """Over the end of a month, with which the model changes, and the end of daylight-saving time."""
    bench, first, count = workbench(), date(2025, 10, 29), 14
    bench.backfill(OPENING, first - timedelta(days=1))
    for day in pd.date_range(first, periods=count).date:
        report = bench.backfill(day, day, history=False)
        assert report.complete, report.attempts
    last = first + timedelta(days=count - 1)
    assert_same(bench.everything(OPENING, last), season_start.everything(OPENING, last))


def altered(league: League, day: date, *, delete: bool) -> League:
    """The league with every game from a day on changed beyond recognition, or unplayed."""
    from dataclasses import replace

    rng = np.random.default_rng(1)
    later = (league.games["game_date"] >= day).to_numpy()
    box = league.box.copy()
    rows = later[box["game_row"].to_numpy()]
    if delete:
        keep = ~later | (league.games["game_date"] == day).to_numpy()
        box = box[keep[box["game_row"].to_numpy()] & ~rows]
        return replace(league, games=league.games[keep].copy(), box=box.drop(columns="game_row"))
    for name in ("fgm", "fg3m", "ftm", "ast", "oreb", "dreb"):
        tries = {"fgm": "fga", "fg3m": "fg3a", "ftm": "fta"}.get(name)
        new = rng.integers(0, 7, rows.sum())
        box.loc[rows, name] = new
        if tries:
            box.loc[rows, tries] = np.maximum(box.loc[rows, tries], new + 12)
    box.loc[rows, "fgm"] = np.maximum(box.loc[rows, "fgm"], box.loc[rows, "fg3m"])
    scored = (
        box.assign(points=2 * box["fgm"] + box["fg3m"] + box["ftm"]).groupby(["game_id", "team_id"])["points"].sum()
    )
    changed = league.games.copy()
    for side in ("home", "visitor"):
        keys = list(zip(changed["game_id"], changed[f"{side}_team_id"], strict=True))
        changed[f"{side}_score"] = [int(scored[key]) for key in keys]
    tied = changed["home_score"] == changed["visitor_score"]
    for game_id, team in zip(changed[tied]["game_id"], changed[tied]["home_team_id"], strict=True):
        place = box.index[(box["game_id"] == game_id) & (box["team_id"] == team)][0]
        box.loc[place, ["ftm", "fta"]] += 1
    changed.loc[tied, "home_score"] += 1
    return replace(league, games=changed, box=box.drop(columns="game_row"))


@pytest.mark.campaign
@pytest.mark.parametrize(
    ("day", "delete"),
    [(date(2025, 10, 29), False), (date(2025, 11, 2), True), (date(2025, 11, 7), False)],
    ids=["October 29 altered", "November 2 deleted", "November 7 altered"],
)
def test_nothing_on_or_after_a_date_changes_its_features_and_predictions(season_start, workbench, league, day, delete):
    bench = workbench(of=altered(league, day, delete=delete))
    bench.backfill(OPENING, day - timedelta(days=1), Phase.LANDING, Phase.RAW, Phase.ANALYTICS, Phase.PRECOMPUTE)
    bench.backfill(day, day)
    assert_nothing_leaked(bench, season_start, day, played=not delete)


def test_games_that_end_otherwise_leave_features_and_predictions_of_their_date_as_they_were(
    season_start, season_start_home, workbench, league
):
    day = date(2025, 11, 7)
    bench = workbench(of=altered(league, day, delete=False), now=NOW + timedelta(minutes=1))
    season_until(bench, season_start_home, day)
    bench.backfill(day, day, history=False)
    assert_nothing_leaked(bench, season_start, day, played=True)


def assert_nothing_leaked(bench: Workbench, season_start: Workbench, day: date, *, played: bool) -> None:
    """What is known before the games of a date is the same, though they and all later ones are others."""
    after_raw = [t for t in all_tables() if t.phase.value > Phase.RAW.value]
    before_tip_off = [t for t in after_raw if t.before_tip_off]
    history = (Window.BEFORE, Window.UP_TO)
    assert {t for t in after_raw if any(r.window in history for r in t.reads.values())} <= set(before_tip_off)
    assert {t.phase for t in before_tip_off} >= {Phase.PRECOMPUTE, Phase.PREDICTIONS}
    if played:
        theirs = bench.rows(player_box_scores.CONTRACT, day, day)
        assert theirs["points"].sum() != season_start.rows(player_box_scores.CONTRACT, day, day)["points"].sum()
    for table in after_raw:
        first = OPENING if table.phase in (Phase.ANALYTICS, Phase.PRECOMPUTE) else day
        last = day if table.before_tip_off else day - timedelta(days=1)
        found, truth = bench.rows(table, first, last), season_start.rows(table, first, last)
        assert len(truth) or first > last
        pd.testing.assert_frame_equal(found, truth, check_exact=True, obj=table.name)


KILLED = """
import sys
from datetime import date, datetime
from pathlib import Path
from nba_pipeline.settings import Settings
from nba_pipeline.cli.backfill_commands import run_backfill
from nba_pipeline.contracts import Phase
last = date.fromisoformat(sys.argv[1])
run_backfill(Settings(), date(2025, 10, 21), last, list(Phase), history=True, as_json=False)
"""


@pytest.mark.campaign
def test_a_backfill_killed_at_any_moment_and_run_again_equals_an_undisturbed_one(season_start, workbench):
    bench, last = workbench(), date(2025, 10, 27)
    command = [sys.executable, "-c", KILLED, str(last)]
    environment = {
        **os.environ,
        "NBA_PIPELINE_HOME": str(bench.home),
        "NBA_PIPELINE_NOW": NOW.isoformat(),
        "BALLDONTLIE_API_URL": bench.server.url,
        "BALLDONTLIE_API_KEY": "k",
        "BALLDONTLIE_REQUESTS_PER_MINUTE": "100000",
        "PYTHONWARNINGS": "ignore",
    }
    for seconds in (6, 11, 16):
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
            time.sleep(seconds)
            os.kill(process.pid, signal.SIGKILL)
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "game dates complete" in finished.stdout
    assert_same(bench.everything(OPENING, last), season_start.everything(OPENING, last))


def command(bench: Workbench, *arguments: str, now: datetime = NOW) -> subprocess.CompletedProcess:
    environment = {
        **os.environ,
        "NBA_PIPELINE_HOME": str(bench.home),
        "NBA_PIPELINE_NOW": now.isoformat(),
        "PYTHONWARNINGS": "ignore",
    }
    return subprocess.run(
        [sys.executable, "-m", "nba_pipeline.cli", *arguments], env=environment, capture_output=True, text=True
    )


def test_the_smoke_test_command_says_pass_and_its_exit_code_the_same(season_start):
    done = command(season_start, "smoke-test", "2025-11-05")
    assert done.returncode == 0
    assert "2025-11-05 P2:PASS P3:PASS P4:PASS P5:PASS P6:PASS [Overall: PASS]" in done.stdout
    (listed,) = json.loads(command(season_start, "smoke-test", "2025-10-20", "--json").stdout)["dates"]
    assert listed["phases"]["P2"] == "VALID-SKIP"
    assert listed["overall"] == "VALID-SKIP"


def test_the_smoke_test_fails_by_name_for_one_missing_player_and_cannot_check_nothing(season_start, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(season_start.settings.warehouse_path, copy)
    with duckdb.connect(str(copy / "warehouse.duckdb")) as connection:
        table = "precompute.player_daily_cache"
        where = "game_date = DATE '2025-11-05'"
        connection.execute(
            f"DELETE FROM {table} WHERE {where} AND player_id = (SELECT min(player_id) FROM {table} WHERE {where})"
        )
    bench = Workbench(copy, season_start.server)
    done = command(bench, "smoke-test", "2025-11-05", "--verbose")
    assert done.returncode == 1
    assert "1 players missing" in done.stdout
    assert "P4:FAIL" in done.stdout
    assert "P3:PASS" in done.stdout
    nothing = command(Workbench(tmp_path / "empty", season_start.server), "smoke-test", "2025-11-05")
    assert nothing.returncode == 2


def test_a_range_that_cannot_be_is_refused(season_start):
    assert command(season_start, "smoke-test", "2025-11-05", "2025-11-01").returncode == 2
    done = command(season_start, "backfill", "--from", "2025-11-20", "--to", "2025-11-21")
    assert done.returncode == 2
    assert "after tomorrow" in done.stderr
    for word in ("TODAY", "2025-13-01"):
        said = command(season_start, "smoke-test", word)
        assert said.returncode == 2
        assert word in said.stderr


def test_a_live_prediction_is_never_changed_and_a_later_value_is_a_new_row(season_start_home, workbench):
    bench = workbench()
    shutil.copytree(season_start_home, bench.home)
    first = ledger(bench)
    assert len(first)
    bench.backfill(TODAY, TODAY, Phase.PREDICTIONS)
    assert ledger(bench).equals(first), "the same value said again is no news"
    bench.at(NOW + timedelta(days=2))
    bench.backfill(TODAY, TODAY)
    after = ledger(bench)
    pd.testing.assert_frame_equal(after, first, check_exact=True)


def ledger(bench: Workbench) -> pd.DataFrame:
    with duckdb.connect(str(bench.settings.warehouse_path), read_only=True) as connection:
        return connection.execute(
            "SELECT * FROM predictions.player_predictions WHERE game_date = DATE '2025-11-12' ORDER BY ALL"
        ).df()


def test_without_the_days_before_a_date_is_blocked_with_the_next_command(workbench):
    bench = workbench()
    report = bench.backfill(date(2025, 11, 5), date(2025, 11, 5), history=False)
    assert not report.complete
    said = " ".join(failure for attempt in report.attempts for failure in attempt.failures)
    assert "Next: nba-pipeline backfill --from 2025-10-01 --to 2025-11-04" in said
    assert not len(bench.rows(player_predictions.CONTRACT))


def test_two_backfills_at_once_both_finish(workbench, season_start):
    bench = workbench()
    environment = {
        **os.environ, "NBA_PIPELINE_HOME": str(bench.home), "NBA_PIPELINE_NOW": NOW.isoformat(),
        "BALLDONTLIE_API_URL": bench.server.url, "BALLDONTLIE_API_KEY": "k",
        "BALLDONTLIE_REQUESTS_PER_MINUTE": "100000", "PYTHONWARNINGS": "ignore",
    }  # fmt: skip
    command = [
        sys.executable,
        "-m",
        "nba_pipeline.cli",
        "backfill",
        "--phase",
        "landing",
        "--phase",
        "raw",
    ]
    spans = (("2025-10-21", "2025-10-23"), ("2025-10-24", "2025-10-26"))
    runs = [
        subprocess.Popen([*command, "--from", a, "--to", b], env=environment, stderr=subprocess.DEVNULL)
        for a, b in spans
    ]
    assert [run.wait() for run in runs] == [0, 0]
    truth = season_start.rows(player_box_scores.CONTRACT, date(2025, 10, 21), date(2025, 10, 26))
    pd.testing.assert_frame_equal(bench.rows(player_box_scores.CONTRACT), truth, check_exact=True)
