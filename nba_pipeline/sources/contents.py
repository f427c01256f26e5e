"""What an answer says about each date, as a hash: two answers that differ elsewhere may say the same about a date."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from nba_pipeline.sources.records import GameRecord, parse_date

DATE_OF: Mapping[str, Callable[[dict[str, Any]], object]] = {
    "games": lambda item: item["date"],
    "stats": lambda item: item["game"]["date"],
}
"""Where the items of an endpoint say which date they are about; those of the other endpoints say none."""

OF_NOW = ("players/active", "player_injuries")
"""Endpoints whose question names no date: the source only knows what is so now."""

OTHERWISE = "otherwise"
"""What is said about a date of which no item is."""


LEFT = "left"
"""In what is noted of a page about one game: where it stood, each time with its date."""


@dataclass(frozen=True)
class OfOneGame:
    """What a page about one game says: about the dates on which it stood, or about any where it cannot be read."""

    said: str
    days: tuple[str, ...]


def of_one_game(body: bytes, left: Iterable[Mapping[str, Any]]) -> OfOneGame:
    """What a page says of a game that left the dates on which it stood."""
    places = list(left)
    said = json.dumps([hashlib.sha256(body).hexdigest(), places], sort_keys=True)
    try:
        content = json.loads(body) if body else {}
        item = content.get("data") if isinstance(content, dict) else None
        readable = item is None or GameRecord.of(item) is not None
    except (KeyError, TypeError, AttributeError, ValueError):
        readable = False
    return OfOneGame(said, tuple(sorted({str(place["game_date"]) for place in places})) if readable else ())


def contents(endpoint: str, items: Iterable[object]) -> dict[str, str]:
    """Per date, as text, a hash over the items about it, whatever their order, and one for every other date.

    An item without a date that can be read may be about any, and takes part in all of them. Raises `KeyError` for an
    endpoint whose items say no date.
    """
    about: dict[str, list[str]] = {}
    anywhere: list[str] = []
    for item in items:
        if isinstance(item, OfOneGame):
            for day in item.days:
                about.setdefault(day, []).append(item.said)
            anywhere += [] if item.days else [item.said]
            continue
        said = json.dumps(item, sort_keys=True)
        day = _date_of(endpoint, item)
        (anywhere if day is None else about.setdefault(str(day), [])).append(said)
    return {day: _hash(said, anywhere) for day, said in {**about, OTHERWISE: []}.items()}


def _date_of(endpoint: str, item: object) -> date | None:
    of = DATE_OF[endpoint]
    try:
        return parse_date(of(item)) if isinstance(item, dict) else None
    except (KeyError, TypeError, ValueError):
        return None


def _hash(*parts: list[str]) -> str:
    return hashlib.sha256("\n\n".join("\n".join(sorted(part)) for part in parts).encode()).hexdigest()
