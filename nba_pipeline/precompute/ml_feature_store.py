"""ML feature store: everything the models may know about a player before a game, one row each."""

from collections.abc import Sequence
from datetime import date
from functools import reduce

import dagster as dg
import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import (
    player_game_summary,
    team_defense_game_summary,
    team_offense_game_summary,
)
from nba_pipeline.contracts import (
    GAME_DATE,
    GAME_ID,
    IS_HOME,
    OPPONENT,
    OPPONENT_ID,
    PLAYER_ID,
    SEASON,
    TEAM,
    TEAM_ID,
    Column,
    Grid,
    Phase,
    Read,
    Window,
    rows_as_keys,
)
from nba_pipeline.contracts import Table as Contract
from nba_pipeline.precompute import player_daily_cache
from nba_pipeline.precompute.as_of import GameLog, as_of
from nba_pipeline.precompute.features import Feature, tier
from nba_pipeline.table_asset import table_asset

HALF_LIVES = (3, 7, 15, 30)
"""In games: the last week, the last fortnight, the last month, the last two months."""

EWMA_STATS = {
    "minutes": ("min", HALF_LIVES),
    "points": ("points", HALF_LIVES),
    "field_goals_attempted": ("shots", (7, 15)),
    "three_pointers_attempted": ("shots", (7, 15)),
    "free_throws_attempted": ("shots", (7, 15)),
    "rebounds": ("rebounds", (7, 15)),
    "assists": ("assists", (7, 15)),
    "usage_rate": ("share", (7, 15)),
    "true_shooting": ("share", (15,)),
    "personal_fouls": ("fouls", (15,)),
}
"""Box-score values that are averaged with exponential weights, with their units and half-lives."""

PRIOR_GAMES = 10
"""How many games of the season before, or of the league, a prior is worth against games of this season."""

LONGEST_REST = 30
"""Days of rest beyond which more say nothing more."""

GAMES = "evidence_games"
SEASON_GAMES = "games_played_season"

EWMA_FEATURES = tuple(
    Feature(
        f"{stat}_ewma_{half_life}",
        unit,
        f"Exponentially weighted mean of {stat.replace('_', ' ')}, half-life {half_life} games, running on "
        "from the season before.",
        GAMES,
        half_life,
    )
    for stat, (unit, half_lives) in EWMA_STATS.items()
    for half_life in half_lives
)

FEATURES: tuple[Feature, ...] = (
    *EWMA_FEATURES,
    Feature("points_last_10", "points", "Mean points of the last 10 games, of this season or the one before.",
            GAMES, 10),
    Feature("points_avg_season", "points", "Mean points this season.", SEASON_GAMES, 20),
    Feature("points_avg_last_5", "points", "Mean points of the last 5 games this season.", SEASON_GAMES, 5),
    Feature("points_avg_last_10", "points", "Mean points of the last 10 games this season.", SEASON_GAMES, 10),
    Feature("points_deviation_last_10", "points", "Standard deviation of points, last 10 games this season.",
            SEASON_GAMES, 10),
    Feature("points_last_game", "points", "Points of the last game.", GAMES, 1),
    Feature("minutes_last_game", "min", "Minutes of the last game.", GAMES, 1),
    Feature("minutes_avg_last_10", "min", "Mean minutes of the last 10 games this season.", SEASON_GAMES, 10),
    Feature("minutes_avg_season", "min", "Mean minutes this season.", SEASON_GAMES, 20),
    Feature("minutes_deviation_last_10", "min", "Standard deviation of minutes, last 10 games this season.",
            SEASON_GAMES, 10),
    Feature("points_per_minute", "points/min", "Points per minute, both averaged with half-life 15.", GAMES, 15),
    Feature("minutes_trend", "min", "Minutes averaged with half-life 3 less those with half-life 15.", GAMES, 15),
    Feature("points_trend", "points", "Points averaged with half-life 3 less those with half-life 15.",
            GAMES, 15),
    Feature("usage_rate_last_10", "share", "Mean usage rate of the last 10 games this season.",
            SEASON_GAMES, 10),
    Feature("three_point_share_last_10", "share", "Share of threes among shots, last 10 games this season.",
            SEASON_GAMES, 10),
    Feature("games_played_season", "games", "Games played this season."),
    Feature("games_prior_season", "games", "Games played in the season before."),
    Feature("points_avg_prior_season", "points", "Mean points of the season before.", "games_prior_season", 20),
    Feature("minutes_avg_prior_season", "min", "Mean minutes of the season before.", "games_prior_season", 20),
    Feature("points_prior", "points",
            f"Mean points this season, shrunk by {PRIOR_GAMES} games towards the season before, and that "
            "towards the league's mean for the position.", GAMES, 20),
    Feature("minutes_prior", "min",
            f"Mean minutes this season, shrunk by {PRIOR_GAMES} games towards the season before, and that "
            "towards the league's mean for the position.", GAMES, 20),
    Feature("days_rest", "days", f"Days since his last game, at most {LONGEST_REST}.", GAMES, 1),
    Feature("team_days_rest", "days", f"Days since his team's last game this season, at most {LONGEST_REST}.",
            "team_games_season", 1),
    Feature("opponent_days_rest", "days",
            f"Days since the opponent's last game this season, at most {LONGEST_REST}.",
            "opponent_games_season", 1),
    Feature("rest_advantage", "days", "Team's days of rest less the opponent's, between -3 and 3.",
            "opponent_games_season", 1),
    Feature("is_back_to_back", "flag", "1 if his team played the day before."),
    Feature("games_last_7_days", "games", "Games played in the 7 days before."),
    Feature("games_last_14_days", "games", "Games played in the 14 days before."),
    Feature("minutes_last_7_days", "min", "Minutes in the 7 days before."),
    Feature("back_to_backs_last_14_days", "games", "Second nights of back-to-backs in the 14 days before."),
    Feature("is_home_game", "flag", "1 if his team plays at home."),
    Feature("team_games_season", "games", "Games that his team played this season."),
    Feature("team_games_missed", "games", "Games of his team since his last one, this season.",
            "team_games_season", 1),
    Feature("participation_season", "share", "Share of his team's games this season that he played.",
            "team_games_season", 10),
    Feature("minutes_rank_in_team", "rank",
            "Rank among the team's expected players by minutes with half-life 7; 1 plays most.", GAMES, 7),
    Feature("team_points_share", "share",
            "His points with half-life 15 as a share of the team's points with half-life 15.", GAMES, 15),
    Feature("team_pace", "possessions", "His team's pace, half-life 15 games.", "team_games_season", 10),
    Feature("team_offensive_rating", "points", "His team's offensive rating, half-life 15 games.",
            "team_games_season", 10),
    Feature("opponent_pace", "possessions", "The opponent's pace, half-life 15 games.",
            "opponent_games_season", 10),
    Feature("opponent_points_allowed", "points", "Points that the opponent allows, half-life 15 games.",
            "opponent_games_season", 10),
    Feature("opponent_defensive_rating", "points", "The opponent's defensive rating, half-life 15 games.",
            "opponent_games_season", 10),
    Feature("opponent_three_pointers_faced", "shots", "Threes that the opponent faces, half-life 15 games.",
            "opponent_games_season", 10),
    Feature("opponent_free_throws_faced", "shots", "Free throws that the opponent faces, half-life 15 games.",
            "opponent_games_season", 10),
    Feature("points_against_opponent", "points",
            "Mean points against this opponent, this season and the one before.", "games_against_opponent", 4),
    Feature("games_against_opponent", "games", "Games against this opponent, this season and the one before."),
)  # fmt: skip

CONTRACT = Contract(
    name="precompute.ml_feature_store",
    description=(
        f"One row per game date and player expected to be available: {len(FEATURES)} features, each with its "
        "quality, all from games before the date. Missing is null, never a default."
    ),
    phase=Phase.PRECOMPUTE,
    grain=("game_date", "game_id", "player_id"),
    columns=(
        GAME_DATE,
        GAME_ID,
        PLAYER_ID,
        *(feature.column for feature in FEATURES),
        *(feature.quality_column for feature in FEATURES),
        Column("quality", "float64", "Mean quality of the row's features.", "points of 100", between=(0, 100)),
        Column("quality_tier", "string", "Gold from 95, silver from 85, bronze from 70, poor from 50.",
               "category", allowed=("gold", "silver", "bronze", "poor", "critical")),
        Column("missing_features", "int64", "Features that are null.", "features", between=(0, len(FEATURES))),
        Column("player_name", "string", "First and last name, for display only; join on ids.", "text"),
        Column("position", "string", "Position as last listed.", "category", nullable=True),
        SEASON,
        TEAM_ID,
        TEAM,
        OPPONENT_ID,
        OPPONENT,
        IS_HOME,
    ),
    reads={
        "cache": Read(player_daily_cache.CONTRACT),
        "history": Read(player_game_summary.CONTRACT, Window.BEFORE, earlier_seasons=1),
        "offense": Read(team_offense_game_summary.CONTRACT, Window.BEFORE, earlier_seasons=1),
        "defense": Read(team_defense_game_summary.CONTRACT, Window.BEFORE, earlier_seasons=1),
    },
    grid=Grid(
        ("game_id", "player_id"),
        lambda read: rows_as_keys("game_id", "player_id")(read(player_daily_cache.CONTRACT)),
        rows_as_keys("game_id", "player_id"),
        "players",
    ),
    before_tip_off=True,
    critical=True,
)  # fmt: skip


def player_states(history: ibis.Table) -> ibis.Table:
    """What is known of a player's form after each game that he played."""
    log = GameLog(history.filter(history.played), "player_id")
    rows = log.rows
    ewmas = {
        f"{stat}_ewma_{half_life}": log.ewma(rows[stat], half_life)
        for stat, (_, half_lives) in EWMA_STATS.items()
        for half_life in half_lives
    }
    return log.states(
        **ewmas,
        evidence_games=log.count(),
        points_last_10=log.last(rows.points, 10, any_season=True),
        points_last_game=rows.points.cast("float64"),
        minutes_last_game=rows.minutes,
        minutes_deviation_last_10=log.last_deviation(rows.minutes, 10),
        games_prior_season=log.count(~log.this_season),
        points_avg_prior_season=log.mean(rows.points, ~log.this_season),
        minutes_avg_prior_season=log.mean(rows.minutes, ~log.this_season),
        team_games_at_last=(log.this_season).ifelse(rows.team_game_number, 0),
    )


def numbered_games(history: ibis.Table, offense: ibis.Table) -> ibis.Table:
    """The history with the number of each game in its team's season."""
    order = ibis.window(group_by=[offense.team_id, offense.season], order_by=offense.game_date)
    numbers = offense.select("game_id", "team_id", team_game_number=ibis.row_number().over(order) + 1)
    return history.inner_join(numbers, ["game_id", "team_id"])


def offense_states(offense: ibis.Table) -> ibis.Table:
    """What is known of a team's offence and calendar after each of its games."""
    log = GameLog(offense, "team_id")
    return log.states(
        team_last_date=log.this_season.ifelse(log.rows.game_date, ibis.null("date")),
        team_pace=log.ewma(log.rows.pace, 15),
        team_offensive_rating=log.ewma(log.rows.offensive_rating, 15),
        team_points=log.ewma(log.rows.points, 15),
    )


def defense_states(defense: ibis.Table) -> ibis.Table:
    """What is known of a team as an opponent after each of its games."""
    log = GameLog(defense, "team_id")
    return log.states(
        opponent_last_date=log.this_season.ifelse(log.rows.game_date, ibis.null("date")),
        opponent_games_season=log.count(log.this_season),
        opponent_pace=log.ewma(log.rows.pace, 15),
        opponent_points_allowed=log.ewma(log.rows.points_allowed, 15),
        opponent_defensive_rating=log.ewma(log.rows.defensive_rating, 15),
        opponent_three_pointers_faced=log.ewma(log.rows.three_pointers_faced, 15),
        opponent_free_throws_faced=log.ewma(log.rows.free_throws_faced, 15),
    )


def pairing_states(history: ibis.Table) -> ibis.Table:
    """What is known of a player against one opponent after each game against it."""
    played = history.filter(history.played)
    log = GameLog(played.mutate(pairing=pairing(played)), "pairing")
    return log.states(games_against_opponent=log.count(), points_against_opponent=log.mean(log.rows.points))


def pairing(rows: ibis.Table) -> ir.StringValue:
    """The player and the opponent as one entity."""
    return rows.player_id.cast("string") + "-" + rows.opponent_id.cast("string")


def position_group(rows: ibis.Table) -> ir.StringValue:
    """The first letter of the position, `?` where none is listed."""
    return rows.position.upper().left(1).fill_null("?")


def league_states(history: ibis.Table) -> ibis.Table:
    """The league's mean points and minutes by position group, after each day of games."""
    played = history.filter(history.played)
    days = (
        played.mutate(position_group=position_group(played))
        .group_by("position_group", "season", "game_date")
        .agg(points=ibis._.points.sum(), minutes=ibis._.minutes.sum(), games=ibis._.count())
    )
    log = GameLog(days, "position_group")
    games = log.mean(log.rows.games)
    return log.states(
        league_points=log.mean(log.rows.points) / games, league_minutes=log.mean(log.rows.minutes) / games
    )


def shrunk(rows: ibis.Table, stat: str) -> ir.FloatingValue:
    """This season's mean, shrunk to last season's, shrunk to the league's for the position."""

    def towards(mean: ir.FloatingValue, games: ir.IntegerValue, prior: ir.FloatingValue) -> ir.FloatingValue:
        return (mean.fill_null(0.0) * games.fill_null(0) + prior * PRIOR_GAMES) / (games.fill_null(0) + PRIOR_GAMES)

    before = towards(rows[f"{stat}_avg_prior_season"], rows.games_prior_season, rows[f"league_{stat}"])
    return towards(rows[f"{stat}_avg_season"], rows.games_played_season, before)


def days_before(rows: ibis.Table, since: ir.DateValue) -> ir.FloatingValue:
    """Days from `since` to the date, at most `LONGEST_REST`."""
    return rows.game_date.delta(since, unit="day").clip(upper=LONGEST_REST).cast("float64")


def known_before(cache: ibis.Table, history: ibis.Table, offense: ibis.Table, defense: ibis.Table) -> ibis.Table:
    """The cache's rows with every state that the features are made from."""
    spine = cache.mutate(position_group=position_group(cache), pairing=pairing(cache))
    states = (
        (player_states(numbered_games(history, offense)), "player_id", None),
        (offense_states(offense), "team_id", None),
        (defense_states(defense), "team_id", "opponent_id"),
        (pairing_states(history), "pairing", None),
        (league_states(history), "position_group", None),
    )
    return reduce(lambda rows, state: as_of(rows, state[0], state[1], on=state[2]), states, spine)


def features(rows: ibis.Table) -> ibis.Table:
    """The rows with the features that are derived from several states."""
    rows = rows.mutate(
        games_prior_season=rows.games_prior_season.fill_null(0),
        games_against_opponent=rows.games_against_opponent.fill_null(0),
        evidence_games=rows.evidence_games.fill_null(0),
        opponent_games_season=rows.opponent_games_season.fill_null(0),
        days_rest=days_before(rows, rows.last_game_date),
        team_days_rest=days_before(rows, rows.team_last_date),
        opponent_days_rest=days_before(rows, rows.opponent_last_date),
        is_home_game=rows.is_home.ifelse(1.0, 0.0),
        points_per_minute=rows.points_ewma_15 / rows.minutes_ewma_15.nullif(0.0),
        minutes_trend=rows.minutes_ewma_3 - rows.minutes_ewma_15,
        points_trend=rows.points_ewma_3 - rows.points_ewma_15,
        team_points_share=rows.points_ewma_15 / rows.team_points.nullif(0.0),
        points_prior=shrunk(rows, "points"),
        minutes_prior=shrunk(rows, "minutes"),
        team_games_missed=(rows.team_games_season - rows.team_games_at_last).fill_null(rows.team_games_season),
        participation_season=rows.games_played_season / rows.team_games_season.nullif(0),
    )
    team = ibis.window(
        group_by=[rows.game_id, rows.team_id],
        order_by=[rows.minutes_ewma_7.fill_null(-1.0).desc(), rows.player_id],
    )
    advantage = rows.team_days_rest - rows.opponent_days_rest
    return rows.mutate(
        is_back_to_back=(rows.team_days_rest == 1).fill_null(False).ifelse(1.0, 0.0),
        rest_advantage=advantage.clip(-3.0, 3.0),
        minutes_rank_in_team=ibis.row_number().over(team) + 1,
    )


def with_quality(rows: ibis.Table) -> ibis.Table:
    """The contract's columns: each feature, its quality, and the row's quality."""
    graded = rows.select(
        *[c for c in CONTRACT.schema.names if c in rows.columns and c not in _FEATURE_NAMES],
        **{feature.name: rows[feature.name].cast("float64") for feature in FEATURES},
        **{feature.quality_column.name: feature.quality(rows) for feature in FEATURES},
    )
    total = reduce(lambda a, b: a + b, [graded[feature.quality_column.name] for feature in FEATURES])
    missing = reduce(lambda a, b: a + b, [graded[f.name].isnull().ifelse(1, 0) for f in FEATURES])
    quality = total.cast("float64") / len(FEATURES)
    return graded.mutate(quality=quality, quality_tier=tier(quality), missing_features=missing)


_FEATURE_NAMES = frozenset(feature.name for feature in FEATURES)


def ml_feature_store(cache: ibis.Table, history: ibis.Table, offense: ibis.Table, defense: ibis.Table) -> ibis.Table:
    """One row a date and expected player, from the cache of the date and everything before it."""
    return with_quality(features(known_before(cache, history, offense, defense)))


@table_asset(CONTRACT)
def asset(
    context: dg.AssetExecutionContext,
    dates: Sequence[date],
    cache: ibis.Table,
    history: ibis.Table,
    offense: ibis.Table,
    defense: ibis.Table,
) -> ibis.Table:
    """The features of the players expected on the dates."""
    return ml_feature_store(cache, history, offense, defense)
