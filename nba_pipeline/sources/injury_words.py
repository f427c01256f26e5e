"""What the words of an injury list mean: the six states that we tell apart, and the words of real sources for each."""

import re
import unicodedata
from typing import Literal

InjuryStatus = Literal["out", "doubtful", "questionable", "probable", "available", "unknown"]

WORDS: dict[str, InjuryStatus] = {
    **dict.fromkeys(
        [
            "out", "ofs", "ruled out", "will not play", "wont play", "not playing", "did not dress",
            "did not play", "dnp", "dnd", "inactive", "unavailable", "not available", "not with team", "nwt",
            "suspended", "suspension", "league suspension", "injured list", "injured reserve", "il", "ir",
            "rest", "resting", "load management", "g league", "not expected to play", "not eligible", "ineligible",
            "susp", "scratched", "late scratch", "sidelined", "shut down", "will miss", "expected to miss", "will sit",
            "sitting out", "will not return", "wont return", "not with the team", "away from team",
            "away from the team", "did not travel", "not traveling", "not travelling", "downgraded to out",
            "listed as out", "on assignment", "d league", "season ending", "week to week", "month to month",
            "indefinitely", "60 day il",
        ],
        "out",
    ),
    **dict.fromkeys(
        ["doubtful", "unlikely to play", "listed as doubtful", "downgraded to doubtful", "upgraded to doubtful"],
        "doubtful",
    ),
    **dict.fromkeys(
        ["questionable", "day to day", "dtd", "d2d", "game time decision", "gametime decision", "gtd", "uncertain",
         "50 50", "listed as questionable", "downgraded to questionable", "upgraded to questionable"],
        "questionable",
    ),
    **dict.fromkeys(
        ["probable", "likely to play", "listed as probable", "upgraded to probable", "downgraded to probable"],
        "probable",
    ),
    **dict.fromkeys(
        ["available", "active", "cleared", "healthy", "will play", "expected to play", "not injured",
         "upgraded to available", "listed as available"],
        "available",
    ),
}  # fmt: skip
"""Each of them alone, or as the first words of what is said: `Out (knee)`, `Out Indefinitely`, `Inactive - Coach`.

`Personal`, `Two-Way`, `Injured`, `Illness` and `Trade Pending` say why, and not whether, and are `unknown` alone.
A player of the list who is with a club of the G League is not with his own tonight; a rest is a night off.
"""

ALONE: dict[str, InjuryStatus] = {
    "o": "out", "d": "doubtful", "q": "questionable", "p": "probable", "likely": "probable", "unlikely": "doubtful",
}  # fmt: skip
"""What means something only by itself: `D League` and `Likely Out` are other things."""

LONGEST = max(len(words.split()) for words in WORDS)


def injury_status(text: str | None) -> InjuryStatus:
    """What the source's word for a status means; a word that nobody knows is `unknown`."""
    plain = unicodedata.normalize("NFKC", text or "").lower()
    words = re.sub(r"[^a-z0-9]+", " ", re.sub("['’]", "", plain)).split()
    if len(words) == 1 and words[0] in ALONE:
        return ALONE[words[0]]
    for length in range(LONGEST, 0, -1):
        meaning = WORDS.get(" ".join(words[:length]))
        if meaning is not None:
            return meaning
    return "unknown"
