"""How many games a team plays in a season, and which of them no answer lists. Pure: games in, sentences out."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from nba_pipeline.sources.records import GameRecord

GAMES_A_TEAM = 82
"""Of the regular season, since 1967-68."""

SHORTER_SEASONS = {1998: 50, 2011: 66, 2020: 72}
"""Two lockouts and a season that began in December."""

CUT_SHORT = frozenset({2019})
"""Stopped in March 2020, and taken up again by 22 teams: 63 to 75 games a team, so that no number reveals anything."""

NEVER_PLAYED = {2012: frozenset({"BOS", "IND"})}
"""Teams that played one game less than all others: this one was cancelled in April 2013."""

CUP_FINALS = {2023: date(2023, 12, 9), 2024: date(2024, 12, 17), 2025: date(2025, 12, 16)}
"""The cup final is the one game between the season's first and last that does not count for the 82."""

FIRST_CUP = min(CUP_FINALS)

SCHEDULE_IS_WHOLE = (12, 16)
"""Month and day from which a season's whole schedule is listed. The cup decides in December against whom every team
plays its last two games; until then it lists 80."""

PRESEASON_ENDS_WITHIN = timedelta(days=28)
DAYS_OF_REST = 2
"""Between preseason and season nobody plays for this many days, and never again within the first four weeks."""


def season_name(season: int) -> str:
    """How people name a season: 2025-26."""
    return f"{season}-{(season + 1) % 100:02d}"


def expected_games(season: int, games_a_team: int | None = None) -> int | None:
    """The games of the regular season that every team plays; None where no number is expected.

    `games_a_team` is another league's number, 0 for none; without it, the year says.
    """
    if games_a_team is not None:
        return games_a_team or None
    return None if season in CUT_SHORT else SHORTER_SEASONS.get(season, GAMES_A_TEAM)


def schedule_is_complete(season: int, today: date) -> bool:
    """Whether all games of the regular season should be listed by now."""
    return today >= date(season, *SCHEDULE_IS_WHOLE)


@dataclass(frozen=True)
class TeamGames:
    """How many games of a team's regular season are listed, and how many should be."""

    team: str
    listed: int
    expected: int | None

    @property
    def lacking(self) -> int:
        """The games that no answer lists."""
        return max(0, (self.expected or 0) - self.listed)


@dataclass(frozen=True)
class SeasonGames:
    """What a schedule lists of a season: every team, and the games of its league that are no preseason."""

    season: int
    teams: tuple[TeamGames, ...]
    games: tuple[GameRecord, ...]
    expected: int | None

    @property
    def lacking(self) -> tuple[TeamGames, ...]:
        """The teams of which games are in no answer."""
        return tuple(team for team in self.teams if team.lacking)

    @property
    def reason(self) -> str | None:
        """What is in no answer, as a sentence; None when nothing is, or no number is expected."""
        if self.expected and not self.teams:
            return f"the schedule of {season_name(self.season)} lists no game of any team"
        if not self.lacking:
            return None
        by_count: dict[tuple[int, int | None], list[str]] = {}
        for team in self.lacking:
            by_count.setdefault((team.listed, team.expected), []).append(team.team)
        listed = "; ".join(
            f"{count} of {expected} games of {_and(teams)}" for (count, expected), teams in sorted(by_count.items())
        )
        # A game lacks on both sides, as far as both teams are known.
        games = -(-sum(team.lacking for team in self.lacking) // 2)
        gone = "a game is in no answer" if games == 1 else f"{games} games are in no answer"
        return f"the schedule of {season_name(self.season)} lists {listed}; {gone}"


def season_games(season: int, listed: Iterable[GameRecord], games_a_team: int | None = None) -> SeasonGames:
    """The games that a season's schedule lists, counted by team.

    A game that is listed twice under one id is one game. A team is one of the league when it plays on more than one
    date after the preseason; all-star teams do not.
    """
    games = {game.game_id: game for game in listed if game.season == season and game.status != "cancelled"}
    begin = opening([game.game_date for game in games.values() if not game.postseason])
    played = [game for game in games.values() if begin is not None and game.game_date >= begin]
    dates: dict[str, set[date]] = {}
    for game in played:
        for team in filter(None, (game.home_team, game.visitor_team)):
            dates.setdefault(team, set()).add(game.game_date)
    teams = sorted(team for team, days in dates.items() if len(days) > 1)
    mine = [game for game in played if {game.home_team, game.visitor_team} <= {*teams}]
    regular = [game for game in mine if not game.postseason]
    final = None if games_a_team is not None else cup_final(season, regular)
    counted = Counter(team for game in regular if game.game_id != final for team in (game.home_team, game.visitor_team))
    expected = expected_games(season, games_a_team)
    less = NEVER_PLAYED.get(season, frozenset()) if games_a_team is None else frozenset()
    return SeasonGames(
        season,
        tuple(TeamGames(team, counted[team], expected and expected - (team in less)) for team in teams),
        tuple(sorted(mine, key=lambda game: (game.game_date, game.game_id))),
        expected,
    )


def cup_final(season: int, regular: Iterable[GameRecord]) -> int | None:
    """The game that is the cup final: the only one of its date, which is known, or else the last such in the middle of
    December."""
    if season < FIRST_CUP:
        return None
    by_date: dict[date, list[int]] = {}
    for game in regular:
        by_date.setdefault(game.game_date, []).append(game.game_id)
    if season in CUP_FINALS:
        days = [CUP_FINALS[season]]
    else:
        days = [day for day in by_date if date(season, 12, 5) <= day <= date(season, 12, 20)]
    alone = [day for day in days if len(by_date.get(day, ())) == 1]
    return by_date[max(alone)][0] if alone else None


def opening(days: Iterable[date]) -> date | None:
    """The first date that is no preseason: that after the last rest of the first weeks; None without any date."""
    dates = sorted(set(days))
    early = [day for day in dates if day <= dates[0] + PRESEASON_ENDS_WITHIN]
    rested = [day for before, day in pairwise(early) if (day - before).days > DAYS_OF_REST]
    return rested[-1] if rested else next(iter(dates), None)


GONE = ("cancelled", "moved")
"""States of a game that stands on a date no more. They follow from what was said of one game, so that a schedule that
lists it there contradicts them."""


@dataclass(frozen=True)
class PublishedGames:
    """The games that stand on each published date, and the state of those that are gone from it."""

    standing: Mapping[date, Collection[int]]
    gone: Mapping[tuple[date, int], str]

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]], dates: Iterable[date]) -> "PublishedGames":
        """From rows of `raw.games`, on the dates that are published."""
        standing: dict[date, set[int]] = {day: set() for day in dates}
        gone: dict[tuple[date, int], str] = {}
        for row in rows:
            if row["game_date"] not in standing:
                continue
            if row["status"] in GONE:
                gone[row["game_date"], row["game_id"]] = row["status"]
            else:
                standing[row["game_date"]].add(row["game_id"])
        return cls(standing, gone)


def missing_games(
    listed: Iterable[GameRecord], published: Mapping[date, Collection[int]], over: date
) -> dict[date, list[GameRecord]]:
    """By date, the games that a schedule lists and what was published of the date lacks; of dates before `over` only.

    A date of which nothing was published is not looked at: that it is missing is reported elsewhere.
    """
    found: dict[date, list[GameRecord]] = {}
    for game in listed:
        if game.game_date < over and game.game_id not in published.get(game.game_date, (game.game_id,)):
            found.setdefault(game.game_date, []).append(game)
    return dict(sorted(found.items()))


def missing_reason(
    season: int, games: Sequence[GameRecord], gone: Mapping[tuple[date, int], str] = MappingProxyType({})
) -> str:
    """Which games of a date are missing, and which are gone from it in raw.games, as a sentence."""
    by_state: dict[str, list[str]] = {}
    for game in games:
        state = gone.get((game.game_date, game.game_id), "")
        by_state.setdefault(state, []).append(f"game {game.game_id} ({game.visitor_team} at {game.home_team})")
    return "; ".join(
        f"{_and(named)} {'is' if len(named) == 1 else 'are'} on the schedule of {season_name(season)} and "
        f"{state or 'not'} in raw.games of the date"
        for state, named in sorted(by_state.items())
    )


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
