"""Which failures of a step are worth another try, and after how long."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from nba_pipeline.settings import Settings
from nba_pipeline.sources.errors import LandingUnavailableError
from nba_pipeline.warehouse.errors import WarehouseBusyError, WarehouseUnavailableError

CAN_HEAL = (WarehouseBusyError, WarehouseUnavailableError, LandingUnavailableError)
"""Only what waiting fixes. The client of the source waits by itself; a broken contract stays broken."""

LONGEST_WAIT = 300.0
"""Seconds."""


@contextmanager
def retrying_what_can_heal(settings: Settings, retry: int) -> Iterator[None]:
    """Turns a failure that can heal into a retry of the step, with growing waits and jitter.

    Every other failure goes on as it is and ends the step at once. After the last retry the failure ends it
    too. `retry` says how often the step was tried before.
    """
    try:
        yield
    except CAN_HEAL as error:
        raise dg.RetryRequested(settings.step_retries, seconds_to_wait(settings, retry)) from error


def seconds_to_wait(settings: Settings, retry: int) -> float:
    """The wait before a retry, counted from 0: it doubles, and differs by up to a half from run to run."""
    longest = min(LONGEST_WAIT, settings.step_retry_wait_seconds * 2**retry)
    return longest * random.uniform(0.5, 1.0)
