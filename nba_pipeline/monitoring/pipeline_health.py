"""Pipeline health: the morning's report, as a row a day and as something to read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pyarrow as pa
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from nba_pipeline.assets.contexts import AssetContext
from nba_pipeline.assets.run_failures import planned_assets
from nba_pipeline.assets.table_asset import OWNERS, WRITER_POOL, asset_key
from nba_pipeline.clock import season_of
from nba_pipeline.contracts import Contract
from nba_pipeline.dagster_internals.event_log import TickStatus
from nba_pipeline.gates.alert_metadata import AlertKind, alert_metadata
from nba_pipeline.gates.deadlines import OPERATED, is_late, owed
from nba_pipeline.gates.evidence import WHY_NOT_CURRENT, Evidence, Need
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.gates.rules import GATES
from nba_pipeline.landing.assets import LANDED_FROM
from nba_pipeline.monitoring.code_changes import outdated_history
from nba_pipeline.monitoring.known_games import decided_about
from nba_pipeline.monitoring.ledger_verification import recorded_heads, verify
from nba_pipeline.monitoring.orphans import killed_runs
from nba_pipeline.monitoring.outcome import COMMAND, Cause, Outcome
from nba_pipeline.monitoring.season_schedule import missing_from_answers
from nba_pipeline.monitoring.smoke_test import (
    DateState,
    TableResult,
    backfill_command,
    cause_of_closing,
    causes_of,
    table_results,
    with_causes,
)
from nba_pipeline.partitions import GAME_DATES, dates_of, game_dates, to_date
from nba_pipeline.raw.rules.decided_games import decided_games
from nba_pipeline.warehouse.interface import Replacement
from nba_pipeline.warehouse.operations_tables import PIPELINE_HEALTH, QUARANTINE

PIPELINE_HEALTH_KEY = dg.AssetKey(["operations", "pipeline_health"])

HEALTH_CHECK = "nothing_to_do"

LONGEST_SILENCE = timedelta(minutes=5)
"""Dagster's daemon gives a sign of life every half minute; a slow tick delays it by a minute at most."""

OUTDATED = WHY_NOT_CURRENT[Need.OUTDATED]

QUIET_AFTER = timedelta(days=7)
"""How long after a game a date without any is in the middle of a season: the All-Star break has six of them."""


@dataclass(frozen=True)
class Health:
    """How the pipeline stands: counts over the operated days up to a date, and everything that is wrong.

    `overrides` are the decisions in force and the games that are held, as sentences, and `to_come` is what is open of
    games to come; `failing` are the tables, by date, that are not complete or not current.
    """

    game_date: date
    due: int
    complete: int
    stale: int
    outdated: int
    closed_gates: int
    overrides: tuple[str, ...]
    to_come: tuple[str, ...]
    quarantined: int
    failed_runs: int
    failed_ticks: int
    causes: tuple[Cause, ...]
    failing: tuple[tuple[date, TableResult], ...]
    reported_at: datetime

    @property
    def score(self) -> float:
        """Share of what was due that is complete, in per cent; 100 where nothing was due."""
        return 100.0 * self.complete / self.due if self.due else 100.0

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that a person has to do, a sentence each, which ends in the next command."""
        return tuple(map(str, self.causes))

    @property
    def outcome(self) -> Outcome:
        """Done when there is nothing to do; the decisions in force and what is open of games to come are named."""
        return Outcome(undone=self.problems, decided=(*self.overrides, *self.to_come))

    @property
    def healthy(self) -> bool:
        """Whether there is nothing for a person to do."""
        return not self.causes

    def row(self) -> dict[str, object]:
        """The row of `operations.pipeline_health`."""
        return {
            "game_date": self.game_date, "score": self.score, "due": self.due, "complete": self.complete,
            "stale": self.stale, "outdated": self.outdated, "closed_gates": self.closed_gates,
            "overrides": len(self.overrides),
            "quarantined": self.quarantined, "failed_runs": self.failed_runs, "failed_ticks": self.failed_ticks,
            "problems": json.dumps(list(self.problems)), "reported_at": self.reported_at.replace(tzinfo=None),
        }  # fmt: skip


def health(gatekeeper: Gatekeeper, instance: DagsterInstance, day: date) -> Health:
    """The health of the two weeks up to a date, by what is in the warehouse and in Dagster's log.

    What is due by now of the date after it belongs to it: the report on yesterday sees the predictions of today.
    """
    now, until = gatekeeper.clock.now(), min(day + timedelta(days=1), gatekeeper.clock.today())
    killed = killed_runs(instance)
    with gatekeeper.warehouse.session(read_only=True) as session:
        evidence = gatekeeper.evidence(session)
        dates, idle = _operated(evidence, day, until)
        counts, failing, outdated = _tables(evidence, gatekeeper.tables, dates)
        wrong = [cause for d, results in failing.items() for cause in causes_of(d, results)]
        history = outdated_history(evidence)
        outdated = {name: sorted({*outdated.get(name, ()), *history.get(name, ())}) for name in {**outdated, **history}}
        wrong = [*_outdated(evidence, outdated), *wrong]
        closed = _closed_gates(gatekeeper, evidence, dates, now, outdated_is_named=bool(outdated))
        chains = verify(session, recorded_heads(instance, dates), dates)
        broken = [Cause(str(chain)) for chain in chains if not chain.intact]
        quiet = _quiet_dates(evidence, [d for d in dates if d >= day])
        absent = missing_from_answers(gatekeeper, evidence, season_of(day))
        left = _left_by_killed_runs(evidence, instance, killed)
        overrides = (
            *map(str, sorted(evidence.decisions.overrides.values(), key=lambda o: (o.gate, o.game_date))),
            *decided_about(decided_games(session, now).values(), dates),
            *(str(held) for day in dates for held in evidence.calendar.held(day).values()),
            *(str(kept) for day in dates for kept in evidence.calendar.kept(day)),
        )
        calendar = evidence.calendar
        to_come = [said for d in dates for said in (*calendar.undecided(d), *calendar.without_tip_off(d))]
        found = session.read(QUARANTINE)
        quarantined = len(session.query(found.filter(found.game_date.isin(dates)))) if dates else 0
    runs, ticks = _failures(instance)
    return Health(
        day, *counts, sum(map(len, outdated.values())), len(closed), overrides, tuple(to_come),
        quarantined, runs, ticks, (*_silent_daemons(instance), *left, *idle, *wrong, *broken, *closed, *quiet, *absent),
        tuple((d, result) for d, results in failing.items() for result in results), now,
    )  # fmt: skip


def _operated(evidence: Evidence, day: date, until: date) -> tuple[list[date], list[Cause]]:
    """The dates that are looked at, and what is wrong when nothing was loaded of any of them.

    From the first one loaded on: who begins in the middle of the two weeks is not asked for the days before.
    """
    dates = game_dates(day - OPERATED, max(day, until))
    first = evidence.manifest.first_loaded(day - OPERATED)
    loaded = [d for d in dates if first and d >= first]
    if loaded or not dates:
        return loaded, []
    command = backfill_command(dates[0], min(dates[-1], until))
    return [], [Cause(f"nothing was loaded of the game dates from {dates[0]} to {dates[-1]}", command)]


def _tables(
    evidence: Evidence, tables: Sequence[Contract], dates: Sequence[date]
) -> tuple[tuple[int, int, int], dict[date, tuple[TableResult, ...]], dict[str, list[date]]]:
    """Due, complete and stale table dates, by date the tables that are not complete or stale, and what is outdated."""
    expected = complete = stale = 0
    outdated: dict[str, list[date]] = {}
    failing: dict[date, list[TableResult]] = {day: [] for day in dates}
    for table in tables:
        mine = owed(evidence, table, dates)
        expected += len(mine)
        for day, found in table_results(evidence, table, mine, {}, counts=False).items():
            complete += found.complete
            if found.complete and evidence.lineage.need_of_rows(table, day) is Need.OUTDATED:
                outdated.setdefault(table.name, []).append(day)
                continue
            stale += found.complete and found.state is DateState.FAIL
            if found.state is DateState.FAIL:
                failing[day].append(found)
    return (expected, complete, stale), {day: with_causes(found) for day, found in failing.items() if found}, outdated


def _outdated(evidence: Evidence, outdated: Mapping[str, Sequence[date]]) -> list[Cause]:
    """One sentence for all that other code has made: one command makes it again."""
    if not outdated:
        return []
    days = [day for dates in outdated.values() for day in dates]
    lines = [evidence.manifest.lines[name][dates[0]] for name, dates in outdated.items()]
    before = "" if any(line.code_version for line in lines) else ", by a version that did not note which"
    said = f"{len(days)} tables and dates from {min(days)} to {max(days)} were made by other code than runs now{before}"
    return [Cause(f"{said}: {', '.join(outdated)}", f"{COMMAND}backfill --outdated")]


def _closed_gates(
    gatekeeper: Gatekeeper, evidence: Evidence, dates: Sequence[date], now: datetime, *, outdated_is_named: bool
) -> list[Cause]:
    """Each gate that is closed for a date on which its phase is due, but for outdated rows alone that are named."""
    closed = []
    for gate in GATES:
        into = evidence.tables_of(gate.into)
        possible = [day for day in dates if not evidence.decisions.is_known_gap(day)]
        mine = [day for day in possible if is_late(into, day, now)]
        verdicts = gatekeeper.verdicts(evidence, gate, mine).values()
        shut = [verdict for verdict in verdicts if not verdict.lets_through]
        # What is closed for outdated rows alone opens with the one command that makes them again.
        closed += [
            cause_of_closing(v) for v in shut if not (outdated_is_named and all(OUTDATED in r for r in v.reasons))
        ]
    return closed


def _left_by_killed_runs(evidence: Evidence, instance: DagsterInstance, killed: Sequence[dg.DagsterRun]) -> list[Cause]:
    """Each killed run whose dates are not complete and current yet, landed answers by the tables made of them."""
    causes = []
    for run in killed:
        keys = run.asset_selection or planned_assets(instance, run.run_id)
        tables = [t for t in evidence.tables if asset_key(t) in keys or LANDED_FROM.get(t.landed or "") in keys]
        dates = [day for day in dates_of(run) if not evidence.decisions.is_known_gap(day)] if tables else []
        left = sorted(
            {
                day
                for table in tables
                for day, found in table_results(evidence, table, dates, {}, counts=False).items()
                if found.state is DateState.FAIL
            }
        )
        if left:
            said = f"run {run.run_id[:8]} of {dates[0]} to {dates[-1]} was killed: its process ended without a word"
            undone = f"{len(left)} of its {len(dates)} game dates are not complete and current since, first {left[0]}"
            causes.append(Cause(f"{said}, and {undone}", backfill_command(left[0], left[-1])))
    return causes


def _quiet_dates(evidence: Evidence, dates: Sequence[date]) -> list[Cause]:
    """Each date without games a week or less after one of the regular season.

    Nothing but the source says that there are none, and a source that lost them says the same.
    """
    quiet = [
        day
        for day, line in sorted(evidence.manifest.published(evidence.calendar.schedule).items())
        if day in dates and not line.row_count and not evidence.decisions.is_known_gap(day)
    ]
    if not quiet:
        return []
    games = evidence.session.read(evidence.calendar.schedule)
    near = games.filter(games.game_date.between(min(quiet) - QUIET_AFTER, max(quiet)))
    by_day = near.group_by("game_date").agg(regular=(~near.postseason).any())
    regular = {row["game_date"]: row["regular"] for row in evidence.session.query(by_day).to_pylist()}
    last = {day: max((d for d in regular if day - QUIET_AFTER <= d < day), default=None) for day in quiet}
    return [
        Cause(
            f"the source knows of no games on {day}, in the middle of a season. If there are any, ask it again: "
            f"{backfill_command(day)}; if the league rests, say so when the day is over: "
            f'{COMMAND}gate gap {day} --by "your name" --because "the league rests"'
        )
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


def _silent_daemons(instance: DagsterInstance) -> list[Cause]:
    """A problem if the daemon, which runs all automation and all alerts, once ran and is not heard of now.

    What does not run cannot say so itself; a home that only commands work in never had one.
    """
    heard, required = instance.get_daemon_heartbeats(), instance.get_required_daemon_types()
    since = (datetime.now(UTC) - LONGEST_SILENCE).timestamp()
    silent = sorted(name for name, sign in heard.items() if name in required and sign.timestamp < since)
    if not silent:
        return []
    last = datetime.fromtimestamp(max(heard[name].timestamp for name in silent), UTC)
    return [
        Cause(
            f"Dagster's daemon ({', '.join(silent).lower()}) gave its last sign of life at {last:%Y-%m-%d %H:%M} UTC: "
            "no sensor, schedule or alert works until it is started again",
            f"{COMMAND}ui",
        )
    ]


@dg.asset(
    key=PIPELINE_HEALTH_KEY,
    partitions_def=GAME_DATES,
    group_name="operations",
    owners=OWNERS,
    pool=WRITER_POOL,
    required_resource_keys={"gatekeeper"},
    check_specs=[
        dg.AssetCheckSpec(
            HEALTH_CHECK, asset=PIPELINE_HEALTH_KEY, description="There is nothing for a person to do this morning."
        )
    ],
    description=PIPELINE_HEALTH.description,
)
def pipeline_health(context: AssetContext) -> dg.MaterializeResult:
    """Writes the day's row and alerts if a person has to do something; the whole report is in the metadata."""
    gatekeeper = context.resources.gatekeeper
    found = health(gatekeeper, context.instance, to_date(context.partition_key))
    row = pa.Table.from_pylist([found.row()], schema=PIPELINE_HEALTH.schema.to_pyarrow())
    with gatekeeper.warehouse.session() as session:
        session.ensure(PIPELINE_HEALTH)
        session.replace([Replacement(PIPELINE_HEALTH, session.stage("health", row), [found.game_date])])
    problems = dg.MetadataValue.md("\n".join(f"- {problem}" for problem in found.problems) or "none")
    effect = "What a person has to do by hand is not done yet."
    alert = alert_metadata(AlertKind.CHECK_FAILED, found.reported_at, effect, "nba-pipeline health")
    return dg.MaterializeResult(
        check_results=[
            dg.AssetCheckResult(
                check_name=HEALTH_CHECK,
                passed=found.healthy,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={} if found.healthy else {"reasons": problems, **alert},
            )
        ],
        metadata={
            "score": found.score,
            "problems": problems,
            "overrides in force": dg.MetadataValue.md("\n".join(f"- {o}" for o in found.overrides) or "none"),
            "open of games to come": dg.MetadataValue.md("\n".join(f"- {said}" for said in found.to_come) or "none"),
            "failed runs": found.failed_runs,
            "failed ticks": found.failed_ticks,
        },
    )
