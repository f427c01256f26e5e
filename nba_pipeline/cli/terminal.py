"""What several commands share: progress bars, and what cannot be asked of a home."""

from datetime import date, timedelta

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from nba_pipeline.clock import Clock
from nba_pipeline.monitoring.outcome import NotTriedError, errors
from nba_pipeline.runtime import Runtime


def progress_bars() -> Progress:
    """Bars on standard error, so that standard output stays for results."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=errors,
    )


def refuse_range(clock: Clock, first: date, last: date) -> None:
    """Raises `NotTriedError` for a range of dates that cannot be asked for."""
    tomorrow = clock.today() + timedelta(days=1)
    if last < first:
        raise NotTriedError(f"--from {first} is after --to {last}")
    if last > tomorrow:
        raise NotTriedError(f"{last} is after tomorrow ({tomorrow} in New York): nothing is known about it yet")


def refuse_nothing(runtime: Runtime, first: date | None = None, last: date | None = None) -> None:
    """Raises `NotTriedError` when there is no warehouse to look at: of a wrong home nothing would be missing.

    It names the command that loads the dates that were asked about, or else yesterday.
    """
    if not runtime.warehouse.exists:
        begin = first or runtime.clock.today() - timedelta(days=1)
        raise NotTriedError(
            f"There is no warehouse at {runtime.warehouse.description}. Set NBA_PIPELINE_HOME, or load dates first: "
            f"nba-pipeline backfill --from {begin} --to {last or begin}"
        )
