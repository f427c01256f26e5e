"""The whole pipeline on BigQuery and a bucket, beside the same on DuckDB and a folder: the same rows, hash for hash."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from google.cloud import storage

from nba_pipeline.contracts import Table
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.tables import all_tables
from nba_pipeline.warehouse.audit import STAGED, fingerprints
from nba_pipeline.warehouse.publish import rows_of
from nba_pipeline_tests.google.emulators import PROJECT, bucket_server, service_account
from nba_pipeline_tests.google.proxy import Proxy
from nba_pipeline_tests.pipeline.conftest import Workbench

FIRST, LAST = date(2025, 10, 21), date(2025, 10, 23)
DATES = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]


@dataclass
class Both:
    """The same fourteen dates on both sides."""

    here: Workbench
    cloud: Workbench
    wire: Proxy


@pytest.fixture(scope="module")
def both(league, emulator, tmp_path_factory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("both")
    with (
        LeagueServer(league, now=league.last_instant) as server,
        Proxy(emulator.url) as wire,
        bucket_server(folder) as bucket,
        pytest.MonkeyPatch.context() as patched,
    ):
        patched.setenv("BIGQUERY_EMULATOR_HOST", wire.url)
        patched.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(service_account(folder, f"{wire.url}/token")))
        patched.setenv("STORAGE_EMULATOR_HOST", bucket)
        storage.Client(project=PROJECT).create_bucket("landing")
        cloud = Workbench(
            folder / "cloud", server, warehouse=f"bigquery://{PROJECT}/both", landing="gs://landing/nba",
            bigquery_storage_endpoint=emulator.storage,
        )  # fmt: skip
        here = Workbench(folder / "here", server)
        for bench in (here, cloud):
            report = bench.backfill(FIRST, LAST)
            assert all(attempt.success for attempt in report.attempts), [a.failures for a in report.attempts]
        yield Both(here, cloud, wire)


def hashes(bench: Workbench, table: Table) -> dict[date, tuple[int, str]]:
    """Number and hash of the rows of each date, computed now by the engine that holds them."""
    with bench.warehouse.session() as session:
        session.stage(STAGED, rows_of(session, table, DATES))
        return dict(fingerprints(session, table))


@pytest.mark.parametrize("table", all_tables(), ids=lambda table: table.name)
def test_every_table_has_the_same_rows_on_both(both, table):
    here = hashes(both.here, table)
    assert here
    assert hashes(both.cloud, table) == here
