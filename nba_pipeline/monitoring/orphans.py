"""Runs whose process died without a word."""

import json
import os
import re
import socket
import subprocess
import time

from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from nba_pipeline.dagster_internals.event_log import GRPC_INFO_TAG

PROCESS_TAG = "nba_pipeline/process"
"""Host and process id of a run that a command runs itself."""

KILLED_TAG, KILLED_RUN_TAG = "nba_pipeline/killed", "nba_pipeline/killed_run"
"""On a run that was closed here. The second is its own id: a retry inherits the tags of the run before it."""

UNFINISHED = [DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]

LAST_WORDS_SECONDS = 2
"""After a process has gone, Dagster's code server, if it lives, says within a second that the run failed."""

YOUNGER_SECONDS = 5
"""A process that began this long after the run did is another one that was given the same id."""

IMPOSSIBLE_AGE_SECONDS = 100 * 365 * 86_400


def close_orphans(instance: DagsterInstance) -> list[str]:
    """Marks runs whose process has died as failed, and returns their ids.

    A command that is killed cannot say so, and neither can Dagster's code server when it dies with its runs:
    without this such a run would look busy, and keep the warehouse's pool, until its time limit.
    """
    suspects = _suspects(instance)
    if suspects:
        time.sleep(LAST_WORDS_SECONDS)
    closed = []
    for run_id, process in suspects:
        # Only now: a process that has gone may have finished its run after we looked.
        run = instance.get_run_by_id(run_id)
        if run is not None and run.status in UNFINISHED:
            instance.add_run_tags(run_id, {KILLED_TAG: "yes", KILLED_RUN_TAG: run_id})
            instance.report_run_failed(run, f"Process {process} ended without finishing this run.")
            closed.append(run_id)
    return closed


def killed_runs(instance: DagsterInstance) -> list[DagsterRun]:
    """The runs whose process died before they ended: those that were closed since, and those that are still open."""
    closed = instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.FAILURE], tags={KILLED_TAG: "yes"}))
    own = [run for run in closed if run.tags.get(KILLED_RUN_TAG) == run.run_id]
    suspects = [instance.get_run_by_id(run_id) for run_id, _ in _suspects(instance)]
    return [*own, *(run for run in suspects if run is not None and run.status in UNFINISHED)]


def _suspects(instance: DagsterInstance) -> list[tuple[str, int]]:
    """The unfinished runs whose process has gone, and that process."""
    return [
        (run.run_id, process[0])
        for run in instance.get_runs(RunsFilter(statuses=UNFINISHED))
        if (process := _process_of(instance, run)) is not None and not _alive(*process)
    ]


def _process_of(instance: DagsterInstance, run: DagsterRun) -> tuple[int, float | None] | None:
    """The process of a run on this machine, and by when it had begun; None while it has none, or elsewhere."""
    host, _, process = run.tags.get(PROCESS_TAG, "").partition(":")
    if host == socket.gethostname():
        return int(process), None
    if PROCESS_TAG in run.tags or json.loads(run.tags.get(GRPC_INFO_TAG, "{}")).get("host") != "localhost":
        return None
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT):
        event = entry.dagster_event
        pid = event.engine_event_data.metadata.get("pid") if event and event.event_specific_data else None
        if pid is not None:
            return int(str(pid.value)), entry.timestamp
    return None


def _alive(process: int, begun_by: float | None) -> bool:
    """Whether a process lives and is the one that had begun by an instant."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # It lives, and is somebody else's.
    return begun_by is None or _began(process) < begun_by + YOUNGER_SECONDS


def _began(process: int) -> float:
    """When a process began, as `ps` has it; 0 when that is not known."""
    try:
        said = subprocess.run(  # noqa: S603
            ["ps", "-o", "etime=", "-p", str(process)],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0.0
    found = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", said.strip())
    if found is None:
        return 0.0
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    age = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    # Of a process that begins this very instant procps may count time backwards, and print thousands of years.
    return time.time() - (age if age < IMPOSSIBLE_AGE_SECONDS else 0)
