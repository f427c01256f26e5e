"""The formulas that turn box-score counts into rates, each with its source. Pure Ibis, for rows or for sums."""

import ibis
import ibis.expr.types as ir

from nba_pipeline.raw.parsing.listed_box_scores import COUNTS
from nba_pipeline.raw.rules.box_score_rules import TEAM_COUNTS

FREE_THROW_WEIGHT = 0.44
"""Share of free throws that end a play: Oliver, Basketball on Paper (2004)."""

FEWEST_MINUTES = 1
"""Below this many minutes a rate of them says nothing: a three in his four seconds is 1,620 points per 36 minutes."""

MOST_GAME_MINUTES = 98
"""The longest game that `raw.games` can hold: ten overtimes."""

POSSESSIONS = (
    TEAM_COUNTS["plays"][0],
    TEAM_COUNTS["plays"][1] + FREE_THROW_WEIGHT * TEAM_COUNTS["free_throws_attempted"][1],
)
"""What the rules about raw data leave of a team's possessions in a game."""

PACE = (48 / MOST_GAME_MINUTES * POSSESSIONS[0], POSSESSIONS[1])

RATING = (0, 100 * TEAM_COUNTS["points"][1] / POSSESSIONS[0])

TRUE_SHOOTING_OF_A_TEAM = (0, TEAM_COUNTS["points"][1] / 2 / TEAM_COUNTS["field_goals_attempted"][0])


def ratio(numerator: ir.NumericValue, denominator: ir.NumericValue) -> ir.FloatingValue:
    """The quotient, null where the denominator is 0."""
    return numerator.cast("float64") / denominator.cast("float64").nullif(0.0)


def plays_ended(rows: ibis.Table) -> ir.FloatingValue:
    """Plays that a player or team ended: shots, trips to the line and turnovers."""
    return rows.field_goals_attempted.cast("float64") + FREE_THROW_WEIGHT * rows.free_throws_attempted + rows.turnovers


def possessions(rows: ibis.Table) -> ir.FloatingValue:
    """Possessions of a team: plays ended less the offensive rebounds that kept them alive (Oliver 2004)."""
    return plays_ended(rows) - rows.offensive_rebounds


def true_shooting(rows: ibis.Table) -> ir.FloatingValue:
    """Points per two shooting attempts, free throws counted in: points / (2 · (FGA + 0.44 · FTA))."""
    attempts = rows.field_goals_attempted.cast("float64") + FREE_THROW_WEIGHT * rows.free_throws_attempted
    return ratio(rows.points, 2 * attempts)


def effective_field_goal_rate(rows: ibis.Table) -> ir.FloatingValue:
    """Field-goal rate with threes worth half a shot more: (FGM + 0.5 · 3PM) / FGA."""
    return ratio(rows.field_goals_made + 0.5 * rows.three_pointers_made, rows.field_goals_attempted)


def game_minutes(rows: ibis.Table) -> ir.FloatingValue:
    """Minutes that a game lasted: 48 and 5 an overtime, from its periods."""
    return (48 + 5 * ibis.greatest(rows.period - 4, 0)).cast("float64")


def per_minutes(count: ir.NumericValue, minutes: ir.NumericValue, scale: int) -> ir.FloatingValue:
    """A count as a rate per `scale` minutes, null below `FEWEST_MINUTES`."""
    return ratio(count, enough_minutes(minutes)) * scale


def enough_minutes(minutes: ir.NumericValue) -> ir.FloatingValue:
    """The minutes; null below `FEWEST_MINUTES`, as is every rate of them."""
    return (minutes >= FEWEST_MINUTES).ifelse(minutes, ibis.null("float64"))


def most(count: str) -> float:
    """The highest value of a player's count that a box score can hold."""
    return next(column.between[1] for column in COUNTS if column.name == count and column.between is not None)
