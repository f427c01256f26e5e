"""What to launch for a phase: the same judgement for sensors, schedules and self-heal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

import dagster as dg

from nba_pipeline.automation.launches import Launches
from nba_pipeline.clock import season_of
from nba_pipeline.contracts import Phase, Table
from nba_pipeline.deadlines import OPERATED
from nba_pipeline.evidence import Evidence, Need
from nba_pipeline.gates import Gatekeeper, State, Verdict, gate_into, incomplete_inputs
from nba_pipeline.partitions import season_start
from nba_pipeline.table_asset import asset_key

PREDICTED = (Phase.PREDICTIONS, Phase.GRADES)


def filled_since(phase: Phase, today: date) -> date:
    """From when on the automation fills what is missing: the season, and of its predictions the operated days.

    Features need the whole season. A prediction made weeks after its game is a backtest, which people ask for.
    """
    return today - OPERATED if phase in PREDICTED else season_start(season_of(today))


@dataclass
class Plan:
    """What a phase's dates want: some can be made now, some wait, and why.

    `followed` are dates that are ready in part: whether the rest can be made is known when that part is there.
    """

    phase: Phase
    wanted: dict[date, list[Table]] = field(default_factory=dict)
    ready: dict[date, tuple[frozenset[dg.AssetKey], str]] = field(default_factory=dict)
    followed: set[date] = field(default_factory=set)
    under_way: set[date] = field(default_factory=set)
    closed: dict[date, list[str]] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)


def plan(gatekeeper: Gatekeeper, evidence: Evidence, launches: Launches, phase: Phase, dates: Iterable[date]) -> Plan:
    """Judges each date of a phase that needs anything: make it now, let a run under way finish, or wait."""
    tables = evidence.tables_of(phase)
    wanted = wanted_tables(evidence, tables, sorted(set(dates)))
    found = Plan(phase, wanted)
    free = []
    for day, chosen in wanted.items():
        if launches.under_way([asset_key(table) for table in chosen], day):
            found.under_way.add(day)
        else:
            free.append(day)
    found.closed, found.verdicts = _closed(gatekeeper, evidence, phase, {day: wanted[day] for day in free})
    waiting = _waiting(evidence, {day: wanted[day] for day in free if day not in found.closed})
    for day in free:
        if day in found.closed:
            continue
        chosen = [t for t in wanted[day] if t.name not in waiting[day] and not _waits_for_any(t, wanted[day])]
        if not chosen:
            found.closed[day] = [reason for reasons in waiting[day].values() for reason in reasons]
            continue
        if len(chosen) < len(wanted[day]):
            found.followed.add(day)
        keys = frozenset(asset_key(table) for table in chosen)
        found.ready[day] = keys, evidence.inputs_from_outside(chosen, day)
    return found


def wanted_tables(evidence: Evidence, tables: Sequence[Table], dates: Sequence[date]) -> dict[date, list[Table]]:
    """Per date, the tables that are missing or stale, and those of the same phase that are made from them.

    What is missing is filled as far back as `filled_since`; what is stale is made again however old it is.
    """
    oldest = filled_since(tables[0].phase, evidence.clock.today())
    needs = evidence.needs(tables, dates)
    wanted: dict[date, list[Table]] = {}
    for day in dates:
        chosen: list[Table] = []
        for table in tables:
            need = needs.get((table.name, day), Need.NOTHING)
            follows = any(read.table in chosen for read in table.reads.values())
            if need is Need.STALE or (need is Need.MISSING and day >= oldest) or (need is Need.NOTHING and follows):
                chosen.append(table)
        chosen = [t for t in chosen if evidence.can_exist(t, day) and not (t.ledger and _frozen(evidence, t, day))]
        if chosen:
            wanted[day] = chosen
    return wanted


def _waits_for_any(table: Table, wanted: Sequence[Table]) -> bool:
    """Whether what the table waits for is itself to be made: in one run, the wait would be a failure."""
    return table.waits_for is not None and any(read.table in wanted for read in table.reads.values())


def _frozen(evidence: Evidence, table: Table, day: date) -> bool:
    return evidence.complete(table, day) and evidence.has_begun(day)


def _closed(
    gatekeeper: Gatekeeper, evidence: Evidence, phase: Phase, wanted: dict[date, list[Table]]
) -> tuple[dict[date, list[str]], list[Verdict]]:
    """The dates that may not be made yet, and what the gate said about all of them.

    What the tables make of each other within the run is not asked for: the steps ask that themselves.
    """
    dates = sorted(wanted)
    gate = gate_into(phase)
    verdicts = gatekeeper.verdicts(evidence, gate, dates) if gate else {}
    closed = {day: list(verdict.reasons) for day, verdict in verdicts.items() if not verdict.lets_through}
    asked = [day for day in dates if day not in verdicts or verdicts[day].state is not State.OVERRIDDEN]
    for table in {table.name: table for chosen in wanted.values() for table in chosen}.values():
        outside = {name: read for name, read in table.reads.items() if read.table.phase is not phase}
        mine = [day for day in asked if table in wanted[day] and day not in closed]
        for day, reasons in incomplete_inputs(evidence, outside, mine).items():
            closed.setdefault(day, []).extend(reasons)
    return closed, list(verdicts.values())


def _waiting(evidence: Evidence, wanted: dict[date, list[Table]]) -> dict[date, dict[str, list[str]]]:
    """Per date, the tables that cannot be made yet though nothing closes their date, by name, and why.

    A roster that was never landed holds up no schedule, and box scores of games that go on no roster.
    """
    found: dict[date, dict[str, list[str]]] = {day: {} for day in wanted}
    for table in {table.name: table for chosen in wanted.values() for table in chosen}.values():
        mine = [day for day, chosen in wanted.items() if table in chosen]
        settled = [day for day in mine if not any(read.table in wanted[day] for read in table.reads.values())]
        for reasons in (evidence.waiting(table, settled), evidence.not_landed(table, mine)):
            for day, said in reasons.items():
                found[day].setdefault(table.name, []).extend(said)
    return found
