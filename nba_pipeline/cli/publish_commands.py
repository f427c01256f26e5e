"""What `nba-pipeline publish` does: one run for each date that was predicted, and what lies there afterwards."""

from collections.abc import Sequence
from datetime import date

from nba_pipeline.automation.jobs import TONIGHTS_FILE
from nba_pipeline.cli.terminal import progress_bars, refuse_nothing, refuse_range
from nba_pipeline.monitoring.ledger_verification import chained_dates, recorded_heads
from nba_pipeline.monitoring.outcome import Outcome, console, end, errors, refusing, say
from nba_pipeline.operations.runs import materialize, opened
from nba_pipeline.partitions import contiguous, game_dates
from nba_pipeline.publishing.published_days import PublishedDay, published_day
from nba_pipeline.publishing.tonights_file import TONIGHTS_FILE_KEY, astray
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings


@refusing
def run_publish(settings: Settings, first: date | None, last: date | None, *, as_json: bool) -> int:
    """Publishes the dates and prints where they are; 1 when one may not be published, 2 when it could not be tried."""
    runtime = Runtime(settings)
    begin = first or last or runtime.clock.today()
    until = last or begin
    refuse_range(runtime.clock, begin, until)
    refuse_nothing(runtime, begin, until)
    store = runtime.published
    found: list[PublishedDay] = []
    failed: list[str] = []
    dates = game_dates(begin, until)
    with progress_bars() as bars, opened(runtime, bars) as pipeline:
        with runtime.warehouse.session(read_only=True) as session:
            predicted = {*chained_dates(session, recorded_heads(pipeline.instance, dates))}
        for day in sorted(predicted.intersection(dates)):
            attempt = materialize(pipeline, [TONIGHTS_FILE_KEY], day, day, f"publish {day}", job=TONIGHTS_FILE)
            if not attempt.success:
                failed += attempt.failures or [f"run {attempt.run_id[:8]} of {day} failed: nba-pipeline ui"]
                continue
            found.append(published_day(store, day))
            if attempt.failures:
                with runtime.warehouse.session(read_only=True) as session:
                    failed += [f"{'; '.join(attempt.failures)}: {why}" for why in astray(store, session, day)]
    content = {"published": [{"place": store.where(each.publication.path), **vars(each.publication)} for each in found]}

    def print_it() -> None:
        say(failed, style="red", on=errors)
        for each in found:
            made = each.publication
            console.print(
                f"{made.game_date}: file {made.number}, {made.rows} rows, {made.status}: {store.where(made.path)}",
                markup=False, highlight=False, soft_wrap=True,
            )  # fmt: skip

    without = [day for day in dates if day not in predicted]
    nothing = (_nothing_of(without or [begin, until]),) if without or not dates else ()
    return end(Outcome(failed=tuple(failed), decided=nothing), content, print_it, as_json=as_json)


def _nothing_of(days: Sequence[date]) -> str:
    """That there is nothing to publish of some dates: backtests are not given away."""
    named = " and ".join(str(first) if first == last else f"{first} to {last}" for first, last in contiguous(days))
    return f"nothing was predicted of {named} before the games, so there is nothing to publish"
