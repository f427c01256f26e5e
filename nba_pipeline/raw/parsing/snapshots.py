"""Snapshots of what is so now, landed several times a day: which of them speak for a game, and what they say."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar

import ibis
import pyarrow as pa

from nba_pipeline.assets.contexts import AssetContext
from nba_pipeline.raw.parsing.scheduled_games import ScheduledGame, scheduled_games
from nba_pipeline.sources.balldontlie import Parsed
from nba_pipeline.sources.landing import Capture, Landing
from nba_pipeline.sources.records import Record
from nba_pipeline.warehouse.publish import Rows

R = TypeVar("R", bound=Record)
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Snapshots(Generic[R]):
    """The snapshots landed in the name of one date, each parsed when it is first asked for, and once.

    `about(record)` is what a record is about, such as a game or a team. One date at a time, so that a season of
    them never lies in memory.
    """

    def __init__(
        self,
        landing: Landing,
        endpoint: str,
        day: date,
        parse: Callable[[Capture], Parsed[R]],
        about: Callable[[R], Hashable],
    ) -> None:
        self.day = day
        captures = landing.captures(endpoint, day)
        self.captures = sorted(captures, key=lambda capture: (capture.known_at, capture.name))
        self._parse = parse
        self._about = about
        self._parsed: dict[Capture, Parsed[R]] = {}
        self._records: dict[Capture, dict[Hashable, list[R]]] = {}

    def before(self, game: ScheduledGame) -> list[Capture]:
        """The snapshots that were known strictly before a game's tip-off, oldest first."""
        return [capture for capture in self.captures if capture.known_at < game.news_ends_at]

    def parsed(self, capture: Capture) -> Parsed[R]:
        """What a snapshot says."""
        if capture not in self._parsed:
            self._parsed[capture] = self._parse(capture)
        return self._parsed[capture]

    def records(self, capture: Capture, about: Hashable) -> list[R]:
        """What a snapshot says about something."""
        if capture not in self._records:
            grouped: dict[Hashable, list[R]] = {}
            for record in self.parsed(capture).records:
                grouped.setdefault(self._about(record), []).append(record)
            self._records[capture] = grouped
        return self._records[capture].get(about, [])

    @property
    def odd(self) -> list[str]:
        """What could not be read beside the facts, in the snapshots that were parsed."""
        return [sentence for parsed in self._parsed.values() for record in parsed.records for sentence in record.odd]

    @property
    def rejected(self) -> list[tuple[date, str, str]]:
        """The items that could not be read, of the snapshots that were parsed: date, reason and JSON."""
        return [
            (self.day, f"{item.page} item {item.index}: {item.reason}", item.raw)
            for parsed in self._parsed.values()
            for item in parsed.rejected
        ]


@dataclass(frozen=True)
class Quote(Generic[V]):
    """A value and since when it was known."""

    value: V
    known_at: datetime


def newest_and_opening(told: Sequence[tuple[datetime, Mapping[K, V]]]) -> dict[K, tuple[Quote[V], Quote[V]]]:
    """Per key of the newest snapshot that tells anything: its value there, and the first that was ever told.

    `told` has what each snapshot tells about one game, oldest first. One that tells nothing about it is passed
    over; what one that does tell leaves out was withdrawn.
    """
    speaking = [(known_at, values) for known_at, values in told if values]
    if not speaking:
        return {}
    opening: dict[K, Quote[V]] = {}
    for known_at, values in speaking:
        for key, value in values.items():
            opening.setdefault(key, Quote(value, known_at))
    newest_known_at, newest = speaking[-1]
    return {key: (Quote(value, newest_known_at), opening[key]) for key, value in newest.items()}


def rows_before_tip_off(
    context: AssetContext,
    dates: Sequence[date],
    games: ibis.Table,
    snapshots_of: Callable[[Landing, date], Snapshots[R]],
    rows_of: Callable[[Snapshots[R], Iterable[ScheduledGame]], pa.Table],
) -> Rows:
    """What the snapshots of each date say about its games; items that cannot be read refuse no date.

    They go to quarantine, and the step warns of them: what is optional holds up nothing.
    """
    playing = scheduled_games(context.resources.warehouse, games)
    found: list[pa.Table] = []
    rejected: list[tuple[date, str, str]] = []
    for day in dates:
        snapshots = snapshots_of(context.resources.landing, day)
        found.append(rows_of(snapshots, [game for game in playing if game.game_date == day]))
        rejected += snapshots.rejected
    if rejected:
        context.log.warning(
            f"{len(rejected)} items cannot be read and are in operations.quarantine; the first, of {rejected[0][0]}: "
            f"{rejected[0][1]}"
        )
    return Rows(pa.concat_tables(found), rejected=rejected)
