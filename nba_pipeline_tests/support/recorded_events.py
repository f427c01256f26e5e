"""Records in an instance as runs, checks and the daemon write them."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster import DagsterInstance
from dagster._core.scheduler.instigation import TickData, TickStatus

from nba_pipeline.gates.alert_metadata import AlertKind, alert_metadata
from nba_pipeline.monitoring.freshness import DUE_DATE, FRESHNESS_CHECK
from nba_pipeline_tests.support.pager import DAYS, NOW, run

DAY, NEXT_DAY = "2025-11-02", "2025-11-03"
PLAYERS = dg.AssetKey(["raw", "players"])


def make(
    instance: DagsterInstance,
    *names: str,
    day: str = DAY,
    until: str | None = None,
    fails: bool = False,
) -> str:
    """A run that is to publish the assets, one after the other, and fails at the first of them if it shall."""
    assets: list[dg.AssetsDefinition] = []
    for name in names:

        @dg.asset(
            name=name,
            deps=[a.key for a in assets[-1:]],
            partitions_def=DAYS,
            backfill_policy=dg.BackfillPolicy.single_run(),
        )
        def asset() -> None:
            if fails:
                raise ValueError("the source answered with HTTP 503")

        assets.append(asset)
    return run(instance, assets, day, until or day)


def say(
    instance: DagsterInstance,
    check: str,
    *,
    passed: bool,
    days: Sequence[str] = (DAY,),
    asset: dg.AssetKey = PLAYERS,
    why: str = "too few",
    **metadata: Any,
) -> None:
    """An evaluation that belongs to no run and names its dates itself, as sensors report them."""
    reasons = {day: [] if passed else [why] for day in days}
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=asset, check_name=check, passed=passed,
            metadata={**({"reasons": dg.MetadataValue.json(reasons)} if days else {}), **metadata},
        )
    )  # fmt: skip


def of_kind(kind: AlertKind) -> Mapping[str, Any]:
    return alert_metadata(kind, NOW, "nothing works", "nba-pipeline ui")


def late(instance: DagsterInstance, day: str, *, passed: bool = False) -> None:
    say(instance, FRESHNESS_CHECK, passed=passed, days=[day], **{DUE_DATE: day}, **of_kind(AlertKind.FRESHNESS_MISSED))


def end_tick(instance: DagsterInstance, name: str, status: TickStatus, at: float) -> None:
    """What the daemon stores of a tick that did not fail."""
    state = next(state for state in instance.all_instigator_state() if state.instigator_name == name)
    instance.create_tick(
        TickData(
            instigator_origin_id=state.instigator_origin_id, instigator_name=name,
            instigator_type=state.instigator_type, status=status, timestamp=at,
            selector_id=state.selector_id, run_ids=[],
        )
    )  # fmt: skip
