"""Ensemble: the other systems together, weighted by how they did in the months before."""

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nba_pipeline.code_versions import of_class
from nba_pipeline.predictions import systems as all_systems
from nba_pipeline.predictions.models.cards import Card
from nba_pipeline.predictions.walk_forward.forecasts import MORNING, PRE_TIP, SETTINGS, STATS, Forecast
from nba_pipeline.predictions.walk_forward.walk import Past, System

WEIGHT_MONTHS = 3
"""The months before, with games, on which the weights are learned."""

FEWEST_ROWS = 2_000
"""Below this many rows of those months every system weighs the same."""

EQUAL_WEIGHTS = "equal-weights"
"""How the version begins while every system weighs the same."""

ROUNDS = 40
"""Of reweighting; the weights stand still long before."""

EVENNESS = 0.02
"""How strongly weights are drawn towards equal ones, as a share of what the rows say."""


@dataclass(frozen=True)
class Ensemble:
    """Weights that are never negative and add up to 1, for the least mean absolute error."""

    system_id: str = "ensemble"
    settings: tuple[str, ...] = SETTINGS

    def members(self) -> list[System]:
        """The systems that are combined: all others."""
        return [system for system in all_systems.systems() if system.system_id != self.system_id]

    def forecast(self, slate: pd.DataFrame, past: Past, stat: str, setting: str) -> Forecast:
        """The weighted sum of what the others say; a version that says so while all weigh the same.

        Before tip-off the morning's weights stand, under their own version, until there are reports enough.
        """
        members = self.members()
        said = [past.forecast(system, slate, stat, setting).values for system in members]
        card = self._weights(past, stat, setting)
        total = np.zeros(len(slate))
        # Added up one by one: a matrix product may round otherwise for one date than for a month.
        for system, values in zip(members, said, strict=True):
            total += card.importance[system.system_id] * values
        return Forecast(total, card.version)

    def learn(self, past: Past) -> list[Card]:
        """The month's weights of every statistic and setting that has a past."""
        settings = [setting for setting in self.settings if past.count(setting)]
        return [self._weights(past, stat, setting) for setting in settings for stat in STATS]

    def _weights(self, past: Past, stat: str, setting: str) -> Card:
        return past.walk.once((self.system_id, past.until, stat, setting), lambda: self._learned(past, stat, setting))

    def _learned(self, past: Past, stat: str, setting: str) -> Card:
        members = self.members()
        walked = [past.walked(WEIGHT_MONTHS, system, stat, setting) for system in members]
        rows = sum(len(month.values) for month in walked[0])
        names = [system.system_id for system in members]
        if rows < FEWEST_ROWS and setting == PRE_TIP:
            return self._weights(past, stat, MORNING)
        if rows < FEWEST_ROWS:
            equal = dict.fromkeys(names, 1 / len(names))
            return self._card(past, stat, setting, f"{EQUAL_WEIGHTS}-{rows}-rows", rows, "", equal)
        said = np.column_stack([np.concatenate([month.values for month in months]) for months in walked])
        outcomes = np.concatenate([month.outcomes for month in walked[0]])
        found = hashlib.sha256(json.dumps([names, of_class(type(self))]).encode())
        found.update(np.ascontiguousarray(np.round(said, 6)).tobytes() + outcomes.tobytes())
        kept = past.kept(self.system_id, stat, setting, found.hexdigest())
        if not kept.card_file.exists():
            weights = dict(zip(names, least_absolute_weights(said, outcomes).tolist(), strict=True))
            past.keep(kept, self._card(past, stat, setting, kept.version, rows, found.hexdigest(), weights))
        return kept.card()

    def _card(
        self,
        past: Past,
        stat: str,
        setting: str,
        version: str,
        rows: int,
        training_data: str,
        weights: dict[str, float],
    ) -> Card:
        months = past.walk.months_before(past.until, WEIGHT_MONTHS)
        return Card(
            model=self.system_id,
            stat=stat,
            setting=setting,
            month=str(past.until),
            version=version,
            rows=rows,
            first_date=str(months[0]) if months else "",
            last_date=str(past.until),
            features=list(weights),
            parameters={"months": WEIGHT_MONTHS, "rounds": ROUNDS, "evenness": EVENNESS},
            library=f"numpy {np.__version__}",
            training_data=training_data,
            importance=weights,
        )


def least_absolute_weights(said: np.ndarray, outcomes: np.ndarray) -> np.ndarray:
    """The weights, none negative and 1 together, with the least mean absolute error.

    Least squares, each row weighted by the inverse of its error so far, again and again: so absolute errors
    are minimised. Each time the weights are taken from the simplex by `on_simplex`.
    """
    count = said.shape[1]
    even = np.full(count, 1 / count)
    weights = even
    for _ in range(ROUNDS):
        emphasis = 1 / np.maximum(np.abs(outcomes - said @ weights), 0.05)
        gram = (said * emphasis[:, None]).T @ said
        right = (said * emphasis[:, None]).T @ outcomes
        # Systems agree on most of what they say; what draws towards even weights is measured by their differences.
        scale = np.mean((said - said.mean(axis=1, keepdims=True)) ** 2) * emphasis.sum()
        weights = on_simplex(gram + EVENNESS * scale * np.eye(count), right + EVENNESS * scale * even, weights)
    return np.round(weights, 6)


def on_simplex(gram: np.ndarray, right: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The least of ½ wᵀGw − rᵀw over weights that are not negative and add up to 1.

    Weight is passed between two systems at a time, as much as helps, until none does.
    """
    weights = weights.copy()
    pairs = [(i, j) for i in range(len(weights)) for j in range(i)]
    for _ in range(200):
        before = weights.copy()
        for i, j in pairs:
            curve = gram[i, i] + gram[j, j] - 2 * gram[i, j]
            slope = (gram[i] - gram[j]) @ weights - (right[i] - right[j])
            step = np.clip(-slope / max(curve, 1e-12), -weights[i], weights[j])
            weights[i] += step
            weights[j] -= step
        if np.abs(weights - before).max() < 1e-9:
            break
    return weights


SYSTEM = Ensemble()
