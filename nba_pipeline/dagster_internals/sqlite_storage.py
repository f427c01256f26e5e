"""Dagster's SQLite storages with connections that are kept, for an instance whose dagster.yaml names `Instance`.

Dagster opens a database anew for every statement: it makes an engine, compiles the statement, and waits for the disk at
each commit. The databases and all that is read from them stay as they are, and a home may be opened by either.

What a loss of power may take are the last events of runs that are under way. On the disk is, before anything goes on:

- an event that anchors the ledger (`ANCHOR`);
- all events of a run, before the run is noted to have ended;
- all events, before the cursor of a sensor that has seen them is stored.
"""

import json
import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sql
from dagster import DagsterInstance, EventLogEntry

# The storages of an instance are chosen in dagster.yaml by classes, and their base classes are Dagster's own matter.
from dagster._core.instance.ref import InstanceRef

# Which state a sensor or schedule has, its cursor included, as the daemon stores it.
from dagster._core.scheduler.instigation import InstigatorState

# The event log in files; its one method `_connect` opens them, and its watcher says when a run has new events.
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage, SqliteEventLogStorageWatchdog

# The runs, in one file.
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage

# Cursors and ticks, in one file.
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage

# The three of them, below the folder of the instance.
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

# How an instance notes its storage's class, for itself and for the processes that it starts.
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError
from watchdog.events import FileSystemEvent
from watchdog.observers import Observer

from nba_pipeline.dagster_internals.kept_connections import KeptConnections

ANCHOR = "chain_head"
"""In the metadata of a materialization: it anchors the chain of the ledger, and is on the disk before its step ends."""

INDEX = "index"
"""The file of the event log that has the events of all runs that are about assets, checks and the runs' ends."""

OPEN_RUNS = 16
"""Files of runs that a process keeps open: as many as run at a time, and some that are looked at."""

ENDS = {dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_CANCELED}


class EventLogStorage(SqliteEventLogStorage):
    """The event log: its index is kept open, and so are the files of the last runs."""

    def __init__(self, base_dir: str) -> None:
        self._index = KeptConnections(1, synchronous="NORMAL")
        self._runs = KeptConnections(OPEN_RUNS, synchronous="NORMAL")
        self._columns: set[str] = set()
        self._locked_by = os.getpid()
        super().__init__(base_dir)

    def path(self, shard: str) -> Path:
        """The file of a run, or of the index."""
        return Path(self.path_for_shard(shard))

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        if self._locked_by != os.getpid():
            # A thread of the process that this one was forked from may have held the lock.
            self._db_lock, self._locked_by = threading.Lock(), os.getpid()
        with self._db_lock, self._engine(shard).connect() as connection, connection.begin():
            yield connection

    def _engine(self, shard: str) -> Engine:
        kept, path = self._index if shard == INDEX else self._runs, self.path(shard)
        engine = kept.engine(path)
        if engine is None:
            if not path.exists():
                _put(_new_shard(), path)
            engine = kept.opened(path)
            if not _is_stamped(engine):
                self._initdb(engine, for_index_shard=shard == INDEX)
        return engine

    def store_event(self, event: EventLogEntry) -> None:
        """Stores an event; one that has to be on the disk before anything goes on is, with all that were before it."""
        super().store_event(event)
        if _must_be_on_the_disk(event):
            self.sync(event.run_id)

    def sync(self, *shards: str) -> None:
        """Has all that was stored in the index, and in files of runs, on the disk: also what other processes stored."""
        for shard in (*shards, INDEX):
            # SQLite has no locks on this file. Closing a file that it has locks on would give them up.
            log = Path(f"{self.path(shard)}-wal")
            with suppress(FileNotFoundError):
                _sync(log)
        _sync(Path(self._base_dir))

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        # Asked for every materialization, by a look at the whole table; a column does not go away.
        if column_name in self._columns:
            return True
        found = super()._has_asset_key_col_on_connection(conn, column_name)
        if found:
            self._columns.add(column_name)
        return found

    def watch(self, run_id: str, cursor: str | None, callback: Any) -> None:
        """Calls back for new events of a run, which show in the log of its file first."""
        if not self._obs:
            self._obs = Observer()
            self._obs.start()
        watchdog = Watchdog(self, run_id, callback, cursor)
        self._watchers[run_id][callback] = (watchdog, self._obs.schedule(watchdog, self._base_dir, recursive=True))

    def wipe(self) -> None:
        """Removes all events."""
        self._runs.close()
        super().wipe()

    def dispose(self) -> None:
        """Ends what watches and closes the files."""
        super().dispose()
        self._index.close()
        self._runs.close()


class Watchdog(SqliteEventLogStorageWatchdog):
    """What says that a run has new events: its file, or the log beside it, was written."""

    def __init__(self, storage: EventLogStorage, run_id: str, callback: Any, cursor: str | None) -> None:
        super().__init__(storage, run_id, callback, cursor)
        self._patterns = [self._log_path, f"{self._log_path}-wal"]

    def on_modified(self, event: FileSystemEvent) -> None:
        """Reads the new events."""
        self._process_log()


class _KeptOpen:
    """A storage whose file is kept open, and whose every commit is on the disk before anything goes on."""

    _conn_string: str

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._open = KeptConnections(1, synchronous="FULL")
        super().__init__(conn_string, inst_data)  # pyright: ignore[reportCallIssue]

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A transaction on the kept connection."""
        path = Path(self._conn_string.removeprefix("sqlite:///"))
        with (self._open.engine(path) or self._open.opened(path)).connect() as connection, connection.begin():
            yield connection

    def dispose(self) -> None:
        """Closes the file."""
        self._open.close()


class RunStorage(_KeptOpen, SqliteRunStorage):
    """The runs."""


class ScheduleStorage(_KeptOpen, SqliteScheduleStorage):
    """Cursors and ticks."""


class Storage(DagsterSqliteStorage):
    """The three storages of an instance, in the files that Dagster has them in."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        run_storage, event_log, schedules = self._run_storage, self._event_log_storage, self._schedule_storage
        # Dagster's own have made what was not there yet.
        self._run_storage = RunStorage(run_storage._conn_string)
        self._event_log_storage = EventLogStorage(event_log._base_dir)
        self._schedule_storage = ScheduleStorage(schedules._conn_string)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> "Storage":
        """The storages below the folder that the configuration names."""
        return cls.from_local(inst_data=inst_data, **config_value)


class Instance(DagsterInstance):
    """Dagster's instance with these storages, where its dagster.yaml names none itself.

    A storage that dagster.yaml names has to be told its folder there, and a home could not be moved. The class of an
    instance is told it by Dagster.
    """

    @classmethod
    def config_schema(cls) -> Mapping[str, Any]:
        """Nothing is configured beyond what Dagster does."""
        return {}

    @classmethod
    def config_defaults(cls, base_dir: str) -> Mapping[str, ConfigurableClassData | None]:
        """What an instance has whose dagster.yaml says nothing else."""
        config = json.dumps({"base_dir": base_dir})
        return {**InstanceRef.config_defaults(base_dir), "storage": ConfigurableClassData(__name__, "Storage", config)}

    def update_instigator_state(self, state: InstigatorState) -> InstigatorState:
        """Stores a cursor: behind no event that a loss of power could take."""
        if isinstance(self.event_log_storage, EventLogStorage):
            self.event_log_storage.sync()
        return super().update_instigator_state(state)


def _must_be_on_the_disk(event: EventLogEntry) -> bool:
    said = event.dagster_event
    if said is None:
        return False
    if said.is_step_materialization:
        return ANCHOR in said.step_materialization_data.materialization.metadata
    return said.event_type in ENDS


def _is_stamped(engine: Engine) -> bool:
    """Whether a file has its tables, by the mark that Dagster sets when it has made them all."""
    with engine.connect() as connection:
        try:
            return connection.execute(sql.text("SELECT count(*) FROM alembic_version")).scalar_one() > 0
        except OperationalError as error:
            if "no such table" not in str(error):
                raise
            return False


@cache
def _new_shard() -> bytes:
    """The file of a run without events, as Dagster makes it: making one takes 50 times as long as writing it."""
    with tempfile.TemporaryDirectory() as folder:
        made = SqliteEventLogStorage(folder)
        with made.run_connection("new"):
            pass
        path = Path(folder) / "new.db"
        # Closing the last connection puts all into the file.
        sqlite3.connect(path).close()
        return path.read_bytes()


def _put(content: bytes, path: Path) -> None:
    """Puts a file into its place, whole and on the disk, unless another process did meanwhile."""
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
