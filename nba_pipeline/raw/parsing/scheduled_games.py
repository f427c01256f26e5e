"""The games of a schedule with their tip-offs: until when late information about a game counts as known before it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import ibis

from nba_pipeline.clock import tips_off_by
from nba_pipeline.contracts import Audit, Reader
from nba_pipeline.raw import games as raw_games
from nba_pipeline.warehouse.interface import Warehouse


@dataclass(frozen=True)
class ScheduledGame:
    """A game that is to be played; `teams` are both teams' ids and abbreviations."""

    game_date: date
    game_id: int
    tipoff_at: datetime | None
    teams: Mapping[int, str]

    @property
    def news_ends_at(self) -> datetime:
        """The instant before which late information counts: tip-off or, while that is open, the earliest of it."""
        return tips_off_by(self.game_date, self.tipoff_at)


def scheduled_games(warehouse: Warehouse, games: ibis.Table) -> list[ScheduledGame]:
    """The games of `raw.games` that are to be played, by date and id."""
    playing = games.filter(~raw_games.is_off(games)).order_by("game_date", "game_id")
    with warehouse.session(read_only=True) as session:
        rows = session.query(playing).to_pylist()
    return [
        ScheduledGame(
            row["game_date"],
            row["game_id"],
            row["tipoff_at"].replace(tzinfo=UTC) if row["tipoff_at"] else None,
            {row["home_team_id"]: row["home_team"], row["visitor_team_id"]: row["visitor_team"]},
        )
        for row in rows
    ]


def known_too_late(staged: ibis.Table, read: Reader) -> ibis.Table:
    """A reason for each game of which rows were not known before its tip-off."""
    games = read(raw_games.CONTRACT).select("game_date", "game_id", "tipoff_at")
    rows = staged.inner_join(games, ["game_date", "game_id"])
    late = rows.filter(~raw_games.is_before_tip_off(rows.known_at, rows.game_date, rows.tipoff_at))
    counted = late.group_by("game_date", "game_id").agg(rows=ibis._.count())
    return counted.select(
        "game_date",
        reason=ibis.literal("game ")
        + counted.game_id.cast("string")
        + ": "
        + counted.rows.cast("string")
        + " rows were not known before its tip-off",
    )


KNOWN_BEFORE_TIP_OFF = Audit(
    "known before tip-off", "What a row says was known before its game tipped off.", known_too_late
)
"""The promise of every table of late information about a game."""
