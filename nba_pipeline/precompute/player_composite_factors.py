"""Player composite factors: what tonight's game changes for a player, by rules that a person can follow."""

from functools import reduce
from operator import add

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import upcoming_player_game_context
from nba_pipeline.assets.table_asset import transformed
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
    Contract,
    Phase,
    Read,
    same_keys,
)
from nba_pipeline.precompute import player_daily_cache, player_shot_zone_analysis, team_defense_zone_analysis
from nba_pipeline.precompute.calculations.zones import ZONES

FRESH = 100
"""The fatigue score of a player whom nothing tires."""

BACK_TO_BACK = 15
LONG_REST_DAYS, LONG_REST = 3, 5
MANY_GAMES, MANY_GAMES_COST = 4, 10
MANY_MINUTES, MANY_MINUTES_COST = 240, 10
LONG_NIGHTS, LONG_NIGHTS_COST = 35, 8
ONE_BACK_TO_BACK_COST, MORE_BACK_TO_BACKS_COST = 5, 12

SCORES_PER_POINT = 20
"""Points of the fatigue score that are worth a point of the player's."""

LEAST_GAMES = 5
"""Games of each side below which a comparison of the two would be noise, and stays null."""

MISMATCH_LIMIT, PACE_LIMIT, SPIKE_LIMIT = 10, 3, 3

SPIKE_PER_PERCENT = 0.3
"""Points of the usage spike for each percent of usage that a player gains."""

MOST_VACATED = 0.6
"""More of the team's plays than this are never vacated at once: five others still play."""

RISKS = {"available": 0, "probable": 1, "questionable": 2, "doubtful": 3, "out": 3}

CONTRACT = Contract(
    name="precompute.player_composite_factors",
    description=(
        "One row per game date and player expected to be available: how tired he is, how his scoring zones fit the "
        "opponent's defence, how the opponent changes the pace, what plays teammates leave to him who are out, and "
        "whether he plays himself. Made before the games of the date. Ages are not known, and tire nobody here."
    ),
    phase=Phase.PRECOMPUTE,
    grain=("game_date", "game_id", "player_id"),
    columns=(
        GAME_DATE,
        GAME_ID,
        PLAYER_ID,
        SEASON,
        TEAM_ID,
        TEAM,
        OPPONENT_ID,
        OPPONENT,
        IS_HOME,
        Column("days_since_last_game", "int64",
               "Days since the last game that he played, of this season or the one before; 1 is a back-to-back.",
               "days", nullable=True, between=(1, 640)),
        Column("is_back_to_back", "boolean", "Whether he played the day before; null before his first game.", "flag",
               nullable=True),
        Column("fatigue_score", "int64",
               f"{FRESH} is fresh. Less {BACK_TO_BACK} on a back-to-back, plus {LONG_REST} from {LONG_REST_DAYS} days "
               f"since his last game; over the 7 days before, less {MANY_GAMES_COST} from {MANY_GAMES} games, less "
               f"{MANY_MINUTES_COST} above {MANY_MINUTES} minutes, less {LONG_NIGHTS_COST} above {LONG_NIGHTS} "
               f"minutes a game; over the 14 days before, less {ONE_BACK_TO_BACK_COST} for one back-to-back and less "
               f"{MORE_BACK_TO_BACKS_COST} for more. Null before his first game.",
               f"points of {FRESH}", nullable=True, between=(0, FRESH)),
        Column("fatigue_points", "float64",
               f"The fatigue score as points that he scores less: its distance from {FRESH} by {SCORES_PER_POINT}.",
               "points", nullable=True, between=(-FRESH / SCORES_PER_POINT, 0)),
        Column("shot_zone_mismatch_score", "float64",
               "By how many percent more than the league the opponent allows in the zones in which he scores: each "
               "zone's difference (see team_defense_zone_analysis), weighted by its share of his points of the last "
               f"10 games. Positive is good for him. Null below {LEAST_GAMES} games of either this season.",
               "%", nullable=True, between=(-MISMATCH_LIMIT, MISMATCH_LIMIT)),
        Column("pace_score", "float64",
               "How much faster than his team's games tonight's should be: half of what the opponent's pace, last 10 "
               f"games, is above his team's. Positive is faster. Null below {LEAST_GAMES} games of either team this "
               "season.", "possessions", nullable=True, between=(-PACE_LIMIT, PACE_LIMIT)),
        Column("usage_spike_score", "float64",
               f"{SPIKE_PER_PERCENT} for each percent of usage that he gains if the plays that teammates newly leave, "
               "less those that others take back (see upcoming_player_game_context), are shared out in proportion to "
               "usage, last 10 games. Null when no injury report of his team is known, and before his first game of "
               "the season.", "points", nullable=True, between=(-SPIKE_LIMIT, SPIKE_LIMIT)),
        Column("injury_risk", "int64",
               "By the injury report: 0 available, 1 probable, 2 questionable, 3 doubtful or out. Null when no report "
               "of his team is known, or when it has a word that nobody knows.", "level", nullable=True,
               between=(0, 3)),
    ),
    reads={
        "cache": Read(player_daily_cache.CONTRACT),
        "upcoming": Read(upcoming_player_game_context.CONTRACT),
        "player_zones": Read(player_shot_zone_analysis.CONTRACT),
        "defense_zones": Read(team_defense_zone_analysis.CONTRACT),
    },
    grid=same_keys(player_daily_cache.CONTRACT, "game_id", "player_id", what="players"),
    before_tip_off=True,
)  # fmt: skip


def side_by_side(
    cache: ibis.Table, upcoming: ibis.Table, player_zones: ibis.Table, defense_zones: ibis.Table
) -> ibis.Table:
    """The cache's rows with who is out, the player's points by zone and the opponent's defence against each."""
    absences = upcoming.select(
        "game_date", "game_id", "player_id", "injury_status", "newly_vacated_usage", "returning_usage"
    )
    own = player_zones.select(
        "game_date", "game_id", "player_id", "games_in_sample",
        **{f"{zone.prefix}_points": player_zones[f"{zone.prefix}_points_last_10"] for zone in ZONES},
    )  # fmt: skip
    opponents = defense_zones.select(
        "game_date", "game_id",
        opponent_id=defense_zones.team_id,
        opponent_games=defense_zones.games_played_season,
        opponent_pace=defense_zones.pace_last_10,
        **{f"{zone.prefix}_vs_league": defense_zones[f"{zone.prefix}_points_vs_league"] for zone in ZONES},
    )  # fmt: skip
    rows = cache
    for other in (absences, own):
        rows = rows.left_join(other, ["game_date", "game_id", "player_id"])
        rows = rows.drop([c for c in rows.columns if c.endswith("_right")])
    rows = rows.left_join(opponents, ["game_date", "game_id", "opponent_id"])
    return rows.drop([c for c in rows.columns if c.endswith("_right")])


def fatigue(rows: ibis.Table) -> ir.IntegerValue:
    """The fatigue score, 0 to 100; null without a game of the player's."""
    rest = ibis.cases(
        (rows.days_since_last_game == 1, -BACK_TO_BACK),
        (rows.days_since_last_game >= LONG_REST_DAYS, LONG_REST),
        else_=0,
    )
    nights = ibis.cases(
        (rows.back_to_backs_last_14_days >= 2, MORE_BACK_TO_BACKS_COST),
        (rows.back_to_backs_last_14_days == 1, ONE_BACK_TO_BACK_COST),
        else_=0,
    )
    load = (
        (rows.games_last_7_days >= MANY_GAMES).ifelse(MANY_GAMES_COST, 0)
        + (rows.minutes_last_7_days > MANY_MINUTES).ifelse(MANY_MINUTES_COST, 0)
        + (rows.minutes_per_game_last_7_days > LONG_NIGHTS).fill_null(False).ifelse(LONG_NIGHTS_COST, 0)
    )
    score = (FRESH + rest - nights - load).clip(0, FRESH)
    return rows.last_game_date.isnull().ifelse(ibis.null("int64"), score.cast("int64"))


def mismatch(rows: ibis.Table) -> ir.FloatingValue:
    """How the player's zones fit the opponent's defence, within the limits; null where a side is unknown."""
    points = reduce(add, [rows[f"{zone.prefix}_points"] for zone in ZONES])
    weighted = reduce(add, [rows[f"{zone.prefix}_points"] * rows[f"{zone.prefix}_vs_league"] for zone in ZONES])
    enough = (rows.games_in_sample >= LEAST_GAMES) & (rows.opponent_games >= LEAST_GAMES)
    score = (weighted / points.nullif(0.0)).clip(-MISMATCH_LIMIT, MISMATCH_LIMIT)
    return enough.ifelse(score, ibis.null("float64"))


def pace(rows: ibis.Table) -> ir.FloatingValue:
    """Possessions by which tonight's game should be faster than the team's, within the limits."""
    enough = (rows.team_games_season >= LEAST_GAMES) & (rows.opponent_games >= LEAST_GAMES)
    score = ((rows.opponent_pace - rows.team_pace_last_10) / 2).clip(-PACE_LIMIT, PACE_LIMIT)
    return enough.ifelse(score, ibis.null("float64"))


def usage_spike(rows: ibis.Table) -> ir.FloatingValue:
    """What teammates' absences add to the player's usage, within the limits; null without a report."""
    vacated = (rows.newly_vacated_usage - rows.returning_usage).clip(-MOST_VACATED, MOST_VACATED)
    gained = rows.usage_rate_last_10 * vacated / (1 - vacated.clip(lower=0.0))
    return (gained * 100 * SPIKE_PER_PERCENT).clip(-SPIKE_LIMIT, SPIKE_LIMIT)


def injury_risk(rows: ibis.Table) -> ir.IntegerValue:
    """How likely the player is to sit, as a level; null without a report."""
    levels = [(rows.injury_status == status, level) for status, level in RISKS.items()]
    return ibis.cases(*levels, else_=ibis.null("int64")).cast("int64")


def player_composite_factors(
    cache: ibis.Table, upcoming: ibis.Table, player_zones: ibis.Table, defense_zones: ibis.Table
) -> ibis.Table:
    """One row a date and expected player, from his context and the other precomputed tables of the date."""
    rows = side_by_side(cache, upcoming, player_zones, defense_zones)
    rows = rows.mutate(days_since_last_game=rows.game_date.delta(rows.last_game_date, unit="day"))
    rows = rows.mutate(is_back_to_back=rows.days_since_last_game == 1, fatigue_score=fatigue(rows))
    rows = rows.mutate(
        fatigue_points=(rows.fatigue_score - FRESH) / SCORES_PER_POINT,
        shot_zone_mismatch_score=mismatch(rows),
        pace_score=pace(rows),
        usage_spike_score=usage_spike(rows),
        injury_risk=injury_risk(rows),
    )
    return rows.select(CONTRACT.schema.names)


asset = transformed(CONTRACT, player_composite_factors)
