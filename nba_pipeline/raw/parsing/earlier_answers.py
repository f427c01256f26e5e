"""Earlier answers: where the newest has a game broken or not at all, an older one may have it whole."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date

from nba_pipeline.raw.rules.corrections import GameKey
from nba_pipeline.sources.landing import Capture, Landing


def older_answers(landing: Landing, endpoint: str, day: date) -> list[Capture]:
    """The answers that said something else about a date than the newest does, the newest of them first."""
    return landing.telling(endpoint, day)[-2::-1]


def last_with(
    sought: Iterable[GameKey],
    older: Callable[[date], Sequence[Capture]],
    usable: Callable[[Mapping[date, Capture]], Collection[GameKey]],
) -> dict[GameKey, Capture]:
    """For each game the last of the older answers that it can be taken from; games that none has are left out.

    `usable` says which games one answer a date has so. Of each date no more answers are looked at than are needed, and
    of a date without a game that is sought none.
    """
    left: dict[date, set[GameKey]] = {}
    for key in sought:
        left.setdefault(key[0], set()).add(key)
    answers = {day: iter(older(day)) for day in sorted(left)}
    found: dict[GameKey, Capture] = {}
    while step := {
        day: capture for day, told in answers.items() if left[day] and (capture := next(told, None)) is not None
    }:
        for key in usable(step):
            if key in left.get(key[0], ()):
                found[key] = step[key[0]]
                left[key[0]].remove(key)
        answers = {day: answers[day] for day in step}
    return found
