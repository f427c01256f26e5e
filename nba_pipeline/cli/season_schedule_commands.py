"""What a person asks about the season's schedule: every team's games, and which of them are missing."""

from rich.table import Table as RichTable

from nba_pipeline.clock import season_of
from nba_pipeline.monitoring.outcome import NotTriedError, Outcome, console, end, refusing, say
from nba_pipeline.monitoring.season_schedule import KnownSchedule, newest_schedule
from nba_pipeline.partitions import season_bounds
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings
from nba_pipeline.sources.errors import SourceRefused, SourceUnavailable
from nba_pipeline.sources.season_games import season_name


@refusing
def run_landing_schedule(settings: Settings, season: int | None, *, as_json: bool) -> int:
    """Asks for a season's schedule now and prints what it lists; 1 when a game is missing, 2 without an answer."""
    runtime = Runtime(settings)
    this_season = season_of(runtime.clock.today())
    chosen = this_season if season is None else season
    if chosen > this_season + 1:
        raise NotTriedError(f"nothing is known of {season_name(chosen)} yet; --season takes the year it begins in")
    try:
        runtime.source.land_season_games(chosen, *season_bounds(chosen))
    except (SourceRefused, SourceUnavailable) as error:
        raise NotTriedError(str(error)) from error
    known = newest_schedule(runtime.gatekeeper, chosen)
    if known is None:
        raise NotTriedError(f"the schedule of {season_name(chosen)} was landed and is gone again from the landing")
    found = known
    causes = tuple(map(str, found.causes()))

    def print_it() -> None:
        console.print(_table(found))
        if not found.is_complete:
            say([f"The count says nothing before 16 December {chosen}: games that the cup decides are not listed yet."])
        say(causes, style="red")

    return end(Outcome(undone=causes), _object(found), print_it, as_json=as_json)


def _table(known: KnownSchedule) -> RichTable:
    games = known.games
    table = RichTable(title=f"{season_name(known.season)}: games of the regular season")
    table.add_column("team")
    for heading in ("listed", "expected", "lacking"):
        table.add_column(heading, justify="right")
    for team in games.teams:
        expected = "-" if team.expected is None else str(team.expected)
        table.add_row(
            team.team, str(team.listed), expected, str(team.lacking or ""), style="red" if team.lacking else ""
        )
    return table


def _object(known: KnownSchedule) -> dict[str, object]:
    return {
        "season": known.season,
        "fetched_at": known.capture.fetched_at,
        "expected": known.games.expected,
        "is_whole": known.is_complete,
        "teams": [
            {"team": team.team, "listed": team.listed, "expected": team.expected, "lacking": team.lacking}
            for team in known.games.teams
        ],
        "lacking": known.games.reason,
        "missing": [
            {"game_date": day, "game_id": game.game_id, "home_team": game.home_team, "visitor_team": game.visitor_team}
            for day, games in known.missing.items()
            for game in games
        ],
    }
