"""Decisions about one game whose facts the source has wrong or not at all: recorded, never edited, applied by rule.

A person (or the catalogue of known source faults) says hold it, take it as it is, or take these values for the
source's. What was decided is data: a table that only grows, from which follows what is in force at an instant.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

import ibis
import pyarrow as pa

from nba_pipeline.contracts import Column, Contract, Reader
from nba_pipeline.warehouse.interface import Session
from nba_pipeline.warehouse.operations_tables import GAME_DECISIONS

PLAYERS_SUM = "players_sum"
"""The correction that takes the sum of the players' points for the score of both teams."""

PLAYER = "player:"
"""How a correction of a player's row begins: `player:123`, or `player:123/BKN` for his row under one team."""

GAME_KEYS = ("game_date", "game_id", "season", "home_team_id", "home_team", "visitor_team_id", "visitor_team")
ROW_KEYS = ("game_date", "game_id", "player_id", "season", "team_id", "team")
"""Columns that say which row it is: no correction gives a row to another game, season, team or player."""

NOT_CORRECTED = {*GAME_KEYS, *ROW_KEYS}

Corrections = Mapping[str, Any]
PlayerRows = Sequence[Mapping[str, Any]]


class Ruling(StrEnum):
    """What was decided about a game."""

    HOLD = "hold"
    ACCEPT = "accept"
    CORRECT = "correct"
    RELEASE = "release"


_SAID = {
    Ruling.HOLD: "holds",
    Ruling.ACCEPT: "accepts as the source has it",
    Ruling.CORRECT: "corrects",
    Ruling.RELEASE: "takes back what was decided about",
}


@dataclass(frozen=True)
class GameDecision:
    """One decision about one game. Instants are UTC without an offset, as they stand in the warehouse.

    `until` is None for what counts until it is released.
    """

    game_date: date
    game_id: int
    ruling: Ruling
    corrections: Corrections = field(hash=False)
    decided_by: str
    reason: str
    until: datetime | None
    recorded_at: datetime

    @property
    def key(self) -> tuple[date, int]:
        """A game by date and id: a game that was put off stands on two dates under one id."""
        return self.game_date, self.game_id

    @property
    def values(self) -> str:
        """The corrections as people type them."""
        return ", ".join(_spelled(self.corrections))

    def __str__(self) -> str:
        """The decision as a sentence."""
        values = f" ({self.values})" if self.corrections else ""
        until = "" if self.ruling is Ruling.RELEASE else " until it is released"
        if self.until is not None:
            until = f" until {self.until:%Y-%m-%d %H:%M} UTC"
        return (
            f"{self.decided_by} {_SAID[self.ruling]} game {self.game_id} of {self.game_date}{values}{until}: "
            f"{self.reason}"
        )


def _spelled(corrections: Corrections) -> list[str]:
    said = []
    for key, value in corrections.items():
        who = key.removeprefix(PLAYER)
        if key == PLAYERS_SUM:
            said.append("score=the players' sum")
        elif not key.startswith(PLAYER):
            said.append(f"{key}={value}")
        elif value is None:
            said.append(f"without the row of {who}")
        else:
            said += [f"{who}.{column}={one}" for column, one in value.items()]
    return said


def record_decision(session: Session, decision: GameDecision) -> GameDecision:
    """Adds a decision to those recorded and returns it. Raises `ValueError` for one that says too little or too much.

    Whether its values can be is another question, which `refuse_corrections` answers with the contracts.
    """
    if not decision.decided_by.strip() or not decision.reason.strip():
        raise ValueError("say who decides (--by) and why (--because)")
    if bool(decision.corrections) is not (decision.ruling is Ruling.CORRECT):
        said = "names no value" if decision.ruling is Ruling.CORRECT else "takes no values"
        raise ValueError(f"a decision to {decision.ruling} {said}: values belong to a correction, and it needs one")
    if decision.until is not None and decision.until <= decision.recorded_at:
        raise ValueError(f"{decision.until:%Y-%m-%d %H:%M} UTC is over already")
    session.ensure(GAME_DECISIONS)
    before = [known for known in recorded_decisions(session) if known.key == decision.key]
    row = {
        "game_date": decision.game_date,
        "game_id": decision.game_id,
        "number": len(before) + 1,
        "ruling": decision.ruling.value,
        "corrections": json.dumps(dict(decision.corrections), sort_keys=True),
        "decided_by": decision.decided_by.strip(),
        "reason": decision.reason.strip(),
        "until": decision.until,
        "recorded_at": decision.recorded_at,
    }
    session.append(GAME_DECISIONS, pa.Table.from_pylist([row], schema=GAME_DECISIONS.schema.to_pyarrow()))
    return decision


def recorded_decisions(session: Session) -> list[GameDecision]:
    """Every decision that was ever recorded, those taken back and those that are over too, in their order."""
    found = session.query(_in_order)
    return [
        GameDecision(
            row["game_date"], row["game_id"], Ruling(row["ruling"]), json.loads(row["corrections"]),
            row["decided_by"], row["reason"], row["until"], row["recorded_at"],
        )
        for row in found.to_pylist()
    ]  # fmt: skip


def _in_order(read: Reader) -> ibis.Table:
    return read(GAME_DECISIONS).order_by("recorded_at", "number", ibis.desc("until"))


def decisions_in_force(session: Session, now: datetime) -> dict[tuple[date, int], GameDecision]:
    """The decisions that count at an instant, by date and game: the last recorded one, unless it released or is over.

    `now` is an instant with its offset, as a clock gives it.
    """
    instant = now.astimezone(UTC).replace(tzinfo=None)
    last = {found.key: found for found in recorded_decisions(session) if found.recorded_at <= instant}
    return {
        key: found
        for key, found in sorted(last.items())
        if found.ruling is not Ruling.RELEASE and (found.until is None or instant < found.until)
    }


def decision_hash(decisions: Mapping[tuple[date, int], GameDecision], day: date) -> str:
    """A hash of what is decided about the games of a date, `-` when nothing is; when it was recorded is no part."""
    described = sorted(
        json.dumps(
            [found.game_id, found.ruling, found.corrections, found.decided_by, found.reason, found.until],
            sort_keys=True, default=str,
        )
        for found in decisions.values()
        if found.game_date == day
    )  # fmt: skip
    return hashlib.sha256("\n".join(described).encode()).hexdigest() if described else "-"


def corrected_game(
    record: Mapping[str, Any], decision: GameDecision, games: Contract, rows: PlayerRows | None = None
) -> dict[str, Any]:
    """The row of a game as a decision has it; `games` is the contract of the table that it belongs to.

    The players' sum is taken of `rows`, the rows of the game with its other corrections made. Without them the score
    stays as it is. Raises `ValueError` for a value that the row cannot hold.
    """
    of_game = {key: value for key, value in decision.corrections.items() if not _of_player(key) and key != PLAYERS_SUM}
    corrected = {**record, **_values(of_game, games, f"game {decision.game_id}")}
    if decision.corrections.get(PLAYERS_SUM) and rows is not None:
        for side in ("home", "visitor"):
            team = record[f"{side}_team_id"]
            points = [row["points"] for row in rows if row["team_id"] == team and row["game_id"] == decision.game_id]
            if not points or None in points:
                lacking = "has no row" if not points else "has a row without points"
                raise ValueError(f"game {decision.game_id}: {record[f'{side}_team']} {lacking}, its sum is not known")
            corrected |= _values({f"{side}_score": sum(points)}, games, f"game {decision.game_id}")
    return corrected


def corrected_rows(rows: PlayerRows, decision: GameDecision, box_scores: Contract) -> list[dict[str, Any]]:
    """Rows of players as a decision has them; rows of other games stay. `box_scores` is their table's contract.

    Raises `ValueError` for a player who has no row in the game, or two, and for a value that a row cannot hold.
    """
    corrected = [dict(row) for row in rows]
    mine = [row for row in corrected if _is_of(row, decision)]
    left_out: list[dict[str, Any]] = []
    for key, value in decision.corrections.items():
        if not _of_player(key):
            continue
        row = _row_of(mine, key, decision)
        if value is None:
            left_out.append(row)
        else:
            row |= _values(value, box_scores, f"game {decision.game_id}, player {key.removeprefix(PLAYER)}")
    return [row for row in corrected if not any(row is one for one in left_out)]


def refuse_corrections(
    decision: GameDecision,
    games: Contract,
    box_scores: Contract,
    rows: PlayerRows | None = None,
    record: Corrections | None = None,
) -> None:
    """Raises `ValueError` when the values of a decision cannot be: no such column, no such player, out of range.

    Players are looked for where the `rows` of the game are known, the sum of their points where the `record` is too.
    """
    for key, value in decision.corrections.items():
        if key == PLAYERS_SUM and value is not True:
            raise ValueError(f"{PLAYERS_SUM} is true or is not there, never {value!r}")
        if _of_player(key):
            who, _, team = key.removeprefix(PLAYER).partition("/")
            if not who.isdecimal() or ("/" in key and not team):
                raise ValueError(f"{key} names no player: write the source's id, player:123 or player:123/BKN")
            if value is not None and not isinstance(value, Mapping):
                raise ValueError(f"{key} is {value!r}; it names columns with their values, or is null")
            if value is not None:
                _values(value, box_scores, f"game {decision.game_id}, player {key.removeprefix(PLAYER)}")
        elif key != PLAYERS_SUM:
            _values({key: value}, games, f"game {decision.game_id}")
    if decision.corrections.get(PLAYERS_SUM) and {"home_score", "visitor_score"} & {*decision.corrections}:
        raise ValueError("the score is the players' sum, or it is set: not both")
    if rows:
        corrected = corrected_rows(rows, decision, box_scores)
        if record is not None:
            corrected_game(record, decision, games, corrected)


def _of_player(key: str) -> bool:
    return key.startswith(PLAYER)


def _is_of(row: Mapping[str, Any], decision: GameDecision) -> bool:
    return row["game_id"] == decision.game_id and row.get("game_date", decision.game_date) == decision.game_date


def _row_of(rows: Iterable[dict[str, Any]], key: str, decision: GameDecision) -> dict[str, Any]:
    who, _, team = key.removeprefix(PLAYER).partition("/")
    known = [(row, f"{row['player_id']}/{row['team']}") for row in rows]
    found = [row for row, name in known if name.partition("/")[0] == who and (not team or row["team"] == team)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(sorted(name for _, name in known if name.partition("/")[0] == who))
        raise ValueError(f"game {decision.game_id}: player {who} has {len(found)} rows, say which: {names}")
    names = ", ".join(sorted(name for _, name in known)) or "nobody"
    raise ValueError(
        f"game {decision.game_id}: player {who}{team and '/' + team} has no row in it; these have: {names}"
    )


def _values(values: Corrections, table: Contract, where: str) -> dict[str, Any]:
    """The values as their columns hold them."""
    columns = {column.name: column for column in table.columns if column.name not in NOT_CORRECTED}
    checked = {}
    for name, value in values.items():
        if name not in columns:
            near = get_close_matches(name, columns, n=1)
            right = f"did you mean {near[0]}?" if near else f"these can be set: {', '.join(columns)}"
            raise ValueError(f"{where}: {table.name} has no {name} that can be set; {right}")
        checked[name] = _checked(columns[name], value, f"{where}: {name}")
    return checked


def _checked(column: Column, value: Any, where: str) -> Any:
    if value is None:
        if column.nullable:
            return None
        raise ValueError(f"{where} is never empty")
    value = _typed(column, value, where)
    if column.between is not None and not column.between[0] <= value <= column.between[1]:
        low, high = column.between
        raise ValueError(f"{where} is {value}; it lies between {low:g} and {high:g} {column.unit}")
    if column.allowed is not None and value not in column.allowed:
        raise ValueError(f"{where} is {value!r}; it is one of {', '.join(column.allowed)}")
    return value


def _typed(column: Column, value: Any, where: str) -> Any:
    kind, is_number = column.dtype, isinstance(value, int | float) and not isinstance(value, bool)
    if kind.is_integer() and is_number and float(value).is_integer():
        return int(value)
    if kind.is_floating() and is_number:
        return float(value)
    if (kind.is_boolean() and isinstance(value, bool)) or (kind.is_string() and isinstance(value, str)):
        return value
    if kind.is_timestamp() and isinstance(value, str | datetime):
        return _instant(value, where)
    asked = {"int64": "a whole number", "float64": "a number", "boolean": "true or false", "string": "text"}
    raise ValueError(f"{where} is {value!r}; it is {asked.get(column.type, 'an instant such as 2026-01-05T00:30Z')}")


def _instant(value: str | datetime, where: str) -> datetime:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(f"{where} is {value!r}; it is an instant such as 2026-01-05T00:30Z") from error
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
