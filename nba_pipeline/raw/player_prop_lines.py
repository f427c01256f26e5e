"""Player prop lines: what bookmakers offered on a player's stat before his game, at last and at first."""

from collections.abc import Iterable, Sequence
from datetime import date

import ibis
import pyarrow as pa

from nba_pipeline.assets.contexts import AssetContext
from nba_pipeline.assets.table_asset import table_asset
from nba_pipeline.contracts import GAME_DATE, GAME_ID, PLAYER_ID, Column, Contract, Phase, Read
from nba_pipeline.landing.assets import LANDED_PLAYER_PROP_LINES
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw.parsing.scheduled_games import KNOWN_BEFORE_TIP_OFF, ScheduledGame
from nba_pipeline.raw.parsing.snapshots import Snapshots, newest_and_opening, rows_before_tip_off
from nba_pipeline.sources.balldontlie import PROP_LINES, PropLineRecord, parse_player_prop_lines
from nba_pipeline.sources.landing import Landing
from nba_pipeline.sources.records import HIGHEST_LINE, PROP_STATS
from nba_pipeline.warehouse.publish import Rows

VENDOR = Column("vendor", "string", "Bookmaker, as the source names him, in lower case.", "text")


def _odds(side: str) -> Column:
    definition = f"American odds for {side}: what 100 bring, or, below 0, what it takes to win 100."
    return Column(f"{side}_odds", "int64", definition, "odds", nullable=True)


CONTRACT = Contract(
    name="raw.player_prop_lines",
    description=(
        "One row per game, player, stat and bookmaker who had an over-under line on it in the newest snapshot "
        "about the game that was landed before its tip-off. No line, no row."
    ),
    phase=Phase.RAW,
    grain=("game_date", "game_id", "player_id", "stat", "vendor"),
    columns=(
        GAME_DATE,
        GAME_ID,
        PLAYER_ID,
        Column(
            "stat",
            "string",
            "Stat of the player; the source has no lines on minutes.",
            "category",
            allowed=tuple(PROP_STATS.values()),
        ),
        VENDOR,
        Column("line", "float64", "The newest line before tip-off.", "count", between=(0, HIGHEST_LINE)),
        _odds("over"),
        _odds("under"),
        Column("known_at", "timestamp(6)", "When the last request of the snapshot was made.", "UTC"),
        Column("opening_line", "float64", "The earliest line that was landed.", "count", between=(0, HIGHEST_LINE)),
        Column("opening_known_at", "timestamp(6)", "The same of the snapshot with the earliest line.", "UTC"),
    ),
    reads={"games": Read(raw_games.CONTRACT)},
    audits=(KNOWN_BEFORE_TIP_OFF,),
    before_tip_off=True,
    landed=PROP_LINES,
    landed_optional=True,
)

Key = tuple[int, str, str]
"""Player, stat and bookmaker."""


def implied_probability(odds: int) -> float:
    """The share of bets that must win for the odds to be even, the bookmaker's margin included."""
    return -odds / (100 - odds) if odds < 0 else 100 / (100 + odds)


def main_lines(records: Iterable[PropLineRecord]) -> dict[Key, PropLineRecord]:
    """The line of each player, stat and bookmaker: of several, that with the most even odds.

    The others are alternatives far from what he is expected to do. Lines without odds come last, low ones first.
    """
    found: dict[Key, PropLineRecord] = {}
    for record in records:
        if record.stat is None or record.line is None:
            continue
        key = (record.player_id, record.stat, record.vendor)
        if key not in found or _unevenness(record) < _unevenness(found[key]):
            found[key] = record
    return found


def _unevenness(record: PropLineRecord) -> tuple[bool, float, float]:
    line = record.line or 0.0
    if record.over_odds is None or record.under_odds is None:
        return True, 0.0, line
    return False, abs(implied_probability(record.over_odds) - implied_probability(record.under_odds)), line


def player_prop_lines(snapshots: Snapshots[PropLineRecord], games: Iterable[ScheduledGame]) -> pa.Table:
    """One row a line that stood before its game, of games of one date."""
    rows = []
    for game in games:
        told = [(c.known_at, main_lines(snapshots.records(c, game.game_id))) for c in snapshots.before(game)]
        for (player_id, stat, vendor), (newest, opening) in newest_and_opening(told).items():
            rows.append(
                {
                    "game_date": game.game_date,
                    "game_id": game.game_id,
                    "player_id": player_id,
                    "stat": stat,
                    "vendor": vendor,
                    "line": newest.value.line,
                    "over_odds": newest.value.over_odds,
                    "under_odds": newest.value.under_odds,
                    "known_at": newest.known_at.replace(tzinfo=None),
                    "opening_line": opening.value.line,
                    "opening_known_at": opening.known_at.replace(tzinfo=None),
                }
            )
    return pa.Table.from_pylist(rows, schema=CONTRACT.schema.to_pyarrow())


def prop_line_snapshots(landing: Landing, day: date) -> Snapshots[PropLineRecord]:
    """The snapshots of the lines that were landed in the name of a date, by game."""
    return Snapshots(landing, PROP_LINES, day, parse_player_prop_lines, lambda record: record.game_id)


@table_asset(CONTRACT, kinds=("python",), deps=[LANDED_PLAYER_PROP_LINES])
def asset(context: AssetContext, dates: Sequence[date], games: ibis.Table) -> Rows:
    """Takes, game by game, the last snapshot before its tip-off; a line that cannot be read is no line."""
    return rows_before_tip_off(context, dates, games, prop_line_snapshots, player_prop_lines)
