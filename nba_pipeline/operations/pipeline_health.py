"""Pipeline health: the morning's report, as a row a day and as something to read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pyarrow as pa
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.scheduler.instigation import TickStatus
from dagster._daemon.controller import DEFAULT_HEARTBEAT_INTERVAL_SECONDS, get_daemon_statuses

from nba_pipeline.alert_metadata import AlertKind, alert_metadata
from nba_pipeline.contracts import Table
from nba_pipeline.deadlines import OPERATED, due
from nba_pipeline.evidence import Evidence
from nba_pipeline.gates import GATES, Gatekeeper
from nba_pipeline.operations.ledger_verification import recorded_heads, verify
from nba_pipeline.partitions import game_dates, to_date
from nba_pipeline.table_asset import ENGINE, GAME_DATES, OWNERS, WRITER_POOL
from nba_pipeline.warehouse.interface import Replacement
from nba_pipeline.warehouse.operations_tables import PIPELINE_HEALTH, QUARANTINE

PIPELINE_HEALTH_KEY = dg.AssetKey(["operations", "pipeline_health"])

HEALTH_CHECK = "nothing_to_do"

LONGEST_SILENCE = timedelta(minutes=5)
"""Dagster's daemon gives a sign of life every half minute; a slow tick delays it by a minute at most."""

QUIET_AFTER = timedelta(days=7)
"""How long after a game a date without any is in the middle of a season: the All-Star break has six of them."""


@dataclass(frozen=True)
class Health:
    """How the pipeline stands: counts over the operated days up to a date, and every problem as a sentence."""

    game_date: date
    due: int
    complete: int
    stale: int
    closed_gates: int
    overrides: tuple[str, ...]
    quarantined: int
    failed_runs: int
    failed_ticks: int
    problems: tuple[str, ...]
    reported_at: datetime

    @property
    def score(self) -> float:
        """Share of what was due that is complete, in per cent; 100 where nothing was due."""
        return 100.0 * self.complete / self.due if self.due else 100.0

    @property
    def well(self) -> bool:
        """Whether there is nothing for a person to do."""
        return not self.problems

    def row(self) -> dict[str, object]:
        """The row of `operations.pipeline_health`."""
        return {
            "game_date": self.game_date, "score": self.score, "due": self.due, "complete": self.complete,
            "stale": self.stale, "closed_gates": self.closed_gates, "overrides": len(self.overrides),
            "quarantined": self.quarantined, "failed_runs": self.failed_runs, "failed_ticks": self.failed_ticks,
            "problems": json.dumps(list(self.problems)), "reported_at": self.reported_at.replace(tzinfo=None),
        }  # fmt: skip


def health(gatekeeper: Gatekeeper, instance: DagsterInstance, day: date) -> Health:
    """The health of the two weeks up to a date, by what is in the warehouse and in Dagster's log.

    What is due by now of the date after it belongs to it: the report on yesterday sees the predictions of today.
    """
    now, until = gatekeeper.clock.now(), min(day + timedelta(days=1), gatekeeper.clock.today())
    with gatekeeper.warehouse.session(read_only=True) as session:
        evidence = gatekeeper.evidence(session)
        first = evidence.first_loaded(day - OPERATED)
        dates = game_dates(max(first, day - OPERATED), max(day, until)) if first else []
        counts, problems = _tables(evidence, gatekeeper.tables, dates, now)
        closed = _closed_gates(gatekeeper, evidence, dates, now)
        chains = verify(session, recorded_heads(instance, dates), dates)
        broken = [str(chain) for chain in chains if not chain.whole]
        quiet = _quiet_dates(evidence, [d for d in dates if d >= day])
        overrides = tuple(str(evidence.overrides[key]) for key in sorted(evidence.overrides, key=str))
        found = session.read(QUARANTINE)
        quarantined = len(session.query(found.filter(found.game_date.isin(dates)))) if dates else 0
    runs, ticks = _failures(instance)
    return Health(
        day, counts[0], counts[1], counts[2], len(closed), overrides, quarantined, runs, ticks,
        (*_silent_daemons(instance), *problems, *broken, *closed, *quiet), now,
    )  # fmt: skip


def _tables(
    evidence: Evidence, tables: Sequence[Table], dates: Sequence[date], now: datetime
) -> tuple[tuple[int, int, int], list[str]]:
    """Due, complete and stale table dates, and a sentence for each that is not complete."""
    expected = complete = stale = 0
    problems = []
    for table in tables:
        mine = [day for day in dates if due(table, day) <= now and not evidence.is_known_gap(day)]
        covered = evidence.coverage(table, mine)
        expected += len(mine)
        for day in mine:
            if not covered[day].complete:
                problems.append("; ".join(covered[day].reasons(table)))
                continue
            complete += 1
            stale += evidence.is_stale(table, day) and not (table.ledger and evidence.all_have_begun(day))
    return (expected, complete, stale), problems


def _closed_gates(gatekeeper: Gatekeeper, evidence: Evidence, dates: Sequence[date], now: datetime) -> list[str]:
    """A sentence for each gate that is closed for a date on which its phase is due."""
    sentences = []
    for gate in GATES:
        into = evidence.tables_of(gate.into)
        possible = [day for day in dates if not evidence.is_known_gap(day)]
        mine = [day for day in possible if all(due(table, day) <= now for table in into)]
        for day, verdict in gatekeeper.verdicts(evidence, gate, mine).items():
            if not verdict.lets_through:
                sentences.append(f"the gate {gate.name} is closed for {day}: {verdict.reasons[0]}")
    return sentences


def _quiet_dates(evidence: Evidence, dates: Sequence[date]) -> list[str]:
    """A sentence for each date without games a week or less after one of the regular season.

    Nothing but the source says that there are none, and a source that lost them says the same.
    """
    quiet = [
        day
        for day, line in sorted(evidence.published(evidence.schedule).items())
        if day in dates and not line.row_count and not evidence.is_known_gap(day)
    ]
    if not quiet:
        return []
    games = evidence.session.read(evidence.schedule)
    near = games.filter(games.game_date.between(min(quiet) - QUIET_AFTER, max(quiet)))
    by_day = near.group_by("game_date").agg(regular=(~near.postseason).any())
    regular = {row["game_date"]: row["regular"] for row in evidence.session.query(by_day).to_pylist()}
    last = {day: max((d for d in regular if day - QUIET_AFTER <= d < day), default=None) for day in quiet}
    return [
        f"the source knows of no games on {day}, in the middle of a season. If there are any, ask it again: "
        f"nba-pipeline backfill --from {day} --to {day}; if the league rests, say so when the day is over: "
        f"nba-pipeline gate gap {day}"
        for day, before in last.items()
        if before and regular[before]
    ]


def _failures(instance: DagsterInstance) -> tuple[int, int]:
    """Runs and ticks that failed in the last 24 hours, by Dagster's log, whose time is real."""
    since = datetime.now(UTC) - timedelta(hours=24)
    runs = instance.get_runs_count(RunsFilter(statuses=[DagsterRunStatus.FAILURE], updated_after=since))
    ticks = sum(
        len(
            instance.get_ticks(
                state.instigator_origin_id, state.selector_id, after=since.timestamp(), statuses=[TickStatus.FAILURE]
            )
        )
        for state in instance.all_instigator_state()
    )
    return runs, ticks


def _silent_daemons(instance: DagsterInstance) -> list[str]:
    """A sentence if the daemon, which runs all automation and all alerts, once ran and is not heard of now.

    What does not run cannot say so itself; a home that only commands work in never had one.
    """
    heard = instance.get_daemon_heartbeats()
    tolerance = LONGEST_SILENCE.total_seconds() - DEFAULT_HEARTBEAT_INTERVAL_SECONDS
    silent = sorted(
        name
        for name, status in get_daemon_statuses(
            instance, heard, ignore_errors=True, heartbeat_tolerance_seconds=tolerance
        ).items()
        if status.required and not status.healthy
    )
    if not silent:
        return []
    last = datetime.fromtimestamp(max(heard[name].timestamp for name in silent), UTC)
    return [
        f"Dagster's daemon ({', '.join(silent).lower()}) gave its last sign of life at {last:%Y-%m-%d %H:%M} UTC: "
        "no sensor, schedule or alert works until it is started again with `nba-pipeline ui`"
    ]


@dg.asset(
    key=PIPELINE_HEALTH_KEY,
    partitions_def=GAME_DATES,
    group_name="operations",
    owners=OWNERS,
    kinds={ENGINE},
    pool=WRITER_POOL,
    required_resource_keys={"gatekeeper"},
    check_specs=[
        dg.AssetCheckSpec(
            HEALTH_CHECK, asset=PIPELINE_HEALTH_KEY, description="There is nothing for a person to do this morning."
        )
    ],
    description=PIPELINE_HEALTH.description,
)
def pipeline_health(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Writes the day's row and alerts if a person has to do something; the whole report is in the metadata."""
    gatekeeper: Gatekeeper = context.resources.gatekeeper
    found = health(gatekeeper, context.instance, to_date(context.partition_key))
    row = pa.Table.from_pylist([found.row()], schema=PIPELINE_HEALTH.schema.to_pyarrow())
    with gatekeeper.warehouse.session() as session:
        session.ensure(PIPELINE_HEALTH)
        session.replace([Replacement(PIPELINE_HEALTH, session.stage("health", row), [found.game_date])])
    problems = dg.MetadataValue.md("\n".join(f"- {problem}" for problem in found.problems) or "none")
    effect = "What a person has to do by hand is not done yet."
    told = alert_metadata(AlertKind.CHECK_FAILED, found.reported_at, effect, "nba-pipeline health")
    return dg.MaterializeResult(
        check_results=[
            dg.AssetCheckResult(
                check_name=HEALTH_CHECK,
                passed=found.well,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={} if found.well else {"reasons": problems, **told},
            )
        ],
        metadata={
            "score": found.score,
            "problems": problems,
            "overrides in force": dg.MetadataValue.md("\n".join(f"- {o}" for o in found.overrides) or "none"),
            "failed runs": found.failed_runs,
            "failed ticks": found.failed_ticks,
        },
    )
