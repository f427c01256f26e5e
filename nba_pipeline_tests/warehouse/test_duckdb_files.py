"""A DuckDB file is locked while a session is open and free after it, though the instance of DuckDB lives on."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from nba_pipeline.warehouse.duckdb_files import STORAGE_VERSION, FileInUseError, in_memory, opened
from nba_pipeline.warehouse.duckdb_warehouse import _copied_table
from nba_pipeline.warehouse.errors import WarehouseError

OTHER = """
import duckdb, sys
with duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read") as connection:
    print(connection.execute("SELECT count(*) FROM numbers").fetchone()[0])
"""


@pytest.fixture
def path(tmp_path) -> Path:
    path = tmp_path / "it's a file.duckdb"
    with opened(path, read_only=False) as connection:
        connection.execute("CREATE TABLE numbers AS SELECT range AS n FROM range(1000)")
    return path


def in_another_process(path: Path, how: str) -> str:
    """What another process counts in the file, or why it cannot open it."""
    done = subprocess.run(
        [sys.executable, "-c", OTHER, str(path), how], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def count(path: Path) -> int:
    with opened(path, read_only=True) as connection:
        return connection.execute("SELECT count(*) FROM numbers").fetchall()[0][0]


def test_a_file_is_free_for_other_processes_and_complete_when_its_session_ends(path):
    with opened(path, read_only=False) as connection:
        connection.execute("INSERT INTO numbers VALUES (1)")
        assert "Could not set lock" in in_another_process(path, "read")
    assert not path.with_name(path.name + ".wal").exists()
    assert in_another_process(path, "write") == "1001"
    with opened(path, read_only=True):
        assert in_another_process(path, "read") == "1001"
        assert "Could not set lock" in in_another_process(path, "write")


def test_sessions_of_a_process_that_open_a_file_alike_share_it_and_the_last_one_lets_it_go(path):
    with opened(path, read_only=True) as first:
        with opened(path, read_only=True) as second:
            second.execute("CREATE TEMP TABLE mine AS SELECT 1")
            with pytest.raises(FileInUseError, match="open to read"), opened(path, read_only=False):
                pass
        with pytest.raises(duckdb.CatalogException, match="mine"):
            first.execute("FROM mine")
        assert first.execute("SELECT count(*) FROM numbers").fetchall() == [(1000,)]
    assert in_another_process(path, "write") == "1000"


def test_threads_that_read_at_once_all_get_what_is_there(path):
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(count, [path] * 64)) == {1000}
    assert in_another_process(path, "write") == "1000"


def test_a_file_that_duckdb_itself_has_open_in_this_process_is_shared(path):
    with duckdb.connect(str(path), read_only=True) as notebook:
        assert count(path) == 1000
        assert "Could not set lock" in in_another_process(path, "write")
        with pytest.raises(duckdb.Error, match="different configuration"), opened(path, read_only=False):
            pass
        assert "Could not set lock" in in_another_process(path, "write")
        assert notebook.execute("SELECT count(*) FROM numbers").fetchall() == [(1000,)]
    assert in_another_process(path, "write") == "1000"


def test_a_session_that_ends_with_an_error_lets_the_file_go(path):
    with pytest.raises(duckdb.Error, match="nothing"), opened(path, read_only=False) as connection:
        connection.execute("BEGIN; INSERT INTO numbers VALUES (1); FROM nothing")
    assert in_another_process(path, "write") == "1000"


def test_a_file_that_is_no_database_is_refused_and_the_next_one_opens(path, tmp_path):
    broken = tmp_path / "broken.duckdb"
    broken.write_bytes(b"no database at all" * 1000)
    with pytest.raises(duckdb.Error, match="not a valid DuckDB database"), opened(broken, read_only=True):
        pass
    assert count(path) == 1000


def test_what_does_not_fit_into_memory_is_spilled_beside_each_file(path, tmp_path):
    for file in (path, tmp_path / "other.duckdb"):
        with opened(file, read_only=False) as connection:
            spill = Path(connection.execute("SELECT current_setting('temp_directory')").fetchall()[0][0])
            assert spill == file.with_name(file.name + ".tmp")
            connection.execute("SET memory_limit = '50MB'")
            connection.execute("CREATE TEMP TABLE big AS SELECT range AS n, random() AS r FROM range(5000000)")
            assert spill.exists()
            connection.execute("RESET memory_limit")


def format_of(path: Path) -> str:
    """The storage version of a file, as DuckDB names it."""
    with opened(path, read_only=True) as connection:
        [(tags,)] = connection.execute(
            "SELECT tags FROM duckdb_databases() WHERE database_name = current_database()"
        ).fetchall()
    return tags["storage_version"]


@pytest.mark.parametrize(("made_as", "found"), [("v1.0.0", "v1.0.0+"), ("v1.5.0", "v1.5.0+")])
def test_a_file_of_an_older_format_is_brought_to_ours_by_a_write_and_a_newer_one_stays(tmp_path, made_as, found):
    path = tmp_path / "of another.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{path}' AS made (STORAGE_VERSION '{made_as}')")
        connection.execute("CREATE TABLE made.numbers AS SELECT range AS n FROM range(1000)")
    assert (count(path), format_of(path)) == (1000, found)
    with opened(path, read_only=False) as connection:
        connection.execute("INSERT INTO numbers VALUES (1)")
    assert (count(path), format_of(path)) == (1001, max(found, f"{STORAGE_VERSION}+"))


def test_a_new_file_is_of_our_format(path):
    assert format_of(path) == f"{STORAGE_VERSION}+"


def test_without_a_file_there_is_nothing_and_nothing_stays(path):
    with in_memory() as connection:
        connection.execute("CREATE TEMP TABLE mine AS SELECT 1")
    with in_memory() as connection:
        assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall() == [(0,)]
    assert count(path) == 1000


FORKED = """
import os, sys
from pathlib import Path
from nba_pipeline.warehouse.duckdb_files import opened
path = Path(sys.argv[1])
def count():
    with opened(path, read_only=True) as connection:
        return connection.execute("SELECT count(*) FROM numbers").fetchall()[0][0]
count()
with opened(path, read_only=True):
    child = os.fork()
    if child == 0:
        print("child", count(), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    print("parent", count(), flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_opens_the_file_for_itself(path):
    done = subprocess.run(
        [sys.executable, "-c", FORKED, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["child", "1000", "parent", "1000"]


def test_a_table_that_does_not_arrive_whole_in_a_copy_is_an_error_that_counts(path, tmp_path):
    with opened(path, read_only=True) as connection:
        connection.execute(f"ATTACH '{tmp_path / 'copy.duckdb'}' AS new_file")
        connection.execute("CREATE TABLE new_file.numbers AS SELECT 7::BIGINT AS n")
        with pytest.raises(WarehouseError, match=r"1000 rows of main\.numbers were copied to .* and 1001 stand there"):
            _copied_table(connection, "warehouse", "main.numbers", tmp_path / "copy.duckdb")
        connection.execute("DETACH new_file")
