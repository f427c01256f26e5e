"""A history in memory: every table made by its pure transform, in the order in which they read each other."""

import inspect
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from types import ModuleType
from typing import Any

import duckdb
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from nba_pipeline.assets.tables import all_tables, table_modules
from nba_pipeline.contracts import Contract, Phase
from nba_pipeline.predictions import player_predictions
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw import player_box_scores

Frames = dict[str, pd.DataFrame]
"""Rows by the name of their table."""

CONTRACTS: dict[str, Contract] = {table.name: table for table in all_tables()}

VAR_KEYWORD = inspect.Parameter.VAR_KEYWORD

UNSAID: dict[str, Any] = {"int64": 1, "float64": 1.0, "string": "x", "boolean": True}


def transform_of(module: ModuleType) -> Callable[..., ibis.Table] | None:
    """The pure transform of a table: the function of its name; None for those that models make."""
    return getattr(module, module.CONTRACT.short_name, None)


def reads_by_name(module: ModuleType) -> bool:
    """Whether the transform takes exactly what the contract reads, by the names there, or whatever that is."""
    transform = transform_of(module)
    if transform is None:
        return False
    taken = inspect.signature(transform).parameters
    return set(taken) == set(module.CONTRACT.reads) or [each.kind for each in taken.values()] == [VAR_KEYWORD]


def predictions(features: ibis.Table, outcomes: ibis.Table, games: ibis.Table, lines: ibis.Table) -> ibis.Table:
    """What stands in for the models: the prior of points, predicted in the morning, and the line of its player."""
    tips = games.select("game_id", "tipoff_at")
    offered = lines.filter(lines.stat == "points").group_by("game_id", "player_id").agg(line=ibis._.line.median())
    rows = features.filter(features.points_prior.notnull()).inner_join(tips, ["game_id"])
    rows = rows.left_join(offered, ["game_id", "player_id"])
    rows = rows.mutate(over_probability=ibis.ifelse(rows.line.notnull(), 0.5, ibis.null("float64")))
    said = {
        "stat": "points", "system_id": "prior", "setting": "morning", "mode": "backtest",
        "predicted_value": rows.points_prior, "interval_low": 0.0, "interval_high": 40.0,
        "plays_probability": 0.9, "made_at": ibis.timestamp("2025-12-31 00:00:00"),
    }  # fmt: skip
    for column in player_predictions.CONTRACT.columns:
        if column.name not in said:
            unsaid = ibis.null(column.type) if column.nullable else UNSAID.get(column.type)
            said[column.name] = rows[column.name] if column.name in rows.columns else unsaid
    table = rows.select(**{name: ibis.literal(v) if not isinstance(v, ibis.Value) else v for name, v in said.items()})
    return table.cast(player_predictions.CONTRACT.schema)


def translated(module: ModuleType) -> str:
    """The table's rows as a query; translating takes longer than running, so one serves many histories."""
    table: Contract = module.CONTRACT
    rows = (transform_of(module) or predictions)(**{name: read.table.unbound() for name, read in table.reads.items()})
    return ibis.duckdb.connect().compile(rows.select(table.schema.names).cast(table.schema))


@cache
def queries() -> Mapping[str, str]:
    """The queries of all tables after the raw ones, by name, upstream before downstream."""
    modules = [module for module in table_modules() if module.CONTRACT.phase is not Phase.RAW]
    return {module.CONTRACT.name: translated(module) for module in modules}


def loaded(connection: duckdb.DuckDBPyConnection, raw: Frames) -> None:
    """Makes the raw tables; those without rows are empty."""
    for table in all_tables():
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {table.schema_name}")
        if table.phase is Phase.RAW:
            rows = raw.get(table.name, pd.DataFrame(columns=list(table.schema.names)))
            rows = rows.assign(**{c.name: None for c in table.columns if c.nullable and c.name not in rows})
            known = pa.Table.from_pandas(rows, table.schema.to_pyarrow(), preserve_index=False)
            connection.register("known", known)
            connection.execute(f"CREATE TABLE {table.name} AS FROM known")


def made(raw: Frames, of: Mapping[str, str]) -> Frames:
    """What the queries make of raw rows, each reading those before it; raw tables without rows are empty."""
    found: Frames = {}
    with duckdb.connect() as connection:
        loaded(connection, raw)
        for table in all_tables():
            if table.name in of:
                connection.execute(f"CREATE TABLE {table.name} AS {of[table.name]}")
                written = connection.execute(f"FROM {table.name} ORDER BY {', '.join(table.grain)}").to_arrow_table()
                found[table.name] = written.to_pandas(date_as_object=True)
    return found


def altered(raw: Frames, day: date) -> Frames:
    """The raw rows with every result from a day on made up, and all that was known later than the day gone."""
    rng = np.random.default_rng(4)
    changed = {name: rows[rows["game_date"] <= day].copy() for name, rows in raw.items()}
    for name, rows in raw.items():
        if name in (raw_games.CONTRACT.name, player_box_scores.CONTRACT.name):
            changed[name] = rows.copy()
        elif not CONTRACTS[name].before_tip_off:
            changed[name] = rows[rows["game_date"] < day].copy()
    box, games = changed[player_box_scores.CONTRACT.name], changed[raw_games.CONTRACT.name]
    later = (box["game_date"] >= day).to_numpy()
    for column in player_box_scores.COUNTS:
        box.loc[later, column.name] = rng.integers(1, 9, later.sum())
    for name in ("field_goals", "three_pointers", "free_throws"):
        box.loc[later, f"{name}_attempted"] = box.loc[later, f"{name}_made"] + rng.integers(1, 9, later.sum())
    box.loc[later, "minutes"] = rng.choice([0.0, 12.0, 33.0], later.sum())
    later = (games["game_date"] >= day).to_numpy()
    games.loc[later, "home_score"] = rng.integers(120, 150, later.sum())
    games.loc[later, "visitor_score"] = rng.integers(80, 119, later.sum())
    return changed


def removed(raw: Frames, day: date) -> Frames:
    """The raw rows as they were on the morning of a day: its games not played, and nothing later."""
    known = {
        name: rows[(rows["game_date"] <= day) if CONTRACTS[name].before_tip_off else (rows["game_date"] < day)].copy()
        for name, rows in raw.items()
    }
    games = known[raw_games.CONTRACT.name]
    unplayed = games["game_date"] == day
    games.loc[unplayed, ["status", "status_text"]] = "scheduled"
    games.loc[unplayed, "period"] = 0
    games[["home_score", "visitor_score"]] = games[["home_score", "visitor_score"]].astype("Int64")
    games.loc[unplayed, ["home_score", "visitor_score"]] = pd.NA
    return known


def known_by(rows: pd.DataFrame, table: Contract, day: date) -> pd.DataFrame:
    """The rows that nothing on or after the day may change: those before it, and its own if made before its games."""
    kept = rows["game_date"] <= day if table.before_tip_off else rows["game_date"] < day
    return rows[kept].reset_index(drop=True)


def changed_columns(found: pd.DataFrame, truth: pd.DataFrame) -> list[str]:
    """The columns in which two frames of the same rows differ; all of them when they have not the same rows."""
    if len(found) != len(truth):
        return list(truth.columns)
    return [name for name in truth.columns if not found[name].equals(truth[name])]


def leaks(found: Frames, truth: Frames, day: date) -> dict[str, list[str]]:
    """Per table, the columns whose rows of what was known by the day differ though only later things do."""
    compared = {
        name: changed_columns(known_by(found[name], CONTRACTS[name], day), known_by(truth[name], CONTRACTS[name], day))
        for name in truth
    }
    return {name: columns for name, columns in compared.items() if columns}
