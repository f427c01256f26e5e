"""The simulated league, served with faults."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import Any

import pytest

from nba_pipeline.league.faults import FAULTS
from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer
from nba_pipeline_tests.support.league_questions import AFTER

Serve = Callable[..., LeagueServer]


@pytest.fixture
def struck(league: League) -> Iterator[Serve]:
    """Serves the league with faults given as JSON; yields a function that opens the server."""
    with ExitStack() as stack:

        def serve(*rules: dict[str, Any], now: datetime = AFTER) -> LeagueServer:
            return stack.enter_context(LeagueServer(league, now=now, faults=FAULTS.validate_python(list(rules))))

        yield serve
