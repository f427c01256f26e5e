"""Match-up: the player against this opponent, by his games against it and by where he scores."""

from functools import partial

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.analytics.calculations.box_score_rates import ratio
from nba_pipeline.as_of import GameLog, asked_of
from nba_pipeline.precompute import player_composite_factors, player_shot_zone_analysis
from nba_pipeline.precompute.calculations.feature_group import FeatureGroup, Log
from nba_pipeline.precompute.calculations.features import Feature, added
from nba_pipeline.precompute.calculations.games_used import (
    EVERYBODY_THIS_SEASON,
    OPPONENT_THIS_SEASON,
    OWN_AGAINST_OPPONENT,
    OWN_THIS_SEASON,
    TEAM_THIS_SEASON,
)
from nba_pipeline.precompute.calculations.past_games import FACTORS, HISTORY, PastGames
from nba_pipeline.precompute.calculations.past_games import ZONES as OF_ZONES
from nba_pipeline.precompute.calculations.zones import ZONES
from nba_pipeline.precompute.feature_groups.form import SEASON_GAMES

_factor = partial(Feature, source=player_composite_factors.CONTRACT.name)
_zone = partial(Feature, evidence=SEASON_GAMES, wanted=10, source=player_shot_zone_analysis.CONTRACT.name,
                made_from=OWN_THIS_SEASON)  # fmt: skip

FEATURES = (
    Feature("points_against_opponent", "points",
            "Mean points against this opponent, this season and the one before.", "games_against_opponent", 4,
            player_game_summary.CONTRACT.name, made_from=OWN_AGAINST_OPPONENT),
    Feature("games_against_opponent", "games", "Games against this opponent, this season and the one before.",
            source=player_game_summary.CONTRACT.name, made_from=OWN_AGAINST_OPPONENT),
    _factor("shot_zone_mismatch_score", "%",
            "By how many percent more than the league the opponent allows in the zones in which he scores; positive is "
            "good for him.", SEASON_GAMES, 10, made_from=EVERYBODY_THIS_SEASON),
    _factor("pace_score", "possessions",
            "How much faster than his team's games this one should be, by the last 10 games of both; positive is "
            "faster.", "team_games_season", 10, made_from=TEAM_THIS_SEASON | OPPONENT_THIS_SEASON),
    *(
        _zone(f"{zone.prefix}_attempt_share_last_10", "share",
              f"Share of {zone.shots} among all his attempts, last 10 games this season.")
        for zone in ZONES
    ),
    _zone("free_throw_points_share_last_10", "share", "Share of his points from free throws, last 10 games this "
          "season."),
)  # fmt: skip


def pairing(rows: ibis.Table) -> ir.StringValue:
    """The player and the opponent as one entity."""
    return rows.player_id.cast("string") + "-" + rows.opponent_id.cast("string")


def pairing_log(past: PastGames) -> GameLog:
    """The games of a player against one opponent."""
    return GameLog(past.played.mutate(pairing=pairing(past.played)), "pairing", asked_of(past.asked, "pairing"))


def measures(log: GameLog) -> dict[str, ir.Value]:
    """What is known of a player against one opponent after each game against it."""
    return {"games_against_opponent": log.count(), "points_against_opponent": log.mean(log.rows.points)}


def derived(rows: ibis.Table) -> dict[str, ir.Value]:
    """The share of free throws among his points, which the zones have as points."""
    points = added([rows[name] for name in POINTS])
    return {"free_throw_points_share_last_10": ratio(rows.free_throw_points_last_10, points)}


POINTS = tuple(f"{zone.prefix}_points_last_10" for zone in ZONES)

PAIRING = Log("pairing", pairing_log, reads=(HISTORY,), named=pairing)

GROUP = FeatureGroup(
    name="match-up",
    features=FEATURES,
    takes={
        FACTORS: ("shot_zone_mismatch_score", "pace_score"),
        OF_ZONES: (*(f"{zone.prefix}_attempt_share_last_10" for zone in ZONES), *POINTS),
    },
    measures={PAIRING: measures},
    counts=("games_against_opponent",),
    derived=derived,
)
