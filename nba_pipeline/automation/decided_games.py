"""People are notified of decisions about games: one alert for each, and one for the end of each that has an hour."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import dagster as dg

from nba_pipeline.assets.contexts import CheckContext, SensorContext
from nba_pipeline.assets.switch import switched
from nba_pipeline.assets.table_asset import OWNERS
from nba_pipeline.decisions.game_decisions import GameDecision, Ruling, recorded_decisions
from nba_pipeline.gates.alert_metadata import AlertKind, alert_metadata
from nba_pipeline.monitoring.known_games import in_force_sentence, release_command
from nba_pipeline.monitoring.outcome import COMMAND
from nba_pipeline.monitoring.smoke_test import backfill_command
from nba_pipeline.partitions import to_key
from nba_pipeline.settings import Settings

DECIDED_GAMES_SENSOR = "decided_games"

GAME_DECISIONS_KEY = dg.AssetKey(["operations", "game_decisions"])
DECIDED_CHECK = "no_game_is_decided"

GAME_DECISIONS_ASSET = dg.AssetSpec(
    GAME_DECISIONS_KEY,
    group_name="operations",
    owners=OWNERS,
    kinds={"log"},
    description="No table: what people decided about games whose facts the source has wrong or not at all, and why.",
)
"""For the definitions: where the UI shows what is decided."""

COUNTS_AS = {
    Ruling.HOLD: "The game is in no history and in no grade, until the decision is taken back or over.",
    Ruling.ACCEPT: "The game counts as the source has it, though its numbers do not add up.",
    Ruling.CORRECT: "These values stand in the place of the source's, in every history and grade.",
    Ruling.RELEASE: "The source's own numbers count again, by the rules for every game.",
}

Notified = Mapping[str, tuple[int, int]]
"""By date and id of a game: of how many decisions people were notified, and the number of that whose end they know."""


def not_notified(
    decisions: Iterable[GameDecision], notified: Notified | None, now: datetime
) -> tuple[list[dg.AssetCheckEvaluation], Notified]:
    """Of which decisions, in the order of their recording, people are to be notified, and what they then know.

    At the first tick of a home (`notified` is None), only what is in force. Decisions are counted game by
    game, so that one whose recorder's clock is late is not passed over.
    """
    instant = now.astimezone(UTC).replace(tzinfo=None)
    games: dict[str, list[GameDecision]] = {}
    for decision in decisions:
        if decision.recorded_at <= instant:
            games.setdefault(f"{decision.game_date} {decision.game_id}", []).append(decision)
    events: list[dg.AssetCheckEvaluation] = []
    then = dict(notified or {})
    in_force = False
    for name, mine in games.items():
        last = mine[-1]
        over = last.ruling is not Ruling.RELEASE and last.until is not None and last.until <= instant
        counts = last.ruling is not Ruling.RELEASE and not over
        in_force = in_force or counts
        recorded, ended = (len(mine) - counts, len(mine)) if notified is None else notified.get(name, (0, 0))
        events += map(_decided, mine[recorded:])
        events += [_ended(last)] if over and ended < len(mine) else []
        then[name] = len(mine), len(mine) if over else ended
    if events and not in_force:
        events.append(_evaluation(passed=True))
    return events, then


def _decided(decision: GameDecision) -> dg.AssetCheckEvaluation:
    back = _show(decision) if decision.ruling is Ruling.RELEASE else release_command(decision)
    return _evaluation(decision, str(decision), COUNTS_AS[decision.ruling], back, decision.recorded_at)


def _ended(decision: GameDecision) -> dg.AssetCheckEvaluation:
    """The decision's end by its hour, which nobody types."""
    said = (
        f"what {decision.decided_by} decided about game {decision.game_id} of {decision.game_date} is over: {decision}"
    )
    return _evaluation(
        decision, said, COUNTS_AS[Ruling.RELEASE], _show(decision), decision.until or decision.recorded_at
    )


def _show(decision: GameDecision) -> str:
    return f"{COMMAND}game show {decision.game_id} --date {decision.game_date}"


def _evaluation(
    decision: GameDecision | None = None,
    said: str = "",
    effect: str = "",
    command: str = "",
    since: datetime | None = None,
    *,
    passed: bool = False,
) -> dg.AssetCheckEvaluation:
    metadata: dict[str, dg.MetadataValue] = {}
    if decision is not None and since is not None:
        again = f"{effect} Its date is made again by itself, or at once: {backfill_command(decision.game_date)}"
        metadata = {
            "reasons": dg.MetadataValue.json({to_key(decision.game_date): [said]}),
            **alert_metadata(AlertKind.GAME_DECIDED, since.replace(tzinfo=UTC), again, command),
        }
    return dg.AssetCheckEvaluation(
        asset_key=GAME_DECISIONS_KEY,
        check_name=DECIDED_CHECK,
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )


def read_cursor(text: str | None) -> Notified | None:
    """Of what people were notified, as the cursor has it; None at the very first tick."""
    return {name: (recorded, ended) for name, (recorded, ended) in json.loads(text).items()} if text else None


def decided_games_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor that notifies people of decisions about games, and of their end."""

    @dg.sensor(
        name=DECIDED_GAMES_SENSOR,
        minimum_interval_seconds=settings.sensor_interval_seconds * 10,
        default_status=switched(settings),
        required_resource_keys={"gatekeeper", "settings"},
        description="Tells what people decided about games: who, what, why, until when, and what takes it back.",
    )
    def sensor(context: SensorContext) -> dg.SensorResult:
        gatekeeper = context.resources.gatekeeper
        with gatekeeper.warehouse.session(read_only=True, wait_seconds=settings.sensor_lock_wait_seconds) as session:
            decisions = recorded_decisions(session)
        events, notified = not_notified(decisions, read_cursor(context.cursor), gatekeeper.clock.now())
        reason = f"{len(decisions)} decisions about games are recorded, nothing is new of {len(notified)} games"
        return dg.SensorResult(
            asset_events=events, cursor=json.dumps(notified), skip_reason=f"{len(events)} alerts" if events else reason
        )

    return sensor


@dg.asset_check(
    asset=GAME_DECISIONS_KEY,
    name=DECIDED_CHECK,
    required_resource_keys={"gatekeeper"},
    description="No decision of a person about a game is in force.",
)
def no_game_is_decided(context: CheckContext) -> dg.AssetCheckResult:
    """The check behind `no_game_is_decided`: looks again."""
    with context.resources.gatekeeper.looking() as evidence:
        found = evidence.decisions.about_games
    reasons = {
        to_key(day): [in_force_sentence(each) for each in found.values() if each.game_date == day] for day, _ in found
    }
    return dg.AssetCheckResult(
        passed=not found, severity=dg.AssetCheckSeverity.WARN, metadata={"reasons": dg.MetadataValue.json(reasons)}
    )
