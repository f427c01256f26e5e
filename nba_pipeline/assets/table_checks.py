"""The asset checks of tables and the gates as asset checks: what the UI shows, and what stops a run.

They read what is published and not what a step believes that it wrote.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import dagster as dg
from dagster import AssetCheckSeverity

from nba_pipeline.assets.check_evaluations import listed, record_by_date
from nba_pipeline.assets.contexts import CheckContext
from nba_pipeline.assets.io_manager import CONTRACT_CHECK
from nba_pipeline.assets.step_retries import retrying_what_can_heal
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.contracts import Contract
from nba_pipeline.dagster_internals.event_log import step_of
from nba_pipeline.gates.accuracy_tripwire import RECENT
from nba_pipeline.gates.alert_metadata import (
    EFFECT_METADATA,
    EFFECT_OF_WARNING,
    HELD_METADATA,
    AlertKind,
    alert_metadata,
)
from nba_pipeline.gates.evidence.coverage import Standing
from nba_pipeline.gates.gatekeeper import Gatekeeper, record
from nba_pipeline.gates.rules import GATES, last_table
from nba_pipeline.gates.verdicts import Gate, State, Verdict, alert_kind
from nba_pipeline.partitions import to_date, to_key
from nba_pipeline.warehouse.errors import QueryError

GRID_CHECK = "expected_grid"

RESOURCES = {"gatekeeper", "settings"}

EFFECTS_OF_RULINGS = {
    "held": "The game is in no history and in no grade; everything else of its date goes on without it.",
    "kept": "The game counts as an earlier answer has it; what the newest says is set aside until it is complete.",
}
"""What does not work meanwhile, by the state of a game that is not as good as any."""


def checks_of(table: Contract, game_dates: dg.PartitionsDefinition) -> dg.AssetChecksDefinition:
    """The two blocking checks of every table, in one step: nothing expected is missing, and the contract holds."""
    key = asset_key(table)
    about = {
        GRID_CHECK: "Every key that the schedule and the upstream tables expect is there, and no other.",
        CONTRACT_CHECK: "Types, keys, nulls, ranges and promises of the contract hold for the published rows.",
    }
    judged_by = {GRID_CHECK: _expected_grid, CONTRACT_CHECK: _contract}

    @dg.multi_asset_check(
        name=f"checks_of_{'__'.join(key.path)}",
        specs=[
            dg.AssetCheckSpec(name, asset=key, blocking=True, partitions_def=game_dates, description=text)
            for name, text in about.items()
        ],
        can_subset=True,
        required_resource_keys=RESOURCES,
    )
    def checks(context: CheckContext) -> Iterator[dg.AssetCheckResult]:
        gatekeeper = context.resources.gatekeeper
        dates = [to_date(key) for key in context.partition_keys]
        asked = [name for name in about if dg.AssetCheckKey(key, name) in context.selected_asset_check_keys]
        with (
            retrying_what_can_heal(context.resources.settings, context.op_execution_context.retry_number),
            gatekeeper.warehouse.session(read_only=True) as session,
        ):
            coverage = gatekeeper.evidence(session).coverage
            found, unanswered = _judgements({name: judged_by[name] for name in asked}, coverage, table, dates)
        for name, judgement in found.items():
            report_dates(context, dg.AssetCheckKey(key, name), dates, judgement.failed)
            yield dg.AssetCheckResult(
                asset_key=key, check_name=name, passed=not judgement.failed, metadata=judgement.metadata
            )
        if unanswered:
            raise unanswered[0]

    return checks


@dataclass(frozen=True)
class _Judgement:
    """What a check finds: the dates that fail with their reasons, and what the UI shows."""

    failed: Mapping[date, Sequence[str]]
    metadata: Mapping[str, dg.MetadataValue | int]


Judge = Callable[[Standing, Contract, Sequence[date]], _Judgement]


def _judgements(
    judges: Mapping[str, Judge], coverage: Standing, table: Contract, dates: Sequence[date]
) -> tuple[dict[str, _Judgement], list[QueryError]]:
    """What each check finds, and why others could not be asked: one that cannot takes no other with it."""
    found: dict[str, _Judgement] = {}
    unanswered: list[QueryError] = []
    for name, judge in judges.items():
        try:
            found[name] = judge(coverage, table, dates)
        except QueryError as error:
            unanswered.append(error)
    return found, unanswered


def _expected_grid(coverage: Standing, table: Contract, dates: Sequence[date]) -> _Judgement:
    found = coverage.of(table, dates, counts=True)
    incomplete = {c.game_date: c.reasons(table) for c in found.values() if not c.complete}
    return _Judgement(
        incomplete,
        {
            "dates": len(dates),
            "dates with nothing expected": sum(c.nothing_expected for c in found.values()),
            "present": sum(c.present for c in found.values()),
            "expected": sum(c.expected or 0 for c in found.values()),
            "incomplete": _by_date(incomplete),
        },
    )


def _contract(coverage: Standing, table: Contract, dates: Sequence[date]) -> _Judgement:
    broken = coverage.broken_promises(table, dates)
    return _Judgement(broken, {"dates": len(dates), "broken": _by_date(broken)})


def gate_checks(tables: Sequence[Contract], game_dates: dg.PartitionsDefinition) -> list[dg.AssetChecksDefinition]:
    """Every gate as a blocking check on the table that its phase ends with."""
    return [_gate_check(gate, last_table(gate, tables), tables, game_dates) for gate in GATES]


def _gate_check(
    gate: Gate, table: Contract, tables: Sequence[Contract], game_dates: dg.PartitionsDefinition
) -> dg.AssetChecksDefinition:
    key = asset_key(table)
    others = [asset_key(other) for other in tables if other.phase is gate.out_of and other is not table]
    name = gate.check_name

    @dg.asset_check(
        asset=key,
        name=name,
        blocking=True,
        partitions_def=game_dates,
        additional_deps=others,
        required_resource_keys=RESOURCES,
        description=f"Circuit breaker into phase {gate.into.value}: {gate.description}",
    )
    def gate_check(context: CheckContext) -> dg.AssetCheckResult:
        gatekeeper = context.resources.gatekeeper
        dates = [to_date(key) for key in context.partition_keys]
        with (
            retrying_what_can_heal(context.resources.settings, context.op_execution_context.retry_number),
            gatekeeper.warehouse.session() as session,
        ):
            verdicts = gatekeeper.verdicts(gatekeeper.evidence(session), gate, dates)
            record(session, verdicts.values(), f"check in run {context.op_execution_context.run_id}", gatekeeper.clock)
        return _gate_result(context, dg.AssetCheckKey(key, name), verdicts)

    return gate_check


def _gate_result(context: CheckContext, key: dg.AssetCheckKey, verdicts: Mapping[date, Verdict]) -> dg.AssetCheckResult:
    """Closed fails and blocks; overridden or degraded is a warning, which the UI shows and nothing waits for."""
    closed = {day: list(v.reasons) for day, v in verdicts.items() if v.state is State.CLOSED}
    noted = {day: list(v.reasons) for day, v in verdicts.items() if v.state in (State.DEGRADED, State.OVERRIDDEN)}
    warned = {
        day: {"reasons": listed(why), **said_of([verdicts[day]], context.resources.gatekeeper)}
        for day, why in noted.items()
    }
    report_dates(context, key, list(verdicts), closed, warned)
    return dg.AssetCheckResult(
        passed=not closed and not noted,
        severity=AssetCheckSeverity.ERROR if closed else AssetCheckSeverity.WARN,
        metadata={
            "dates": len(verdicts),
            "states": ", ".join(sorted({v.state.value for v in verdicts.values()})),
            "closed": _by_date(closed),
            "degraded or overridden": _by_date(noted),
            "reasons": _by_date(closed or noted),
            **said_of(verdicts.values(), context.resources.gatekeeper),
        },
    )


def said_of(verdicts: Iterable[Verdict], gatekeeper: Gatekeeper) -> dict[str, dg.MetadataValue]:
    """What the alert of a gate's check says beyond its reasons, where it is more than a failed check."""
    found = list(verdicts)
    kind = alert_kind(found)
    if kind is None:
        closed = any(verdict.state is State.CLOSED for verdict in found)
        return {} if closed else {EFFECT_METADATA: dg.MetadataValue.text(EFFECT_OF_WARNING)}
    if kind is AlertKind.OVERRIDE_USED:
        effect, command = (
            "Data that a gate refuses flows on, because a person decided so.",
            "nba-pipeline gate overrides",
        )
    elif kind in (AlertKind.GAME_HELD, AlertKind.GAME_KEPT):
        ruled = [game for verdict in found for game in (*verdict.held, *verdict.kept)]
        effect = " ".join(dict.fromkeys(EFFECTS_OF_RULINGS[game.state] for game in ruled))
        first = next(game for game in ruled if kind is AlertKind.GAME_KEPT or game.state == "held")
        command = f"nba-pipeline game show {first.game_id}"
    else:
        last = max(verdict.game_date for verdict in found) - timedelta(days=1)
        effect = "Nothing is graded or published from these predictions."
        command = f"nba-pipeline accuracy --from {last - RECENT} --to {last}"
    games = [
        {"game_date": to_key(g.game_date), "game_id": g.game_id, "teams": list(g.teams), "decided_by": g.decided_by}
        for v in found
        for g in v.held
    ]
    held = {HELD_METADATA: dg.MetadataValue.json(games)} if games else {}
    return {**alert_metadata(kind, gatekeeper.clock.now(), effect, command), **held}


def report_dates(
    context: CheckContext,
    key: dg.AssetCheckKey,
    dates: Sequence[date],
    failed: Mapping[date, Sequence[str]],
    warned: Mapping[date, Mapping[str, dg.MetadataValue]] | None = None,
) -> None:
    """Records an evaluation of each date of a range run: it failed, warns, or else passed.

    Dagster records the check of a run over one date for that date, and of a range once for all of it. Of each date it
    has noted before that the check is planned, and shows it as skipped when nothing more is said.
    """
    if len(dates) < 2:
        return
    passed = dg.AssetCheckResult(passed=True)
    found = dict.fromkeys(dates, passed)
    for day, metadata in (warned or {}).items():
        found[day] = dg.AssetCheckResult(passed=False, severity=AssetCheckSeverity.WARN, metadata=metadata)
    for day, reasons in failed.items():
        found[day] = dg.AssetCheckResult(passed=False, metadata={"reasons": listed(reasons)})
    record_by_date(step_of(context), key, found)


def _by_date(reasons: Mapping[date, Sequence[str]]) -> dg.MetadataValue:
    return dg.MetadataValue.json({str(day): list(why) for day, why in sorted(reasons.items())})
