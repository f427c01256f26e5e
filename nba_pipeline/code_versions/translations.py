"""What is worked out of the code once is kept: translated queries, and the versions of tables.

Translating takes longer than running. What is kept lies under a hash of this package's sources and of the libraries
that translate, so that other code never finds it; a process whose sources have changed under it keeps its own hash.
"""

import enum
import functools
import hashlib
import json
import logging
import os
import shutil
import sys
import threading
from collections.abc import Callable, Hashable
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nba_pipeline.code_versions.python_meaning import DECIDING_LIBRARIES
from nba_pipeline.contracts import StoredTable

PACKAGE = __name__.split(".", maxsplit=1)[0]
FOLDER = Path(__file__).parents[1]

LIBRARIES = ("ibis-framework", "sqlglot", *DECIDING_LIBRARIES)
"""Libraries whose versions decide what is worked out of the sources."""

KEPT_SOURCES = 3
"""Of so many states of the sources what was worked out is kept; of older ones it is thrown away."""


def sources_now() -> str:
    """SHA-256 over the sources as they lie on the disk now, and over the versions of the libraries that decide."""
    digest = hashlib.sha256(repr([(name, version(name)) for name in LIBRARIES]).encode())
    digest.update(repr(sys.version_info[:2]).encode())
    for path in sorted(FOLDER.rglob("*.py")):
        digest.update(f"{path.relative_to(FOLDER)}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


SOURCES = sources_now()
"""The same as this process read them."""


def sources_have_changed() -> bool:
    """Whether this process runs code that is not on the disk any more."""
    return sources_now() != SOURCES


class Translations:
    """A folder of what was worked out of the sources of this process, one JSON file each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / SOURCES[:16]

    def get(self, name: str) -> dict[str, Any] | None:
        """What is kept under a name; None when nothing is that can be read."""
        try:
            return json.loads(self._path(name).read_text())
        except (OSError, json.JSONDecodeError):
            return None

    def put(self, name: str, content: dict[str, Any]) -> None:
        """Keeps something under a name: a file that holds all of it, or does not exist.

        What cannot be kept is worked out again by the next process: the log says why, and the work goes on.
        """
        path = self._path(name)
        unfinished = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        try:
            if not self.folder.exists():
                self.folder.mkdir(parents=True, exist_ok=True)
                self._throw_away_old()
            unfinished.write_text(json.dumps(content))
            unfinished.replace(path)
        except OSError as error:
            logging.getLogger(__name__).warning("%s cannot be kept in %s: %s", name, self.folder, error)

    def once(self, name: str, work_out: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What is kept under a name, worked out if nothing is."""
        known = self.get(name)
        if known is None:
            known = work_out()
            self.put(name, known)
        return known

    def _path(self, name: str) -> Path:
        return self.folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"

    def _throw_away_old(self) -> None:
        found = sorted(self.folder.parent.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in found[KEPT_SOURCES:]:
            # Another process may throw it away at the same time.
            shutil.rmtree(old, ignore_errors=True)


def key_of(function: Callable[..., object]) -> tuple[Hashable, ...] | None:
    """A function, or a partial one with its arguments, as what can be looked up again in this process.

    None where it is, or is given, a function that stands in no module under its name: a lambda or a closure is made
    anew each time, and another one may say something else. The types of arguments tell 1 from True, which are equal.
    """
    whole = functools.partial(function)
    arguments = (*whole.args, *(value for _, value in sorted(whole.keywords.items())))
    if not all(_stands_in_its_module(part) for part in (whole.func, *arguments) if callable(part)):
        return None
    types = tuple(type(argument).__qualname__ for argument in arguments)
    return whole.func, tuple(sorted(whole.keywords)), arguments, types


def _stands_in_its_module(function: object) -> bool:
    module = sys.modules.get(getattr(function, "__module__", ""))
    return getattr(module, getattr(function, "__qualname__", ""), None) is function


def name_of(key: Hashable) -> str | None:
    """A key as text that means the same in every process with these sources; None for one that cannot have such.

    Contracts and functions are named where they are this package's own, and stand in their modules under the name:
    one that a test or a notebook made has no place in the sources.
    """
    if isinstance(key, StoredTable):
        place = _place_of(key)
        return f"table {place}" if place else None
    if isinstance(key, tuple):
        parts = [name_of(part) for part in key]
        return f"({', '.join(filter(None, parts))})" if all(parts) else None
    if isinstance(key, str | int | date | enum.Enum | None):
        return repr(key)
    module, name = getattr(key, "__module__", ""), getattr(key, "__qualname__", "")
    return f"function {module}.{name}" if module.startswith(f"{PACKAGE}.") and _stands_in_its_module(key) else None


_PLACES: dict[int, tuple[StoredTable, str]] = {}


def _place_of(table: StoredTable) -> str | None:
    """Where a contract stands in the sources: its module and its name there."""
    known = _PLACES.get(id(table))
    if known is not None and known[0] is table:
        return known[1]
    for module in [m for name, m in sys.modules.items() if name.startswith(f"{PACKAGE}.")]:
        for name, value in vars(module).items():
            if value is table:
                _PLACES[id(table)] = table, f"{module.__name__}.{name}"
                return _PLACES[id(table)][1]
    return None


@cache
def translations_at(folder: Path) -> Translations:
    """The translations kept in a folder, one object a process."""
    return Translations(folder)
