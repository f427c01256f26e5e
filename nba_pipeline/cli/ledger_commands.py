"""What `nba-pipeline ledger verify` prints."""

from collections.abc import Sequence
from datetime import date

from nba_pipeline.cli.terminal import progress_bars
from nba_pipeline.monitoring.ledger_verification import Chain, chained_dates, recorded_heads, verify
from nba_pipeline.monitoring.outcome import NotTriedError, Outcome, console, end, refusing, say
from nba_pipeline.operations.runs import dagster_home, instance_of
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings


@refusing
def run_ledger_verify(settings: Settings, first: date | None, last: date | None, *, as_json: bool) -> int:
    """Prints how every chain of the ledger stands; 0 when all are intact, 1 when one is not, 2 when nobody can tell."""
    warehouse, home = Runtime(settings).warehouse, dagster_home(settings)
    if first and last and last < first:
        raise NotTriedError(f"--from {first} is after --to {last}")
    needed = (("warehouse", warehouse.exists, warehouse.description), ("event log of Dagster", home.exists(), home))
    for what, exists, place in needed:
        if not exists:
            raise NotTriedError(f"There is no {what} at {place}, so nothing can be compared. Set NBA_PIPELINE_HOME.")
    with (
        instance_of(settings) as instance,
        warehouse.session(read_only=True) as session,
    ):
        heads = recorded_heads(instance)
        dates = [day for day in chained_dates(session, heads) if (first or date.min) <= day <= (last or date.max)]
        with progress_bars() as bars:
            chains = list(bars.track(verify(session, heads, dates), total=len(dates), description="chains"))
    broken = tuple(str(chain) for chain in chains if not chain.intact)
    nothing = () if chains else ("no prediction was made before tip-off on these dates: there is nothing to verify",)
    content = {"chains": [_chain_json(chain) for chain in chains]}
    return end(Outcome(undone=broken, decided=nothing), content, lambda: _print_chains(chains), as_json=as_json)


def _chain_json(chain: Chain) -> dict[str, object]:
    found = [{"position": problem.position, "key": problem.key, "what": problem.what} for problem in chain.problems]
    return {"game_date": str(chain.game_date), "live_rows": chain.length, "whole": chain.intact, "problems": found}


def _print_chains(chains: Sequence[Chain]) -> None:
    broken = [chain for chain in chains if not chain.intact]
    say([str(problem) for chain in broken for problem in chain.problems], style="red")
    console.print(
        f"{len(chains) - len(broken)} of {len(chains)} chains intact, "
        f"{sum(chain.length for chain in chains)} live rows.",
        style="red" if broken else "green",
    )
