"""Availability: the probability that an expected player plays."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd

from nba_pipeline.code_versions import of_class
from nba_pipeline.predictions.models.cards import Card, card_file, model_file
from nba_pipeline.predictions.systems.monthly_models import card_of, importance, keep
from nba_pipeline.predictions.walk_forward.forecasts import MORNING, PRE_TIP, SETTINGS, Forecast, features_of
from nba_pipeline.predictions.walk_forward.walk import Past

HISTORY = (
    "participation_season", "team_games_missed", "days_rest", "team_days_rest", "is_back_to_back",
    "games_last_7_days", "games_last_14_days", "minutes_last_7_days", "minutes_last_game", "minutes_ewma_3",
    "minutes_ewma_7", "minutes_ewma_30", "minutes_rank_in_team", "games_played_season", "team_games_season",
    "games_prior_season", "participation_ewma_3", "participation_ewma_7", "participation_ewma_10",
    "did_not_play_rate_last_10", "games_since_return", "games_with_team", "active_teammates", "points_prior",
    "minutes_prior",
)  # fmt: skip
"""What of the feature store says whether a player plays: participation, games missed, rest and minutes."""

NEWS = (
    "injury_risk", "out_minutes_of_team_games", "newly_out_minutes", "rotation_players_out", "present_teammates",
    "present_rank", "left_less_taken_back",
)  # fmt: skip
"""What the injury report adds: his own status, and how many minutes the others leave him."""

FEWEST_ROWS = 2_000
"""Below this many expected players the share of games played stands in for a model."""

SHARE_GAMES = 10
"""How many games of his team the league's share of players who play is worth against a player's own."""

SHARE_WITHOUT_PAST = 0.6
"""About as many of the expected players play, before a game was ever seen; a team expects 17 and plays 10."""

PLAYED = "played"
"""What is predicted here, where the other models have a statistic."""

ROUNDS = 200

PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 200,
    "lambda_l2": 5.0,
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}


def inputs_of(setting: str) -> list[str]:
    """The features that it looks at: before tip-off also those of the injury report."""
    wanted = (*HISTORY, *NEWS) if setting == PRE_TIP else HISTORY
    return [name for name in wanted if name in features_of(setting)]


@dataclass(frozen=True)
class Availability:
    """A small model of who plays, one a month and setting, learned from all players who were expected."""

    system_id: str = "availability"
    settings: tuple[str, ...] = SETTINGS
    parameters: dict[str, Any] = field(default_factory=lambda: dict(PARAMETERS), hash=False)

    def forecast(self, slate: pd.DataFrame, past: Past, setting: str) -> Forecast:
        """The probability of playing of every row; without enough reports that of the morning."""
        if setting == PRE_TIP and past.count(PRE_TIP, played=False) < FEWEST_ROWS:
            return self.forecast(slate, past, MORNING)
        rows = past.count(setting, played=False)
        if rows < FEWEST_ROWS:
            return Forecast(share_played(slate, past), f"share-only-{rows}-rows")
        card = past.walk.once((self.system_id, past.until, setting), lambda: self._model(past, setting))
        model = lightgbm.Booster(model_file=self._path(past, setting, card.version))
        return Forecast(np.asarray(model.predict(slate[inputs_of(setting)].to_numpy(np.float32))), card.version)

    def learn(self, past: Past) -> list[Card]:
        """Finds or trains the month's model of every setting; none where there is too little past."""
        enough = [setting for setting in self.settings if past.count(setting, played=False) >= FEWEST_ROWS]
        return [self._model(past, setting) for setting in enough]

    def _model(self, past: Past, setting: str) -> Card:
        names = inputs_of(setting)
        recipe = {
            "features": names, "rounds": ROUNDS, "lightgbm": lightgbm.__version__, "code": of_class(type(self)),
            **self.parameters,
        }  # fmt: skip
        found = past.fingerprint(recipe, [[*names, "played"]], setting, played=False)
        path = self._path(past, setting, f"{past.until:%Y-%m}-{found[:16]}")
        if not (path.exists() and card_file(path).exists()):
            self._train(past, setting, path, found)
        return Card.read(card_file(path))

    def _train(self, past: Past, setting: str, path: Path, training_data: str) -> None:
        names = inputs_of(setting)
        rows = past.learned_from(["game_date", "played", *names], setting, played=False)
        data = lightgbm.Dataset(
            rows[names].to_numpy(np.float32), rows["played"].to_numpy(np.float64), feature_name=names
        )
        model = lightgbm.train(self.parameters, data, ROUNDS)
        card = card_of(
            past,
            rows,
            path,
            model=self.system_id,
            stat=PLAYED,
            setting=setting,
            features=names,
            parameters={"rounds": ROUNDS, **self.parameters},
            training_data=training_data,
            importance=importance(model),
        )
        keep(past, card, path, model.model_to_string())

    def _path(self, past: Past, setting: str, version: str) -> Path:
        return model_file(past.walk.models_path, self.system_id, f"{PLAYED}-{setting}", version)


def share_played(slate: pd.DataFrame, past: Past) -> np.ndarray:
    """The share of his team's games this season that he played, shrunk to that of all expected players."""
    expected = past.count(MORNING, played=False)
    share = past.count(MORNING) / expected if expected else SHARE_WITHOUT_PAST
    games, played = slate["team_games_season"].fillna(0.0), slate["games_played_season"].fillna(0.0)
    # A player who came from another team may have played more games than his new team.
    return np.clip((played + SHARE_GAMES * share) / (games + SHARE_GAMES), 0.0, 1.0).to_numpy(np.float64)


MODEL = Availability()
