"""Teams: how the player's team has played, what the opponent allows, and what that promises for the game."""

from functools import partial

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import team_defense_game_summary, team_offense_game_summary
from nba_pipeline.as_of import GameLog, asked_of
from nba_pipeline.precompute.calculations.feature_group import FeatureGroup, Log
from nba_pipeline.precompute.calculations.features import Feature
from nba_pipeline.precompute.calculations.games_used import OPPONENT, OPPONENT_THIS_SEASON, TEAM, TEAM_THIS_SEASON
from nba_pipeline.precompute.calculations.past_games import CACHE, RESULTS

HALF_LIFE, LONG_HALF_LIFE = 15, 40

OF_TEAM = {
    "points": ("points", "points"),
    "pace": ("possessions", "pace"),
    "offensive_rating": ("points", "offensive rating"),
    "margin": ("points", "points scored less points allowed"),
    "field_goals_attempted": ("shots", "field goals attempted"),
    "three_pointers_attempted": ("shots", "threes attempted"),
    "assists": ("assists", "assists"),
    "rebounds": ("rebounds", "rebounds"),
}
"""What a team does, with unit and words."""

OF_OPPONENT = {
    "pace": ("possessions", "pace"),
    "margin": ("points", "points scored less points allowed"),
    "offensive_rating": ("points", "offensive rating"),
    "defensive_rating": ("points", "points allowed per 100 possessions"),
    "points_allowed": ("points", "points allowed"),
    "three_pointers_faced": ("shots", "threes attempted against it"),
    "three_pointers_allowed": ("shots", "threes made against it"),
    "free_throws_faced": ("shots", "free throws attempted against it"),
    "free_throws_allowed": ("shots", "free throws made against it"),
    "rebounds_allowed": ("rebounds", "rebounds of its opponents"),
    "assists_allowed": ("assists", "assists of its opponents"),
    "turnovers_forced": ("turnovers", "turnovers of its opponents"),
    "opponent_effective_field_goal_rate": ("share", "effective field-goal rate of its opponents"),
}
"""What happens in the opponent's games, with unit and words."""

LONG_OF_BOTH = ("points", "points_allowed", "pace", "offensive_rating", "defensive_rating", "margin")
"""What the expectations of the game are made from, with the longer half-life."""

HOME_ADVANTAGE = 2.0
"""Points by which being at home moves the expected margin: home teams won by 0.9 to 3.1 points a game, 2015-16 to
2023-24."""

_team = partial(Feature, source=team_offense_game_summary.CONTRACT.name, evidence="team_games_season", wanted=10)
_opponent = partial(Feature, source=team_defense_game_summary.CONTRACT.name, evidence="opponent_games_season",
                    wanted=10)  # fmt: skip
_both = partial(_opponent, made_from=TEAM | OPPONENT)


def opponent_name(measure: str) -> str:
    """The name of an opponent's feature, without saying `opponent` twice."""
    return f"opponent_allowed_{measure.removeprefix('opponent_')}" if "opponent_" in measure else f"opponent_{measure}"


FEATURES = (
    *(
        _team(f"team_{name}", unit, f"His team's {said}, half-life {HALF_LIFE} games.", made_from=TEAM)
        for name, (unit, said) in OF_TEAM.items()
    ),
    *(
        _opponent(opponent_name(name), unit, f"The opponent's {said}, half-life {HALF_LIFE} games.",
                  made_from=OPPONENT)
        for name, (unit, said) in OF_OPPONENT.items()
    ),
    _team("team_win_share_season", "share", "Share of his team's games this season that it won.",
          made_from=TEAM_THIS_SEASON),
    _opponent("opponent_win_share_season", "share", "Share of the opponent's games this season that it won.",
              made_from=OPPONENT_THIS_SEASON),
    _team("team_margin_long", "points", f"His team's margin, half-life {LONG_HALF_LIFE} games.", made_from=TEAM),
    _opponent("opponent_margin_long", "points", f"The opponent's margin, half-life {LONG_HALF_LIFE} games.",
              made_from=OPPONENT),
    _opponent("opponent_defensive_rating_long", "points",
              f"The opponent's defensive rating, half-life {LONG_HALF_LIFE} games.", made_from=OPPONENT),
    _both("expected_margin", "points",
          f"His team's margin less the opponent's, half-life {LONG_HALF_LIFE} games, and {HOME_ADVANTAGE:g} more "
          "at home and less away: positive is a favourite."),
    _both("expected_margin_size", "points",
          "The expected margin without its sign: the larger, the likelier is a game decided early, which costs "
          "regulars minutes."),
    _both("expected_team_points", "points",
          f"Mean of what his team scores and the opponent allows, half-life {LONG_HALF_LIFE} games."),
    _both("expected_pace", "possessions",
          f"His team's and the opponent's pace together, half-life {LONG_HALF_LIFE} games."),
    _both("expected_efficiency", "points",
          f"His team's offensive and the opponent's defensive rating together, half-life {LONG_HALF_LIFE} games."),
    _both("pace_mismatch", "possessions",
          f"The opponent's pace less his team's, half-life {HALF_LIFE} games: positive is a faster game than his "
          "team is used to."),
)  # fmt: skip


def team_measures(log: GameLog) -> dict[str, ir.Value]:
    """What is known of a team after each of its games."""
    rows = log.rows
    return {
        "team_games_known": log.count(),
        **{f"team_{name}": log.ewma(rows[name], HALF_LIFE, never_null=True) for name in OF_TEAM},
        **{f"team_{name}_long": log.ewma(rows[name], LONG_HALF_LIFE, never_null=True) for name in LONG_OF_BOTH},
        "team_win_share_season": log.mean(rows.won.cast("int64"), log.this_season),
    }


def opponent_measures(log: GameLog) -> dict[str, ir.Value]:
    """What is known of a team as an opponent after each of its games."""
    rows = log.rows
    return {
        "opponent_games_season": log.count(log.this_season),
        **{opponent_name(name): log.ewma(rows[name], HALF_LIFE, never_null=True) for name in OF_OPPONENT},
        **{f"opponent_{name}_long": log.ewma(rows[name], LONG_HALF_LIFE, never_null=True) for name in LONG_OF_BOTH},
        "opponent_win_share_season": log.mean(rows.won.cast("int64"), log.this_season),
    }


def derived(rows: ibis.Table) -> dict[str, ir.Value]:
    """What the two teams together promise for the game."""
    margin = rows.team_margin_long - rows.opponent_margin_long + rows.is_home.ifelse(HOME_ADVANTAGE, -HOME_ADVANTAGE)
    return {
        "expected_margin": margin,
        "expected_margin_size": margin.abs(),
        "expected_team_points": (rows.team_points_long + rows.opponent_points_allowed_long) / 2,
        "expected_pace": rows.team_pace_long + rows.opponent_pace_long,
        "expected_efficiency": rows.team_offensive_rating_long + rows.opponent_defensive_rating_long,
        "pace_mismatch": rows.opponent_pace - rows.team_pace,
    }


OF_OWN_TEAM = Log(
    "team_id", lambda past: GameLog(past.results, "team_id", asked_of(past.asked, "team_id")), reads=RESULTS
)
"""The games of the player's team."""

OF_ITS_OPPONENT = Log(
    "team_id",
    lambda past: GameLog(past.results, "team_id", asked_of(past.asked, "team_id", on="opponent_id")),
    reads=RESULTS,
    on="opponent_id",
)
"""The games of the opponent."""

GROUP = FeatureGroup(
    name="teams",
    features=FEATURES,
    takes={CACHE: ("team_games_season",)},
    measures={OF_OWN_TEAM: team_measures, OF_ITS_OPPONENT: opponent_measures},
    counts=("opponent_games_season",),
    derived=derived,
)
