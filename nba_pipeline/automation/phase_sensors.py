"""The sensors between the phases: what was published upstream launches what is made from it, once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Annotated

import dagster as dg
from dagster import AssetRecordsFilter, DagsterInstance
from pydantic import Field, TypeAdapter

from nba_pipeline.assets.contexts import SensorContext
from nba_pipeline.assets.switch import switched
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.table_checks import GRID_CHECK
from nba_pipeline.automation.jobs import DEFINED, jobs_of
from nba_pipeline.automation.launches import Launches
from nba_pipeline.automation.planning import LaunchPlan, landing_key
from nba_pipeline.automation.reconciler import reconcile
from nba_pipeline.contracts import Contract, Phase, Window
from nba_pipeline.gates.alert_metadata import WAITS_METADATA, AlertKind, alert_metadata
from nba_pipeline.gates.deadlines import is_late
from nba_pipeline.gates.evidence import Evidence
from nba_pipeline.gates.gatekeeper import Gatekeeper, record
from nba_pipeline.gates.rules import gate_into, last_table
from nba_pipeline.partitions import to_date, to_key
from nba_pipeline.settings import Settings

EVENTS_A_TICK = 1000
"""Materializations of one asset that a tick looks at; the rest is left for the next."""


@dataclass
class Waiting:
    """A date that could not be launched yet: since when, and whether people were notified."""

    since: datetime
    notified: Annotated[bool, Field(alias="told")] = False


@dataclass
class PhaseCursor:
    """What a sensor has handled: the last event of each upstream asset, and the dates that wait."""

    events: dict[str, int] = field(default_factory=dict)
    waiting: dict[date, Waiting] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None) -> "PhaseCursor":
        """The cursor that Dagster kept; at the very first tick an empty one."""
        return _CURSOR.validate_json(text) if text else cls()

    def __str__(self) -> str:
        """The cursor as JSON."""
        return _CURSOR.dump_json(self, by_alias=True).decode()


_CURSOR = TypeAdapter(PhaseCursor)


def phase_sensor(phase: Phase, tables: Sequence[Contract], settings: Settings) -> dg.SensorDefinition:
    """The sensor that launches a phase for the dates that changes upstream reach.

    The cursor moves only past what was handled: launched, under way, needing nothing, or remembered as
    waiting for a gate. A tick that fails leaves it where it was.
    """
    mine = [table for table in tables if table.phase is phase]
    upstream = upstream_assets(mine)

    @dg.sensor(
        name=f"{phase.name.lower()}_when_upstream_is_fresh",
        jobs=[DEFINED[job] for job in jobs_of(phase)],
        minimum_interval_seconds=settings.sensor_interval_seconds,
        default_status=switched(settings),
        required_resource_keys={"gatekeeper", "settings"},
        description=f"Launches phase {phase.value} once for every date and state of what it is made from.",
    )
    def sensor(context: SensorContext) -> dg.SensorResult | dg.SkipReason:
        cursor = PhaseCursor.read(context.cursor)
        changed, events = changes_since(context.instance, upstream, cursor.events)
        cursor.events |= events
        if not changed and not cursor.waiting:
            return dg.SensorResult(skip_reason="nothing was published upstream", cursor=str(cursor))
        return _tick(context, phase, mine, changed, cursor)

    return sensor


def upstream_assets(tables: Sequence[Contract]) -> dict[dg.AssetKey, tuple[str, ...]]:
    """The assets that feed a phase, each with the names under which its dates reach the tables.

    A table of the phase itself feeds the later dates of those that look back on it.
    """
    fed: dict[dg.AssetKey, set[str]] = {}
    for table in tables:
        if table.landed is not None:
            fed.setdefault(landing_key(table), set()).add(table.name)
        for read in table.reads.values():
            if read.table.phase is not table.phase or read.window is not Window.SAME_DATE:
                fed.setdefault(asset_key(read.table), set()).add(read.table.name)
    return {key: tuple(sorted(names)) for key, names in fed.items()}


def changes_since(
    instance: DagsterInstance, upstream: Mapping[dg.AssetKey, Sequence[str]], seen: Mapping[str, int]
) -> tuple[dict[str, set[date]], dict[str, int]]:
    """The dates materialized since the events seen, by table, and the newest event of each asset."""
    changed: dict[str, set[date]] = {}
    newest: dict[str, int] = {}
    for key, names in upstream.items():
        after = seen.get(key.to_user_string())
        found = instance.fetch_materializations(
            AssetRecordsFilter(key, after_storage_id=after), limit=EVENTS_A_TICK, ascending=True
        )
        for event in found.records:
            newest[key.to_user_string()] = event.storage_id
            if event.partition_key is not None:
                for name in names:
                    changed.setdefault(name, set()).add(to_date(event.partition_key))
    return changed, newest


def _tick(
    context: SensorContext,
    phase: Phase,
    tables: Sequence[Contract],
    changed: Mapping[str, set[date]],
    cursor: PhaseCursor,
) -> dg.SensorResult:
    gatekeeper = context.resources.gatekeeper
    wait_seconds = context.resources.settings.sensor_lock_wait_seconds
    with gatekeeper.looking(wait_seconds) as evidence:
        dates = set(cursor.waiting) | reached_dates(evidence, tables, changed)
        found = reconcile(gatekeeper, evidence, Launches(context.instance), phase, sorted(dates))
    planned = found.plan
    alerts = _keep_waiting(planned, cursor, gatekeeper)
    if planned.verdicts and (changed or alerts or planned.ready):
        # A tick that finds nothing new records nothing.
        with gatekeeper.warehouse.session(wait_seconds=wait_seconds) as session:
            record(session, planned.verdicts, context.sensor_name, gatekeeper.clock)
    now = gatekeeper.clock.now()
    requests = [launch.request(context.sensor_name, now) for launch in found.launches]
    for day in sorted({*found.tried_later, *found.given_up}):
        context.log.info(f"{day} was launched before from the same inputs; self-heal goes on with it")
    reason = None if requests else f"{len(dates)} dates looked at, {len(cursor.waiting)} wait, none to launch"
    return dg.SensorResult(run_requests=requests, skip_reason=reason, cursor=str(cursor), asset_events=alerts)


def reached_dates(evidence: Evidence, tables: Sequence[Contract], changed: Mapping[str, set[date]]) -> set[date]:
    """The dates of a phase that changed tables, or answers landed for its own, can reach."""
    dates: set[date] = set()
    for table in tables:
        dates |= evidence.lineage.reached(table, changed)
        if table.landed is not None:
            dates |= changed.get(table.name, set())
    return dates


def _keep_waiting(found: LaunchPlan, cursor: PhaseCursor, gatekeeper: Gatekeeper) -> list[dg.AssetCheckEvaluation]:
    """Remembers the dates that wait, forgets those that do not; returns an alert for each past its deadline."""
    now = gatekeeper.clock.now()
    before = cursor.waiting
    cursor.waiting = {
        day: before.get(day, Waiting(now)) for day in sorted({*found.followed, *found.under_way, *found.closed})
    }
    alerts = []
    for day, waiting in cursor.waiting.items():
        if day not in found.closed or waiting.notified:
            continue
        # Once the games are over the date wants what they make too, and that is due later than what came before.
        if is_late(found.wanted[day], day, now, waiting.since):
            waiting.notified = True
            alerts.append(_past_deadline(found, day, waiting.since, gatekeeper))
    return alerts


def _past_deadline(found: LaunchPlan, day: date, since: datetime, gatekeeper: Gatekeeper) -> dg.AssetCheckEvaluation:
    gate = gate_into(found.phase)
    blocked = found.phase.name.lower()
    if gate is None:
        table, check = found.wanted[day][0], GRID_CHECK
    else:
        table, check = last_table(gate, gatekeeper.tables), gate.check_name
    return dg.AssetCheckEvaluation(
        asset_key=asset_key(table),
        check_name=check,
        passed=False,
        metadata={
            "reasons": dg.MetadataValue.json({to_key(day): found.closed[day]}),
            WAITS_METADATA: dg.MetadataValue.json([asset_key(t).to_user_string() for t in found.wanted[day]]),
            **alert_metadata(
                AlertKind.GATE_CLOSED,
                since.astimezone(UTC),
                f"Nothing of phase {found.phase.value} ({blocked}) is made for {day}.",
                f"nba-pipeline backfill --from {day} --to {day}",
            ),
        },
    )
