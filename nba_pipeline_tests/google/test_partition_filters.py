"""Every read of history names the dates that it needs, in the very SQL that BigQuery is sent: it bills what is read."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import ibis
import pyarrow as pa
import pytest
import sqlglot
import sqlglot.expressions as sge
from ibis.expr.operations import UnboundTable

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.assets.io_manager import first_rows
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.raw import games
from nba_pipeline.warehouse.bigquery_sql import Names, translate
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBSession
from nba_pipeline.warehouse.publish import noted_rows
from nba_pipeline_tests.support.workbench import Workbench

NAMES = Names("project", "nba")
DAY = date(2025, 11, 11)

ASKED_OF_PUBLISHED_ROWS = (noted_rows, first_rows)
"""The query functions by which a step asks about what it published."""


def unfiltered(statement: str) -> set[str]:
    """The tables of a statement that are read beyond the dates that a constant or a parameter names."""
    tree = sqlglot.parse_one(statement, read="bigquery")
    ctes = {cte.alias: cte.this for cte in tree.find_all(sge.CTE)}
    found: set[str] = set()
    for query in [tree, *ctes.values(), *(part.this for part in tree.find_all(sge.Subquery))]:
        if isinstance(query, sge.Select) and not passes_through(query):
            found |= exposed(query, ctes)
    return found | exposed(tree, ctes)


def exposed(query: sge.Expression, ctes: dict[str, sge.Expression]) -> set[str]:
    """The tables whose rows a query takes from its sources without a filter on their dates."""
    if isinstance(query, sge.SetOperation):
        return exposed(query.left, ctes) | exposed(query.right, ctes)
    if isinstance(query, sge.Subquery):
        return exposed(query.this, ctes)
    found: set[str] = set()
    for source in sources(query):
        if not filtered(query, source.alias_or_name, len(list(sources(query))) == 1):
            found |= tables_of(source, ctes)
    return found


def tables_of(source: sge.Expression, ctes: dict[str, sge.Expression]) -> set[str]:
    """The tables that a source of a query gives on without a filter of its own."""
    if isinstance(source, sge.Table) and source.db:
        return {f"{source.db}.{source.name}"}
    inner = ctes.get(source.name) if isinstance(source, sge.Table) else source.this
    if inner is None or (isinstance(inner, sge.Select) and not passes_through(inner)):
        return set()
    return exposed(inner, ctes)


def sources(query: sge.Expression) -> Iterator[sge.Expression]:
    """What a SELECT reads from."""
    begin = query.args.get("from") or query.args.get("from_")
    if begin is not None:
        yield begin.this
    for join in query.args.get("joins") or ():
        yield join.this


def passes_through(query: sge.Select) -> bool:
    """Whether a filter on what comes out is one on what goes in: BigQuery moves it below a mere projection."""
    stops = ("group", "having", "qualify", "distinct", "limit", "joins")
    return not any(query.args.get(name) for name in stops) and not query.find(sge.Window)


def filtered(query: sge.Expression, alias: str, alone: bool) -> bool:
    """Whether a SELECT asks for dates of a source, by comparing them with something that is no column."""
    where = query.args.get("where")
    if where is None:
        return False
    condition = where.this.unnest()
    parts = condition.flatten() if isinstance(condition, sge.And) else [condition]
    return any(names_dates(part.unnest(), alias, alone) for part in parts)


def names_dates(condition: sge.Expression, alias: str, alone: bool) -> bool:
    kinds = (sge.EQ, sge.In, sge.Between, sge.GT, sge.GTE, sge.LT, sge.LTE, sge.Or)
    if not isinstance(condition, kinds):
        return False
    columns = list(condition.find_all(sge.Column))
    return bool(columns) and all(
        column.name == "game_date" and (column.table == alias or (alone and not column.table)) for column in columns
    )


def in_sql(expression: ibis.Table) -> set[str]:
    return unfiltered(translate(expression, NAMES).text)


@pytest.fixture
def reads(season_start: Workbench, season_start_home: Path, tmp_path: Path) -> list[tuple[str, ibis.Table]]:
    """Every expression on published tables that a date's steps gave to the warehouse, in a real run of all of them."""
    shutil.copytree(season_start_home, tmp_path / "home")
    recorded: list[tuple[str, ibis.Table]] = []
    stage, query = DuckDBSession.stage, DuckDBSession.query

    def staging(self, name, rows, **dates):
        if not isinstance(rows, pa.Table):
            recorded.append((f"staged as {name}", rows(self.read) if callable(rows) else rows))
        return stage(self, name, rows, **dates)

    def querying(self, asked, **dates):
        function = getattr(asked, "func", asked)
        if not callable(asked):
            recorded.append(("queried", asked))
        elif function in ASKED_OF_PUBLISHED_ROWS:
            recorded.append((f"queried as {function.__name__}", asked(self.read)))
        return query(self, asked, **dates)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DuckDBSession, "stage", staging)
        patched.setattr(DuckDBSession, "query", querying)
        report = Workbench(tmp_path / "home", season_start.server).backfill(DAY, DAY, history=False)
    assert report.complete
    return [(how, found) for how, found in recorded if found.op().find(UnboundTable)]


def published(expression: ibis.Table) -> set[str]:
    """The published tables that an expression reads."""
    names = {table.name for table in all_tables()}
    tables = expression.op().find(UnboundTable)
    return {name for op in tables if (name := f"{op.namespace.database}.{op.name}") in names}


def test_every_read_of_a_published_table_names_its_dates(reads):
    read = set().union(*(published(expression) for _, expression in reads))
    promised = {entry.table.name for table in all_tables() for entry in table.reads.values()}
    assert promised <= read, "every input of every table was read in this run"
    ours = {f"nba_{name}" for name in read}
    found = [(how, expression, in_sql(expression) & ours) for how, expression in reads if published(expression)]
    assert [(how, tables) for how, _, tables in found if tables] == []


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda rows, other: rows.filter(rows.game_date == ibis.literal(DAY)), set()),
        (lambda rows, other: rows, {"nba_analytics.player_game_summary"}),
        (lambda rows, other: rows.filter(rows.points > 3), {"nba_analytics.player_game_summary"}),
        (
            lambda rows, other: rows.group_by("game_date").agg(n=ibis._.count()).filter(ibis._.game_date == DAY),
            {"nba_analytics.player_game_summary"},
        ),
        (
            lambda rows, other: rows.filter(rows.game_date == ibis.literal(DAY)).inner_join(other, "game_id"),
            {"nba_raw.games"},
        ),
    ],
    ids=["filtered", "everything", "by another column", "filtered when it is too late", "one side of a join"],
)
def test_a_read_that_names_no_dates_is_found(build, expected):
    rows, other = (contract.unbound() for contract in (player_game_summary.CONTRACT, games.CONTRACT))
    assert in_sql(build(rows, other)) == expected
