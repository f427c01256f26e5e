"""What an answer about box scores lists: the columns of its rows, before they are judged game by game."""

from collections.abc import Iterable

import pyarrow as pa

from nba_pipeline.contracts import GAME_DATE, GAME_ID, PLAYER_ID, SEASON, TEAM, TEAM_ID, Column, Contract, Phase
from nba_pipeline.sources.balldontlie import StatRecord


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

COLUMNS = (
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
)

GRAIN = ("game_date", "game_id", "player_id")

LISTED = Contract(
    name="raw.listed_box_scores",
    description="What an answer lists, before it is judged game by game. It is staged and never published.",
    phase=Phase.RAW,
    grain=GRAIN,
    columns=COLUMNS,
)


def as_rows(records: Iterable[StatRecord]) -> pa.Table:
    """One row a player and game; exact repetitions are left out.

    The same item twice in one answer says nothing new; two that differ both stay, for a rule to find.
    """
    names = LISTED.schema.names
    distinct = dict.fromkeys(tuple(getattr(record, name) for name in names) for record in records)
    rows = [dict(zip(names, row, strict=True)) for row in distinct]
    return pa.Table.from_pylist(rows, schema=LISTED.schema.to_pyarrow())
