"""The ways of making the same dates that are measured against each other, each in a process of its own.

`python -m benchmarks.ways` is what `benchmarks.side_by_side` and `benchmarks.commits` start; the environment says which
home, as for every command.
"""

import argparse
import contextlib
import inspect
import io
import itertools
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import duckdb
import ibis
import pyarrow as pa
from dagster import DagsterEventType, DagsterInstance, RunsFilter

import nba_pipeline
from benchmarks.figures import Figures, bytes_in
from benchmarks.pandas_loop import KEYS, differences, features_of_date
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import all_tables, table_modules
from nba_pipeline.cli.app import main as command_line
from nba_pipeline.cli.terminal import progress_bars
from nba_pipeline.clock import season_of
from nba_pipeline.code_versions import translations
from nba_pipeline.contracts import Contract, Phase
from nba_pipeline.partitions import game_dates, read_bounds, season_start
from nba_pipeline.precompute import ml_feature_store
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings
from nba_pipeline.warehouse import audit
from nba_pipeline.warehouse.date_scope import rows_in_scope
from nba_pipeline.warehouse.duckdb_files import literal
from nba_pipeline.warehouse.interface import Replacement, Session
from nba_pipeline.warehouse.publish import STANDING, Rows, transformed_rows

SEED = 7

SIMULATED_SEASON = 2025

CHECKS = "checks"
"""The part of a run in which no table is made."""


class DifferentRowsError(Exception):
    """Two ways of making the same dates made other rows."""


def tables_of(phases: Sequence[Phase]) -> list[Contract]:
    """The tables of the phases, upstream before downstream."""
    return [table for table in all_tables() if table.phase in phases]


# What all ways begin with


def plan(data: Path | None, season: int | None, count: int | None) -> dict[str, object]:
    """Which dates are made: from the start of a season to its `count`th date with games; and when it is."""
    from nba_pipeline.league.parquet_seasons import read_seasons
    from nba_pipeline.league.simulation import simulate

    league = read_seasons(data) if data else simulate(SEED, [SIMULATED_SEASON])
    every = sorted({*league.games["game_date"]})
    chosen = season or max(season_of(day) for day in every)
    days = [day for day in every if season_of(day) == chosen][:count]
    if not days:
        raise SystemExit(
            f"no game is of the season that starts in {chosen}; there are those of {every[0]} to {every[-1]}"
        )
    now = datetime(days[-1].year, days[-1].month, days[-1].day, 16, tzinfo=UTC) + timedelta(days=1)
    return {
        "first": str(season_start(chosen)), "last": str(days[-1]), "now": now.isoformat(),
        "dates": [str(day) for day in days], "partitions": len(game_dates(season_start(chosen), days[-1])),
        "sources": translations.SOURCES,
    }  # fmt: skip


def land(data: Path | None, first: date, last: date) -> int:
    """Lands what the ways read, from the replay server; the exit code of the shipped command."""
    from nba_pipeline.league.parquet_seasons import read_seasons
    from nba_pipeline.league.server import LeagueServer
    from nba_pipeline.league.simulation import simulate

    league = read_seasons(data) if data else simulate(SEED, [SIMULATED_SEASON])
    with LeagueServer(league, now=datetime.fromisoformat(os.environ["NBA_PIPELINE_NOW"])) as server:
        os.environ["BALLDONTLIE_API_URL"] = server.url
        return backfill(first, last, [Phase.LANDING])


# The ways


def backfill(first: date, last: date, phases: Sequence[Phase]) -> int:
    """Runs the shipped command, whose report is not shown unless it failed; its exit code."""
    named = itertools.chain.from_iterable(("--phase", phase.name.lower()) for phase in phases)
    sys.argv = ["nba-pipeline", "backfill", "--no-history", "--from", str(first), "--to", str(last), *named]
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            command_line()
    except SystemExit as ended:
        if ended.code:
            sys.stderr.write(said.getvalue())
            return int(ended.code)
    return 0


def through_dagster(settings: Settings, first: date, last: date, phases: Sequence[Phase]) -> Figures:
    """The pipeline as it is shipped: one command, with gates, audits, checks and events."""
    figures, since = Figures(), datetime.now(UTC)
    with figures.taken():
        exit_code = backfill(first, last, phases)
    if exit_code:
        raise SystemExit(exit_code)
    figures.parts = seconds_of_steps(settings, since)
    figures.notes = {"dagster_bytes": bytes_in(settings.dagster_home)}
    return figures


def seconds_of_steps(settings: Settings, since: datetime) -> dict[str, float]:
    """Seconds that the steps of the runs since an instant took, by phase; the steps of checks apart."""
    made = {"__".join(asset_key(table).path): table.phase.name.lower() for table in all_tables()}
    found: dict[str, float] = {}
    with DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        for run in instance.get_runs(RunsFilter(created_after=since)):
            for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_SUCCESS):
                event = entry.get_dagster_event()
                part = made.get(str(event.step_key), CHECKS)
                found[part] = found.get(part, 0.0) + event.step_success_data.duration_ms / 1000
    return found


def called_directly(settings: Settings, first: date, last: date, phases: Sequence[Phase]) -> Figures:
    """The same transforms and trainings: inputs are read, rows made and written, and nothing else is done."""
    runtime, figures = Runtime(settings), Figures()
    days = game_dates(first, last)
    modules = [module for module in table_modules() if module.CONTRACT.phase in phases]
    with figures.taken(), progress_bars() as bars:
        task = bars.add_task("called directly", total=len(modules))
        for module in modules:
            with figures.part(module.CONTRACT.phase.name.lower()):
                make(runtime, module, days)
            bars.advance(task)
    return figures


def make(runtime: Runtime, module: ModuleType, days: Sequence[date]) -> None:
    """Makes and writes the rows of one table for the dates."""
    table: Contract = module.CONTRACT
    narrowed = {}
    for name, read in table.reads.items():
        rows = read.table.unbound()
        begin, end = read_bounds(read, days[0], days[-1])
        narrowed[name] = rows.filter(rows.game_date.between(ibis.literal(begin), ibis.literal(end)))
    with runtime.warehouse.session() as session:
        for needed in (table, *(read.table for read in table.reads.values())):
            session.ensure(needed)
    made = function_of(module)(context_of(runtime), days, **narrowed)
    found = made if isinstance(made, Rows) else Rows(made)
    kept = [day for day in days if day not in found.refused]
    with runtime.warehouse.session() as session:
        session.replace([Replacement(table, staged(session, table, found.rows, kept), kept)])


def function_of(module: ModuleType) -> Callable[..., Rows | ibis.Table | pa.Table]:
    """The function that makes a table's rows, as its file has it: what its asset calls once the gate is open."""
    return inspect.getclosurevars(module.asset.op.compute_fn.decorated_fn).nonlocals["function"]


def context_of(runtime: Runtime) -> SimpleNamespace:
    """What such a function uses of Dagster's context: the resources, and places to write to, which keep nothing."""

    def nothing(*_: object, **__: object) -> None:
        """Takes what Dagster would store."""

    log = logging.Logger("called directly", logging.CRITICAL)
    resources = SimpleNamespace(**runtime.resources)
    return SimpleNamespace(
        resources=resources, log=log, run_id="called directly", log_event=nothing, add_asset_metadata=nothing
    )


def staged(
    session: Session, table: Contract, rows: ibis.Table | pa.Table | Callable[..., ibis.Table], days: Sequence[date]
) -> ibis.Table:
    """Stages rows as they are published: of the dates, in the types of the contract, beside those that are kept."""
    if isinstance(rows, ibis.Table | pa.Table):
        source = session.stage("made_rows", rows) if isinstance(rows, pa.Table) else rows
        conformed = audit.conform(source, table)
        new = session.stage("new_rows", conformed.filter(conformed.game_date.isin([ibis.literal(d) for d in days])))
    else:
        reads = {name: read_bounds(read, days[0], days[-1]) for name, read in table.reads.items()}
        new = session.stage("new_rows", partial(transformed_rows, table, rows), dates=days, reads=reads)
    if table.keeps is None:
        return new
    standing = session.stage(STANDING, partial(rows_in_scope, table), dates=days)
    return session.stage(audit.STAGED, audit.conform(table.keeps(new, standing), table))


def inputs_and_outputs(settings: Settings, first: date, last: date, phases: Sequence[Phase], done: Path) -> Figures:
    """The engine's floor: what the tables of the phases read is read, and what another home made of it is written."""
    figures, tables = Figures(), tables_of(phases)
    settings.home.mkdir(parents=True, exist_ok=True)
    landing = Runtime(settings).landing.as_it_is()
    with figures.taken(), duckdb.connect(str(settings.warehouse_path)) as connection, progress_bars() as bars:
        connection.execute(f"ATTACH {literal(str(done / settings.warehouse_path.name))} AS done (READ_ONLY)")
        task = bars.add_task("inputs and outputs", total=len(tables))
        for table in tables:
            with figures.part(table.phase.name.lower()):
                if table.landed:
                    answers = {landing.latest(table.landed, day) for day in game_dates(first, last)} - {None}
                    for page in {page for answer in answers if answer for page in answer.pages}:
                        page.body()
                for read in table.reads.values():
                    window = read_bounds(read, first, last)
                    found = f"FROM done.{read.table.name} WHERE game_date BETWEEN ? AND ?"
                    for _ in connection.execute(found, window).to_arrow_reader():
                        pass
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {table.schema_name}")
                written = f"CREATE TABLE IF NOT EXISTS {table.name} AS FROM done.{table.name}"
                connection.execute(f"{written} WHERE game_date BETWEEN ? AND ?", [first, last])
            bars.advance(task)
    return figures


def loop_in_pandas(settings: Settings, days: Sequence[date], done: Path) -> Figures:
    """Features of form, date by date and player by player, from frames that are read once.

    Where they are not those of the feature store it says so, and notes how many values are `different`.
    """
    figures, store = Figures(), ml_feature_store.CONTRACT
    with duckdb.connect(str(done / settings.warehouse_path.name), read_only=True) as connection:
        with figures.taken(), progress_bars() as bars:
            history = connection.execute("FROM analytics.player_game_summary").df(date_as_object=True)
            expected = connection.execute("FROM analytics.upcoming_player_game_context").df(date_as_object=True)
            task = bars.add_task("loop in pandas", total=len(days))
            made = []
            for day in days:
                made.append(features_of_date(day, expected, history))
                bars.advance(task)
        found = connection.execute(f"FROM {store.name}").df(date_as_object=True)
    wrong = {str(d): differences(rows, found[found["game_date"] == d]) for d, rows in zip(days, made, strict=True)}
    for day, columns in wrong.items():
        if columns:
            sys.stderr.write(f"the loop in pandas differs from {store.name} of {day}: {columns}\n")
    figures.notes = {
        "dates": len(days),
        "columns": len(made[0].columns) - len(KEYS),
        "columns_of_store": len(ml_feature_store.FEATURES),
        "different": sum(abs(count) for columns in wrong.values() for count in columns.values()),
    }
    return figures


# What they made


def hashes(settings: Settings, first: date, last: date, phases: Sequence[Phase]) -> dict[str, dict[date, tuple]]:
    """Rows and content hash by table and date, of what stands in a home's warehouse."""
    with Runtime(settings).warehouse.session(read_only=True) as session:
        days = game_dates(first, last)
        return {table.name: dict(audit.content_hashes(session, table, days)) for table in tables_of(phases)}


def compared(ours: Mapping[str, Mapping[date, tuple]], theirs: Mapping[str, Mapping[date, tuple]]) -> int:
    """The rows that both have. Raises `DifferentRowsError` where one has others, with the first such dates."""
    wrong = [
        f"{name} of {day}: {ours[name].get(day)} and {theirs[name].get(day)}"
        for name in ours
        for day in sorted({*ours[name], *theirs[name]})
        if ours[name].get(day) != theirs[name].get(day)
    ]
    if wrong:
        more = f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise DifferentRowsError(f"rows and hashes of two ways differ: {'; '.join(wrong[:3])}{more}")
    return sum(rows for table in ours.values() for rows, _ in table.values())


def measured_tree() -> Path:
    """The folder whose pipeline this process has imported: an installed one must not stand in for a commit's."""
    return Path(nba_pipeline.__file__).resolve().parents[1]


def main() -> int:
    """Does what is asked for and leaves its figures; 0 when it did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=("plan", "land", "dagster", "direct", "floor", "pandas", "compare"))
    parser.add_argument("--figures", type=Path, required=True, help="where to leave them")
    parser.add_argument("--data", type=Path, help="folder of real seasons")
    parser.add_argument("--season", type=int)
    parser.add_argument("--dates", type=int)
    parser.add_argument("--from", dest="first", type=date.fromisoformat)
    parser.add_argument("--to", dest="last", type=date.fromisoformat)
    parser.add_argument("--phase", dest="phases", type=lambda name: Phase[name.upper()], action="append", default=[])
    parser.add_argument("--day", dest="days", type=date.fromisoformat, action="append", default=[])
    parser.add_argument("--done", type=Path, help="the home in which the dates are made already")
    asked = parser.parse_args()
    if measured_tree() != Path.cwd().resolve():
        raise SystemExit(f"{measured_tree()} would be measured, not {Path.cwd()}: set PYTHONPATH to that")
    if asked.way == "plan":
        asked.figures.write_text(json.dumps(plan(asked.data, asked.season, asked.dates)), encoding="utf-8")
        return 0
    settings, span = Settings(), (asked.first, asked.last)
    if asked.way == "land":
        began, exit_code = time.perf_counter(), land(asked.data, *span)
        Figures(wall=time.perf_counter() - began).write(asked.figures)
        return exit_code
    if asked.way == "compare":
        other = settings.model_copy(update={"home": asked.done})
        rows = compared(hashes(settings, *span, asked.phases), hashes(other, *span, asked.phases))
        Figures(notes={"rows": rows, "landing_bytes": bytes_in(settings.landing_path)}).write(asked.figures)
        return 0
    if asked.way == "dagster":
        figures = through_dagster(settings, *span, asked.phases)
    elif asked.way == "direct":
        figures = called_directly(settings, *span, asked.phases)
    elif asked.way == "floor":
        figures = inputs_and_outputs(settings, *span, asked.phases, asked.done)
    else:
        figures = loop_in_pandas(settings, asked.days, asked.done)
    figures.notes["warehouse_bytes"] = bytes_in(settings.warehouse_path)
    figures.write(asked.figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
