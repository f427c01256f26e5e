"""What a home that `benchmarks.walk_forward` has walked says of the tripwires and of the intervals.

    .venv/bin/python -m benchmarks.walked --home HOME

Prints, by statistic and setting, the smallest and largest error of any system over any fortnight as a share of
EWMA-7's, on all rows and on those of players with a record: what the limits of the accuracy tripwire were taken from.
Then the share of outcomes within the 80 % intervals of `ensemble`, by month and population from December on.
"""

import argparse
from pathlib import Path

import ibis
import pandas as pd

from nba_pipeline.gates.accuracy_tripwire import ENOUGH_GRADES, ON_RECORD, RECENT
from nba_pipeline.grades import prediction_accuracy
from nba_pipeline.grades.daily_scoreboard import POPULATIONS, ROTATION_MINUTES, STAR_POINTS
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse

BY = ["system_id", "stat", "setting"]
SUMS = ["rows", "error", "baseline"]
JULY, DECEMBER = 7, 12


def fortnights(daily: pd.DataFrame) -> pd.DataFrame:
    """The error as a share of EWMA-7's over the days before each date, by system, statistic and setting."""
    found = []
    for what, days in daily.groupby(BY):
        sums = days.groupby("game_date")[SUMS].sum()
        calendar = pd.date_range(sums.index.min(), sums.index.max() + RECENT)
        recent = sums.reindex(calendar, fill_value=0).rolling(RECENT.days, min_periods=1).sum().shift(1)
        recent = recent[recent["rows"] >= ENOUGH_GRADES]
        shares = (recent["error"] / recent["baseline"]).rename("share").rename_axis("game_date").reset_index()
        found.append(shares.assign(**dict(zip(BY, what, strict=True))))
    return pd.concat(found)


def coverage(within: pd.DataFrame, *by: str) -> pd.DataFrame:
    """The share of outcomes within their intervals, by month from December on, for each population, in per cent."""
    late = within[within["game_date"].dt.month.lt(JULY) | within["game_date"].dt.month.eq(DECEMBER)]
    late = late.assign(month=late["game_date"].dt.strftime("%Y-%m"))
    rotation, stars = late["expected_minutes"] >= ROTATION_MINUTES, late["expected_points"] >= STAR_POINTS
    shares = [part.groupby(["month", *by])["in_interval"].mean() * 100 for part in (late, late[rotation], late[stars])]
    return pd.concat(shares, axis=1, keys=POPULATIONS)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="the walk's home")
    with DuckDBWarehouse(parser.parse_args().home / "warehouse.duckdb").session(read_only=True) as session:
        rows = session.read(prediction_accuracy.CONTRACT).filter(ibis._.played)
        daily = rows.group_by(*BY, "game_date", on_record=rows.quality_tier.isin(ON_RECORD)).agg(
            rows=ibis._.count(), error=ibis._.absolute_error.sum(), baseline=ibis._.ewma_7_absolute_error.sum()
        )
        ours = rows.filter(rows.system_id == "ensemble")
        ours = ours.select("game_date", "stat", "setting", "in_interval", "expected_minutes", "expected_points")
        by_day, within = (session.query(found).to_pandas() for found in (daily, ours))
    for frame in (by_day, within):
        frame["game_date"] = pd.to_datetime(frame["game_date"])
    for what, chosen in (("all rows", by_day), ("players with a record", by_day[by_day["on_record"]])):
        shares = fortnights(chosen).groupby(["stat", "setting"])["share"].agg(["min", "max"])
        print(f"{what}\n{shares.round(3)}\n")
    print(f"all statistics\n{coverage(within).round(1)}\n")
    print(f"points\n{coverage(within[within['stat'] == 'points']).round(1)}\n")
    cells = coverage(within, "stat", "setting")
    print(f"of {len(cells)} a population, outside 77 to 83 %\n{((cells < 77) | (cells > 83)).sum()}")


if __name__ == "__main__":
    main()
