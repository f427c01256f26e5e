"""balldontlie: the client that lands its answers, and the parsing of what was landed."""

import contextlib
import hashlib
import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar

import requests
import tenacity
import urllib3
from requests.auth import AuthBase

from nba_pipeline.clock import Clock, game_date_of
from nba_pipeline.settings import Settings
from nba_pipeline.sources import answers
from nba_pipeline.sources.answers import ListPage, NoPageError
from nba_pipeline.sources.decoration import shown
from nba_pipeline.sources.errors import (
    DamagedLandingError,
    GameRefused,
    KeyRefused,
    SourceRefused,
    SourceUnavailable,
)
from nba_pipeline.sources.landing import Capture, CaptureWriter, Landing, Page
from nba_pipeline.sources.rate_limit import RateLimiter
from nba_pipeline.sources.records import (
    NOT_PLAYED,
    GameLineRecord,
    GameRecord,
    InjuryRecord,
    PlayerRecord,
    PropLineRecord,
    Record,
    StatRecord,
    parse_date,
    reason_of,
)

PER_PAGE = 100
CONNECT_TIMEOUT_SECONDS = 10
CHUNK_BYTES = 65_536
MOST_PAGES = 1000
"""More than a season of box scores to one question means that the source ignores the dates."""

LAST_SECONDS = 20
"""What a run needs at its end to say what it landed: no request is begun so late."""

RETRIED = (408, 425, 429)
"""Refusals of the moment: a time-out, too early, too many. So is everything from 500 on."""

MOST_CHALLENGES = 3
"""Attempts while something in front of the API answers in its place: a firewall lets go soon or not at all."""

MOST_ABOUT_ONE_GAME = 2
"""Attempts for a question about one game: it is asked again with the next look, and leaves its run time for others."""

MOVED = (301, 308)
"""For good, so that asking again gives the same; other redirections may be a page of maintenance."""

UNUSABLE_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)

GAMES, STATS, ACTIVE_PLAYERS = "games", "stats", "players/active"
SEASON_GAMES = "season_games"
"""The answers of `/games` about a whole season. They are kept apart from those about dates, and speak for none."""

INJURIES, GAME_LINES, PROP_LINES = "player_injuries", "odds", "odds/player_props"

LINES = (GAME_LINES, PROP_LINES)
"""What bookmakers say; these are in the second version of the API."""

WHAT_TO_DO = {
    400: "The request is wrong, which is a defect of the pipeline; please report it with this message.",
    401: "Set BALLDONTLIE_API_KEY to a valid key; {needs}.",
    402: "The plan of BALLDONTLIE_API_KEY does not include this; {needs}.",
    403: "BALLDONTLIE_API_KEY is known but may not read this; {needs}.",
    404: "There is no such address; check BALLDONTLIE_API_URL.",
}

OF_THE_KEY = (401, 402, 403)
"""Refusals of the key or its plan, which say nothing about what was asked."""

NEEDS = "box scores and injuries need the all-star plan or better"
LINES_NEED = "lines need the goat plan, and are not asked for with NBA_PIPELINE_LINES=off"

LEFT = "left"
"""In what is noted of an answer about one game: where it stood and is not listed any more."""

UNANSWERED = "unanswered"
"""In what is noted of a question about one game: why nothing usable was said, so that its page is empty."""

OUTAGE = 2
"""After so many questions in a row without an answer, the source is down and the rest is not asked."""

KnownGames = Mapping[tuple[int, date], GameRecord]
"""Games by id and date, as they stood there last."""

NO_GAMES: KnownGames = {}

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
    """The records of a capture, and the items that are none."""

    records: tuple[R, ...]
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True)
class _Answer:
    """What came back; `shortfall` says why the body is incomplete, and is None when it is."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    shortfall: str | None

    @property
    def plain_body(self) -> bytes:
        """The body unpacked, or as it came where that cannot be done: for what is said of a refusal."""
        try:
            return answers.unpacked(self.body, self.headers.get("Content-Encoding"))
        except NoPageError:
            return self.body

    @property
    def as_sent(self) -> dict[str, Any]:
        """How the body was sent, for what is noted of a page whose bytes are not those."""
        sent = {name: self.headers[name] for name in ("Content-Encoding", "Content-Type") if name in self.headers}
        return {**sent, "bytes": len(self.body), "sha256": hashlib.sha256(self.body).hexdigest()}


class _HeaderKey(AuthBase):
    """The key, in the header and nowhere else. As `auth=`, because a `.netrc` overwrites a mere header."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._key
        return request


class _MayHealError(Exception):
    """An attempt failed in a way that another may not.

    `retry_after` is what the source asked for, in seconds; `attempts` how many there may be of this kind, where it
    is fewer than of others; `advice` what a person can do about it.
    """

    def __init__(
        self, message: str, retry_after: float | None = None, *, attempts: float = math.inf, advice: str | None = None
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.attempts = attempts
        self.advice = advice


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
        self._ends_at = math.inf
        self._limiter = RateLimiter(settings.home / "rate-limit", settings.requests_per_minute)

    @contextlib.contextmanager
    def within(self, seconds: float | None) -> Iterator[None]:
        """Begins no wait that would not be over in time, for a run that is ended after the seconds; None is no end.

        A question then ends with `SourceUnavailable`, which says what was tried.
        """
        before = self._ends_at
        self._ends_at = math.inf if seconds is None else time.monotonic() + seconds - LAST_SECONDS
        try:
            yield
        finally:
            self._ends_at = before

    def land_games(self, first: date, last: date, known: KnownGames = NO_GAMES) -> Capture:
        """Lands the games of the dates, schedule and results.

        Of games `known` to have stood on some of the dates, those that the answer does not list there are asked for by
        their own ids, and what the source says of them becomes a part of the answer. Where it says nothing usable of
        one, that is noted, and the game stays as it stood. Raises `SourceRefused` at once or `SourceUnavailable` after
        the last attempt; so do the others.
        """
        self._key()
        writer = self._landing.begin(GAMES, first, last, self._clock.now())
        items = self._pages(writer, GAMES, [*_dates(first, last), ("per_page", str(PER_PAGE))])
        listed = {place for item in items if (place := _place_of(item))}
        left: dict[int, list[Any]] = {}
        for place in sorted(known.keys() - listed):
            left.setdefault(place[0], []).append(known[place].model_dump(mode="json"))
        in_a_row = 0
        for game_id, places in left.items():
            if in_a_row >= OUTAGE:
                why = f"not asked, because the source left {OUTAGE} questions about single games in a row unanswered"
                self._note_unanswered(writer, game_id, places, why)
                continue
            try:
                self._page(writer, f"{GAMES}/{game_id}", [], left=places)
                in_a_row = 0
            except GameRefused as error:
                self._note_unanswered(writer, game_id, places, str(error))
                in_a_row = 0
            except SourceUnavailable as error:
                self._note_unanswered(writer, game_id, places, str(error))
                in_a_row += 1
        return writer.commit()

    def _note_unanswered(self, writer: CaptureWriter, game_id: int, places: Sequence[Any], why: str) -> None:
        """Makes the question about a game a part of the answer, with an empty page: the list counts without it."""
        request = {"method": "GET", "url": self._url(f"{GAMES}/{game_id}"), "params": [], "status": None}
        writer.add_page(b"", {**request, LEFT: places, UNANSWERED: why}, self._clock.now())

    def land_season_games(self, season: int, first: date, last: date) -> Capture:
        """Lands all games that are known now of a season, whose first and last date are given."""
        self._key()
        writer = self._landing.begin(SEASON_GAMES, first, last, self._clock.now())
        self._pages(writer, GAMES, [("seasons[]", str(season)), ("per_page", str(PER_PAGE))])
        return writer.commit()

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

    def _pages(self, writer: CaptureWriter, endpoint: str, question: list[tuple[str, str]]) -> list[Any]:
        """Lands every page of the answer to a question, and returns its items.

        A cursor is whatever the source makes of it. So that the pages come to an end, none may be named twice,
        none behind a page without items, and no page may have the items of another.
        """
        cursor: str | None = None
        following: str | None = None
        cursors: set[str] = set()
        contents: set[str] = set()
        items: list[Any] = []
        for _ in range(MOST_PAGES):
            behind = [] if cursor is None else [("cursor", cursor)]
            page = self._page(writer, endpoint, [*question, *behind])
            following = page.next_cursor
            items += page.items
            if following is None:
                return items
            content = hashlib.sha256(json.dumps(page.items).encode()).hexdigest()
            if not page.items or following in cursors or content in contents:
                break
            cursors.add(following)
            contents.add(content)
            cursor = following
        raise SourceUnavailable(
            f"/{endpoint} {_question(question)} does not come to an end: after {len(cursors) + 1} pages, behind the "
            f"cursor {cursor and shown(cursor)}, it names {shown(following)} as the next. Try again later; nothing of "
            "this answer is used."
        )

    def _page(
        self,
        writer: CaptureWriter,
        endpoint: str,
        params: list[tuple[str, str]],
        left: Sequence[Any] | None = None,
    ) -> ListPage:
        """One page, landed and found to be one, in as many attempts as are allowed.

        With `left` it is about one game, is noted with where that stood, and may say that there is none.
        """
        causes: list[str] = []
        began = time.monotonic()
        most = self._settings.http_attempts if left is None else min(self._settings.http_attempts, MOST_ABOUT_ONE_GAME)
        retrying = tenacity.Retrying(
            stop=lambda state: self._stop(state, most),
            wait=self._wait,
            retry=tenacity.retry_if_exception_type(_MayHealError),
            before_sleep=lambda state: causes.append(str(_error(state))),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(self._attempt, writer, endpoint, params, left)
        except _MayHealError as error:
            causes.append(str(error))
            tried = "; ".join(f"{n}. {cause}" for n, cause in enumerate(causes, start=1))
            times = "once" if len(causes) == 1 else f"{len(causes)} times"
            fewer = len(causes) < min(most, error.attempts)
            out_of_time = (
                " The next wait would outlive the run, which Dagster would end without a reason: it ends here, and the "
                "next tick of the automation goes on."
            )
            advice = error.advice or "When the source answers again, run the same dates again"
            raise SourceUnavailable(
                f"{self._url(endpoint)} {_question(params)} was tried {times} in "
                f"{time.monotonic() - began:.0f} s without a usable answer ({tried}).{out_of_time if fewer else ''} "
                f"{advice}; nothing that was published has changed."
            ) from error

    def _attempt(
        self, writer: CaptureWriter, endpoint: str, params: list[tuple[str, str]], left: Sequence[Any] | None
    ) -> ListPage:
        if not self._limiter.wait(before=self._ends_at):
            raise _MayHealError(
                "not sent: the rate limit leaves no request before the run is ended",
                attempts=1,
                advice="The next tick of the automation goes on",
            )
        fetched_at = self._clock.now()
        answer = self._get(endpoint, params)
        unknown = left is not None and answer.status in (404, 410) and answers.is_json(answer.plain_body)
        if answer.status != 200 and not unknown:
            raise self._not_answered(answer, endpoint, params, about_one_game=left is not None)
        request = {"method": "GET", "url": self._url(endpoint), "params": params, "status": answer.status}
        request |= {} if left is None else {LEFT: left}
        try:
            if answer.shortfall is not None:
                raise NoPageError(answer.shortfall)
            body = answers.unpacked(answer.body, answer.headers.get("Content-Encoding"))
        except NoPageError as error:
            writer.add_rejected(answer.body, {**request, "rejected": str(error)}, fetched_at)
            raise _MayHealError(answer.shortfall or f"a body that is no page: {error}") from error
        body = answers.in_unicode(body, answer.headers.get("Content-Type"))
        noted = request if body == answer.body else {**request, "as_sent": answer.as_sent}
        page = writer.add_page(body, noted, fetched_at)
        try:
            if left is None:
                return answers.list_page(page.body())
            found = answers.single_page(page.body())
            return ListPage([] if found is None else [found], None)
        except NoPageError as error:
            writer.reject_last_page()
            raise _MayHealError(f"a body that is no page: {_without(str(error), self._key())}") from error

    def _not_answered(
        self, answer: _Answer, endpoint: str, params: list[tuple[str, str]], *, about_one_game: bool
    ) -> Exception:
        """What an answer without a page means: another attempt, or a refusal for good, of all or of one game."""
        status, retry_after = answer.status, _retry_after(answer.headers)
        if status in RETRIED or status >= 500:
            return _MayHealError(f"HTTP {status}", retry_after)
        if 200 < status < 300:
            return _MayHealError(f"HTTP {status}, which brings no page", retry_after)
        if status == 403 and not answers.is_json(answer.plain_body):
            body = answer.plain_body
            came = answers.web_page(body) if answers.is_html(body) else f"{len(body)} bytes"
            return _MayHealError(
                f"HTTP 403 with {_without(came, self._key())} instead of the API's JSON",
                retry_after,
                attempts=MOST_CHALLENGES,
                advice="Something in front of the API, such as a firewall, turns this machine away: ask less often "
                "(BALLDONTLIE_REQUESTS_PER_MINUTE), ask from another network, or run the same dates again later",
            )
        if 300 <= status < 400 and status not in MOVED:
            return _MayHealError(
                f"HTTP {status} to {self._target(answer)}",
                retry_after,
                attempts=MOST_CHALLENGES,
                advice="The key is sent to no other address. If the API has moved, set BALLDONTLIE_API_URL; else run "
                "the same dates again later",
            )
        if about_one_game and status not in OF_THE_KEY:
            return GameRefused(
                f"{self._url(endpoint)} was refused with HTTP {status}, which is about this game alone; it is asked "
                "for again with the next look"
            )
        moved = f"The API has moved to {self._target(answer)}; set BALLDONTLIE_API_URL."
        advice = moved if status in MOVED else _what_to_do(status, endpoint)
        said = f"{self._url(endpoint)} {_question(params)} was refused with HTTP {status}. {advice}"
        return KeyRefused(said) if status in OF_THE_KEY else SourceRefused(said)

    def _target(self, answer: _Answer) -> str:
        """Where a redirection points, for people."""
        return _without(shown(answer.headers.get("Location") or "an address that it does not name"), self._key())

    def _get(self, endpoint: str, params: list[tuple[str, str]]) -> _Answer:
        """Status, headers and exact body; the time limit holds for the whole of it, however slowly it drips."""
        key, limit = self._key(), self._time_limit()
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

    def _time_limit(self) -> float:
        """Seconds for one answer: those of the settings, or less where the run is ended before."""
        left = self._ends_at - time.monotonic() + LAST_SECONDS / 2
        return min(self._settings.http_timeout_seconds, max(1.0, left))

    def _key(self) -> str:
        secret = self._settings.balldontlie_api_key
        key = secret.get_secret_value().strip() if secret else ""
        if not key:
            raise KeyRefused(
                "BALLDONTLIE_API_KEY is not set. Set it to your key, or see the pipeline work without one: make demo"
            )
        if not re.fullmatch("[!-~]+", key):
            # Left to the HTTP library, the error would show the key.
            raise KeyRefused("BALLDONTLIE_API_KEY has characters in it that no key has, such as a space; set it again.")
        return key

    def _url(self, endpoint: str) -> str:
        version = "v2" if endpoint in LINES else "v1"
        return f"{self._settings.balldontlie_api_url.rstrip('/')}/{version}/{endpoint}"

    def _stop(self, state: tenacity.RetryCallState, most: float) -> bool:
        """Whether there were attempts enough, or the next wait would outlive the run."""
        error = _error(state)
        most = min(most, error.attempts if isinstance(error, _MayHealError) else math.inf)
        return state.attempt_number >= most or time.monotonic() + state.upcoming_sleep > self._ends_at

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Seconds before the next attempt: what the source asks for, else exponential with full jitter."""
        low, high = self._settings.http_wait_min_seconds, self._settings.http_wait_max_seconds
        error = _error(state)
        if isinstance(error, _MayHealError) and error.retry_after is not None:
            return min(error.retry_after, high)
        ceiling = min(high, low * 2**state.attempt_number)
        return tenacity.wait_random(low, max(low, ceiling))(state)


def _what_to_do(status: int, endpoint: str) -> str:
    advice = WHAT_TO_DO.get(status, "Trying again will not help; see the source's documentation.")
    return advice.format(needs=LINES_NEED if endpoint in LINES else NEEDS)


def _error(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


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
            if len(body) > answers.MOST_BYTES:
                return bytes(body), f"more than {answers.MOST_BYTES // 2**20} MiB, and no end"
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
    """Seconds that the source asks us to wait, given as such or as a date.

    None when it does not say, says what nobody can read, or names no time that is still to come.
    """
    asked = (headers.get("Retry-After") or "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]*)?", asked):
        return float(asked) or None
    try:
        instant = parsedate_to_datetime(asked)
        # A date "-0000" says UTC, and comes without a zone.
        instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        seconds = (instant - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return seconds if seconds > 0 else None


def parse_games(capture: Capture) -> Parsed[GameRecord]:
    """The games of a capture of `/games`, with those that left its dates: moved, or unknown by their ids.

    A game whose item cannot be read is one of them all the same, as `unclear`, where its id and its date can. One that
    was asked for by its id then keeps the state that is noted with the question, as where nothing usable was said. It
    is put off all the same where one of its teams is listed for another game of the date: what is listed counts.
    """
    asked = _asked_by_id(capture)
    # The pages about one game come last.
    pages = capture.pages[: len(capture.pages) - len(asked)]
    listed = _parse(replace(capture, pages=pages), GameRecord.of)
    unclear = (GameRecord.unclear(json.loads(item.raw), item.reason) for item in listed.rejected)
    records, rejected = [*listed.records, *filter(None, unclear)], list(listed.rejected)
    playing = {
        (game.game_date, team): game
        for game in sorted(listed.records, key=lambda game: game.status == "final")
        if game.status not in NOT_PLAYED
        for team in game.teams
    }
    for page, request in asked:
        places = [GameRecord.model_validate(was) for was in request[LEFT]]
        stood = [_unless_listed_otherwise(was, playing) for was in places]
        if UNANSWERED in request:
            records += stood
            continue
        item = _item(page)
        try:
            found = None if item is None else GameRecord.of(item)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            rejected.append(Rejected(page.where, 0, reason_of(error), json.dumps(item)))
            records += stood
            continue
        records += [_as_it_stands(was, found) for was in places]
    records = [record.on(game_date_of(capture.fetched_at)) for record in records]
    return Parsed(tuple(records), tuple(rejected))


def _asked_by_id(capture: Capture) -> list[tuple[Page, dict[str, Any]]]:
    """The pages of a capture of `/games` about one game each, with what was asked."""
    return [
        (page, request)
        for place, page in enumerate(capture.pages)
        if not ((body := page.body()) and answers.is_list(body)) and LEFT in (request := capture.request(place))
    ]


def unanswered_games(capture: Capture) -> dict[int, str]:
    """The games that a capture of `/games` asked for by their ids in vain, and why."""
    found = [request for _, request in _asked_by_id(capture) if UNANSWERED in request]
    return {was["game_id"]: request[UNANSWERED] for request in found for was in request[LEFT]}


def _unless_listed_otherwise(was: GameRecord, playing: Mapping[tuple[date, str], GameRecord]) -> GameRecord:
    """A game that is not listed any more, as it stood; put off where a team of it is listed for another of the date.

    One that was final gives way to none that is not.
    """
    for team in was.teams if was.status not in NOT_PLAYED else ():
        other = playing.get((was.game_date, team))
        if other is not None and (was.status != "final" or other.status == "final"):
            why = f"it is not listed any more, and {team} is listed for game {other.game_id} on this date"
            return was.put_off(why)
    return was


def _as_it_stands(was: GameRecord, found: GameRecord | None) -> GameRecord:
    """A game on a date on which it stood and is not listed any more, by what the source says when asked by its id."""
    if found is None:
        return was.left(was.game_date, None)
    # On the same date, the list was cut short.
    return found if found.game_date == was.game_date else found.left(was.game_date, found.game_date)


def parse_season_games(capture: Capture) -> Parsed[GameRecord]:
    """The games of a capture of `/games` about a whole season."""
    return _parse(capture, GameRecord.of)


def parse_stats(capture: Capture) -> Parsed[StatRecord]:
    """The box-score rows of a capture of `/stats`."""
    return _parse(capture, StatRecord.of)


def parse_active_players(capture: Capture) -> Parsed[PlayerRecord]:
    """The players of a capture of `/players/active`."""
    return _parse(capture, PlayerRecord.of)


def parse_injuries(capture: Capture) -> Parsed[InjuryRecord]:
    """The injured players of a capture of `/player_injuries`."""
    return _parse(capture, InjuryRecord.of)


def parse_game_lines(capture: Capture) -> Parsed[GameLineRecord]:
    """The spreads and totals of a capture of `/odds`."""
    return _parse(capture, GameLineRecord.of)


def parse_player_prop_lines(capture: Capture) -> Parsed[PropLineRecord]:
    """The lines on players of a capture of `/odds/player_props`."""
    return _parse(capture, PropLineRecord.of)


def _parse(capture: Capture, of: Callable[[dict[str, Any]], R]) -> Parsed[R]:
    records: list[R] = []
    rejected: list[Rejected] = []
    for page in capture.pages:
        for index, item in enumerate(_items(page)):
            try:
                if not isinstance(item, dict):
                    raise ValueError("the item is no JSON object")  # noqa: TRY004 - rejected like the others
                records.append(of(item))
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                rejected.append(Rejected(page.where, index, reason_of(error), json.dumps(item)))
    return Parsed(tuple(records), tuple(rejected))


def _place_of(item: Any) -> tuple[int, date] | None:
    """The id and the date of a listed game; None when they cannot be read."""
    try:
        return item["id"], parse_date(item["date"])
    except (KeyError, TypeError, ValueError):
        return None


def _item(page: Page) -> dict[str, Any] | None:
    """The one game of a landed page, None where there is none. Raises `DamagedLandingError` when it is neither."""
    try:
        return answers.single_page(page.body())
    except NoPageError as error:
        raise DamagedLandingError(
            f"{page.where} is no answer about one game: {error}. Move its folder away and fetch the dates again; "
            "nothing was published from it."
        ) from error


def _items(page: Page) -> list[Any]:
    """The items of a landed page. Raises `DamagedLandingError` when it is none any more."""
    try:
        return answers.list_page(page.body()).items
    except NoPageError as error:
        raise DamagedLandingError(
            f"{page.where} is no page of a list: {error}. Move its folder away and fetch the dates again; nothing was "
            "published from it."
        ) from error
