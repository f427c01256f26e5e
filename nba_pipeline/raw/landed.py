"""From landed answers to records, per game date: which answer speaks for a date, and what it failed to say."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Generic, TypeVar

from nba_pipeline.sources.balldontlie import Parsed
from nba_pipeline.sources.landing import Capture, Landing
from nba_pipeline.sources.records import Record

R = TypeVar("R", bound=Record)

MOST_TOLD = 20
"""More warnings of one kind are counted."""


@dataclass(frozen=True)
class Unreadable:
    """An item about a date that cannot be read: of which game it is, as far as it says so, and why."""

    game_date: date
    game_id: int | None
    reason: str


@dataclass
class Landed(Generic[R]):
    """What the landing says about a range of dates.

    `records` come with the capture that they were read from, and `days_of` says for which dates a capture
    speaks; `refused` names the dates about which nothing can be said, or not all: `unreadable` has the items because of
    which; `rejected` holds the items that are set aside,
    for quarantine, and `warnings` what a person should know of although it refuses nothing.
    """

    records: list[R] = field(default_factory=list)
    captured: list[Capture] = field(default_factory=list)
    days_of: dict[Capture, list[date]] = field(default_factory=dict)
    refused: dict[date, list[str]] = field(default_factory=dict)
    unreadable: list[Unreadable] = field(default_factory=list)
    rejected: list[tuple[date, str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def refused_but_for(self, games: Mapping[date, Collection[int]]) -> dict[date, list[str]]:
        """What is refused, without what refuses a date only because an item about one of these games cannot be read.

        An item that does not say of which game it is counts as about them, where there are any on its date.
        """
        excused = {
            (item.game_date, item.reason)
            for item in self.unreadable
            if (item.game_id in games.get(item.game_date, ()) if item.game_id else games.get(item.game_date))
        }
        kept = {day: [why for why in said if (day, why) not in excused] for day, said in self.refused.items()}
        return {day: said for day, said in kept.items() if said}


def read_landed(
    landing: Landing,
    endpoint: str,
    dates: Sequence[date],
    parse: Callable[[Capture], Parsed[R]],
    *,
    warn: Callable[[str], None],
    dated: bool = True,
    before: Callable[[date], datetime | None] = lambda day: None,
) -> Landed[R]:
    """The records of the newest answer about each date, each answer parsed once.

    With `dated`, records of other dates than those that the answer speaks for are left out: those that the source
    was not asked for are set aside and told, since a game that was moved is news and refuses nobody. `before(day)`
    gives an instant before which an answer is preferred to newer ones. A dated item that cannot be read refuses
    its date, or every date of its answer when not even its date can be read; one of a list of everybody is set
    aside, and what lacks it is for audits to find. `warn` is told all that refuses nothing.
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
    tell(landed.warnings, warn)
    return landed


def read_answer(capture: Capture, parsed: Parsed[R], day: date) -> Landed[R]:
    """What one answer says about one date, whichever counts there."""
    landed: Landed[R] = Landed(days_of={capture: [day]})
    _add(landed, parsed, capture, [day], dated=True)
    return landed


def tell(warnings: Sequence[str], warn: Callable[[str], None]) -> None:
    """Warns once of each thing, and says how often it is so; of many the first are named and the others counted."""
    counted = Counter(warnings)
    for sentence, times in list(counted.items())[:MOST_TOLD]:
        warn(f"{sentence} ({times} times)" if times > 1 else sentence)
    if len(counted) > MOST_TOLD:
        warn(f"and {len(counted) - MOST_TOLD} more of this kind")


def _add(landed: Landed[R], parsed: Parsed[R], capture: Capture, days: list[date], *, dated: bool) -> None:
    wanted = set(days)
    chosen = [r for r in parsed.records if not dated or getattr(r, "game_date") in wanted]  # noqa: B009
    landed.records.extend(chosen)
    landed.captured.extend([capture] * len(chosen))
    landed.warnings.extend(sentence for record in chosen for sentence in record.odd)
    if dated:
        _set_strangers_aside(landed, parsed, capture, days[0])
    dates_of_games = {getattr(r, "game_id", None): getattr(r, "game_date", None) for r in parsed.records}
    for item in parsed.rejected:
        game_id = _game_of(item.raw)
        known = {_date_of(item.raw), dates_of_games.get(game_id) if game_id else None}
        affected = [day for day in days if day in known] if dated else days
        for day in affected or days:
            landed.rejected.append((day, item.reason, item.raw))
            if dated:
                reason = f"{item.page} item {item.index}: {item.reason}"
                landed.refused.setdefault(day, []).append(reason)
                landed.unreadable.append(Unreadable(day, game_id, reason))
        if not dated:
            landed.warnings.append(
                f"{item.page} item {item.index} cannot be read and is in operations.quarantine: {item.reason}"
            )


def _set_strangers_aside(landed: Landed[R], parsed: Parsed[R], capture: Capture, day: date) -> None:
    """Puts the records of dates that the source was not asked for into quarantine, under a date that it was."""
    asked = str(capture.first_date)
    if capture.last_date > capture.first_date:
        asked += f" to {capture.last_date}"
    for record in parsed.records:
        game_date, game_id = getattr(record, "game_date"), getattr(record, "game_id")  # noqa: B009
        if not capture.first_date <= game_date <= capture.last_date:
            answered = f"/{capture.endpoint} answered with game {game_id} of {game_date}"
            reason = f"asked about {asked}, {answered}, which is left out"
            landed.rejected.append((day, reason, record.model_dump_json()))
            landed.warnings.append(f"{reason} and is in operations.quarantine")


def _game_of(raw: str) -> int | None:
    """The game that an unreadable item about a player claims to be of, if that much can be read."""
    item = json.loads(raw)
    game = item.get("game") if isinstance(item, dict) else None
    game_id = game.get("id") if isinstance(game, dict) else None
    return game_id if isinstance(game_id, int) else None


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
