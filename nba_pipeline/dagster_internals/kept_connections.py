"""Connections to SQLite files that are kept from one statement to the next, a bounded number of them a process."""

import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import sqlalchemy as sql
from sqlalchemy.event import listen
from sqlalchemy.pool import QueuePool

BUSY_SECONDS = 30
"""How long a write waits for that of another process; Dagster's event log waits as long."""

INHERITED: list[object] = []
"""Connections of the process that this one was forked from, which are never closed here.

SQLite forbids to use or close what a fork took along: closing the last connection removes the log that others write.
"""


@dataclass(frozen=True)
class KeptEngine:
    """An engine whose pool keeps its connection, and the file that this is open on."""

    engine: sql.Engine
    file: tuple[int, int]


class KeptConnections:
    """Engines by the file of their database, of which those that were used longest ago are closed beyond a limit.

    An engine may be used by several threads. It is asked for anew before each use: of a file that was removed or
    replaced meanwhile the connection would write to nowhere.
    """

    def __init__(self, limit: int, *, synchronous: str) -> None:
        self._limit, self._synchronous = limit, synchronous
        self._kept: OrderedDict[Path, KeptEngine] = OrderedDict()
        self._process, self._lock = os.getpid(), Lock()

    def engine(self, path: Path) -> sql.Engine | None:
        """The engine that is kept for a file; None when none is, or the file is not the one that it is open on."""
        self._leave_those_of_another_process()
        with self._lock:
            kept = self._kept.get(path)
            if kept is None:
                return None
            if kept.file == _identity(path):
                self._kept.move_to_end(path)
                return kept.engine
            del self._kept[path]
        kept.engine.dispose()
        return None

    def opened(self, path: Path) -> sql.Engine:
        """A new engine for a file, which is kept from now on."""
        self._leave_those_of_another_process()
        engine = sql.create_engine(
            f"sqlite:///{path}",
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=-1,
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        )
        listen(engine, "connect", self._set_up)
        with engine.connect():
            identity = _identity(path)
        too_many: list[KeptEngine] = []
        with self._lock:
            if path in self._kept:
                too_many.append(self._kept.pop(path))
            if identity is not None:
                self._kept[path] = KeptEngine(engine, identity)
            while len(self._kept) > self._limit:
                too_many.append(self._kept.popitem(last=False)[1])
        for kept in too_many:
            kept.engine.dispose()
        return engine

    def close(self) -> None:
        """Closes all connections; SQLite writes what is in the log of the last one into the file."""
        self._leave_those_of_another_process()
        with self._lock:
            kept, self._kept = [*self._kept.values()], OrderedDict()
        for each in kept:
            each.engine.dispose()

    def __len__(self) -> int:
        """How many files are open."""
        return len(self._kept)

    def _set_up(self, connection: Any, _: object) -> None:
        connection.execute(f"PRAGMA synchronous={self._synchronous}")

    def _leave_those_of_another_process(self) -> None:
        if self._process != os.getpid():
            INHERITED.append(self._kept)
            self._kept, self._process, self._lock = OrderedDict(), os.getpid(), Lock()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
