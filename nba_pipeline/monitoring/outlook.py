"""What people want to see first: tomorrow's predictions, and how yesterday's did."""

import math
from collections.abc import Collection
from datetime import date
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.grades import prediction_accuracy
from nba_pipeline.grades.daily_scoreboard import ALL, SUMS, daily_sums
from nba_pipeline.grades.prediction_accuracy import BASELINES
from nba_pipeline.monitoring.bootstrap import difference
from nba_pipeline.predictions import player_predictions
from nba_pipeline.predictions.player_predictions import SETTINGS, STATS
from nba_pipeline.predictions.systems import systems
from nba_pipeline.warehouse.interface import Warehouse

SCORED_BY = ("stat", "setting", "mode", "system_id")

Score = dict[str, Any]
"""What is scored, by `SCORED_BY`, and its figures; None where there is nothing to take one of."""


def predictions_of(warehouse: Warehouse, day: date, rows: int) -> pa.Table:
    """The highest predictions of points of a date, made in the morning: the player, and a column a system."""
    names = [system.system_id for system in systems()]
    with warehouse.session(read_only=True) as session:
        table = session.read(player_predictions.CONTRACT)
        chosen = table.filter(
            table.game_date == ibis.literal(day), table.stat == "points", table.setting == player_predictions.MORNING
        )
        newest = prediction_accuracy.counting(chosen)
        by_player = newest.group_by("player_id", "player_name", "team", "opponent").agg(
            **{name: newest.predicted_value.max(where=newest.system_id == name) for name in names},
            plays=(100 * newest.plays_probability.mean()).round(),
            quality_tier=newest.quality_tier.max(),
        )
        best = "ensemble" if "ensemble" in names else names[0]
        return session.query(by_player.order_by(ibis.desc(best), "player_id").limit(rows))


def accuracy_of(
    warehouse: Warehouse,
    first: date,
    last: date,
    *,
    stats: Collection[str] = STATS,
    settings: Collection[str] = SETTINGS,
    population: str = ALL,
) -> list[Score]:
    """The scores of every statistic, system, setting and mode that was graded, and how sure they are.

    The baselines' errors are on the same rows. `coverage` is the share of all rows with minutes, of the whole
    league; of a part of the players it is not known.
    """
    with warehouse.session(read_only=True) as session:
        table = session.read(prediction_accuracy.CONTRACT)
        chosen = table.filter(
            table.game_date.between(ibis.literal(first), ibis.literal(last)),
            table.stat.isin(list(stats)),
            table.setting.isin(list(settings)),
        )
        sums = daily_sums(chosen)
        by_date = session.query(sums.filter(sums.population == population)).to_pandas(date_as_object=True)
    by_date = by_date.astype(dict.fromkeys(SUMS, "float64"))
    played = players_who_played(warehouse, first, last) if population == ALL else None
    groups = by_date.sort_values("game_date").groupby(list(SCORED_BY), sort=True)
    return [score(dict(zip(SCORED_BY, map(str, key), strict=True)), days, played) for key, days in groups]


def score(what: dict[str, str], days: pd.DataFrame, played: int | None) -> Score:
    """The scores of one statistic, system, setting and mode, from its daily sums."""
    totals = days[list(SUMS)].sum()
    rows, predictions, lines = totals["rows"], totals["predictions"], totals["lines"]
    figures: dict[str, float | None] = {
        "rows": int(rows),
        "void": int(predictions - rows),
        "coverage": mean(rows, played),
        "mean_absolute_error": mean(totals["error"], rows),
        "root_mean_squared_error": math.sqrt(totals["squared_error"] / rows) if rows else None,
        "bias": mean(totals["signed_error"], rows),
        "interval_coverage": mean(totals["inside"], rows),
        "brier": mean(totals["brier"], predictions),
        "last_game_brier": mean(totals["last_game_brier"], predictions),
        "lines": int(lines),
        "over_brier": mean(totals["over_brier"], lines),
    }
    for name in BASELINES:
        errors = days[f"{name}_error"].to_numpy()
        found = difference(days["error"].to_numpy(), errors, days["rows"].to_numpy())
        figures[f"{name}_mean_absolute_error"] = mean(errors.sum(), rows)
        figures[f"{name}_difference"] = found.value if found else None
        figures[f"{name}_difference_low"] = found.low if found else None
        figures[f"{name}_difference_high"] = found.high if found else None
    return {**what, **figures}


def mean(total: float, count: float | None) -> float | None:
    """The quotient; None where there is nothing to take it of."""
    return float(total / count) if count else None


def players_who_played(warehouse: Warehouse, first: date, last: date) -> int:
    """How many rows with minutes there are, predicted or not: what coverage is a share of."""
    with warehouse.session(read_only=True) as session:
        table = session.read(player_game_summary.CONTRACT)
        played = table.filter(table.played, table.game_date.between(ibis.literal(first), ibis.literal(last)))
        return session.query(played.agg(rows=ibis._.count())).to_pylist()[0]["rows"]
