"""Self-heal stops, or asks a silent source rarely: whatever happens, the number of runs that it launches is bounded."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import dagster as dg
from hypothesis import example, given
from hypothesis import strategies as st

from nba_pipeline.automation.attempts import (
    FIRST_WAIT,
    LONGEST_SILENT_WAIT,
    LONGEST_WAIT,
    MOST_A_DAY,
    MOST_ATTEMPTS,
    Decision,
    decide,
    wait_after,
)
from nba_pipeline.automation.launches import MOST_DATES_A_RUN, Attempted, Launch
from nba_pipeline.automation.reconciler import in_few_runs
from nba_pipeline.contracts import Phase
from nba_pipeline.landing.assets import ASKED_FIRST_TAG, LANDED_GAMES, LANDED_PLAYER_BOX_SCORES, OUTAGE, begun_with
from nba_pipeline.partitions import game_dates
from nba_pipeline.sources.landing import Capture

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


TICK = timedelta(minutes=15)
DAY = timedelta(days=1)
KEYS = frozenset([LANDED_GAMES, LANDED_PLAYER_BOX_SCORES])


def not_asked(first: date, last: date) -> Capture:
    raise AssertionError("nobody asks here")


def unanswered(at: datetime) -> Attempted:
    return Attempted(at, succeeded=False, unanswered=KEYS)


def most_within_a_day(attempts: Sequence[Attempted]) -> int:
    times = [attempted.launched_at for attempted in attempts]
    return max((sum(begin <= at < begin + DAY for at in times) for begin in times), default=0)


ticks = st.lists(
    st.tuples(
        st.sampled_from([15, 15, 15, 30, 60, 24 * 60, -30]),
        st.sampled_from(["silent", "silent", "silent", "answered"]),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=400,
)
"""Minutes until the next look, what an attempt would find, and whether the phase succeeds, and others are answered."""


@given(ticks)
@example([(15, "silent", True, True)] * 300)
@example([(15, "silent", False, False)] * 300)
def test_a_source_that_is_silent_for_ever_is_asked_for_ever_and_only_so_often_a_day(history):
    now, attempts, last_success, last_answer = START, [], None, None
    for minutes, finds, succeeds_elsewhere, answers_elsewhere in history:
        now += timedelta(minutes=minutes)
        last_success = now if succeeds_elsewhere else last_success
        last_answer = now if answers_elsewhere else last_answer
        decision = decide(attempts, now, last_success, last_answer)
        answered = [attempted for attempted in attempts if not attempted.in_silence]
        assert (decision is Decision.GIVE_UP) is (len(answered) >= MOST_ATTEMPTS), "silence is no reason to give up"
        if decision is Decision.LAUNCH:
            assert not attempts or now - attempts[-1].launched_at >= FIRST_WAIT
            found = unanswered(now) if finds == "silent" else Attempted(now, succeeded=False)
            attempts = sorted([*attempts, found], key=lambda attempted: attempted.launched_at)
    assert len([attempted for attempted in attempts if not attempted.in_silence]) <= MOST_ATTEMPTS
    silent = [attempted for attempted in attempts if attempted.in_silence]
    assert most_within_a_day(silent) <= MOST_A_DAY
    if len(silent) == len(attempts):
        # However long it was silent, a day later at the latest it is asked again.
        assert decide(attempts, max(a.launched_at for a in attempts) + DAY, None, None) is Decision.LAUNCH


def asked_in_silence(for_days: int) -> list[timedelta]:
    """When a date is asked about, counted from the first time, while nobody answers."""
    attempts, now = [], START
    while now < START + for_days * DAY:
        if decide(attempts, now, None, None) is Decision.LAUNCH:
            attempts.append(unanswered(now))
        now += TICK
    return [attempted.launched_at - START for attempted in attempts]


def test_in_a_long_silence_the_source_is_asked_four_times_a_day():
    times = asked_in_silence(for_days=30)
    assert {later - before for before, later in pairwise(times[5:])} == {LONGEST_SILENT_WAIT}
    assert times[-1] > 29 * DAY
    assert sum(at < DAY for at in times) < MOST_A_DAY, "on the first day too there is room for when it speaks"


WEEKS = asked_in_silence(for_days=21)


@given(st.integers(0, 20 * 24 * 4), st.integers(1, 24))
def test_when_the_source_speaks_whatever_it_left_unanswered_is_asked_within_a_tick(ticks_of_silence, ticks_later):
    """Dates about which it was asked at other times: in the tick after its first answer all are asked, in one run."""
    days = game_dates(date(2025, 10, 21), date(2025, 10, 27))
    tried = {
        day: [unanswered(START + n * TICK + at) for at in WEEKS if at <= ticks_of_silence * TICK]
        for n, day in enumerate(days)
    }
    spoke = max(attempts[-1].launched_at for attempts in tried.values()) + ticks_later * TICK
    woken = [day for day in days if decide(tried[day], spoke + TICK, None, spoke) is Decision.LAUNCH]
    assert woken == days
    [launch] = in_few_runs(Phase.RAW, dict.fromkeys(days, (KEYS, "the source")), tried)
    assert launch.dates == days


def run_key(launch: Launch) -> str | None:
    return launch.request("self_heal", START).run_key


def test_a_month_in_silence_is_asked_about_in_few_runs_and_none_has_the_key_of_one_before():
    days = game_dates(date(2025, 10, 21), date(2026, 1, 20))
    wanted: Mapping[date, tuple[frozenset[dg.AssetKey], str]] = dict.fromkeys(days, (KEYS, "the source"))
    tried: dict[date, list[Attempted]] = {day: [] for day in days}
    keys: list[str | None] = []
    for n in range(20):
        # Each time some other dates have been asked about in between.
        for day in days[n : n + 5]:
            single = in_few_runs(Phase.RAW, {day: wanted[day]}, tried)
            keys += map(run_key, single)
            tried[day].append(unanswered(START + n * DAY))
        launches = in_few_runs(Phase.RAW, wanted, tried)
        assert len(launches) == -(-len(days) // MOST_DATES_A_RUN)
        keys += map(run_key, launches)
        for day in days:
            tried[day].append(unanswered(START + n * DAY))
    assert len(set(keys)) == len(keys)


def test_what_failed_though_the_source_answered_is_tried_by_itself_beside_those_in_silence():
    days = game_dates(date(2025, 10, 21), date(2025, 10, 25))
    tried: dict[date, list[Attempted]] = {day: [unanswered(START)] for day in days}
    tried[days[2]] = [Attempted(START, succeeded=False)]
    launches = in_few_runs(Phase.RAW, dict.fromkeys(days, (KEYS, "the source")), tried)
    assert [launch.dates for launch in launches] == [days[:2], days[3:], [days[2]]]


def test_two_dates_that_are_never_answered_hide_no_other_of_their_run():
    """A run gives up after two questions in a row without an answer: each begins with another date."""
    days = game_dates(date(2025, 10, 21), date(2025, 10, 26))
    never, answered = set(days[:2]), set()
    for attempt in range(1, len(days) + 1):
        launch = Launch(Phase.RAW, tuple(KEYS), dict.fromkeys(days, "the source"), attempt)
        key = launch.request("self_heal", START).tags[ASKED_FIRST_TAG]
        in_vain = 0
        for (day, _), _ in begun_with(key, [((day, day), not_asked) for day in days]):
            if in_vain < OUTAGE:
                answered |= {day} - never
                in_vain = in_vain + 1 if day in never else 0
    assert answered == set(days) - never


def test_a_run_that_names_no_date_asks_in_their_order():
    days = game_dates(date(2025, 10, 21), date(2025, 10, 24))
    questions = [((day, day), not_asked) for day in days]
    assert begun_with(None, questions) == questions
    assert ASKED_FIRST_TAG not in Launch(Phase.RAW, tuple(KEYS), dict.fromkeys(days, "x")).request("me", START).tags
