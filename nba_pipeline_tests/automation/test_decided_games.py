"""What a person decides about a game is told once: who, what, why, until when, and what takes it back."""

import json
import shlex
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster import AssetCheckKey, DagsterInstance
from dagster._core.storage.asset_check_execution_record import COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES
from typer.testing import CliRunner

from nba_pipeline.assets.io_manager import DECIDED_METADATA, _metadata
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.automation.decided_games import (
    DECIDED_CHECK,
    GAME_DECISIONS_ASSET,
    GAME_DECISIONS_KEY,
    decided_games_sensor,
    no_game_is_decided,
    not_notified,
    read_cursor,
)
from nba_pipeline.cli.app import app
from nba_pipeline.clock import Clock
from nba_pipeline.decisions.game_decisions import GameDecision, Ruling
from nba_pipeline.gates.alert_metadata import AlertKind
from nba_pipeline.gates.gatekeeper import Gatekeeper, decided_about
from nba_pipeline.settings import Settings
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline.warehouse.publish import Publication
from nba_pipeline_tests.support.named_command import named_command
from nba_pipeline_tests.support.pager import Pager
from nba_pipeline_tests.support.undecided_games import BROKEN, DAY, NOW, SIGNED, WHOLE, home_with_undecided_games
from nba_pipeline_tests.support.webhook import Webhook

HOLD = GameDecision(DAY, BROKEN, Ruling.HOLD, {}, "Ann", "why", None, NOW.replace(tzinfo=None))
RELEASE = replace(HOLD, ruling=Ruling.RELEASE)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return home_with_undecided_games(tmp_path)


class Desk:
    """A home in which people decide, the sensor that looks at it, and the pager."""

    def __init__(self, home: Path, instance: DagsterInstance, webhook: Webhook) -> None:
        self.home, self.instance, self.webhook = home, instance, webhook
        self.pager = Pager(instance, webhook)
        self.now = NOW
        self.cursor: str | None = None

    def gatekeeper(self) -> Gatekeeper:
        return Gatekeeper(DuckDBWarehouse(self.home / "warehouse.duckdb", 1), Clock(self.now), None, all_tables())

    def types(self, line: str) -> None:
        environment = {"NBA_PIPELINE_HOME": str(self.home), "NBA_PIPELINE_NOW": self.now.isoformat()}
        ended = CliRunner(env=environment).invoke(app, [*named_command(f"nba-pipeline {line}")])
        assert ended.exit_code == 0, ended.output

    def looks(self) -> list[dict[str, object]]:
        """A tick of the sensor and one of the pager: what is told now."""
        settings = Settings(home=self.home)
        known = len(self.pager.recorded())
        resources = {"gatekeeper": self.gatekeeper(), "settings": settings}
        with dg.build_sensor_context(self.instance, cursor=self.cursor, resources=resources) as context:
            result = decided_games_sensor(settings).evaluate_tick(context)
        for event in result.asset_events:
            self.instance.report_runless_asset_event(event)
        self.cursor = result.cursor
        self.pager.tick()
        return self.pager.recorded()[known:]

    def check_passes(self) -> bool:
        """What the UI shows of the check."""
        (record,) = self.instance.event_log_storage.get_asset_check_execution_history(
            AssetCheckKey(GAME_DECISIONS_KEY, DECIDED_CHECK), limit=1,
            status=COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
        )  # fmt: skip
        assert record.evaluation
        return record.evaluation.passed


@pytest.fixture
def desk(home: Path, instance: DagsterInstance, webhook: Webhook) -> Desk:
    return Desk(home, instance, webhook)


def test_each_decision_is_told_once_with_who_what_why_until_when_and_what_takes_it_back(desk: Desk) -> None:
    assert desk.looks() == []
    desk.types(f"game hold {BROKEN} {SIGNED} --until 2026-01-20T12:00-05:00")
    (told,) = desk.looks()
    assert told["kind"] == AlertKind.GAME_DECIDED == "game decided"
    sentence = f"Ann holds game {BROKEN} of {DAY} until 2026-01-20 17:00 UTC: the league says so"
    assert sentence in str(told["what"])
    assert (told["since"], told["dates"]) == (NOW.isoformat(), f"{DAY} to {DAY}")
    assert f"nba-pipeline backfill --from {DAY} --to {DAY}" in str(told["effect"])
    (sent,) = desk.webhook.taken
    assert sentence in sent
    assert desk.looks() == []
    assert not desk.check_passes()

    desk.types(shlex.join(named_command(str(told["mend"]))))
    (released,) = desk.looks()
    assert f"your name takes back what was decided about game {BROKEN} of {DAY}: why" in str(released["what"])
    assert named_command(str(released["mend"])) == ["game", "show", str(BROKEN), "--date", str(DAY)]
    assert desk.check_passes(), "nothing is decided by hand any more"


def test_a_decision_that_is_over_by_its_hour_is_told_once(desk: Desk) -> None:
    desk.looks()
    desk.types(f"game accept {BROKEN} {SIGNED} --until 2026-01-20T12:00Z")
    assert len(desk.looks()) == 1
    desk.now = datetime.fromisoformat("2026-01-20T11:59:59+00:00")
    assert desk.looks() == []
    desk.now += timedelta(seconds=1)
    (over,) = desk.looks()
    assert f"what Ann decided about game {BROKEN} of {DAY} is over: Ann accepts" in str(over["what"])
    assert over["since"] == desk.now.isoformat()
    assert desk.looks() == []
    assert desk.check_passes()


def test_the_check_that_a_person_runs_names_what_is_decided_and_passes_when_nothing_is(desk: Desk) -> None:
    def runs() -> dg.AssetCheckEvaluation:
        everything = dg.Definitions(
            assets=[GAME_DECISIONS_ASSET], asset_checks=[no_game_is_decided], executor=dg.in_process_executor,
            resources={"gatekeeper": desk.gatekeeper()},
        )  # fmt: skip
        job = everything.resolve_implicit_global_asset_job_def()
        (evaluation,) = job.execute_in_process(instance=desk.instance).get_asset_check_evaluations()
        return evaluation

    assert runs().passed
    desk.types(f"game hold {BROKEN} {SIGNED}")
    found = runs()
    assert not found.passed
    assert f"nba-pipeline game release {BROKEN} --date {DAY}" in str(found.metadata["reasons"].value)


def test_what_is_over_or_taken_back_when_a_home_is_first_looked_at_is_not_told(desk: Desk) -> None:
    desk.types(f"game hold {BROKEN} {SIGNED}")
    desk.types(f"game release {BROKEN} {SIGNED}")
    desk.types(f"game hold {WHOLE} {SIGNED}")
    (told,) = desk.looks()
    assert f"Ann holds game {WHOLE}" in str(told["what"])
    assert desk.looks() == []


@pytest.mark.parametrize(
    ("recorded", "what"),
    [
        ([HOLD, replace(HOLD, ruling=Ruling.ACCEPT), RELEASE], ["holds", "accepts", "takes back"]),
        ([replace(HOLD, game_id=n) for n in (3, 1, 2)], ["holds"] * 3),
        ([replace(HOLD, until=HOLD.recorded_at + timedelta(hours=1)), RELEASE], ["holds", "takes back"]),
        ([replace(HOLD, until=HOLD.recorded_at + timedelta(hours=1))], ["holds", "is over"]),
        ([replace(HOLD, recorded_at=HOLD.recorded_at + timedelta(days=3))], []),
    ],
    ids=["three about one game", "three games", "taken back before its hour", "over before a look", "not yet"],
)
def test_whenever_it_is_looked_each_decision_is_told_and_none_twice(
    recorded: list[GameDecision], what: list[str]
) -> None:
    later = NOW + timedelta(days=1)
    events, told = not_notified(recorded, {}, later)
    said = [str(event.metadata["reasons"].value) for event in events if not event.passed]
    assert [word in sentence for word, sentence in zip(what, said, strict=True)] == [True] * len(what)
    assert not_notified(recorded, read_cursor(json.dumps(told)), later) == ([], told)


def test_a_decision_whose_recorders_clock_was_late_is_told_all_the_same() -> None:
    _, told = not_notified([HOLD], {}, NOW)
    late = replace(HOLD, game_id=WHOLE, recorded_at=HOLD.recorded_at - timedelta(minutes=5))
    ((event,), _) = not_notified([late, HOLD], told, NOW)
    assert f"holds game {WHOLE}" in str(event.metadata["reasons"].value)


def test_the_lineage_of_a_date_names_what_was_decided_about_its_games(desk: Desk) -> None:
    desk.types(f"game hold {BROKEN} {SIGNED}")
    gatekeeper = desk.gatekeeper()
    with gatekeeper.warehouse.session(read_only=True) as session:
        decided = decided_about(gatekeeper.evidence(session), [DAY, date(2026, 1, 15)])
    assert list(decided) == [DAY]
    (said,) = decided[DAY]
    assert said.startswith(f"Ann holds game {BROKEN} of {DAY} until it is released: the league says so")
    assert named_command(said) == ["game", "show", str(BROKEN), "--date", str(DAY)]
    assert said in str(_metadata(Publication(DAY, "published", 1, "f"), decided)[DECIDED_METADATA].value)
    assert DECIDED_METADATA not in _metadata(Publication(date(2026, 1, 15), "published", 1, "f"), decided)
