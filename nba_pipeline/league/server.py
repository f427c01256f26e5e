"""The replay server: a league behind the balldontlie API, on loopback."""

import socket
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from nba_pipeline.league import wire
from nba_pipeline.league.bookmakers import Bookmakers
from nba_pipeline.league.faults import CursorFault, Fault, FaultBook, FaultError, InjuryWordFault, OddDecorationFault
from nba_pipeline.league.model import League
from nba_pipeline.league.parameters import BadRequestError, Parameters
from nba_pipeline.league.view import Item, LeagueView
from nba_pipeline.settings import REQUESTS_PER_MINUTE, Plan


@dataclass
class LeagueClock:
    """What time it is in the league: an instant that stands until it is moved, or the real time."""

    fixed: datetime | None = None

    def now(self) -> datetime:
        """The instant, in UTC."""
        return (self.fixed or datetime.now(UTC)).astimezone(UTC)


@dataclass
class PlanLimit:
    """At most so many requests a key in any 60 seconds."""

    per_minute: int
    _seen: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def seconds_to_wait(self, key: str) -> float:
        """0 when the request may pass, and is counted; else how long until one may."""
        with self._lock:
            now, seen = time.monotonic(), self._seen[key]
            while seen and seen[0] <= now - 60:
                seen.popleft()
            if len(seen) >= self.per_minute:
                return seen[0] + 60 - now
            seen.append(now)
            return 0.0


class NotFoundError(Exception):
    """There is no such thing."""


class LeagueApi:
    """Answers the API's questions from a view of the league."""

    def __init__(self, view: LeagueView, clock: LeagueClock) -> None:
        self.view = view
        self.clock = clock
        self.bookmakers = Bookmakers(view)

    def teams(self, p: Parameters) -> Item:
        """All teams, or those of a division or conference."""
        teams = [self.view.team(team_id) for team_id in sorted(self.view.league.by_team)]
        wanted = {name: p.text(name) for name in ("division", "conference")}
        for name, value in wanted.items():
            known = sorted({team[name] for team in teams})
            if value is not None and value not in known:
                raise BadRequestError(f"{name} must be one of {', '.join(known)}, not {value!r}")
        return {"data": [t for t in teams if all(v is None or t[n] == v for n, v in wanted.items())]}

    def team(self, team_id: int) -> Item:
        """One team."""
        if team_id not in self.view.league.by_team:
            raise NotFoundError
        return {"data": self.view.team(team_id)}

    def players(self, p: Parameters, *, active: bool = False) -> Item:
        """The players known at the instant; active ones are those on a roster."""
        now = self.clock.now()
        rosters = self.view.rosters(now)
        ids = sorted(rosters) if active else sorted(self.view.known_players(now) | set(rosters))
        chosen = [number for number in ids if self._matches(number, rosters.get(number), p)]
        return _page(p, chosen, chosen, lambda number: self.view.player(number, rosters.get(number)))

    def _matches(self, player_id: int, team_id: int | None, p: Parameters) -> bool:
        player = self.view.league.players[player_id]
        names = {"first_name": player.first_name, "last_name": player.last_name}
        names["search"] = f"{player.first_name} {player.last_name}"
        wanted = {name: p.text(name) for name in names}
        players, teams = p.integers("player_ids[]"), p.integers("team_ids[]")
        return (
            all(text is None or text.lower() in names[name].lower() for name, text in wanted.items())
            and (not players or player_id in players)
            and (not teams or team_id in teams)
        )

    def player(self, player_id: int) -> Item:
        """One player."""
        now = self.clock.now()
        if player_id not in self.view.known_players(now):
            raise NotFoundError
        return {"data": self.view.player(player_id, self.view.rosters(now).get(player_id))}

    def _game_mask(self, p: Parameters, source: str) -> np.ndarray:
        view, now = self.view, self.clock.now()
        mask = _in_dates(p, view.listed_ordinals(now))
        for row, day in view.broken.strays(source, now):
            mask[row] |= bool(_in_dates(p, np.array([day.toordinal()]))[0])
        if seasons := p.integers("seasons[]"):
            mask &= np.isin(view.seasons, seasons)
        if games := p.integers("game_ids[]"):
            mask &= np.isin(view.game_ids, games)
        postseason = p.flag("postseason")
        if postseason is not None:
            mask &= view.postseasons == postseason
        mask[view.absent_rows(source, now)] = False
        return mask

    def games(self, p: Parameters) -> Item:
        """The games that match, by id."""
        mask, now = self._game_mask(p, "games"), self.clock.now()
        if teams := p.integers("team_ids[]"):
            games = self.view.games
            mask &= np.isin(games["home_team_id"], teams) | np.isin(games["visitor_team_id"], teams)
            mask[self.view.teamless_rows(now)] = False
        rows = np.flatnonzero(mask)
        rows = rows[np.argsort(self.view.game_ids[rows])]
        return _page(p, rows, self.view.game_ids[rows], lambda row: self.view.game(row, now))

    def game(self, game_id: int) -> Item:
        """One game."""
        rows = np.flatnonzero(self.view.game_ids == game_id)
        if not len(rows) or self.view.broken.absent(int(rows[0]), "games", self.clock.now()):
            raise NotFoundError
        return {"data": self.view.game(int(rows[0]), self.clock.now())}

    def stats(self, p: Parameters) -> Item:
        """The box-score rows of started games that match, by id."""
        view, now = self.view, self.clock.now()
        games = self._game_mask(p, "stats") & view.started(now)
        mask = games[view.box_games]
        if players := p.integers("player_ids[]"):
            mask &= np.isin(view.box_players, players)
        if teams := p.integers("team_ids[]"):
            mask &= np.isin(view.box_teams, teams)
        mask[view.hidden_lines(now)] = False
        rows = np.flatnonzero(mask)
        cache: dict[int, Item] = {}
        return _page(p, rows, rows + 1, lambda row: self._stat(row, now, cache))

    def _stat(self, number: int, now: datetime, games: dict[int, Item]) -> Item:
        row = int(self.view.box_games[number])
        if row not in games:
            games[row] = self.view.game(row, now, teams=False)
        return self.view.stat(number, now, games[row])

    def box_scores(self, p: Parameters) -> Item:
        """The games of a date with both teams' players; no pages."""
        day = p.day("date")
        if day is None:
            raise BadRequestError("date is required")
        now = self.clock.now()
        mask = self.view.listed_ordinals(now) == day.toordinal()
        mask[[row for row, also_on in self.view.broken.strays("stats", now) if also_on == day]] = True
        mask[self.view.absent_rows("stats", now)] = False
        shown = [int(row) for row in np.flatnonzero(mask)]
        return {"data": [self.view.box_score(row, now) for row in shown]}

    def player_injuries(self, p: Parameters) -> Item:
        """Who is on the injury list at the instant."""
        now = self.clock.now()
        rosters = self.view.rosters(now)
        players, teams = p.integers("player_ids[]"), p.integers("team_ids[]")
        listed = {
            found.player_id: found
            for found in self.view.injuries(now)
            if (not players or found.player_id in players) and (not teams or rosters.get(found.player_id) in teams)
        }
        ids = sorted(listed)

        def item(number: int) -> Item:
            found = listed[number]
            player = {**self.view.player(number, None), "team_id": rosters.get(number)}
            player.pop("team")
            name = self.view.league.players[number].last_name
            return {
                "player": player,
                "return_date": f"{found.returns:%b} {found.returns.day}",
                "description": f"{now:%b} {now.day}: {name} is {found.status.lower()} ({found.why}).",
                "status": found.status,
            }

        return _page(p, ids, ids, item)

    def odds(self, p: Parameters) -> Item:
        """The bookmakers' spreads and totals of games that have not tipped off."""
        named = p.integers("game_ids") + p.integers("game_ids[]")
        if not named and not p.days("dates[]"):
            raise BadRequestError("dates[] or game_ids is required")
        mask = self._game_mask(p, "games")
        if named:
            mask &= np.isin(self.view.game_ids, named)
        now = self.clock.now()
        items = {item["id"]: item for row in np.flatnonzero(mask) for item in self.bookmakers.game_lines(int(row), now)}
        ids = sorted(items)
        return _page(p, ids, ids, lambda number: items[number])

    def player_props(self, p: Parameters) -> Item:
        """The bookmakers' lines on the players of one game that has not tipped off; no pages."""
        named = p.integers("game_id")
        if not named:
            raise BadRequestError("game_id is required")
        now = self.clock.now()
        rows = [row for row in self.view.rows_of_games(named) if not self.view.broken.absent(row, "games", now)]
        items = [item for row in rows for item in self.bookmakers.player_props(row, now)]
        wanted = {"player_id": p.integers("player_id"), "prop_type": [t] if (t := p.text("prop_type")) else []}
        chosen = [item for item in items if all(not values or item[name] in values for name, values in wanted.items())]
        return {"data": chosen, "meta": {"per_page": len(chosen)}}

    def dates_of(self, game_ids: Sequence[int]) -> set[date]:
        """The dates of games."""
        return {self.view.games.at[row, "game_date"] for row in self.view.rows_of_games(game_ids)}


def _in_dates(p: Parameters, ordinals: np.ndarray) -> np.ndarray:
    """Which of the dates, as ordinals, a request asks for: all, when it names none."""
    mask = np.ones(len(ordinals), dtype=bool)
    if dates := p.days("dates[]"):
        mask &= np.isin(ordinals, [day.toordinal() for day in dates])
    if first := p.day("start_date"):
        mask &= ordinals >= first.toordinal()
    if last := p.day("end_date"):
        mask &= ordinals <= last.toordinal()
    return mask


def _dates_of(content: Item) -> set[date]:
    """The game dates of the items in an answer; none for teams, players and what is not found."""
    data = content.get("data", [])
    items = data if isinstance(data, list) else [data]
    texts = (item.get("date") or item.get("game", {}).get("date") for item in items)
    return {date.fromisoformat(text) for text in texts if text}


def _page(
    p: Parameters, keys: Sequence[int] | np.ndarray, ids: Sequence[int] | np.ndarray, item: Callable[[int], Item]
) -> Item:
    """One page of the items whose ids come after the cursor; ids ascend."""
    per_page, cursor = p.per_page(), p.cursor()
    start = 0 if cursor is None else int(np.searchsorted(np.asarray(ids), cursor, side="right"))
    chosen = keys[start : start + per_page]
    meta: Item = {"per_page": per_page}
    if start + per_page < len(keys):
        meta["next_cursor"] = int(ids[start + per_page - 1])
    return {"data": [item(int(key)) for key in chosen], "meta": meta}


def create_app(
    league: League,
    *,
    clock: LeagueClock | None = None,
    faults: Sequence[Fault] = (),
    plan: Plan | None = None,
    log: list[dict[str, Any]] | None = None,
    struck: Counter[int] | None = None,
) -> Starlette:
    """The server as an ASGI application.

    `log` collects path and parameters of every request, and `struck` how many answers each fault changed, by its
    place among the faults. Raises `FaultError`, naming the rule, for a fault that cannot happen in the league.
    """
    book = FaultBook(list(faults), struck)
    view = LeagueView(league, book.game_faults, book.unusual_games)
    _check_players(view.league, book)
    api = LeagueApi(view, clock or LeagueClock())
    limit = PlanLimit(REQUESTS_PER_MINUTE[plan]) if plan else None
    answers: dict[str, Callable[[Parameters], Item]] = {
        "teams": api.teams,
        "players": api.players,
        "players/active": lambda p: api.players(p, active=True),
        "games": api.games,
        "stats": api.stats,
        "box_scores": api.box_scores,
        "player_injuries": api.player_injuries,
    }
    lines = {"odds": ("odds", api.odds), "odds/player_props": ("player_props", api.player_props)}
    singles = {"teams": api.team, "players": api.player, "games": api.game}

    def respond(request: Request, endpoint: str, answer: Callable[[Parameters], Item]) -> Response:
        if log is not None:
            log.append({"path": request.url.path, "params": request.query_params.multi_items()})
        key = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if not key:
            return _error(401, "Unauthorized")
        if limit and (wait := limit.seconds_to_wait(key)):
            return _error(429, "Too many requests, please try again later.", {"Retry-After": str(int(wait) + 1)})
        parameters, now = Parameters(request.query_params.multi_items()), api.clock.now()
        try:
            content, status = _answered(answer, parameters)
            strikes = book.striking(endpoint, now, lambda day: _concerns(api, day, parameters, content))
            if not strikes:
                shown = api.view.shown_faults(endpoint, now)
                book.note({rule for rule, days in shown if any(_concerns(api, d, parameters, content) for d in days)})
            paged = any(isinstance(fault, CursorFault) for fault in strikes)
            return wire.struck(content, strikes, parameters.asked_cursor() if paged else None, status)
        except BadRequestError as error:
            return wire.struck({"error": str(error)}, book.striking(endpoint, now, lambda _: False), status=400)

    def listing(path: str, endpoint: str, answer: Callable[[Parameters], Item]) -> Route:
        return Route(f"/{path}", lambda request: respond(request, endpoint, answer))

    def single(endpoint: str, answer: Callable[[int], Item]) -> Route:
        def one(request: Request) -> Response:
            number = request.path_params["number"]
            return respond(request, endpoint, lambda _: answer(number))

        return Route(f"/{endpoint}/{{number:int}}", one)

    first = [listing(e, e, a) for e, a in answers.items()] + [single(e, a) for e, a in singles.items()]
    second = [listing(path, endpoint, answer) for path, (endpoint, answer) in lines.items()]
    versions = {"v1": first, "v2": second}
    return Starlette(
        routes=[Mount(f"{at}/{name}", routes=routes) for name, routes in versions.items() for at in ("/nba", "")],
        exception_handlers={HTTPException: _http_error},
    )


def _answered(answer: Callable[[Parameters], Item], parameters: Parameters) -> tuple[Item, int]:
    try:
        return answer(parameters), 200
    except NotFoundError:
        return {"error": "Not Found"}, 404


def _check_players(league: League, book: FaultBook) -> None:
    """Refuses a fault about players whom the league does not have."""
    for rule, fault in book.request_faults:
        if isinstance(fault, OddDecorationFault | InjuryWordFault):
            strangers = sorted(set(fault.player_ids or ()) - set(league.players))
            if strangers:
                raise FaultError(f"rule {rule}: players {strangers} are not in this league")


def _concerns(api: LeagueApi, day: date, parameters: Parameters, content: Item) -> bool:
    asked = parameters.asks_about(day)
    if asked is not None:
        return asked
    return day in _dates_of(content) | api.dates_of(parameters.integers("game_id"))


def _http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return _error(error.status_code, error.detail)


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=status, headers=headers)


class LeagueServer:
    """The server in a thread of this process, on loopback; a context manager. For tests and tools.

    `clock.fixed` may be moved while it runs; `requests` has path and parameters of every request so far, and
    `struck` how many answers each of the faults has changed, by its place among them.
    Raises `FaultError` for a fault that cannot happen in the league, `OSError` for a taken port.
    """

    def __init__(
        self,
        league: League,
        *,
        now: datetime | None = None,
        faults: Sequence[Fault] = (),
        plan: Plan | None = None,
        port: int = 0,
    ) -> None:
        self.clock = LeagueClock(now)
        self.requests: list[dict[str, Any]] = []
        self.struck: Counter[int] = Counter()
        self._socket = socket.create_server(("127.0.0.1", port))
        app = create_app(league, clock=self.clock, faults=faults, plan=plan, log=self.requests, struck=self.struck)
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> "LeagueServer":
        """Starts to serve, and returns when it does. Raises `RuntimeError` if it cannot."""
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                self._socket.close()
                raise RuntimeError("the replay server ended before it could answer; its error is on stderr")
            time.sleep(0.005)
        return self

    def __exit__(self, *error: object) -> None:
        """Stops, with open requests cut off."""
        self._server.force_exit = self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()
