"""Players: the rosters of the teams that play on a date, as they were known when asked."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime

import dagster as dg
import ibis
import pyarrow as pa

from nba_pipeline.clock import tips_off_by
from nba_pipeline.contracts import (
    GAME_DATE,
    PLAYER_ID,
    TEAM,
    TEAM_ID,
    Audit,
    Column,
    Phase,
    Read,
    Reader,
    Table,
)
from nba_pipeline.landing import LANDED_PLAYERS
from nba_pipeline.raw import games
from nba_pipeline.raw.landed import read_landed, tell
from nba_pipeline.sources.balldontlie import PlayerRecord, parse_active_players
from nba_pipeline.sources.decoration import HEIGHTS, WEIGHTS
from nba_pipeline.sources.landing import Capture
from nba_pipeline.table_asset import table_asset
from nba_pipeline.warehouse.asked import is_asked
from nba_pipeline.warehouse.publish import Rows

SMALLEST_ROSTER = 8
"""The league wants eight players dressed; a shorter list is an answer cut short."""


def short_rosters(staged: ibis.Table, read: Reader) -> ibis.Table:
    """A reason for each team that plays on a date and is listed with fewer players than it must dress, or none."""
    schedule = games.team_games(read(games.CONTRACT))
    playing = schedule.filter(is_asked(schedule.game_date), ~games.is_off(schedule))
    playing = playing.select("game_date", "team_id", "team").distinct()
    counted = staged.group_by("game_date", "team_id").agg(listed=ibis._.count())
    rosters = playing.left_join(counted, ["game_date", "team_id"])
    rosters = rosters.select("game_date", "team", players=rosters.listed.fill_null(0))
    short = rosters.filter(rosters.players < SMALLEST_ROSTER)
    return short.select(
        "game_date",
        reason=short.team + " has only " + short.players.cast("string") + " players on its roster",
    )


CONTRACT = Table(
    name="raw.players",
    description=(
        "One row per game date and player on the roster of a team that plays on it. The source knows only the "
        "rosters of now, so `known_at` says when we asked: a roster counts as known before a game only when "
        "it was asked for before tip-off, and backfilled dates are predicted without it."
    ),
    phase=Phase.RAW,
    grain=("game_date", "player_id"),
    columns=(
        GAME_DATE,
        PLAYER_ID,
        Column("first_name", "string", "First name, as the source spells it.", "text"),
        Column("last_name", "string", "Last name, as the source spells it.", "text"),
        Column("position", "string", "Position as listed by the source.", "category", nullable=True),
        Column("height_inches", "int64", "Height, as listed.", "inches", nullable=True, between=HEIGHTS),
        Column("weight_pounds", "int64", "Weight, as listed.", "pounds", nullable=True, between=WEIGHTS),
        TEAM_ID,
        TEAM,
        Column("known_at", "timestamp(6)", "When the source was asked.", "UTC", volatile=True),
    ),
    reads={"games": Read(games.CONTRACT)},
    audits=(
        Audit("no roster is cut short", f"A team that plays lists {SMALLEST_ROSTER} players or more.", short_rosters),
    ),
    before_tip_off=True,
    landed="players/active",
)


def players(
    records: Iterable[tuple[PlayerRecord, Capture]],
    days_of: Mapping[Capture, Sequence[date]],
    teams_of: Mapping[date, frozenset[int]],
) -> pa.Table:
    """One row a date and player, for the teams that play on the date.

    Of a player who is listed twice, as on a page that shifted meanwhile, the last item counts: it was asked for last.
    """
    listed = {(capture, record.player_id): record for record, capture in records}
    rows = [
        {name: getattr(record, name) for name in CONTRACT.schema.names if hasattr(record, name)}
        | {"game_date": day, "known_at": capture.fetched_at.replace(tzinfo=None)}
        for (capture, _), record in listed.items()
        for day in days_of[capture]
        if record.team_id in teams_of.get(day, frozenset())
    ]
    return pa.Table.from_pylist(rows, schema=CONTRACT.schema.to_pyarrow())


def in_two_teams(records: Iterable[tuple[PlayerRecord, Capture]]) -> list[str]:
    """A sentence for each player whom one answer lists in two teams."""
    found: dict[tuple[Capture, int], PlayerRecord] = {}
    sentences = []
    for record, capture in records:
        before = found.get((capture, record.player_id))
        if before is not None and before.team_id != record.team_id:
            sentences.append(
                f"{record.first_name} {record.last_name} ({record.player_id}) is on the rosters of {before.team} and "
                f"{record.team}; the second counts, which was listed last"
            )
        found[capture, record.player_id] = record
    return sentences


@table_asset(CONTRACT, kinds=("python",), deps=[LANDED_PLAYERS])
def asset(context: dg.AssetExecutionContext, dates: Sequence[date], games: ibis.Table) -> Rows:
    """Takes the last answer before the first tip-off of a date where there is one, else the newest."""
    teams, first_tip = _schedule(context, games)
    landed = read_landed(
        context.resources.landing,
        "players/active",
        dates,
        parse_active_players,
        warn=context.log.warning,
        dated=False,
        before=first_tip.get,
    )
    listed = list(zip(landed.records, landed.captured, strict=True))
    tell(in_two_teams(listed), context.log.warning)
    return Rows(
        players(listed, landed.days_of, teams),
        landed.refused,
        landed.rejected,
    )


def _schedule(
    context: dg.AssetExecutionContext, schedule: ibis.Table
) -> tuple[dict[date, frozenset[int]], dict[date, datetime]]:
    """The teams that play on each date, and when its first game tips off."""
    sides = games.team_games(schedule)
    sides = sides.filter(~games.is_off(sides))
    with context.resources.warehouse.session(read_only=True) as session:
        rows = session.query(sides.select("game_date", "team_id", "tipoff_at")).to_pylist()
    teams: dict[date, set[int]] = {}
    tips: dict[date, datetime] = {}
    for row in rows:
        teams.setdefault(row["game_date"], set()).add(row["team_id"])
        known = row["tipoff_at"] and row["tipoff_at"].replace(tzinfo=UTC)
        tip = tips_off_by(row["game_date"], known)
        tips[row["game_date"]] = min(tip, tips.get(row["game_date"], tip))
    return {day: frozenset(ids) for day, ids in teams.items()}, tips
