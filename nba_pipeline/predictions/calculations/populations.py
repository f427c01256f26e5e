"""The populations by which predictions are scored and intervals are calibrated."""

import numpy as np
import pandas as pd

ROTATION_MINUTES = 20.0
STAR_POINTS = 20.0


def rotation(rows: pd.DataFrame) -> np.ndarray:
    """Which rows are of players of the rotation: at least 20 minutes a game, half-life 7 games."""
    return (rows["minutes_ewma_7"] >= ROTATION_MINUTES).to_numpy()


def stars(rows: pd.DataFrame) -> np.ndarray:
    """Which rows are of stars: at least 20 points a game, half-life 7 games."""
    return (rows["points_ewma_7"] >= STAR_POINTS).to_numpy()


def populations(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """The rows of each population, by name; they overlap."""
    return {"all": np.ones(len(rows), dtype=bool), "rotation": rotation(rows), "stars": stars(rows)}


def strata(rows: pd.DataFrame) -> np.ndarray:
    """The populations as parts that do not overlap: 0 the others, 1 rotation without stars, 2 stars."""
    return np.where(stars(rows), 2, np.where(rotation(rows), 1, 0))
