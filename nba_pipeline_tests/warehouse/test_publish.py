"""Write-audit-publish on a real DuckDB file and on BigQuery: what is published is right, or what was there stays."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import duckdb
import ibis
import pyarrow as pa
import pytest

from nba_pipeline.contracts import GAME_DATE, Audit, Column, Contract, Grid, Phase, Read, Reader, Window
from nba_pipeline.warehouse.audit import ContractError
from nba_pipeline.warehouse.date_scope import rows_in_scope
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline.warehouse.errors import QueryError, SchemaMismatchError, WarehouseBusyError, WarehouseError
from nba_pipeline.warehouse.interface import Replacement, Warehouse
from nba_pipeline.warehouse.operations_tables import PUBLISHED_PARTITIONS, QUARANTINE
from nba_pipeline.warehouse.publish import Rows, publish, transformed_rows
from nba_pipeline_tests.support.heights import GOOD, HEIGHTS, ONE, STAMP, TWO, contract, put, rows, stored


@pytest.fixture
def file(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "warehouse.duckdb", lock_wait_seconds=0.5)


@pytest.fixture(params=["file", "bigquery"])
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    """DuckDB's file and BigQuery's emulator: every promise is kept by both."""
    return request.getfixturevalue(request.param)


ON_BIGQUERY_IN_CAMPAIGN = pytest.mark.parametrize(
    "warehouse", ["file", pytest.param("bigquery", marks=pytest.mark.campaign)], indirect=True
)
"""What goes through the same statements as another test that CI runs on both."""


def test_good_rows_are_published_and_a_manifest_with_them(warehouse):
    outcomes = put(warehouse, rows(*GOOD))
    assert {o.status for o in outcomes.values()} == {"published"}
    assert stored(warehouse) == GOOD
    with warehouse.session(read_only=True) as session:
        manifest = session.query(session.read(PUBLISHED_PARTITIONS)).to_pylist()
    assert {(row["game_date"], row["row_count"]) for row in manifest} == {(ONE, 2), (TWO, 1)}


def test_the_same_rows_again_change_nothing_whatever_their_order(warehouse):
    first = put(warehouse, rows(*GOOD))
    again = put(warehouse, rows(*reversed(GOOD)))
    assert {o.status for o in again.values()} == {"unchanged"}
    assert {d: o.fingerprint for d, o in again.items()} == {d: o.fingerprint for d, o in first.items()}


@ON_BIGQUERY_IN_CAMPAIGN
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ((TWO, 2, 300.0, "G"), "height is outside 150 to 250 cm"),
        ((TWO, 2, None, "G"), "height is null"),
        ((TWO, 2, float("nan"), "G"), "height is not a number"),
        ((TWO, 2, 200.0, "C"), "position is none of G, F"),
        ((TWO, 1, 190.0, "G"), "more than one row per game_date, player_id"),
    ],
)
def test_a_broken_row_refuses_its_date_and_no_other(warehouse, bad, reason):
    put(warehouse, rows(*GOOD))
    outcomes = put(warehouse, rows((ONE, 1, 201.0, "G"), (TWO, 1, 199.0, "F"), bad))
    assert outcomes[ONE].status == "published"
    assert outcomes[TWO].status == "refused"
    assert reason in outcomes[TWO].reasons[0]
    assert stored(warehouse) == [(ONE, 1, 201.0, "G"), (TWO, 1, 200.0, "G")], "the last good rows stay"
    with warehouse.session(read_only=True) as session:
        quarantined = session.query(session.read(QUARANTINE)).to_pylist()
    assert reason in {row["reason"] for row in quarantined}
    assert {row["game_date"] for row in quarantined} == {TWO}


@ON_BIGQUERY_IN_CAMPAIGN
def test_an_empty_or_shrunken_result_never_replaces_what_is_expected(warehouse):
    expected = ibis.memtable({"game_date": [ONE, ONE, TWO], "player_id": [1, 2, 1]})
    table = contract(grid=Grid(("player_id",), lambda read: expected, "players"))
    put(warehouse, rows(*GOOD), table=table)
    outcomes = put(warehouse, rows(GOOD[0]), table=table)
    assert [outcomes[day].status for day in (ONE, TWO)] == ["refused", "refused"]
    assert "1 players missing: player_id 2" in outcomes[ONE].reasons[0]
    assert stored(warehouse, table) == GOOD


@ON_BIGQUERY_IN_CAMPAIGN
def test_nothing_is_published_when_nothing_is_expected_and_that_is_known(warehouse):
    table = contract(grid=Grid(("player_id",), lambda read: read(HEIGHTS).limit(0)))
    outcomes = put(warehouse, rows(), table=table)
    assert [(o.status, o.row_count) for o in outcomes.values()] == [("published", 0)] * 2


@ON_BIGQUERY_IN_CAMPAIGN
def test_keys_beyond_the_expected_ones_are_refused(warehouse):
    expected = ibis.memtable({"game_date": [ONE], "player_id": [1]})
    table = contract(grid=Grid(("player_id",), lambda read: expected, "players"))
    outcomes = put(warehouse, rows((ONE, 1, 200.0, "G"), (ONE, 7, 200.0, "G")), ONE, table=table)
    assert "1 players unexpected: player_id 7" in outcomes[ONE].reasons[0]


def test_a_promise_about_a_date_as_a_whole_is_kept_or_the_date_refused(warehouse):
    def too_few(staged, read):
        counted = staged.group_by("game_date").agg(n=ibis._.count())
        return counted.filter(counted.n < 2).select("game_date", reason=ibis.literal("only one player"))

    table = contract(audits=(Audit("company", "Nobody is alone.", too_few),))
    outcomes = put(warehouse, rows(*GOOD), table=table)
    assert (outcomes[ONE].status, outcomes[TWO].reasons) == ("published", ("company: only one player",))


@ON_BIGQUERY_IN_CAMPAIGN
def test_dates_that_a_step_refused_are_not_touched(warehouse):
    put(warehouse, rows(*GOOD))
    outcomes = put(warehouse, rows((ONE, 1, 180.0, "G")), refused={TWO: ["the gate is closed"]})
    assert outcomes[TWO].reasons == ("the gate is closed",)
    assert stored(warehouse)[-1] == GOOD[-1]


def test_rows_with_other_columns_are_refused_as_a_whole(warehouse):
    with pytest.raises(ContractError, match=r"missing: \['height'\]"):
        put(warehouse, rows(*GOOD).drop_columns(["height"]))


def test_an_added_column_is_applied_and_another_type_refused(warehouse):
    put(warehouse, rows(*GOOD))
    wider = contract(Column("weight", "float64", "Weight.", "kg", nullable=True))
    made = rows(*GOOD).append_column("weight", pa.array([90.0, None, 90.0]))
    put(warehouse, made, table=wider)
    assert len(stored(warehouse, wider)[0]) == 5
    other = Contract(
        name="raw.heights",
        description="",
        phase=Phase.RAW,
        grain=("game_date",),
        columns=(GAME_DATE, Column("height", "string", "", "")),
    )
    with (
        pytest.raises(SchemaMismatchError, match="height is float64 in the warehouse and string in the contract"),
        warehouse.session() as session,
    ):
        session.ensure(other)


def test_a_column_gained_in_the_middle_is_read_in_its_place(warehouse):
    put(warehouse, rows(*GOOD))
    columns = list(HEIGHTS.columns)
    wider = replace(
        HEIGHTS, columns=(*columns[:2], Column("weight", "float64", "W.", "kg", nullable=True), *columns[2:])
    )
    made = rows(*GOOD).append_column("weight", pa.array([90.0, None, 90.0]))
    put(warehouse, made, table=wider)
    assert {outcome.status for outcome in put(warehouse, made, table=wider).values()} == {"unchanged"}
    with warehouse.session(read_only=True) as session:
        found = session.query(partial(rows_in_scope, wider), dates=[TWO])
    assert list(found.to_pylist()[0].values()) == [TWO, 1, 90.0, 200.0, "G"]
    assert tuple(found.column_names) == wider.schema.names


def test_rows_that_are_kept_stay_in_their_columns_when_the_contract_gains_one(warehouse):
    def standing_first(staged: ibis.Table, published: ibis.Table) -> ibis.Table:
        return published.union(staged.anti_join(published, ["game_date", "player_id"]))

    put(warehouse, rows(*GOOD))
    columns = list(HEIGHTS.columns)
    gained = Column("weight", "float64", "W.", "kg", nullable=True)
    wider = replace(HEIGHTS, columns=(*columns[:2], gained, *columns[2:]), keeps=standing_first)
    made = rows((ONE, 1, 240.0, "F"), (TWO, 3, 190.0, "F")).append_column("weight", pa.array([80.0, 90.0]))
    became = put(warehouse, made, table=wider)
    assert {day: outcome.status for day, outcome in became.items()} == {ONE: "unchanged", TWO: "published"}
    with warehouse.session(read_only=True) as session:
        found = session.query(session.read(wider).select(wider.schema.names).order_by("game_date", "player_id"))
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        (ONE, 1, None, 200.0, "G"), (ONE, 2, None, 210.0, None), (TWO, 1, None, 200.0, "G"), (TWO, 3, 90.0, 190.0, "F")
    ]  # fmt: skip


DAYS = [date(2024, 1, n) for n in (1, 2, 3, 4)]
SEEN = Contract(
    name="analytics.seen",
    description="Which dates of its inputs a date could see.",
    phase=Phase.ANALYTICS,
    grain=("game_date",),
    columns=(
        GAME_DATE,
        Column("first", "date", "First date before.", "date", nullable=True),
        Column("last", "date", "Last date before.", "date", nullable=True),
        Column("same", "int64", "Dates given beside it.", "dates"),
    ),
    reads={"before": Read(HEIGHTS, Window.BEFORE), "same": Read(HEIGHTS)},
)


def seen(before: ibis.Table, same: ibis.Table) -> ibis.Table:
    """Every date given of `same`, beside the first and last given of `before`."""
    given = before.agg(first=before.game_date.min(), last=before.game_date.max())
    count = same.agg(same=same.game_date.nunique())
    return same.select("game_date").distinct().cross_join(given).cross_join(count)


@pytest.mark.parametrize(
    "asked",
    [
        DAYS[1:3],
        pytest.param(DAYS[3:], marks=pytest.mark.campaign),
        pytest.param(DAYS[1:2], marks=pytest.mark.campaign),
    ],
    ids=["two", "one", "an earlier one"],
)
def test_a_transform_is_given_the_dates_that_it_may_read_and_no_others(warehouse, asked):
    """Whatever dates the very same statement was used for before."""
    put(warehouse, rows(*((day, 1, 200.0, "G") for day in DAYS)), *DAYS)
    for dates in (DAYS[2:], asked):
        with warehouse.session() as session:
            outcomes = publish(session, SEEN, Rows(seen), dates, STAMP)
        assert {outcome.status for outcome in outcomes.values()} <= {"published", "unchanged"}
    with warehouse.session(read_only=True) as session:
        found = session.query(session.read(SEEN).filter(lambda row: row.game_date.isin(asked)))
    last = max(asked) - timedelta(days=1)
    expected = [{"game_date": day, "first": DAYS[0], "last": last, "same": len(asked)} for day in asked]
    assert sorted(found.to_pylist(), key=lambda row: row["game_date"]) == expected


def test_a_transform_whose_inputs_nobody_bounded_is_an_error_and_not_no_rows(warehouse):
    put(warehouse, rows(*GOOD))
    with warehouse.session() as session:
        query = partial(transformed_rows, SEEN, seen)
        with pytest.raises(QueryError, match="no dates were named that may be read of same"):
            session.stage("seen", query, dates=[ONE], reads={"before": (ONE, ONE)})


def test_a_query_about_dates_that_nobody_named_is_an_error_and_not_no_rows(warehouse):
    """Of no dates there would be no gap, and no broken promise; whatever was asked, or translated, before."""
    query = partial(rows_in_scope, HEIGHTS)
    put(warehouse, rows(*GOOD))
    with warehouse.session() as session:
        for dates in ([], [ONE]):
            for ask in (
                lambda: session.query(query),
                lambda: session.stage("asked", query),
                lambda: session.query(query(session.read)),
                lambda: session.stage("asked", query(session.read)),
            ):
                with pytest.raises(QueryError, match="no dates were named that the query is about"):
                    ask()
            assert session.query(query, dates=dates).num_rows == 2 * len(dates)


def test_every_call_is_about_its_own_dates_whatever_those_before_were_about(warehouse):
    put(warehouse, rows(*GOOD))
    query, made = partial(rows_in_scope, HEIGHTS), partial(transformed_rows, SEEN, seen)
    with warehouse.session() as session:
        for day, count in ((ONE, 2), (TWO, 1), (ONE, 2)):
            assert session.query(query, dates=[day]).num_rows == count
            assert session.query(session.stage("asked", query(session.read), dates=[day])).num_rows == count
            reads = {"before": (ONE, ONE), "same": (day, day)}
            [row] = session.query(made, dates=[day], reads=reads).to_pylist()
            assert row == {"game_date": day, "first": ONE, "last": ONE, "same": 1}


def test_duckdb_is_told_the_dates_only_where_they_are_others(file):
    put(file, rows(*GOOD))
    query = partial(rows_in_scope, HEIGHTS)
    with file.session(read_only=True) as session:
        assert session.query(query, dates=[ONE]).num_rows == 2
        session._connection.execute("SET VARIABLE date_scope = ['2000-01-01'::DATE]")
        assert session.query(query, dates=[ONE]).num_rows == 0, "nothing was sent"
        assert session.query(query, dates=[TWO]).num_rows == 1
        assert session.query(query, dates=[ONE]).num_rows == 2


def test_after_dates_that_duckdb_could_not_be_told_every_call_tells_its_own(file):
    put(file, rows(*GOOD))
    made, reads = partial(transformed_rows, SEEN, seen), {"before": (ONE, ONE), "same": (ONE, ONE)}
    with file.session(read_only=True) as session:
        before = session.query(made, dates=[ONE], reads=reads)
        for variable, wrong in (
            ("date_scope", {"dates": ["no date"], "reads": reads}),
            ("date_windows", {"dates": [ONE], "reads": reads | {"same": ("no date", "no date")}}),
        ):
            with pytest.raises(QueryError, match="invalid date field format"):
                session.query(made, **wrong)
            # As an interruption leaves it that comes once it is set.
            session._connection.execute(f"SET VARIABLE {variable} = NULL")
            assert session.query(made, dates=[ONE], reads=reads) == before


def every_row(read: Reader) -> ibis.Table:
    return read(HEIGHTS)


def test_a_question_that_duckdb_cannot_answer_is_an_error_of_the_warehouse(file):
    put(file, rows(*GOOD))
    with file.session(read_only=True) as session:
        with pytest.raises(QueryError, match=r"DuckDB could not answer a query: .*Could not convert string 'G'"):
            session.query(session.read(HEIGHTS).mutate(position=ibis._.position.cast("int64")))
        assert session.query(every_row).num_rows == len(GOOD)
    with duckdb.connect(str(file.path)) as somebody:
        somebody.execute("ALTER TABLE raw.heights ADD COLUMN weight DOUBLE")
    with (
        file.session(read_only=True) as session,
        pytest.raises(QueryError, match=r"a query gave the columns .*, weight, not "),
    ):
        session.query(every_row)


def test_rows_that_do_not_stand_where_they_were_written_are_not_published(file):
    put(file, rows(*GOOD))
    before = stored(file)
    strayed = Replacement(HEIGHTS, ibis.memtable(rows((TWO, 3, 190.0, "F"))), [ONE])
    with file.session() as session, pytest.raises(WarehouseError, match=f"raw.heights: 1 rows .* but 0 .* {ONE}"):
        session.replace([strayed])
    assert stored(file) == before


def test_a_table_that_was_not_there_is_read_once_it_is(warehouse):
    def asked() -> int:
        with warehouse.session(read_only=True) as session:
            return session.query(partial(rows_in_scope, HEIGHTS), dates=[ONE, TWO]).num_rows

    put(warehouse, rows(), table=replace(HEIGHTS, name="raw.others"))
    assert asked() == 0
    put(warehouse, rows(*GOOD))
    assert asked() == len(GOOD)


HOLD = """
import sys, time, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("CREATE TABLE IF NOT EXISTS held (n INT)")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


def held(path: Path, seconds: float) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path), str(seconds)], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    return process


def test_a_step_waits_for_another_process_to_let_go(file):
    file.lock_wait_seconds = 30
    with held(file.path, 1.0):
        outcomes = put(file, rows(*GOOD))
    assert outcomes[ONE].status == "published"


def test_a_step_that_waited_in_vain_names_the_process_that_holds_the_lock(file):
    with held(file.path, 60) as process:
        with pytest.raises(WarehouseBusyError, match=f"process {process.pid}"):
            put(file, rows(*GOOD))
        process.kill()


def test_an_analyst_can_read_between_steps(file):
    put(file, rows(*GOOD))
    with duckdb.connect(str(file.path), read_only=True) as analyst:
        assert analyst.execute("SELECT count(*) FROM raw.heights").fetchone() == (3,)
        with file.session(read_only=True) as session:
            assert session.query(session.read(HEIGHTS)).num_rows == 3


KILLED = """
import sys
from datetime import date
from pathlib import Path
import nba_pipeline_tests.warehouse.test_publish as t
warehouse = t.DuckDBWarehouse(Path(sys.argv[1]))
print("ready", flush=True)
for n in range(10_000):
    height = 160.0 + n % 80
    made = t.rows(*[(day, player, height, "G") for day in (t.ONE, t.TWO) for player in range(500)])
    t.put(warehouse, made)
    print(n, flush=True)
"""


def test_a_process_killed_at_any_moment_leaves_each_date_whole(tmp_path):
    warehouse = DuckDBWarehouse(tmp_path / "warehouse.duckdb", lock_wait_seconds=10)
    for wait in (0.05, 0.21, 0.37):
        with subprocess.Popen([sys.executable, "-c", KILLED, str(warehouse.path)], stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            process.stdout.readline()
            time.sleep(wait)
            os.kill(process.pid, signal.SIGKILL)
        with warehouse.session(read_only=True) as session:
            found = session.query(session.read(HEIGHTS)).to_pylist()
            manifest = session.query(session.read(PUBLISHED_PARTITIONS)).to_pylist()
        assert len(found) == 1000
        assert all(len({row["height"] for row in found if row["game_date"] == day}) == 1 for day in (ONE, TWO))
        assert {row["row_count"] for row in manifest} == {500}


def test_a_file_that_is_no_database_is_named(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(Exception, match=r"warehouse\.duckdb cannot be opened as a DuckDB database"):
        put(DuckDBWarehouse(path), rows(*GOOD))


def tallest(published: ibis.Table) -> ibis.Table:
    return published.group_by("game_date").agg(tallest=published.height.max())


@ON_BIGQUERY_IN_CAMPAIGN
def test_the_notes_of_a_contract_are_taken_of_what_stands_published(warehouse):
    noting = replace(HEIGHTS, notes=tallest)
    first = put(warehouse, rows(*GOOD), table=noting)
    assert {day: outcome.notes for day, outcome in first.items()} == {ONE: {"tallest": 210.0}, TWO: {"tallest": 200.0}}
    again = put(warehouse, rows((ONE, 1, 200.0, "G"), (ONE, 2, 400.0, None), GOOD[2]), table=noting)
    assert again[ONE].status == "refused"
    assert again[TWO].notes == {"tallest": 200.0}
