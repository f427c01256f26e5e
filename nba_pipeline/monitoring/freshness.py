"""Freshness: is what must be there by now there? Asked of the newest due date, whatever was made meanwhile."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg
from dagster import AssetRecordsFilter, DagsterInstance

from nba_pipeline.assets.contexts import CheckContext, SensorContext
from nba_pipeline.assets.switch import switched
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.clock import season_of
from nba_pipeline.contracts import Contract
from nba_pipeline.dagster_internals.event_log import evaluated
from nba_pipeline.gates.alert_metadata import AlertKind, alert_metadata
from nba_pipeline.gates.deadlines import due, newest_due_date, owed
from nba_pipeline.gates.evidence import Evidence
from nba_pipeline.partitions import is_game_date, season_start, to_key
from nba_pipeline.settings import Settings

FRESHNESS_CHECK = "freshness"

DUE_DATE = "due date"
"""In the metadata of an evaluation: the date that it is about."""


@dataclass(frozen=True)
class Freshness:
    """How a table stands on its newest due date; `reasons` is empty when it is there."""

    table: Contract
    game_date: date
    reasons: tuple[str, ...]

    @property
    def fresh(self) -> bool:
        """Whether what is due is there."""
        return not self.reasons

    def evaluation(self) -> dg.AssetCheckEvaluation:
        """The state as an evaluation of the table's check, for the date that is due."""
        return dg.AssetCheckEvaluation(
            asset_key=asset_key(self.table),
            check_name=FRESHNESS_CHECK,
            passed=self.fresh,
            metadata=self.metadata(),
        )

    def metadata(self) -> dict[str, dg.MetadataValue]:
        """Which date is due since when, and what is missing."""
        deadline = due(self.table, self.game_date)
        shown: dict[str, dg.MetadataValue] = {
            DUE_DATE: dg.MetadataValue.text(to_key(self.game_date)),
            "deadline": dg.MetadataValue.text(deadline.isoformat()),
            "reasons": dg.MetadataValue.json({to_key(self.game_date): list(self.reasons)}),
        }
        if self.fresh:
            return shown
        effect = f"{self.table.name} has no complete rows for {self.game_date}; what is made from them waits."
        command = f"nba-pipeline backfill --from {self.game_date} --to {self.game_date}"
        return shown | alert_metadata(AlertKind.FRESHNESS_MISSED, deadline, effect, command)


def freshness(evidence: Evidence, tables: Sequence[Contract]) -> list[Freshness]:
    """How each table stands on its newest due date; out of season, and before anything was loaded, nothing."""
    found = []
    for table in tables:
        day = newest_due_date(table, evidence.clock.now())
        first = evidence.manifest.first_loaded(season_start(season_of(day)))
        if is_game_date(day) and first is not None and first <= day:
            lacking = evidence.coverage.of(table, owed(evidence, table, [day]))
            found.append(Freshness(table, day, tuple(r for c in lacking.values() for r in c.reasons(table))))
    return found


def evaluate_freshness(instance: DagsterInstance, evidence: Evidence, tables: Sequence[Contract]) -> None:
    """Records how fresh the tables are, outside of any run: once a load is over, of all that it made.

    Within a load its runs would judge dates that the next of them makes. Each evaluation names the table's newest
    materialization, or the UI would show the check as not evaluated since.
    """
    states = {state.table: state for state in freshness(evidence, tables)}
    for table in tables:
        result = _result(asset_key(table), states.get(table))
        newest = instance.fetch_materializations(AssetRecordsFilter(asset_key(table)), limit=1).records
        evaluation = dg.AssetCheckEvaluation(
            asset_key=asset_key(table),
            check_name=FRESHNESS_CHECK,
            passed=result.passed,
            severity=result.severity,
            metadata=result.metadata,
            target_materialization_data=evaluated(newest[0]) if newest else None,
        )
        instance.report_runless_asset_event(evaluation)


def freshness_sensor(tables: Sequence[Contract], settings: Settings) -> dg.SensorDefinition:
    """The sensor that records, for every table, when its newest due date becomes late and when it is there."""

    @dg.sensor(
        name="freshness",
        minimum_interval_seconds=settings.sensor_interval_seconds * 10,
        default_status=switched(settings),
        required_resource_keys={"gatekeeper", "settings"},
        description="Says for every table whether the newest date that is due is there, by deadlines in New York time.",
    )
    def sensor(context: SensorContext) -> dg.SensorResult:
        known: dict[str, list[object]] = json.loads(context.cursor) if context.cursor else {}
        with context.resources.gatekeeper.looking(settings.sensor_lock_wait_seconds) as evidence:
            found = freshness(evidence, tables)
        states = {state.table.name: [str(state.game_date), state.fresh] for state in found}
        changed = [state.evaluation() for state in found if known.get(state.table.name) != states[state.table.name]]
        late = sum(not state.fresh for state in found)
        reason = f"{len(found)} tables have a date that is due, {late} of them are late"
        return dg.SensorResult(asset_events=changed, cursor=json.dumps(states), skip_reason=reason)

    return sensor


def freshness_checks(tables: Sequence[Contract]) -> dg.AssetChecksDefinition:
    """The check of every table, in one step; it looks at the newest due date whichever dates a run makes."""
    by_key = {asset_key(table): table for table in tables}

    @dg.multi_asset_check(
        name="freshness_of_tables",
        specs=[
            dg.AssetCheckSpec(
                FRESHNESS_CHECK,
                asset=key,
                description="The newest date that is due is complete. Making an old date does not make today fresh.",
            )
            for key in by_key
        ],
        can_subset=True,
        required_resource_keys={"gatekeeper"},
    )
    def check(context: CheckContext) -> Iterator[dg.AssetCheckResult]:
        chosen = {key.asset_key for key in context.selected_asset_check_keys}
        with context.resources.gatekeeper.looking() as evidence:
            found = freshness(evidence, [by_key[key] for key in by_key if key in chosen])
        states = {asset_key(state.table): state for state in found}
        for key in sorted(chosen):
            yield _result(key, states.get(key))

    return check


def _result(key: dg.AssetKey, state: Freshness | None) -> dg.AssetCheckResult:
    nothing_due: dict[str, dg.MetadataValue] = {
        DUE_DATE: dg.MetadataValue.text("none: out of season, or nothing loaded yet")
    }
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=FRESHNESS_CHECK,
        passed=state is None or state.fresh,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=state.metadata() if state else nothing_due,
    )
