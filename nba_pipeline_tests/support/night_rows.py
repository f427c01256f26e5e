"""One night of the ledger by hand: two games, the rows of a few players, and the schedule; and how it is published."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from nba_pipeline.predictions import player_predictions
from nba_pipeline.predictions.calculations.ledger import HASH, LIVE, POSITION, PREVIOUS, genesis, row_hash
from nba_pipeline.publishing.predictions_file import Document, Standing, chosen_rows, document
from nba_pipeline.publishing.published_days import PublishedDay, publish
from nba_pipeline.sources.landing_store import LandingStore

Row = dict[str, Any]

NIGHT = date(2025, 11, 12)
MADE, TIP = datetime(2025, 11, 12, 12, 30), datetime(2025, 11, 13, 0, 30)
EARLY_GAME, LATE_GAME = 10, 11
NOW = datetime(2025, 11, 12, 14, tzinfo=UTC)
OPEN = Standing("open", [{"gate": "predictions_to_grades", "state": "open", "reasons": []}])


def said(player: int = 1, value: float = 20.5, **more: Any) -> Row:
    """A live prediction of a player's points by the ensemble, made in the morning."""
    row = {
        "game_date": NIGHT, "game_id": EARLY_GAME, "player_id": player, "player_name": f'Ann "Ace" O’Neal, {player}',
        "team": "BKN", "opponent": "BOS", "stat": "points", "system_id": "ensemble", "setting": "morning",
        "predicted_value": value, "interval_low": value - 8.1, "interval_high": value + 0.1,
        "plays_probability": 0.9123, "line": None, "over_probability": None, "made_at": MADE, "mode": LIVE,
        "model_version": "2025-11-abc", "code_version": "0123456789abcdef", "quality": 97.25, "quality_tier": "gold",
        "tipoff_at": TIP,
    }  # fmt: skip
    assert {*row, POSITION, PREVIOUS, HASH} == {column.name for column in player_predictions.CONTRACT.columns}
    return {**row, **more}


def chained(*rows: Row) -> list[Row]:
    """The rows with their places in the chain of the night."""
    found: list[Row] = []
    for position, row in enumerate(rows, start=1):
        previous = found[-1][HASH] if found else genesis(NIGHT)
        placed = {**row, POSITION: position, PREVIOUS: previous}
        found.append({**placed, HASH: row_hash(placed, previous)})
    return found


def scheduled(**status: Any) -> list[Row]:
    """Both games as the schedule has them; a status of one by `early` or `late`, an hour by `early_tip`."""
    return [
        {"game_id": EARLY_GAME, "status": status.get("early", "scheduled"), "tipoff_at": status.get("early_tip", TIP)},
        {"game_id": LATE_GAME, "status": status.get("late", "scheduled"), "tipoff_at": TIP + timedelta(hours=2)},
    ]


def made_of(*rows: Row, number: int = 1, previous: Any = None, standing: Standing = OPEN) -> Document:
    """The document of a night with these rows."""
    live = chained(*rows)
    chosen, left_out = chosen_rows(NIGHT, live, scheduled(), standing.status)
    ledger = {"rows": len(live), "head": live[-1][HASH]}
    return document(NIGHT, chosen, left_out, standing, ledger, number=number, previous=previous)


LATER = said(value=23.0, made_at=MADE + timedelta(hours=4))
"""What is predicted of the player in the afternoon."""


def published(
    store: LandingStore, *rows: Row, day: date = NIGHT, today: date = NIGHT, now: datetime = NOW
) -> PublishedDay:
    """A night that is published with these rows."""

    def make(number: int, previous: Mapping[str, Any] | None) -> Document:
        return {**made_of(*rows, number=number, previous=previous), "game_date": day.isoformat()}

    return publish(store, day, make, now, today)
