"""Team defense game summary: what a team allowed in one game."""

import ibis

from nba_pipeline.analytics.calculations.box_score_rates import PACE, RATING, TRUE_SHOOTING_OF_A_TEAM, ratio
from nba_pipeline.analytics.calculations.team_games import team_totals, with_opponent
from nba_pipeline.analytics.team_offense_game_summary import OLIVER, TEAM_GAME_COLUMNS, TEAM_GAME_GRID
from nba_pipeline.assets.table_asset import transformed
from nba_pipeline.contracts import Column, Contract, Phase, Read
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw import player_box_scores
from nba_pipeline.raw.rules.box_score_rules import TEAM_COUNTS

CONTRACT = Contract(
    name="analytics.team_defense_game_summary",
    description="One row per defending team and final game: what the opponent got, and what was taken away.",
    phase=Phase.ANALYTICS,
    grain=("game_date", "game_id", "team_id"),
    columns=(
        *TEAM_GAME_COLUMNS,
        Column("points_allowed", "int64", "Points of the opponent.", "points", between=TEAM_COUNTS["points"]),
        Column("field_goals_allowed", "int64", "Field goals made by the opponent.", "shots",
               between=TEAM_COUNTS["field_goals_made"]),
        Column("field_goals_faced", "int64", "Field goals attempted by the opponent.", "shots",
               between=TEAM_COUNTS["field_goals_attempted"]),
        Column("three_pointers_allowed", "int64", "Three-pointers made by the opponent.", "shots",
               between=TEAM_COUNTS["three_pointers_made"]),
        Column("three_pointers_faced", "int64", "Three-pointers attempted by the opponent.", "shots",
               between=TEAM_COUNTS["three_pointers_attempted"]),
        Column("free_throws_allowed", "int64", "Free throws made by the opponent.", "shots",
               between=TEAM_COUNTS["free_throws_made"]),
        Column("free_throws_faced", "int64", "Free throws attempted by the opponent.", "shots",
               between=TEAM_COUNTS["free_throws_attempted"]),
        Column("rebounds_allowed", "int64", "Rebounds of the opponent.", "rebounds", between=TEAM_COUNTS["rebounds"]),
        Column("assists_allowed", "int64", "Assists of the opponent.", "assists", between=TEAM_COUNTS["assists"]),
        Column("turnovers_forced", "int64", "Turnovers of the opponent.", "turnovers",
               between=TEAM_COUNTS["turnovers"]),
        Column("steals", "int64", "Steals of the team.", "steals", between=TEAM_COUNTS["steals"]),
        Column("blocks", "int64", "Blocks of the team.", "blocks", between=TEAM_COUNTS["blocks"]),
        Column("defensive_rebounds", "int64", "Defensive rebounds of the team.", "rebounds",
               between=TEAM_COUNTS["defensive_rebounds"]),
        Column("defensive_rating", "float64", "Points allowed per 100 possessions of the opponent.",
               "points", between=RATING, source=OLIVER),
        Column("pace", "float64", "Possessions per 48 minutes, the mean of both teams.", "possessions",
               between=PACE),
        Column("opponent_true_shooting", "float64", "Points per two shooting attempts of the opponent.",
               "share", between=TRUE_SHOOTING_OF_A_TEAM),
        Column("opponent_effective_field_goal_rate", "float64",
               "Field-goal rate of the opponent with threes worth half a shot more.", "share",
               between=(0, 1.5), source=OLIVER),
    ),
    reads={"box_scores": Read(player_box_scores.CONTRACT), "games": Read(raw_games.CONTRACT)},
    grid=TEAM_GAME_GRID,
)  # fmt: skip


def team_defense_game_summary(box_scores: ibis.Table, games: ibis.Table) -> ibis.Table:
    """One row a defending team and game, from the box scores and games of the same dates."""
    rows = with_opponent(team_totals(box_scores, games))
    shooting_attempts = rows.opponent_field_goals_attempted.cast("float64") + 0.44 * rows.opponent_free_throws_attempted
    return rows.select(
        "game_date", "game_id", "team_id", "team", "opponent_id", "opponent", "season", "postseason",
        "is_home", "overtimes", "steals", "blocks", "defensive_rebounds",
        won=rows.score > rows.opponent_score,
        points_allowed=rows.opponent_points,
        field_goals_allowed=rows.opponent_field_goals_made,
        field_goals_faced=rows.opponent_field_goals_attempted,
        three_pointers_allowed=rows.opponent_three_pointers_made,
        three_pointers_faced=rows.opponent_three_pointers_attempted,
        free_throws_allowed=rows.opponent_free_throws_made,
        free_throws_faced=rows.opponent_free_throws_attempted,
        rebounds_allowed=rows.opponent_rebounds,
        assists_allowed=rows.opponent_assists,
        turnovers_forced=rows.opponent_turnovers,
        defensive_rating=ratio(rows.opponent_points, rows.opponent_possessions) * 100,
        pace=rows.game_possessions / rows.game_minutes * 48,
        opponent_true_shooting=ratio(rows.opponent_points, 2 * shooting_attempts),
        opponent_effective_field_goal_rate=ratio(
            rows.opponent_field_goals_made + 0.5 * rows.opponent_three_pointers_made,
            rows.opponent_field_goals_attempted,
        ),
    )  # fmt: skip


asset = transformed(CONTRACT, team_defense_game_summary)
