"""Ticks the shipped sensors and schedules in their real order, with real runs, on a clock that is moved.

It does what Dagster's daemons do and nothing else: evaluates a tick, launches its run requests once a run
key, reports its events, and only then keeps its cursor. A tick that raises is recorded as failed.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster import DagsterError, DagsterRun, RunsFilter
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.errors import ScheduleExecutionError, SensorExecutionError, user_code_error_boundary
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._utils.error import serializable_error_info_from_exc_info
from pydantic import SecretStr

from nba_pipeline.alerting.sensor import ALERTS_KEY, SENT
from nba_pipeline.clock import NEW_YORK
from nba_pipeline.definitions import definitions
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.operations.runs import instance_of
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

RUN_KEY = "dagster/run_key"


@dataclass
class Ticked:
    """What one tick did."""

    name: str
    at: datetime
    runs: list[DagsterRun] = field(default_factory=list)
    skipped: str | None = None
    error: BaseException | None = None


class SimulatedDaemon:
    """One home, its instance, and the daemons' work on it."""

    def __init__(self, home: Path, server: LeagueServer, now: datetime, webhook: str | None = None) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.server = server
        self.clock_file = home / "now"
        self.at(now)
        self.settings = Settings(
            home=home, now=datetime(2026, 1, 20, 15, tzinfo=UTC), clock_file=self.clock_file,
            balldontlie_api_key=SecretStr("k"), balldontlie_api_url=server.url,
            balldontlie_requests_per_minute=100_000, http_wait_min_seconds=0.01, http_wait_max_seconds=0.02,
            http_timeout_seconds=1.5, http_attempts=3, step_retry_wait_seconds=0.1, lock_wait_seconds=20,
            sensor_lock_wait_seconds=5, alert_wait_min_seconds=0.01, alert_wait_max_seconds=0.02,
            slack_webhook_url=SecretStr(webhook) if webhook else None,
        )  # fmt: skip
        os.environ.pop("DAGSTER_HOME", None)
        self.instance = instance_of(self.settings)
        self.load()
        self.cursors: dict[str, str | None] = {}
        self.last_tick: dict[str, datetime] = {}
        self.last_schedule: datetime = now
        self.history: list[Ticked] = []
        self.launched: list[DagsterRun] = []
        self.refuse_launch: Callable[[dg.RunRequest], bool] = lambda request: False
        self.before_run: Callable[[dg.RunRequest], None] = lambda request: None

    def load(self) -> None:
        """Loads the shipped definitions."""
        runtime = Runtime(self.settings)
        self.definitions, self.resources = definitions(runtime), runtime.resources
        self.repository = self.definitions.get_repository_def()
        self.job = self.definitions.resolve_implicit_global_asset_job_def()
        self.warehouse = DuckDBWarehouse(self.settings.warehouse_path, 20)

    @property
    def gatekeeper(self) -> Gatekeeper:
        """The gates of the home."""
        return Runtime(self.settings).gatekeeper

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self.clock_file.read_text())

    def at(self, now: datetime) -> None:
        """Moves the clock of the pipeline and of the league."""
        unfinished = self.clock_file.with_suffix(".new")
        unfinished.write_text(now.astimezone(UTC).isoformat())
        unfinished.replace(self.clock_file)
        self.server.clock.fixed = now

    def close(self) -> None:
        self.instance.dispose()

    # what the daemons do

    def tick_sensor(self, name: str) -> Ticked:
        """One tick of a sensor."""
        sensor = self.repository.get_sensor_def(name)
        ticked = Ticked(name, self.now)
        self.last_tick[name] = self.now
        self.history.append(ticked)
        with dg.build_sensor_context(
            self.instance, cursor=self.cursors.get(name), repository_def=self.repository, sensor_name=name,
            resources={name: self.resources[name] for name in ("gatekeeper", "settings")},
        ) as context:  # fmt: skip
            try:
                with user_code_error_boundary(SensorExecutionError, lambda: f"the tick of {name}"):
                    data = sensor.evaluate_tick(context)
            except DagsterError as error:
                self._failed(ticked, sensor, error)
                return ticked
        for event in data.asset_events:
            self.instance.report_runless_asset_event(event)
        ticked.skipped = data.skip_message
        ticked.runs = [run for request in data.run_requests or () if (run := self.launch(request, name))]
        self.cursors[name] = data.cursor
        self._ended_well(ticked)
        return ticked

    def _ended_well(self, ticked: Ticked) -> None:
        """Notes a tick that ended well of what failed before: nobody asks about the others."""
        for state in self.instance.all_instigator_state():
            if state.instigator_name == ticked.name:
                status = TickStatus.SUCCESS if ticked.runs else TickStatus.SKIPPED
                self.instance.create_tick(
                    TickData(
                        instigator_origin_id=state.instigator_origin_id, instigator_name=ticked.name,
                        instigator_type=state.instigator_type, status=status, timestamp=time.time(),
                        selector_id=state.selector_id, run_ids=[run.run_id for run in ticked.runs],
                    )
                )  # fmt: skip

    def _failed(
        self, ticked: Ticked, definition: dg.SensorDefinition | dg.ScheduleDefinition, error: DagsterError
    ) -> None:
        ticked.error = error
        state = self._state(definition)
        self.instance.create_tick(
            TickData(
                instigator_origin_id=state.instigator_origin_id, instigator_name=ticked.name,
                instigator_type=state.instigator_type, status=TickStatus.FAILURE, timestamp=time.time(),
                selector_id=state.selector_id, error=serializable_error_info_from_exc_info(sys.exc_info()),
            )
        )  # fmt: skip

    def _state(self, definition: dg.SensorDefinition | dg.ScheduleDefinition) -> InstigatorState:
        """What the daemon notes of a sensor or schedule before its first tick."""
        known = {state.instigator_name: state for state in self.instance.all_instigator_state()}
        if definition.name in known:
            return known[definition.name]
        if isinstance(definition, dg.SensorDefinition):
            kind, data = InstigatorType.SENSOR, SensorInstigatorData()
        else:
            kind, data = InstigatorType.SCHEDULE, ScheduleInstigatorData(definition.cron_schedule)
        location = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="nba_pipeline.definitions"))
        origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), definition.name)
        return self.instance.add_instigator_state(
            InstigatorState(origin, kind, InstigatorStatus.DECLARED_IN_CODE, data)
        )

    def tick_schedule(self, name: str, at: datetime) -> Ticked:
        """One tick of a schedule, at its time."""
        schedule = self.repository.get_schedule_def(name)
        ticked = Ticked(name, at)
        self.history.append(ticked)
        with dg.build_schedule_context(
            self.instance,
            scheduled_execution_time=at,
            repository_def=self.repository,
            resources={name: self.resources[name] for name in ("gatekeeper", "settings")},
        ) as context:
            try:
                with user_code_error_boundary(ScheduleExecutionError, lambda: f"the tick of {name}"):
                    data = schedule.evaluate_tick(context)
            except DagsterError as error:
                self._failed(ticked, schedule, error)
                return ticked
        ticked.skipped = data.skip_message
        ticked.runs = [run for request in data.run_requests or () if (run := self.launch(request, name))]
        self._ended_well(ticked)
        return ticked

    def launch(self, request: dg.RunRequest, by: str) -> DagsterRun | None:
        """Runs a request in this process, unless its key was used by the same instigator before."""
        tags = dict(request.tags) | {
            "dagster/sensor_name": by,
            **({RUN_KEY: request.run_key} if request.run_key else {}),
        }
        if request.run_key:
            same = RunsFilter(tags={RUN_KEY: request.run_key, "dagster/sensor_name": by})
            if self.instance.get_runs_count(same):
                return None
        if self.refuse_launch(request):
            run = self.instance.create_run_for_job(
                self._job(request, by),
                tags=tags | ({"dagster/partition": request.partition_key} if request.partition_key else {}),
                asset_selection=frozenset(request.asset_selection or ()),
            )  # fmt: skip
            self.instance.report_run_failed(run, "the run could not be launched")
            return self.instance.get_run_by_id(run.run_id)
        self.before_run(request)
        job = self._job(request, by)
        result = job.execute_in_process(
            instance=self.instance,
            asset_selection=list(request.asset_selection or job.asset_layer.executable_asset_keys),
            partition_key=request.partition_key,
            tags=tags,
            raise_on_error=False,
            run_config=QUIET,
        )
        run = self.instance.get_run_by_id(result.run_id)
        assert run is not None
        self.launched.append(run)
        return run

    def _job(self, request: dg.RunRequest, by: str) -> dg.JobDefinition:
        """The job that a daemon launches: a schedule's own, else the one that the request names; people need none."""
        schedules = {schedule.name: schedule.job_name for schedule in self.repository.schedule_defs}
        name = schedules.get(by, request.job_name)
        return self.repository.get_job(name) if name else self.job

    # a stretch of time

    def sensors(self) -> list[str]:
        names = [sensor.name for sensor in self.repository.sensor_defs]
        return sorted(names, key=ORDER.index)

    def settle(self, rounds: int = 12) -> None:
        """Ticks the phases' sensors until none launches anything: what seconds bring about."""
        for _ in range(rounds):
            if not any(self.tick_sensor(name).runs for name in self.sensors() if name.endswith("_is_fresh")):
                return

    def run_until(self, end: datetime, step: timedelta = timedelta(minutes=15)) -> None:
        """Lets time pass: schedules at their times, self-heal each step, sensors until they are quiet."""
        while self.now < end:
            now = min(self.now + step, end)
            for at, name in self.due_schedules(self.last_schedule, now):
                self.at(at)
                self.tick_schedule(name, at)
                self.settle()
                self.tick_sensor("alerts")
            self.last_schedule = now
            self.at(now)
            self.settle()
            self.tick_sensor("self_heal")
            self.settle()
            self.tick_sensor("freshness")
            self.tick_sensor("decided_games")
            self.tick_sensor("alerts")

    def due_schedules(self, after: datetime, until: datetime) -> Sequence[tuple[datetime, str]]:
        """The schedules' ticks in a stretch of time, as Dagster's own cron arithmetic has them."""
        found: list[tuple[datetime, str]] = []
        for schedule in self.repository.schedule_defs:
            crons = schedule.cron_schedule
            for cron in [crons] if isinstance(crons, str) else crons:
                from dagster._utils.schedules import cron_string_iterator

                ticks: Iterable[datetime] = cron_string_iterator(after.timestamp() + 1, cron, str(NEW_YORK))
                for tick in ticks:
                    if tick > until:
                        break
                    found.append((tick.astimezone(UTC), schedule.name))
        return sorted(found)

    def alerts(self) -> list[dict[str, str]]:
        """The alerts that were sent, oldest first, as the UI shows them."""
        return [said for said in self.everything_said() if said["outcome"] == SENT]

    def everything_said(self) -> list[dict[str, str]]:
        """All that was recorded of alerts, oldest first: sent, made good before it was sent, resolved."""
        records = self.instance.fetch_observations(ALERTS_KEY, limit=1000, ascending=True).records
        return [
            {name: str(value.value) for name, value in record.asset_observation.metadata.items()}
            for record in records
            if record.asset_observation
        ]


ORDER = [
    "raw_when_upstream_is_fresh", "analytics_when_upstream_is_fresh", "precompute_when_upstream_is_fresh",
    "predictions_when_upstream_is_fresh", "grades_when_upstream_is_fresh", "tonights_file", "self_heal", "freshness",
    "decided_games", "alerts",
]  # fmt: skip
