"""What of the landing may go: old answers that said nothing new about any date and are the newest about none."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from nba_pipeline.sources.balldontlie import ACTIVE_PLAYERS, GAME_LINES, GAMES, INJURIES, PROP_LINES, parse_games
from nba_pipeline.sources.landing import CAPTURE_FILE, KNOWN_FOR, SOURCE, Capture, Landing, first_to_say

SNAPSHOTS = (INJURIES, GAME_LINES, PROP_LINES)
"""Endpoints of which every answer says since when something was known: none is removed."""

SHORTEST = KNOWN_FOR + timedelta(days=4)
"""The least time that answers are kept: to a younger one an answer that comes meanwhile may point."""

BEGUN_AT = re.compile(r"(\d{8}T\d{12}Z)-")
"""How the name of a capture's folder begins."""


@dataclass(frozen=True)
class CleanUp:
    """What a clean-up removes: the answers, and the keys of all files in order, so that no answer outlives its parts.

    `kept` counts the answers that stay.
    """

    captures: tuple[Capture, ...]
    keys: tuple[str, ...]
    kept: int


def clean_up_of(landing: Landing, before: datetime) -> CleanUp:
    """What of the answers from before an instant may go.

    An answer stays when it is the newest about one of its dates, or the first there that said what it says; box score
    revisions and every table are made from these. So do all snapshots, and rosters that were the newest before a game
    of their date. Of answers that were never finished all may go. Raises `DamagedLandingError` when an answer cannot
    be read: what it needs is unknown then.
    """
    landing = landing.as_it_is()
    files: dict[str, list[str]] = {}
    for folder in landing.store.folders(SOURCE):
        for key in landing.store.keys(f"{SOURCE}/{folder}"):
            files.setdefault(_folder_of(key), []).append(key)
    captures = landing.all_captures()
    kept = {capture.key for capture in _kept(captures)}
    gone = [c for c in captures if c.key not in kept and c.fetched_at < before]
    gone.sort(key=lambda capture: capture.name)
    removed = {capture.key for capture in gone}
    needed = {page.key for capture in captures if capture.key not in removed for page in capture.pages}
    committed = {capture.key for capture in captures}
    unfinished = sorted(folder for folder in files if folder not in committed and _begun(folder) < before)
    # First the file that makes an answer one.
    keys = [
        key
        for folder in [*(capture.key for capture in gone), *unfinished]
        for key in sorted(files.get(folder, ()), key=lambda key: not key.endswith(f"/{CAPTURE_FILE}"))
        if not _is_needed(key, needed)
    ]
    return CleanUp(tuple(gone), tuple(keys), len(captures) - len(gone))


def _is_needed(key: str, needed: set[str]) -> bool:
    """Whether an answer that stays has a page in this file, or of this request."""
    return key in needed or key.replace(".request.json", ".json.gz") in needed


def _folder_of(key: str) -> str:
    return key.rsplit("/", 1)[0]


def _begun(folder: str) -> datetime:
    """When the answer of a folder was asked for; a folder of somebody else is of the end of time."""
    begun = BEGUN_AT.match(folder.rsplit("/", 1)[-1])
    instant = datetime.strptime(begun[1], "%Y%m%dT%H%M%S%fZ") if begun else datetime.max
    return instant.replace(tzinfo=UTC)


def _kept(captures: Iterable[Capture]) -> Iterator[Capture]:
    """The answers that something stands on."""
    about: dict[str, dict[date, list[Capture]]] = {}
    for capture in sorted(captures, key=lambda found: (found.fetched_at, found.name)):
        if capture.endpoint in SNAPSHOTS:
            yield capture
            continue
        for number in range((capture.last_date - capture.first_date).days + 1):
            day = capture.first_date + timedelta(days=number)
            about.setdefault(capture.endpoint, {}).setdefault(day, []).append(capture)
    for endpoint, by_day in about.items():
        for day, found in by_day.items():
            yield found[-1]
            yield from first_to_say(found, day)
            if endpoint == ACTIVE_PLAYERS:
                yield from _before_tip_offs(found, day, about.get(GAMES, {}))


def _before_tip_offs(rosters: list[Capture], day: date, games: Mapping[date, list[Capture]]) -> Iterator[Capture]:
    """The newest roster before each tip-off that the newest schedule of the date knows."""
    schedule = games[day][-1] if day in games else None
    records = parse_games(schedule).records if schedule else ()
    for tip in {record.tipoff_at for record in records if record.game_date == day and record.tipoff_at}:
        yield from [capture for capture in rosters if capture.fetched_at < tip][-1:]
