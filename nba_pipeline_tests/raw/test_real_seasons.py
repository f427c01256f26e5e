"""What the guards of raw data take for honest is what nine real seasons look like."""

import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from nba_pipeline.analytics import upcoming_player_game_context
from nba_pipeline.cli.app import app
from nba_pipeline.contracts import Phase
from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.raw import players
from nba_pipeline.raw.rules.box_score_rules import OVERTIME_TEAM_MINUTES, ROUNDED_MINUTES, TEAM_MINUTES
from nba_pipeline_tests.support.workbench import Workbench

LONG_AFTER = datetime(2026, 1, 20, 15, tzinfo=UTC)
"""The day on which this process takes place: the season files end more than a year before it."""


def test_no_real_team_game_is_further_off_its_minutes_than_whole_minutes_may_be(real_data: Path):
    """The figures of docs/decisions/games-and-dates.md: how far a team is from 240 minutes and 25 an overtime."""
    rows = pd.concat(pd.read_parquet(path) for path in sorted(real_data.glob("player_box_scores_*.parquet")))
    minutes = rows.groupby(["game_id", "team_id"])["minutes"].sum()
    off = pd.concat([(minutes - TEAM_MINUTES - OVERTIME_TEAM_MINUTES * n).abs() for n in range(5)], axis=1).min(axis=1)
    assert len(off) == 21_322
    assert off[off > 1].value_counts().to_dict() == {2: 1_801, 3: 138, ROUNDED_MINUTES: 4}


def test_a_real_season_has_six_to_fourteen_dates_without_games(real_data: Path):
    """How often `health` asks a person whether the league rests."""
    games = pd.read_parquet(real_data / "games.parquet")
    dates = pd.to_datetime(games["game_date"]).groupby(games["season"])
    quiet = (dates.max() - dates.min()).dt.days + 1 - dates.nunique()
    assert (quiet.min(), quiet.max()) == (6, 14)


def test_dates_of_an_old_season_are_loaded_long_after_though_nobody_is_on_a_roster_now(
    real_league: League, tmp_path: Path
):
    """README's example with season files, on a real day: the rosters of now say nothing about a past date."""
    first, last = date(2023, 10, 1), date(2023, 10, 26)
    with LeagueServer(real_league, now=LONG_AFTER) as server:
        bench = Workbench(tmp_path / "home", server, LONG_AFTER)
        report = bench.backfill(first, last, Phase.LANDING, Phase.RAW, Phase.ANALYTICS, history=False)
        assert report.complete, [attempt.failures for attempt in report.attempts]
        assert not len(bench.rows(players.CONTRACT))
        expected = bench.rows(upcoming_player_game_context.CONTRACT, last, last)
    assert set(expected["expected_because"]) == {"recent games"}
    assert set(expected["team"]) == {"LAL", "PHX"}, "who played on the season's first day"


@pytest.mark.campaign
def test_a_past_season_is_served_and_loaded_by_two_commands_in_july(real_data: Path, tmp_path: Path):
    """README's two commands, on a day when the league rests and every roster is one of now."""
    july = datetime(2026, 7, 15, 15, tzinfo=UTC).isoformat()
    serve = [sys.executable, "-m", "nba_pipeline.cli", "serve-league", "--data", str(real_data), "--port", "0"]
    phases = [word for phase in ("landing", "raw", "analytics", "precompute") for word in ("--phase", phase)]
    with subprocess.Popen([*serve, "--now", july], stdout=subprocess.PIPE, text=True) as serving:
        try:
            assert serving.stdout is not None
            url = re.search(r"http://127\.0\.0\.1:\d+", serving.stdout.readline())
            assert url
            home = {
                "NBA_PIPELINE_HOME": str(tmp_path / "home"),
                "NBA_PIPELINE_NOW": july,
                "BALLDONTLIE_API_URL": url[0],
                "BALLDONTLIE_API_KEY": "any",
                "BALLDONTLIE_REQUESTS_PER_MINUTE": "60000",
            }
            load = ["backfill", "--from", "2023-10-24", "--to", "2023-10-26", *phases]
            ended = CliRunner(env=home).invoke(app, load)
            assert ended.exit_code == 0, ended.output[-3000:]
            looked = CliRunner(env=home).invoke(app, ["backfill", *load[1:], "--dry-run"])
            assert looked.exit_code == 0, looked.output[-3000:]
        finally:
            serving.terminate()
