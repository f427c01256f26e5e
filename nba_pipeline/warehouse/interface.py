"""What the pipeline asks of a warehouse. DuckDB or BigQuery answers; nothing above this file knows which."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import Protocol

import ibis
import pyarrow as pa

from nba_pipeline.contracts import Contract, Reader


class WarehouseError(Exception):
    """The warehouse could not do what was asked; the message says what a person should do."""


class WarehouseBusyError(WarehouseError):
    """Another process held the warehouse for longer than a step may wait."""


class WarehouseUnavailableError(WarehouseError):
    """The warehouse could not be reached, after every attempt that made sense; what is asked again may be answered."""


class QueryError(WarehouseError):
    """A query failed, or took longer than it may; what it asked is unknown."""


class SchemaMismatchError(WarehouseError):
    """The table in the warehouse differs from its contract by more than added columns."""


class Session(Protocol):
    """One stretch of work on the warehouse, holding its lock for as long as it lasts."""

    def read(self, table: Contract) -> ibis.Table:
        """The published rows of a table; empty when nothing was ever published."""
        ...

    def exists(self, table: Contract) -> bool:
        """Whether the warehouse has the table at all."""
        ...

    def query(self, expression: ibis.Table) -> pa.Table:
        """The rows of an expression. Raises `QueryError` when the engine cannot answer."""
        ...

    def query_built(self, key: Hashable, build: Callable[[Reader], ibis.Table]) -> pa.Table:
        """The rows of the expression that `build` makes of a reader.

        It is built and translated once a process and key, so it holds no data: dates go in by `ask_about`.
        Raises `QueryError` when the engine cannot answer.
        """
        ...

    def ask_about(self, dates: Sequence[date], reads: Mapping[str, tuple[date, date]] | None = None) -> None:
        """Sets the dates for which `is_asked` is true, until it is called again.

        `reads` are the first and last date for which `is_read` is true, by the names of inputs. A query that uses
        either before its dates were named raises `QueryError`.
        """
        ...

    def ensure(self, table: Contract) -> None:
        """Creates the table, or adds the columns that its contract has gained.

        Raises `SchemaMismatchError` for any other difference.
        """
        ...

    def stage(self, name: str, rows: ibis.Table | pa.Table) -> ibis.Table:
        """Computes rows into a temporary table that only this session sees, and returns it."""
        ...

    def stage_built(self, name: str, key: Hashable, build: Callable[[Reader], ibis.Table]) -> ibis.Table:
        """Stages the rows of an expression that is built and translated once a process and key, as `query_built` does.

        Raises `QueryError` when the engine cannot answer.
        """
        ...

    def append(self, table: Contract, rows: pa.Table) -> None:
        """Adds rows to a table that only ever grows."""
        ...

    def time_limit(self, seconds: float) -> AbstractContextManager[None]:
        """Ends queries, and the context itself, with `QueryError` when it lasts longer than this."""
        ...

    def replace(self, changes: Sequence["Replacement"]) -> None:
        """Replaces partitions of several tables in one transaction: all of it, or nothing.

        Raises `WarehouseError`, with nothing changed, when the rows found afterwards are not those staged.
        """
        ...


class Replacement:
    """Rows that take the place of whatever partitions of a table hold.

    `where` narrows the replacement to the rows with these values, for tables that several writers share.
    """

    def __init__(
        self, table: Contract, rows: ibis.Table, dates: Sequence[date], where: dict[str, str] | None = None
    ) -> None:
        self.table = table
        self.rows = rows
        self.dates = list(dates)
        self.where = where or {}


class Warehouse(Protocol):
    """A place of tables that sessions are opened on."""

    def session(self, *, read_only: bool = False, wait_seconds: float | None = None) -> AbstractContextManager[Session]:
        """A session; several read-only ones at once, or one that may write.

        Waits for other processes' sessions to end, for `wait_seconds` if it is given and else for as long as
        the warehouse is set to. Raises `WarehouseBusyError` when they do not in time.
        """
        ...

    def charge(self, run_id: str) -> None:
        """What is asked from now on is on the account of this run."""
        ...

    def cost(self) -> Mapping[str, float]:
        """Names and figures of what was billed since this was asked last; nothing where nobody bills."""
        ...

    @property
    def exists(self) -> bool:
        """Whether anything was ever written to it."""
        ...

    @property
    def description(self) -> str:
        """Where the tables are, for people: a path or a project and dataset."""
        ...
