"""Predictions as rows of the ledger, and what is published after batches of them."""

from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from nba_pipeline.predictions.calculations import ledger
from nba_pipeline.predictions.calculations.ledger import CHAIN, HASH, LIVE, POSITION, PREVIOUS

Row = dict[str, Any]
DAY, NEXT_DAY = date(2025, 11, 12), date(2025, 11, 13)
MORNING = datetime(2025, 11, 12, 12)
SCHEMA = pa.schema(
    [
        ("game_date", pa.date32()), ("game_id", pa.int64()), ("player_id", pa.int64()), ("stat", pa.string()),
        ("system_id", pa.string()), ("setting", pa.string()), ("mode", pa.string()), ("predicted_value", pa.float64()),
        ("made_at", pa.timestamp("us")), ("line", pa.float64()), ("model_version", pa.string()),
        ("tipoff_at", pa.timestamp("us")), (POSITION, pa.int64()), (PREVIOUS, pa.string()), (HASH, pa.string()),
    ]
)  # fmt: skip
SAID = [name for name in SCHEMA.names if name not in {column.name for column in CHAIN}]
NOTHING = SCHEMA.empty_table()


def prediction(
    value: float = 20.5,
    *,
    player: int = 1,
    game: int = 10,
    mode: str = LIVE,
    day: date = DAY,
    made: int = 0,
    **more: Any,
) -> Row:
    """A prediction, made so many minutes after the morning."""
    return {
        "game_date": day, "game_id": game, "player_id": player, "stat": "points", "system_id": "ensemble",
        "setting": "morning", "mode": mode, "predicted_value": value, "made_at": MORNING + timedelta(minutes=made),
        "line": None, "model_version": "2025-11-abc", "tipoff_at": datetime(2025, 11, 13, 0, 30), **more,
    }  # fmt: skip


def table(rows: list[Row]) -> pa.Table:
    """The rows, without chain columns."""
    return pa.Table.from_pylist(rows, schema=pa.schema([SCHEMA.field(name) for name in SAID]))


def after(*batches: list[Row]) -> pa.Table:
    """What is published after the batches, one run each."""
    published = NOTHING
    for batch in batches:
        published = ledger.append(published, table(batch))
    return published
