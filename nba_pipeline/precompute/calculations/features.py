"""What a feature is: a value, how much evidence stands behind it, and where it comes from."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

import ibis
import ibis.expr.types as ir

from nba_pipeline.contracts import Column
from nba_pipeline.precompute.calculations.games_used import MadeFrom

STATS = ("points", "rebounds", "assists", "three_pointers_made", "minutes")
"""What is predicted."""

UNITS = {
    "points": "points",
    "rebounds": "rebounds",
    "assists": "assists",
    "three_pointers_made": "threes",
    "minutes": "min",
}

FULL_QUALITY = 100
LEAST_QUALITY = 40
"""What a value without any evidence of the player's own is worth: it is the league's, not his."""

TIERS = ((95, "gold"), (85, "silver"), (70, "bronze"), (50, "poor"))
"""Lowest mean quality of each tier; below the last a row is `critical`."""


@dataclass(frozen=True)
class Feature:
    """One feature: a value, a quality and a source.

    The quality is 0 when the value is missing, and grows from 40 to 100 with the evidence.
    `evidence` names the count that stands behind the value and `wanted` how much of it is enough; a
    feature that is known exactly (the schedule) needs none. `source` is the table that it comes from. A `news`
    feature says, outright or through a line, who is out tonight: it is null until an injury report or a line is
    known, and predictions made without the news may not use it. `made_from` says whose games the value is made from;
    every feature must say it, for nothing that holds of most would be noticed where it is wrong.
    """

    name: str
    unit: str
    definition: str
    evidence: str | None = None
    wanted: int = 0
    source: str = ""
    news: bool = False
    _: KW_ONLY
    made_from: MadeFrom

    @property
    def column(self) -> Column:
        """The feature's column."""
        return Column(self.name, "float64", self.definition, self.unit, nullable=True, source=self.source)

    @property
    def quality_column(self) -> Column:
        """The column with the quality that its evidence gives; features that want the same evidence share it.

        A column for each feature would double the table, and say again what the value and this one say together.
        """
        if self.evidence is None:
            name, grows = "quality_of_what_is_known", f"{FULL_QUALITY}"
        else:
            name = f"quality_at_{self.wanted}_{self.evidence}"
            grows = f"from {LEAST_QUALITY} up to {FULL_QUALITY} at {self.wanted} {self.evidence}"
        said = "known from the tables of the date" if self.evidence is None else f"that want {self.evidence}"
        definition = f"Quality of the features {said}: {grows}. A feature that is missing has none: its quality is 0."
        return Column(name, "int64", definition, "points of 100", between=(0, FULL_QUALITY))

    def quality(self, rows: ibis.Table) -> ir.IntegerValue:
        """The quality of each row's value, from the row's columns: 0 where the value is missing."""
        return rows[self.name].isnull().ifelse(0, rows[self.quality_column.name])


def quality_columns(features: Sequence[Feature]) -> tuple[Column, ...]:
    """The quality columns of the features, each once."""
    return tuple({feature.quality_column.name: feature.quality_column for feature in features}.values())


def qualities(rows: ibis.Table, features: Sequence[Feature]) -> dict[str, ir.IntegerValue]:
    """The quality columns, from the counts that the features want as evidence."""
    return {feature.quality_column.name: _quality(rows, feature) for feature in features}


def _quality(rows: ibis.Table, feature: Feature) -> ir.IntegerValue:
    if feature.evidence is None:
        return ibis.literal(FULL_QUALITY).cast("int64")
    evidence = rows[feature.evidence].cast("float64").fill_null(0.0)
    share = ibis.least(evidence / feature.wanted, 1.0)
    return (LEAST_QUALITY + (FULL_QUALITY - LEAST_QUALITY) * share).round().cast("int64")


def missing_by_quality(rows: ibis.Table, features: Sequence[Feature]) -> dict[str, ir.IntegerValue]:
    """For each quality column, how many of the features that share it are missing."""
    return {
        column.name: added([rows[f.name].isnull().ifelse(1, 0) for f in features if f.quality_column == column])
        for column in quality_columns(features)
    }


def tier(quality: ir.FloatingValue) -> ir.StringValue:
    """The tier of a row from the mean quality of its features."""
    return ibis.cases(*[(quality >= least, name) for least, name in TIERS], else_="critical")


def flag(condition: ir.BooleanValue) -> ir.FloatingValue:
    """1 or 0; null, and never 0, where the condition is unknown."""
    return condition.cast("int64").cast("float64")


def added(values: Sequence[ir.NumericValue]) -> ir.NumericValue:
    """The sum of the values, in halves: one after the other, hundreds of them are nested too deeply for Ibis."""
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    return added(values[:half]) + added(values[half:])
