"""What a person does with the landing: take away what nothing stands on."""

from datetime import timedelta

from nba_pipeline.monitoring.outcome import NotTriedError, Outcome, end, refusing, say
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings
from nba_pipeline.sources.errors import DamagedLandingError, LandingUnavailableError
from nba_pipeline.sources.retention import SHORTEST, clean_up_of


@refusing
def run_landing_clean_up(settings: Settings, keep_days: int | None, *, dry_run: bool, as_json: bool) -> int:
    """Removes the answers that may go and prints how many; 2 when nobody said after how many days."""
    days = keep_days if keep_days is not None else settings.landing_keep_days
    if days is None:
        raise NotTriedError(
            "NBA_PIPELINE_LANDING_KEEP_DAYS is not set, so every answer is kept. Set it, or say it here: "
            "nba-pipeline landing clean-up --keep-days 60 --dry-run"
        )
    if timedelta(days=days) < SHORTEST:
        raise NotTriedError(f"answers are kept for {SHORTEST.days} days at least: --keep-days {SHORTEST.days}")
    runtime = Runtime(settings)
    landing = runtime.landing
    try:
        found = clean_up_of(landing, runtime.clock.now() - timedelta(days=days))
        for key in () if dry_run else found.keys:
            landing.store.remove(key)
    except (DamagedLandingError, LandingUnavailableError) as error:
        raise NotTriedError(str(error)) from error
    content = {
        "dry_run": dry_run,
        "keep_days": days,
        "removed": [capture.key for capture in found.captures],
        "files": len(found.keys),
        "kept": found.kept,
    }

    def print_it() -> None:
        would = "would be removed" if dry_run else "were removed"
        said = f"older than {days} days, said nothing new about any date and are the newest about none"
        say(
            [
                f"{len(found.captures)} answers {would}, with {len(found.keys)} files: those that are {said}.",
                f"{found.kept} answers {'would stay' if dry_run else 'stay'}.",
            ]
        )

    return end(Outcome(), content, print_it, as_json=as_json)
