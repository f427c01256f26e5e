"""The verdict on a storm can fail: planted faults that nobody was told of, and classes that never struck, are found."""

from datetime import UTC, date, datetime, timedelta

from nba_pipeline_tests.chaos.verdict import (
    Fault,
    detect,
    heard_of_late,
    mattered_and_not_told,
    never_healed,
    never_injected,
    never_mattered,
)
from nba_pipeline_tests.support.told import Late, Told

DAY = date(2025, 11, 2)
AT = datetime(2025, 11, 3, 6, tzinfo=UTC)


def told(number: int, signature: str = "run failed | a job | HTTP #") -> Told:
    """An alert about the day."""
    return Told(number, 0, signature, "", "", AT, (str(DAY), str(DAY)))


def fault(*troubles: str, kind: str = "http 503", struck: bool = True) -> Fault:
    """A fault of the day, and what came of it."""
    return Fault(kind, DAY, struck=AT if struck else None, troubles=set(troubles))


def test_a_fault_matters_by_what_came_of_it_and_by_no_alert():
    harmless = fault()
    detect([harmless], {"a run": told(1)}, {1: AT})
    assert not harmless.mattered
    assert harmless.detected is None
    assert fault("a run").mattered


def test_a_fault_that_mattered_and_is_in_no_alert_is_found():
    assert mattered_and_not_told([fault("a run")], {}) == [f"http 503 of {DAY}: a run"]


def test_everything_that_came_of_a_fault_has_to_be_told():
    assert mattered_and_not_told([fault("a run", "another run")], {"a run": told(1)}) == [
        f"http 503 of {DAY}: another run"
    ]
    assert mattered_and_not_told([fault("a run", "another run")], {"a run": told(1), "another run": told(2)}) == []


def test_an_alert_about_the_same_date_does_not_detect_a_fault_that_it_is_not_about():
    mine = fault("a run")
    detect([mine], {"a run of others": told(1)}, {1: AT})
    assert mine.mattered
    assert mine.detected is None


def test_a_fault_is_detected_by_the_first_alert_about_anything_that_came_of_it():
    mine = fault("a run", "another run")
    detect([mine], {"a run": told(2), "another run": told(1)}, {1: AT, 2: AT + timedelta(hours=1)})
    assert mine.detected == AT


def test_a_late_table_counts_as_told_when_an_alert_says_that_it_is_late():
    late = Late("raw.games", DAY, alerts_before=0)
    mine = fault(str(late))
    failed_run = told(1)
    assert mattered_and_not_told([mine], heard_of_late([late], [failed_run])) == [f"http 503 of {DAY}: {late}"]
    missed = told(2, "freshness missed | raw.games, freshness | # missing")
    assert heard_of_late([late], [failed_run, missed]) == {str(late): missed}
    assert mattered_and_not_told([mine], heard_of_late([late], [failed_run, missed])) == []


def test_a_class_of_which_none_struck_was_never_injected():
    planned = fault(kind="postponed", struck=False)
    assert never_injected([fault(), planned], ["http 503", "postponed", "disk full"]) == ["postponed", "disk full"]


def test_a_group_of_which_nothing_mattered_shows_nothing():
    groups = {"source": ["http 503", "http 429"], "processes": ["disk full"]}
    assert never_mattered([fault("a run"), fault(kind="disk full")], groups) == ["processes"]


def test_a_fault_that_strikes_again_is_not_healed_and_began_with_the_first():
    mine = fault(struck=False)
    mine.strikes(AT)
    mine.healed = AT
    assert never_healed([mine]) == []
    mine.strikes(AT + timedelta(hours=1))
    assert mine.struck == AT
    assert never_healed([mine, fault(struck=False)]) == [f"http 503 of {DAY}"]
