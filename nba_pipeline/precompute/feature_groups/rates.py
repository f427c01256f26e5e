"""Rates: what the player does per minute, from where he shoots, and how well."""

from functools import partial

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.analytics.calculations.box_score_rates import FREE_THROW_WEIGHT, ratio
from nba_pipeline.as_of import GameLog
from nba_pipeline.precompute import player_daily_cache
from nba_pipeline.precompute.calculations.feature_group import FeatureGroup
from nba_pipeline.precompute.calculations.features import Feature
from nba_pipeline.precompute.calculations.games_used import OWN, OWN_THIS_SEASON
from nba_pipeline.precompute.calculations.past_games import CACHE
from nba_pipeline.precompute.feature_groups.form import GAMES, PLAYER, SEASON_GAMES, words

PER_MINUTE = {
    "points": ("points/min", (15, 30, 60)),
    "rebounds": ("rebounds/min", (15, 30, 60)),
    "assists": ("assists/min", (15, 30, 60)),
    "three_pointers_made": ("threes/min", (15, 30, 60)),
    "field_goals_attempted": ("shots/min", (15, 30)),
    "three_pointers_attempted": ("shots/min", (15,)),
    "free_throws_attempted": ("shots/min", (15,)),
}
"""What is looked at per minute, with units and half-lives; every one has means with these half-lives in `form`."""

_own = partial(Feature, source=player_game_summary.CONTRACT.name, made_from=OWN)
_of_season = partial(Feature, source=player_game_summary.CONTRACT.name, made_from=OWN_THIS_SEASON)


def per_minute_name(stat: str, half_life: int) -> str:
    """The name of a rate's feature; half-life 15 is the usual one."""
    return f"{stat}_per_minute" if half_life == 15 else f"{stat}_per_minute_{half_life}"


FEATURES = (
    *(
        _own(
            per_minute_name(stat, half_life),
            unit,
            f"{words(stat).capitalize()} per minute, both averaged with half-life {half_life} games.",
            GAMES,
            half_life,
        )
        for stat, (unit, half_lives) in PER_MINUTE.items()
        for half_life in half_lives
    ),
    _own("true_shooting_mean_30", "share",
         "Points per two shooting attempts, points and attempts each averaged with half-life 30 games.", GAMES, 30),
    _own("three_pointer_rate_60", "share", "Share of threes made, with half-life 60 games.", GAMES, 30),
    _own("free_throw_rate_60", "share", "Share of free throws made, with half-life 60 games.", GAMES, 30),
    _own("three_point_share_15", "share", "Share of threes among his shots, with half-life 15 games.", GAMES, 15),
    Feature("three_point_share_last_10", "share", "Share of threes among shots, last 10 games this season.",
            SEASON_GAMES, 10, player_daily_cache.CONTRACT.name, made_from=OWN_THIS_SEASON),
    _of_season("usage_rate_last_5", "share", "Mean usage rate of the last 5 games this season.", SEASON_GAMES, 5),
    _of_season("usage_rate_last_10", "share", "Mean usage rate of the last 10 games this season.", SEASON_GAMES, 10),
)  # fmt: skip


def measures(log: GameLog) -> dict[str, ir.Value]:
    """What is known of a player's usage after each game that he played."""
    return {f"usage_rate_last_{games}": log.last(log.rows.usage_rate, games) for games in (5, 10)}


def derived(rows: ibis.Table) -> dict[str, ir.Value]:
    """The features that follow from the means of `form`."""
    shooting_attempts = rows.field_goals_attempted_ewma_30 + FREE_THROW_WEIGHT * rows.free_throws_attempted_ewma_30
    return {
        **{
            per_minute_name(stat, h): ratio(rows[f"{stat}_ewma_{h}"], rows[f"minutes_ewma_{h}"])
            for stat, (_, half_lives) in PER_MINUTE.items()
            for h in half_lives
        },
        "true_shooting_mean_30": ratio(rows.points_ewma_30, 2 * shooting_attempts),
        "three_pointer_rate_60": ratio(rows.three_pointers_made_ewma_60, rows.three_pointers_attempted_ewma_60),
        "free_throw_rate_60": ratio(rows.free_throws_made_ewma_60, rows.free_throws_attempted_ewma_60),
        "three_point_share_15": ratio(rows.three_pointers_attempted_ewma_15, rows.field_goals_attempted_ewma_15),
    }


GROUP = FeatureGroup(
    name="rates",
    features=FEATURES,
    takes={CACHE: ("games_played_season", "three_point_share_last_10")},
    measures={PLAYER: measures},
    derived=derived,
)
