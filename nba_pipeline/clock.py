"""What time it is, and which game date an instant belongs to.

Dates are New York dates: a game that tips off at 22:30 in Los Angeles belongs to the evening it is
played on, wherever the reader sits. Instants are UTC.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from nba_pipeline.settings import Settings

NEW_YORK = ZoneInfo("America/New_York")

EARLIEST_TIP_OFF_HOUR = 16
"""In UTC: noon of New York in summer, eleven in winter. No game of the league's seasons tipped off earlier."""

HELD_FROM = time(6, 45)
"""From when, on the day after, a game that is wrong or absent is held: the source was asked three times by then, and
the features of the day are made next."""


@dataclass(frozen=True)
class Clock:
    """The pipeline's only source of time: the real clock, one that stands at `fixed`, or one read from a file.

    A file lets several processes share a simulated time that somebody moves.
    """

    fixed: datetime | None = None
    file: Path | None = None

    @property
    def simulated(self) -> bool:
        """Whether the time is not the real one."""
        return self.fixed is not None or self.file is not None

    def now(self) -> datetime:
        """The current instant, timezone-aware, in UTC.

        Raises `ValueError` when a clock file holds no instant with an offset, `OSError` when there is none.
        """
        if self.file is None:
            return (self.fixed or datetime.now(UTC)).astimezone(UTC)
        instant = datetime.fromisoformat(self.file.read_text().strip())
        if instant.tzinfo is None:
            raise ValueError(f"{self.file} (NBA_PIPELINE_CLOCK_FILE) has no UTC offset: {instant.isoformat()}")
        return instant.astimezone(UTC)

    def today(self) -> date:
        """The current date in New York."""
        return game_date_of(self.now())

    @classmethod
    def from_settings(cls, settings: Settings) -> "Clock":
        """The clock that the settings ask for (`NBA_PIPELINE_CLOCK_FILE`, else `NBA_PIPELINE_NOW`)."""
        return cls(fixed=settings.now, file=settings.clock_file)


def game_date_of(instant: datetime) -> date:
    """The New York date of a timezone-aware instant.

    Raises `ValueError` for a naive one: without an offset its date is a guess.
    """
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no UTC offset; its New York date cannot be known")
    return instant.astimezone(NEW_YORK).date()


def tips_off_by(game_date: date, tipoff_at: datetime | None) -> datetime:
    """The instant up to which a game has certainly not begun: its tip-off or, while that is unknown, the earliest."""
    return tipoff_at or datetime.combine(game_date, time(EARLIEST_TIP_OFF_HOUR), UTC)


def season_of(game_date: date) -> int:
    """The year in which the season of `game_date` starts, as balldontlie counts it: 2023 is 2023-24.

    Seasons turn over on the first of August.
    """
    return game_date.year if game_date.month >= 8 else game_date.year - 1


def held_from(day: date) -> datetime:
    """The instant from which a game of a date that is not complete is held, in UTC."""
    return datetime.combine(day + timedelta(days=1), HELD_FROM, tzinfo=NEW_YORK).astimezone(UTC)
