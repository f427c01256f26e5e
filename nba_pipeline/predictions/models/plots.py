"""Small plots as Markdown images, drawn by hand: Dagster's UI shows SVG in metadata, and needs no library for it."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT, MARGIN = 320, 240, 36

INK, LINE, FILL = "#444", "#bbb", "#3367d6"

BAR, LABELS = 14, 190
"""Height of a bar, and room for the names before the bars."""


def calibration_plot(predicted: Sequence[float], actual: Sequence[float], title: str) -> str:
    """Mean outcome against mean prediction of groups of rows; on the diagonal both are the same."""
    highest = max([*predicted, *actual, 1e-9])
    across, up = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
    places = [
        (MARGIN + across * x / highest, HEIGHT - MARGIN - up * y / highest)
        for x, y in zip(predicted, actual, strict=True)
    ]
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{FILL}"/>' for x, y in places)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return image(
        f'<line x1="{MARGIN}" y1="{HEIGHT - MARGIN}" x2="{WIDTH - MARGIN}" y2="{MARGIN}" stroke="{LINE}"/>'
        f'<polyline points="{path}" fill="none" stroke="{FILL}"/>{dots}'
        f"{text(MARGIN, 20, title)}{text(MARGIN, HEIGHT - 8, f'predicted, 0 to {highest:.3g}; upwards: actual')}",
        WIDTH,
        HEIGHT,
        title,
    )


def importance_plot(importance: Mapping[str, float], title: str, most: int = 15) -> str:
    """A bar a name, the most important first."""
    shown = list(importance.items())[:most]
    longest = max([share for _, share in shown] + [1e-9])
    bars = "".join(
        f'<rect x="{LABELS}" y="{30 + BAR * n}" width="{110 * share / longest:.1f}" height="{BAR - 4}" fill="{FILL}"/>'
        f"{text(4, 39 + BAR * n, name)}{text(LABELS + 114, 39 + BAR * n, f'{share:.0%}')}"
        for n, (name, share) in enumerate(shown)
    )
    return image(text(4, 20, title) + bars, LABELS + 150, 40 + BAR * len(shown), title)


def text(x: float, y: float, words: str) -> str:
    """A line of text."""
    return f'<text x="{x}" y="{y}" font-family="sans-serif" font-size="10" fill="{INK}">{escape(words)}</text>'


def image(drawing: str, width: int, height: int, title: str) -> str:
    """The drawing as a Markdown image that carries its own data."""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f'<rect width="{width}" height="{height}" fill="white"/>{drawing}</svg>'
    )
    return f"![{title}](data:image/svg+xml;base64,{b64encode(svg.encode()).decode()})"
