"""balldontlie: the client that lands its answers, and the parsing of what was landed."""

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar

import requests
import tenacity
import urllib3
from pydantic import ValidationError
from requests.auth import AuthBase

from nba_pipeline.clock import Clock
from nba_pipeline.settings import Settings
from nba_pipeline.sources.errors import SourceRefused, SourceUnavailable
from nba_pipeline.sources.landing import Capture, CaptureWriter, Landing
from nba_pipeline.sources.rate_limit import RateLimiter
from nba_pipeline.sources.records import (
    Envelope,
    GameLineRecord,
    GameRecord,
    InjuryRecord,
    PlayerRecord,
    PropLineRecord,
    Record,
    StatRecord,
)

PER_PAGE = 100
CONNECT_TIMEOUT_SECONDS = 10
CHUNK_BYTES = 65_536
MOST_PAGES = 1000
"""More than a season of box scores to one question means that the source ignores the dates."""

UNUSABLE_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)

GAMES, STATS, ACTIVE_PLAYERS = "games", "stats", "players/active"
INJURIES, GAME_LINES, PROP_LINES = "player_injuries", "odds", "odds/player_props"

LINES = (GAME_LINES, PROP_LINES)
"""What bookmakers say; these are in the second version of the API."""

KNOWN_FIELDS = {
    GAMES: frozenset(
        [
            "id",
            "date",
            "datetime",
            "season",
            "status",
            "period",
            "time",
            "postseason",
            "home_team_score",
            "visitor_team_score",
            "home_team",
            "visitor_team",
            "home_team_id",
            "visitor_team_id",
        ]
    ),
    STATS: frozenset(
        [
            "id",
            "min",
            "fgm",
            "fga",
            "fg_pct",
            "fg3m",
            "fg3a",
            "fg3_pct",
            "ftm",
            "fta",
            "ft_pct",
            "oreb",
            "dreb",
            "reb",
            "ast",
            "stl",
            "blk",
            "turnover",
            "pf",
            "pts",
            "plus_minus",
            "player",
            "team",
            "game",
        ]
    ),
    ACTIVE_PLAYERS: frozenset(
        [
            "id",
            "first_name",
            "last_name",
            "position",
            "height",
            "weight",
            "jersey_number",
            "college",
            "country",
            "draft_year",
            "draft_round",
            "draft_number",
            "team",
            "team_id",
        ]
    ),
    INJURIES: frozenset(["player", "return_date", "description", "status"]),
    GAME_LINES: frozenset(
        [
            "id",
            "game_id",
            "vendor",
            "spread_home_value",
            "spread_home_odds",
            "spread_away_value",
            "spread_away_odds",
            "moneyline_home_odds",
            "moneyline_away_odds",
            "total_value",
            "total_over_odds",
            "total_under_odds",
            "updated_at",
        ]
    ),
    PROP_LINES: frozenset(["id", "game_id", "player_id", "vendor", "prop_type", "line_value", "market", "updated_at"]),
}

MENDS = {
    400: "The request is wrong, which is a defect of the pipeline; please report it with this message.",
    401: "Set BALLDONTLIE_API_KEY to a valid key; {needs}.",
    402: "The plan of BALLDONTLIE_API_KEY does not include this; {needs}.",
    403: "BALLDONTLIE_API_KEY is known but may not read this; {needs}.",
    404: "There is no such address; check BALLDONTLIE_API_URL.",
}

NEEDS = "box scores and injuries need the all-star plan or better"
LINES_NEED = "lines need the goat plan, and are not asked for with NBA_PIPELINE_LINES=off"

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Rejected:
    """An item that cannot be a record: where it was landed, why, and the item as JSON."""

    page: str
    index: int
    reason: str
    raw: str


@dataclass(frozen=True)
class Parsed(Generic[R]):
    """The records of a capture, the items that are none, and fields that nobody asked for."""

    records: tuple[R, ...]
    rejected: tuple[Rejected, ...]
    unknown_fields: frozenset[str]


@dataclass(frozen=True)
class _Answer:
    """What came back; `shortfall` says why the body is not whole, and is None when it is."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    shortfall: str | None


class _HeaderKey(AuthBase):
    """The key, in the header and nowhere else. As `auth=`, because a `.netrc` overwrites a mere header."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._key
        return request


class _MayHealError(Exception):
    """An attempt failed in a way that another may not; `retry_after` is what the source asked for, in seconds."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BalldontlieClient:
    """Asks balldontlie and lands what it answers. Never parses what it has not landed.

    Requests that may heal are tried again, with growing waits and jitter; the others fail at once. All
    clients of a home share one rate limit.
    """

    def __init__(
        self,
        settings: Settings,
        landing: Landing,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._landing = landing
        self._clock = clock
        self._sleep = sleep
        self._session = requests.Session()
        self._limiter = RateLimiter(settings.home / "rate-limit", settings.requests_per_minute)

    def land_games(self, first: date, last: date) -> Capture:
        """Lands the games of the dates, schedule and results.

        Raises `SourceRefused` at once or `SourceUnavailable` after the last attempt; so do the others.
        """
        return self._land(GAMES, first, last, _dates(first, last))

    def land_stats(self, first: date, last: date) -> Capture:
        """Lands the players' box scores of the dates."""
        return self._land(STATS, first, last, _dates(first, last))

    def land_active_players(self, first: date, last: date) -> Capture:
        """Lands the rosters of now, in the name of the dates that they are wanted for."""
        return self._land(ACTIVE_PLAYERS, first, last, [])

    def land_injuries(self, first: date, last: date) -> Capture:
        """Lands who is listed as injured now, in the name of the dates that it is wanted for."""
        return self._land(INJURIES, first, last, [])

    def land_game_lines(self, day: date) -> Capture:
        """Lands the bookmakers' spreads and totals of a date's games, as they are now."""
        return self._land(GAME_LINES, day, day, _dates(day, day))

    def land_player_prop_lines(self, day: date, game_ids: Sequence[int]) -> Capture:
        """Lands the bookmakers' lines on players of games of a date, as they are now: a question a game.

        Raises `ValueError` without a game to ask about.
        """
        if not game_ids:
            raise ValueError(f"no game of {day} to ask for lines about")
        self._key()
        writer = self._landing.begin(PROP_LINES, day, day, self._clock.now())
        for game_id in game_ids:
            self._pages(writer, PROP_LINES, [("game_id", str(game_id))])
        return writer.commit()

    def _land(self, endpoint: str, first: date, last: date, question: list[tuple[str, str]]) -> Capture:
        self._key()
        writer = self._landing.begin(endpoint, first, last, self._clock.now())
        self._pages(writer, endpoint, [*question, ("per_page", str(PER_PAGE))])
        return writer.commit()

    def _pages(self, writer: CaptureWriter, endpoint: str, question: list[tuple[str, str]]) -> None:
        """Lands every page of the answer to a question."""
        cursor: int | None = None
        following: int | None = None
        for _ in range(MOST_PAGES):
            behind = [] if cursor is None else [("cursor", str(cursor))]
            page = self._page(writer, endpoint, [*question, *behind])
            following = page.meta.next_cursor
            if following is None:
                return
            if not page.data or (cursor is not None and following <= cursor):
                break
            cursor = following
        raise SourceUnavailable(
            f"/{endpoint} {_question(question)} does not come to an end: after the cursor {cursor} it names "
            f"{following} as the next. Try again later; nothing of this answer is used."
        )

    def _page(self, writer: CaptureWriter, endpoint: str, params: list[tuple[str, str]]) -> Envelope:
        """One page, landed and found to be one, in as many attempts as are allowed."""
        causes: list[str] = []
        began = time.monotonic()
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._settings.http_attempts),
            wait=self._wait,
            retry=tenacity.retry_if_exception_type(_MayHealError),
            before_sleep=lambda state: causes.append(_cause(state)),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(self._attempt, writer, endpoint, params)
        except _MayHealError as error:
            tried = "; ".join(f"{n}. {cause}" for n, cause in enumerate([*causes, str(error)], start=1))
            raise SourceUnavailable(
                f"{self._url(endpoint)} {_question(params)} was tried {len(causes) + 1} times in "
                f"{time.monotonic() - began:.0f} s without a usable answer ({tried}). When the source is well "
                "again, run the same dates again; nothing that was published has changed."
            ) from error

    def _attempt(self, writer: CaptureWriter, endpoint: str, params: list[tuple[str, str]]) -> Envelope:
        self._limiter.wait()
        fetched_at = self._clock.now()
        answer = self._get(endpoint, params)
        status = answer.status
        if status == 429 or status >= 500:
            raise _MayHealError(f"HTTP {status}", _retry_after(answer.headers))
        if status != 200:
            raise SourceRefused(
                f"{self._url(endpoint)} {_question(params)} was refused with HTTP {status}. " + _mend(status, endpoint)
            )
        request = {"method": "GET", "url": self._url(endpoint), "params": params, "status": status}
        if answer.shortfall is not None:
            writer.add_rejected(answer.body, {**request, "rejected": answer.shortfall}, fetched_at)
            raise _MayHealError(answer.shortfall)
        page = writer.add_page(answer.body, request, fetched_at)
        try:
            return Envelope.model_validate_json(page.body())
        except ValidationError as error:
            writer.reject_last_page()
            raise _MayHealError(f"a body that is no page: {error.errors()[0]['msg']}") from error

    def _get(self, endpoint: str, params: list[tuple[str, str]]) -> _Answer:
        """Status, headers and exact body; the time limit holds for the whole of it, however slowly it drips."""
        key, limit = self._key(), self._settings.http_timeout_seconds
        deadline = time.monotonic() + limit
        try:
            with self._session.get(
                self._url(endpoint),
                params=params,
                auth=_HeaderKey(key),
                headers={"Accept-Encoding": "identity"},
                timeout=(min(CONNECT_TIMEOUT_SECONDS, limit), limit),
                stream=True,
                allow_redirects=False,
            ) as response:
                body, broken = _read(response.raw, deadline - time.monotonic())
                if time.monotonic() >= deadline:
                    broken = f"{len(body)} bytes in {limit:g} s, and no end"
                shortfall = broken or _missing(response.headers.get("Content-Length"), len(body))
                return _Answer(response.status_code, response.headers, body, shortfall and _without(shortfall, key))
        except UNUSABLE_ADDRESS as error:
            raise SourceRefused(f"{self._url(endpoint)} is no address ({error}). Set BALLDONTLIE_API_URL.") from error
        except requests.RequestException as error:
            raise _MayHealError(f"{type(error).__name__}: {_without(str(error), key)}") from error

    def _key(self) -> str:
        secret = self._settings.balldontlie_api_key
        key = secret.get_secret_value().strip() if secret else ""
        if not key:
            raise SourceRefused(
                "BALLDONTLIE_API_KEY is not set. Set it to your key, or see the pipeline work without one: make demo"
            )
        if not re.fullmatch("[!-~]+", key):
            # Left to the HTTP library, the error would show the key.
            raise SourceRefused(
                "BALLDONTLIE_API_KEY has characters in it that no key has, such as a space; set it again."
            )
        return key

    def _url(self, endpoint: str) -> str:
        version = "v2" if endpoint in LINES else "v1"
        return f"{self._settings.balldontlie_api_url.rstrip('/')}/{version}/{endpoint}"

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Seconds before the next attempt: what the source asks for, else exponential with full jitter."""
        low, high = self._settings.http_wait_min_seconds, self._settings.http_wait_max_seconds
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, _MayHealError) and error.retry_after is not None:
            return min(error.retry_after, high)
        ceiling = min(high, low * 2**state.attempt_number)
        return tenacity.wait_random(low, max(low, ceiling))(state)


def _mend(status: int, endpoint: str) -> str:
    mend = MENDS.get(status, "Trying again will not help; see the source's documentation.")
    return mend.format(needs=LINES_NEED if endpoint in LINES else NEEDS)


def _cause(state: tenacity.RetryCallState) -> str:
    error = state.outcome.exception() if state.outcome else None
    return str(error)


def _read(raw: urllib3.HTTPResponse, seconds: float) -> tuple[bytes, str | None]:
    """The bytes that came within the seconds, and what broke off the rest."""
    body = bytearray()
    # A time-out of the socket starts anew with every byte, so a dripping answer would never meet it.
    watch = threading.Timer(max(0.0, seconds), _hang_up, [raw])
    watch.daemon = True
    watch.start()
    try:
        while chunk := raw.read1(CHUNK_BYTES):
            body += chunk
    except (urllib3.exceptions.HTTPError, OSError) as error:
        return bytes(body), f"{type(error).__name__}: {error}"
    finally:
        watch.cancel()
    return bytes(body), None


def _hang_up(raw: urllib3.HTTPResponse) -> None:
    # These mean that the answer ended by itself in the same moment, and there is nothing to hang up.
    with contextlib.suppress(ValueError, RuntimeError, OSError):
        raw.shutdown()


def _missing(announced: str | None, received: int) -> str | None:
    if announced is not None and announced.isdecimal() and int(announced) != received:
        return f"{received} of {announced} bytes"
    return None


def _dates(first: date, last: date) -> list[tuple[str, str]]:
    if first == last:
        return [("dates[]", str(first))]
    return [("start_date", str(first)), ("end_date", str(last))]


def _question(params: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in params)


def _without(text: str, secret: str) -> str:
    return text.replace(secret, "***") if secret else text


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the source asks us to wait, given as such or as a date; None when it does not say."""
    asked = headers.get("Retry-After")
    if asked is None:
        return None
    if asked.strip().isdigit():
        return float(asked)
    try:
        return max(0.0, (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def parse_games(capture: Capture) -> Parsed[GameRecord]:
    """The games of a capture of `/games`."""
    return _parse(capture, GAMES, GameRecord.of)


def parse_stats(capture: Capture) -> Parsed[StatRecord]:
    """The box-score rows of a capture of `/stats`."""
    return _parse(capture, STATS, StatRecord.of)


def parse_active_players(capture: Capture) -> Parsed[PlayerRecord]:
    """The players of a capture of `/players/active`."""
    return _parse(capture, ACTIVE_PLAYERS, PlayerRecord.of)


def parse_injuries(capture: Capture) -> Parsed[InjuryRecord]:
    """The injured players of a capture of `/player_injuries`."""
    return _parse(capture, INJURIES, InjuryRecord.of)


def parse_game_lines(capture: Capture) -> Parsed[GameLineRecord]:
    """The spreads and totals of a capture of `/odds`."""
    return _parse(capture, GAME_LINES, GameLineRecord.of)


def parse_player_prop_lines(capture: Capture) -> Parsed[PropLineRecord]:
    """The lines on players of a capture of `/odds/player_props`."""
    return _parse(capture, PROP_LINES, PropLineRecord.of)


def _parse(capture: Capture, endpoint: str, of: Callable[[dict[str, Any]], R]) -> Parsed[R]:
    records: list[R] = []
    rejected: list[Rejected] = []
    unknown: set[str] = set()
    for page in capture.pages:
        for index, item in enumerate(Envelope.model_validate_json(page.body()).data):
            try:
                if not isinstance(item, dict):
                    raise ValueError("the item is no JSON object")  # noqa: TRY004 - rejected like the others
                unknown |= item.keys() - KNOWN_FIELDS[endpoint]
                records.append(of(item))
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                rejected.append(Rejected(page.where, index, _reason(error), json.dumps(item)))
    return Parsed(tuple(records), tuple(rejected), frozenset(unknown))


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    if isinstance(error, KeyError):
        return f"the field {error} is missing"
    return str(error)
