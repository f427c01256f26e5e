"""What was measured, as a page: tables of figures and ratios, and the section of a page that they stand in."""

import dataclasses
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.figures import Figures

HOUR = 3600

MEGABYTE = 1e6

TITLES = {
    "dagster": "(a) through Dagster, everything on",
    "direct": "(b) called directly",
    "floor": "(c) inputs read, outputs written",
    "pandas": "(d) loop in pandas",
}

RATIOS = (("dagster", "direct", "(a)/(b)"), ("direct", "floor", "(b)/(c)"), ("dagster", "floor", "(a)/(c)"))

GROUPS = {("raw", "analytics", "precompute"): "Phases 2 to 4", ("predictions", "grades"): "Phases 5 and 6"}

INTRODUCTION = """# Results of the benchmark

`make benchmark` makes the same dates in four ways, each in a process of its own, from one landing, and writes its
section here ([side_by_side.py](side_by_side.py)). Ratios hold from machine to machine, absolute figures do not.
Where the load was above the number of cores, only the ratios of the processor mean something; of few dates most is the
translation of the queries, unless it says that they were translated before.

"""


@dataclass(frozen=True)
class Measured:
    """One way of making phases, once."""

    way: str
    phases: tuple[str, ...]
    figures: Figures

    def as_dict(self) -> dict[str, object]:
        """The same for JSON."""
        return dataclasses.asdict(self)


def report(
    name: str, command: str, plan: Mapping, machine: Mapping[str, str], measured: Sequence[Measured], *, warm: bool
) -> str:
    """All that was measured, as Markdown."""
    rounds = sum(each.way == "direct" for each in measured) // len({each.phases for each in measured})
    dates = len(plan["dates"])
    queries = "translated before" if warm else "translated in each home, as in a new one"
    said = [
        f"## {name[0].upper()}{name[1:]}",
        f"{dates} dates with games, {plan['dates'][0]} to {plan['last']}, of {plan['partitions']} partitions; "
        f"{'one round' if rounds == 1 else f'medians of {rounds} rounds'}; queries {queries}.",
        "; ".join(f"{what} {value}" for what, value in machine.items()) + ".",
        f'Made by `make benchmark ARGS="{command}"`.' if command else "Made by `make benchmark`.",
    ]
    for phases, title in GROUPS.items():
        found = [each for each in measured if each.phases == phases]
        if found:
            said += [f"### {title}", *group(found, dates)]
    return "\n\n".join(said)


def group(measured: Sequence[Measured], dates: int) -> list[str]:
    """The tables of some phases: what each way took, the ratios, and where the time went."""
    of = {way: typical(each.figures for each in measured if each.way == way) for way in {m.way for m in measured}}
    rows = of["compare"].notes["rows"]
    said = [taken(of, dates, rows), ratios(of, dates), parts(of), sizes(of)]
    if "pandas" in of:
        loop = of["pandas"].notes
        same = f"{loop['different']:.0f} values different" if loop["different"] else "all values the same"
        said.append(
            f"(d) makes {loop['columns']:.0f} of the feature store's {loop['columns_of_store']:.0f} features, {same}, "
            f"from tables that (b) made; measured on {loop['dates']:.0f} of the dates, and scaled to {dates}."
        )
    return said


def typical(figures: Iterable[Figures]) -> Figures:
    """The median of each figure."""
    every = list(figures)
    names = ("wall", "processor", "peak", "start")
    middle = {name: statistics.median(getattr(each, name) for each in every) for name in names}
    parts, notes = (medians([getattr(each, kind) for each in every]) for kind in ("parts", "notes"))
    return Figures(**middle, parts=parts, notes=notes)


def medians(every: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of each named figure."""
    return {name: statistics.median(each.get(name, 0.0) for each in every) for name in every[0]}


def scaled(of: Mapping[str, Figures], way: str, dates: int) -> Figures:
    """The figures of a way for all dates: those of the loop in pandas are of a sample."""
    found = of[way]
    times = dates / found.notes["dates"] if way == "pandas" else 1.0
    return dataclasses.replace(found, wall=found.wall * times, processor=found.processor * times)


def taken(of: Mapping[str, Figures], dates: int, rows: float) -> str:
    """Wall, processor, peak and speed of each way."""
    lines = []
    for way in (way for way in TITLES if way in of):
        found = scaled(of, way, dates)
        speed = "—" if way == "pandas" else f"{rows / found.wall:,.0f}"
        cells = [f"{found.wall:,.1f}", f"{found.processor:,.1f}", f"{found.peak / MEGABYTE:,.0f}"]
        lines.append([TITLES[way], *cells, f"{dates / found.wall * HOUR:,.0f}", speed, f"{found.start:.1f}"])
    head = ["", "wall, s", "processor, s", "peak, MB", "dates an hour", "rows a second", "before it, processor s"]
    return table(head, lines)


def ratios(of: Mapping[str, Figures], dates: int) -> str:
    """How many times one way takes what another takes."""
    wanted = [*RATIOS, *([("pandas", "dagster", "(d)/(a)")] if "pandas" in of else [])]
    pairs = [(label, scaled(of, one, dates), scaled(of, other, dates)) for one, other, label in wanted]
    lines = [
        [label, *(f"{x / y:.2f}" for x, y in zip(costs(one), costs(other), strict=True))] for label, one, other in pairs
    ]
    return table(["ratio", "wall", "processor", "peak"], lines)


def costs(figures: Figures) -> tuple[float, float, float]:
    """What ratios are taken of."""
    return figures.wall, figures.processor, figures.peak


def parts(of: Mapping[str, Figures]) -> str:
    """Where the time by the clock went, by phase."""
    ways = [way for way in ("dagster", "direct", "floor") if way in of]
    names = list(dict.fromkeys(name for way in ways for name in of[way].parts))
    names = sorted(names, key=lambda name: name == "checks")
    rest = [f"{of[way].wall - sum(of[way].parts.values()):.1f}" for way in ways]
    cells = [[f"{of[way].parts[name]:.1f}" if name in of[way].parts else "—" for name in names] for way in ways]
    lines = [[TITLES[way], *found, left] for way, found, left in zip(ways, cells, rest, strict=True)]
    return table(["wall, s", *names, "around"], lines)


def sizes(of: Mapping[str, Figures]) -> str:
    """How many bytes were left behind."""
    home, found = of["dagster"].notes, of["compare"].notes
    left = {
        "Dagster's home": home["dagster_bytes"], "warehouse": home["warehouse_bytes"],
        "warehouse of (b)": of["direct"].notes["warehouse_bytes"], "landing": found["landing_bytes"],
    }  # fmt: skip
    said = ", ".join(f"{what} {size / MEGABYTE:,.1f} MB" for what, size in left.items())
    return f"{found['rows']:,.0f} rows, the same in (a) and (b). On disk afterwards: {said}."


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table; figures stand to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *lines))


def with_section(page: str, name: str, text: str) -> str:
    """The page with a section of this name in the place of the one that it had, or else at its end."""
    begin, end = f"<!-- {name}: generated by `make benchmark` -->", f"<!-- end of {name} -->"
    section = f"{begin}\n{text}\n{end}\n"
    page = page or INTRODUCTION
    found = re.search(rf"{re.escape(begin)}\n.*?{re.escape(end)}\n", page, re.S)
    if not found:
        return f"{page.rstrip()}\n\n{section}"
    return page[: found.start()] + section + page[found.end() :]
