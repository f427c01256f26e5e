"""Similarity: what a player did in earlier games like this one, against what was expected of him then."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nba_pipeline.predictions.systems.level import level, level_columns
from nba_pipeline.predictions.walk_forward.forecasts import MORNING, Forecast
from nba_pipeline.predictions.walk_forward.walk import OUTCOMES, Past

OPPONENT, REST, VENUE, FORM = 40.0, 30.0, 15.0, 15.0
"""What likeness in each circumstance counts for, of 100 in all."""

FEWEST_ALIKE = 70.0
"""Games less alike than this are left out."""

RECENCY = 40.0
"""In games: an earlier game counts half as much as one 40 games later."""

TRUSTED_GAMES = 15.0
"""How many games of his own weigh as much as those of similar players."""

LONGEST_REST = 4.0
"""Days of rest beyond which more make no difference."""

COLUMNS = (
    "player_id", "opponent_defensive_rating", "team_days_rest", "is_home_game", "minutes_trend", "minutes_ewma_15",
)  # fmt: skip

LEVELS = 4
"""Similar players have levels in the same quarter of the league's."""


@dataclass(frozen=True)
class Similarity:
    """Looks up earlier games; a player without any stays at his level, moved as similar players are."""

    system_id: str = "similarity"
    settings: tuple[str, ...] = (MORNING,)

    def forecast(self, slate: pd.DataFrame, past: Past, stat: str, setting: str) -> Forecast:
        """The level now, plus the weighted mean distance of like games from the level of their day."""
        expected = level(slate, stat)
        games = past.walk.once(("earlier games", past.until, stat), lambda: earlier_games(past, stat))
        if not len(games["distance"]):
            return Forecast(expected, "1")
        now = circumstances(slate, games["ratings"])
        own, weight = own_distances(slate["player_id"].to_numpy(), now, games)
        others = similar_players(expected, now, games)
        share = weight / (weight + TRUSTED_GAMES)
        return Forecast(expected + share * own + (1 - share) * others, "1")


def earlier_games(past: Past, stat: str) -> dict[str, np.ndarray]:
    """The games played before the month: circumstances, level of the day and distance from it, by player."""
    columns = [*dict.fromkeys([*COLUMNS, *level_columns(stat)]), OUTCOMES[stat]]
    rows = past.learned_from(columns, MORNING)
    order = np.argsort(rows["player_id"].to_numpy(), kind="stable")
    rows = rows.iloc[order]
    expected = level(rows, stat)
    ratings = rows["opponent_defensive_rating"].to_numpy(np.float64)
    known = ratings[~np.isnan(ratings)]
    # Terciles of the opponents met: a strong defence, a middling one, a weak one.
    terciles = np.quantile(known, [1 / 3, 2 / 3]) if len(known) else np.zeros(2)
    return {
        "player_id": rows["player_id"].to_numpy(),
        "level": expected,
        "distance": rows[OUTCOMES[stat]].to_numpy(np.float64) - expected,
        "ratings": terciles,
        **circumstances(rows, terciles),
    }


def circumstances(rows: pd.DataFrame, terciles: np.ndarray) -> dict[str, np.ndarray]:
    """Opponent tier (0 strong to 2 weak), rest, venue and form of each row; the middle where it is unknown."""
    rating = rows["opponent_defensive_rating"].to_numpy(np.float64)
    tier = np.where(np.isnan(rating), 1, np.searchsorted(terciles, np.nan_to_num(rating)))
    rest = np.nan_to_num(rows["team_days_rest"].to_numpy(np.float64), nan=2.0)
    usual = np.maximum(rows["minutes_ewma_15"].to_numpy(np.float64), 5.0)
    form = np.nan_to_num(rows["minutes_trend"].to_numpy(np.float64) / usual)
    return {
        "tier": tier.astype(np.float64),
        "rest": np.minimum(rest, LONGEST_REST),
        "home": rows["is_home_game"].to_numpy(np.float64),
        "form": np.clip(form, -0.5, 0.5),
    }


def own_distances(
    players: np.ndarray, now: Mapping[str, np.ndarray], games: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """For each row, the weighted mean distance of the player's like games, and what they weigh together."""
    means, weights = np.zeros(len(players)), np.zeros(len(players))
    begins = np.searchsorted(games["player_id"], players, side="left")
    ends = np.searchsorted(games["player_id"], players, side="right")
    for player in np.unique(players):
        places = np.flatnonzero(players == player)
        begin, end = int(begins[places[0]]), int(ends[places[0]])
        span, count = slice(begin, end), end - begin
        if not count:
            continue
        score = alike({n: v[places][:, None] for n, v in now.items()}, {n: games[n][span][None, :] for n in now})
        recency = 0.5 ** (np.arange(count)[::-1] / RECENCY)
        weight = np.where(score >= FEWEST_ALIKE, score / 100.0, 0.0) * recency
        weights[places] = weight.sum(axis=1)
        means[places] = (weight * games["distance"][span]).sum(axis=1) / np.maximum(weights[places], 1e-9)
    return means, weights


def alike(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> np.ndarray:
    """How alike games are, from 0 to 100."""
    return (
        OPPONENT * (1 - np.abs(one["tier"] - other["tier"]) / 2)
        + REST * (1 - np.abs(one["rest"] - other["rest"]) / LONGEST_REST)
        + VENUE * (one["home"] == other["home"])
        + FORM * (1 - np.abs(one["form"] - other["form"]))
    )


def similar_players(expected: np.ndarray, now: Mapping[str, np.ndarray], games: Mapping[str, np.ndarray]) -> np.ndarray:
    """For each row, the mean distance of players of his level against such an opponent, in such a venue and rest."""
    edges = np.quantile(games["level"], np.linspace(0, 1, LEVELS + 1)[1:-1])
    cells = LEVELS * 3 * 2 * 2

    def cell(height: np.ndarray, at: Mapping[str, np.ndarray]) -> np.ndarray:
        place = np.searchsorted(edges, height) * 3 + at["tier"].astype(int)
        return (place * 2 + (at["home"] > 0)) * 2 + (at["rest"] <= 1)

    of_games = cell(games["level"], games)
    total = np.bincount(of_games, weights=games["distance"], minlength=cells)
    count = np.bincount(of_games, minlength=cells)
    return (total / (count + TRUSTED_GAMES))[cell(expected, now)]


SYSTEM = Similarity()
