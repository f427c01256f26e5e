"""What the commands print, and the exit codes that say the same."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable
from rich.text import Text

from nba_pipeline.clock import Clock
from nba_pipeline.contracts import Phase, Table
from nba_pipeline.definitions import gatekeeper_of, landing_of, warehouse_at, warehouse_of
from nba_pipeline.evidence import Override
from nba_pipeline.gates import GATES
from nba_pipeline.operations import backfill as backfilling
from nba_pipeline.operations.explanation import CannotExplainError, explain
from nba_pipeline.operations.explanation_tables import print_explanation
from nba_pipeline.operations.ledger_verification import Chain, chained_dates, recorded_heads, verify
from nba_pipeline.operations.orphans import close_orphans
from nba_pipeline.operations.outlook import Score, accuracy_of, players_who_played
from nba_pipeline.operations.overrides import (
    OverrideError,
    end_override,
    known_gap,
    overrides_in_force,
    record_override,
)
from nba_pipeline.operations.pipeline_health import health
from nba_pipeline.operations.runs import dagster_home, instance_of, opened, prepare_home
from nba_pipeline.operations.smoke_test import CHECKED, DateResult, State, as_json_objects, smoke_test
from nba_pipeline.operations.warehouse_copying import CopyError, copy_warehouse
from nba_pipeline.partitions import game_dates
from nba_pipeline.predictions.prediction_accuracy import BASELINES
from nba_pipeline.settings import Settings
from nba_pipeline.sources.errors import DamagedLandingError
from nba_pipeline.warehouse.interface import Warehouse

OK, FAILED, NOT_TRIED = 0, 1, 2

COLOURS = {State.PASS: "green", State.FAIL: "red", State.VALID_SKIP: "dim"}

SHOWN_CANDIDATES = 20
"""Players that a part of a name may mean; of more than these it says too little."""

console = Console()
errors = Console(stderr=True)


def progress_bars() -> Progress:
    """Bars on standard error, so that standard output stays for results."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=errors,
    )


def refuse_range(clock: Clock, first: date, last: date) -> str | None:
    """Why a range of dates cannot be asked for; None when it can."""
    tomorrow = clock.today() + timedelta(days=1)
    if last < first:
        return f"--from {first} is after --to {last}"
    if last > tomorrow:
        return f"{last} is after tomorrow ({tomorrow} in New York): nothing is known about it yet"
    return None


def run_backfill(
    settings: Settings, first: date, last: date, phases: Sequence[Phase], *, history: bool, as_json: bool
) -> int:
    """Backfills the dates and prints how they stand; 0 only when every expected date is complete."""
    clock, warehouse = Clock.from_settings(settings), warehouse_of(settings)
    problem = refuse_range(clock, first, last)
    if problem:
        errors.print(problem, style="red")
        return NOT_TRIED
    with progress_bars() as bars, opened(settings, bars) as pipeline:
        for run_id in close_orphans(pipeline.instance):
            errors.print(f"Run {run_id} had ended without saying so; it is now marked as failed.", style="yellow")
        stretches = backfilling.plan(warehouse, clock, first, last, phases, history=history)
        report = backfilling.backfill(pipeline, stretches, (first, last), phases)
    if as_json:
        print(json.dumps(_report_json(report), indent=2))
    else:
        _print_report(report, first, last)
    return OK if _succeeded(report, phases) else FAILED


def _succeeded(report: backfilling.Report, phases: Sequence[Phase]) -> bool:
    """By what is in the warehouse; landing has no tables, so there the run itself must have succeeded."""
    if list(phases) == [Phase.LANDING]:
        return all(attempt.success for attempt in report.attempts)
    return report.complete


def _report_json(report: backfilling.Report) -> dict[str, object]:
    return {
        "complete": report.complete,
        "runs": [{"run_id": a.run_id, "success": a.success, "failures": list(a.failures)} for a in report.attempts],
        "dates": as_json_objects(report.results),
    }


def _print_report(report: backfilling.Report, first: date, last: date) -> None:
    for attempt in report.attempts:
        for failure in attempt.failures:
            errors.print(f"run {attempt.run_id[:8]}: {failure}", style="red", markup=False, soft_wrap=True)
    incomplete = [result for result in report.results if result.overall is State.FAIL]
    for result in incomplete:
        print_date(result, verbose=True)
    skipped = sum(result.overall is State.VALID_SKIP for result in report.results)
    days = (last - first).days + 1
    console.print(
        f"{len(report.results) - len(incomplete)} of {len(report.results)} game dates complete"
        f" ({skipped} with nothing expected, {days - len(report.results)} days out of season)"
        f" in {len(report.attempts)} runs.",
        style="red" if incomplete else "green",
        soft_wrap=True,
    )


def print_date(result: DateResult, *, verbose: bool) -> None:
    """One line a date; with `verbose` a line a table with its counts and what is wrong."""
    phases = " ".join(
        f"P{phase.value}:[{COLOURS[result.phase(phase)]}]{result.phase(phase).value}[/]" for phase in CHECKED
    )
    overall = result.overall
    console.print(
        f"{result.game_date} {phases} \\[Overall: [{COLOURS[overall]}]{overall.value}[/]]",
        highlight=False,
        soft_wrap=True,
    )
    for found in result.tables if verbose else ():
        expected = "-" if found.expected is None else found.expected
        console.print(
            f"    {found.state.value:<10} {found.table.name}: {found.present} present, {expected} expected"
            + "".join(f"\n        {reason}" for reason in found.reasons),
            style=COLOURS[found.state],
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    for verdict in result.closed if verbose else ():
        reasons = "".join(f"\n        {reason}" for reason in verdict.reasons)
        console.print(
            f"    closed     gate {verdict.gate}{reasons}", style="red", markup=False, highlight=False, soft_wrap=True
        )


def _nothing_there(warehouse: Warehouse) -> bool:
    """Whether there is no warehouse to look at, and says so: of a wrong home nothing would be missing."""
    if warehouse.exists:
        return False
    errors.print(
        f"There is no warehouse at {warehouse.description}. Set NBA_PIPELINE_HOME, or load dates with "
        "nba-pipeline backfill.",
        style="red",
    )
    return True


def run_smoke_test(settings: Settings, first: date, last: date, *, verbose: bool, as_json: bool) -> int:
    """Prints the state of the dates; 0 when none fails, 1 when one does, 2 when it could not be checked."""
    clock, warehouse = Clock.from_settings(settings), warehouse_of(settings)
    problem = refuse_range(clock, first, last)
    if problem:
        errors.print(problem, style="red")
        return NOT_TRIED
    if _nothing_there(warehouse):
        return NOT_TRIED
    results = smoke_test(warehouse, clock, first, last)
    if as_json:
        print(json.dumps(as_json_objects(results), indent=2))
    else:
        for result in results:
            print_date(result, verbose=verbose)
        if not game_dates(first, last):
            console.print(f"{first} to {last}: out of season, nothing is expected [dim]VALID-SKIP[/]")
    return FAILED if any(result.overall is State.FAIL for result in results) else OK


def run_health(settings: Settings, day: date | None, *, as_json: bool) -> int:
    """Prints the health report; 0 when nothing is to be done, 1 when something is, 2 when there is no warehouse."""
    gatekeeper = gatekeeper_of(settings)
    if _nothing_there(gatekeeper.warehouse):
        return NOT_TRIED
    chosen = day or gatekeeper.clock.today() - timedelta(days=1)
    with instance_of(settings) as instance:
        found = health(gatekeeper, instance, chosen)
    if as_json:
        print(json.dumps(found.row() | {"problems": found.problems, "overrides": found.overrides}, default=str))
    else:
        console.print(
            f"{found.game_date}: {found.complete} of {found.due} due tables and dates complete ({found.score:.1f} %), "
            f"{found.stale} stale, {found.closed_gates} gates closed, {len(found.overrides)} overrides, "
            f"{found.quarantined} rows in quarantine; last 24 h: {found.failed_runs} runs and {found.failed_ticks} "
            "ticks failed.",
            style="green" if found.well else "red",
            soft_wrap=True,
        )
        for line in (*found.problems, *(f"override: {override}" for override in found.overrides)):
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    return OK if found.well else FAILED


def run_gate_list(settings: Settings, day: date, *, as_json: bool) -> int:
    """Prints how each gate stands for a date; 1 when one is closed."""
    gatekeeper = gatekeeper_of(settings)
    with gatekeeper.warehouse.session(read_only=True) as session:
        evidence = gatekeeper.evidence(session)
        verdicts = [gatekeeper.verdicts(evidence, gate, [day])[day] for gate in GATES]
    if as_json:
        print(json.dumps([{"gate": v.gate, "state": v.state.value, "reasons": v.reasons} for v in verdicts]))
    else:
        for verdict in verdicts:
            console.print(f"{verdict.gate:<28}{verdict.state.value}", style=None if verdict.lets_through else "red")
            for reason in verdict.reasons:
                console.print(f"    {reason}", markup=False, highlight=False, soft_wrap=True)
    return OK if all(verdict.lets_through for verdict in verdicts) else FAILED


def run_override(settings: Settings, gate: str, day: date, by: str, because: str, hours: float) -> int:
    """Records an override; 2 when it cannot be recorded as asked for."""
    until = (Clock.from_settings(settings).now() + timedelta(hours=hours)).replace(tzinfo=None)
    return _record(settings, Override(gate, day, by, because, until))


def run_known_gap(settings: Settings, day: date, by: str, because: str) -> int:
    """Records a known gap; 2 when it cannot be recorded as asked for."""
    return _record(settings, known_gap(day, by, because))


def run_end_override(settings: Settings, gate: str, day: date, by: str, because: str) -> int:
    """Ends an override or a known gap; 2 when none is in force."""
    try:
        ended = end_override(warehouse_of(settings), Clock.from_settings(settings), gate, day, by, because)
    except OverrideError as error:
        errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return NOT_TRIED
    console.print(f"ended: {ended}", markup=False, highlight=False, soft_wrap=True)
    return OK


def _record(settings: Settings, decision: Override) -> int:
    try:
        recorded = record_override(warehouse_of(settings), Clock.from_settings(settings), decision)
    except OverrideError as error:
        errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return NOT_TRIED
    console.print(str(recorded), markup=False, highlight=False, soft_wrap=True)
    return OK


def run_overrides(settings: Settings) -> int:
    """Prints the decisions in force."""
    found = overrides_in_force(warehouse_of(settings), Clock.from_settings(settings))
    for override in found:
        console.print(str(override), markup=False, highlight=False, soft_wrap=True)
    if not found:
        console.print("No override and no known gap is in force.")
    return OK


def run_explain(settings: Settings, day: date, player: str, stat: str, *, as_json: bool) -> int:
    """Prints why a player was predicted what he was; 2 when there is nothing to explain, or nobody knows of whom."""
    landing = landing_of(settings)
    try:
        with warehouse_of(settings).session(read_only=True) as session:
            found = explain(session, landing, settings.models_path, day, player, stat)
    except CannotExplainError as error:
        left = len(error.candidates) - SHOWN_CANDIDATES
        shown = [*error.candidates[:SHOWN_CANDIDATES], *([f"and {left} more"] if left > 0 else [])]
        for line in (str(error), *(f"  {candidate}" for candidate in shown)):
            errors.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
        return NOT_TRIED
    except DamagedLandingError as error:
        errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return NOT_TRIED
    if as_json:
        print(found.as_json())
    else:
        print_explanation(console, found)
    return OK


def run_ledger_verify(settings: Settings, first: date | None, last: date | None, *, as_json: bool) -> int:
    """Prints how every chain of the ledger stands; 0 when all are whole, 1 when one is not, 2 when nobody can tell."""
    warehouse, home = warehouse_of(settings), dagster_home(settings)
    needed = (("warehouse", warehouse.exists, warehouse.description), ("event log of Dagster", home.exists(), home))
    for what, exists, place in needed:
        if not exists:
            errors.print(
                f"There is no {what} at {place}, so nothing can be compared. Set NBA_PIPELINE_HOME.", style="red"
            )
            return NOT_TRIED
    with (
        instance_of(settings) as instance,
        warehouse.session(read_only=True) as session,
    ):
        heads = recorded_heads(instance)
        dates = [day for day in chained_dates(session, heads) if (first or date.min) <= day <= (last or date.max)]
        with progress_bars() as bars:
            chains = list(bars.track(verify(session, heads, dates), total=len(dates), description="chains"))
    if as_json:
        print(json.dumps([_chain_json(chain) for chain in chains], indent=2))
    else:
        _print_chains(chains)
    return OK if all(chain.whole for chain in chains) else FAILED


def _chain_json(chain: Chain) -> dict[str, object]:
    found = [{"position": problem.position, "key": problem.key, "what": problem.what} for problem in chain.problems]
    return {"game_date": str(chain.game_date), "live_rows": chain.length, "whole": chain.whole, "problems": found}


def _print_chains(chains: Sequence[Chain]) -> None:
    broken = [chain for chain in chains if not chain.whole]
    for problem in (problem for chain in broken for problem in chain.problems):
        console.print(str(problem), style="red", markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"{len(chains) - len(broken)} of {len(chains)} chains whole, "
        f"{sum(chain.length for chain in chains)} live rows.",
        style="red" if broken else "green",
    )


def run_warehouse_copy(settings: Settings, source: str, target: str, *, as_json: bool) -> int:
    """Copies one warehouse into another; 0 when all of it stands there, 1 when not, 2 when it could not be tried."""
    try:
        here, there = warehouse_at(settings, source), warehouse_at(settings, target)
    except ValidationError as error:
        errors.print(f"{source} or {target}: {error.errors()[0]['msg']}", style="red", markup=False)
        return NOT_TRIED
    if not here.exists:
        errors.print(f"There is no warehouse at {here.description}, so nothing was copied.", style="red", markup=False)
        return NOT_TRIED
    with progress_bars() as bars:

        def starts(table: Table, partitions: int) -> Callable[[int], None]:
            task = bars.add_task(table.name, total=partitions)
            return lambda done: bars.advance(task, done)

        try:
            copied = copy_warehouse(here, there, starts)
        except CopyError as error:
            errors.print(str(error), style="red", markup=False)
            return FAILED
    if as_json:
        found = [{"table": c.table.name, "written": c.written, "there": c.there, "rows": c.rows} for c in copied]
        print(json.dumps(found, indent=2))
        return OK
    written, already, rows = (sum(getattr(c, what) for c in copied) for what in ("written", "there", "rows"))
    console.print(
        f"{written} partitions written, {already} were there before; {rows:,} rows in {len(copied)} tables have the "
        f"same hashes in {here.description} and {there.description}.",
        style="green", markup=False,
    )  # fmt: skip
    return OK


def run_accuracy(
    settings: Settings,
    first: date,
    last: date,
    *,
    stats: Sequence[str],
    known: Sequence[str],
    population: str,
    as_json: bool,
) -> int:
    """Prints the scores of every system beside the baselines' on the same rows, and how sure they are."""
    warehouse = warehouse_of(settings)
    scores = accuracy_of(warehouse, first, last, stats=stats, settings=known, population=population)
    played = players_who_played(warehouse, first, last)
    if as_json:
        about = {"first": str(first), "last": str(last), "population": population, "played": played}
        print(json.dumps({**about, "systems": scores}, indent=2))
        return OK
    if not scores:
        console.print(f"No graded predictions from {first} to {last}.")
    for what, chosen in by_stat_and_setting(scores).items():
        title = f"{what}, {population} players, {first} to {last}: {played} rows with minutes"
        console.print(accuracy_table(chosen, title))
    return OK


def by_stat_and_setting(scores: Sequence[Score]) -> dict[str, list[Score]]:
    """The scores that can be compared with each other, under a title."""
    found: dict[str, list[Score]] = {}
    for score in scores:
        found.setdefault(f"{score['stat']}, {score['setting']}".replace("_", " "), []).append(score)
    return found


FIGURES = {
    "rows": ("rows", "d"),
    "coverage": ("coverage", ".1%"),
    "MAE": ("mean_absolute_error", ".3f"),
    "RMSE": ("root_mean_squared_error", ".3f"),
    "bias": ("bias", "+.3f"),
    "in 80 % interval": ("interval_coverage", ".1%"),
    "Brier of playing": ("brier", ".4f"),
    "  played last game": ("last_game_brier", ".4f"),
    "Brier of the line": ("over_brier", ".4f"),
}
"""Headings, figures and formats of the scores that are a number each."""


def accuracy_table(scores: Sequence[Score], title: str) -> RichTable:
    """A column a system, and a line a figure.

    Under each baseline's error on the same rows stand the system's distance from it and the 95 % interval of the
    distance, from a bootstrap over game dates.
    """
    table = RichTable(title=title)
    table.add_column("")
    for score in scores:
        table.add_column(f"{score['system_id']}\n{score['mode']}".replace("_", " "), justify="right")
    for heading, (name, form) in FIGURES.items():
        table.add_row(heading, *(figure(score[name], form) for score in scores))
    for name in BASELINES:
        heading = f"{name} MAE\n  difference\n  95 % interval".replace("_", " ")
        table.add_row(heading, *(Text(compared(score, name)) for score in scores))
    return table


def figure(value: float | None, form: str) -> str:
    """The figure as people read it; a dash where there is none."""
    return "-" if value is None else format(value, form)


def compared(score: Score, name: str) -> str:
    """A baseline's error, how far the system is from it, and between which ends that lies; a line each."""
    error, distance = figure(score[f"{name}_mean_absolute_error"], ".3f"), figure(score[f"{name}_difference"], "+.3f")
    low, high = (figure(score[f"{name}_difference_{end}"], "+.3f") for end in ("low", "high"))
    return f"{error}\n{distance}\n" + ("-" if low == "-" else f"[{low}, {high}]")


def predictions_table(rows: pa.Table, title: str) -> RichTable:
    """The predictions as a table for people."""
    table = RichTable(title=title)
    for heading in rows.column_names:
        if heading != "player_id":
            table.add_column(heading.replace("_", " "))
    for row in rows.drop_columns(["player_id"]).to_pylist():
        table.add_row(*(f"{v:.1f}" if isinstance(v, float) else str(v) for v in row.values()))
    return table


UI_URL_SETTING = "NBA_PIPELINE_UI_URL"


def ui_command(port: int) -> list[str]:
    """The command that serves the UI on loopback."""
    dagster = Path(sys.executable).with_name("dagster")
    return [str(dagster), "dev", "-m", "nba_pipeline.definitions", "-h", "127.0.0.1", "-p", str(port)]


def ui_environment(settings: Settings, port: int) -> dict[str, str]:
    """What tells the daemon beside the UI where its alerts' links lead; nothing where a person has said so himself."""
    return {} if "ui_url" in settings.model_fields_set else {UI_URL_SETTING: f"http://127.0.0.1:{port}"}


def run_ui(settings: Settings, port: int) -> None:
    """Becomes Dagster's UI and daemon on the instance of the settings."""
    os.environ["DAGSTER_HOME"] = str(prepare_home(settings))
    os.environ |= ui_environment(settings, port)
    os.execv(ui_command(port)[0], ui_command(port))  # noqa: S606 - our own interpreter's dagster, no shell
