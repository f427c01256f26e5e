"""The alert sensor on an instance, and small runs that give it something to send."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg
from dagster import DagsterInstance
from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._utils.error import serializable_error_info_from_exc_info
from pydantic import SecretStr

from nba_pipeline.alerting.alerts import Alert
from nba_pipeline.alerting.sensor import ALERTS_KEY, alert_sensor
from nba_pipeline.gates.alert_metadata import AlertKind
from nba_pipeline.settings import Settings
from nba_pipeline_tests.support.webhook import Webhook

NOW = datetime(2026, 1, 20, 15, tzinfo=UTC)
DAYS = dg.DailyPartitionsDefinition(start_date="2025-10-01", end_date="2026-02-01")


class Pager:
    """The alert sensor on an instance, tick by tick."""

    def __init__(self, instance: DagsterInstance, webhook: Webhook | None, now: datetime = NOW) -> None:
        self.instance = instance
        self.cursor: str | None = None
        self.settings = settings_for(webhook.url if webhook else None, now)

    def at(self, now: datetime) -> None:
        self.settings = self.settings.model_copy(update={"now": now})

    def tick(self) -> None:
        """What the daemon does: the cursor is kept when the tick ends well, and only then."""
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor)
        result = alert_sensor(self.settings)(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor

    def recorded(self) -> list[dict[str, object]]:
        """The alerts in the UI, oldest first."""
        found = self.instance.fetch_observations(ALERTS_KEY, limit=1000, ascending=True).records
        observations = [record.event_log_entry.asset_observation for record in found]
        return [{name: value.value for name, value in o.metadata.items()} for o in observations if o]


def settings_for(url: str | None, now: datetime = NOW, **others: float) -> Settings:
    return Settings(
        now=now,
        slack_webhook_url=SecretStr(url) if url else None,
        alert_wait_min_seconds=others.get("low", 0.001),
        alert_wait_max_seconds=others.get("high", 0.002),
        ui_url="http://ui.example:3000/",
    )


@dg.asset(key=["raw", "games"], partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def games() -> None:
    try:
        raise ValueError("the source answered with HTTP 503 to question 4711")
    except ValueError as error:
        raise RuntimeError("no games") from error


@dg.asset(key=["raw", "players"], partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def players() -> None:
    pass


@dg.asset(deps=[players], partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def reader() -> None:
    pass


def players_check(*, blocking: bool = False, passed: bool = False) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=players, name="grid", blocking=blocking, partitions_def=DAYS)
    def grid() -> dg.AssetCheckResult:
        severity = dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN
        incomplete = {"2025-11-02": ["3 players missing: player_id 7; player_id 8"]}
        return dg.AssetCheckResult(
            passed=passed, severity=severity, metadata={"incomplete": dg.MetadataValue.json(incomplete)}
        )

    return grid


def run(
    instance: DagsterInstance,
    assets: Sequence[dg.AssetsDefinition],
    first: str,
    last: str,
    checks: Sequence[dg.AssetChecksDefinition] = (),
) -> str:
    """A real run over the dates; returns its id."""
    found = dg.Definitions(assets=[*assets], asset_checks=[*checks], executor=dg.in_process_executor)
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    result = found.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        raise_on_error=False,
        tags=tags if first != last else {},
        partition_key=first if first == last else None,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    return result.run_id


def fail_tick(instance: DagsterInstance, name: str, message: str, at: float) -> None:
    """What the daemon stores when the function of a sensor raises."""
    if name not in {state.instigator_name for state in instance.all_instigator_state()}:
        location = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="nba_pipeline.definitions"))
        remote = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), name)
        state = InstigatorState(
            remote, InstigatorType.SENSOR, InstigatorStatus.DECLARED_IN_CODE, SensorInstigatorData()
        )
        instance.add_instigator_state(state)
    state = next(state for state in instance.all_instigator_state() if state.instigator_name == name)
    try:
        raise ValueError(message)
    except ValueError:
        error = serializable_error_info_from_exc_info(sys.exc_info())
    instance.create_tick(
        TickData(
            instigator_origin_id=state.instigator_origin_id, instigator_name=name,
            instigator_type=InstigatorType.SENSOR, status=TickStatus.FAILURE, timestamp=at,
            selector_id=state.selector_id, error=error,
        )
    )  # fmt: skip


def an_alert(subject: str = "raw.games", day: str = "2025-11-01") -> Alert:
    return Alert(
        AlertKind.CHECK_FAILED, subject, "3 rows broken", "it broke", NOW, "none", "nba-pipeline ui",
        "http://ui.example/runs/1", (day, day),
    )  # fmt: skip
