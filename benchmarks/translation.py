"""How long the widest query takes to translate with and without merged selects, side by side.

.venv/bin/python -m benchmarks.translation [--rounds 3]
"""

import argparse
import statistics
import time

import ibis

from nba_pipeline.precompute.ml_feature_store import CONTRACT, ml_feature_store


def seconds(*, merged: bool) -> float:
    """CPU seconds that the feature store's query takes to be translated for DuckDB."""
    rows = ml_feature_store(**{name: read.table.unbound() for name, read in CONTRACT.reads.items()})
    ibis.options.sql.fuse_selects = merged
    began = time.process_time()
    ibis.duckdb.connect().compile(rows.select(CONTRACT.schema.names).cast(CONTRACT.schema))
    return time.process_time() - began


def main() -> None:
    """Prints both medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    taken = [(seconds(merged=True), seconds(merged=False)) for _ in range(rounds)]
    merged, apart = (statistics.median(times) for times in zip(*taken, strict=True))
    print(f"merged {merged:.2f} s, apart {apart:.2f} s, ratio {merged / apart:.2f} (median of {rounds})")


if __name__ == "__main__":
    main()
