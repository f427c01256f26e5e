"""Tables as BigQuery keeps them: partitioned, clustered, described; and what SQL makes never leaves BigQuery."""

from datetime import date, datetime, timedelta

import ibis
import pyarrow as pa
import pytest

from nba_pipeline.assets.tables import all_tables
from nba_pipeline.contracts import Contract
from nba_pipeline.precompute import ml_feature_store
from nba_pipeline.raw import game_lines, games, injuries, injury_reports, player_prop_lines
from nba_pipeline.warehouse.audit import STAGED, content_hashes, fingerprints
from nba_pipeline.warehouse.bigquery_warehouse import MOST_CLUSTERING_COLUMNS, schema_of
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline.warehouse.interface import Replacement
from nba_pipeline_tests.support.heights import GOOD, HEIGHTS, put, rows

DAY = date(2025, 11, 12)


@pytest.mark.parametrize("table", [games.CONTRACT, ml_feature_store.CONTRACT], ids=lambda table: table.name)
def test_a_table_is_partitioned_by_date_clustered_by_its_key_and_says_what_it_holds(bigquery, table):
    with bigquery.session() as session:
        session.ensure(table)
    made = bigquery.client.get_table(bigquery.names.table_id(table))
    assert made.time_partitioning.field == "game_date"
    assert made.clustering_fields == [key for key in table.grain if key != "game_date"][:MOST_CLUSTERING_COLUMNS]
    assert made.description == table.description
    said = {field.name: field.description for field in made.schema}
    assert said == {column.name: f"{column.definition} Unit: {column.unit}." for column in table.columns}


@pytest.mark.parametrize("table", all_tables(), ids=lambda table: table.name)
def test_every_column_has_a_type_that_bigquery_has(table):
    kinds = {field.field_type for field in schema_of(table)}
    assert kinds <= {
        "STRING",
        "INTEGER",
        "INT64",
        "FLOAT",
        "FLOAT64",
        "BOOLEAN",
        "BOOL",
        "DATE",
        "TIMESTAMP",
        "DATETIME",
    }


def made_up(table: Contract) -> pa.Table:
    """Five rows of a table, with what engines write differently: long fractions, microseconds, accents and nulls."""
    instant = datetime(2025, 11, 12, 23, 59, 59, 123456)
    values = {
        "int64": lambda n: n - 2,
        "float64": lambda n: [0.1, -1.5e-7, 2 / 3, 1e6 + 1 / 3, 0.0][n],
        "boolean": lambda n: n % 2 == 0,
        "date": lambda n: DAY,
        "string": lambda n: ["Dončić", "a|b", "", " ", "🏀"][n],
        "timestamp(6)": lambda n: instant - timedelta(hours=n * 7),
    }
    made = []
    for n in range(5):
        row = {c.name: c.allowed[n % len(c.allowed)] if c.allowed else values[c.type](n) for c in table.columns}
        nulls = {c.name: None for place, c in enumerate(table.columns) if c.nullable and (place + n) % 3 == 0}
        made.append(row | nulls)
    return pa.Table.from_pylist(made, schema=table.schema.to_pyarrow())


@pytest.mark.parametrize(
    "table",
    [game_lines.CONTRACT, player_prop_lines.CONTRACT, injuries.CONTRACT, injury_reports.CONTRACT, HEIGHTS],
    ids=lambda table: table.name,
)
def test_the_same_rows_have_the_same_hash_on_both_engines(bigquery, tmp_path, table):
    """Of past dates no lines and no injuries can be had, so the fourteen dates have none."""
    found = []
    for warehouse in (bigquery, DuckDBWarehouse(tmp_path / "warehouse.duckdb")):
        with warehouse.session() as session:
            session.ensure(table)
            session.replace([Replacement(table, ibis.memtable(made_up(table)), [DAY])])
            session.stage(STAGED, session.read(table))
            found.append((content_hashes(session, table, [DAY]), fingerprints(session, table)))
    assert found[0] == found[1]
    assert found[0][0][DAY][0] == 5


def test_what_sql_makes_is_made_there_and_what_python_made_is_loaded(bigquery, wire):
    put(bigquery, rows(*GOOD))
    with bigquery.session() as session:
        wire.seen.clear()
        published = session.read(HEIGHTS)
        session.stage("taller", published.mutate(height=published.height + 1))
        sent = [asked for asked in wire.seen if asked.begins_a_job and not asked.is_dry_run]
        assert [asked.statement.split()[0] for asked in sent] == ["SELECT"], "one query and no load"
        assert not any("rows" in asked.path or "data" in asked.path for asked in wire.seen), "and no rows came here"
        wire.seen.clear()
        session.stage("loaded", rows(*GOOD))
        assert any(asked.path.startswith("/upload/") for asked in wire.seen)
