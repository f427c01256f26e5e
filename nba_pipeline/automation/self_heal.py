"""Self-heal: what is missing, stale or failed is made again, a bounded number of times, and looked at afterwards."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import takewhile

import dagster as dg

from nba_pipeline.alert_metadata import AlertKind, alert_metadata
from nba_pipeline.automation.code_changes import (
    CODE_CHECK,
    Outdated,
    dates_of,
    evaluation,
    outdated_history,
    seconds_needed,
)
from nba_pipeline.automation.launches import Attempted, Launch, Launches, in_runs
from nba_pipeline.automation.phase_sensors import FED_PHASES, landing_key
from nba_pipeline.automation.planning import Plan, plan
from nba_pipeline.automation.switch import switched
from nba_pipeline.clock import season_of
from nba_pipeline.code_versions import version_of
from nba_pipeline.code_versions.translations import sources_have_changed
from nba_pipeline.contracts import Phase, Table
from nba_pipeline.deadlines import OPERATED, healed_from, held_from, is_due
from nba_pipeline.evidence import KNOWN_GAP, Evidence, Need, Override
from nba_pipeline.game_decisions import decision_hash
from nba_pipeline.gates import Gatekeeper
from nba_pipeline.landing import LANDED_GAMES, LANDED_PLAYER_BOX_SCORES
from nba_pipeline.operations.orphans import close_orphans
from nba_pipeline.operations.overrides import gap_by_rule, record_by_rule
from nba_pipeline.partitions import game_dates, season_start, to_key
from nba_pipeline.predictions.walk import HISTORY_SEASONS
from nba_pipeline.settings import Settings
from nba_pipeline.table_asset import asset_key
from nba_pipeline.warehouse.interface import WarehouseBusyError

FIRST_WAIT = timedelta(minutes=15)
LONGEST_WAIT = timedelta(hours=12)

MOST_ATTEMPTS = 16
"""For one phase, date and state of its inputs. With the waits between them they cover five days, or three and a
half where the same phase succeeds elsewhere all the time. What the source left unanswered is not counted."""

LONGEST_SILENT_WAIT = timedelta(hours=6)
"""How rarely a source that does not answer is asked, for as long as it takes."""

MOST_A_DAY = 12
"""So many attempts in any 24 hours while the source is silent, though it should answer others again and again. The
waits alone make eight on the first day and four on every other."""

DOUBLINGS = 12
"""After so many attempts the wait has long been the longest: the number of those in silence has no bound."""

WHOLE_WAITS = 3
"""So many waits must have been whole before one is cut short again."""

SELF_HEAL = dg.AssetKey(["operations", "self_heal"])
GIVEN_UP_CHECK = "nothing_given_up"
PASSED_OVER_CHECK = "nothing_passed_over"

ASKED_IN_VAIN = 3
"""So often the source must have been asked about a date, and have been silent, before later dates do without it."""

NEVER_CAME = ("raw.games", "raw.player_box_scores")
"""The facts without which nothing is known of a date's games."""

FACTS_LANDED = frozenset({LANDED_GAMES, LANDED_PLAYER_BOX_SCORES})
"""What is asked for them: box scores are not asked for where the question about the games found no answer."""

SELF_HEAL_ASSET = dg.AssetSpec(
    SELF_HEAL,
    group_name="operations",
    description="What self-heal launched, what came of it, and what it gave up on and left to people.",
)


class Decision(StrEnum):
    """What to do about something that is not there."""

    LAUNCH = "launch"
    WAIT = "wait"
    GIVE_UP = "give up"


def decide(
    attempts: Sequence[Attempted], now: datetime, last_success: datetime | None, last_answer: datetime | None = None
) -> Decision:
    """Whether to try again: after growing waits, one of which is cut short when the phase has succeeded elsewhere.

    Only one now and then: other dates succeed every day, which says nothing about this one. There are never
    more than `MOST_ATTEMPTS` that the source answered, whatever the outcome of each and however often it is asked.
    Those that it left unanswered use up nothing: they go on rarely, until it speaks, and then at once.
    """
    if not attempts:
        return Decision.LAUNCH
    answered = [attempted for attempted in attempts if not attempted.in_silence]
    if len(answered) >= MOST_ATTEMPTS:
        return Decision.GIVE_UP
    if attempts[-1].in_silence:
        return _decide_in_silence(attempts, now, last_answer)
    last = answered[-1].launched_at
    if now >= last + wait_after(len(answered)):
        return Decision.LAUNCH
    recent = range(max(1, len(answered) - WHOLE_WAITS), len(answered))
    were_whole = all(answered[n].launched_at - answered[n - 1].launched_at >= wait_after(n) for n in recent)
    heals_now = last_success is not None and last_success > last and now >= last + FIRST_WAIT
    return Decision.LAUNCH if heals_now and were_whole else Decision.WAIT


def _decide_in_silence(attempts: Sequence[Attempted], now: datetime, last_answer: datetime | None) -> Decision:
    """Whether to ask a source again that left the last attempt unanswered, and has answered others at `last_answer`."""
    of_today = sum(now - attempted.launched_at < timedelta(days=1) for attempted in attempts)
    if of_today >= MOST_A_DAY:
        return Decision.WAIT
    last = attempts[-1].launched_at
    in_a_row = len(list(takewhile(lambda attempted: attempted.in_silence, reversed(attempts))))
    speaks = last_answer is not None and last_answer > last
    wait = FIRST_WAIT if speaks else min(LONGEST_SILENT_WAIT, wait_after(in_a_row))
    return Decision.LAUNCH if now >= last + wait else Decision.WAIT


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts: a quarter of an hour, doubling, up to half a day."""
    return LONGEST_WAIT if attempts > DOUBLINGS else min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempts - 1))


def in_few_runs(
    phase: Phase, wanted: Mapping[date, tuple[frozenset[dg.AssetKey], str]], tried: Mapping[date, Sequence[Attempted]]
) -> list[Launch]:
    """The launches of dates that were tried so often before.

    What is tried for the first time, or found the source silent, shares runs: there is no storm when it speaks. What
    failed though the source answered is tried one by one: a date that always fails holds up no other.
    """
    together = {day: what for day, what in wanted.items() if not tried[day] or tried[day][-1].in_silence}
    parts = [together, *({day: what} for day, what in wanted.items() if day not in together)]
    launches = [launch for part in parts for launch in in_runs(phase, part)]
    # Of the same dates the number grows with each launch, so that no run key is used twice.
    return [replace(launch, attempt=max(len(tried[day]) for day in launch.dates)) for launch in launches]


@dataclass
class Memory:
    """What self-heal must tell once, or verify: it never decides whether something is launched."""

    season_looked_at: date | None = None
    code_told: dict[str, str | None] = field(default_factory=dict)
    healing: dict[str, str] = field(default_factory=dict)
    given_up: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, text: str | None) -> "Memory":
        """The memory that Dagster kept; at the very first tick an empty one."""
        if not text:
            return cls()
        content = json.loads(text)
        looked_at = content["season_looked_at"]
        return cls(
            date.fromisoformat(looked_at) if looked_at else None,
            content.get("code_told", {}),
            content["healing"],
            content["given_up"],
        )

    def asked_for(self) -> list[date]:
        """The dates, however old, about which the source was asked and that are not whole yet: it may speak again."""
        names = (name for name in self.healing if name not in self.given_up)
        return sorted({_day(name) for name in names if name.startswith(Phase.RAW.name.lower())})

    def forget_before(self, begin: date) -> None:
        """Forgets dates of earlier seasons, at which nothing looks any more."""
        self.healing = {name: what for name, what in self.healing.items() if _day(name) >= begin}
        self.given_up = [name for name in self.given_up if _day(name) >= begin]

    def __str__(self) -> str:
        """The memory as JSON."""
        looked_at = self.season_looked_at.isoformat() if self.season_looked_at else None
        return json.dumps(
            {
                "season_looked_at": looked_at,
                "code_told": self.code_told,
                "healing": self.healing,
                "given_up": self.given_up,
            }
        )


@dataclass
class Round:
    """What one round found: runs to launch, what needs nothing, what it gives up on.

    `looked_at` are all phases and dates of the round; of others it knows nothing. `unanswered` says of each date when
    the source was asked about it in vain.
    """

    launches: list[Launch] = field(default_factory=list)
    looked_at: set[str] = field(default_factory=set)
    well: set[str] = field(default_factory=set)
    given_up: dict[str, tuple[Phase, date, int]] = field(default_factory=dict)
    unanswered: dict[date, list[datetime]] = field(default_factory=dict)
    waiting: int = 0


def self_heal_sensor(tables: Sequence[Table], settings: Settings) -> dg.SensorDefinition:
    """The sensor that mends, every 15 minutes over the operated days and once a day over the season."""

    @dg.sensor(
        name="self_heal",
        asset_selection=dg.AssetSelection.all() - dg.AssetSelection.groups("operations", "models"),
        minimum_interval_seconds=settings.self_heal_interval_seconds,
        default_status=switched(settings),
        required_resource_keys={"gatekeeper", "settings"},
        description="Makes again what is missing, stale or failed; verifies; gives up after a bounded number of tries.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        gatekeeper: Gatekeeper = context.resources.gatekeeper
        for run_id in close_orphans(context.instance):
            context.log.error(f"Run {run_id} had ended without saying so; it is now marked as failed.")
        memory = Memory.read(context.cursor)
        memory.forget_before(season_start(season_of(gatekeeper.clock.today()) - HISTORY_SEASONS))
        whole_season = memory.season_looked_at != gatekeeper.clock.today()
        with gatekeeper.warehouse.session(read_only=True, wait_seconds=settings.sensor_lock_wait_seconds) as session:
            evidence = gatekeeper.evidence(session)
            outdated = outdated_history(evidence)
            operated = dates_to_heal(evidence, whole_season=whole_season)
            dates = sorted({*operated, *dates_of(outdated), *(memory.asked_for() if operated else ())})
            found = look(gatekeeper, evidence, Launches(context.instance), dates)
            now = gatekeeper.clock.now()
            gaps = [*gaps_to_record(evidence, found.unanswered), *gaps_to_end(evidence)]
            events = [*verify(memory, found, now), *code_changes(context.instance, memory, evidence, outdated, now)]
        if gaps:
            wait_seconds = settings.sensor_lock_wait_seconds
            try:
                record_by_rule(gatekeeper.warehouse, gatekeeper.clock, gaps, wait_seconds)
            except WarehouseBusyError as error:
                context.log.warning(f"Known gaps are recorded by the next tick: {error}")
            else:
                events += [told_of_gap(gap, now) for gap in gaps]
        if whole_season and dates:
            memory.season_looked_at = gatekeeper.clock.today()
        requests = [launch.request(context.sensor_name, now) for launch in found.launches]
        reason = f"{len(dates)} dates looked at: {found.waiting} things wait, {len(found.given_up)} were given up"
        return dg.SensorResult(
            run_requests=requests, skip_reason=None if requests else reason, cursor=str(memory), asset_events=events
        )

    return sensor


def gaps_to_record(evidence: Evidence, unanswered: Mapping[date, Sequence[datetime]]) -> list[Override]:
    """The dates whose deadline is over and of which the source, asked again and again, told nothing at all.

    Later dates do without them from now on. Only what the source never told can be passed over: what is missing
    though its facts came closes as ever.
    """
    now = evidence.clock.now()
    facts = [table for table in evidence.tables_of(Phase.RAW) if table.name in NEVER_CAME]
    gaps = []
    for day, asked in sorted(unanswered.items()):
        over = all(is_due(table, day, now) for table in facts)
        never = [
            t for t in facts if day not in evidence.manifest.published(t) and evidence.coverage.has_no_answer(t, day)
        ]
        if over and never and len(asked) >= ASKED_IN_VAIN and may_be_passed_over(evidence, day):
            names = " and ".join(table.name for table in never)
            reason = (
                f"the source told nothing for {names}: it was asked {len(asked)} times since "
                f"{min(asked):%Y-%m-%d %H:%M} UTC, in vain, and the deadline is over. It is asked on, and the date "
                "counts again when it has come"
            )
            gaps.append(gap_by_rule(day, reason))
    return gaps


def may_be_passed_over(evidence: Evidence, day: date) -> bool:
    """Whether no gap of the date is in force, and no person ended one: who wants later dates to wait is obeyed."""
    last = evidence.decisions.last(KNOWN_GAP, day)
    return (KNOWN_GAP, day) not in evidence.decisions.overrides and (last is None or last.by_rule)


def gaps_to_end(evidence: Evidence) -> list[Override]:
    """The end of each gap by rule whose facts have come since."""
    gaps = [
        gap
        for gap in evidence.decisions.overrides.values()
        if gap.by_rule and not evidence.decisions.is_known_gap(gap.game_date)
    ]
    now = evidence.clock.now()
    return [gap_by_rule(gap.game_date, f"all of {gap.game_date} that the source tells has come", now) for gap in gaps]


BY = '--by "your name" --because "why"'


def told_of_gap(gap: Override, now: datetime) -> dg.AssetCheckEvaluation:
    """What to say once of a date that is passed over from now on, or that counts again."""
    ended = gap.until <= now.replace(tzinfo=None)
    day = gap.game_date
    said = alert_metadata(
        AlertKind.PASSED_OVER,
        now,
        f"Later dates are made without the games of {day}, and their gates are degraded.",
        f"nba-pipeline backfill --from {day} --to {day}; if it will never be had: nba-pipeline gate gap {day} {BY}; "
        f"if later dates shall wait for it: nba-pipeline gate end {KNOWN_GAP} {day} {BY}",
    )
    return dg.AssetCheckEvaluation(
        asset_key=SELF_HEAL,
        check_name=PASSED_OVER_CHECK,
        passed=ended,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"reasons": dg.MetadataValue.json({to_key(day): [gap.reason]}), **({} if ended else said)},
    )


def code_changes(
    instance: dg.DagsterInstance, memory: Memory, evidence: Evidence, outdated: Outdated, now: datetime
) -> list[dg.AssetCheckEvaluation]:
    """What to say about changed code: once for each version that has come, and once that all was made again.

    A process that runs other code than lies on the disk cannot tell, and says so by failing.
    """
    if outdated and sources_have_changed():
        raise RuntimeError(
            "this process runs code that is not on the disk any more, so it cannot tell what is outdated: reload the "
            "code location (UI, Deployment), or start `nba-pipeline ui` again"
        )
    versions = {table.name: version_of(table) for table in evidence.tables if table.name in outdated}
    if versions.items() <= memory.code_told.items() and (outdated or not memory.code_told):
        return []
    memory.code_told = {**memory.code_told, **versions} if outdated else {}
    seconds = seconds_needed(instance, evidence.tables, outdated)
    return [evaluation(SELF_HEAL, evidence, outdated, seconds, now, now)]


def dates_to_heal(evidence: Evidence, *, whole_season: bool) -> list[date]:
    """The operated days up to tomorrow, or the season so far; none before anything of the season was loaded.

    Out of season there are none: July to September have no game dates.
    """
    today = evidence.clock.today()
    begin = season_start(season_of(today))
    if evidence.manifest.first_loaded(begin) is None:
        return []
    return game_dates(begin if whole_season else max(begin, today - OPERATED), today + timedelta(days=1))


def look(gatekeeper: Gatekeeper, evidence: Evidence, launches: Launches, dates: Sequence[date]) -> Round:
    """What the dates want, phase by phase, and the smallest runs that bring it about now."""
    found = Round()
    for phase in FED_PHASES:
        lost = _lost(evidence, phase, dates)
        needy = {day for _, day in evidence.lineage.needs(evidence.tables_of(phase), lost)}
        found.looked_at |= {_name(phase, day) for day in dates}
        found.well |= {_name(phase, day) for day in lost if day not in needy}
        planned = plan(gatekeeper, evidence, launches, phase, lost)
        wanted: dict[date, tuple[frozenset[dg.AssetKey], str]] = {}
        tried: dict[date, Sequence[Attempted]] = {}
        for day, (keys, inputs) in _with_landing(evidence, phase, planned).items():
            attempts = launches.attempts(phase, day, inputs)
            if in_vain := [a.launched_at for a in attempts if a.unanswered & FACTS_LANDED]:
                found.unanswered[day] = in_vain
            last_answer = launches.last_answer(attempts[-1].unanswered) if attempts else None
            decision = decide(attempts, evidence.clock.now(), launches.last_success(phase), last_answer)
            if decision is Decision.LAUNCH:
                wanted[day], tried[day] = (keys, inputs), attempts
            elif decision is Decision.GIVE_UP:
                found.given_up[_name(phase, day)] = phase, day, len(attempts)
            else:
                found.waiting += 1
        found.waiting += len(planned.closed) + len(planned.under_way)
        found.launches += in_few_runs(phase, wanted, tried)
    return found


def _name(phase: Phase, day: date) -> str:
    return f"{phase.name.lower()} {day}"


def _day(name: str) -> date:
    return date.fromisoformat(name.split()[1])


def _lost(evidence: Evidence, phase: Phase, dates: Sequence[date]) -> list[date]:
    """The dates on which the phase ought to have been made by now."""
    now = evidence.clock.now()
    return [day for day in dates if any(healed_from(table, day) <= now for table in evidence.tables_of(phase))]


def _with_landing(evidence: Evidence, phase: Phase, planned: Plan) -> Mapping[date, tuple[frozenset[dg.AssetKey], str]]:
    """What is ready; for raw tables with the landing, since only a new answer can bring what is not there.

    Box scores that wait for a game to be final wait for a new answer about the schedule too. Attempts about
    the source are counted by date and code alone: a source that answers differently each time is asked no more often.
    They begin anew when the date's deadline is over, from which on broken games are held, and when a person has decided
    something about one of its games.
    What only other code made, or never made, is parsed again from what is landed, and the source is not asked.
    News that was not asked for in time cannot be had any more, so its landing is left to the schedules.
    """
    if phase is not Phase.RAW:
        return planned.ready
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
            asked = {landing_key(table) for table in due.values() if _wants_an_answer(evidence, table, day)}
            keys = frozenset({*asked, *map(asset_key, due.values())})
            state = (
                f"the source {versions} {now >= held_from(day)} {decision_hash(evidence.decisions.about_games, day)}"
            )
            wanted[day] = keys, hashlib.sha256(state.encode()).hexdigest()
    return wanted


def _wants_an_answer(evidence: Evidence, table: Table, day: date) -> bool:
    """Whether only a new answer can bring a table: not when the table that is made for it is whole by the landed one.

    So what a home from before a table lacks is parsed from what is landed, and the source is not asked for it.
    """
    made_for_it = [t for t in evidence.tables if t.landed == table.landed and t.waits_for and t is not table]
    return not table.landed_optional and not any(evidence.coverage.is_complete(each, day) for each in made_for_it)


def _is_merely_outdated(evidence: Evidence, table: Table, day: date) -> bool:
    """Whether a table wants no more than to be parsed again from what is landed, for itself or after another one."""
    return evidence.coverage.is_complete(table, day) and evidence.lineage.need_of_rows(table, day) in (
        Need.OUTDATED,
        Need.NOTHING,
    )


def verify(memory: Memory, found: Round, now: datetime) -> list[dg.AssetObservation | dg.AssetCheckEvaluation]:
    """What to say about earlier rounds: healed, or given up; each is said once.

    What was not looked at now stays as it was, until a round that looks at the whole season.
    """
    events: list[dg.AssetObservation | dg.AssetCheckEvaluation] = []
    for name, before in list(memory.healing.items()):
        if name in found.well:
            del memory.healing[name]
            said = {"healed": name, "before": before, "after": "complete and made from its present inputs"}
            events.append(dg.AssetObservation(SELF_HEAL, partition=name.split()[1], metadata=said))
    for launch in found.launches:
        for day in launch.dates:
            memory.healing.setdefault(_name(launch.phase, day), f"missing or stale at {now.isoformat()}")
    news = {name: what for name, what in found.given_up.items() if name not in memory.given_up}
    memory.given_up = sorted({*found.given_up, *(name for name in memory.given_up if name not in found.looked_at)})
    return [*events, *(_gave_up(*what, now) for what in news.values())]


def _gave_up(phase: Phase, day: date, attempts: int, now: datetime) -> dg.AssetCheckEvaluation:
    said = alert_metadata(
        AlertKind.SELF_HEAL_GAVE_UP,
        now,
        f"Phase {phase.value} ({phase.name.lower()}) of {day} stays as it is, and so does what is made from it.",
        f"nba-pipeline smoke-test {day} --verbose; mend what it names; nba-pipeline backfill --from {day} --to {day}",
    )
    reason = f"{phase.name.lower()} of {day} was launched {attempts} times from the same inputs and is still not there"
    return dg.AssetCheckEvaluation(
        asset_key=SELF_HEAL,
        check_name=GIVEN_UP_CHECK,
        passed=False,
        metadata={"reasons": dg.MetadataValue.json({to_key(day): [reason]}), **said},
    )


@dg.asset_check(
    asset=SELF_HEAL,
    name=CODE_CHECK,
    required_resource_keys={"gatekeeper"},
    description="All rows that predictions are made from were made by the code that runs.",
)
def code_is_current(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """The check behind `code_is_current`: looks again, launches nothing."""
    gatekeeper: Gatekeeper = context.resources.gatekeeper
    with gatekeeper.warehouse.session(read_only=True) as session:
        outdated = outdated_history(gatekeeper.evidence(session))
    counts = {name: len(days) for name, days in outdated.items()}
    return dg.AssetCheckResult(
        passed=not outdated, severity=dg.AssetCheckSeverity.WARN, metadata={"outdated": dg.MetadataValue.json(counts)}
    )


@dg.asset_check(
    asset=SELF_HEAL,
    name=GIVEN_UP_CHECK,
    required_resource_keys={"gatekeeper"},
    description="Nothing of the operated days has been tried as often as self-heal may.",
)
def nothing_given_up(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """The check behind `nothing_given_up`: looks again, launches nothing."""
    gatekeeper: Gatekeeper = context.resources.gatekeeper
    with gatekeeper.warehouse.session(read_only=True) as session:
        evidence = gatekeeper.evidence(session)
        dates = dates_to_heal(evidence, whole_season=False)
        found = look(gatekeeper, evidence, Launches(context.instance), dates)
    return dg.AssetCheckResult(passed=not found.given_up, metadata={"given up": sorted(found.given_up)})


@dg.asset_check(
    asset=SELF_HEAL,
    name=PASSED_OVER_CHECK,
    required_resource_keys={"gatekeeper"},
    description="No date is passed over because the source was silent beyond its deadline.",
)
def nothing_passed_over(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """The check behind `nothing_passed_over`: looks again, records nothing."""
    gatekeeper: Gatekeeper = context.resources.gatekeeper
    with gatekeeper.warehouse.session(read_only=True) as session:
        evidence = gatekeeper.evidence(session)
        gaps = [
            gap
            for gap in evidence.decisions.overrides.values()
            if gap.by_rule and evidence.decisions.is_known_gap(gap.game_date)
        ]
    reasons = {to_key(gap.game_date): [gap.reason] for gap in gaps}
    return dg.AssetCheckResult(
        passed=not gaps, severity=dg.AssetCheckSeverity.WARN, metadata={"reasons": dg.MetadataValue.json(reasons)}
    )
