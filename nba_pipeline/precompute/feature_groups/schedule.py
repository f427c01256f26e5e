"""Schedule: rest, load and place, of the player, his team and the opponent."""

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import upcoming_player_game_context as context
from nba_pipeline.precompute import player_composite_factors, player_daily_cache
from nba_pipeline.precompute.calculations.feature_group import FeatureGroup
from nba_pipeline.precompute.calculations.features import Feature, flag
from nba_pipeline.precompute.calculations.games_used import (
    NO_GAMES,
    OPPONENT_THIS_SEASON,
    OWN,
    OWN_LAST_7_DAYS,
    OWN_LAST_14_DAYS,
    TEAM_THIS_SEASON,
)
from nba_pipeline.precompute.calculations.past_games import CACHE, FACTORS, UPCOMING
from nba_pipeline.precompute.feature_groups.form import GAMES

LONGEST_REST = 30
"""Days of rest beyond which more say nothing more."""

OF_CACHE = player_daily_cache.CONTRACT.name
CONTEXT = context.CONTRACT.name

FROM_CONTEXT = (
    "postseason",
    "team_days_rest",
    "team_is_third_game_in_four_days",
    "game_number_in_season",
    "opponent_days_rest",
    "opponent_game_number_in_season",
)
"""What is taken from the context as the schedule tells it: there a game without a box score, as a held one, is a game,
and rest runs on from the season before."""

FEATURES = (
    Feature(
        "days_rest", "days", f"Days since his last game, at most {LONGEST_REST}.", GAMES, 1, OF_CACHE, made_from=OWN),
    Feature("team_days_rest", "days", f"Days since his team's last game this season, at most {LONGEST_REST}.",
            "team_games_season", 1, CONTEXT, made_from=TEAM_THIS_SEASON),
    Feature("opponent_days_rest", "days", f"Days since the opponent's last game this season, at most {LONGEST_REST}.",
            "opponent_games_season", 1, CONTEXT, made_from=OPPONENT_THIS_SEASON),
    Feature("rest_advantage", "days", "Team's days of rest less the opponent's, between -3 and 3.",
            "opponent_games_season", 1, CONTEXT, made_from=TEAM_THIS_SEASON | OPPONENT_THIS_SEASON),
    Feature("is_back_to_back", "flag", "1 if his team played the day before.", source=CONTEXT,
            made_from=TEAM_THIS_SEASON),
    Feature("opponent_is_back_to_back", "flag", "1 if the opponent played the day before.", source=CONTEXT,
            made_from=OPPONENT_THIS_SEASON),
    Feature("is_third_game_in_four_days", "flag", "1 if his team played two games in the 3 days before.",
            source=CONTEXT, made_from=TEAM_THIS_SEASON),
    Feature(
        "games_last_7_days", "games", "Games played in the 7 days before.", source=OF_CACHE, made_from=OWN_LAST_7_DAYS),
    Feature(
        "games_last_14_days", "games", "Games played in the 14 days before.", source=OF_CACHE,
        made_from=OWN_LAST_14_DAYS),
    Feature("minutes_last_7_days", "min", "Minutes in the 7 days before.", source=OF_CACHE, made_from=OWN_LAST_7_DAYS),
    Feature(
        "minutes_last_14_days", "min", "Minutes in the 14 days before.", source=OF_CACHE, made_from=OWN_LAST_14_DAYS),
    Feature("back_to_backs_last_14_days", "games", "Second nights of back-to-backs in the 14 days before.",
            source=OF_CACHE, made_from=OWN_LAST_14_DAYS),
    Feature("is_home_game", "flag", "1 if his team plays at home.", source=OF_CACHE, made_from=NO_GAMES),
    Feature(
        "is_playoff_game", "flag", "1 if the game belongs to the play-offs.", source=CONTEXT,
        made_from=NO_GAMES),
    Feature(
        "team_games_season", "games", "Games that his team played this season.", source=OF_CACHE,
        made_from=TEAM_THIS_SEASON),
    Feature("fatigue_score", "points of 100",
            "100 is fresh; less for back-to-backs and for many games and minutes in the days before.", GAMES, 1,
            player_composite_factors.CONTRACT.name, made_from=OWN),
)  # fmt: skip


def derived(rows: ibis.Table) -> dict[str, ir.Value]:
    """The features that follow from the context and the cache."""
    team_rest = rest_of_season(rows.team_days_rest, rows.game_number_in_season)
    opponent_rest = rest_of_season(rows.opponent_days_rest, rows.opponent_game_number_in_season)
    return {
        "days_rest": at_most(rows.game_date.delta(rows.last_game_date, unit="day")),
        "team_days_rest": team_rest,
        "opponent_days_rest": opponent_rest,
        "rest_advantage": (team_rest - opponent_rest).clip(-3.0, 3.0),
        "is_back_to_back": flag((team_rest == 1).fill_null(False)),
        "opponent_is_back_to_back": flag((opponent_rest == 1).fill_null(False)),
        "is_third_game_in_four_days": flag(rows.team_is_third_game_in_four_days),
        "is_home_game": flag(rows.is_home),
        "is_playoff_game": flag(rows.postseason),
    }


def rest_of_season(days: ir.IntegerValue, game_number: ir.IntegerValue) -> ir.FloatingValue:
    """Days of rest within the season; null before its first game, when the rest is that of the summer."""
    return at_most((game_number > 1).ifelse(days, ibis.null("int64")))


def at_most(days: ir.IntegerValue) -> ir.FloatingValue:
    """Days of rest, at most `LONGEST_REST`."""
    return days.clip(upper=LONGEST_REST).cast("float64")


LOADS = (
    "games_last_7_days",
    "games_last_14_days",
    "minutes_last_7_days",
    "minutes_last_14_days",
    "back_to_backs_last_14_days",
)

GROUP = FeatureGroup(
    name="schedule",
    features=FEATURES,
    takes={
        CACHE: ("last_game_date", "team_games_season", *LOADS),
        UPCOMING: FROM_CONTEXT,
        FACTORS: ("fatigue_score",),
    },
    derived=derived,
)
