"""Player predictions: the ledger of what every system expected before the game."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.clock import game_date_of, season_of
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
    Window,
    rows_as_keys,
)
from nba_pipeline.contracts import Table as Contract
from nba_pipeline.partitions import season_start
from nba_pipeline.precompute import ml_feature_store
from nba_pipeline.predictions.systems import systems
from nba_pipeline.predictions.systems.interface import FEATURE_NAMES, Past, System
from nba_pipeline.raw import games as raw_games
from nba_pipeline.table_asset import table_asset
from nba_pipeline.warehouse.interface import Warehouse

TRAINING_SEASONS = 3
"""Seasons before the current one that models learn from."""

STAT = "points"

KEYS = ("game_date", "game_id", "player_id", "stat", "system_id", "mode")

LIVE, BACKTEST = "live", "backtest"


def expected_predictions(read: Reader) -> ibis.Table:
    """Every player with a feature row and a prior, by every system.

    Without a prior there is nothing at all to predict from: no game was ever loaded before the date.
    """
    rows = read(ml_feature_store.CONTRACT)
    rows = rows.filter(rows.points_prior.notnull()).select("game_date", "game_id", "player_id")
    return rows.mutate(system_id=ibis.array([system.system_id for system in systems()]).unnest())


def keep_live(staged: ibis.Table, published: ibis.Table) -> ibis.Table:
    """The rows to publish: every live row that stands, live rows that say something new, new backtests."""
    standing = published.filter(published.mode == LIVE)
    newest = standing.group_by(KEYS).agg(made_at=standing.made_at.max())
    latest = standing.semi_join(newest, [*KEYS, "made_at"])
    live = staged.filter(staged.mode == LIVE)
    same = live.semi_join(latest, [*KEYS, "predicted_value", "model_version", "quality", "quality_tier"])
    new = live.anti_join(same, KEYS).anti_join(standing, [*KEYS, "made_at"])
    return standing.union(new).union(staged.filter(staged.mode == BACKTEST))


CONTRACT = Contract(
    name="predictions.player_predictions",
    description=(
        "One row per player, game, statistic, system and time at which the prediction was made. Rows made "
        "before tip-off are `live` and are never changed; a later value is a new row. Rows made afterwards, "
        "from what was known before the date, are `backtest`."
    ),
    phase=Phase.PREDICTIONS,
    grain=("game_date", "game_id", "player_id", "stat", "system_id", "mode", "made_at"),
    columns=(
        GAME_DATE,
        GAME_ID,
        PLAYER_ID,
        PLAYER_NAME,
        TEAM,
        OPPONENT,
        Column("stat", "string", "What is predicted.", "category", allowed=(STAT,)),
        Column("system_id", "string", "The system that predicts.", "category"),
        Column("predicted_value", "float64", "The value expected if he plays.", "unit of the statistic",
               between=(0, 100)),
        Column("made_at", "timestamp(6)", "When the prediction was made.", "UTC", volatile=True),
        Column("mode", "string", "Made before tip-off (live) or afterwards (backtest).", "category",
               allowed=(LIVE, BACKTEST)),
        Column("model_version", "string",
               "Version of the model: month and content hash of a trained one; `prior-only` when there was "
               "too little to learn from.", "text"),
        Column("quality", "float64", "Mean quality of the features it was made from.", "points of 100",
               between=(0, 100)),
        Column("quality_tier", "string", "Tier of that quality.", "category",
               allowed=("gold", "silver", "bronze", "poor", "critical")),
        Column("tipoff_at", "timestamp(6)", "Scheduled tip-off.", "UTC", nullable=True),
    ),
    reads={
        "features": Read(ml_feature_store.CONTRACT, Window.UP_TO, TRAINING_SEASONS),
        "outcomes": Read(player_game_summary.CONTRACT, Window.BEFORE, TRAINING_SEASONS),
        "games": Read(raw_games.CONTRACT),
    },
    grid=Grid(
        ("game_id", "player_id", "system_id"),
        expected_predictions,
        rows_as_keys("game_id", "player_id", "system_id"),
        "predictions",
        exact=False,
    ),
    before_tip_off=True,
    ledger=True,
    keeps=keep_live,
)  # fmt: skip


def slate_rows(features: ibis.Table, games: ibis.Table, dates: Sequence[date]) -> ibis.Table:
    """The feature rows to predict, with the tip-off of each game."""
    rows = features.filter(
        features.game_date.isin([ibis.literal(day) for day in dates]), features.points_prior.notnull()
    )
    tips = games.select("game_id", "tipoff_at")
    return rows.inner_join(tips, ["game_id"]).select(
        "game_date", "game_id", "player_id", "player_name", "team", "opponent", "quality", "quality_tier",
        "tipoff_at", *FEATURE_NAMES,
    ).order_by("game_date", "game_id", "player_id")  # fmt: skip


def training_rows(features: ibis.Table, outcomes: ibis.Table, until: date) -> ibis.Table:
    """The feature rows of games played before `until`, each with the points that came of it."""
    played = outcomes.filter(outcomes.played, outcomes.game_date < ibis.literal(until))
    results = played.select("game_date", "game_id", "player_id", outcome=played.points)
    rows = features.inner_join(results, ["game_date", "game_id", "player_id"])
    return rows.select("game_date", "game_id", "player_id", "outcome", *FEATURE_NAMES).order_by(
        "game_date", "game_id", "player_id"
    )


def by_month(dates: Sequence[date]) -> Iterator[tuple[date, list[date]]]:
    """The dates in groups of a month, each with the first of the month."""
    months = sorted({day.replace(day=1) for day in dates})
    for month in months:
        yield month, [day for day in dates if day.replace(day=1) == month]


def past_until(rows: pd.DataFrame, until: date, models_path: Path) -> Past:
    """What models of the month that begins at `until` may learn from."""
    begin = season_start(season_of(until) - TRAINING_SEASONS)
    chosen = rows[(rows["game_date"] < until) & (rows["game_date"] >= begin)]
    return Past(until, chosen.reset_index(drop=True), models_path)


def predictions(slate: pd.DataFrame, past: Past, system: System, made_at: datetime) -> pd.DataFrame:
    """One row a row of the slate, in the columns of the contract."""
    forecast = system.forecast(slate, past)
    if len(forecast.values) != len(slate) or not np.isfinite(forecast.values).all():
        raise ValueError(
            f"{system.system_id} gave {len(forecast.values)} values, {np.isnan(forecast.values).sum()} of them "
            f"not numbers, for {len(slate)} players of {past.until:%Y-%m}; a system predicts every row it is given"
        )
    rows = slate[["game_date", "game_id", "player_id", "player_name", "team", "opponent"]].copy()
    return rows.assign(
        stat=STAT,
        system_id=system.system_id,
        predicted_value=np.round(np.clip(forecast.values, 0.0, 100.0), 4),
        made_at=made_at.replace(tzinfo=None),
        mode=modes(slate, made_at),
        model_version=forecast.model_version,
        quality=slate["quality"],
        quality_tier=slate["quality_tier"],
        tipoff_at=slate["tipoff_at"],
    )


def modes(slate: pd.DataFrame, made_at: datetime) -> list[str]:
    """Live for games that have not tipped off when the prediction is made, backtest for the others.

    A game without a known tip-off is live until its date begins in New York.
    """
    return [
        LIVE if (made_at < tip.tz_localize(UTC) if pd.notna(tip) else game_date_of(made_at) < day) else BACKTEST
        for tip, day in zip(pd.to_datetime(slate["tipoff_at"]), slate["game_date"], strict=True)
    ]


def to_rows(frames: Sequence[pd.DataFrame]) -> pa.Table:
    """The predictions as one Arrow table in the contract's types."""
    schema = CONTRACT.schema.to_pyarrow()
    tables = [pa.Table.from_pandas(frame, schema=schema, preserve_index=False) for frame in frames]
    return pa.concat_tables(tables) if tables else schema.empty_table()


@table_asset(CONTRACT, kinds=("duckdb", "python", "lightgbm"))
def asset(
    context: dg.AssetExecutionContext,
    dates: Sequence[date],
    features: ibis.Table,
    outcomes: ibis.Table,
    games: ibis.Table,
) -> pa.Table:
    """Predicts month by month, each from the games before the month and no later ones."""
    warehouse: Warehouse = context.resources.warehouse
    made_at = context.resources.clock.now()
    last_month = max(dates).replace(day=1)
    with warehouse.session(read_only=True) as session:
        slate = to_frame(session.query(slate_rows(features, games, dates)))
        training = to_frame(session.query(training_rows(features, outcomes, last_month)))
    months = list(by_month(dates))
    frames = []
    with context.resources.progress.task("predictions by month", len(months)) as advance:
        for month, days in months:
            rows = slate[slate["game_date"].isin(days)].reset_index(drop=True)
            past = past_until(training, month, context.resources.settings.models_path)
            if len(rows):
                frames += [predictions(rows, past, system, made_at) for system in systems()]
            context.log.info(f"{month:%Y-%m}: {len(rows)} players from {len(past.rows)} games played before")
            advance()
    return to_rows(frames)


def to_frame(rows: pa.Table) -> pd.DataFrame:
    """Query results as pandas, with dates as dates."""
    return rows.to_pandas(date_as_object=True)
