"""Phase 1: the source's exact answers, landed. Nothing here is parsed into a table, and nothing is lost."""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

import dagster as dg

from nba_pipeline.assets.contexts import AssetContext
from nba_pipeline.assets.table_asset import OWNERS
from nba_pipeline.clock import season_of, tips_off_by
from nba_pipeline.partitions import GAME_DATES, contiguous, season_bounds, to_date, to_key
from nba_pipeline.sources.balldontlie import (
    ACTIVE_PLAYERS,
    GAME_LINES,
    GAMES,
    INJURIES,
    OUTAGE,
    PROP_LINES,
    STATS,
    KnownGames,
    parse_games,
    unanswered_games,
)
from nba_pipeline.sources.errors import DamagedLandingError, KeyRefused, SourceRefused, SourceUnavailable
from nba_pipeline.sources.landing import Capture, Landing
from nba_pipeline.sources.records import UNCLEAR, GameRecord

LANDED_GAMES = dg.AssetKey(["landing", "games"])
LANDED_PLAYER_BOX_SCORES = dg.AssetKey(["landing", "player_box_scores"])
LANDED_PLAYERS = dg.AssetKey(["landing", "players"])
LANDED_INJURIES = dg.AssetKey(["landing", "injuries"])
LANDED_PLAYER_PROP_LINES = dg.AssetKey(["landing", "player_prop_lines"])
LANDED_GAME_LINES = dg.AssetKey(["landing", "game_lines"])
LANDED_SEASON_SCHEDULE = dg.AssetKey(["landing", "season_schedule"])

LANDED_FROM = {
    GAMES: LANDED_GAMES,
    STATS: LANDED_PLAYER_BOX_SCORES,
    ACTIVE_PLAYERS: LANDED_PLAYERS,
    INJURIES: LANDED_INJURIES,
    PROP_LINES: LANDED_PLAYER_PROP_LINES,
    GAME_LINES: LANDED_GAME_LINES,
}
"""The landing asset of each endpoint: tables that are parsed from an endpoint hang on it."""

SOURCE_POOL = "balldontlie"
"""The pool of everything that asks the source."""

Span = tuple[date, date]

LONGEST_SCHEDULE_REQUEST = timedelta(days=30)
"""A failed request costs at most a month of schedule, at hardly more requests than for a whole season."""

MAX_RUNTIME = "dagster/max_runtime"
"""The tag by which Dagster ends a run, after so many seconds."""

ASKS_AGAIN = "nba_pipeline/asks_again"
"""The tag of a run about dates that were asked about before: it asks in spans of a month, and not date by date."""

ASKED_FIRST_TAG = "nba_pipeline/asked_first"
"""The tag that names the date about which a run asks first, so that two that are never answered hide no other."""

UNANSWERED = "unanswered"
"""In the failure of a landing, the spans of dates without an answer, and why."""

KEY_REFUSED = "key refused"
"""In the failure of a landing, the name of the setting with the key, where the source refused that."""

FETCHED_AT = "fetched_at"
"""In the materialization of a landing, when the answer was there."""


def landing_asset(
    key: dg.AssetKey, description: str, deps: Sequence[dg.AssetKey] = ()
) -> Callable[..., dg.AssetsDefinition]:
    """Makes the decorated function, which yields what to ask for, a landing asset.

    The function takes the run's dates and the context and returns the questions: a span of dates and how
    to ask about it. A question without an answer fails its dates and not the others.
    """

    def decorate(
        questions: Callable[..., Iterable[tuple[Span, Callable[[date, date], Capture]]]],
    ) -> dg.AssetsDefinition:
        @dg.asset(
            key=key,
            deps=list(deps),
            partitions_def=GAME_DATES,
            backfill_policy=dg.BackfillPolicy.single_run(),
            group_name="phase_1_landing",
            description=description,
            kinds={"json", "balldontlie"},
            owners=OWNERS,
            required_resource_keys={"source", "landing", "clock", "settings", "progress"},
            pool=SOURCE_POOL,
        )
        def asset(context: AssetContext) -> dg.MaterializeResult:
            dates = [to_date(key) for key in context.partition_keys]
            asked = begun_with(context.run.tags.get(ASKED_FIRST_TAG), list(questions(context, dates)))
            with context.resources.source.within(seconds_left(context)):
                captures, failed, setting = ask_all(context, key, asked)
            if failed:
                _report_partial(context, key, captures, failed)
                raise _failure(key, failed, setting)
            return _result(context, key, captures)

        return asset

    return decorate


def begun_with(
    key: str | None, questions: Sequence[tuple[Span, Callable[[date, date], Capture]]]
) -> list[tuple[Span, Callable[[date, date], Capture]]]:
    """The questions in a circle, from the one about the date on; as they are where none is named."""
    place = next((n for n, (span, _) in enumerate(questions) if key and span[0] <= to_date(key) <= span[1]), 0)
    return [*questions[place:], *questions[:place]]


def seconds_left(context: AssetContext) -> float | None:
    """Real seconds until Dagster ends the run for its length; None where nobody gave it one, as in a person's backfill.

    Dagster counts from when the run started, whatever it waited for since.
    """
    limit = context.run.tags.get(MAX_RUNTIME, "")
    if not limit.isdecimal():
        return None
    record = context.instance.get_run_record_by_id(context.run_id)
    began = record.start_time if record is not None else None
    return float(limit) - (time.time() - began if began is not None else 0.0)


def ask_all(
    context: AssetContext,
    key: dg.AssetKey,
    questions: Sequence[tuple[Span, Callable[[date, date], Capture]]],
) -> tuple[dict[Span, Capture], dict[Span, str], str | None]:
    """Asks every question; returns the answers, for the others why there is none, and the setting of a refused key.

    Where the key is refused nothing more is asked: the source says nothing about any date, and so leaves all of them
    unanswered. Raises `Failure` at once when it refuses a question for another reason, which is an answer.
    """
    captures: dict[Span, Capture] = {}
    failed: dict[Span, str] = {}
    setting: str | None = None
    in_a_row = 0
    with context.resources.progress.task("/".join(key.path), len(questions)) as advance:
        for span, ask in questions:
            if setting is not None:
                failed[span] = f"not asked, because {setting} was refused"
                continue
            if in_a_row >= OUTAGE:
                failed[span] = f"not asked, because the source left {OUTAGE} questions in a row unanswered"
                continue
            try:
                captures[span] = ask(*span)
                in_a_row = 0
            except KeyRefused as error:
                context.log.error(str(error))
                failed[span], setting = str(error), error.setting
            except SourceRefused as error:
                raise dg.Failure(description=str(error), allow_retries=False) from error
            except SourceUnavailable as error:
                context.log.error(str(error))
                failed[span] = str(error)
                in_a_row += 1
            advance()
    return captures, failed, setting


def months(dates: Sequence[date]) -> list[Span]:
    """The dates as spans of at most a month, none reaching over a gap."""
    spans: list[Span] = []
    for first, last in contiguous(dates):
        start = first
        while start <= last:
            end = min(last, start + LONGEST_SCHEDULE_REQUEST)
            spans.append((start, end))
            start = end + timedelta(days=1)
    return spans


def box_score_spans(dates: Sequence[date], game_dates: set[date]) -> list[Span]:
    """One span for each date with games, and one for each stretch without, to prove it empty."""
    without = contiguous([day for day in dates if day not in game_dates])
    return sorted([*((day, day) for day in dates if day in game_dates), *without])


@landing_asset(LANDED_GAMES, "The answers to `/games`: schedule and results, exactly as they came.")
def landed_games(context: AssetContext, dates: Sequence[date]) -> list[tuple[Span, Callable[[date, date], Capture]]]:
    """Asks for the games of the dates, a month at a time, and for each game that has left a date by its own id."""
    source = context.resources.source
    landing = context.resources.landing.as_it_is()

    def ask(first: date, last: date) -> Capture:
        capture = source.land_games(first, last, known_games(landing, first, last, context.log.warning))
        for game_id, why in unanswered_games(capture).items():
            context.log.warning(f"Game {game_id} is not listed any more and stays as it stood: {why}")
        return capture

    return [(span, ask) for span in months(dates)]


def known_games(landing: Landing, first: date, last: date, warn: Callable[[str], None]) -> KnownGames:
    """The games that any landed answer had on one of the dates, each as the newest of these answers had it there.

    An answer in which a game cannot be read, or gives way to another, says nothing of it where another answer does.
    Neither does what is damaged; asking again is what repairs it.
    """
    parsed: dict[Capture, Sequence[GameRecord]] = {}
    found: dict[tuple[int, date], GameRecord] = {}
    for day in (first + timedelta(days=n) for n in range((last - first).days + 1)):
        try:
            for capture in landing.captures(GAMES, day):
                if capture not in parsed:
                    parsed[capture] = parse_games(capture).records
                listed = [game for game in parsed[capture] if game.game_date == day]
                # The clear ones last, for they count.
                for game in sorted(listed, key=says_what_it_is):
                    if says_what_it_is(game) or (game.game_id, day) not in found:
                        found[game.game_id, day] = game
        except DamagedLandingError as error:
            warn(str(error))
    return found


def says_what_it_is(game: GameRecord) -> bool:
    """Whether an answer says of a game itself what became of it."""
    return game.status != UNCLEAR and not game.gives_way


@landing_asset(
    LANDED_SEASON_SCHEDULE,
    "The answers to `/games` about a whole season: its schedule as it was known on each day. No table is made of it; "
    "its checks say which games no answer about a date has.",
)
def landed_season_schedule(
    context: AssetContext, dates: Sequence[date]
) -> list[tuple[Span, Callable[[date, date], Capture]]]:
    """Asks once for each season of a run: the source only knows the schedule of now."""
    source = context.resources.source

    def about(season: int) -> Callable[[date, date], Capture]:
        return lambda first, last: source.land_season_games(season, first, last)

    return [(season_bounds(season), about(season)) for season in sorted({season_of(day) for day in dates})]


@landing_asset(
    LANDED_PLAYER_BOX_SCORES,
    "The answers to `/stats`: one item a player and game, exactly as they came.",
    deps=[LANDED_GAMES],
)
def landed_player_box_scores(
    context: AssetContext, dates: Sequence[date]
) -> list[tuple[Span, Callable[[date, date], Capture]]]:
    """Asks for the box scores date by date; days without games are asked about together.

    A run that asks again asks about the dates that were asked about before together too: its answer fills pages that
    a date alone would leave half empty. Tomorrow has none yet and is left out.
    """
    source = context.resources.source
    landing = context.resources.landing.as_it_is()
    played = [day for day in dates if day <= context.resources.clock.today()]
    again = [day for day in played if ASKS_AGAIN in context.run.tags and landing.latest(STATS, day)]
    first_time = [day for day in played if day not in again]
    captures = {capture for day in first_time if (capture := landing.latest(GAMES, day))}
    scheduled = {record.game_date for capture in captures for record in parse_games(capture).records}
    spans = sorted([*box_score_spans(first_time, scheduled), *months(again)])
    return [(span, source.land_stats) for span in spans]


@landing_asset(LANDED_PLAYERS, "The answers to `/players/active`: who is on which roster when we ask.")
def landed_players(context: AssetContext, dates: Sequence[date]) -> list[tuple[Span, Callable[[date, date], Capture]]]:
    """Asks once for a whole run: the source only knows the rosters of now."""
    source = context.resources.source
    return [((dates[0], dates[-1]), source.land_active_players)]


def not_over(context: AssetContext, dates: Sequence[date]) -> list[date]:
    """The dates that are not over. Of the others the source cannot tell what was known then, so nobody asks."""
    chosen = [day for day in dates if day >= context.resources.clock.today()]
    if len(chosen) < len(dates):
        context.log.info(
            f"{len(dates) - len(chosen)} dates are over and were not asked about: the source only knows what is so "
            "now, and nothing that is learned after a game may be taken for known before it."
        )
    return chosen


@landing_asset(LANDED_INJURIES, "The answers to `/player_injuries`: who is listed as injured when we ask.")
def landed_injuries(context: AssetContext, dates: Sequence[date]) -> list[tuple[Span, Callable[[date, date], Capture]]]:
    """Asks once for those dates of a run that are not over: the source only knows the injuries of now."""
    source = context.resources.source
    coming = not_over(context, dates)
    return [((coming[0], coming[-1]), source.land_injuries)] if coming else []


@landing_asset(
    LANDED_PLAYER_PROP_LINES,
    "The answers to `/odds/player_props`: what bookmakers offer on players when we ask, exactly as they came.",
    deps=[LANDED_GAMES],
)
def landed_player_prop_lines(
    context: AssetContext, dates: Sequence[date]
) -> list[tuple[Span, Callable[[date, date], Capture]]]:
    """Asks game by game about the games of the dates that have not tipped off."""
    source = context.resources.source

    def about(game_ids: Sequence[int]) -> Callable[[date, date], Capture]:
        return lambda first, last: source.land_player_prop_lines(first, game_ids)

    coming = {day: games_to_come(context, day) for day in with_lines(context, dates)}
    return [((day, day), about(game_ids)) for day, game_ids in coming.items() if game_ids]


@landing_asset(
    LANDED_GAME_LINES, "The answers to `/odds`: spreads and totals of bookmakers when we ask, exactly as they came."
)
def landed_game_lines(
    context: AssetContext, dates: Sequence[date]
) -> list[tuple[Span, Callable[[date, date], Capture]]]:
    """Asks date by date: the source takes no ranges here."""
    source = context.resources.source
    return [((day, day), lambda first, last: source.land_game_lines(first)) for day in with_lines(context, dates)]


def with_lines(context: AssetContext, dates: Sequence[date]) -> list[date]:
    """The dates to ask for lines about: those that are not over, and none unless the settings say so."""
    if context.resources.settings.lines == "off":
        context.log.info("Nobody was asked for lines: NBA_PIPELINE_LINES is off.")
        return []
    return not_over(context, dates)


def games_to_come(context: AssetContext, day: date) -> list[int]:
    """The games of a date that have not tipped off, by the newest schedule that was landed about it."""
    capture = context.resources.landing.latest(GAMES, day)
    now = context.resources.clock.now()
    games = [game for game in parse_games(capture).records if game.game_date == day] if capture else []
    return [game.game_id for game in games if game.status == "scheduled" and now < tips_off_by(day, game.tipoff_at)]


def _metadata(capture: Capture) -> dict[str, dg.MetadataValue]:
    return {
        "requests": dg.MetadataValue.int(len(capture.pages)),
        FETCHED_AT: dg.MetadataValue.timestamp(capture.fetched_at),
        "fingerprint": dg.MetadataValue.text(capture.fingerprint),
    }


def _covered(span: Span, keys: Sequence[str]) -> list[str]:
    return [key for key in keys if span[0] <= to_date(key) <= span[1]]


def _result(context: AssetContext, key: dg.AssetKey, captures: dict[Span, Capture]) -> dg.MaterializeResult:
    for span, capture in captures.items():
        for partition in _covered(span, context.partition_keys):
            context.add_asset_metadata(_metadata(capture), asset_key=key, partition_key=partition)
    return dg.MaterializeResult(
        metadata={"requests in this run": sum(len(capture.pages) for capture in captures.values())}
    )


def _report_partial(
    context: AssetContext,
    key: dg.AssetKey,
    captures: dict[Span, Capture],
    failed: dict[Span, str],
) -> None:
    unanswered = {partition for span in failed for partition in _covered(span, context.partition_keys)}
    for span, capture in captures.items():
        for partition in _covered(span, context.partition_keys):
            if partition not in unanswered:
                context.log_event(
                    dg.AssetMaterialization(asset_key=key, partition=partition, metadata=_metadata(capture))
                )


def _failure(key: dg.AssetKey, failed: dict[Span, str], setting: str | None) -> dg.Failure:
    (first, last), why = next(iter(failed.items()))
    others = f" (and {len(failed) - 1} more questions)" if len(failed) > 1 else ""
    return dg.Failure(
        description=f"{'/'.join(key.path)}: no answer for {to_key(first)} to {to_key(last)}{others}: {why} "
        f"Next: nba-pipeline backfill --from {to_key(first)} --to {to_key(last)}",
        metadata={
            UNANSWERED: dg.MetadataValue.json({f"{a} to {b}": reason for (a, b), reason in failed.items()}),
            **({KEY_REFUSED: dg.MetadataValue.text(setting)} if setting else {}),
        },
        allow_retries=False,
    )


def dates_between(span: str) -> Span:
    """The first and last date of a span without an answer, as the failure names it."""
    first, last = span.split(" to ")
    return date.fromisoformat(first), date.fromisoformat(last)
