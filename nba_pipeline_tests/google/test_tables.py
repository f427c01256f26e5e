"""Tables as BigQuery keeps them: partitioned, clustered, described; and what SQL makes never leaves BigQuery."""

import pytest

from nba_pipeline.precompute import ml_feature_store
from nba_pipeline.raw import games
from nba_pipeline.tables import all_tables
from nba_pipeline.warehouse.bigquery_warehouse import MOST_CLUSTERING_COLUMNS, schema_of
from nba_pipeline_tests.warehouse.test_publish import GOOD, HEIGHTS, put, rows


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
