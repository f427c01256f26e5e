"""The rules of the gates: evidence from the warehouse in, reasons out, for many dates at once. They are pure.

A rule sees nothing but the evidence, and raises where that cannot be read.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date
from functools import partial

import ibis

from nba_pipeline.contracts import Contract, Phase, Read, Reader, Window
from nba_pipeline.gates.accuracy_tripwire import GRADED, RECENT, TRIPWIRE, dishonest_errors
from nba_pipeline.gates.evidence import NEXT_COMMAND, WHY_NOT_CURRENT, Coverage, Evidence, Need, make_again
from nba_pipeline.gates.verdicts import Finding, Gate
from nba_pipeline.partitions import contiguous
from nba_pipeline.sources.records import UNCLEAR
from nba_pipeline.warehouse.audit import Reasons
from nba_pipeline.warehouse.date_scope import rows_in_scope

ENOUGH_PRECOMPUTE_TABLES = 3
"""Of the Phase 4 tables, how many must be complete for predictions to begin, the critical ones among them."""


LOOK_BACK_SEASONS = 1
"""Earlier seasons that precompute reads."""


def raw_is_complete(evidence: Evidence, dates: Sequence[date], into: Sequence[Contract]) -> Mapping[date, Finding]:
    """2→3: what the tables read of a date is there, and its contracts hold for what stands in the warehouse now.

    A summary needs every expected game final by its content or postponed, box scores of both teams with enough
    players, points and minutes that add up, no key twice and nothing that nobody expects. The context of a game
    needs what is known before tip-off, and no box score. Of a date to come only what can exist is asked for.
    """
    found = {day: Finding() for day in dates}
    for table in evidence.tables_of(Phase.RAW):
        behind = [t for t in into if any(read.table is table for read in t.reads.values())]
        asked = [day for day in dates if any(_is_asked_for(evidence, table, t, day) for t in behind)]
        covered = evidence.coverage.of(table, asked)
        broken = evidence.coverage.broken_promises(table, [day for day in asked if covered[day].published])
        for day in asked:
            found[day].reasons += covered[day].reasons(table)
            found[day].reasons += [f"{table.name} on {day}: {reason}" for reason in broken.get(day, ())]
            if evidence.lineage.is_outdated(table, day):
                found[day].reasons.append(_not_current(table, [day], Need.OUTDATED))
            found[day].warnings += _made_without(evidence, table, [day])
    for day in dates if any(table.before_tip_off for table in into) else ():
        found[day].warnings += [*evidence.calendar.undecided(day), *evidence.calendar.without_tip_off(day)]
    for day, said in unclear_games(evidence, dates).items():
        found[day].warnings += said
    for day in dates if not all(table.before_tip_off for table in into) else ():
        found[day].held += evidence.calendar.held(day).values()
        found[day].kept += evidence.calendar.kept(day)
        found[day].warnings += map(str, [*found[day].held, *found[day].kept])
        if evidence.calendar.nothing_arrived(day):
            found[day].reasons.append(
                f"no box score of {day} arrived before its deadline, so that all its games are held; if none will "
                f'ever come, say so: nba-pipeline gate gap {day} --by "your name" --because "why"'
                f"{NEXT_COMMAND}nba-pipeline backfill --from {day} --to {day}"
            )
    return found


def _made_without(evidence: Evidence, table: Contract, dates: Sequence[date]) -> list[str]:
    """A sentence for each date with games that went on without what the source had not given when it was due."""
    said = []
    for day in dates if table.done_without else ():
        line, tip = evidence.manifest.published(table).get(day), evidence.calendar.last_tip_off(day)
        if line and tip and not line.row_count and line.published_at.replace(tzinfo=UTC) < tip:
            said.append(
                f"{table.name} has nothing of {day}, whose deadline is over: its players are predicted from recent "
                f"games{NEXT_COMMAND}nba-pipeline backfill --from {day} --to {day}"
            )
    return said


def unclear_games(evidence: Evidence, dates: Sequence[date]) -> Reasons:
    """A sentence for each game of the dates that is unclear, and not held yet: nothing is expected of it."""
    if not dates:
        return {}
    found: Reasons = {}
    unclear = evidence.session.query(partial(_unclear_games, evidence.calendar.schedule), dates=dates)
    for row in unclear.to_pylist():
        day, game_id = row["game_date"], row["game_id"]
        teams = " and ".join(filter(None, (row["visitor_team"], row["home_team"]))) or "nobody known"
        if game_id not in evidence.calendar.held(day):
            found.setdefault(day, []).append(
                f"game {game_id} of {teams} on {day} is unclear, so that nothing is expected of it: "
                f"{row['status_text']}{NEXT_COMMAND}nba-pipeline game show {game_id}"
            )
    return found


def _unclear_games(schedule: Contract, read: Reader) -> ibis.Table:
    rows = rows_in_scope(schedule, read)
    return rows.filter(rows.status == UNCLEAR).order_by("game_date", "game_id")


def _is_asked_for(evidence: Evidence, table: Contract, behind: Contract, day: date) -> bool:
    """Whether what is read must be there for the table behind; what is there before its time is judged as well.

    A summary of a game to come lacks its own inputs, and is refused for them.
    """
    return (
        behind.before_tip_off or evidence.calendar.can_exist(behind, day) or day in evidence.manifest.published(table)
    )


def history_is_complete(evidence: Evidence, dates: Sequence[date], into: Sequence[Contract]) -> Mapping[date, Finding]:
    """3→4: every analytics table is complete on every due date of the look-back window, known gaps aside.

    Tables made before tip-off are complete on the date itself too, and nothing that they are made from has
    changed since: features are not made twice because the context of their game comes a minute later. Nor has what
    the summaries of earlier games are made from: a corrected box score counts when its summary is made again.
    """
    found = {day: Finding(warnings=passed_over_by_rule(evidence, day)) for day in dates}
    for table in evidence.tables_of(Phase.ANALYTICS):
        window = Window.UP_TO if table.before_tip_off else Window.BEFORE
        look_back = Read(table, window, LOOK_BACK_SEASONS)
        for day, reason in _incomplete_reads(evidence, look_back, dates).items():
            found[day].reasons.append(reason)
        asked = {day: [day] if table.before_tip_off else evidence.lineage.dates_needed(look_back, day) for day in dates}
        looked_at = {d for days in asked.values() for d in days}
        outdated = {day for day in looked_at if evidence.lineage.is_outdated(table, day)}
        stale = {day for day in looked_at - outdated if evidence.lineage.is_stale(table, day)}
        for day, days in asked.items():
            for need, dates_of in ((Need.OUTDATED, outdated), (Need.STALE, stale)):
                if not dates_of.isdisjoint(days):
                    found[day].reasons.append(_not_current(table, sorted(dates_of.intersection(days)), need))
    return found


def passed_over_by_rule(evidence: Evidence, day: date) -> list[str]:
    """A sentence for each of the last days that the source never answered about, and that a look-back skips."""
    gaps = [gap for gap in evidence.decisions.overrides.values() if gap.by_rule and day - RECENT <= gap.game_date < day]
    gaps = [gap for gap in gaps if evidence.decisions.is_known_gap(gap.game_date)]
    return [f"nothing of {gap.game_date} counts: {gap.reason}" for gap in sorted(gaps, key=lambda gap: gap.game_date)]


def _not_current(table: Contract, dates: Sequence[date], need: Need) -> str:
    first, last = contiguous(dates)[0]
    others = f" (and {len(dates) - 1} more dates)" if len(dates) > 1 else ""
    return f"{table.name} on {dates[0]}{others} {WHY_NOT_CURRENT[need]}. {make_again(need, first, last)}"


def precompute_is_enough(evidence: Evidence, dates: Sequence[date], into: Sequence[Contract]) -> Mapping[date, Finding]:
    """4→5: enough Phase 4 tables, both critical ones among them, complete, fresh and on a complete history."""
    tables = evidence.tables_of(Phase.PRECOMPUTE)
    covered = {table.name: evidence.coverage.of(table, dates) for table in tables}
    history = history_is_complete(evidence, dates, tables)
    found = {}
    for day in dates:
        complete = {table.name: covered[table.name][day].complete for table in tables}
        finding = enough_tables(complete, {table.name for table in tables if table.critical})
        for table in tables:
            reasons = covered[table.name][day].reasons(table)
            if table.critical and complete[table.name]:
                reasons = evidence.lineage.not_current(table, [day]).get(day, [])
            (finding.reasons if table.critical else finding.warnings).extend(reasons)
        finding.reasons += history[day].reasons
        finding.warnings += history[day].warnings
        found[day] = finding
    return found


def enough_tables(complete: Mapping[str, bool], critical: set[str]) -> Finding:
    """The rule of 4→5 by itself: at least three complete tables, and every critical one."""
    missing = sorted(name for name, is_complete in complete.items() if not is_complete)
    count = len(complete) - len(missing)
    finding = Finding()
    if missing:
        short = f"{count} of {len(complete)} Phase 4 tables are complete; missing: {', '.join(missing)}"
        closes = count < min(ENOUGH_PRECOMPUTE_TABLES, len(complete)) or critical & set(missing)
        (finding.reasons if closes else finding.warnings).append(short)
    return finding


def predictions_are_whole(
    evidence: Evidence, dates: Sequence[date], into: Sequence[Contract]
) -> Mapping[date, Finding]:
    """5→6: every expected prediction of every system, values in range, and recent errors that are honest."""
    found = {day: Finding() for day in dates}
    for table in evidence.tables_of(Phase.PREDICTIONS):
        covered = evidence.coverage.of(table, dates)
        broken = evidence.coverage.broken_promises(table, [day for day in dates if covered[day].published])
        for day in dates:
            found[day].reasons += covered[day].reasons(table)
            found[day].reasons += [f"{table.name} on {day}: {reason}" for reason in broken.get(day, ())]
            found[day].reasons += (
                evidence.lineage.not_current(table, [day]).get(day, []) if covered[day].complete else []
            )
    for day, reasons in dishonest_errors(evidence, dates).items():
        found[day].reasons += reasons
        found[day].dishonest = True
    if GRADED in evidence.manifest.lost:
        # Only a warning: closed, the gate would keep the grades from being made again.
        for day in dates:
            found[day].warnings.append(f"{TRIPWIRE}: {GRADED} was published and is gone, so no error can be judged")
    return found


GATES = (
    Gate(
        "raw_to_analytics",
        Phase.RAW,
        Phase.ANALYTICS,
        "What is known before the games is complete; once they are over every one is final or postponed, and its box "
        "scores are complete and add up.",
        raw_is_complete,
    ),
    Gate(
        "analytics_to_precompute",
        Phase.ANALYTICS,
        Phase.PRECOMPUTE,
        "Every analytics table is complete on every date looked back on; the context of the date is there and fresh.",
        history_is_complete,
    ),
    Gate(
        "precompute_to_predictions",
        Phase.PRECOMPUTE,
        Phase.PREDICTIONS,
        "Three of the five Phase 4 tables, both critical ones too, are complete, fresh and on a complete history.",
        precompute_is_enough,
    ),
    Gate(
        "predictions_to_grades",
        Phase.PREDICTIONS,
        Phase.GRADES,
        "Every expected prediction of every system is there, in range, and recent errors are honest.",
        predictions_are_whole,
    ),
)


def gate_into(phase: Phase) -> Gate | None:
    """The gate in front of a phase; None for landing and raw, which nothing but the source feeds."""
    return next((gate for gate in GATES if gate.into is phase), None)


def gate_named(name: str) -> Gate:
    """The gate of a name. Raises `KeyError` that lists the names."""
    found = {gate.name: gate for gate in GATES}
    if name not in found:
        raise KeyError(f"there is no gate {name!r}; the gates are {', '.join(found)}")
    return found[name]


def incomplete_inputs(evidence: Evidence, reads: Mapping[str, Read], dates: Sequence[date]) -> Reasons:
    """The dates whose inputs are not complete or not current, with the reasons; dates left out may be made.

    The rows of a date need every upstream table complete on the dates that they read: on the date itself,
    or on every earlier date back to where the history begins. Between phases the gate decides which tables
    may be missing on the date itself; here count those that the table cannot be made without.
    """
    reasons: Reasons = {}
    for read in (read for read in reads.values() if not read.optional):
        for day, reason in _incomplete_reads(evidence, read, dates).items():
            reasons.setdefault(day, []).append(reason)
    for day, mixed in evidence.lineage.mixed_reads(
        reads.values(), [day for day in dates if day not in reasons]
    ).items():
        reasons.setdefault(day, []).extend(mixed)
    return reasons


def _incomplete_reads(evidence: Evidence, read: Read, dates: Sequence[date]) -> dict[date, str]:
    needed = {day: evidence.lineage.dates_needed(read, day) for day in dates}
    asked = sorted({day for days in needed.values() for day in days})
    incomplete = {c.game_date: c for c in evidence.coverage.of(read.table, asked).values() if not c.complete}
    blocking = {day: [incomplete[d] for d in days if d in incomplete] for day, days in needed.items()}
    return {day: _sentence(read.table, found) for day, found in blocking.items() if found}


def _sentence(table: Contract, blocking: Sequence[Coverage]) -> str:
    first, last = contiguous([c.game_date for c in blocking])[0]
    others = f" (and {len(blocking) - 1} more dates)" if len(blocking) > 1 else ""
    return f"{'; '.join(blocking[0].reasons(table))}{others}. Next: nba-pipeline backfill --from {first} --to {last}"


def is_judged_before_its_check(table: Contract, tables: Sequence[Contract]) -> bool:
    """Whether the step of a table is the last to ask its gate about dates to come, whose check runs after the games.

    The check of `raw_to_analytics` is run with box scores; before those the context of players asks the gate.
    """
    gate = gate_into(table.phase)
    if gate is None or not table.before_tip_off or last_table(gate, tables).before_tip_off:
        return False
    of_phase = [other for other in tables if other.phase is table.phase]
    return not any(read.table is table for other in of_phase for read in other.reads.values())


def last_table(gate: Gate, tables: Sequence[Contract]) -> Contract:
    """The table of the gate's upstream phase that the next phase reads and no table of its own phase does.

    Where the next phase, or a part of it, is made after the games, that is a table made after them too.
    """
    of_phase = [table for table in tables if table.phase is gate.out_of]
    within = {read.table.name for table in of_phase for read in table.reads.values()}
    across = {read.table.name for table in tables if table.phase is gate.into for read in table.reads.values()}
    found = [table for table in of_phase if table.name in across - within]
    before_tip_off = all(table.before_tip_off for table in tables if table.phase is gate.into)
    return ([table for table in found if table.before_tip_off is before_tip_off] or found)[-1]
