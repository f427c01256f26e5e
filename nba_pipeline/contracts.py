"""What a table promises, written once.

From a `Contract` come the schema in the warehouse, the audit before anything is published, the column
docs in Dagster's UI, the partition mappings, the gates and the data dictionary.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

import ibis
import ibis.expr.datatypes as dt


class Phase(Enum):
    """The phases that data passes through, in order; the value is the number that people say."""

    LANDING = 1
    RAW = 2
    ANALYTICS = 3
    PRECOMPUTE = 4
    PREDICTIONS = 5
    GRADES = 6


@dataclass(frozen=True)
class Column:
    """One column: its type, its unit, what it means and what it may hold.

    `volatile` columns say when or by which run a row was made; they take no part in the fingerprint,
    so that making the same row again is not a change.
    """

    name: str
    type: str
    definition: str
    unit: str
    nullable: bool = False
    between: tuple[float, float] | None = None
    allowed: tuple[str, ...] | None = None
    source: str | None = None
    volatile: bool = False

    @property
    def dtype(self) -> dt.DataType:
        """The Ibis type; nullability is checked by the audit, not by the engine."""
        return dt.dtype(self.type)


@dataclass(frozen=True)
class StoredTable:
    """A table in the warehouse: its name, columns and grain, which begins with `game_date`, the partition.

    The warehouse's own tables are no more than this: they are of no phase, and nothing makes, gates or heals them.
    """

    name: str
    description: str
    grain: tuple[str, ...]
    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        """Refuses a contract that contradicts itself."""
        names = [column.name for column in self.columns]
        unknown = [key for key in self.grain if key not in names]
        if unknown or len(set(names)) != len(names) or self.grain[:1] != ("game_date",):
            raise ValueError(
                f"{self.name}: a grain begins with game_date and names columns of the table, "
                f"and no column is named twice (unknown in the grain: {unknown}; columns: {names})"
            )

    @property
    def schema_name(self) -> str:
        """The schema in the warehouse, `analytics` of `analytics.player_game_summary`."""
        return self.name.split(".")[0]

    @property
    def short_name(self) -> str:
        """The name without its schema."""
        return self.name.split(".")[1]

    @cached_property
    def schema(self) -> ibis.Schema:
        """The Ibis schema, columns in the order of the contract."""
        return ibis.schema({column.name: column.dtype for column in self.columns})

    def unbound(self) -> ibis.Table:
        """The table as an Ibis table bound to no engine: expressions on it compile for any."""
        return ibis.table(self.schema, name=self.short_name, database=self.schema_name)


class Window(Enum):
    """Which partitions of an upstream table a row about date d reads."""

    SAME_DATE = "the same date"
    BEFORE = "dates before"
    UP_TO = "the same date and dates before"
    TRAILING = "the same date and what there is of the days before"


@dataclass(frozen=True)
class Read:
    """One upstream table and the dates of it that a row about date d reads.

    `earlier_seasons` bounds a look back: 1 means from the start of the season before. `days` is the length of a
    trailing window, the date itself included; of the days before it waits for none. Without an `optional` table a
    date is made all the same, with nothing in its place, and made again once it is there.
    """

    table: "Contract"
    window: Window = Window.SAME_DATE
    earlier_seasons: int = 0
    days: int = 1
    optional: bool = False


Reader = Callable[[StoredTable], ibis.Table]
"""Gives the published rows of a table, as an Ibis table."""


@dataclass(frozen=True)
class Audit:
    """A promise about the rows of a date as a whole, checked in the engine before they are published.

    `violations(staged, read)` returns one row per broken promise: `game_date`, `reason`. A promise about dates
    without any row finds them with `rows_in_scope`; queries name no dates, so that they are translated once.
    """

    name: str
    definition: str
    violations: Callable[[ibis.Table, Reader], ibis.Table]


@dataclass(frozen=True)
class Grid:
    """What should exist: the keys that upstream tables say a date must have.

    `expected(read)` returns one row per key, `counted(rows)` the keys that rows hold, which are their own unless it is
    given; both have `game_date` and the columns of `keys`. With `exact`, keys beyond the expected ones are wrong too.
    """

    keys: tuple[str, ...]
    expected: Callable[[Reader], ibis.Table]
    what: str = "rows"
    counted: Callable[[ibis.Table], ibis.Table] | None = None
    exact: bool = True

    def present(self, rows: ibis.Table) -> ibis.Table:
        """The distinct keys that rows hold."""
        return self.counted(rows) if self.counted else rows.select("game_date", *self.keys).distinct()


def same_keys(table: "Contract", *keys: str, what: str) -> Grid:
    """A grid that expects the keys that another table has on the date."""
    return Grid(keys, lambda read: read(table).select("game_date", *keys).distinct(), what)


@dataclass(frozen=True)
class Contract(StoredTable):
    """The contract of a table that the pipeline makes, in one of its phases.

    `before_tip_off` tables can be made before the games of their date are played.
    `keeps(staged, published)` returns the rows to publish where published ones must be kept.
    `landed` is the endpoint whose landed answers the table is parsed from. With `landed_optional` a date about
    which nothing was landed has no rows and is complete: what nobody asked for in time can never be had. With
    `done_without` it is waited for until the date's deadline, and then made from what the source gave, be it nothing.
    With `every_answer` they follow from each landed answer that said something new, not from the newest alone.
    `waits_for(read)` returns what a date still waits for before it can be made: `game_date`, `reason`.
    `decided` tables follow from what people decided about games as well, `by_deadline` ones from the end of the date's
    deadline: what the tables that are made of them from the same answers still wait for is then waited for no longer.
    `critical` tables must be complete for the next phase to begin. A `ledger` is never made again once the
    last game of its date has tipped off, but for those of its rows that `made_again(rows)` gives. `notes(rows)`
    says what the materialization of a date shall tell of its published rows, for whoever cannot trust the
    warehouse: `game_date` and a column a note.
    """

    phase: Phase
    reads: Mapping[str, Read] = field(default_factory=dict, hash=False)
    grid: Grid | None = None
    audits: Sequence[Audit] = field(default=(), hash=False)
    before_tip_off: bool = False
    keeps: Callable[[ibis.Table, ibis.Table], ibis.Table] | None = None
    landed: str | None = None
    landed_optional: bool = False
    done_without: bool = False
    every_answer: bool = False
    waits_for: Callable[[Reader], ibis.Table] | None = None
    decided: bool = False
    by_deadline: bool = False
    critical: bool = False
    ledger: bool = False
    made_again: Callable[[ibis.Table], ibis.Table] | None = None
    notes: Callable[[ibis.Table], ibis.Table] | None = None


GAME_DATE = Column("game_date", "date", "Date of the game in New York time; the partition key.", "date")
GAME_ID = Column("game_id", "int64", "The source's id of the game.", "id")
PLAYER_ID = Column("player_id", "int64", "The source's id of the player.", "id")
PLAYER_NAME = Column("player_name", "string", "First and last name, for display only; join on ids.", "text")
POSITION = Column("position", "string", "Position as last listed.", "category", nullable=True)
SEASON = Column("season", "int64", "Year in which the season starts: 2023 is 2023-24.", "year", between=(1946, 2100))
TEAM_ID = Column("team_id", "int64", "The source's id of the team.", "id")
TEAM = Column("team", "string", "Abbreviation of the team.", "text")
OPPONENT_ID = Column("opponent_id", "int64", "The source's id of the other team.", "id")
OPPONENT = Column("opponent", "string", "Abbreviation of the other team.", "text")
IS_HOME = Column("is_home", "boolean", "Whether the team plays at home.", "flag")
