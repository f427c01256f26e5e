"""Tonight's file as an asset: refused where a gate is closed or a chain is not intact, and checked afterwards."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import dagster as dg
import ibis
import pandas as pd

from nba_pipeline.assets.contexts import AssetContext, CheckContext
from nba_pipeline.assets.step_retries import retrying_what_can_heal
from nba_pipeline.assets.table_asset import OWNERS, WRITER_POOL, asset_key, definition_metadata
from nba_pipeline.clock import NEW_YORK, season_of
from nba_pipeline.contracts import Contract
from nba_pipeline.gates.alert_metadata import AlertKind, alert_metadata
from nba_pipeline.gates.evidence import Evidence, Held
from nba_pipeline.gates.gatekeeper import Gatekeeper, record
from nba_pipeline.gates.rules import GATES
from nba_pipeline.gates.verdicts import Gate, State, Verdict
from nba_pipeline.monitoring.ledger_verification import recorded_heads, verify
from nba_pipeline.partitions import GAME_DATES, SEASON_MONTHS, season_start, to_date
from nba_pipeline.predictions.calculations.ledger import HASH, HEAD, LENGTH, LIVE, POSITION
from nba_pipeline.publishing.predictions_file import (
    CONTRACT,
    LEDGER,
    VERSION,
    Document,
    NotPublishableError,
    Standing,
    chosen_rows,
    document,
)
from nba_pipeline.publishing.published_days import (
    DamagedPublicationError,
    NotPublishedError,
    PublishedDay,
    PublishedFile,
    content_of,
    publications,
    publish,
    published_day,
)
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw import held_games
from nba_pipeline.sources.landing_store import LandingStore
from nba_pipeline.warehouse.audit import Reasons
from nba_pipeline.warehouse.interface import Session

TONIGHTS_FILE_KEY = asset_key(CONTRACT)

STANDS_CHECK = "published_files_stand"

PREVIEW_ROWS, PREVIEWED = 5, ["player_name", "team", "opponent", "stat", "predicted_value", "interval_low",
                              "interval_high", "plays_probability"]  # fmt: skip

WORST = (State.CLOSED, State.OVERRIDDEN, State.DEGRADED, State.OPEN)


@dataclass(frozen=True)
class Judged:
    """What the gates say of giving a date away: why it is refused, if it is, and else how it stands.

    `inputs` is a hash over what its file would be made from.
    """

    verdicts: Sequence[Verdict]
    refused: Sequence[str]
    held: Sequence[Held] = ()
    inputs: str = ""

    @property
    def standing(self) -> Standing:
        """How the date stands, as its file says it."""
        state = min((verdict.state for verdict in self.verdicts), key=WORST.index)
        gates = [{"gate": v.gate, "state": v.state.value, "reasons": list(v.reasons)} for v in self.verdicts]
        held = [
            {"game_date": game.game_date.isoformat(), "game_id": game.game_id, "teams": list(game.teams),
             "reasons": game.reasons, "decided_by": game.decided_by}
            for game in self.held
        ]  # fmt: skip
        return Standing(state.value, gates, held)


def judged(gatekeeper: Gatekeeper, evidence: Evidence, day: date) -> Judged:
    """Whether a date may be given away: every gate on the way to its predictions, and that into what follows them.

    The contract of the files is judged as that of a table behind the predictions would be: they are complete, made from
    what stands now by the code that runs, and their recent errors are honest.
    """
    admission = gatekeeper.judge(evidence, CONTRACT, [day])
    on_the_way = [_verdict(gatekeeper, evidence, gate, day) for gate in GATES if gate.into is not CONTRACT.phase]
    verdicts = [*on_the_way, admission.verdicts[day]]
    closed = [verdict for verdict in verdicts if not verdict.lets_through]
    of_closed = {reason for verdict in closed for reason in verdict.reasons}
    others = [reason for reason in admission.refused.get(day, ()) if reason not in of_closed]
    refused = [*(f"the gate {v.gate} is closed: {' '.join(v.reasons)}" for v in closed), *others]
    return Judged(verdicts, refused, _held(evidence, day), admission.inputs.get(day, ""))


def _verdict(gatekeeper: Gatekeeper, evidence: Evidence, gate: Gate, day: date) -> Verdict:
    """What a gate says to the tables behind it that are made before the games."""
    before = [table for table in evidence.tables_of(gate.into) if table.before_tip_off]
    return gatekeeper.verdicts(evidence, gate, [day], before)[day]


def _held(evidence: Evidence, day: date) -> list[Held]:
    """The held games of the date, and those of the season that its teams are predicted without."""
    begin = season_start(season_of(day))
    days = [d for d in sorted(evidence.manifest.published(held_games.CONTRACT)) if begin <= d <= day]
    teams = {team for game in _games(evidence.session, day) for team in (game["home_team"], game["visitor_team"])}
    found = [held for d in days for _, held in sorted(evidence.calendar.held(d).items())]
    return [held for held in found if held.game_date == day or teams.intersection(held.teams)]


def _games(session: Session, day: date) -> list[dict[str, Any]]:
    games = session.read(raw_games.CONTRACT)
    mine = games.filter(games.game_date == ibis.literal(day))
    return session.query(mine.select("game_id", "status", "tipoff_at", "home_team", "visitor_team")).to_pylist()


def _rows(session: Session, table: Contract, day: date) -> list[dict[str, Any]]:
    rows = session.read(table)
    return session.query(rows.filter(rows.game_date == ibis.literal(day), rows.mode == LIVE)).to_pylist()


@dg.asset(
    key=TONIGHTS_FILE_KEY,
    deps=[asset_key(LEDGER), asset_key(raw_games.CONTRACT)],
    partitions_def=GAME_DATES,
    group_name="phase_6_publishing",
    owners=OWNERS,
    kinds={"json", "csv", "parquet"},
    pool=WRITER_POOL,
    code_version=VERSION,
    output_required=False,
    required_resource_keys={"gatekeeper", "settings", "published"},
    freshness_policy=dg.FreshnessPolicy.cron(
        deadline_cron=f"30 10 * {SEASON_MONTHS} *", lower_bound_delta=timedelta(days=1), timezone=str(NEW_YORK)
    ),
    metadata={name: value for name, value in definition_metadata(CONTRACT).items() if name != "dagster/table_name"},
    description=CONTRACT.description,
)
def tonights_file(context: AssetContext) -> Iterator[dg.MaterializeResult]:
    """Publishes a date, from its live rows alone; of a date without any there is nothing, and nothing is made.

    Nobody writes to the warehouse meanwhile: what is judged, verified and written are the same rows.
    """
    gatekeeper, store, day = context.resources.gatekeeper, context.resources.published, to_date(context.partition_key)
    with (
        retrying_what_can_heal(context.resources.settings, context.op_execution_context.retry_number),
        gatekeeper.warehouse.session() as session,
    ):
        found = judged(gatekeeper, gatekeeper.evidence(session), day)
        record(session, found.verdicts, f"{CONTRACT.name} in run {context.run_id}", gatekeeper.clock)
        if found.refused:
            raise _failure(day, found.refused)
        [chain] = verify(session, recorded_heads(context.instance, [day]), [day])
        if not chain.intact:
            raise _failure(day, [str(chain)])
        live = _rows(session, LEDGER, day)
        if not live:
            context.log.warning(f"Nothing was predicted of {day} before its games, so there is nothing to publish.")
            return
        try:
            rows, left_out = chosen_rows(day, live, _games(session, day), found.standing.status)
        except NotPublishableError as error:
            raise _failure(day, [str(error)]) from error
        last = max(live, key=lambda row: row[POSITION])

        def make(number: int, previous: Mapping[str, Any] | None) -> Document:
            ledger = {"rows": last[POSITION], "head": last[HASH]}
            return document(day, rows, left_out, found.standing, ledger, number=number, previous=previous)

        published = publish(store, day, make, gatekeeper.clock.now(), gatekeeper.clock.today())
    yield dg.MaterializeResult(
        metadata={**_shown(store, published), LENGTH: last[POSITION], HEAD: last[HASH]},
        data_version=dg.DataVersion(published.publication.sha256),
    )


def _failure(day: date, reasons: Sequence[str]) -> dg.Failure:
    """The failure of a date that may not be given away; never retried, since waiting opens nothing."""
    said = " ".join(reasons)
    command = "" if "nba-pipeline " in said else f" Next: nba-pipeline backfill --from {day} --to {day}"
    return dg.Failure(
        description=f"Nothing is published of {day}: {said}{command}",
        metadata={"refused": dg.MetadataValue.json({str(day): list(reasons)})},
        allow_retries=False,
    )


def _shown(store: LandingStore, published: PublishedDay) -> dict[str, Any]:
    """What the UI shows of a published date: where it is, how much it is, how it begins."""
    found, said = published.publication, published.document
    first = pd.DataFrame(said["rows"][:PREVIEW_ROWS], columns=PREVIEWED)
    return {
        "dagster/partition_row_count": found.rows,
        "content": "published" if published.new else "unchanged",
        "path": dg.MetadataValue.path(store.where(found.path)),
        "files": dg.MetadataValue.json(dict(found.files)),
        "file of the date": found.number,
        "previous": dg.MetadataValue.json(dict(found.previous or {})),
        "status": found.status,
        "known at": found.known_at or "",
        "held games": dg.MetadataValue.json(said["held_games"]),
        "left out": dg.MetadataValue.json(said["left_out"]),
        "preview": dg.MetadataValue.md(first.to_markdown(index=False, floatfmt=".3f")),
    }


def published_files_stand(game_dates: dg.PartitionsDefinition) -> dg.AssetChecksDefinition:
    """The check of what was published: reads what lies there, and not what a step believes that it wrote."""

    @dg.asset_check(
        asset=TONIGHTS_FILE_KEY,
        name=STANDS_CHECK,
        partitions_def=game_dates,
        required_resource_keys={"gatekeeper", "settings", "published"},
        description="Every published file of the date is what was published and names the one before, and every row of "
        "the newest stands in the ledger as it was given away.",
    )
    def files_stand(context: CheckContext) -> dg.AssetCheckResult:
        gatekeeper, store = context.resources.gatekeeper, context.resources.published
        with (
            retrying_what_can_heal(context.resources.settings, context.op_execution_context.retry_number),
            gatekeeper.warehouse.session(read_only=True) as session,
        ):
            found = {day: astray(store, session, day) for day in map(to_date, context.partition_keys)}
        wrong: Reasons = {day: why for day, why in found.items() if why}
        said = {} if not wrong else alert_metadata(
            AlertKind.CHECK_FAILED, gatekeeper.clock.now(), "What people were given cannot be relied on.",
            f"nba-pipeline publish --from {min(wrong)} --to {max(wrong)}",
        )  # fmt: skip
        reasons = {str(day): why for day, why in wrong.items()}
        return dg.AssetCheckResult(
            passed=not wrong, metadata={"dates": len(found), "reasons": dg.MetadataValue.json(reasons), **said}
        )

    return files_stand


def astray(store: LandingStore, session: Session, day: date) -> list[str]:
    """What is wrong with the published files of a date, a sentence each."""
    try:
        newest, every = published_day(store, day), publications(store, day)
        for publication in every:
            for name in publication.files:
                content_of(store, publication, name)
    except (NotPublishedError, DamagedPublicationError) as error:
        return [str(error)]
    return [*_broken_order(store, every), *_not_in_the_ledger(newest.document, _rows(session, LEDGER, day))]


def _broken_order(store: LandingStore, every: Sequence[PublishedFile]) -> list[str]:
    before = [None, *(publication.named for publication in every)]
    return [
        f"{store.where(publication.path)} is number {publication.number} of its date and does not name the one before"
        for number, (publication, named) in enumerate(zip(every, before, strict=False), start=1)
        if publication.number != number or publication.previous != named
    ]


def _not_in_the_ledger(said: Document, live: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rows of a file that the ledger has not, or has otherwise."""
    stands = {(row[POSITION], row[HASH]): row for row in live}
    other = [
        row
        for row in said["rows"]
        if (found := stands.get((row[POSITION], row[HASH]))) is None
        or found["predicted_value"] != row["predicted_value"]
    ]
    if not other:
        return []
    first = other[0]
    return [
        f"{len(other)} rows of the file of {said['game_date']} are not in the ledger, first that of "
        f"{first['player_name']}, {first['stat']}, at position {first[POSITION]}"
    ]
