"""Self-heal: what is missing, stale or failed is made again, a bounded number of times, and looked at afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Annotated

import dagster as dg
from pydantic import Field, TypeAdapter

from nba_pipeline.assets.contexts import CheckContext, SensorContext
from nba_pipeline.assets.switch import switched
from nba_pipeline.assets.table_asset import OWNERS
from nba_pipeline.automation.jobs import DEFINED, jobs_of
from nba_pipeline.automation.launches import Launch, Launches
from nba_pipeline.automation.planning import FED_PHASES
from nba_pipeline.automation.reconciler import reconcile
from nba_pipeline.automation.silent_source import gaps_to_end, gaps_to_record
from nba_pipeline.clock import season_of
from nba_pipeline.code_versions import version_of
from nba_pipeline.code_versions.translations import sources_have_changed
from nba_pipeline.contracts import Contract, Phase
from nba_pipeline.gates.alert_metadata import AlertKind, alert_metadata
from nba_pipeline.gates.deadlines import OPERATED, healed_from
from nba_pipeline.gates.evidence import KNOWN_GAP, Evidence, Override
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.gates.overrides import record_by_rule
from nba_pipeline.monitoring.code_changes import (
    CODE_CHECK,
    Outdated,
    dates_of,
    evaluation,
    outdated_history,
    seconds_needed,
)
from nba_pipeline.monitoring.orphans import close_orphans
from nba_pipeline.partitions import game_dates, season_start, to_key
from nba_pipeline.predictions.walk_forward.walk import HISTORY_SEASONS
from nba_pipeline.settings import Settings
from nba_pipeline.warehouse.errors import WarehouseBusyError

SELF_HEAL = dg.AssetKey(["operations", "self_heal"])
GIVEN_UP_CHECK = "nothing_given_up"
PASSED_OVER_CHECK = "nothing_passed_over"

SELF_HEAL_ASSET = dg.AssetSpec(
    SELF_HEAL,
    group_name="operations",
    owners=OWNERS,
    kinds={"log"},
    description="No table: what self-heal launched, what came of it, and what it gave up on and left to people.",
)


@dataclass
class Memory:
    """What self-heal must say once, or verify: it never decides whether something is launched."""

    season_looked_at: date | None = None
    code_notified: Annotated[dict[str, str | None], Field(alias="code_told")] = field(default_factory=dict)
    healing: dict[str, str] = field(default_factory=dict)
    given_up: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, text: str | None) -> "Memory":
        """The memory that Dagster kept; at the very first tick an empty one."""
        return _MEMORY.validate_json(text) if text else cls()

    def asked_for(self) -> list[date]:
        """The dates, however old, about which the source was asked and that are incomplete: it may answer again."""
        names = (name for name in self.healing if name not in self.given_up)
        return sorted({_day(name) for name in names if name.startswith(Phase.RAW.name.lower())})

    def forget_before(self, begin: date) -> None:
        """Forgets dates of earlier seasons, at which nothing looks any more."""
        self.healing = {name: what for name, what in self.healing.items() if _day(name) >= begin}
        self.given_up = [name for name in self.given_up if _day(name) >= begin]

    def __str__(self) -> str:
        """The memory as JSON."""
        return _MEMORY.dump_json(self, by_alias=True).decode()


_MEMORY = TypeAdapter(Memory)


@dataclass
class Diagnosis:
    """What one look at the dates found: runs to launch, what needs nothing, what it gives up on.

    `looked_at` are all phases and dates of the look; of others it knows nothing. `unanswered` says of each date when
    the source was asked about it in vain.
    """

    launches: list[Launch] = field(default_factory=list)
    looked_at: set[str] = field(default_factory=set)
    healthy: set[str] = field(default_factory=set)
    given_up: dict[str, tuple[Phase, date, int]] = field(default_factory=dict)
    unanswered: dict[date, list[datetime]] = field(default_factory=dict)
    waiting: int = 0


def self_heal_sensor(tables: Sequence[Contract], settings: Settings) -> dg.SensorDefinition:
    """The sensor that repairs, every 15 minutes over the operated days and once a day over the season."""

    @dg.sensor(
        name="self_heal",
        jobs=[DEFINED[job] for job in dict.fromkeys(job for phase in FED_PHASES for job in jobs_of(phase))],
        minimum_interval_seconds=settings.self_heal_interval_seconds,
        default_status=switched(settings),
        required_resource_keys={"gatekeeper", "settings"},
        description="Makes again what is missing, stale or failed; verifies; gives up after a bounded number of tries.",
    )
    def sensor(context: SensorContext) -> dg.SensorResult:
        gatekeeper = context.resources.gatekeeper
        for run_id in close_orphans(context.instance):
            context.log.error(f"Run {run_id} had ended without saying so; it is now marked as failed.")
        memory = Memory.read(context.cursor)
        memory.forget_before(season_start(season_of(gatekeeper.clock.today()) - HISTORY_SEASONS))
        whole_season = memory.season_looked_at != gatekeeper.clock.today()
        with gatekeeper.looking(settings.sensor_lock_wait_seconds) as evidence:
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
                events += [notice_of_gap(gap, now) for gap in gaps]
        if whole_season and dates:
            memory.season_looked_at = gatekeeper.clock.today()
        requests = [launch.request(context.sensor_name, now) for launch in found.launches]
        reason = f"{len(dates)} dates looked at: {found.waiting} things wait, {len(found.given_up)} were given up"
        return dg.SensorResult(
            run_requests=requests, skip_reason=None if requests else reason, cursor=str(memory), asset_events=events
        )

    return sensor


BY = '--by "your name" --because "why"'


def notice_of_gap(gap: Override, now: datetime) -> dg.AssetCheckEvaluation:
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
    if versions.items() <= memory.code_notified.items() and (outdated or not memory.code_notified):
        return []
    memory.code_notified = {**memory.code_notified, **versions} if outdated else {}
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


def look(gatekeeper: Gatekeeper, evidence: Evidence, launches: Launches, dates: Sequence[date]) -> Diagnosis:
    """One round over the dates, phase by phase: of each those on which it ought to have been made by now."""
    found = Diagnosis()
    for phase in FED_PHASES:
        lost = _lost(evidence, phase, dates)
        needy = {day for _, day in evidence.lineage.needs(evidence.tables_of(phase), lost)}
        reconciled = reconcile(gatekeeper, evidence, launches, phase, lost, ask_source=True)
        found.looked_at |= {_name(phase, day) for day in dates}
        found.healthy |= {_name(phase, day) for day in lost if day not in needy}
        found.launches += reconciled.launches
        found.given_up |= {_name(phase, day): (phase, day, times) for day, times in reconciled.given_up.items()}
        found.unanswered |= reconciled.unanswered
        found.waiting += reconciled.waiting
    return found


def _name(phase: Phase, day: date) -> str:
    return f"{phase.name.lower()} {day}"


def _day(name: str) -> date:
    return date.fromisoformat(name.split()[1])


def _lost(evidence: Evidence, phase: Phase, dates: Sequence[date]) -> list[date]:
    """The dates on which the phase ought to have been made by now."""
    now = evidence.clock.now()
    return [day for day in dates if any(healed_from(table, day) <= now for table in evidence.tables_of(phase))]


def verify(memory: Memory, found: Diagnosis, now: datetime) -> list[dg.AssetObservation | dg.AssetCheckEvaluation]:
    """What to say about earlier rounds: healed, or given up; each is said once.

    What was not looked at now stays as it was, until a round that looks at the whole season.
    """
    events: list[dg.AssetObservation | dg.AssetCheckEvaluation] = []
    for name, before in list(memory.healing.items()):
        if name in found.healthy:
            del memory.healing[name]
            said = {"healed": name, "before": before, "after": "complete and made from its present inputs"}
            events.append(dg.AssetObservation(SELF_HEAL, partition=name.split()[1], metadata=said))
    for launch in found.launches:
        for day in launch.dates:
            memory.healing.setdefault(_name(launch.phase, day), f"missing or stale at {now.isoformat()}")
    newly = {name: what for name, what in found.given_up.items() if name not in memory.given_up}
    memory.given_up = sorted({*found.given_up, *(name for name in memory.given_up if name not in found.looked_at)})
    return [*events, *(_gave_up(*what, now) for what in newly.values())]


def _gave_up(phase: Phase, day: date, attempts: int, now: datetime) -> dg.AssetCheckEvaluation:
    said = alert_metadata(
        AlertKind.SELF_HEAL_GAVE_UP,
        now,
        f"Phase {phase.value} ({phase.name.lower()}) of {day} stays as it is, and so does what is made from it.",
        f"nba-pipeline smoke-test {day} --verbose; fix what it names; nba-pipeline backfill --from {day} --to {day}",
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
def code_is_current(context: CheckContext) -> dg.AssetCheckResult:
    """The check behind `code_is_current`: looks again, launches nothing."""
    with context.resources.gatekeeper.looking() as evidence:
        outdated = outdated_history(evidence)
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
def nothing_given_up(context: CheckContext) -> dg.AssetCheckResult:
    """The check behind `nothing_given_up`: looks again, launches nothing."""
    gatekeeper = context.resources.gatekeeper
    with gatekeeper.looking() as evidence:
        dates = dates_to_heal(evidence, whole_season=False)
        found = look(gatekeeper, evidence, Launches(context.instance), dates)
    return dg.AssetCheckResult(passed=not found.given_up, metadata={"given up": sorted(found.given_up)})


@dg.asset_check(
    asset=SELF_HEAL,
    name=PASSED_OVER_CHECK,
    required_resource_keys={"gatekeeper"},
    description="No date is passed over because the source was silent beyond its deadline.",
)
def nothing_passed_over(context: CheckContext) -> dg.AssetCheckResult:
    """The check behind `nothing_passed_over`: looks again, records nothing."""
    with context.resources.gatekeeper.looking() as evidence:
        gaps = [
            gap
            for gap in evidence.decisions.overrides.values()
            if gap.by_rule and evidence.decisions.is_known_gap(gap.game_date)
        ]
    reasons = {to_key(gap.game_date): [gap.reason] for gap in gaps}
    return dg.AssetCheckResult(
        passed=not gaps, severity=dg.AssetCheckSeverity.WARN, metadata={"reasons": dg.MetadataValue.json(reasons)}
    )
