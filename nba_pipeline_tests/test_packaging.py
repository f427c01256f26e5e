"""What the package imports, it declares: an installation has all that it needs, or does not install."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
OURS = {"nba_pipeline", "nba_pipeline_tests", "benchmarks"}


def imported(folder: Path) -> set[str]:
    """The top-level names that the modules of a folder import, wherever in them."""
    names = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - OURS


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", name)[0]).lower()


def undeclared(folder: Path, declared: list[str]) -> dict[str, list[str]]:
    """The imports whose distribution is not among the declared ones."""
    by_import, known = packages_distributions(), {canonical(name) for name in declared}
    candidates = {name: [canonical(found) for found in by_import.get(name, ["nothing"])] for name in imported(folder)}
    return {name: found for name, found in candidates.items() if not known.intersection(found)}


def test_every_import_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["gcp"]]
    assert undeclared(ROOT / "nba_pipeline", needed) == {}
    for folder in ("nba_pipeline_tests", "benchmarks"):
        assert undeclared(ROOT / folder, [*needed, *project["optional-dependencies"]["dev"]]) == {}
    assert undeclared(ROOT / "nba_pipeline", [name for name in needed if not name.startswith("lightgbm")])


def test_the_commands_are_listed_without_loading_an_engine() -> None:
    engines = {"dagster", "duckdb", "ibis", "pandas", "pyarrow"}
    code = f"import sys, nba_pipeline.cli.app; print(*sorted({engines} & sys.modules.keys()))"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert asked.stdout.split() == []


def test_every_file_of_the_package_that_is_no_module_is_installed_with_it() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    found = [
        path for path in (ROOT / "nba_pipeline").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")
    ]
    assert {path.name for path in found} >= {"dagster.yaml", "source_faults.toml"}
    for path in found:
        package = ".".join(path.parent.relative_to(ROOT).parts)
        assert any(path.match(pattern) for pattern in declared.get(package, [])), path


def test_every_declared_dependency_is_pinned_to_a_tested_version_and_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    named = [*project["dependencies"], *optional["gcp"], *optional["dev"]]
    declared = {canonical(name) for name in named} - {"nba-pipeline"}
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {canonical(line) for line in lines if line and not line.startswith("#")}
    assert declared - pinned == set()
    explained = (ROOT / "docs" / "decisions" / "dependencies.md").read_text().lower().replace("_", "-")
    assert [name for name in declared if name not in explained] == []


def test_the_licence_is_declared_and_lies_in_the_file_that_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (project["license"], project["license-files"]) == ("Apache-2.0", ["LICENSE"])
    title, version = (ROOT / "LICENSE").read_text().strip().splitlines()[:2]
    assert (title.strip(), version.strip()) == ("Apache License", "Version 2.0, January 2004")
