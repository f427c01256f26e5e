"""Whether tests go through the places that the register names them for: a plugin of pytest, for a person who asks.

    pytest -n auto -p nba_pipeline_tests.support.passed_through

At the end it lists the places of which named tests ran, and none of them went through a line of the place. What a test
does in another process is not seen. The package is imported with a note before each statement that holds a place, so
this module imports nothing of it before that.
"""

import ast
import builtins
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

NOTE = "_passed_through"

ASKED = """
import json
from nba_pipeline_tests.support.refusals import sites
from nba_pipeline_tests.support.ways_out import WAYS_OUT
print(json.dumps([[[str(s.file), s.line, s.place] for s in sites()], {p: way.tests for p, way in WAYS_OUT.items()}]))
"""


class Noting(ast.NodeTransformer):
    """Puts a note before each statement that holds a place: the innermost one."""

    def __init__(self, places: Mapping[int, Sequence[str]]) -> None:
        self.places = places

    def visit(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and not isinstance(node, ast.Module | ast.ClassDef):
                setattr(node, name, [part for statement in block for part in self._noted(statement)])
        return node

    def _noted(self, statement: ast.stmt) -> Iterator[ast.stmt]:
        last = statement.end_lineno or statement.lineno
        inner = [part for part in ast.walk(statement) if isinstance(part, ast.stmt) and part is not statement]
        own = {*range(statement.lineno, last + 1)} - {
            line for part in inner for line in range(part.lineno, (part.end_lineno or part.lineno) + 1)
        }
        for place in {place for line in own for place in self.places.get(line, ())}:
            yield ast.copy_location(ast.parse(f"{NOTE}({place!r})").body[0], statement)
        yield statement


class NotingLoader(SourceFileLoader):
    """Compiles a module with its notes, and keeps no compiled file of it."""

    places: Mapping[int, Sequence[str]] = {}

    def get_code(self, fullname: str) -> CodeType:
        source = self.get_data(self.path)
        tree = ast.parse(source)
        Noting(self.places).visit(tree)
        return compile(ast.fix_missing_locations(tree), self.path, "exec", dont_inherit=True)


class PassedThrough(MetaPathFinder):
    """What ran, and which places it went through."""

    def __init__(self) -> None:
        asked = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=True)
        sites, self.tests = json.loads(asked.stdout)
        self.running: str | None = None
        self.ran: set[str] = set()
        self.seen: dict[str, set[str]] = defaultdict(set)
        self.places: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
        for file, line, place in sites:
            self.places[file][line].append(place)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path) if fullname.partition(".")[0] == "nba_pipeline" else None
        if spec is None or spec.origin is None or not (places := self.places.get(str(Path(spec.origin).resolve()))):
            return None
        spec.loader = NotingLoader(fullname, spec.origin)
        spec.loader.places = places
        return spec

    def note(self, place: str) -> None:
        if self.running:
            self.seen[place].add(self.running)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.running = item.nodeid.rpartition("::")[2].partition("[")[0]
        self.ran.add(self.running)
        result = yield
        self.running = None
        return result  # type: ignore[return-value]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if (output := getattr(session.config, "workeroutput", None)) is not None:
            output[NOTE] = [sorted(self.ran), {place: sorted(by) for place, by in self.seen.items()}]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        ran, seen = getattr(node, "workeroutput", {}).get(NOTE, ([], {}))
        self.ran |= {*ran}
        for place, by in seen.items():
            self.seen[place] |= {*by}

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        asked = {place: ran for place, tests in self.tests.items() if (ran := self.ran & {*tests})}
        missed = {place: ran for place, ran in asked.items() if not self.seen[place] & ran}
        terminalreporter.section(f"ways out: {len(asked) - len(missed)} of {len(asked)} places were gone through")
        for place, ran in sorted(missed.items()):
            by = sorted(self.seen[place])[:2]
            terminalreporter.line(f"{place}\n    not by {', '.join(sorted(ran))}; by {', '.join(by) or 'none'}")


FOUND = PassedThrough()
setattr(builtins, NOTE, FOUND.note)
sys.meta_path.insert(0, FOUND)


def pytest_configure(config: pytest.Config) -> None:
    """Registers what is noted."""
    config.pluginmanager.register(FOUND)
