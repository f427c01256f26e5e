"""The walks of `docs/extending.md` are carried out as they stand, in a copy of the package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
CODE = r"```python\n(.*?)```"
NEW_FILE = re.compile(rf"`([\w/]+\.py)`, new:\n\n{CODE}", re.S)
EDIT = re.compile(rf"n `([\w/]+\.py)`, after\n\n{CODE}\n\nput\n\n{CODE}", re.S)

FOUND = """
from nba_pipeline.precompute.ml_feature_store import CONTRACT
from nba_pipeline.predictions.systems import systems
from nba_pipeline.assets.tables import all_tables, table_assets


def test_the_feature_is_a_column_of_the_store():
    assert "free_throw_points_share_60" in CONTRACT.schema.names


def test_the_table_is_an_asset():
    assert "analytics.team_rotation_summary" in [table.name for table in all_tables()]
    assert len(table_assets()) == len(all_tables())


def test_the_system_is_one_of_all():
    assert "season_mean" in [system.system_id for system in systems()]
"""

RUN = """
import sys

import pytest

sys.exit(pytest.main(sys.argv[1:]))
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package with everything that the page adds to it."""
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "nba_pipeline", tmp_path / "nba_pipeline", ignore=without)
    for name, code in NEW_FILE.findall(PAGE):
        file = tmp_path / name
        assert not file.exists(), f"{name} is there already: the walk needs another example"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code, encoding="utf-8")
    for name, line, added in EDIT.findall(PAGE):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert text.count(line) == 1, f"{name} has not exactly one line: {line}"
        (tmp_path / name).write_text(text.replace(line, line + added), encoding="utf-8")
    (tmp_path / "test_found.py").write_text(FOUND, encoding="utf-8")
    return tmp_path


def test_a_feature_a_table_and_a_system_are_added_as_the_page_says(copy: Path) -> None:
    new, edited = NEW_FILE.findall(PAGE), EDIT.findall(PAGE)
    tests = [name for name, _ in new if "/test_" in name]
    assert (len(new), len(edited), len(tests)) == (5, 2, 3)
    environment = {**os.environ, "PYTHONPATH": str(copy), "NBA_PIPELINE_HOME": str(copy / "home")}
    options = [
        "--noconftest",
        "--rootdir",
        ".",
        "-c",
        os.devnull,
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:schemathesis",
    ]
    ran = subprocess.run(
        [sys.executable, "-c", RUN, *options, *tests, "test_found.py"],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-2000:]
    assert re.search(r"^7 passed", ran.stdout, re.M), ran.stdout[-1000:]
