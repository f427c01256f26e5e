"""What self-heal says when code has changed: what, how much is made again, and whether predictions will be late."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import dagster as dg
from dagster import DagsterInstance

from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.clock import season_of
from nba_pipeline.code_versions import version_of
from nba_pipeline.contracts import Contract, Phase
from nba_pipeline.gates.alert_metadata import AlertKind, alert_metadata
from nba_pipeline.gates.deadlines import due
from nba_pipeline.gates.evidence import Evidence
from nba_pipeline.monitoring.durations import as_time, seconds_a_date
from nba_pipeline.partitions import season_start
from nba_pipeline.predictions.walk_forward.walk import HISTORY_SEASONS

CODE_CHECK = "code_is_current"

READ_BY_PREDICTIONS = (Phase.RAW, Phase.ANALYTICS, Phase.PRECOMPUTE)
"""The phases whose whole history predictions are made from; of later ones self-heal makes recent days again."""

Outdated = Mapping[str, Sequence[date]]
"""Per table, the dates that were made by other code than runs now, in order; of tables with some."""


def outdated_history(evidence: Evidence) -> dict[str, list[date]]:
    """What is outdated of the seasons that the predictions of today read, known gaps aside."""
    since = season_start(season_of(evidence.clock.today()) - HISTORY_SEASONS)
    read = [table for table in evidence.tables if table.phase in READ_BY_PREDICTIONS]
    return {table.name: days for table in read if (days := evidence.lineage.outdated(table, since))}


def dates_of(outdated: Outdated) -> set[date]:
    """All dates of it."""
    return {day for days in outdated.values() for day in days}


def seconds_needed(instance: DagsterInstance, tables: Sequence[Contract], outdated: Outdated) -> float:
    """How long making it again takes at least, by the runs before; what follows from changed rows comes on top."""
    chosen = [table for table in tables if table.name in outdated]
    speeds = seconds_a_date(instance, [asset_key(table) for table in chosen])
    return sum(speeds[asset_key(table)] * len(outdated[table.name]) for table in chosen)


def evaluation(
    self_heal: dg.AssetKey, evidence: Evidence, outdated: Outdated, seconds: float, now: datetime, since: datetime
) -> dg.AssetCheckEvaluation:
    """The check that all rows which predictions read were made by the code that runs, with what its alert says."""
    if not outdated:
        return dg.AssetCheckEvaluation(self_heal, CODE_CHECK, passed=True, metadata={"tables": 0})
    changed = [f"{name} ({len(days)} dates, now {_version(evidence, name)})" for name, days in outdated.items()]
    count = sum(map(len, outdated.values()))
    effect = (
        f"{count} tables and dates are made again, {as_time(seconds)} at least, and nothing is trained or predicted "
        f"before that. {_lateness(evidence, now + timedelta(seconds=seconds))}"
    )
    how_far = "How far it is: nba-pipeline health. To have it at once: nba-pipeline backfill --outdated"
    return dg.AssetCheckEvaluation(
        self_heal,
        CODE_CHECK,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "reasons": dg.MetadataValue.md(f"- made by other code than runs now: {', '.join(changed)}"),
            **alert_metadata(AlertKind.CODE_CHANGED, since, effect, how_far),
        },
    )


def _version(evidence: Evidence, name: str) -> str | None:
    return next(version_of(table) for table in evidence.tables if table.name == name)


def _lateness(evidence: Evidence, done: datetime) -> str:
    """Whether the predictions that are due next will be late."""
    predictions = [table for table in evidence.tables if table.ledger]
    today = evidence.clock.today()
    coming = [due(table, day) for table in predictions for day in (today, today + timedelta(days=1))]
    deadline = next((instant for instant in sorted(coming) if instant > evidence.clock.now()), None)
    if deadline is None:
        return "No predictions are due."
    late = (done - deadline).total_seconds()
    said = f"The predictions due at {deadline:%Y-%m-%d %H:%M} UTC will be"
    return f"{said} {as_time(late)} late." if late > 0 else f"{said} in time."
