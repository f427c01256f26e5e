"""Walk forward over real seasons with the shipped pipeline, and print how wrong it was.

    .venv/bin/python -m benchmarks.walk_forward --data DIR --home HOME [--seasons 2021 2022 2023] [--json FILE]

Every date is predicted from what was known before it. The replay server's clock is moved through each season: on
the morning of a date its rosters are landed, and shortly before each tip-off the injury report, which is the proxy
that docs/replay-server.md describes. Then the shipped `backfill` makes everything, the predictions in both settings.
What was landed before is not asked for again, so a walk that was ended goes on.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path

os.environ["NBA_PIPELINE_NOW"] = "2024-06-01T16:00:00+00:00"
os.environ.pop("DAGSTER_HOME", None)

from pydantic import SecretStr

from nba_pipeline.cli.backfill_commands import run_backfill
from nba_pipeline.cli.prediction_commands import accuracy_table, by_stat_and_setting
from nba_pipeline.clock import NEW_YORK, Clock, season_of
from nba_pipeline.contracts import Phase
from nba_pipeline.grades.daily_scoreboard import POPULATIONS
from nba_pipeline.league.model import League
from nba_pipeline.league.parquet_seasons import read_seasons
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.monitoring.outcome import console
from nba_pipeline.monitoring.outlook import accuracy_of
from nba_pipeline.partitions import season_start
from nba_pipeline.predictions.walk_forward.walk import HISTORY_SEASONS
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings
from nba_pipeline.sources.balldontlie import INJURIES, BalldontlieClient
from nba_pipeline.sources.landing import Landing

AFTER = datetime.fromisoformat(os.environ["NBA_PIPELINE_NOW"])
"""When everything is over; partitions end here."""

END_OF_SEASON = 6, 30
"""Month and day of the last partition of a season."""

MORNING = time_of_day(9, 0)

BEFORE_TIP_OFF = timedelta(minutes=20)
"""The proxy is served from 30 minutes before tip-off."""

HISTORY = (Phase.LANDING, Phase.RAW, Phase.ANALYTICS, Phase.PRECOMPUTE)
"""What is made of the seasons that are only learned from."""


class Walk:
    """A home, the replay server that it asks, and the clock that both share."""

    def __init__(self, home: Path, league: League, server: LeagueServer) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.league = league
        self.server = server
        self.clock_file = home / "now"
        self.settings = Settings(
            home=home, now=AFTER, clock_file=self.clock_file, automation="off",
            balldontlie_api_url=server.url, balldontlie_api_key=SecretStr("any"),
            balldontlie_requests_per_minute=1_000_000, http_wait_min_seconds=0.1, http_wait_max_seconds=1,
        )  # fmt: skip
        self.at(AFTER)

    def at(self, now: datetime) -> None:
        """Moves the clock of the league and of the pipeline."""
        self.clock_file.write_text(now.isoformat())
        self.server.clock.fixed = now

    def season(self, season: int, phases: Sequence[Phase]) -> bool:
        """Lands what was known before each game of a season and makes its phases; whether all is complete."""
        dates = sorted({day for day in self.league.games["game_date"] if season_of(day) == season})
        began = time.monotonic()
        self.land_what_was_known(dates)
        landed = time.monotonic()
        self.at(AFTER)
        # Whole seasons: what is made of their history asks for every date before, games or not.
        first, last = season_start(season), min(date(season + 1, *END_OF_SEASON), AFTER.date() - timedelta(days=1))
        exit_code = run_backfill(self.settings, first, last, phases, history=False, as_json=False)
        seconds = landed - began, time.monotonic() - landed
        console.print(f"{season}: landed in {seconds[0]:.0f} s, made in {seconds[1]:.0f} s, exit code {exit_code}")
        return exit_code == 0

    def land_what_was_known(self, dates: Sequence[date]) -> None:
        """Asks for rosters and injury reports at the instants at which they were news."""
        landing = Landing(self.settings.landing_path)
        client = BalldontlieClient(self.settings, landing, Clock.from_settings(self.settings))
        for day in dates:
            if landing.latest(INJURIES, day) is not None:
                continue
            self.at(datetime.combine(day, MORNING, tzinfo=NEW_YORK).astimezone(UTC))
            client.land_active_players(day, day)
            for instant in before_each_tip_off(self.league, day):
                self.at(instant)
                client.land_injuries(day, day)


def before_each_tip_off(league: League, day: date) -> Iterator[datetime]:
    """The instants shortly before the tip-offs of a date, in order."""
    games = league.games[league.games["game_date"] == day]
    for tip in sorted(set(games["tipoff_at"])):
        yield tip.to_pydatetime().astimezone(UTC) - BEFORE_TIP_OFF


def report(settings: Settings, seasons: Sequence[int], path: Path | None) -> None:
    """Prints the scores of each season by statistic, setting and population, and writes them as JSON."""
    found = {}
    for season in seasons:
        first, last = season_start(season), season_start(season + 1) - timedelta(days=1)
        for population in POPULATIONS:
            scores = accuracy_of(Runtime(settings).warehouse, first, last, population=population)
            found[f"{season} {population}"] = scores
            for what, chosen in by_stat_and_setting(scores).items():
                console.print(accuracy_table(chosen, f"{season}: {what}, {population} players"))
    if path:
        path.write_text(json.dumps(found, indent=2))


def main() -> int:
    """Runs the walk; 0 when every date is complete."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of player_box_scores_<season>.parquet")
    parser.add_argument("--home", type=Path, required=True, help="folder of the walk's own")
    parser.add_argument("--seasons", type=int, nargs="+", default=[2021, 2022, 2023], help="first years of seasons")
    parser.add_argument("--json", type=Path, help="where to write the scores")
    arguments = parser.parse_args()
    # One season more than is learned from: the features of the first look back on it.
    walked = range(min(arguments.seasons) - HISTORY_SEASONS - 1, max(arguments.seasons) + 1)
    league = read_seasons(arguments.data)
    with LeagueServer(league, now=AFTER) as server:
        walk = Walk(arguments.home.resolve(), league, server)
        complete = True
        for season in walked:
            predicted = season in arguments.seasons
            complete &= walk.season(season, list(Phase) if predicted else list(HISTORY))
            if not (complete or predicted):
                return 1
        # What was predicted is scored even where the pipeline refused something that follows from it.
        report(walk.settings, arguments.seasons, arguments.json)
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
