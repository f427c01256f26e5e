"""The jobs: each run has the name of one, so that Dagster's Runs page says what ran.

A run makes the assets of its job that it needs, for one game date or for a range. Its tags say who launched it.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

import dagster as dg

from nba_pipeline.assets.table_asset import OWNERS, asset_key
from nba_pipeline.assets.tables import tables_of
from nba_pipeline.contracts import Phase
from nba_pipeline.landing.assets import (
    LANDED_GAME_LINES,
    LANDED_GAMES,
    LANDED_INJURIES,
    LANDED_PLAYER_BOX_SCORES,
    LANDED_PLAYER_PROP_LINES,
    LANDED_PLAYERS,
    LANDED_SEASON_SCHEDULE,
)
from nba_pipeline.landing.clean_up import CLEAN_UP_KEY
from nba_pipeline.monitoring.pipeline_health import PIPELINE_HEALTH_KEY
from nba_pipeline.predictions.models.model_assets import MODEL_KEYS
from nba_pipeline.publishing.tonights_file import TONIGHTS_FILE_KEY
from nba_pipeline.settings import Settings

WORK_TAG = "nba_pipeline/work"
"""The tag of jobs, and so of their runs, that says what kind of work they are."""


class Work(StrEnum):
    """What kind of work a job is, by which the Runs page can be filtered."""

    SOURCE = "source"
    TABLES = "tables"
    MODELS = "models"
    PUBLISHING = "publishing"
    OPERATIONS = "operations"


@dataclass(frozen=True)
class Job:
    """A name for runs: what they make, and what they are for."""

    name: str
    work: Work
    description: str
    assets: tuple[dg.AssetKey, ...] = ()
    phases: tuple[Phase, ...] = ()

    @property
    def keys(self) -> list[dg.AssetKey]:
        """All that its runs may make: its assets, and the tables of its phases."""
        return [*self.assets, *(asset_key(table) for phase in self.phases for table in tables_of(phase))]


BOX_SCORES = (LANDED_GAMES, LANDED_PLAYER_BOX_SCORES)
LINES = (LANDED_PLAYER_PROP_LINES, LANDED_GAME_LINES)
OF_A_DATE = (*BOX_SCORES, LANDED_PLAYERS, LANDED_INJURIES, *LINES)
"""What the source is asked about a game date."""

DAILY_BOX_SCORES = Job(
    "daily_box_scores", Work.SOURCE, "Asks the source for the results and box scores of a night.", BOX_SCORES
)
BOX_SCORE_CORRECTIONS = Job(
    "box_score_corrections",
    Work.SOURCE,
    "Asks the source again for results and box scores of past dates: what came late or was corrected.",
    BOX_SCORES,
)
SCHEDULE_AND_ROSTERS = Job(
    "schedule_and_rosters",
    Work.SOURCE,
    "Asks the source for a day's schedule, rosters and injuries.",
    (LANDED_GAMES, LANDED_PLAYERS, LANDED_INJURIES),
)
INJURY_REPORTS = Job("injury_reports", Work.SOURCE, "Asks the source who is out.", (LANDED_INJURIES,))
BETTING_LINES = Job("betting_lines", Work.SOURCE, "Asks the source for bookmakers' lines on games and players.", LINES)
SEASON_SCHEDULE = Job(
    "season_schedule", Work.SOURCE, "Asks the source for the whole schedule of a season.", (LANDED_SEASON_SCHEDULE,)
)

RAW_TABLES = Job(
    "raw_tables",
    Work.TABLES,
    "Parses what is landed of yesterday, today and tomorrow into the raw tables. Self-heal asks the source first where "
    "an answer is missing.",
    OF_A_DATE,
    (Phase.RAW,),
)
DAILY_ANALYTICS = Job(
    "daily_analytics",
    Work.TABLES,
    "Makes last night's game summaries, and the context of the games of today and tomorrow.",
    phases=(Phase.RAW, Phase.ANALYTICS),
)
OVERNIGHT_PRECOMPUTE = Job(
    "overnight_precompute",
    Work.TABLES,
    "Makes the player daily cache and the features of today's games once last night's summaries are in, and makes them "
    "again when something new is known.",
    phases=(Phase.ANALYTICS, Phase.PRECOMPUTE),
)
TOMORROW_PRECOMPUTE = Job(
    "tomorrow_precompute",
    Work.TABLES,
    "Makes the context and the features of tomorrow's games from what is known today.",
    phases=(Phase.ANALYTICS, Phase.PRECOMPUTE),
)
SAME_DAY_PREDICTIONS = Job(
    "same_day_predictions", Work.TABLES, "Predicts today's games before they begin.", phases=(Phase.PREDICTIONS,)
)
TOMORROW_PREDICTIONS = Job(
    "tomorrow_predictions", Work.TABLES, "Predicts tomorrow's games.", phases=(Phase.PREDICTIONS,)
)
GRADING = Job(
    "grading", Work.TABLES, "Grades yesterday's predictions and makes the scoreboard.", phases=(Phase.GRADES,)
)
REGRADE = Job(
    "regrade",
    Work.TABLES,
    "Grades dates before yesterday, late or again: after a corrected box score, or by changed code.",
    phases=(Phase.GRADES,),
)
HISTORY_UPDATE = Job(
    "history_update",
    Work.TABLES,
    "Makes what is missing, stale or outdated on dates before yesterday: after a late game, a correction or changed "
    "code.",
    OF_A_DATE,
    (Phase.RAW, Phase.ANALYTICS, Phase.PRECOMPUTE, Phase.PREDICTIONS),
)

EVERY_PHASE = tuple(phase for phase in Phase if phase is not Phase.LANDING)

SEASON_BACKFILL = Job(
    "season_backfill",
    Work.TABLES,
    "Loads a range of dates from the source through every phase: what `nba-pipeline backfill` runs.",
    OF_A_DATE,
    EVERY_PHASE,
)
OUTDATED_BACKFILL = Job(
    "outdated_backfill",
    Work.TABLES,
    "Makes stale and outdated rows again from what is landed: what `nba-pipeline backfill --outdated` runs.",
    phases=EVERY_PHASE,
)

MODEL_TRAINING = Job("model_training", Work.MODELS, "Trains the models of a month.", tuple(MODEL_KEYS))
TONIGHTS_FILE = Job(
    "tonights_file",
    Work.PUBLISHING,
    "Publishes what was predicted of a game date, as files for people outside.",
    (TONIGHTS_FILE_KEY,),
)
HEALTH_REPORT = Job(
    "health_report", Work.OPERATIONS, "Reports how the pipeline stands on a date.", (PIPELINE_HEALTH_KEY,)
)
LANDING_CLEAN_UP = Job(
    "landing_clean_up", Work.OPERATIONS, "Removes landed answers that nothing stands on.", (CLEAN_UP_KEY,)
)

JOBS = (
    DAILY_BOX_SCORES,
    BOX_SCORE_CORRECTIONS,
    SCHEDULE_AND_ROSTERS,
    INJURY_REPORTS,
    BETTING_LINES,
    SEASON_SCHEDULE,
    RAW_TABLES,
    DAILY_ANALYTICS,
    OVERNIGHT_PRECOMPUTE,
    TOMORROW_PRECOMPUTE,
    SAME_DAY_PREDICTIONS,
    TOMORROW_PREDICTIONS,
    GRADING,
    REGRADE,
    HISTORY_UPDATE,
    SEASON_BACKFILL,
    OUTDATED_BACKFILL,
    MODEL_TRAINING,
    TONIGHTS_FILE,
    HEALTH_REPORT,
)
"""Every job but the clean-up, which is there where a setting asks for it."""

DAILY = {
    Phase.RAW: RAW_TABLES,
    Phase.ANALYTICS: DAILY_ANALYTICS,
    Phase.PRECOMPUTE: OVERNIGHT_PRECOMPUTE,
    Phase.PREDICTIONS: SAME_DAY_PREDICTIONS,
    Phase.GRADES: GRADING,
}
OF_TOMORROW = {Phase.PRECOMPUTE: TOMORROW_PRECOMPUTE, Phase.PREDICTIONS: TOMORROW_PREDICTIONS}
OF_THE_PAST = {Phase.GRADES: REGRADE}


def job_of(phase: Phase, first: date, last: date, today: date) -> Job:
    """The job of a run that makes a phase for the dates from first to last."""
    if last < today - timedelta(days=1):
        return OF_THE_PAST.get(phase, HISTORY_UPDATE)
    if first > today:
        return OF_TOMORROW.get(phase, DAILY[phase])
    return DAILY[phase]


def jobs_of(phase: Phase) -> list[Job]:
    """The jobs that runs of a phase can have."""
    found = DAILY[phase], OF_TOMORROW.get(phase), OF_THE_PAST.get(phase, HISTORY_UPDATE)
    return [job for job in found if job is not None]


DEFINED = {
    job: dg.define_asset_job(
        job.name,
        selection=dg.AssetSelection.assets(*job.keys),
        description=job.description,
        tags={WORK_TAG: job.work.value},
        owners=OWNERS,
    )
    for job in (*JOBS, LANDING_CLEAN_UP)
}
"""The jobs as Dagster has them: one object each, since Dagster takes two of one name for a conflict."""


def jobs_in(settings: Settings) -> list[Job]:
    """The jobs of a home with these settings."""
    return [*JOBS, *([LANDING_CLEAN_UP] if settings.landing_keep_days is not None else [])]
