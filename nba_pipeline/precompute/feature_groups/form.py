"""Form: what the player did in the games that he played, lately and over seasons."""

from dataclasses import replace
from functools import partial

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.as_of import GameLog, asked_of, exact
from nba_pipeline.precompute.calculations.feature_group import FeatureGroup, Log
from nba_pipeline.precompute.calculations.features import STATS, UNITS, Feature, flag
from nba_pipeline.precompute.calculations.games_used import OWN, OWN_SEASON_BEFORE, OWN_THIS_SEASON, POSITION
from nba_pipeline.precompute.calculations.past_games import CACHE, HISTORY, PastGames

GAMES = "evidence_games"
SEASON_GAMES = "games_played_season"
PRIOR_SEASON_GAMES = "games_prior_season"

OF_A_SEASON = (3, 7, 15, 30, 60)
"""Half-lives in games: the last week, fortnight, month and two months, and a season."""

EWMA_STATS = {
    "minutes": ("min", (3, 5, 7, 10, 15, 30, 60)),
    "points": ("points", (3, 5, 7, 10, 15, 30, 60)),
    "rebounds": ("rebounds", OF_A_SEASON),
    "assists": ("assists", OF_A_SEASON),
    "three_pointers_made": ("threes", OF_A_SEASON),
    "field_goals_attempted": ("shots", (3, 7, 15, 30)),
    "three_pointers_attempted": ("shots", OF_A_SEASON),
    "free_throws_attempted": ("shots", OF_A_SEASON),
    "field_goals_made": ("shots", (7, 60)),
    "free_throws_made": ("shots", (7, 60)),
    "usage_rate": ("share", (3, 7, 15, 30)),
    "true_shooting": ("share", (15, 60)),
    "offensive_rebounds": ("rebounds", (7, 30)),
    "defensive_rebounds": ("rebounds", (7, 30)),
    "steals": ("steals", (15,)),
    "blocks": ("blocks", (15,)),
    "turnovers": ("turnovers", (7, 30)),
    "personal_fouls": ("fouls", (7, 30)),
    "plus_minus": ("points", (7, 30)),
}
"""Box-score values that are averaged with exponential weights, with their units and half-lives."""

NULLABLE = ("usage_rate", "true_shooting", "plus_minus")
"""What not every game has a value of."""

PRIOR_GAMES = 10
"""How many games of the season before, or of the league, a prior is worth against games of this season."""

BREAKOUT_DEVIATIONS = 1.5

EVERYBODY = "everybody"
"""The position group of the whole league."""

_feature = partial(Feature, source=player_game_summary.CONTRACT.name)
_own = partial(_feature, made_from=OWN)
_of_season = partial(_feature, made_from=OWN_THIS_SEASON)
_of_prior_season = partial(_feature, made_from=OWN_SEASON_BEFORE)


def words(stat: str) -> str:
    """A statistic as people write it."""
    return stat.replace("_", " ")


def _of_each_stat(stat: str) -> tuple[Feature, ...]:
    unit, said = UNITS[stat], words(stat)
    return (
        _own(f"{stat}_last_game", unit, f"{said.capitalize()} of the last game.", GAMES, 1),
        _own(f"{stat}_last_10", unit, f"Mean {said} of the last 10 games, of this season or the one before.",
             GAMES, 10),
        _of_season(f"{stat}_avg_season", unit, f"Mean {said} this season.", SEASON_GAMES, 20),
        _of_season(f"{stat}_avg_last_5", unit, f"Mean {said} of the last 5 games this season.", SEASON_GAMES, 5),
        _of_season(f"{stat}_avg_last_10", unit, f"Mean {said} of the last 10 games this season.", SEASON_GAMES, 10),
        _of_season(f"{stat}_deviation_last_10", unit, f"Standard deviation of {said}, last 10 games this season.",
                   SEASON_GAMES, 10),
        _of_prior_season(
            f"{stat}_avg_prior_season", unit, f"Mean {said} of the season before.", PRIOR_SEASON_GAMES, 20),
        _feature(f"{stat}_prior", unit,
                 f"Mean {said} this season, shrunk by {PRIOR_GAMES} games towards the season before, and that towards "
                 "the league's mean for the position.", GAMES, 20, made_from=OWN | POSITION),
    )  # fmt: skip


FEATURES = (
    *(
        _own(
            f"{stat}_ewma_{half_life}",
            unit,
            f"Exponentially weighted mean of {words(stat)}, half-life {half_life} games, running on from the season "
            "before.",
            GAMES,
            half_life,
        )
        for stat, (unit, half_lives) in EWMA_STATS.items()
        for half_life in half_lives
    ),
    *(feature for stat in STATS for feature in _of_each_stat(stat)),
    _of_season("games_played_season", "games", "Games played this season."),
    _of_prior_season("games_prior_season", "games", "Games played in the season before."),
    _of_season("points_avg_last_3", "points", "Mean points of the last 3 games this season.", SEASON_GAMES, 3),
    _own("points_last_3", "points", "Mean points of the last 3 games, of this season or the one before.", GAMES, 3),
    _own("minutes_last_3", "min", "Mean minutes of the last 3 games, of this season or the one before.", GAMES, 3),
    _own("points_last_20", "points", "Mean points of the last 20 games, of this season or the one before.", GAMES,
         20),
    _own("minutes_last_but_one", "min", "Minutes of the game before the last.", GAMES, 2),
    _own("minutes_most_last_5", "min", "Most minutes of the last 5 games.", GAMES, 5),
    _own("minutes_least_last_5", "min", "Least minutes of the last 5 games that he played.", GAMES, 5),
    _own("field_goals_attempted_last_game", "shots", "Shots of the last game.", GAMES, 1),
    _own("personal_fouls_last_game", "fouls", "Fouls of the last game.", GAMES, 1),
    _own("plus_minus_last_game", "points", "Plus-minus of the last game.", GAMES, 1),
    _own("minutes_rank_last_game", "rank", "Rank by minutes within his team in the last game.", GAMES, 1),
    _own("top_five_ewma_5", "share",
         "Share of his games in which he was among the five of his team with the most minutes, half-life 5 games: "
         "the sources do not say who starts.", GAMES, 5),
    _own("points_trend", "points", "Points averaged with half-life 3 less those with half-life 15.", GAMES, 15),
    _own("minutes_trend", "min", "Minutes averaged with half-life 3 less those with half-life 15.", GAMES, 15),
    _own("minutes_long_trend", "min", "Minutes averaged with half-life 5 less those with half-life 30.", GAMES, 30),
    _own("usage_rate_trend", "share", "Usage rate averaged with half-life 3 less that with half-life 30.", GAMES,
         30),
    _of_season("points_recent_trend", "points",
               "Of the last 5 games this season, mean points of the last 3 less those of the 2 before; positive is "
               "rising.", SEASON_GAMES, 5),
    _of_season(
        "points_slope_last_10", "points/game",
        "Change of points per game by least squares over the last 10 games this season; positive is rising, null "
        "below 3 games.", SEASON_GAMES, 10),
    _of_season("points_slope_last_7", "points/game",
               "Change of points per game by least squares over the last 7 games this season; positive is rising, null "
               "below 3 games.", SEASON_GAMES, 7),
    _of_season("points_z_score", "deviations",
               "Mean points of the last 5 games less the season's, in standard deviations of the season.", SEASON_GAMES,
               20),
    _of_season(
        "is_breakout", "flag",
        f"1 if the mean points of the last 5 games are more than {BREAKOUT_DEVIATIONS} standard deviations of the "
        "season above the season's.", SEASON_GAMES, 20),
    _of_season("points_last_3_less_season", "points", "Mean points of the last 3 games less the season's.",
               SEASON_GAMES, 10),
    _own("games_below_average_in_a_row", "games",
         "Games in a row, up to his last, with fewer points than his mean of the season with that game.",
         SEASON_GAMES, 5),
    _of_season("minutes_change", "share",
               "Mean minutes of the last 10 games less the season's, as a share of the season's.", SEASON_GAMES, 10),
    _own("points_ewma_deviation_10", "points",
         "Standard deviation of points, exponentially weighted with half-life 10 games.", GAMES, 10),
    _own("points_ewma_deviation_30", "points",
         "Standard deviation of points, exponentially weighted with half-life 30 games.", GAMES, 30),
    _own("minutes_ewma_deviation_10", "min",
         "Standard deviation of minutes, exponentially weighted with half-life 10 games.", GAMES, 10),
    _own("minutes_ewma_deviation_30", "min",
         "Standard deviation of minutes, exponentially weighted with half-life 30 games.", GAMES, 30),
)  # fmt: skip


def measures(log: GameLog) -> dict[str, ir.Value]:
    """What is known of a player's form after each game that he played."""
    rows = log.rows
    return {
        "evidence_games": log.count(),
        "games_prior_season": log.count(~log.this_season),
        **{
            f"{stat}_ewma_{h}": log.ewma(rows[stat], h, never_null=stat not in NULLABLE)
            for stat, (_, half_lives) in EWMA_STATS.items()
            for h in half_lives
        },
        **{name: value for stat in STATS for name, value in _measures_of(log, stat).items()},
        **{f"{stat}_squares_{h}": log.ewma(rows[stat] * rows[stat], h) for stat in ("points", "minutes")
           for h in (10, 30)},
        "points_avg_last_3": log.last(rows.points, 3),
        "points_last_3": log.last(rows.points, 3, any_season=True),
        "minutes_last_3": log.last(rows.minutes, 3, any_season=True),
        "points_last_20": log.last(rows.points, 20, any_season=True),
        "minutes_last_but_one": log.back(rows.minutes, 1),
        "minutes_most_last_5": log.last_most(rows.minutes, 5),
        "minutes_least_last_5": log.last_least(rows.minutes, 5),
        **{f"{stat}_last_game": rows[stat] for stat in ("field_goals_attempted", "personal_fouls", "plus_minus")},
        "minutes_rank_last_game": rows.minutes_rank,
        "top_five_ewma_5": log.ewma(rows.is_top_five, 5, never_null=True),
        "points_deviation_season": log.deviation(rows.points, log.this_season),
        "points_slope_last_10": log.slope(rows.points, 10),
        "points_slope_last_7": log.slope(rows.points, 7),
        "games_below_average_in_a_row": log.streak(rows.points < rows.points_avg_then),
    }  # fmt: skip


def player_log(past: PastGames) -> GameLog:
    """The games of the players who are asked about."""
    return with_averages_then(GameLog(past.played, "player_id", asked_of(past.asked, "player_id")))


def with_averages_then(log: GameLog) -> GameLog:
    """The log with the mean points of the season after each game, to find games below it."""
    return log.with_values(points_avg_then=log.mean(log.rows.points, log.this_season))


def _measures_of(log: GameLog, stat: str) -> dict[str, ir.Value]:
    value = log.rows[stat]
    return {
        f"{stat}_last_game": value.cast("float64"),
        f"{stat}_last_10": log.last(value, 10, any_season=True),
        f"{stat}_avg_season": log.mean(value, log.this_season),
        f"{stat}_avg_last_5": log.last(value, 5),
        f"{stat}_avg_last_10": log.last(value, 10),
        f"{stat}_deviation_last_10": log.last_deviation(value, 10),
        f"{stat}_avg_prior_season": log.mean(value, ~log.this_season),
    }


def position_group(rows: ibis.Table) -> ir.StringValue:
    """The first letter of the position, `?` where none is listed."""
    return rows.position.upper().left(1).fill_null("?")


def league_log(played: ibis.Table) -> GameLog:
    """The league's sums of each statistic by day of games, by position group and for `EVERYBODY`."""
    counted = played.select("season", "game_date", *STATS, position_group=position_group(played))
    both = counted.union(counted.mutate(position_group=ibis.literal(EVERYBODY)))
    days = both.group_by("position_group", "season", "game_date").agg(
        **{stat: exact(both[stat]).sum() for stat in STATS}, games=both.count()
    )
    return GameLog(days, "position_group")


def league_means(log: GameLog, of: str) -> dict[str, ir.Value]:
    """The mean of each statistic after each day of games, named after those `of` whom it is."""
    games = log.mean(log.rows.games)
    return {f"{of}_{stat}": log.mean(log.rows[stat]) / games for stat in STATS}


def derived(rows: ibis.Table) -> dict[str, ir.Value]:
    """The features that follow from the states."""
    deviation = rows.points_deviation_season.nullif(0.0)
    above = rows.points_avg_last_5 - rows.points_avg_season
    return {
        **{f"{stat}_prior": shrunk(rows, stat) for stat in STATS},
        "points_trend": rows.points_ewma_3 - rows.points_ewma_15,
        "minutes_trend": rows.minutes_ewma_3 - rows.minutes_ewma_15,
        "minutes_long_trend": rows.minutes_ewma_5 - rows.minutes_ewma_30,
        "usage_rate_trend": rows.usage_rate_ewma_3 - rows.usage_rate_ewma_30,
        "points_recent_trend": (rows.games_played_season >= 5).ifelse(
            rows.points_avg_last_3 - (5 * rows.points_avg_last_5 - 3 * rows.points_avg_last_3) / 2, ibis.null("float64")
        ),
        "points_z_score": above / deviation,
        "is_breakout": flag(above > BREAKOUT_DEVIATIONS * deviation),
        "points_last_3_less_season": rows.points_avg_last_3 - rows.points_avg_season,
        "minutes_change": (rows.minutes_avg_last_10 - rows.minutes_avg_season) / rows.minutes_avg_season.nullif(0.0),
        **{f"{stat}_ewma_deviation_{h}": ewma_deviation(rows, stat, h) for stat in ("points", "minutes")
           for h in (10, 30)},
    }  # fmt: skip


def ewma_deviation(rows: ibis.Table, stat: str, half_life: int) -> ir.FloatingValue:
    """The root of the weighted mean of squares less the square of the weighted mean."""
    mean = rows[f"{stat}_ewma_{half_life}"]
    return (rows[f"{stat}_squares_{half_life}"] - mean * mean).clip(lower=0.0).sqrt()


def shrunk(rows: ibis.Table, stat: str) -> ir.FloatingValue:
    """This season's mean, shrunk to last season's, shrunk to the league's: for the position, or for everybody."""

    def towards(mean: ir.FloatingValue, games: ir.IntegerValue, prior: ir.FloatingValue) -> ir.FloatingValue:
        return (mean.fill_null(0.0) * games.fill_null(0) + prior * PRIOR_GAMES) / (games.fill_null(0) + PRIOR_GAMES)

    league = ibis.coalesce(rows[f"league_{stat}"], rows[f"everybody_{stat}"])
    before = towards(rows[f"{stat}_avg_prior_season"], rows.games_prior_season, league)
    return towards(rows[f"{stat}_avg_season"], rows.games_played_season, before)


PLAYER = Log("player_id", player_log, reads=(HISTORY,))
"""Every game that the player played."""

LEAGUE = Log("position_group", lambda past: league_log(past.played), reads=(HISTORY,), named=position_group)
"""The days of games of all players of his position."""

WHOLE_LEAGUE = replace(LEAGUE, on="everybody", named=lambda rows: ibis.literal(EVERYBODY))
"""The same of all players."""

GROUP = FeatureGroup(
    name="form",
    features=FEATURES,
    takes={CACHE: ("games_played_season",)},
    measures={
        PLAYER: measures,
        LEAGUE: partial(league_means, of="league"),
        WHOLE_LEAGUE: partial(league_means, of="everybody"),
    },
    counts=("evidence_games", "games_prior_season"),
    derived=derived,
)
