"""Data quality: is a date like the dates before it? Distributions and null rates of every column.

A contract says what is impossible; this says what is unusual. It warns and never blocks.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import partial

import dagster as dg
import ibis
import pandas as pd

from nba_pipeline.assets.contexts import CheckContext
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.contracts import Column, Contract, Reader
from nba_pipeline.partitions import dates_of
from nba_pipeline.warehouse.interface import Session

DRIFT_CHECK = "distribution_drift"
NULLS_CHECK = "null_rates"

COMPARED_WITH = timedelta(days=800)
"""Two seasons and the part of the present one that is over."""

ENOUGH_DATES, ENOUGH_ROWS = 20, 30
"""Fewer earlier dates, or fewer rows on a date, say nothing."""

FAR_OFF = 8.0
"""Standard deviations of the daily means. On three real seasons 10 of 4,869 tables and dates are further off,
all of them opening nights, the days after the All-Star break, or means near nought."""

MORE_NULLS = 0.15
"""Above the share of nulls that is usual: that of the third worst date before.

So a single bad date does not make the next ones look usual, and opening nights, on which nothing of the season
is known, do.
"""

USUAL_SINCE = 3

NOT_MEASURED = ("id", "year", "UTC", "date", "rank")
"""Units whose mean says nothing."""


def measured(table: Contract) -> list[Column]:
    """The columns whose daily mean says something."""
    return [
        column
        for column in table.columns
        if column.unit not in NOT_MEASURED and (column.dtype.is_numeric() or column.dtype.is_boolean())
    ]


def nullable(table: Contract) -> list[Column]:
    """The columns that may be null; how and when a row was made says nothing about its content."""
    return [column for column in table.columns if column.nullable and not column.volatile]


def daily_figures(session: Session, table: Contract) -> pd.DataFrame:
    """One row a date: its number of rows, the mean of each measured column, the null share of each nullable one."""
    return session.query(partial(_daily, table)).to_pandas(date_as_object=True)


def _daily(table: Contract, read: Reader) -> ibis.Table:
    rows = read(table)
    means = {f"mean {column.name}": rows[column.name].cast("float64").mean() for column in measured(table)}
    nulls = {f"nulls {column.name}": rows[column.name].isnull().cast("float64").mean() for column in nullable(table)}
    return rows.group_by("game_date").agg(rows=ibis._.count(), **means, **nulls)


def drifted(days: pd.DataFrame, day: date) -> list[str]:
    """The columns whose mean on the date is far from those of the dates before, as sentences."""
    now, before = _split(days, day)
    if now is None or len(before) < ENOUGH_DATES:
        return []
    sentences = []
    for name in (column for column in days.columns if column.startswith("mean ")):
        history = before[name].dropna()
        # Dates on which a column was nought throughout are no measure: that it begins to say something is no drift.
        if (history != 0).sum() < ENOUGH_DATES or pd.isna(now[name]):
            continue
        centre, spread = history.mean(), history.std()
        if abs(now[name] - centre) > FAR_OFF * max(spread, abs(centre) * 0.01, 1e-6):
            sentences.append(
                f"{name.removeprefix('mean ')} has a mean of {now[name]:.3g} on {day}; on the {len(history)} dates "
                f"before it was {centre:.3g} ± {spread:.2g}"
            )
    return sentences


def more_nulls(days: pd.DataFrame, day: date) -> list[str]:
    """The columns that are null more often on the date than is usual, as sentences."""
    now, before = _split(days, day)
    if now is None or len(before) < ENOUGH_DATES:
        return []
    shares = {name: before[name].nlargest(USUAL_SINCE).iloc[-1] for name in days.columns if name.startswith("nulls ")}
    return [
        f"{name.removeprefix('nulls ')} is null in {now[name]:.0%} of the rows of {day}; "
        f"on all but {USUAL_SINCE - 1} of the {len(before)} dates before in {usual:.0%} at most"
        for name, usual in shares.items()
        if now[name] > usual + MORE_NULLS
    ]


def _split(days: pd.DataFrame, day: date) -> tuple[pd.Series | None, pd.DataFrame]:
    days = days[days["rows"] >= ENOUGH_ROWS]
    today = days[days["game_date"] == day]
    before = days[(days["game_date"] < day) & (days["game_date"] >= day - COMPARED_WITH)]
    return (today.iloc[0] if len(today) else None), before


def quality_checks(tables: Sequence[Contract]) -> dg.AssetChecksDefinition:
    """The two checks of every table, in one step at the end of a run."""
    by_key = {asset_key(table): table for table in tables}
    about = {
        DRIFT_CHECK: "The mean of each column is near those of the dates before, the last seasons included.",
        NULLS_CHECK: "No column is null much more often than it was on the dates before.",
    }

    @dg.multi_asset_check(
        name="quality_of_tables",
        specs=[dg.AssetCheckSpec(name, asset=key, description=text) for key in by_key for name, text in about.items()],
        can_subset=True,
        required_resource_keys={"gatekeeper"},
    )
    def check(context: CheckContext) -> Iterator[dg.AssetCheckResult]:
        gatekeeper = context.resources.gatekeeper
        # By the run: a step about many assets has no partitions of its own, and models are partitioned by month.
        dates = dates_of(context.op_execution_context.run)
        chosen = {key.asset_key for key in context.selected_asset_check_keys}
        frames = {}
        with gatekeeper.warehouse.session(read_only=True) as session:
            for key in sorted(chosen):
                frames[key] = daily_figures(session, by_key[key])
        for name, find in ((DRIFT_CHECK, drifted), (NULLS_CHECK, more_nulls)):
            for key in sorted(chosen):
                if dg.AssetCheckKey(key, name) in context.selected_asset_check_keys:
                    yield _result(key, name, {str(day): found for day in dates if (found := find(frames[key], day))})

    return check


def _result(key: dg.AssetKey, name: str, unusual: dict[str, list[str]]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=not unusual,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"reasons": dg.MetadataValue.json(unusual)},
    )
