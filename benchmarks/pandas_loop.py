"""Features of form as a loop in pandas makes them: date by date, player by player, from the games before.

What somebody writes who has the box scores in a frame and does not think of engines. It makes a part of the feature
store's columns, with the same values: `differences` says where not.
"""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from nba_pipeline.precompute.calculations.features import STATS
from nba_pipeline.precompute.feature_groups.form import EWMA_STATS

KEYS = ["game_date", "game_id", "player_id"]

LEAST_GAMES_OF_A_SLOPE = 3

NEAR = 1e-6
"""Sums of the store are decimals; those of pandas are floats."""


def features_of_date(day: date, expected: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """One row a player who is expected on a date, from the games before it of its season and the one before."""
    rows = []
    for player in expected[expected["game_date"] == day].to_dict("records"):
        games = history[
            (history["player_id"] == player["player_id"])
            & (history["game_date"] < day)
            & history["season"].isin([player["season"], player["season"] - 1])
            & history["played"]
        ].sort_values("game_date")
        rows.append({name: player[name] for name in KEYS} | features_of(games, player["season"]))
    return pd.DataFrame(rows)


def features_of(games: pd.DataFrame, season: int) -> dict[str, float]:
    """What a player's games say of his form, the games in order."""
    own, before = games[games["season"] == season], games[games["season"] < season]
    found: dict[str, float] = {"games_played_season": len(own), "games_prior_season": len(before)}
    for stat in STATS:
        found |= {
            f"{stat}_last_game": last(games[stat]),
            f"{stat}_last_10": games[stat].tail(10).mean(),
            f"{stat}_avg_season": own[stat].mean(),
            f"{stat}_avg_last_5": own[stat].tail(5).mean(),
            f"{stat}_avg_last_10": own[stat].tail(10).mean(),
            f"{stat}_deviation_last_10": own[stat].tail(10).std(),
            f"{stat}_avg_prior_season": before[stat].mean(),
        }
    for stat, (_, half_lives) in EWMA_STATS.items():
        for half_life in half_lives:
            found[f"{stat}_ewma_{half_life}"] = last(games[stat].astype("float64").ewm(halflife=half_life).mean())
    return found | {
        "points_avg_last_3": own["points"].tail(3).mean(),
        "points_last_3": games["points"].tail(3).mean(),
        "points_last_20": games["points"].tail(20).mean(),
        "minutes_last_3": games["minutes"].tail(3).mean(),
        "minutes_most_last_5": games["minutes"].tail(5).max(),
        "minutes_least_last_5": games["minutes"].tail(5).min(),
        "minutes_last_but_one": last(games["minutes"].head(-1)),
        "points_slope_last_10": slope(own["points"].tail(10)),
        "points_slope_last_7": slope(own["points"].tail(7)),
    }


def last(values: pd.Series) -> float:
    """The last value; none of no games."""
    return float(values.iloc[-1]) if len(values) else float("nan")


def slope(values: pd.Series) -> float:
    """Change a game by least squares; none below three games."""
    if len(values) < LEAST_GAMES_OF_A_SLOPE:
        return float("nan")
    return float(np.polyfit(np.arange(len(values)), values.to_numpy(np.float64), 1)[0])


def differences(made: pd.DataFrame, store: pd.DataFrame) -> Mapping[str, int]:
    """How many values differ from the feature store's of the same rows, by column; -1 where the rows are others."""
    both = made.merge(store, on=KEYS, suffixes=("", "_of_store"), how="outer", indicator=True)
    if len(both) != len(made) or not (both["_merge"] == "both").all():
        return {"rows": -1}
    columns = [name for name in made.columns if name not in KEYS]
    found = {}
    for name in columns:
        ours, theirs = (both[each].to_numpy(np.float64) for each in (name, f"{name}_of_store"))
        found[name] = int((~np.isclose(ours, theirs, rtol=NEAR, atol=NEAR, equal_nan=True)).sum())
    return {name: count for name, count in found.items() if count}
