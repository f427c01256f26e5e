"""What the widest query costs to be translated: with merged selects, with single ones, and once it is known.

.venv/bin/python -m benchmarks.translation [--rounds 3]
"""

import argparse
import statistics
import time
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import ibis

from nba_pipeline.contracts import Contract
from nba_pipeline.precompute.ml_feature_store import CONTRACT, ml_feature_store
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline.warehouse.publish import transformed_rows

DAY = date(2025, 11, 11)


def seconds_to_translate(*, merged: bool) -> float:
    """CPU seconds that the feature store's query takes to be translated for DuckDB."""
    rows = ml_feature_store(**{name: read.table.unbound() for name, read in CONTRACT.reads.items()})
    ibis.options.sql.fuse_selects = merged
    began = time.process_time()
    ibis.duckdb.connect().compile(rows.select(CONTRACT.schema.names).cast(CONTRACT.schema))
    return time.process_time() - began


def seconds_to_stage(warehouse: DuckDBWarehouse, table: Contract) -> float:
    """CPU seconds that staging the features of a date takes, of which the warehouse holds no rows."""
    with warehouse.session() as session:
        for each in (table, *(read.table for read in table.reads.values())):
            session.ensure(each)
        query, reads = partial(transformed_rows, table, ml_feature_store), dict.fromkeys(table.reads, (DAY, DAY))
        began = time.process_time()
        session.stage("features", query, dates=[DAY], reads=reads)
        return time.process_time() - began


def compared(one: str, ones: list[float], other: str, others: list[float]) -> None:
    """Prints both medians and their ratio."""
    first, second = statistics.median(ones), statistics.median(others)
    print(f"{one} {first:.3f} s, {other} {second:.3f} s, ratio {first / second:.2f} (median of {len(ones)})")


def main() -> None:
    """Measures in turns, so that a busy machine is as busy for both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = range(parser.parse_args().rounds)
    translated = [(seconds_to_translate(merged=True), seconds_to_translate(merged=False)) for _ in rounds]
    compared("merged", [merged for merged, _ in translated], "apart", [apart for _, apart in translated])
    with TemporaryDirectory() as folder:
        warehouse = DuckDBWarehouse(Path(folder) / "warehouse.duckdb")
        # A contract with another description is another one, of which no query is known.
        tables = [replace(CONTRACT, description=f"Round {n}.") for n in rounds]
        staged = [(seconds_to_stage(warehouse, table), seconds_to_stage(warehouse, table)) for table in tables]
    compared("staged anew", [anew for anew, _ in staged], "staged again", [again for _, again in staged])


if __name__ == "__main__":
    main()
