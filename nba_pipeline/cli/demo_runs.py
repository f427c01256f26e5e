"""The runs of the demo, and what it prints at the end."""

from datetime import date, timedelta

import ibis

from nba_pipeline.cli.backfill_commands import close_killed
from nba_pipeline.cli.health_commands import print_date
from nba_pipeline.cli.prediction_commands import accuracy_table, by_stat_and_setting, predictions_table
from nba_pipeline.cli.terminal import progress_bars
from nba_pipeline.clock import season_of
from nba_pipeline.contracts import Phase
from nba_pipeline.monitoring.outcome import Outcome, console, errors, say
from nba_pipeline.monitoring.outlook import accuracy_of, predictions_of
from nba_pipeline.monitoring.smoke_test import DateState
from nba_pipeline.operations import backfill as backfilling
from nba_pipeline.operations.runs import opened
from nba_pipeline.partitions import season_start
from nba_pipeline.raw import games as raw_games
from nba_pipeline.runtime import Runtime
from nba_pipeline.warehouse.interface import Warehouse

SHOWN = ("points",)
"""The statistics whose errors the demo prints; `nba-pipeline accuracy` prints all."""


def backfill_last_dates(runtime: Runtime, count: int) -> int:
    """Brings the season so far and the last `count` dates with games, today and tomorrow to completeness.

    Returns 0 when every run succeeded and all of these dates are complete, current and open.
    """
    today = runtime.clock.today()
    yesterday, tomorrow = today - timedelta(days=1), today + timedelta(days=1)
    opening = season_start(season_of(yesterday))
    with progress_bars() as bars, opened(runtime, bars) as pipeline:
        close_killed(pipeline.instance)
        before = backfilling.plan_ranges(runtime, opening, yesterday, backfilling.HISTORY_PHASES, history=False)
        history = backfilling.backfill(pipeline, before, (opening, yesterday), backfilling.HISTORY_PHASES)
        dates = last_game_dates(runtime.warehouse, yesterday, count)
        if not dates:
            return print_reports(history)
        graded = (Phase.PREDICTIONS, Phase.GRADES)
        ranges = backfilling.plan_ranges(runtime, dates[0], yesterday, graded, history=False)
        ranges += backfilling.plan_ranges(runtime, today, tomorrow, list(Phase), history=False)
        report = backfilling.backfill(pipeline, ranges, (dates[0], tomorrow), list(Phase))
    return print_reports(history, report)


def print_reports(*reports: backfilling.Report) -> int:
    """Prints what became of the backfills, failed runs first and then the dates of the last; the exit code."""
    found = [report.outcome for report in reports]
    failed = tuple(sentence for outcome in found for sentence in outcome.failed)
    undone = tuple(sentence for outcome in found for sentence in outcome.undone)
    say(failed, style="red", on=errors)
    for result in reports[-1].results:
        print_date(result, verbose=result.overall is DateState.FAIL)
    say(list(dict.fromkeys(undone)), style="red")
    return Outcome(failed, undone).exit_code


def last_game_dates(warehouse: Warehouse, until: date, count: int) -> list[date]:
    """The last dates with games, up to and including `until`, oldest first."""
    with warehouse.session(read_only=True) as session:
        games = session.read(raw_games.CONTRACT)
        dates = games.filter(games.game_date <= ibis.literal(until)).select("game_date").distinct()
        rows = session.query(dates.order_by(ibis.desc("game_date")).limit(count)).to_pylist()
    return sorted(row["game_date"] for row in rows)


def print_outlook(warehouse: Warehouse, today: date, players: int) -> None:
    """Tomorrow's highest predictions, and the errors of yesterday and of the last month."""
    tomorrow, yesterday = today + timedelta(days=1), today - timedelta(days=1)
    rows = predictions_of(warehouse, tomorrow, players)
    console.print(predictions_table(rows, f"Points expected tomorrow, {tomorrow}, and the chance of playing in %"))
    for first, title in ((yesterday, "Yesterday"), (today - timedelta(days=45), "The last dates")):
        for what, scores in by_stat_and_setting(accuracy_of(warehouse, first, yesterday, stats=SHOWN)).items():
            console.print(accuracy_table(scores, f"{title}, {first} to {yesterday}: errors of {what}"))
