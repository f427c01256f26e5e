"""What `nba-pipeline backfill` prints: its report, what would be made, and what is made again."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from dagster import AssetKey, DagsterInstance

from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.cli.health_commands import print_date
from nba_pipeline.cli.terminal import progress_bars, refuse_nothing, refuse_range
from nba_pipeline.contracts import Contract, Phase
from nba_pipeline.gates.evidence import Evidence, Need
from nba_pipeline.monitoring.durations import as_time, seconds_a_date
from nba_pipeline.monitoring.orphans import close_orphans
from nba_pipeline.monitoring.outcome import OK, NotTriedError, Outcome, end, errors, refusing, say
from nba_pipeline.monitoring.smoke_test import (
    DateState,
    as_json_objects,
    out_of_season,
)
from nba_pipeline.operations import backfill as backfilling
from nba_pipeline.operations.remaking import Portion, make_again, may_follow, not_current_dates, planned
from nba_pipeline.operations.runs import instance_of, opened
from nba_pipeline.partitions import dates_of, game_dates
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings

EVER = date.min, date.max


@refusing
def run_backfill(
    settings: Settings, first: date, last: date, phases: Sequence[Phase], *, history: bool, as_json: bool
) -> int:
    """Backfills the dates and prints how they stand; 0 only when every run succeeded and every date is complete."""
    runtime = Runtime(settings)
    refuse_range(runtime.clock, first, last)
    with progress_bars() as bars, opened(runtime, bars) as pipeline:
        killed = close_killed(pipeline.instance)
        ranges = backfilling.plan_ranges(runtime, first, last, phases, history=history)
        identity = backfilling.identity_of(settings, first, last, phases, history=history)
        before = backfilling.ended_before(pipeline.instance, identity)
        say(list(map(goes_on, before.done.items())), style="yellow", on=errors)
        report = backfilling.backfill(pipeline, ranges, (first, last), phases, identity, before)
    runs = [{"run_id": a.run_id, "success": a.success, "failures": list(a.failures)} for a in report.attempts]
    content = {"killed_runs": killed, "runs": runs, "dates": as_json_objects(report.results)}
    return end(report.outcome, content, lambda: _print_report(report), as_json=as_json)


def goes_on(done: tuple[str, Collection[object]]) -> str:
    """What of a range an ended backfill had made, in a sentence."""
    label, keys = done
    return (
        f"Goes on where a backfill was ended: {len(keys)} assets of {label} are made, and not asked for or made again."
    )


def close_killed(instance: DagsterInstance) -> list[str]:
    """Closes the runs that earlier processes left when they were killed, names them, and returns their ids."""
    closed = close_orphans(instance)
    for run_id in closed:
        run = instance.get_run_by_id(run_id)
        dates = dates_of(run) if run else []
        about = f" of {dates[0]} to {dates[-1]}" if dates else ""
        look = f"nba-pipeline smoke-test {dates[0]} {dates[-1]}" if dates else "nba-pipeline health"
        said = f"Run {run_id}{about} was killed, and is now marked as failed. What it left undone: {look}"
        say([said], style="yellow", on=errors)
    return closed


def _print_report(report: backfilling.Report) -> None:
    say(report.failed, style="red", on=errors)
    incomplete = [result for result in report.results if result.overall is DateState.FAIL]
    for result in incomplete:
        print_date(result, verbose=True)
    count, made = len(report.results), len(report.results) - len(incomplete)
    skipped = sum(result.overall is DateState.VALID_SKIP for result in report.results)
    failed = sum(not attempt.success for attempt in report.attempts)
    days = (report.dates[1] - report.dates[0]).days + 1
    stand = (
        f"{made} of {count} game dates complete ({skipped} with nothing expected, {days - count} days out of season)"
        if any(result.tables for result in report.results)
        else f"{count} game dates asked for"
    )
    ran = f"{failed} of {len(report.attempts)} runs failed" if failed else f"in {len(report.attempts)} runs"
    style = "green" if report.complete else "red"
    if report.unknown:
        say([report.unknown], style="red", on=errors)
    say([f"Not done: {ran}; {stand} by what stands." if failed else f"{stand} {ran}."], style=style)


@refusing
def run_dry(
    settings: Settings, first: date, last: date, phases: Sequence[Phase], *, history: bool, as_json: bool
) -> int:
    """Prints what a backfill would make, in which order and why, and about how long it takes; makes nothing."""
    runtime = Runtime(settings)
    refuse_range(runtime.clock, first, last)
    with instance_of(settings) as instance:
        ranges = backfilling.plan_ranges(runtime, first, last, phases, history=history)
        identity = backfilling.identity_of(settings, first, last, phases, history=history)
        before = backfilling.ended_before(instance, identity)
        speeds = seconds_a_date(instance, {key for planned in ranges for key in planned.keys})
    with runtime.warehouse.session(read_only=True) as session:
        evidence = runtime.gatekeeper.evidence(session)
        found = [_range_object(evidence, planned, before, speeds) for planned in ranges]
    seconds = sum(step["seconds"] for planned in found for step in planned["steps"])
    lines = [line for planned in found for line in _range_lines(planned)]
    lines.append(f"{as_time(seconds)} in all, by what was measured here before." if found else "Nothing would be made.")
    content = {"stretches": found, "seconds": seconds}
    outcome = Outcome(decided=tuple(out_of_season(first, last)))
    return end(outcome, content, lambda: say(lines), as_json=as_json)


def _range_object(
    evidence: Evidence,
    planned: backfilling.PlannedRange,
    before: backfilling.Ended,
    speeds: Mapping[AssetKey, float],
) -> dict:
    days = game_dates(planned.first, planned.last)
    tables = {asset_key(table): table for table in all_tables()}
    done = before.done.get(planned.label, frozenset())
    in_order = sorted(planned.keys, key=lambda key: [*tables].index(key) if key in tables else -1)
    return {
        "first": str(planned.first), "last": str(planned.last), "dates": len(days), "why": planned.why,
        "steps": [
            {
                "asset": ".".join(key.path), "seconds": speeds[key] * len(days),
                "why": _why(evidence, tables[key], days) if key in tables else "the source is asked",
            }
            for key in in_order if key not in done
        ],
        "done": sorted(".".join(key.path) for key in done),
    }  # fmt: skip


def _why(evidence: Evidence, table: Contract, days: Sequence[date]) -> str:
    """How the dates of a table stand now: what is missing, stale and outdated, and what is asked for all the same."""
    needs = list(evidence.lineage.needs([table], days).values())
    counts = {need.value: needs.count(need) for need in (Need.MISSING, Need.STALE, Need.OUTDATED)}
    said = [f"{count} {name}" for name, count in counts.items() if count]
    current = len(days) - len(needs)
    return ", ".join([*said, *([f"{current} current, asked for"] if current else [])])


def _range_lines(planned: dict) -> list[str]:
    title = f"{planned['why']} {planned['first']} to {planned['last']}, {planned['dates']} game dates:"
    done = [f"    done before it was ended: {', '.join(planned['done'])}"] if planned["done"] else []
    steps = [f"    {s['asset']:<42}{as_time(s['seconds']):>14}  {s['why']}" for s in planned["steps"]]
    return [title, *done, *steps]


@refusing
def run_outdated(settings: Settings, first: date | None, last: date | None, *, dry_run: bool, as_json: bool) -> int:
    """Makes again what is stale or outdated of all dates or of a range, upstream first, without asking the source."""
    runtime, within = Runtime(settings), (first or EVER[0], last or EVER[1])
    gatekeeper = runtime.gatekeeper
    if within[0] > within[1]:
        raise NotTriedError(f"--from {first} is after --to {last}")
    refuse_nothing(runtime)
    if dry_run:
        with instance_of(settings) as instance:
            portions = planned(gatekeeper, instance, within)
        return _end_dry(portions, may_follow(gatekeeper, portions, within), as_json=as_json)
    with progress_bars() as bars, opened(runtime, bars) as pipeline:
        killed = close_killed(pipeline.instance)
        attempts = list(make_again(pipeline, gatekeeper, within))
    failed = tuple(sentence for attempt in attempts for sentence in backfilling.failures_of(attempt))
    with gatekeeper.warehouse.session(read_only=True) as session:
        evidence = gatekeeper.evidence(session)
        left = {table: not_current_dates(evidence, table, within) for table in all_tables()}
        undone = [
            f"{reasons[0]} ({len(needs)} dates of the table are not current)"
            for table, needs in left.items()
            if needs and (reasons := evidence.lineage.not_current(table, [min(needs)])[min(needs)])
        ]
    runs = [{"run_id": a.run_id, "success": a.success, "failures": list(a.failures)} for a in attempts]
    outcome = Outcome(failed=failed, undone=tuple(undone))

    def print_it() -> None:
        if outcome.exit_code == OK:
            say([f"All is made from its present inputs by the present code, in {len(runs)} runs."], style="green")
        else:
            say(outcome.reasons, style="red", on=errors)

    return end(outcome, {"killed_runs": killed, "runs": runs}, print_it, as_json=as_json)


def _end_dry(portions: Sequence[Portion], follow: Mapping[str, int], *, as_json: bool) -> int:
    seconds = sum(portion.seconds for portion in portions)
    content = {
        "portions": [
            {
                "table": p.table.name, "first": str(p.dates[0]), "last": str(p.dates[-1]), "dates": len(p.dates),
                "why": p.why, "seconds": p.seconds,
            }
            for p in portions
        ],
        "may_follow": dict(follow), "seconds": seconds,
    }  # fmt: skip
    lines = [f"{portion} ({as_time(portion.seconds)})" for portion in portions]
    lines += [f"{name}: {count} dates, where rows change" for name, count in follow.items()]
    lines.append(
        f"{as_time(seconds)} for these runs, by what was measured here before; what follows comes on top."
        if portions else "Nothing is stale or outdated."
    )  # fmt: skip
    return end(Outcome(), content, lambda: say(lines), as_json=as_json)
