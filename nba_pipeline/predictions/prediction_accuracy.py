"""Prediction accuracy: every prediction beside what happened, and beside what anyone could have guessed."""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.contracts import (
    GAME_DATE,
    GAME_ID,
    OPPONENT,
    PLAYER_ID,
    PLAYER_NAME,
    TEAM,
    Column,
    Grid,
    Phase,
    Read,
    Reader,
    rows_as_keys,
)
from nba_pipeline.contracts import Table as Contract
from nba_pipeline.precompute import ml_feature_store
from nba_pipeline.predictions import player_predictions
from nba_pipeline.raw import games as raw_games
from nba_pipeline.table_asset import table_asset

BASELINES = {
    "last_10": ("points_last_10", "mean of the last 10 games, of this season or the one before"),
    "season_mean": ("points_avg_season", "mean of the games of the season so far"),
    "ewma_7": ("points_ewma_7", "exponentially weighted mean with a half-life of 7 games"),
}
"""The naive baselines: name, feature and definition. Without the feature, the prior stands in for it."""


def graded_keys(read: Reader) -> ibis.Table:
    """Every prediction of a final game, once a mode: the newest made before tip-off, or the backtest."""
    final = read(raw_games.CONTRACT)
    final = final.filter(final.status == "final").select("game_date", "game_id")
    rows = read(player_predictions.CONTRACT)
    return rows.semi_join(final, ["game_date", "game_id"]).select(player_predictions.KEYS).distinct()


CONTRACT = Contract(
    name="predictions.prediction_accuracy",
    description=(
        "One row per prediction of a final game that counts: of several live ones, the newest. A player who "
        "did not play is void: `played` is false and there is neither an actual value nor an error."
    ),
    phase=Phase.GRADES,
    grain=player_predictions.KEYS,
    columns=(
        GAME_DATE,
        GAME_ID,
        PLAYER_ID,
        PLAYER_NAME,
        TEAM,
        OPPONENT,
        Column("stat", "string", "What was predicted.", "category"),
        Column("system_id", "string", "The system that predicted.", "category"),
        Column("mode", "string", "Made before tip-off (live) or afterwards (backtest).", "category"),
        Column("made_at", "timestamp(6)", "When the graded prediction was made.", "UTC", volatile=True),
        Column("model_version", "string", "Version of the model that made it.", "text"),
        Column("quality_tier", "string", "Tier of the features' quality.", "category"),
        Column("predicted_value", "float64", "The value that was expected.", "unit of the statistic"),
        Column("played", "boolean", "Whether he played; if not, the prediction is void.", "flag"),
        Column("actual_value", "float64", "What he did; null if he did not play.", "unit of the statistic",
               nullable=True),
        Column("absolute_error", "float64", "Distance between expected and actual.", "unit of the statistic",
               nullable=True, between=(0, 120)),
        Column("signed_error", "float64", "Expected less actual; positive is too high.",
               "unit of the statistic", nullable=True),
        *(
            Column(f"{name}_value", "float64", f"Baseline: {definition}; the prior where there is none.",
                   "unit of the statistic", nullable=True)
            for name, (_, definition) in BASELINES.items()
        ),
        *(
            Column(f"{name}_absolute_error", "float64", f"Distance of the baseline {name} from the actual.",
                   "unit of the statistic", nullable=True)
            for name in BASELINES
        ),
    ),
    reads={
        "predictions": Read(player_predictions.CONTRACT),
        "outcomes": Read(player_game_summary.CONTRACT),
        "features": Read(ml_feature_store.CONTRACT),
        "games": Read(raw_games.CONTRACT),
    },
    grid=Grid(player_predictions.KEYS[1:], graded_keys, rows_as_keys(*player_predictions.KEYS[1:]), "grades"),
)  # fmt: skip


def counting(predictions: ibis.Table) -> ibis.Table:
    """Of several live predictions of the same thing the newest, which is what was known at tip-off."""
    order = ibis.window(
        group_by=[predictions[key] for key in player_predictions.KEYS], order_by=predictions.made_at.desc()
    )
    ranked = predictions.mutate(newest=ibis.row_number().over(order))
    return ranked.filter(ranked.newest == 0).drop("newest")


def prediction_accuracy(
    predictions: ibis.Table, outcomes: ibis.Table, features: ibis.Table, games: ibis.Table
) -> ibis.Table:
    """One row a counting prediction of a final game, from the rows of the same dates."""
    final = games.filter(games.status == "final").select("game_id")
    rows = counting(predictions).semi_join(final, ["game_id"])
    results = outcomes.filter(outcomes.played).select("game_id", "player_id", points=outcomes.points)
    guesses = features.select(
        "game_id",
        "player_id",
        "points_prior",
        **{f"{name}_value": features[f] for name, (f, _) in BASELINES.items()},
    )
    rows = rows.left_join(results, ["game_id", "player_id"])
    rows = rows.drop([c for c in rows.columns if c.endswith("_right")])
    rows = rows.left_join(guesses, ["game_id", "player_id"])
    rows = rows.drop([c for c in rows.columns if c.endswith("_right")])
    actual = rows.points.cast("float64")
    baselines = {f"{name}_value": rows[f"{name}_value"].fill_null(rows.points_prior) for name in BASELINES}
    errors = {f"{name}_absolute_error": distance(baselines[f"{name}_value"], actual) for name in BASELINES}
    return rows.select(
        *player_predictions.KEYS, "player_name", "team", "opponent", "made_at", "model_version",
        "quality_tier", "predicted_value",
        played=rows.points.notnull(),
        actual_value=actual,
        absolute_error=distance(rows.predicted_value, actual),
        signed_error=rows.predicted_value - actual,
        **baselines,
        **errors,
    )  # fmt: skip


def distance(guess: ir.FloatingValue, actual: ir.FloatingValue) -> ir.FloatingValue:
    """The absolute error; null where there is no actual value."""
    return (guess - actual).abs()


@table_asset(CONTRACT)
def asset(
    context: dg.AssetExecutionContext,
    dates: Sequence[date],
    predictions: ibis.Table,
    outcomes: ibis.Table,
    features: ibis.Table,
    games: ibis.Table,
) -> ibis.Table:
    """Grades the predictions of the dates' final games."""
    return prediction_accuracy(predictions, outcomes, features, games)
