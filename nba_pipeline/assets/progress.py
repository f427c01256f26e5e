"""Progress of long work: a bar where a person waits, nothing inside Dagster's own processes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import Progress as Bars


class Progress:
    """Where a step says how far it has come. Silent until a command shows it its bars."""

    def __init__(self) -> None:
        self._bars: Bars | None = None

    @contextmanager
    def shown_in(self, bars: Bars) -> Iterator[None]:
        """Shows the work done meanwhile in the bars."""
        self._bars = bars
        try:
            yield
        finally:
            self._bars = None

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Callable[[], None]]:
        """A piece of work of `total` parts; what it yields is called once a part."""
        bars = self._bars
        if bars is None:
            yield lambda: None
            return
        task = bars.add_task(f"  {description}", total=total)
        try:
            yield lambda: bars.advance(task)
        finally:
            bars.remove_task(task)


PROGRESS = Progress()
"""The progress of this process."""
