"""What the platform costs: the same dates made in four ways, side by side in one run.

    make benchmark ARGS="[--data DIR] [--dates N] [--predictions] [--rounds N]"

(a) the pipeline through Dagster with everything on, by the shipped command; (b) the same transforms and trainings
called directly; (c) the engine's floor, reading their inputs and writing their outputs; (d) features of form in a loop
of pandas, date by date, on a sample of the dates. Each is a process of its own, all read one landing, and what (a) and
(b) made is compared by its hash. The results go to `benchmarks/results.md`.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from benchmarks.figures import ROOT, Figures, machine
from benchmarks.report import Measured, report, with_section

RESULTS = Path(__file__).parent / "results.md"

FEATURES = ("raw", "analytics", "precompute")

PREDICTIONS = ("predictions", "grades")

OK, FAILED, NOT_TRIED = 0, 1, 2

console = Console(stderr=True)


class NotMeasuredError(Exception):
    """A process that was to be measured failed; the message says which."""


@dataclass
class Bench:
    """A folder in which homes are made by the code of a tree, from one landing and for one range of dates."""

    folder: Path
    tree: Path = ROOT
    translations: Path | None = None
    landed: Path | None = None
    plan: dict = field(default_factory=dict)

    @property
    def span(self) -> list[str]:
        """The range of dates as the processes are told it."""
        return ["--from", self.plan["first"], "--to", self.plan["last"]]

    def prepare(self, data: Path | None, season: int | None, dates: int | None) -> None:
        """Finds out which dates there are, and lands what is known of them, unless the folder has it already."""
        self.folder.mkdir(parents=True, exist_ok=True)
        of = ["--data", str(data.resolve())] if data else []
        chosen = [f"--{name}={value}" for name, value in (("season", season), ("dates", dates)) if value]
        self.plan = json.loads(self.run("plan", "landing", *of, *chosen).read_text(encoding="utf-8"))
        said, landed = json.dumps([*of, self.plan]), self.folder / "landed.json"
        if not landed.exists() or landed.read_text(encoding="utf-8") != said:
            shutil.rmtree(self.folder / "landing", ignore_errors=True)
            self.run("land", "landing", *of, *self.span)
            landed.write_text(said, encoding="utf-8")
        self.landed = self.folder / "landing" / "landing"

    def warm(self, groups: Sequence[Sequence[str]]) -> None:
        """Translates the queries of the phases in a run that is not measured, unless the folder has them already."""
        self.translations = self.folder / "translated"
        made = "-".join(phase for phases in groups for phase in phases)
        mark = self.folder / f"translated-{self.plan['sources'][:16]}-{made}"
        if not mark.exists():
            console.print("translating the queries, which is not measured")
            for phases in groups:
                self.measured("dagster", "warm", phases)
            shutil.rmtree(self.folder / "warm")
            mark.touch()

    def home(self, name: str) -> Path:
        """A home, with the landing that all share."""
        home = self.folder / name
        home.mkdir(parents=True, exist_ok=True)
        if self.landed and not (home / "landing").exists():
            (home / "landing").symlink_to(self.landed, target_is_directory=True)
        return home

    def run(self, way: str, home: str, *arguments: str) -> Path:
        """Runs a process to its end; the file with its figures. Raises `NotMeasuredError` when it failed."""
        figures = self.folder / f"{home}-{way}.json"
        command = [sys.executable, "-m", "benchmarks.ways", way, "--figures", str(figures), *arguments]
        environment = self.environment(self.home(home))
        done = subprocess.run(command, cwd=self.tree, env=environment, check=False)  # noqa: S603 - our own module
        if done.returncode:
            raise NotMeasuredError(f"{way} in {self.folder / home} ended with exit code {done.returncode}")
        return figures

    def measured(self, way: str, home: str, phases: Sequence[str], *arguments: str) -> Figures:
        """The figures of one way of making phases."""
        named = [f"--phase={phase}" for phase in phases]
        return Figures.read(self.run(way, home, *self.span, *named, *arguments))

    def environment(self, home: Path) -> dict[str, str]:
        """This process's environment with a home, a clock and a source for the other, and no other setting."""
        ours = {k: v for k, v in os.environ.items() if not k.startswith(("NBA_PIPELINE_", "BALLDONTLIE_", "DAGSTER_"))}
        ours |= {
            "PYTHONPATH": str(self.tree),
            "NBA_PIPELINE_HOME": str(home),
            "DAGSTER_HOME": str(home / "dagster"),
            "BALLDONTLIE_API_KEY": "any",
            # Nobody answers there: only landing asks, which has a server of its own.
            "BALLDONTLIE_API_URL": "http://127.0.0.1:9",
            "BALLDONTLIE_REQUESTS_PER_MINUTE": "1000000",
        }
        if self.plan:
            ours["NBA_PIPELINE_NOW"] = self.plan["now"]
        if self.translations:
            ours["NBA_PIPELINE_TRANSLATIONS"] = str(self.translations)
        return ours


@contextmanager
def folder_for(kept: Path | None) -> Iterator[Path]:
    """The folder of a run: one that is kept, or one that is gone afterwards."""
    if kept:
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="nba_pipeline-benchmark-") as folder:
        yield Path(folder)


def sample(dates: Sequence[str], count: int) -> list[str]:
    """So many dates, spread evenly: in the middles of as many stretches."""
    count = min(count, len(dates))
    return [dates[(2 * n + 1) * len(dates) // (2 * count)] for n in range(count)]


def measure_round(bench: Bench, number: int, groups: Sequence[Sequence[str]], sampled: Sequence[str]) -> list[Measured]:
    """Makes the dates once in each way; every other round begins with the other end. All homes are new."""
    a, b, c, d = (f"{name}{number}" for name in "abcd")
    measured: list[Measured] = []

    def step(way: str, phases: Sequence[str], home: str, *arguments: str) -> None:
        console.print(f"[bold]{way}[/bold], {' and '.join(phases)} (round {number + 1})")
        measured.append(Measured(way, tuple(phases), bench.measured(way, home, phases, *arguments)))

    def dagster() -> None:
        for phases in groups:
            step("dagster", phases, a)

    def direct() -> None:
        for phases in groups:
            step("direct", phases, b)

    for way in (dagster, direct) if number % 2 == 0 else (direct, dagster):
        way()
    done = ["--done", str(bench.folder / b)]
    for phases in groups:
        step("floor", phases, c, *done)
    if sampled:
        step("pandas", FEATURES, d, *done, *(f"--day={day}" for day in sampled))
    for phases in groups:
        step("compare", phases, a, *done)
    for home in (a, b, c, d):
        shutil.rmtree(bench.folder / home, ignore_errors=True)
    return measured


def asked_of(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of real seasons; without it, a simulated league")
    parser.add_argument("--season", type=int, help="the year in which the season starts; the last there is")
    parser.add_argument("--dates", type=int, help="only its first dates with games; all of them")
    parser.add_argument("--predictions", action="store_true", help="phases 5 and 6 as well, with all trainings")
    parser.add_argument("--rounds", type=int, default=1, help="how often; medians are printed (1)")
    parser.add_argument("--sample", type=int, default=5, help="dates that the loop in pandas makes; 0: none (5)")
    parser.add_argument("--warm", action="store_true", help="translate queries beforehand, in a run not measured")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the page to write to (benchmarks/results.md)")
    parser.add_argument("--json", type=Path, help="where to write all figures as JSON")
    parser.add_argument("--keep", type=Path, help="a folder for landing and translations, kept for the next time")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when everything was measured and the ways made the same rows; 1 when one failed or made others."""
    asked = asked_of(arguments)
    of = machine() | {"measured": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"}
    command = " ".join(sys.argv[1:] if arguments is None else arguments)
    groups = [FEATURES, PREDICTIONS] if asked.predictions else [FEATURES]
    try:
        with folder_for(asked.keep) as folder:
            bench = Bench(folder)
            console.print("landing what all ways read")
            bench.prepare(asked.data, asked.season, asked.dates)
            if asked.warm:
                bench.warm(groups)
            sampled = sample(bench.plan["dates"], asked.sample)
            rounds = [measure_round(bench, number, groups, sampled) for number in range(asked.rounds)]
    except NotMeasuredError as error:
        console.print(f"[red]Not measured: {error}")
        return FAILED
    measured = [each for round_ in rounds for each in round_]
    name = "real seasons" if asked.data else "simulated league"
    text = report(name, command, bench.plan, of, measured, warm=asked.warm)
    page = asked.results.read_text(encoding="utf-8") if asked.results.exists() else ""
    asked.results.write_text(with_section(page, name, text), encoding="utf-8")
    if asked.json:
        content = {"command": command, "plan": bench.plan, "machine": of, "figures": [m.as_dict() for m in measured]}
        asked.json.write_text(json.dumps(content, indent=2), encoding="utf-8")
    Console().print(text, soft_wrap=True, markup=False, highlight=False)
    console.print(f"written to {asked.results}")
    if any(each.figures.notes.get("different") for each in measured):
        console.print("[red]The loop in pandas made other values than the feature store: its ratio compares nothing.")
        return FAILED
    return OK


if __name__ == "__main__":
    sys.exit(main())
