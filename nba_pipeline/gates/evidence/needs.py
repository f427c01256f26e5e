"""What has to be done about a table on a date, and how a reason says it."""

from datetime import date
from enum import StrEnum

MEND = ". Mend: "
"""Where a reason names the command that mends it."""


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
    return f"Mend: nba-pipeline backfill --outdated{within}"
