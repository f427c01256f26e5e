"""Roster: the player among the teammates who are expected, by what is known without any news.

Teammates who have missed the last games weigh nothing in ranks and shares: a star who is out for the season must not
push everybody else down.
"""

from functools import partial

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.analytics.calculations.box_score_rates import ratio
from nba_pipeline.as_of import exact
from nba_pipeline.precompute.calculations.feature_group import FeatureGroup
from nba_pipeline.precompute.calculations.features import Feature
from nba_pipeline.precompute.calculations.games_used import OWN, TEAM, TEAMMATES, TEAMMATES_OF_TEAM
from nba_pipeline.precompute.feature_groups.form import GAMES

ACTIVE_WITHIN = 5
"""A player who played one of his team's last 5 games is active."""

_feature = partial(Feature, source=player_game_summary.CONTRACT.name)
_of_team_games = partial(_feature, made_from=TEAM)
_of_teammates = partial(_feature, made_from=TEAM | TEAMMATES_OF_TEAM)
_among_teammates = partial(_feature, made_from=OWN | TEAM | TEAMMATES_OF_TEAM)

FEATURES = (
    _among_teammates("minutes_rank_in_team", "rank",
                     "Rank by minutes with half-life 7 games among the active teammates (played one of the team's last "
                     f"{ACTIVE_WITHIN} games) and himself; 1 plays most.", GAMES, 7),
    _among_teammates(
        "points_rank_in_team", "rank",
        "Rank by points with half-life 10 games among the active teammates and himself; 1 scores most.", GAMES,
        10),
    _of_team_games(
        "role_rank_in_team", "rank",
        "Rank by minutes over the team's games, half-life 5, among all expected players; 1 plays most.", GAMES, 5),
    _among_teammates("minutes_share", "share",
                     "His minutes with half-life 7 as a share of those of the active teammates and himself.", GAMES, 7),
    _feature("team_points_share", "share",
             "His points with half-life 15 as a share of the team's points with half-life 15.", GAMES, 15,
             made_from=OWN | TEAM),
    _of_teammates("likely_teammates_minutes", "min",
                  "Sum of the teammates' minutes with half-life 7, each by his chance to play."),
    _of_team_games("active_teammates", "players", "Teammates who played one of the team's last 5 games."),
    _of_teammates(
        "active_teammates_minutes", "min",
        "Sum of the active teammates' minutes with half-life 7: above some 210, not everybody can have his own."),
    _of_teammates("last_game_teammates_minutes", "min",
                  "Sum of the minutes with half-life 7 of teammates who played the team's last game."),
    _of_teammates(
        "lately_absent_minutes", "min",
        "Sum of the minutes with half-life 7 of active teammates who missed the team's last game: they may be "
        "back."),
    _of_teammates("lately_absent_points", "points",
                  "Sum of the points with half-life 10 of active teammates who missed the team's last game."),
    _of_team_games(
        "lately_absent_role_minutes", "min",
        "Sum of the minutes over the team's games, half-life 5, of active teammates who missed the last one."),
    _feature("long_absent_minutes", "min", "Sum of the minutes with half-life 7 of expected teammates who are not "
             "active.", made_from=TEAM | TEAMMATES),
    _of_team_games("teammates_role_minutes", "min",
                   "Sum of the expected teammates' minutes over the team's games, half-life 5."),
    _of_teammates("returning_teammates_minutes", "min",
                  "Sum of what active teammates play when they play beyond their share of the last games: minutes with "
                  "half-life 7 by the share of the team's games missed, half-life 3."),
    _of_teammates(
        "returned_teammates_minutes", "min",
        "Of teammates who played the last game, minutes with half-life 7 beyond those over the team's games: the "
        "others' averages do not know yet that they are back."),
)  # fmt: skip


def derived(rows: ibis.Table) -> dict[str, ir.Value]:
    """The features, from all players who are expected in the same game for the same team."""
    missed = rows.team_games_missed
    active, last = (missed < ACTIVE_WITHIN).fill_null(False), (missed == 0).fill_null(False)
    lately, everybody = active & ~last, rows.player_id.notnull()
    minutes, role = rows.minutes_ewma_7, rows.minutes_of_team_games_5
    others = {
        "likely_teammates_minutes": teammates(rows, minutes * rows.chance_to_play, everybody),
        "active_teammates": teammates(rows, ibis.literal(1.0), active),
        "active_teammates_minutes": teammates(rows, minutes, active),
        "last_game_teammates_minutes": teammates(rows, minutes, last),
        "lately_absent_minutes": teammates(rows, minutes, lately),
        "lately_absent_points": teammates(rows, rows.points_ewma_10, lately),
        "lately_absent_role_minutes": teammates(rows, role, lately),
        "long_absent_minutes": teammates(rows, minutes, ~active),
        "teammates_role_minutes": teammates(rows, role, everybody),
        "returning_teammates_minutes": teammates(rows, minutes * (1 - rows.participation_ewma_3), active),
        "returned_teammates_minutes": teammates(rows, (minutes - role).clip(lower=0.0), last),
    }
    return {
        **others,
        "minutes_rank_in_team": rank(rows, minutes, active),
        "points_rank_in_team": rank(rows, rows.points_ewma_10, active),
        "role_rank_in_team": rank(rows, role, everybody),
        "minutes_share": ratio(minutes, minutes + others["active_teammates_minutes"]),
        "team_points_share": ratio(rows.points_ewma_15, rows.team_points),
    }


def of_team(rows: ibis.Table, *order_by: ir.Value) -> ibis.expr.builders.WindowBuilder:
    """The players expected for the same team in the same game; in an order, those who come before."""
    keys = [rows.game_date, rows.game_id, rows.team_id]
    if not order_by:
        return ibis.window(group_by=keys)
    return ibis.window(group_by=keys, order_by=list(order_by), preceding=(None, 1))


def teammates(rows: ibis.Table, value: ir.NumericValue, condition: ir.BooleanValue) -> ir.FloatingValue:
    """Exact sum of the value over the teammates who meet the condition, the player himself left aside."""
    counted = exact(condition.ifelse(value.cast("float64").fill_null(0.0), 0.0))
    return (counted.sum().over(of_team(rows)) - counted).cast("float64")


def rank(rows: ibis.Table, value: ir.NumericValue, condition: ir.BooleanValue) -> ir.IntegerValue:
    """1 and how many teammates who meet the condition have more of it; the lower id first on a tie."""
    before = of_team(rows, value.fill_null(-1.0).desc(), rows.player_id)
    above = condition.ifelse(1, 0).sum().over(before).fill_null(0)
    return value.isnull().ifelse(ibis.null("int64"), above + 1)


GROUP = FeatureGroup(
    name="roster",
    features=FEATURES,
    among_expected=derived,
)
