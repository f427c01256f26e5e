"""What the pipeline asks of a warehouse. DuckDB or BigQuery answers; nothing above this file knows which."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from types import MappingProxyType
from typing import Protocol

import ibis
import pyarrow as pa

from nba_pipeline.contracts import Reader, StoredTable

QueryFunction = Callable[[Reader], ibis.Table]
"""Makes a query of a reader of published tables: a function at the top of a module, or `functools.partial` of one.

Its translation is kept, in the process and beside the warehouse, under its name and its arguments; these are contracts,
names and numbers. So it holds no rows and names no dates. Of a lambda or a closure nothing is kept.
"""

Query = ibis.Table | QueryFunction
"""An expression, which is translated each time, or a query function."""

NO_READS: Mapping[str, tuple[date, date]] = MappingProxyType({})


class Session(Protocol):
    """One stretch of work on the warehouse, holding its lock for as long as it lasts."""

    def read(self, table: StoredTable) -> ibis.Table:
        """The published rows of a table; empty when nothing was ever published."""
        ...

    def exists(self, table: StoredTable) -> bool:
        """Whether the warehouse has the table at all."""
        ...

    def query(
        self, query: Query, *, dates: Sequence[date] | None = None, reads: Mapping[str, tuple[date, date]] = NO_READS
    ) -> pa.Table:
        """The rows of a query.

        `dates` are those for which `in_scope` is true, `reads` the first and last date for which `in_window` is, by the
        names of inputs. Raises `QueryError` when the engine cannot answer, or a query uses either without its dates.
        """
        ...

    def ensure(self, table: StoredTable) -> None:
        """Creates the table, or adds the columns that its contract has gained.

        Raises `SchemaMismatchError` for any other difference.
        """
        ...

    def stage(
        self,
        name: str,
        rows: Query | pa.Table,
        *,
        dates: Sequence[date] | None = None,
        reads: Mapping[str, tuple[date, date]] = NO_READS,
    ) -> ibis.Table:
        """Computes the rows of a query, or loads rows, into a temporary table that only this session sees; returns it.

        Dates and errors are as those of `query`.
        """
        ...

    def append(self, table: StoredTable, rows: pa.Table) -> None:
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
        self, table: StoredTable, rows: ibis.Table, dates: Sequence[date], where: dict[str, str] | None = None
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
