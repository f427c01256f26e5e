"""Similar roles: who of the teammates out or present tonight does what he does, and plays before or behind him.

Two players' roles are the more alike, the closer their rebounds and assists per minute and their share of threes are.
"""

from functools import partial

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import upcoming_player_game_context as context
from nba_pipeline.analytics.calculations.box_score_rates import ratio
from nba_pipeline.as_of import exact
from nba_pipeline.precompute.calculations.feature_group import FeatureGroup
from nba_pipeline.precompute.calculations.features import Feature
from nba_pipeline.precompute.calculations.games_used import OWN, TEAM, TEAMMATES_OF_TEAM, Whose, only_with
from nba_pipeline.precompute.calculations.past_games import UPCOMING, PastGames

KEYS = ("game_date", "game_id", "player_id")

SPREADS = {"rebounds": 0.08, "assists": 0.07, "threes": 0.22}
"""What one unit of difference is: about the standard deviation among players."""

_feature = partial(Feature, source=context.CONTRACT.name, news=True)

_TEAMMATES = {
    "similar_out_minutes": "minutes with half-life 7 of active teammates who are out, by likeness of role",
    "similar_out_role_minutes": "minutes over the team's games of active teammates who are out, by likeness of role",
    "similar_newly_out_minutes": "minutes with half-life 7 of teammates who are out and played the last game, by "
    "likeness of role",
    "similar_taken_back": "minutes with half-life 7 beyond those over the team's games of teammates who are present, "
    "by likeness of role",
    "similar_present_above": "minutes with half-life 7 of teammates who are present and play more than he, by "
    "likeness of role",
    "out_above_minutes": "minutes with half-life 7 of active teammates who are out and play more than he",
    "newly_out_above_minutes": "minutes with half-life 7 of teammates who are out, play more than he and played the "
    "last game",
    "out_below_minutes": "minutes with half-life 7 of active teammates who are out and do not play more than he",
}

_OF_MISSING = only_with(Whose.MISSING_TEAMMATES, OWN | TEAM)
_OF_PRESENT = OWN | TEAM | TEAMMATES_OF_TEAM

FEATURES = tuple(
    _feature(name, "min", f"Sum of the {said}.", made_from=_OF_MISSING if "out_" in name else _OF_PRESENT)
    for name, said in _TEAMMATES.items()
)


def roles(rows: ibis.Table) -> dict[str, ir.Value]:
    """What is compared, and the minutes that are counted."""
    minutes = rows.minutes_ewma_30
    return {
        "rebounds": ratio(rows.rebounds_ewma_30, minutes).fill_null(0.0) / SPREADS["rebounds"],
        "assists": ratio(rows.assists_ewma_30, minutes).fill_null(0.0) / SPREADS["assists"],
        "threes": ratio(rows.three_pointers_attempted_ewma_30, rows.field_goals_attempted_ewma_30).fill_null(0.0)
        / SPREADS["threes"],
        "minutes": rows.minutes_ewma_7.fill_null(0.0),
        "role_minutes": rows.minutes_of_team_games_5.fill_null(0.0),
        "out": (rows.plays_by_report == 0.0).fill_null(False),
        "present": (rows.plays_by_report == 1.0).fill_null(False),
        "last": (rows.team_games_missed == 0).fill_null(False),
    }


def compared(rows: ibis.Table, past: PastGames) -> ibis.Table:
    """The rows with the sums over each player's teammates, for whom nothing is looked back on."""
    return with_similar_roles(rows)


def with_similar_roles(rows: ibis.Table) -> ibis.Table:
    """The rows with the sums over each player's teammates."""
    mine = rows.select(*KEYS, "team_id", **roles(rows))
    others = mine.rename({f"other_{name}": name for name in mine.columns if name not in KEYS[:2] and name != "team_id"})
    pairs = mine.inner_join(others, ["game_date", "game_id", "team_id"])
    pairs = pairs.filter(pairs.player_id != pairs.other_player_id)
    apart = [pairs[name] - pairs[f"other_{name}"] for name in SPREADS]
    likeness = (-(apart[0] * apart[0] + apart[1] * apart[1] + apart[2] * apart[2]) / 4).exp()
    minutes = pairs.other_minutes
    beyond = (minutes - pairs.other_role_minutes).clip(lower=0.0)
    above, newly = minutes > pairs.minutes, pairs.other_out & pairs.other_last
    counted = {
        "similar_out_minutes": (pairs.other_out, minutes * likeness),
        "similar_out_role_minutes": (pairs.other_out, pairs.other_role_minutes * likeness),
        "similar_newly_out_minutes": (newly, minutes * likeness),
        "similar_taken_back": (pairs.other_present, beyond * likeness),
        "similar_present_above": (pairs.other_present & above, minutes * likeness),
        "out_above_minutes": (pairs.other_out & above, minutes),
        "newly_out_above_minutes": (newly & above, minutes),
        "out_below_minutes": (pairs.other_out & ~above, minutes),
    }
    sums = pairs.group_by(*KEYS).agg(
        **{name: exact(condition.ifelse(value, 0.0)).sum().cast("float64") for name, (condition, value) in
           counted.items()}
    )  # fmt: skip
    both = rows.left_join(sums, list(KEYS))
    both = both.drop([column for column in both.columns if column.endswith("_right")])
    known = both.injury_report_known_at.notnull()
    # A player who is alone on the list of his team has no pair, and nobody who is out.
    return both.mutate(**{name: known.ifelse(both[name].fill_null(0.0), ibis.null("float64")) for name in counted})


GROUP = FeatureGroup(
    name="similar roles",
    features=FEATURES,
    takes={UPCOMING: ("injury_report_known_at",)},
    compared=compared,
)
