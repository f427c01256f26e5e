"""Fourteen dates, end to end, on BigQuery and a bucket: hash for hash the rows that DuckDB and a folder hold."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from google.cloud import bigquery as google_bigquery
from google.cloud import storage

from nba_pipeline.assets.tables import all_tables
from nba_pipeline.contracts import Contract
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.precompute import ml_feature_store
from nba_pipeline.warehouse.audit import STAGED, fingerprints
from nba_pipeline.warehouse.bigquery_warehouse import BigQueryWarehouse
from nba_pipeline.warehouse.interface import Warehouse
from nba_pipeline.warehouse.operations_tables import PUBLISHED_PARTITIONS
from nba_pipeline.warehouse.publish import rows_of
from nba_pipeline_tests.support.google_emulators import PROJECT, bucket_server, service_account
from nba_pipeline_tests.support.google_proxy import Proxy
from nba_pipeline_tests.support.workbench import DAY_OFF, NOW, Workbench

FIRST = date(2025, 10, 1)
"""The first partition of the season: in one range with the history that the dates need."""

DATES = [DAY_OFF + timedelta(days=n) for n in range(14)]

NONE_OF_PAST_DATES = {"raw.game_lines", "raw.player_prop_lines", "raw.injuries", "raw.injury_reports"}
"""They can be asked for before a game only; `test_tables.py` compares them."""

Hashes = dict[tuple[str, date], tuple[int, str]]


@pytest.fixture
def cloud(league, emulator, tmp_path: Path) -> Iterator[Workbench]:
    """A pipeline whose tables are on BigQuery and whose landing is in a bucket, with nothing in them."""
    with (
        LeagueServer(league, now=NOW) as server,
        Proxy(emulator.url) as wire,
        bucket_server(tmp_path) as bucket,
        pytest.MonkeyPatch.context() as patched,
    ):
        patched.setenv("BIGQUERY_EMULATOR_HOST", wire.url)
        patched.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(service_account(tmp_path, f"{wire.url}/token")))
        patched.setenv("STORAGE_EMULATOR_HOST", bucket)
        storage.Client(project=PROJECT).create_bucket("landing")
        yield Workbench(
            tmp_path / "cloud", server, warehouse=f"bigquery://{PROJECT}/parity", landing="gs://landing/nba",
            bigquery_storage_endpoint=emulator.storage, gate_time_limit_seconds=900,
        )  # fmt: skip


def hashes(warehouse: Warehouse) -> Hashes:
    """Number and hash of the rows of every table and date, computed now by the engine that holds them."""
    found: Hashes = {}
    with warehouse.session(read_only=True) as session:
        for table in all_tables():
            session.stage(STAGED, rows_of(session, table, DATES))
            found |= {(table.name, day): content for day, content in fingerprints(session, table).items()}
    return found


def manifest(warehouse: Warehouse) -> Hashes:
    """What was noted of every table and date when it was published."""
    with warehouse.session(read_only=True) as session:
        lines = session.query(rows_of(session, PUBLISHED_PARTITIONS, DATES)).to_pylist()
    return {(line["table_name"], line["game_date"]): (line["row_count"], line["fingerprint"]) for line in lines}


def differences(one: Hashes, other: Hashes) -> list[tuple[str, date]]:
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


def change_one_value(warehouse: BigQueryWarehouse, table: Contract, day: date) -> None:
    """What anybody with BigQuery's console can do: the last digit that counts, of one value."""
    name = warehouse.names.quoted(table)
    warehouse.client.query(
        f"UPDATE {name} SET points_prior = points_prior + 1e-9 WHERE game_date = @day AND player_id = "
        f"(SELECT MIN(player_id) FROM {name} WHERE game_date = @day AND points_prior IS NOT NULL)",
        google_bigquery.QueryJobConfig(query_parameters=[google_bigquery.ScalarQueryParameter("day", "DATE", day)]),
    ).result()


@pytest.mark.campaign
def test_fourteen_dates_give_the_rows_of_duckdb_and_a_changed_digit_is_found(season_start, cloud):
    report = cloud.backfill(FIRST, DATES[-1])
    assert report.complete, [attempt.failures for attempt in report.attempts]
    assert not (cloud.home / "warehouse.duckdb").exists()
    assert not (cloud.home / "landing").exists()

    expected, found = hashes(season_start.warehouse), hashes(cloud.warehouse)
    assert {table.name for table in all_tables()} - {name for name, _ in expected} == NONE_OF_PAST_DATES
    assert differences(found, expected) == []
    assert differences(manifest(cloud.warehouse), manifest(season_start.warehouse)) == []

    changed = ml_feature_store.CONTRACT, DATES[-1]
    change_one_value(cloud.warehouse, *changed)
    assert differences(hashes(cloud.warehouse), expected) == [(changed[0].name, changed[1])]
