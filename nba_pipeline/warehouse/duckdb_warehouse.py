"""The warehouse on DuckDB: one file, one writer at a time, no extension and no server."""

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import tenacity
from ibis.backends.duckdb import Backend
from ibis.common.exceptions import IbisError
from ibis.expr.operations import InMemoryTable, UnboundTable

from nba_pipeline.code_versions.translations import Translations
from nba_pipeline.contracts import StoredTable
from nba_pipeline.warehouse.cached_queries import CachedQueries, Statement
from nba_pipeline.warehouse.date_scope import OpenDates
from nba_pipeline.warehouse.duckdb_files import STORAGE_VERSION, FileInUseError, in_memory, literal, opened
from nba_pipeline.warehouse.errors import QueryError, WarehouseBusyError, WarehouseError
from nba_pipeline.warehouse.interface import NO_READS, Query, QueryFunction, Replacement, Session
from nba_pipeline.warehouse.schema_changes import columns_to_add, rows_lacking

DATES = """
CREATE TEMP MACRO in_scope(game_date) AS list_contains(getvariable('date_scope'), game_date);
CREATE TEMP MACRO in_window(game_date, name) AS
    game_date BETWEEN getvariable('date_windows')[name][1] AND getvariable('date_windows')[name][2];
"""

INTERRUPT_EVERY_SECONDS = 0.05

# Merging selects takes about half of the translation of a wide query: see benchmarks/translation.py.
ibis.options.sql.fuse_selects = False


class DuckDBSession:
    """A session on an open DuckDB connection."""

    def __init__(self, backend: Backend, translations: Translations | None = None) -> None:
        self._backend = backend
        self._cached = CachedQueries(("duckdb",), translations)
        self._read_lacking = False
        self._connection: duckdb.DuckDBPyConnection = backend.con
        self._ends_at: float | None = None
        self._scope: list[date] | None = None
        self._windows: Mapping[str, tuple[date, date]] = NO_READS
        self._connection.execute(DATES)
        columns = self._connection.execute(
            "SELECT schema_name || '.' || table_name, list(column_name) FROM duckdb_columns() "
            "WHERE NOT internal AND database_name = current_database() GROUP BY ALL"
        ).fetchall()
        self._existing: dict[str, frozenset[str]] = {name: frozenset(found) for name, found in columns}

    def read(self, table: StoredTable) -> ibis.Table:
        """The published rows of a table; empty when nothing was ever published."""
        if not self.exists(table):
            return ibis.memtable(table.schema.to_pyarrow().empty_table())
        lacking = rows_lacking(table, self._existing[table.name])
        self._read_lacking = self._read_lacking or lacking is not None
        return table.unbound() if lacking is None else lacking

    def exists(self, table: StoredTable) -> bool:
        """Whether the warehouse has the table at all."""
        return table.name in self._existing

    def query(
        self, query: Query, *, dates: Sequence[date] | None = None, reads: Mapping[str, tuple[date, date]] = NO_READS
    ) -> pa.Table:
        """The rows of a query; one that holds rows itself is translated every time."""
        statement = self._prepared(query, dates, reads)
        with self._asked():
            if not isinstance(statement, Statement):
                return self._backend.to_pyarrow(statement)
            rows = self._connection.execute(statement.text).to_arrow_table()
        names = statement.schema.names
        if {*rows.column_names} != {*names}:
            raise QueryError(f"a query gave the columns {', '.join(rows.column_names)}, not {', '.join(names)}")
        # A column that a contract gains in its middle stands last in the table.
        return rows.select(names)

    def stage(
        self,
        name: str,
        rows: Query | pa.Table,
        *,
        dates: Sequence[date] | None = None,
        reads: Mapping[str, tuple[date, date]] = NO_READS,
    ) -> ibis.Table:
        """Computes rows into a temporary table that only this session sees, and returns it."""
        statement = self._prepared(ibis.memtable(rows) if isinstance(rows, pa.Table) else rows, dates, reads)
        with self._asked():
            if not isinstance(statement, Statement):
                self._backend.create_table(name, statement, temp=True, overwrite=True)
                return ibis.table(statement.schema(), name=name)
            kinds = ((column, self._kind(dtype)) for column, dtype in statement.schema.items())
            columns = ", ".join(f"{_quote(column)} {kind}" for column, kind in kinds)
            self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {_quote(name)} ({columns})")
            self._connection.execute(f"INSERT INTO {_quote(name)} BY NAME {statement.text}")
        return ibis.table(statement.schema, name=name)

    def _kind(self, dtype: ibis.DataType) -> str:
        """The type of a column as DuckDB writes it."""
        return self._backend.compiler.type_mapper.to_string(dtype)

    def _prepared(
        self, query: Query, dates: Sequence[date] | None, reads: Mapping[str, tuple[date, date]]
    ) -> Statement | ibis.Table:
        """A query as it is run, once DuckDB has the dates that it leaves open."""
        statement = self._translated(query) if callable(query) else query
        open_dates = statement.dates if isinstance(statement, Statement) else OpenDates.of(statement)
        open_dates.require(dates, reads)
        self._set_dates(open_dates, list(dates or ()), dict(reads))
        return statement

    def _translated(self, query: QueryFunction) -> Statement | ibis.Table:
        """A query function as a statement; as an expression when it holds rows, as one of a table not there does."""
        known = self._cached.find(query, self._existing.get)
        if known is not None:
            return known
        self._read_lacking = False
        expression = query(self.read)
        operation = expression.op()
        if operation.find(InMemoryTable):
            return expression
        with self._asked():
            text = self._backend.compile(expression)
        found = {f"{table.namespace.database}.{table.name}": table.schema for table in operation.find(UnboundTable)}
        tables = {name: frozenset(schema.names) for name, schema in found.items() if name in self._existing}
        statement = Statement(text, expression.schema(), OpenDates.of(expression), tables)
        if not self._read_lacking:
            self._cached.keep(query, statement)
        return statement

    def _set_dates(self, open_dates: OpenDates, scope: list[date], windows: Mapping[str, tuple[date, date]]) -> None:
        """Sets the variables that `in_scope` and `in_window` look at, where they are others.

        DuckDB folds them into the plan as constants. Which ones it has after an error is unknown: they are set anew.
        """
        with self._asked():
            if open_dates.scope and scope != self._scope:
                self._scope = None
                self._connection.execute("SET VARIABLE date_scope = ?::DATE[]", [scope])
                self._scope = scope
            if open_dates.windows and windows != self._windows:
                self._windows = NO_READS
                named = [list(windows), [list(window) for window in windows.values()]]
                self._connection.execute("SET VARIABLE date_windows = map(?::VARCHAR[], ?::DATE[][])", named)
                self._windows = windows

    @contextmanager
    def time_limit(self, seconds: float) -> Iterator[None]:
        """Ends whatever runs on the connection after so many seconds, and asks nothing more after them.

        Raises `QueryError` too when the work was done, but late.
        """
        done = threading.Event()
        watch = threading.Thread(target=self._interrupt_after, args=(seconds, done), daemon=True)
        self._ends_at = time.monotonic() + seconds
        watch.start()
        try:
            yield
            self._in_time()
        finally:
            done.set()
            watch.join()
            self._ends_at = None

    def _interrupt_after(self, seconds: float, done: threading.Event) -> None:
        """Interrupts again and again: DuckDB forgets an interrupt that falls between two queries."""
        over = done.wait(seconds)
        while not over:
            self._connection.interrupt()
            over = done.wait(INTERRUPT_EVERY_SECONDS)

    def _in_time(self, cause: Exception | None = None) -> None:
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            raise QueryError("the time limit is over") from cause

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Whatever keeps a question from being answered is a `QueryError`.

        Ibis raises `KeyError` when a table lacks a column of its contract and the question is for all of them.
        """
        self._in_time()
        try:
            yield
        except (duckdb.Error, IbisError, pa.ArrowException, KeyError) as error:
            self._in_time(error)
            raise QueryError(f"DuckDB could not answer a query: {error}") from error

    def append(self, table: StoredTable, rows: pa.Table) -> None:
        """Adds rows in one statement: all of them, or none."""
        self.stage("appended", rows)
        self._connection.execute(f"INSERT INTO {_quoted(table)} BY NAME SELECT * FROM appended")  # noqa: S608

    def ensure(self, table: StoredTable) -> None:
        """Creates the table, or adds the columns that its contract has gained."""
        if table.name not in self._existing:
            self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_quote(table.schema_name)}")
            self._backend.create_table(table.short_name, schema=table.schema, database=table.schema_name)
            self._existing[table.name] = frozenset(table.schema.names)
            return
        existing = dict(self._backend.get_schema(table.short_name, database=table.schema_name).items())
        wanted = dict(table.schema.items())
        for name in columns_to_add(table, existing, wanted):
            self._connection.execute(
                f"ALTER TABLE {_quoted(table)} ADD COLUMN {_quote(name)} {self._kind(wanted[name])}"
            )
        self._existing[table.name] = frozenset(existing) | frozenset(wanted)

    def replace(self, changes: Sequence[Replacement]) -> None:
        """Replaces partitions of several tables in one transaction: all of it, or nothing."""
        staged = [
            (change, self.stage(f"replacement_{n}", change.rows), f"replacement_{n}")
            for n, change in enumerate(changes)
        ]
        self._connection.execute("BEGIN TRANSACTION")
        try:
            for change, _, name in staged:
                self._replace_one(change, name)
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise

    def _replace_one(self, change: Replacement, staged: str) -> None:
        target = _quoted(change.table)
        condition = "game_date IN (SELECT unnest(?::DATE[]))"
        parameters: list[Any] = [change.dates]
        for column, value in change.where.items():
            condition += f" AND {_quote(column)} = ?"
            parameters.append(value)
        self._connection.execute(f"DELETE FROM {target} WHERE {condition}", parameters)  # noqa: S608
        self._connection.execute(f"INSERT INTO {target} BY NAME SELECT * FROM {_quote(staged)}")  # noqa: S608
        found = self._count(f"SELECT count(*) FROM {target} WHERE {condition}", parameters)  # noqa: S608
        expected = self._count(f"SELECT count(*) FROM {_quote(staged)}", [])  # noqa: S608
        if found != expected:
            raise WarehouseError(
                f"{change.table.name}: {expected} rows were staged but {found} stand in the partitions "
                f"{_span(change.dates)} after writing; nothing was published. This is a defect of the pipeline."
            )

    def _count(self, statement: str, parameters: list[Any]) -> int:
        row = self._connection.execute(statement, parameters).fetchone()
        return int(row[0]) if row else 0


class DuckDBWarehouse:
    """Tables in one DuckDB file, which many processes use in turn.

    DuckDB lets one process write at a time. A step that finds the file taken waits for its turn, up to
    `lock_wait_seconds`, so that concurrent runs are slow rather than failed.
    """

    def __init__(self, path: Path, lock_wait_seconds: float = 600, translations: Translations | None = None) -> None:
        self.path = path
        self.lock_wait_seconds = lock_wait_seconds
        self._translations = translations

    @property
    def description(self) -> str:
        """The path of the DuckDB file."""
        return str(self.path)

    @property
    def exists(self) -> bool:
        """Whether the file is there."""
        return self.path.exists()

    def charge(self, run_id: str) -> None:
        """Nobody bills for a file."""

    def cost(self) -> Mapping[str, float]:
        """Nothing: nobody bills for a file."""
        return {}

    @contextmanager
    def session(self, *, read_only: bool = False, wait_seconds: float | None = None) -> Iterator[Session]:
        """A session on the file; read-only ones share it, a writing one has it alone."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        nothing_there = read_only and not self.path.exists()
        wait = self.lock_wait_seconds if wait_seconds is None else wait_seconds
        with in_memory() if nothing_there else self._opened(read_only, wait) as connection:
            yield DuckDBSession(Backend.from_connection(connection), self._translations)

    @contextmanager
    def copied(self, path: Path, starts: Callable[[str, int], Callable[[int], None]]) -> Iterator[dict[str, int]]:
        """Copies every table into a new file, and lets nobody write before the block is left.

        Gives the rows by table. Raises `WarehouseError` when the new file does not have all of them.
        """
        with self._opened(read_only=True, wait_seconds=self.lock_wait_seconds) as connection:
            yield _copied(connection, path, starts)

    @contextmanager
    def _opened(self, read_only: bool, wait_seconds: float) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to the file, once nobody has it locked."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_lock_conflict),
            wait=tenacity.wait_random(0.02, 0.3),
            stop=tenacity.stop_after_delay(wait_seconds),
            reraise=True,
        )
        with ExitStack() as file:
            try:
                connection = retrying(lambda: file.enter_context(opened(self.path, read_only=read_only)))
            except duckdb.Error as error:
                raise self._not_opened(error, wait_seconds) from error
            yield connection

    def _not_opened(self, error: duckdb.Error, wait_seconds: float) -> WarehouseError:
        """Why the file could not be opened, and what to do."""
        if not _is_lock_conflict(error):
            return WarehouseError(
                f"{self.path} cannot be opened as a DuckDB database: {error}. If the file is damaged, move "
                "it away and backfill again: the landing holds every response."
            )
        holder = re.search(r"\(PID (\d+)\)", str(error))
        by = f"process {holder.group(1)}" if holder else f"this process ({error})"
        return WarehouseBusyError(
            f"{self.path} was locked for more than {wait_seconds:g} s by {by}. Close that connection "
            "(an open DuckDB shell?) or raise NBA_PIPELINE_LOCK_WAIT_SECONDS, then run again."
        )


def _copied(
    connection: duckdb.DuckDBPyConnection, path: Path, starts: Callable[[str, int], Callable[[int], None]]
) -> dict[str, int]:
    """Copies what a connection is open on, table by table; each with what it promises of its columns."""
    (here,) = connection.execute("SELECT current_database()").fetchall()[0]
    listed = "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal AND database_name = ? ORDER BY ALL"
    tables = connection.execute(listed, [here]).fetchall()
    advance, rows = starts("tables", len(tables)), {}
    try:
        connection.execute(f"ATTACH {literal(str(path))} AS new_file (READ_WRITE, STORAGE_VERSION '{STORAGE_VERSION}')")
        try:
            connection.execute(f"COPY FROM DATABASE {_quote(here)} TO new_file (SCHEMA)")
            for schema, name in tables:
                rows[f"{schema}.{name}"] = _copied_table(connection, here, f"{_quote(schema)}.{_quote(name)}", path)
                advance(1)
        finally:
            connection.execute("DETACH new_file")
    except duckdb.Error as error:
        raise WarehouseError(f"the tables could not be copied to {path}: {error}") from error
    return rows


def _copied_table(connection: duckdb.DuckDBPyConnection, here: str, place: str, path: Path) -> int:
    """Copies the rows of a table; returns how many."""
    connection.execute(f"INSERT INTO new_file.{place} FROM {_quote(here)}.{place}")
    both = f"SELECT (SELECT count(*) FROM {_quote(here)}.{place}), (SELECT count(*) FROM new_file.{place})"  # noqa: S608
    sent, arrived = connection.execute(both).fetchall()[0]
    if sent != arrived:
        raise WarehouseError(f"{sent} rows of {place} were copied to {path} and {arrived} stand there")
    return arrived


def _is_lock_conflict(error: BaseException) -> bool:
    """Whether another process has the file locked, or another part of this one has it open."""
    said = ("Could not set lock on file", "different configuration", "Unique file handle conflict")
    return isinstance(error, FileInUseError) or (
        isinstance(error, duckdb.Error) and any(words in str(error) for words in said)
    )


def _quote(identifier: str) -> str:
    escaped = identifier.replace('"', '""')
    return f'"{escaped}"'


def _quoted(table: StoredTable) -> str:
    return f"{_quote(table.schema_name)}.{_quote(table.short_name)}"


def _span(dates: Sequence[date]) -> str:
    return f"{min(dates)} to {max(dates)}"
