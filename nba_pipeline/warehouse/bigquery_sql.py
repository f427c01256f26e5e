"""GoogleSQL from Ibis expressions, as text in which only the names of staged tables are still open."""

from collections.abc import Callable
from dataclasses import dataclass

import ibis
import sqlglot
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.bigquery import BigQueryCompiler
from ibis.backends.sql.datatypes import BigQueryType
from ibis.expr.operations import HexDigest, InMemoryTable, UnboundTable

from nba_pipeline.contracts import StoredTable
from nba_pipeline.warehouse.cached_queries import Statement
from nba_pipeline.warehouse.date_scope import OpenDates, in_scope, in_window

DATE_SCOPE = "date_scope"
"""The query parameter that holds the dates for which `in_scope` is true."""

_OPEN = "staged_in_session"
"""Stands for the place of staged tables until a session says what it is."""


class Compiler(BigQueryCompiler):
    """Ibis' compiler, and the one operation of ours that it lacks."""

    def visit_HexDigest(self, op: HexDigest, *, arg: sge.Expression, how: str) -> sge.Expression:  # noqa: N802
        """SHA-256 as hexadecimal text. Raises `ValueError` for any other digest."""
        if how != "sha256":
            raise ValueError(f"the digest {how} is not translated to BigQuery; sha256 is")
        return self.f.to_hex(self.f.sha256(arg))


COMPILER = Compiler()


@dataclass(frozen=True)
class Names:
    """Where tables lie: datasets of a project, all with the same prefix."""

    project: str
    prefix: str

    def dataset(self, schema: str) -> str:
        """The dataset of a schema: `nba_analytics` of `analytics`."""
        return f"{self.prefix}_{schema}"

    def table_id(self, table: StoredTable) -> str:
        """A table as the client names it."""
        return self.id_of(table.name)

    def id_of(self, name: str) -> str:
        """The same of a table by its name with its schema."""
        schema, short_name = name.split(".")
        return f"{self.project}.{self.dataset(schema)}.{short_name}"

    def quoted(self, table: StoredTable) -> str:
        """A table as it is written in a statement."""
        return quote(self.table_id(table))


def with_staged(text: str, place: Callable[[str], str]) -> str:
    """The text of a statement, with each staged table where `place` says that it is."""
    parts = text.split(f"`{_OPEN}`.`")
    return parts[0] + "".join(
        f"{quote(place(name))}{rest}" for name, _, rest in (part.partition("`") for part in parts[1:])
    )


def quote(table_id: str) -> str:
    """`project.dataset.table` in backticks, part by part. Raises `ValueError` for a part with a backtick."""
    if "`" in table_id:
        raise ValueError(f"{table_id} cannot be the name of a table")
    return ".".join(f"`{part}`" for part in table_id.split("."))


def translate(expression: ibis.Table, names: Names) -> Statement:
    """An expression on contracts' tables and staged ones as GoogleSQL."""
    held = tuple(expression.op().find(InMemoryTable))
    tree = COMPILER.to_sqlglot(expression.unbind())
    own = {cte.alias for cte in tree.find_all(sge.CTE)}
    empty = {table.name: table for table in held if not table.data.to_pyarrow(table.schema).num_rows}
    for table in list(tree.find_all(sge.Table)):
        if table.db:
            table.set("db", sge.to_identifier(names.dataset(table.db), quoted=True))
            table.set("catalog", sge.to_identifier(names.project, quoted=True))
        elif table.name in empty:
            table.replace(_nothing(empty[table.name], table.alias_or_name))
        elif table.name not in own:
            table.set("db", sge.to_identifier(_OPEN, quoted=True))
            table.this.set("quoted", True)
    for call in _calls(tree, in_scope):
        _put(call, f"x IN UNNEST(@{DATE_SCOPE})")
    for call in _calls(tree, in_window):
        first, last = read_parameters(call.expressions[1].name)
        _put(call, f"x BETWEEN @{first} AND @{last}")
    kept = tuple(table for table in held if table.name not in empty)
    found = expression.op().find(UnboundTable)
    read = {f"{t.namespace.database}.{t.name}": frozenset(t.schema.names) for t in found if t.namespace.database}
    return Statement(tree.sql("bigquery"), expression.schema(), OpenDates.of(expression), read, kept)


def read_parameters(name: str) -> tuple[str, str]:
    """The query parameters that hold the first and the last date that may be read of an input."""
    return f"first_{name}", f"last_{name}"


def _calls(tree: sge.Expression, function: Callable[..., object]) -> list[sge.Anonymous]:
    return [call for call in tree.find_all(sge.Anonymous) if call.name.lower() == function.__name__]


def _put(call: sge.Anonymous, condition: str) -> None:
    """Puts a condition on the call's first argument in the place of the call."""
    among = sqlglot.parse_one(condition, read="bigquery")
    among.this.replace(call.expressions[0].copy())
    call.replace(among)


def _nothing(table: InMemoryTable, alias: str) -> sge.Subquery:
    """No rows with the columns of a table: what is read of a table that is not there yet."""
    columns = (
        sge.alias_(sge.cast(sge.null(), BigQueryType.from_ibis(dtype)), name, quoted=True)
        for name, dtype in table.schema.items()
    )
    return sge.select(*columns).limit(0).subquery(alias)
