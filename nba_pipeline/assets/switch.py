"""Whether sensors and schedules run unless they are stopped in the UI."""

import dagster as dg

from nba_pipeline.settings import Settings


def switched(settings: Settings) -> dg.DefaultSensorStatus:
    """How a sensor starts: running, unless the settings say that people launch everything themselves."""
    return dg.DefaultSensorStatus.RUNNING if settings.automation == "on" else dg.DefaultSensorStatus.STOPPED


def scheduled(settings: Settings) -> dg.DefaultScheduleStatus:
    """The same for a schedule."""
    return dg.DefaultScheduleStatus.RUNNING if settings.automation == "on" else dg.DefaultScheduleStatus.STOPPED
