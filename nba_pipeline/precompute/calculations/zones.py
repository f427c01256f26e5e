"""The zones that a box score tells apart: two-pointers, three-pointers and free throws."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics.calculations.box_score_rates import ratio
from nba_pipeline.contracts import Column

LEAST_ATTEMPTS = 10
"""Attempts below which a percentage or a share of attempts would be noise, and stays null."""


@dataclass(frozen=True)
class Zone:
    """One zone: its name as a category, what its shots are called, and the points of a shot made there.

    Its columns begin with `prefix`.
    """

    name: str
    shots: str
    points: int

    @property
    def prefix(self) -> str:
        """What the names of its columns begin with."""
        return self.name.replace("-", "_")


ZONES = (Zone("two-point", "two-pointers", 2), Zone("three-point", "threes", 3), Zone("free-throw", "free throws", 1))
ZONE_NAMES = tuple(zone.name for zone in ZONES)

COUNTS = tuple(f"{zone.prefix}_{what}" for zone in ZONES for what in ("attempts", "makes"))
"""The columns of `with_zones`."""


def number(name: str, definition: str, unit: str, between: tuple[float, float]) -> Column:
    """A number about a zone, null where there is too little to tell."""
    return Column(name, "float64", definition, unit, nullable=True, between=between)


def with_zones(rows: ibis.Table, made: str, attempted: str) -> ibis.Table:
    """The rows with `COUNTS`: shots attempted and made, by zone.

    `made` and `attempted` end the names of the columns that have them for field goals, threes and free throws.
    """
    return rows.mutate(
        two_point_attempts=rows[f"field_goals_{attempted}"] - rows[f"three_pointers_{attempted}"],
        two_point_makes=rows[f"field_goals_{made}"] - rows[f"three_pointers_{made}"],
        three_point_attempts=rows[f"three_pointers_{attempted}"],
        three_point_makes=rows[f"three_pointers_{made}"],
        free_throw_attempts=rows[f"free_throws_{attempted}"],
        free_throw_makes=rows[f"free_throws_{made}"],
    )


def rate(makes: ir.NumericValue, attempts: ir.NumericValue, games: ir.NumericValue) -> ir.FloatingValue:
    """Share of the attempts that were made, from both per game; null below `LEAST_ATTEMPTS` in the games."""
    return enough(attempts, games).ifelse(ratio(makes, attempts), ibis.null("float64"))


def enough(attempts: ir.NumericValue, games: ir.NumericValue) -> ir.BooleanValue:
    """Whether attempts per game come to `LEAST_ATTEMPTS` over the games."""
    return (attempts * games).round() >= LEAST_ATTEMPTS
