"""What an asset check found about single dates of a run, recorded so that the UI shows it on those dates."""

from collections.abc import Iterable, Mapping
from datetime import date

import dagster as dg
from dagster import AssetRecordsFilter, DagsterInstance

from nba_pipeline.dagster_internals.event_log import evaluated, newest_materializations, store_evaluation
from nba_pipeline.partitions import to_key


def record_by_date(
    step: dg.StepExecutionContext, check: dg.AssetCheckKey, results: Mapping[date, dg.AssetCheckResult]
) -> None:
    """Records each result as an evaluation of its date's newest materialization.

    One that names another materialization, or none, is taken for outdated, and the UI shows the date as never
    checked. One without a run can be recorded once a date and never again.
    """
    checked = _newest_materializations(step.instance, check.asset_key, map(to_key, results))
    for day, result in sorted(results.items()):
        evaluation = dg.AssetCheckEvaluation(
            asset_key=check.asset_key,
            check_name=check.name,
            passed=result.passed,
            severity=result.severity,
            metadata=result.metadata,
            partition=to_key(day),
            target_materialization_data=evaluated(checked[to_key(day)]) if to_key(day) in checked else None,
        )
        store_evaluation(step, evaluation)


def listed(reasons: Iterable[str]) -> dg.MarkdownMetadataValue:
    """Reasons as a list that the UI shows and alerts quote."""
    return dg.MetadataValue.md("\n".join(f"- {reason}" for reason in reasons))


def _newest_materializations(
    instance: DagsterInstance, asset: dg.AssetKey, partitions: Iterable[str]
) -> dict[str, dg.EventLogRecord]:
    newest = newest_materializations(instance, asset, partitions)
    if not newest:
        return {}
    found = instance.fetch_materializations(
        AssetRecordsFilter(asset, storage_ids=sorted(newest.values())), limit=len(newest)
    )
    return {record.partition_key: record for record in found.records if record.partition_key is not None}
