"""Prediction accuracy: every prediction beside what happened, and beside what anyone could have guessed."""

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.assets.table_asset import transformed
from nba_pipeline.contracts import (
    GAME_DATE,
    GAME_ID,
    OPPONENT,
    PLAYER_ID,
    PLAYER_NAME,
    TEAM,
    Audit,
    Column,
    Contract,
    Grid,
    Phase,
    Read,
    Reader,
)
from nba_pipeline.precompute import ml_feature_store
from nba_pipeline.predictions import player_predictions
from nba_pipeline.predictions.player_predictions import LIVE, SETTINGS, STATS
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw import held_games

BASELINES = {
    "last_10": ("last_10", "mean of the last 10 games, of this season or the one before"),
    "season_mean": ("avg_season", "mean of the games of the season so far"),
    "ewma_7": ("ewma_7", "exponentially weighted mean with a half-life of 7 games"),
}
"""The naive baselines: name, what follows the statistic in the feature's name, and definition.

Without the feature, the statistic's prior stands in for it.
"""

UNIT = "unit of the statistic"


def gradable(predictions: ibis.Table, games: ibis.Table, rulings: ibis.Table) -> ibis.Table:
    """The predictions of final games that are not held, without live ones made after the tip-off that there was."""
    final = games.filter(games.status == "final").select("game_date", "game_id", tipped_off_at=games.tipoff_at)
    final = final.anti_join(held_games.held(rulings), ["game_date", "game_id"])
    rows = predictions.inner_join(final, ["game_date", "game_id"])
    in_time = raw_games.is_before_tip_off(rows.made_at, rows.game_date, rows.tipped_off_at)
    return rows.filter((rows.mode != LIVE) | in_time).select(predictions.columns)


def graded_keys(read: Reader) -> ibis.Table:
    """Every prediction of a final game, once a mode: the newest made before tip-off, or the backtest."""
    rows = gradable(read(player_predictions.CONTRACT), read(raw_games.CONTRACT), read(held_games.CONTRACT))
    return rows.select(player_predictions.KEYS).distinct()


def unlike_rows(staged: ibis.Table, read: Reader) -> ibis.Table:
    """Per date, the rows on which the system and some baseline cannot be compared, or that grade a void."""
    compared = ("actual_value", "in_interval", "absolute_error", *(f"{name}_absolute_error" for name in BASELINES))
    unlike = staged.filter(ibis.or_(*[staged[name].notnull() != staged.played for name in compared]))
    counted = unlike.group_by("game_date").agg(rows=ibis._.count())
    said = counted.rows.cast("string") + " rows have an error without a game played, or a game without some error"
    return counted.select("game_date", reason=said)


CONTRACT = Contract(
    name="predictions.prediction_accuracy",
    description=(
        "One row per prediction of a final game that is not held, and that counts: of several live ones, the newest "
        "made before tip-off. "
        "A player who did not play is void: `played` is false and there is neither an actual value nor an error; only "
        "the probability of playing is graded."
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
        Column("stat", "string", "What was predicted.", "category", allowed=STATS),
        Column("system_id", "string", "The system that predicted.", "category"),
        Column("setting", "string", "Whether news of the day was used.", "category", allowed=SETTINGS),
        Column("mode", "string", "Made before tip-off (live) or afterwards (backtest).", "category"),
        Column("made_at", "timestamp(6)", "When the graded prediction was made.", "UTC", volatile=True),
        Column("model_version", "string", "Version of the model that made it.", "text"),
        Column("quality_tier", "string", "Tier of the features' quality.", "category"),
        Column("expected_minutes", "float64", "His minutes expected before the game, as EWMA-7; null before his first.",
               "min", nullable=True, between=(0, 70)),
        Column("expected_points", "float64", "His points expected before the game, as EWMA-7; null before his first.",
               "points", nullable=True, between=(0, 120)),
        Column("predicted_value", "float64", "The value that was expected.", UNIT),
        Column("interval_low", "float64", "Low end of the 80 % interval.", UNIT),
        Column("interval_high", "float64", "High end of the 80 % interval.", UNIT),
        Column("plays_probability", "float64", "The probability that he plays, as predicted.", "share",
               between=(0, 1)),
        Column("line", "float64", "The newest line known when the prediction was made.", UNIT, nullable=True),
        Column("over_probability", "float64", "The probability of going over the line, as predicted.", "share",
               nullable=True, between=(0, 1)),
        Column("played", "boolean", "Whether he played; if not, the prediction is void.", "flag"),
        Column("actual_value", "float64", "What he did; null if he did not play.", UNIT, nullable=True),
        Column("absolute_error", "float64", "Distance between expected and actual.", UNIT, nullable=True,
               between=(0, 120)),
        Column("signed_error", "float64", "Expected less actual; positive is too high.", UNIT, nullable=True),
        Column("in_interval", "boolean", "Whether the actual lies within the interval, its ends included; null if he "
               "did not play.", "flag", nullable=True),
        Column("went_over", "boolean", "Whether the actual lies above the line; null without a line, on a push (the "
               "actual is the line) and if he did not play.", "flag", nullable=True),
        Column("brier", "float64", "Squared distance between the probability of playing and whether he played.",
               "squared share", between=(0, 1), source="Brier, Verification of forecasts (1950)"),
        Column("last_game_brier", "float64", "The same of the baseline that he plays if he played in his team's last "
               "game, and else does not.", "squared share", between=(0, 1)),
        *(
            Column(f"{name}_value", "float64", f"Baseline: {definition}; the prior where there is none.", UNIT,
                   nullable=True)
            for name, (_, definition) in BASELINES.items()
        ),
        *(
            Column(f"{name}_absolute_error", "float64", f"Distance of the baseline {name} from the actual.", UNIT,
                   nullable=True)
            for name in BASELINES
        ),
    ),
    reads={
        "predictions": Read(player_predictions.CONTRACT),
        "outcomes": Read(player_game_summary.CONTRACT),
        "features": Read(ml_feature_store.CONTRACT),
        "games": Read(raw_games.CONTRACT),
        "rulings": Read(held_games.CONTRACT, optional=True),
    },
    grid=Grid(player_predictions.KEYS[1:], graded_keys, "grades"),
    audits=(
        Audit("identical_rows", "Who played has an error of the system and of every baseline; who sat has none.",
              unlike_rows),
    ),
)  # fmt: skip


def counting(predictions: ibis.Table) -> ibis.Table:
    """Of several live predictions of the same thing the newest, which is what was known at tip-off."""
    order = ibis.window(
        group_by=[predictions[key] for key in player_predictions.KEYS], order_by=predictions.made_at.desc()
    )
    ranked = predictions.mutate(newest=ibis.row_number().over(order))
    return ranked.filter(ranked.newest == 0).drop("newest")


def by_stat(rows: ibis.Table, column: str) -> ir.FloatingValue:
    """The column that belongs to the row's statistic; `{}` in `column` stands for its name."""
    return ibis.cases(*[(rows.stat == stat, rows[column.format(stat)].cast("float64")) for stat in STATS])


def guesses(features: ibis.Table) -> ibis.Table:
    """What grading needs of the features, one row a game and player, under names of its own."""
    names = ["{}_prior", *(f"{{}}_{feature}" for feature, _ in BASELINES.values())]
    return features.select(
        "game_date",
        "game_id",
        "player_id",
        "team_games_missed",
        expected_minutes=features.minutes_ewma_7,
        expected_points=features.points_ewma_7,
        **{f"guess_{name.format(stat)}": features[name.format(stat)] for name in names for stat in STATS},
    )


def results(outcomes: ibis.Table) -> ibis.Table:
    """What came of the games, one row a game and player who played."""
    played = outcomes.filter(outcomes.played)
    return played.select(
        "game_date", "game_id", "player_id", "played", **{f"actual_{stat}": played[stat] for stat in STATS}
    )


def prediction_accuracy(
    predictions: ibis.Table, outcomes: ibis.Table, features: ibis.Table, games: ibis.Table, rulings: ibis.Table
) -> ibis.Table:
    """One row a counting prediction of a final game, from the rows of the same dates."""
    rows = counting(gradable(predictions, games, rulings))
    for found in (results(outcomes), guesses(features)):
        rows = rows.left_join(found, ["game_date", "game_id", "player_id"])
        rows = rows.drop([c for c in rows.columns if c.endswith("_right")])
    rows = rows.mutate(
        played=rows.played.fill_null(False),
        actual_value=by_stat(rows, "actual_{}"),
        **{
            f"{name}_value": ibis.coalesce(by_stat(rows, f"guess_{{}}_{feature}"), by_stat(rows, "guess_{}_prior"))
            for name, (feature, _) in BASELINES.items()
        },
    )
    rows = rows.mutate(**verdicts(rows))
    return rows.select(CONTRACT.schema.names)


def verdicts(rows: ibis.Table) -> dict[str, ir.Value]:
    """Everything that compares a prediction with what happened; null where nothing did."""
    actual, played = rows.actual_value, rows.played.ifelse(1.0, 0.0)
    by_surprise = rows.plays_probability - played
    by_last_game = (rows.team_games_missed == 0).fill_null(False).ifelse(1.0, 0.0) - played
    push = actual == rows.line
    return {
        "absolute_error": (rows.predicted_value - actual).abs(),
        "signed_error": rows.predicted_value - actual,
        "in_interval": actual.between(rows.interval_low, rows.interval_high),
        "went_over": push.ifelse(ibis.null("boolean"), actual > rows.line),
        "brier": by_surprise * by_surprise,
        "last_game_brier": by_last_game * by_last_game,
        **{f"{name}_absolute_error": (rows[f"{name}_value"] - actual).abs() for name in BASELINES},
    }


asset = transformed(CONTRACT, prediction_accuracy)
