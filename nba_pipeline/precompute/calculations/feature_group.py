"""A group of features: what it offers, what it reads, and how its features are made, declared in one place.

The feature store goes over all groups step by step, in the order of the fields of `FeatureGroup`. A step finds in the
rows what the steps before it made, whichever group made it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import ibis
import ibis.expr.types as ir

from nba_pipeline.as_of import GameLog, Known
from nba_pipeline.contracts import Read
from nba_pipeline.precompute.calculations.features import Feature
from nba_pipeline.precompute.calculations.past_games import PastGames, Source

Values = Mapping[str, ir.Value]
"""Columns by name, from other columns of the same rows."""


@dataclass(frozen=True)
class Log:
    """Games in order, of an entity of each row; groups that measure the same log share one look back.

    `entity` is the entity's column in the games, `on` that in the rows where it has another name there, and `named`
    makes that column where no table has it.
    """

    entity: str
    games: Callable[[PastGames], GameLog]
    reads: tuple[Source, ...]
    on: str | None = None
    named: Callable[[ibis.Table], ir.Value] | None = None


@dataclass(frozen=True, kw_only=True)
class FeatureGroup:
    """The features of one file, and the steps that make them; a group leaves out the steps that it does not need.

    - `takes`: the columns of each table of the date that stand beside a player as they are.
    - `gathered`: rows made of the past, which stand beside those with the same values in the columns that both have.
    - `measures`: what is known of an entity after each of its games; a row gets what is known before its date.
      `counts` are those of which nothing known means none.
    - `derived`: what follows in the row alone.
    - `looked_up`: the rows with what is found by what is derived.
    - `among_expected`: what follows from all the players who are expected in the same game.
    - `compared`: the rows with what comparing them with past games or with teammates gives.

    `looks_back_on` are the games that the steps read; those that are measured are declared by the log.
    """

    name: str
    features: tuple[Feature, ...]
    looks_back_on: tuple[Source, ...] = ()
    takes: Mapping[Source, Sequence[str]] = field(default_factory=dict)
    gathered: Callable[[PastGames], ibis.Table] | None = None
    measures: Mapping[Log, Callable[[GameLog], Values]] = field(default_factory=dict)
    counts: tuple[str, ...] = ()
    derived: Callable[[ibis.Table], Values] | None = None
    looked_up: Callable[[ibis.Table, PastGames], ibis.Table] | None = None
    among_expected: Callable[[ibis.Table], Values] | None = None
    compared: Callable[[ibis.Table, PastGames], ibis.Table] | None = None

    @property
    def reads(self) -> tuple[Source, ...]:
        """All the tables that the group reads, each once."""
        of_logs = (source for log in self.measures for source in log.reads)
        return tuple(dict.fromkeys((*self.takes, *of_logs, *self.looks_back_on)))


def reads_of(groups: Iterable[FeatureGroup]) -> dict[str, Read]:
    """What the groups read together, by name. Raises `ValueError` where one name stands for two tables."""
    reads: dict[str, Read] = {}
    for group in groups:
        for source in group.reads:
            if reads.setdefault(source.name, source.read) != source.read:
                raise ValueError(f"the group {group.name} reads another table as {source.name}: give it another name")
    return reads


def taken_by(groups: Iterable[FeatureGroup]) -> dict[Source, list[str]]:
    """What the groups take together, by table. Raises `ValueError` where a column's name comes from two tables."""
    taken: dict[Source, list[str]] = {}
    from_table: dict[str, Source] = {}
    for source, name in ((source, name) for group in groups for source, names in group.takes.items() for name in names):
        if from_table.setdefault(name, source) != source:
            raise ValueError(f"{name} is taken from {from_table[name].name} and from {source.name}: take it from one")
        if name not in taken.setdefault(source, []):
            taken[source].append(name)
    return taken


def logs_of(groups: Iterable[FeatureGroup]) -> list[Log]:
    """The logs that the groups measure, each once."""
    return list(dict.fromkeys(log for group in groups for log in group.measures))


def entities(rows: ibis.Table, logs: Iterable[Log]) -> Values:
    """The entities of the rows that stand in no table."""
    return {log.on or log.entity: log.named(rows) for log in logs if log.named}


def known(log: Log, groups: Iterable[FeatureGroup], past: PastGames) -> Known:
    """What the groups know of a log's entity after each of its games."""
    games = log.games(past.only(log.reads))
    measured = [(group.name, group.measures[log](games)) for group in groups if log in group.measures]
    return Known(games.states(**each_once(measured)), log.entity, log.on)


def each_once(made: Iterable[tuple[str, Values]]) -> dict[str, ir.Value]:
    """The columns that groups make, together. Raises `ValueError` where two groups make one of the same name."""
    values: dict[str, ir.Value] = {}
    made_by: dict[str, str] = {}
    for group, mine in made:
        for name in mine:
            if made_by.setdefault(name, group) != group:
                raise ValueError(f"{name} is made by the groups {made_by[name]} and {group}: rename one of the two")
        values |= mine
    return values
