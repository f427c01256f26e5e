"""What BigQuery may bill, for a run and for a day. A query beyond it is refused before it runs."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from google.cloud import bigquery
from google.cloud.bigquery.job import QueryJob

from nba_pipeline.warehouse.bigquery_errors import reached
from nba_pipeline.warehouse.errors import WarehouseError

LOOK_EVERY_SECONDS = 600
"""How often a process asks BigQuery what others have spent today; its own spending it knows."""

LEAST_BILLED = 10 * 2**20
"""Bytes that BigQuery bills for the smallest statement that reads a table."""

LABEL = "nba_pipeline"


class BudgetExceededError(WarehouseError):
    """A query would cost more than is left of a budget; it did not run."""


@dataclass(frozen=True)
class Budget:
    """The most bytes that may be billed for one run, and on one day (UTC) by everything with the same prefix."""

    per_run: int
    per_day: int


@dataclass
class Cost:
    """What was billed."""

    bytes_billed: int = 0
    slot_seconds: float = 0.0
    jobs: int = 0

    def add(self, job: QueryJob) -> None:
        """Adds a finished job."""
        self.bytes_billed += job.total_bytes_billed or 0
        self.slot_seconds += (job.slot_millis or 0) / 1000
        self.jobs += 1

    def as_metadata(self) -> dict[str, float]:
        """Names and figures, for people."""
        return {
            "bytes billed": self.bytes_billed,
            "slot seconds": round(self.slot_seconds, 3),
            "BigQuery queries": self.jobs,
        }


class Governor:
    """Knows what was spent, and says how much a query may cost."""

    def __init__(self, client: bigquery.Client, prefix: str, budget: Budget) -> None:
        self._client = client
        self._budget = budget
        self.labels: Mapping[str, str] = {LABEL: prefix.lower()}
        self._run_id = ""
        self._run = Cost()
        self._day = Cost()
        self._today = datetime.now(UTC).date()
        self._looked_at = float("-inf")
        self._since_asked = Cost()

    def begin_run(self, run_id: str) -> None:
        """What follows is on the account of this run."""
        if run_id != self._run_id:
            self._run_id, self._run = run_id, Cost()

    def note(self, job: QueryJob) -> None:
        """Counts a finished query."""
        for cost in (self._run, self._day, self._since_asked):
            cost.add(job)

    def taken(self) -> Cost:
        """What was billed since this was asked last."""
        cost, self._since_asked = self._since_asked, Cost()
        return cost

    def left(self) -> int:
        """The most bytes that a query may bill now: what is left of the tighter budget."""
        self._look()
        return max(0, min(self._budget.per_run - self._run.bytes_billed, self._budget.per_day - self._day.bytes_billed))

    def refuse_beyond(self, estimate: int, what: str) -> None:
        """Raises `BudgetExceededError` when a query of so many bytes does not fit what is left."""
        left = self.left()
        if estimate <= left:
            return
        over_run = self._budget.per_run - self._run.bytes_billed <= self._budget.per_day - self._day.bytes_billed
        which, limit, spent, variable = (
            (f"run {self._run_id}", self._budget.per_run, self._run, "NBA_PIPELINE_BIGQUERY_BYTES_PER_RUN")
            if over_run
            else (f"day {self._today}", self._budget.per_day, self._day, "NBA_PIPELINE_BIGQUERY_BYTES_PER_DAY")
        )
        raise BudgetExceededError(
            f"{what} would read {estimate:,} bytes, and of the budget of {limit:,} bytes for the {which} only "
            f"{left:,} are left ({spent.bytes_billed:,} were billed). It did not run. Raise {variable} if this is "
            "worth its price, or make fewer dates at once."
        )

    def _look(self) -> None:
        """Asks BigQuery, which lists jobs without a charge, what was billed today by this and other processes."""
        today = datetime.now(UTC).date()
        if today == self._today and time.monotonic() - self._looked_at < LOOK_EVERY_SECONDS:
            return
        midnight = datetime(today.year, today.month, today.day, tzinfo=UTC)
        day = Cost()
        with reached("list the jobs of today, for their bill"):
            for job in self._client.list_jobs(min_creation_time=midnight, state_filter="done"):
                if isinstance(job, QueryJob) and dict(job.labels or {}).get(LABEL) == self.labels[LABEL]:
                    day.add(job)
        self._day, self._today, self._looked_at = day, today, time.monotonic()
