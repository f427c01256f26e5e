"""What a person decides about a gate, and errors that cannot be honest: from the cause to the alert about it."""

import re
import shlex
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from dagster import AssetCheckEvaluation, AssetCheckKey, AssetCheckSeverity
from dagster._core.event_api import PartitionKeyFilter
from typer.testing import CliRunner, Result

from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.cli.app import app
from nba_pipeline.definitions import definitions
from nba_pipeline.gates.accuracy_tripwire import RECENT
from nba_pipeline.gates.alert_metadata import AlertKind
from nba_pipeline.gates.rules import last_table
from nba_pipeline.gates.verdicts import Gate
from nba_pipeline.grades import prediction_accuracy
from nba_pipeline.operations.runs import instance_of
from nba_pipeline.partitions import PARTITION, to_key
from nba_pipeline.precompute import player_daily_cache
from nba_pipeline.runtime import Runtime
from nba_pipeline_tests.support.damaged_weeks import BAD, HIS, INTO_GRADES, INTO_PRECOMPUTE, PLAYED, TODAY, scale
from nba_pipeline_tests.support.pager import Pager
from nba_pipeline_tests.support.warehouse_copy import Copy
from nba_pipeline_tests.support.webhook import Webhook
from nba_pipeline_tests.support.workbench import NOW, OPENING, Workbench

CACHE = player_daily_cache.CONTRACT
DAY = BAD + timedelta(days=1)
ENDS = NOW + timedelta(hours=6)
GATE = f"{INTO_PRECOMPUTE.name} {DAY}"
SIGNED = "--by Ann --because 'he hardly played'"
DECISION = f"Ann let {INTO_PRECOMPUTE.name} pass for {DAY} until {ENDS:%Y-%m-%d %H:%M} UTC: he hardly played"
NONE_IN_FORCE = "No override and no known gap is in force."

Command = Callable[..., Result]


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as running:
        yield running


@pytest.fixture
def command(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs what a person types, in the copy's home."""

    def run(line: str, now: datetime = NOW) -> Result:
        monkeypatch.setenv("NBA_PIPELINE_HOME", str(copy.settings.home))
        monkeypatch.setenv("NBA_PIPELINE_NOW", now.isoformat())
        name, *arguments = shlex.split(line)
        assert name == "nba-pipeline"
        return CliRunner().invoke(app, arguments)

    return run


@pytest.fixture
def overridden(copy: Copy, command: Command) -> Copy:
    """A row that the caches of later dates look back on is gone; a person lets one of them be made all the same."""
    copy.sql(f"DELETE FROM analytics.player_game_summary WHERE {HIS}")
    copy.forget(CACHE, DAY)
    decided = command(f"nba-pipeline gate override {GATE} {SIGNED} --hours 6")
    assert (decided.exit_code, decided.output.strip()) == (0, DECISION)
    return copy


@pytest.fixture
def graded(copy: Copy) -> Copy:
    """The copy with honest errors of players who have a record."""
    scale(copy, 0.97)
    copy.sql(f"UPDATE {prediction_accuracy.CONTRACT.name} SET quality_tier = 'silver'")
    return copy


def key_of(gate: Gate) -> AssetCheckKey:
    return AssetCheckKey(asset_key(last_table(gate, all_tables())), gate.check_name)


def run_check(copy: Copy, gate: Gate, key: str) -> bool:
    """A real run of the gate's check for one date; returns whether it ended well."""
    job = definitions(Runtime(copy.settings)).resolve_implicit_global_asset_job_def()
    job = job.get_subset(asset_selection=set(), asset_check_selection={key_of(gate)})
    with instance_of(copy.settings) as instance:
        return job.execute_in_process(instance=instance, tags={PARTITION: key}, raise_on_error=False).success


def shown(copy: Copy, gate: Gate, key: str) -> AssetCheckEvaluation:
    """What the UI shows of the gate's check for a date."""
    with instance_of(copy.settings) as instance:
        (record,) = instance.event_log_storage.get_asset_check_execution_history(
            key_of(gate), limit=10, partition_filter=PartitionKeyFilter(key=key)
        )
    assert record.event
    assert record.event.dagster_event
    return record.event.dagster_event.asset_check_evaluation_data


def alerts(copy: Copy, webhook: Webhook) -> list[dict[str, object]]:
    """The alerts about all that happened in the copy's home, each of which arrived."""
    with instance_of(copy.settings) as instance:
        pager = Pager(instance, webhook)
        pager.tick()
        found = pager.recorded()
    assert len(webhook.taken) == len(found)
    return found


def published(copy: Copy) -> int:
    return copy.sql(f"SELECT count(*) FROM {CACHE.name} WHERE game_date = '{DAY}'")[0][0]


# overrides


def test_a_run_through_an_overridden_gate_publishes_warns_and_alerts_with_who_and_why(
    overridden: Copy, season_start: Workbench, webhook: Webhook, command: Command
) -> None:
    attempt = overridden.run(CACHE, DAY, DAY)
    assert attempt.success, attempt.failures
    assert published(overridden) == len(season_start.rows(CACHE, DAY, DAY)) > 0

    check = shown(overridden, INTO_PRECOMPUTE, to_key(DAY))
    assert (check.passed, check.severity) == (False, AssetCheckSeverity.WARN)
    assert DECISION in str(check.metadata["reasons"].value)
    assert "analytics.player_game_summary on" in str(check.metadata["reasons"].value)

    (alert,) = alerts(overridden, webhook)
    assert alert["kind"] == "override used"
    assert f"{DAY}: {DECISION}" in str(alert["what"])
    assert "1 players missing" in str(alert["what"])
    assert alert["since"] == NOW.isoformat()
    assert alert["effect"] == f"{CACHE.name} of {DAY} is made although its gate is closed."
    assert str(alert["link"]).endswith(f"/runs/{attempt.run_id}")
    (sent,) = webhook.taken
    assert "*override used*" in sent
    assert DECISION in sent
    assert DECISION in command(str(alert["mend"])).output


def test_the_check_of_an_overridden_gate_warns_and_alerts_and_stops_nothing(overridden: Copy, webhook: Webhook) -> None:
    assert run_check(overridden, INTO_PRECOMPUTE, to_key(DAY))
    check = shown(overridden, INTO_PRECOMPUTE, to_key(DAY))
    assert (check.passed, check.severity) == (False, AssetCheckSeverity.WARN)
    (alert,) = alerts(overridden, webhook)
    assert alert["kind"] == "override used"
    assert DECISION in str(alert["what"])
    assert alert["effect"] == "Data that a gate refuses flows on, because a person decided so."
    assert alert["mend"] == "nba-pipeline gate overrides"


def test_health_names_an_override_while_it_is_in_force_and_then_the_same_run_is_refused(
    overridden: Copy, webhook: Webhook, command: Command
) -> None:
    last_moment = ENDS - timedelta(seconds=1)
    assert f"decided: {DECISION}" in command(f"nba-pipeline health {OPENING}", last_moment).output
    assert DECISION in command("nba-pipeline gate overrides", last_moment).output
    assert NONE_IN_FORCE in command("nba-pipeline gate overrides", ENDS).output

    overridden.settings = overridden.settings.model_copy(update={"now": ENDS})
    attempt = overridden.run(CACHE, DAY, DAY)
    assert not attempt.success
    assert f"The gate {INTO_PRECOMPUTE.name} into {CACHE.name} is closed for {DAY}" in " ".join(attempt.failures)
    assert published(overridden) == 0
    assert [alert["kind"] for alert in alerts(overridden, webhook)] == ["run failed"]


def test_an_override_and_a_known_gap_are_ended_before_their_time(overridden: Copy, command: Command) -> None:
    command(f"nba-pipeline gate gap {BAD} {SIGNED}")
    listed = command("nba-pipeline gate overrides").output
    assert DECISION in listed
    assert f"known_gap pass for {BAD}" in listed
    later = NOW + timedelta(minutes=5)
    for about in (GATE, f"known_gap {BAD}"):
        ended = command(f"nba-pipeline gate end {about} --by Bob --because fixed", later)
        assert ended.exit_code == 0
        assert ended.output.startswith("ended: Bob")
    assert NONE_IN_FORCE in command("nba-pipeline gate overrides", later).output
    assert command(f"nba-pipeline gate list {DAY}", later).exit_code == 1
    recorded = overridden.sql("SELECT decided_by FROM operations.gate_overrides ORDER BY recorded_at")
    assert recorded == [("Ann",), ("Ann",), ("Bob",), ("Bob",)], "what was decided stays on record"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"override nowhere {DAY} {SIGNED}", "there is no gate 'nowhere'; the gates are raw_to_analytics, "),
        (f"override {GATE} {SIGNED} --hours 168.1", "at most 7 days; a date whose data will never come"),
        (f"override {GATE} {SIGNED} --hours 0", f"{NOW:%Y-%m-%d %H:%M} UTC is over already"),
        (f"override {GATE} --by ' ' --because fixed", "say who decides (--by) and why (--because)"),
        (f"override {GATE} --by Ann --because ''", "say who decides (--by) and why (--because)"),
        (f"gap {TODAY} {SIGNED}", f"the games of {TODAY} have not been played"),
        (f"gap {BAD} --by Ann --because ' '", "say who decides (--by) and why (--because)"),
        (f"end {GATE} {SIGNED}", f"no decision about {INTO_PRECOMPUTE.name} is in force for {DAY}"),
        (f"end known_gap {BAD} {SIGNED}", f"no decision about known_gap is in force for {BAD}"),
    ],
)
def test_a_decision_that_cannot_be_recorded_is_refused_with_what_is_wrong_and_opens_nothing(
    copy: Copy, command: Command, line: str, said: str
) -> None:
    refused = command(f"nba-pipeline gate {line}")
    assert refused.exit_code == 2
    assert said in refused.output
    assert NONE_IN_FORCE in command("nba-pipeline gate overrides").output


def test_an_override_lasts_a_week_at_most(copy: Copy, command: Command) -> None:
    assert command(f"nba-pipeline gate override {GATE} {SIGNED} --hours 168").exit_code == 0


# tripwires


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.85, r"too good to be true: mean absolute error \d+\.\d\d against \d+\.\d\d of EWMA-7 [^;]* Look for a leak"),
        (1.6, r"too bad to be used: mean absolute error \d+\.\d\d against \d+\.\d\d of EWMA-7 [^;]* Look at the model"),
    ],
    ids=["too good", "too bad"],
)
def test_errors_that_cannot_be_honest_alert_as_a_tripwire_with_the_command_that_shows_them(
    graded: Copy, webhook: Webhook, command: Command, share: float, said: str
) -> None:
    day = PLAYED[-1]
    scale(graded, share, "moving_average")
    assert not run_check(graded, INTO_GRADES, to_key(day))
    assert shown(graded, INTO_GRADES, to_key(day)).severity is AssetCheckSeverity.ERROR

    (alert,) = alerts(graded, webhook)
    assert alert["kind"] == AlertKind.ACCURACY_TRIPWIRE == "accuracy tripwire"
    assert f"{day}: accuracy tripwire: " in str(alert["what"])
    assert re.search(rf"moving_average \(points, morning, backtest\) is {said}", str(alert["what"]))
    assert "gradient_boosting" not in str(alert["what"])
    assert alert["since"] == NOW.isoformat()
    assert alert["effect"] == "Nothing is graded or published from these predictions."
    last = day - timedelta(days=1)
    assert alert["mend"] == f"nba-pipeline accuracy --from {last - RECENT} --to {last}"
    (sent,) = webhook.taken
    assert "*accuracy tripwire*" in sent
    assert f"`{alert['mend']}`" in sent
    shows = command(f"{alert['mend']} --stat points --json")
    assert "moving_average" in shows.output


def test_a_tripped_wire_is_no_tripwire_alert_once_a_person_lets_the_date_pass(
    graded: Copy, webhook: Webhook, command: Command
) -> None:
    day = PLAYED[-1]
    scale(graded, 1.6, "moving_average")
    assert command(f"nba-pipeline gate override {INTO_GRADES.name} {day} {SIGNED}").exit_code == 0
    assert run_check(graded, INTO_GRADES, to_key(day))
    (alert,) = alerts(graded, webhook)
    assert alert["kind"] == "override used"
    assert "accuracy tripwire: moving_average" in str(alert["what"])
