"""The league as the API would show it at an instant: what is scheduled, in progress, final, known."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from nba_pipeline.clock import game_date_of
from nba_pipeline.league.broken_games import BrokenGames, Listing, uncorrected
from nba_pipeline.league.faults import (
    GameFault,
    LateFinalFault,
    MissingGameFault,
    MissingPlayersFault,
    MovedGameFault,
    NullPlayerFault,
    OnePlayerFault,
    PostponedGameFault,
    StatCorrectionFault,
    StatValueFault,
    StoppedGameFault,
    StrayGameFault,
    UndecidedGameFault,
    UndecidedTipOffFault,
    UnusualGameFault,
    WrongScoreFault,
)
from nba_pipeline.league.model import COUNTS, League, Player
from nba_pipeline.league.unusual_games import with_unusual_games

GAME_LENGTH = timedelta(hours=2, minutes=25)
INJURIES_KNOWN = timedelta(minutes=30)
RECENT_GAMES = 5
GAME_ENDPOINTS = ("games", "stats", "box_scores")

Item = dict[str, Any]

QUARTERS = ("1st Qtr", "2nd Qtr", "3rd Qtr", "4th Qtr")
QUARTER_MINUTES, OVERTIME_MINUTES = 12, 5
HALFTIME_SHARE = 0.1
"""How much of the time from tip-off to the end is halftime."""

LATE_GAME_STANDS_AT = 0.9


@dataclass(frozen=True)
class Listed:
    """A player on the injury list: how he stands, from when he is expected to play, and why he does not."""

    player_id: int
    status: str
    returns: date
    why: str


class LeagueView:
    """Items of the API, for the instant that each call gives. Nothing later than it shows.

    `faults` are faults of games, each with the number of its rule, and `unusual` games that the source lists among
    those of the league. Raises `FaultError` for one that cannot happen in this league.
    """

    def __init__(
        self,
        league: League,
        faults: Sequence[tuple[int, GameFault]] = (),
        unusual: Sequence[tuple[int, UnusualGameFault]] = (),
    ) -> None:
        self.league, unusual_ids = with_unusual_games(league, unusual)
        self.broken = BrokenGames(self.league, faults)
        self.games, self.unplayed = self.broken.games, self.broken.unplayed
        self.box = self.league.box
        self._team_items = {team.id: {**asdict(team), "full_name": team.full_name} for team in self.league.teams}
        self._player_items: dict[int, Item] = {}
        self.tipoffs = self.games["tipoff_at"].to_numpy(dtype="datetime64[ns]", na_value=np.datetime64("NaT"))
        self.ordinals = np.array([day.toordinal() for day in self.games["game_date"]])
        self.game_ids = self.games["game_id"].to_numpy()
        self.seasons = self.games["season"].to_numpy()
        self.postseasons = self.games["postseason"].to_numpy(dtype=bool)
        self._tipoff: list[datetime] = [instant.to_pydatetime() for instant in self.games["tipoff_at"]]
        self._game = {name: self.games[name].tolist() for name in self.games.columns}
        # Behind the box scores come the rows that faults add: ids follow the order, and stay as they are.
        seconds = self.broken.second_rows()
        self._second = {len(self.box) + n: fault for n, (fault, _) in enumerate(seconds)}
        rows = pd.concat([self.box, pd.DataFrame([line for _, line in seconds])]) if seconds else self.box
        self.box_games, self.box_players, self.box_teams = (
            rows[name].to_numpy() for name in ("game_row", "player_id", "team_id")
        )
        self._row = {name: rows[name].to_numpy() for name in rows.columns}
        places = {game_id: row for row, game_id in enumerate(self.game_ids.tolist())}
        self._unusual = {rule: places[game_id] for rule, game_id in unusual_ids.items()}
        # An all-star team is no roster.
        self._usual = ~np.isin(self.game_ids, list(unusual_ids.values()))

    def rows_of_games(self, game_ids: Sequence[int]) -> list[int]:
        """Where games lie; ids of no game are left out."""
        return [int(row) for row in np.flatnonzero(np.isin(self.game_ids, game_ids))]

    def tipoff(self, row: int) -> datetime:
        """When a game tips off."""
        return self._tipoff[row]

    def listed_ordinals(self, now: datetime) -> np.ndarray:
        """The ordinals of the dates on which the games are listed at the instant."""
        ordinals = self.ordinals.copy()
        for row in self.broken.replanned:
            listing = self.broken.listing(row, now)
            ordinals[row] = self.ordinals[row] if listing is None else listing.day.toordinal()
        return ordinals

    def teamless_rows(self, now: datetime) -> list[int]:
        """The games of which nobody knows at the instant who plays."""
        listings = ((row, self.broken.listing(row, now)) for row in self.broken.replanned)
        return [row for row, listing in listings if listing is not None and not listing.teams_known]

    def absent_rows(self, source: str, now: datetime) -> list[int]:
        """The games that faults hide from the answers about `games` or `stats` at the instant."""
        return [row for row in self.broken.rows if self.broken.absent(row, source, now)]

    def hidden_lines(self, now: datetime) -> list[int]:
        """The box-score rows that are left out at the instant, and the added ones that are not yet there."""
        hidden = [
            number
            for row in self.broken.rows
            if (players := self.broken.hidden_players(row, now))
            for number in range(*self.broken.lines_of(row).indices(len(self.box)))
            if int(self.box_players[number]) in players
        ]
        return [*hidden, *(number for number in self._second if not self._is_added(number, now))]

    def _is_added(self, number: int, now: datetime) -> bool:
        return self._second[number].lasts(now) and self.shown_progress(int(self.box_games[number]), now) == 1.0

    def shown_faults(self, endpoint: str, now: datetime) -> list[tuple[int, set[date]]]:
        """The rules whose faults change what an endpoint says of their games at the instant, with the games' dates."""
        if endpoint not in GAME_ENDPOINTS:
            return []
        shown = [
            (rule, {*self._dates(row), *((fault.also_on,) if isinstance(fault, StrayGameFault) else ())})
            for rule, row, fault in self.broken.rules
            if self._shows(row, fault, endpoint, now)
        ]
        unusual = self._unusual.items()
        begun = [(rule, self._dates(row)) for rule, row in unusual if self.progress(row, now) or endpoint == "games"]
        return [*shown, *begun]

    def _dates(self, row: int) -> set[date]:
        return {self.league.games.at[row, "game_date"], self.games.at[row, "game_date"]}

    def _shows(self, row: int, fault: GameFault, endpoint: str, now: datetime) -> bool:
        begun, over = self.progress(row, now) is not None, self.shown_progress(row, now) == 1.0
        # Before tip-off a game has no statistics that could be wrong.
        source = "games" if endpoint == "games" else "stats"
        match fault:
            case LateFinalFault():
                return self.progress(row, now) == 1.0 and self.is_late(row, now) is fault
            case StatCorrectionFault():
                return over and now < fault.appears_at
            case WrongScoreFault():
                return over and fault.lasts(now)
            case OnePlayerFault():
                return over and fault.lasts(now) and source == "stats"
            case MissingGameFault():
                return self.broken.absent(row, source, now) and (begun or source == "games")
            case MissingPlayersFault():
                return begun and fault.lasts(now) and source == "stats"
            case StrayGameFault():
                return source in fault.carried_by and fault.lasts(now) and (begun or source == "games")
            case UndecidedTipOffFault():
                return fault.lasts(now)
            case MovedGameFault():
                return now >= fault.announced_at
            case PostponedGameFault() | StoppedGameFault(played=0):
                return fault.announced_at is None or now >= fault.announced_at
            case StoppedGameFault():
                return self.stopped(row, now) is fault
            case UndecidedGameFault():
                return now < fault.decided_at
            case _:
                return True

    def progress(self, row: int, now: datetime) -> float | None:
        """How much of the game has been played: None before tip-off and when it never is, 1.0 when it is over."""
        share = self._planned_progress(row, now)
        stop = self.stopped(row, now)
        if stop is not None:
            return stop.played
        for fault in self.broken.of(row, StoppedGameFault):
            if share is not None and fault.resumes_at is not None and share > fault.played:
                return min(fault.played + (now - fault.resumes_at) / GAME_LENGTH, 1.0)
        return share

    def stopped(self, row: int, now: datetime) -> StoppedGameFault | None:
        """The fault that has stopped the begun game at the instant, if there is one."""
        share = self._planned_progress(row, now)
        for fault in self.broken.of(row, StoppedGameFault):
            resumed = fault.resumes_at is not None and now >= fault.resumes_at
            if share is not None and share >= fault.played and not resumed:
                return fault
        return None

    def _planned_progress(self, row: int, now: datetime) -> float | None:
        """How much would have been played if nothing stopped the game."""
        if self.unplayed[row]:
            return None
        elapsed = (now - self._tipoff[row]) / GAME_LENGTH
        if elapsed < 0:
            return None
        minutes = 4 * QUARTER_MINUTES + int(self._game["overtimes"][row]) * OVERTIME_MINUTES
        break_starts = (1 - HALFTIME_SHARE) * 2 * QUARTER_MINUTES / minutes
        playing = elapsed - min(max(elapsed - break_starts, 0.0), HALFTIME_SHARE)
        return min(playing / (1 - HALFTIME_SHARE), 1.0)

    def is_late(self, row: int, now: datetime) -> LateFinalFault | None:
        """The fault that keeps an ended game from being final at the instant, if there is one."""
        ended = self._tipoff[row] + GAME_LENGTH
        return next((f for f in self.broken.of(row, LateFinalFault) if now < ended + timedelta(hours=f.hours)), None)

    def shown_progress(self, row: int, now: datetime) -> float | None:
        """How much of the game the numbers show: a late game stands still at nine tenths."""
        progress = self.progress(row, now)
        return LATE_GAME_STANDS_AT if progress == 1.0 and self.is_late(row, now) else progress

    def started(self, now: datetime) -> np.ndarray:
        """Which games have tipped off and so have statistics."""
        instant = np.datetime64(now.astimezone(UTC).replace(tzinfo=None))
        return (self.tipoffs <= instant) & ~self.unplayed

    def game(self, row: int, now: datetime, *, teams: bool = True) -> Item:
        """A game as `/games` shows it; with `teams` both teams whole, else their ids."""
        game = {name: values[row] for name, values in self._game.items()}
        # Of a game that stands nowhere nobody asks.
        listing = self.broken.listing(row, now) or Listing(game["game_date"], game["tipoff_at"])
        status, period, clock, scores = self._state(row, listing, now)
        sides: Item = {}
        for side in ("home", "visitor"):
            team_id = int(game[f"{side}_team_id"]) if listing.teams_known else None
            whole = {f"{side}_team": None if team_id is None else self.team(team_id)}
            sides |= whole if teams else {f"{side}_team_id": team_id}
        return {
            "id": int(game["game_id"]),
            "date": str(listing.day),
            "season": int(game["season"]),
            "status": status,
            "period": period,
            "time": clock,
            "postseason": bool(game["postseason"]),
            "home_team_score": scores[0],
            "visitor_team_score": scores[1],
            "datetime": _iso(listing.tipoff_at),
            **sides,
        }

    def _state(self, row: int, listing: Listing, now: datetime) -> tuple[str, int, str | None, tuple[int, int]]:
        if listing.status is not None:
            return listing.status, 0, None, listing.score
        progress = self.shown_progress(row, now)
        if progress is None:
            return _iso(listing.tipoff_at) or "TBD", 0, None, (0, 0)
        scores = self.scores(row, now)
        stop = self.stopped(row, now)
        if stop is not None:
            _, period, clock = _game_clock(progress, int(self._game["overtimes"][row]))
            return stop.status, period, clock, stop.score or scores
        late = self.is_late(row, now)
        if progress == 1.0 or (late and late.served_as == "final_incomplete" and self.progress(row, now) == 1.0):
            served = self._served_score(row, scores, now) if progress == 1.0 else scores
            return "Final", 4 + int(self._game["overtimes"][row]), "Final", served
        return *_game_clock(progress, int(self._game["overtimes"][row])), scores

    def _served_score(self, row: int, scores: tuple[int, int], now: datetime) -> tuple[int, int]:
        """The final scores as they are served, right or wrong."""
        for fault in self.broken.of(row, WrongScoreFault):
            if fault.lasts(now) and fault.side == "home":
                scores = fault.served(scores[0]), scores[1]
            elif fault.lasts(now):
                scores = scores[0], fault.served(scores[1])
        return scores

    def scores(self, row: int, now: datetime) -> tuple[int, int]:
        """Both scores that follow from the players' points; those of incomplete finals are the final ones."""
        late = self.is_late(row, now)
        settled = late is None and not self.broken.of(row, StatCorrectionFault)
        if self.progress(row, now) == 1.0 and (settled or (late and late.served_as == "final_incomplete")):
            return int(self._game["home_score"][row]), int(self._game["visitor_score"][row])
        lines = self._lines(row, now)
        home = sum(line["pts"] for line in lines if line["team_id"] == self._game["home_team_id"][row])
        return home, sum(line["pts"] for line in lines) - home

    def _lines(self, row: int, now: datetime) -> list[Item]:
        return [self.line(n, now) for n in range(*self.broken.lines_of(row).indices(len(self.box)))]

    def line(self, number: int, now: datetime) -> Item:
        """The counts of one box-score row as shown at the instant; consistent among themselves."""
        row = {name: values[number] for name, values in self._row.items()}
        game_row = int(row["game_row"])
        progress = self.shown_progress(game_row, now) or 0.0
        counts = _part_of(row, progress)
        if progress == 1.0:
            counts = self._before_corrections(game_row, int(row["player_id"]), counts, now)
        return {
            "player_id": int(row["player_id"]),
            "team_id": int(row["team_id"]),
            "minutes": int(row["minutes"] * progress),
            "sat": bool(row["sat"]),
            "plus_minus": int(row["plus_minus"] * progress),
            **counts,
            "reb": counts["oreb"] + counts["dreb"],
            "pts": 2 * counts["fgm"] + counts["fg3m"] + counts["ftm"],
        }

    def _before_corrections(
        self, game_row: int, player_id: int, counts: dict[str, int], now: datetime
    ) -> dict[str, int]:
        """The counts without what later corrections will add."""
        for fault in self.broken.of(game_row, StatCorrectionFault):
            if now < fault.appears_at and player_id == self.broken.corrected_player(game_row, fault):
                counts = uncorrected(counts, fault)
        return counts

    def stat(self, number: int, now: datetime, game: Item) -> Item:
        """A box-score row as `/stats` shows it, with its game."""
        team_id = int(self.box_teams[number])
        counts, player = self._served_row(number, now)
        served = None if player is None else {**player, "team_id": team_id}
        return {"id": number + 1, **counts, "player": served, "team": self.team(team_id), "game": game}

    def _served_row(self, number: int, now: datetime) -> tuple[Item, Item | None]:
        """The counts and the player of a row as they are served, right or wrong."""
        line, row = self.line(number, now), int(self.box_games[number])
        counts, player = api_counts(line), self._player(line["player_id"])
        if self.shown_progress(row, now) == 1.0:
            struck = [
                fault
                for fault in self.broken.of(row, OnePlayerFault)
                if fault.lasts(now) and self.broken.player_of(row, fault) == line["player_id"]
            ]
            counts |= {fault.field: fault.value for fault in struck if isinstance(fault, StatValueFault)}
            if any(isinstance(fault, NullPlayerFault) for fault in struck):
                return counts, None
        return counts, player

    def box_score(self, row: int, now: datetime) -> Item:
        """A game as `/box_scores` shows it: both teams with their players."""
        game = self.game(row, now)
        # Here, and not of a game in a list, the source describes a text and no null.
        game["time"] = game["time"] or ""
        begun = self.progress(row, now) is not None
        lines = [*range(*self.broken.lines_of(row).indices(len(self.box))), *self._second] if begun else []
        hidden = set(self.hidden_lines(now)) if lines else set()
        for side in ("home", "visitor"):
            if game[f"{side}_team"] is None:
                continue
            players = []
            for number in lines:
                mine = (self.box_games[number], self.box_teams[number]) == (row, game[f"{side}_team"]["id"])
                if mine and number not in hidden:
                    counts, player = self._served_row(number, now)
                    players.append({**counts, "player": player})
            game[f"{side}_team"] = {**game[f"{side}_team"], "players": players}
        return game

    def team(self, team_id: int) -> Item:
        """A team as the API shows it."""
        return self._team_items[team_id]

    def _player(self, player_id: int) -> Item:
        if player_id not in self._player_items:
            player: Player = self.league.players[player_id]
            unknown = dict.fromkeys(("college", "draft_year", "draft_round", "draft_number"))
            self._player_items[player_id] = {**asdict(player), "position": player.position or "", **unknown}
        return self._player_items[player_id]

    def player(self, player_id: int, team_id: int | None) -> Item:
        """A player as `/players` shows him, with his team at the instant."""
        return {**self._player(player_id), "team": None if team_id is None else self.team(team_id)}

    def rosters(self, now: datetime) -> dict[int, int]:
        """Player and team of everyone on a roster at the instant, known from stays or else from games."""
        today = game_date_of(now)
        if self.league.stays:
            return {s.player_id: s.team_id for s in self.league.stays if s.first_day <= today <= s.last_day}
        return self._recent_teams(now)

    def _recent_teams(self, now: datetime) -> dict[int, int]:
        """Where no rosters are known, a proxy: the team of each player's last game, within a year of today.

        Games of today count from midnight, so that who is new to a team is on its roster on the morning of his
        first game, as the real rosters have him.
        """
        today = game_date_of(now).toordinal()
        begun = self.started(now) | ((self.ordinals == today) & ~self.unplayed)
        near = begun & (self.ordinals > today - 365) & self._usual
        rows = self.box[near[self.box_games[: len(self.box)]]]
        latest = rows.drop_duplicates("player_id", keep="last")
        return dict(zip(latest["player_id"].tolist(), latest["team_id"].tolist(), strict=True))

    def known_players(self, now: datetime) -> set[int]:
        """Everyone who was on a roster or in a game by the instant."""
        today = game_date_of(now)
        if self.league.stays:
            return {stay.player_id for stay in self.league.stays if stay.first_day <= today}
        return set(self.box["player_id"][self.started(now)[self.box_games[: len(self.box)]]].tolist())

    def injuries(self, now: datetime) -> list[Listed]:
        """Who is on the injury list at the instant.

        Out are those of whom it is known by then; who was hurt until yesterday is listed as day-to-day. Where
        injuries are not known, a proxy: recent players of a team who will be absent from its game of the day,
        from half an hour before tip-off.
        """
        today = game_date_of(now)
        if not self.league.stays:
            tomorrow = today + timedelta(days=1)
            return [Listed(player, "Out", tomorrow, "not in the line-up") for player in self._absent_today(now)]
        found: dict[int, Listed] = {}
        for injury in self.league.injuries:
            back = injury.last_day + timedelta(days=1)
            if injury.first_day <= today <= injury.last_day and injury.known_from <= now:
                found[injury.player_id] = Listed(injury.player_id, "Out", back, injury.description)
            elif back == today and injury.first_day < injury.last_day:
                found.setdefault(injury.player_id, Listed(injury.player_id, "Day-To-Day", back, injury.description))
        return list(found.values())

    def known_out(self, day: date, now: datetime) -> set[int]:
        """Of whom it is known at the instant that he misses the games of a date; empty where nothing is known."""
        return {
            injury.player_id
            for injury in self.league.injuries
            if injury.first_day <= day <= injury.last_day and injury.known_from <= now
        }

    def _absent_today(self, now: datetime) -> list[int]:
        """Recent players of the teams about to play who play for nobody today: who was traded and plays is well."""
        absent: set[int] = set()
        today = game_date_of(now).toordinal()
        rows = np.flatnonzero((self.ordinals == today) & ~self.unplayed & self._usual)
        playing = {player for row in rows for player in self.box_players[self.broken.lines_of(int(row))].tolist()}
        for row in rows:
            if self._tipoff[row] - INJURIES_KNOWN > now:
                continue
            for side in ("home", "visitor"):
                absent |= self._recent_players(self.games.at[row, f"{side}_team_id"], today) - playing
        return sorted(absent)

    def _recent_players(self, team_id: int, before: int) -> set[int]:
        games, teams, players = (of[: len(self.box)] for of in (self.box_games, self.box_teams, self.box_players))
        played = (self.ordinals < before) & ~self.unplayed & self._usual
        mine = (teams == team_id) & played[games]
        recent = np.unique(games[mine])[-RECENT_GAMES:]
        return set(players[mine & np.isin(games, recent)].tolist())


def _game_clock(progress: float, overtimes: int) -> tuple[str, int, str]:
    """Status, period and time of a game in progress, from the share of it that has been played."""
    # To the millionth of a minute: halftime is an exact 24, which arithmetic on shares misses by a hair.
    played = round(progress * (4 * QUARTER_MINUTES + overtimes * OVERTIME_MINUTES), 6)
    if played == 2 * QUARTER_MINUTES:
        return "Halftime", 2, "Half"
    if played < 4 * QUARTER_MINUTES:
        number, into, length, name = int(played // QUARTER_MINUTES), played % QUARTER_MINUTES, QUARTER_MINUTES, "Q"
        status, period = QUARTERS[number], number + 1
    else:
        number, into = divmod(played - 4 * QUARTER_MINUTES, OVERTIME_MINUTES)
        length, name = OVERTIME_MINUTES, "OT"
        number = int(number)
        status, period = f"OT{number + 1}", number + 5
    seconds = round((length - into) * 60)
    return status, period, f"{name}{number + 1} {seconds // 60}:{seconds % 60:02}"


def _part_of(row: Item, progress: float) -> dict[str, int]:
    """The share of a row's counts that has happened, as whole numbers that never contradict each other."""
    counts = {name: int(row[name] * progress) for name in COUNTS}
    # By kind of shot: rounding the sums instead could show more twos made than tried.
    counts["fgm"] = int((row["fgm"] - row["fg3m"]) * progress) + counts["fg3m"]
    counts["fga"] = int((row["fga"] - row["fg3a"]) * progress) + counts["fg3a"]
    return counts


def api_counts(line: Item) -> Item:
    """The counts of a row under the names of the API, with minutes as text and rates as fractions."""
    played = f"{line['minutes']}" if not line["sat"] else "00"
    return {
        "min": played,
        **{name: line[name] for name in (*COUNTS, "reb", "pts", "plus_minus")},
        "fg_pct": _share(line["fgm"], line["fga"]),
        "fg3_pct": _share(line["fg3m"], line["fg3a"]),
        "ft_pct": _share(line["ftm"], line["fta"]),
    }


def _share(made: int, tried: int) -> float:
    return made / tried if tried else 0.0


def _iso(instant: pd.Timestamp | None) -> str | None:
    return None if instant is None else instant.strftime("%Y-%m-%dT%H:%M:%SZ")
