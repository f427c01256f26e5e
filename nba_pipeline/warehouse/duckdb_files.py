"""DuckDB files that a process opens and closes in turn, without starting DuckDB anew each time.

Starting an instance of DuckDB takes longer than opening a file in one that runs: its functions are registered and its
threads are started. So an instance outlives the files that are attached to it; a file is locked while it is attached
and no longer.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

ATTACHED = "warehouse"
"""The name of the attached file within its instance."""

STORAGE_VERSION = "v1.2.0"
"""The format of the file, which DuckDB 1.2 and later read: `benchmarks/sessions.py` has how much faster it opens.

Without it DuckDB writes what 0.10 reads as well, and takes three times as long to open a file of a thousand columns.
"""

DESCRIPTORS = Path("/dev/fd")
"""Where Linux and macOS list what a process has open."""


@dataclass
class _Open:
    """A file that is attached to an instance, and how many sessions use it."""

    instance: duckdb.DuckDBPyConnection
    read_only: bool
    sessions: int = 0


class FileInUseError(duckdb.Error):
    """This process has the file open in the other way; who waits finds it free."""


_lock = threading.Lock()
_open: dict[Path, _Open] = {}
_idle: list[duckdb.DuckDBPyConnection] = []
_of_parent: list[object] = []
"""Instances of the process that this one was forked from: their threads are not here, so they are left alone."""


@contextmanager
def opened(path: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a DuckDB file, which is made if it is not there and is opened to be written.

    Sessions that open it in the same way share it. Raises `duckdb.Error` where the file is locked or damaged.
    """
    path = path.absolute()
    instance = _instance_of(path, read_only)
    if instance is None:
        # In a notebook somebody has opened it with DuckDB itself. Its lock is the process's, and would end with ours.
        with duckdb.connect(str(path), read_only=read_only) as shared:
            yield shared
        return
    try:
        with instance.cursor() as connection:
            connection.execute(f"USE {ATTACHED}")
            yield connection
    finally:
        _leave(path)


@contextmanager
def in_memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a running instance without any file."""
    with _lock:
        instance = _idle.pop() if _idle else duckdb.connect(":memory:")
    connection = instance.cursor()
    try:
        yield connection
    finally:
        connection.close()
        with _lock:
            _keep(instance)


def _instance_of(path: Path, read_only: bool) -> duckdb.DuckDBPyConnection | None:
    """The instance to which the file is attached, for one session more; None where another one has it open."""
    with _lock:
        found = _open.get(path)
        if found is None and _is_open_in_this_process(path):
            return None
        if found is None:
            found = _open[path] = _Open(_attached(path, read_only), read_only)
        elif found.read_only != read_only:
            raise FileInUseError(f"this process has {path} open to {'read' if found.read_only else 'write'}")
        found.sessions += 1
    return found.instance


def _is_open_in_this_process(path: Path) -> bool:
    """Whether a descriptor of this process leads to the file."""
    if not path.exists() or not DESCRIPTORS.exists():
        return False
    here = path.stat()
    for descriptor in DESCRIPTORS.iterdir():
        try:
            there = os.fstat(int(descriptor.name))
        except OSError:
            # That of the listing itself is closed by now.
            continue
        if (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino):
            return True
    return False


def _attached(path: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    """An instance to which the file is attached; what it spills, it spills beside the file."""
    instance = _idle.pop() if _idle else duckdb.connect(":memory:")
    try:
        instance.execute(f"SET temp_directory = {literal(f'{path}.tmp')}")
    except duckdb.Error:
        # An instance that has spilled cannot be told to spill elsewhere.
        instance.close()
        instance = duckdb.connect(":memory:")
        instance.execute(f"SET temp_directory = {literal(f'{path}.tmp')}")
    try:
        _attach(instance, path, read_only)
    except duckdb.IOException:
        # Somebody has it locked: the instance is as good as it was.
        _keep(instance)
        raise
    except BaseException:
        instance.close()
        raise
    return instance


def _attach(instance: duckdb.DuckDBPyConnection, path: Path, read_only: bool) -> None:
    """Attaches the file; a write brings one of an older format to ours, and a newer one stays as it is."""
    attach = f"ATTACH {literal(str(path))} AS {ATTACHED}"
    if read_only:
        instance.execute(f"{attach} (READ_ONLY)")
        return
    try:
        instance.execute(f"{attach} (READ_WRITE, STORAGE_VERSION '{STORAGE_VERSION}')")
    except duckdb.InvalidInputException:
        instance.execute(f"{attach} (READ_WRITE)")


def _leave(path: Path) -> None:
    with _lock:
        found = _open[path]
        found.sessions -= 1
        if found.sessions:
            return
        del _open[path]
        try:
            found.instance.execute(f"DETACH {ATTACHED}")
        except BaseException:
            # Closing the instance gives the file back whatever is wrong with it.
            found.instance.close()
            raise
        _keep(found.instance)


def _keep(instance: duckdb.DuckDBPyConnection) -> None:
    """Keeps one instance for the next file; two files at once are rare."""
    if _idle:
        instance.close()
    else:
        _idle.append(instance)


def literal(text: str) -> str:
    """A text as SQL writes it, where no parameter can stand."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def _begin_anew() -> None:
    """In a forked process: nothing of the parent's is used, and its lock, which a thread may hold, is a new one."""
    global _lock
    _of_parent.extend((*_idle, *_open.values()))
    _idle.clear()
    _open.clear()
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_begin_anew)
