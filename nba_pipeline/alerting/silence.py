"""Runs that failed for want of an answer of the source: one alert for the silence, however often it is asked."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import takewhile

from dagster import DagsterInstance, DagsterRun

from nba_pipeline.alerting.complaints import (
    MOST_RANGES,
    SilenceComplaint,
    SilentAsset,
    ranges_of,
)
from nba_pipeline.automation.attempts import LONGEST_SILENT_WAIT, wait_after
from nba_pipeline.automation.launches import (
    INPUTS_TAG,
    LAUNCHED_AT_TAG,
    PHASE_TAG,
    Launches,
    UnansweredStep,
    launched_at,
)
from nba_pipeline.contracts import Phase
from nba_pipeline.partitions import to_key


@dataclass(frozen=True)
class Asked:
    """How often the source was asked in a row without an answer, since when, and when self-heal asks again.

    `again_at` is None where that follows from its next look.
    """

    times: int
    since: datetime
    again_at: datetime | None


def asked_in_vain(instance: DagsterInstance, run: DagsterRun, day: date, failed_at: datetime) -> Asked:
    """How often the automation has asked about a date in a row, up to a run that got no answer."""
    at = launched_at(run) if LAUNCHED_AT_TAG in run.tags else failed_at
    inputs = json.loads(run.tags.get(INPUTS_TAG, "{}")).get(to_key(day))
    if inputs is None or run.tags.get(PHASE_TAG) != Phase.RAW.name.lower():
        return Asked(1, at, None)
    tried = [each for each in Launches(instance).attempts(Phase.RAW, day, inputs) if each.launched_at <= at]
    in_a_row = list(takewhile(lambda attempted: attempted.in_silence, reversed(tried)))
    if not in_a_row:
        return Asked(1, at, None)
    wait = min(LONGEST_SILENT_WAIT, wait_after(len(in_a_row)))
    return Asked(len(in_a_row), in_a_row[-1].launched_at.astimezone(UTC), in_a_row[0].launched_at + wait)


def complaint_of(unanswered: Iterable[UnansweredStep], number: int) -> SilenceComplaint:
    """What has to be answered for the silence to be over; `number` is that of the run's failure in the log."""
    parts, unwatched = [], False
    for each in unanswered:
        ranges = ranges_of(map(to_key, each.dates))
        unwatched = unwatched or len(ranges) > MOST_RANGES
        parts.append(SilentAsset(each.asset.to_user_string(), number, ranges[-MOST_RANGES:]))
    return SilenceComplaint(tuple(sorted(parts, key=lambda part: part.asset)), unwatched=unwatched)
