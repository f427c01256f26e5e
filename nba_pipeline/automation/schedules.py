"""The schedules: the safety spec below the sensors, in New York time.

Only the landing is asked for in any case, since nothing upstream can wake it, and the morning's report. Tables are
launched only where something is missing or stale by then; what their gate refuses is left to the deadline's alert.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import dagster as dg

from nba_pipeline.assets.contexts import ScheduleContext
from nba_pipeline.assets.switch import scheduled
from nba_pipeline.automation.jobs import (
    BETTING_LINES,
    BOX_SCORE_CORRECTIONS,
    DAILY_ANALYTICS,
    DAILY_BOX_SCORES,
    DEFINED,
    GRADING,
    HEALTH_REPORT,
    INJURY_REPORTS,
    LANDING_CLEAN_UP,
    MODEL_TRAINING,
    OVERNIGHT_PRECOMPUTE,
    SAME_DAY_PREDICTIONS,
    SCHEDULE_AND_ROSTERS,
    SEASON_SCHEDULE,
    TOMORROW_PRECOMPUTE,
    TOMORROW_PREDICTIONS,
    Job,
)
from nba_pipeline.automation.launches import (
    LAUNCHED_AT_TAG,
    LAUNCHED_BY_TAG,
    LONGEST_RUN_SECONDS,
    Launches,
)
from nba_pipeline.automation.reconciler import Reconciliation, reconcile
from nba_pipeline.clock import NEW_YORK, game_date_of, season_of
from nba_pipeline.gates.deadlines import OPERATED
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.gates.rules import incomplete_inputs
from nba_pipeline.landing.assets import ASKS_AGAIN
from nba_pipeline.partitions import RANGE_END, RANGE_START, game_dates, is_game_date, season_start, to_key
from nba_pipeline.predictions.models.model_assets import READS
from nba_pipeline.settings import Settings
from nba_pipeline.sources.balldontlie import STATS

YESTERDAY, TODAY, TOMORROW = -1, 0, 1

LONGEST_TRAINING_SECONDS = 3600
"""The first month of a home trains those before it as well, which intervals and weights look back on."""


LONGEST_SEASON_SECONDS = 1800
"""A season of box scores is some 340 pages: six minutes at the 60 requests a minute of the all-star plan."""


@dataclass(frozen=True)
class ScheduleSpec:
    """A schedule: when it looks, at which date, and the job that it brings about there.

    The assets of the job are made in any case, the tables of its phases where something is missing or stale.
    With `since`, which gives the first date for the last, the source is asked again about all dates between: those
    about which it was asked before.
    """

    name: str
    crons: tuple[str, ...]
    day: int
    description: str
    job: Job
    since: Callable[[date], date] | None = None
    longest_seconds: int = LONGEST_RUN_SECONDS


SCHEDULE_SPECS = (
    ScheduleSpec(
        "box_scores",
        ("30 1 * * *", "30 3 * * *", "30 6 * * *"),
        YESTERDAY,
        "Asks the source for yesterday's results and box scores.",
        DAILY_BOX_SCORES,
    ),
    ScheduleSpec(
        "last_14_days_again",
        ("30 4 * * *",),
        YESTERDAY,
        "Asks the source again for the results and box scores of the last 14 days: what came late or was corrected.",
        BOX_SCORE_CORRECTIONS,
        since=lambda day: day - OPERATED + timedelta(days=1),
    ),
    ScheduleSpec(
        "season_schedule",
        ("10 5 * * *",),
        TODAY,
        "Asks the source for the whole schedule of the season, and says which of its games no answer about a date has.",
        SEASON_SCHEDULE,
    ),
    ScheduleSpec(
        "season_again",
        ("15 5 * * 1",),
        YESTERDAY,
        "Asks the source again for the results and box scores of the season so far.",
        BOX_SCORE_CORRECTIONS,
        since=lambda day: season_start(season_of(day)),
        longest_seconds=LONGEST_SEASON_SECONDS,
    ),
    ScheduleSpec(
        "same_day_schedule_and_rosters",
        ("40 6 * * *", "0 10 * * *", "0 13 * * *", "0 16 * * *", "30 18 * * *"),
        TODAY,
        "Asks the source for today's schedule, rosters and injuries, through the day.",
        SCHEDULE_AND_ROSTERS,
    ),
    ScheduleSpec(
        "same_day_injuries",
        ("30 17 * * *", "0 19 * * *", "30 20 * * *", "30 21 * * *"),
        TODAY,
        "Asks the source once more who is out, in the half hour before games usually begin.",
        INJURY_REPORTS,
    ),
    ScheduleSpec(
        "tomorrow_schedule_and_rosters",
        ("0 17 * * *",),
        TOMORROW,
        "Asks the source for tomorrow's schedule, rosters and injuries.",
        SCHEDULE_AND_ROSTERS,
    ),
    ScheduleSpec(
        "overnight_precompute",
        ("0 7 * * *",),
        TODAY,
        "Analytics of yesterday are in: makes today's context and features where they are missing or stale.",
        OVERNIGHT_PRECOMPUTE,
    ),
    ScheduleSpec(
        "same_day_predictions",
        ("30 7 * * *", "30 10 * * *", "30 13 * * *", "30 16 * * *"),
        TODAY,
        "Predicts today where predictions are missing or what they are made from has changed.",
        SAME_DAY_PREDICTIONS,
    ),
    ScheduleSpec(
        "tomorrow_precompute",
        ("30 17 * * *",),
        TOMORROW,
        "Makes tomorrow's context and features from what is known today.",
        TOMORROW_PRECOMPUTE,
    ),
    ScheduleSpec("tomorrow_predictions", ("0 18 * * *",), TOMORROW, "Predicts tomorrow.", TOMORROW_PREDICTIONS),
    ScheduleSpec(
        "yesterday_analytics",
        ("0 4 * * *", "0 8 * * *"),
        YESTERDAY,
        "Makes yesterday's summaries where they are missing or stale.",
        DAILY_ANALYTICS,
    ),
    ScheduleSpec("grading", ("0 9 * * *",), YESTERDAY, "Grades yesterday's predictions.", GRADING),
    ScheduleSpec(
        "daily_health",
        ("15 10 * * *",),
        YESTERDAY,
        "Reports how the pipeline stands, in operations.pipeline_health.",
        HEALTH_REPORT,
    ),
)
"""Every schedule but those of lines, the month's models and the clean-up."""

LINES_SCHEDULE_SPECS = (
    ScheduleSpec(
        "same_day_lines",
        ("0 10 * * *", "0 13 * * *", "0 16 * * *", "0 18 * * *"),
        TODAY,
        "Asks the source for bookmakers' lines on today's games and players.",
        BETTING_LINES,
    ),
    ScheduleSpec(
        "tomorrow_lines",
        ("10 17 * * *",),
        TOMORROW,
        "Asks the source for the lines that are open on tomorrow's games and players.",
        BETTING_LINES,
    ),
)
"""Only where the settings say that the key's plan has lines: nobody else is alerted of a refusal each day."""


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """One Dagster schedule a spec, the month's models, and the clean-up where it is set."""
    specs = (*SCHEDULE_SPECS, *LINES_SCHEDULE_SPECS) if settings.lines == "on" else SCHEDULE_SPECS
    clean_up = [weekly_clean_up(settings)] if settings.landing_keep_days is not None else []
    return [*(_schedule(spec, settings) for spec in specs), monthly_models(settings), *clean_up]


def _schedule(spec: ScheduleSpec, settings: Settings) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=spec.name,
        cron_schedule=list(spec.crons),
        execution_timezone=str(NEW_YORK),
        job=DEFINED[spec.job],
        default_status=scheduled(settings),
        required_resource_keys={"gatekeeper", "settings"},
        description=spec.description,
    )
    def schedule(context: ScheduleContext) -> list[dg.RunRequest] | dg.SkipReason:
        gatekeeper = context.resources.gatekeeper
        instant = gatekeeper.clock.now() if gatekeeper.clock.simulated else context.scheduled_execution_time
        day = game_date_of(instant) + timedelta(days=spec.day)
        if not is_game_date(day):
            return dg.SkipReason(f"{day} is out of season")
        if spec.since is not None:
            return _asking_again(gatekeeper, spec, spec.since(day), day, instant)
        if spec.job.assets:
            return [_request(spec, [day], instant)]
        return _requests(context, gatekeeper, spec, day)

    return schedule


def _request(spec: ScheduleSpec, days: Sequence[date], instant: datetime) -> dg.RunRequest:
    first, last = days[0], days[-1]
    about = {} if first == last else {RANGE_START: to_key(first), RANGE_END: to_key(last)}
    return dg.RunRequest(
        run_key=f"{spec.name}:{last}:{instant.isoformat()}",
        job_name=spec.job.name,
        partition_key=to_key(last) if first == last else None,
        asset_selection=list(spec.job.assets),
        tags={
            LAUNCHED_BY_TAG: spec.name,
            LAUNCHED_AT_TAG: instant.isoformat(),
            "dagster/max_runtime": str(spec.longest_seconds),
            **({ASKS_AGAIN: "true"} if spec.since is not None else {}),
            **about,
        },
    )


def _asking_again(
    gatekeeper: Gatekeeper, spec: ScheduleSpec, since: date, last: date, instant: datetime
) -> list[dg.RunRequest] | dg.SkipReason:
    """One run about the dates up to the last, from the first that was asked about before: no home grows backwards."""
    first = gatekeeper.landing.first_asked(STATS, since) if gatekeeper.landing else None
    if first is None or first > last:
        return dg.SkipReason(f"nobody asked about {since} to {last} before, so there is nothing to ask again")
    return [_request(spec, game_dates(first, last), instant)]


def _requests(
    context: ScheduleContext, gatekeeper: Gatekeeper, spec: ScheduleSpec, day: date
) -> list[dg.RunRequest] | dg.SkipReason:
    """The runs of the first phase of the spec that needs one: what follows from it is the sensors' to launch."""
    launches = Launches(context.instance)
    said = []
    with gatekeeper.looking(context.resources.settings.sensor_lock_wait_seconds) as evidence:
        for phase in spec.job.phases:
            found = reconcile(gatekeeper, evidence, launches, phase, [day])
            if found.launches:
                now = gatekeeper.clock.now()
                return [launch.request(spec.name, now, spec.job) for launch in found.launches]
            said.append(f"{phase.name.lower()} of {day} is {_why_not_launched(found, day)}")
    return dg.SkipReason("; ".join(said))


def _why_not_launched(found: Reconciliation, day: date) -> str:
    if found.plan.closed:
        return f"closed: {' '.join(found.plan.closed[day])}"
    if found.given_up:
        return f"given up after {found.given_up[day]} attempts from the same inputs"
    if found.tried_later:
        return "not there though it was launched from the same inputs; self-heal tries again later"
    return "complete, or under way"


def weekly_clean_up(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule that takes away what of the landing may go, at an hour at which nothing else is asked for."""

    @dg.schedule(
        name="landing_clean_up",
        cron_schedule="30 11 * * 1",
        execution_timezone=str(NEW_YORK),
        job=DEFINED[LANDING_CLEAN_UP],
        default_status=scheduled(settings),
        description="Removes answers older than NBA_PIPELINE_LANDING_KEEP_DAYS that nothing stands on.",
    )
    def schedule(context: ScheduleContext) -> dg.RunRequest:
        tags = {"dagster/max_runtime": str(LONGEST_RUN_SECONDS)}
        return dg.RunRequest(run_key=f"clean-up:{context.scheduled_execution_time.isoformat()}", tags=tags)

    return schedule


def monthly_models(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule that trains the models of a month on its first day, before anything is predicted from them."""

    @dg.schedule(
        name="monthly_models",
        cron_schedule="0 5 1 * *",
        execution_timezone=str(NEW_YORK),
        job=DEFINED[MODEL_TRAINING],
        default_status=scheduled(settings),
        required_resource_keys={"gatekeeper", "settings"},
        description="Trains the month's models; where they are missing, predictions train them.",
    )
    def schedule(context: ScheduleContext) -> dg.RunRequest | dg.SkipReason:
        gatekeeper = context.resources.gatekeeper
        instant = gatekeeper.clock.now() if gatekeeper.clock.simulated else context.scheduled_execution_time
        month = game_date_of(instant).replace(day=1)
        if not is_game_date(month):
            return dg.SkipReason(f"{month:%Y-%m} is out of season")
        with gatekeeper.looking(context.resources.settings.sensor_lock_wait_seconds) as evidence:
            waiting = incomplete_inputs(evidence, READS, [month])
        if waiting:
            return dg.SkipReason(
                f"models of {month}: {' '.join(waiting[month])} Predictions train them once it is complete"
            )
        tags = {"dagster/max_runtime": str(LONGEST_TRAINING_SECONDS)}
        return dg.RunRequest(run_key=f"models:{month}", partition_key=to_key(month), tags=tags)

    return schedule
