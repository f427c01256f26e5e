"""Self-heal: what is missing, stale or failed is made again, a bounded number of times, and looked at afterwards."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

import dagster as dg

from nba_pipeline.alert_metadata import AlertKind, alert_metadata
from nba_pipeline.automation.launches import Attempted, Launch, Launches, in_runs
from nba_pipeline.automation.phase_sensors import FED_PHASES, landing_key
from nba_pipeline.automation.planning import Plan, plan
from nba_pipeline.automation.switch import switched
from nba_pipeline.clock import season_of
from nba_pipeline.contracts import Phase, Table
from nba_pipeline.deadlines import OPERATED, healed_from
from nba_pipeline.evidence import Evidence
from nba_pipeline.gates import Gatekeeper
from nba_pipeline.operations.orphans import close_orphans
from nba_pipeline.partitions import game_dates, season_start, to_key
from nba_pipeline.settings import Settings
from nba_pipeline.table_asset import asset_key

FIRST_WAIT = timedelta(minutes=15)
LONGEST_WAIT = timedelta(hours=12)

MOST_ATTEMPTS = 16
"""For one phase, date and state of its inputs. With the waits between them they cover five and a half days."""

SELF_HEAL = dg.AssetKey(["operations", "self_heal"])
GIVEN_UP_CHECK = "nothing_given_up"

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


def decide(attempts: Sequence[Attempted], now: datetime, last_success: datetime | None) -> Decision:
    """Whether to try again: after growing waits, or at once when the same phase has since succeeded elsewhere.

    There are never more than `MOST_ATTEMPTS`, whatever the outcome of each and however often it is asked.
    """
    if not attempts:
        return Decision.LAUNCH
    if len(attempts) >= MOST_ATTEMPTS:
        return Decision.GIVE_UP
    last = attempts[-1].launched_at
    if now >= last + wait_after(len(attempts)):
        return Decision.LAUNCH
    heals_now = last_success is not None and last_success > last and now >= last + FIRST_WAIT
    return Decision.LAUNCH if heals_now else Decision.WAIT


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts: a quarter of an hour, doubling, up to half a day."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempts - 1))


@dataclass
class Memory:
    """What self-heal must tell once, or verify: it never decides whether something is launched."""

    season_looked_at: date | None = None
    healing: dict[str, str] = field(default_factory=dict)
    given_up: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, text: str | None) -> "Memory":
        """The memory that Dagster kept; at the very first tick an empty one."""
        if not text:
            return cls()
        content = json.loads(text)
        looked_at = content["season_looked_at"]
        return cls(date.fromisoformat(looked_at) if looked_at else None, content["healing"], content["given_up"])

    def __str__(self) -> str:
        """The memory as JSON."""
        looked_at = self.season_looked_at.isoformat() if self.season_looked_at else None
        return json.dumps({"season_looked_at": looked_at, "healing": self.healing, "given_up": self.given_up})


@dataclass
class Round:
    """What one round found: runs to launch, what is healed, what it gives up on."""

    launches: list[Launch] = field(default_factory=list)
    wanted: dict[str, str] = field(default_factory=dict)
    given_up: dict[str, tuple[Phase, date, int]] = field(default_factory=dict)
    waiting: int = 0


def self_heal_sensor(tables: Sequence[Table], settings: Settings) -> dg.SensorDefinition:
    """The sensor that mends, every 15 minutes over the operated days and once a day over the season."""

    @dg.sensor(
        name="self_heal",
        asset_selection=dg.AssetSelection.all() - dg.AssetSelection.groups("operations"),
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
        whole_season = memory.season_looked_at != gatekeeper.clock.today()
        with gatekeeper.warehouse.session(read_only=True, wait_seconds=settings.sensor_lock_wait_seconds) as session:
            evidence = gatekeeper.evidence(session)
            dates = dates_to_heal(evidence, whole_season=whole_season)
            found = look(gatekeeper, evidence, Launches(context.instance), dates)
        if whole_season:
            memory.season_looked_at = gatekeeper.clock.today()
        events = verify(memory, found, gatekeeper.clock.now())
        now = gatekeeper.clock.now()
        requests = [launch.request(context.sensor_name, now) for launch in found.launches]
        reason = f"{len(dates)} dates looked at: {found.waiting} things wait, {len(found.given_up)} were given up"
        return dg.SensorResult(
            run_requests=requests, skip_reason=None if requests else reason, cursor=str(memory), asset_events=events
        )

    return sensor


def dates_to_heal(evidence: Evidence, *, whole_season: bool) -> list[date]:
    """The operated days up to tomorrow, or the season so far; none before anything of the season was loaded.

    Out of season there are none: July to September have no game dates.
    """
    today = evidence.clock.today()
    begin = season_start(season_of(today))
    if evidence.first_loaded(begin) is None:
        return []
    return game_dates(begin if whole_season else max(begin, today - OPERATED), today + timedelta(days=1))


def look(gatekeeper: Gatekeeper, evidence: Evidence, launches: Launches, dates: Sequence[date]) -> Round:
    """What the dates want, phase by phase, and the smallest runs that bring it about now."""
    found = Round()
    for phase in FED_PHASES:
        planned = plan(gatekeeper, evidence, launches, phase, _lost(evidence, phase, dates))
        by_attempt: dict[int, dict[date, tuple[frozenset[dg.AssetKey], str]]] = {}
        for day, (keys, inputs) in _with_landing(evidence, phase, planned).items():
            attempts = launches.attempts(phase, day, inputs)
            name = f"{phase.name.lower()} {day}"
            found.wanted[name] = f"{len(attempts)} attempts before"
            decision = decide(attempts, evidence.clock.now(), launches.last_success(phase))
            if decision is Decision.LAUNCH:
                by_attempt.setdefault(len(attempts), {})[day] = keys, inputs
            elif decision is Decision.GIVE_UP:
                found.given_up[name] = phase, day, len(attempts)
            else:
                found.waiting += 1
        found.waiting += len(planned.closed) + len(planned.under_way)
        for day in (*planned.closed, *planned.under_way):
            found.wanted[f"{phase.name.lower()} {day}"] = "waits"
        for attempt, wanted in by_attempt.items():
            # Dates that failed together are tried again one by one: one that always fails holds up no other.
            for part in [wanted] if attempt == 0 else [{day: what} for day, what in wanted.items()]:
                found.launches += in_runs(phase, part, attempt)
    return found


def _lost(evidence: Evidence, phase: Phase, dates: Sequence[date]) -> list[date]:
    """The dates on which the phase ought to have been made by now."""
    now = evidence.clock.now()
    return [day for day in dates if any(healed_from(table, day) <= now for table in evidence.tables_of(phase))]


def _with_landing(evidence: Evidence, phase: Phase, planned: Plan) -> Mapping[date, tuple[frozenset[dg.AssetKey], str]]:
    """What is ready; for raw tables with the landing, since only a new answer can bring what is not there.

    Box scores that wait for a game to be final wait for a new answer about the schedule too. Attempts about
    the source are counted by date alone: a source that answers differently each time is asked no more often.
    """
    if phase is not Phase.RAW:
        return planned.ready
    now = evidence.clock.now()
    wanted = {}
    for day in sorted({*planned.ready, *planned.closed}):
        due = {t.name: t for t in planned.wanted[day] if healed_from(t, day) <= now}
        if any(table.waits_for for table in due.values()):
            due |= {read.table.name: read.table for table in list(due.values()) for read in table.reads.values()}
        if due:
            keys = frozenset(key for table in due.values() for key in (landing_key(table), asset_key(table)))
            wanted[day] = keys, "the source"
    return wanted


def verify(memory: Memory, found: Round, now: datetime) -> list[dg.AssetObservation | dg.AssetCheckEvaluation]:
    """What to say about earlier rounds: healed, or given up; each is said once."""
    events: list[dg.AssetObservation | dg.AssetCheckEvaluation] = []
    for name, before in list(memory.healing.items()):
        if name not in found.wanted:
            del memory.healing[name]
            said = {"healed": name, "before": before, "after": "complete and made from its present inputs"}
            events.append(dg.AssetObservation(SELF_HEAL, partition=name.split()[1], metadata=said))
    for launch in found.launches:
        for day in launch.dates:
            name = f"{launch.phase.name.lower()} {day}"
            memory.healing.setdefault(name, f"missing or stale at {now.isoformat()}")
    news = {name: what for name, what in found.given_up.items() if name not in memory.given_up}
    memory.given_up = sorted(found.given_up)
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
