"""`nba-pipeline …`: the same runs on the same instance as the UI, for terminals and scripts."""

import io
import signal
import socket
import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import AwareDatetime, TypeAdapter, ValidationError
from typer.core import TyperGroup

from nba_pipeline.monitoring.outcome import OK, NotTriedError, Outcome, print_json, refuse
from nba_pipeline.settings import Plan, Settings, instance_folder
from nba_pipeline.warehouse.errors import WarehouseError

JSON = "--json"


class Commands(TyperGroup):
    """All commands: what cannot be tried ends each of them with 2 and a message, with `--json` in JSON as well."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Notes whether JSON is asked for, which has to be known when the rest cannot be understood."""
        ctx.meta[JSON] = JSON in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        """Runs the command. Arguments that it does not take are shown by typer, on standard error."""
        try:
            return super().invoke(ctx)
        except (NotTriedError, WarehouseError) as error:
            raise typer.Exit(refuse(str(error), as_json=ctx.meta[JSON])) from error
        except ValidationError as error:
            if error.title != Settings.__name__:
                raise
            raise typer.Exit(refuse(_wrong_settings(error), as_json=ctx.meta[JSON])) from error
        except typer.TyperException as error:
            if ctx.meta[JSON]:
                print_json(Outcome(not_tried=error.format_message()), {})
            raise


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="NBA box scores to graded player predictions, one Dagster partition a game date.",
)


class PhaseName(StrEnum):
    """The phases by the names that people type."""

    landing = "landing"
    raw = "raw"
    analytics = "analytics"
    precompute = "precompute"
    predictions = "predictions"
    grades = "grades"


class Stat(StrEnum):
    """The statistics that are predicted."""

    points = "points"
    rebounds = "rebounds"
    assists = "assists"
    three_pointers_made = "three_pointers_made"
    minutes = "minutes"


class Setting(StrEnum):
    """What was known when a prediction was made: no news of the day, or who is out tonight."""

    morning = "morning"
    pre_tip = "pre_tip"


class Population(StrEnum):
    """The players over whom scores are taken."""

    all = "all"
    rotation = "rotation"
    stars = "stars"


Day = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], metavar="DATE", help="A game date in New York.")]


Json = Annotated[bool, typer.Option(JSON, help="Print the result as JSON, with the field `outcome`.")]


def _settings() -> Settings:
    try:
        settings = Settings()
        instance_folder(settings)
    except ValidationError as error:
        raise NotTriedError(_wrong_settings(error)) from error
    except ValueError as error:
        raise NotTriedError(f"DAGSTER_HOME: {error}") from error
    return settings


def _wrong_settings(error: ValidationError) -> str:
    """The settings that cannot be used, by the variables that people set."""
    said = []
    for problem in error.errors():
        name = "_".join(map(str, problem["loc"])).upper()
        variable = name if name.startswith("BALLDONTLIE") else f"NBA_PIPELINE_{name}"
        said.append(f"{variable}: {problem['msg'].removeprefix('Value error, ')}")
    return "\n".join(said)


def _refuse_taken(port: int) -> None:
    """Raises `NotTriedError` when somebody listens on the port already."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        taken = f"port {port} of 127.0.0.1 cannot be had ({error.strerror}); choose another: --port"
        raise NotTriedError(taken) from error


@app.command("serve-league")
def serve(
    simulate: Annotated[int | None, typer.Option(metavar="SEED", help="Serve a simulated league.")] = None,
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Serve Parquet files of real seasons.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 8765,
    now: Annotated[
        str | None, typer.Option(metavar="ISO8601", help="The league's clock; games after it are scheduled.")
    ] = None,
    faults: Annotated[Path | None, typer.Option(metavar="FILE", help="Faults to inject, as JSON.")] = None,
    plan: Annotated[str | None, typer.Option(help="Limit requests like this plan: free, all-star, goat.")] = None,
) -> None:
    """Speak the balldontlie API on this machine, from a simulated league or from files."""
    from nba_pipeline.league.faults import FaultFileError
    from nba_pipeline.league.parquet_seasons import SeasonFileError
    from nba_pipeline.league.serving import OptionError, serve_league

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        instant = TypeAdapter(AwareDatetime).validate_python(now) if now else None
        chosen = TypeAdapter(Plan).validate_python(plan) if plan else None
        serve_league(simulate_seed=simulate, data=data, port=port, now=instant, faults=faults, plan=chosen)
    except (OptionError, FaultFileError, SeasonFileError, ValidationError) as error:
        raise NotTriedError(str(error)) from error
    except KeyboardInterrupt as ended:
        # It serves until a person ends it: then all is done that was asked for.
        raise typer.Exit(OK) from ended


@app.command()
def backfill(
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First game date.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last date, included.")] = None,
    phase: Annotated[list[PhaseName] | None, typer.Option(help="Only these phases; all, if not given.")] = None,
    history: Annotated[bool, typer.Option(help="Load what the dates need of the dates before them first.")] = True,
    outdated: Annotated[
        bool, typer.Option("--outdated", help="Only what is stale or made by other code, from what is landed.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be made, in which order and why.")] = False,
    as_json: Json = False,
) -> None:
    """Materialize every table for the dates, and check that they are complete.

    Exit code 0 only when every run succeeded and every date is complete, current and open, or passed over by a
    decision that is named; 1 lists what is not, failed runs first; 2 means that it could not be tried. A backfill
    that was ended goes on where it was when it is asked for again within two hours.
    """
    from nba_pipeline.cli.backfill_commands import run_backfill, run_dry, run_outdated
    from nba_pipeline.contracts import Phase

    begin, end = first.date() if first else None, last.date() if last else None
    if outdated:
        if phase or not history:
            raise NotTriedError(
                "--outdated makes again what is not current, whatever its phase: leave --phase and --no-history out"
            )
        raise typer.Exit(run_outdated(_settings(), begin, end, dry_run=dry_run, as_json=as_json))
    if begin is None or end is None:
        raise NotTriedError("say which game dates: --from and --to (only --outdated does without)")
    phases = [Phase[name.upper()] for name in phase] if phase else list(Phase)
    run = run_dry if dry_run else run_backfill
    raise typer.Exit(run(_settings(), begin, end, phases, history=history, as_json=as_json))


@app.command("smoke-test")
def smoke_test(
    first: Day,
    last: Annotated[datetime | None, typer.Argument(formats=["%Y-%m-%d"], metavar="[END_DATE]")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Counts and reasons of every table.")] = False,
    as_json: Json = False,
) -> None:
    """Say for each phase of a date PASS, FAIL or VALID-SKIP, against what the schedule expects.

    Exit code 0 when all is complete, current and open, 1 when something is not, 2 when it could not be checked.
    """
    from nba_pipeline.cli.health_commands import run_smoke_test

    end = (last or first).date()
    raise typer.Exit(run_smoke_test(_settings(), first.date(), end, verbose=verbose, as_json=as_json))


@app.command()
def accuracy(
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First game date.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last game date, included.")],
    stat: Annotated[list[Stat] | None, typer.Option(help="Only these statistics; all, if not given.")] = None,
    setting: Annotated[list[Setting] | None, typer.Option(help="Without or with news of the day; both.")] = None,
    population: Annotated[
        Population, typer.Option(help="All who played, or those expected to play 20 minutes or to score 20 points.")
    ] = Population.all,
    as_json: Json = False,
) -> None:
    """Errors of each system beside the naive baselines on the same rows, with 95 % intervals of the differences.

    Exit code 0 when all grades of the dates stand, 1 when some are missing, stale or behind a closed gate, 2 when it
    could not be looked at.
    """
    from nba_pipeline.cli.prediction_commands import run_accuracy

    raise typer.Exit(
        run_accuracy(
            _settings(),
            first.date(),
            last.date(),
            stats=[one.value for one in stat or Stat],
            known=[one.value for one in setting or Setting],
            population=population.value,
            as_json=as_json,
        )
    )


@app.command()
def explain(
    day: Day,
    player: Annotated[str, typer.Argument(help="His id, or a part of his name that no other player of the date has.")],
    stat: Annotated[str, typer.Option(help="The statistic.")] = "points",
    as_json: Json = False,
) -> None:
    """Say why a player was predicted what he was: features, contributions, box scores, landed responses.

    Exit code 1 when what is explained is not complete, current and open; 2 when there is nothing to explain, or
    several players may be meant: these are listed.
    """
    from nba_pipeline.cli.prediction_commands import run_explain

    raise typer.Exit(run_explain(_settings(), day.date(), player, stat, as_json=as_json))


@app.command()
def health(
    day: Annotated[
        datetime | None, typer.Argument(formats=["%Y-%m-%d"], metavar="[DATE]", help="Yesterday, if not given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how the pipeline stands over the two weeks up to a date, and everything that a person should do.

    Exit code 0 when there is nothing to do, 1 when there is, 2 when it could not be looked at.
    """
    from nba_pipeline.cli.health_commands import run_health

    raise typer.Exit(run_health(_settings(), day.date() if day else None, as_json=as_json))


gate_app = typer.Typer(no_args_is_help=True, help="The circuit breakers: how they stand, and decisions to pass them.")
app.add_typer(gate_app, name="gate")

By = Annotated[str, typer.Option("--by", help="Who decides.")]
Because = Annotated[str, typer.Option("--because", help="Why the date may pass.")]


@gate_app.command("list")
def gate_list(day: Day, as_json: Json = False) -> None:
    """Say for each gate whether a date may pass, and why not. Exit code 1 when one is closed."""
    from nba_pipeline.cli.gate_commands import run_gate_list

    raise typer.Exit(run_gate_list(_settings(), day.date(), as_json=as_json))


@gate_app.command("override")
def gate_override(
    gate: Annotated[str, typer.Argument(help="Name of the gate, as `gate list` shows it.")],
    day: Day,
    by: By,
    because: Because,
    hours: Annotated[float, typer.Option(help="After how many hours the decision ends; at most 168.")] = 24,
    as_json: Json = False,
) -> None:
    """Let one date through one gate for a while. It is recorded, alerted, shown in the UI, and ends by itself."""
    from nba_pipeline.cli.gate_commands import run_override

    raise typer.Exit(run_override(_settings(), gate, day.date(), by, because, hours, as_json=as_json))


@gate_app.command("gap")
def gate_gap(day: Day, by: By, because: Because, as_json: Json = False) -> None:
    """Record that the games of a date will never be had, so that look-backs pass over it."""
    from nba_pipeline.cli.gate_commands import run_known_gap

    raise typer.Exit(run_known_gap(_settings(), day.date(), by, because, as_json=as_json))


@gate_app.command("end")
def gate_end(
    gate: Annotated[str, typer.Argument(help="Name of the gate, or `known_gap`, as `gate overrides` shows it.")],
    day: Day,
    by: By,
    because: Because,
    as_json: Json = False,
) -> None:
    """End an override or a known gap before its time."""
    from nba_pipeline.cli.gate_commands import run_end_override

    raise typer.Exit(run_end_override(_settings(), gate, day.date(), by, because, as_json=as_json))


@gate_app.command("overrides")
def gate_overrides(as_json: Json = False) -> None:
    """List the overrides and known gaps in force: who, why, until when."""
    from nba_pipeline.cli.gate_commands import run_overrides

    raise typer.Exit(run_overrides(_settings(), as_json=as_json))


landing_app = typer.Typer(no_args_is_help=True, help="The exact answers of the source.")
app.add_typer(landing_app, name="landing")


@landing_app.command("schedule")
def landing_schedule(
    season: Annotated[
        int | None, typer.Option(min=1967, max=9998, metavar="YEAR", help="The year it begins in; this season.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask for the whole schedule of a season now, and say how many games of each team it lists.

    Exit code 1 when fewer are listed than a season has, or raw.games lacks one of a date that is over; 2 when the
    source did not answer.
    """
    from nba_pipeline.cli.season_schedule_commands import run_landing_schedule

    raise typer.Exit(run_landing_schedule(_settings(), season, as_json=as_json))


game_app = typer.Typer(no_args_is_help=True, help="Games whose facts the source has wrong or not at all.")
app.add_typer(game_app, name="game")

GameId = Annotated[int, typer.Argument(metavar="GAME", min=1, help="The source's id of the game.")]
OfDate = Annotated[
    datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Which game, where its id stands on two dates.")
]
DecidedBecause = Annotated[str, typer.Option("--because", help="Why.")]
Until = Annotated[
    str | None, typer.Option("--until", metavar="ISO8601", help="When the decision ends; until it is released.")
]


@game_app.command("show")
def game_show(game: GameId, day: OfDate = None, as_json: Json = False) -> None:
    """Say what is known of a game: its row, what is wrong with it, what was decided, and what can be done.

    Exit code 1 when it waits for something and nobody decided about it, 2 when it is not known.
    """
    from nba_pipeline.cli.game_commands import run_game_show

    raise typer.Exit(run_game_show(_settings(), game, day.date() if day else None, as_json=as_json))


@game_app.command("decisions")
def game_decisions(as_json: Json = False) -> None:
    """List the decisions about games that are in force: who, what, why, until when."""
    from nba_pipeline.cli.game_commands import run_game_decisions

    raise typer.Exit(run_game_decisions(_settings(), as_json=as_json))


def _decide(ruling: str, game: int, day: datetime | None, by: str, because: str, until: str | None = None, *,
            corrections: dict[str, object] | None = None, as_json: bool) -> None:  # fmt: skip
    from nba_pipeline.cli.game_commands import run_game_decision
    from nba_pipeline.decisions.game_decisions import Ruling

    about = _settings(), Ruling(ruling), game, day.date() if day else None
    raise typer.Exit(run_game_decision(*about, corrections or {}, by, because, until, as_json=as_json))


@game_app.command("hold")
def game_hold(
    game: GameId, by: By, because: DecidedBecause, day: OfDate = None, until: Until = None, as_json: Json = False
) -> None:
    """Leave a game out of history and wait for it no longer; everything else of its date goes on."""
    _decide("hold", game, day, by, because, until, as_json=as_json)


@game_app.command("accept")
def game_accept(
    game: GameId, by: By, because: DecidedBecause, day: OfDate = None, until: Until = None, as_json: Json = False
) -> None:
    """Take a game as the source has it, though its numbers do not add up."""
    _decide("accept", game, day, by, because, until, as_json=as_json)


@game_app.command("correct")
def game_correct(
    game: GameId,
    by: By,
    because: DecidedBecause,
    players_sum: Annotated[
        bool, typer.Option("--players-sum", help="The score of each team is the sum of its players' points.")
    ] = False,
    values: Annotated[
        list[str] | None, typer.Option("--set", metavar="WHAT=VALUE", help="home_score=101 or PLAYER_ID.points=12.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="PLAYER_ID/TEAM", help="Leave a row out: of a player under two teams.")
    ] = None,
    day: OfDate = None,
    until: Until = None,
    as_json: Json = False,
) -> None:
    """Take these values for the source's. A newer correction of a game takes the place of the one before it."""
    from nba_pipeline.cli.game_commands import corrections_of

    corrections = corrections_of(values or [], without or [], players_sum=players_sum)
    _decide("correct", game, day, by, because, until, corrections=corrections, as_json=as_json)


@game_app.command("release")
def game_release(game: GameId, by: By, because: DecidedBecause, day: OfDate = None, as_json: Json = False) -> None:
    """Take back what was decided about a game."""
    _decide("release", game, day, by, because, as_json=as_json)


@app.command()
def faults(
    markdown: Annotated[bool, typer.Option("--markdown", help="As the page docs/source-faults.md.")] = False,
    as_json: Json = False,
) -> None:
    """List what is known to be wrong with the sources: where, what it does here, and what is done about it."""
    from nba_pipeline.cli.source_fault_commands import run_faults

    raise typer.Exit(run_faults(markdown=markdown, as_json=as_json))


ledger_app = typer.Typer(no_args_is_help=True, help="The ledger of predictions made before tip-off.")
app.add_typer(ledger_app, name="ledger")


@ledger_app.command("verify")
def ledger_verify(
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First game date; the first of all.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last game date, included; the last of all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compute every chain anew and compare it with what Dagster's event log recorded of it.

    Exit code 0 when every row stands as it was added, 1 when one does not, 2 when it could not be checked.
    """
    from nba_pipeline.cli.ledger_commands import run_ledger_verify

    chosen = first.date() if first else None, last.date() if last else None
    raise typer.Exit(run_ledger_verify(_settings(), *chosen, as_json=as_json))


@app.command()
def publish(
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First game date; today, if not given.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last game date, included; the first.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Publish what was predicted before the games of each date, as files for people outside.

    Exit code 0 when every date is published or has nothing to publish, 1 when one is refused, 2 when it could not be
    tried.
    """
    from nba_pipeline.cli.publish_commands import run_publish

    chosen = first.date() if first else None, last.date() if last else None
    raise typer.Exit(run_publish(_settings(), *chosen, as_json=as_json))


@landing_app.command("clean-up")
def landing_clean_up(
    keep_days: Annotated[
        int | None,
        typer.Option(help="After how many days an answer may go; NBA_PIPELINE_LANDING_KEEP_DAYS, if not given."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    as_json: Json = False,
) -> None:
    """Remove old answers that said nothing new about any date and are the newest about none.

    Nothing is removed that a table, a revision or an explanation stands on. One that was killed is gone on with when it
    is asked for again. Exit code 0 when that is done, 2 when it could not be tried.
    """
    from nba_pipeline.cli.landing_commands import run_landing_clean_up

    raise typer.Exit(run_landing_clean_up(_settings(), keep_days, dry_run=dry_run, as_json=as_json))


warehouse_app = typer.Typer(no_args_is_help=True, help="The place of all tables.")
app.add_typer(warehouse_app, name="warehouse")


@warehouse_app.command("copy")
def warehouse_copy(
    source: Annotated[str, typer.Option("--from", metavar="PLACE", help="A DuckDB file or bigquery://PROJECT/PREFIX.")],
    target: Annotated[str, typer.Option("--to", metavar="PLACE", help="The same; made if it is not there.")],
    as_json: Json = False,
) -> None:
    """Copy every partition of every table, and compare its rows by their hash.

    Goes on where a copy that was killed ended. Exit code 0 when the target holds all that the source holds, 1
    when it does not, 2 when it could not be tried.
    """
    from nba_pipeline.cli.warehouse_commands import run_warehouse_copy

    raise typer.Exit(run_warehouse_copy(_settings(), source, target, as_json=as_json))


home_app = typer.Typer(no_args_is_help=True, help="The folder of everything that the pipeline keeps.")
app.add_typer(home_app, name="home")


@home_app.command("clone")
def home_clone(
    target: Annotated[Path, typer.Argument(metavar="TO", help="The folder of the clone: new, or empty.")],
    as_json: Json = False,
) -> None:
    """Copy the home, to try things on beside it: tables, answers, models, and Dagster's history.

    A writer is waited for, and waits in turn while tables are copied. In the clone no sensor or schedule launches
    anything, and alerts go to the log and the UI only. Exit code 0 when all of it is there, 1 when it could not be
    copied, 2 when it could not be tried.
    """
    from nba_pipeline.cli.home_commands import run_home_clone

    raise typer.Exit(run_home_clone(_settings(), target, as_json=as_json))


@app.command()
def demo(
    seed: Annotated[int, typer.Option(help="Seed of the simulated league.")] = 7,
    ui: Annotated[bool, typer.Option(help="Open Dagster's UI at the end.")] = True,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the UI on 127.0.0.1.")] = 3000,
) -> None:
    """See it work: a simulated league, thirty game dates end to end, tomorrow's predictions. Needs no key."""
    from nba_pipeline.cli.demo import run_demo

    if ui:
        _refuse_taken(port)
    raise typer.Exit(run_demo(_settings(), seed=seed, ui=ui, port=port))


@app.command()
def ui(port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 3000) -> None:
    """Open Dagster's UI on the instance that the commands use."""
    from nba_pipeline.cli.ui_commands import run_ui

    _refuse_taken(port)
    run_ui(_settings(), port)


def main() -> None:
    """The entry point: runs a command; an error that a person can fix is a message, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a letter of a name shows a question mark; it stops no command.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app()
