"""Player predictions: the ledger of what every system expected before the game."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.assets.contexts import AssetContext
from nba_pipeline.assets.table_asset import table_asset
from nba_pipeline.clock import tips_off_by
from nba_pipeline.code_versions import version_of
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
    Window,
)
from nba_pipeline.precompute import ml_feature_store
from nba_pipeline.predictions.calculations.intervals import dispersion_past, predicted, residuals_of
from nba_pipeline.predictions.calculations.ledger import (
    BACKTEST,
    CHAIN,
    KEYS,
    LIVE,
    append,
    backtests,
    broken_links,
    chain_heads,
    keep_live,
    standing,
    still_expected,
)
from nba_pipeline.predictions.models import availability
from nba_pipeline.predictions.models.model_assets import MODEL_KEYS, report_trained
from nba_pipeline.predictions.systems import systems
from nba_pipeline.predictions.walk_forward.forecasts import MORNING, SETTINGS, STATS
from nba_pipeline.predictions.walk_forward.walk import HISTORY_SEASONS, Past, System, Walk
from nba_pipeline.predictions.walk_forward.walk_rows import feature_columns, to_frame, walk_rows
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw import player_prop_lines
from nba_pipeline.warehouse.interface import Warehouse

KNOWN = [
    "game_date", "game_id", "player_id", "player_name", "team", "opponent", "quality", "quality_tier", "tipoff_at",
]  # fmt: skip
"""What a prediction takes over from the feature row of its player."""


def expected_predictions(read: Reader) -> ibis.Table:
    """Every player with a feature row and a prior, by every system, for every statistic, in the morning.

    Without a prior there is nothing at all to predict from: no game was ever loaded before the date. What is
    predicted before tip-off is not asked for: a report that comes too late for it would leave a gap for ever.
    """
    rows = read(ml_feature_store.CONTRACT)
    rows = rows.filter(rows.points_prior.notnull()).select("game_date", "game_id", "player_id")
    rows = rows.mutate(setting=ibis.literal(MORNING), stat=ibis.array(list(STATS)).unnest())
    keys = rows.mutate(system_id=ibis.array([system.system_id for system in systems()]).unnest())
    return still_expected(keys, read(CONTRACT), read(raw_games.CONTRACT))


def intervals_astray(staged: ibis.Table, read: Reader) -> ibis.Table:
    """The dates on which a value lies outside its own interval."""
    wrong = staged.filter(
        (staged.predicted_value < staged.interval_low) | (staged.predicted_value > staged.interval_high)
    )
    found = wrong.group_by("game_date").agg(n=ibis._.count())
    return found.select("game_date", reason=found.n.cast("string") + " values lie outside their intervals")


def chances_astray(staged: ibis.Table, read: Reader) -> ibis.Table:
    """The dates with a line and no probability of going over it, or the other way round."""
    wrong = staged.filter(staged.line.isnull() != staged.over_probability.isnull())
    found = wrong.group_by("game_date").agg(n=ibis._.count())
    return found.select("game_date", reason=found.n.cast("string") + " rows have only one of line and over_probability")


CONTRACT = Contract(
    name="predictions.player_predictions",
    description=(
        "One row per player, game, statistic, system, setting and time at which the prediction was made. Rows made "
        "before tip-off are `live` and are never changed; a later value is a new row. Rows made afterwards, "
        "from what was known before the date, are `backtest`."
    ),
    phase=Phase.PREDICTIONS,
    grain=(*KEYS, "made_at"),
    columns=(
        GAME_DATE,
        GAME_ID,
        PLAYER_ID,
        PLAYER_NAME,
        TEAM,
        OPPONENT,
        Column("stat", "string", "What is predicted.", "category", allowed=STATS),
        Column("system_id", "string", "The system that predicts.", "category"),
        Column("setting", "string",
               "What was known: nothing about who is out today (morning), or the newest injury report before "
               "tip-off (pre_tip).", "category", allowed=SETTINGS),
        Column("predicted_value", "float64",
               "The value expected if he plays: as many outcomes above as below it.", "unit of the statistic",
               between=(0, 100)),
        Column("interval_low", "float64", "Low end of the interval that holds 80 % of the outcomes, if he plays.",
               "unit of the statistic", between=(0, 120),
               source="Split conformal prediction, Lei et al., JASA 113 (2018)"),
        Column("interval_high", "float64", "High end of the interval that holds 80 % of the outcomes, if he plays.",
               "unit of the statistic", between=(0, 120),
               source="Split conformal prediction, Lei et al., JASA 113 (2018)"),
        Column("plays_probability", "float64", "The probability that he plays.", "share", between=(0, 1)),
        Column("line", "float64", "The bookmakers' line: the median of their newest ones before tip-off.",
               "unit of the statistic", nullable=True, between=(0, 120)),
        Column("over_probability", "float64",
               "The probability of more than the line, if he plays: the share of residuals beyond it.", "share",
               nullable=True, between=(0, 1)),
        Column("made_at", "timestamp(6)", "When the prediction was made.", "UTC", volatile=True),
        Column("mode", "string", "Made before tip-off (live) or afterwards (backtest).", "category",
               allowed=(LIVE, BACKTEST)),
        Column("model_version", "string",
               "Version of the model: month and content hash of a trained one; `level-only` or `equal-weights` when "
               "there was too little to learn from.", "text"),
        Column("code_version", "string",
               "Version of the code that made it; null in rows from before versions were noted.", "hex", nullable=True,
               volatile=True),
        Column("quality", "float64", "Mean quality of the features it was made from.", "points of 100",
               between=(0, 100)),
        Column("quality_tier", "string", "Tier of that quality.", "category",
               allowed=("gold", "silver", "bronze", "poor", "critical")),
        Column("tipoff_at", "timestamp(6)", "Scheduled tip-off.", "UTC", nullable=True),
        *CHAIN,
    ),
    reads={
        "features": Read(ml_feature_store.CONTRACT, Window.UP_TO, HISTORY_SEASONS),
        "outcomes": Read(player_game_summary.CONTRACT, Window.BEFORE, HISTORY_SEASONS),
        "games": Read(raw_games.CONTRACT),
        "lines": Read(player_prop_lines.CONTRACT),
    },
    grid=Grid(
        ("game_id", "player_id", "stat", "system_id", "setting"),
        expected_predictions, "predictions",
        exact=False,
    ),
    audits=(
        Audit("value in its interval", "Every predicted value lies in its own interval.", intervals_astray),
        Audit("line with its probability", "Where there is a line there is the probability of going over it, and "
              "nowhere else.", chances_astray),
        Audit("the chain is linked", "Every live row follows from the one before it.", broken_links),
    ),
    before_tip_off=True,
    ledger=True,
    made_again=backtests,
    keeps=keep_live,
    notes=chain_heads,
)  # fmt: skip


def slate_rows(features: ibis.Table, games: ibis.Table, dates: Sequence[date]) -> ibis.Table:
    """The feature rows to predict, with the tip-off of each game."""
    rows = features.filter(
        features.game_date.isin([ibis.literal(day) for day in dates]), features.points_prior.notnull()
    )
    tips = games.select("game_date", "game_id", "tipoff_at")
    return rows.inner_join(tips, ["game_date", "game_id"]).select(
        "game_date", "game_id", "player_id", "player_name", "team", "opponent", "quality", "quality_tier",
        "tipoff_at", **feature_columns(rows),
    ).order_by("game_date", "game_id", "player_id")  # fmt: skip


def median_lines(lines: ibis.Table, dates: Sequence[date]) -> ibis.Table:
    """One row a player, game and statistic with a line: the bookmakers' median, of two the mean."""
    rows = lines.filter(lines.game_date.isin([ibis.literal(day) for day in dates]))
    keys = ["game_date", "game_id", "player_id", "stat"]
    order = ibis.window(group_by=keys, order_by=[rows.line, rows.vendor])
    ranked = rows.mutate(place=ibis.row_number().over(order), vendors=ibis._.count().over(ibis.window(group_by=keys)))
    middle = ranked.filter((2 * ranked.place - ranked.vendors + 1).abs() <= 1)
    return middle.group_by(keys).agg(line=middle.line.mean())


def by_month(dates: Sequence[date]) -> Iterator[tuple[date, list[date]]]:
    """The dates in groups of a month, each with the first of the month."""
    months = sorted({day.replace(day=1) for day in dates})
    for month in months:
        yield month, [day for day in dates if day.replace(day=1) == month]


def predictions_of_month(slate: pd.DataFrame, lines: pd.DataFrame, past: Past, made_at: datetime) -> list[pd.DataFrame]:
    """What every system says of the slate, in every setting in which it may, a frame a system and statistic.

    Before tip-off only players are predicted whose team's injury report is known.
    """
    frames = []
    for setting in SETTINGS:
        rows = slate if setting == MORNING else slate[slate["report_known"]].reset_index(drop=True)
        if rows.empty:
            continue
        known = rows[KNOWN].assign(
            setting=setting,
            mode=modes(rows, made_at),
            code_version=version_of(CONTRACT),
            made_at=made_at.replace(tzinfo=None),
            plays_probability=np.round(availability.MODEL.forecast(rows, past, availability.PLAYED, setting).values, 4),
        )  # fmt: skip
        for stat in STATS:
            line = lines_of(rows, lines, stat)
            for system in systems():
                if setting in system.settings:
                    frames.append(known.assign(**predictions(rows, line, past, system, stat, setting)))
    return frames


def predictions(
    rows: pd.DataFrame, line: np.ndarray, past: Past, system: System, stat: str, setting: str
) -> dict[str, object]:
    """The columns that a system adds: value, interval, and the probability of going over the line."""
    forecast = past.forecast(system, rows, stat, setting)
    values = np.round(forecast.values, 4)
    residuals = residuals_of(past, system, stat, setting)
    said = predicted(values, rows, dispersion_past(past), stat)
    low, high = residuals.interval(said)
    return {
        "stat": stat,
        "system_id": system.system_id,
        "predicted_value": values,
        "interval_low": np.round(low, 4),
        "interval_high": np.round(high, 4),
        "line": line,
        "over_probability": np.round(residuals.over(said, line), 4),
        "model_version": forecast.model_version,
    }


def lines_of(rows: pd.DataFrame, lines: pd.DataFrame, stat: str) -> np.ndarray:
    """The line of each row, where there is one."""
    keys = ["game_date", "game_id", "player_id"]
    mine = lines[lines["stat"] == stat][[*keys, "line"]]
    return rows[keys].merge(mine, "left")["line"].to_numpy(np.float64)


def modes(slate: pd.DataFrame, made_at: datetime) -> list[str]:
    """Live for games that have not tipped off when the prediction is made, backtest for the others.

    A game without a known tip-off is live until the earliest that there can be on its date.
    """
    return [
        LIVE if made_at < tips_off_by(day, tip.tz_localize(UTC) if pd.notna(tip) else None) else BACKTEST
        for tip, day in zip(pd.to_datetime(slate["tipoff_at"]), slate["game_date"], strict=True)
    ]


def to_rows(frames: Sequence[pd.DataFrame]) -> pa.Table:
    """The predictions as one Arrow table in the contract's types."""
    chain = {column.name for column in CHAIN}
    schema = pa.schema([field for field in CONTRACT.schema.to_pyarrow() if field.name not in chain])
    tables = [pa.Table.from_pandas(frame, schema=schema, preserve_index=False) for frame in frames]
    return pa.concat_tables(tables) if tables else schema.empty_table()


@table_asset(CONTRACT, kinds=("python", "lightgbm"), deps=MODEL_KEYS)
def asset(
    context: AssetContext,
    dates: Sequence[date],
    features: ibis.Table,
    outcomes: ibis.Table,
    games: ibis.Table,
    lines: ibis.Table,
) -> pa.Table:
    """Predicts month by month, each from the games before the month and no later ones.

    Models that are not there yet are trained, as their own assets would train them.
    """
    warehouse: Warehouse = context.resources.warehouse
    made_at = context.resources.clock.now()
    with warehouse.session(read_only=True) as session:
        slate = to_frame(session.query(slate_rows(features, games, dates)))
        known_lines = session.query(median_lines(lines, dates)).to_pandas(date_as_object=True)
        history = to_frame(session.query(walk_rows(features, outcomes, max(dates).replace(day=1))))
    walk = Walk(history, context.resources.settings.models_path)
    months = list(by_month(dates))
    frames = []
    with context.resources.progress.task("predictions by month", len(months)) as advance:
        for month, days in months:
            rows = slate[slate["game_date"].isin(days)].reset_index(drop=True)
            if len(rows):
                frames += predictions_of_month(rows, known_lines, walk.past(month), made_at)
            context.log.info(f"{month:%Y-%m}: {len(rows)} players, {walk.past(month).count(MORNING)} games before")
            report_trained(context, walk)
            advance()
    made = to_rows(frames)
    with warehouse.session(read_only=True) as session:
        return append(session.query(standing(session.read(CONTRACT), made)), made)
