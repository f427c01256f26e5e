"""Verification of the ledger: every chain computed anew, and compared with what Dagster's event log recorded of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg
import ibis
from dagster import AssetRecordsFilter, DagsterInstance

from nba_pipeline.assets.contexts import CheckContext
from nba_pipeline.assets.step_retries import retrying_what_can_heal
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.table_checks import report_dates
from nba_pipeline.gates.alert_metadata import AlertKind, alert_metadata
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.partitions import to_date, to_key
from nba_pipeline.predictions import player_predictions
from nba_pipeline.predictions.calculations.ledger import HEAD, LENGTH, LIVE, POSITION, Head, Problem, problems
from nba_pipeline.warehouse.interface import Session

LEDGER = player_predictions.CONTRACT

LEDGER_CHECK = "ledger_chain"

EVENTS_AT_ONCE = 1000
"""Materializations that are read from the event log in one query."""


@dataclass(frozen=True)
class Chain:
    """The chain of one date: how many live rows stand, and what is wrong with them."""

    game_date: date
    length: int
    problems: tuple[Problem, ...]

    @property
    def intact(self) -> bool:
        """Whether every row stands as it was added."""
        return not self.problems

    def __str__(self) -> str:
        """The chain as a sentence; of many problems the first."""
        if self.intact:
            return f"the ledger of {self.game_date} is intact: {self.length} live rows"
        first, *others = self.problems
        more = f" (and {len(others)} more)" if others else ""
        return f"the ledger is broken: {first}{more}. Look at all of it: {command(self.game_date)}"


def command(day: date) -> str:
    """What shows everything that is wrong with the chain of a date."""
    return f"nba-pipeline ledger verify --from {day} --to {day}"


def verify(session: Session, heads: Mapping[date, Sequence[Head]], dates: Sequence[date]) -> Iterator[Chain]:
    """The chains of the dates, in their order, one at a time: a date's rows fit into memory, a season's may not."""
    rows = session.read(LEDGER)
    for day in dates:
        mine = session.query(rows.filter(rows.game_date == ibis.literal(day)))
        found = problems(day, mine, heads.get(day, ()))
        yield Chain(day, sum(mode == LIVE for mode in mine["mode"].to_pylist()), tuple(found))


def chained_dates(session: Session, heads: Mapping[date, Sequence[Head]]) -> list[date]:
    """Every date that has a chain, or was recorded to have had one."""
    rows = session.read(LEDGER)
    chained = rows.filter((rows.mode == LIVE) | rows[POSITION].notnull()).select("game_date").distinct()
    return sorted({row["game_date"] for row in session.query(chained).to_pylist()} | set(heads))


def recorded_heads(instance: DagsterInstance, dates: Sequence[date] | None = None) -> dict[date, list[Head]]:
    """Per date, what every materialization recorded of its chain; of all dates, if none are given.

    The event log lies outside of the warehouse: whoever takes the end of a chain away there does not reach it.
    """
    chosen = None if dates is None else [to_key(day) for day in dates]
    found: dict[date, list[Head]] = {}
    for entry in _materializations(instance, chosen):
        event, recorded = entry.asset_materialization, datetime.fromtimestamp(entry.timestamp, UTC)
        if event is None or event.partition is None or HEAD not in event.metadata:
            continue
        day, length = to_date(event.partition), int(str(event.metadata[LENGTH].value))
        found.setdefault(day, []).append(Head(day, length, str(event.metadata[HEAD].value), recorded))
    return found


def _materializations(instance: DagsterInstance, partitions: Sequence[str] | None) -> Iterator[dg.EventLogRecord]:
    records = AssetRecordsFilter(asset_key(LEDGER), asset_partitions=partitions)
    cursor, more = None, partitions is None or bool(partitions)
    while more:
        page = instance.fetch_materializations(records, EVENTS_AT_ONCE, cursor=cursor, ascending=True)
        yield from page.records
        cursor, more = page.cursor, page.has_more


def ledger_check(game_dates: dg.PartitionsDefinition) -> dg.AssetChecksDefinition:
    """The check of the ledger, which blocks nothing: waiting repairs no broken chain, and grading goes on."""
    key = asset_key(LEDGER)

    @dg.asset_check(
        asset=key,
        name=LEDGER_CHECK,
        partitions_def=game_dates,
        required_resource_keys={"gatekeeper", "settings"},
        description="The live rows are those that were added, in their order, and none is missing: by their own "
        "hashes, and by what Dagster's event log recorded of every date's chain.",
    )
    def ledger_chain(context: CheckContext) -> dg.AssetCheckResult:
        gatekeeper = context.resources.gatekeeper
        dates = [to_date(key) for key in context.partition_keys]
        with (
            retrying_what_can_heal(context.resources.settings, context.op_execution_context.retry_number),
            gatekeeper.warehouse.session(read_only=True) as session,
        ):
            chains = list(verify(session, recorded_heads(context.instance, dates), dates))
        broken = {chain.game_date: [str(problem) for problem in chain.problems] for chain in chains if not chain.intact}
        report_dates(context, dg.AssetCheckKey(key, LEDGER_CHECK), dates, broken)
        return dg.AssetCheckResult(
            passed=not broken,
            metadata={
                "dates": len(dates),
                "live rows": sum(chain.length for chain in chains),
                "reasons": dg.MetadataValue.json({str(day): why for day, why in broken.items()}),
                **_said_of(broken, gatekeeper),
            },
        )

    return ledger_chain


def _said_of(broken: Mapping[date, Sequence[str]], gatekeeper: Gatekeeper) -> dict[str, dg.MetadataValue]:
    if not broken:
        return {}
    effect = "Predictions that were made before tip-off, and the grades made of them, cannot be relied on."
    command = f"nba-pipeline ledger verify --from {min(broken)} --to {max(broken)}"
    return alert_metadata(AlertKind.CHECK_FAILED, gatekeeper.clock.now(), effect, command)
