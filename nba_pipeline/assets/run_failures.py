"""Why a run failed, read from Dagster's event log."""

from collections.abc import Iterable
from dataclasses import dataclass

import dagster as dg
from dagster import AssetCheckSeverity, DagsterEventType, DagsterInstance, EventLogEntry
from dagster_shared.error import SerializableErrorInfo

from nba_pipeline.dagster_internals.event_log import FAILURE

FAILED_CHECK_ERROR = "DagsterAssetCheckFailedError"
"""The error with which Dagster fails the step of a blocking check that did not pass."""

FAILURE_EVENTS = {DagsterEventType.STEP_FAILURE, DagsterEventType.ASSET_CHECK_EVALUATION}

PLANNED, MADE = DagsterEventType.ASSET_MATERIALIZATION_PLANNED, DagsterEventType.ASSET_MATERIALIZATION


@dataclass(frozen=True)
class RunFailure:
    """One thing that went wrong in a run.

    `cause` is the innermost message of a failed step. `check` says that it is no error of the code but a
    check that did not pass: its evaluation, or the step that failed because of it.
    """

    step_key: str
    cause: str
    check: bool
    evaluation: bool = False

    def __str__(self) -> str:
        """The step and why it failed; an evaluation names its check itself."""
        return self.cause if self.evaluation else f"{self.step_key}: {self.cause}"


def root_cause(error: SerializableErrorInfo | None) -> str | None:
    """The message of the innermost error: Dagster wraps what a step raised in errors of its own.

    None when there is no error.
    """
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip().removeprefix(f"{FAILURE}: ") if error else None


def failures_in(entries: Iterable[EventLogEntry]) -> tuple[RunFailure, ...]:
    """The failed steps and the checks that did not pass, in the order of the log; warnings are left out."""
    found: list[RunFailure] = []
    for entry in entries:
        event = entry.dagster_event
        if event is None:
            continue
        step = event.step_key or ""
        if event.is_step_failure:
            error = event.step_failure_data.error
            check = error is not None and error.cls_name == FAILED_CHECK_ERROR
            found.append(RunFailure(step, root_cause(error) or event.message or "no message", check))
        elif event.event_type is DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            if not evaluation.passed and evaluation.severity is AssetCheckSeverity.ERROR:
                cause = f"check {evaluation.check_name} of {evaluation.asset_key.to_user_string()} failed"
                found.append(RunFailure(step, cause, check=True, evaluation=True))
    return tuple(found)


def failures_of_run(instance: DagsterInstance, run_id: str) -> tuple[RunFailure, ...]:
    """The failed steps and the checks that did not pass of one run, in the order of its log."""
    return failures_in(instance.all_logs(run_id, of_type=FAILURE_EVENTS))


def planned_assets(instance: DagsterInstance, run_id: str) -> set[dg.AssetKey]:
    """The assets that a run was to make; of one that was launched as a whole job its selection says nothing."""
    return {key for _, key, _ in _asset_events(instance, run_id, {PLANNED})}


def not_published(instance: DagsterInstance, run_id: str) -> dict[dg.AssetKey, set[str | None]]:
    """The partitions that a run was to publish and did not, by asset; None stands for one that has no partitions."""
    events = _asset_events(instance, run_id, {PLANNED, MADE})
    planned, made = ({(key, part) for of, key, part in events if of is kind} for kind in (PLANNED, MADE))
    found: dict[dg.AssetKey, set[str | None]] = {}
    for key, partition in sorted(planned - made, key=str):
        found.setdefault(key, set()).add(partition)
    return found


def _asset_events(
    instance: DagsterInstance, run_id: str, kinds: set[DagsterEventType]
) -> list[tuple[DagsterEventType, dg.AssetKey, str | None]]:
    """The events of these kinds: of which kind, and which partition of which asset each is about."""
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=kinds)]
    return [(event.event_type, event.asset_key, event.partition) for event in events if event and event.asset_key]
