"""The sensor of tonight's file: what was predicted of today or tomorrow is published once its gates are open."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta

import dagster as dg
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from nba_pipeline.assets.contexts import SensorContext
from nba_pipeline.assets.switch import switched
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.automation.attempts import Decision, decide
from nba_pipeline.automation.jobs import DEFINED, TONIGHTS_FILE
from nba_pipeline.automation.launches import (
    INPUTS_TAG,
    LAUNCHED_AT_TAG,
    LAUNCHED_BY_TAG,
    LONGEST_RUN_SECONDS,
    UNFINISHED,
    Attempted,
    launched_at,
)
from nba_pipeline.automation.phase_sensors import changes_since
from nba_pipeline.clock import game_date_of
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.monitoring.ledger_verification import recorded_heads
from nba_pipeline.partitions import PARTITION, to_key
from nba_pipeline.publishing.predictions_file import LEDGER
from nba_pipeline.publishing.tonights_file import judged
from nba_pipeline.settings import Settings
from nba_pipeline.warehouse.interface import Session

SENSOR = "tonights_file"


@dataclass
class PublishingCursor:
    """What was handled: the last materialization of the ledger that was seen, and the dates that are not published.

    `ahead` are dates that were published before they began: on their day they come again, to be named as the latest.
    """

    events: dict[str, int] = field(default_factory=dict)
    waiting: list[date] = field(default_factory=list)
    ahead: list[date] = field(default_factory=list)

    @classmethod
    def read(cls, text: str | None) -> "PublishingCursor":
        """The cursor that Dagster kept; at the very first tick an empty one."""
        content = json.loads(text) if text else {"events": {}, "waiting": [], "ahead": []}
        waiting, ahead = ([date.fromisoformat(day) for day in content[name]] for name in ("waiting", "ahead"))
        return cls(content["events"], waiting, ahead)

    def __str__(self) -> str:
        """The cursor as JSON."""
        dates = {"waiting": self.waiting, "ahead": self.ahead}
        as_text = {name: [day.isoformat() for day in sorted(days)] for name, days in dates.items()}
        return json.dumps({"events": self.events, **as_text})


def tonights_file_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor that publishes today and tomorrow, once for each state of ledger and schedule; the rest is for people.

    A date waits while a gate is closed for it, and until a run of that day has published it. A tick that fails keeps
    its cursor.
    """
    ledger = asset_key(LEDGER)

    @dg.sensor(
        name=SENSOR,
        job=DEFINED[TONIGHTS_FILE],
        minimum_interval_seconds=settings.sensor_interval_seconds,
        default_status=switched(settings),
        required_resource_keys={"gatekeeper", "settings"},
        description="Publishes what was predicted of today and tomorrow, once its gates are open.",
    )
    def sensor(context: SensorContext) -> dg.SensorResult:
        gatekeeper = context.resources.gatekeeper
        cursor = PublishingCursor.read(context.cursor)
        changed, events = changes_since(context.instance, {ledger: (LEDGER.name,)}, cursor.events)
        cursor.events |= events
        begun = {day for day in cursor.ahead if day <= gatekeeper.clock.today()}
        dates = {*cursor.waiting, *changed.get(LEDGER.name, ()), *begun}
        if not dates:
            return dg.SensorResult(skip_reason="nothing was predicted", cursor=str(cursor))
        wait_seconds = context.resources.settings.sensor_lock_wait_seconds
        with gatekeeper.warehouse.session(read_only=True, wait_seconds=wait_seconds) as session:
            requests, said = _to_publish(context, gatekeeper, session, cursor, dates)
        return dg.SensorResult(
            run_requests=requests, skip_reason=None if requests else "; ".join(said), cursor=str(cursor)
        )

    return sensor


def _to_publish(
    context: SensorContext, gatekeeper: Gatekeeper, session: Session, cursor: PublishingCursor, dates: Collection[date]
) -> tuple[list[dg.RunRequest], list[str]]:
    """The runs to launch, and why the others are not launched; the cursor has then which dates wait on."""
    today, now = gatekeeper.clock.today(), gatekeeper.clock.now()
    evidence = gatekeeper.evidence(session)
    cursor.waiting, cursor.ahead = [], [day for day in cursor.ahead if day > today and day not in dates]
    requests: list[dg.RunRequest] = []
    said = ["no date of today or later wants to be published"]
    for day in sorted(day for day in dates if today <= day <= today + timedelta(days=1)):
        if day not in recorded_heads(context.instance, [day]):
            continue
        found = judged(gatekeeper, evidence, day)
        runs = _runs(context.instance, day, found.inputs)
        published = [run for run in runs if run.status is DagsterRunStatus.SUCCESS]
        if any(game_date_of(launched_at(run)) == today for run in published):
            cursor.ahead += [day] if day > today else []
            continue
        failed = [Attempted(launched_at(run), succeeded=False) for run in runs if run not in published]
        decision = decide(failed, now, None)
        if decision is Decision.GIVE_UP:
            context.log.error(
                f"{day} was launched {len(failed)} times to be published; nba-pipeline publish says why not"
            )
            continue
        cursor.waiting.append(day)
        if any(run.status in UNFINISHED for run in runs) or decision is Decision.WAIT:
            said.append(f"{day} is under way or tried later")
        elif found.refused:
            said.append(f"{day} waits: {' '.join(found.refused)}")
        else:
            tags = {
                INPUTS_TAG: json.dumps({to_key(day): found.inputs[:12]}), LAUNCHED_AT_TAG: now.isoformat(),
                LAUNCHED_BY_TAG: SENSOR, "dagster/max_runtime": str(LONGEST_RUN_SECONDS),
            }  # fmt: skip
            key = f"{SENSOR}:{day}:{found.inputs[:12]}:{len(runs)}"
            selected = list(TONIGHTS_FILE.assets)
            requests.append(
                dg.RunRequest(
                    key, job_name=TONIGHTS_FILE.name, partition_key=to_key(day), asset_selection=selected, tags=tags
                )
            )
    return requests, said


def _runs(instance: DagsterInstance, day: date, inputs: str) -> list[dg.DagsterRun]:
    """What this sensor launched to publish a date from these inputs, the oldest first."""
    about = RunsFilter(job_name=TONIGHTS_FILE.name, tags={PARTITION: to_key(day), LAUNCHED_BY_TAG: SENSOR})
    noted = inputs[:12]
    mine = [run for run in instance.get_runs(about) if json.loads(run.tags[INPUTS_TAG]).get(to_key(day)) == noted]
    return sorted(mine, key=launched_at)
