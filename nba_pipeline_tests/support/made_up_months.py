"""Made-up months of games for the systems: players whose skill is known, and outcomes that scatter around it."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from nba_pipeline.predictions.walk_forward.forecasts import FEATURE_NAMES, STATS
from nba_pipeline.predictions.walk_forward.walk import OUTCOMES, Past, Walk

MONTH = date(2026, 1, 1)
"""The month to be predicted; October, November and December lie before it, and it has games of its own."""
ROWS_A_DAY = 60
PLAYERS = 240
MEANS = {"points": 11.0, "rebounds": 4.5, "assists": 2.5, "three_pointers_made": 1.3, "minutes": 22.0}


def made_up_rows(first: date = date(2025, 10, 1), days: int = 110, seed: int = 1) -> pd.DataFrame:
    """Rows as a walk wants them, sixty a day; a player's chance of playing is his participation."""
    rng = np.random.default_rng(seed)
    count = days * ROWS_A_DAY
    rows = pd.DataFrame(rng.normal(size=(count, len(FEATURE_NAMES))), columns=FEATURE_NAMES)
    skill = np.random.default_rng(0).gamma(4.0, 0.25, PLAYERS)
    player = rng.integers(0, PLAYERS, count)
    for stat in STATS:
        mean = skill[player] * MEANS[stat] * np.exp(rng.normal(0, 0.1, count))
        for name in ("ewma_7", "avg_last_5", "avg_last_10", "avg_season", "last_10", "prior"):
            rows[f"{stat}_{name}"] = mean * np.exp(rng.normal(0, 0.05, count))
        rows[OUTCOMES[stat]] = rng.poisson(mean).clip(max=60)
    rows["participation_season"] = rng.uniform(0.1, 1.0, count)
    rows["played"] = rng.uniform(size=count) < rows["participation_season"]
    rows.loc[~rows["played"], list(OUTCOMES.values())] = np.nan
    rows["games_played_season"], rows["games_prior_season"], rows["team_games_season"] = 30.0, 50.0, 40.0
    rows["is_home_game"] = rng.integers(0, 2, count)
    rows["opponent_defensive_rating"] = rng.normal(112, 3, count)
    rows = rows.astype(dict.fromkeys([*FEATURE_NAMES, *OUTCOMES.values()], np.float32))
    dates = [first + timedelta(days=n // ROWS_A_DAY) for n in range(count)]
    keys = pd.DataFrame({"game_date": dates, "game_id": np.arange(count) // 20, "player_id": player})
    return pd.concat([keys, rows.assign(report_known=True)], axis=1)


def past_of(rows: pd.DataFrame, folder: Path) -> Past:
    return Walk(rows, folder / "models").past(MONTH)


def slate_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the month to be predicted."""
    return rows[rows["game_date"] >= MONTH].reset_index(drop=True)
