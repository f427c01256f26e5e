"""Google's servers as real processes, and a warehouse on them through the official clients."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from google.cloud import storage

from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings
from nba_pipeline.warehouse.bigquery_warehouse import BigQueryWarehouse
from nba_pipeline_tests.support.google_emulators import (
    PROJECT,
    BigQueryEmulator,
    bigquery_emulator,
    bucket_server,
    missing,
    service_account,
)
from nba_pipeline_tests.support.google_proxy import Proxy


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryEmulator]:
    """The BigQuery emulator; skips where there is none, with what fixes it."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with bigquery_emulator(tmp_path_factory.mktemp("bigquery")) as running:
        yield running


@pytest.fixture
def wire(emulator: BigQueryEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """What lies between Google's client and the emulator, with credentials as in production: a service account."""
    with Proxy(emulator.url) as proxy:
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", proxy.url)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(service_account(tmp_path, f"{proxy.url}/token")))
        yield proxy


@pytest.fixture
def bigquery_settings(wire: Proxy, emulator: BigQueryEmulator, tmp_path: Path) -> Settings:
    """Settings on a prefix of the test's own."""
    prefix = f"t{sha256(str(tmp_path).encode()).hexdigest()[:12]}"
    return Settings(
        home=tmp_path / "home", warehouse=f"bigquery://{PROJECT}/{prefix}", lock_wait_seconds=5,
        bigquery_attempts=4, bigquery_wait_min_seconds=0.02, bigquery_wait_max_seconds=0.1,
        bigquery_storage_endpoint=emulator.storage,
    )  # fmt: skip


@pytest.fixture
def bigquery(bigquery_settings: Settings) -> BigQueryWarehouse:
    """A warehouse with nothing in it."""
    warehouse = Runtime(bigquery_settings).warehouse
    assert isinstance(warehouse, BigQueryWarehouse)
    return warehouse


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket on a running server of Cloud Storage; yields a URL in it."""
    with bucket_server(tmp_path) as url:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        storage.Client(project=PROJECT).create_bucket("landing")
        yield "gs://landing/nba"
