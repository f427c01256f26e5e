"""What to launch for a phase: the same judgement for sensors, schedules and self-heal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import dagster as dg

from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.automation.launches import Launches
from nba_pipeline.clock import season_of
from nba_pipeline.code_versions.translations import sources_have_changed
from nba_pipeline.contracts import Contract, Phase, Read, Window
from nba_pipeline.gates.deadlines import OPERATED, is_done_without
from nba_pipeline.gates.evidence import Evidence, Need
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.gates.rules import gate_into, incomplete_inputs
from nba_pipeline.gates.verdicts import State, Verdict
from nba_pipeline.landing.assets import LANDED_FROM
from nba_pipeline.partitions import season_start

FED_PHASES = (Phase.RAW, Phase.ANALYTICS, Phase.PRECOMPUTE, Phase.PREDICTIONS, Phase.GRADES)
"""The phases that the automation makes, each when those before it are there."""

PREDICTED = (Phase.PREDICTIONS, Phase.GRADES)

SCORED = OPERATED + timedelta(days=30)
"""What the scoreboards of the operated days look back on: backtests of that long ago are made again as well."""


def landing_key(table: Contract) -> dg.AssetKey:
    """The landing asset that a raw table is parsed from. Raises `KeyError` for a table that is parsed from none."""
    return LANDED_FROM[table.landed or ""]


def filled_since(phase: Phase, today: date) -> date:
    """From when on the automation fills what is missing: the season, and of its predictions the operated days.

    Features need the whole season. A prediction made weeks after its game is a backtest, which people ask for.
    """
    return today - OPERATED if phase in PREDICTED else season_start(season_of(today))


@dataclass
class LaunchPlan:
    """What a phase's dates want: some can be made now, some wait, and why.

    `followed` are dates that are ready in part: whether the rest can be made is known when that part is there.
    """

    phase: Phase
    wanted: dict[date, list[Contract]] = field(default_factory=dict)
    ready: dict[date, tuple[frozenset[dg.AssetKey], str]] = field(default_factory=dict)
    followed: set[date] = field(default_factory=set)
    under_way: set[date] = field(default_factory=set)
    closed: dict[date, list[str]] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)


def plan_launches(
    gatekeeper: Gatekeeper, evidence: Evidence, launches: Launches, phase: Phase, dates: Iterable[date]
) -> LaunchPlan:
    """Judges each date of a phase that needs anything: make it now, let a run under way finish, or wait."""
    tables = evidence.tables_of(phase)
    wanted = wanted_tables(evidence, tables, sorted(set(dates)))
    found = LaunchPlan(phase, wanted)
    free = []
    for day, chosen in wanted.items():
        if launches.under_way([asset_key(table) for table in chosen], day):
            found.under_way.add(day)
        else:
            free.append(day)
    judged = _judged(gatekeeper, evidence, phase, {day: wanted[day] for day in free})
    found.verdicts = judged.verdicts
    found.closed = {
        day: _reasons(shut) for day, shut in judged.shut.items() if all(table.name in shut for table in wanted[day])
    }
    waiting = _waiting(evidence, {day: wanted[day] for day in free if day not in found.closed}, judged)
    for day in free:
        if day in found.closed:
            continue
        chosen = [t for t in wanted[day] if t.name not in waiting[day] and not _waits_for_any(t, wanted[day])]
        if not chosen:
            found.closed[day] = _reasons(waiting[day])
            continue
        if len(chosen) < len(wanted[day]):
            found.followed.add(day)
        keys = frozenset(asset_key(table) for table in chosen)
        found.ready[day] = keys, evidence.lineage.inputs_from_outside(chosen, day)
    return found


def wanted_tables(evidence: Evidence, tables: Sequence[Contract], dates: Sequence[date]) -> dict[date, list[Contract]]:
    """Per date, the tables that are missing, stale or outdated, and those of the phase that are made from them.

    What is missing is filled as far back as `filled_since`; what is stale or outdated is made again however old it is,
    but for old predictions of games that were over when they were made, and their grades: those are left to people.
    """
    oldest, recent = filled_since(tables[0].phase, evidence.clock.today()), evidence.clock.today() - SCORED
    needs = evidence.lineage.needs(tables, dates)
    if Need.OUTDATED in needs.values() and sources_have_changed():
        # What was made by the code that lies on the disk is not made again by the code of before.
        needs = {key: need for key, need in needs.items() if need is not Need.OUTDATED}
    wanted: dict[date, list[Contract]] = {}
    for day in dates:
        chosen: list[Contract] = []
        for table in tables:
            need = needs.get((table.name, day), Need.NOTHING)
            follows = any(read.table in chosen for read in table.reads.values() if read.window is not Window.BEFORE)
            again = need in (Need.STALE, Need.OUTDATED) and (day >= recent or not _of_backtests(evidence, table, day))
            if again or (need is Need.MISSING and day >= oldest) or (need is Need.NOTHING and follows):
                chosen.append(table)
        chosen = [t for t in chosen if evidence.calendar.can_exist(t, day) and not _frozen(evidence, t, day)]
        if chosen:
            wanted[day] = chosen
    return wanted


def _of_backtests(evidence: Evidence, table: Contract, day: date) -> bool:
    """Whether rows are predictions that were computed after their games, or are made from such that are not current."""
    ledgers = [read.table for read in table.reads.values() if read.table.ledger]
    return table.ledger or any(evidence.lineage.not_current(ledger, [day]) for ledger in ledgers)


def _waits_for_any(table: Contract, wanted: Sequence[Contract]) -> bool:
    """Whether what the table waits for is itself to be made: in one run, the wait would be a failure."""
    return table.waits_for is not None and _reads_any(table, wanted)


def _reads_any(table: Contract, wanted: Sequence[Contract]) -> bool:
    """Whether some of the tables are among those that the table cannot be made without."""
    return any(read.table in wanted for read in table.reads.values() if not read.optional)


def _frozen(evidence: Evidence, table: Contract, day: date) -> bool:
    return evidence.calendar.is_frozen(table, day) and evidence.coverage.is_complete(table, day)


@dataclass
class _Judged:
    """What the gate said: per date, the tables that may not be made, by name, and why; and what is overridden."""

    verdicts: list[Verdict] = field(default_factory=list)
    shut: dict[date, dict[str, list[str]]] = field(default_factory=dict)
    overridden: set[tuple[Contract, date]] = field(default_factory=set)


def _judged(
    gatekeeper: Gatekeeper, evidence: Evidence, phase: Phase, wanted: Mapping[date, Sequence[Contract]]
) -> _Judged:
    """What may not be made yet, by the gate and by what the tables read of other phases.

    The gate is asked apart for what is made before the games and after them: neither holds up the other. What the
    tables make of each other is not asked for here: see `_waiting`.
    """
    found, gate = _Judged(), gate_into(phase)
    for before_tip_off in (True, False):
        tables = [table for table in evidence.tables_of(phase) if table.before_tip_off is before_tip_off]
        mine = {day: [table for table in chosen if table in tables] for day, chosen in wanted.items()}
        dates = sorted(day for day, chosen in mine.items() if chosen)
        if not dates:
            continue
        verdicts = gatekeeper.verdicts(evidence, gate, dates, tables) if gate else {}
        found.verdicts += verdicts.values()
        overridden = {day for day, verdict in verdicts.items() if verdict.state is State.OVERRIDDEN}
        found.overridden |= {(table, day) for day in overridden for table in mine[day]}
        closed = {day: list(verdict.reasons) for day, verdict in verdicts.items() if not verdict.lets_through}
        for table in tables:
            outside = {name: read for name, read in table.reads.items() if read.table.phase is not phase}
            asked = [day for day in dates if table in mine[day] and day not in overridden and day not in closed]
            for day, reasons in incomplete_inputs(evidence, outside, asked).items():
                closed.setdefault(day, []).extend(reasons)
        for day, reasons in closed.items():
            found.shut.setdefault(day, {}).update({table.name: reasons for table in mine[day]})
    return found


def _reasons(of_tables: Mapping[str, Sequence[str]]) -> list[str]:
    """All reasons, each once."""
    return list(dict.fromkeys(reason for reasons in of_tables.values() for reason in reasons))


def _waiting(
    evidence: Evidence,
    wanted: dict[date, list[Contract]],
    judged: _Judged,
) -> dict[date, dict[str, list[str]]]:
    """Per date, the tables that cannot be made yet though not all of their date is closed, by name, and why.

    A roster that was never landed holds up no schedule, box scores of games that go on no roster, and after its
    deadline nothing. What looks back on tables of its own phase waits until they are there, even where they are about
    to be made: another run may be the one that makes them.
    """
    found: dict[date, dict[str, list[str]]] = {day: {**judged.shut.get(day, {})} for day in wanted}
    for table in {table.name: table for chosen in wanted.values() for table in chosen}.values():
        mine = [day for day, chosen in wanted.items() if table in chosen]
        settled = [day for day in mine if not _reads_any(table, wanted[day])]
        asked = [day for day in mine if (table, day) not in judged.overridden]
        behind = incomplete_inputs(evidence, _look_backs(table), asked)
        trailing = [read for read in table.reads.values() if read.window is Window.TRAILING]
        mixed = evidence.lineage.mixed_reads(trailing, mine, own_date=False)
        for reasons in (
            evidence.coverage.waiting(table, settled),
            evidence.coverage.not_landed(table, [day for day in mine if not _has_to_do_without(evidence, table, day)]),
            behind,
            mixed,
        ):
            for day, said in reasons.items():
                found[day][table.name] = [*found[day].get(table.name, ()), *said]
    for day, chosen in wanted.items():
        for table in chosen:
            of_the_date = [read for read in table.reads.values() if read.window is not Window.BEFORE]
            needed = [read.table for read in of_the_date if not read.optional]
            first = next((t for t in needed if t in chosen and t.name in found[day]), None)
            if first is not None:
                found[day].setdefault(table.name, [f"{table.name} waits for {first.name} of {day}"])
    return found


def is_made_without(evidence: Evidence, table: Contract, day: date) -> bool:
    """Whether the games of a date are to come, and it is made by now from what the source gave of a table."""
    return day >= evidence.clock.today() and is_done_without(table, day, evidence.clock.now())


def _has_to_do_without(evidence: Evidence, table: Contract, day: date) -> bool:
    return is_made_without(evidence, table, day) and evidence.coverage.has_no_answer(table, day)


def _look_backs(table: Contract) -> dict[str, Read]:
    """What a table waits for of earlier dates of its own phase; a trailing window takes what there is."""
    return {
        name: replace(read, window=Window.BEFORE)
        for name, read in table.reads.items()
        if read.table.phase is table.phase and read.window in (Window.BEFORE, Window.UP_TO)
    }
