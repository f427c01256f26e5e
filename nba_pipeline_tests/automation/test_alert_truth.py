"""Alerts are true when they are sent: what was made good meanwhile, on real event logs with real runs."""

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance
from dagster._core.scheduler.instigation import TickStatus
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nba_pipeline.alerting import sensor as sensing
from nba_pipeline.alerting.alerts import AlertNotSentError
from nba_pipeline.alerting.closings import MOST_OPEN, Opens, looked_at, with_sent
from nba_pipeline.alerting.complaints import (
    MOST_RANGES,
    MOST_RUNS,
    CheckComplaint,
    RunComplaint,
    TickComplaint,
    days_of,
    merged,
    ranges_of,
)
from nba_pipeline.alerting.sensor import ALERTS_KEY, MADE_GOOD, RESOLVED, SENT, AlertCursor
from nba_pipeline.alerting.sources import Position
from nba_pipeline.alerting.truth import HEALED
from nba_pipeline.alerting.windows import SENT_ONE_BY_ONE, WINDOW
from nba_pipeline.assets.check_evaluations import record_by_date
from nba_pipeline.assets.table_checks import GRID_CHECK
from nba_pipeline.automation.self_heal import GIVEN_UP_CHECK, SELF_HEAL
from nba_pipeline.gates.alert_metadata import WAITS_METADATA, AlertKind
from nba_pipeline.monitoring.freshness import DUE_DATE, FRESHNESS_CHECK
from nba_pipeline.monitoring.ledger_verification import LEDGER_CHECK
from nba_pipeline_tests.support.pager import DAYS, NOW, Pager, an_alert, fail_tick, players, run
from nba_pipeline_tests.support.recorded_events import DAY, NEXT_DAY, PLAYERS, end_tick, late, make, of_kind, say
from nba_pipeline_tests.support.webhook import Webhook


@pytest.fixture
def pager(instance: DagsterInstance, webhook: Webhook) -> Pager:
    """The alert sensor on an instance of its own."""
    return Pager(instance, webhook)


class Said:
    """What the pager sent and recorded, by outcome."""

    def __init__(self, pager: Pager) -> None:
        self.all = pager.recorded()

    def of(self, outcome: str) -> list[str]:
        return [str(said["what"]) for said in self.all if said["outcome"] == outcome]


def ticked(pager: Pager) -> Said:
    pager.tick()
    return Said(pager)


def check_players(instance: DagsterInstance, first: str, last: str, *, wrong: Sequence[str] = ()) -> str:
    """A run of the players and their grid's check, which does not pass for the wrong dates among those of the run."""

    @dg.asset_check(asset=players, name=GRID_CHECK, partitions_def=DAYS)
    def grid(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        found = {day: ["3 players missing"] for day in context.partition_keys if day in wrong}
        return dg.AssetCheckResult(
            passed=not found, severity=dg.AssetCheckSeverity.WARN, metadata={"incomplete": dg.MetadataValue.json(found)}
        )

    return run(instance, [players], first, last, [grid])


# checks of dates


def test_a_check_that_passed_later_for_its_date_is_unsent_and_recorded_with_what_made_it_good(
    pager: Pager,
    webhook: Webhook,
) -> None:
    check_players(pager.instance, DAY, DAY, wrong=[DAY])
    later = check_players(pager.instance, DAY, DAY)
    said = ticked(pager)
    assert webhook.taken == []
    (recorded,) = said.all
    assert recorded["outcome"] == MADE_GOOD
    assert f"check expected_grid of raw.players did not pass for {DAY}" in str(recorded["what"])
    assert recorded["made good by"] == f"check expected_grid of raw.players passed for {DAY} in run {later}"
    assert json.loads(pager.cursor or "")["windows"] == {}, "it counts in no window"
    assert ticked(pager).all == said.all, "it is recorded once"


@pytest.mark.parametrize(
    "later", [(NEXT_DAY, NEXT_DAY, ()), (DAY, DAY, (DAY,))], ids=["another date", "it fails again"]
)
def test_a_check_that_did_not_pass_since_for_its_date_is_sent(
    pager: Pager, later: tuple[str, str, Sequence[str]]
) -> None:
    check_players(pager.instance, DAY, DAY)
    check_players(pager.instance, DAY, DAY, wrong=[DAY])
    check_players(pager.instance, *later[:2], wrong=later[2])
    assert set(ticked(pager).of(MADE_GOOD)) == set()
    assert Said(pager).of(SENT)


def test_a_range_that_did_not_pass_is_good_when_each_date_that_it_names_has_passed(pager: Pager) -> None:
    check_players(pager.instance, "2025-11-01", "2025-11-05", wrong=[DAY, NEXT_DAY])
    check_players(pager.instance, DAY, DAY)
    assert len(ticked(pager).of(SENT)) == 1, "one of two dates is still wrong"
    check_players(pager.instance, NEXT_DAY, "2025-11-06", wrong=["2025-11-06"])
    said = ticked(pager)
    assert len(said.of(RESOLVED)) == 1, "a range that fails for another date passes for this one"
    assert len(said.of(SENT)) == 2, "the other date is news"


def test_a_check_that_is_only_planned_again_has_not_passed_and_takes_nothing_back(pager: Pager) -> None:
    job = dg.Definitions(assets=[players], asset_checks=[degraded_check(failed=[])])
    check_players(pager.instance, DAY, DAY, wrong=[DAY])
    pager.instance.create_run_for_job(job.resolve_implicit_global_asset_job_def(), tags={"dagster/partition": DAY})
    assert len(ticked(pager).of(SENT)) == 1


def degraded_check(failed: Sequence[str]) -> dg.AssetChecksDefinition:
    """A gate's check: of the whole range it names the closed dates only, of each date it says how it stands."""

    @dg.asset_check(asset=players, name=GRID_CHECK, partitions_def=DAYS)
    def gate(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        def result(why: str) -> dg.AssetCheckResult:
            reasons = dg.MetadataValue.md(f"- {why}")
            return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, metadata={"reasons": reasons})

        found = {
            date.fromisoformat(day): result("closed" if day in failed else "degraded") for day in context.partition_keys
        }
        step = context.op_execution_context.get_step_execution_context()
        record_by_date(step, dg.AssetCheckKey(PLAYERS, GRID_CHECK), found)
        closed = {day: ["closed"] for day in failed}
        return dg.AssetCheckResult(
            passed=False, severity=dg.AssetCheckSeverity.WARN, metadata={"reasons": dg.MetadataValue.json(closed)}
        )

    return gate


def test_a_date_that_a_run_warns_of_is_not_good_because_the_run_names_only_the_worse_ones(pager: Pager) -> None:
    run(pager.instance, [players], DAY, NEXT_DAY, [degraded_check(failed=[DAY])])
    said = ticked(pager)
    assert said.of(MADE_GOOD) == []
    assert any(f"for {NEXT_DAY}: degraded" in what for what in said.of(SENT))


def test_a_check_as_a_whole_is_good_when_it_passes_as_a_whole(pager: Pager) -> None:
    say(pager.instance, "nothing_to_do", passed=False, days=())
    say(pager.instance, "nothing_to_do", passed=True, days=())
    assert ticked(pager).of(SENT) == []
    say(pager.instance, "nothing_to_do", passed=False, days=())
    assert len(ticked(pager).of(SENT)) == 1


# freshness, gates, self-heal


def test_a_late_date_is_good_when_it_is_found_fresh(pager: Pager) -> None:
    late(pager.instance, DAY)
    late(pager.instance, DAY, passed=True)
    assert ticked(pager).of(SENT) == []


def test_that_the_next_date_is_fresh_does_not_make_a_late_one_good(pager: Pager) -> None:
    late(pager.instance, DAY)
    late(pager.instance, NEXT_DAY, passed=True)
    assert len(ticked(pager).of(SENT)) == 1


def test_a_late_date_is_sent_though_so_much_was_said_since_that_only_its_completeness_is_found(
    pager: Pager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nba_pipeline.alerting.truth.WHOLE_EVALUATIONS", 2)
    check_players(pager.instance, DAY, DAY)
    late(pager.instance, DAY)
    for _ in range(2):
        late(pager.instance, NEXT_DAY, passed=True)
    assert len(ticked(pager).of(SENT)) == 1


def test_freshness_in_a_run_over_a_late_date_says_nothing_of_it_when_another_date_is_due(pager: Pager) -> None:
    @dg.asset_check(asset=players, name=FRESHNESS_CHECK)
    def fresh() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True, metadata={DUE_DATE: NEXT_DAY})

    late(pager.instance, DAY)
    run(pager.instance, [players], DAY, DAY, [fresh])
    assert len(ticked(pager).of(SENT)) == 1


def test_a_late_date_that_was_made_later_and_is_complete_is_good_though_another_is_due_by_now(pager: Pager) -> None:
    late(pager.instance, DAY)
    late(pager.instance, NEXT_DAY, passed=True)
    check_players(pager.instance, DAY, DAY)
    assert ticked(pager).of(SENT) == []


def test_a_late_date_that_was_complete_before_it_was_lost_is_sent(pager: Pager) -> None:
    check_players(pager.instance, DAY, DAY)
    late(pager.instance, DAY)
    assert len(ticked(pager).of(SENT)) == 1


def test_a_closed_gate_is_good_when_all_that_waited_for_it_was_made(pager: Pager) -> None:
    waits = {WAITS_METADATA: dg.MetadataValue.json(["cache", "features"])}
    make(pager.instance, "cache", "features")
    say(pager.instance, "gate", passed=False, **waits, **of_kind(AlertKind.GATE_CLOSED))
    make(pager.instance, "cache")
    make(pager.instance, "features", day=NEXT_DAY)
    assert len(ticked(pager).of(SENT)) == 1, "one waits still"
    make(pager.instance, "features")
    assert len(ticked(pager).of(RESOLVED)) == 1


@pytest.mark.parametrize(("healed", "good"), [("raw", True), ("analytics", False)])
def test_what_self_heal_gave_up_on_is_good_when_it_finds_that_very_phase_whole(
    pager: Pager, healed: str, good: bool
) -> None:
    reason = f"raw of {DAY} was launched 16 times from the same inputs and is still not there"
    metadata = of_kind(AlertKind.SELF_HEAL_GAVE_UP)
    say(pager.instance, GIVEN_UP_CHECK, passed=False, asset=SELF_HEAL, why=reason, **metadata)
    found = dg.AssetObservation(SELF_HEAL, partition=DAY, metadata={HEALED: f"{healed} {DAY}"})
    pager.instance.report_runless_asset_event(found)
    assert bool(ticked(pager).of(MADE_GOOD)) is good


# runs and ticks


def test_a_failed_run_all_of_whose_work_was_published_later_is_not_sent(pager: Pager, webhook: Webhook) -> None:
    make(pager.instance, "cache", "features", fails=True)
    make(pager.instance, "cache")
    later = make(pager.instance, "features")
    (recorded,) = ticked(pager).all
    assert webhook.taken == []
    assert (recorded["outcome"], recorded["kind"]) == (MADE_GOOD, "run failed")
    assert str(recorded["made good by"]).endswith(f"was published later, the last of it in run {later}")


@pytest.mark.parametrize(
    ("name", "day"), [("cache", DAY), ("features", NEXT_DAY)], ids=["only a part of it", "another date"]
)
def test_a_failed_run_whose_work_is_still_missing_is_sent(pager: Pager, name: str, day: str) -> None:
    make(pager.instance, "cache", "features")
    make(pager.instance, "cache", "features", fails=True)
    make(pager.instance, name, day=day)
    assert len(ticked(pager).of(SENT)) == 1


def test_a_failed_run_over_a_range_is_good_only_when_every_date_of_it_was_published(pager: Pager) -> None:
    make(pager.instance, "cache", until=NEXT_DAY, fails=True)
    make(pager.instance, "cache")
    assert len(ticked(pager).of(SENT)) == 1
    make(pager.instance, "cache", day=NEXT_DAY)
    assert len(ticked(pager).of(RESOLVED)) == 1


@pytest.mark.parametrize(
    ("status", "seconds", "good"),
    [
        (TickStatus.SUCCESS, 30, True), (TickStatus.SKIPPED, 30, True),
        (TickStatus.STARTED, 30, False), (TickStatus.SUCCESS, -30, False),
    ],
)  # fmt: skip
def test_a_failed_tick_is_good_when_a_later_one_of_the_same_sensor_ended_well(
    pager: Pager, status: TickStatus, seconds: int, good: bool
) -> None:
    fail_tick(pager.instance, "heal", "ill", NOW.timestamp())
    fail_tick(pager.instance, "freshness", "ill too", NOW.timestamp())
    end_tick(pager.instance, "heal", status, NOW.timestamp() + seconds)
    said = ticked(pager)
    assert ["sensor heal" in what for what in said.of(MADE_GOOD)] == ([True] if good else [])
    assert any("sensor freshness" in what for what in said.of(SENT))


# news


def test_an_override_that_was_used_is_sent_though_the_gate_is_open_by_now_and_is_never_closed(pager: Pager) -> None:
    say(pager.instance, "gate", passed=False, **of_kind(AlertKind.OVERRIDE_USED))
    say(pager.instance, "gate", passed=True)
    assert len(ticked(pager).of(SENT)) == 1
    assert ticked(pager).of(RESOLVED) == []


@pytest.mark.parametrize(
    ("check", "kind"), [("gate", AlertKind.ACCURACY_TRIPWIRE), (LEDGER_CHECK, AlertKind.CHECK_FAILED)]
)
def test_dishonest_errors_and_a_changed_ledger_are_sent_though_they_are_gone_and_close_once(
    pager: Pager, check: str, kind: AlertKind
) -> None:
    say(pager.instance, check, passed=False, **of_kind(kind))
    say(pager.instance, check, passed=True)
    said = ticked(pager)
    assert (len(said.of(SENT)), said.of(MADE_GOOD)) == (1, [])
    for _ in range(2):
        assert len(ticked(pager).of(RESOLVED)) == 1


# closing


def test_what_was_sent_and_is_good_again_closes_with_one_message(pager: Pager, webhook: Webhook) -> None:
    check_players(pager.instance, DAY, DAY, wrong=[DAY])
    pager.tick()
    (alert,) = webhook.taken
    pager.tick()
    assert len(webhook.taken) == 1, "it is not good yet"
    later = check_players(pager.instance, DAY, DAY)
    for _ in range(2):
        pager.tick()
    _, closing = webhook.taken
    assert ":white_check_mark: *resolved*: check failed: check expected_grid of raw.players" in closing
    assert f"passed for {DAY} in run {later}" in closing
    link = alert.splitlines()[-1]
    assert closing.splitlines()[-1] == link
    assert [said["outcome"] for said in pager.recorded()] == [SENT, RESOLVED]
    assert json.loads(pager.cursor or "")["opens"] == {}


def test_an_outage_of_many_dates_closes_with_one_message_when_its_last_date_is_good(
    pager: Pager,
    webhook: Webhook,
) -> None:
    days = [str(date(2025, 10, 1) + timedelta(days=n)) for n in range(40)]
    for day in days:
        say(pager.instance, GRID_CHECK, passed=False, days=[day])
    pager.tick()
    pager.at(NOW + WINDOW)
    pager.tick()
    assert len(webhook.taken) == SENT_ONE_BY_ONE + 1
    assert len(pager.cursor or "") < 4_000, "many dates of one signature are one entry, and a small one"
    say(pager.instance, GRID_CHECK, passed=True, days=days[:-1])
    pager.tick()
    assert len(webhook.taken) == SENT_ONE_BY_ONE + 1
    say(pager.instance, GRID_CHECK, passed=True, days=days[-1:])
    pager.tick()
    assert "40 of the same, dates 2025-10-01 to 2025-11-09" in webhook.taken[-1]
    assert len(webhook.taken) == SENT_ONE_BY_ONE + 2


def test_a_summary_of_what_was_made_good_is_not_sent_but_recorded_with_how_many_it_stands_for(
    pager: Pager,
    webhook: Webhook,
) -> None:
    days = [f"2025-11-{n:02}" for n in range(1, 7)]
    for day in days:
        say(pager.instance, GRID_CHECK, passed=False, days=[day])
    pager.tick()
    say(pager.instance, GRID_CHECK, passed=True, days=days[SENT_ONE_BY_ONE:])
    pager.at(NOW + WINDOW)
    said = ticked(pager)
    assert len(webhook.taken) == SENT_ONE_BY_ONE
    (what,) = said.of(MADE_GOOD)
    assert what.startswith("3 more of the same, dates 2025-11-04 to 2025-11-06")
    assert said.of(RESOLVED) == [], "those that were sent are not good"


def test_a_summary_one_of_whose_dates_is_not_good_is_sent_and_nothing_closes_before_it(
    pager: Pager,
    webhook: Webhook,
) -> None:
    days = [f"2025-11-{n:02}" for n in range(1, 7)]
    for day in days:
        say(pager.instance, GRID_CHECK, passed=False, days=[day])
    pager.tick()
    say(pager.instance, GRID_CHECK, passed=True, days=days[:-1])
    assert ticked(pager).of(RESOLVED) == []
    pager.at(NOW + WINDOW)
    pager.tick()
    assert "3 more of the same" in webhook.taken[-1]
    say(pager.instance, GRID_CHECK, passed=True, days=days[-1:])
    assert len(ticked(pager).of(RESOLVED)) == 1


def test_a_closing_that_could_not_be_sent_is_sent_by_a_later_tick(pager: Pager, webhook: Webhook) -> None:
    check_players(pager.instance, DAY, DAY, wrong=[DAY])
    pager.tick()
    check_players(pager.instance, DAY, DAY)
    webhook.down = True
    with pytest.raises(AlertNotSentError):
        pager.tick()
    assert Said(pager).of(RESOLVED) == []
    webhook.down = False
    assert len(ticked(pager).of(RESOLVED)) == 1
    assert "resolved" in webhook.taken[-1]


def test_what_was_recorded_before_slack_went_down_is_not_recorded_again(pager: Pager, webhook: Webhook) -> None:
    check_players(pager.instance, DAY, DAY, wrong=[DAY])
    check_players(pager.instance, DAY, DAY)
    check_players(pager.instance, NEXT_DAY, NEXT_DAY, wrong=[NEXT_DAY])
    webhook.down = True
    pager.tick()
    with pytest.raises(AlertNotSentError):
        pager.tick()
    webhook.down = False
    said = ticked(pager)
    assert (len(said.of(MADE_GOOD)), len(said.of(SENT))) == (1, 1)


def test_many_looks_at_what_is_not_good_leave_time_for_what_is_new(
    pager: Pager,
    webhook: Webhook,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    say(pager.instance, GRID_CHECK, passed=False)
    pager.tick()
    say(pager.instance, GRID_CHECK, passed=True)
    say(pager.instance, "contract", passed=False)
    monkeypatch.setattr(sensing, "CLOSING_SECONDS", 0.0)
    pager.tick()
    assert [("resolved" in text) for text in webhook.taken] == [False, False]
    monkeypatch.setattr(sensing, "CLOSING_SECONDS", 3.0)
    pager.tick()
    assert "resolved" in webhook.taken[-1]


OLD_SIGNATURE = "check failed | raw.players, expected_grid | too few"
OLD_CURSOR: dict[str, Any] = {
    "position": {"run_failure": 0, "check_evaluation": 0, "ticks": {}},
    "windows": {
        OLD_SIGNATURE: {
            "opened_at": (NOW - WINDOW).isoformat(), "sent": 3, "counted": 2,
            "rest": {
                "kind": "check failed", "subject": "raw.players, expected_grid", "cause": "too few", "what": "it broke",
                "since": NOW.isoformat(), "effect": "none", "mend": "nba-pipeline ui", "link": "http://ui/runs/1",
                "dates": [DAY, DAY],
            },
        }
    },
}  # fmt: skip
"""As homes from before alerts were closed have it."""


def test_a_cursor_from_before_alerts_were_closed_is_read_and_its_summary_is_sent(
    pager: Pager,
    webhook: Webhook,
) -> None:
    pager.cursor = json.dumps(OLD_CURSOR)
    pager.tick()
    assert "2 more of the same" in webhook.taken[0]
    assert AlertCursor.from_json(pager.cursor).opens == {}, "what cannot be looked up is not watched"


def test_a_cursor_that_names_the_next_command_as_mend_is_read_as_what_is_said_now() -> None:
    said = "raw.players has no rows{}nba-pipeline backfill --from a --to b"
    rest = {**OLD_CURSOR["windows"][OLD_SIGNATURE]["rest"], "cause": said.format(". Mend: "), "news": True}
    old = {"windows": {f"check failed | raw.players, expected_grid | {said.format('. Mend: ')}": {
        **OLD_CURSOR["windows"][OLD_SIGNATURE], "rest": rest}}}  # fmt: skip
    cursor = AlertCursor.from_json(json.dumps(old))
    [(signature, window)] = cursor.windows.items()
    assert window.rest is not None
    assert (window.rest.next_command, window.rest.always_sent) == ("nba-pipeline ui", True)
    assert window.rest.cause == said.format(". Next: ")
    assert signature == window.rest.signature, "what goes on is counted with what was sent before"
    assert '"mend":"nba-pipeline ui"' in cursor.to_json(), "the program of before reads it too"


# the state machine, without an instance


def complaint(*days: str, event: int = 1) -> CheckComplaint:
    return CheckComplaint("raw/games", "contract", AlertKind.CHECK_FAILED, event, float(event), ranges_of(days))


SOME_DAYS = st.sets(st.dates(date(2025, 10, 1), date(2025, 12, 31)).map(str))


@given(days=SOME_DAYS)
def test_stretches_have_every_day_and_no_other(days: set[str]) -> None:
    ranges = ranges_of(days)
    assert days_of(ranges) == sorted(days)
    assert all(one[1] < other[0] for one, other in itertools.pairwise(ranges))


@example(one={f"2025-{n:02}-01" for n in range(1, 13)}, other={f"2025-{n:02}-15" for n in range(1, 13)})
@given(one=SOME_DAYS.filter(bool), other=SOME_DAYS.filter(bool))
def test_two_complaints_of_a_check_are_one_about_all_dates_or_say_that_some_are_unwatched(
    one: set[str], other: set[str]
) -> None:
    both = merged(complaint(*one, event=1), complaint(*other, event=2))
    assert isinstance(both, CheckComplaint)
    assert (both.event, both.at) == (2, 2.0)
    assert len(both.ranges) <= MOST_RANGES
    watched = set(days_of(both.ranges))
    assert watched == one | other or (both.unwatched and watched < one | other)


def test_a_complaint_about_the_check_as_a_whole_is_not_narrowed_to_dates() -> None:
    both = merged(complaint(), complaint(DAY))
    assert isinstance(both, CheckComplaint)
    assert both.ranges == ()


def test_more_failed_runs_than_are_kept_are_said_not_to_be_watched() -> None:
    found = RunComplaint((("0", 0),))
    for n in range(1, MOST_RUNS + 1):
        assert not found.unwatched
        both = merged(found, RunComplaint(((str(n), n),)))
        assert isinstance(both, RunComplaint)
        found = both
    assert (len(found.runs), found.unwatched) == (MOST_RUNS, True)


def test_what_cannot_be_looked_up_makes_no_complaint_with_what_can() -> None:
    assert merged(None, complaint(DAY)) is None
    assert merged(complaint(DAY), TickComplaint("o", "s", 1.0)) is None


@pytest.mark.parametrize("kept", [complaint(DAY), RunComplaint((("a", 1),)), TickComplaint("o", "s", 1.5)])
def test_a_cursor_keeps_every_kind_of_complaint(kept: CheckComplaint | RunComplaint | TickComplaint) -> None:
    alert = replace(an_alert(), complaint=kept)
    cursor = AlertCursor(opens=with_sent({}, alert))
    assert AlertCursor.from_json(cursor.to_json()) == cursor


def test_of_too_many_signatures_the_one_that_waits_longest_for_a_look_is_let_go() -> None:
    opens: Opens = {}
    letters = itertools.islice(itertools.product("abcdefgh", repeat=2), MOST_OPEN + 1)
    alerts = [replace(an_alert("".join(pair)), complaint=complaint(DAY)) for pair in letters]
    for alert in alerts[:-1]:
        opens = with_sent(opens, alert)
    opens = looked_at(opens, alerts[0].signature, complaint(DAY))
    opens = with_sent(opens, alerts[-1])
    assert len(opens) == MOST_OPEN
    assert alerts[1].signature not in opens
    assert alerts[0].signature in opens


# the sensor, over any course of events

CAUSES = ("too few", "too many")

EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("fails"), st.sampled_from(CAUSES), st.integers(1, 4)),
        st.tuples(st.just("passes"), st.just(""), st.integers(1, 4)),
        st.tuples(st.just("tick"), st.just(""), st.integers(0, 70)),
        st.tuples(st.sampled_from(["slack down", "slack up"]), st.just(""), st.just(0)),
    ),
    max_size=25,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterInstance]:
    """An instance for many courses of events: to make one takes longer than a course."""
    home = str(tmp_path_factory.mktemp("dagster"))
    with DagsterInstance.local_temp(home, overrides={"telemetry": {"enabled": False}}) as opened:
        yield opened


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(events=EVENTS)
def test_every_failure_is_sent_counted_or_made_good_once_and_closes_once_all_is_well(
    shared: DagsterInstance, events: list[tuple[str, str, int]]
) -> None:
    """Whatever fails, passes and cannot be sent in between; nothing is sent of a date that is good at that moment."""
    with Webhook() as webhook:
        course = Course(shared, webhook)
        for event in [*events, ("slack up", "", 0), *QUIET]:
            course.happens(*event)
        counted = {SENT: 0, MADE_GOOD: 0, RESOLVED: 0}
        for said in course.recorded():
            more = re.match(r"(\d+) more of the same", str(said["what"]))
            counted[str(said["outcome"])] += int(more[1]) if more else 1
        assert counted[SENT] + counted[MADE_GOOD] == course.failed
        assert course.closed_in_turn(), "all is well, and everything that was sent is closed, once"
        assert AlertCursor.from_json(course.pager.cursor).opens == {}


class Course:
    """One course of events about an asset of its own, behind all that happened on the instance before."""

    def __init__(self, instance: DagsterInstance, webhook: Webhook) -> None:
        self.instance, self.webhook = instance, webhook
        self.begin = instance.event_log_storage.get_maximum_record_id() or 0
        self.pager, self.now = Pager(instance, webhook), NOW
        self.pager.cursor = AlertCursor(Position(check_evaluation=self.begin, run_failure=self.begin)).to_json()
        self.asset = dg.AssetKey(f"asset_{self.begin}")
        self.wrong: set[str] = set()
        self.failed = 0

    def happens(self, what: str, why: str, n: int) -> None:
        """One event; what is sent at a tick is wrong at that moment, and what is recorded as good is good."""
        day = f"2025-11-{n:02}"
        if what == "fails":
            say(self.instance, GRID_CHECK, passed=False, days=[day], why=why, asset=self.asset)
            self.wrong.add(day)
            self.failed += 1
        elif what == "passes":
            say(self.instance, GRID_CHECK, passed=True, days=[day], asset=self.asset)
            self.wrong.discard(day)
        elif what == "tick":
            self.now += timedelta(minutes=n)
            self._tick()
        else:
            self.webhook.down = what == "slack down"

    def _tick(self) -> None:
        self.pager.at(self.now)
        before = len(self.recorded())
        try:
            self.pager.tick()
        except AlertNotSentError:
            assert self.webhook.down
        for said in self.recorded()[before:]:
            about = set(str(said["dates"]).split(" to "))
            if said["outcome"] == SENT:
                assert about & self.wrong
            elif "more of the same" not in str(said["what"]):
                assert not about & self.wrong

    def recorded(self) -> list[dict[str, object]]:
        """What was recorded of this course, oldest first."""
        behind = dg.AssetRecordsFilter(ALERTS_KEY, after_storage_id=self.begin)
        records = self.instance.fetch_observations(behind, limit=1000, ascending=True).records
        observations = [record.asset_observation for record in records]
        return [{name: value.value for name, value in o.metadata.items()} for o in observations if o]

    def closed_in_turn(self) -> bool:
        """Whether each signature ends closed, and was closed only when something of it had been sent."""
        is_open: set[object] = set()
        for said in self.recorded():
            if said["outcome"] == SENT:
                is_open.add(said["signature"])
            elif said["outcome"] == RESOLVED:
                is_open.remove(said["signature"])
        return not is_open


QUIET = [*(("passes", "", n) for n in range(1, 5)), *[("tick", "", 70)] * 3]
"""Everything passes, and the windows end."""
