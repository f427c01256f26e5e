"""Copies of the sources that a test changes, and commands that run on them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]

HOME_FILE = ROOT / "nba_pipeline_tests" / "homes" / "before_code_versions.tar.xz"
"""A small home made by the code before versions were noted: six dates of the simulated league, with its lines."""

HOME_NOW = "2025-10-24T15:00:00+00:00"
FIRST, LAST = "2025-10-20", "2025-10-25"

VERSIONS = """
import json
from nba_pipeline.code_versions import version_of
from nba_pipeline.assets.tables import all_tables
print(json.dumps({table.name: version_of(table) for table in all_tables()}))
"""


def changed_sources(folder: Path, changes: Mapping[str, tuple[str, str]]) -> Path:
    """A copy of the package, with one text changed in each of the named files."""
    shutil.copytree(ROOT / "nba_pipeline", folder / "nba_pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    for name, (before, after) in changes.items():
        path = folder / "nba_pipeline" / name
        text = path.read_text()
        assert text.count(before) == 1, f"{before!r} stands {text.count(before)} times in {name}"
        path.write_text(text.replace(before, after))
    return folder


def python(code: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python on the sources in a folder and a home, with a source that nobody serves."""
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"} | {
        "PYTHONPATH": str(code),
        "NBA_PIPELINE_HOME": str(home),
        "NBA_PIPELINE_NOW": HOME_NOW,
        "NBA_PIPELINE_LINES": "on",
        "BALLDONTLIE_API_URL": "http://127.0.0.1:9",
        "BALLDONTLIE_API_KEY": "any",
        "BALLDONTLIE_PLAN": "goat",
    }
    return subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=code, capture_output=True, text=True, check=False
    )


def command(code: Path, home: Path, *arguments: str) -> dict:
    """What a command says as JSON, with its exit code among it; the code must be the outcome's."""
    ended = python(code, home, "-m", "nba_pipeline.cli", *arguments, "--json")
    assert ended.stdout, ended.stderr
    said = json.loads(ended.stdout)
    assert said["outcome"]["exit_code"] == ended.returncode, ended.stderr
    return said


def versions(code: Path, home: Path) -> dict[str, str]:
    """The code version of every table, as a process on these sources has it."""
    ended = python(code, home, "-c", VERSIONS)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)
