"""One reconciler decides what is launched: nobody beside it judges, counts attempts or forms runs of tables."""

import ast
from pathlib import Path

import nba_pipeline.automation

DECIDES = {"plan_launches", "decide", "in_runs", "in_few_runs"}
"""What only the reconciler may call: the judgement, the patience, and what makes the runs."""


def calls_of(path: Path) -> set[str]:
    """The names of the functions and methods that a module calls."""
    called = [node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    return {f.attr if isinstance(f, ast.Attribute) else f.id for f in called if isinstance(f, ast.Attribute | ast.Name)}


def test_only_the_reconciler_decides_what_is_launched() -> None:
    folder = Path(nba_pipeline.automation.__file__).parent
    deciding = {path.name: calls_of(path) & DECIDES for path in folder.glob("*.py")}
    assert deciding.pop("reconciler.py") == DECIDES
    assert deciding.pop("publishing.py") == {"decide"}, "files are no tables: they share its patience alone"
    assert not {name: calls for name, calls in deciding.items() if calls}


def test_sensors_schedules_and_self_heal_all_ask_it() -> None:
    folder = Path(nba_pipeline.automation.__file__).parent
    asking = {path.name for path in folder.glob("*.py") if "reconcile" in calls_of(path)}
    assert asking == {"phase_sensors.py", "schedules.py", "self_heal.py"}
