"""The package's rooms: what stands at the root, which way imports run, and where a table is found."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import dagster as dg
import pytest

import nba_pipeline
from nba_pipeline.assets.tables import ROOMS as WITH_TABLES
from nba_pipeline.contracts import Contract
from nba_pipeline_tests.support.rooms import ROOMS

ROOT = Path(nba_pipeline.__file__).parent
TESTS = Path(__file__).parent

LONGEST_NAME = 90

AT_THE_ROOT = {
    "__init__.py", "definitions.py", "runtime.py", "contracts.py", "as_of.py", "partitions.py", "clock.py",
    "settings.py", "dagster.yaml",
}  # fmt: skip

IMPORTS = """
import importlib, os, sys
from nba_pipeline.settings import Settings

read = os._Environ.__getitem__

def refused(*_, **__):
    raise AssertionError("the settings are read on import")

def watched(environment, name):
    asking = sys._getframe(1)
    while asking.f_globals["__name__"] in ("os", "collections.abc"):
        asking = asking.f_back
    assert not asking.f_globals["__name__"].startswith("nba_pipeline"), f"{name} is read on import"
    return read(environment, name)

Settings.__init__, os._Environ.__getitem__ = refused, watched
for module in sys.argv[1:]:
    importlib.import_module(module)
"""

MODULES = {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in ROOT.rglob("*.py")}


def imports_of(module: str) -> Iterator[tuple[str, str]]:
    """The modules of this package that a module imports, and the name that it takes from each."""
    tree = ast.parse(MODULES[module].read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == ROOT.name:
            base = (node.module or "").removeprefix(ROOT.name).lstrip(".")
            for alias in node.names:
                whole = f"{base}.{alias.name}".lstrip(".")
                yield (whole if whole in MODULES else base), alias.name


def room_of(module: str) -> str:
    return module.split(".")[0]


def test_at_the_root_stands_what_every_room_uses_and_the_assembly() -> None:
    assert {path.name for path in ROOT.iterdir() if path.is_file()} == AT_THE_ROOT
    assert {room_of(module) for module in MODULES} - {"__init__"} == {*ROOMS}


@pytest.mark.parametrize("room", ROOMS)
def test_imports_run_one_way(room: str) -> None:
    mine = [module for module in MODULES if room_of(module) == room]
    above = ROOMS[: ROOMS.index(room)]
    wrong = [f"{module} imports {used}" for module in mine for used, _ in imports_of(module) if room_of(used) in above]
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module: {used for used, _ in imports_of(module)} - {module} for module in MODULES}
    TopologicalSorter(graph).prepare()


def test_nothing_private_is_used_by_another_module() -> None:
    wrong = [
        f"{module} takes {name} of {used}"
        for module in MODULES
        for used, name in imports_of(module)
        if name.startswith("_") and not name.startswith("__")
    ]
    assert wrong == []


@pytest.mark.parametrize("room", WITH_TABLES)
def test_a_file_of_a_room_with_tables_is_a_table_and_what_helps_them_stands_in_folders(room: str) -> None:
    files = [path.stem for path in (ROOT / room).glob("*.py") if path.stem != "__init__"]
    for module in (import_module(f"{ROOT.name}.{room}.{name}") for name in files):
        assert isinstance(module.CONTRACT, Contract), module.__name__
        assert isinstance(module.asset, dg.AssetsDefinition), module.__name__


def test_what_follows_from_the_settings_is_made_in_the_runtime_and_nowhere_else() -> None:
    made = {"DuckDBWarehouse", "BigQueryWarehouse", "Landing", "BalldontlieClient", "Gatekeeper", "WarehouseIOManager"}
    makers = {
        (module, node.func.id)
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {*made, "Settings"}
    }
    assert {module for module, name in makers if name in made} == {"runtime", "warehouse.google_cloud"}
    assert {module for module, name in makers if name == "Settings"} == {"cli.app", "cli.demo", "definitions"}


def test_no_module_reads_a_setting_or_the_environment_when_it_is_imported() -> None:
    ours = [f"{ROOT.name}.{name}" for name in sorted(MODULES) if name != "cli.__main__"]
    ran = subprocess.run([sys.executable, "-c", IMPORTS, *ours], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]


def test_transforms_import_no_dagster() -> None:
    """What tables compute alike, and the features: all but the files that make an asset."""
    folders = [ROOT / room / "calculations" for room in ("analytics", "precompute", "predictions")]
    folders += [ROOT / "precompute" / "feature_groups", ROOT / "predictions" / "systems"]
    for path in (path for folder in folders for path in folder.glob("*.py")):
        names = [
            name
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            for name in (
                [node.module or ""] if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            )
        ]  # fmt: skip
        assert "dagster" not in {name.split(".")[0] for name in names}, path


def test_what_several_tests_use_stands_in_support_and_nothing_imports_a_test_module() -> None:
    of_tests = {path.stem for path in TESTS.rglob("*.py") if path.stem.startswith(("test_", "conftest"))}
    wrong = [
        f"{path.relative_to(TESTS)}, line {node.lineno}, imports {part}"
        for path in TESTS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for whole in [*([node.module or ""] if isinstance(node, ast.ImportFrom) else []), *(a.name for a in node.names)]
        for part in whole.split(".")
        if part in of_tests
    ]
    assert wrong == []


def test_names_of_tests_are_claims_of_at_most_ninety_characters() -> None:
    long = [
        f"{path.relative_to(TESTS)}: {node.name} ({len(node.name)})"
        for path in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and len(node.name) > LONGEST_NAME
    ]
    assert long == []
