"""What people want to see first: tomorrow's predictions, and how yesterday's did."""

from datetime import date

import ibis
import pyarrow as pa

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.predictions import player_predictions, prediction_accuracy
from nba_pipeline.predictions.prediction_accuracy import BASELINES
from nba_pipeline.warehouse.interface import Warehouse


def predictions_of(warehouse: Warehouse, day: date, rows: int) -> pa.Table:
    """The highest predictions of a date: player, team, opponent, and a column a system."""
    with warehouse.session(read_only=True) as session:
        table = session.read(player_predictions.CONTRACT)
        newest = prediction_accuracy.counting(table.filter(table.game_date == ibis.literal(day)))
        by_player = newest.group_by("player_id", "player_name", "team", "opponent").agg(
            moving_average=newest.predicted_value.max(where=newest.system_id == "moving_average"),
            gradient_boosting=newest.predicted_value.max(where=newest.system_id == "gradient_boosting"),
            quality_tier=newest.quality_tier.max(),
        )
        return session.query(by_player.order_by(ibis.desc("gradient_boosting"), "player_id").limit(rows))


def accuracy_of(warehouse: Warehouse, first: date, last: date) -> pa.Table:
    """Per system and mode, on the graded rows of players who played: their number and mean errors.

    The baselines' errors are on the same rows.
    """
    with warehouse.session(read_only=True) as session:
        table = session.read(prediction_accuracy.CONTRACT)
        played = table.filter(table.played, table.game_date.between(ibis.literal(first), ibis.literal(last)))
        scored = played.group_by("system_id", "mode").agg(
            rows=ibis._.count(),
            mean_absolute_error=played.absolute_error.mean(),
            bias=played.signed_error.mean(),
            **{f"{name}_mean_absolute_error": played[f"{name}_absolute_error"].mean() for name in BASELINES},
        )
        return session.query(scored.order_by("mode", "system_id"))


def players_who_played(warehouse: Warehouse, first: date, last: date) -> int:
    """How many rows with minutes there are, predicted or not: what coverage is a share of."""
    with warehouse.session(read_only=True) as session:
        table = session.read(player_game_summary.CONTRACT)
        played = table.filter(table.played, table.game_date.between(ibis.literal(first), ibis.literal(last)))
        return session.query(played.agg(rows=ibis._.count())).to_pylist()[0]["rows"]
