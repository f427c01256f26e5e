"""What `nba-pipeline health` and `nba-pipeline smoke-test` print."""

from datetime import date, timedelta

from nba_pipeline.cli.terminal import refuse_nothing, refuse_range
from nba_pipeline.monitoring.outcome import console, end, refusing, say
from nba_pipeline.monitoring.pipeline_health import health
from nba_pipeline.monitoring.smoke_test import (
    CHECKED,
    DateResult,
    DateState,
    TableResult,
    as_json_objects,
    cause_of_closing,
    causes_of,
    outcome_of,
    smoke_test,
    table_object,
)
from nba_pipeline.operations.runs import instance_of
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings

COLOURS = {DateState.PASS: "green", DateState.FAIL: "red", DateState.VALID_SKIP: "dim"}


def print_date(result: DateResult, *, verbose: bool) -> None:
    """One line a date; with `verbose` what is wrong, the cause first, and a line a table with its counts."""
    phases = " ".join(
        f"P{phase.value}:[{COLOURS[result.phase(phase)]}]{result.phase(phase).value}[/]" for phase in CHECKED
    )
    overall = result.overall
    console.print(
        f"{result.game_date} {phases} \\[Overall: [{COLOURS[overall]}]{overall.value}[/]]",
        highlight=False,
        soft_wrap=True,
    )
    if not verbose:
        return
    for found in sorted(result.tables, key=lambda found: found.state is not DateState.FAIL):
        if found.because_of is None:
            say(table_lines(result, found), style=COLOURS[found.state])
    # What a gate says of tables that follow from another is said in that one's line.
    following = tuple(f"{found.table.name} on {result.game_date}" for found in result.tables if found.because_of)
    for verdict in result.closed:
        reasons = [reason for reason in verdict.reasons if not reason.startswith(following)] or verdict.reasons[:1]
        say([f"    closed     gate {verdict.gate}", *(f"        {reason}" for reason in reasons)], style="red")
        say([f"        Next: {cause_of_closing(verdict).command}"], style="red")


def table_lines(result: DateResult, found: TableResult) -> list[str]:
    """A table with its counts and what is wrong; in one line what follows from it, and the next command."""
    expected = "-" if found.expected is None else found.expected
    head = f"    {found.state.value:<10} {found.table.name}: {found.present} present, {expected} expected"
    if found.state is not DateState.FAIL:
        return [head, *(f"        {reason}" for reason in found.reasons)]
    (cause,) = causes_of(result.game_date, [found, *(t for t in result.tables if t.because_of == found.table.name)])
    return [head, *(f"        {line.strip()}" for line in cause.lines())]


@refusing
def run_smoke_test(settings: Settings, first: date, last: date, *, verbose: bool, as_json: bool) -> int:
    """Prints the state of the dates; 0 when all are complete, current and open, or skipped by rule or decision."""
    runtime = Runtime(settings)
    gatekeeper = runtime.gatekeeper
    refuse_range(gatekeeper.clock, first, last)
    refuse_nothing(runtime, first, last)
    results = smoke_test(gatekeeper, first, last)

    def print_it() -> None:
        for result in results:
            print_date(result, verbose=verbose)
        if not results:
            console.print(f"{first} to {last}: out of season, nothing is expected [dim]VALID-SKIP[/]")

    content = {"dates": as_json_objects(results)}
    return end(outcome_of(results, first, last), content, print_it, as_json=as_json)


@refusing
def run_health(settings: Settings, day: date | None, *, as_json: bool) -> int:
    """Prints the health report; 0 when nothing is to be done, 1 when something is, 2 when there is no warehouse."""
    runtime = Runtime(settings)
    gatekeeper = runtime.gatekeeper
    refuse_nothing(runtime, day)
    chosen = day or gatekeeper.clock.today() - timedelta(days=1)
    with instance_of(settings) as instance:
        found = health(gatekeeper, instance, chosen)

    def print_it() -> None:
        said = (
            f"{found.game_date}: {found.complete} of {found.due} due tables and dates complete ({found.score:.1f} %), "
            f"{found.stale} stale, {found.outdated} outdated, {found.closed_gates} gates closed, "
            f"{len(found.overrides)} overrides, "
            f"{found.quarantined} rows in quarantine; last 24 h: {found.failed_runs} runs and {found.failed_ticks} "
            "ticks failed."
        )
        say([said], style="green" if found.healthy else "red")
        say([f"  {line}" for cause in found.causes for line in cause.lines()])

    tables = [{"game_date": str(day), **table_object(result)} for day, result in found.failing]
    content = found.row() | {
        "problems": found.problems,
        "overrides": found.overrides,
        "to_come": found.to_come,
        "tables": tables,
    }
    return end(found.outcome, content, print_it, as_json=as_json)
