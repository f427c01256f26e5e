"""One reconciler behind sensors, schedules and self-heal: they say which dates to look at, and it decides.

What is missing, stale or outdated, may be made now, and was not tried in vain is launched in the fewest runs. It keeps
no memory of its own: what was tried is read from Dagster's runs.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import dagster as dg

from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.automation.attempts import Decision, decide
from nba_pipeline.automation.launches import Attempted, Launch, Launches, in_runs
from nba_pipeline.automation.planning import LaunchPlan, is_made_without, landing_key, plan_launches
from nba_pipeline.automation.silent_source import FACTS_LANDED
from nba_pipeline.code_versions import version_of
from nba_pipeline.contracts import Contract, Phase
from nba_pipeline.decisions.game_decisions import decision_hash
from nba_pipeline.gates.deadlines import healed_from, held_from, is_done_without
from nba_pipeline.gates.evidence import Evidence, Need
from nba_pipeline.gates.gatekeeper import Gatekeeper

Wanted = Mapping[date, tuple[frozenset[dg.AssetKey], str]]
"""Per date, the assets to be made, and a hash over what they will be made from."""


@dataclass
class Reconciliation:
    """What dates of a phase want, and what is done about it now.

    `tried_later` are dates whose next attempt is not due yet, `given_up` says how often what is given up on was tried,
    and `unanswered` when the source was asked about a date in vain.
    """

    plan: LaunchPlan
    launches: list[Launch] = field(default_factory=list)
    tried_later: set[date] = field(default_factory=set)
    given_up: dict[date, int] = field(default_factory=dict)
    unanswered: dict[date, list[datetime]] = field(default_factory=dict)

    @property
    def waiting(self) -> int:
        """How many dates wait: for a gate, for a run under way, or for their next attempt."""
        return len(self.tried_later) + len(self.plan.closed) + len(self.plan.under_way)


def reconcile(
    gatekeeper: Gatekeeper,
    evidence: Evidence,
    launches: Launches,
    phase: Phase,
    dates: Sequence[date],
    *,
    ask_source: bool = False,
) -> Reconciliation:
    """What the dates want of a phase, and the smallest runs that bring it about now.

    With `ask_source` runs of raw tables ask the source again, since only a new answer can bring what is not there.
    Without it they parse what is landed.
    """
    found = Reconciliation(plan_launches(gatekeeper, evidence, launches, phase, dates))
    asks = ask_source and phase is Phase.RAW
    possible = _with_landing(evidence, found.plan) if asks else found.plan.ready
    tried = {day: launches.attempts(phase, day, inputs) for day, (_, inputs) in possible.items()}
    wanted: dict[date, tuple[frozenset[dg.AssetKey], str]] = {}

    def decided(attempts: Sequence[Attempted]) -> Decision:
        last_answer = launches.last_answer(attempts[-1].unanswered) if attempts else None
        return decide(attempts, evidence.clock.now(), launches.last_success(phase), last_answer)

    for day, attempts in list(tried.items()):
        if in_vain := [attempt.launched_at for attempt in attempts if attempt.unanswered & FACTS_LANDED]:
            found.unanswered[day] = in_vain
        if asks and attempts and (silent := _done_without(evidence, attempts[-1], day)):
            keys, inputs = possible[day]
            wanted[day] = keys - silent, inputs
            continue
        decision = decided(attempts)
        if asks and attempts and attempts[-1].in_silence and (landed := _of_what_is_landed(evidence, found.plan, day)):
            parsed = launches.attempts(phase, day, landed[1])
            if decided(parsed) is Decision.LAUNCH:
                wanted[day], tried[day] = landed, parsed
                continue
        if decision is Decision.LAUNCH:
            wanted[day] = possible[day]
        elif decision is Decision.GIVE_UP:
            found.given_up[day] = len(attempts)
        else:
            found.tried_later.add(day)
    found.launches = in_few_runs(phase, wanted, tried)
    return found


def _done_without(evidence: Evidence, last: Attempted, day: date) -> set[dg.AssetKey]:
    """What a date is made without, where it is all that the last attempt asked for in vain: it is not asked again."""
    now = evidence.clock.now()
    silent = {landing_key(table) for table in evidence.tables_of(Phase.RAW) if is_done_without(table, day, now)}
    return silent & last.unanswered if last.unanswered <= silent else set()


def in_few_runs(phase: Phase, wanted: Wanted, tried: Mapping[date, Sequence[Attempted]]) -> list[Launch]:
    """The launches of dates that were tried so often before.

    What is tried for the first time, or found the source silent, shares runs: there is no storm when it speaks. What
    failed though the source answered is tried one by one: a date that always fails holds up no other.
    """
    together = {day: what for day, what in wanted.items() if not tried[day] or tried[day][-1].in_silence}
    parts = [together, *({day: what} for day, what in wanted.items() if day not in together)]
    launches = [launch for part in parts for launch in in_runs(phase, part)]
    # Of the same dates the number grows with each launch, so that no run key is used twice.
    return [replace(launch, attempt=max(len(tried[day]) for day in launch.dates)) for launch in launches]


def _with_landing(evidence: Evidence, planned: LaunchPlan) -> Wanted:
    """What raw tables are ready or lack an answer, with the landing that brings it.

    Box scores that wait for a game to be final wait for a new answer about the schedule too. Attempts about
    the source are counted by date and code alone: a source that answers differently each time is asked no more often.
    They begin anew when the date's deadline is over, from which on broken games are held, and when a person has decided
    something about one of its games. Rosters of a date to come are not asked for here any more when they are due, but
    made of what there is: an answer that does not come would end the run that does without it. The schedules ask on.
    What only other code made, or never made, is parsed again from what is landed, and the source is not asked.
    Late information that was not asked for in time cannot be had any more, so its landing is left to the schedules.
    """
    now = evidence.clock.now()
    wanted = {}
    for day in sorted({*planned.ready, *planned.closed}):
        due = {t.name: t for t in planned.wanted[day] if healed_from(t, day) <= now}
        if due and all(_is_merely_outdated(evidence, table, day) for table in planned.wanted[day]):
            wanted |= {day: planned.ready[day]} if day in planned.ready else {}
            continue
        versions = [version_of(table) for table in due.values()]
        if any(table.waits_for for table in due.values()):
            due |= {read.table.name: read.table for table in list(due.values()) for read in table.reads.values()}
        if due:
            without = {name for name, table in due.items() if is_made_without(evidence, table, day)}
            asked = {landing_key(t) for n, t in due.items() if n not in without and _wants_an_answer(evidence, t, day)}
            keys = frozenset({*asked, *map(asset_key, due.values())})
            state = (
                f"the source {versions} {now >= held_from(day)} {decision_hash(evidence.decisions.about_games, day)}"
                f"{sorted(without) or ''}"
            )
            wanted[day] = keys, hashlib.sha256(state.encode()).hexdigest()
    return wanted


def _of_what_is_landed(evidence: Evidence, planned: LaunchPlan, day: date) -> tuple[frozenset[dg.AssetKey], str] | None:
    """What can be made of a date without the source, whose deadline is over; None where that is nothing.

    Behind a question that finds no answer nothing of its run is made. So while the source is silent, the deadline
    holds what is broken in the answer that came, and the other games of the date go on.
    """
    if evidence.clock.now() < held_from(day) or day not in planned.ready:
        return None
    keys, inputs = planned.ready[day]
    lacking = [t for t in planned.wanted[day] if asset_key(t) in keys and evidence.coverage.has_no_answer(t, day)]
    return None if lacking else (keys, inputs)


def _wants_an_answer(evidence: Evidence, table: Contract, day: date) -> bool:
    """Whether only a new answer can bring a table: not when the table made for it is complete by the landed one.

    So what a home from before a table lacks is parsed from what is landed, and the source is not asked for it.
    """
    made_for_it = [t for t in evidence.tables if t.landed == table.landed and t.waits_for and t is not table]
    return not table.landed_optional and not any(evidence.coverage.is_complete(each, day) for each in made_for_it)


def _is_merely_outdated(evidence: Evidence, table: Contract, day: date) -> bool:
    """Whether a table wants no more than to be parsed again from what is landed, for itself or after another one."""
    return evidence.coverage.is_complete(table, day) and evidence.lineage.need_of_rows(table, day) in (
        Need.OUTDATED,
        Need.NOTHING,
    )
