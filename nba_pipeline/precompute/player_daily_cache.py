"""Player daily cache: what is known about a player on the morning of a game, computed once."""

import ibis

from nba_pipeline.analytics import player_game_summary, team_offense_game_summary, upcoming_player_game_context
from nba_pipeline.analytics.calculations.box_score_rates import FREE_THROW_WEIGHT, MOST_GAME_MINUTES, PACE, RATING, most
from nba_pipeline.analytics.upcoming_player_game_context import EXPECTED_BECAUSE, LAST_GAME_DATE
from nba_pipeline.as_of import GameLog, as_of
from nba_pipeline.assets.table_asset import transformed
from nba_pipeline.contracts import (
    GAME_DATE,
    GAME_ID,
    IS_HOME,
    OPPONENT,
    OPPONENT_ID,
    PLAYER_ID,
    PLAYER_NAME,
    POSITION,
    SEASON,
    TEAM,
    TEAM_ID,
    Column,
    Contract,
    Phase,
    Read,
    Window,
    same_keys,
)
from nba_pipeline.precompute.calculations import window_completeness
from nba_pipeline.raw import games as raw_games

EARLY_SEASON_GAMES = 10
"""Below this many games of the season, averages of it say little."""


def _mean(name: str, definition: str, unit: str, high: float) -> Column:
    return Column(name, "float64", definition, unit, nullable=True, between=(0, high))


CONTRACT = Contract(
    name="precompute.player_daily_cache",
    description=(
        "One row per game date and player expected to be available, with averages over the games of the "
        "season before the date. Made before the games of the date; games in which he did not play do not count."
    ),
    phase=Phase.PRECOMPUTE,
    grain=("game_date", "game_id", "player_id"),
    columns=(
        GAME_DATE,
        GAME_ID,
        PLAYER_ID,
        PLAYER_NAME,
        POSITION,
        SEASON,
        TEAM_ID,
        TEAM,
        OPPONENT_ID,
        OPPONENT,
        IS_HOME,
        EXPECTED_BECAUSE,
        LAST_GAME_DATE,
        Column("games_played_season", "int64", "Games played this season.", "games", between=(0, 120)),
        Column("team_games_season", "int64", "Games that his team played this season.", "games", between=(0, 120)),
        _mean("points_avg_last_5", "Mean points of his last 5 games this season.", "points", 120),
        _mean("points_avg_last_10", "Mean points of his last 10 games this season.", "points", 120),
        _mean("points_avg_season", "Mean points of his games this season.", "points", 120),
        _mean("points_deviation_last_10", "Sample standard deviation of points, last 10 games this season.",
              "points", 85),
        _mean("minutes_avg_last_10", "Mean minutes of his last 10 games this season.", "min", 70),
        _mean("minutes_avg_season", "Mean minutes of his games this season.", "min", 70),
        _mean("usage_rate_last_10", "Mean usage rate of his last 10 games this season.", "share", MOST_GAME_MINUTES),
        _mean("usage_rate_season", "Mean usage rate of his games this season.", "share",
              MOST_GAME_MINUTES),
        _mean("true_shooting_last_10", "Mean true shooting of his last 10 games this season, games without an "
              "attempt left out.", "share", most("points") / 2 / FREE_THROW_WEIGHT),
        _mean("three_point_share_last_10", "Mean share of threes among his shots, last 10 games this season.",
              "share", 1),
        _mean("free_throw_points_share_season", "Mean share of his points from free throws this season.",
              "share", 1),
        Column("primary_scoring_zone", "string", "Where most of his points of the last 10 games came from.",
               "category", nullable=True, allowed=("two-point", "three-point", "free-throw")),
        Column("games_last_7_days", "int64", "Games played in the 7 days before.", "games", between=(0, 7)),
        Column("games_last_14_days", "int64", "Games played in the 14 days before.", "games", between=(0, 14)),
        Column("minutes_last_7_days", "float64", "Minutes in the 7 days before.", "min", between=(0, 490)),
        Column("minutes_last_14_days", "float64", "Minutes in the 14 days before.", "min", between=(0, 980)),
        Column("back_to_backs_last_14_days", "int64",
               "Games in the 14 days before that came the day after another of his.", "games", between=(0, 13)),
        _mean("minutes_per_game_last_7_days", "Minutes a game played in the 7 days before; null without one.",
              "min", 70),
        _mean("team_pace_last_10", "Mean pace of his team's last 10 games this season.", "possessions", PACE[1]),
        _mean("team_offensive_rating_last_10", "Mean offensive rating of his team's last 10 games this season.",
              "points", RATING[1]),
        *window_completeness.COLUMNS,
        Column("is_early_season", "boolean", f"Fewer than {EARLY_SEASON_GAMES} games played this season.", "flag"),
    ),
    reads={
        "upcoming": Read(upcoming_player_game_context.CONTRACT),
        "history": Read(player_game_summary.CONTRACT, Window.BEFORE, earlier_seasons=1),
        "team_history": Read(team_offense_game_summary.CONTRACT, Window.BEFORE, earlier_seasons=1),
        "schedule": Read(raw_games.CONTRACT, Window.BEFORE, optional=True),
    },
    grid=same_keys(upcoming_player_game_context.CONTRACT, "game_id", "player_id", what="players"),
    before_tip_off=True,
    critical=True,
)  # fmt: skip


def player_states(history: ibis.Table) -> ibis.Table:
    """What is known of a player after each game that he played."""
    played = history.filter(history.played)
    log = GameLog(
        played.mutate(
            three_point_share=played.three_pointers_attempted / played.field_goals_attempted.nullif(0),
            free_throw_share=played.free_throws_made / played.points.nullif(0),
            two_point_points=2 * (played.field_goals_made - played.three_pointers_made),
            three_point_points=3 * played.three_pointers_made,
        ),
        "player_id",
    )
    rows = log.rows
    return log.states(
        games_played_season=log.count(log.this_season),
        points_avg_last_5=log.last(rows.points, 5),
        points_avg_last_10=log.last(rows.points, 10),
        points_avg_season=log.mean(rows.points, log.this_season),
        points_deviation_last_10=log.last_deviation(rows.points, 10),
        minutes_avg_last_10=log.last(rows.minutes, 10),
        minutes_avg_season=log.mean(rows.minutes, log.this_season),
        usage_rate_last_10=log.last(rows.usage_rate, 10),
        usage_rate_season=log.mean(rows.usage_rate, log.this_season),
        true_shooting_last_10=log.last(rows.true_shooting, 10),
        three_point_share_last_10=log.last(rows.three_point_share, 10),
        free_throw_points_share_season=log.mean(rows.free_throw_share, log.this_season),
        two_point_points=log.last(rows.two_point_points, 10),
        three_point_points=log.last(rows.three_point_points, 10),
        free_throw_points=log.last(rows.free_throws_made, 10),
    )


def team_states(team_history: ibis.Table) -> ibis.Table:
    """What is known of a team's offence after each of its games."""
    log = GameLog(team_history, "team_id")
    return log.states(
        team_games_season=log.count(log.this_season),
        team_pace_last_10=log.last(log.rows.pace, 10),
        team_offensive_rating_last_10=log.last(log.rows.offensive_rating, 10),
    )


def primary_zone(rows: ibis.Table) -> ibis.Value:
    """The zone with the most points; null without points, the nearer zone on a tie."""
    two, three, free = rows.two_point_points, rows.three_point_points, rows.free_throw_points
    return ibis.cases(
        ((two + three + free).fill_null(0.0) == 0, ibis.null("string")),
        ((two >= three) & (two >= free), "two-point"),
        (three >= free, "three-point"),
        else_="free-throw",
    )


def player_daily_cache(
    upcoming: ibis.Table, history: ibis.Table, team_history: ibis.Table, schedule: ibis.Table
) -> ibis.Table:
    """One row a date and expected player, from the context of the dates and everything before them."""
    rows = as_of(upcoming, player_states(history), "player_id")
    rows = as_of(rows, team_states(team_history), "team_id")
    rows = window_completeness.with_windows(rows, schedule, team_history, history)
    games_played = rows.games_played_season.fill_null(0)
    rows = rows.mutate(
        games_played_season=games_played,
        team_games_season=rows.team_games_season.fill_null(0),
        primary_scoring_zone=primary_zone(rows),
        is_early_season=games_played < EARLY_SEASON_GAMES,
    )
    return rows.select(CONTRACT.schema.names)


asset = transformed(CONTRACT, player_daily_cache)
