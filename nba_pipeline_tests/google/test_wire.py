"""Faults on the wire to BigQuery: a partition is as before or as after. And no query beyond its budget."""

import json
from dataclasses import replace

import ibis
import pytest
from google.api_core import exceptions
from google.cloud.bigquery import SchemaField, Table

from nba_pipeline.runtime import Runtime
from nba_pipeline.warehouse.bigquery_budget import BudgetExceededError
from nba_pipeline.warehouse.bigquery_warehouse import LEASE_SECONDS, TIDYING_BYTES, BigQueryWarehouse
from nba_pipeline.warehouse.date_scope import rows_in_scope
from nba_pipeline.warehouse.errors import QueryError, WarehouseBusyError, WarehouseError, WarehouseUnavailableError
from nba_pipeline.warehouse.operations_tables import PUBLISHED_PARTITIONS
from nba_pipeline.warehouse.publish import Rows, publish
from nba_pipeline_tests.support.google_proxy import Asked, Fault
from nba_pipeline_tests.support.heights import GOOD, HEIGHTS, ONE, STAMP, TWO, put, rows, stored

OTHER = [(ONE, 1, 181.0, "G"), (ONE, 2, 182.0, "F"), (TWO, 1, 183.0, "G")]


def publication(asked: Asked) -> bool:
    """The transaction that replaces partitions of the table itself."""
    return any_query(asked) and asked.statement.startswith("BEGIN TRANSACTION") and "`heights`" in asked.statement


def any_query(asked: Asked) -> bool:
    return asked.begins_a_job and not asked.is_dry_run


def not_done_at_once(asked: Asked, body: bytes) -> bytes:
    """A job runs on when it was taken, as on BigQuery: the emulator answers when it is done."""
    if not publication(asked) or b'"status"' not in body:
        return body
    answer = json.loads(body)
    answer["status"] = {"state": "RUNNING"}
    return json.dumps(answer).encode()


def outcome_of_publication(asked: Asked) -> bool:
    """Somebody asks how a job ended."""
    return asked.method == "GET" and "/queries/" in asked.path


def manifest(warehouse: BigQueryWarehouse) -> set[tuple]:
    with warehouse.session(read_only=True) as session:
        found = session.query(session.read(PUBLISHED_PARTITIONS)).to_pylist()
    return {(row["game_date"], row["row_count"]) for row in found}


IN_CAMPAIGN = pytest.mark.campaign


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(publication, "reset"), id="reset after the commit was accepted"),
        pytest.param(Fault(publication, "code", 503, times=2), id="503 at the commit", marks=IN_CAMPAIGN),
        pytest.param(Fault(publication, "stall", seconds=8), id="time-out at the commit", marks=IN_CAMPAIGN),
        pytest.param(Fault(any_query, "code", 503, times=2), id="503", marks=IN_CAMPAIGN),
        pytest.param(Fault(any_query, "code", 429, times=2), id="429", marks=IN_CAMPAIGN),
        pytest.param(Fault(outcome_of_publication, "reset", times=2), id="reset while waiting", marks=IN_CAMPAIGN),
        pytest.param(Fault(outcome_of_publication, "code", 503, times=2), id="503 while waiting", marks=IN_CAMPAIGN),
    ],
)
def test_a_fault_that_heals_publishes_once_and_whole(bigquery, wire, fault, monkeypatch):
    monkeypatch.setattr("nba_pipeline.warehouse.bigquery_jobs.REQUEST_SECONDS", 4.0)
    wire.rewrite = not_done_at_once
    put(bigquery, rows(*GOOD))
    wire.faults = [replace(fault)]
    outcomes = put(bigquery, rows(*OTHER))
    assert wire.faults[0].hit == fault.times
    assert {o.status for o in outcomes.values()} == {"published"}
    wire.faults = []
    assert stored(bigquery) == OTHER
    assert manifest(bigquery) == {(ONE, 2), (TWO, 1)}


@IN_CAMPAIGN
def test_a_commit_whose_answer_was_lost_is_looked_up_and_not_done_again(bigquery, wire):
    put(bigquery, rows(*GOOD))
    wire.seen.clear()
    wire.faults = [Fault(publication, "reset")]
    put(bigquery, rows(*OTHER))
    sent = [asked.job["jobReference"]["jobId"] for asked in wire.jobs() if publication(asked)]
    assert len(sent) == 2
    assert len(set(sent)) == 1, "the same id, so that BigQuery knows it"


@pytest.mark.parametrize("kind", ["reset", pytest.param("code", marks=IN_CAMPAIGN)])
def test_an_outage_at_the_commit_leaves_the_partition_as_before_or_as_after(bigquery, wire, kind):
    put(bigquery, rows(*GOOD))
    wire.faults = [Fault(publication, kind, times=100)]
    with pytest.raises(WarehouseUnavailableError, match="Nothing is taken for done"):
        put(bigquery, rows(*OTHER))
    wire.faults = []
    assert stored(bigquery) in (GOOD, OTHER)
    assert manifest(bigquery) == {(ONE, 2), (TWO, 1)}
    put(bigquery, rows(*OTHER))
    assert stored(bigquery) == OTHER


def test_a_writer_waits_for_the_lease_and_names_what_to_do(bigquery, bigquery_settings):
    other = Runtime(bigquery_settings).warehouse
    with bigquery.session():
        with pytest.raises(WarehouseBusyError, match=f"for {LEASE_SECONDS} s"), other.session(wait_seconds=0.2):
            pass
        with other.session(read_only=True):
            pass
    with other.session(wait_seconds=0.2):
        pass


def test_a_writer_whose_lease_went_to_another_publishes_nothing(bigquery, bigquery_settings, monkeypatch):
    put(bigquery, rows(*GOOD))
    monkeypatch.setattr("nba_pipeline.warehouse.bigquery_warehouse._LEASE_END", "CURRENT_TIMESTAMP()")
    other = Runtime(bigquery_settings).warehouse
    with pytest.raises(WarehouseError, match="went to another writer"), bigquery.session() as slow:  # noqa: SIM117
        with other.session(wait_seconds=2):
            publish(slow, HEIGHTS, Rows(rows(*OTHER)), (ONE, TWO), STAMP)
    assert stored(bigquery) == GOOD


def billed(figure: int):
    """What BigQuery would say of every query: the emulator bills nothing."""

    def rewrite(asked: Asked, body: bytes) -> bytes:
        if not body.startswith(b"{") or b"totalBytesProcessed" not in body:
            return body
        answer = json.loads(body)
        for job in answer.get("jobs", [answer]):
            statistics = job.setdefault("statistics", {})
            statistics["totalBytesProcessed"] = str(figure)
            if "query" in statistics:
                statistics["query"] |= {"totalBytesProcessed": str(figure), "totalBytesBilled": str(figure)}
        return json.dumps(answer).encode()

    return rewrite


def test_a_query_over_budget_is_refused_before_it_runs(bigquery_settings, wire):
    settings = bigquery_settings.model_copy(update={"bigquery_bytes_per_run": 12_000_000})
    put(Runtime(settings).warehouse, rows(*GOOD))
    warehouse = Runtime(settings).warehouse
    with warehouse.session(read_only=True) as session:
        wire.seen.clear()
        wire.rewrite = billed(20_000_000)
        with pytest.raises(BudgetExceededError, match=r"20,000,000 bytes.*NBA_PIPELINE_BIGQUERY_BYTES_PER_RUN"):
            session.query(session.read(PUBLISHED_PARTITIONS))
    assert wire.jobs() == []


@IN_CAMPAIGN
def test_a_run_ends_where_its_budget_does_and_the_next_has_its_own(bigquery_settings, wire):
    warehouse = Runtime(bigquery_settings.model_copy(update={"bigquery_bytes_per_run": 100_000_000})).warehouse
    put(warehouse, rows(*GOOD))
    warehouse.charge("one")
    wire.rewrite = billed(40_000_000)
    with warehouse.session(read_only=True) as session:
        for _ in range(2):
            session.query(session.read(PUBLISHED_PARTITIONS))
        with pytest.raises(BudgetExceededError, match=r"80,000,000 were billed"):
            session.query(session.read(PUBLISHED_PARTITIONS))
        warehouse.charge("two")
        session.query(session.read(PUBLISHED_PARTITIONS))
    assert warehouse.cost()["bytes billed"] >= 120_000_000


@IN_CAMPAIGN
def test_the_budget_of_a_day_counts_what_other_processes_spent(bigquery_settings, wire):
    wire.rewrite = billed(40_000_000)
    put(Runtime(bigquery_settings).warehouse, rows(*GOOD))
    late = Runtime(bigquery_settings.model_copy(update={"bigquery_bytes_per_day": 100_000_000})).warehouse
    with pytest.raises(BudgetExceededError, match="NBA_PIPELINE_BIGQUERY_BYTES_PER_DAY"), late.session(read_only=True):
        pass


def test_every_query_carries_the_most_that_it_may_bill(bigquery, wire):
    put(bigquery, rows(*GOOD))
    queries = [asked for asked in wire.jobs() if asked.statement]
    assert queries
    assert all(int(asked.job["configuration"]["query"]["maximumBytesBilled"]) > 0 for asked in queries)


def test_nothing_that_was_staged_is_left_after_a_session(bigquery):
    put(bigquery, rows(*GOOD))
    with bigquery.session(read_only=True) as session:
        session.stage("looked_at", session.read(HEIGHTS))
        assert list(bigquery.client.list_tables(bigquery.names.dataset("staging")))
    assert list(bigquery.client.list_tables(bigquery.names.dataset("staging"))) == []


def test_a_table_that_somebody_took_away_is_an_error_by_name_and_no_empty_answer(bigquery):
    put(bigquery, rows(*GOOD))
    bigquery.client.delete_table(bigquery.names.table_id(HEIGHTS))
    with bigquery.session(read_only=True) as session, pytest.raises(QueryError, match="heights"):
        session.query(session.read(HEIGHTS))


def test_a_job_that_bigquery_refuses_is_an_error_of_the_warehouse(bigquery, wire):
    put(bigquery, rows(*GOOD))
    wire.faults = [Fault(any_query, "code", 403)]
    with bigquery.session(read_only=True) as session:
        with pytest.raises(QueryError, match="BigQuery refused a job: 403"):
            session.query(session.read(HEIGHTS))
        assert session.query(session.read(HEIGHTS)).num_rows == len(GOOD), "with the right it goes on"


def never_done(asked: Asked, body: bytes) -> bytes:
    """A query runs on, whoever asks for it."""
    answer = json.loads(body) if body.startswith(b"{") and not asked.is_dry_run else {}
    if "status" in answer:
        answer["status"] = {"state": "RUNNING"}
    if "jobComplete" in answer:
        answer = {"jobComplete": False, "jobReference": answer["jobReference"]}
    return json.dumps(answer).encode() if answer else body


def test_a_job_that_outlasts_its_time_limit_is_cancelled_and_named(bigquery, wire):
    put(bigquery, rows(*GOOD))
    with bigquery.session(read_only=True) as session:
        wire.rewrite = never_done
        with pytest.raises(QueryError, match=r"the time limit is over \(job "), session.time_limit(0.5):
            session.query(session.read(HEIGHTS))
        wire.rewrite = None
        assert wire.seen[-1].path.partition("?")[0].endswith("/cancel")
        assert session.query(session.read(HEIGHTS)).num_rows == len(GOOD)


def test_what_bigquery_is_not_even_asked_is_an_error_of_the_warehouse(bigquery, wire):
    put(bigquery, rows(*GOOD))
    with bigquery.session(read_only=True) as session:
        before = len(wire.jobs())
        with pytest.raises(WarehouseError, match="a session that only reads cannot write"):
            session.replace([])
        with pytest.raises(QueryError, match="nothing was staged as nowhere in this session"):
            session.query(ibis.table(HEIGHTS.schema, name="nowhere"))
        with pytest.raises(QueryError, match=r"could not be translated to BigQuery: .*'Kurtosis'"):
            session.query(session.read(HEIGHTS).agg(n=ibis._.height.kurtosis()))
        with pytest.raises(QueryError, match="no dates were named that the query is about"):
            session.query(rows_in_scope(HEIGHTS, session.read))
        with pytest.raises(QueryError, match="the time limit is over"), session.time_limit(0):
            session.query(session.read(HEIGHTS))
        assert len(wire.jobs()) == before


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (SchemaField("weight", "FLOAT64"), "a query gave the columns .*, weight, not "),
        (SchemaField("height", "STRING"), "a query gave other types than asked for: .*'tall'"),
    ],
    ids=["one more", "another type"],
)
def test_rows_of_bigquery_with_other_columns_or_types_are_no_answer(bigquery, column, said):
    put(bigquery, rows(*GOOD))
    place = bigquery.names.table_id(HEIGHTS)
    found = {field.name: field for field in bigquery.client.get_table(place).schema} | {column.name: column}
    bigquery.client.delete_table(place)
    bigquery.client.create_table(Table(place, schema=list(found.values())))
    values = {"game_date": "2024-01-01", "player_id": 1, "height": 200.0, "position": "G"} | (
        {"height": "tall"} if column.name == "height" else {}
    )
    bigquery.client.load_table_from_json([values], place).result()
    with bigquery.session(read_only=True) as session, pytest.raises(QueryError, match=said):
        session.query(session.read(HEIGHTS))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (exceptions.ServiceUnavailable("gone"), WarehouseUnavailableError),
        (exceptions.ResourceExhausted("too much"), WarehouseUnavailableError),
        (exceptions.PermissionDenied("not yours"), QueryError),
    ],
    ids=["unavailable", "exhausted", "denied"],
)
def test_rows_that_do_not_arrive_are_an_error_of_the_warehouse(bigquery, monkeypatch, error, expected):
    def fails(*arguments: object, **named: object) -> None:
        raise error

    put(bigquery, rows(*GOOD))
    monkeypatch.setattr("google.cloud.bigquery.table.RowIterator.to_arrow", fails)
    with bigquery.session(read_only=True) as session, pytest.raises(expected, match="fetch the rows of job"):
        session.query(session.read(HEIGHTS))


def test_a_budget_that_is_used_up_still_lets_the_lease_go(bigquery_settings, wire):
    warehouse = Runtime(bigquery_settings.model_copy(update={"bigquery_bytes_per_run": 12_000_000})).warehouse
    put(Runtime(bigquery_settings).warehouse, rows(*GOOD))
    with warehouse.session() as session:
        wire.rewrite = billed(20_000_000)
        with pytest.raises(BudgetExceededError):
            session.query(session.read(HEIGHTS))
        wire.seen.clear()
    (given_back,) = [asked for asked in wire.jobs() if "SET holder = NULL" in asked.statement]
    assert int(given_back.job["configuration"]["query"]["maximumBytesBilled"]) == TIDYING_BYTES
    with Runtime(bigquery_settings).warehouse.session(wait_seconds=0.2):
        pass
