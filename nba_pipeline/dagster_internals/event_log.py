"""What of Dagster's event log only its own modules name: evaluations of single dates, ticks, the code server.

Above each import and in each function is the reason why nothing public does it.
"""

from collections.abc import Iterable, Mapping

import dagster as dg
from dagster import AssetCheckKey, AssetKey, DagsterEvent, DagsterEventType, DagsterInstance, EventLogEntry

# `dg.AssetCheckEvaluation`, which is exported, takes it as an argument; it is not exported itself.
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData

# The one way to ask for the evaluations of one partition, or of none; the UI asks so.
from dagster._core.event_api import PartitionKeyFilter

# By which `DagsterInstance` finds the backfills that are under way, and how one is ended: neither is exported.
from dagster._core.execution.backfill import BulkActionStatus

# What `DagsterInstance` returns of sensors and schedules: exported are their definitions only, not what became of them.
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, InstigatorTick, TickStatus

# Evaluations are rows of a table that no method of `DagsterInstance` reads: it has the newest materialization alone.
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
    AssetCheckExecutionRecord,
)

# The tag by which Dagster notes which code server runs a run; a run says nowhere else on which machine it is.
from dagster._core.storage.tags import GRPC_INFO_TAG

__all__ = [
    "FAILURE",
    "GRPC_INFO_TAG",
    "AssetCheckExecutionRecord",
    "BulkActionStatus",
    "InstigatorState",
    "InstigatorStatus",
    "InstigatorTick",
    "TickStatus",
    "completed_evaluations",
    "entries_after",
    "evaluated",
    "last_entry",
    "newest_materializations",
    "step_of",
    "store_evaluation",
]

FAILURE = f"{dg.Failure.__module__}.{dg.Failure.__qualname__}"
"""What Dagster calls the error of a step that raised `dg.Failure`: it stores the name with the module."""


def step_of(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext | dg.OutputContext,
) -> dg.StepExecutionContext:
    """The step that a context belongs to.

    Events are stored in the name of a step, and no context has a public way to it.
    """
    if isinstance(context, dg.OutputContext):
        return context.step_context
    return context.op_execution_context.get_step_execution_context()


def store_evaluation(step: dg.StepExecutionContext, evaluation: dg.AssetCheckEvaluation) -> None:
    """Stores an evaluation in the name of a step.

    The public `log_event` of an I/O manager takes none, and that of a step gives it out once more as what the step
    itself found.
    """
    DagsterEvent.asset_check_evaluation(step, evaluation)


def evaluated(record: dg.EventLogRecord) -> AssetCheckEvaluationTargetMaterializationData:
    """A materialization, as an evaluation names the one that it is about."""
    return AssetCheckEvaluationTargetMaterializationData(
        storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
    )


def newest_materializations(
    instance: DagsterInstance, key: AssetKey, partitions: Iterable[str], *, after: int | None = None
) -> Mapping[str, int]:
    """The number of the newest materialization of each partition, of those that have one behind a number in the log.

    Public is the search by partition, which reads every materialization of a season to find the newest.
    """
    kind = DagsterEventType.ASSET_MATERIALIZATION
    return instance.get_latest_storage_id_by_partition(key, kind, {*partitions}, after_cursor=after)


def completed_evaluations(
    instance: DagsterInstance, key: AssetCheckKey, partition: str | None, limit: int
) -> list[AssetCheckExecutionRecord]:
    """The newest evaluations of a check for a partition, or of those without one; what is only planned is none.

    Public is none of it: an evaluation can be reported, and not be read.
    """
    found = instance.event_log_storage.get_asset_check_execution_history(
        key,
        limit=limit,
        status=COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
        partition_filter=PartitionKeyFilter(key=partition),
    )
    return [record for record in found if record.event is not None]


def last_entry(instance: DagsterInstance) -> int:
    """The number of the last entry of the log over all runs, 0 of an empty one.

    Public positions are of single kinds of events; by this one it shows that entries were deleted.
    """
    return instance.event_log_storage.get_maximum_record_id() or 0


def entries_after(
    instance: DagsterInstance, number: int, kind: DagsterEventType, limit: int
) -> Mapping[int, EventLogEntry]:
    """The next entries of a kind behind a number, over all runs and what belongs to none, by their numbers.

    How Dagster's own daemon tails the log: one query on an index. `get_event_records` has on SQLite no position that
    holds over all runs, and the public `fetch_…` know no failed checks.
    """
    return instance.event_log_storage.get_logs_for_all_runs_by_log_id(number, kind, limit)
