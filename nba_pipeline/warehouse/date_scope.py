"""The dates that a query is about: given beside the query and not written into it.

A query that names no date is built and translated once; translating one takes longer than running it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import ibis
from ibis.expr.operations import ScalarUDF

from nba_pipeline.contracts import Reader, StoredTable
from nba_pipeline.warehouse.errors import QueryError


@ibis.udf.scalar.builtin
def in_scope(game_date: date) -> bool:
    """Whether a date is one of those that the query is about: `dates` of `Session.query` and `Session.stage`."""
    ...


@ibis.udf.scalar.builtin
def in_window(game_date: date, name: str) -> bool:
    """Whether a date is one that may be read of an input, by the input's name: `reads` of the same."""
    ...


def rows_in_scope(table: StoredTable, read: Reader) -> ibis.Table:
    """The published rows of the dates that the query is about."""
    rows = read(table)
    return rows.filter(in_scope(rows.game_date))


@dataclass(frozen=True)
class OpenDates:
    """Whether a query leaves open which dates it is about, and of which inputs those that it may read."""

    scope: bool
    windows: frozenset[str]

    @staticmethod
    def of(expression: ibis.Table) -> "OpenDates":
        """What an expression leaves open."""
        calls = expression.op().find(ScalarUDF)
        windows = frozenset(call.args[1].value for call in calls if _calls(call, in_window))
        return OpenDates(any(_calls(call, in_scope) for call in calls), windows)

    def require(self, dates: Sequence[date] | None, reads: Mapping[str, tuple[date, date]]) -> None:
        """Raises `QueryError` when dates that are left open were not given: an engine would find none."""
        if self.scope and dates is None:
            raise QueryError("no dates were named that the query is about")
        unbounded = sorted(self.windows - {*reads})
        if unbounded:
            raise QueryError(f"no dates were named that may be read of {', '.join(unbounded)}")


def _calls(call: ScalarUDF, function: Callable[..., object]) -> bool:
    return call.__func_name__ == function.__name__  # type: ignore[attr-defined]
