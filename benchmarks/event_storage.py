"""What storing runs and their events costs, with Dagster's own SQLite storages and with those that keep connections.

.venv/bin/python -m benchmarks.event_storage [--rounds 3] [--runs 10]
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
from dagster import DagsterInstance

KEPT = "instance_class: {module: nba_pipeline.dagster_internals.sqlite_storage, class: Instance}\n"

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dg.asset(partitions_def=dg.DailyPartitionsDefinition("2025-01-01"))
def table() -> dg.MaterializeResult:
    """Stands for a table: what it makes is nothing, what it tells is as much as a table does."""
    return dg.MaterializeResult(metadata={f"figure {n}": n for n in range(20)})


@dg.multi_asset_check(specs=[dg.AssetCheckSpec(f"check_{n}", asset=table) for n in range(4)])
def checks() -> Iterator[dg.AssetCheckResult]:
    """Stand for the checks of a table."""
    for n in range(4):
        yield dg.AssetCheckResult(passed=True, check_name=f"check_{n}")


@dataclass(frozen=True)
class Cost:
    """What a number of runs took, and how many events they stored."""

    wall: float
    processor: float
    events: int


def cost(runs: int, *, kept: bool) -> Cost:
    """The cost of runs over one date each, in a new home."""
    with TemporaryDirectory() as home:
        Path(home, "dagster.yaml").write_text(KEPT if kept else "", encoding="utf-8")
        with DagsterInstance.from_config(home) as instance:
            wall, processor, ids = time.perf_counter(), time.process_time(), []
            for n in range(runs):
                day = f"2025-01-{n % 28 + 1:02}"
                ids.append(dg.materialize([table, checks], instance=instance, partition_key=day, run_config=QUIET))
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            return Cost(wall, processor, sum(len(instance.all_logs(done.run_id)) for done in ids))


def main() -> None:
    """Measures in turns, so that a busy machine is as busy for both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=10)
    asked = parser.parse_args()
    for kept in (False, True):
        cost(1, kept=kept)
    rounds = [(cost(asked.runs, kept=False), cost(asked.runs, kept=True)) for _ in range(asked.rounds)]
    for what in ("wall", "processor"):
        before = statistics.median(own.events / getattr(own, what) for own, _ in rounds)
        after = statistics.median(kept.events / getattr(kept, what) for _, kept in rounds)
        print(f"{what}: {before:.0f} events/s, kept {after:.0f} events/s, ratio {after / before:.2f}")


if __name__ == "__main__":
    main()
