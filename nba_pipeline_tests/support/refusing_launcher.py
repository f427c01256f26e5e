"""Dagster's own run launcher, which fails for as long as a file says so."""

from pathlib import Path

from dagster import DefaultRunLauncher
from dagster._core.errors import DagsterLaunchFailedError
from dagster._core.launcher.base import LaunchRunContext


class RefusingLauncher(DefaultRunLauncher):
    """Launches runs, unless there is a file `refuse` in Dagster's home."""

    def launch_run(self, context: LaunchRunContext) -> None:
        if (Path(self._instance.root_directory) / "refuse").exists():
            raise DagsterLaunchFailedError("no process could be started")
        super().launch_run(context)
