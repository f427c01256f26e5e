"""From landed answers to records, per game date: which answer speaks for a date, and what it failed to say."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Generic, TypeVar

from nba_pipeline.sources.balldontlie import Parsed
from nba_pipeline.sources.landing import Capture, Landing
from nba_pipeline.sources.records import Record

R = TypeVar("R", bound=Record)


@dataclass
class Landed(Generic[R]):
    """What the landing says about a range of dates.

    `records` come with the capture that they were read from, and `days_of` says for which dates a capture
    speaks; `refused` names the dates about which nothing
    can be said; `rejected` holds the items that could not be read.
    """

    records: list[R] = field(default_factory=list)
    captured: list[Capture] = field(default_factory=list)
    days_of: dict[Capture, list[date]] = field(default_factory=dict)
    refused: dict[date, list[str]] = field(default_factory=dict)
    rejected: list[tuple[date, str, str]] = field(default_factory=list)


def read_landed(
    landing: Landing,
    endpoint: str,
    dates: Sequence[date],
    parse: Callable[[Capture], Parsed[R]],
    *,
    dated: bool = True,
    before: Callable[[date], datetime | None] = lambda day: None,
) -> Landed[R]:
    """The records of the newest answer about each date, each answer parsed once.

    With `dated`, records of other dates than those that the answer speaks for are left out. `before(day)`
    gives an instant before which an answer is preferred to newer ones. An item that cannot be read refuses
    its date, or every date of its answer when not even its date can be read.
    """
    landed: Landed[R] = Landed()
    for day in dates:
        instant = before(day)
        capture = (instant and landing.latest(endpoint, day, before=instant)) or landing.latest(endpoint, day)
        if capture is None:
            landed.refused[day] = [
                f"nothing complete was landed from {endpoint}; fetch it: nba-pipeline backfill --from {day} "
                f"--to {day} --phase landing"
            ]
        else:
            landed.days_of.setdefault(capture, []).append(day)
    for capture, days in landed.days_of.items():
        _add(landed, parse(capture), capture, days, dated=dated)
    return landed


def _add(landed: Landed[R], parsed: Parsed[R], capture: Capture, days: list[date], *, dated: bool) -> None:
    wanted = set(days)
    chosen = [r for r in parsed.records if not dated or getattr(r, "game_date") in wanted]  # noqa: B009
    landed.records.extend(chosen)
    landed.captured.extend([capture] * len(chosen))
    for item in parsed.rejected:
        affected = [day for day in days if day == _date_of(item.raw)] if dated else days
        for day in affected or days:
            landed.refused.setdefault(day, []).append(f"{item.page} item {item.index}: {item.reason}")
            landed.rejected.append((day, item.reason, item.raw))


def _date_of(raw: str) -> date | None:
    """The game date that an unreadable item claims, if that much can be read."""
    item = json.loads(raw)
    if not isinstance(item, dict):
        return None
    game = item.get("game")
    claimed = game.get("date") if isinstance(game, dict) else item.get("date")
    try:
        return date.fromisoformat(str(claimed)[:10])
    except ValueError:
        return None
