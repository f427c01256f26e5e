"""What a schedule cannot mean: such a game is marked as unclear, by rule, and the others of its date stand.

Pure: rows of `raw.games` in, the same rows out, with what became of some of them and why.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nba_pipeline.clock import season_of
from nba_pipeline.contracts import Contract
from nba_pipeline.raw.rules.corrections import GameKey
from nba_pipeline.sources.records import NOT_PLAYED, UNCLEAR, Status

SIDES = ("home", "visitor")

Row = dict[str, Any]
Reasons = dict[GameKey, list[str]]


def clear_games(rows: Iterable[Mapping[str, Any]], table: Contract) -> tuple[list[Row], dict[GameKey, str]]:
    """One row a game, with those marked that cannot be as they are listed, and why, by game. `table` is the contract.

    A game is unclear when it is listed twice with different content, has a value that cannot be, is played by nobody
    known or by one team alone, or shares a team with another game of the date. Of two games of a team, one that is
    final is the one that it played, and one that is not final is then put off.
    """
    found, reasons = _once(rows)
    for row in found:
        if row["status"] in NOT_PLAYED:
            row |= _possible(row, table)
        elif why := impossible(row, table):
            reasons.setdefault(_key(row), []).extend(why)
    _mark(found, reasons, table)
    told = {key: "; ".join(why) for key, why in reasons.items()}
    put_off = _beside_final_games(found)
    for row in found:
        if why := put_off.get(_key(row)):
            row |= _without_result("postponed", why) | _possible(row, table)
    twice = _of_teams_that_play_twice(found)
    _mark(found, twice, table)
    return found, told | put_off | {key: "; ".join(why) for key, why in twice.items()}


def impossible(row: Mapping[str, Any], table: Contract) -> list[str]:
    """What of the row of a game that is to be played cannot be."""
    said = []
    for column in table.columns:
        value = row[column.name]
        if value is None and not column.nullable:
            said.append(f"{column.name} is missing")
        if value is not None and column.between is not None and not column.between[0] <= value <= column.between[1]:
            said.append(f"{column.name} is {value}, outside {column.between[0]:g} to {column.between[1]:g}")
    teams = [(row[f"{side}_team_id"], row[f"{side}_team"]) for side in SIDES]
    if any(None in team for team in teams):
        said.append(f"it is {row['status']} without both teams")
    elif teams[0][0] == teams[1][0] or teams[0][1] == teams[1][1]:
        said.append(f"{teams[0][1]} plays against itself")
    if row["status"] != "final" and any(row[f"{side}_score"] is not None for side in SIDES):
        said.append(f"it is {row['status']} with a score")
    return said


def _once(rows: Iterable[Mapping[str, Any]]) -> tuple[list[Row], Reasons]:
    """One row a game: the same row twice says nothing new, nor does one that cannot be read beside one that can."""
    listed: dict[GameKey, list[Row]] = {}
    for row in rows:
        listed.setdefault(_key(row), []).append(dict(row))
    found, reasons = [], {}
    for key, mine in listed.items():
        read = [row for row in mine if row["status"] != UNCLEAR] or mine[:1]
        found.append(read[0])
        if any(row != read[0] for row in read):
            reasons[key] = [f"the source lists it {len(read)} times, and not the same of it"]
    return found, reasons


def _beside_final_games(rows: Sequence[Row]) -> dict[GameKey, str]:
    """Why games that are not final are not played on their date: another game of one of the teams is final."""
    final = {
        (row["game_date"], team): row["game_id"] for row in rows if row["status"] == "final" for team in _teams(row)
    }
    found = {}
    for row in rows:
        played = [team for team in _teams(row) if (row["game_date"], team) in final]
        if played and row["status"] not in ("final", *NOT_PLAYED):
            found[_key(row)] = f"{played[0]} played game {final[row['game_date'], played[0]]} on this date"
    return found


def _of_teams_that_play_twice(rows: Sequence[Row]) -> Reasons:
    """Why games are unclear that are to be played: one of their teams has another on the date."""
    playing: dict[tuple[Any, str], list[int]] = {}
    for row in rows:
        for team in _teams(row) if row["status"] not in NOT_PLAYED else ():
            playing.setdefault((row["game_date"], team), []).append(row["game_id"])
    reasons: Reasons = {}
    for (day, team), games in playing.items():
        for game in games if len(games) > 1 else ():
            others = " and ".join(f"game {other}" for other in games if other != game)
            reasons.setdefault((day, game), []).append(f"{team} is listed for {others} on this date too")
    return reasons


def _mark(rows: Iterable[Row], reasons: Mapping[GameKey, Sequence[str]], table: Contract) -> None:
    for row in rows:
        if why := reasons.get(_key(row)):
            row |= _without_result(UNCLEAR, "; ".join(why))
            row |= _possible(row, table)


def _without_result(status: Status, why: str) -> Row:
    return {"status": status, "status_text": why, "moved_to": None}


def _possible(row: Row, table: Contract) -> Row:
    """What a game that is not played has no part in, and what is put for a season that cannot be.

    Of a team with an id and no name, or a name and no id, nobody knows which it is.
    """
    season = next(column for column in table.columns if column.name == "season")
    low, high = season.between or (row["season"], row["season"])
    possible: Row = {"home_score": None, "visitor_score": None, "period": 0}
    if not low <= row["season"] <= high:
        possible["season"] = season_of(row["game_date"])
    for side in SIDES:
        if None in (row[f"{side}_team_id"], row[f"{side}_team"]):
            possible |= {f"{side}_team_id": None, f"{side}_team": None}
    return possible


def _key(row: Mapping[str, Any]) -> GameKey:
    return row["game_date"], row["game_id"]


def _teams(row: Mapping[str, Any]) -> list[str]:
    return [row[f"{side}_team"] for side in SIDES]
