"""Schedules keep New York time over both changes of the clock, and fire once."""

from datetime import UTC, date, datetime, time, timedelta

import dagster as dg
import pytest
from dagster._utils.schedules import cron_string_iterator

from nba_pipeline.assets.tables import all_tables, tables_of
from nba_pipeline.automation.schedules import schedules
from nba_pipeline.clock import NEW_YORK
from nba_pipeline.contracts import Phase
from nba_pipeline.gates.deadlines import due, newest_due_date
from nba_pipeline.settings import Settings

CHANGES = {date(2025, 11, 2): 25, date(2026, 3, 8): 23}
"""The days on which the clock is changed, and how many hours they have."""


def ticks(cron: str, day: date) -> list[datetime]:
    """The instants at which a cron fires on a New York day, by Dagster's own arithmetic."""
    begin = datetime.combine(day, time(), tzinfo=NEW_YORK)
    end = datetime.combine(day + timedelta(days=1), time(), tzinfo=NEW_YORK)
    found = []
    for tick in cron_string_iterator(begin.timestamp(), cron, str(NEW_YORK)):
        if tick.timestamp() >= end.timestamp():
            return found
        found.append(tick)
    return found


@pytest.mark.parametrize("day", CHANGES)
def test_each_schedule_fires_once_at_its_time_on_the_days_of_the_change(day):
    for schedule in schedules(Settings()):
        crons = schedule.cron_schedule
        for cron in [crons] if isinstance(crons, str) else crons:
            minute, hour, day_of_month, _, weekday = cron.split()
            is_its_day = day_of_month in ("*", str(day.day)) and weekday in ("*", str(day.isoweekday() % 7))
            fires = [(int(hour), int(minute))] if is_its_day else []
            found = [(t.astimezone(NEW_YORK).hour, t.astimezone(NEW_YORK).minute) for t in ticks(cron, day)]
            assert found == fires, (schedule.name, cron)


@pytest.mark.parametrize(("day", "hours"), CHANGES.items())
def test_the_days_have_the_hours_that_they_have(day, hours):
    day_before, day_after = (ticks("30 6 * * *", day + timedelta(days=n))[0] for n in (0, 1))
    table = next(table for table in tables_of(Phase.PREDICTIONS))
    assert due(table, day + timedelta(days=1)) - due(table, day) == timedelta(hours=24)
    assert due(table, day) - due(table, day - timedelta(days=1)) == timedelta(hours=hours)
    assert day_after - day_before == timedelta(hours=24)


def test_a_deadline_is_in_new_york_time_on_both_sides_of_the_change():
    table = next(table for table in all_tables() if table.phase is Phase.PRECOMPUTE)
    assert due(table, date(2025, 11, 1)) == datetime(2025, 11, 1, 13, tzinfo=UTC)
    assert due(table, date(2025, 11, 2)) == datetime(2025, 11, 2, 14, tzinfo=UTC)
    assert newest_due_date(table, datetime(2025, 11, 2, 13, 59, tzinfo=UTC)) == date(2025, 11, 1)
    assert newest_due_date(table, datetime(2025, 11, 2, 14, 0, tzinfo=UTC)) == date(2025, 11, 2)


def test_everything_is_on_unless_people_say_otherwise():
    on, off = (schedules(Settings(automation=chosen)) for chosen in ("on", "off"))
    assert {schedule.default_status for schedule in on} == {dg.DefaultScheduleStatus.RUNNING}
    assert {schedule.default_status for schedule in off} == {dg.DefaultScheduleStatus.STOPPED}
