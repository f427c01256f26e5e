"""No state without a way out: each place that refuses, closes or holds is shown by a test, and says what works."""

import ast
import re
import shlex
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from dagster import AssetCheckKey
from typer.main import get_command
from typer.testing import CliRunner, Result

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.automation.self_heal import PASSED_OVER_CHECK, SELF_HEAL
from nba_pipeline.cli import demo
from nba_pipeline.cli.app import app
from nba_pipeline.definitions import definitions
from nba_pipeline.gates.evidence.coverage import Standing
from nba_pipeline.gates.overrides import gap_by_rule, record_by_rule
from nba_pipeline.monitoring.code_changes import CODE_CHECK
from nba_pipeline.monitoring.freshness import FRESHNESS_CHECK
from nba_pipeline.monitoring.outcome import NotTriedError
from nba_pipeline.operations import explanation
from nba_pipeline.operations.backfill import failures_of
from nba_pipeline.operations.explanation import CannotExplainError
from nba_pipeline.operations.runs import Attempt, instance_of
from nba_pipeline.partitions import PARTITION
from nba_pipeline.raw import games, player_box_scores
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings
from nba_pipeline.sources.landing import Landing
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline.warehouse.errors import QueryError
from nba_pipeline.warehouse.operations_tables import PUBLISHED_PARTITIONS
from nba_pipeline_tests.support.named_command import named_command
from nba_pipeline_tests.support.pages import named_tests
from nba_pipeline_tests.support.refusals import GAP, PROGRAM, ROOT, commands, commands_in, places, silent, sites_of
from nba_pipeline_tests.support.undecided_games import DAY, listed, scheduled
from nba_pipeline_tests.support.ways_out import BY_PERSON, ENDS, WAYS_OUT

TESTS = Path(__file__).parent


# the register


def test_every_place_that_refuses_closes_or_holds_has_an_entry_and_every_entry_has_its_place() -> None:
    missing = [
        f'    "{place}": way(OPEN, {"CARRIED, " if place in silent() else ""}"…"),'
        for place in sorted(places() - WAYS_OUT.keys())
    ]
    assert not missing, "\n".join(["nobody has shown the way out of these; add to ways_out.py:", *missing])
    assert not (gone := sorted(WAYS_OUT.keys() - places())), f"take out of ways_out.py, or name them anew: {gone}"
    assert [*WAYS_OUT] == sorted(WAYS_OUT), "sorted, so that two branches seldom add at the same spot"


def test_each_ends_open_held_or_decided_or_says_what_a_person_does() -> None:
    for place, way in WAYS_OUT.items():
        assert way.ends in ENDS or way.ends.removeprefix(BY_PERSON) not in ("", way.ends), place


def test_every_place_names_a_command_or_the_register_says_why_not() -> None:
    for place, way in WAYS_OUT.items():
        assert (way.silent is not None) == (place in silent()), (
            f"{place} names {'no command' if place in silent() else 'a command'} in each of its lines"
        )


def test_every_named_test_exists_once_and_runs() -> None:
    marks = {name: test.marks for name, test in named_tests().items()}
    names = [
        name for file in TESTS.rglob("test_*.py") for name in re.findall(r"^def (test_\w+)", file.read_text(), re.M)
    ]
    for place, way in WAYS_OUT.items():
        assert way.tests, place
        for test in way.tests:
            assert names.count(test) == 1, f"{place}: {names.count(test)} tests have the name {test}"
            assert not {mark for mark in marks[test] if "skip" in mark or "xfail" in mark}, f"{place}: {test}"


# what is found


MADE_UP = '''
"""A docstring that names nba-pipeline health is no place."""
DAY = "a-date"


class OursError(Exception):
    """An error of our own."""


def told(day):
    """Neither is this one: nba-pipeline ui."""
    return f"Next: nba-pipeline backfill --from {day} --to {day}; then nba-pipeline smoke-test {day} shows it"


def refused(day, found, landed):
    found[day].reasons += ["something"]
    landed.refused.setdefault(day, []).append(told(day))
    if landed:
        raise NotTriedError(f"{day} is no date")
    return [dg.Failure("nothing came"), dg.AssetCheckResult(passed=True), dg.AssetCheckResult(passed=not found)]


class Report:
    def __str__(self):
        return "Look at it: nba-pipeline gate overrides. It is " + "gone"
'''


def test_each_kind_of_place_is_found_and_a_docstring_is_none() -> None:
    found = {site.place: site.names_command for site in sites_of(ast.parse(MADE_UP), ROOT / "made" / "up.py")}
    assert found == {
        "made.up.told: backfill --from {} --to {}": True,
        "made.up.told: smoke-test {}": True,
        "made.up.refused: reasons": False,
        "made.up.refused: NotTriedError": False,
        "made.up.refused: Failure": False,
        "made.up.refused: AssetCheckResult": False,
        "made.up.Report.__str__: gate overrides": True,
    }


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Next: nba-pipeline backfill --outdated{}", "backfill --outdated{}"),
        ("nba-pipeline backfill --from {} --to {} predicts it", "backfill --from {} --to {}"),
        ("fetch: nba-pipeline backfill --from {} --to {} --phase raw", "backfill --from {} --to {} --phase raw"),
        ("none is in force: nba-pipeline gate overrides lists them", "gate overrides"),
        ("`nba-pipeline ui` again", "ui"),
        ('nba-pipeline gate gap {} --by "your name" --because "why"', 'gate gap {} --by "your name" --because "why"'),
        ("How far it is: nba-pipeline health. To have it", "health"),
        ("nba-pipeline game {} {} --date {}", "game {}"),
    ],
)  # fmt: skip
def test_a_command_ends_where_the_app_would_take_no_more_words(text: str, named: str) -> None:
    assert commands_in(text) == [named]


# what the texts name


def _taker(words: list[str]) -> tuple[Any, list[str]]:
    """The command that words begin with, and what is left of them; of a group that is put in, its first."""
    taker: Any
    taker, rest = get_command(app), [*words]
    while hasattr(taker, "commands") and rest:
        name = rest.pop(0)
        taker = next(iter(taker.commands.values())) if name == GAP else taker.commands[name]
    return taker, rest


PUT_IN = frozenset({"monitoring.known_games.KnownGame.commands: game {}"})
"""Commands that are only known as it runs; the tests of the register take what comes of them as a person would."""

STAND_INS = {datetime: "2024-01-17", int: "2024", float: "7", str: "x", Path: "x", list[str]: "7"}


def filled(param: Any, word: str) -> str:
    """A word of a text as it may be as it runs."""
    return word.replace(GAP, STAND_INS[param.type_descriptor.annotation]) if GAP in word else word


@pytest.mark.parametrize("place", sorted(commands()))
def test_the_command_that_a_text_names_is_one_that_the_app_takes(place: str) -> None:
    taker, words = _taker(shlex.split(commands()[place]))
    if hasattr(taker, "commands") or place in PUT_IN:
        return
    arguments = [param for param in taker.params if param.param_type_name == "argument"]
    options = {name: param for param in taker.params for name in (*param.opts, *param.secondary_opts)}
    given: list[str] = []
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            # What is put in right behind an option brings its own blank with it, or is nothing.
            given.append(word.removesuffix(GAP))
            given += [] if options[given[-1]].is_flag else [filled(options[given[-1]], next(rest))]
        else:
            given.append(filled(arguments.pop(0), word))
    taker.make_context(PROGRAM, given)


# refusals that nothing else shows


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Result]:
    """Types a command in a home in which nothing was ever loaded."""
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NBA_PIPELINE_NOW", "2026-01-20T15:00:00+00:00")
    return lambda line: CliRunner().invoke(app, shlex.split(line))


NOTHING = "There is no warehouse at"


@pytest.mark.parametrize(
    ("wrong", "said", "right", "then"),
    [
        ("backfill", "say which game dates: --from and --to", "backfill --outdated", NOTHING),
        ("backfill --outdated --phase raw", "leave --phase and --no-history out", "backfill --outdated", NOTHING),
        ("backfill --outdated --from 2026-01-02 --to 2026-01-01", "--from 2026-01-02 is after --to 2026-01-01",
         "backfill --outdated --from 2026-01-01 --to 2026-01-02", NOTHING),
        ("smoke-test 2026-01-02 2026-01-01", "--from 2026-01-02 is after --to 2026-01-01",
         "smoke-test 2026-01-01 2026-01-02", NOTHING),
        ("gate list 2026-01-22", "2026-01-22 is after tomorrow (2026-01-21 in New York)",
         "gate list 2026-01-21", NOTHING),
        ("accuracy --from 2026-01-02 --to 2026-01-01", "--from 2026-01-02 is after --to 2026-01-01",
         "accuracy --from 2026-01-01 --to 2026-01-02", NOTHING),
        ("ledger verify --from 2026-01-02 --to 2026-01-01", "--from 2026-01-02 is after --to 2026-01-01",
         "ledger verify --from 2026-01-01 --to 2026-01-02", NOTHING),
        ("serve-league --simulate 1 --data x", "give either --simulate SEED or --data DIR",
         "serve-league --data x", "x"),
        ("faults --json --markdown", "--markdown or --json, not both", "faults --json", "outcome"),
    ],
)  # fmt: skip
def test_a_command_that_was_typed_wrongly_says_what_to_type_and_that_is_tried(
    run: Callable[[str], Result], tmp_path: Path, wrong: str, said: str, right: str, then: str
) -> None:
    refused = run(wrong)
    assert refused.exit_code == 2
    assert said in refused.output
    tried = run(right)
    assert said not in tried.output
    assert then in tried.output
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("line", "first", "last"),
    [
        ("smoke-test 2026-01-01 2026-01-02", "2026-01-01", "2026-01-02"),
        ("gate list 2026-01-01", "2026-01-01", "2026-01-01"),
        ("gate override raw_to_analytics 2026-01-01 --by A --because B", "2026-01-01", "2026-01-01"),
        ("gate end raw_to_analytics 2026-01-01 --by A --because B", "2026-01-01", "2026-01-01"),
        ("accuracy --from 2026-01-01 --to 2026-01-02", "2026-01-01", "2026-01-02"),
        ("explain 2026-01-01 somebody", "2026-01-01", "2026-01-01"),
        ("health", "2026-01-19", "2026-01-19"),
        ("gate overrides", "2026-01-19", "2026-01-19"),
        ("game show 7", "2026-01-19", "2026-01-19"),
        ("backfill --outdated", "2026-01-19", "2026-01-19"),
    ],
)
def test_where_nothing_was_loaded_each_command_names_the_one_that_loads(
    run: Callable[[str], Result], line: str, first: str, last: str
) -> None:
    refused = run(line)
    assert refused.exit_code == 2
    assert named_command(refused.stderr) == ["backfill", "--from", first, "--to", last]


def test_a_run_that_failed_without_a_word_is_looked_at_in_the_ui() -> None:
    [said] = failures_of(Attempt("0123456789", success=False, failures=(), not_reached=()))
    assert said.startswith("run 01234567: failed without saying why")
    assert named_command(said) == ["ui"]
    assert failures_of(Attempt("0123456789", success=True, failures=(), not_reached=())) == []


def test_a_league_that_does_not_start_ends_the_demo_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo.sys, "executable", shutil.which("false"))
    with pytest.raises(NotTriedError, match=r"did not start: what should answer at .* ended with exit code 1"):  # noqa: SIM117
        with demo.league_server(1):
            pass


def test_what_is_gone_or_was_never_predicted_is_named_with_the_command_that_predicts(tmp_path: Path) -> None:
    with DuckDBWarehouse(tmp_path / "warehouse.duckdb").session() as session:
        with pytest.raises(CannotExplainError, match="nothing was predicted for 2026-01-14") as refused:
            explanation.explain(session, Landing(tmp_path), tmp_path, DAY, "7", "points")
        assert named_command(str(refused.value)) == ["backfill", "--from", str(DAY), "--to", str(DAY)]
        with pytest.raises(CannotExplainError, match=f"no row of player 7 on {DAY} any more"):
            explanation._feature_row(session, DAY, 7)


def test_the_checks_that_a_person_runs_in_the_ui_fail_where_a_date_is_not_what_was_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "home", now=datetime(2026, 1, 15, 18, tzinfo=UTC))
    table = player_box_scores.CONTRACT
    line = {
        "game_date": DAY, "table_name": table.name, "row_count": 1, "fingerprint": "another", "inputs": None,
        "published_at": datetime(2026, 1, 15, 12), "run_id": "r", "code_version": "older",
    }  # fmt: skip
    rows_of = {games.CONTRACT: [scheduled(501)], table: [listed(501, 7, "BKN", 12)], player_game_summary.CONTRACT: []}
    noted = [{**line, "table_name": contract.name} for contract in rows_of]
    written = {**rows_of, PUBLISHED_PARTITIONS: noted}
    with Runtime(settings).warehouse.session() as session:
        for contract, rows in written.items():
            session.ensure(contract)
            session.append(contract, pa.Table.from_pylist(rows, schema=contract.schema.to_pyarrow()))
    gatekeeper = Runtime(settings).gatekeeper
    record_by_rule(gatekeeper.warehouse, gatekeeper.clock, [gap_by_rule(DAY - timedelta(days=1), "nothing came")], 5)
    asked = [
        AssetCheckKey(asset_key(table), "expected_grid"),
        AssetCheckKey(asset_key(table), "contract"),
        AssetCheckKey(asset_key(table), FRESHNESS_CHECK),
        AssetCheckKey(SELF_HEAL, CODE_CHECK),
        AssetCheckKey(SELF_HEAL, PASSED_OVER_CHECK),
    ]
    everything = definitions(Runtime(settings)).resolve_implicit_global_asset_job_def()
    with instance_of(settings) as instance:
        for key in asked:
            job = everything.get_subset(asset_selection=set(), asset_check_selection={key})
            tags = {PARTITION: str(DAY)} if key.name in ("expected_grid", "contract") else {}
            result = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
            assert [evaluation.passed for evaluation in result.get_asset_check_evaluations()] == [False], key
        both = everything.get_subset(asset_selection=set(), asset_check_selection=set(asked[:2]))
        result = both.execute_in_process(instance=instance, raise_on_error=False)
        assert not result.success, "checks that were asked about no date cannot say that all is well"
        monkeypatch.setattr(Standing, "broken_promises", unanswered)
        result = both.execute_in_process(instance=instance, tags={PARTITION: str(DAY)}, raise_on_error=False)
        assert [found.check_name for found in result.get_asset_check_evaluations()] == ["expected_grid"]
        [failure] = [str(event.step_failure_data.error) for event in result.all_events if event.is_step_failure]
        assert "a column is not there" in failure, "what could not be asked is told, beside what was found"


def unanswered(*_: object) -> None:
    raise QueryError("a column is not there")
