"""Questions to the server of the simulated league, and the day that they are about."""

from datetime import UTC, date, datetime
from typing import Any

import requests

from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer

DAY = "2025-12-03"
AFTER = datetime(2026, 1, 5, tzinfo=UTC)
KEY = {"Authorization": "k"}


def ask(server: LeagueServer, endpoint: str, **params: Any) -> requests.Response:
    """The answer about `DAY`, unless the parameters say otherwise."""
    query = {"dates[]": DAY, "per_page": 100, **params}
    return requests.get(f"{server.url}/v1/{endpoint}", params=query, headers=KEY, timeout=10)


def first_game(league: League) -> int:
    """The first game of `DAY` by id."""
    return int(league.games[league.games["game_date"] == date(2025, 12, 3)]["game_id"].iloc[0])
