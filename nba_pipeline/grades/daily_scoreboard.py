"""Daily scoreboard: how every system does against naive baselines on identical rows, day by day."""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import ibis
import ibis.expr.types as ir

from nba_pipeline.as_of import exact
from nba_pipeline.assets.contexts import AssetContext
from nba_pipeline.assets.table_asset import table_asset
from nba_pipeline.contracts import GAME_DATE, Audit, Column, Contract, Grid, Phase, Read, Reader, Window
from nba_pipeline.grades import prediction_accuracy
from nba_pipeline.grades.calculations.scoreboard_report import scoreboard_report
from nba_pipeline.grades.prediction_accuracy import BASELINES
from nba_pipeline.partitions import to_key
from nba_pipeline.predictions.player_predictions import MORNING, SETTINGS, STATS
from nba_pipeline.warehouse.interface import Warehouse

ALL, ROTATION, STARS = "all", "rotation", "stars"
POPULATIONS = (ALL, ROTATION, STARS)

ROTATION_MINUTES, STAR_POINTS = 20, 20
"""Minutes and points expected before the game, from which on a player counts as rotation and as a star."""

MONTH = 30
WINDOWS = (1, MONTH)
"""Days over which scores are taken, the date itself the last of them."""

KEYS = ("game_date", "stat", "system_id", "setting", "mode")

SUMS = (
    "predictions",
    "rows",
    "error",
    "squared_error",
    "signed_error",
    "inside",
    "brier",
    "last_game_brier",
    "lines",
    "over_brier",
    *(f"{name}_error" for name in BASELINES),
)
"""What is added up: every score is a quotient of two of these."""


def scored_keys(read: Reader) -> ibis.Table:
    """Every statistic, system, setting and mode graded on a date, for each population and window."""
    keys = read(prediction_accuracy.CONTRACT).select(KEYS).distinct()
    keys = keys.mutate(population=ibis.array(list(POPULATIONS)).unnest())
    return keys.mutate(days=ibis.array(list(WINDOWS)).unnest().cast("int64"))


def outgrown(staged: ibis.Table, read: Reader) -> ibis.Table:
    """The dates on which a part counts more than the whole: a population than all, a day than its month."""
    whole = staged.filter((staged.population == ALL) & (staged.days == MONTH))
    whole = whole.select(*KEYS, whole_predictions=whole.predictions, whole_rows=whole.rows)
    both = staged.left_join(whole, list(KEYS))
    wrong = both.filter((both.predictions > both.whole_predictions) | (both.rows > both.whole_rows))
    counted = wrong.group_by("game_date").agg(scores=ibis._.count())
    return counted.select("game_date", reason=counted.scores.cast("string") + " scores are of more rows than the whole")


def _mean(name: str, definition: str, unit: str, high: float, low: float = 0) -> Column:
    return Column(name, "float64", definition, unit, nullable=True, between=(low, high))


UNIT = prediction_accuracy.UNIT

CONTRACT = Contract(
    name="predictions.daily_scoreboard",
    description=(
        f"One row per date, window (the date alone, or the {MONTH} days that end with it), statistic, system, setting, "
        "mode and population, for what was graded on the date. Systems and baselines are scored on the same rows. "
        "The window takes what was graded of its days; `dates` says of how many."
    ),
    phase=Phase.GRADES,
    grain=("game_date", "days", "stat", "system_id", "setting", "mode", "population"),
    columns=(
        GAME_DATE,
        Column("days", "int64", f"Days of the window, of which the date is the last: 1 or {MONTH}.", "days",
               between=(1, MONTH)),
        Column("stat", "string", "What was predicted.", "category", allowed=STATS),
        Column("system_id", "string", "The system that predicted.", "category"),
        Column("setting", "string", "Whether news of the day was used.", "category", allowed=SETTINGS),
        Column("mode", "string", "Made before tip-off (live) or afterwards (backtest).", "category"),
        Column("population", "string",
               f"All players; those expected to play {ROTATION_MINUTES} minutes or more (rotation); those expected to "
               f"score {STAR_POINTS} points or more (stars). Expected by EWMA-7 before the game.", "category",
               allowed=POPULATIONS),
        Column("dates", "int64", "Dates of the window with a grade in it.", "dates", between=(0, MONTH)),
        Column("predictions", "int64", "Graded predictions, void ones included: what the Brier scores are taken over.",
               "rows", between=(0, 100_000)),
        Column("rows", "int64", "Predictions of players who played: what the errors are taken over.", "rows",
               between=(0, 100_000)),
        _mean("bias", "Mean of expected less actual; positive is too high.", UNIT, 120, -120),
        _mean("mean_absolute_error", "Mean distance between expected and actual.", UNIT, 120),
        _mean("root_mean_squared_error", "Root of the mean squared distance between expected and actual.", UNIT, 120),
        _mean("interval_coverage", "Share of actual values within the 80 % interval.", "share", 1),
        *(
            _mean(f"{name}_mean_absolute_error", f"Mean distance of the baseline {name} from the actual, same rows.",
                  UNIT, 120)
            for name in BASELINES
        ),
        Column("brier", "float64", "Brier score of the probability of playing: 0 is perfect.", "squared share",
               nullable=True, between=(0, 1), source="Brier, Verification of forecasts (1950)"),
        _mean("last_game_brier", "Brier score of the baseline that he plays if he played in his team's last game, same "
              "rows.", "squared share", 1),
        Column("lines", "int64", "Predictions with a line that was passed or missed, pushes left out.", "rows",
               between=(0, 100_000)),
        _mean("over_brier", "Brier score of the probability of going over the line; a coin has 0.25.",
              "squared share", 1),
    ),
    reads={"accuracy": Read(prediction_accuracy.CONTRACT, Window.TRAILING, days=MONTH)},
    grid=Grid(
        ("days", "stat", "system_id", "setting", "mode", "population"),
        scored_keys, "scores",
    ),
    audits=(
        Audit("parts_of_a_whole", f"No population or day counts more than all players over {MONTH} days.", outgrown),
    ),
)  # fmt: skip


def summed(accuracy: ibis.Table) -> dict[str, ir.Value]:
    """The sums over graded rows; exact, so that the order in which an engine adds them changes nothing."""
    over = accuracy.over_probability - accuracy.went_over.ifelse(1.0, 0.0)
    decided = accuracy.over_probability.notnull() & accuracy.went_over.notnull()
    summands = {
        "error": accuracy.absolute_error,
        "squared_error": accuracy.signed_error * accuracy.signed_error,
        "signed_error": accuracy.signed_error,
        "brier": accuracy.brier,
        "last_game_brier": accuracy.last_game_brier,
        "over_brier": decided.ifelse(over * over, ibis.null("float64")),
        **{f"{name}_error": accuracy[f"{name}_absolute_error"] for name in BASELINES},
    }
    return {
        "predictions": accuracy.count(),
        "rows": accuracy.played.ifelse(1, 0).sum(),
        "inside": accuracy.in_interval.fill_null(False).ifelse(1, 0).sum(),
        "lines": decided.ifelse(1, 0).sum(),
        **{name: exact(value).sum() for name, value in summands.items()},
    }


def daily_sums(accuracy: ibis.Table) -> ibis.Table:
    """One row a date, statistic, system, setting, mode and population, with `SUMS`; zero for an empty population."""
    marked = accuracy.mutate(
        in_rotation=(accuracy.expected_minutes >= ROTATION_MINUTES).fill_null(False),
        is_star=(accuracy.expected_points >= STAR_POINTS).fill_null(False),
    )
    cells = marked.group_by(*KEYS, "in_rotation", "is_star").agg(**summed(marked))
    by_population = cells.mutate(population=ibis.array(list(POPULATIONS)).unnest())
    belongs = (
        (by_population.population == ALL)
        | ((by_population.population == ROTATION) & by_population.in_rotation)
        | ((by_population.population == STARS) & by_population.is_star)
    )
    counted = {name: belongs.ifelse(by_population[name], ibis.null(by_population[name].type())).sum() for name in SUMS}
    sums = by_population.group_by(*KEYS, "population").agg(**counted)
    return sums.mutate(**{name: sums[name].fill_null(ibis.literal(0).cast(sums[name].type())) for name in SUMS})


def trailing(sums: ibis.Table, days: int) -> ibis.Table:
    """The daily sums added up over the days that end with each date, and the `dates` that have any of them."""
    numbered = sums.mutate(day=sums.game_date.delta(ibis.date("2000-01-01"), unit="day").cast("int64"))
    window = ibis.range_window(
        group_by=[numbered[key] for key in (*KEYS[1:], "population")],
        order_by=numbered.day,
        preceding=days - 1,
        following=0,
    )
    added = {name: numbered[name].sum().over(window) for name in SUMS}
    graded = (numbered.predictions > 0).ifelse(1, 0).sum().over(window)
    return numbered.select(*KEYS, "population", days=ibis.literal(days).cast("int64"), dates=graded, **added)


def quotient(total: ir.NumericValue, count: ir.NumericValue) -> ir.FloatingValue:
    """The mean; null where there is nothing to take it of."""
    return total.cast("float64") / count.cast("float64").nullif(0.0)


def scores(sums: ibis.Table) -> dict[str, ir.FloatingValue]:
    """Every score, from sums over the same rows."""
    return {
        "bias": quotient(sums.signed_error, sums.rows),
        "mean_absolute_error": quotient(sums.error, sums.rows),
        "root_mean_squared_error": quotient(sums.squared_error, sums.rows).sqrt(),
        "interval_coverage": quotient(sums.inside, sums.rows),
        **{f"{name}_mean_absolute_error": quotient(sums[f"{name}_error"], sums.rows) for name in BASELINES},
        "brier": quotient(sums.brier, sums.predictions),
        "last_game_brier": quotient(sums.last_game_brier, sums.predictions),
        "over_brier": quotient(sums.over_brier, sums.lines),
    }


def daily_scoreboard(accuracy: ibis.Table) -> ibis.Table:
    """One row a date, window, statistic, system, setting, mode and population, from grades of the trailing month."""
    sums = daily_sums(accuracy)
    rows = ibis.union(*[trailing(sums, days) for days in WINDOWS])
    counts = {name: rows[name].cast("int64") for name in ("dates", "predictions", "rows", "lines")}
    return rows.select(*KEYS, "days", "population", **counts, **scores(rows))


@table_asset(CONTRACT)
def asset(context: AssetContext, dates: Sequence[date], accuracy: ibis.Table) -> ibis.Table:
    """Scores of the dates; the last one shows the month in the UI."""
    last = max(dates)
    month = daily_sums(accuracy).filter(lambda sums: sums.population == ALL, lambda sums: sums.setting == MORNING)
    warehouse: Warehouse = context.resources.warehouse
    with warehouse.session(read_only=True) as session:
        found = session.query(month).to_pandas(date_as_object=True)
    report = scoreboard_report(found, last, MONTH)
    if report:
        context.add_asset_metadata({"scoreboard": dg.MetadataValue.md(report)}, partition_key=to_key(last))
    return daily_scoreboard(accuracy)
