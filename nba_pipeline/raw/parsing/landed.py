"""From landed answers to records, per game date: which answer speaks for a date, and what it failed to say."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Generic, TypeVar

from nba_pipeline.sources.balldontlie import Parsed
from nba_pipeline.sources.landing import Capture, Landing
from nba_pipeline.sources.records import UNCLEAR, Record

R = TypeVar("R", bound=Record)

MOST_TOLD = 20
"""More warnings of one kind are counted."""


Sides = Mapping[tuple[date, int], int]
"""The game of a team on a date."""


@dataclass(frozen=True)
class Unreadable:
    """An item about a date that cannot be read: of which game or else of which team it is, and why."""

    game_date: date
    game_id: int | None
    reason: str
    team_id: int | None = None

    def game_of(self, sides: Sides) -> int | None:
        """The game of its date that it is about: the one that it names, or else the one of its team.

        None for one that names a game which is none of these, and for one that names nobody: what a game lacks with
        it is found by its sums.
        """
        if self.game_id is None:
            return None if self.team_id is None else sides.get((self.game_date, self.team_id))
        known = any(day == self.game_date and game_id == self.game_id for (day, _), game_id in sides.items())
        return self.game_id if known else None


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

    def refused_but_for(self, games: Mapping[date, Collection[int]], sides: Sides) -> dict[date, list[str]]:
        """What is refused, without what refuses a date only because an item about one of these games cannot be read.

        Nor does an item refuse anything that is about none of the games of its date, whose teams are `sides`.
        """
        excused = {
            (item.game_date, item.reason)
            for item in self.unreadable
            if (game_id := item.game_of(sides)) is None or game_id in games.get(item.game_date, ())
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
    refuses: bool = True,
    before: Callable[[date], datetime | None] = lambda day: None,
) -> Landed[R]:
    """The records of the newest answer about each date, each answer parsed once.

    With `dated`, records of other dates than those that the answer speaks for are left out: those that the source
    was not asked for are set aside and named, since a game that was moved refuses nobody. `before(day)`
    gives an instant before which an answer is preferred to newer ones. A dated item that cannot be read refuses
    its date as long as its game is not held. One that names no game and no team, or of an answer about many dates no
    date, is set aside, and what lacks it is for audits to find; so is one of a list of everybody. Without `refuses`
    every one is, and what becomes of its game is for the caller to say; only a date of which no item can be read is
    refused. `warn` is given all that refuses nothing.
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
        _add(landed, parse(capture), capture, days, dated=dated, refuses=refuses and dated)
    tell(landed.warnings, warn)
    return landed


def read_answer(capture: Capture, parsed: Parsed[R], day: date) -> Landed[R]:
    """What one answer says about one date, whichever counts there."""
    landed: Landed[R] = Landed(days_of={capture: [day]})
    _add(landed, parsed, capture, [day], dated=True, refuses=True)
    return landed


def tell(warnings: Sequence[str], warn: Callable[[str], None]) -> None:
    """Warns once of each thing, and says how often it is so; of many the first are named and the others counted."""
    counted = Counter(warnings)
    for sentence, times in list(counted.items())[:MOST_TOLD]:
        warn(f"{sentence} ({times} times)" if times > 1 else sentence)
    if len(counted) > MOST_TOLD:
        warn(f"and {len(counted) - MOST_TOLD} more of this kind")


def _add(
    landed: Landed[R], parsed: Parsed[R], capture: Capture, days: list[date], *, dated: bool, refuses: bool
) -> None:
    wanted = set(days)
    chosen = [r for r in parsed.records if not dated or getattr(r, "game_date") in wanted]  # noqa: B009
    landed.records.extend(chosen)
    landed.captured.extend([capture] * len(chosen))
    landed.warnings.extend(sentence for record in chosen for sentence in record.odd)
    if dated:
        _set_strangers_aside(landed, parsed, capture, days[0])
    about: dict[date, list[str]] = {}
    dates_of_games = {getattr(r, "game_id", None): getattr(r, "game_date", None) for r in parsed.records}
    for item in parsed.rejected:
        game_id, team_id = _id_in(item.raw, "game"), _id_in(item.raw, "team")
        dates = {day for day in (_date_of(item.raw), dates_of_games.get(game_id) if game_id else None) if day}
        if not dates and capture.first_date == capture.last_date:
            dates = {capture.first_date}
        affected = [day for day in days if day in dates] if dated else days
        if not affected and any(capture.first_date <= day <= capture.last_date for day in dates):
            continue  # Of a date of the answer that is not asked for now.
        for day in affected or days[:1]:
            landed.rejected.append((day, item.reason, item.raw))
        reason = f"{item.page} item {item.index}: {item.reason}"
        for day in affected:
            about.setdefault(day, []).append(reason)
        if refuses and affected and (game_id, team_id) != (None, None):
            for day in affected:
                landed.refused.setdefault(day, []).append(reason)
                landed.unreadable.append(Unreadable(day, game_id, reason, team_id))
        else:
            landed.warnings.append(
                f"{item.page} item {item.index} cannot be read and is in operations.quarantine: {item.reason}"
            )
    if dated and not refuses:
        _refuse_what_says_nothing(landed, parsed, days, about)


def _refuse_what_says_nothing(
    landed: Landed[R], parsed: Parsed[R], days: list[date], about: Mapping[date, Sequence[str]]
) -> None:
    """Refuses the dates of which no item can be read: then no game broke, but the format is another one.

    A single item that cannot be read is a game's, where it says which; so are several of an answer that has others
    about the date. `about` has the reasons by date.
    """
    read = {getattr(r, "game_date") for r in parsed.records if getattr(r, "status", None) != UNCLEAR}  # noqa: B009
    listed = {getattr(record, "game_date") for record in parsed.records}  # noqa: B009
    everything = [f"{item.page} item {item.index}: {item.reason}" for item in parsed.rejected]
    for day in days:
        why = about.get(day, ()) if read else everything
        if why and day not in read and (len(why) > 1 or day not in listed):
            landed.refused.setdefault(day, []).append(f"none of {len(why)} items about it can be read: {why[0]}")


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


def _id_in(raw: str, field: str) -> int | None:
    """The game or the team that an unreadable item about a player claims to be of, if that much can be read."""
    item = json.loads(raw)
    named = item.get(field) if isinstance(item, dict) else None
    found = named.get("id") if isinstance(named, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


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
