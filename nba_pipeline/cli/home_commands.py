"""What a person does with the folder of everything: copy it, to try things on."""

import shlex
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path

from nba_pipeline.cli.terminal import progress_bars, refuse_nothing
from nba_pipeline.monitoring.outcome import Outcome, end, errors, refusing, say
from nba_pipeline.operations.home_cloning import (
    Advance,
    Clone,
    as_size,
    clone_home,
    newest_day,
    refuse_what_cannot_be_cloned,
)
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import CLONE_MARK, NOT_IN_A_CLONE, Settings, as_export, environment_of
from nba_pipeline.warehouse.errors import WarehouseBusyError, WarehouseError


@refusing
def run_home_clone(settings: Settings, target: Path, *, as_json: bool) -> int:
    """Copies the home to a folder and prints how to use it; 1 when not all of it could be, 2 when it was not tried."""
    target, runtime = target.expanduser().resolve(), Runtime(settings)
    refuse_what_cannot_be_cloned(settings, target)
    refuse_nothing(runtime)
    clone, failed = Clone(), ()
    with progress_bars() as bars:

        def starts(what: str, count: int) -> Advance:
            task = bars.add_task(what, total=count)
            return lambda done: bars.advance(task, done)

        try:
            clone = clone_home(runtime, target, starts)
        except WarehouseBusyError:
            raise
        except (OSError, sqlite3.Error, WarehouseError) as error:
            again = f"nba-pipeline home clone {shlex.quote(str(target))}"
            failed = (
                f"{settings.home} could not be copied, and nothing of it is in {target}: {error}. Again: {again}",
            )
    exports = environment_of(target)
    commands = [] if failed else next_commands(newest_day(settings, target, runtime.clock.today()))

    def print_it() -> None:
        if failed:
            say(failed, style="red", on=errors)
        else:
            say(summary(settings.home, target, clone), style="green")
            if clone.no_history:
                say([f"Dagster's history is not in it: {clone.no_history}."], style="yellow")
            unset = f"unset {' '.join(NOT_IN_A_CLONE)}"
            say(["To use it, in a shell of its own:", "", as_export(exports), unset, *commands])

    content = {
        "from": str(settings.home), "to": str(target), **asdict(clone), "environment": exports, "unset": NOT_IN_A_CLONE,
        "next": commands,
    }  # fmt: skip
    return end(Outcome(failed=failed), content, print_it, as_json=as_json)


def summary(home: Path, target: Path, clone: Clone) -> Sequence[str]:
    """What stands in a clone, and what it does not do."""
    ended = f" {len(clone.ended)} runs were under way and are ended in the clone." if clone.ended else ""
    return [
        f"{target} is a clone of {home}: {sum(clone.rows.values()):,} rows in {len(clone.rows)} tables, "
        f"{clone.files:,} files, {as_size(clone.bytes)}.{ended}",
        f"As long as {CLONE_MARK} is in it, no sensor or schedule launches anything, and its alerts go to the log and "
        "the UI only, whatever is set.",
    ]


def next_commands(day: date | None) -> list[str]:
    """What to type next: how it stands, what other code would make again, and one date made again."""
    look = ["nba-pipeline health", "nba-pipeline backfill --outdated --dry-run"]
    if day is None:
        return look
    return [*look, f"nba-pipeline smoke-test {day}", f"nba-pipeline backfill --from {day} --to {day}"]
