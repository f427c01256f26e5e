"""The walk forward: what a system is, what is known before a month, and what the systems said of those before it."""

import hashlib
import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import pandas as pd

from nba_pipeline.clock import season_of
from nba_pipeline.partitions import season_start
from nba_pipeline.predictions.models.cards import Card, KeptModel
from nba_pipeline.predictions.walk_forward.forecasts import PRE_TIP, STATS, Forecast

TRAINING_SEASONS = 4
"""Seasons before the current one that models learn from."""

HISTORY_SEASONS = TRAINING_SEASONS + 1
"""Seasons before the current one that are read: models of the last months of the season before are looked at too."""

OUTCOMES = {stat: f"{stat}_outcome" for stat in STATS}
"""The columns with what came of a row, by statistic; null for a player who did not play."""

T = TypeVar("T")


class System(Protocol):
    """A way to predict the statistics. It sees features and the past, never the game."""

    @property
    def system_id(self) -> str:
        """The name under which its predictions are published and graded."""
        ...

    @property
    def settings(self) -> tuple[str, ...]:
        """The settings in which it publishes; one that uses no news has only the morning's."""
        ...

    def forecast(self, slate: pd.DataFrame, past: "Past", stat: str, setting: str) -> Forecast:
        """Predicts every row of the slate, whose dates all lie in the month of `past.until`.

        It may be asked in any setting, and without one of its own answers as in the morning.
        """
        ...


@dataclass(frozen=True, eq=False)
class Walked:
    """What a system said of a month from the games before it, for the rows of players who played, and what came."""

    rows: pd.DataFrame
    values: np.ndarray
    outcomes: np.ndarray


class Walk:
    """The feature rows of games played, of every player expected, and what each month may know of them.

    `rows` has the keys, the features as float32, `report_known`, `played` and the `OUTCOMES`, sorted by the keys.
    Models are kept in `models_path`; `trained` holds the cards of those that were not there yet.
    """

    def __init__(self, rows: pd.DataFrame, models_path: Path) -> None:
        self.models_path = models_path
        self.trained: list[Card] = []
        self._rows = rows
        self._days = np.array(rows["game_date"].tolist(), dtype="datetime64[D]")
        self._made: dict[Hashable, Any] = {}

    def past(self, month: date) -> "Past":
        """What models of the month that begins at `month` may learn from."""
        return self.once(("past", month), lambda: Past(month, self))

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made once a key."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def between(self, first: date, end: date) -> pd.DataFrame:
        """The rows from `first` to the day before `end`, without a copy."""
        begin, stop = np.searchsorted(self._days, np.array([first, end], dtype="datetime64[D]"))
        return self._rows.iloc[begin:stop]

    def months(self, first: date, end: date) -> list[date]:
        """The months with games from `first` to before `end`, oldest first."""
        days = self._days[(self._days >= np.datetime64(first)) & (self._days < np.datetime64(end))]
        return [month.astype("datetime64[D]").item() for month in np.unique(days.astype("datetime64[M]"))]

    def months_before(self, month: date, count: int) -> list[date]:
        """The last months with games before a month, at most `count`, of its season and the one before."""
        return self.months(season_start(season_of(month) - 1), month)[-count:]

    def played(self, month: date, setting: str) -> pd.DataFrame:
        """The rows of a month of players who played, and whose injury report is known if the setting wants it."""
        rows = self.between(month, next_month(month))
        return self.once(("played", month, setting), lambda: rows[rows_that_count(rows, setting)])

    def expected(self, month: date, setting: str) -> pd.DataFrame:
        """The same of all players who were expected, played or not."""
        rows = self.between(month, next_month(month))
        return rows[rows_that_count(rows, setting, played=False)]

    def walked(self, month: date, system: System, stat: str, setting: str) -> Walked:
        """What a system said of a month, from the games before it."""

        def walk() -> Walked:
            rows = self.played(month, setting)
            forecast = self.past(month).forecast(system, rows, stat, setting)
            return Walked(rows, forecast.values, rows[OUTCOMES[stat]].to_numpy(np.float64))

        return self.once(("walked", month, system.system_id, stat, setting), walk)

    def digest(self, month: date, columns: tuple[str, ...], setting: str, played: bool) -> str:
        """A hash of columns of a month's rows: of those played, or of all players expected."""

        def made() -> str:
            rows = self.between(month, next_month(month))
            values = rows.loc[rows_that_count(rows, setting, played=played), list(columns)].to_numpy(np.float32)
            return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()

        return self.once(("digest", month, columns, setting, played), made)


@dataclass(frozen=True, eq=False)
class Past:
    """What models of one month may know: the rows of games before `until`, `TRAINING_SEASONS` back."""

    until: date
    walk: Walk

    @property
    def begin(self) -> date:
        """The first date that is looked at."""
        return season_start(season_of(self.until) - TRAINING_SEASONS)

    @property
    def rows(self) -> pd.DataFrame:
        """The rows of all players expected, those who did not play among them."""
        return self.walk.between(self.begin, self.until)

    def learned_from(self, columns: Sequence[str], setting: str, *, played: bool = True) -> pd.DataFrame:
        """Columns of the rows that a model of the setting learns from."""
        return self.rows.loc[rows_that_count(self.rows, setting, played=played), list(columns)]

    def count(self, setting: str, *, played: bool = True) -> int:
        """How many rows those are."""
        return int(rows_that_count(self.rows, setting, played=played).sum())

    def fingerprint(
        self, recipe: Mapping[str, Any], columns: Sequence[Sequence[str]], setting: str, *, played: bool = True
    ) -> str:
        """What a model is made of: its recipe, and every value of the columns that it learns from."""
        digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode())
        for month in self.walk.months(self.begin, self.until):
            for group in columns:
                digest.update(self.walk.digest(month, tuple(group), setting, played).encode())
        return digest.hexdigest()

    def kept(self, model: str, stat: str, setting: str, fingerprint: str) -> KeptModel:
        """Where the month's model that is made of what the fingerprint says is kept; its version says both."""
        version = f"{self.until:%Y-%m}-{fingerprint[:16]}"
        return KeptModel(self.walk.models_path, model, stat, setting, version)

    def keep(self, kept: KeptModel, card: Card, text: str | None = None) -> None:
        """Keeps a model with its card, and notes that it was trained."""
        kept.keep(card, text)
        self.walk.trained.append(card)

    def forecast(self, system: System, slate: pd.DataFrame, stat: str, setting: str) -> Forecast:
        """What a system says of the slate, asked once. Raises `ValueError` unless it predicts every row."""
        # The slate stays in the key's value, so that no other frame can take its identity.
        key = ("forecast", self.until, system.system_id, stat, setting, id(slate))
        return self.walk.once(key, lambda: (slate, self._asked(system, slate, stat, setting)))[1]

    def _asked(self, system: System, slate: pd.DataFrame, stat: str, setting: str) -> Forecast:
        forecast = system.forecast(slate, self, stat, setting)
        values = np.asarray(forecast.values, dtype=np.float64)
        if len(values) != len(slate) or not np.isfinite(values).all():
            raise ValueError(
                f"{system.system_id} gave {len(values)} values of {stat}, {np.isnan(values).sum()} of them not "
                f"numbers, for {len(slate)} players of {self.until:%Y-%m}; a system predicts every row it is given"
            )
        return Forecast(np.clip(values, 0.0, 100.0), forecast.model_version)

    def walked(self, months: int, system: System, stat: str, setting: str) -> list[Walked]:
        """What a system said of each of the last months before this one."""
        before = self.walk.months_before(self.until, months)
        return [self.walk.walked(month, system, stat, setting) for month in before]


def rows_that_count(rows: pd.DataFrame, setting: str, *, played: bool = True) -> np.ndarray:
    """Which rows count: of players who played, if asked, and with a known injury report before tip-off."""
    mask = rows["played"].to_numpy() if played else np.ones(len(rows), dtype=bool)
    return mask & rows["report_known"].to_numpy() if setting == PRE_TIP else mask


def next_month(month: date) -> date:
    """The first of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
