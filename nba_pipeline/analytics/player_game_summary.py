"""Player game summary: what a box score says about one player in one game, as rates."""

import ibis

from nba_pipeline.analytics.calculations.box_score_rates import (
    FREE_THROW_WEIGHT,
    MOST_GAME_MINUTES,
    PACE,
    effective_field_goal_rate,
    enough_minutes,
    most,
    per_minutes,
    plays_ended,
    ratio,
    true_shooting,
)
from nba_pipeline.analytics.calculations.team_games import team_totals
from nba_pipeline.assets.table_asset import transformed
from nba_pipeline.contracts import (
    GAME_DATE,
    GAME_ID,
    IS_HOME,
    OPPONENT,
    OPPONENT_ID,
    PLAYER_ID,
    PLAYER_NAME,
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

CONTRACT = Contract(
    name="analytics.player_game_summary",
    description="One row per player and game that the box score lists, with rates beside the counts.",
    phase=Phase.ANALYTICS,
    grain=("game_date", "game_id", "player_id"),
    columns=(
        GAME_DATE,
        GAME_ID,
        PLAYER_ID,
        PLAYER_NAME,
        Column("position", "string", "Position as listed by the source.", "category", nullable=True),
        SEASON,
        Column("postseason", "boolean", "Whether the game belongs to the play-offs.", "flag"),
        TEAM_ID,
        TEAM,
        OPPONENT_ID,
        OPPONENT,
        IS_HOME,
        Column("won", "boolean", "Whether his team won.", "flag"),
        Column(
            "played", "boolean",
            "Whether he was on the floor for at least a minute of the source's count.", "flag",
        ),
        Column("minutes", "float64", "Minutes on the floor, overtime included.", "min", between=(0, 70)),
        *player_box_scores.COUNTS,
        Column("plus_minus", "int64", "Points by which the team outscored the other while he was on the floor.",
               "points", nullable=True),
        Column(
            "usage_rate", "float64",
            "Share of his team's plays that he ended while on the floor; null below a minute.",
            "share", nullable=True, between=(0, MOST_GAME_MINUTES), source="Oliver, Basketball on Paper (2004)",
        ),
        Column("true_shooting", "float64", "Points per two shooting attempts; null without an attempt.",
               "share", nullable=True, between=(0, most("points") / 2 / FREE_THROW_WEIGHT),
               source="points / (2 · (FGA + 0.44 · FTA))"),
        Column("effective_field_goal_rate", "float64",
               "Field-goal rate with threes worth half a shot more; null without an attempt.",
               "share", nullable=True, between=(0, 1.5), source="(FGM + 0.5 · 3PM) / FGA"),
        Column("points_per_36", "float64", "Points per 36 minutes; null below a minute.", "points",
               nullable=True, between=(0, 36 * most("points"))),
        Column("rebounds_per_36", "float64", "Rebounds per 36 minutes; null below a minute.", "rebounds",
               nullable=True, between=(0, 36 * most("rebounds"))),
        Column("assists_per_36", "float64", "Assists per 36 minutes; null below a minute.", "assists",
               nullable=True, between=(0, 36 * most("assists"))),
        Column("pace", "float64", "Possessions per 48 minutes of the game, the mean of both teams.",
               "possessions", between=PACE),
    ),
    reads={"box_scores": Read(player_box_scores.CONTRACT), "games": Read(raw_games.CONTRACT)},
    grid=same_keys(player_box_scores.CONTRACT, "game_id", "player_id", what="players"),
)  # fmt: skip


def player_game_summary(box_scores: ibis.Table, games: ibis.Table) -> ibis.Table:
    """One row a player and game, from the box scores and games of the same dates."""
    totals = team_totals(box_scores, games)
    team = totals.select(
        "game_date", "game_id", "team_id", "postseason", "opponent_id", "opponent", "is_home", "overtimes",
        won=totals.score > totals.opponent_score,
        team_plays=plays_ended(totals),
        floor_minutes=totals.game_minutes,
        pace=totals.game_possessions / totals.game_minutes * 48,
    )  # fmt: skip
    rows = box_scores.inner_join(team, ["game_date", "game_id", "team_id"])
    return rows.select(
        "game_date", "game_id", "player_id", "position", "season", "postseason", "team_id", "team",
        "opponent_id", "opponent", "is_home", "won", "minutes", "plus_minus", "pace",
        *[column.name for column in player_box_scores.COUNTS],
        player_name=(rows.first_name + " " + rows.last_name).strip(),
        played=rows.minutes > 0,
        usage_rate=ratio(plays_ended(rows) * rows.floor_minutes, enough_minutes(rows.minutes) * rows.team_plays),
        true_shooting=true_shooting(rows),
        effective_field_goal_rate=effective_field_goal_rate(rows),
        points_per_36=per_minutes(rows.points, rows.minutes, 36),
        rebounds_per_36=per_minutes(rows.rebounds, rows.minutes, 36),
        assists_per_36=per_minutes(rows.assists, rows.minutes, 36),
    )  # fmt: skip


asset = transformed(CONTRACT, player_game_summary)
