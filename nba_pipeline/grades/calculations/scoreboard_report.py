"""The scoreboard as the UI shows it: a table of the month, and a drawing of its days."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import pandas as pd

COLOURS = ("#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#17becf")
BASELINE_COLOUR, TARGET_COLOUR = "#d62728", "#999999"

BASELINE = "ewma_7"
DRAWN = "points"
TARGET = 0.8
"""Share of actual values that an interval should hold."""

WIDTH, HEIGHT, MARGIN = 640, 170, 40

Lines = Mapping[str, tuple[str, pd.Series]]
"""Per name, a colour and the values by date."""


def scoreboard_report(sums: pd.DataFrame, last: date, days: int) -> str:
    """Markdown about the days that end with `last`, from daily sums of one population and setting.

    Empty when nothing was graded in them.
    """
    month = sums[(sums["game_date"] > last - timedelta(days=days)) & (sums["game_date"] <= last) & (sums["rows"] > 0)]
    if month.empty:
        return ""
    numbers = month.columns.difference(["game_date", "stat", "system_id", "setting", "mode", "population"])
    month = month.astype(dict.fromkeys(numbers, np.float64))
    title = f"{days} days up to {last}: all players who played, without news of the day"
    newest = month.sort_values("game_date")["mode"].iloc[-1]
    drawn = month[(month["stat"] == DRAWN) & (month["mode"] == newest)]
    return "\n\n".join([title, table(month), *([drawing(drawn)] if len(drawn) else [])])


def table(month: pd.DataFrame) -> str:
    """One line a statistic, system and mode: errors beside EWMA-7's, and the share within the intervals."""
    totals = month.groupby(["stat", "system_id", "mode"])[["rows", "error", f"{BASELINE}_error", "inside"]].sum()
    shown = pd.DataFrame(
        {
            "rows": totals["rows"].astype(int),
            "mean absolute error": totals["error"] / totals["rows"],
            "EWMA-7": totals[f"{BASELINE}_error"] / totals["rows"],
            "difference": (totals["error"] - totals[f"{BASELINE}_error"]) / totals["rows"],
            "within 80 % interval": totals["inside"] / totals["rows"],
        }
    )
    return shown.reset_index().to_markdown(index=False, floatfmt=".3f")


def drawing(drawn: pd.DataFrame) -> str:
    """An image of the days: mean absolute errors beside EWMA-7's, and the share within the intervals."""
    by_system = {
        str(system): rows.groupby("game_date")[["rows", "error", f"{BASELINE}_error", "inside"]].sum()
        for system, rows in drawn.groupby("system_id")
    }
    colours = dict(zip(by_system, COLOURS * len(by_system), strict=False))
    errors = {name: (colours[name], sums["error"] / sums["rows"]) for name, sums in by_system.items()}
    inside = {name: (colours[name], sums["inside"] / sums["rows"]) for name, sums in by_system.items()}
    widest = max(by_system.values(), key=lambda sums: sums["rows"].sum())
    baseline = widest[f"{BASELINE}_error"] / widest["rows"]
    panels = [
        panel(f"Mean absolute error of {DRAWN}", {"EWMA-7": (BASELINE_COLOUR, baseline), **errors}, 0),
        panel("Share within the 80 % interval", {"80 %": (TARGET_COLOUR, baseline * 0 + TARGET), **inside}, HEIGHT),
    ]
    image = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{2 * HEIGHT}" font-family="sans-serif" '
        f'font-size="11"><rect width="100%" height="100%" fill="white"/>{"".join(panels)}</svg>'
    )
    encoded = b64encode(image.encode()).decode()
    return f"![Errors by day against EWMA-7, and calibration of intervals](data:image/svg+xml;base64,{encoded})"


def panel(title: str, lines: Lines, top: int) -> str:
    """One set of axes with its lines, `top` pixels down the image."""
    values = pd.concat([series for _, series in lines.values()])
    days = sorted(set(values.index))
    low, high = float(values.min()), float(values.max())
    spread = high - low or 1.0
    left, right, upper, lower = MARGIN, WIDTH - MARGIN, top + 36, top + HEIGHT - 20

    def point(day: date, value: float) -> str:
        across = (day - days[0]).days / max((days[-1] - days[0]).days, 1)
        return f"{left + across * (right - left):.0f},{lower - (value - low) / spread * (lower - upper):.0f}"

    legend = "".join(
        f'<tspan fill="{colour}" dx="8">{name.replace("_", " ")}</tspan>' for name, (colour, _) in lines.items()
    )
    drawn = "".join(
        f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" '
        f'points="{" ".join(point(day, value) for day, value in series.items())}"/>'
        for colour, series in lines.values()
    )
    return (
        f'<text x="{left}" y="{top + 14}" font-weight="bold">{title}</text>'
        f'<text x="{left}" y="{top + 28}">{legend}</text>'
        f'<text x="2" y="{upper + 4}">{high:.2f}</text><text x="2" y="{lower}">{low:.2f}</text>'
        f'<text x="{left}" y="{lower + 15}">{days[0]}</text>'
        f'<text x="{right}" y="{lower + 15}" text-anchor="end">{days[-1]}</text>{drawn}'
    )
