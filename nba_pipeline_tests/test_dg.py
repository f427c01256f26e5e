"""Dagster's own command line knows the project: `dg` loads what the UI loads."""

import json
import os
import subprocess
import sys
from pathlib import Path

from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.automation.schedules import schedules
from nba_pipeline.settings import Settings

ROOT = Path(__file__).parents[1]


def dg(home: Path, *arguments: str) -> str:
    """What `dg` prints, run in the project's folder as a person would."""
    command = [str(Path(sys.executable).with_name("dg")), *arguments]
    environment = os.environ | {
        "DAGSTER_HOME": str(home), "NBA_PIPELINE_HOME": str(home), "VIRTUAL_ENV": sys.prefix,
    }  # fmt: skip
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    return ended.stdout


def test_the_definitions_are_listed_with_every_table_check_schedule_and_sensor(tmp_path: Path) -> None:
    listed = json.loads(dg(tmp_path, "list", "defs", "--json"))
    assets = {each["asset_key"]: each for each in listed["assets"]}
    for table in all_tables():
        found = assets[asset_key(table).to_user_string()]
        assert found["description"], table.name
        assert found["kinds"], table.name
    assert {each["name"] for each in listed["schedules"]} == {each.name for each in schedules(Settings())}
    assert {"alerts", "self_heal"} <= {each["name"] for each in listed["sensors"]}
    assert len(listed["asset_checks"]) > len(all_tables())
