"""The schedules: the safety net below the sensors, in New York time.

Only the landing is asked for in any case, since nothing upstream can wake it. Everything else is launched only
where something is missing or stale by then; what its gate refuses is left to the deadline's alert.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import dagster as dg

from nba_pipeline.automation.launches import (
    LAUNCHED_AT_TAG,
    LAUNCHED_BY_TAG,
    LONGEST_RUN_SECONDS,
    Launches,
    in_runs,
)
from nba_pipeline.automation.planning import plan
from nba_pipeline.automation.switch import scheduled
from nba_pipeline.clock import NEW_YORK, game_date_of
from nba_pipeline.contracts import Phase
from nba_pipeline.gates import Gatekeeper
from nba_pipeline.landing import LANDED_GAMES, LANDED_PLAYER_BOX_SCORES, LANDED_PLAYERS
from nba_pipeline.operations.pipeline_health import PIPELINE_HEALTH_KEY
from nba_pipeline.partitions import is_game_date, to_key
from nba_pipeline.settings import Settings

YESTERDAY, TODAY, TOMORROW = -1, 0, 1


@dataclass(frozen=True)
class Net:
    """A schedule: when it looks, at which date, and what it brings there."""

    name: str
    crons: tuple[str, ...]
    day: int
    description: str
    landing: tuple[dg.AssetKey, ...] = ()
    phases: tuple[Phase, ...] = ()


NETS = (
    Net(
        "box_scores",
        ("30 1 * * *", "30 3 * * *", "30 6 * * *"),
        YESTERDAY,
        "Asks the source for yesterday's results and box scores.",
        landing=(LANDED_GAMES, LANDED_PLAYER_BOX_SCORES),
    ),
    Net(
        "same_day_schedule_and_rosters",
        ("40 6 * * *", "0 10 * * *", "0 13 * * *", "0 16 * * *", "30 18 * * *"),
        TODAY,
        "Asks the source for today's schedule and rosters, through the day.",
        landing=(LANDED_GAMES, LANDED_PLAYERS),
    ),
    Net(
        "tomorrow_schedule_and_rosters",
        ("0 17 * * *",),
        TOMORROW,
        "Asks the source for tomorrow's schedule and rosters.",
        landing=(LANDED_GAMES, LANDED_PLAYERS),
    ),
    Net(
        "overnight_precompute",
        ("0 7 * * *",),
        TODAY,
        "Analytics of yesterday are in: makes today's features where they are missing or stale.",
        phases=(Phase.PRECOMPUTE,),
    ),
    Net(
        "same_day_predictions",
        ("30 7 * * *", "30 10 * * *", "30 13 * * *", "30 16 * * *"),
        TODAY,
        "Predicts today where predictions are missing or what they are made from has changed.",
        phases=(Phase.PREDICTIONS,),
    ),
    Net(
        "tomorrow_precompute",
        ("30 17 * * *",),
        TOMORROW,
        "Makes tomorrow's features from what is known today.",
        phases=(Phase.PRECOMPUTE,),
    ),
    Net("tomorrow_predictions", ("0 18 * * *",), TOMORROW, "Predicts tomorrow.", phases=(Phase.PREDICTIONS,)),
    Net(
        "yesterday_analytics",
        ("0 4 * * *", "0 8 * * *"),
        YESTERDAY,
        "Makes yesterday's summaries where they are missing or stale.",
        phases=(Phase.RAW, Phase.ANALYTICS),
    ),
    Net("grading", ("0 9 * * *",), YESTERDAY, "Grades yesterday's predictions.", phases=(Phase.GRADES,)),
)
"""Every schedule but the daily health report."""


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """One Dagster schedule a net, and the daily health report."""
    return [*(_schedule(net, settings) for net in NETS), daily_health(settings)]


def _schedule(net: Net, settings: Settings) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=net.name,
        cron_schedule=list(net.crons),
        execution_timezone=str(NEW_YORK),
        target=dg.AssetSelection.all() - dg.AssetSelection.groups("operations"),
        default_status=scheduled(settings),
        required_resource_keys={"gatekeeper", "settings"},
        description=net.description,
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        gatekeeper: Gatekeeper = context.resources.gatekeeper
        instant = gatekeeper.clock.now() if gatekeeper.clock.simulated else context.scheduled_execution_time
        day = game_date_of(instant) + timedelta(days=net.day)
        if not is_game_date(day):
            return dg.SkipReason(f"{day} is out of season")
        if net.landing:
            return [_landing_request(net, day, instant)]
        return _requests(context, gatekeeper, net, day)

    return schedule


def _landing_request(net: Net, day: date, instant: datetime) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{net.name}:{day}:{instant.isoformat()}",
        partition_key=to_key(day),
        asset_selection=list(net.landing),
        tags={
            LAUNCHED_BY_TAG: net.name,
            LAUNCHED_AT_TAG: instant.isoformat(),
            "dagster/max_runtime": str(LONGEST_RUN_SECONDS),
        },
    )


def _requests(
    context: dg.ScheduleEvaluationContext, gatekeeper: Gatekeeper, net: Net, day: date
) -> list[dg.RunRequest] | dg.SkipReason:
    """The runs of the first phase of the net that needs one: what follows from it is the sensors' to launch."""
    launches = Launches(context.instance)
    said = []
    wait_seconds = context.resources.settings.sensor_lock_wait_seconds
    with gatekeeper.warehouse.session(read_only=True, wait_seconds=wait_seconds) as session:
        evidence = gatekeeper.evidence(session)
        for phase in net.phases:
            found = plan(gatekeeper, evidence, launches, phase, [day])
            attempt = {d: len(launches.attempts(phase, d, wanted[1])) for d, wanted in found.ready.items()}
            if found.ready:
                now = gatekeeper.clock.now()
                return [launch.request(net.name, now) for launch in in_runs(phase, found.ready, attempt[day])]
            state = f"closed: {' '.join(found.closed[day])}" if found.closed else "complete, or under way"
            said.append(f"{phase.name.lower()} of {day} is {state}")
    return dg.SkipReason("; ".join(said))


def daily_health(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule that reports on yesterday, when everything of it is due."""

    @dg.schedule(
        name="daily_health",
        cron_schedule="15 10 * * *",
        execution_timezone=str(NEW_YORK),
        target=dg.AssetSelection.assets(PIPELINE_HEALTH_KEY),
        default_status=scheduled(settings),
        required_resource_keys={"gatekeeper", "settings"},
        description="Reports how the pipeline stands, in operations.pipeline_health.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        clock = context.resources.gatekeeper.clock
        day = game_date_of(clock.now() if clock.simulated else context.scheduled_execution_time) - timedelta(days=1)
        if not is_game_date(day):
            return dg.SkipReason(f"{day} is out of season")
        tags = {"dagster/max_runtime": str(LONGEST_RUN_SECONDS)}
        return dg.RunRequest(run_key=f"health:{day}", partition_key=to_key(day), tags=tags)

    return schedule
