"""What the words of an injury list mean: the six states that we tell apart, and the words of real sources for each."""

import re
from typing import Literal

InjuryStatus = Literal["out", "doubtful", "questionable", "probable", "available", "unknown"]

WORDS: dict[str, InjuryStatus] = {
    **dict.fromkeys(
        [
            "out", "ofs", "ruled out", "will not play", "wont play", "not playing", "did not dress",
            "did not play", "dnp", "dnd", "inactive", "unavailable", "not available", "not with team", "nwt",
            "suspended", "suspension", "league suspension", "injured list", "injured reserve", "il", "ir",
            "rest", "resting", "load management", "g league", "not expected to play", "not eligible", "ineligible",
        ],
        "out",
    ),
    "doubtful": "doubtful",
    **dict.fromkeys(
        ["questionable", "day to day", "dtd", "d2d", "game time decision", "gametime decision", "gtd"],
        "questionable",
    ),
    "probable": "probable",
    **dict.fromkeys(
        ["available", "active", "cleared", "healthy", "will play", "expected to play", "not injured"], "available"
    ),
}  # fmt: skip
"""Each of them alone, or as the first words of what is said: `Out (knee)`, `Out Indefinitely`, `Inactive - Coach`.

`Personal`, `Two-Way`, `Injured`, `Illness` and `Trade Pending` say why, and not whether, and are `unknown` alone.
A player of the list who is with a club of the G League is not with his own tonight; a rest is a night off.
"""

LONGEST = max(len(words.split()) for words in WORDS)


def injury_status(text: str | None) -> InjuryStatus:
    """What the source's word for a status means; a word that nobody knows is `unknown`."""
    words = re.sub(r"[^a-z0-9]+", " ", re.sub("['’]", "", (text or "").lower())).split()
    for length in range(LONGEST, 0, -1):
        meaning = WORDS.get(" ".join(words[:length]))
        if meaning is not None:
            return meaning
    return "unknown"
