"""Team defense zone analysis: what opponents got against a team by zone, before the date."""

from collections.abc import Iterator
from functools import reduce
from operator import add

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import team_defense_game_summary, upcoming_player_game_context
from nba_pipeline.analytics.calculations.box_score_rates import PACE, RATING, ratio
from nba_pipeline.as_of import GameLog, as_of, exact
from nba_pipeline.assets.table_asset import asset_key, transformed
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
    Grid,
    Phase,
    Read,
    Reader,
    Window,
)
from nba_pipeline.precompute.calculations.window_completeness import expected_games
from nba_pipeline.precompute.calculations.zones import (
    COUNTS,
    LEAST_ATTEMPTS,
    ZONE_NAMES,
    ZONES,
    Zone,
    number,
    rate,
    with_zones,
)
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw.rules.box_score_rules import expected_sides

SAMPLE_GAMES = 15
"""Games over which a defence is looked at."""

WINDOWS = {f"last_{SAMPLE_GAMES}": f"the last {SAMPLE_GAMES} games this season", "season": "the games this season"}
"""The windows of the table, by the ends of their columns' names."""


def _zone_columns(zone: Zone) -> Iterator[Column]:
    for window, games in WINDOWS.items():
        yield number(f"{zone.prefix}_attempts_faced_{window}",
                     f"Mean {zone.shots} attempted against it over {games}.", "shots", (0, 200))  # fmt: skip
        yield number(f"{zone.prefix}_makes_allowed_{window}",
                     f"Mean {zone.shots} made against it over {games}.", "shots", (0, 120))  # fmt: skip
        yield number(f"{zone.prefix}_points_allowed_{window}",
                     f"Mean points from {zone.shots} against it over {games}.", "points", (0, 240))  # fmt: skip
        yield number(f"{zone.prefix}_rate_allowed_{window}",
                     f"Share made of all {zone.shots} attempted against it over {games}; null below "
                     f"{LEAST_ATTEMPTS} attempts.", "share", (0, 1))  # fmt: skip
    yield number(f"{zone.prefix}_rate_vs_league",
                 f"The rate allowed over the last {SAMPLE_GAMES} games less the league's of the season before the "
                 "date; positive is a weak defence.", "share", (-1, 1))  # fmt: skip
    yield number(f"{zone.prefix}_points_vs_league",
                 f"By how much more {zone.shots} brought per possession against it over the last {SAMPLE_GAMES} "
                 "games than in the league's season before the date; positive is a weak defence.",
                 "%", (-100, 10_000))  # fmt: skip


def teams_of_the_date(read: Reader) -> ibis.Table:
    """Both teams of every game that is played on the date, as the schedule has it."""
    return expected_sides(raw_games.team_games(read(raw_games.CONTRACT)))


CONTRACT = Contract(
    name="precompute.team_defense_zone_analysis",
    description=(
        "One row per game date and team that plays on it: what its opponents attempted, made and scored from two, "
        "from three and from the line, in the games of the season before the date, and how that compares with the "
        "league. Made before the games of the date; before a team's first game everything but its name is null."
    ),
    phase=Phase.PRECOMPUTE,
    grain=("game_date", "game_id", "team_id"),
    columns=(
        GAME_DATE,
        GAME_ID,
        TEAM_ID,
        TEAM,
        SEASON,
        OPPONENT_ID,
        OPPONENT,
        IS_HOME,
        Column("games_played_season", "int64", "Games that the team played this season.", "games", between=(0, 120)),
        Column("games_in_sample", "int64", f"Games in the columns of the last {SAMPLE_GAMES}.", "games",
               between=(0, SAMPLE_GAMES)),
        Column("games_missing", "int64",
               f"Of its last {SAMPLE_GAMES} games on the schedule of this season, those that are in no history: the "
               "columns of the last games reach further back for each.", "games", between=(0, SAMPLE_GAMES)),
        *(column for zone in ZONES for column in _zone_columns(zone)),
        Column("strongest_zone", "string", "The zone whose points are furthest below the league's.", "category",
               nullable=True, allowed=ZONE_NAMES),
        Column("weakest_zone", "string", "The zone whose points are furthest above the league's.", "category",
               nullable=True, allowed=ZONE_NAMES),
        number("points_allowed_last_15", f"Mean points against it over {WINDOWS['last_15']}.", "points", (0, 400)),
        number("defensive_rating_last_15",
               f"Points per 100 possessions of its opponents over {WINDOWS['last_15']}, all games together.",
               "points", RATING),
        number("pace_last_10", "Mean pace of its last 10 games this season.", "possessions", PACE),
    ),
    reads={
        "games": Read(raw_games.CONTRACT, Window.UP_TO),
        "defense": Read(team_defense_game_summary.CONTRACT, Window.BEFORE),
    },
    grid=Grid(("game_id", "team_id"), teams_of_the_date, "teams"),
    before_tip_off=True,
)  # fmt: skip


def zones_faced(defense: ibis.Table) -> ibis.Table:
    """The games with attempts and makes against the team by zone, and the opponent's possessions."""
    rows = with_zones(defense, "allowed", "faced")
    return rows.mutate(possessions=100 * ratio(rows.points_allowed, rows.defensive_rating))


def team_states(faced: ibis.Table) -> ibis.Table:
    """What is known of a team's defence after each of its games: means per game of both windows."""
    log = GameLog(faced, "team_id")
    return log.states(
        games_played_season=log.count(log.this_season),
        pace_last_10=log.last(log.rows.pace, 10),
        possessions_last_15=log.last(log.rows.possessions, SAMPLE_GAMES),
        **{f"{count}_last_15": log.last(log.rows[count], SAMPLE_GAMES) for count in COUNTS},
        **{f"{count}_season": log.mean(log.rows[count], log.this_season) for count in COUNTS},
    )


def league_states(faced: ibis.Table) -> ibis.Table:
    """What is known of the league's season after each day of games: means per day, for ratios of two of them.

    The season itself is the entity whose days are counted.
    """
    days = faced.group_by("season", "game_date").agg(
        possessions=exact(faced.possessions).sum(), **{count: faced[count].sum() for count in COUNTS}
    )
    log = GameLog(days, "season")
    return log.states(**{f"league_{name}": log.mean(log.rows[name]) for name in ("possessions", *COUNTS)})


def zone_values(rows: ibis.Table, zone: Zone) -> dict[str, ir.Value]:
    """The columns of one zone, from the states of the team and of the league."""
    own = zone.prefix
    values: dict[str, ir.Value] = {}
    for window, games in (("last_15", rows.games_in_sample), ("season", rows.games_played_season)):
        attempts, makes = rows[f"{own}_attempts_{window}"], rows[f"{own}_makes_{window}"]
        values[f"{own}_attempts_faced_{window}"] = attempts
        values[f"{own}_makes_allowed_{window}"] = makes
        values[f"{own}_points_allowed_{window}"] = zone.points * makes
        values[f"{own}_rate_allowed_{window}"] = rate(makes, attempts, games)
    league_makes = rows[f"league_{own}_makes"]
    league_rate = ratio(league_makes, rows[f"league_{own}_attempts"])
    frequency = ratio(rows[f"{own}_makes_last_15"], rows.possessions_last_15)
    values[f"{own}_rate_vs_league"] = values[f"{own}_rate_allowed_last_15"] - league_rate
    values[f"{own}_points_vs_league"] = 100 * (ratio(frequency, ratio(league_makes, rows.league_possessions)) - 1)
    return values


def furthest(rows: ibis.Table, *, above: bool) -> ir.StringValue:
    """The zone furthest above the league, or below it; the nearer zone on a tie, null unless all are known."""
    two, three, free = (rows[f"{zone.prefix}_points_vs_league"] * (1 if above else -1) for zone in ZONES)
    return ibis.cases(
        ((two + three + free).isnull(), ibis.null("string")),
        ((two >= three) & (two >= free), ZONES[0].name),
        (three >= free, ZONES[1].name),
        else_=ZONES[2].name,
    )


def missing_states(games: ibis.Table, defense: ibis.Table) -> ibis.Table:
    """How many of a team's last games are missing, after each game that the schedule has of it."""
    log = GameLog(expected_games(games, defense), "team_id")
    played = ibis.least(log.count(log.this_season), SAMPLE_GAMES)
    return log.states(games_missing=(log.last(log.rows.missing, SAMPLE_GAMES) * played).round().cast("int64"))


def team_defense_zone_analysis(games: ibis.Table, defense: ibis.Table) -> ibis.Table:
    """One row a date and team that plays on it, from the schedule and the defences before the date."""
    sides = raw_games.team_games(games)
    sides = sides.filter(~raw_games.is_off(sides)).select(
        "game_date", "game_id", "team_id", "team", "season", "opponent_id", "opponent", "is_home"
    )
    faced = zones_faced(defense)
    rows = as_of(as_of(sides, team_states(faced), "team_id"), league_states(faced), "season")
    rows = as_of(rows, missing_states(games, defense), "team_id")
    played = rows.games_played_season.fill_null(0)
    rows = rows.mutate(
        games_played_season=played,
        games_in_sample=ibis.least(played, SAMPLE_GAMES),
        games_missing=rows.games_missing.fill_null(0),
    )
    rows = rows.mutate(**{name: value for zone in ZONES for name, value in zone_values(rows, zone).items()})
    points = reduce(add, [rows[f"{zone.prefix}_points_allowed_last_15"] for zone in ZONES])
    rows = rows.mutate(
        strongest_zone=furthest(rows, above=False),
        weakest_zone=furthest(rows, above=True),
        points_allowed_last_15=points,
        defensive_rating_last_15=100 * ratio(points, rows.possessions_last_15),
    )
    return rows.select(CONTRACT.schema.names)


# It reads no context, but the gate in front of it asks for one: in a run that makes both, that comes first.
asset = transformed(CONTRACT, team_defense_zone_analysis, deps=[asset_key(upcoming_player_game_context.CONTRACT)])
