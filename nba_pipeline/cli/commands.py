"""What the commands print, and the exit codes that say the same."""

import os
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
from dagster import DagsterInstance
from pydantic import ValidationError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable
from rich.text import Text

from nba_pipeline.cli.explanation_tables import print_explanation
from nba_pipeline.clock import Clock
from nba_pipeline.contracts import Contract, Phase
from nba_pipeline.gates.evidence import KNOWN_GAP, Override
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.gates.overrides import (
    OverrideError,
    end_override,
    known_gap,
    overrides_in_force,
    record_override,
)
from nba_pipeline.gates.rules import GATES
from nba_pipeline.grades import prediction_accuracy
from nba_pipeline.grades.prediction_accuracy import BASELINES
from nba_pipeline.monitoring.known_games import decided_behind
from nba_pipeline.monitoring.ledger_verification import Chain, chained_dates, recorded_heads, verify
from nba_pipeline.monitoring.orphans import close_orphans
from nba_pipeline.monitoring.outcome import NotTriedError, Outcome, console, end, errors, refusing, say
from nba_pipeline.monitoring.outlook import Score, accuracy_of, players_who_played
from nba_pipeline.monitoring.pipeline_health import health
from nba_pipeline.monitoring.smoke_test import (
    CHECKED,
    DateResult,
    State,
    TableResult,
    as_json_objects,
    backfill_command,
    cause_of_closing,
    causes_of,
    gap_in_force,
    let_through,
    made_of,
    out_of_season,
    outcome_of,
    smoke_test,
    table_object,
)
from nba_pipeline.operations import backfill as backfilling
from nba_pipeline.operations.explanation import CannotExplainError, explain
from nba_pipeline.operations.runs import dagster_home, instance_of, opened, prepare_home
from nba_pipeline.operations.warehouse_copying import CopyError, copy_warehouse
from nba_pipeline.partitions import contiguous, dates_of, game_dates
from nba_pipeline.predictions import player_predictions
from nba_pipeline.runtime import gatekeeper_of, landing_of, warehouse_at, warehouse_of
from nba_pipeline.settings import Settings
from nba_pipeline.sources.errors import DamagedLandingError
from nba_pipeline.warehouse.interface import Warehouse, WarehouseError

COLOURS = {State.PASS: "green", State.FAIL: "red", State.VALID_SKIP: "dim"}

SHOWN_CANDIDATES = 20
"""Players that a part of a name may mean; of more than these it says too little."""


def progress_bars() -> Progress:
    """Bars on standard error, so that standard output stays for results."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=errors,
    )


def refuse_range(clock: Clock, first: date, last: date) -> None:
    """Raises `NotTriedError` for a range of dates that cannot be asked for."""
    tomorrow = clock.today() + timedelta(days=1)
    if last < first:
        raise NotTriedError(f"--from {first} is after --to {last}")
    if last > tomorrow:
        raise NotTriedError(f"{last} is after tomorrow ({tomorrow} in New York): nothing is known about it yet")


def refuse_nothing(warehouse: Warehouse, first: date | None = None, last: date | None = None) -> None:
    """Raises `NotTriedError` when there is no warehouse to look at: of a wrong home nothing would be missing.

    It names the command that loads the dates that were asked about, or else yesterday.
    """
    if not warehouse.exists:
        begin = first or Clock.from_settings(Settings()).today() - timedelta(days=1)
        raise NotTriedError(
            f"There is no warehouse at {warehouse.description}. Set NBA_PIPELINE_HOME, or load dates first: "
            f"nba-pipeline backfill --from {begin} --to {last or begin}"
        )


@refusing
def run_backfill(
    settings: Settings, first: date, last: date, phases: Sequence[Phase], *, history: bool, as_json: bool
) -> int:
    """Backfills the dates and prints how they stand; 0 only when every run succeeded and every date is whole."""
    clock, warehouse = Clock.from_settings(settings), warehouse_of(settings)
    refuse_range(clock, first, last)
    with progress_bars() as bars, opened(settings, bars) as pipeline:
        killed = close_killed(pipeline.instance)
        stretches = backfilling.plan(warehouse, clock, first, last, phases, history=history)
        identity = backfilling.identity_of(settings, first, last, phases, history=history)
        before = backfilling.ended_before(pipeline.instance, identity)
        say(list(map(goes_on, before.done.items())), style="yellow", on=errors)
        report = backfilling.backfill(pipeline, stretches, (first, last), phases, identity, before)
    runs = [{"run_id": a.run_id, "success": a.success, "failures": list(a.failures)} for a in report.attempts]
    content = {"killed_runs": killed, "runs": runs, "dates": as_json_objects(report.results)}
    return end(report.outcome, content, lambda: _print_report(report), as_json=as_json)


def goes_on(done: tuple[str, Collection[object]]) -> str:
    """What of a stretch an ended backfill had made, in a sentence."""
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
    incomplete = [result for result in report.results if result.overall is State.FAIL]
    for result in incomplete:
        print_date(result, verbose=True)
    count, whole = len(report.results), len(report.results) - len(incomplete)
    skipped = sum(result.overall is State.VALID_SKIP for result in report.results)
    failed = sum(not attempt.success for attempt in report.attempts)
    days = (report.dates[1] - report.dates[0]).days + 1
    stand = (
        f"{whole} of {count} game dates complete ({skipped} with nothing expected, {days - count} days out of season)"
        if any(result.tables for result in report.results)
        else f"{count} game dates asked for"
    )
    ran = f"{failed} of {len(report.attempts)} runs failed" if failed else f"in {len(report.attempts)} runs"
    style = "green" if report.complete else "red"
    if report.unknown:
        say([report.unknown], style="red", on=errors)
    say([f"Not done: {ran}; {stand} by what stands." if failed else f"{stand} {ran}."], style=style)


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
    for found in sorted(result.tables, key=lambda found: found.state is not State.FAIL):
        if found.because_of is None:
            say(table_lines(result, found), style=COLOURS[found.state])
    # What a gate says of tables that follow from another is said in that one's line.
    following = tuple(f"{found.table.name} on {result.game_date}" for found in result.tables if found.because_of)
    for verdict in result.closed:
        reasons = [reason for reason in verdict.reasons if not reason.startswith(following)] or verdict.reasons[:1]
        say([f"    closed     gate {verdict.gate}", *(f"        {reason}" for reason in reasons)], style="red")
        say([f"        Mend: {cause_of_closing(verdict).command}"], style="red")


def table_lines(result: DateResult, found: TableResult) -> list[str]:
    """A table with its counts and what is wrong; in one line what follows from it, and the command that mends it."""
    expected = "-" if found.expected is None else found.expected
    head = f"    {found.state.value:<10} {found.table.name}: {found.present} present, {expected} expected"
    if found.state is not State.FAIL:
        return [head, *(f"        {reason}" for reason in found.reasons)]
    (cause,) = causes_of(result.game_date, [found, *(t for t in result.tables if t.because_of == found.table.name)])
    return [head, *(f"        {line.strip()}" for line in cause.lines())]


@refusing
def run_smoke_test(settings: Settings, first: date, last: date, *, verbose: bool, as_json: bool) -> int:
    """Prints the state of the dates; 0 when all are complete, current and open, or skipped by rule or decision."""
    gatekeeper = gatekeeper_of(settings)
    refuse_range(gatekeeper.clock, first, last)
    refuse_nothing(gatekeeper.warehouse, first, last)
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
    gatekeeper = gatekeeper_of(settings)
    refuse_nothing(gatekeeper.warehouse, day)
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
        say([said], style="green" if found.well else "red")
        say([f"  {line}" for cause in found.causes for line in cause.lines()])

    tables = [{"game_date": str(day), **table_object(result)} for day, result in found.failing]
    content = found.row() | {
        "problems": found.problems,
        "overrides": found.overrides,
        "to_come": found.to_come,
        "tables": tables,
    }
    return end(found.outcome, content, print_it, as_json=as_json)


@refusing
def run_gate_list(settings: Settings, day: date, *, as_json: bool) -> int:
    """Prints how each gate stands for a date; 1 when one is closed that no known gap passes over."""
    gatekeeper = gatekeeper_of(settings)
    refuse_range(gatekeeper.clock, day, day)
    refuse_nothing(gatekeeper.warehouse, day)
    with gatekeeper.warehouse.session(read_only=True) as session:
        evidence = gatekeeper.evidence(session)
        verdicts = [gatekeeper.verdicts(evidence, gate, game_dates(day, day)).get(day) for gate in GATES]
        gap = evidence.decisions.overrides[KNOWN_GAP, day] if evidence.decisions.is_known_gap(day) else None
    found = [verdict for verdict in verdicts if verdict is not None]
    closed = tuple(str(cause_of_closing(verdict)) for verdict in found if not verdict.lets_through)
    passed = [said for verdict in found if (said := let_through(verdict))]
    decided = (*passed, *([gap_in_force(gap)] if gap else []), *out_of_season(day, day))

    def print_it() -> None:
        for verdict in found:
            say([f"{verdict.gate:<28}{verdict.state.value}"], style=None if verdict.lets_through else "red")
            say([f"    {reason}" for reason in verdict.reasons])
            if not verdict.lets_through:
                say([f"    Mend: {cause_of_closing(verdict).command}"])

    listed = [{"gate": v.gate, "state": v.state.value, "reasons": v.reasons} for v in found]
    outcome = Outcome(undone=() if gap else closed, decided=decided)
    return end(outcome, {"game_date": str(day), "gates": listed}, print_it, as_json=as_json)


@refusing
def run_override(
    settings: Settings, gate: str, day: date, by: str, because: str, hours: float, *, as_json: bool = False
) -> int:
    """Records an override; 2 when it cannot be recorded as asked for."""
    until = (Clock.from_settings(settings).now() + timedelta(hours=hours)).replace(tzinfo=None)
    return _record(settings, Override(gate, day, by, because, until), as_json=as_json)


@refusing
def run_known_gap(settings: Settings, day: date, by: str, because: str, *, as_json: bool = False) -> int:
    """Records a known gap; 2 when it cannot be recorded as asked for."""
    return _record(settings, known_gap(day, by, because), as_json=as_json)


@refusing
def run_end_override(settings: Settings, gate: str, day: date, by: str, because: str, *, as_json: bool = False) -> int:
    """Ends an override or a known gap; 2 when none is in force."""
    warehouse = warehouse_of(settings)
    refuse_nothing(warehouse, day)
    try:
        ended = end_override(warehouse, Clock.from_settings(settings), gate, day, by, because)
    except OverrideError as error:
        raise NotTriedError(str(error)) from error
    return end(Outcome(), {"ended": str(ended)}, lambda: say([f"ended: {ended}"]), as_json=as_json)


def _record(settings: Settings, decision: Override, *, as_json: bool) -> int:
    warehouse = warehouse_of(settings)
    refuse_nothing(warehouse, decision.game_date)
    try:
        recorded = record_override(warehouse, Clock.from_settings(settings), decision)
    except OverrideError as error:
        raise NotTriedError(str(error)) from error
    return end(Outcome(), {"recorded": str(recorded)}, lambda: say([str(recorded)]), as_json=as_json)


@refusing
def run_overrides(settings: Settings, *, as_json: bool = False) -> int:
    """Prints the decisions in force."""
    warehouse = warehouse_of(settings)
    refuse_nothing(warehouse)
    found = [str(override) for override in overrides_in_force(warehouse, Clock.from_settings(settings))]

    def print_it() -> None:
        if not found:
            console.print("No override and no known gap is in force.")

    return end(Outcome(decided=tuple(found)), {}, print_it, as_json=as_json)


@refusing
def run_explain(settings: Settings, day: date, player: str, stat: str, *, as_json: bool) -> int:
    """Prints why a player was predicted what he was; 2 when there is nothing to explain, or nobody knows of whom.

    1 when what was explained is not complete, current and open, or a part of it cannot be explained any more.
    """
    gatekeeper, landing = gatekeeper_of(settings), landing_of(settings)
    refuse_nothing(gatekeeper.warehouse, day)
    try:
        with gatekeeper.warehouse.session(read_only=True) as session:
            found = explain(session, landing, settings.models_path, day, player, stat)
            played = [(box_score.game_date, box_score.game_id) for box_score in found.box_scores]
            teams = (found.team, found.opponent)
            decided = decided_behind(session, played, teams, day, gatekeeper.clock.now())
    except CannotExplainError as error:
        left = len(error.candidates) - SHOWN_CANDIDATES
        shown = [*error.candidates[:SHOWN_CANDIDATES], *([f"and {left} more"] if left > 0 else [])]
        raise NotTriedError("\n  ".join([str(error), *shown])) from error
    except DamagedLandingError as error:
        raise NotTriedError(str(error)) from error
    standing = outcome_of(smoke_test(gatekeeper, day, day, made_of(player_predictions.CONTRACT)), day, day)
    unexplained = (
        f"{one.system_id} ({one.setting}) cannot be explained: {one.remark}"
        for one in found.reasons
        if not one.contributions
    )
    undone = (*standing.undone, *unexplained)
    outcome = replace(standing, undone=undone, decided=(*standing.decided, *decided))

    def print_it() -> None:
        print_explanation(console, found)
        say(outcome.reasons, style="red")

    return end(outcome, found.as_object(), print_it, as_json=as_json)


@refusing
def run_ledger_verify(settings: Settings, first: date | None, last: date | None, *, as_json: bool) -> int:
    """Prints how every chain of the ledger stands; 0 when all are whole, 1 when one is not, 2 when nobody can tell."""
    warehouse, home = warehouse_of(settings), dagster_home(settings)
    if first and last and last < first:
        raise NotTriedError(f"--from {first} is after --to {last}")
    needed = (("warehouse", warehouse.exists, warehouse.description), ("event log of Dagster", home.exists(), home))
    for what, exists, place in needed:
        if not exists:
            raise NotTriedError(f"There is no {what} at {place}, so nothing can be compared. Set NBA_PIPELINE_HOME.")
    with (
        instance_of(settings) as instance,
        warehouse.session(read_only=True) as session,
    ):
        heads = recorded_heads(instance)
        dates = [day for day in chained_dates(session, heads) if (first or date.min) <= day <= (last or date.max)]
        with progress_bars() as bars:
            chains = list(bars.track(verify(session, heads, dates), total=len(dates), description="chains"))
    broken = tuple(str(chain) for chain in chains if not chain.whole)
    nothing = () if chains else ("no prediction was made before tip-off on these dates: there is nothing to verify",)
    content = {"chains": [_chain_json(chain) for chain in chains]}
    return end(Outcome(undone=broken, decided=nothing), content, lambda: _print_chains(chains), as_json=as_json)


def _chain_json(chain: Chain) -> dict[str, object]:
    found = [{"position": problem.position, "key": problem.key, "what": problem.what} for problem in chain.problems]
    return {"game_date": str(chain.game_date), "live_rows": chain.length, "whole": chain.whole, "problems": found}


def _print_chains(chains: Sequence[Chain]) -> None:
    broken = [chain for chain in chains if not chain.whole]
    say([str(problem) for chain in broken for problem in chain.problems], style="red")
    console.print(
        f"{len(chains) - len(broken)} of {len(chains)} chains whole, "
        f"{sum(chain.length for chain in chains)} live rows.",
        style="red" if broken else "green",
    )


@refusing
def run_warehouse_copy(settings: Settings, source: str, target: str, *, as_json: bool) -> int:
    """Copies one warehouse into another; 0 when all of it stands there, 1 when not, 2 when it could not be tried."""
    try:
        here, there = warehouse_at(settings, source), warehouse_at(settings, target)
    except ValidationError as error:
        raise NotTriedError(f"{source} or {target}: {error.errors()[0]['msg']}") from error
    if not here.exists:
        raise NotTriedError(f"There is no warehouse at {here.description}, so nothing was copied.")
    begun = 0
    with progress_bars() as bars:

        def starts(table: Contract, partitions: int) -> Callable[[int], None]:
            task = bars.add_task(table.name, total=partitions)

            def advance(done: int) -> None:
                nonlocal begun
                begun += done
                bars.advance(task, done)

            return advance

        try:
            copied, wrong = copy_warehouse(here, there, starts), ()
        except CopyError as error:
            copied, wrong = [], (str(error),)
        except WarehouseError as error:
            if not begun:
                raise
            again = f"nba-pipeline warehouse copy --from {source} --to {target}"
            copied, wrong = [], (f"{error} {begun} partitions stand in the target; go on with: {again}",)
    found = [{"table": c.table.name, "written": c.written, "there": c.there, "rows": c.rows} for c in copied]

    def print_it() -> None:
        if wrong:
            say(wrong, style="red", on=errors)
            return
        written, already, rows = (sum(getattr(c, what) for c in copied) for what in ("written", "there", "rows"))
        console.print(
            f"{written} partitions written, {already} were there before; {rows:,} rows in {len(copied)} tables have "
            f"the same hashes in {here.description} and {there.description}.",
            style="green", markup=False,
        )  # fmt: skip

    return end(Outcome(failed=wrong), {"tables": found}, print_it, as_json=as_json)


@refusing
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
    """Prints the scores of every system beside the baselines' on the same rows, and how sure they are.

    1 when grades of the range are missing, stale or behind a closed gate; the figures are then of those that stand.
    """
    gatekeeper = gatekeeper_of(settings)
    warehouse = gatekeeper.warehouse
    if last < first:
        raise NotTriedError(f"--from {first} is after --to {last}")
    refuse_nothing(warehouse, first, last)
    outcome = grades_of(gatekeeper, first, last)
    scores = accuracy_of(warehouse, first, last, stats=stats, settings=known, population=population)
    played = players_who_played(warehouse, first, last)

    def print_it() -> None:
        if not scores:
            console.print(f"No graded predictions from {first} to {last}.")
        for what, chosen in by_stat_and_setting(scores).items():
            title = f"{what}, {population} players, {first} to {last}: {played} rows with minutes"
            console.print(accuracy_table(chosen, title))
        say(outcome.reasons, style="red")

    about = {"first": str(first), "last": str(last), "population": population, "played": played}
    return end(outcome, {**about, "systems": scores}, print_it, as_json=as_json)


def grades_of(gatekeeper: Gatekeeper, first: date, last: date) -> Outcome:
    """Whether the grades of a range stand, of dates that fail alike a sentence for all of them."""
    results = smoke_test(gatekeeper, first, last, [prediction_accuracy.CONTRACT])
    found = outcome_of(results, first, last)
    failing = {result.game_date: result for result in results if result.overall is State.FAIL}
    undone = []
    for begin, until in contiguous(failing):
        cause = failing[begin].causes[0]
        more = (until - begin).days
        others = f" (and of the game dates up to {until})" if more else ""
        undone.append(f"{cause.what}{others}. Mend: {backfill_command(begin, until) if more else cause.command}")
    return replace(found, undone=tuple(undone))


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
