"""Real seasons from Parquet files, as a league. The layout is one file of box scores a season."""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from nba_pipeline.league.calendar import tip_off
from nba_pipeline.league.model import League, Player, Team

SEASON_FILE = re.compile(r"^player_box_scores_(\d{4})-\d{2}\.parquet$")

COLUMNS = {
    "field_goals_made": "fgm", "field_goals_attempted": "fga", "three_pointers_made": "fg3m",
    "three_pointers_attempted": "fg3a", "free_throws_made": "ftm", "free_throws_attempted": "fta",
    "offensive_rebounds": "oreb", "defensive_rebounds": "dreb", "assists": "ast", "steals": "stl",
    "blocks": "blk", "turnovers": "turnover", "personal_fouls": "pf",
}  # fmt: skip
"""Counting statistics: the name in the files, and the API's."""

NEEDED = (
    "game_id", "game_date", "team_id", "team", "opponent", "is_home", "player_id", "player_name", "minutes",
    "points", "plus_minus", *COLUMNS,
)  # fmt: skip

DIVISIONS = {
    ("East", "Atlantic"): "BOS BKN NYK PHI TOR",
    ("East", "Central"): "CHI CLE DET IND MIL",
    ("East", "Southeast"): "ATL CHA MIA ORL WAS",
    ("West", "Northwest"): "DEN MIN OKC POR UTA",
    ("West", "Pacific"): "GSW LAC LAL PHX SAC",
    ("West", "Southwest"): "DAL HOU MEM NOP SAS",
}

POSITIONS = {"Guard": "G", "Forward": "F", "Center": "C"}

TEAM_MINUTES, OVERTIME_TEAM_MINUTES = 240, 25


class SeasonFileError(ValueError):
    """A file of the folder cannot be served; the message names it and the mend."""


def read_seasons(directory: Path) -> League:
    """The league of every season file in a folder; ids are kept, as integers.

    Raises `SeasonFileError`, naming the file, for one that cannot be read, lacks a column or contradicts
    itself.
    """
    paths = sorted(path for path in directory.glob("player_box_scores_*.parquet") if SEASON_FILE.match(path.name))
    if not paths:
        raise SeasonFileError(
            f"{directory} has no player_box_scores_<season>.parquet, such as player_box_scores_2023-24.parquet"
        )
    rows = pd.concat([_read_season(path) for path in paths], ignore_index=True)
    names = _team_names(directory)
    bios = _bios(directory)
    box = rows.rename(columns=COLUMNS)[
        ["game_id", "player_id", "team_id", "minutes", "plus_minus", *COLUMNS.values()]
    ].assign(sat=False)
    return League(_teams(rows, names), _players(rows, bios), _games(rows), box)


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise SeasonFileError(f"{path} cannot be read as Parquet: {error}. Replace the file.") from error


def _read_season(path: Path) -> pd.DataFrame:
    rows = _read_parquet(path)
    missing = [name for name in NEEDED if name not in rows.columns]
    if missing:
        raise SeasonFileError(f"{path} lacks the columns {', '.join(missing)}; a season file has all of the layout")
    nulls = [name for name in NEEDED if rows[name].isna().any()]
    if nulls:
        row = int(rows[nulls[0]].isna().to_numpy().argmax())
        raise SeasonFileError(f"{path}, row {row}: {nulls[0]} is missing. Fill it in or leave the row out.")
    rows = rows.assign(
        game_id=rows["game_id"].astype("int64"),
        game_date=pd.to_datetime(rows["game_date"]).dt.date,
        season=int(SEASON_FILE.match(path.name)[1]),  # type: ignore[index]
    )
    doubled = rows.duplicated(["game_id", "player_id"]).to_numpy()
    if doubled.any():
        row = rows.iloc[int(doubled.argmax())]
        raise SeasonFileError(f"{path}: game {row['game_id']} has player {row['player_id']} twice. Remove one row.")
    wrong = rows["points"] != 2 * rows["field_goals_made"] + rows["three_pointers_made"] + rows["free_throws_made"]
    if wrong.any():
        row = rows.iloc[int(wrong.to_numpy().argmax())]
        raise SeasonFileError(
            f"{path}: the points of player {row['player_id']} in game {row['game_id']} do not follow from his shots"
        )
    return rows


def _team_names(directory: Path) -> dict[int, str]:
    path = directory / "teams.parquet"
    if not path.exists():
        return {}
    teams = _read_parquet(path).sort_values("season")
    return dict(zip(teams["team_id"], teams["team_name"], strict=True))


def _bios(directory: Path) -> dict[int, dict[str, object]]:
    found: dict[int, dict[str, object]] = {}
    for path in sorted(directory.glob("player_bios_*.parquet")):
        found |= {int(row["player_id"]): row for row in _read_parquet(path).to_dict("records")}
    return found


def _teams(rows: pd.DataFrame, names: dict[int, str]) -> tuple[Team, ...]:
    latest = rows.sort_values("game_date").drop_duplicates("team_id", keep="last").sort_values("team_id")
    teams = []
    for team_id, short in zip(latest["team_id"], latest["team"], strict=True):
        place = next((key for key, members in DIVISIONS.items() if short in members.split()), ("East", "Atlantic"))
        city, _, name = names.get(team_id, f"{short} {short}").rpartition(" ")
        teams.append(Team(int(team_id), *place, city or short, name, short))
    return tuple(teams)


def _players(rows: pd.DataFrame, bios: dict[int, dict[str, object]]) -> dict[int, Player]:
    latest = rows.sort_values("game_date").drop_duplicates("player_id", keep="last").sort_values("player_id")
    players = {}
    for number, full_name in zip(latest["player_id"], latest["player_name"], strict=True):
        first, _, last = str(full_name).partition(" ")
        bio = bios.get(int(number), {})
        position = "-".join(POSITIONS[word] for word in str(bio.get("position", "")).split("-") if word in POSITIONS)
        weight = bio.get("weight")
        players[int(number)] = Player(
            int(number),
            first,
            last,
            position=position or None,
            height=str(bio["height"]) if bio.get("height") else None,
            weight=str(int(float(str(weight)))) if weight is not None and weight == weight else None,
        )
    return players


def _games(rows: pd.DataFrame) -> pd.DataFrame:
    """The games that the box scores tell of: scores are sums, and overtimes follow from the minutes."""
    sides = rows.groupby(["season", "game_date", "game_id", "team_id", "team", "is_home"], as_index=False).agg(
        score=("points", "sum"), minutes=("minutes", "sum")
    )
    sides = sides.astype({"score": "int64", "minutes": "int64"})
    keys = ["season", "game_date", "game_id"]
    home = sides[sides["is_home"]].drop(columns="is_home")
    visitor = sides[~sides["is_home"]].drop(columns="is_home")
    games = home.merge(visitor, on=keys, suffixes=("_home", "_visitor"))
    if len(games) * 2 != len(sides):
        odd = sorted(set(sides["game_id"]) - set(games["game_id"]))
        raise SeasonFileError(f"games without exactly one home and one visiting team: {odd[:5]}")
    extra = (games["minutes_home"] + games["minutes_visitor"]) / 2 - TEAM_MINUTES
    number = games.groupby("game_date").cumcount() + 1
    tips = _tip_offs(games["game_date"].tolist(), games["team_home"].tolist(), number.tolist())
    return pd.DataFrame(
        {
            **{key: games[key] for key in keys},
            "postseason": False,
            "tipoff_at": pd.to_datetime(tips, utc=True),
            "overtimes": np.maximum(np.rint(extra / OVERTIME_TEAM_MINUTES), 0).astype(int),
            "home_team_id": games["team_id_home"],
            "visitor_team_id": games["team_id_visitor"],
            "home_score": games["score_home"],
            "visitor_score": games["score_visitor"],
        }
    )


def _tip_offs(days: Sequence[date], homes: Sequence[str], numbers: Sequence[int]) -> list[object]:
    return [tip_off(day, home, number) for day, home, number in zip(days, homes, numbers, strict=True)]
