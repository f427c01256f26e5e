"""A date that the source never answered about is passed over by rule after its deadline, and nothing else ever is."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from dagster import DagsterRun

from nba_pipeline.alerting.sensor import SENT
from nba_pipeline.assets.tables import all_tables, tables_of
from nba_pipeline.automation import attempts
from nba_pipeline.automation.attempts import LONGEST_SILENT_WAIT, MOST_A_DAY
from nba_pipeline.automation.silent_source import ASKED_IN_VAIN, gaps_to_end, gaps_to_record
from nba_pipeline.clock import NEW_YORK, Clock
from nba_pipeline.contracts import Contract, Phase
from nba_pipeline.gates.alert_metadata import AlertKind
from nba_pipeline.gates.deadlines import due
from nba_pipeline.gates.evidence import GAP_BY_RULE, KNOWN_GAP, Evidence, Override
from nba_pipeline.gates.overrides import (
    OverrideError,
    end_override,
    gap_by_rule,
    known_gap,
    record_by_rule,
    record_override,
)
from nba_pipeline.gates.verdicts import State
from nba_pipeline.monitoring.smoke_test import DateState, smoke_test
from nba_pipeline.partitions import dates_of, game_dates
from nba_pipeline.raw import games, player_box_scores, players
from nba_pipeline.sources.landing import Landing
from nba_pipeline_tests.support.damaged_weeks import (
    BAD,
    CONTEXTS,
    INTO_PRECOMPUTE,
    INTO_PREDICTIONS,
    KNOWN,
    SUMMARIES,
    TODAY,
)
from nba_pipeline_tests.support.loaded_season import LOADED_AT
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon
from nba_pipeline_tests.support.warehouse_copy import Copy
from nba_pipeline_tests.support.workbench import NOW

BOX_SCORES = player_box_scores.CONTRACT
DEADLINE = due(BOX_SCORES, BAD)
IN_VAIN = {BAD: [DEADLINE - timedelta(hours=n) for n in range(ASKED_IN_VAIN, 0, -1)]}


@pytest.fixture
def untold(copy: Copy) -> Copy:
    """A home to which the source never gave the box scores of a date."""
    for table in (BOX_SCORES, *SUMMARIES):
        copy.forget(table, BAD)
    return copy


@pytest.fixture
def nothing_landed(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "no answers")


def by_rule(copy: Copy, *, landing: Landing, now: datetime = DEADLINE, asked: dict | None = None) -> Sequence[Override]:
    with copy.warehouse.session(read_only=True) as session:
        evidence = Evidence(session, Clock(now), all_tables(), landing)
        return gaps_to_record(evidence, IN_VAIN if asked is None else asked)


def pass_over(copy: Copy, day: date = BAD, now: datetime = NOW) -> None:
    record_by_rule(copy.warehouse, Clock(now), [gap_by_rule(day, "it was asked 5 times in vain")], 5)


@contextmanager
def evidence_of(copy: Copy, now: datetime = NOW) -> Iterator[Evidence]:
    with copy.warehouse.session(read_only=True) as session:
        yield Evidence(session, Clock(now), all_tables(), Landing(copy.settings.landing_path))


# when


def test_what_was_never_told_is_passed_over_after_its_deadline_with_how_often_it_was_asked(
    untold: Copy, nothing_landed: Landing
) -> None:
    [gap] = by_rule(untold, landing=nothing_landed)
    assert (gap.game_date, gap.gate, gap.by_rule) == (BAD, KNOWN_GAP, True)
    assert f"nothing about {BOX_SCORES.name}: it was asked 3 times since {IN_VAIN[BAD][0]:%Y-%m-%d %H:%M}" in gap.reason


def test_a_date_without_even_a_schedule_is_passed_over_too(untold: Copy, nothing_landed: Landing) -> None:
    untold.forget(games.CONTRACT, BAD)
    [gap] = by_rule(untold, landing=nothing_landed)
    assert "nothing about raw.games and raw.player_box_scores" in gap.reason


def test_before_its_deadline_no_date_is_passed_over(untold: Copy, nothing_landed: Landing) -> None:
    assert not by_rule(untold, landing=nothing_landed, now=DEADLINE - timedelta(seconds=1))


@pytest.mark.parametrize("asked", [{}, {BAD: IN_VAIN[BAD][1:]}], ids=["nobody asked", "asked too rarely"])
def test_a_date_that_nobody_asked_about_often_enough_is_not_passed_over(
    untold: Copy, nothing_landed: Landing, asked: dict
) -> None:
    assert not by_rule(untold, landing=nothing_landed, asked=asked)


def test_what_was_answered_and_refused_is_not_passed_over(untold: Copy) -> None:
    assert not by_rule(untold, landing=Landing(untold.settings.landing_path))


def test_a_derived_table_that_is_missing_is_never_passed_over(copy: Copy, nothing_landed: Landing) -> None:
    for table in tables_of(Phase.ANALYTICS):
        copy.forget(table, BAD)
    assert not by_rule(copy, landing=nothing_landed)


def test_what_is_passed_over_already_or_was_ended_by_a_person_is_not_recorded_again(
    untold: Copy, nothing_landed: Landing
) -> None:
    pass_over(untold, now=DEADLINE)
    assert not by_rule(untold, landing=nothing_landed, now=DEADLINE)
    clock = Clock(DEADLINE + timedelta(hours=1))
    end_override(untold.warehouse, clock, KNOWN_GAP, BAD, "Ann", "I have asked them, it comes tonight")
    assert not by_rule(untold, landing=nothing_landed, now=DEADLINE + timedelta(hours=2))


def test_nobody_can_decide_in_the_name_of_the_rule(copy: Copy) -> None:
    with pytest.raises(OverrideError, match="is nobody who decides"):
        record_override(copy.warehouse, Clock(NOW), known_gap(BAD, GAP_BY_RULE, "why not"))


# what follows


def test_later_dates_go_on_degraded_and_say_what_they_do_without(copy: Copy) -> None:
    untold, later = TODAY - timedelta(days=1), [TODAY, TODAY + timedelta(days=1)]
    for table in (BOX_SCORES, *SUMMARIES):
        copy.forget(table, untold)
    for table in (*CONTEXTS, *tables_of(Phase.PRECOMPUTE)):
        for day in later:
            copy.stamp_inputs(table, day)
    assert {v.state for v in copy.verdicts(INTO_PRECOMPUTE, later).values()} == {State.CLOSED}
    pass_over(copy, untold)
    for gate in (INTO_PRECOMPUTE, INTO_PREDICTIONS):
        for day, verdict in copy.verdicts(gate, [BAD, untold, *later]).items():
            assert verdict.state is (State.DEGRADED if day in later else State.OPEN), (gate.name, day, verdict.reasons)
            said = f"nothing of {untold} counts: it was asked 5 times in vain"
            assert (said in verdict.reasons) is (day in later)


def test_a_missing_derived_table_whose_facts_stand_closes_a_date_that_is_passed_over_too(
    untold: Copy,
) -> None:
    pass_over(untold)
    for table in CONTEXTS:
        untold.forget(table, BAD)
        verdict = untold.verdicts(INTO_PRECOMPUTE, [TODAY])[TODAY]
        assert verdict.state is State.CLOSED
        assert f"{table.name} was never published for {BAD}" in " ".join(verdict.reasons)


def test_where_no_roster_came_either_its_context_is_not_waited_for(untold: Copy) -> None:
    pass_over(untold)
    of_rosters = [t for t in CONTEXTS if any(read.table is players.CONTRACT for read in t.reads.values())]
    for table in (players.CONTRACT, *of_rosters):
        untold.forget(table, BAD)
    assert of_rosters
    reasons = " ".join(untold.verdicts(INTO_PRECOMPUTE, [TODAY])[TODAY].reasons)
    assert "was never published" not in reasons


@pytest.mark.parametrize("table", SUMMARIES, ids=lambda table: table.name)
def test_when_the_facts_have_come_a_missing_summary_closes_before_anybody_has_ended_the_gap(
    copy: Copy, table: Contract
) -> None:
    pass_over(copy)
    copy.forget(table, BAD)
    verdict = copy.verdicts(INTO_PRECOMPUTE, [TODAY])[TODAY]
    assert verdict.state is State.CLOSED
    assert f"{table.name} was never published for {BAD}" in " ".join(verdict.reasons)


def test_the_rule_ends_a_gap_when_the_facts_have_come_and_no_persons(untold: Copy) -> None:
    come, persons = BAD + timedelta(days=1), min(KNOWN)
    pass_over(untold)
    pass_over(untold, come)
    record_override(untold.warehouse, Clock(NOW), known_gap(persons, "Ann", "the source lost it"))
    with evidence_of(untold) as evidence:
        ends = gaps_to_end(evidence)
        assert [end.game_date for end in ends] == [come]
        assert {day for day in KNOWN if evidence.decisions.is_known_gap(day)} == {persons, BAD}
    record_by_rule(untold.warehouse, Clock(NOW + timedelta(minutes=1)), ends, 5)
    with evidence_of(untold, NOW + timedelta(minutes=2)) as evidence:
        assert {day for _, day in evidence.decisions.overrides} == {persons, BAD}


def test_what_the_rule_passes_over_is_asked_for_and_what_a_person_gave_up_is_not(untold: Copy) -> None:
    pass_over(untold)
    with evidence_of(untold) as evidence:
        assert (BOX_SCORES.name, BAD) in evidence.lineage.needs([BOX_SCORES], [BAD])
    record_override(untold.warehouse, Clock(NOW + timedelta(minutes=1)), known_gap(BAD, "Ann", "it is gone"))
    with evidence_of(untold, NOW + timedelta(minutes=2)) as evidence:
        assert evidence.lineage.needs([BOX_SCORES], [BAD]) == {}


def test_a_date_that_is_passed_over_by_rule_is_named_by_the_smoke_test(untold: Copy) -> None:
    pass_over(untold)
    [found] = smoke_test(untold.gatekeeper(), BAD, BAD)
    assert found.gap is not None
    assert str(found.gap).startswith(f"{GAP_BY_RULE} let {KNOWN_GAP} pass for {BAD}")
    assert [(r.table.name, r.reasons) for r in found.tables if r.state is DateState.FAIL] == []
    untold.forget(CONTEXTS[0], BAD)
    [found] = smoke_test(untold.gatekeeper(), BAD, BAD)
    assert CONTEXTS[0] in [result.table for result in found.tables if result.state is DateState.FAIL]


# with real runs

SILENT_FROM, SILENT_UNTIL = LOADED_AT + timedelta(hours=1), LOADED_AT + timedelta(days=3, hours=1)
SILENCE = {"kind": "silent_days", "since": SILENT_FROM.isoformat(), "until": SILENT_UNTIL.isoformat()}
SILENT = game_dates(LOADED_AT.date(), SILENT_UNTIL.date() - timedelta(days=2))
"""The dates whose deadline is over long before the source speaks."""


def asked_about(runs: Sequence[DagsterRun]) -> list[list[date]]:
    """The dates of each of the runs that asked the source."""
    return [dates_of(run) for run in runs if any(key.path[0] == "landing" for key in run.asset_selection or ())]


def test_silent_days_are_passed_over_one_by_one_and_come_in_within_a_tick_of_the_first_answer(
    loaded: Callable[..., SimulatedDaemon], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "MOST_ATTEMPTS", 4)
    daemon = loaded(SILENCE)
    # A wait that would outlive its run ends it at once with what was tried, and a later tick goes on.
    waits = {"http_wait_min_seconds": 900, "http_wait_max_seconds": 900, "http_timeout_seconds": 0.5}
    daemon.settings = daemon.settings.model_copy(update=waits)
    daemon.load()
    daemon.at(datetime.combine(LOADED_AT.date() + timedelta(days=1), time(3, 45), tzinfo=NEW_YORK))
    steps = [timedelta(minutes=15), timedelta(minutes=30), timedelta(hours=1), timedelta(hours=3)]
    while daemon.now < SILENT_UNTIL:
        ticked = daemon.tick_sensor("self_heal")
        assert ticked.error is None
        daemon.tick_sensor("alerts")
        daemon.at(daemon.now + (steps.pop(0) if steps else LONGEST_SILENT_WAIT))
    assert 0 < len(asked_about(daemon.launched)) <= 3 * MOST_A_DAY
    silent = [said for said in daemon.everything_said() if said["kind"] == AlertKind.SOURCE_SILENT.value]
    sent = [said["what"] for said in silent if said["outcome"] == SENT]
    asked_for = {key for run in daemon.launched for key in run.asset_selection or () if key.path[0] == "landing"}
    assert 0 < len(sent) <= len(asked_for), "a landed asset is told once, however often it is asked for"
    assert any("The next wait would outlive the run" in said["what"] for said in silent)
    assert not [alert for alert in daemon.alerts() if alert["kind"] == AlertKind.SELF_HEAL_GAVE_UP.value]
    told = [alert for alert in daemon.alerts() if alert["kind"] == AlertKind.PASSED_OVER.value]
    assert {day for day in SILENT if any(str(day) in alert["what"] for alert in told)} >= set(SILENT)
    assert all("nba-pipeline gate end known_gap" in alert["mend"] for alert in told)
    with daemon.warehouse.session(read_only=True) as session:
        evidence = daemon.gatekeeper.evidence(session)
        assert [day for day in SILENT if evidence.decisions.is_known_gap(day)] == SILENT

    daemon.at(SILENT_UNTIL + timedelta(minutes=1))
    daemon.tick_schedule("same_day_schedule_and_rosters", daemon.now)
    daemon.at(daemon.now + timedelta(minutes=15))
    spoken = len(daemon.launched)
    daemon.tick_sensor("self_heal")
    asked = asked_about(daemon.launched[spoken:])
    assert {day for dates in asked for day in dates} >= set(SILENT)
    assert len(asked) <= 3, "there is no storm when it speaks"

    daemon.at(daemon.now + timedelta(minutes=15))
    daemon.tick_sensor("self_heal")
    daemon.tick_sensor("alerts")
    with daemon.warehouse.session(read_only=True) as session:
        evidence = daemon.gatekeeper.evidence(session)
        assert not evidence.decisions.overrides, "the rule has ended what it began"
        assert all(evidence.coverage.is_complete(BOX_SCORES, day) for day in SILENT)
