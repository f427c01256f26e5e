"""Real seasons from Parquet files, as a league. The layout is one file of box scores a season."""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from nba_pipeline.clock import season_of
from nba_pipeline.league.calendar import tip_off
from nba_pipeline.league.model import League, Player, Team

SEASON_FILE = re.compile(r"^player_box_scores_(\d{4})-(\d{2})\.parquet$")

COLUMNS = {
    "field_goals_made": "fgm", "field_goals_attempted": "fga", "three_pointers_made": "fg3m",
    "three_pointers_attempted": "fg3a", "free_throws_made": "ftm", "free_throws_attempted": "fta",
    "offensive_rebounds": "oreb", "defensive_rebounds": "dreb", "assists": "ast", "steals": "stl",
    "blocks": "blk", "turnovers": "turnover", "personal_fouls": "pf",
}  # fmt: skip
"""Counting statistics: the name in the files, and the API's."""

NEEDED = (
    "game_id", "game_date", "team_id", "team", "opponent", "is_home", "player_id", "player_name", "minutes",
    "points", "rebounds", "plus_minus", *COLUMNS,
)  # fmt: skip

WHOLE = ("game_id", "team_id", "player_id", "minutes", "points", "rebounds", "plus_minus", *COLUMNS)

DIVISIONS = {
    ("East", "Atlantic"): "BOS BKN NYK PHI TOR",
    ("East", "Central"): "CHI CLE DET IND MIL",
    ("East", "Southeast"): "ATL CHA MIA ORL WAS",
    ("West", "Northwest"): "DEN MIN OKC POR UTA",
    ("West", "Pacific"): "GSW LAC LAL PHX SAC",
    ("West", "Southwest"): "DAL HOU MEM NOP SAS",
}

TWO_WORD_NAMES = ("Trail Blazers",)

POSITIONS = {"Guard": "G", "Forward": "F", "Center": "C"}

TEAM_MINUTES, OVERTIME_TEAM_MINUTES = 240, 25


class SeasonFileError(ValueError):
    """A file of the folder cannot be served; the message names it and what to correct."""


def read_seasons(directory: Path) -> League:
    """The league of every season file in a folder; ids are kept, as integers.

    Games, scores and overtimes follow from the box scores, so a season needs no row in `games.parquet`; where
    it has some, they must agree, and a game that has no box scores is served without statistics. Tip-offs are
    made up (`calendar.tip_off`): the files have none.

    Raises `SeasonFileError`, naming file, row and column and what to correct, for a file that cannot be read, lacks a
    column, has a value that is none of its kind, or contradicts itself or `games.parquet`.
    """
    rows = pd.concat([_read_season(path) for path in _season_files(directory)], ignore_index=True)
    twice = rows.groupby("game_id")["season"].nunique()
    if (twice > 1).any():
        raise SeasonFileError(f"{directory}: game {twice.idxmax()} is in the files of two seasons. Remove it from one.")
    games = _games(rows)
    games = pd.concat([games, *_games_without_box_scores(directory / "games.parquet", games)], ignore_index=True)
    box = rows.rename(columns=COLUMNS)[
        ["game_id", "player_id", "team_id", "minutes", "plus_minus", *COLUMNS.values()]
    ].assign(sat=False)
    return League(_teams(rows, _team_names(directory)), _players(rows, _bios(directory)), games, box)


def _season_files(directory: Path) -> list[Path]:
    """The season files of a folder. One with a name that is almost right is an error, not a missing season."""
    paths = sorted(directory.glob("player_box_scores_*.parquet"))
    if not paths:
        raise SeasonFileError(
            f"{directory} has no player_box_scores_<season>.parquet, such as player_box_scores_2023-24.parquet"
        )
    for path in paths:
        years = SEASON_FILE.match(path.name)
        if years is None or (int(years[1]) + 1) % 100 != int(years[2]):
            raise SeasonFileError(f"{path} names no season. Rename it, as in player_box_scores_2023-24.parquet.")
    return paths


def _read_parquet(path: Path, needed: Sequence[str]) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise SeasonFileError(f"{path} cannot be read as Parquet: {error}. Replace the file.") from error
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise SeasonFileError(f"{path} lacks the columns {', '.join(missing)}. Add them, as in the other files.")
    return frame.reset_index(drop=True)


def _read_season(path: Path) -> pd.DataFrame:
    rows = _read_parquet(path, NEEDED)
    for name in NEEDED:
        _refuse(path, rows[name].isna(), name, "is missing", "Fill it in or leave the row out.")
    days = pd.to_datetime(rows["game_date"], errors="coerce", format="ISO8601")
    _refuse(path, days.isna(), "game_date", "is no date", "Write it as YYYY-MM-DD.")
    _refuse(path, ~rows["is_home"].isin([True, False]), "is_home", "is neither true nor false", "Say which it is.")
    rows = rows.assign(
        **{name: _whole_numbers(path, rows[name], name) for name in WHOLE},
        game_date=days.dt.date,
        is_home=rows["is_home"].astype(bool),
        season=int(path.stem.split("_")[-1][:4]),
    )
    _refuse(path, days.dt.date.map(season_of) != rows["season"], "game_date", "is in another season", "Move the row.")
    twice = rows.duplicated(["game_id", "player_id"])
    _refuse(path, twice, "player_id", "is in this game already", "Remove one of the two rows.")
    _check_counts(path, rows)
    return rows


def _check_counts(path: Path, rows: pd.DataFrame) -> None:
    """Refuses rows of which the counts contradict each other."""
    advice = "Correct one of them."
    for kind in ("field_goals", "three_pointers", "free_throws"):
        more = rows[f"{kind}_made"] > rows[f"{kind}_attempted"]
        _refuse(path, more, f"{kind}_made", f"is more than {kind}_attempted", advice)
    scored = 2 * rows["field_goals_made"] + rows["three_pointers_made"] + rows["free_throws_made"]
    _refuse(path, rows["points"] != scored, "points", "does not follow from the shots made", advice)
    rebounds = rows["offensive_rebounds"] + rows["defensive_rebounds"]
    _refuse(path, rows["rebounds"] != rebounds, "rebounds", "is not offensive and defensive together", advice)


def _whole_numbers(path: Path, values: pd.Series, name: str) -> pd.Series:
    """The values as integers; "0022300061" is 22300061."""
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = numbers.isna() | (numbers % 1 != 0)
    if name != "plus_minus":
        wrong |= numbers < 0
    _refuse(path, wrong, name, "is no whole number", "Correct it or leave the row out.", values)
    return numbers.astype("int64")


def _refuse(
    path: Path, wrong: pd.Series, column: str, problem: str, advice: str, values: pd.Series | None = None
) -> None:
    """Raises `SeasonFileError` for the first row, counted from 0, that is wrong."""
    if wrong.any():
        row = int(wrong.to_numpy(dtype=bool).argmax())
        shown = "" if values is None else f" ({values.iloc[row]!r})"
        raise SeasonFileError(f"{path}, row {row}: {column}{shown} {problem}. {advice}")


def _games_without_box_scores(path: Path, games: pd.DataFrame) -> list[pd.DataFrame]:
    """The listed games of the served seasons that have no box scores: none, or one frame of them.

    Refuses a file that has another score, date or team than the box scores of the same game.
    """
    if not path.exists():
        return []
    numbers = ("game_id", "home_team_id", "visitor_team_id", "home_score", "visitor_score")
    listed = _read_parquet(path, (*numbers, "game_date", "home_team"))
    days = pd.to_datetime(listed["game_date"], errors="coerce", format="ISO8601")
    _refuse(path, days.isna(), "game_date", "is no date", "Write it as YYYY-MM-DD.")
    listed = listed.assign(**{name: _whole_numbers(path, listed[name], name) for name in numbers})
    listed = listed.assign(game_date=days.dt.date, season=days.dt.date.map(season_of))
    both = listed.merge(games, on="game_id", how="left", suffixes=("", "_played"), indicator=True)
    found = both["_merge"] == "both"
    for name in (*numbers[1:], "game_date"):
        other = found & (both[name] != both[f"{name}_played"])
        _refuse(path, other, name, "is not what the box scores of the game say", "Correct one of the two files.")
    without = ~found & listed["season"].isin(games["season"])
    known = {*games["home_team_id"], *games["visitor_team_id"]}
    for side in ("home_team_id", "visitor_team_id"):
        stranger = without & ~listed[side].isin(known)
        _refuse(path, stranger, side, "is a team without box scores", "Leave its games out.", listed[side])
    if not without.any():
        return []
    alone = listed[without]
    number = alone.groupby("game_date").cumcount() + 1
    tips = _tip_offs(alone["game_date"].tolist(), alone["home_team"].tolist(), number.tolist())
    columns = [name for name in games.columns if name in alone.columns]
    return [alone[columns].assign(postseason=False, overtimes=0, tipoff_at=pd.to_datetime(tips, utc=True))]


def _team_names(directory: Path) -> dict[int, str]:
    path = directory / "teams.parquet"
    if not path.exists():
        return {}
    teams = _read_parquet(path, ("season", "team_id", "team_name")).sort_values("season")
    return dict(zip(teams["team_id"], teams["team_name"], strict=True))


def _bios(directory: Path) -> dict[int, dict[str, object]]:
    found: dict[int, dict[str, object]] = {}
    for path in sorted(directory.glob("player_bios_*.parquet")):
        rows = _read_parquet(path, ("player_id", "position", "height", "weight")).to_dict("records")
        found |= {int(row["player_id"]): row for row in rows}
    return found


def _teams(rows: pd.DataFrame, names: dict[int, str]) -> tuple[Team, ...]:
    latest = rows.sort_values("game_date").drop_duplicates("team_id", keep="last").sort_values("team_id")
    teams = []
    for team_id, short in zip(latest["team_id"], latest["team"], strict=True):
        # A team that is not one of the thirty is in no division; to say one would be invented.
        place = next((key for key, members in DIVISIONS.items() if short in members.split()), ("", ""))
        city, name = _city_and_name(str(names.get(team_id, short)))
        teams.append(Team(int(team_id), *place, city, name, short))
    return tuple(teams)


def _city_and_name(full_name: str) -> tuple[str, str]:
    """A team's city and name; a name is one word but for those of `TWO_WORD_NAMES`."""
    words = 2 if full_name.endswith(TWO_WORD_NAMES) else 1
    parts = full_name.rsplit(" ", words)
    return (parts[0], " ".join(parts[1:])) if len(parts) > words else (full_name, full_name)


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
