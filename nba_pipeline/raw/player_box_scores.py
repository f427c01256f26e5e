"""Player box scores: what each player did in each final game, as the source says it."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date

import dagster as dg
import ibis
import ibis.expr.types as ir
import pyarrow as pa

from nba_pipeline.contracts import (
    GAME_DATE,
    GAME_ID,
    PLAYER_ID,
    SEASON,
    TEAM,
    TEAM_ID,
    Audit,
    Column,
    Grid,
    Phase,
    Read,
    Reader,
    Table,
)
from nba_pipeline.landing import LANDED_PLAYER_BOX_SCORES
from nba_pipeline.raw import games
from nba_pipeline.raw.landed import read_landed
from nba_pipeline.sources.balldontlie import StatRecord, parse_stats
from nba_pipeline.table_asset import table_asset
from nba_pipeline.warehouse.asked import is_asked
from nba_pipeline.warehouse.publish import Rows

PLAYERS_ON_THE_FLOOR = 5
MOST_PLAYERS_OF_A_TEAM = 20
"""A roster has 15 players and three two-way contracts; more in one box score are not one team's."""

TEAM_MINUTES = 240
OVERTIME_TEAM_MINUTES = 25

ROUNDED_MINUTES = 4
"""How far whole minutes of a team may be off: the most of all 21,322 team games of 2015-16 to 2023-24."""

EXACT_MINUTES = 1
"""How far minutes with fractions may be off."""


def team_game_keys(read: Reader) -> ibis.Table:
    """Both teams of every game that is played on its date: each must have a box score."""
    rows = games.team_games(read(games.CONTRACT))
    return rows.filter(~games.is_off(rows)).select("game_date", "game_id", "team_id")


def teams_with_players(rows: ibis.Table) -> ibis.Table:
    """The games and teams in which at least five players were on the floor."""
    counted = rows.group_by("game_date", "game_id", "team_id").agg(played=(rows.minutes > 0).sum())
    return counted.filter(counted.played >= PLAYERS_ON_THE_FLOOR).drop("played")


def unfinished_games(staged: ibis.Table, read: Reader) -> ibis.Table:
    """A reason for each game of the dates that is to be played on it and is not final."""
    schedule = read(games.CONTRACT)
    open_games = schedule.filter(
        is_asked(schedule.game_date),
        schedule.status != "final",
        ~games.is_off(schedule),
    )
    return open_games.select(
        "game_date",
        reason=_game(open_games)
        + open_games.visitor_team
        + " at "
        + open_games.home_team
        + " is "
        + open_games.status
        + " ("
        + open_games.status_text.fill_null("")
        + "), not final",
    )


def strangers(staged: ibis.Table, read: Reader) -> ibis.Table:
    """A reason for each game and team with rows that the schedule of the date does not know, or knows as put off."""
    counted = staged.group_by("game_date", "game_id", "team_id", "team").agg(players=ibis._.count())
    unknown = counted.anti_join(team_game_keys(read), ["game_date", "game_id", "team_id"])
    return unknown.select(
        "game_date",
        reason=_game(unknown)
        + unknown.players.cast("string")
        + " players of "
        + unknown.team
        + " are listed, which no game on the schedule of the date expects",
    )


def crowded_teams(staged: ibis.Table, read: Reader) -> ibis.Table:
    """A reason for each team with more players in a box score than a team can have."""
    counted = staged.group_by("game_date", "game_id", "team").agg(players=ibis._.count())
    wrong = counted.filter(counted.players > MOST_PLAYERS_OF_A_TEAM)
    return wrong.select(
        "game_date", reason=_game(wrong) + wrong.team + " has " + wrong.players.cast("string") + " players listed"
    )


def scores_that_differ(staged: ibis.Table, read: Reader) -> ibis.Table:
    """A reason for each team whose players' points do not sum to its score."""
    sums = staged.group_by("game_date", "game_id", "team_id").agg(points=staged.points.sum())
    sides = games.team_games(read(games.CONTRACT)).select("game_date", "game_id", "team_id", "team", "score")
    both = sums.inner_join(sides, ["game_date", "game_id", "team_id"])
    wrong = both.filter((both.points != both.score).fill_null(True))
    return wrong.select(
        "game_date",
        reason=_game(wrong)
        + "players of "
        + wrong.team
        + " have "
        + wrong.points.cast("string")
        + " points, the team "
        + wrong.score.cast("string").fill_null("no score"),
    )


def minutes_that_differ(staged: ibis.Table, read: Reader) -> ibis.Table:
    """A reason for each team whose minutes are not 240 and 25 an overtime, but for rounding."""
    sums = staged.group_by("game_date", "game_id", "team_id").agg(
        minutes=staged.minutes.sum(), whole=(staged.minutes == staged.minutes.round()).all()
    )
    sides = games.team_games(read(games.CONTRACT)).select("game_date", "game_id", "team_id", "team", "period")
    both = sums.inner_join(sides, ["game_date", "game_id", "team_id"])
    due = TEAM_MINUTES + OVERTIME_TEAM_MINUTES * ibis.greatest(both.period - 4, 0)
    rounding = both.whole.ifelse(ROUNDED_MINUTES, EXACT_MINUTES)
    wrong = both.filter((both.minutes - due).abs() > rounding)
    return wrong.select(
        "game_date",
        reason=_game(wrong)
        + wrong.team
        + " has "
        + wrong.minutes.cast("string")
        + " minutes in "
        + wrong.period.cast("string")
        + " periods",
    )


def _game(rows: ibis.Table) -> ir.StringValue:
    return ibis.literal("game ") + rows.game_id.cast("string") + ": "


def _rows_where(condition: Callable[[ibis.Table], ir.BooleanValue], what: str) -> Callable[..., ibis.Table]:
    def violations(staged: ibis.Table, read: Reader) -> ibis.Table:
        wrong = staged.filter(condition(staged))
        return wrong.select("game_date", reason=_game(wrong) + "player " + wrong.player_id.cast("string") + f": {what}")

    return violations


def _count(name: str, definition: str, high: int, unit: str) -> Column:
    return Column(name, "int64", definition, unit, between=(0, high))


COUNTS = (
    _count("points", "Points scored.", 120, "points"),
    _count("field_goals_made", "Field goals made, threes included.", 60, "shots"),
    _count("field_goals_attempted", "Field goals attempted, threes included.", 80, "shots"),
    _count("three_pointers_made", "Three-pointers made.", 40, "shots"),
    _count("three_pointers_attempted", "Three-pointers attempted.", 50, "shots"),
    _count("free_throws_made", "Free throws made.", 50, "shots"),
    _count("free_throws_attempted", "Free throws attempted.", 60, "shots"),
    _count("offensive_rebounds", "Rebounds of own misses.", 40, "rebounds"),
    _count("defensive_rebounds", "Rebounds of the opponent's misses.", 50, "rebounds"),
    _count("rebounds", "All rebounds.", 60, "rebounds"),
    _count("assists", "Assists credited.", 40, "assists"),
    _count("steals", "Balls stolen.", 20, "steals"),
    _count("blocks", "Blocked shots.", 25, "blocks"),
    _count("turnovers", "Balls lost to the other team.", 25, "turnovers"),
    _count("personal_fouls", "Personal fouls.", 6, "fouls"),
)

CONTRACT = Table(
    name="raw.player_box_scores",
    description=(
        "One row per player and final game, players who sat included where the source lists them. A date is "
        "published only when every game of it is final by its content."
    ),
    phase=Phase.RAW,
    grain=("game_date", "game_id", "player_id"),
    columns=(
        GAME_DATE,
        GAME_ID,
        PLAYER_ID,
        Column("first_name", "string", "First name, as the source spells it.", "text"),
        Column("last_name", "string", "Last name, as the source spells it.", "text"),
        Column("position", "string", "Position as listed by the source.", "category", nullable=True),
        SEASON,
        TEAM_ID,
        TEAM,
        Column("minutes", "float64", "Minutes on the floor, overtime included.", "min", between=(0, 70)),
        Column("did_not_play", "boolean", "Listed, and never on the floor.", "flag"),
        *COUNTS,
        Column(
            "plus_minus",
            "int64",
            "Points by which the team outscored the other while he was on the floor.",
            "points",
            nullable=True,
            between=(-80, 80),
        ),
    ),
    reads={"games": Read(games.CONTRACT)},
    grid=Grid(("game_id", "team_id"), team_game_keys, teams_with_players, "team box scores"),
    audits=(
        Audit("every game is final", "No game of the date is scheduled or in progress.", unfinished_games),
        Audit("nobody unexpected", "Every row belongs to a team of a game that the schedule expects.", strangers),
        Audit("a team's worth of players", "A team lists no more players than it can have.", crowded_teams),
        Audit("points sum to the score", "A team's score is the sum of its players' points.", scores_that_differ),
        Audit(
            "minutes sum to the game",
            f"A team's minutes are 240 and 25 an overtime, give or take {ROUNDED_MINUTES} where minutes are whole "
            f"and {EXACT_MINUTES} where they are not.",
            minutes_that_differ,
        ),
        Audit(
            "points follow from shots",
            "Points are 2 a field goal, 1 more a three, 1 a free throw.",
            _rows_where(
                lambda r: r.points != 2 * r.field_goals_made + r.three_pointers_made + r.free_throws_made,
                "points do not follow from the shots made",
            ),
        ),
        Audit(
            "makes within attempts",
            "No more shots are made than attempted, and threes are among the field goals.",
            _rows_where(
                lambda r: (
                    (r.field_goals_made > r.field_goals_attempted)
                    | (r.three_pointers_made > r.three_pointers_attempted)
                    | (r.free_throws_made > r.free_throws_attempted)
                    | (r.three_pointers_made > r.field_goals_made)
                ),
                "more shots made than attempted",
            ),
        ),
        Audit(
            "rebounds add up",
            "Rebounds are offensive and defensive ones together.",
            _rows_where(
                lambda r: r.rebounds != r.offensive_rebounds + r.defensive_rebounds,
                "rebounds are not the sum of offensive and defensive ones",
            ),
        ),
    ),
    landed="stats",
    waits_for=lambda read: unfinished_games(read(games.CONTRACT), read),
)


def player_box_scores(records: Iterable[StatRecord]) -> tuple[pa.Table, int]:
    """One row a player and game, and how many exact repetitions were left out.

    The same item twice in one answer says nothing new; two that differ both stay, for the audit to refuse.
    """
    names = CONTRACT.schema.names
    rows = [tuple(getattr(record, name) for name in names) for record in records]
    distinct = list(dict.fromkeys(rows))
    table = pa.Table.from_pylist(
        [dict(zip(names, row, strict=True)) for row in distinct], schema=CONTRACT.schema.to_pyarrow()
    )
    return table, len(rows) - len(distinct)


@table_asset(CONTRACT, kinds=("python",), deps=[LANDED_PLAYER_BOX_SCORES])
def asset(context: dg.AssetExecutionContext, dates: Sequence[date], games: ibis.Table) -> Rows:
    """Parses the newest landed answer about each date."""
    landed = read_landed(context.resources.landing, "stats", dates, parse_stats, warn=context.log.warning)
    rows, repeated = player_box_scores(landed.records)
    if repeated:
        context.log.warning(f"The source repeated {repeated} items word for word; each was kept once.")
    return Rows(rows, landed.refused, landed.rejected)
