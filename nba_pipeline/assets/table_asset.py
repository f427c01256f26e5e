"""From a contract to a Dagster asset: one factory, so that no table can forget its guards."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import date, time, timedelta
from functools import cache
from pathlib import Path

import dagster as dg
import ibis
import pyarrow as pa

from nba_pipeline import code_versions
from nba_pipeline.assets.check_evaluations import listed, record_by_date
from nba_pipeline.assets.contexts import AssetContext
from nba_pipeline.assets.step_retries import retrying_what_can_heal
from nba_pipeline.clock import NEW_YORK
from nba_pipeline.contracts import Column, Contract
from nba_pipeline.dagster_internals.event_log import completed_evaluations, step_of
from nba_pipeline.gates.alert_metadata import (
    EFFECT_METADATA,
    EFFECT_OF_WARNING,
    NEXT_COMMAND_METADATA,
    AlertKind,
    alert_metadata,
)
from nba_pipeline.gates.deadlines import hours_of
from nba_pipeline.gates.evidence import NEXT_COMMAND, as_said_now
from nba_pipeline.gates.gatekeeper import Admission
from nba_pipeline.gates.rules import gate_into, gate_named, is_judged_before_its_check, last_table
from nba_pipeline.gates.verdicts import State, Verdict
from nba_pipeline.partitions import GAME_DATES, SEASON_MONTHS, partition_mapping, read_bounds, to_date, to_key
from nba_pipeline.warehouse.publish import Rows, Transform

OWNERS = ["team:data-platform"]

WRITER_POOL = "warehouse_writer"
"""The pool of everything that writes to the warehouse: DuckDB has one writer, so runs take turns."""


def asset_key(table: Contract) -> dg.AssetKey:
    """The asset key of a table: its schema and its name."""
    return dg.AssetKey(table.name.split("."))


def table_asset(
    table: Contract,
    *,
    kinds: Sequence[str] = (),
    deps: Sequence[dg.AssetKey] = (),
    transform: Transform | None = None,
) -> Callable[[Callable[..., ibis.Table | pa.Table | Rows]], dg.AssetsDefinition]:
    """Makes the decorated function the asset of `table`.

    The function takes the context, the dates whose gate is open, and the tables that the contract reads, by their
    names there, as Ibis tables bound to no engine. Dates whose gate is closed are refused and the others go on.
    The code version is that of the transform, where there is one, and else that of the function. It is put in with
    all that the settings say, on assembly.
    """
    reads = table.reads.values()

    def decorate(function: Callable[..., ibis.Table | pa.Table | Rows]) -> dg.AssetsDefinition:
        if transform is not None:
            code_versions.made_by_transform(table, transform)
        else:
            code_versions.made_by_python(table, function)

        @dg.asset(
            key=asset_key(table),
            # Not as arguments: for each of those Dagster walks the partitions of its window once more.
            deps=[
                *(dg.AssetDep(asset_key(read.table), partition_mapping=partition_mapping(read)) for read in reads),
                *deps,
            ],
            partitions_def=GAME_DATES,
            backfill_policy=dg.BackfillPolicy.single_run(),
            io_manager_key="warehouse_io",
            group_name=group_name(table),
            description=table.description,
            kinds={*kinds},
            owners=OWNERS,
            freshness_policy=made_by_its_hour(table),
            metadata={**definition_metadata(table), **code_reference(transform or function)},
            required_resource_keys={"warehouse", "clock", "landing", "settings", "progress", "gatekeeper"},
            pool=WRITER_POOL,
        )
        def asset(context: AssetContext) -> Rows:
            dates = [to_date(key) for key in context.partition_keys]
            context.resources.warehouse.charge(context.run_id)
            with retrying_what_can_heal(context.resources.settings, context.op_execution_context.retry_number):
                admission = admit(context, table, dates)
                refused = admission.refused
                open_dates = [day for day in dates if day not in refused]
                if not open_dates:
                    raise gate_failure(table, refused)
                made = function(context, open_dates, **_inputs(table, min(dates), max(dates)))
            if not isinstance(made, Rows):
                made = Rows(made)
            closed = {day: [f"the gate is closed: {reason}" for reason in why] for day, why in refused.items()}
            return Rows(made.rows, {**made.refused, **closed}, made.rejected, admission.inputs, admission.decided)

        return asset

    return decorate


def made_by_its_hour(table: Contract) -> dg.FreshnessPolicy:
    """The table was materialized within a day of the hour at which it is due, on every day of the season.

    A coarse signal, which asks when anything was made last: a backfill of old dates satisfies it. Whether the date
    that is due is there is what the check `freshness` judges, and what alerts.
    """
    return _made_daily_by(hours_of(table).due)


@cache
def _made_daily_by(due: time) -> dg.FreshnessPolicy:
    """The policy of an hour. Dagster looks through years of its dates to make one, so tables of an hour share it."""
    cron = f"{due.minute} {due.hour} * {SEASON_MONTHS} *"
    return dg.FreshnessPolicy.cron(deadline_cron=cron, lower_bound_delta=timedelta(days=1), timezone=str(NEW_YORK))


def transformed(table: Contract, transform: Transform, *, deps: Sequence[dg.AssetKey] = ()) -> dg.AssetsDefinition:
    """The asset of a table whose rows the warehouse computes from the tables that its contract reads."""

    @table_asset(table, deps=deps, transform=transform)
    def asset(context: AssetContext, dates: Sequence[date], **inputs: ibis.Table) -> Rows:
        return Rows(transform)

    return asset


def _inputs(table: Contract, first: date, last: date) -> dict[str, ibis.Table]:
    """The tables that the contract reads, bound to no engine, each with only the rows that the dates may read."""
    narrowed = {}
    for name, read in table.reads.items():
        rows = read.table.unbound()
        begin, end = read_bounds(read, first, last)
        narrowed[name] = rows.filter(rows.game_date.between(ibis.literal(begin), ibis.literal(end)))
    return narrowed


def group_name(table: Contract) -> str:
    """The asset group: the number and the name of the phase, so that groups sort as data flows."""
    return f"phase_{table.phase.value}_{table.phase.name.lower()}"


def admit(context: AssetContext, table: Contract, dates: Sequence[date]) -> Admission:
    """Asks the gates about the dates of the run; what they refuse, warn of or overlook is in the log and the UI."""
    gatekeeper = context.resources.gatekeeper
    admission = gatekeeper.admit(table, dates, asked_by=f"{table.name} in run {context.run_id}")
    for day, reasons in admission.refused.items():
        context.log.error(f"The gate into {table.name} is closed for {day}: {' '.join(reasons)}")
    for day, verdict in admission.verdicts.items():
        if verdict.state in (State.DEGRADED, State.OVERRIDDEN):
            context.log.warning(f"The gate {verdict.gate} is {verdict.state} for {day}: {' '.join(verdict.reasons)}")
        if verdict.state is State.OVERRIDDEN and day not in admission.refused:
            _report_override(context, table, verdict)
    if is_judged_before_its_check(table, gatekeeper.tables):
        to_come = [v for day, v in admission.verdicts.items() if day >= gatekeeper.clock.today()]
        _report_to_come(context, [v for v in to_come if v.state in (State.OPEN, State.DEGRADED)])
    return admission


def _report_to_come(context: AssetContext, verdicts: Sequence[Verdict]) -> None:
    """Puts what a gate says of dates to come on its check, which is run after their games only.

    A warning is put there once, and its end when the gate is open again: so there is one alert, and it closes.
    """
    for verdict in verdicts:
        gate, day = gate_named(verdict.gate), to_key(verdict.game_date)
        key = dg.AssetCheckKey(asset_key(last_table(gate, context.resources.gatekeeper.tables)), gate.check_name)
        newest = next(iter(completed_evaluations(context.instance, key, day, 1)), None)
        before = newest.evaluation if newest else None
        warns = verdict.state is State.DEGRADED
        reasons = listed(verdict.reasons)
        stored = None if before is None or before.passed else before.metadata.get("reasons")
        if (as_said_now(str(stored.value)) if stored else None) == (reasons.value if warns else None):
            continue
        warning = {
            "reasons": reasons,
            EFFECT_METADATA: dg.MetadataValue.text(EFFECT_OF_WARNING),
            NEXT_COMMAND_METADATA: dg.MetadataValue.text(verdict.reasons[0].rpartition(NEXT_COMMAND)[2]),
        } if warns else {}  # fmt: skip
        result = dg.AssetCheckResult(passed=not warns, severity=dg.AssetCheckSeverity.WARN, metadata=warning)
        record_by_date(step_of(context), key, {verdict.game_date: result})


def _report_override(context: AssetContext, table: Contract, verdict: Verdict) -> None:
    """Puts a use of an override on the gate's check, where the UI shows it and the alerts find it."""
    gate, tables = gate_named(verdict.gate), context.resources.gatekeeper.tables
    result = dg.AssetCheckResult(
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "reasons": dg.MetadataValue.json({to_key(verdict.game_date): list(verdict.reasons)}),
            **alert_metadata(
                AlertKind.OVERRIDE_USED,
                context.resources.clock.now(),
                f"{table.name} of {verdict.game_date} is made although its gate is closed.",
                "nba-pipeline gate overrides",
            ),
        },
    )
    key = dg.AssetCheckKey(asset_key(last_table(gate, tables)), gate.check_name)
    record_by_date(step_of(context), key, {verdict.game_date: result})


def gate_failure(table: Contract, refused: dict[date, list[str]]) -> dg.Failure:
    """The failure of a step none of whose dates may be made; never retried, since waiting fixes nothing."""
    day, gate = min(refused), gate_into(table.phase)
    others = f" (and {len(refused) - 1} more dates)" if len(refused) > 1 else ""
    name = f"The gate {gate.name} into {table.name}" if gate else f"What {table.name} is made from"
    is_not = "is closed" if gate else "is not complete"
    reasons = " ".join(refused[day])
    command = "" if "Next: " in reasons else f" Next: nba-pipeline backfill --from {day} --to {day}"
    return dg.Failure(
        description=f"{name} {is_not} for {day}{others}: {reasons}{command}",
        metadata={"refused": dg.MetadataValue.json({str(d): reasons for d, reasons in refused.items()})},
        allow_retries=False,
    )


def definition_metadata(table: Contract) -> dict[str, object]:
    """What the UI shows of a table before it was ever materialized: grain, schema, definitions, units."""
    return {
        "dagster/column_schema": dg.TableSchema(columns=[_column_doc(column, table) for column in table.columns]),
        "dagster/table_name": table.name,
        "grain": ", ".join(table.grain),
        "reads": {name: f"{read.table.name}, {read.window.value}" for name, read in table.reads.items()},
        "promises": [f"{audit.name}: {audit.definition}" for audit in table.audits],
    }


def code_reference(function: Callable[..., object]) -> Mapping[str, object]:
    """Where the UI leads who wants to read the code: the file and line of what makes the rows, if it has any."""
    try:
        file, line = Path(inspect.getsourcefile(function) or ""), inspect.getsourcelines(function)[1]
    except (TypeError, OSError):
        return {}
    place = dg.LocalFileCodeReference(file_path=str(file), line_number=line, label=f"{file.parent.name}/{file.name}")
    return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[place])}


def _column_doc(column: Column, table: Contract) -> dg.TableColumn:
    source = f" Source: {column.source}." if column.source else ""
    allowed = f" One of: {', '.join(column.allowed)}." if column.allowed else ""
    between = f" Between {column.between[0]:g} and {column.between[1]:g}." if column.between else ""
    return dg.TableColumn(
        name=column.name,
        type=column.type,
        description=f"{column.definition} Unit: {column.unit}.{allowed}{between}{source}",
        constraints=dg.TableColumnConstraints(nullable=column.nullable),
    )
