"""Injuries: who was listed as injured in the snapshot that speaks for his team's game."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date
from typing import Any, get_args

import ibis
import pyarrow as pa

from nba_pipeline.assets.contexts import AssetContext
from nba_pipeline.assets.table_asset import table_asset
from nba_pipeline.contracts import GAME_DATE, PLAYER_ID, TEAM, TEAM_ID, Audit, Column, Contract, Phase, Read, Reader
from nba_pipeline.landing.assets import LANDED_INJURIES
from nba_pipeline.raw import injury_reports as reports
from nba_pipeline.raw.parsing.landed import tell
from nba_pipeline.raw.parsing.snapshots import Snapshots
from nba_pipeline.sources.balldontlie import INJURIES, InjuryRecord
from nba_pipeline.sources.decoration import shown
from nba_pipeline.sources.injury_words import InjuryStatus
from nba_pipeline.warehouse.publish import Rows

WORST_FIRST = ("out", "doubtful", "questionable", "unknown", "probable", "available")
"""Of a player who is listed twice the worst status counts."""


def unlike_the_reports(staged: ibis.Table, read: Reader) -> ibis.Table:
    """A reason for each team whose players are from another snapshot than its report."""
    known = read(reports.CONTRACT).select("game_date", "team_id", report_known_at="known_at")
    both = staged.left_join(known, ["game_date", "team_id"])
    same = (both.known_at == both.report_known_at).fill_null(False)
    counted = both.filter(~same).group_by("game_date", "team").agg(players=ibis._.count())
    return counted.select(
        "game_date",
        reason=counted.players.cast("string") + " players of " + counted.team + " are not from the team's report",
    )


CONTRACT = Contract(
    name="raw.injuries",
    description=(
        "One row per game date and player who is listed in the injury report that speaks for his team's game. A "
        "player without a row is not listed if raw.injury_reports has his team, and unknown if it has not."
    ),
    phase=Phase.RAW,
    grain=("game_date", "player_id"),
    columns=(
        GAME_DATE,
        PLAYER_ID,
        Column("first_name", "string", "First name, as the source spells it.", "text"),
        Column("last_name", "string", "Last name, as the source spells it.", "text"),
        TEAM_ID,
        TEAM,
        Column(
            "status",
            "string",
            "What the source's word means: day-to-day is questionable, a suspension is out, a word that nobody "
            "knows is unknown.",
            "category",
            allowed=get_args(InjuryStatus),
        ),
        Column("status_text", "string", "The status in the source's words.", "text"),
        Column("description", "string", "What the source says about it.", "text", nullable=True),
        Column("return_date_text", "string", "When he is expected back, in the source's words.", "text", nullable=True),
        reports.KNOWN_SINCE,
    ),
    reads={"injury_reports": Read(reports.CONTRACT)},
    audits=(
        Audit("as in the report", "A team's players are those of the snapshot of its report.", unlike_the_reports),
    ),
    before_tip_off=True,
    landed=INJURIES,
    landed_optional=True,
)


def injuries(snapshots: Snapshots[InjuryRecord], known: Iterable[Mapping[str, Any]]) -> pa.Table:
    """One row a player listed in the snapshots of the reports, which are rows of `raw.injury_reports` of one date."""
    rows: dict[int, dict[str, object]] = {}
    for report in known:
        known_at = report["known_at"].replace(tzinfo=UTC)
        captures = [c for c in snapshots.captures if c.known_at == known_at]
        capture = next(c for c in reversed(captures) if reports.tells(snapshots, c, report["team_id"]))
        listed = sorted(
            snapshots.records(capture, report["team_id"]), key=lambda record: -WORST_FIRST.index(record.status)
        )
        for record in listed:
            rows[record.player_id] = record.model_dump() | {
                name: report[name] for name in ("game_date", "team", "known_at")
            }
    return pa.Table.from_pylist(list(rows.values()), schema=CONTRACT.schema.to_pyarrow())


def unknown_words(rows: pa.Table) -> list[tuple[date, str, str]]:
    """The players whose status is in words that nobody knows, for quarantine: date, reason and row as JSON.

    They refuse nothing, but unknown means that a player counts as not out, and a person may know better.
    """
    return [
        (
            row["game_date"],
            f"the status {shown(row['status_text'])} of {row['first_name']} {row['last_name']} ({row['player_id']}, "
            f"{row['team']}) is no word that is known: he counts as neither out nor available",
            json.dumps(row, default=str),
        )
        for row in rows.to_pylist()
        if row["status"] == "unknown"
    ]


@table_asset(CONTRACT, kinds=("python",), deps=[LANDED_INJURIES])
def asset(context: AssetContext, dates: Sequence[date], injury_reports: ibis.Table) -> Rows:
    """Takes each team's players from the snapshot of its report."""
    with context.resources.warehouse.session(read_only=True) as session:
        known = session.query(injury_reports.order_by("game_date", "team_id")).to_pylist()
    found: list[pa.Table] = []
    odd: list[str] = []
    for day in dates:
        snapshots = reports.injury_snapshots(context.resources.landing, day)
        found.append(injuries(snapshots, [row for row in known if row["game_date"] == day]))
        odd += snapshots.odd
    rows = pa.concat_tables(found)
    unknown = unknown_words(rows)
    tell([*odd, *(f"{reason}; see operations.quarantine" for _, reason, _ in unknown)], context.log.warning)
    return Rows(rows, rejected=unknown)
