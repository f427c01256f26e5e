"""Trained models: one a month, statistic and setting, found by what they learn from, or trained and kept."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any, ClassVar

import lightgbm
import numpy as np
import pandas as pd

from nba_pipeline.code_versions import of_class
from nba_pipeline.predictions.models.cards import Card, KeptModel
from nba_pipeline.predictions.systems.level import LEVEL_ONLY, level
from nba_pipeline.predictions.walk_forward.forecasts import MORNING, PRE_TIP, SETTINGS, STATS, Forecast, features_of
from nba_pipeline.predictions.walk_forward.walk import OUTCOMES, Past

FEWEST_ROWS = 2_000
"""Below this many rows to learn from, some ten dates of a season, a rule is the better forecast."""

REPRODUCIBLE: Mapping[str, Any] = {
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}
"""Parameters with which the same past gives the same model, to the last bit."""

MODELS_AT_ONCE = 2
"""Trained side by side, each in one thread: two threads on one model wait for each other most of the time."""


@dataclass(frozen=True)
class Trained:
    """One model as it is kept, and what each feature counts for in it."""

    stat: str
    text: str
    importance: Mapping[str, float]


@dataclass(frozen=True)
class TrainedModels:
    """The models of one kind: what they see, how they are trained and kept, and what they say.

    As it stands a kind sees every feature that its setting may know, and says a player's level while there is too
    little past. A kind that differs says so in a subclass.
    """

    system_id: str
    settings: tuple[str, ...] = SETTINGS
    stats: tuple[str, ...] = STATS
    rounds: int = 0
    parameters: dict[str, Any] = field(default_factory=dict, hash=False)

    fewest_rows: ClassVar[int] = FEWEST_ROWS
    of_played: ClassVar[bool] = True
    """Whether they learn from games played only, or from all players expected."""
    least: ClassVar[float] = 0.0
    """The least that they say."""
    rule: ClassVar[str] = LEVEL_ONLY
    """How the version begins of what is said without a model."""

    def inputs(self, stat: str, setting: str) -> list[str]:
        """The features that they look at."""
        return features_of(setting)

    def by_rule(self, slate: pd.DataFrame, past: Past, stat: str) -> np.ndarray:
        """What stands in for a model of every row of the slate while there is too little past."""
        return level(slate, stat)

    def names(self, stat: str, setting: str) -> list[str]:
        """What the columns of `matrix` are called; statistics with equal names have equal matrices, and share one."""
        return self.inputs(stat, setting)

    def matrix(self, rows: pd.DataFrame, stat: str, setting: str) -> np.ndarray:
        """What LightGBM sees of the rows: the features, missing where they are missing."""
        return rows[self.inputs(stat, setting)].to_numpy(np.float32)

    def outcome_column(self, stat: str) -> str:
        """The column that says what came of a row."""
        return OUTCOMES[stat]

    def outcome(self, rows: pd.DataFrame, stat: str) -> np.ndarray:
        """What came of the rows, as it is learned and scored."""
        return rows[self.outcome_column(stat)].to_numpy(np.float64)

    def recipe(self, stat: str, setting: str) -> dict[str, Any]:
        """Everything but the rows that makes a model what it is."""
        return {
            "features": self.inputs(stat, setting), "rounds": self.rounds, "lightgbm": lightgbm.__version__,
            "code": of_class(type(self)), **self.parameters,
        }  # fmt: skip

    def train(self, rows: pd.DataFrame, setting: str, stats: Sequence[str]) -> Iterator[Trained]:
        """The models of several statistics, learned from the same rows; their text is LightGBM's own."""
        alike: dict[tuple[str, ...], list[str]] = {}
        for stat in stats:
            alike.setdefault(tuple(self.names(stat, setting)), []).append(stat)
        for names, group in alike.items():
            inputs = self.matrix(rows, group[0], setting)
            outcomes = [self.outcome(rows, stat) for stat in group]
            for stat, model in zip(group, self.boosters(inputs, names, outcomes), strict=True):
                gains = shares(model.feature_name(), model.feature_importance("gain"))
                yield Trained(stat, model.model_to_string(), gains)

    def boosters(
        self,
        inputs: np.ndarray,
        names: Sequence[str],
        outcomes: Sequence[np.ndarray],
        begin_at: Sequence[np.ndarray] | None = None,
    ) -> Iterator[lightgbm.Booster]:
        """LightGBM's model of each outcome, the inputs binned once for all; from `begin_at` on, where that is given."""
        bins = lightgbm.Dataset(inputs, feature_name=list(names), params=self.parameters).construct()

        def booster(outcome: np.ndarray, begin: np.ndarray | None) -> lightgbm.Booster:
            data = lightgbm.Dataset(inputs, outcome, init_score=begin, reference=bins, params=self.parameters)
            return lightgbm.train(self.parameters, data, self.rounds)

        with ThreadPoolExecutor(MODELS_AT_ONCE) as pool:
            yield from pool.map(booster, outcomes, begin_at or repeat(None))

    def values(self, model: Path, slate: pd.DataFrame, stat: str, setting: str) -> np.ndarray:
        """What the model that is kept in a file says of every row of the slate."""
        return np.asarray(lightgbm.Booster(model_file=model).predict(self.matrix(slate, stat, setting)))

    def forecast(self, slate: pd.DataFrame, past: Past, stat: str, setting: str) -> Forecast:
        """The model of the month; the rule, and a version that says so, while there is too little past.

        Before tip-off the morning's model speaks, under its own version, until there are reports enough.
        """
        rows = past.count(setting, played=self.of_played)
        if rows < self.fewest_rows and setting == PRE_TIP:
            return self.forecast(slate, past, stat, MORNING)
        if rows < self.fewest_rows:
            return Forecast(self.by_rule(slate, past, stat), f"{self.rule}-{rows}-rows")
        kept = past.walk.once((self.system_id, past.until, setting), lambda: self._models(past, setting))[stat]
        values = self.values(kept.file, slate, stat, setting)
        return Forecast(np.maximum(values, self.least), kept.version)

    def learn(self, past: Past) -> list[Card]:
        """Finds or trains the month's models of every statistic and setting; none where there is too little past."""
        enough = [each for each in self.settings if past.count(each, played=self.of_played) >= self.fewest_rows]
        return [kept.card() for setting in enough for kept in self._models(past, setting).values()]

    def _models(self, past: Past, setting: str) -> dict[str, KeptModel]:
        """The month's models by statistic; what is not there is trained."""
        prints = {stat: self._fingerprint(past, stat, setting) for stat in self.stats}
        models = {stat: past.kept(self.system_id, stat, setting, found) for stat, found in prints.items()}
        gone = [stat for stat, kept in models.items() if not (kept.file.exists() and kept.card_file.exists())]
        if gone:
            seen = [name for stat in gone for name in (*self.inputs(stat, setting), self.outcome_column(stat))]
            rows = past.learned_from(["game_date", *dict.fromkeys(seen)], setting, played=self.of_played)
            for trained in self.train(rows, setting, gone):
                kept = models[trained.stat]
                past.keep(kept, self._card(past, rows, kept, prints[kept.stat], trained), trained.text)
        return models

    def _fingerprint(self, past: Past, stat: str, setting: str) -> str:
        # Two groups, so that features that several statistics share are hashed once.
        columns = [self.inputs(stat, setting), [self.outcome_column(stat)]]
        return past.fingerprint(self.recipe(stat, setting), columns, setting, played=self.of_played)

    def _card(self, past: Past, rows: pd.DataFrame, kept: KeptModel, fingerprint: str, trained: Trained) -> Card:
        return Card(
            model=self.system_id,
            stat=kept.stat,
            setting=kept.setting,
            month=str(past.until),
            version=kept.version,
            rows=len(rows),
            first_date=str(rows["game_date"].iloc[0]),
            last_date=str(rows["game_date"].iloc[-1]),
            features=self.names(kept.stat, kept.setting),
            parameters={"rounds": self.rounds, **self.parameters},
            library=f"lightgbm {lightgbm.__version__}",
            training_data=fingerprint,
            importance=dict(trained.importance),
        )


def shares(names: Sequence[str], amounts: np.ndarray) -> dict[str, float]:
    """Amounts as shares of their sum by name, the greatest first."""
    found: Sequence[float] = (amounts / max(amounts.sum(), 1e-12)).tolist()
    return dict(sorted(zip(names, found, strict=True), key=lambda item: -item[1]))
