"""Whose games a feature is made from: said by each feature, and read by who explains a prediction."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Whose(Enum):
    """Who played in the games that a value is made from.

    A game is a player's if he played in it; one that he sat out is only his team's. Somebody's games are all that he
    played, for whatever team.
    """

    PLAYER = "the player's"
    PLAYER_FOR_TEAM = "the player's for his present team"
    PLAYER_AGAINST_OPPONENT = "the player's against this opponent"
    TEAM = "his team's"
    OPPONENT = "the opponent's"
    TEAMMATES = "those of his teammates who are expected"
    TEAMMATES_OF_TEAM = "those of his expected teammates who have played for the team"
    OUT_TEAMMATES = "those of his teammates whom the injury report lists as out"
    MISSING_TEAMMATES = "those of his expected teammates who have played for the team and are out or doubtful"
    DEPARTED = "those of players who played for the team lately and are not expected any more"
    OUT_OPPONENTS = "those of opponents whom the injury report lists as out"
    MISSING_OPPONENTS = "those of expected opponents who have played for their team and are out or doubtful"
    POSITION = "those of everybody of his position in the league"
    EVERYBODY = "those of everybody in the league"


class Within(Enum):
    """How far back from the date the games are looked at."""

    TWO_SEASONS = "this season and the one before"
    THIS_SEASON = "this season"
    SEASON_BEFORE = "the season before"
    LAST_7_DAYS = "the 7 days before"
    LAST_14_DAYS = "the 14 days before"
    LAST_20_DAYS = "the 20 days before"


DAYS: Mapping[Within, int] = {Within.LAST_7_DAYS: 7, Within.LAST_14_DAYS: 14, Within.LAST_20_DAYS: 20}
"""How many days before the date are looked at, where it is not seasons."""


@dataclass(frozen=True)
class Games:
    """Some games before the date: whose, and how far back."""

    whose: Whose
    within: Within = Within.TWO_SEASONS


@dataclass(frozen=True)
class MadeFrom:
    """The games that a value is made from; no games for what the schedule, the injury report and the lines say.

    `only_with` are those of `games` without which the value is 0 whatever the others brought, as what teammates leave
    who are out when nobody is: it is then made from no game at all.
    """

    games: frozenset[Games]
    only_with: Games | None = None

    def __post_init__(self) -> None:
        """Raises `ValueError` when `only_with` is not among the games."""
        if self.only_with is not None and self.only_with not in self.games:
            raise ValueError(f"{self.only_with} is not among the games that the value is made from")

    def __or__(self, other: "MadeFrom") -> "MadeFrom":
        """The games of both. Raises `ValueError` for what is made from them only with some: that holds of no more."""
        if self.only_with or other.only_with:
            raise ValueError(f"{self.only_with or other.only_with} limits only a part of what this is made from")
        return MadeFrom(self.games | other.games)


def only_with(needed: Whose, others: MadeFrom) -> MadeFrom:
    """The games of `needed` and of the others, and none of them where `needed` is nobody."""
    return MadeFrom(others.games | {Games(needed)}, Games(needed))


def _of(whose: Whose, within: Within = Within.TWO_SEASONS) -> MadeFrom:
    return MadeFrom(frozenset({Games(whose, within)}))


NO_GAMES = MadeFrom(frozenset())

OWN = _of(Whose.PLAYER)
OWN_THIS_SEASON = _of(Whose.PLAYER, Within.THIS_SEASON)
OWN_SEASON_BEFORE = _of(Whose.PLAYER, Within.SEASON_BEFORE)
OWN_LAST_7_DAYS = _of(Whose.PLAYER, Within.LAST_7_DAYS)
OWN_LAST_14_DAYS = _of(Whose.PLAYER, Within.LAST_14_DAYS)
OWN_FOR_TEAM = _of(Whose.PLAYER_FOR_TEAM)
OWN_FOR_TEAM_THIS_SEASON = _of(Whose.PLAYER_FOR_TEAM, Within.THIS_SEASON)
OWN_AGAINST_OPPONENT = _of(Whose.PLAYER_AGAINST_OPPONENT)

TEAM = _of(Whose.TEAM)
TEAM_THIS_SEASON = _of(Whose.TEAM, Within.THIS_SEASON)
TEAM_LAST_20_DAYS = _of(Whose.TEAM, Within.LAST_20_DAYS)
OPPONENT = _of(Whose.OPPONENT)
OPPONENT_THIS_SEASON = _of(Whose.OPPONENT, Within.THIS_SEASON)

TEAMMATES = _of(Whose.TEAMMATES)
TEAMMATES_OF_TEAM = _of(Whose.TEAMMATES_OF_TEAM)
OUT_TEAMMATES = _of(Whose.OUT_TEAMMATES)
DEPARTED = _of(Whose.DEPARTED)
OUT_OPPONENTS = _of(Whose.OUT_OPPONENTS)

MISSING_TEAMMATES = only_with(Whose.MISSING_TEAMMATES, TEAM)
"""What is counted of teammates who are out and active, which the team's games tell."""

MISSING_OPPONENTS = only_with(Whose.MISSING_OPPONENTS, OPPONENT)
"""The same of the opponent."""

POSITION = _of(Whose.POSITION)
EVERYBODY_THIS_SEASON = _of(Whose.EVERYBODY, Within.THIS_SEASON)
