"""Whether tests go through the places that the register names them for: a plugin of pytest, for a person who asks.

    pytest -n 0 -p nba_pipeline_tests.passed_through nba_pipeline_tests/test_gates.py

At the end it lists the places of which named tests ran, and none of them went through a line of the place. What a test
does in another process is not seen. Every call is traced, so that the tests take about twice as long.
"""

import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

import pytest

from nba_pipeline_tests.refusals import sites
from nba_pipeline_tests.ways_out import WAYS_OUT

Trace = Callable[[FrameType, str, Any], Any]


class PassedThrough:
    """What ran, and which places it went through."""

    def __init__(self) -> None:
        self.running: str | None = None
        self.ran: set[str] = set()
        self.seen: dict[str, set[str]] = defaultdict(set)
        self.places: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        for site in sites():
            self.places[str(site.file)][site.line].add(site.place)
        self.known: dict[CodeType, Trace | None] = {}

    def trace(self, frame: FrameType, event: str, argument: object) -> Trace | None:
        """Looks at the lines of code that holds a place, and at no other."""
        code = frame.f_code
        if code not in self.known:
            places = self.places.get(code.co_filename)
            holds = places and any(line in places for *_, line in code.co_lines() if line)
            self.known[code] = self._lines if holds else None
        return self.known[code]

    def _lines(self, frame: FrameType, event: str, argument: object) -> Trace:
        for place in self.places[frame.f_code.co_filename].get(frame.f_lineno, ()):
            if self.running:
                self.seen[place].add(self.running)
        return self._lines

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.running = item.nodeid.rpartition("::")[2].partition("[")[0]
        self.ran.add(self.running)
        result = yield
        self.running = None
        return result  # type: ignore[return-value]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        missed = {
            place: ran
            for place, way in WAYS_OUT.items()
            if (ran := self.ran & {*way.tests}) and not self.seen[place] & ran
        }
        asked = sum(bool(self.ran & {*way.tests}) for way in WAYS_OUT.values())
        terminalreporter.section(f"ways out: {asked - len(missed)} of {asked} places were gone through")
        for place, ran in sorted(missed.items()):
            by = sorted(self.seen[place])[:2]
            terminalreporter.line(f"{place}\n    not by {', '.join(sorted(ran))}; by {', '.join(by) or 'none'}")


def pytest_configure(config: pytest.Config) -> None:
    """Begins to trace."""
    found = PassedThrough()
    config.pluginmanager.register(found)
    threading.settrace(found.trace)
    sys.settrace(found.trace)
