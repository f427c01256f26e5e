"""Games that are no season games though the source lists them like one: all-star games, and clubs from abroad."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd

from nba_pipeline.clock import season_of
from nba_pipeline.league.calendar import tip_off
from nba_pipeline.league.faults import FaultError, UnusualGameFault
from nba_pipeline.league.model import COUNTS, League, Player, Team, points

ALL_STARS_A_TEAM, CLUB_PLAYERS = 12, 10
TEAM_MINUTES = 240

ALL_STAR_TEAMS = (("Team", "East", "EAS"), ("Team", "West", "WES"))
CLUB = ("Porto", "Aurora", "AUR")


def with_unusual_games(league: League, faults: Sequence[tuple[int, UnusualGameFault]]) -> tuple[League, dict[int, int]]:
    """The league with one more game for each of the faults, and the ids of these by the numbers of their rules.

    Raises `FaultError` where there is none: an all-star game before two dozen players have played in the season, a
    preseason game after its beginning, a date of no season of the league.
    """
    ids: dict[int, int] = {}
    for rule, fault in faults:
        if season_of(fault.game_date) not in set(league.games["season"]):
            raise FaultError(f"rule {rule}: {fault.game_date} is in no season of this league")
        ids[rule] = int(league.games["game_id"].max()) + 1
        make = _all_star_game if fault.what == "all_star" else _preseason_game
        league = make(league, rule, fault.game_date, ids[rule])
    return league, ids


def _all_star_game(league: League, rule: int, day: date, game_id: int) -> League:
    """The two dozen with the most points of the season so far; each does what he did in his last game."""
    past = _season_before(league, day)
    scored = past.assign(points=points(past)).groupby("player_id")["points"].sum()
    stars = scored.sort_values(ascending=False, kind="stable").index[: 2 * ALL_STARS_A_TEAM].tolist()
    if len(stars) < 2 * ALL_STARS_A_TEAM:
        raise FaultError(f"rule {rule}: too few have played in the season by {day} for an all-star game")
    latest = past.drop_duplicates("player_id", keep="last").set_index("player_id", drop=False)
    teams = _teams(league, ALL_STAR_TEAMS)
    rows = [latest.loc[star].to_dict() | {"team_id": teams[n % 2].id} for n, star in enumerate(stars)]
    return _with_game(league, teams, {}, rows, day, game_id)


def _season_before(league: League, day: date) -> pd.DataFrame:
    games = league.games
    before = games[(games["season"] == season_of(day)) & (games["game_date"] < day)]["game_id"]
    return league.box[league.box["game_id"].isin(before) & ~league.box["sat"]]


def _preseason_game(league: League, rule: int, day: date, game_id: int) -> League:
    """A team in the line-up of its season's first game, at home to a club that does what the other side did."""
    games = league.games[league.games["season"] == season_of(day)]
    if day >= games["game_date"].min():
        raise FaultError(
            f"rule {rule}: the season has begun by {day}; a preseason game is before {games['game_date'].min()}"
        )
    first = games.iloc[0]
    box = league.box[(league.box["game_id"] == first["game_id"]) & ~league.box["sat"]]
    ours = box[box["team_id"] == first["home_team_id"]].to_dict("records")
    theirs = box[box["team_id"] != first["home_team_id"]].head(CLUB_PLAYERS).to_dict("records")
    (club,) = _teams(league, (CLUB,))
    newest = max(league.players)
    players = {newest + n: Player(newest + n, f"Jogador{n}", "Aurora") for n in range(1, len(theirs) + 1)}
    theirs = [row | {"player_id": player, "team_id": club.id} for row, player in zip(theirs, players, strict=True)]
    home = league.by_team[int(first["home_team_id"])]
    return _with_game(league, (home, club), players, [*ours, *theirs], day, game_id)


def _teams(league: League, names: Sequence[tuple[str, str, str]]) -> tuple[Team, ...]:
    """Teams of no conference and no division."""
    newest = max(league.by_team)
    return tuple(
        Team(newest + n, "", "", city, name, abbreviation)
        for n, (city, name, abbreviation) in enumerate(names, start=1)
    )


def _with_game(
    league: League,
    sides: Sequence[Team],
    players: dict[int, Player],
    rows: list[dict[str, Any]],
    day: date,
    game_id: int,
) -> League:
    """The league with a game, of regulation length, that the rows make."""
    home, visitor = (team.id for team in sides)
    box = pd.DataFrame(rows)[["player_id", "team_id", "minutes", *COUNTS]].assign(
        game_id=game_id, sat=False, plus_minus=0
    )
    for team in (home, visitor):
        _share_minutes(box, team)
    if points(box[box["team_id"] == home]).sum() == points(box[box["team_id"] == visitor]).sum():
        box.loc[box.index[0], ["ftm", "fta"]] += 1
    scores = [int(points(box[box["team_id"] == team]).sum()) for team in (home, visitor)]
    game = {
        "game_id": game_id, "game_date": day, "season": season_of(day), "postseason": False,
        "tipoff_at": pd.Timestamp(tip_off(day, sides[0].abbreviation, 1)), "overtimes": 0,
        "home_team_id": home, "visitor_team_id": visitor, "home_score": scores[0], "visitor_score": scores[1],
    }  # fmt: skip
    new = tuple(team for team in sides if team.id not in league.by_team)
    return replace(
        league,
        teams=(*league.teams, *new),
        players=league.players | players,
        games=pd.concat([league.games, pd.DataFrame([game])], ignore_index=True),
        box=pd.concat([league.box.drop(columns="game_row"), box], ignore_index=True),
    )


def _share_minutes(box: pd.DataFrame, team: int) -> None:
    """Gives the players of a team equal minutes that sum to those of a game without overtime."""
    rows = box.index[box["team_id"] == team]
    whole, more = divmod(TEAM_MINUTES, len(rows))
    box.loc[rows, "minutes"] = [whole + (n < more) for n in range(len(rows))]
