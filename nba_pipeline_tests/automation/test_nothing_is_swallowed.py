"""Whatever raises, wherever: no success, no moved cursor, no published row; a failed run or tick, and an alert.

The places are walked and not listed: a new asset, check, sensor, schedule or method is broken here as well.
"""

import inspect
import pkgutil
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from types import CellType
from typing import Any, NoReturn, get_args, get_type_hints

import dagster as dg
import duckdb
import pytest
from dagster import AssetRecordsFilter, DagsterEventType, DagsterInstance, DagsterRun
from dagster._core.definitions.decorators.op_decorator import DecoratedOpFunction

from nba_pipeline import alerting
from nba_pipeline.assets.io_manager import CONTRACT_CHECK, WarehouseIOManager
from nba_pipeline.assets.progress import Progress
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import all_tables, table_modules, tables_of
from nba_pipeline.automation.schedules import LINES_SCHEDULE_SPECS, SCHEDULE_SPECS
from nba_pipeline.code_versions.translations import Translations
from nba_pipeline.contracts import Phase
from nba_pipeline.definitions import definitions
from nba_pipeline.gates.alert_metadata import AlertKind
from nba_pipeline.gates.evidence import Calendar, Decisions, Lineage, Manifest, Standing
from nba_pipeline.gates.rules import GATES, gate_named, last_table
from nba_pipeline.gates.verdicts import Gate
from nba_pipeline.landing import assets as landing
from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.partitions import PARTITION
from nba_pipeline.predictions import player_predictions
from nba_pipeline.predictions.models.model_assets import MODEL_KEYS
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings
from nba_pipeline.sources.landing import Capture, CaptureWriter, Landing
from nba_pipeline.sources.landing_store import FolderStore
from nba_pipeline.warehouse.cached_queries import CachedQueries
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBSession, DuckDBWarehouse
from nba_pipeline.warehouse.interface import Session
from nba_pipeline_tests.support.breaking import (
    NEVER,
    Break,
    BreakWherever,
    BrokenError,
    broken,
    named,
    operations_of,
    public_methods,
    short_name,
)
from nba_pipeline_tests.support.simulated_daemon import QUIET, SimulatedDaemon, Ticked
from nba_pipeline_tests.support.webhook import Webhook
from nba_pipeline_tests.support.workbench import Workbench

DAY = date(2025, 10, 22)
"""The second day of the season: the first with features."""

NOW = datetime(2025, 10, 23, 15, tzinfo=UTC)

TODAY = NOW.date()
"""Nothing has tipped off: the only date about which news can be had."""

SHIPPED = definitions(Runtime(Settings(lines="on")))
"""With lines: without them nobody looks for any."""

REPOSITORY = SHIPPED.get_repository_def()

ASSETS = {
    name: key
    for key, made in REPOSITORY.assets_defs_by_key.items()
    if made.is_executable
    for name in [made.node_def.name]
}
"""The step of every asset that is made."""

CHECKS = {made.node_def.name: frozenset(made.check_keys) for made in {*REPOSITORY.asset_checks_defs_by_key.values()}}
"""The step of every asset check."""

SENSORS = sorted(sensor.name for sensor in REPOSITORY.sensor_defs)
SCHEDULES = sorted(schedule.name for schedule in REPOSITORY.schedule_defs)
METHODS = sorted(name for name, value in vars(Session).items() if callable(value) and not name.startswith("_"))

TABLES = {asset_key(table): table for table in all_tables()}


class Home:
    """One complete date in a home that is put back before each case."""

    def __init__(self, daemon: SimulatedDaemon) -> None:
        self.daemon = daemon
        self.settings = daemon.settings
        self.instance: DagsterInstance = daemon.instance
        self.kept = daemon.home.with_name("kept.duckdb")
        shutil.copyfile(self.settings.warehouse_path, self.kept)
        self.landed = self.captures()
        self.sent = 0

    def restore(self) -> None:
        """Everything as it was, but for what Dagster and the alerts have on record."""
        shutil.copyfile(self.kept, self.settings.warehouse_path)
        for capture in self.captures() - self.landed:
            shutil.rmtree(capture.parent)
        self.daemon.cursors = {name: cursor for name, cursor in self.daemon.cursors.items() if name == "alerts"}
        self.alert()

    def alert(self) -> list[dict[str, str]]:
        """Ticks the alert sensor; returns what it sent."""
        ticked = self.daemon.tick_sensor("alerts")
        assert ticked.error is None, ticked.error
        everything = self.daemon.alerts()
        new, self.sent = everything[self.sent :], len(everything)
        return new

    def sql(self, statement: str) -> list[tuple]:
        with duckdb.connect(str(self.settings.warehouse_path)) as connection:
            return connection.execute(statement).fetchall()

    def content(self) -> dict[str, tuple]:
        """A fingerprint of every table that holds data; the gates' own verdicts aside."""
        tables = "SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY 1"
        with duckdb.connect(str(self.settings.warehouse_path)) as connection:
            return {
                name: connection.execute(f"SELECT count(*), sum(hash(t)) FROM {name} AS t").fetchall()[0]
                for (name,) in connection.execute(tables).fetchall()
                if name != "operations.gate_verdicts"
            }

    def forget(self, key: dg.AssetKey) -> None:
        """Takes the rows of the day away, so that there is something to be made."""
        if key in TABLES:
            name = TABLES[key].name
            self.sql(f"DELETE FROM {name} WHERE game_date = '{DAY}'")
            self.sql(f"DELETE FROM operations.published_partitions WHERE table_name = '{name}' AND game_date = '{DAY}'")

    def materialize(self, *keys: dg.AssetKey, checks: bool = True, day: date = DAY) -> DagsterRun:
        if {*keys} & {*MODEL_KEYS}:
            day = day.replace(day=1)
        if checks:
            return self._run(self.daemon.job, partition_key=str(day), asset_selection=list(keys))
        subset = self.daemon.job.get_subset(asset_selection=set(keys), asset_check_selection=set())
        return self._run(subset, partition_key=str(day))

    def check(self, keys: frozenset[dg.AssetCheckKey]) -> DagsterRun:
        subset = self.daemon.job.get_subset(asset_selection=set(), asset_check_selection=set(keys))
        # Without an asset in the selection Dagster looks for one partitioning of all assets, and models have another.
        return self._run(subset, tags={PARTITION: str(DAY)})

    def _run(self, job: dg.JobDefinition, **chosen: Any) -> DagsterRun:
        result = job.execute_in_process(instance=self.instance, raise_on_error=False, run_config=QUIET, **chosen)
        run = self.instance.get_run_by_id(result.run_id)
        assert run is not None
        return run

    def made(self, run: DagsterRun) -> list[dg.AssetKey | None]:
        """The assets that the run says it made."""
        entries = self.instance.all_logs(run.run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION)
        return [entry.dagster_event.asset_key for entry in entries if entry.dagster_event]

    def materializations(self) -> int:
        return sum(
            len(self.instance.fetch_materializations(AssetRecordsFilter(key), limit=10_000).records)
            for key in ASSETS.values()
        )

    def captures(self) -> set[Path]:
        return set(self.settings.landing_path.rglob("capture.json"))


@pytest.fixture(scope="module")
def prepared(league: League, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("swallowed")
    with LeagueServer(league, now=NOW) as server, Webhook() as webhook:
        bench = Workbench(folder / "home", server, NOW)
        report = bench.backfill(date(2025, 10, 1), DAY)
        assert report.complete, [attempt.failures for attempt in report.attempts]
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("NBA_PIPELINE_LINES", "on")
            daemon = SimulatedDaemon(bench.home, server, NOW, webhook.url)
        yield Home(daemon)
        daemon.close()


@pytest.fixture
def home(prepared: Home) -> Home:
    prepared.restore()
    return prepared


@contextmanager
def nothing_gets_through(home: Home, what: str, said: AlertKind = AlertKind.RUN_FAILED) -> Iterator[list[DagsterRun]]:
    """The claim, for one run that the block adds to the list."""
    before, captures, cursors = home.content(), home.captures(), dict(home.daemon.cursors)
    runs: list[DagsterRun] = []
    yield runs
    assert len(runs) == 1
    assert runs[0].status is dg.DagsterRunStatus.FAILURE
    assert home.made(runs[0]) == []
    assert home.content() == before
    assert home.captures() == captures
    assert home.daemon.cursors == cursors
    assert_told(home, what, said)


def assert_told(home: Home, what: str, kind: AlertKind) -> None:
    alerts = home.alert()
    assert [alert["kind"] for alert in alerts if f"{what} is broken" in alert["what"]] == [kind.value], alerts


def step_of(home: Home, step: str) -> dg.OpDefinition:
    """The step in the very definitions that the daemon runs."""
    [op] = [node.definition for node in home.daemon.job.nodes if node.name == step]
    assert isinstance(op, dg.OpDefinition)
    return op


def break_step(monkeypatch: pytest.MonkeyPatch, home: Home, step: str) -> None:
    """Makes the function of a step raise."""
    op = step_of(home, step)
    was = op.compute_fn
    assert isinstance(was, DecoratedOpFunction)

    def raising(context: Any, **inputs: Any) -> NoReturn:
        raise BrokenError(f"the step {step} is broken")

    raising.__signature__ = inspect.signature(was.decorated_fn)  # type: ignore[attr-defined]
    monkeypatch.setattr(op, "_compute_fn", DecoratedOpFunction(raising))


def written(home: Home, step: str) -> CellType | None:
    """Where an asset holds the function that was written for it; None when nothing is wrapped around that.

    A table whose rows the warehouse computes is wrapped twice: within is what makes the query of them.
    """
    compute = step_of(home, step).compute_fn
    assert isinstance(compute, DecoratedOpFunction)
    innermost, function = None, compute.decorated_fn
    while found := [cell for name, cell in cells_of(function).items() if name in WRAPPED]:
        [innermost] = found
        function = innermost.cell_contents
    return innermost


WRAPPED = ("function", "questions", "transform")
"""What the factories of assets call the function that they wrap."""


def cells_of(function: Any) -> dict[str, CellType]:
    return dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))


def nothing_translated(patched: pytest.MonkeyPatch) -> None:
    """As in a process that is new, in a home that keeps no translation of another one."""
    patched.setattr(CachedQueries, "find", lambda self, query, columns_of: None)


@contextmanager
def broken_inside(home: Home, step: str) -> Iterator[None]:
    """Makes what is written for an asset raise, within what is wrapped around all of them, in a process that is new.

    An asset without a wrapper is broken as a whole.
    """
    cell = written(home, step)
    with pytest.MonkeyPatch.context() as patched:
        nothing_translated(patched)
        if cell is None:
            break_step(patched, home, step)
        else:
            patched.setattr(cell, "cell_contents", broken(f"the step {step}"))
        yield


# steps


def test_unbroken_the_same_steps_do_what_they_are_asked_for(home):
    """Without this, everything below could pass because nothing works at all."""
    whole = home.content()
    for key in TABLES:
        home.forget(key)
    assert all(home.content()[table.name] != whole[table.name] for table in all_tables() if whole[table.name][0])
    run = home.materialize(*TABLES, checks=False)
    assert run.status is dg.DagsterRunStatus.SUCCESS
    assert set(home.made(run)) == set(TABLES)
    assert {table.name: home.content()[table.name][0] for table in all_tables()} == {
        table.name: whole[table.name][0] for table in all_tables()
    }
    assert home.alert() == []


@pytest.mark.parametrize("step", sorted(ASSETS))
def test_an_asset_that_raises_makes_nothing(home, step):
    home.forget(ASSETS[step])
    with broken_inside(home, step), nothing_gets_through(home, f"the step {step}") as runs:
        runs.append(home.materialize(ASSETS[step]))


@pytest.mark.parametrize("step", sorted(CHECKS))
def test_a_check_that_raises_has_not_passed(home, monkeypatch, step):
    break_step(monkeypatch, home, step)
    with nothing_gets_through(home, f"the step {step}") as runs:
        runs.append(home.check(CHECKS[step]))
    entries = home.instance.all_logs(runs[0].run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
    assert not entries


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_a_blocking_check_that_raises_lets_nothing_downstream_begin(home, monkeypatch, gate: Gate):
    upstream = asset_key(last_table(gate, all_tables()))
    downstream = next(asset_key(t) for t in tables_of(gate.into) if upstream in map(asset_key_of, t.reads.values()))
    home.forget(downstream)
    [step] = [name for name, keys in CHECKS.items() if dg.AssetCheckKey(upstream, gate.check_name) in keys]
    break_step(monkeypatch, home, step)
    before = home.content()
    run = home.materialize(upstream, downstream)
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert downstream not in home.made(run)
    assert home.content()[TABLES[downstream].name] == before[TABLES[downstream].name]
    assert_told(home, f"the step {step}", AlertKind.RUN_FAILED)


def asset_key_of(read: Any) -> dg.AssetKey:
    return asset_key(read.table)


# sensors and schedules


@pytest.mark.parametrize("name", [name for name in SENSORS if name != "alerts"])
def test_a_sensor_that_raises_keeps_its_cursor_and_is_reported(home, monkeypatch, name):
    sensor = home.daemon.repository.get_sensor_def(name)
    monkeypatch.setattr(sensor, "_evaluation_fn", broken(f"the sensor {name}"))
    assert_failed_tick(home, lambda: home.daemon.tick_sensor(name), f"the sensor {name}")


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_that_raises_launches_nothing_and_is_reported(home, monkeypatch, name):
    schedule = home.daemon.repository.get_schedule_def(name)
    monkeypatch.setattr(schedule, "_execution_fn", broken(f"the schedule {name}"))
    assert_failed_tick(home, lambda: home.daemon.tick_schedule(name, NOW), f"the schedule {name}")


def assert_failed_tick(home: Home, tick: Callable[[], Ticked], what: str) -> None:
    cursors, content, made = dict(home.daemon.cursors), home.content(), home.materializations()
    runs = home.instance.get_runs_count()
    ticked = tick()
    assert ticked.error is not None
    assert ticked.runs == []
    assert home.daemon.cursors == cursors
    assert home.instance.get_runs_count() == runs
    assert (home.content(), home.materializations()) == (content, made)
    assert_told(home, what, AlertKind.AUTOMATION_FAILED)


ASK_NOTHING_OF_THE_WAREHOUSE = {spec.name for spec in (*SCHEDULE_SPECS, *LINES_SCHEDULE_SPECS) if spec.job.assets} | {
    "daily_health"
}


@pytest.mark.parametrize("name", [name for name in [*SENSORS, *SCHEDULES] if name != "alerts"])
def test_automation_that_cannot_read_the_warehouse_keeps_its_cursor_and_is_reported(home, monkeypatch, name):
    what = f"the warehouse of {name}"
    tick = home.daemon.tick_sensor if name in SENSORS else lambda name: home.daemon.tick_schedule(name, NOW)
    monkeypatch.setattr(home.daemon, "refuse_launch", lambda request: True)
    with monkeypatch.context() as patched:
        used = Break(patched, DuckDBWarehouse, "session", what)
        if name not in ASK_NOTHING_OF_THE_WAREHOUSE:
            assert_failed_tick(home, lambda: tick(name), what)
        else:
            assert tick(name).runs
    assert bool(used.calls) is (name not in ASK_NOTHING_OF_THE_WAREHOUSE)


# gates


@contextmanager
def broken_gate(name: str) -> Iterator[None]:
    """Makes the rule of a gate raise, wherever the gate is held."""
    gate = gate_named(name)
    rule = gate.rule
    object.__setattr__(gate, "rule", broken(f"the gate {name}"))
    try:
        yield
    finally:
        object.__setattr__(gate, "rule", rule)


GATE_NAMES = [gate.name for gate in GATES]


@pytest.mark.parametrize("name", GATE_NAMES)
def test_a_gate_that_raises_stops_the_step_behind_it(home, name):
    table = tables_of(gate_named(name).into)[0]
    home.forget(asset_key(table))
    with broken_gate(name), nothing_gets_through(home, f"the gate {name}") as runs:
        runs.append(home.materialize(asset_key(table)))


@pytest.mark.parametrize("name", GATE_NAMES)
def test_a_gate_that_raises_has_not_passed_its_check(home, name):
    table = last_table(gate_named(name), all_tables())
    key = dg.AssetCheckKey(asset_key(table), gate_named(name).check_name)
    with broken_gate(name), nothing_gets_through(home, f"the gate {name}") as runs:
        runs.append(home.check(frozenset({key})))


@pytest.mark.parametrize("name", GATE_NAMES)
def test_a_gate_that_raises_stops_the_sensor_in_front_of_it(home, monkeypatch, name):
    phase: Phase = gate_named(name).into
    for table in tables_of(phase):
        home.forget(asset_key(table))
    sensor = f"{phase.name.lower()}_when_upstream_is_fresh"
    with broken_gate(name):
        assert_failed_tick(home, lambda: home.daemon.tick_sensor(sensor), f"the gate {name}")
    monkeypatch.setattr(home.daemon, "refuse_launch", lambda request: True)
    assert home.daemon.tick_sensor(sensor).runs, "fixed, the same tick asks for a run"


# the warehouse, the landing and the source


STEP = dg.AssetKey(["analytics", "player_game_summary"])
"""A step behind a gate, whose rows the warehouse computes."""

PREDICTIONS = asset_key(player_predictions.CONTRACT)
"""A step that asks for rows itself, and keeps some that stand."""

STEPS = {method: PREDICTIONS if method in ("query", "read") else STEP for method in METHODS}
"""For each method of a session a step that uses it."""


@pytest.mark.parametrize("method", METHODS)
def test_a_step_whose_session_raises_publishes_nothing(home, monkeypatch, method):
    home.forget(STEPS[method])
    with nothing_gets_through(home, f"the method {method}") as runs:
        used = Break(monkeypatch, DuckDBSession, method, f"the method {method}")
        runs.append(home.materialize(STEPS[method]))
        monkeypatch.undo()
    assert used.calls


@pytest.fixture(scope="module")
def calls_of_the_step(prepared: Home) -> dict[str, int]:
    """How often the unbroken step calls each method."""
    calls: dict[str, int] = {}
    for step in (STEP, PREDICTIONS):
        prepared.restore()
        prepared.forget(step)
        with pytest.MonkeyPatch.context() as patched:
            counted = {method: Break(patched, DuckDBSession, method, "", at=NEVER) for method in METHODS}
            assert prepared.materialize(step, checks=False).status is dg.DagsterRunStatus.SUCCESS
        calls |= {method: count.calls for method, count in counted.items() if STEPS[method] == step}
    return calls


@pytest.mark.parametrize("method", METHODS)
def test_a_step_whose_session_raises_late_leaves_its_date_whole_and_is_reported(
    home, monkeypatch, calls_of_the_step, method
):
    home.restore()
    step = STEPS[method]
    table = TABLES[step].name
    good = home.content()[table]
    home.forget(step)
    before = home.content()
    with monkeypatch.context() as patched:
        Break(patched, DuckDBSession, method, f"the last call of {method}", at=calls_of_the_step[method])
        run = home.materialize(step, checks=False)
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert home.made(run) == []
    assert home.content()[table] in (before[table], good)
    noted = home.sql(
        f"SELECT 1 FROM operations.published_partitions WHERE table_name = '{table}' AND game_date = '{DAY}'"
    )
    assert bool(noted) is (home.content()[table] == good)
    assert_told(home, f"the last call of {method}", AlertKind.RUN_FAILED)


@pytest.mark.parametrize("method", METHODS)
def test_a_sensor_whose_session_raises_keeps_its_cursor_or_its_run_fails(home, monkeypatch, method):
    home.forget(STEP)
    content = home.content()
    with monkeypatch.context() as patched:
        Break(patched, DuckDBSession, method, f"the method {method}")
        ticked = home.daemon.tick_sensor("analytics_when_upstream_is_fresh")
    assert home.content() == content
    if ticked.error is not None:
        assert ticked.runs == []
        assert "analytics_when_upstream_is_fresh" not in home.daemon.cursors
    else:
        assert {run.status for run in ticked.runs} == {dg.DagsterRunStatus.FAILURE}
    kind = AlertKind.RUN_FAILED if ticked.error is None else AlertKind.AUTOMATION_FAILED
    assert_told(home, f"the method {method}", kind)


def classes_in(annotation: object) -> list[object]:
    """The classes that an annotation names, however deep."""
    inner = get_args(annotation)
    return [found for part in inner for found in classes_in(part)] if inner else [annotation]


def reached_from(held: Iterable[object]) -> set[type]:
    """The pipeline's own classes of what is held, of what that holds, and of what their methods return.

    Of a class that is only returned, what it holds is known by the annotations in its body.
    """
    found: set[type] = set()
    waiting = list(held)
    while waiting:
        one = waiting.pop()
        kind = one if isinstance(one, type) else type(one)
        if not kind.__module__.startswith("nba_pipeline.") or getattr(kind, "_is_protocol", False):
            continue
        if kind is not one:
            waiting += getattr(one, "__dict__", {}).values()
        if kind not in found:
            found.add(kind)
            returned = (get_type_hints(getattr(kind, name)).get("return") for name in public_methods(kind))
            named = [*returned, *get_type_hints(kind).values()]
            waiting += [each for annotation in named for each in classes_in(annotation)]
    return found


USED = {
    (owner, method)
    for owner in reached_from(Runtime(Settings()).resources.values())
    for method in public_methods(owner)
}
"""Every method of every resource, of what those are made of, and of what they give out."""

MANIFEST = "operations.published_partitions"
ASKED_AFTER_PUBLISHING = {(DuckDBWarehouse, "cost")}

NOT_BROKEN = {
    (CaptureWriter, "add_rejected"): "only of answers that are no page",
    (CaptureWriter, "reject_last_page"): "only of answers that are no page",
    (FolderStore, "rename"): "only of answers that are no page",
    (FolderStore, "where"): "only in the words of an error",
    (WarehouseIOManager, "load_input"): "tables hang on each other without being handed on by Dagster",
    (Progress, "shown_in"): "only where a command has bars to show, around its runs",
    (Translations, "get"): "nothing is translated before, here",
    (Translations, "once"): "only when the code is loaded, before any step",
    (Capture, "about"): "only of dates with several answers",
    (Capture, "request"): "only of games that left a list",
    (Landing, "first_asked"): "only in a schedule, whose tick then fails",
    (Landing, "all_captures"): "only to remove old answers",
    (FolderStore, "remove"): "only to remove old answers",
    (Decisions, "last"): "only of a source that is silent beyond a deadline",
}

STEPS_AND_DATES = [
    *((key, DAY) for key in ASSETS.values() if key.path[0] == "raw"),
    (STEP, DAY),
    (PREDICTIONS, DAY),
    *((key, DAY) for key in ASSETS.values() if key.path[0] == "landing"),
    *((key, TODAY) for key in ASSETS.values() if key.path[0] == "landing"),
]
"""Steps that between them use every method: of news the source is only asked about dates to come."""


def make_ready(home: Home, key: dg.AssetKey, day: date) -> None:
    """Leaves something to be made by the step."""
    home.restore()
    home.forget(key)
    if day == TODAY:
        assert home.materialize(dg.AssetKey(["landing", "games"]), day=day).status is dg.DagsterRunStatus.SUCCESS


User = tuple[dg.AssetKey, date] | str
"""A step and its date, or a sensor."""


@pytest.fixture(scope="module")
def used_by(prepared: Home) -> dict[tuple[type, str], User]:
    """The first step that uses each method, or else the first sensor."""
    found: dict[tuple[type, str], User] = {}
    for key, day in STEPS_AND_DATES:
        make_ready(prepared, key, day)
        with pytest.MonkeyPatch.context() as patched:
            nothing_translated(patched)
            counted = {(owner, name): Break(patched, owner, name, "", at=NEVER) for owner, name in USED - {*found}}
            assert prepared.materialize(key, checks=False, day=day).status is dg.DagsterRunStatus.SUCCESS
        found |= {what: (key, day) for what, count in counted.items() if count.calls}
    for name in (name for name in SENSORS if name != "alerts"):
        make_ready(prepared, STEP, DAY)
        with pytest.MonkeyPatch.context() as patched:
            nothing_translated(patched)
            counted = {(owner, name): Break(patched, owner, name, "", at=NEVER) for owner, name in USED - {*found}}
            patched.setattr(prepared.daemon, "refuse_launch", lambda request: True)
            assert prepared.daemon.tick_sensor(name).error is None
        found |= {what: name for what, count in counted.items() if count.calls}
    return found


def test_the_parts_of_the_evidence_are_among_what_is_broken():
    assert {Manifest, Decisions, Calendar, Standing, Lineage} <= {owner for owner, _ in USED}


@pytest.mark.campaign
def test_every_method_that_a_resource_offers_is_broken_below_or_it_is_known_why_not(used_by):
    assert USED - {*used_by} == {*NOT_BROKEN}


@pytest.mark.campaign
@pytest.mark.parametrize(
    ("owner", "method"),
    sorted(USED - ASKED_AFTER_PUBLISHING - {*NOT_BROKEN}, key=str),
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_resource_that_raises_makes_nothing(home, monkeypatch, used_by, owner, method):
    """In the first step that uses it: the source, the landing and its store, the I/O manager, gates and evidence.

    What only sensors use is broken in the first one that does. Properties and the methods of classes are not broken
    here. What a session does is broken above, and what BigQuery and a bucket do at the wire, in
    `nba_pipeline_tests/google`: there requests fail, and not every method.
    """
    what, user = f"{owner.__name__} {method}", used_by[owner, method]
    # What builds a query is asked once a process only, when it is translated.
    nothing_translated(monkeypatch)
    if isinstance(user, str):
        make_ready(home, STEP, DAY)
        with monkeypatch.context() as patched:
            used = Break(patched, owner, method, what)
            assert_failed_tick(home, lambda: home.daemon.tick_sensor(user), what)
    else:
        make_ready(home, *user)
        with nothing_gets_through(home, what) as runs:
            used = Break(monkeypatch, owner, method, what)
            runs.append(home.materialize(user[0], checks=False, day=user[1]))
            monkeypatch.undo()
    assert used.calls


@pytest.mark.parametrize(("owner", "method"), ASKED_AFTER_PUBLISHING, ids=lambda v: v if isinstance(v, str) else "of")
def test_what_raises_after_publishing_leaves_the_date_whole_and_fails_the_run(home, monkeypatch, owner, method):
    home.restore()
    good = home.content()
    home.forget(STEP)
    with monkeypatch.context() as patched:
        used = Break(patched, owner, method, method)
        run = home.materialize(STEP, checks=False)
    assert used.calls
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert home.made(run) == []
    assert home.content() | {MANIFEST: None} == good | {MANIFEST: None}, "but for the time in the manifest"
    assert_told(home, method, AlertKind.RUN_FAILED)


# alerts


ALERTING = [import_module(f"{alerting.__name__}.{module.name}") for module in pkgutil.iter_modules(alerting.__path__)]


ALERT_OPERATIONS = {
    *(operation for module in ALERTING for operation in operations_of(module)),
    (DagsterInstance, "report_runless_asset_event"),
}

NOT_IN_A_TICK = {
    ("sensor", "alert_sensor"): "makes the sensor, before any tick",
    ("windows", "closed"): "an hour later, of a cause that went on: in `test_alerts.py`",
    ("AlertWindow", "summary"): "an hour later, of a cause that went on: in `test_alerts.py`",
    ("windows", "made_good"): "at the end of a window, of what was counted in it: in `test_alert_truth.py`",
    ("complaints", "merged"): "of a second alert of one cause: in `test_alert_truth.py`",
    ("Alert", "standing_for"): "of a second alert of one cause: in `test_alert_truth.py`",
    ("silence", "complaint_of"): "of a source that is silent: in `test_silence.py`",
    ("silence", "asked_in_vain"): "of a source that is silent: in `test_silence.py`",
    ("closings", "going_on"): "of a source that is silent for longer: in `test_silence.py`",
    ("Truth", "answered"): "of a source that speaks again: in `test_silence.py`",
}


def something_to_tell(home: Home, what: str) -> None:
    """A run, a check and a tick that failed."""
    with pytest.MonkeyPatch.context() as patched:
        Break(patched, DuckDBWarehouse, "session", what)
        home.materialize(STEP)
        assert home.daemon.tick_sensor("self_heal").error is not None
    home.instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=STEP,
            check_name=CONTRACT_CHECK,
            passed=False,
            metadata={"reasons": dg.MetadataValue.json({str(DAY): [what]})},
        )
    )


@pytest.fixture(scope="module")
def used_by_the_tick(prepared: Home) -> set[tuple[Any, str]]:
    """The operations that one tick of the alert sensor needs, when there is something of each kind to tell."""
    prepared.restore()
    something_to_tell(prepared, "what the alerts need")
    with pytest.MonkeyPatch.context() as patched:
        counted = {(owner, name): BreakWherever(patched, owner, name, "", at=NEVER) for owner, name in ALERT_OPERATIONS}
        assert prepared.daemon.tick_sensor("alerts").error is None
    return {found for found, count in counted.items() if count.calls}


def test_every_operation_of_the_alerts_is_needed_by_a_tick_or_it_is_known_why_not(used_by_the_tick):
    assert {named(each) for each in ALERT_OPERATIONS - used_by_the_tick} == {*NOT_IN_A_TICK}


@pytest.mark.parametrize(
    ("owner", "name"),
    sorted((each for each in ALERT_OPERATIONS if named(each) not in NOT_IN_A_TICK), key=str),
    ids=lambda value: value if isinstance(value, str) else short_name(value),
)
def test_an_alert_that_cannot_be_sent_is_not_forgotten(home, monkeypatch, owner, name):
    """Whichever operation of the alerts raises; what was sent before it did may be sent twice."""
    told, broke = f"the step that {name} is to tell of", f"the operation {short_name(owner)} {name}"
    something_to_tell(home, told)
    cursor = home.daemon.cursors["alerts"]
    with monkeypatch.context() as patched:
        used = BreakWherever(patched, owner, name, broke)
        ticked = home.daemon.tick_sensor("alerts")
    assert used.calls
    assert ticked.error is not None
    assert home.daemon.cursors["alerts"] == cursor
    said = home.alert()
    assert {a["kind"] for a in said if f"{told} is broken" in a["what"]} == {
        AlertKind.RUN_FAILED.value,
        AlertKind.AUTOMATION_FAILED.value,
    }
    assert [a["kind"] for a in said if f"{broke} is broken" in a["what"]] == [AlertKind.AUTOMATION_FAILED.value]


def test_every_table_and_every_landing_is_broken_within_its_wrapper(home):
    """What raises in its place is the function of the table's own module, and no wrapper of it."""
    modules = {asset_key(module.CONTRACT): module.__name__ for module in table_modules()}
    for step, key in ASSETS.items():
        cell = written(home, step)
        if key.path[0] in ("operations", "models", "publishing"):
            assert cell is None
        else:
            assert cell is not None
            assert cell.cell_contents.__module__ == modules.get(key, landing.__name__)


def test_the_alert_sensor_itself_is_reported_when_it_works_again(home, monkeypatch):
    sensor = home.daemon.repository.get_sensor_def("alerts")
    cursor = home.daemon.cursors["alerts"]
    with monkeypatch.context() as patched:
        patched.setattr(sensor, "_evaluation_fn", broken("the sensor alerts"))
        assert home.daemon.tick_sensor("alerts").error is not None
    assert home.daemon.cursors["alerts"] == cursor
    assert_told(home, "the sensor alerts", AlertKind.AUTOMATION_FAILED)
