"""The warehouse on BigQuery: what SQL makes is made there, and a partition is as before or as after.

DuckDB's file has one writer at a time. Here a lease says who may write: it is taken before a writing session
begins, and every publication looks at it, and prolongs it, in its own transaction.
"""

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import grpc
import ibis
import pyarrow as pa
import tenacity
from dagster_gcp import BigQueryResource
from google.api_core.exceptions import NotFound
from google.cloud import bigquery, bigquery_storage
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
from ibis.backends.bigquery.datatypes import BigQuerySchema
from ibis.common.exceptions import IbisError
from ibis.expr.operations import InMemoryTable

from nba_pipeline.code_versions.translations import Translations
from nba_pipeline.contracts import Column, StoredTable
from nba_pipeline.warehouse.bigquery_budget import Budget, Governor
from nba_pipeline.warehouse.bigquery_errors import reached
from nba_pipeline.warehouse.bigquery_jobs import Jobs, Patience, QueryParameters
from nba_pipeline.warehouse.bigquery_sql import DATE_SCOPE, Names, quote, read_parameters, translate, with_staged
from nba_pipeline.warehouse.cached_queries import CachedQueries, Statement
from nba_pipeline.warehouse.errors import QueryError, WarehouseBusyError, WarehouseError
from nba_pipeline.warehouse.interface import NO_READS, Query, Replacement, Session
from nba_pipeline.warehouse.schema_changes import columns_to_add, rows_lacking

STAGING = "staging"
STAGED_FOR_MS = 6 * 60 * 60 * 1000
"""Staged tables delete themselves after so long; no step takes that."""

LEASE_SECONDS = 900
"""A writer that was killed holds up the others for so long at most."""

MOST_CLUSTERING_COLUMNS = 4

TIDYING_BYTES = 100 * 2**20
"""What giving back the lease and dropping staged tables may bill, though the budget be used up."""


@dataclass
class KnownTables:
    """What a process has seen of the tables: those that there are, with their columns, and the contracts that they fit.

    Nobody but a person takes tables away. What was asked of one that is gone then fails, by name.
    """

    existing: dict[str, frozenset[str]] = field(default_factory=dict)
    fits: dict[str, ibis.Schema] = field(default_factory=dict)


class BigQuerySession:
    """A session: tables staged by it are its own, and so is the lease if it may write."""

    def __init__(
        self,
        jobs: Jobs,
        client: bigquery.Client,
        names: Names,
        reads: "RowReader",
        known: "KnownTables",
        holder: str | None,
        translations: Translations | None = None,
    ) -> None:
        self._jobs = jobs
        self._client = client
        self._names = names
        self._reads = reads
        self._known = known
        self._cached = CachedQueries(("bigquery", names.project, names.prefix), translations)
        self._read_lacking = False
        self._holder = holder
        self._ends_at: float | None = None
        self._staged: dict[str, str] = {}
        self._places: list[str] = []
        self._absent: set[str] = set()

    def read(self, table: StoredTable) -> ibis.Table:
        """The published rows of a table; empty when nothing was ever published."""
        if not self.exists(table):
            return ibis.memtable(table.schema.to_pyarrow().empty_table())
        lacking = rows_lacking(table, self._known.existing[table.name])
        self._read_lacking = self._read_lacking or lacking is not None
        return table.unbound() if lacking is None else lacking

    def exists(self, table: StoredTable) -> bool:
        """Whether the warehouse has the table at all."""
        return self._columns_of(table.name) is not None

    def _columns_of(self, name: str) -> frozenset[str] | None:
        """The columns of a table; None when there is no such table."""
        if name not in self._known.existing and name not in self._absent:
            with reached(f"look for {name}"):
                try:
                    found = self._client.get_table(self._names.id_of(name))
                except NotFound:
                    self._absent.add(name)
                else:
                    self._known.existing[name] = frozenset(column.name for column in found.schema)
        return self._known.existing.get(name)

    def query(
        self, query: Query, *, dates: Sequence[date] | None = None, reads: Mapping[str, tuple[date, date]] = NO_READS
    ) -> pa.Table:
        """The rows of a query; the size of one whose translation is kept is asked once."""
        statement = self._translated(query)
        return self._rows_of(
            statement,
            _parameters(statement, dates, reads),
            repeated=callable(query) and not statement.held,
        )

    def _translated(self, query: Query) -> Statement:
        """The statement of a query; one that holds rows, as of a table that is not there, is not kept."""
        if not callable(query):
            return _statement(query, self._names)
        known = self._cached.find(query, self._columns_of)
        if known is not None:
            return known
        self._read_lacking = False
        expression: ibis.Table = query(self.read)
        statement = _statement(expression, self._names)
        if not (self._read_lacking or expression.op().find(InMemoryTable)):
            self._cached.keep(query, statement)
        return statement

    @contextmanager
    def time_limit(self, seconds: float) -> Iterator[None]:
        """Cancels the query that runs when the time is over, and begins none after it."""
        self._ends_at = time.monotonic() + seconds
        try:
            yield
            self._in_time()
        finally:
            self._ends_at = None

    def ensure(self, table: StoredTable) -> None:
        """Creates the table, partitioned by date and clustered by key, or adds the columns that it has gained."""
        if self._known.fits.get(table.name) == table.schema:
            return
        wanted = schema_of(table)
        if not self.exists(table):
            create_dataset(self._client, self._names, table.schema_name)
            with reached(f"create {table.name}"):
                self._client.create_table(self._definition(table, wanted), exists_ok=True)
        self._fit(table, wanted)
        self._known.existing[table.name] = frozenset(column.name for column in wanted)
        self._known.fits[table.name] = table.schema

    def _fit(self, table: StoredTable, wanted: Sequence[bigquery.SchemaField]) -> None:
        """Adds the columns that the contract has gained. Raises `SchemaMismatchError` for any other difference."""
        with reached(f"look at {table.name}"):
            existing = self._client.get_table(self._names.table_id(table))
        found, needed = (dict(BigQuerySchema.to_ibis(list(fields)).items()) for fields in (existing.schema, wanted))
        missing = columns_to_add(table, found, needed)
        if missing:
            existing.schema = [*existing.schema, *(field for field in wanted if field.name in missing)]
            with reached(f"add columns to {table.name}"):
                self._client.update_table(existing, ["schema"])

    def stage(
        self,
        name: str,
        rows: Query | pa.Table,
        *,
        dates: Sequence[date] | None = None,
        reads: Mapping[str, tuple[date, date]] = NO_READS,
    ) -> ibis.Table:
        """Computes rows into a table of this session; only what Python made travels, as Parquet."""
        query = ibis.memtable(rows) if isinstance(rows, pa.Table) else rows
        held = None if callable(query) else query.op()
        if isinstance(held, InMemoryTable):
            schema, place = held.schema, self._new_place(name)
            self._jobs.load(held.data.to_pyarrow(schema), place, BigQuerySchema.from_ibis(schema))
        else:
            statement = self._translated(query)
            schema, place = statement.schema, self._computed(name, statement, _parameters(statement, dates, reads))
        self._staged[name] = place
        return ibis.table(schema, name=name)

    def _computed(self, name: str, statement: Statement, parameters: QueryParameters) -> str:
        """The place into which the rows of a statement were computed, with its columns in their order.

        A column that a contract gains in its middle stands last in the table, and unions go by place.
        """
        place = self._new_place(name)
        text = f"SELECT {_listed(statement.schema.names)} FROM ({self._text(statement)})"  # noqa: S608
        self._jobs.do(text, parameters, into=place, ends_at=self._limit())
        return place

    def _new_place(self, name: str) -> str:
        place = f"{self._names.project}.{self._names.dataset(STAGING)}.{uuid.uuid4().hex}_{name}"
        self._places.append(place)
        return place

    def append(self, table: StoredTable, rows: pa.Table) -> None:
        """Adds rows in one statement: all of them, or none."""
        self.stage("appended", rows)
        columns = _listed(rows.column_names)
        self._jobs.do(
            f"INSERT INTO {self._names.quoted(table)} ({columns}) SELECT {columns} FROM {quote(self._staged['appended'])}",  # noqa: S608, E501
            ends_at=self._limit(),
        )

    def replace(self, changes: Sequence[Replacement]) -> None:
        """Replaces partitions of several tables in one transaction, if the lease is still this session's."""
        if self._holder is None:
            raise WarehouseError("a session that only reads cannot write")
        parameters: list[bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter] = [
            bigquery.ScalarQueryParameter("holder", "STRING", self._holder)
        ]
        statements = [*prolong_lease(self._names)]
        for number, change in enumerate(changes):
            self.stage(f"replacement_{number}", change.rows)
            statements += self._replaced(number, change, parameters)
        script = ";\n".join(["BEGIN TRANSACTION", *statements, "COMMIT TRANSACTION"]) + ";"
        self._jobs.do(script, parameters, ends_at=self._limit())

    def clear(self) -> None:
        """Takes away what was staged; what a session that was killed leaves, BigQuery deletes after some hours."""
        if self._places:
            dropped = "\n".join(f"DROP TABLE IF EXISTS {quote(place)};" for place in self._places)
            self._jobs.do(dropped, at_most=TIDYING_BYTES)
            self._places.clear()

    def _replaced(
        self,
        number: int,
        change: Replacement,
        parameters: list[bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter],
    ) -> list[str]:
        target, staged = self._names.quoted(change.table), quote(self._staged[f"replacement_{number}"])
        columns = _listed(change.table.schema.names)
        condition = f"game_date IN UNNEST(@dates_{number})"
        parameters.append(bigquery.ArrayQueryParameter(f"dates_{number}", "DATE", change.dates))
        for place, (column, value) in enumerate(change.where.items()):
            condition += f" AND {quote(column)} = @value_{number}_{place}"
            parameters.append(bigquery.ScalarQueryParameter(f"value_{number}_{place}", "STRING", value))
        differs = (
            f"{change.table.name}: other rows than those staged stand in the partitions {min(change.dates)} to "
            f"{max(change.dates)} after writing; nothing was published. This is a defect of the pipeline."
        )
        return [
            f"DELETE FROM {target} WHERE {condition}",  # noqa: S608
            f"INSERT INTO {target} ({columns}) SELECT {columns} FROM {staged}",  # noqa: S608
            f"ASSERT (SELECT COUNT(*) FROM {target} WHERE {condition}) = (SELECT COUNT(*) FROM {staged}) AS '{differs}'",  # noqa: S608, E501
        ]

    def _rows_of(self, statement: Statement, parameters: QueryParameters, *, repeated: bool) -> pa.Table:
        self._in_time()
        job = self._jobs.query(self._text(statement), parameters, ends_at=self._limit(), repeated=repeated)
        rows, names = self._reads.of(job), statement.schema.names
        if {*rows.column_names} != {*names}:
            raise QueryError(f"a query gave the columns {', '.join(rows.column_names)}, not {names}")
        try:
            return rows.select(names).cast(statement.schema.to_pyarrow())
        except pa.ArrowException as error:
            raise QueryError(f"a query gave other types than asked for: {error}") from error

    def _text(self, statement: Statement) -> str:
        for table in statement.held:
            if table.name not in self._staged:
                self.stage(table.name, table.data.to_pyarrow(table.schema))
        return with_staged(statement.text, self._place)

    def _place(self, name: str) -> str:
        if name not in self._staged:
            raise QueryError(f"nothing was staged as {name} in this session")
        return self._staged[name]

    def _limit(self) -> float | None:
        self._in_time()
        return self._ends_at

    def _in_time(self) -> None:
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            raise QueryError("the time limit is over")

    def _definition(self, table: StoredTable, schema: Sequence[bigquery.SchemaField]) -> bigquery.Table:
        definition = bigquery.Table(self._names.table_id(table), schema=list(schema))
        definition.description = table.description
        definition.time_partitioning = bigquery.TimePartitioning(field="game_date")
        definition.clustering_fields = [key for key in table.grain if key != "game_date"][:MOST_CLUSTERING_COLUMNS]
        return definition


def create_dataset(client: bigquery.Client, names: Names, schema: str, expires_after_ms: int | None = None) -> None:
    """Creates the dataset of a schema unless it is there; where somebody else made it, no right to do so is needed."""
    dataset = bigquery.Dataset(f"{names.project}.{names.dataset(schema)}")
    with reached(f"create the dataset {dataset.dataset_id}"):
        try:
            client.get_dataset(dataset.reference)
        except NotFound:
            dataset.location = client.location
            dataset.default_table_expiration_ms = expires_after_ms
            client.create_dataset(dataset, exists_ok=True)


def _parameters(
    statement: Statement, dates: Sequence[date] | None, reads: Mapping[str, tuple[date, date]]
) -> QueryParameters:
    """The dates that a statement leaves open. Raises `QueryError` when they were not given."""
    statement.dates.require(dates, reads)
    scope = [bigquery.ArrayQueryParameter(DATE_SCOPE, "DATE", sorted({*(dates or ())}))]
    windows = [
        bigquery.ScalarQueryParameter(parameter, "DATE", day)
        for name in sorted(statement.dates.windows)
        for parameter, day in zip(read_parameters(name), reads[name], strict=True)
    ]
    return [*(scope if statement.dates.scope else ()), *windows]


def _statement(expression: ibis.Table, names: Names) -> Statement:
    try:
        return translate(expression, names)
    except (IbisError, KeyError) as error:
        raise QueryError(f"a query could not be translated to BigQuery: {error}") from error


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(quote(name) for name in columns)


def schema_of(table: StoredTable) -> list[bigquery.SchemaField]:
    """The columns of a table with their definitions and units, as BigQuery shows them."""
    fields = BigQuerySchema.from_ibis(table.schema)
    return [
        bigquery.SchemaField(field.name, field.field_type, mode="NULLABLE", description=_description(column))
        for field, column in zip(fields, table.columns, strict=True)
    ]


def _description(column: Column) -> str:
    return f"{column.definition} Unit: {column.unit}."


class RowReader:
    """Brings the rows of a finished query here, through the Storage API where there is one."""

    def __init__(self, client: bigquery.Client, storage_endpoint: str | None) -> None:
        self._client = client
        self._endpoint = storage_endpoint

    @cached_property
    def _storage(self) -> bigquery_storage.BigQueryReadClient:
        """The Storage API of BigQuery, or of a server on this machine."""
        if self._endpoint is None:
            return bigquery_storage.BigQueryReadClient(credentials=self._client._credentials)
        channel = grpc.insecure_channel(self._endpoint, options=[("grpc.max_receive_message_length", -1)])
        transport = BigQueryReadGrpcTransport(channel=channel)
        return bigquery_storage.BigQueryReadClient(transport=transport)

    def of(self, job: bigquery.QueryJob) -> pa.Table:
        """The rows of a finished job. Raises `QueryError` or `WarehouseUnavailableError` when they do not arrive."""
        with reached(f"fetch the rows of job {job.job_id}"):
            return job.result(job_retry=None).to_arrow(bqstorage_client=self._storage)


class BigQueryWarehouse:
    """Tables in the datasets `<prefix>_<schema>` of one project."""

    def __init__(
        self,
        resource: BigQueryResource,
        prefix: str,
        budget: Budget,
        *,
        lock_wait_seconds: float = 600,
        patience: Patience | None = None,
        storage_endpoint: str | None = None,
        translations: Translations | None = None,
    ) -> None:
        self._resource = resource
        self._prefix = prefix
        self._budget = budget
        self._patience = patience or Patience()
        self._storage_endpoint = storage_endpoint
        self.lock_wait_seconds = lock_wait_seconds
        self._prepared = False
        self._known = KnownTables()
        self._translations = translations

    @cached_property
    def client(self) -> bigquery.Client:
        """Google's client, with the credentials that dagster-gcp found."""
        with self._resource.get_client() as client:
            return client

    @cached_property
    def names(self) -> Names:
        """Where the tables lie."""
        return Names(self.client.project, self._prefix)

    @cached_property
    def _governor(self) -> Governor:
        return Governor(self.client, self._prefix, self._budget)

    @cached_property
    def _jobs(self) -> Jobs:
        return Jobs(self.client, self._governor, self._patience)

    @cached_property
    def _rows(self) -> RowReader:
        return RowReader(self.client, self._storage_endpoint)

    @property
    def description(self) -> str:
        """The project and the prefix of its datasets."""
        return f"bigquery://{self.names.project}/{self._prefix}"

    @property
    def exists(self) -> bool:
        """Whether the project has any dataset with the prefix."""
        with reached("list the datasets that there are"):
            return any(found.dataset_id.startswith(self.names.dataset("")) for found in self.client.list_datasets())

    def charge(self, run_id: str) -> None:
        """What is asked from now on is on the account of this run."""
        self._governor.begin_run(run_id)

    def cost(self) -> Mapping[str, float]:
        """What BigQuery billed since this was asked last."""
        return self._governor.taken().as_metadata()

    @contextmanager
    def session(self, *, read_only: bool = False, wait_seconds: float | None = None) -> Iterator[Session]:
        """A session; a writing one holds the lease."""
        self._prepare()
        holder = None if read_only else uuid.uuid4().hex
        if holder is not None:
            self._take_lease(holder, self.lock_wait_seconds if wait_seconds is None else wait_seconds)
        session = BigQuerySession(
            self._jobs, self.client, self.names, self._rows, self._known, holder, self._translations
        )
        try:
            yield session
        finally:
            if holder is not None:
                self._give_back(holder)
            session.clear()

    def _give_back(self, holder: str) -> None:
        self._jobs.do(
            f"UPDATE {lease(self.names)} SET holder = NULL WHERE holder = @holder",  # noqa: S608
            [bigquery.ScalarQueryParameter("holder", "STRING", holder)],
            at_most=TIDYING_BYTES,
        )

    def _prepare(self) -> None:
        """Makes the datasets of staged tables and of the lease, once a process."""
        if self._prepared:
            return
        create_dataset(self.client, self.names, STAGING, STAGED_FOR_MS)
        create_dataset(self.client, self.names, "operations")
        self._jobs.do(
            f"CREATE TABLE IF NOT EXISTS {lease(self.names)} AS "
            "SELECT CAST(NULL AS STRING) AS holder, CURRENT_TIMESTAMP() AS held_until"
        )
        self._prepared = True

    def _take_lease(self, holder: str, wait_seconds: float) -> None:
        taken = (
            f"UPDATE {lease(self.names)} SET holder = @holder, held_until = {_LEASE_END} "  # noqa: S608
            "WHERE holder IS NULL OR held_until < CURRENT_TIMESTAMP()"
        )
        mine = [bigquery.ScalarQueryParameter("holder", "STRING", holder)]
        waiting = tenacity.Retrying(
            retry=tenacity.retry_if_result(lambda rows: not rows),
            wait=tenacity.wait_random(0.5, 2.0),
            stop=tenacity.stop_after_delay(wait_seconds),
        )
        try:
            waiting(lambda: self._jobs.do(taken, mine).num_dml_affected_rows)
        except tenacity.RetryError as error:
            raise WarehouseBusyError(
                f"{self.description} was written by somebody else for more than {wait_seconds:g} s. A writer that "
                f"was killed holds up the others for {LEASE_SECONDS} s. Wait, or raise "
                "NBA_PIPELINE_LOCK_WAIT_SECONDS, then run again."
            ) from error


_LEASE_END = f"TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL {LEASE_SECONDS} SECOND)"


def lease(names: Names) -> str:
    """The table of the lease, as it is written in a statement."""
    return quote(f"{names.project}.{names.dataset('operations')}.writer_lease")


def prolong_lease(names: Names) -> list[str]:
    """Statements of a transaction that end it when the lease is somebody else's, and hold it for longer if not."""
    return [
        f"UPDATE {lease(names)} SET held_until = {_LEASE_END} WHERE holder = @holder",  # noqa: S608
        f"ASSERT EXISTS(SELECT 1 FROM {lease(names)} WHERE holder = @holder) "  # noqa: S608
        "AS 'the lease of the warehouse went to another writer in the meantime; nothing was published'",
    ]
