"""Game dates as Dagster partitions, and how the partitions of one table depend on another's."""

import warnings
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import dagster as dg

from nba_pipeline.clock import NEW_YORK, Clock, game_date_of, season_of
from nba_pipeline.contracts import Read, Window

# Single-run backfills and partitioned checks are marked as young in Dagster; the pinned versions are the tested ones.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

FIRST_GAME_DATE = date(2015, 10, 1)
"""The first partition. Earlier seasons can be had by moving it; nothing else depends on it."""

OFF_SEASON = "0 0 * 7-9 *"
"""July, August and September have no partitions."""

SEASON_MONTHS = "1-6,10-12"
"""The months that have, as cron writes them."""

PLAYED_OUTSIDE = (
    (date(2020, 7, 22), date(2020, 9, 30), "the league played in Orlando, the rest of 2019-20"),
    (date(2021, 7, 1), date(2021, 7, 20), "the league played the last rounds of 2020-21"),
)
"""Dates on which games were played all the same: they have no partitions, and nobody expects anything of them."""

DAILY, MONTHLY = "0 0 * * *", "0 0 1 * *"

SEASON_DAYS = 274
"""Days from October 1 to June 30, in a leap year: the most partitions that one season has."""

MONTHS_OF_SEASON = 9
"""From October to June."""

PARTITION_FORMAT = "%Y-%m-%d"

PARTITION = "dagster/partition"
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
"""The tags by which Dagster's runs say which partitions they are about."""


class _SeasonPartitions(dg.TimeWindowPartitionsDefinition):
    """Partitions of the seasons that know their neighbours.

    Dagster steps through the window of each input of each step, one partition at a time, and asks cron anew for each:
    three seasons are 822 steps. Which partition comes before or after an instant never changes.
    """

    def get_prev_partition_window(self, start_dt: datetime, respect_bounds: bool = True) -> dg.TimeWindow | None:
        """The last partition that ends by an instant."""
        if respect_bounds:
            return super().get_prev_partition_window(start_dt, respect_bounds)
        key = (self.cron_schedule, start_dt)
        if key not in _BEFORE:
            _BEFORE[key] = super().get_prev_partition_window(start_dt, respect_bounds)
        return _BEFORE[key]

    def get_next_partition_window(self, end_dt: datetime, respect_bounds: bool = True) -> dg.TimeWindow | None:
        """The first partition that begins at an instant or after it."""
        if respect_bounds:
            return super().get_next_partition_window(end_dt, respect_bounds)
        key = (self.cron_schedule, end_dt)
        if key not in _AFTER:
            _AFTER[key] = super().get_next_partition_window(end_dt, respect_bounds)
        return _AFTER[key]


_BEFORE: dict[tuple[str, datetime], dg.TimeWindow | None] = {}
_AFTER: dict[tuple[str, datetime], dg.TimeWindow | None] = {}
"""The partitions before and after an instant, by cron schedule, as they were once worked out."""


class _UpToTomorrow(_SeasonPartitions):
    """Partitions up to tomorrow's on every day of the year, however long the process lives.

    Dagster counts `end_offset` in partitions from the last one that is over, and steps past excluded days to reach it:
    with a number that is always the same, July would have partitions of October. Here it is how many of the present
    one and tomorrow's there are. Dagster tells other processes what it is now; they ask a code location again each
    minute (the daemon) or when it is loaded again (the UI).
    """

    @property
    def end_offset(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """How many partitions follow the last one that is over."""
        with dg.partition_loading_context() as context:
            now = context.effective_dt
        today = game_date_of(now if now.tzinfo else now.replace(tzinfo=NEW_YORK))
        tomorrow = today + timedelta(days=1)
        begins = self.cron_schedule == DAILY or tomorrow.day == 1
        return is_in_season(today) + (begins and is_in_season(tomorrow))


# Dagster writes an object down by the name of its class; what reads it back are its own partitions, as of now.
_SeasonPartitions.__name__ = _UpToTomorrow.__name__ = dg.TimeWindowPartitionsDefinition.__name__


def game_date_partitions(clock: Clock) -> dg.TimeWindowPartitionsDefinition:
    """One partition a day of the season in New York time, up to and including tomorrow.

    With a fixed clock, tomorrow is the day after the clock's, whatever the real date is. A time that somebody moves in
    a file may move up to the fixed one: partitions are made once a process, and must last.
    """
    if clock.fixed is None:
        return _partitions(DAILY)
    today = Clock(clock.fixed).today()
    return _partitions(DAILY, today + timedelta(days=2), (today - Clock().today()).days + 2)


def month_partitions(clock: Clock) -> dg.TimeWindowPartitionsDefinition:
    """One partition a month of the season, by its first day, up to and including tomorrow's."""
    if clock.fixed is None:
        return _partitions(MONTHLY)
    tomorrow = Clock(clock.fixed).today() + timedelta(days=1)
    after, real = (tomorrow.replace(day=1) + timedelta(days=32)).replace(day=1), Clock().today()
    return _partitions(MONTHLY, after, (after.year - real.year) * 12 + after.month - real.month + 1)


def _partitions(cron: str, end: date | None = None, steps: int = 0) -> dg.TimeWindowPartitionsDefinition:
    """Partitions up to tomorrow's, or those that are over at `end`, at most `steps` after the real present one."""
    made = _SeasonPartitions if end else _UpToTomorrow
    return made(
        start=FIRST_GAME_DATE.strftime(PARTITION_FORMAT),
        end=datetime(end.year, end.month, end.day, tzinfo=NEW_YORK) if end else None,
        cron_schedule=cron,
        fmt=PARTITION_FORMAT,
        timezone=str(NEW_YORK),
        end_offset=max(2, steps),
        exclusions=[OFF_SEASON],
    )


GAME_DATES = game_date_partitions(Clock())
"""The partitions of every table by the real time; assembly puts those of its clock in their place."""

MONTHS = month_partitions(Clock())
"""The same of every model."""


def is_game_date(day: date) -> bool:
    """Whether a day lies within a season, and so has a partition."""
    return is_in_season(day) and day >= FIRST_GAME_DATE


def is_in_season(day: date) -> bool:
    """Whether a day lies between October and June."""
    return day.month not in (7, 8, 9)


def played_outside(first: date, last: date) -> list[str]:
    """The dates from `first` to `last` on which the league played though they have no partitions, as sentences."""
    return [
        f"from {max(first, begin)} to {min(last, end)} {why}; July to September have no partitions, so these games are "
        "neither loaded nor missed"
        for begin, end, why in PLAYED_OUTSIDE
        if begin <= last and first <= end
    ]


def game_dates(first: date, last: date) -> list[date]:
    """The days of the seasons from `first` to `last`, both included."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if is_game_date(day)]


def season_start(season: int) -> date:
    """The first partition of a season."""
    return date(season, 10, 1)


def season_bounds(season: int) -> tuple[date, date]:
    """The first and the last partition of a season."""
    return season_start(season), date(season + 1, 6, 30)


def contiguous(days: Iterable[date]) -> list[tuple[date, date]]:
    """The days as ranges (first, last) without a gap; the off-season is not a gap."""
    ranges: list[tuple[date, date]] = []
    for day in sorted(days):
        if ranges and not game_dates(ranges[-1][1] + timedelta(days=1), day - timedelta(days=1)):
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return ranges


def to_date(partition_key: str) -> date:
    """The date of a partition key."""
    return datetime.strptime(partition_key, PARTITION_FORMAT).date()


def to_key(day: date) -> str:
    """The partition key of a date."""
    return day.strftime(PARTITION_FORMAT)


def partition_mapping(read: Read) -> dg.PartitionMapping:
    """Which partitions of the upstream table a partition depends on, for lineage and backfills."""
    if read.window is Window.SAME_DATE:
        return dg.IdentityPartitionMapping()
    longest = read.days - 1 if read.window is Window.TRAILING else SEASON_DAYS * (read.earlier_seasons + 1)
    return dg.TimeWindowPartitionMapping(
        start_offset=-longest,
        end_offset=-1 if read.window is Window.BEFORE else 0,
        allow_nonexistent_upstream_partitions=True,
    )


def read_bounds(read: Read, first: date, last: date) -> tuple[date, date]:
    """The first and last date of the upstream table that dates `first` to `last` read."""
    if read.window is Window.SAME_DATE:
        return first, last
    if read.window is Window.TRAILING:
        return first - timedelta(days=read.days - 1), last
    begin = season_start(season_of(first) - read.earlier_seasons)
    return begin, last - timedelta(days=1) if read.window is Window.BEFORE else last


def dates_of(run: dg.DagsterRun) -> list[date]:
    """The game dates that a run is about."""
    if PARTITION in run.tags:
        return [to_date(run.tags[PARTITION])]
    if RANGE_START in run.tags:
        return game_dates(to_date(run.tags[RANGE_START]), to_date(run.tags[RANGE_END]))
    return []
