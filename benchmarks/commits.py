"""Whether this tree makes the same dates as fast as a commit: both in turns, from one landing.

    make benchmark-commits ARGS="COMMIT [--with COMMIT] [--data DIR] [--dates N] [--rounds N] [--at-most 1.10]"

Each commit gets a worktree of its own, into which the programs of this folder are copied, so that both are measured by
the same ones, with the packages that are installed here. Exit code 0: not slower than `--at-most` times as long, by the
median of the rounds' ratios; 1: slower; 2: it could not be measured, and nothing is known.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from benchmarks.figures import ROOT, Figures, commit_of, git
from benchmarks.report import MEGABYTE, table
from benchmarks.side_by_side import FAILED, FEATURES, NOT_TRIED, OK, PREDICTIONS, Bench, NotMeasuredError, folder_for

COSTS = {"wall": "wall, s", "processor": "processor, s", "peak": "peak, MB"}

Pair = tuple[Figures, Figures]
"""What one round took: at the commit that is compared with, and here."""

console = Console(stderr=True)


@contextmanager
def tree_of(commit: str | None, folder: Path) -> Iterator[Path]:
    """The tree of a commit with this folder's programs in it; of none, this tree as it is.

    Raises `NotMeasuredError` for what is no commit.
    """
    if commit is None:
        yield ROOT
        return
    try:
        git(ROOT, "worktree", "add", "--detach", "--force", str(folder), commit)
    except (OSError, subprocess.CalledProcessError) as error:
        why = getattr(error, "stderr", None) or error
        raise NotMeasuredError(f"there is no tree of {commit}: {str(why).strip()}") from error
    try:
        shutil.copytree(Path(__file__).parent, folder / "benchmarks", dirs_exist_ok=True)
        yield folder
    finally:
        git(ROOT, "worktree", "remove", "--force", str(folder))


def phases_made(way: str, bench: Bench, home: str, groups: Sequence[Sequence[str]]) -> Figures:
    """What the phases took together, in a new home that is gone afterwards."""
    arguments = {phases: bench.measured(way, home, phases) for phases in map(tuple, groups)}
    shutil.rmtree(bench.folder / home)
    found = list(arguments.values())
    wall, processor = sum(each.wall for each in found), sum(each.processor for each in found)
    return Figures(wall, processor, max(each.peak for each in found))


def compared(way: str, benches: tuple[Bench, Bench], rounds: int, groups: Sequence[Sequence[str]]) -> list[Pair]:
    """Measures in turns: every other round the other one is first."""
    pairs = []
    for number in range(rounds):
        found = {}
        for place in (0, 1) if number % 2 == 0 else (1, 0):
            console.print(f"round {number + 1} of {rounds}: {commit_of(benches[place].tree)}")
            found[place] = phases_made(way, benches[place], f"home{place}", groups)
        pairs.append((found[0], found[1]))
    return pairs


def ratio(pairs: Sequence[Pair], cost: str) -> list[float]:
    """Of each round, how many times as much it takes here; smallest first."""
    return sorted(getattr(here, cost) / getattr(base, cost) for base, here in pairs)


def verdict(pairs: Sequence[Pair], by: str, at_most: float) -> int:
    """The exit code: whether the median ratio is within the limit."""
    return OK if statistics.median(ratio(pairs, by)) <= at_most else FAILED


def page(pairs: Sequence[Pair], base: str, here: str) -> str:
    """Both commits' medians and the ratios, with how far these reach."""
    lines = []
    for cost, title in COSTS.items():
        unit = MEGABYTE if cost == "peak" else 1.0
        both = [statistics.median(getattr(pair[place], cost) for pair in pairs) / unit for place in (0, 1)]
        found = ratio(pairs, cost)
        spread = f"{found[0]:.2f} to {found[-1]:.2f}"
        lines.append([title, *(f"{value:,.1f}" for value in both), f"{statistics.median(found):.2f}", spread])
    return table([f"{len(pairs)} rounds", base, here, "ratio", "of single rounds"], lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code says whether it is slower."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="what to compare with")
    parser.add_argument("--with", dest="other", help="another commit in the place of this tree as it is")
    parser.add_argument("--data", type=Path, help="folder of real seasons; without it, a simulated league")
    parser.add_argument("--season", type=int, help="the year in which the season starts; the last there is")
    parser.add_argument("--dates", type=int, default=10, help="only its first dates with games (10)")
    parser.add_argument("--predictions", action="store_true", help="phases 5 and 6 as well, with all trainings")
    parser.add_argument("--warm", action="store_true", help="translate queries beforehand, in runs not measured")
    parser.add_argument("--way", choices=("dagster", "direct"), default="dagster", help="(a) or (b) of the benchmark")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (3)")
    parser.add_argument("--by", choices=("wall", "processor"), default="processor", help="what decides (processor)")
    parser.add_argument("--at-most", type=float, default=1.10, help="the largest ratio that is not slower (1.10)")
    asked = parser.parse_args(arguments)
    groups = [FEATURES, PREDICTIONS] if asked.predictions else [FEATURES]
    try:
        with (
            folder_for(None) as folder,
            tree_of(asked.commit, folder / "base") as base,
            tree_of(asked.other, folder / "other") as other,
        ):
            # Landed by the commit that is compared with: what came later reads what was landed before.
            landing = Bench(folder / "landed", base)
            landing.prepare(asked.data, asked.season, asked.dates)
            benches = tuple(
                Bench(folder / name, tree, landed=landing.landed, plan=dict(landing.plan))
                for name, tree in (("of-base", base), ("of-other", other))
            )
            for bench in benches if asked.warm else ():
                bench.warm(groups)
            names = commit_of(base), commit_of(other)
            pairs = compared(asked.way, (benches[0], benches[1]), asked.rounds, groups)
    except NotMeasuredError as error:
        console.print(f"[red]Not measured: {error}")
        return NOT_TRIED
    Console().print(page(pairs, *names), soft_wrap=True, markup=False, highlight=False)
    found = verdict(pairs, asked.by, asked.at_most)
    said = f"{statistics.median(ratio(pairs, asked.by)):.2f} times the {asked.by} of {names[0]}"
    slower = "slower" if found else "not slower"
    console.print(f"{names[1]} takes {said}: {slower} (at most {asked.at_most:.2f})")
    return found


if __name__ == "__main__":
    sys.exit(main())
