"""One rate limit for all steps of all runs: they share a file, so that together they keep the plan."""

from pathlib import Path

from pyrate_limiter import Duration, Limiter, Rate, SQLiteBucket


class RateLimiter:
    """Lets at most `per_minute` requests through in any 60 seconds, across processes.

    Time is real time here, whatever the pipeline's clock says: it is the source that counts.
    """

    def __init__(self, folder: Path, per_minute: int) -> None:
        self.folder = folder
        self.per_minute = per_minute
        self._limiter: Limiter | None = None

    def wait(self) -> None:
        """Returns when a request may be sent."""
        if self._limiter is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            bucket = SQLiteBucket.init_from_file(
                [Rate(self.per_minute, Duration.MINUTE)],
                table=f"limit_{self.per_minute}",
                db_path=str(self.folder / "requests.sqlite"),
                use_file_lock=True,
            )
            self._limiter = Limiter(bucket)
        self._limiter.try_acquire("balldontlie")
