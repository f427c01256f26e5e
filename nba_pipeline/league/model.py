"""A league in memory: teams, players, games and box scores, as they will have been in the end."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

COUNTS = ("fgm", "fga", "fg3m", "fg3a", "ftm", "fta", "oreb", "dreb", "ast", "stl", "blk", "turnover", "pf")
"""Counting statistics of a box-score row, by the names of the API; points and rebounds follow from them."""


@dataclass(frozen=True)
class Team:
    """One team, with the fields of the API."""

    id: int
    conference: str
    division: str
    city: str
    name: str
    abbreviation: str

    @property
    def full_name(self) -> str:
        """City and name."""
        return f"{self.city} {self.name}"


@dataclass(frozen=True)
class Player:
    """One player, with the fields of the API that are known."""

    id: int
    first_name: str
    last_name: str
    position: str | None = None
    height: str | None = None
    weight: str | None = None
    jersey_number: str | None = None
    country: str | None = None


@dataclass(frozen=True)
class Stay:
    """A player's time with a team, the last day included."""

    player_id: int
    team_id: int
    first_day: date
    last_day: date


@dataclass(frozen=True)
class Injury:
    """Days on which a player does not play, the last included, and since when people know it."""

    player_id: int
    first_day: date
    last_day: date
    description: str
    known_from: datetime


@dataclass(frozen=True)
class Prospects:
    """What the players of a team can do in a game: all on its roster, best first, the injured among them.

    `abilities` has a row a player and a column each of `ABILITIES`.
    """

    player_ids: tuple[int, ...]
    abilities: np.ndarray


ABILITIES = ("shots_a_minute", "three_share", "two_rate", "three_rate", "free_rate", "rebounds", "assists")
"""Shots a minute with the form of the day; the share of threes; rates of success; rebounds and assists a minute."""


@dataclass
class League:
    """Everything that happens in the seasons, whatever the clock says.

    `games` has one row a game: game_id, game_date, season, tipoff_at (UTC), postseason, home_team_id,
    visitor_team_id, home_score, visitor_score, overtimes. `box` has one row a player and game, sorted by
    date, game and player: game_row (position in `games`), game_id, player_id, team_id, minutes, sat, plus_minus
    and `COUNTS`.
    `stays` and `injuries` are empty when they are not known, and so are `prospects`, by game and team, which
    bookmakers look at. `seed` is what the simulation came from.
    """

    teams: tuple[Team, ...]
    players: dict[int, Player]
    games: pd.DataFrame
    box: pd.DataFrame
    stays: tuple[Stay, ...] = ()
    injuries: tuple[Injury, ...] = ()
    prospects: dict[tuple[int, int], Prospects] = field(default_factory=dict)
    seed: int = 0
    by_team: dict[int, Team] = field(init=False)

    def __post_init__(self) -> None:
        """Sorts the games and the box scores, and numbers the rows."""
        self.by_team = {team.id: team for team in self.teams}
        self.games = self.games.sort_values(["game_date", "game_id"]).reset_index(drop=True)
        rows = pd.Series(np.arange(len(self.games)), index=self.games["game_id"].to_numpy())
        box = self.box.assign(game_row=rows.loc[self.box["game_id"].to_numpy()].to_numpy())
        self.box = box.sort_values(["game_row", "player_id"]).reset_index(drop=True)

    @property
    def last_instant(self) -> datetime:
        """The tip-off of the last game."""
        return self.games["tipoff_at"].max().to_pydatetime()


def points(row: Any) -> Any:
    """Points that follow from the shots made; for a row, a frame or a mapping."""
    return 2 * row["fgm"] + row["fg3m"] + row["ftm"]
