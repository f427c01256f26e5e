"""Availability: the probability that an expected player plays."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from nba_pipeline.predictions.models.trained_models import REPRODUCIBLE, TrainedModels
from nba_pipeline.predictions.walk_forward.forecasts import MORNING, PRE_TIP, features_of
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
    **REPRODUCIBLE,
}


@dataclass(frozen=True)
class Availability(TrainedModels):
    """A small model of who plays, one a month and setting, learned from all players who were expected."""

    system_id: str = "availability"
    stats: tuple[str, ...] = (PLAYED,)
    rounds: int = ROUNDS
    parameters: dict[str, Any] = field(default_factory=lambda: dict(PARAMETERS), hash=False)

    of_played: ClassVar[bool] = False
    rule: ClassVar[str] = "share-only"

    def inputs(self, stat: str, setting: str) -> list[str]:
        """His history; before tip-off also what the injury report says."""
        wanted = (*HISTORY, *NEWS) if setting == PRE_TIP else HISTORY
        return [name for name in wanted if name in features_of(setting)]

    def outcome_column(self, stat: str) -> str:
        """Whether he played."""
        return "played"

    def by_rule(self, slate: pd.DataFrame, past: Past, stat: str) -> np.ndarray:
        """The share of games that he played."""
        return share_played(slate, past)


def share_played(slate: pd.DataFrame, past: Past) -> np.ndarray:
    """The share of his team's games this season that he played, shrunk to that of all expected players."""
    expected = past.count(MORNING, played=False)
    share = past.count(MORNING) / expected if expected else SHARE_WITHOUT_PAST
    games, played = slate["team_games_season"].fillna(0.0), slate["games_played_season"].fillna(0.0)
    # A player who came from another team may have played more games than his new team.
    return np.clip((played + SHARE_GAMES * share) / (games + SHARE_GAMES), 0.0, 1.0).to_numpy(np.float64)


MODEL = Availability()
