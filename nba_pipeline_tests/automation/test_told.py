"""Which alert tells of which failure: planted failures that no alert tells are found."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from dagster import DagsterInstance
from dagster._core.scheduler.instigation import TickStatus

from nba_pipeline.alerting.alerts import Alert
from nba_pipeline.alerting.sensor import ALERTS_KEY
from nba_pipeline.alerting.windows import SENT_ONE_BY_ONE, WINDOW
from nba_pipeline.gates.alert_metadata import AlertKind
from nba_pipeline_tests.support.pager import NOW, Pager, fail_tick, games, players, players_check, reader, run
from nba_pipeline_tests.support.recorded_events import end_tick, late, make
from nba_pipeline_tests.support.told import (
    Late,
    Owed,
    Told,
    all_told,
    falsely_made_good,
    heard,
    owed,
    tick_named,
    unheard,
)
from nba_pipeline_tests.support.webhook import Webhook

AT = datetime(2025, 11, 2, 7, tzinfo=UTC)
DAY = "2025-11-02"


def owing(run_id: str = "a", minutes: int = 0, cause: str = "HTTP 503", day: str = DAY) -> Owed:
    """What a failed run owes that failed so many minutes after seven."""
    failed = AT + timedelta(minutes=minutes)
    alert = Alert(
        AlertKind.RUN_FAILED, "a job", cause, f"a run for {day}: {cause}", failed, "", "", f"/runs/{run_id}", (day, day)
    )
    return Owed(run_id, failed.timestamp(), alert)


def told_of(about: Owed, *, minutes_later: float = 1, more: int = 0, until: str | None = None) -> Told:
    """The alert that was sent about a failure; with `more` a summary that counts so many from it on."""
    alert = about.alert
    assert alert.dates is not None
    what = f"{more} more of the same, since then. The first: {alert.what}" if more else alert.what
    dates = (alert.dates[0], until or alert.dates[1])
    sent_at = about.failed_at + 60 * minutes_later
    return Told(int(sent_at), sent_at, alert.signature, what, alert.link, alert.since, dates)


def test_a_run_is_told_by_the_alert_that_links_it():
    assert set(heard([owing("a"), owing("b", 1)], [told_of(owing("a")), told_of(owing("b", 1))])) == {"a", "b"}


def test_an_alert_about_another_run_of_the_same_date_and_cause_tells_nothing():
    assert set(heard([owing("a"), owing("b", 1)], [told_of(owing("b", 1))])) == {"b"}


def test_an_alert_of_another_cause_tells_nothing_whatever_date_and_run_it_names():
    assert heard([owing()], [told_of(owing(cause="the disk is full"))]) == {}


def test_an_alert_from_before_the_failure_tells_nothing():
    assert heard([owing()], [told_of(owing(), minutes_later=-1)]) == {}


def test_a_summary_tells_of_what_it_counts_and_names_only_the_first():
    three = [owing("a"), owing("b", 1), owing("c", 2)]
    assert set(heard(three, [told_of(three[0], minutes_later=60, more=3)])) == {"a", "b", "c"}


def test_a_summary_has_room_for_as_many_as_it_says_and_the_rest_was_not_told():
    three = [owing("a"), owing("b", 1), owing("c", 2)]
    assert set(heard(three, [told_of(three[0], minutes_later=60, more=2)])) == {"a", "b"}
    both = [told_of(three[0], minutes_later=60, more=2), told_of(three[2], minutes_later=120, more=1)]
    assert set(heard(three, both)) == {"a", "b", "c"}


def test_who_was_spoken_for_once_takes_no_room_in_the_next_summary():
    two = [owing("a"), owing("b")]
    assert set(heard(two, [told_of(two[0], minutes_later=n, more=1) for n in (60, 120)])) == {"a", "b"}


@pytest.mark.parametrize(
    "missed",
    [owing("m", cause="the disk is full"), owing("m", -1), owing("m", 61), owing("m", 1, day="2025-11-04")],
    ids=["another cause", "before the first that it counts", "after it was sent", "a date that it does not name"],
)
def test_a_summary_with_room_does_not_tell_of_what_it_cannot_have_counted(missed: Owed):
    summary = told_of(owing("a"), minutes_later=60, more=9, until="2025-11-03")
    assert set(heard([owing("a"), missed], [summary])) == {"a"}
    assert set(heard([owing("a"), owing("b", 1, day="2025-11-03")], [summary])) == {"a", "b"}


def freshness_alert(table: str = "raw.games", first: str = DAY, last: str = DAY, number: int = 8) -> Told:
    """The alert that a table was late."""
    return Told(number, 0, f"freshness missed | {table}, freshness | # missing", "", "", AT, (first, last))


@pytest.mark.parametrize(
    ("alert", "tells"),
    [
        (freshness_alert(), True),
        (freshness_alert(first="2025-11-01"), True),
        (freshness_alert(table="raw.games_of_others"), False),
        (freshness_alert(first="2025-11-01", last="2025-11-01"), False),
        (freshness_alert(number=7), False),
        (Told(8, 0, "run failed | raw.games, freshness | # missing", "", "", AT, (DAY, DAY)), False),
    ],
    ids=["its own", "a summary over its date", "another table", "another date", "an earlier one", "another kind"],
)
def test_a_late_table_is_told_by_the_alert_about_that_table_and_date(alert: Told, tells: bool):
    assert Late("raw.games", date(2025, 11, 2), alerts_before=7).is_told_by(alert) is tells


@pytest.fixture
def pager(instance: DagsterInstance, webhook: Webhook) -> Pager:
    """The alert sensor on an instance of its own."""
    return Pager(instance, webhook)


def missing(pager: Pager) -> list[str]:
    """Of what failed on the pager's instance, what was not told."""
    all_owed = owed(pager.instance, pager.settings.ui_url)
    return unheard(pager.instance, all_owed, heard(all_owed, all_told(pager.instance)))


def test_real_failures_are_told_one_by_one_and_then_by_the_summary_and_not_before_it(pager: Pager):
    failed = [run(pager.instance, [games], DAY, DAY) for _ in range(SENT_ONE_BY_ONE + 2)]
    assert missing(pager) == sorted(failed)
    pager.tick()
    assert missing(pager) == sorted(failed[SENT_ONE_BY_ONE:])
    pager.at(NOW + WINDOW)
    pager.tick()
    assert missing(pager) == []


def test_a_run_that_only_its_blocking_check_failed_is_told_by_the_alert_of_the_check(pager: Pager):
    failed = run(pager.instance, [players, reader], DAY, DAY, [players_check(blocking=True)])
    assert missing(pager) == [failed]
    pager.tick()
    assert missing(pager) == []


def test_a_failure_without_an_alert_is_found_though_one_of_its_date_and_cause_was_sent_later(pager: Pager):
    passed_over = run(pager.instance, [games], DAY, DAY)
    pager.tick()
    pager.instance.wipe_assets([ALERTS_KEY])
    run(pager.instance, [games], DAY, DAY)
    pager.tick()
    assert missing(pager) == [passed_over]


def test_a_failed_tick_is_told_by_its_own_alert(pager: Pager):
    fail_tick(pager.instance, "self_heal", "the warehouse is locked", NOW.timestamp())
    assert missing(pager) == [tick_named("self_heal", NOW.timestamp())]
    pager.tick()
    assert missing(pager) == []


def test_the_alerts_are_read_on_from_any_number_and_a_page_at_a_time(pager: Pager, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nba_pipeline_tests.support.told.PAGE", 2)
    for _ in range(SENT_ONE_BY_ONE):
        run(pager.instance, [games], "2025-11-01", DAY)
    pager.tick()
    told = all_told(pager.instance)
    assert [alert.dates for alert in told] == [("2025-11-01", DAY)] * SENT_ONE_BY_ONE
    assert all_told(pager.instance, told[0].number) == told[1:]


# made good before it was sent


def test_a_failure_that_was_made_good_is_told_by_the_record_that_says_so_and_by_nothing_else(pager: Pager):
    failed = make(pager.instance, "cache", fails=True)
    make(pager.instance, "cache")
    assert missing(pager) == [failed], "that it is good by now tells nobody that it failed"
    pager.tick()
    (told,) = all_told(pager.instance)
    assert told.made_good
    assert missing(pager) == []
    assert falsely_made_good(pager.instance, [told]) == []
    pager.instance.wipe_assets([ALERTS_KEY])
    make(pager.instance, "cache", fails=True)
    make(pager.instance, "cache")
    pager.tick()
    assert missing(pager) == [failed], "the record of another run is not his"


def test_that_a_failure_is_resolved_is_no_alert_about_another(pager: Pager):
    fail_tick(pager.instance, "self_heal", "the warehouse is locked", NOW.timestamp())
    pager.tick()
    end_tick(pager.instance, "self_heal", TickStatus.SUCCESS, NOW.timestamp() + 1)
    pager.tick()
    assert len(pager.recorded()) == 2
    assert len(all_told(pager.instance)) == 1


def test_a_record_that_a_run_was_made_good_whose_work_is_still_missing_is_found(pager: Pager):
    failed = make(pager.instance, "cache", "features", fails=True)
    make(pager.instance, "cache")
    pager.tick()
    (sent,) = all_told(pager.instance)
    assert falsely_made_good(pager.instance, [sent]) == []
    (lie,) = falsely_made_good(pager.instance, [replace(sent, made_good=True)])
    assert lie.endswith(": features 2025-11-02")
    make(pager.instance, "features")
    assert falsely_made_good(pager.instance, [replace(sent, made_good=True)]) == [lie], "what came later was not known"
    assert failed in sent.link


def test_a_record_that_a_late_table_was_made_good_which_nothing_shows_is_found(pager: Pager):
    late(pager.instance, DAY)
    pager.tick()
    (sent,) = all_told(pager.instance)
    (lie,) = falsely_made_good(pager.instance, [replace(sent, made_good=True)])
    assert lie.endswith(f": {DAY}")
    late(pager.instance, DAY)
    late(pager.instance, DAY, passed=True)
    pager.tick()
    told = all_told(pager.instance)
    assert [alert.made_good for alert in told] == [False, True]
    assert falsely_made_good(pager.instance, told) == []
