"""What `nba-pipeline warehouse copy` prints."""

from collections.abc import Callable

from pydantic import ValidationError

from nba_pipeline.cli.terminal import progress_bars
from nba_pipeline.contracts import StoredTable
from nba_pipeline.monitoring.outcome import NotTriedError, Outcome, console, end, errors, refusing, say
from nba_pipeline.operations.warehouse_copying import CopyError, copy_warehouse
from nba_pipeline.runtime import warehouse_at
from nba_pipeline.settings import Settings
from nba_pipeline.warehouse.errors import WarehouseError


@refusing
def run_warehouse_copy(settings: Settings, source: str, target: str, *, as_json: bool) -> int:
    """Copies one warehouse into another; 0 when all of it stands there, 1 when not, 2 when it could not be tried."""
    try:
        here, there = warehouse_at(settings, source), warehouse_at(settings, target)
    except ValidationError as error:
        raise NotTriedError(f"{source} or {target}: {error.errors()[0]['msg']}") from error
    if not here.exists:
        raise NotTriedError(f"There is no warehouse at {here.description}, so nothing was copied.")
    begun = 0
    with progress_bars() as bars:

        def starts(table: StoredTable, partitions: int) -> Callable[[int], None]:
            task = bars.add_task(table.name, total=partitions)

            def advance(done: int) -> None:
                nonlocal begun
                begun += done
                bars.advance(task, done)

            return advance

        try:
            copied, wrong = copy_warehouse(here, there, starts), ()
        except CopyError as error:
            copied, wrong = [], (str(error),)
        except WarehouseError as error:
            if not begun:
                raise
            again = f"nba-pipeline warehouse copy --from {source} --to {target}"
            copied, wrong = [], (f"{error} {begun} partitions stand in the target; go on with: {again}",)
    found = [{"table": c.table.name, "written": c.written, "there": c.there, "rows": c.rows} for c in copied]

    def print_it() -> None:
        if wrong:
            say(wrong, style="red", on=errors)
            return
        written, already, rows = (sum(getattr(c, what) for c in copied) for what in ("written", "there", "rows"))
        console.print(
            f"{written} partitions written, {already} were there before; {rows:,} rows in {len(copied)} tables have "
            f"the same hashes in {here.description} and {there.description}.",
            style="green", markup=False,
        )  # fmt: skip

    return end(Outcome(failed=wrong), {"tables": found}, print_it, as_json=as_json)
