"""A warehouse copied into another: the same hashes in both directions, and a copy that is killed goes on."""

import json
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from nba_pipeline.assets.tables import all_tables
from nba_pipeline.cli.app import app
from nba_pipeline.contracts import Contract, StoredTable
from nba_pipeline.operations.warehouse_copying import CopiedTable, CopyError, copied_tables, copy_warehouse
from nba_pipeline.predictions import player_predictions
from nba_pipeline.raw import games, players
from nba_pipeline.warehouse import operations_tables
from nba_pipeline.warehouse.audit import content_hashes
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline.warehouse.interface import Warehouse
from nba_pipeline.warehouse.operations_tables import PUBLISHED_PARTITIONS
from nba_pipeline_tests.support.small_warehouse import keep_only
from nba_pipeline_tests.support.workbench import OPENING

DIES_AFTER_TWO = """
import os, signal, sys
from pathlib import Path
from nba_pipeline.operations import warehouse_copying as copying
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse

written, done = copying._written, []

def dying(*arguments):
    arrived = written(*arguments)
    done.append(arguments[1].name)
    if len(done) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return arrived

copying._written = dying
source, target = (DuckDBWarehouse(Path(place)) for place in sys.argv[1:])
copying.copy_warehouse(source, target, lambda table, partitions: lambda count: None)
"""


def copied(source: Warehouse, target: Warehouse) -> dict[str, CopiedTable]:
    return {found.table.name: found for found in copy_warehouse(source, target, lambda *_: lambda _: None)}


def hashes(warehouse: Warehouse) -> dict[tuple[str, date], tuple[int, str]]:
    """Number and hash of the rows of each partition, the manifest among them, computed by the engine that has them."""
    found = {}
    with warehouse.session(read_only=True) as session:
        for table in (*copied_tables(), PUBLISHED_PARTITIONS):
            rows = session.query(session.read(table).select("game_date").distinct()).to_pylist()
            dates = [row["game_date"] for row in rows]
            if dates:
                found |= {(table.name, day): content for day, content in content_hashes(session, table, dates).items()}
    return found


def test_the_warehouses_own_tables_are_of_no_phase_and_each_is_copied():
    own = {table for table in vars(operations_tables).values() if isinstance(table, StoredTable)}
    assert [table.name for table in own if isinstance(table, Contract)] == []
    assert {*copied_tables(), PUBLISHED_PARTITIONS} == {*all_tables(), *own}


@pytest.mark.campaign
def test_a_copy_holds_the_same_rows_hash_for_hash_and_a_second_one_writes_nothing(season_start, tmp_path):
    target = tmp_path / "copy.duckdb"
    command = ["warehouse", "copy", "--from", str(season_start.settings.warehouse_path), "--to", str(target)]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    assert "have the same hashes" in " ".join(first.output.split())
    assert hashes(DuckDBWarehouse(target)) == hashes(season_start.warehouse)
    second = CliRunner().invoke(app, [*command, "--json"])
    report = json.loads(second.stdout)["tables"]
    assert sum(table["written"] for table in report) == 0
    assert {table["table"] for table in report if table["there"]} >= {"raw.games", "predictions.player_predictions"}


@pytest.fixture
def small(copy) -> DuckDBWarehouse:
    """Three of the tables, one of them the ledger with its chains."""
    keep_only(copy.settings.warehouse_path, {games.CONTRACT, players.CONTRACT, player_predictions.CONTRACT})
    return copy.warehouse


def test_a_copy_that_is_killed_goes_on_where_it_was(small, tmp_path):
    target = tmp_path / "copy.duckdb"
    killed = subprocess.run([sys.executable, "-c", DIES_AFTER_TWO, small.path, target], check=False)
    assert killed.returncode == -signal.SIGKILL
    report = copied(small, DuckDBWarehouse(target))
    there, written = (sum(getattr(found, what) for found in report.values()) for what in ("there", "written"))
    assert there
    assert written
    assert hashes(DuckDBWarehouse(target)) == hashes(small)


def test_a_value_that_is_another_in_the_target_is_found_and_replaced(small, tmp_path):
    target = DuckDBWarehouse(tmp_path / "copy.duckdb")
    copied(small, target)
    sql(target, f"UPDATE raw.games SET home_score = home_score + 1 WHERE game_date = '{OPENING}'")
    report = copied(small, target)
    assert {name: found.written for name, found in report.items() if found.written} == {"raw.games": 1}
    assert hashes(target) == hashes(small)


def test_what_arrives_other_than_it_was_sent_is_an_error_that_names_the_partition(small, tmp_path, monkeypatch):
    replace = "nba_pipeline.warehouse.duckdb_warehouse.DuckDBSession.replace"
    monkeypatch.setattr(replace, lambda session, changes: None)
    with pytest.raises(CopyError, match=r"partitions of raw\.games are not in the target what they are in the source"):
        copied(small, DuckDBWarehouse(tmp_path / "copy.duckdb"))


def test_a_target_that_holds_other_partitions_is_refused_and_stays_as_it_is(small, tmp_path):
    target = DuckDBWarehouse(tmp_path / "copy.duckdb")
    copied(small, target)
    sql(target, f"UPDATE raw.games SET game_date = '2024-01-01' WHERE game_date = '{OPENING}'")
    before = hashes(target)
    with pytest.raises(CopyError, match=r"raw\.games that the source does not have, the first of them 2024-01-01"):
        copied(small, target)
    assert hashes(target) == before


def test_a_source_that_is_not_there_and_a_place_that_cannot_be_are_refused(tmp_path):
    nothing = CliRunner().invoke(app, ["warehouse", "copy", "--from", f"{tmp_path}/a.duckdb", "--to", f"{tmp_path}/b"])
    assert nothing.exit_code == 2
    assert "There is no warehouse at" in nothing.output
    wrong = CliRunner().invoke(app, ["warehouse", "copy", "--from", "bigquery://UPPER", "--to", f"{tmp_path}/b"])
    assert wrong.exit_code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.campaign
def test_to_bigquery_and_back_gives_the_same_hashes(copy, bigquery, tmp_path):
    keep_only(copy.settings.warehouse_path, {games.CONTRACT})
    there_and_back(copy.warehouse, bigquery, tmp_path)


@pytest.mark.campaign
def test_every_table_to_bigquery_and_back_gives_the_same_hashes(copy, bigquery, tmp_path):
    there_and_back(copy.warehouse, bigquery, tmp_path)


def there_and_back(source: DuckDBWarehouse, bigquery: Warehouse, folder: Path) -> None:
    expected = hashes(source)
    copied(source, bigquery)
    assert hashes(bigquery) == expected
    back = DuckDBWarehouse(folder / "back.duckdb")
    copied(bigquery, back)
    assert hashes(back) == expected


def sql(warehouse: DuckDBWarehouse, statement: str) -> None:
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(statement)
