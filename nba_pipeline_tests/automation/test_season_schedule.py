"""The season's whole schedule: landed every morning, kept as it was known, and held against what is published."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

import dagster as dg
import pytest
from typer.testing import CliRunner

from nba_pipeline.alerting.sensor import RESOLVED, SENT
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.cli.app import app
from nba_pipeline.clock import NEW_YORK
from nba_pipeline.gates.alert_metadata import AlertKind
from nba_pipeline.landing.assets import LANDED_GAMES, LANDED_PLAYER_BOX_SCORES
from nba_pipeline.league.model import League
from nba_pipeline.monitoring.pipeline_health import health
from nba_pipeline.monitoring.season_schedule import GAMES_A_TEAM_CHECK, NO_GAME_MISSING_CHECK, as_known_at
from nba_pipeline.partitions import RANGE_END, RANGE_START, season_bounds
from nba_pipeline.raw import games, player_box_scores
from nba_pipeline.sources.balldontlie import SEASON_GAMES, parse_season_games
from nba_pipeline.sources.landing import Landing
from nba_pipeline.sources.season_games import season_name
from nba_pipeline_tests.support.published_rows import published_rows
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon

Daemon = Callable[..., SimulatedDaemon]

SEASON = 2025
FIRST, LAST = date(2025, 10, 24), date(2025, 10, 27)
HIDDEN_ON = date(2025, 10, 25)


def at_ten_past_five(day: date) -> datetime:
    return datetime.combine(day, time(5, 10), NEW_YORK)


def load(daemon: SimulatedDaemon, first: date, last: date, *landed: dg.AssetKey) -> None:
    """Lands the games of dates, and what else is given, and publishes them."""
    tags = {RANGE_START: str(first), RANGE_END: str(last)}
    assets = [LANDED_GAMES, *landed, asset_key(games.CONTRACT)]
    run = daemon.launch(dg.RunRequest(asset_selection=assets, tags=tags), "me")
    assert run is not None
    assert run.is_success


def morning(daemon: SimulatedDaemon, day: date) -> dict[str, bool]:
    """Whether each check of the schedule passed that was landed in the morning of a day."""
    daemon.at(at_ten_past_five(day))
    [run] = daemon.tick_schedule("season_schedule", daemon.now).runs
    assert run.is_success
    daemon.tick_sensor("alerts")
    return {
        found.check_name: found.passed
        for entry in daemon.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        if entry.dagster_event and (found := entry.dagster_event.asset_check_evaluation_data)
    }


def problems(daemon: SimulatedDaemon, day: date) -> list[str]:
    """What health says of the season's schedule."""
    said = health(daemon.gatekeeper, daemon.instance, day).problems
    return [one for one in said if season_name(SEASON) in one or SEASON_GAMES in one]


def test_the_schedule_of_every_morning_is_kept_apart_from_answers_about_dates(daemon: Daemon) -> None:
    """A game that is listed from the second day on: each morning's schedule is what was known then."""
    appears = datetime.combine(FIRST, time(12), NEW_YORK)
    hidden = {"kind": "missing_game", "game_date": "2026-01-05", "absent_from": ["games"]}
    home = daemon(at_ten_past_five(FIRST), {**hidden, "appears_at": appears.isoformat()})
    assert morning(home, FIRST) == {NO_GAME_MISSING_CHECK: True, GAMES_A_TEAM_CHECK: True}
    landing = Landing(home.settings.landing_path)
    first_pages = len(list(home.settings.landing_path.rglob("page-*.json.gz")))
    morning(home, FIRST + timedelta(days=1))

    assert landing.latest("games", FIRST) is None
    assert landing.captures(SEASON_GAMES, FIRST) == landing.captures(SEASON_GAMES, date(2026, 6, 30))
    assert as_known_at(landing, SEASON, at_ten_past_five(FIRST)) is None
    known = [as_known_at(landing, SEASON, at_ten_past_five(FIRST) + timedelta(days=n, minutes=1)) for n in (0, 1, 9)]
    assert [capture and len(parse_season_games(capture).records) for capture in known] == [1229, 1230, 1230]
    assert known[1] == known[2] == landing.newest(SEASON_GAMES, season_bounds(SEASON))
    asked = [dict(request["params"]) for request in home.server.requests if request["path"] == "/v1/games"]
    assert {params["seasons[]"] for params in asked} == {str(SEASON)}
    assert len(asked) == 2 * first_pages == 2 * 13

    # Of the pages before that of the late game only that with yesterday's results is written again.
    assert len(list(home.settings.landing_path.rglob("page-*.json.gz"))) < 2 * first_pages


def test_a_game_that_came_late_is_told_until_the_nightly_look_has_brought_it(daemon: Daemon, league: League) -> None:
    hidden = {"kind": "missing_game", "game_date": str(HIDDEN_ON), "absent_from": ["games"]}
    appears = datetime.combine(LAST, time(3), NEW_YORK)
    home = daemon(datetime.combine(LAST, time(2), NEW_YORK), {**hidden, "appears_at": appears.isoformat()})
    load(home, FIRST, LAST, LANDED_PLAYER_BOX_SCORES)
    assert morning(home, LAST) == {NO_GAME_MISSING_CHECK: False, GAMES_A_TEAM_CHECK: True}

    [alert] = [alert for alert in home.alerts() if alert["kind"] == AlertKind.GAME_MISSING]
    command = f"nba-pipeline backfill --from {HIDDEN_ON} --to {HIDDEN_ON}"
    assert alert["mend"] == command
    assert f"{HIDDEN_ON}: game " in alert["what"]
    [problem] = problems(home, LAST)
    assert f"is on the schedule of 2025-26 and not in raw.games of the date. Next: {command}" in problem

    home.at(datetime.combine(LAST + timedelta(days=1), time(4, 30), NEW_YORK))
    [again] = home.tick_schedule("last_14_days_again", home.now).runs
    assert again.is_success
    # Box scores wait for their schedule, and follow it with the next tick.
    for _ in range(2):
        assert home.tick_sensor("raw_when_upstream_is_fresh").runs
    played = set(league.games[league.games["game_date"] == HIDDEN_ON]["game_id"])
    for table in (games.CONTRACT, player_box_scores.CONTRACT):
        rows = published_rows(home, table)
        assert set(rows[rows["game_date"] == HIDDEN_ON]["game_id"]) == played, table.name
    assert problems(home, LAST) == []
    assert morning(home, LAST + timedelta(days=1)) == {NO_GAME_MISSING_CHECK: True, GAMES_A_TEAM_CHECK: True}
    said = [said["outcome"] for said in home.everything_said() if said["kind"] == AlertKind.GAME_MISSING]
    assert said == [SENT, RESOLVED]


def test_a_game_that_no_answer_lists_is_told_by_its_two_teams_once_the_schedule_is_whole(
    daemon: Daemon, league: League
) -> None:
    hidden = {"kind": "missing_game", "game_date": "2026-01-05", "absent_from": ["games"]}
    home = daemon(at_ten_past_five(date(2025, 12, 15)), hidden)
    assert morning(home, date(2025, 12, 15))[GAMES_A_TEAM_CHECK]
    assert morning(home, date(2025, 12, 16)) == {NO_GAME_MISSING_CHECK: True, GAMES_A_TEAM_CHECK: False}
    [alert] = [alert for alert in home.alerts() if alert["kind"] == AlertKind.GAME_MISSING]
    assert alert["mend"] == "nba-pipeline landing schedule --season 2025"

    environment = {
        "NBA_PIPELINE_HOME": str(home.home), "NBA_PIPELINE_NOW": "2025-12-16T12:00:00Z", "BALLDONTLIE_API_KEY": "k",
        "BALLDONTLIE_API_URL": home.server.url, "BALLDONTLIE_REQUESTS_PER_MINUTE": "100000", "COLUMNS": "200",
    }  # fmt: skip
    said = CliRunner(env=environment).invoke(app, ["landing", "schedule"])
    assert said.exit_code == 1, said.output
    game = league.games[league.games["game_date"] == date(2026, 1, 5)].iloc[0]
    names = {team.id: team.abbreviation for team in league.teams}
    one, other = sorted(names[int(game[f"{side}_team_id"])] for side in ("home", "visitor"))
    sentence = f"the schedule of 2025-26 lists 81 of 82 games of {one} and {other}; a game is in no answer"
    assert sentence in said.output
    assert sentence in alert["what"]
    nobody_counts = {**environment, "NBA_PIPELINE_GAMES_A_TEAM": "0"}
    assert CliRunner(env=nobody_counts).invoke(app, ["landing", "schedule"]).exit_code == 0


def test_a_landed_schedule_that_is_damaged_is_a_problem_and_stops_no_report(daemon: Daemon) -> None:
    home = daemon(at_ten_past_five(FIRST))
    morning(home, FIRST)
    newest = Landing(home.settings.landing_path).newest(SEASON_GAMES, season_bounds(SEASON))
    assert newest is not None
    (home.settings.landing_path / newest.key / "capture.json").write_text("{")
    load(home, FIRST, FIRST)
    [problem] = problems(home, FIRST)
    assert "capture.json is damaged" in problem
    assert problem.endswith("Next: nba-pipeline landing schedule --season 2025")


@pytest.mark.parametrize("season", ["2019", "2031"])
def test_a_season_of_which_nothing_can_be_known_is_refused_or_expects_nothing(daemon: Daemon, season: str) -> None:
    home = daemon(at_ten_past_five(FIRST))
    environment = {
        "NBA_PIPELINE_HOME": str(home.home), "NBA_PIPELINE_NOW": "2025-12-16T12:00:00Z", "BALLDONTLIE_API_KEY": "k",
        "BALLDONTLIE_API_URL": home.server.url, "BALLDONTLIE_REQUESTS_PER_MINUTE": "100000",
    }  # fmt: skip
    said = CliRunner(env=environment).invoke(app, ["landing", "schedule", "--season", season, "--json"])
    assert said.exit_code == (0 if season == "2019" else 2)
