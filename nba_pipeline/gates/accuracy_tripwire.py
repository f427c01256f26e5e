"""The accuracy tripwire: errors that cannot be honest are a leak or a defect until somebody has looked."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import ibis

from nba_pipeline.contracts import Phase
from nba_pipeline.gates.evidence import Evidence
from nba_pipeline.warehouse.audit import Reasons

RECENT = timedelta(days=14)
"""What the accuracy tripwires look at."""


ENOUGH_GRADES = 500
"""Fewer graded rows than this say nothing about what a system does with a statistic."""


TOO_BAD = 1.35
"""Where the honest range of a system's mean absolute error ends, as a share of EWMA-7's on the same rows.

Ours is near 0.97; a prior alone, in the first two weeks of a league without any history, is at 1.16.
"""


TOO_GOOD = {"morning": 0.88, "pre_tip": 0.80}
"""Where the honest range begins, by setting: who is out tonight makes honest errors smaller.

The best of all fortnights of 2021-22 to 2023-24, of any system, was at 0.89 in the morning (assists), and before
tip-off at 0.85 (points), in the last week of a season, in which many rest: `benchmarks/walked.py` prints them.
"""


TOO_GOOD_MINUTES = {"morning": 0.80, "pre_tip": 0.62}
"""The same of minutes: who starts and who rests says more about minutes than about what is done in them.

The best fortnights were at 0.85 and 0.68; with the minutes themselves leaked, a model was at 0.01.
"""


ON_RECORD = ("gold", "silver")
"""Quality of the rows on which an error can be too good.

What is known less of has an EWMA-7 that stands on a prior or on a game or two, which is beaten honestly: in the
first weeks of a season honest fortnights over all rows were at 0.79 (`benchmarks/walked.py`).
"""


GRADED = "predictions.prediction_accuracy"


JUDGED_BY = ("system_id", "stat", "setting", "mode")
"""What has errors of its own, to be judged by themselves."""


TRIPWIRE = "accuracy tripwire"


class ErrorSums(NamedTuple):
    """Of some graded rows: their number, and the absolute errors of the system and of EWMA-7."""

    rows: int
    error: float
    baseline: float

    @property
    def share(self) -> float | None:
        """The system's error as a share of EWMA-7's; None when too few rows say anything."""
        return self.error / self.baseline if self.rows >= ENOUGH_GRADES and self.baseline else None


def dishonest_errors(evidence: Evidence, dates: Sequence[date]) -> Reasons:
    """Per date, the systems whose errors over the days before lie outside the honest range.

    Every statistic is judged against its own EWMA-7, and settings and modes apart: a leak into one of them would
    vanish in the mean over all.
    """
    graded = next((table for table in evidence.tables_of(Phase.GRADES) if table.name == GRADED), None)
    if graded is None or not dates:
        return {}
    rows = evidence.session.read(graded)
    begin, end = min(dates) - RECENT, max(dates)
    played = rows.filter(rows.played, rows.game_date >= ibis.literal(begin), rows.game_date < ibis.literal(end))
    played = played.mutate(on_record=played.quality_tier.isin(ON_RECORD))
    by_day = played.group_by(*JUDGED_BY, "on_record", "game_date").agg(
        rows=ibis._.count(), error=played.absolute_error.sum(), baseline=played.ewma_7_absolute_error.sum()
    )
    sums: dict[tuple[str, ...], dict[tuple[date, bool], ErrorSums]] = {}
    for row in evidence.session.query(by_day).to_pylist():
        days = sums.setdefault(tuple(row[key] for key in JUDGED_BY), {})
        days[row["game_date"], row["on_record"]] = ErrorSums(row["rows"], row["error"], row["baseline"])
    reasons: Reasons = {}
    for (system, stat, setting, mode), days in sorted(sums.items()):
        for day in dates:
            on_record = recent_sums(days, day, (True,))
            everyone = recent_sums(days, day, (True, False))
            honest_from = (TOO_GOOD_MINUTES if stat == "minutes" else TOO_GOOD)[setting]
            sentence = tripped(f"{system} ({stat}, {setting}, {mode})", honest_from, on_record, everyone)
            if sentence:
                reasons.setdefault(day, []).append(sentence)
    return reasons


def recent_sums(days: Mapping[tuple[date, bool], ErrorSums], day: date, on_record: Sequence[bool]) -> ErrorSums:
    """The sums over the days before a date that the tripwires look at, of the rows with and without a record."""
    before = [day - timedelta(days=n) for n in range(1, RECENT.days + 1)]
    recent = [days[d, known] for d in before for known in on_record if (d, known) in days]
    return ErrorSums(sum(r.rows for r in recent), sum(r.error for r in recent), sum(r.baseline for r in recent))


def tripped(system: str, honest_from: float, on_record: ErrorSums, everyone: ErrorSums) -> str | None:
    """Why the errors of a system cannot be honest; None when they can be.

    They are too good by the rows of players with a record, and too bad by the rows of everyone.
    """
    if on_record.share is not None and on_record.share < honest_from:
        return _suspicion(system, "too good to be true", on_record, "Look for a leak")
    if everyone.share is not None and everyone.share > TOO_BAD:
        return _suspicion(system, "too bad to be used", everyone, "Look at the model and its inputs")
    return None


def _suspicion(system: str, what: str, sums: ErrorSums, advice: str) -> str:
    return (
        f"{TRIPWIRE}: {system} is {what}: mean absolute error {sums.error / sums.rows:.2f} against "
        f"{sums.baseline / sums.rows:.2f} of EWMA-7 on the same {sums.rows} rows of the last {RECENT.days} days. "
        f"{advice} first"
    )
