"""What a piece of work took, taken by the process that does it; and on what machine."""

import dataclasses
import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]

PACKAGES = ("dagster", "duckdb", "ibis-framework", "pandas", "lightgbm")

STATUS, MEMORY = Path("/proc/self/status"), Path("/proc/meminfo")


@dataclass
class Figures:
    """What one way of making the dates took, from when its work began; `start` is the processor time before that.

    `parts` are seconds by the clock, by phase; `notes` whatever else a way has to say.
    """

    wall: float = 0.0
    processor: float = 0.0
    peak: int = 0
    start: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)
    notes: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Figures":
        """The figures that a process left."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        """Leaves them for the process that asked for them."""
        path.write_text(json.dumps(dataclasses.asdict(self)), encoding="utf-8")

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Takes the figures of the work in the block; the peak is that of the process so far."""
        began = time.perf_counter()
        self.start = processor_seconds()
        yield
        self.wall, self.processor = time.perf_counter() - began, processor_seconds() - self.start
        self.peak = peak_bytes()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Adds the seconds of the block to a part."""
        began = time.perf_counter()
        yield
        self.parts[name] = self.parts.get(name, 0.0) + time.perf_counter() - began


def processor_seconds() -> float:
    """Of this process and of those that it waited for, in user and system mode."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def peak_bytes() -> int:
    """The most memory that this process held.

    Linux tells `getrusage` that a process held at least what the one that started it did; its status knows better.
    """
    if STATUS.exists():
        lines = STATUS.read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def bytes_in(path: Path) -> int:
    """The size of a file, or of the files in a folder; 0 of what is not there."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file() and not file.is_symlink())


def machine() -> dict[str, str]:
    """What the figures depend on, by name."""
    load = f"{os.getloadavg()[0]:.1f}"
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": _memory(),
        "load when it began": load,
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        **versions,
        "commit": commit_of(ROOT),
    }


def _memory() -> str:
    if not MEMORY.exists():
        return "unknown"
    kilobytes = int(MEMORY.read_text(encoding="utf-8").split(maxsplit=2)[1])
    return f"{kilobytes / 2**20:.0f} GiB"


def commit_of(tree: Path) -> str:
    """The commit of a tree, and whether its files are others; `unknown` outside of Git."""
    try:
        commit = git(tree, "rev-parse", "--short=10", "HEAD")
        changed = git(tree, "status", "--porcelain", "--untracked-files=no", "--", "nba_pipeline")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit} with changes" if changed else commit


def git(tree: Path, *arguments: str) -> str:
    """What Git answers in a tree. Raises `subprocess.CalledProcessError` when it refuses."""
    command = ["git", "-C", str(tree), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own arguments
    return done.stdout.strip()
