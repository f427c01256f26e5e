"""Dagster's UI and daemon, as `nba-pipeline ui` starts them."""

import os
import sys
from pathlib import Path

from nba_pipeline.operations.runs import prepare_home
from nba_pipeline.settings import Settings

UI_URL_SETTING = "NBA_PIPELINE_UI_URL"


def ui_command(port: int) -> list[str]:
    """The command that serves the UI on loopback."""
    dagster = Path(sys.executable).with_name("dagster")
    return [str(dagster), "dev", "-m", "nba_pipeline.definitions", "-h", "127.0.0.1", "-p", str(port)]


def ui_environment(settings: Settings, port: int) -> dict[str, str]:
    """What tells the daemon beside the UI where its alerts' links lead; nothing where a person has said so himself."""
    return {} if "ui_url" in settings.model_fields_set else {UI_URL_SETTING: f"http://127.0.0.1:{port}"}


def run_ui(settings: Settings, port: int) -> None:
    """Becomes Dagster's UI and daemon on the instance of the settings."""
    os.environ["DAGSTER_HOME"] = str(prepare_home(settings))
    os.environ |= ui_environment(settings, port)
    os.execv(ui_command(port)[0], ui_command(port))  # noqa: S606 - our own interpreter's dagster, no shell
