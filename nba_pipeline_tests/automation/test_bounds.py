"""Self-heal stops: whatever happens, the number of runs that it launches is bounded."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from nba_pipeline.automation.launches import Attempted
from nba_pipeline.automation.self_heal import LONGEST_WAIT, MOST_ATTEMPTS, Decision, decide, wait_after

START = datetime(2025, 10, 31, 12, tzinfo=UTC)

rounds = st.lists(st.tuples(st.integers(-90, 3000), st.booleans()), min_size=1, max_size=300)
"""Minutes until the next look (clocks are set back too), and whether others succeed."""


@given(rounds)
def test_self_heal_never_launches_more_often_than_it_may(history):
    now, attempts, last_success = START, [], None
    gave_up = False
    for minutes, success_elsewhere in history:
        now += timedelta(minutes=minutes)
        last_success = now if success_elsewhere else last_success
        decision = decide(attempts, now, last_success)
        assert not gave_up or decision is Decision.GIVE_UP, "what was given up is not taken up again"
        gave_up = decision is Decision.GIVE_UP
        if decision is Decision.LAUNCH:
            attempts = sorted([*attempts, Attempted(now, succeeded=False)], key=lambda a: a.launched_at)
    assert len(attempts) <= MOST_ATTEMPTS


def test_waits_grow_to_half_a_day_and_cover_five_days():
    waits = [wait_after(n) for n in range(1, MOST_ATTEMPTS)]
    assert waits == sorted(waits)
    assert waits[0] == timedelta(minutes=15)
    assert waits[-1] == LONGEST_WAIT
    assert sum(waits, timedelta()) >= timedelta(days=5)
