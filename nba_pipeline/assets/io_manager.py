"""The Dagster I/O manager: inputs are Ibis tables bound to no engine, outputs go through write-audit-publish."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial

import dagster as dg
import ibis

from nba_pipeline.assets.check_evaluations import listed, record_by_date
from nba_pipeline.assets.step_retries import retrying_what_can_heal
from nba_pipeline.clock import Clock
from nba_pipeline.contracts import Contract, Reader
from nba_pipeline.dagster_internals.event_log import step_of
from nba_pipeline.partitions import to_date, to_key
from nba_pipeline.settings import Settings
from nba_pipeline.warehouse.date_scope import rows_in_scope
from nba_pipeline.warehouse.interface import Session, Warehouse
from nba_pipeline.warehouse.publish import Publication, Rows, Stamp, publish

PREVIEW_ROWS = 5

DECIDED_METADATA = "decided about games"
"""In the materialization of a date: what people decided about its games, where its rows follow from that as well."""

CONTRACT_CHECK = "contract"
"""Name of the asset check under which a refused date is recorded."""

Decided = Mapping[date, Sequence[str]]


class WarehouseIOManager(dg.IOManager):
    """Loads inputs as unbound Ibis tables and publishes outputs, one warehouse session an output."""

    def __init__(
        self, warehouse: Warehouse, clock: Clock, settings: Settings, contracts: Mapping[str, Contract]
    ) -> None:
        self._warehouse = warehouse
        self._clock = clock
        self._settings = settings
        self._contracts = contracts

    def load_input(self, context: dg.InputContext) -> ibis.Table:
        """The upstream table, bound to no engine: nothing is computed, or even opened, yet."""
        return self._contracts[_table_name(context.asset_key)].unbound()

    def handle_output(self, context: dg.OutputContext, obj: Rows) -> None:
        """Publishes every date that keeps the contract; raises `Failure` when any does not.

        The good dates of a failed step are recorded as materialized one by one, and each refused date as
        a failed check with its reasons.
        """
        table = self._contracts[_table_name(context.asset_key)]
        dates = [to_date(key) for key in context.asset_partition_keys]
        with (
            retrying_what_can_heal(self._settings, step_of(context).previous_attempt_count),
            self._warehouse.session() as session,
        ):
            outcomes = publish(session, table, obj, dates, Stamp(context.run_id, self._clock.now()))
            preview = _preview(session, table, max(dates))
        refused = [outcome for outcome in outcomes.values() if outcome.status == "refused"]
        if refused:
            _report_partial(context, outcomes, obj.decided)
            raise _failure(table, refused, len(dates))
        _annotate(context, outcomes, obj.decided)
        if preview:
            context.add_output_metadata({"preview": dg.MetadataValue.md(preview)})
        context.add_output_metadata(dict(self._warehouse.cost()))


def _table_name(key: dg.AssetKey) -> str:
    return ".".join(key.path)


def _metadata(outcome: Publication, decided: Decided) -> dict[str, dg.MetadataValue]:
    by_hand = decided.get(outcome.game_date)
    return {
        "dagster/partition_row_count": dg.MetadataValue.int(outcome.row_count),
        "fingerprint": dg.MetadataValue.text(outcome.fingerprint),
        "content": dg.MetadataValue.text(outcome.status),
        **{name: dg.MetadataValue.text(str(value)) for name, value in outcome.notes.items()},
        **({DECIDED_METADATA: listed(by_hand)} if by_hand else {}),
    }


def _preview(session: Session, table: Contract, day: date) -> str:
    """The first rows of a date as a Markdown table; empty when there are none."""
    first = session.query(partial(first_rows, table), dates=[day])
    return first.to_pandas().to_markdown(index=False, floatfmt=".3f") if first.num_rows else ""


def first_rows(table: Contract, read: Reader) -> ibis.Table:
    """The first rows of the dates in scope, in the order of the grain."""
    return rows_in_scope(table, read).order_by(table.grain).limit(PREVIEW_ROWS)


def _annotate(context: dg.OutputContext, outcomes: Mapping[date, Publication], decided: Decided) -> None:
    """Puts each date's rows and fingerprint on the materialization that Dagster records for it."""
    step = step_of(context)
    for day, outcome in outcomes.items():
        step.add_asset_metadata(_metadata(outcome, decided), asset_key=context.asset_key, partition_key=to_key(day))
    ordered = [outcomes[day].fingerprint for day in sorted(outcomes)]
    version = ordered[0] if len(ordered) == 1 else range_fingerprint(ordered)
    step.set_data_version(context.asset_key, dg.DataVersion(version))
    context.add_output_metadata({"rows in this run": sum(outcome.row_count for outcome in outcomes.values())})


def range_fingerprint(fingerprints: list[str]) -> str:
    """One fingerprint for a range of dates, from those of the dates in order."""
    return hashlib.sha256(",".join(fingerprints).encode()).hexdigest()


def _report_partial(context: dg.OutputContext, outcomes: Mapping[date, Publication], decided: Decided) -> None:
    for day, outcome in sorted(outcomes.items()):
        if outcome.status != "refused":
            context.log_event(
                dg.AssetMaterialization(
                    asset_key=context.asset_key,
                    partition=to_key(day),
                    metadata=_metadata(outcome, decided),
                    tags={"dagster/data_version": outcome.fingerprint},
                )
            )
    # The check itself will not run, since the step fails; the rows were held against the contract to be published.
    found = {
        day: dg.AssetCheckResult(
            passed=outcome.status != "refused",
            metadata={"reasons": listed(outcome.reasons)} if outcome.reasons else None,
        )
        for day, outcome in outcomes.items()
    }
    record_by_date(step_of(context), dg.AssetCheckKey(context.asset_key, CONTRACT_CHECK), found)


def _failure(table: Contract, refused: list[Publication], asked: int) -> dg.Failure:
    listed = "; ".join(
        f"{outcome.game_date}: {', '.join(outcome.reasons)}"
        for outcome in sorted(refused, key=lambda o: o.game_date)[:10]
    )
    more = f"; and {len(refused) - 10} more dates" if len(refused) > 10 else ""
    return dg.Failure(
        description=(
            f"{table.name}: {asked - len(refused)} of {asked} dates published, {len(refused)} refused. {listed}{more}"
        ),
        metadata={"refused": dg.MetadataValue.json({str(o.game_date): list(o.reasons) for o in refused})},
        allow_retries=False,
    )
