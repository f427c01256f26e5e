"""What is stale or outdated is made again: exactly that, upstream first, from what is landed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from dagster import DagsterInstance

from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.automation.jobs import OUTDATED_BACKFILL
from nba_pipeline.contracts import Contract
from nba_pipeline.gates.evidence import Evidence, Need
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.gates.rules import GATES, last_table
from nba_pipeline.monitoring.durations import seconds_a_date
from nba_pipeline.operations.runs import Attempt, Pipeline, materialize
from nba_pipeline.partitions import contiguous, game_dates
from nba_pipeline.warehouse.publish import note_columns

LONGEST_PORTION_SECONDS = 300
"""What a portion may take by what was measured before: half of the time after which a run is ended."""


@dataclass(frozen=True)
class Portion:
    """A table and contiguous dates that are made again in one run, and why."""

    table: Contract
    dates: tuple[date, ...]
    why: str
    seconds: float

    def __str__(self) -> str:
        """The portion in words."""
        return f"{self.table.name} {self.dates[0]} to {self.dates[-1]}, {len(self.dates)} dates: {self.why}"


def not_current_dates(evidence: Evidence, table: Contract, within: tuple[date, date]) -> dict[date, Need]:
    """The dates of a table that are stale, outdated or not there since older code did not make it, in order."""
    first, last = within
    found = {day: evidence.lineage.need_of_rows(table, day) for day in evidence.manifest.published(table)}
    found |= dict.fromkeys(_never_made(evidence, table), Need.MISSING)
    return {
        day: need
        for day, need in sorted(found.items())
        if need is not Need.NOTHING and first <= day <= last and not evidence.decisions.is_known_gap(day)
    }


def _never_made(evidence: Evidence, table: Contract) -> set[date]:
    """The dates on which a table is not there that was not waited for, as before it existed.

    The others of the date could be made without it, or were made from the same landed answers.
    """
    readers = [t for t in evidence.tables for read in t.reads.values() if read.table is table and read.optional]
    beside = [t for t in evidence.tables if table.landed and t.landed == table.landed and t is not table]
    made = {day for other in (*readers, *beside) for day in evidence.manifest.published(other)}
    missing = sorted(
        day for day in made - {*evidence.manifest.published(table)} if evidence.calendar.can_exist(table, day)
    )
    return {*missing} - {*evidence.coverage.not_landed(table, missing)}


def portions_of(table: Contract, needs: Mapping[date, Need], seconds: float) -> list[Portion]:
    """The dates of a table in runs, each of contiguous dates and short enough."""
    most = max(1, int(LONGEST_PORTION_SECONDS / max(seconds, 1e-3)))
    portions = []
    for begin, end in contiguous(needs):
        days = game_dates(begin, end)
        for start in range(0, len(days), most):
            part = tuple(days[start : start + most])
            kinds = sorted({needs[day].value for day in part})
            portions.append(Portion(table, part, " and ".join(kinds), seconds * len(part)))
    return portions


def planned(gatekeeper: Gatekeeper, instance: DagsterInstance, within: tuple[date, date]) -> list[Portion]:
    """What would be made again now, in the order in which it would be. What follows from changed rows is not known."""
    speeds = seconds_a_date(instance, [asset_key(table) for table in gatekeeper.tables])
    with gatekeeper.looking() as evidence:
        needs = {table.name: not_current_dates(evidence, table, within) for table in gatekeeper.tables}
    return [
        portion
        for table in in_turn(gatekeeper.tables)
        for portion in portions_of(table, needs[table.name], speeds[asset_key(table)])
    ]


def may_follow(gatekeeper: Gatekeeper, portions: Sequence[Portion], within: tuple[date, date]) -> dict[str, int]:
    """The tables that read what would be made again, and how many of their dates: made again where rows change."""
    first, last = within
    changed: dict[str, set[date]] = {}
    for portion in portions:
        changed.setdefault(portion.table.name, set()).update(portion.dates)
    follow: dict[str, int] = {}
    with gatekeeper.looking() as evidence:
        for table in gatekeeper.tables:
            reached = evidence.lineage.reached(table, changed) & {*evidence.manifest.published(table)}
            days = {day for day in reached if first <= day <= last and not evidence.calendar.is_frozen(table, day)}
            new = days - changed.get(table.name, set())
            if new:
                follow[table.name] = len(new)
            changed[table.name] = changed.get(table.name, set()) | days
    return follow


def in_turn(tables: Sequence[Contract]) -> list[Contract]:
    """The tables phase by phase, upstream first; the one that carries the gate behind its phase is the last of it.

    A gate judges the whole phase as soon as that table is made.
    """
    carrying = {last_table(gate, tables).name for gate in GATES}
    return sorted(tables, key=lambda table: (table.phase.value, table.name in carrying, tables.index(table)))


def make_again(pipeline: Pipeline, gatekeeper: Gatekeeper, within: tuple[date, date]) -> Iterator[Attempt]:
    """Makes again every table in turn; what it makes different makes what reads it stale, and so it comes up in turn.

    The source is not asked. What an earlier one, which was ended, has made is current, so this goes on from there.
    """
    with gatekeeper.warehouse.session() as session:
        note_columns(session, gatekeeper.tables)
    speeds = seconds_a_date(pipeline.instance, [asset_key(table) for table in gatekeeper.tables])
    for table in in_turn(gatekeeper.tables):
        with gatekeeper.looking() as evidence:
            needs = not_current_dates(evidence, table, within)
        for portion in portions_of(table, needs, speeds[asset_key(table)]):
            first, last = portion.dates[0], portion.dates[-1]
            label = f"{table.name} {first} to {last}"
            yield materialize(pipeline, [asset_key(table)], first, last, label, job=OUTDATED_BACKFILL)
