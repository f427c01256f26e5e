from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from nba_pipeline.clock import Clock
from nba_pipeline.settings import Settings
from nba_pipeline.sources.balldontlie import BalldontlieClient
from nba_pipeline.sources.landing import Landing

from .scripted_server import Script, serving

KEY = "k3y-that-nobody-may-see"
NOW = datetime(2024, 1, 18, 11, 30, tzinfo=UTC)


@pytest.fixture
def source() -> Iterator[Script]:
    with serving() as script:
        yield script


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "landing")


@pytest.fixture
def settings(tmp_path: Path, source: Script) -> Callable[..., Settings]:
    def make(**changes: object) -> Settings:
        quick = {
            "home": tmp_path,
            "balldontlie_api_key": SecretStr(KEY),
            "balldontlie_api_url": source.url,
            "balldontlie_requests_per_minute": 10_000,
            "http_attempts": 4,
            "http_wait_min_seconds": 0.0,
            "http_wait_max_seconds": 0.02,
            "http_timeout_seconds": 5.0,
        }
        return Settings(**(quick | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def client(settings: Callable[..., Settings], landing: Landing) -> Callable[..., BalldontlieClient]:
    def make(*, sleep: Callable[[float], None] | None = None, on_page=None, **changes: object) -> BalldontlieClient:
        options = {"sleep": sleep} if sleep else {}
        return BalldontlieClient(settings(**changes), landing, Clock(NOW), on_page, **options)

    return make
