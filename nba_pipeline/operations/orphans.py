"""Runs whose process died without a word."""

import os
import socket

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

PROCESS_TAG = "nba_pipeline/process"
"""Host and process id of a run that a command runs itself."""

UNFINISHED = [DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]


def close_orphans(instance: DagsterInstance) -> list[str]:
    """Marks runs whose process has died as failed, and returns their ids.

    A command that is killed cannot say so; without this its run would look busy for ever.
    """
    closed = []
    for run in instance.get_runs(RunsFilter(statuses=UNFINISHED)):
        host, _, process = run.tags.get(PROCESS_TAG, "").partition(":")
        if host == socket.gethostname() and not _alive(int(process)):
            instance.report_run_failed(run, f"Process {process} ended without finishing this run.")
            closed.append(run.run_id)
    return closed


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
