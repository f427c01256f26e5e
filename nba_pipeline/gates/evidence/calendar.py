"""What time says of a date: which games have begun or are held, and which rows can exist or are final."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, partial
from typing import Any

import ibis

from nba_pipeline.clock import Clock, tips_off_by
from nba_pipeline.contracts import Contract, Reader
from nba_pipeline.gates.evidence.manifest import Manifest
from nba_pipeline.gates.evidence.needs import NEXT_COMMAND
from nba_pipeline.sources.records import NOT_PLAYED
from nba_pipeline.warehouse.date_scope import rows_in_scope
from nba_pipeline.warehouse.interface import Session

SCHEDULE = "raw.games"

BOX_SCORES = "raw.player_box_scores"

HELD_GAMES = "raw.held_games"

HELD_BY_RULE = "the deadline"
"""By what a game is held when no person decided it."""


@dataclass(frozen=True)
class Held:
    """A game that is held: nothing of it is in any history, and nothing waits for it.

    In the state `kept` it is one of which an earlier answer counts. `listed` are its rows in the newest answer.
    """

    game_date: date
    game_id: int
    teams: tuple[str, ...]
    reasons: str
    decided_by: str
    state: str = "held"
    listed: int | None = None

    def __str__(self) -> str:
        """The game with the reasons, as a sentence that names the next command."""
        return (
            f"game {self.game_id} of {' and '.join(self.teams)} on {self.game_date} is {self.state} by "
            f"{self.decided_by}: {self.reasons}{NEXT_COMMAND}nba-pipeline game show {self.game_id}"
        )


class Calendar:
    """How far the games of each date are: begun or not, held, or of a source that gave nothing."""

    def __init__(self, session: Session, clock: Clock, tables: Sequence[Contract], manifest: Manifest) -> None:
        self._session = session
        self._clock = clock
        self._tables = tables
        self._manifest = manifest
        self._made_again: dict[str, set[date]] = {}

    @property
    def schedule(self) -> Contract:
        """The table of the games of every date."""
        return next(table for table in self._tables if table.name == SCHEDULE)

    def last_tip_off(self, day: date) -> datetime | None:
        """When the last game of a date tips off; None when the schedule does not say."""
        return self._tipped_off.get(day)

    @cached_property
    def _tipped_off(self) -> Mapping[date, datetime]:
        days = sorted(self._manifest.published(self.schedule))
        rows = self._session.query(partial(_last_tip_offs, self.schedule), dates=days)
        return {row["game_date"]: _last_of(row) for row in rows.to_pylist()}

    def all_have_begun(self, day: date) -> bool:
        """Whether the last game of a date has tipped off, or, with times unknown, the date has begun.

        Until then its ledger can still gain rows: of the games that have not begun.
        """
        tip = self.last_tip_off(day)
        return self._clock.now() >= tip if tip else day <= self._clock.today()

    def can_exist(self, table: Contract, day: date) -> bool:
        """Whether the rows of a date can be made by now at all."""
        last = self._clock.today() + timedelta(days=1 if table.before_tip_off else -1)
        return day <= last

    def is_frozen(self, table: Contract, day: date) -> bool:
        """Whether a ledger can gain or change no row of a date any more: its games have begun, and all was said before.

        What was computed after the games is made again like everything else.
        """
        return table.ledger and self.all_have_begun(day) and day not in self._dates_made_again(table)

    def _dates_made_again(self, table: Contract) -> set[date]:
        """The dates of a ledger that have rows which are made again."""
        if table.made_again is None:
            return set()
        if table.name not in self._made_again:
            query = partial(_made_again, table.made_again, table)
            days = self._session.query(query, dates=sorted(self._manifest.published(table)))
            self._made_again[table.name] = {row["game_date"] for row in days.to_pylist()}
        return self._made_again[table.name]

    def held(self, day: date) -> Mapping[int, Held]:
        """The games of a date that are held, by id."""
        return {game_id: found for game_id, found in self._ruled.get(day, {}).items() if found.state == "held"}

    def kept(self, day: date) -> Sequence[Held]:
        """The games of a date of which an earlier answer counts, since the newest has them incomplete."""
        return [found for found in self._ruled.get(day, {}).values() if found.state == "kept"]

    @cached_property
    def _ruled(self) -> Mapping[date, Mapping[int, Held]]:
        found: dict[date, dict[int, Held]] = {}
        table = next((table for table in self._tables if table.name == HELD_GAMES), None)
        days = sorted(d for d, line in self._manifest.published(table).items() if line.row_count) if table else []
        for row in self._ruled_rows(table, days) if table and days else ():
            of_date = found.setdefault(row["game_date"], {})
            known = of_date.get(row["game_id"])
            teams = (*(known.teams if known else ()), row.pop("team"))
            of_date[row["game_id"]] = Held(**row, teams=teams)
        return found

    def _ruled_rows(self, table: Contract, days: Sequence[date]) -> list[dict[str, Any]]:
        return self._session.query(partial(_ruled_rows, table), dates=days).to_pylist()

    def undecided(self, day: date) -> Sequence[str]:
        """A sentence for each game of a date to come whose teams are known, and of which nobody says that it is played.

        Nothing is expected of it, so that a word of the source which means something else would go unseen.
        """
        return [
            f"nothing is expected of {_named(row)} on {day}, which the source lists as {row['status_text']!r}: nobody "
            f"of it is predicted until it says more"
            f"{NEXT_COMMAND}nba-pipeline backfill --from {day} --to {day}"
            for row in self._unsettled.get(day, ())
            if row["status"] == "undecided"
        ]

    def without_tip_off(self, day: date) -> Sequence[str]:
        """A sentence that names the games of a date to come of which only the hour is open, and what is live of them.

        Empty where every tip-off is known, and once the date is over.
        """
        games = [row for row in self._unsettled.get(day, ()) if row["status"] == "scheduled"]
        if not games:
            return ()
        named = ", ".join(map(_named, games))
        many, is_not = ("tip-offs", "are not") if len(games) > 1 else ("tip-off", "is not")
        return (
            f"the {many} of {named} on {day} {is_not} known: what is known and predicted before "
            f"{tips_off_by(day, None):%H:%M} UTC of the date is live, and nothing that comes later, until the source "
            f"says more{NEXT_COMMAND}nba-pipeline backfill --from {day} --to {day}",
        )

    @cached_property
    def _unsettled(self) -> Mapping[date, Sequence[Mapping[str, Any]]]:
        """The games of the published dates that are not over which are undecided or have no tip-off."""
        today = self._clock.today()
        days = sorted(day for day in self._manifest.published(self.schedule) if day >= today)
        found: dict[date, list[Mapping[str, Any]]] = {}
        rows = self._session.query(partial(_unsettled_games, self.schedule), dates=days).to_pylist() if days else []
        for row in rows:
            found.setdefault(row["game_date"], []).append(row)
        return found

    def nothing_arrived(self, day: date) -> bool:
        """Whether the source's answer lists no row at all of a date with games, and its deadline is over.

        Such a date is closed, and later dates look back past it: its games are held. Where rows came and all of them
        are of broken games, the date is one without those games, as every other that has a held one.
        """
        held = self.held(day).values()
        if not any(found.decided_by == HELD_BY_RULE for found in held) or any(found.listed for found in held):
            return False
        line = self._manifest.lines.get(BOX_SCORES, {}).get(day)
        return line is not None and not line.row_count


def _made_again(made_again: Callable[[ibis.Table], ibis.Table], table: Contract, read: Reader) -> ibis.Table:
    return made_again(rows_in_scope(table, read)).select("game_date").distinct()


def _named(game: Mapping[str, Any]) -> str:
    return f"game {game['game_id']} of {game['visitor_team']} and {game['home_team']}"


def _unsettled_games(schedule: Contract, read: Reader) -> ibis.Table:
    """The games of the dates in scope that are undecided though it is known who would play, or lack only their hour."""
    games = rows_in_scope(schedule, read)
    undecided = (games.status == "undecided") & games.home_team.notnull() & games.visitor_team.notnull()
    unsettled = games.filter(undecided | ((games.status == "scheduled") & games.tipoff_at.isnull()))
    columns = ("game_date", "game_id", "home_team", "visitor_team", "status", "status_text")
    return unsettled.select(*columns).order_by("game_date", "game_id")


def _ruled_rows(table: Contract, read: Reader) -> ibis.Table:
    """The teams of the games of the dates in scope that are held, or of which an earlier answer counts."""
    rows = rows_in_scope(table, read)
    ruled = rows.filter(rows.state != "accepted").order_by("game_date", "game_id", "team")
    return ruled.select("game_date", "game_id", "team", "reasons", "decided_by", "state", "listed")


def _last_tip_offs(schedule: Contract, read: Reader) -> ibis.Table:
    """When the last game of each date in scope tips off that is played, and whether some tip-off is unknown."""
    games = rows_in_scope(schedule, read)
    playing = games.filter(games.status.notin(NOT_PLAYED))
    return playing.group_by("game_date").agg(last=playing.tipoff_at.max(), unknown=playing.tipoff_at.isnull().any())


def _last_of(row: Mapping[str, Any]) -> datetime:
    """The last tip-off of a date; of one that is unknown, the instant up to which the game has certainly not begun."""
    known = [row["last"].replace(tzinfo=UTC)] if row["last"] else []
    return max([*known, *([tips_off_by(row["game_date"], None)] if row["unknown"] else [])])
