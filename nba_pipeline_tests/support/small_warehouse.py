"""A warehouse made small."""

from pathlib import Path

import duckdb

from nba_pipeline.contracts import Contract
from nba_pipeline.warehouse.operations_tables import PUBLISHED_PARTITIONS


def keep_only(path: Path, tables: set[Contract]) -> None:
    """Makes a warehouse small: what is not named is as if it had never been made."""
    names = {table.name for table in tables}
    with duckdb.connect(str(path)) as connection:
        for schema, name in connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall():
            if f"{schema}.{name}" not in {*names, PUBLISHED_PARTITIONS.name}:
                connection.execute(f"DROP TABLE {schema}.{name}")
        listed = ", ".join(f"'{name}'" for name in names)
        connection.execute(f"DELETE FROM {PUBLISHED_PARTITIONS.name} WHERE table_name NOT IN ({listed})")
