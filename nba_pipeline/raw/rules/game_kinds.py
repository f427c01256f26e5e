"""What kind a game is, and whether it counts: for statistics, histories, predictions and grades alike. Pure.

The source tells play-offs from the rest and nothing else, so that a kind is known from the league's own ids, where a
source keeps them, inferred by the rules of `kind_of`, or unknown.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Literal

from nba_pipeline.sources.records import GameRecord
from nba_pipeline.sources.season_games import opening

Kind = Literal["preseason", "regular", "all-star", "play-offs", "play-in", "cup final", "exhibition", "unknown"]

NOT_COUNTING: tuple[Kind, ...] = ("preseason", "all-star", "exhibition")
"""Kinds of games that count for nothing. Every other counts, the unknown ones too: a real game is never lost."""

SOURCE_TEAM_IDS = frozenset(range(1, 31))
LEAGUE_TEAM_IDS = frozenset(range(1610612737, 1610612767))
"""The league's own ids of its teams, which files of seasons keep."""

TEAM_IDS = SOURCE_TEAM_IDS | LEAGUE_TEAM_IDS
"""The ids of the thirty teams. All-star teams and clubs from abroad have others."""

KIND_DIGITS: Mapping[int, Kind] = {
    1: "preseason",
    2: "regular",
    3: "all-star",
    4: "play-offs",
    5: "play-in",
    6: "cup final",
}
"""How the league's own id of a game says its kind: 0022300061 is of the regular season of 2023-24."""

EARLIEST_OPENING = (10, 15)
"""Month and day before which no season has begun: the earliest opening since 1980 was on 16 October 2018."""

LATEST_PRESEASON = (10, 31)
"""The last day on which an unknown opening leaves the kind of a game open."""

NO_OPENINGS: Mapping[int, date | None] = MappingProxyType({})


def kind_of(game: Mapping[str, Any], opens: date | None = None) -> Kind:
    """The kind of a game, given as a row of `raw.games`; `opens` is the first date of its season, where it is known.

    In this order: what the league's own id says; a team that is none of the thirty makes an exhibition; the source
    marks the play-offs; before the season's first date a game is preseason, and so is one before the earliest that
    there can be; what is left is of the regular season, or unknown where it could be the one or the other.
    """
    teams = {game["home_team_id"], game["visitor_team_id"]} - {None}
    if (said := _said_by_id(game["game_id"], game["season"])) and teams and teams & LEAGUE_TEAM_IDS == teams:
        return said
    if not teams <= TEAM_IDS:
        return "exhibition"
    if game["postseason"]:
        return "play-offs"
    day: date = game["game_date"]
    if day.year != game["season"]:
        return "regular"
    if day < (opens or date(day.year, *EARLIEST_OPENING)):
        return "preseason"
    return "unknown" if opens is None and needs_opening(day) else "regular"


def needs_opening(day: date) -> bool:
    """Whether only the first date of the season tells whether a game of this date is preseason."""
    return date(day.year, *EARLIEST_OPENING) <= day <= date(day.year, *LATEST_PRESEASON)


def opening_of(season: int, listed: Iterable[GameRecord]) -> date | None:
    """The first date of a season by its schedule: that after the last rest of the first weeks.

    None for a schedule without a game before the earliest opening, which has no preseason in it, or not all of it: its
    first rest may be any.
    """
    days = [game.game_date for game in listed if game.season == season and not game.postseason]
    earliest = date(season, *EARLIEST_OPENING)
    found = opening(days) if any(day < earliest for day in days) else None
    return found if found is not None and earliest <= found <= date(season, *LATEST_PRESEASON) else None


def _said_by_id(game_id: int, season: int) -> Kind | None:
    """What the league's own id says; none is one that is not of its season."""
    kind, of_season = divmod(game_id // 100_000, 100)
    return KIND_DIGITS.get(kind) if of_season == season % 100 else None
