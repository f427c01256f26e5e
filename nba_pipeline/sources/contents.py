"""What an answer says about each date, as a hash: two answers that differ elsewhere may say the same about a date."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from nba_pipeline.sources.records import parse_date

DATE_OF: Mapping[str, Callable[[dict[str, Any]], object]] = {
    "games": lambda item: item["date"],
    "stats": lambda item: item["game"]["date"],
}
"""Where the items of an endpoint say which date they are about; those of the other endpoints say none."""

OF_NOW = ("players/active", "player_injuries")
"""Endpoints whose question names no date: the source only knows what is so now."""

OTHERWISE = "otherwise"
"""What is said about a date of which no item is."""


def contents(endpoint: str, items: Iterable[object]) -> dict[str, str]:
    """Per date, as text, a hash over the items about it, whatever their order, and one for every other date.

    An item without a date that can be read may be about any, and takes part in all of them. Raises `KeyError` for an
    endpoint whose items say no date.
    """
    about: dict[str, list[str]] = {}
    anywhere: list[str] = []
    for item in items:
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
