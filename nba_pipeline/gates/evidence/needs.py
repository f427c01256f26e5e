"""What has to be done about a table on a date, and how a reason says it."""

import re
from datetime import date
from enum import StrEnum

NEXT_COMMAND = ". Next: "
"""Where a reason names the command that a person needs next."""

_BEFORE = re.compile(r"\bMend: ")


def as_said_now(stored: str) -> str:
    """A text as it was stored, with the next command named as it is now; until December 2026 it said `Mend: `."""
    return _BEFORE.sub("Next: ", stored)


class Need(StrEnum):
    """What has to be done about a table on a date."""

    NOTHING = "nothing"
    MISSING = "missing"
    STALE = "stale"
    OUTDATED = "outdated"


WHY_NOT_CURRENT = {
    Need.STALE: "was made before what it is made from changed",
    Need.OUTDATED: "was made by other code than runs now",
}


def make_again(need: Need, first: date | None = None, last: date | None = None) -> str:
    """The command that makes again what is stale within a range, or what is outdated anywhere.

    What is outdated is so on every date that was made before, and its history counts.
    """
    within = f" --from {first} --to {last}" if need is Need.STALE and first and last else ""
    return f"Next: nba-pipeline backfill --outdated{within}"
