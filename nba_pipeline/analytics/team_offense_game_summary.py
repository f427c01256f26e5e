"""Team offense game summary: how a team scored in one game."""

import ibis

from nba_pipeline.analytics.calculations.box_score_rates import (
    PACE,
    POSSESSIONS,
    RATING,
    TRUE_SHOOTING_OF_A_TEAM,
    effective_field_goal_rate,
    plays_ended,
    ratio,
    true_shooting,
)
from nba_pipeline.analytics.calculations.team_games import team_totals, with_opponent
from nba_pipeline.assets.table_asset import transformed
from nba_pipeline.contracts import (
    GAME_DATE,
    GAME_ID,
    IS_HOME,
    OPPONENT,
    OPPONENT_ID,
    SEASON,
    TEAM,
    TEAM_ID,
    Column,
    Contract,
    Phase,
    Read,
    same_keys,
)
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw import player_box_scores
from nba_pipeline.raw.rules.box_score_rules import TEAM_COUNTS

OLIVER = "Oliver, Basketball on Paper (2004)"

TEAM_GAME_COLUMNS = (
    GAME_DATE,
    GAME_ID,
    TEAM_ID,
    TEAM,
    OPPONENT_ID,
    OPPONENT,
    SEASON,
    Column("postseason", "boolean", "Whether the game belongs to the play-offs.", "flag"),
    IS_HOME,
    Column("won", "boolean", "Whether the team won.", "flag"),
    Column("overtimes", "int64", "Overtimes played.", "periods", between=(0, 10)),
)
"""What every table of one row a team and game begins with."""

TEAM_GAME_GRID = same_keys(player_box_scores.CONTRACT, "game_id", "team_id", what="teams")

CONTRACT = Contract(
    name="analytics.team_offense_game_summary",
    description="One row per team and final game: its totals, efficiency, four factors and pace.",
    phase=Phase.ANALYTICS,
    grain=("game_date", "game_id", "team_id"),
    columns=(
        *TEAM_GAME_COLUMNS,
        *(
            Column(c.name, "int64", f"{c.definition[:-1]}, by the team.", c.unit, between=TEAM_COUNTS[c.name])
            for c in player_box_scores.COUNTS
        ),
        Column("margin", "int64", "Points scored less points allowed.", "points", between=(-249, 249)),
        Column("possessions", "float64", "Estimated possessions: FGA + 0.44 · FTA + TOV - OREB.",
               "possessions", between=POSSESSIONS, source=OLIVER),
        Column("pace", "float64", "Possessions per 48 minutes, the mean of both teams.", "possessions",
               between=PACE),
        Column("offensive_rating", "float64", "Points per 100 possessions.", "points", between=RATING,
               source=OLIVER),
        Column("true_shooting", "float64", "Points per two shooting attempts.", "share",
               between=TRUE_SHOOTING_OF_A_TEAM),
        Column("effective_field_goal_rate", "float64", "Four factors: (FGM + 0.5 · 3PM) / FGA.", "share",
               between=(0, 1.5), source=OLIVER),
        Column("turnover_rate", "float64", "Four factors: turnovers per play ended.", "share",
               between=(0, 1), source=OLIVER),
        Column("offensive_rebound_rate", "float64",
               "Four factors: share of own misses rebounded, of those that either team rebounded.", "share",
               nullable=True, between=(0, 1), source=OLIVER),
        Column("free_throw_rate", "float64", "Four factors: free throws made per field goal attempted.",
               "share", between=(0, 3), source=OLIVER),
        Column("two_point_points", "int64", "Points from two-pointers.", "points", between=(0, 240)),
        Column("three_point_points", "int64", "Points from three-pointers.", "points", between=(0, 200)),
        Column("free_throw_points", "int64", "Points from free throws.", "points", between=(0, 100)),
    ),
    reads={"box_scores": Read(player_box_scores.CONTRACT), "games": Read(raw_games.CONTRACT)},
    grid=TEAM_GAME_GRID,
)  # fmt: skip


def team_offense_game_summary(box_scores: ibis.Table, games: ibis.Table) -> ibis.Table:
    """One row a team and game, from the box scores and games of the same dates."""
    rows = with_opponent(team_totals(box_scores, games))
    rebounds_at_stake = rows.offensive_rebounds + rows.opponent_defensive_rebounds
    return rows.select(
        "game_date", "game_id", "team_id", "team", "opponent_id", "opponent", "season", "postseason",
        "is_home", "overtimes", "possessions",
        *[column.name for column in player_box_scores.COUNTS],
        won=rows.score > rows.opponent_score,
        margin=rows.score - rows.opponent_score,
        pace=rows.game_possessions / rows.game_minutes * 48,
        offensive_rating=ratio(rows.points, rows.possessions) * 100,
        true_shooting=true_shooting(rows),
        effective_field_goal_rate=effective_field_goal_rate(rows),
        turnover_rate=ratio(rows.turnovers, plays_ended(rows)),
        offensive_rebound_rate=ratio(rows.offensive_rebounds, rebounds_at_stake),
        free_throw_rate=ratio(rows.free_throws_made, rows.field_goals_attempted),
        two_point_points=2 * (rows.field_goals_made - rows.three_pointers_made),
        three_point_points=3 * rows.three_pointers_made,
        free_throw_points=rows.free_throws_made,
    )  # fmt: skip


asset = transformed(CONTRACT, team_offense_game_summary)
