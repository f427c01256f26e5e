"""Zone matchup: a player's level, moved by what the opponent allows where he gets it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from nba_pipeline.predictions.systems.level import level
from nba_pipeline.predictions.walk_forward.forecasts import MORNING, Forecast
from nba_pipeline.predictions.walk_forward.walk import Past

ALLOWED = {
    "rebounds": "opponent_rebounds_allowed",
    "assists": "opponent_assists_allowed",
    "three_pointers_made": "opponent_three_pointers_allowed",
}
"""What an opponent allows of each statistic, half-life 15 games. Minutes are the coach's, not the opponent's."""

FREE_THROW_RATE = 0.78
"""Share of free throws made in the league; it turns attempts into points."""

BELIEVED = 0.5
"""How much of an opponent's distance from the league is taken for true: 15 games say no more than that."""

LEAGUE_DAYS = 90
"""The days before the month whose rows stand for the league."""


@dataclass(frozen=True)
class ZoneMatchup:
    """Needs no training; an opponent of whom nothing is known moves nothing."""

    system_id: str = "zone_matchup"
    settings: tuple[str, ...] = (MORNING,)

    def forecast(self, slate: pd.DataFrame, past: Past, stat: str, setting: str) -> Forecast:
        """The level times what the opponent allows against the league; of points by zone."""
        expected = level(slate, stat)
        if stat == "minutes":
            return Forecast(expected, "1")
        faced, league = allowed(slate), past.walk.once(("league", past.until), lambda: league_means(past))
        return Forecast(expected * moved(slate, stat, faced, league), "1")


def allowed(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """What each row's opponent allows: counts, and points by zone."""
    found = {stat: rows[column].to_numpy(np.float64) for stat, column in ALLOWED.items()}
    three = 3 * found["three_pointers_made"]
    free = rows["opponent_free_throws_allowed"].to_numpy(np.float64)
    two = rows["opponent_points_allowed"].to_numpy(np.float64) - three - free
    return {**found, "two-point": two, "three-point": three, "free-throw": free}


def league_means(past: Past) -> dict[str, float]:
    """The same for the league before the month; nothing where there is no past."""
    rows = past.walk.between(past.until - timedelta(days=LEAGUE_DAYS), past.until)
    if rows.empty:
        rows = past.rows
    means = {name: values[~np.isnan(values)] for name, values in allowed(rows).items()}
    return {name: float(values.mean()) for name, values in means.items() if len(values)}


def moved(slate: pd.DataFrame, stat: str, faced: Mapping[str, np.ndarray], league: Mapping[str, float]) -> np.ndarray:
    """By what each row's level is multiplied; 1 where opponent or league are unknown."""
    shares = zone_shares(slate) if stat == "points" else {stat: np.ones(len(slate))}
    factor = np.zeros(len(slate))
    for name, share in shares.items():
        ratio = faced[name] / league[name] if league.get(name) else np.ones(len(slate))
        factor += share * (1 + BELIEVED * (np.where(np.isnan(ratio), 1.0, ratio) - 1))
    return factor


def zone_shares(slate: pd.DataFrame) -> dict[str, np.ndarray]:
    """Where each row's points come from, as shares that add up to 1."""
    points = np.maximum(level(slate, "points"), 1e-6)
    three = np.clip(3 * level(slate, "three_pointers_made") / points, 0.0, 1.0)
    line = FREE_THROW_RATE * slate["free_throws_attempted_ewma_15"].fillna(0.0).to_numpy(np.float64) / points
    free = np.clip(line, 0.0, 1.0 - three)
    return {"two-point": 1.0 - three - free, "three-point": three, "free-throw": free}


SYSTEM = ZoneMatchup()
