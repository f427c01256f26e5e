"""Player shot zone analysis: where a player's shots and points came from, before the date."""

from collections.abc import Iterator

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.analytics.calculations.box_score_rates import FREE_THROW_WEIGHT, ratio
from nba_pipeline.as_of import GameLog, as_of
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
    Window,
    same_keys,
)
from nba_pipeline.precompute import player_daily_cache
from nba_pipeline.precompute.calculations.zones import (
    COUNTS,
    LEAST_ATTEMPTS,
    ZONE_NAMES,
    ZONES,
    Zone,
    enough,
    number,
    rate,
    with_zones,
)

SAMPLE_GAMES = 10
"""Games over which a player's shots are looked at."""

WINDOWS = {f"last_{SAMPLE_GAMES}": f"his last {SAMPLE_GAMES} games this season", "season": "his games this season"}
"""The windows of the table, by the ends of their columns' names."""


def _zone_columns(zone: Zone) -> Iterator[Column]:
    weighted = f", free throws counted as {FREE_THROW_WEIGHT}"
    for window, games in WINDOWS.items():
        yield number(f"{zone.prefix}_attempts_{window}", f"Mean {zone.shots} attempted over {games}.", "shots", (0, 80))
        yield number(f"{zone.prefix}_attempt_share_{window}",
                     f"Share of {zone.shots} among all his attempts over {games}{weighted}; null below "
                     f"{LEAST_ATTEMPTS} attempts of all zones.", "share", (0, 1))  # fmt: skip
        yield number(f"{zone.prefix}_rate_{window}",
                     f"Share made of all his {zone.shots} attempted over {games}; null below {LEAST_ATTEMPTS} "
                     "attempts.", "share", (0, 1))  # fmt: skip
        yield number(
            f"{zone.prefix}_points_{window}", f"Mean points from {zone.shots} over {games}.", "points", (0, 120)
        )


CONTRACT = Contract(
    name="precompute.player_shot_zone_analysis",
    description=(
        "One row per game date and player expected to be available: what he attempted, made and scored from two, "
        "from three and from the line, in the games that he played this season before the date. Made before the "
        "games of the date; before his first game everything but his ids is null."
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
        Column("games_played_season", "int64", "Games played this season.", "games", between=(0, 120)),
        Column("games_in_sample", "int64", f"Games in the columns of the last {SAMPLE_GAMES}.", "games",
               between=(0, SAMPLE_GAMES)),
        *(column for zone in ZONES for column in _zone_columns(zone)),
        Column("primary_scoring_zone", "string",
               f"Where most of his points of the last {SAMPLE_GAMES} games came from; the nearer zone on a tie.",
               "category", nullable=True, allowed=ZONE_NAMES),
    ),
    reads={
        "cache": Read(player_daily_cache.CONTRACT),
        "history": Read(player_game_summary.CONTRACT, Window.BEFORE, earlier_seasons=1),
    },
    grid=same_keys(player_daily_cache.CONTRACT, "game_id", "player_id", what="players"),
    before_tip_off=True,
)  # fmt: skip


def player_states(history: ibis.Table) -> ibis.Table:
    """What is known of a player's shots after each game that he played: means per game of both windows."""
    log = GameLog(with_zones(history.filter(history.played), "made", "attempted"), "player_id")
    return log.states(
        **{f"{count}_last_10": log.last(log.rows[count], SAMPLE_GAMES) for count in COUNTS},
        **{f"{count}_season": log.mean(log.rows[count], log.this_season) for count in COUNTS},
    )


def zone_values(rows: ibis.Table, window: str, games: ir.IntegerValue) -> dict[str, ir.Value]:
    """The columns of one window, all zones, from the states of the player."""
    two, three, free = (rows[f"{zone.prefix}_attempts_{window}"] for zone in ZONES)
    weights = {"two-point": two, "three-point": three, "free-throw": FREE_THROW_WEIGHT * free}
    weighted, known = two + three + FREE_THROW_WEIGHT * free, enough(two + three + free, games)
    values: dict[str, ir.Value] = {}
    for zone in ZONES:
        attempts, makes = rows[f"{zone.prefix}_attempts_{window}"], rows[f"{zone.prefix}_makes_{window}"]
        share = ratio(weights[zone.name], weighted)
        values[f"{zone.prefix}_attempt_share_{window}"] = known.ifelse(share, ibis.null("float64"))
        values[f"{zone.prefix}_rate_{window}"] = rate(makes, attempts, games)
        values[f"{zone.prefix}_points_{window}"] = zone.points * makes
    return values


def player_shot_zone_analysis(cache: ibis.Table, history: ibis.Table) -> ibis.Table:
    """One row a date and expected player, from the cache of the date and the shots before it."""
    rows = as_of(cache, player_states(history), "player_id")
    rows = rows.mutate(games_in_sample=ibis.least(rows.games_played_season, SAMPLE_GAMES))
    rows = rows.mutate(
        **zone_values(rows, "last_10", rows.games_in_sample), **zone_values(rows, "season", rows.games_played_season)
    )
    return rows.select(CONTRACT.schema.names)


asset = transformed(CONTRACT, player_shot_zone_analysis)
