"""When what was tried is tried again: growing waits, a bound, and patience with a source that is silent."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import takewhile

from nba_pipeline.automation.launches import Attempted

FIRST_WAIT = timedelta(minutes=15)
LONGEST_WAIT = timedelta(hours=12)

MOST_ATTEMPTS = 16
"""For one phase, date and state of its inputs. With the waits between them they cover five days, or three and a
half where the same phase succeeds elsewhere all the time. What the source left unanswered is not counted."""

LONGEST_SILENT_WAIT = timedelta(hours=6)
"""How rarely a source that does not answer is asked, for as long as it takes."""

MOST_A_DAY = 12
"""So many attempts in any 24 hours while the source is silent, though it should answer others again and again. The
waits alone make eight on the first day and four on every other."""

DOUBLINGS = 12
"""After so many attempts the wait has long been the longest: the number of those in silence has no bound."""

WHOLE_WAITS = 3
"""So many waits must have been whole before one is cut short again."""


class Decision(StrEnum):
    """What to do about something that is not there."""

    LAUNCH = "launch"
    WAIT = "wait"
    GIVE_UP = "give up"


def decide(
    attempts: Sequence[Attempted], now: datetime, last_success: datetime | None, last_answer: datetime | None = None
) -> Decision:
    """Whether to try again: after growing waits, one of which is cut short when the phase has succeeded elsewhere.

    Only one now and then: other dates succeed every day, which says nothing about this one. There are never
    more than `MOST_ATTEMPTS` that the source answered, whatever the outcome of each and however often it is asked.
    Those that it left unanswered use up nothing: they go on rarely, until it speaks, and then at once.
    """
    if not attempts:
        return Decision.LAUNCH
    answered = [attempted for attempted in attempts if not attempted.in_silence]
    if len(answered) >= MOST_ATTEMPTS:
        return Decision.GIVE_UP
    if attempts[-1].in_silence:
        return _decide_in_silence(attempts, now, last_answer)
    last = answered[-1].launched_at
    if now >= last + wait_after(len(answered)):
        return Decision.LAUNCH
    recent = range(max(1, len(answered) - WHOLE_WAITS), len(answered))
    were_whole = all(answered[n].launched_at - answered[n - 1].launched_at >= wait_after(n) for n in recent)
    heals_now = last_success is not None and last_success > last and now >= last + FIRST_WAIT
    return Decision.LAUNCH if heals_now and were_whole else Decision.WAIT


def _decide_in_silence(attempts: Sequence[Attempted], now: datetime, last_answer: datetime | None) -> Decision:
    """Whether to ask a source again that left the last attempt unanswered, and has answered others at `last_answer`."""
    of_today = sum(now - attempted.launched_at < timedelta(days=1) for attempted in attempts)
    if of_today >= MOST_A_DAY:
        return Decision.WAIT
    last = attempts[-1].launched_at
    in_a_row = len(list(takewhile(lambda attempted: attempted.in_silence, reversed(attempts))))
    speaks = last_answer is not None and last_answer > last
    wait = FIRST_WAIT if speaks else min(LONGEST_SILENT_WAIT, wait_after(in_a_row))
    return Decision.LAUNCH if now >= last + wait else Decision.WAIT


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts: a quarter of an hour, doubling, up to half a day."""
    return LONGEST_WAIT if attempts > DOUBLINGS else min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempts - 1))
