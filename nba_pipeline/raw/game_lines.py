"""Game lines: the spread and the total that bookmakers offered on a game before it, at last and at first."""

from collections.abc import Iterable, Sequence
from datetime import date

import ibis
import pyarrow as pa

from nba_pipeline.assets.contexts import AssetContext
from nba_pipeline.assets.table_asset import table_asset
from nba_pipeline.contracts import GAME_DATE, GAME_ID, Column, Contract, Phase, Read
from nba_pipeline.landing.assets import LANDED_GAME_LINES
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw.parsing.scheduled_games import KNOWN_BEFORE_TIP_OFF, ScheduledGame
from nba_pipeline.raw.parsing.snapshots import Snapshots, newest_and_opening, rows_before_tip_off
from nba_pipeline.raw.player_prop_lines import VENDOR
from nba_pipeline.sources.balldontlie import GAME_LINES, GameLineRecord, parse_game_lines
from nba_pipeline.sources.landing import Landing
from nba_pipeline.sources.records import HIGHEST_SPREAD, HIGHEST_TOTAL, LOWEST_TOTAL
from nba_pipeline.warehouse.publish import Rows


def _spread(name: str, when: str) -> Column:
    definition = f"{when} spread from the side of the home team: -5.5 when it is to win by more than 5."
    return Column(name, "float64", definition, "points", nullable=True, between=(-HIGHEST_SPREAD, HIGHEST_SPREAD))


def _total(name: str, when: str) -> Column:
    definition = f"{when} total of both teams' points."
    return Column(name, "float64", definition, "points", nullable=True, between=(LOWEST_TOTAL, HIGHEST_TOTAL))


CONTRACT = Contract(
    name="raw.game_lines",
    description=(
        "One row per game and bookmaker who had a spread or a total on it in the newest snapshot about the game "
        "that was landed before its tip-off. No line, no row."
    ),
    phase=Phase.RAW,
    grain=("game_date", "game_id", "vendor"),
    columns=(
        GAME_DATE,
        GAME_ID,
        VENDOR,
        _spread("spread_home", "The newest"),
        _total("total", "The newest"),
        Column("known_at", "timestamp(6)", "When the last request of the snapshot was made.", "UTC"),
        _spread("opening_spread_home", "The earliest landed"),
        _total("opening_total", "The earliest landed"),
        Column("opening_known_at", "timestamp(6)", "The same of the earliest snapshot with a line of his.", "UTC"),
    ),
    reads={"games": Read(raw_games.CONTRACT)},
    audits=(KNOWN_BEFORE_TIP_OFF,),
    before_tip_off=True,
    landed=GAME_LINES,
    landed_optional=True,
)


def lines_by_vendor(records: Iterable[GameLineRecord]) -> dict[str, GameLineRecord]:
    """What each bookmaker who has a line offers; of several the last in the answer."""
    return {record.vendor: record for record in records if (record.spread_home, record.total) != (None, None)}


def game_lines(snapshots: Snapshots[GameLineRecord], games: Iterable[ScheduledGame]) -> pa.Table:
    """One row a bookmaker whose lines stood before the game, of games of one date."""
    rows = []
    for game in games:
        told = [(c.known_at, lines_by_vendor(snapshots.records(c, game.game_id))) for c in snapshots.before(game)]
        for vendor, (newest, opening) in newest_and_opening(told).items():
            rows.append(
                {
                    "game_date": game.game_date,
                    "game_id": game.game_id,
                    "vendor": vendor,
                    "spread_home": newest.value.spread_home,
                    "total": newest.value.total,
                    "known_at": newest.known_at.replace(tzinfo=None),
                    "opening_spread_home": opening.value.spread_home,
                    "opening_total": opening.value.total,
                    "opening_known_at": opening.known_at.replace(tzinfo=None),
                }
            )
    return pa.Table.from_pylist(rows, schema=CONTRACT.schema.to_pyarrow())


def game_line_snapshots(landing: Landing, day: date) -> Snapshots[GameLineRecord]:
    """The snapshots of the lines that were landed in the name of a date, by game."""
    return Snapshots(landing, GAME_LINES, day, parse_game_lines, lambda record: record.game_id)


@table_asset(CONTRACT, kinds=("python",), deps=[LANDED_GAME_LINES])
def asset(context: AssetContext, dates: Sequence[date], games: ibis.Table) -> Rows:
    """Takes, game by game, the last snapshot before its tip-off; a line that cannot be read is no line."""
    return rows_before_tip_off(context, dates, games, game_line_snapshots, game_lines)
