"""Alerts, on real event logs with real failures, sent to a real server."""

import ast
import logging
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance
from dagster._core.events import EngineEventData
from dagster._utils.error import serializable_error_info_from_exc_info
from hypothesis import given
from hypothesis import strategies as st

import nba_pipeline
from nba_pipeline.alerting import sensor as sensing
from nba_pipeline.alerting import windows as windows
from nba_pipeline.alerting.alerts import (
    AlertNotSentError,
    Slack,
    without_particulars,
)
from nba_pipeline.alerting.sensor import AlertCursor, alert_sensor
from nba_pipeline.alerting.windows import SENT_ONE_BY_ONE, WINDOW
from nba_pipeline.gates.alert_metadata import AlertKind, alert_metadata
from nba_pipeline_tests.support.pager import (
    DAYS,
    NOW,
    Pager,
    an_alert,
    fail_tick,
    games,
    players,
    players_check,
    reader,
    run,
    settings_for,
)
from nba_pipeline_tests.support.webhook import HANG_UP, SECRET, Webhook


@dg.asset(key=["analytics", "rates"], deps=[games], partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def rates() -> None:
    pass


def refuse(
    instance: DagsterInstance, day: str, reason: str = "2 rows: points >= 0", metadata: Mapping[str, Any] | None = None
) -> None:
    """A failed check that belongs to no run, as the I/O manager reports a refused date."""
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(["raw", "box_scores"]), check_name="contract", passed=False, partition=day,
            metadata={"reasons": dg.MetadataValue.md(f"- {reason}"), **(metadata or {})},
        )
    )  # fmt: skip


def days(count: int) -> list[str]:
    return [str(date(2025, 10, 1) + timedelta(days=n)) for n in range(count)]


def test_a_failed_run_alerts_with_its_cause_its_effect_the_next_command_and_a_link(
    instance: DagsterInstance, webhook: Webhook
) -> None:
    run_id = run(instance, [games, rates, players], "2025-11-01", "2025-11-03")
    pager = Pager(instance, webhook)
    pager.tick()
    [text] = webhook.taken
    assert "run failed" in text
    assert "raw__games: ValueError: the source answered with HTTP 503" in text
    assert "Not published, wholly or in part for 2025-11-01 to 2025-11-03: analytics.rates, raw.games\n" in text
    assert "nba-pipeline backfill --from 2025-11-01 --to 2025-11-03" in text
    assert f"http://ui.example:3000/runs/{run_id}|" in text
    [recorded] = pager.recorded()
    assert recorded["kind"] == "run failed"
    assert recorded["link"] == f"http://ui.example:3000/runs/{run_id}"


def test_a_failed_run_of_one_date_names_the_smoke_test(instance: DagsterInstance, webhook: Webhook) -> None:
    run(instance, [games], "2025-11-01", "2025-11-01")
    Pager(instance, webhook).tick()
    assert "nba-pipeline smoke-test 2025-11-01`" in webhook.taken[0]


def test_an_alert_about_no_date_names_the_ui(instance: DagsterInstance, webhook: Webhook) -> None:
    run = instance.create_run_for_job(dg.Definitions(assets=[games]).resolve_implicit_global_asset_job_def())
    instance.report_run_failed(run, "Its process was killed.")
    Pager(instance, webhook).tick()
    assert "nba-pipeline ui`" in webhook.taken[0]


def test_a_run_that_was_ended_from_outside_alerts(instance: DagsterInstance, webhook: Webhook) -> None:
    stuck = instance.create_run_for_job(dg.Definitions(assets=[players]).resolve_implicit_global_asset_job_def())
    instance.report_run_failed(stuck, "Exceeded maximum runtime of 3600 seconds.")
    Pager(instance, webhook).tick()
    assert "Exceeded maximum runtime of 3600 seconds." in webhook.taken[0]
    assert "raw.players" in webhook.taken[0]


def test_a_run_that_was_ended_at_its_limit_names_the_limit_before_what_that_did_to_its_steps(
    instance: DagsterInstance, webhook: Webhook
) -> None:
    for assets, checks in ([games], []), ([players, reader], [players_check(blocking=True)]):
        ended = instance.get_run_by_id(run(instance, assets, "2025-11-01", "2025-11-01", checks))
        assert ended
        pager = Pager(instance, webhook)
        pager.tick()
        before = len(webhook.taken)
        instance.report_run_failed(ended, "Exceeded maximum runtime of 600 seconds.")
        pager.tick()
        (text,) = webhook.taken[before:]
        assert "*run failed*: a run of assets for 2025-11-01: Exceeded maximum runtime of 600 seconds." in text
        assert ("\nraw__games: ValueError" in text) is (assets == [games])


def test_what_alerted_once_does_not_alert_again(instance: DagsterInstance, webhook: Webhook) -> None:
    run(instance, [games], "2025-11-01", "2025-11-01")
    refuse(instance, "2025-11-02")
    fail_tick(instance, "heal", "broken", 1.5)
    pager = Pager(instance, webhook)
    for _ in range(3):
        pager.tick()
    assert len(webhook.taken) == 3


def test_nothing_alerts_when_all_is_well(instance: DagsterInstance, webhook: Webhook) -> None:
    run(instance, [players], "2025-11-01", "2025-11-01")
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(asset_key=dg.AssetKey("a"), check_name="c", passed=True)
    )
    pager = Pager(instance, webhook)
    pager.tick()
    assert webhook.taken == []
    assert pager.recorded() == []


def test_while_slack_is_down_ticks_fail_and_the_alert_arrives_when_it_is_up(
    instance: DagsterInstance, webhook: Webhook
) -> None:
    pager = Pager(instance, webhook)
    pager.tick()
    before = pager.cursor
    refuse(instance, "2025-11-02")
    webhook.down = True
    for _ in range(2):
        with pytest.raises(AlertNotSentError, match="HTTP 503"):
            pager.tick()
    assert pager.cursor == before
    assert pager.recorded() == []
    webhook.down = False
    pager.tick()
    assert len(webhook.taken) == 1
    assert len(pager.recorded()) == 1


def test_what_was_sent_before_slack_went_down_is_not_sent_again(instance: DagsterInstance, webhook: Webhook) -> None:
    refuse(instance, "2025-11-02")
    refuse(instance, "2025-11-03")
    webhook.answers = [(200, {}), (404, {})]
    webhook.down = True
    pager = Pager(instance, webhook)
    pager.tick()
    with pytest.raises(AlertNotSentError):
        pager.tick()
    webhook.down = False
    pager.tick()
    assert ["2025-11-02" in text for text in webhook.taken] == [True, False]
    assert "2025-11-03" in webhook.taken[1]


def test_a_server_that_is_not_there_fails_the_tick_without_showing_the_address(
    instance: DagsterInstance, webhook: Webhook
) -> None:
    pager = Pager(instance, webhook)
    webhook.__exit__(None, None, None)
    refuse(instance, "2025-11-02")
    with pytest.raises(AlertNotSentError, match="NBA_PIPELINE_SLACK_WEBHOOK_URL") as caught:
        pager.tick()
    assert_hidden(caught.value, webhook.url)


@pytest.mark.parametrize("answer", [500, 502, 429])
def test_two_bad_answers_and_a_good_one_are_one_alert(instance: DagsterInstance, webhook: Webhook, answer: int) -> None:
    webhook.answers = [(answer, {}), (answer, {})]
    refuse(instance, "2025-11-02")
    Pager(instance, webhook).tick()
    assert webhook.asked == 3
    assert len(webhook.taken) == 1


def test_slack_is_asked_three_times_and_no_more(instance: DagsterInstance, webhook: Webhook) -> None:
    webhook.down = True
    refuse(instance, "2025-11-02")
    with pytest.raises(AlertNotSentError, match="3 attempts"):
        Pager(instance, webhook).tick()
    assert webhook.asked == 3


def test_a_connection_that_is_hung_up_is_one_attempt_of_three(instance: DagsterInstance, webhook: Webhook) -> None:
    webhook.answers = [(HANG_UP, {})] * 3
    refuse(instance, "2025-11-02")
    with pytest.raises(AlertNotSentError, match="3 attempts"):
        Pager(instance, webhook).tick()
    assert webhook.asked == 3


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_refusal_is_not_tried_again_and_names_the_setting_and_not_the_address(
    webhook: Webhook, instance: DagsterInstance, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    webhook.answers = [(status, {})]
    refuse(instance, "2025-11-02")
    with caplog.at_level(logging.DEBUG), pytest.raises(AlertNotSentError, match=f"HTTP {status}") as caught:
        Pager(instance, webhook).tick()
    assert webhook.asked == 1
    assert "NBA_PIPELINE_SLACK_WEBHOOK_URL" in str(caught.value)
    assert_hidden(caught.value, webhook.url)
    assert "SECRET" not in caplog.text


@pytest.mark.parametrize(
    "address",
    [f"hooks.slack.com/services/{SECRET}", f"http://127.0.0.1:1/services/{SECRET} ?x y", f"http:///{SECRET}",
     f"httpx://127.0.0.1/{SECRET}", f"http://[::1/{SECRET}"],
)  # fmt: skip
def test_an_address_that_is_none_names_the_setting_and_does_not_show_it(address: str) -> None:
    with pytest.raises(AlertNotSentError, match="NBA_PIPELINE_SLACK_WEBHOOK_URL") as caught:
        Slack(settings_for(address)).send(an_alert())
    assert_hidden(caught.value, address)


def test_the_time_that_slack_asks_for_is_waited_up_to_a_limit(webhook: Webhook) -> None:
    began = datetime.now(UTC)
    webhook.answers = [(429, {"Retry-After": "1"})]
    Slack(settings_for(webhook.url, low=0.001, high=5)).send(an_alert())
    assert timedelta(seconds=1) <= datetime.now(UTC) - began < timedelta(seconds=4)
    webhook.answers = [(429, {"Retry-After": "3600"})]
    Slack(settings_for(webhook.url, low=0.001, high=0.01)).send(an_alert())
    assert datetime.now(UTC) - began < timedelta(seconds=10)


def test_three_hundred_failures_of_one_cause_are_three_alerts_and_a_summary_of_the_rest(
    instance: DagsterInstance, webhook: Webhook
) -> None:
    for n, day in enumerate(days(300)):
        refuse(instance, day, f"{n} rows: points >= 0")
    pager = Pager(instance, webhook)
    pager.tick()
    assert len(webhook.taken) == SENT_ONE_BY_ONE
    pager.at(NOW + WINDOW - timedelta(seconds=1))
    pager.tick()
    assert len(webhook.taken) == SENT_ONE_BY_ONE
    pager.at(NOW + WINDOW)
    pager.tick()
    assert len(webhook.taken) == SENT_ONE_BY_ONE + 1
    summary = webhook.taken[-1]
    assert "297 more of the same, dates 2025-10-04 to 2026-07-27" in summary
    assert "contract of raw.box_scores" in summary
    pager.at(NOW + 3 * WINDOW)
    pager.tick()
    refuse(instance, days(301)[-1])
    pager.tick()
    assert len(webhook.taken) == SENT_ONE_BY_ONE + 2, "after a quiet window the signature starts afresh"


def test_a_summary_that_could_not_be_sent_is_sent_later(instance: DagsterInstance, webhook: Webhook) -> None:
    for day in days(5):
        refuse(instance, day)
    pager = Pager(instance, webhook)
    pager.tick()
    pager.at(NOW + WINDOW)
    webhook.down = True
    with pytest.raises(AlertNotSentError):
        pager.tick()
    webhook.down = False
    pager.tick()
    assert "2 more of the same" in webhook.taken[-1]


def test_runs_that_fail_for_one_cause_on_many_dates_are_one_signature(
    instance: DagsterInstance, webhook: Webhook
) -> None:
    for day in days(5):
        run(instance, [games], day, day)
    pager = Pager(instance, webhook)
    pager.tick()
    assert len(webhook.taken) == SENT_ONE_BY_ONE
    assert len({alert["signature"] for alert in pager.recorded()}) == 1


def test_a_failed_check_in_a_run_over_a_range_alerts_with_the_dates_that_it_names(
    instance: DagsterInstance, webhook: Webhook
) -> None:
    run_id = run(instance, [players], "2025-11-01", "2025-11-03", [players_check(blocking=False)])
    Pager(instance, webhook).tick()
    [text] = webhook.taken
    assert "check failed" in text
    assert "check grid of raw.players did not pass for 2025-11-02: 2025-11-02: 3 players missing" in text
    assert f"/runs/{run_id}|" in text


def test_a_run_that_could_not_be_launched_alerts_with_the_launchers_error(instance: DagsterInstance, webhook: Webhook):
    run = instance.create_run_for_job(dg.Definitions(assets=[players]).resolve_implicit_global_asset_job_def())
    try:
        raise OSError("no process could be started")
    except OSError:
        error = serializable_error_info_from_exc_info(sys.exc_info())
    instance.report_engine_event("The run was dropped from the queue.", run, EngineEventData.engine_error(error))
    instance.report_run_failed(run)
    Pager(instance, webhook).tick()
    assert "no process could be started" in webhook.taken[0]


def test_a_run_whose_process_died_alerts_with_what_the_engine_saw(instance: DagsterInstance, webhook: Webhook):
    run = instance.create_run_for_job(dg.Definitions(assets=[players]).resolve_implicit_global_asset_job_def())
    instance.report_engine_event("Run execution process unexpectedly exited with exit code -9.", run)
    instance.report_run_failed(run)
    Pager(instance, webhook).tick()
    assert "exit code -9" in webhook.taken[0]


def test_a_run_that_failed_because_of_a_check_alerts_once(instance: DagsterInstance, webhook: Webhook) -> None:
    run_id = run(instance, [players, reader], "2025-11-01", "2025-11-03", [players_check(blocking=True)])
    failed = instance.get_run_by_id(run_id)
    assert failed is not None
    assert failed.is_failure
    Pager(instance, webhook).tick()
    [text] = webhook.taken
    assert "check failed" in text
    assert "What reads raw.players is not made for 2025-11-02." in text


def test_a_run_that_failed_because_of_a_check_and_an_error_alerts_about_both(
    instance: DagsterInstance, webhook: Webhook
) -> None:
    run(instance, [players, games], "2025-11-01", "2025-11-03", [players_check(blocking=True)])
    Pager(instance, webhook).tick()
    assert sorted("check failed" in text for text in webhook.taken) == [False, True]


def test_a_failed_check_of_no_run_alerts_with_its_partition(instance: DagsterInstance, webhook: Webhook) -> None:
    refuse(instance, "2025-11-02")
    Pager(instance, webhook).tick()
    [text] = webhook.taken
    assert "check contract of raw.box_scores did not pass for 2025-11-02: 2 rows: points &gt;= 0" in text
    assert "nba-pipeline smoke-test 2025-11-02" in text
    assert "http://ui.example:3000/assets/raw/box_scores?view=checks|" in text


@pytest.mark.parametrize("kind", list(AlertKind))
def test_a_check_can_say_what_kind_of_alert_it_is_and_the_rest_of_it(
    instance: DagsterInstance, webhook: Webhook, kind: AlertKind
) -> None:
    since = datetime(2025, 11, 2, 4, 30, tzinfo=UTC)
    refuse(instance, "2025-11-02", metadata=alert_metadata(kind, since, "no predictions tonight", "nba-pipeline heal"))
    pager = Pager(instance, webhook)
    pager.tick()
    [recorded] = pager.recorded()
    assert (recorded["kind"], recorded["since"]) == (kind.value, "2025-11-02T04:30:00+00:00")
    assert (recorded["effect"], recorded["mend"]) == ("no predictions tonight", "nba-pipeline heal")


def test_a_word_that_is_no_kind_and_a_time_that_is_none_do_not_stop_an_alert(
    instance: DagsterInstance, webhook: Webhook
) -> None:
    refuse(instance, "2025-11-02", metadata={"alert_kind": "gremlins", "since": "yesterday"})
    Pager(instance, webhook).tick()
    assert "check failed" in webhook.taken[0]


def test_a_failed_tick_of_a_sensor_alerts(instance: DagsterInstance, webhook: Webhook) -> None:
    fail_tick(instance, "heal", "the healer is ill", 1_700_000_000.123456)
    pager = Pager(instance, webhook)
    pager.tick()
    pager.tick()
    [text] = webhook.taken
    assert "automation failed" in text
    assert "sensor heal failed: ValueError: the healer is ill" in text
    assert "nba-pipeline ui`" in text
    fail_tick(instance, "heal", "the healer is ill again", 1_700_000_030.5)
    fail_tick(instance, "alerts", "its own tick", 1_700_000_031.5)
    pager.tick()
    assert ["ill again" in text for text in webhook.taken[1:]] == [True, False]
    assert "sensor alerts failed" in webhook.taken[2]


def test_more_failed_ticks_than_one_batch_are_all_counted(
    instance: DagsterInstance, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nba_pipeline.alerting.sources.BATCH", 4)
    for n in range(11):
        fail_tick(instance, "heal", "ill", 1_700_000_000.0 + 30 * n)
        refuse(instance, days(11)[n])
    pager = Pager(instance, webhook)
    pager.tick()
    pager.at(NOW + WINDOW)
    pager.tick()
    assert sum("8 more of the same" in text for text in webhook.taken) == 2


def test_a_tick_that_runs_out_of_time_leaves_the_rest_to_the_next(
    instance: DagsterInstance, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n, day in enumerate(days(3)):
        refuse(instance, day, f"cause {'abc'[n]}")
    pager = Pager(instance, webhook)
    monkeypatch.setattr(sensing, "TICK_SECONDS", 0.0)
    pager.tick()
    assert webhook.taken == []
    monkeypatch.setattr(sensing, "TICK_SECONDS", 10.0)
    pager.tick()
    assert len(webhook.taken) == 3


def test_new_events_with_the_ids_of_deleted_ones_alert(instance: DagsterInstance, webhook: Webhook) -> None:
    run_id = run(instance, [players], "2025-11-01", "2025-11-01", [players_check(passed=True)])
    pager = Pager(instance, webhook)
    pager.tick()
    read = AlertCursor.from_json(pager.cursor).position.check_evaluation
    instance.delete_run(run_id)
    pager.tick()
    refuse(instance, "2025-11-02")
    [reused] = instance.event_log_storage.get_logs_for_all_runs_by_log_id()
    assert reused <= read, "the event has an id that was read before"
    pager.tick()
    assert len(webhook.taken) == 1


def test_without_a_webhook_alerts_go_to_the_log_and_the_ui(
    instance: DagsterInstance, capfd: pytest.CaptureFixture[str]
) -> None:
    refuse(instance, "2025-11-02")
    pager = Pager(instance, None)
    pager.tick()
    assert [alert["kind"] for alert in pager.recorded()] == ["check failed"]
    shown = capfd.readouterr().err
    assert "ERROR" in shown
    assert "check contract of raw.box_scores did not pass for 2025-11-02" in shown
    assert "Next: nba-pipeline smoke-test 2025-11-02" in shown


def test_the_alert_is_in_the_log_even_though_slack_is_down(
    instance: DagsterInstance, webhook: Webhook, capfd: pytest.CaptureFixture[str]
) -> None:
    webhook.down = True
    refuse(instance, "2025-11-02")
    with pytest.raises(AlertNotSentError):
        Pager(instance, webhook).tick()
    shown = capfd.readouterr().err
    assert "check contract of raw.box_scores did not pass" in shown
    assert "SECRET" not in shown


def test_a_text_of_any_length_stays_within_slacks_limit() -> None:
    enormous = "<&>" * 20_000
    text = replace(an_alert(), what=enormous, effect=enormous, next_command=enormous).slack_text
    assert len(text) < 40_000
    assert "<&" not in text


def test_only_the_alerts_talk_to_slack() -> None:
    package = Path(nba_pipeline.__file__).parent
    importing = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "slack_sdk" for name in names):
                importing.add(str(path.relative_to(package)))
    assert importing == {"alerting/alerts.py"}


def test_a_cursor_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        AlertCursor.from_json("no cursor")


def test_the_sensor_is_on_from_the_start_and_as_frequent_as_the_settings_say() -> None:
    sensor = alert_sensor(settings_for(None))
    assert sensor.name == "alerts"
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == 60


SAME = [
    (
        "raw.games: 3 of 10 dates published, 7 refused. 2025-11-01: x",
        "raw.games: 1 of 2 dates published, 1 refused. 2025-12-01: x",
    ),
    (
        "/stats for 2025-11-01 to 2025-11-01 (and 3 more questions): HTTP 503",
        "/stats for 2025-12-01 to 2025-12-05: HTTP 500",
    ),
    ("3 games missing: game_id 1; game_id 2; game_id 3 and 7 more", "1 games missing: game_id 12"),
    (
        "run 0f0e5d6c-8ad5-4a1b-9d2c-0123456789ab died at 2025-11-01T10:00:00+00:00",
        "run 1f0e5d6c-8ad5-4a1b-9d2c-0123456789ff died at 2025-11-02T10:00:00Z",
    ),
    ("no column 'a' in 'b'", "no column 'c' in 'd'"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_cause_on_other_dates_has_the_same_signature(one: str, other: str) -> None:
    assert without_particulars(one) == without_particulars(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("HTTP refused", "HTTP timed out"), ("3 rows: points >= 0", "3 rows: minutes >= 0"), ("added", "faded")],
)
def test_another_cause_has_another_signature(one: str, other: str) -> None:
    assert without_particulars(one) != without_particulars(other)


def assert_hidden(error: BaseException, address: str) -> None:
    """Neither the error nor what Dagster stores of it shows the address."""
    assert error.__traceback__ is not None
    info = serializable_error_info_from_exc_info((type(error), error, error.__traceback__))
    assert "SECRET" not in info.to_string()
    assert address not in info.to_string()


STEPS = st.lists(st.tuples(st.integers(0, 50), st.sampled_from("abc")), max_size=80)


@given(steps=STEPS)
def test_every_alert_is_sent_or_counted_in_a_summary_and_no_window_sends_more(steps: list[tuple[int, str]]) -> None:
    """The windows, driven as the sensor drives them, with minutes between the alerts."""
    open_windows: windows.Windows = {}
    now = NOW
    happened: dict[str, int] = {}
    told: dict[str, int] = {}
    sends: dict[str, list[datetime]] = {}

    def close_ended() -> None:
        nonlocal open_windows
        for signature in windows.ended(open_windows, now):
            window = open_windows[signature]
            assert (window.summary() is not None) is (window.counted > 0)
            if summary := window.summary():
                assert f"{window.counted} more of the same" in summary.what
                assert summary.signature == signature
                told[signature] = told.get(signature, 0) + window.counted
                sends.setdefault(signature, []).append(now)
            open_windows = windows.closed(open_windows, signature, now)

    for minutes, subject in steps:
        now += timedelta(minutes=minutes)
        close_ended()
        alert = an_alert(subject)
        happened[alert.signature] = happened.get(alert.signature, 0) + 1
        open_windows, send = windows.observed(open_windows, alert, now)
        open_windows = AlertCursor.from_json(AlertCursor(windows=open_windows).to_json()).windows
        if send:
            told[alert.signature] = told.get(alert.signature, 0) + 1
            sends.setdefault(alert.signature, []).append(now)
    now += WINDOW
    close_ended()
    assert told == happened
    for times in sends.values():
        for start in times:
            # A summary and what is sent after it open the next window, so two windows reach into any hour.
            within = [at for at in times if start <= at < start + WINDOW]
            assert len(within) <= 2 * SENT_ONE_BY_ONE
    now += WINDOW
    close_ended()
    assert open_windows == {}


@given(dates=st.lists(st.dates(date(2015, 1, 1), date(2030, 1, 1)), min_size=1, max_size=30))
def test_a_summary_names_the_first_and_the_last_date_of_those_it_counts(dates: list[date]) -> None:
    open_windows: windows.Windows = {}
    for day in dates:
        open_windows, _ = windows.observed(open_windows, an_alert(day=str(day)), NOW)
    [window] = open_windows.values()
    counted = dates[SENT_ONE_BY_ONE:]
    assert window.counted == len(counted)
    if summary := window.summary():
        assert summary.dates == (str(min(counted)), str(max(counted)))


def test_an_outage_of_many_hours_is_one_summary_an_hour() -> None:
    open_windows: windows.Windows = {}
    sent: list[int] = []
    for minute in range(4 * 60):
        now = NOW + timedelta(minutes=minute)
        for signature in windows.ended(open_windows, now):
            sent.append(minute)
            open_windows = windows.closed(open_windows, signature, now)
        open_windows, send = windows.observed(open_windows, an_alert(), now)
        sent += [minute] if send else []
    assert sent == [0, 1, 2, 60, 120, 180]


def test_a_clock_that_is_set_back_does_not_keep_a_summary_for_ever() -> None:
    open_windows: windows.Windows = {}
    for _ in range(5):
        open_windows, _ = windows.observed(open_windows, an_alert(), NOW)
    assert windows.ended(open_windows, NOW - timedelta(days=1)) == list(open_windows)
