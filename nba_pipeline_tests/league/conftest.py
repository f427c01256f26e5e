"""A server with faults, and how to ask it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from typing import Any

import pytest
import requests

from nba_pipeline.league.faults import FAULTS
from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer

DAY = "2025-12-03"
AFTER = datetime(2026, 1, 5, tzinfo=UTC)
KEY = {"Authorization": "k"}

Serve = Callable[..., LeagueServer]


@pytest.fixture
def struck(league: League) -> Iterator[Serve]:
    """Serves the league with faults given as JSON; yields a function that opens the server."""
    with ExitStack() as stack:

        def serve(*rules: dict[str, Any], now: datetime = AFTER) -> LeagueServer:
            return stack.enter_context(LeagueServer(league, now=now, faults=FAULTS.validate_python(list(rules))))

        yield serve


def ask(server: LeagueServer, endpoint: str, **params: Any) -> requests.Response:
    """The answer about `DAY`, unless the parameters say otherwise."""
    query = {"dates[]": DAY, "per_page": 100, **params}
    return requests.get(f"{server.url}/v1/{endpoint}", params=query, headers=KEY, timeout=10)


def first_game(league: League) -> int:
    """The first game of `DAY` by id."""
    return int(league.games[league.games["game_date"] == date(2025, 12, 3)]["game_id"].iloc[0])
