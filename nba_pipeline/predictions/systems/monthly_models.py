"""Models of the feature store that are trained anew every month, one a statistic and setting."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd

from nba_pipeline.code_versions import of_class
from nba_pipeline.predictions.models.cards import Card, card_file, model_file, write_whole
from nba_pipeline.predictions.systems.level import level
from nba_pipeline.predictions.walk_forward.forecasts import MORNING, PRE_TIP, SETTINGS, STATS, Forecast, features_of
from nba_pipeline.predictions.walk_forward.walk import OUTCOMES, Past

FEWEST_ROWS = 2_000
"""Below this many games to learn from, some ten dates of a season, the level is the better forecast."""

LEVEL_ONLY = "level-only"
"""How the version begins of a prediction that is the level of the player, in place of a model."""

MODELS_AT_ONCE = 2
"""Trained side by side, each in one thread: two threads on one model wait for each other most of the time."""


@dataclass(frozen=True)
class Trained:
    """One model as it is kept, and what each feature counts for in it."""

    stat: str
    text: str
    importance: Mapping[str, float]


@dataclass(frozen=True)
class MonthlyModels(ABC):
    """What such models have in common: they are found by the hash of what they learn from, or trained and kept."""

    system_id: str
    settings: tuple[str, ...] = SETTINGS
    rounds: int = 0
    parameters: dict[str, Any] = field(default_factory=dict, hash=False)

    @abstractmethod
    def train(self, rows: pd.DataFrame, setting: str, stats: Sequence[str]) -> Iterator[Trained]:
        """The models of several statistics, learned from the same rows."""

    @abstractmethod
    def values(self, model: Path, slate: pd.DataFrame, setting: str) -> np.ndarray:
        """What the model that is kept in a file says of every row of the slate."""

    def recipe(self, setting: str) -> dict[str, Any]:
        """Everything but the rows that makes a model what it is."""
        return {
            "features": features_of(setting), "rounds": self.rounds, "lightgbm": lightgbm.__version__,
            "code": of_class(type(self)), **self.parameters,
        }  # fmt: skip

    def forecast(self, slate: pd.DataFrame, past: Past, stat: str, setting: str) -> Forecast:
        """The model of the month; the level, and a version that says so, while there is too little past.

        Before tip-off the morning's model speaks, under its own version, until there are reports enough.
        """
        rows = past.count(setting)
        if rows < FEWEST_ROWS and setting == PRE_TIP:
            return self.forecast(slate, past, stat, MORNING)
        if rows < FEWEST_ROWS:
            return Forecast(level(slate, stat), f"{LEVEL_ONLY}-{rows}-rows")
        card = past.walk.once((self.system_id, past.until, setting), lambda: self._models(past, setting))[stat]
        values = self.values(self._path(past, card.stat, setting, card.version), slate, setting)
        return Forecast(np.maximum(values, 0.0), card.version)

    def learn(self, past: Past) -> list[Card]:
        """Finds or trains the month's models of every statistic and setting; none where there is too little past."""
        enough = [setting for setting in self.settings if past.count(setting) >= FEWEST_ROWS]
        return [card for setting in enough for card in self._models(past, setting).values()]

    def _models(self, past: Past, setting: str) -> dict[str, Card]:
        recipe = self.recipe(setting)
        prints = {stat: past.fingerprint(recipe, [features_of(setting), [OUTCOMES[stat]]], setting) for stat in STATS}
        paths = {
            stat: self._path(past, stat, setting, f"{past.until:%Y-%m}-{found[:16]}") for stat, found in prints.items()
        }
        gone = [stat for stat in STATS if not (paths[stat].exists() and card_file(paths[stat]).exists())]
        if gone:
            rows = past.learned_from(
                ["game_date", *features_of(setting), *[OUTCOMES[stat] for stat in gone]], setting
            )  # fmt: skip
            for model in self.train(rows, setting, gone):
                card = card_of(
                    past,
                    rows,
                    paths[model.stat],
                    model=self.system_id,
                    stat=model.stat,
                    setting=setting,
                    features=features_of(setting),
                    parameters={"rounds": self.rounds, **self.parameters},
                    training_data=prints[model.stat],
                    importance=dict(model.importance),
                )
                keep(past, card, paths[model.stat], model.text)
        return {stat: Card.read(card_file(path)) for stat, path in paths.items()}

    def _path(self, past: Past, stat: str, setting: str, version: str) -> Path:
        return model_file(past.walk.models_path, self.system_id, f"{stat}-{setting}", version)


def card_of(past: Past, rows: pd.DataFrame, path: Path, **said: Any) -> Card:
    """The card of a month's model that learned from these rows and is to be kept at `path`."""
    return Card(
        month=str(past.until),
        version=path.stem,
        rows=len(rows),
        first_date=str(rows["game_date"].iloc[0]),
        last_date=str(rows["game_date"].iloc[-1]),
        library=f"lightgbm {lightgbm.__version__}",
        **said,
    )


def keep(past: Past, card: Card, path: Path, text: str) -> None:
    """Keeps a model with its card, and notes that it was trained."""
    card.write(card_file(path))
    write_whole(path, text)
    past.walk.trained.append(card)


def matrix(rows: pd.DataFrame, setting: str) -> np.ndarray:
    """The features as LightGBM takes them: missing stays missing."""
    return rows[features_of(setting)].to_numpy(np.float32)


def importance(model: lightgbm.Booster) -> dict[str, float]:
    """Each feature's share of what the model gained by splitting, the greatest first."""
    return shares(model.feature_name(), model.feature_importance("gain"))


def shares(names: Sequence[str], amounts: np.ndarray) -> dict[str, float]:
    """Amounts as shares of their sum by name, the greatest first."""
    found: Sequence[float] = (amounts / max(amounts.sum(), 1e-12)).tolist()
    return dict(sorted(zip(names, found, strict=True), key=lambda item: -item[1]))
