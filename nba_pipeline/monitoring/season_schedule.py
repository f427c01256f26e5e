"""The season's whole schedule: as it was known on each day, and which of its games no answer about a date has."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import dagster as dg

from nba_pipeline.assets.contexts import CheckContext
from nba_pipeline.assets.step_retries import retrying_what_can_heal
from nba_pipeline.clock import game_date_of, season_of
from nba_pipeline.gates.alert_metadata import COVERED_METADATA, AlertKind, alert_metadata
from nba_pipeline.gates.evidence import Evidence
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.landing.assets import LANDED_SEASON_SCHEDULE
from nba_pipeline.monitoring.outcome import COMMAND, Cause
from nba_pipeline.monitoring.smoke_test import backfill_command
from nba_pipeline.partitions import contiguous, dates_of, season_bounds
from nba_pipeline.sources.balldontlie import SEASON_GAMES, parse_season_games
from nba_pipeline.sources.errors import DamagedLandingError
from nba_pipeline.sources.landing import Capture, Landing
from nba_pipeline.sources.records import GameRecord
from nba_pipeline.sources.season_games import (
    PublishedGames,
    SeasonGames,
    missing_games,
    missing_reason,
    schedule_is_complete,
    season_games,
    season_name,
)

NO_GAME_MISSING_CHECK = "no_game_missing"
GAMES_A_TEAM_CHECK = "games_a_team"


def as_known_at(landing: Landing, season: int, instant: datetime) -> Capture | None:
    """The schedule of a season as it was known before an instant: the newest answer of those asked for by then."""
    return landing.newest(SEASON_GAMES, season_bounds(season), before=instant)


def ask_schedule(season: int) -> str:
    """The command that asks for the schedule of a season now."""
    return f"{COMMAND}landing schedule --season {season}"


@dataclass(frozen=True)
class KnownSchedule:
    """What the newest landed schedule says of a season; `missing` has the games that raw.games lacks, by date.

    Or has as gone from the date: `published` knows which.
    """

    capture: Capture
    games: SeasonGames
    missing: dict[date, list[GameRecord]]
    published: PublishedGames
    is_complete: bool

    @property
    def season(self) -> int:
        """The season, by the year in which it begins."""
        return self.games.season

    @property
    def lacking(self) -> str | None:
        """Which games are in no answer at all, as a sentence; None while the schedule need not be complete yet."""
        return self.games.reason if self.is_complete else None

    @property
    def reasons(self) -> dict[str, list[str]]:
        """By date, which games are missing."""
        return {
            str(day): [missing_reason(self.season, games, self.published.gone)] for day, games in self.missing.items()
        }

    def causes(self) -> list[Cause]:
        """What is missing, for people: each stretch of dates, and what is in no answer."""
        causes = []
        for first, last in contiguous(self.missing):
            said = [f"{day}: {why}" for day, reasons in self.reasons.items() for why in reasons
                    if str(first) <= day <= str(last)]  # fmt: skip
            causes.append(Cause("; ".join(said), backfill_command(first, last)))
        if self.lacking:
            causes.append(Cause(self.lacking, ask_schedule(self.season)))
        return causes


def known_schedule(gatekeeper: Gatekeeper, evidence: Evidence | None, season: int) -> KnownSchedule | None:
    """What the newest landed schedule of a season says, and what raw.games lacks of it; None when none was landed.

    Only dates that were over when it was asked for are compared, of those that are published and no known gaps.
    """
    landing = gatekeeper.landing
    capture = landing.newest(SEASON_GAMES, season_bounds(season)) if landing else None
    if capture is None:
        return None
    listed = season_games(season, parse_season_games(capture).records, gatekeeper.games_a_team)
    published = _published(evidence, season) if evidence is not None else PublishedGames({}, {})
    missing = missing_games(listed.games, published.standing, over=game_date_of(capture.fetched_at))
    return KnownSchedule(
        capture, listed, missing, published, schedule_is_complete(season, game_date_of(capture.fetched_at))
    )


def newest_schedule(gatekeeper: Gatekeeper, season: int) -> KnownSchedule | None:
    """The same, for who has no evidence at hand; a home without a warehouse lacks no game of a date."""
    if not gatekeeper.warehouse.exists:
        return known_schedule(gatekeeper, None, season)
    with gatekeeper.looking() as evidence:
        return known_schedule(gatekeeper, evidence, season)


def _published(evidence: Evidence, season: int) -> PublishedGames:
    """The games of each published date of a season."""
    first, last = season_bounds(season)
    dates = [day for day in evidence.manifest.published(evidence.calendar.schedule) if first <= day <= last]
    compared = [day for day in dates if not evidence.decisions.is_known_gap(day)]
    if not compared:
        return PublishedGames({}, {})
    games = evidence.session.read(evidence.calendar.schedule)
    rows = games.filter(games.game_date.between(first, last)).select("game_date", "game_id", "status")
    return PublishedGames.of(evidence.session.query(rows).to_pylist(), compared)


def missing_from_answers(gatekeeper: Gatekeeper, evidence: Evidence, season: int) -> list[Cause]:
    """What a season's newest landed schedule says is missing; nothing when none was landed."""
    try:
        known = known_schedule(gatekeeper, evidence, season)
    except DamagedLandingError as error:
        return [Cause(str(error).rstrip("."), ask_schedule(season))]
    return known.causes() if known else []


@dg.multi_asset_check(
    name="season_schedule_checks",
    specs=[
        dg.AssetCheckSpec(
            NO_GAME_MISSING_CHECK,
            asset=LANDED_SEASON_SCHEDULE,
            description="Every game that the season's schedule lists on a date that is over is in raw.games, and "
            "neither cancelled nor moved there.",
        ),
        dg.AssetCheckSpec(
            GAMES_A_TEAM_CHECK,
            asset=LANDED_SEASON_SCHEDULE,
            description="From 16 December on, the schedule lists as many games of every team as a season has.",
        ),
    ],
    required_resource_keys={"gatekeeper", "settings"},
)
def season_schedule_checks(context: CheckContext) -> Iterator[dg.AssetCheckResult]:
    """Compares the schedule that the run has landed with what is published."""
    gatekeeper = context.resources.gatekeeper
    days = dates_of(context.op_execution_context.run)
    season = season_of(days[-1] if days else gatekeeper.clock.today())
    with retrying_what_can_heal(context.resources.settings, context.op_execution_context.retry_number):
        known = newest_schedule(gatekeeper, season)
    yield _dates_result(known, gatekeeper, season)
    yield _teams_result(known, gatekeeper)


def _dates_result(known: KnownSchedule | None, gatekeeper: Gatekeeper, season: int) -> dg.AssetCheckResult:
    missing = known.missing if known else {}
    metadata: dict[str, dg.MetadataValue] = {
        "reasons": dg.MetadataValue.json(known.reasons if known else {}),
        COVERED_METADATA: dg.MetadataValue.text(" to ".join(map(str, season_bounds(season)))),
    }
    if known and missing:
        effect = "These games are in no history: averages, features and predictions are made as if nobody played them."
        again = backfill_command(min(missing), max(missing))
        metadata |= alert_metadata(AlertKind.GAME_MISSING, gatekeeper.clock.now(), effect, again)
    return _result(NO_GAME_MISSING_CHECK, not missing, metadata)


def _teams_result(known: KnownSchedule | None, gatekeeper: Gatekeeper) -> dg.AssetCheckResult:
    lacking = known.lacking if known else None
    metadata: dict[str, dg.MetadataValue] = {"reasons": dg.MetadataValue.json([lacking] if lacking else [])}
    if known and lacking:
        effect = f"A game of {season_name(known.season)} may have been played that nobody here knows of."
        metadata |= alert_metadata(AlertKind.GAME_MISSING, gatekeeper.clock.now(), effect, ask_schedule(known.season))
    return _result(GAMES_A_TEAM_CHECK, lacking is None, metadata)


def _result(name: str, passed: bool, metadata: dict[str, dg.MetadataValue]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=LANDED_SEASON_SCHEDULE,
        check_name=name,
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )
