"""What one process has translated another does not translate again, as long as the sources are the same."""

from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import ibis
import pytest

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.code_versions import translations
from nba_pipeline.code_versions.translations import KEPT_SOURCES, Translations, name_of
from nba_pipeline.contracts import Reader
from nba_pipeline.raw import games
from nba_pipeline.warehouse import duckdb_warehouse
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline.warehouse.publish import asked_rows

GAMES = games.CONTRACT


def never(read: Reader) -> ibis.Table:
    raise AssertionError("it was translated before")


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    made = DuckDBWarehouse(tmp_path / "w.duckdb", translations=Translations(tmp_path / "translated"))
    with made.session() as session:
        session.ensure(GAMES)
    return made


def asked(warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch, key, build):
    """What a new process is told."""
    monkeypatch.setattr(duckdb_warehouse, "_TRANSLATED", {})
    with warehouse.session(read_only=True) as session:
        session.ask_about([date(2025, 10, 22)])
        return session.query_built(key, build)


def test_a_process_takes_over_what_another_has_translated(warehouse, monkeypatch):
    key, build = ("standing", GAMES), partial(asked_rows, GAMES)
    first = asked(warehouse, monkeypatch, key, build)
    assert asked(warehouse, monkeypatch, key, never).schema == first.schema


def test_other_sources_take_over_nothing(warehouse, monkeypatch, tmp_path):
    key = ("standing", GAMES)
    asked(warehouse, monkeypatch, key, partial(asked_rows, GAMES))
    monkeypatch.setattr(translations, "SOURCES", "0" * 64)
    other = DuckDBWarehouse(warehouse.path, translations=Translations(tmp_path / "translated"))
    with pytest.raises(AssertionError, match="translated before"):
        asked(other, monkeypatch, key, never)


def test_contracts_and_functions_that_stand_in_no_module_of_ours_are_not_kept():
    assert name_of(("standing", GAMES)) == "('standing', table nba_pipeline.raw.games.CONTRACT)"
    assert name_of(("standing", replace(GAMES, description="Another."))) is None
    assert name_of(("made", player_game_summary.player_game_summary)) is not None
    assert name_of(("made", never)) is None
    assert name_of(("made", lambda: None)) is None


def test_what_was_worked_out_of_old_sources_is_thrown_away(tmp_path, monkeypatch):
    for number in range(KEPT_SOURCES + 2):
        monkeypatch.setattr(translations, "SOURCES", f"{number:064}"[::-1])
        Translations(tmp_path).put("something", {"number": number})
    assert len(list(tmp_path.iterdir())) == KEPT_SOURCES
    assert Translations(tmp_path).get("something") == {"number": KEPT_SOURCES + 1}


def test_a_table_that_lacks_a_column_is_not_kept_as_if_it_never_had_one(warehouse, monkeypatch):
    lacking, key = "tipoff_at", ("standing", GAMES)
    with warehouse.session() as session:
        session._connection.execute(f"ALTER TABLE raw.games DROP COLUMN {lacking}")
    assert asked(warehouse, monkeypatch, key, partial(asked_rows, GAMES))[lacking].null_count == 0
    with pytest.raises(AssertionError, match="translated before"):
        asked(warehouse, monkeypatch, key, never)
