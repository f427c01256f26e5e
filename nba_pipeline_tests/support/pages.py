"""The parts of the documents that follow from other files, each between two marks of its page.

`python -m nba_pipeline_tests.support.pages` writes all of them anew; `test_docs.py` fails when one is not current.
"""

import ast
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nba_pipeline.assets.tables import all_tables, tables_of
from nba_pipeline.contracts import Phase, Window
from nba_pipeline.gates.rules import gate_into
from nba_pipeline.publishing import predictions_file
from nba_pipeline_tests.support.rooms import ROOMS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
COMMAND = ".venv/bin/python -m nba_pipeline_tests.support.pages"


def index_of_decisions() -> str:
    """The list of all records, by area."""
    areas = [path for path in sorted((DOCS / "decisions").glob("*.md")) if path.name != "README.md"]
    return "\n\n".join("\n".join(_area(path)) for path in areas)


def _area(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    title = text.splitlines()[0].removeprefix("# Decisions: ")
    yield f"### [{title[0].upper()}{title[1:]}]({path.name})\n"
    for heading, day in re.findall(r"^## (.+)\n(\d{4}-\d{2}-\d{2})", text, re.M):
        yield f"- {day} [{heading}]({path.name}#{anchor(heading)})"


def anchor(heading: str) -> str:
    """The fragment under which a heading is linked to, as GitHub makes it."""
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.replace(" ", "-")


def picture_of_the_tables() -> str:
    """A mermaid graph of every table, by phase: what it is parsed from, and what it reads."""
    endpoints = sorted({table.landed for table in all_tables() if table.landed})
    lines = ["flowchart LR", '  subgraph phase_1["1 landing"]']
    lines += [f'    {_node(endpoint)}[("{endpoint}")]' for endpoint in endpoints]
    lines += ["  end", *(line for phase in Phase if tables_of(phase) for line in _box(phase))]
    lines += [f"  {_node(source)} --> {_node(table)}" for source, table in _nearest(_reads_of_the_same_date())]
    lines += [
        f"  {_node(read.table.name)} -.-> {_node(table.name)}"
        for table in all_tables()
        for read in table.reads.values()
        if read.window is Window.BEFORE
    ]
    return "\n".join(["```mermaid", *lines, "```"])


def _reads_of_the_same_date() -> list[tuple[str, str]]:
    """What each table is made from on its own date: the endpoint that it is parsed from, and the tables it reads."""
    parsed = [(table.landed, table.name) for table in all_tables() if table.landed]
    read = [
        (read.table.name, table.name)
        for table in all_tables()
        for read in table.reads.values()
        if read.window is not Window.BEFORE
    ]
    return [*parsed, *read]


def _nearest(arrows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The arrows without those that follow from others."""
    sources: dict[str, set[str]] = {}
    for source, target in arrows:
        sources.setdefault(target, set()).add(source)

    def before(name: str) -> set[str]:
        return {far for near in sources.get(name, ()) for far in (near, *before(near))}

    return [(source, target) for source, target in arrows if source not in set().union(*map(before, sources[target]))]


def _node(name: str) -> str:
    """The name of a node: mermaid allows no dots and slashes in it."""
    return re.sub(r"\W", "_", name if "." in name else f"landing.{name}")


def _box(phase: Phase) -> Iterator[str]:
    gate = gate_into(phase)
    behind = f", behind {gate.name}" if gate else ""
    yield f'  subgraph phase_{phase.value}["{phase.value} {phase.name.lower()}{behind}"]'
    yield from (f'    {_node(table.name)}["{table.short_name}"]' for table in tables_of(phase))
    yield "  end"


def parts_of_the_package() -> str:
    """The rooms of the package from the top down, each with what it says of itself."""
    package = ROOT / "nba_pipeline"
    rooms = [package / room if (package / room).is_dir() else package / f"{room}.py" for room in ROOMS]
    return "\n".join(["| room | what it is |", "|---|---|", *map(_part, rooms)])


def _part(room: Path) -> str:
    file = room / "__init__.py" if room.is_dir() else room
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    first = " ".join(said.split("\n\n")[0].split())
    return f"| `{room.name}{'/' if room.is_dir() else ''}` | {first[0].lower()}{first[1:].rstrip('.')} |"


@dataclass(frozen=True)
class NamedTest:
    """A test of the suite, and the decorators and marks that it has, its module's included."""

    path: Path
    marks: tuple[str, ...]

    @property
    def only_in_campaign(self) -> bool:
        """Whether `make test` leaves it out; of one with some long cases it does not."""
        marks = " ".join(self.marks)
        return "campaign" in marks and "pytest.param" not in marks


@cache
def named_tests() -> dict[str, NamedTest]:
    """The tests that pytest collects, by their names."""
    found = {}
    for path in sorted((ROOT / "nba_pipeline_tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = {ast.unparse(n.targets[0]): ast.unparse(n.value) for n in tree.body if isinstance(n, ast.Assign)}
        of_module = [f"pytestmark = {named['pytestmark']}"] if "pytestmark" in named else []
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                marks = [ast.unparse(decorator) for decorator in node.decorator_list]
                found[node.name] = NamedTest(path, (*of_module, *(named.get(mark, mark) for mark in marks)))
    return found


def rows_of_incidents() -> dict[str, list[list[str]]]:
    """The cells of each row of `incidents.md`, by section."""
    found = {}
    for part in (DOCS / "incidents.md").read_text(encoding="utf-8").split("\n## ")[1:]:
        lines = [line for line in part.splitlines() if line.startswith("|")][2:]
        found[part.splitlines()[0]] = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return found


@cache
def tests_of_incidents() -> dict[str, dict[str, list[str]]]:
    """The names of the tests behind each row, by section and the first cell of the row."""
    return tomllib.loads((Path(__file__).parent / "incident_tests.toml").read_text(encoding="utf-8"))


def tests_behind_the_incidents() -> str:
    """The tests of each row, with links to their files."""
    parts = []
    for section, rows in rows_of_incidents().items():
        shown = tests_of_incidents().get(section, {})
        lines = [_tests_of(row, shown[row[0]]) for row in rows if row[0] in shown]
        parts.append("\n".join([f"## {section}", "", "| row | tests |", "|---|---|", *lines]))
    return "\n\n".join(parts)


def _tests_of(row: list[str], names: list[str]) -> str:
    what = f"{row[0]}: {row[1]}" if row[0][:1].isdecimal() else row[0]
    return f"| {what} | {', '.join(map(_linked, names))} |"


def _linked(name: str) -> str:
    test = named_tests().get(name)
    if test is None:
        raise ValueError(f"incident_tests.toml names {name}, which does not exist")
    return f"[`{name}`](../{test.path.relative_to(ROOT)}){'ᶜ' if test.only_in_campaign else ''}"


def columns_of_the_published_files() -> str:
    """Each column of tonight's file with its unit, what it may hold and what it means."""
    lines = []
    for column in predictions_file.CONTRACT.columns:
        allowed = f" One of: {', '.join(column.allowed)}." if column.allowed else ""
        empty = " May be empty." if column.nullable else ""
        lines.append(f"| `{column.name}` | {column.type} | {column.unit} | {column.definition}{allowed}{empty} |")
    return "\n".join(["| column | type | unit | what it is |", "|---|---|---|---|", *lines])


def statistics_of_the_published_files() -> str:
    """Each statistic of tonight's file with its unit and meaning."""
    lines = [f"| `{stat}` | {unit} | {meaning} |" for stat, (unit, meaning) in predictions_file.STATISTICS.items()]
    return "\n".join(["| `stat` | unit | what it is |", "|---|---|---|", *lines])


GENERATED: dict[tuple[Path, str], Callable[[], str]] = {
    (DOCS / "decisions" / "README.md", "index"): index_of_decisions,
    (DOCS / "incidents-tests.md", "tests"): tests_behind_the_incidents,
    (DOCS / "architecture.md", "picture"): picture_of_the_tables,
    (DOCS / "architecture.md", "parts"): parts_of_the_package,
    (DOCS / "tonights-file.md", "columns"): columns_of_the_published_files,
    (DOCS / "tonights-file.md", "statistics"): statistics_of_the_published_files,
}
"""What is generated: the page, the name between whose marks it stands, and what makes it."""


def between_marks(text: str, name: str, part: str) -> str:
    """The page's text with the part between the marks of the name; raises `ValueError` when it has no such marks."""
    begin, end = f"<!-- {name}: generated by `{COMMAND}` -->", f"<!-- end of {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"the page has not exactly one line {begin!r} and one line {end!r}")
    before, rest = text.split(begin)
    return f"{before}{begin}\n\n{part}\n\n{end}{rest.split(end)[1]}"


def current(page: Path, name: str) -> str:
    """The text that the page should have."""
    return between_marks(page.read_text(encoding="utf-8"), name, GENERATED[page, name]())


def main() -> None:
    """Writes what is not current."""
    for page, name in GENERATED:
        text = current(page, name)
        if text != page.read_text(encoding="utf-8"):
            page.write_text(text, encoding="utf-8")
            print(f"{page.relative_to(ROOT)}: {name}")


if __name__ == "__main__":
    main()
