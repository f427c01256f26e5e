"""A client of the source, and a server that answers what a test wrote down."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from pydantic import SecretStr

from nba_pipeline.clock import Clock
from nba_pipeline.settings import Settings
from nba_pipeline.sources.balldontlie import BalldontlieClient
from nba_pipeline.sources.landing import Landing
from nba_pipeline_tests.support.scripted_server import Answer, serving
from nba_pipeline_tests.support.scripted_source import KEY, NOW, Script


@pytest.fixture
def script() -> Iterator[Script]:
    script = Script()

    def answer(handler: BaseHTTPRequestHandler) -> Answer | None:
        found = script.next()
        script.seen[-1] = handler.path
        if callable(found):
            found(handler)
            return None
        return found

    with serving(answer) as script.url:
        yield script


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(script, tmp_path, waits) -> BalldontlieClient:
    settings = Settings(
        home=tmp_path,
        balldontlie_api_key=SecretStr(KEY),
        balldontlie_api_url=script.url,
        balldontlie_requests_per_minute=100_000,
        http_timeout_seconds=0.7,
    )
    return BalldontlieClient(settings, Landing(tmp_path / "landing"), Clock(NOW), sleep=waits.append)
