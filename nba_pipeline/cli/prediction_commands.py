"""What `nba-pipeline accuracy` and `nba-pipeline explain` print."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pyarrow as pa
from rich.table import Table as RichTable
from rich.text import Text

from nba_pipeline.cli.explanation_tables import print_explanation
from nba_pipeline.cli.terminal import refuse_nothing
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.grades import prediction_accuracy
from nba_pipeline.grades.prediction_accuracy import BASELINES
from nba_pipeline.monitoring.known_games import decided_behind
from nba_pipeline.monitoring.outcome import NotTriedError, Outcome, console, end, refusing, say
from nba_pipeline.monitoring.outlook import Score, accuracy_of, players_who_played
from nba_pipeline.monitoring.smoke_test import (
    DateState,
    backfill_command,
    made_of,
    outcome_of,
    smoke_test,
)
from nba_pipeline.operations.explanation import CannotExplainError, explain
from nba_pipeline.partitions import contiguous
from nba_pipeline.predictions import player_predictions
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings
from nba_pipeline.sources.errors import DamagedLandingError

SHOWN_CANDIDATES = 20
"""Players that a part of a name may mean; of more than these it says too little."""


@refusing
def run_explain(settings: Settings, day: date, player: str, stat: str, *, as_json: bool) -> int:
    """Prints why a player was predicted what he was; 2 when there is nothing to explain, or nobody knows of whom.

    1 when what was explained is not complete, current and open, or a part of it cannot be explained any more.
    """
    runtime = Runtime(settings)
    gatekeeper, landing = runtime.gatekeeper, runtime.landing
    refuse_nothing(runtime, day)
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
    runtime = Runtime(settings)
    gatekeeper, warehouse = runtime.gatekeeper, runtime.warehouse
    if last < first:
        raise NotTriedError(f"--from {first} is after --to {last}")
    refuse_nothing(runtime, first, last)
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
    failing = {result.game_date: result for result in results if result.overall is DateState.FAIL}
    undone = []
    for begin, until in contiguous(failing):
        cause = failing[begin].causes[0]
        more = (until - begin).days
        others = f" (and of the game dates up to {until})" if more else ""
        undone.append(f"{cause.what}{others}. Next: {backfill_command(begin, until) if more else cause.command}")
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
