"""The warehouse on DuckDB: one file, one writer at a time, no extension and no server."""

import re
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import tenacity
from ibis.backends.duckdb import Backend
from ibis.common.exceptions import IbisError
from ibis.expr.operations import InMemoryTable, ScalarUDF, UnboundTable

from nba_pipeline.code_versions.translations import Translations, name_of
from nba_pipeline.contracts import Contract, Reader
from nba_pipeline.warehouse.asked import is_asked, is_read
from nba_pipeline.warehouse.duckdb_files import FileInUseError, in_memory, literal, opened
from nba_pipeline.warehouse.interface import (
    QueryError,
    Replacement,
    Session,
    WarehouseBusyError,
    WarehouseError,
)
from nba_pipeline.warehouse.schema_changes import columns_to_add, rows_lacking


@dataclass(frozen=True)
class OpenDates:
    """Whether a query leaves open which dates it is asked about, and of which inputs those that it may read."""

    asks: bool
    inputs: frozenset[str]

    @staticmethod
    def of(expression: ibis.Table) -> "OpenDates":
        """What an expression leaves open."""
        calls = expression.op().find(ScalarUDF)
        inputs = frozenset(call.args[1].value for call in calls if _calls(call, is_read))
        return OpenDates(any(_calls(call, is_asked) for call in calls), inputs)


@dataclass(frozen=True)
class Statement:
    """A built query as SQL, the schema of its rows, the tables that it reads, and the dates that it leaves open.

    `tables` has the columns that each table had when the query was built.
    """

    text: str
    schema: ibis.Schema
    tables: Mapping[str, frozenset[str]]
    dates: OpenDates

    def as_json(self) -> dict[str, Any]:
        """The statement as `Translations` keep it."""
        return {
            "text": self.text,
            "schema": {name: str(dtype) for name, dtype in self.schema.items()},
            "tables": {name: sorted(columns) for name, columns in self.tables.items()},
            "asks": self.dates.asks,
            "inputs": sorted(self.dates.inputs),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Statement":
        """The statement that was kept."""
        tables = {name: frozenset(columns) for name, columns in kept["tables"].items()}
        dates = OpenDates(kept["asks"], frozenset(kept["inputs"]))
        return cls(kept["text"], ibis.schema(kept["schema"]), tables, dates)


_TRANSLATED: dict[Hashable, Statement] = {}
"""Built queries by key: translating takes longer than running. Those that held rows themselves are not here."""

NOTHING: frozenset[str] = frozenset()

ASKING = """
CREATE TEMP MACRO is_asked(game_date) AS list_contains(getvariable('asked_dates'), game_date);
CREATE TEMP MACRO is_read(game_date, name) AS
    game_date BETWEEN getvariable('first_read')[name] AND getvariable('last_read')[name];
"""

INTERRUPT_EVERY_SECONDS = 0.05

# Merging selects takes about half of the translation of a wide query: see benchmarks/translation.py.
ibis.options.sql.fuse_selects = False


class DuckDBSession:
    """A session on an open DuckDB connection."""

    def __init__(self, backend: Backend, translations: Translations | None = None) -> None:
        self._backend = backend
        self._translations = translations
        self._read_lacking = False
        self._connection: duckdb.DuckDBPyConnection = backend.con
        self._ends_at: float | None = None
        self._was_asked = False
        self._bounds: Mapping[str, tuple[date, date]] = {}
        self._connection.execute(ASKING)
        columns = self._connection.execute(
            "SELECT schema_name || '.' || table_name, list(column_name) FROM duckdb_columns() "
            "WHERE NOT internal AND database_name = current_database() GROUP BY ALL"
        ).fetchall()
        self._existing: dict[str, frozenset[str]] = {name: frozenset(found) for name, found in columns}

    def read(self, table: Contract) -> ibis.Table:
        """The published rows of a table; empty when nothing was ever published."""
        if not self.exists(table):
            return ibis.memtable(table.schema.to_pyarrow().empty_table())
        lacking = rows_lacking(table, self._existing[table.name])
        self._read_lacking = self._read_lacking or lacking is not None
        return table.unbound() if lacking is None else lacking

    def exists(self, table: Contract) -> bool:
        """Whether the warehouse has the table at all."""
        return table.name in self._existing

    def query(self, expression: ibis.Table) -> pa.Table:
        """The rows of an expression."""
        self._named(OpenDates.of(expression))
        with self._asked():
            return self._backend.to_pyarrow(expression)

    def query_built(self, key: Hashable, build: Callable[[Reader], ibis.Table]) -> pa.Table:
        """The rows of a query that is translated once; one that holds rows itself, every time."""
        statement = self._translated(key, build)
        if not isinstance(statement, Statement):
            return self.query(statement)
        with self._asked():
            rows = self._connection.execute(statement.text).to_arrow_table()
        names = statement.schema.names
        if {*rows.column_names} != {*names}:
            raise QueryError(f"a query gave the columns {', '.join(rows.column_names)}, not {', '.join(names)}")
        # A column that a contract gains in its middle stands last in the table.
        return rows.select(names)

    def stage_built(self, name: str, key: Hashable, build: Callable[[Reader], ibis.Table]) -> ibis.Table:
        """Computes the rows of a query that is translated once into a temporary table, and returns it."""
        statement = self._translated(key, build)
        if not isinstance(statement, Statement):
            return self.stage(name, statement)
        kinds = ((column, self._kind(dtype)) for column, dtype in statement.schema.items())
        columns = ", ".join(f"{_quote(column)} {kind}" for column, kind in kinds)
        with self._asked():
            self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {_quote(name)} ({columns})")
            self._connection.execute(f"INSERT INTO {_quote(name)} BY NAME {statement.text}")
        return ibis.table(statement.schema, name=name)

    def _kind(self, dtype: ibis.DataType) -> str:
        """The type of a column as DuckDB writes it."""
        return self._backend.compiler.type_mapper.to_string(dtype)

    def _translated(self, key: Hashable, build: Callable[[Reader], ibis.Table]) -> Statement | ibis.Table:
        """A built query as a statement; as it is when it holds rows, as one of a table that is not there does."""
        known = _TRANSLATED.get(key) or self._kept(key)
        if known is not None and all(columns <= self._existing.get(t, NOTHING) for t, columns in known.tables.items()):
            _TRANSLATED[key] = known
            self._named(known.dates)
            return known
        self._read_lacking = False
        expression = build(self.read)
        operation = expression.op()
        dates = OpenDates.of(expression)
        self._named(dates)
        if operation.find(InMemoryTable):
            return expression
        with self._asked():
            text = self._backend.compile(expression)
        found = {f"{table.namespace.database}.{table.name}": table.schema for table in operation.find(UnboundTable)}
        tables = {name: frozenset(schema.names) for name, schema in found.items() if name in self._existing}
        statement = Statement(text, expression.schema(), tables, dates)
        if not self._read_lacking:
            _TRANSLATED[key] = statement
            self._keep(key, statement)
        return statement

    def _kept(self, key: Hashable) -> Statement | None:
        """The query as another process with the same sources has translated it."""
        name = name_of(("duckdb", key)) if self._translations else None
        found = self._translations.get(name) if self._translations and name else None
        return Statement.from_json(found) if found else None

    def _keep(self, key: Hashable, statement: Statement) -> None:
        name = name_of(("duckdb", key)) if self._translations else None
        if self._translations and name:
            self._translations.put(name, statement.as_json())

    def _named(self, dates: OpenDates) -> None:
        """Raises `QueryError` when nobody named the dates that a query leaves open: DuckDB would find none."""
        if dates.asks and not self._was_asked:
            raise QueryError("no dates were named that the query is about")
        unbounded = sorted(dates.inputs - {*self._bounds})
        if unbounded:
            raise QueryError(f"no dates were named that may be read of {', '.join(unbounded)}")

    def ask_about(self, dates: Sequence[date], reads: Mapping[str, tuple[date, date]] | None = None) -> None:
        """Sets the variables that `is_asked` and `is_read` look at; DuckDB folds them into the plan as constants."""
        self._was_asked, self._bounds = True, dict(reads or {})
        with self._asked():
            self._connection.execute("SET VARIABLE asked_dates = ?::DATE[]", [list(dates)])
            for variable, end in (("first_read", 0), ("last_read", 1)):
                values = [list(self._bounds), [bound[end] for bound in self._bounds.values()]]
                self._connection.execute(f"SET VARIABLE {variable} = map(?::VARCHAR[], ?::DATE[])", values)

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

    def append(self, table: Contract, rows: pa.Table) -> None:
        """Adds rows in one statement: all of them, or none."""
        self.stage("appended", rows)
        self._connection.execute(f"INSERT INTO {_quoted(table)} BY NAME SELECT * FROM appended")  # noqa: S608

    def ensure(self, table: Contract) -> None:
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

    def stage(self, name: str, rows: ibis.Table | pa.Table) -> ibis.Table:
        """Computes rows into a temporary table that only this session sees, and returns it."""
        expression = ibis.memtable(rows) if isinstance(rows, pa.Table) else rows
        self._named(OpenDates.of(expression))
        with self._asked():
            self._backend.create_table(name, expression, temp=True, overwrite=True)
        return ibis.table(expression.schema(), name=name)

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
        connection.execute(f"ATTACH {literal(str(path))} AS new_file (READ_WRITE)")
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


def _calls(call: ScalarUDF, function: Callable[..., object]) -> bool:
    return call.__func_name__ == function.__name__  # type: ignore[attr-defined]


def _is_lock_conflict(error: BaseException) -> bool:
    """Whether another process has the file locked, or another part of this one has it open."""
    said = ("Could not set lock on file", "different configuration", "Unique file handle conflict")
    return isinstance(error, FileInUseError) or (
        isinstance(error, duckdb.Error) and any(words in str(error) for words in said)
    )


def _quote(identifier: str) -> str:
    escaped = identifier.replace('"', '""')
    return f'"{escaped}"'


def _quoted(table: Contract) -> str:
    return f"{_quote(table.schema_name)}.{_quote(table.short_name)}"


def _span(dates: Sequence[date]) -> str:
    return f"{min(dates)} to {max(dates)}"
