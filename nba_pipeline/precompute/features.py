"""What a feature is: a value, and how much evidence stands behind it."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from nba_pipeline.contracts import Column

FULL_QUALITY = 100
LEAST_QUALITY = 40
"""What a value without any evidence of the player's own is worth: it is the league's, not his."""

TIERS = ((95, "gold"), (85, "silver"), (70, "bronze"), (50, "poor"))
"""Lowest mean quality of each tier; below the last a row is `critical`."""


@dataclass(frozen=True)
class Feature:
    """One feature. Its quality is 0 when it is missing, and grows from 40 to 100 with the evidence.

    `evidence` names the count that stands behind the value and `wanted` how much of it is enough; a
    feature that is known exactly (the schedule) needs none.
    """

    name: str
    unit: str
    definition: str
    evidence: str | None = None
    wanted: int = 0

    @property
    def column(self) -> Column:
        """The feature's column."""
        return Column(self.name, "float64", self.definition, self.unit, nullable=True)

    @property
    def quality_column(self) -> Column:
        """The column of the feature's quality."""
        grows = f", from {LEAST_QUALITY} up to 100 at {self.wanted} {self.evidence}" if self.evidence else ""
        return Column(
            f"{self.name}_quality",
            "int64",
            f"Evidence behind {self.name}: 0 when it is missing{grows}, 100 when it is fully known.",
            "points of 100",
            between=(0, FULL_QUALITY),
        )

    def quality(self, rows: ibis.Table) -> ir.IntegerValue:
        """The quality of each row's value."""
        if self.evidence is None:
            share = ibis.literal(1.0)
        else:
            evidence = rows[self.evidence].cast("float64").fill_null(0.0)
            share = ibis.least(evidence / self.wanted, 1.0)
        quality = (LEAST_QUALITY + (FULL_QUALITY - LEAST_QUALITY) * share).round().cast("int64")
        return rows[self.name].isnull().ifelse(0, quality)


def tier(quality: ir.FloatingValue) -> ir.StringValue:
    """The tier of a row from the mean quality of its features."""
    return ibis.cases(*[(quality >= least, name) for least, name in TIERS], else_="critical")
