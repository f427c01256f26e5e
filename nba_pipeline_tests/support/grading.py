"""Small frames of predictions, outcomes, features and games, and their grades."""

from datetime import date, datetime
from typing import Any

import ibis
import pandas as pd

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.contracts import StoredTable
from nba_pipeline.grades import prediction_accuracy
from nba_pipeline.precompute import ml_feature_store
from nba_pipeline.predictions import player_predictions
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw import held_games

DAY = date(2025, 11, 5)
GAME, HE, SHE = 1, 10, 11

TIP_OFF, MORNING_OF, LATER = datetime(2025, 11, 6, 0, 30), datetime(2025, 11, 5, 15), datetime(2025, 11, 6, 4)

PLAIN: dict[str, Any] = {"int64": 1, "float64": 1.0, "string": "x", "boolean": True, "date": DAY}


def run(expression: ibis.Table) -> pd.DataFrame:
    return ibis.duckdb.connect().to_pyarrow(expression).to_pandas(date_as_object=True)


def rows_of(table: StoredTable, *rows: dict[str, Any]) -> ibis.Table:
    """Rows of a table: what is not said is null where it may be, and else anything."""
    usual = {c.name: None if c.nullable else PLAIN.get(c.type, MORNING_OF) for c in table.columns}
    return ibis.memtable([usual | {"game_date": DAY, "game_id": GAME, "player_id": HE} | row for row in rows],
                         schema=table.schema)  # fmt: skip


def prediction(value: float = 20.0, **said: Any) -> dict[str, Any]:
    """A prediction of points in the morning, made before tip-off."""
    usual = {
        "stat": "points", "system_id": "ours", "setting": "morning", "mode": "live", "made_at": MORNING_OF,
        "predicted_value": value, "interval_low": value - 5, "interval_high": value + 5, "plays_probability": 0.9,
    }  # fmt: skip
    return usual | said


def outcome(points: int = 25, *, played: bool = True, **said: Any) -> dict[str, Any]:
    """What he did; a player who sat has a row of zeros."""
    zero = {"points": 0, "rebounds": 0, "assists": 0, "three_pointers_made": 0, "minutes": 0.0}
    return {"played": played, **zero, **({"points": points, "minutes": 30.0} if played else {}), **said}


FEATURES = {
    f"{stat}_{kind}": 10.0 * n + k
    for n, stat in enumerate(("points", "rebounds", "assists", "three_pointers_made", "minutes"), 1)
    for k, kind in enumerate(("last_10", "avg_season", "ewma_7", "prior"))
}
"""Points: 10, 11, 12 and a prior of 13; rebounds: 20 and so on."""


def features(**said: Any) -> dict[str, Any]:
    """The features that grading reads."""
    return FEATURES | {"team_games_missed": 0.0} | said


def grades(
    predictions: list[dict[str, Any]],
    outcomes: list[dict[str, Any]] | None = None,
    known: list[dict[str, Any]] | None = None,
    ruled: str | None = None,
    **game: Any,
) -> pd.DataFrame:
    """The grades of the predictions, by themselves; with `ruled` the game is held or accepted."""
    made = prediction_accuracy.prediction_accuracy(
        rows_of(player_predictions.CONTRACT, *predictions),
        rows_of(player_game_summary.CONTRACT, *(outcomes if outcomes is not None else [outcome()])),
        rows_of(ml_feature_store.CONTRACT, *(known or [features()])),
        rows_of(raw_games.CONTRACT, {"status": "final", "tipoff_at": TIP_OFF} | game),
        rows_of(held_games.CONTRACT, {"state": ruled or "accepted"}),
    )
    return run(made).sort_values(list(player_predictions.KEYS)).reset_index(drop=True)
