"""Injury reports: for which teams of a date it was known before their game who is listed as injured, and since when.

A team without a row is a team of which nobody knows anything; a row with 0 players is a team that lists nobody.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import takewhile

import ibis
import pyarrow as pa

from nba_pipeline.assets.contexts import AssetContext
from nba_pipeline.assets.table_asset import table_asset
from nba_pipeline.clock import EARLIEST_TIP_OFF_HOUR
from nba_pipeline.contracts import GAME_DATE, GAME_ID, TEAM, TEAM_ID, Column, Contract, Phase, Read
from nba_pipeline.landing.assets import LANDED_INJURIES
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw.parsing.scheduled_games import KNOWN_BEFORE_TIP_OFF, ScheduledGame
from nba_pipeline.raw.parsing.snapshots import Snapshots, rows_before_tip_off
from nba_pipeline.sources.balldontlie import INJURIES, InjuryRecord, Rejected, parse_injuries
from nba_pipeline.sources.landing import Capture, Landing
from nba_pipeline.warehouse.publish import Rows

KNOWN_SINCE = Column(
    "known_at",
    "timestamp(6)",
    "When the last request of the first snapshot was made that says of the team what the newest says; every one "
    "between them says the same.",
    "UTC",
)

CONTRACT = Contract(
    name="raw.injury_reports",
    description=(
        "One row per team that plays on a date and of which a snapshot of the injury list was landed before the "
        f"tip-off of its game (before {EARLIEST_TIP_OFF_HOUR}:00 UTC of the date while the tip-off is unknown): what "
        "the newest such snapshot says of the team, known since the first that said so and was contradicted by none. "
        "Dates of which none was landed have no rows and are complete."
    ),
    phase=Phase.RAW,
    grain=("game_date", "team_id"),
    columns=(
        GAME_DATE,
        TEAM_ID,
        TEAM,
        GAME_ID,
        KNOWN_SINCE,
        Column("players_listed", "int64", "Players of the team on the list.", "players", between=(0, 40)),
        Column("tipoff_at", "timestamp(6)", "Scheduled tip-off of the team's game.", "UTC", nullable=True),
    ),
    reads={"games": Read(raw_games.CONTRACT)},
    audits=(KNOWN_BEFORE_TIP_OFF,),
    before_tip_off=True,
    landed=INJURIES,
    landed_optional=True,
)


def injury_snapshots(landing: Landing, day: date) -> Snapshots[InjuryRecord]:
    """The snapshots of the injury list that were landed in the name of a date, by team."""
    return Snapshots(landing, INJURIES, day, parse_injuries, lambda record: record.team_id)


def tells(snapshots: Snapshots[InjuryRecord], capture: Capture, team_id: int) -> bool:
    """Whether a snapshot can be relied on about a team: no item that cannot be read may be about it.

    A list that lacks a player reads as a player who is well, so such a list is not used at all.
    """
    return not any(_team_of(item) in (team_id, None) for item in snapshots.parsed(capture).rejected)


def speaking(snapshots: Snapshots[InjuryRecord], game: ScheduledGame, team_id: int) -> Capture | None:
    """The first of the snapshots that agree with the newest about a team, back from its game; None without any.

    A list that is asked for again and says nothing new, and what is made of it stays as it is.
    """
    told = (capture for capture in reversed(snapshots.before(game)) if tells(snapshots, capture, team_id))
    newest = next(told, None)
    if newest is None:
        return None
    said = _said(snapshots, newest, team_id)
    *_, first = newest, *takewhile(lambda capture: _said(snapshots, capture, team_id) == said, told)
    return first


def _said(snapshots: Snapshots[InjuryRecord], capture: Capture, team_id: int) -> list[str]:
    """What a snapshot says of a team, in no order of the source's."""
    return sorted(record.model_dump_json() for record in snapshots.records(capture, team_id))


def _team_of(item: Rejected) -> int | None:
    """The team that an unreadable item claims to be about; None when not even that can be read."""
    content = json.loads(item.raw)
    player = content.get("player") if isinstance(content, dict) else None
    team_id = player.get("team_id") if isinstance(player, dict) else None
    return team_id if isinstance(team_id, int) else None


def injury_reports(snapshots: Snapshots[InjuryRecord], games: Iterable[ScheduledGame]) -> pa.Table:
    """One row a team of the games, all of one date, that a snapshot known before its tip-off tells about."""
    rows = []
    for game in games:
        for team_id, team in game.teams.items():
            capture = speaking(snapshots, game, team_id)
            if capture is None:
                continue
            listed = {record.player_id for record in snapshots.records(capture, team_id)}
            rows.append(
                {
                    "game_date": game.game_date,
                    "team_id": team_id,
                    "team": team,
                    "game_id": game.game_id,
                    "known_at": capture.known_at.replace(tzinfo=None),
                    "players_listed": len(listed),
                    "tipoff_at": game.tipoff_at and game.tipoff_at.replace(tzinfo=None),
                }
            )
    return pa.Table.from_pylist(rows, schema=CONTRACT.schema.to_pyarrow())


@table_asset(CONTRACT, kinds=("python",), deps=[LANDED_INJURIES])
def asset(context: AssetContext, dates: Sequence[date], games: ibis.Table) -> Rows:
    """Takes, team by team, what the last snapshot before its own game says, and since when it is known."""
    return rows_before_tip_off(context, dates, games, injury_snapshots, injury_reports)
