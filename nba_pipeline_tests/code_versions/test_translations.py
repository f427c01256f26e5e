"""What one process has translated another does not translate again, as long as the sources are the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.code_versions import translations
from nba_pipeline.code_versions.translations import KEPT_SOURCES, Translations, key_of, name_of
from nba_pipeline.contracts import Reader, StoredTable
from nba_pipeline.raw import games, held_games
from nba_pipeline.warehouse import cached_queries
from nba_pipeline.warehouse.date_scope import rows_in_scope
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBSession, DuckDBWarehouse
from nba_pipeline.warehouse.interface import Query
from nba_pipeline.warehouse.publish import noted_rows

GAMES = games.CONTRACT


STANDING = partial(rows_in_scope, GAMES)


def unasked(read: Reader) -> ibis.Table:
    raise AssertionError("nobody asks for it")


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DuckDBWarehouse:
    """A warehouse with the schedule's table, in a process that has translated nothing yet."""
    new_process(monkeypatch)
    made = DuckDBWarehouse(tmp_path / "w.duckdb", translations=Translations(tmp_path / "translated"))
    with made.session() as session:
        session.ensure(GAMES)
    return made


def new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached_queries, "_TRANSLATED", {})


def rows_of(warehouse: DuckDBWarehouse, query: Query) -> pa.Table:
    with warehouse.session(read_only=True) as session:
        return session.query(query, dates=[date(2025, 10, 22)])


@contextmanager
def nothing_translated() -> Iterator[None]:
    """Whatever builds a query meanwhile reads a table, and fails."""

    def read(session: DuckDBSession, table: StoredTable) -> ibis.Table:
        raise AssertionError("it was translated before")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DuckDBSession, "read", read)
        yield


def test_a_process_takes_over_what_another_has_translated(warehouse, monkeypatch):
    first = rows_of(warehouse, STANDING)
    new_process(monkeypatch)
    with nothing_translated():
        # Another partial of the same function and table: its key follows from what they are.
        assert rows_of(warehouse, partial(rows_in_scope, GAMES)).schema == first.schema


def test_queries_of_other_functions_or_tables_are_others(warehouse, monkeypatch):
    rows_of(warehouse, STANDING)
    for other in (partial(rows_in_scope, held_games.CONTRACT), held_games.games_in_scope):
        with nothing_translated(), pytest.raises(AssertionError, match="translated before"):
            rows_of(warehouse, other)


def test_of_a_lambda_a_closure_and_a_partial_with_one_nothing_is_kept(warehouse, monkeypatch, tmp_path):
    new_process(monkeypatch)

    def closure(read: Reader) -> ibis.Table:
        return read(GAMES)

    for query in (closure, lambda read: read(GAMES), partial(noted_rows, lambda rows: rows, GAMES)):
        rows_of(warehouse, query)
        with nothing_translated(), pytest.raises(AssertionError, match="translated before"):
            rows_of(warehouse, query)
    assert cached_queries._TRANSLATED == {}
    assert not (tmp_path / "translated").exists()


def marked(mark: object, read: Reader, *, beside: object = None) -> ibis.Table:
    return read(GAMES).select("game_date", mark=ibis.literal(mark), beside=ibis.literal(beside))


def test_arguments_that_are_equal_and_not_the_same_are_others(warehouse):
    found = [rows_of(warehouse, partial(marked, mark)).schema for mark in (1, True, 1.0)]
    assert len({str(schema) for schema in found}) == 3
    assert key_of(partial(marked, 1, beside=2)) == key_of(partial(partial(marked, 1), beside=2))
    words: list[Any] = ["beside", 2]
    given = [partial(marked, tuple(words)), partial(marked, *words), partial(marked, beside=2)]
    assert len({key_of(query) for query in given}) == 3


def test_other_sources_take_over_nothing(warehouse, monkeypatch, tmp_path):
    rows_of(warehouse, STANDING)
    new_process(monkeypatch)
    monkeypatch.setattr(translations, "SOURCES", "0" * 64)
    other = DuckDBWarehouse(warehouse.path, translations=Translations(tmp_path / "translated"))
    with nothing_translated(), pytest.raises(AssertionError, match="translated before"):
        rows_of(other, STANDING)


def test_contracts_and_functions_that_stand_in_no_module_of_ours_are_not_kept():
    assert name_of(("standing", GAMES)) == "('standing', table nba_pipeline.raw.games.CONTRACT)"
    assert name_of(("standing", replace(GAMES, description="Another."))) is None
    assert name_of(("made", player_game_summary.player_game_summary)) is not None
    assert name_of(("made", unasked)) is None
    assert name_of(("made", lambda: None)) is None


def test_what_was_worked_out_of_old_sources_is_thrown_away(tmp_path, monkeypatch):
    for number in range(KEPT_SOURCES + 2):
        monkeypatch.setattr(translations, "SOURCES", f"{number:064}"[::-1])
        Translations(tmp_path).put("something", {"number": number})
    assert len(list(tmp_path.iterdir())) == KEPT_SOURCES
    assert Translations(tmp_path).get("something") == {"number": KEPT_SOURCES + 1}


def test_a_table_that_lacks_a_column_is_not_kept_as_if_it_never_had_one(warehouse, monkeypatch):
    lacking = "tipoff_at"
    with warehouse.session() as session:
        session._connection.execute(f"ALTER TABLE raw.games DROP COLUMN {lacking}")
    assert rows_of(warehouse, STANDING)[lacking].null_count == 0
    new_process(monkeypatch)
    with nothing_translated(), pytest.raises(AssertionError, match="translated before"):
        rows_of(warehouse, STANDING)
