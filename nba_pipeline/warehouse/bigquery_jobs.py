"""Jobs of BigQuery, each done once or not at all, whatever happens on the way to it.

A job has an id before it is sent. When nobody can say whether it arrived, it is sent again under the same id:
BigQuery then either takes it, or says that it has it, and it is looked up. What became of it is asked of
BigQuery and never assumed.
"""

import io
import re
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as OutOfTimeError
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
import tenacity
from google.api_core import exceptions
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from google.cloud.bigquery.job import LoadJob, QueryJob

from nba_pipeline.warehouse.bigquery_budget import LEAST_BILLED, BudgetExceededError, Governor
from nba_pipeline.warehouse.bigquery_errors import LOST, reached
from nba_pipeline.warehouse.errors import QueryError, WarehouseUnavailableError

J = TypeVar("J", LoadJob, QueryJob)

QueryParameters = Sequence[bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter]

MAY_HEAL = {
    "backendError",
    "badGateway",
    "internalError",
    "jobBackendError",
    "jobInternalError",
    "jobRateLimitExceeded",
    "rateLimitExceeded",
}
"""The reasons with which BigQuery says that the same can be tried again; `quotaExceeded` is none of them."""

CONCURRENT = re.compile(r"concurrent update|serialize access", re.I)
"""How BigQuery says that another job wrote to the table first."""

REQUEST_SECONDS = 60.0
OVER_BUDGET = "bytesBilledLimitExceeded"


@dataclass(frozen=True)
class Patience:
    """How often a job is tried, and how long to wait in between, in seconds."""

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 30.0


class JobFailedError(Exception):
    """BigQuery ended a job with an error; nothing of it was done."""

    def __init__(self, job: LoadJob | QueryJob) -> None:
        error: dict[str, Any] = dict(job.error_result or {})
        self.reason = str(error.get("reason", "unknown"))
        super().__init__(f"{error.get('message', 'no message')} ({self.reason}, job {job.job_id})")

    @property
    def may_heal(self) -> bool:
        """Whether BigQuery says that the same can be tried again."""
        return self.reason in MAY_HEAL or bool(CONCURRENT.search(str(self)))


def _may_heal(error: BaseException) -> bool:
    return isinstance(error, LOST) or (isinstance(error, JobFailedError) and error.may_heal)


class Jobs:
    """Runs queries and loads on one client, within a budget."""

    def __init__(self, client: bigquery.Client, governor: Governor, patience: Patience) -> None:
        self._client = client
        self._governor = governor
        self._patience = patience
        self._polling = Retry(
            predicate=_may_heal, initial=patience.first_wait, maximum=patience.longest_wait, timeout=600.0
        )
        self._estimates: dict[str, int] = {}

    def query(
        self,
        statement: str,
        parameters: QueryParameters = (),
        *,
        ends_at: float | None = None,
        repeated: bool = False,
    ) -> QueryJob:
        """Runs a query whose rows are to be read.

        It is asked first what it would read, and refused when that is beyond the budget; of a `repeated`
        statement, once a process. Raises `BudgetExceededError`, `QueryError` or `WarehouseUnavailableError`.
        """
        if not (repeated and statement in self._estimates):
            self._estimates[statement] = self._estimate(statement, parameters)
        estimate = self._estimates[statement] if repeated else self._estimates.pop(statement)
        self._governor.refuse_beyond(estimate, "A query")
        return self.do(statement, parameters, ends_at=ends_at)

    def do(
        self,
        statement: str,
        parameters: QueryParameters = (),
        *,
        into: str | None = None,
        ends_at: float | None = None,
        at_most: int | None = None,
    ) -> QueryJob:
        """Runs a statement without asking first; with `into`, its rows go into a new table.

        It is refused when less is left of the budget than any statement costs; BigQuery itself refuses it when it
        would bill more than is left, or than `at_most`.
        Raises `BudgetExceededError`, `QueryError` or `WarehouseUnavailableError`.
        """
        if at_most is None:
            self._governor.refuse_beyond(LEAST_BILLED, "A statement")
        config = bigquery.QueryJobConfig(
            query_parameters=list(parameters),
            maximum_bytes_billed=self._governor.left() if at_most is None else at_most,
            labels=dict(self._governor.labels),
            **({"destination": into, "write_disposition": "WRITE_TRUNCATE"} if into else {}),
        )
        job = self._run(
            lambda job_id: self._client.query(
                statement,
                config,
                job_id=job_id,
                retry=None,  # type: ignore[arg-type] - none is allowed, and documented
                job_retry=None,
                timeout=REQUEST_SECONDS,
            ),
            ends_at,
        )
        self._governor.note(job)
        return job

    def load(self, rows: pa.Table, into: str, schema: Sequence[bigquery.SchemaField]) -> LoadJob:
        """Loads rows into a new table, as Parquet. Raises `QueryError` or `WarehouseUnavailableError`."""
        buffer = io.BytesIO()
        pq.write_table(rows, buffer)
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            schema=list(schema),
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            labels=dict(self._governor.labels),
        )
        return self._run(
            lambda job_id: self._client.load_table_from_file(
                io.BytesIO(buffer.getbuffer()),
                into,
                size=buffer.getbuffer().nbytes,
                job_config=config,
                job_id=job_id,
                num_retries=0,
                timeout=REQUEST_SECONDS,
            ),
            None,
        )

    def _estimate(self, statement: str, parameters: QueryParameters) -> int:
        """The bytes that BigQuery says a statement would read; it says so without running it, and free of charge."""
        config = bigquery.QueryJobConfig(query_parameters=list(parameters), dry_run=True, use_query_cache=False)
        with reached("ask what a query would read"):
            job = self._client.query(statement, config, job_retry=None, retry=self._polling, timeout=REQUEST_SECONDS)
        return job.total_bytes_processed or 0

    def _run(self, begin: Callable[[str], J], ends_at: float | None) -> J:
        """Sends a job and waits for its end."""
        job_id = _new_id()
        try:
            for attempt in self._attempts():
                with attempt:
                    try:
                        return self._done(self._begun(begin, job_id), ends_at)
                    except JobFailedError:
                        # A job that failed did nothing, and its id is used up.
                        job_id = _new_id()
                        raise
        except JobFailedError as error:
            if error.may_heal:
                raise self._unavailable(error) from error
            kind = BudgetExceededError if error.reason == OVER_BUDGET else QueryError
            raise kind(f"BigQuery could not answer a query: {error}") from error
        except LOST as error:
            raise self._unavailable(error) from error
        except (exceptions.GoogleAPICallError, GoogleAuthError) as error:
            raise QueryError(f"BigQuery refused a job: {error}") from error
        raise AssertionError("tenacity ends with a value or raises")

    def _attempts(self) -> tenacity.Retrying:
        patience = self._patience
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(_may_heal),
            wait=tenacity.wait_exponential_jitter(
                patience.first_wait, patience.longest_wait, jitter=patience.first_wait
            ),
            stop=tenacity.stop_after_attempt(patience.attempts),
            reraise=True,
        )

    def _begun(self, begin: Callable[[str], J], job_id: str) -> J:
        """Sends a job, or finds it where an earlier request of the same id did arrive."""
        try:
            return begin(job_id)
        except exceptions.Conflict:
            return self._client.get_job(job_id, retry=self._polling, timeout=REQUEST_SECONDS)  # type: ignore[return-value]

    def _done(self, job: J, ends_at: float | None) -> J:
        """Waits for the end of a job, and asks BigQuery how it ended."""
        left = None if ends_at is None else max(0.1, ends_at - time.monotonic())
        try:
            if job.state != "DONE":
                job.result(retry=self._polling, timeout=left)
        except OutOfTimeError as error:
            job.cancel(retry=self._polling, timeout=REQUEST_SECONDS)
            raise QueryError(f"the time limit is over (job {job.job_id})") from error
        except (exceptions.GoogleAPICallError, *LOST):
            job.reload(retry=self._polling, timeout=REQUEST_SECONDS)
            if job.state != "DONE":
                raise
        if job.error_result:
            raise JobFailedError(job)
        return job

    def _unavailable(self, error: Exception) -> WarehouseUnavailableError:
        return WarehouseUnavailableError(
            f"BigQuery could not be reached in {self._patience.attempts} attempts; the last ended with: {error}. "
            "Nothing is taken for done. The step is tried again by itself."
        )


def _new_id() -> str:
    return f"nba_pipeline_{uuid.uuid4().hex}"
