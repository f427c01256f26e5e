"""Progress of long work: nothing inside Dagster's own processes, a bar where a person waits."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.progress import Progress as RichBars


class Progress(Protocol):
    """Where a step says how far it has come."""

    def task(self, description: str, total: int) -> AbstractContextManager[Callable[[], None]]:
        """A piece of work of `total` parts; what it yields is called once a part."""
        ...


class Silent:
    """Tells nobody: Dagster's event log says what happened."""

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Callable[[], None]]:
        """Yields a function that does nothing."""
        yield lambda: None


class Bars:
    """Shows each piece of work as a bar that goes away when it is done."""

    def __init__(self, bars: RichBars) -> None:
        self._bars = bars

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Callable[[], None]]:
        """Yields a function that moves the bar by one."""
        task = self._bars.add_task(f"  {description}", total=total)
        try:
            yield lambda: self._bars.advance(task)
        finally:
            self._bars.remove_task(task)
