"""What a command ends with is what `docs/exit-codes.md` says, command by command and fault by fault."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests
from dagster import DagsterInstance
from dagster._daemon.types import DaemonHeartbeat
from rich.console import Console
from rich.progress import Progress
from typer.testing import CliRunner, Result

from nba_pipeline.cli import warehouse_commands
from nba_pipeline.cli.app import app
from nba_pipeline.cli.demo import free_port
from nba_pipeline.cli.demo_runs import backfill_last_dates, print_reports
from nba_pipeline.contracts import Phase
from nba_pipeline.league.faults import FAULTS
from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.operations import backfill as backfilling
from nba_pipeline.operations.runs import Attempt, opened
from nba_pipeline.predictions import player_predictions
from nba_pipeline.raw import games, players
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings, as_export, environment_of
from nba_pipeline_tests.support.loaded_season import CORRECTED_GAME, CORRECTION, LOADED_AT
from nba_pipeline_tests.support.named_command import commands, named_command
from nba_pipeline_tests.support.small_warehouse import keep_only

TABLE = Path(__file__).parents[1] / "docs" / "exit-codes.md"

DAY, EVE = CORRECTED_GAME, CORRECTED_GAME - timedelta(days=1)
LONG_AGO = "2025-03-01"
UP_TO_ANALYTICS = ["--phase", "landing", "--phase", "raw", "--phase", "analytics"]
"""Of the whole way `season_start_home` is a test; this is the part of it that takes seconds."""

SIGNED = ["--by", "Ann", "--because", "it is known"]
OF_THE_DAY = ["--from", str(DAY), "--to", str(DAY)]

ARGUMENTS = {
    "backfill": [*OF_THE_DAY, "--no-history", *UP_TO_ANALYTICS],
    "backfill --phase landing": [*OF_THE_DAY],
    "backfill --phase predictions": [*OF_THE_DAY, "--no-history"],
    "backfill --outdated": [],
    "backfill --dry-run": [*OF_THE_DAY, "--no-history"],
    "smoke-test": [str(DAY)],
    "health": [],
    "accuracy": OF_THE_DAY,
    "explain": [str(DAY), "PLAYER"],
    "gate list": [str(DAY)],
    "gate override": ["analytics_to_precompute", str(DAY), *SIGNED],
    "gate gap": [str(EVE), *SIGNED],
    "gate end": ["known_gap", LONG_AGO, *SIGNED],
    "gate overrides": [],
    "landing schedule": [],
    "game show": ["GAME"],
    "game decisions": [],
    "game hold": ["GAME", *SIGNED],
    "game accept": ["GAME", *SIGNED],
    "game correct": ["GAME", "--players-sum", *SIGNED],
    "game release": ["GAME", *SIGNED],
    "faults": [],
    "ledger verify": [],
    "publish": ["--from", str(LOADED_AT.date())],
    "landing clean-up": ["--keep-days", "14"],
    "warehouse copy": ["--from", "SMALL", "--to", "TARGET"],
    "home clone": ["CLONE"],
}
"""What is asked of each command of the table. Those that serve, and the demo, are proven apart."""

SMALL = "small.duckdb"
"""A warehouse of three tables, which is copied."""

CHANGING = (
    "backfill", "gate override", "gate gap", "gate end", "game hold", "game accept", "game correct", "game release",
    "landing schedule", "warehouse copy", "home clone", "publish",
)  # fmt: skip
"""Commands that leave the home other than it was."""

SERVING = ("serve-league", "ui", "demo")


def table() -> dict[str, dict[str, str]]:
    """The exit codes by command and fault, as the document has them."""
    section = TABLE.read_text().split("\n## Command and fault\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    heads, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0].strip("`"): dict(zip(heads[1:], row[1:], strict=True)) for row in rows}


@dataclass
class Home:
    """A copy of the loaded home with what a person types in it, and the source that it asks."""

    path: Path
    source: str
    servers: ExitStack = field(default_factory=ExitStack)
    """Sources of its own, until the tests are over."""

    @property
    def environment(self) -> dict[str, str]:
        return {
            "NBA_PIPELINE_HOME": str(self.path), "NBA_PIPELINE_NOW": LOADED_AT.isoformat(), "BALLDONTLIE_API_KEY": "k",
            "BALLDONTLIE_API_URL": self.source, "BALLDONTLIE_REQUESTS_PER_MINUTE": "100000",
            "NBA_PIPELINE_HTTP_WAIT_MIN_SECONDS": "0.01", "NBA_PIPELINE_HTTP_WAIT_MAX_SECONDS": "0.02",
            "NBA_PIPELINE_HTTP_ATTEMPTS": "2", "NBA_PIPELINE_LOCK_WAIT_SECONDS": "0.2",
            "NBA_PIPELINE_STEP_RETRIES": "0",
        }  # fmt: skip

    def run(self, *arguments: str) -> Result:
        return CliRunner(env=self.environment).invoke(app, arguments)

    def sql(self, statement: str) -> list[tuple]:
        with duckdb.connect(str(self.path / "warehouse.duckdb")) as connection:
            return connection.execute(statement).fetchall()

    def process(self, *arguments: str) -> "subprocess.Popen[str]":
        """A command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "nba_pipeline.cli", *arguments], env={**os.environ, **self.environment}, text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip


Fault = Callable[[Home, Any], None]


@contextmanager
def answering(league: League, *faults: dict) -> Iterator[LeagueServer]:
    with LeagueServer(league, now=LOADED_AT, faults=FAULTS.validate_python(list(faults))) as server:
        yield server


def nothing(home: Home, league: Any) -> None:
    """Changes nothing."""


def source_down(home: Home, league: Any) -> None:
    home.source = f"http://127.0.0.1:{free_port()}"


def gate_closed(home: Home, league: Any) -> None:
    home.sql(f"DELETE FROM analytics.team_offense_game_summary WHERE game_date = '{EVE}'")


def rows_stale(home: Home, league: Any) -> None:
    """The correction is landed, from a source that has it, and nobody parses it."""
    before = home.source
    with answering(league) as corrected:
        home.source = corrected.url
        assert home.run("backfill", *OF_THE_DAY, "--phase", "landing").exit_code == 0
    home.source = before


def code_changed(home: Home, league: Any) -> None:
    tables = "'raw.player_box_scores', 'precompute.ml_feature_store'"
    rows = f"table_name IN ({tables}) AND game_date = '{DAY}'"
    home.sql(f"UPDATE operations.published_partitions SET code_version = 'older' WHERE {rows}")


def nothing_loaded(home: Home, league: Any) -> None:
    shutil.rmtree(home.path)


def a_run_killed(home: Home, league: Any) -> None:
    """A backfill dies by SIGKILL after it has landed other games, while the source keeps it waiting for players."""
    others = {"kind": "extra_field", "endpoint": "games", "field": "arena"}
    silent_once = {"kind": "timeout", "endpoint": "players/active", "seconds": 120, "times": 1}
    server = home.servers.enter_context(answering(league, CORRECTION, others, silent_once))
    home.source = server.url
    with home.process("backfill", *ARGUMENTS["backfill"]) as running:
        while not any(request["path"].endswith("players/active") for request in server.requests):
            assert running.poll() is None, running.stderr and running.stderr.read()
            time.sleep(0.05)
        os.kill(running.pid, signal.SIGKILL)


HOLDING = "import duckdb, sys; held = [*map(duckdb.connect, sys.argv[1:])]; print(len(held), flush=True); input()"


@contextmanager
def locked(home: Home) -> Iterator[None]:
    """Another process has the warehouses of a home open for writing."""
    command = [sys.executable, "-c", HOLDING, *map(str, home.path.glob("*.duckdb"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        yield
        holder.communicate(b"\n")


FAULTS_BY_NAME: dict[str, Fault] = {
    "all well": nothing,
    "source down": source_down,
    "gate closed": gate_closed,
    "rows stale": rows_stale,
    "code changed": code_changed,
    "warehouse locked": nothing,
    "nothing loaded": nothing_loaded,
    "a run killed": a_run_killed,
    "a bad argument": nothing,
}


@pytest.fixture(scope="module")
def source(league: League) -> Iterator[LeagueServer]:
    with answering(league, CORRECTION) as server:
        yield server


@pytest.fixture(scope="module")
def decided_home(loaded_home: Path, source: LeagueServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The loaded home, with a known gap of long ago that can be ended, and a small warehouse beside its own."""
    home = Home(tmp_path_factory.mktemp("decided") / "home", source.url)
    shutil.copytree(loaded_home, home.path)
    assert home.run("gate", "gap", LONG_AGO, *SIGNED).exit_code == 0
    shutil.copy(home.path / "warehouse.duckdb", home.path / SMALL)
    keep_only(home.path / SMALL, {games.CONTRACT, players.CONTRACT, player_predictions.CONTRACT})
    return home.path


@pytest.fixture(scope="module")
def broken(
    decided_home: Path, source: LeagueServer, league: League, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Home]]:
    """Homes with a fault each, brought about once: a test takes a copy."""
    known: dict[str, Home] = {}

    def with_fault(fault: str) -> Home:
        if fault not in known:
            home = known[fault] = Home(tmp_path_factory.mktemp("broken") / "home", source.url)
            shutil.copytree(decided_home, home.path)
            FAULTS_BY_NAME[fault](home, league)
        return known[fault]

    yield with_fault
    for home in known.values():
        home.servers.close()


@pytest.fixture
def home(broken: Callable[[str], Home], tmp_path: Path) -> Callable[[str], Home]:
    """Copies of the homes with a fault."""

    def make(fault: str = "all well") -> Home:
        original = broken(fault)
        if original.path.exists() and not (tmp_path / "home").exists():
            shutil.copytree(original.path, tmp_path / "home")
        return Home(tmp_path / "home", original.source)

    return make


@pytest.fixture(scope="module")
def player(decided_home: Path) -> str:
    """Somebody who was predicted on the day."""
    with duckdb.connect(str(decided_home / "warehouse.duckdb"), read_only=True) as connection:
        asked = "SELECT min(player_id) FROM predictions.player_predictions WHERE game_date = ?"
        return str(connection.execute(asked, [DAY]).fetchall()[0][0])


@pytest.fixture(scope="module")
def game(decided_home: Path) -> str:
    """A game of the day."""
    with duckdb.connect(str(decided_home / "warehouse.duckdb"), read_only=True) as connection:
        asked = "SELECT min(game_id) FROM raw.games WHERE game_date = ?"
        return str(connection.execute(asked, [DAY]).fetchall()[0][0])


CELLS = [
    pytest.param(command, fault, id=f"{command}, {fault}")
    for fault in FAULTS_BY_NAME
    for command in ARGUMENTS
]  # fmt: skip


def asked_of(home: Home, command: str, player: str, game: str) -> list[str]:
    places = {
        "PLAYER": player, "GAME": game, "SMALL": home.path / SMALL, "TARGET": home.path / "copied.duckdb",
        "CLONE": home.path.parent / "clone",
    }  # fmt: skip
    return [*command.split(), *(str(places.get(argument, argument)) for argument in ARGUMENTS[command]), "--json"]


def test_the_table_names_every_command_and_every_fault_and_nothing_else() -> None:
    listed = table()
    assert {command.partition(" --")[0] for command in listed} == commands()
    assert {*listed} == {*ARGUMENTS, *SERVING}
    for command, codes in listed.items():
        assert [*codes] == [*FAULTS_BY_NAME], command
        assert {*codes.values()} <= ({"0", "1", "2", "—"} if command in SERVING else {"0", "1", "2"}), command


@pytest.mark.parametrize(("command", "fault"), CELLS)
def test_a_command_ends_with_what_the_table_says_and_its_json_says_the_same(
    home: Callable[[str], Home],
    broken: Callable[[str], Home],
    player: str,
    game: str,
    command: str,
    fault: str,
) -> None:
    mine = home(fault) if command.startswith(CHANGING) else broken(fault)
    asked = asked_of(mine, command, player, game)
    if command == "game release" and fault != "nothing loaded":
        assert mine.run("game", "hold", game, *SIGNED).exit_code == 0
    if fault == "a bad argument":
        asked.append("--no-such-option")
    if fault == "warehouse locked":
        with locked(mine):
            ended = mine.run(*asked)
    else:
        ended = mine.run(*asked)
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    assert str(ended.exit_code) == table()[command][fault], ended.output
    outcome = json.loads(ended.stdout)["outcome"]
    assert outcome["exit_code"] == ended.exit_code
    assert bool(outcome["reasons"]) is (ended.exit_code != 0)


def outcome_of(ended: Result) -> dict[str, Any]:
    return json.loads(ended.stdout)["outcome"]


def test_the_commands_that_a_clone_names_are_those_of_its_page_and_work_on_it(
    home: Callable[[str], Home], tmp_path: Path
) -> None:
    mine = home("all well")
    published = "SELECT * FROM operations.published_partitions ORDER BY ALL"
    with DagsterInstance.from_config(str(mine.path / "dagster")) as instance:
        for daemon in instance.get_required_daemon_types():
            instance.add_daemon_heartbeat(DaemonHeartbeat(0.0, daemon, "it", None))
    before = mine.sql(published)
    said = json.loads(mine.run("home", "clone", str(tmp_path / "clone"), "--json").stdout)
    clone = Home(tmp_path / "clone", mine.source)
    assert said["environment"] == {"NBA_PIPELINE_HOME": str(clone.path), "DAGSTER_HOME": str(clone.path / "dagster")}
    page = TABLE.with_name("try-beside-production.md").read_text().split("\n## Use it\n")[1].split("```")[1]
    export, unset, *lines = page.strip().splitlines()
    assert export == as_export(environment_of(Path("/data/nba-trial")))
    assert unset == f"unset {' '.join(said['unset'])}"
    assert [re.sub(r"\d{4}-\d\d-\d\d", "DAY", line) for line in lines] == [
        re.sub(r"\d{4}-\d\d-\d\d", "DAY", line) for line in said["next"]
    ]
    for line in said["next"]:
        part = UP_TO_ANALYTICS if "--from" in line else []
        ended = CliRunner(env={**clone.environment, **said["environment"]}).invoke(app, [*shlex.split(line)[1:], *part])
        assert ended.exit_code == 0, (line, ended.output[-2000:])
    assert mine.sql(published) == before


def test_what_stood_before_is_not_taken_for_what_was_asked_when_the_source_is_down(home: Callable[..., Home]) -> None:
    ended = home("source down").run("backfill", *ARGUMENTS["backfill"])
    assert ended.exit_code == 1
    assert "landing__games: landing/games: no answer" in ended.stderr
    assert "Not done: " in ended.stdout
    assert "1 of 1 game dates complete (0 with nothing expected, 0 days out of season) in" not in ended.stdout


def test_what_stood_before_is_not_taken_for_what_was_asked_when_a_gate_refuses(home: Callable[..., Home]) -> None:
    mine = home()
    mine.sql(f"DELETE FROM precompute.player_daily_cache WHERE game_date = '{DAY}'")
    ended = mine.run("backfill", *OF_THE_DAY, "--phase", "predictions", "--no-history", "--json")
    assert ended.exit_code == 1
    failed, closed = outcome_of(ended)["reasons"]
    assert failed.startswith("run ")
    assert f"the gate precompute_to_predictions is closed for {DAY}" in closed
    assert closed.endswith(f"Next: nba-pipeline backfill --from {DAY} --to {DAY}")
    assert named_command(closed)


def test_a_backfill_that_was_killed_goes_on_where_it_was_and_only_once(home: Callable[..., Home]) -> None:
    mine = home("a run killed")
    planned = json.loads(mine.run("backfill", *ARGUMENTS["backfill"], "--dry-run", "--json").stdout)
    assert planned["stretches"][0]["done"] == ["landing.games"]
    assert "landing.games" not in {step["asset"] for step in planned["stretches"][0]["steps"]}
    ended = mine.run("backfill", *ARGUMENTS["backfill"])
    assert ended.exit_code == 0, ended.stderr
    assert f"Goes on where a backfill was ended: 1 assets of played {DAY} to {DAY}" in ended.stderr
    assert "Goes on" not in mine.run("backfill", *ARGUMENTS["backfill"]).stderr


def test_a_backfill_whose_history_failed_is_not_done_though_its_own_dates_are(home: Callable[..., Home]) -> None:
    mine = home("source down")
    mine.sql(f"DELETE FROM operations.published_partitions WHERE table_name = 'raw.players' AND game_date = '{EVE}'")
    ended = mine.run("backfill", *OF_THE_DAY, "--phase", "raw", "--json")
    assert ended.exit_code == 0, "raw needs no history"
    ended = mine.run("backfill", *OF_THE_DAY, "--phase", "raw", "--phase", "analytics", "--json")
    said = json.loads(ended.stdout)
    assert [date["overall"] for date in said["dates"]] == ["PASS"]
    assert ended.exit_code == said["outcome"]["exit_code"] == 1
    assert all(reason.startswith("run ") for reason in said["outcome"]["reasons"])


def test_a_killed_run_is_named_by_health_until_its_dates_are_made_and_by_who_closes_it(
    home: Callable[..., Home],
) -> None:
    mine = home("a run killed")
    problems = json.loads(mine.run("health", "--json").stdout)["problems"]
    (killed,) = [problem for problem in problems if "was killed" in problem]
    assert killed.endswith(f"nba-pipeline backfill --from {DAY} --to {DAY}")
    again = mine.run("backfill", *ARGUMENTS["backfill"])
    assert again.exit_code == 0
    assert f"of {DAY} to {DAY} was killed, and is now marked as failed" in " ".join(again.stderr.split())
    assert json.loads(mine.run("health", "--json").stdout)["problems"] == []


def test_a_killed_run_that_was_closed_is_still_named_while_its_dates_are_not_made(home: Callable[..., Home]) -> None:
    mine = home("a run killed")
    closing = mine.run("backfill", "--from", str(EVE), "--to", str(EVE), "--phase", "raw", "--json")
    assert closing.exit_code == 0, "it was not asked about the other date"
    assert len(json.loads(closing.stdout)["killed_runs"]) == 1
    problems = json.loads(mine.run("health", "--json").stdout)["problems"]
    assert [problem for problem in problems if "was killed" in problem]


def test_dates_of_a_known_gap_are_left_out_and_named_with_the_command_that_ends_it(home: Callable[..., Home]) -> None:
    mine = home()
    assert mine.run("gate", "gap", str(EVE), *SIGNED).exit_code == 0
    asked = ["backfill", "--from", str(EVE), "--to", str(EVE), "--json"]
    left_out = mine.run(*asked)
    assert left_out.exit_code == 0
    assert json.loads(left_out.stdout)["runs"] == []
    (decision,) = outcome_of(left_out)["decided"]
    assert "Ann let known_gap pass" in decision
    assert mine.run(*named_command(decision)).exit_code == 0
    assert len(json.loads(mine.run(*asked, "--phase", "raw").stdout)["runs"]) == 1


def test_an_overridden_gate_passes_and_is_told_wherever_it_counts(home: Callable[..., Home]) -> None:
    mine = home("gate closed")
    for gate in ("analytics_to_precompute", "precompute_to_predictions"):
        assert mine.run("gate", "override", gate, str(DAY), *SIGNED).exit_code == 0
    for command in (["smoke-test", str(DAY)], ["gate", "list", str(DAY)]):
        ended = mine.run(*command, "--json")
        assert ended.exit_code == 0, ended.output
        assert sum("Ann let" in decision for decision in outcome_of(ended)["decided"]) == 2
        assert "decided: the gate analytics_to_precompute is overridden" in mine.run(*command).stdout


def test_grades_that_are_missing_fail_the_accuracy_of_their_dates_and_the_figures_are_printed(
    home: Callable[..., Home],
) -> None:
    mine = home()
    mine.sql(f"DELETE FROM predictions.prediction_accuracy WHERE game_date = '{DAY}'")
    ended = mine.run("accuracy", "--from", str(DAY), "--to", str(DAY + timedelta(days=1)), "--json")
    assert ended.exit_code == 1
    (reason,) = outcome_of(ended)["reasons"]
    assert reason.startswith(f"predictions.prediction_accuracy on {DAY}")
    assert reason.endswith(f"Next: nba-pipeline backfill --from {DAY} --to {DAY}")
    assert json.loads(ended.stdout)["systems"]


def test_a_copy_that_ends_half_way_is_not_one_that_could_not_be_tried(
    home: Callable[..., Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, target = home(), Home(home().path / "half", "")
    target.path.mkdir()
    copy_warehouse = warehouse_commands.copy_warehouse
    with ExitStack() as stack:

        def locking(here: Any, there: Any, starts: Any) -> Any:
            def lock_after(table: Any, partitions: int) -> Callable[[int], None]:
                if (target.path / "warehouse.duckdb").exists():
                    stack.enter_context(locked(target))
                return starts(table, partitions)

            return copy_warehouse(here, there, lock_after)

        monkeypatch.setattr(warehouse_commands, "copy_warehouse", locking)
        places = ["--from", str(mine.path / SMALL), "--to", str(target.path / "warehouse.duckdb")]
        ended = mine.run("warehouse", "copy", *places, "--json")
    assert ended.exit_code == 1, ended.output
    assert named_command(outcome_of(ended)["reasons"][0])


def test_runs_of_which_nobody_can_look_at_the_result_are_not_done(home: Callable[..., Home]) -> None:
    mine = home()
    with pytest.MonkeyPatch.context() as patched:
        for name, value in mine.environment.items():
            patched.setenv(name, value)
        with opened(Runtime(Settings()), Progress(console=Console(quiet=True))) as pipeline, locked(mine):
            report = backfilling.backfill(pipeline, [], (DAY, DAY), [Phase.RAW])
    assert report.outcome.exit_code == 1
    assert "could not be looked at" in report.outcome.reasons[0]
    assert named_command(report.outcome.reasons[0])


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM], ids=lambda signal: signal.name)
def test_a_league_is_served_until_a_person_ends_it_and_a_taken_port_is_refused(ended_by: signal.Signals) -> None:
    port = free_port()
    command = ["serve-league", "--simulate", "1", "--now", LOADED_AT.isoformat(), "--port", str(port)]
    with subprocess.Popen([sys.executable, "-m", "nba_pipeline.cli", *command], stdout=subprocess.PIPE) as serving:
        assert serving.stdout
        assert serving.stdout.readline()
        assert requests.get(f"http://127.0.0.1:{port}/v1/teams", headers={"Authorization": "k"}, timeout=10).ok
        refused = CliRunner().invoke(app, command)
        serving.send_signal(ended_by)
        assert serving.wait() == int(table()["serve-league"]["all well"])
    assert refused.exit_code == 2
    assert "choose another: --port" in refused.output


@pytest.mark.parametrize("command", ["ui", "demo"])
def test_a_port_that_is_taken_is_refused_before_anything_is_begun(command: str, home: Callable[..., Home]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = home("nothing loaded").run(command, "--port", str(taken.getsockname()[1]))
    assert ended.exit_code == 2
    assert "choose another: --port" in ended.output
    assert not home("nothing loaded").path.exists()


@pytest.mark.parametrize("command", SERVING)
def test_a_command_that_serves_says_that_it_does_not_take_an_argument(command: str) -> None:
    assert str(CliRunner().invoke(app, [command, "--no-such-option"]).exit_code) == table()[command]["a bad argument"]


def test_a_demo_whose_runs_failed_is_not_done(home: Callable[..., Home], monkeypatch: pytest.MonkeyPatch) -> None:
    mine = home("nothing loaded")
    source_down(mine, None)
    for name, value in mine.environment.items():
        monkeypatch.setenv(name, value)
    assert str(backfill_last_dates(Runtime(Settings()), 1)) == table()["demo"]["source down"]


def test_a_demo_of_which_only_the_history_failed_is_not_done() -> None:
    done = backfilling.Report((Attempt("0123456789", success=True, failures=(), not_reached=()),), (), (DAY, DAY))
    failed = backfilling.Report((Attempt("abcdefghij", success=False, failures=(), not_reached=()),), (), (EVE, EVE))
    assert print_reports(done, done) == 0
    assert print_reports(failed, done) == 1


def test_a_setting_that_cannot_be_is_said_in_json_too(home: Callable[..., Home]) -> None:
    mine = home("nothing loaded")
    environment = mine.environment | {"NBA_PIPELINE_LOCK_WAIT_SECONDS": "soon"}
    refused = CliRunner(env=environment).invoke(app, ["smoke-test", str(DAY), "--json"])
    assert refused.exit_code == outcome_of(refused)["exit_code"] == 2
    assert "NBA_PIPELINE_LOCK_WAIT_SECONDS" in outcome_of(refused)["reasons"][0]
