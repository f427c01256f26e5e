"""The file of a game date: what stands in it, chosen from the ledger, and its three forms with one JSON Schema.

Pure: rows of the ledger in, bytes out. The same rows give the same bytes.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from jsonschema import Draft202012Validator

from nba_pipeline.clock import tips_off_by
from nba_pipeline.contracts import (
    GAME_DATE,
    GAME_ID,
    OPPONENT,
    PLAYER_ID,
    PLAYER_NAME,
    TEAM,
    Column,
    Contract,
    Phase,
    Read,
)
from nba_pipeline.predictions import player_predictions
from nba_pipeline.predictions.calculations.ledger import HASH, LIVE, POSITION
from nba_pipeline.predictions.systems import ensemble
from nba_pipeline.predictions.walk_forward.forecasts import PRE_TIP
from nba_pipeline.raw import games as raw_games
from nba_pipeline.sources.records import NOT_PLAYED

LEDGER = player_predictions.CONTRACT

FORMAT = "nba_pipeline predictions"

VERSION = "1.0"
"""Of the format. A field that comes raises the second number, one that goes or means something else the first."""

SYSTEM = ensemble.SYSTEM.system_id
"""Of the systems that predict the one that is given away."""

STATISTICS = {
    "points": ("points", "Points scored."),
    "rebounds": ("rebounds", "Rebounds, at both ends of the floor."),
    "assists": ("assists", "Assists."),
    "three_pointers_made": ("shots", "Three-pointers made."),
    "minutes": ("min", "Minutes on the floor, overtime included."),
}
"""The statistics with their units and definitions. One that comes is one more row a player, and no new column."""

Row = dict[str, Any]
Document = dict[str, Any]


def _of_ledger(name: str, **changes: Any) -> Column:
    """A column of the ledger; the ledger's own contract has judged its values."""
    [column] = [column for column in LEDGER.columns if column.name == name]
    return replace(column, volatile=False, **changes)


OF_ANY_STAT: dict[str, Any] = {"between": None}
"""A statistic to come may have other ranges than those of today."""

CONTRACT = Contract(
    name="publishing.tonights_file",
    description=(
        "Files for people outside, a day: one row per player, game and statistic with what was predicted before "
        "tip-off, as CSV, JSON and Parquet. What was published is never changed; a later file names the one before."
    ),
    phase=Phase.GRADES,
    grain=("game_date", "game_id", "player_id", "stat"),
    columns=(
        GAME_DATE,
        GAME_ID,
        _of_ledger("tipoff_at"),
        PLAYER_ID,
        PLAYER_NAME,
        TEAM,
        OPPONENT,
        Column("stat", "string", "What is predicted; more may come.", "category"),
        _of_ledger("predicted_value", **OF_ANY_STAT),
        _of_ledger("interval_low", **OF_ANY_STAT),
        _of_ledger("interval_high", **OF_ANY_STAT),
        _of_ledger("plays_probability"),
        _of_ledger("line", **OF_ANY_STAT),
        _of_ledger("over_probability"),
        _of_ledger("setting"),
        _of_ledger("made_at"),
        _of_ledger("system_id"),
        _of_ledger("model_version"),
        _of_ledger("code_version"),
        _of_ledger("quality"),
        _of_ledger("quality_tier"),
        Column("date_status", "string",
               "How the gates of the date stood when the file was made: open, degraded (something was missing or "
               "held), or overridden by a person. The JSON file has the reasons.", "category",
               allowed=("open", "degraded", "overridden")),
        _of_ledger(POSITION, nullable=False, definition="Place of the row in the ledger's chain of the date, from 1."),
        _of_ledger(HASH, nullable=False),
    ),
    reads={"predictions": Read(LEDGER), "games": Read(raw_games.CONTRACT)},
)  # fmt: skip
"""What a row of the files holds: the same columns in each of the three, in this order."""


class NotPublishableError(Exception):
    """Rows of the ledger that nobody may be given; the message says which, and the next command."""


@dataclass(frozen=True)
class Standing:
    """How a date stood when its file was made: `status`, what the gates said, and the held games that it is without."""

    status: str
    gates: Sequence[Mapping[str, Any]] = ()
    held_games: Sequence[Mapping[str, Any]] = ()


def chosen_rows(
    day: date, ledger: Iterable[Mapping[str, Any]], games: Iterable[Mapping[str, Any]], status: str
) -> tuple[list[Row], list[Row]]:
    """The rows of a date as they are published, and the predicted games that are left out, each with the reason.

    Of each player and statistic it is the newest live row that was made before tip-off, that which knew the injury
    report if there is one. Raises `NotPublishableError` for a live row that was made after its own tip-off.
    """
    live = [row for row in ledger if row["mode"] == LIVE]
    _refuse_made_after_tip_off(day, live)
    listed = {game["game_id"]: game for game in games}
    mine = [row for row in live if row["system_id"] == SYSTEM]
    left_out = {game: why for game in {row["game_id"] for row in mine} if (why := _why_off(listed.get(game)))}
    newest: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in sorted(mine, key=lambda row: (row["setting"] == PRE_TIP, row[POSITION])):
        game = row["game_id"]
        if game not in left_out and row["made_at"] < _instant(day, listed[game]["tipoff_at"] or row["tipoff_at"]):
            newest[game, row["player_id"], row["stat"]] = row
    too_late = {row["game_id"] for row in mine} - {game for game, _, _ in newest} - {*left_out}
    left_out |= dict.fromkeys(too_late, "it tips off before its predictions were made, as the schedule has it now")
    rows = [_published(row, status) for _, row in sorted(newest.items(), key=lambda found: found[0])]
    return rows, [{"game_id": game, "reason": left_out[game]} for game in sorted(left_out)]


def _refuse_made_after_tip_off(day: date, live: Sequence[Mapping[str, Any]]) -> None:
    late = [row for row in live if row["made_at"] >= _instant(day, row["tipoff_at"])]
    if late:
        first = min(late, key=lambda row: row[POSITION] or 0)
        raise NotPublishableError(
            f"{len(late)} rows of {LEDGER.name} on {day} are live and were made after tip-off, first that at position "
            f"{first[POSITION]} (game {first['game_id']}, player {first['player_id']}, {first['stat']}): made at "
            f"{first['made_at']:%Y-%m-%d %H:%M} UTC. Next: nba-pipeline ledger verify --from {day} --to {day}"
        )


def _instant(day: date, tip: datetime | None) -> datetime:
    """Up to when a game has certainly not begun, in UTC without its name, as the warehouse has instants."""
    return tips_off_by(day, tip.replace(tzinfo=UTC) if tip else None).replace(tzinfo=None)


def _why_off(game: Mapping[str, Any] | None) -> str | None:
    """Why a predicted game is not played on the date, if it is not."""
    if game is None:
        return "the schedule of the date has it no more"
    return f"it is {game['status']}" if game["status"] in NOT_PLAYED else None


def _published(row: Mapping[str, Any], status: str) -> Row:
    """A row of the ledger as it stands in the files."""
    return {column.name: _plain({**row, "date_status": status}[column.name]) for column in CONTRACT.columns}


def _plain(value: Any) -> Any:
    """A value as JSON has it: dates and instants as ISO 8601, instants in UTC."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.isoformat() if isinstance(value, date) else value


def document(
    day: date,
    rows: Sequence[Row],
    left_out: Sequence[Row],
    standing: Standing,
    ledger: Mapping[str, Any],
    *,
    number: int,
    previous: Mapping[str, Any] | None,
) -> Document:
    """The JSON file: the rows, and what has to be known to read them. `previous` is the file that it comes after."""
    stats = sorted({row["stat"] for row in rows})
    return {
        "format": FORMAT,
        "format_version": VERSION,
        "game_date": day.isoformat(),
        "number": number,
        "previous": previous,
        "known_at": max((row["made_at"] for row in rows), default=None),
        "status": standing.status,
        "gates": [dict(gate) for gate in standing.gates],
        "held_games": [dict(game) for game in standing.held_games],
        "left_out": list(left_out),
        "ledger": dict(ledger),
        "statistics": [_statistic(stat) for stat in stats],
        "rows": list(rows),
    }


def _statistic(stat: str) -> Row:
    unit, definition = STATISTICS.get(stat, ("unit of the statistic", stat))
    return {"stat": stat, "unit": unit, "definition": definition}


def says_the_same(one: Document, other: Document) -> bool:
    """Whether two files of a date say the same, whatever their numbers and the words of their gates."""
    compared = ("format_version", "rows", "left_out", "held_games", "status")
    return all(one.get(name) == other.get(name) for name in compared)


# the three forms


def to_json(said: Document) -> bytes:
    """The whole document, a row a line."""
    head = json.dumps({name: value for name, value in said.items() if name != "rows"}, ensure_ascii=False, indent=1)
    rows = ",\n".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in said["rows"])
    return f'{head.removesuffix("}").rstrip()},\n "rows": [\n{rows}\n ]\n}}\n'.encode()


def to_csv(said: Document) -> bytes:
    """The rows under a line of names; what is not there is empty."""
    text = io.StringIO()
    written = csv.DictWriter(text, [column.name for column in CONTRACT.columns], lineterminator="\n")
    written.writeheader()
    written.writerows(said["rows"])
    return text.getvalue().encode()


def to_parquet(said: Document) -> bytes:
    """The rows in the types of the contract; everything else of the document is in the schema's metadata."""
    head = json.dumps({name: value for name, value in said.items() if name != "rows"}, sort_keys=True)
    columns = {
        column.name: pa.array([_typed(column, row[column.name]) for row in said["rows"]], field.type)
        for column, field in zip(CONTRACT.columns, _fields(), strict=True)
    }
    table = pa.table(columns, schema=pa.schema(_fields(), metadata={FORMAT: head}))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def _fields() -> list[pa.Field]:
    """The columns in Arrow; instants say that they are in UTC."""
    instant = pa.timestamp("us", tz="UTC")
    found = CONTRACT.schema.to_pyarrow()
    return [field.with_type(instant) if pa.types.is_timestamp(field.type) else field for field in found]


def _typed(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.type == "date":
        return date.fromisoformat(value)
    return datetime.fromisoformat(value) if column.dtype.is_timestamp() else value


FROM_TEXT: dict[str, Callable[[str], Any]] = {"int64": int, "float64": float}


def rows_of_csv(content: bytes) -> list[Row]:
    """The rows of a CSV file, as the JSON file has them."""
    return [
        {
            column.name: None if row[column.name] == "" else FROM_TEXT.get(column.type, str)(row[column.name])
            for column in CONTRACT.columns
        }
        for row in csv.DictReader(io.StringIO(content.decode()))
    ]


def rows_of_parquet(content: bytes) -> list[Row]:
    """The rows of a Parquet file, as the JSON file has them."""
    found = pq.read_table(pa.BufferReader(content), use_threads=False).to_pylist()
    return [{name: _plain(value) for name, value in row.items()} for row in found]


def files_of(said: Document) -> dict[str, bytes]:
    """The three files of a document, by name."""
    return {"predictions.json": to_json(said), "predictions.csv": to_csv(said), "predictions.parquet": to_parquet(said)}


def faults_of(said: Document, files: Mapping[str, bytes]) -> list[str]:
    """What is wrong with files that shall say a document: nothing, when all three say it and the schema holds."""
    faults = []
    if json.loads(files["predictions.json"]) != said:
        faults.append("predictions.json does not say what it shall")
    for name, read in (("predictions.csv", rows_of_csv), ("predictions.parquet", rows_of_parquet)):
        if read(files[name]) != said["rows"]:
            faults.append(f"the rows of {name} are not those of predictions.json")
    broken = sorted(Draft202012Validator(json_schema()).iter_errors(said), key=lambda error: error.json_path)
    return [*faults, *(f"{error.json_path}: {error.message[:200]}" for error in broken[:5])]


# the schema


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the document; a row of the CSV and of the Parquet file is its `$defs/row`."""
    text, count = {"type": "string"}, {"type": "integer", "minimum": 0}
    sha256, reasons = {"type": "string", "pattern": "^[0-9a-f]{64}$"}, {"type": "array", "items": text}
    row = {column.name: _schema_of(column) for column in CONTRACT.columns}
    held = {"game_date": DATE, "game_id": count, "teams": reasons, "reasons": text, "decided_by": text}
    fields = {
        "format": {"const": FORMAT},
        "format_version": {"const": VERSION},
        "game_date": {**DATE, "description": GAME_DATE.definition},
        "number": {"type": "integer", "minimum": 1, "description": "Which file of the date it is, from 1."},
        "previous": {
            "description": "The file of the date before this one, with the SHA-256 of its predictions.json.",
            "anyOf": [{"type": "null"}, _object({"number": count, "path": text, "sha256": sha256})],
        },
        "known_at": {
            "anyOf": [{"type": "null"}, INSTANT],
            "description": "When the newest of the predictions was made: nothing that came later is in the file.",
        },
        "status": {**row["date_status"]},
        "gates": {
            "description": "What each gate between the source and the file said of the date.",
            "type": "array", "items": _object({"gate": text, "state": text, "reasons": reasons}),
        },
        "held_games": {
            "description": "Games of the date, and earlier ones of its teams, that count for nothing: what is "
            "predicted is made without them.",
            "type": "array", "items": _object(held),
        },
        "left_out": {
            "description": "Games that were predicted and are left out, with the reason.",
            "type": "array", "items": _object({"game_id": count, "reason": text}),
        },
        "ledger": {
            "description": "The chain of the date in the ledger: its length, and the hash of its last row.",
            **_object({"rows": count, "head": sha256}),
        },
        "statistics": {
            "description": "The statistics that are predicted. More may come without a new version.",
            "type": "array", "items": _object({"stat": text, "unit": text, "definition": text}),
        },
        "rows": {"type": "array", "items": {"$ref": "#/$defs/row"}},
    }  # fmt: skip
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{FORMAT} {VERSION}",
        "description": CONTRACT.description,
        **_object(fields),
        "$defs": {"row": _object(row)},
    }


DATE = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
INSTANT = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$"}
TYPES: dict[str, dict[str, Any]] = {
    "date": DATE, "int64": {"type": "integer"}, "float64": {"type": "number"}, "string": {"type": "string"},
    "timestamp(6)": INSTANT,
}  # fmt: skip


def _object(fields: Mapping[str, Any]) -> dict[str, Any]:
    """An object with all of the fields and no other."""
    return {"type": "object", "properties": dict(fields), "required": [*fields], "additionalProperties": False}


def _schema_of(column: Column) -> dict[str, Any]:
    """A column as JSON Schema; its unit is what the comment says."""
    of_type = dict(TYPES[column.type])
    if column.allowed:
        of_type["enum"] = list(column.allowed)
    if column.between:
        of_type |= {"minimum": column.between[0], "maximum": column.between[1]}
    said = {"description": column.definition, "$comment": f"unit: {column.unit}"}
    return said | ({"anyOf": [{"type": "null"}, of_type]} if column.nullable else of_type)
