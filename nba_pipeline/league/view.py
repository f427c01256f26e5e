"""The league as the API would show it at an instant: what is scheduled, in progress, final, known."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from nba_pipeline.clock import game_date_of
from nba_pipeline.league.calendar import tip_off
from nba_pipeline.league.faults import (
    FaultError,
    GameFault,
    LateFinalFault,
    MissingGameFault,
    MissingPlayersFault,
    PostponedGameFault,
    StatCorrectionFault,
)
from nba_pipeline.league.model import COUNTS, League, Player

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

    `faults` are faults of games, each with the number of its rule. Raises `FaultError` for one that cannot
    happen in this league.
    """

    def __init__(self, league: League, faults: Sequence[tuple[int, GameFault]] = ()) -> None:
        self.league = league
        self.games = league.games.copy()
        self.box = league.box
        # The box scores are sorted by game: those of a game lie between two of these.
        self._bounds = np.searchsorted(self.box["game_row"].to_numpy(), np.arange(len(self.games) + 1))
        self._faults: dict[int, list[GameFault]] = {}
        self._rules: list[tuple[int, int, GameFault]] = []
        for rule, fault in faults:
            row = self._row_of(rule, fault)
            self._check(rule, fault, row)
            self._faults.setdefault(row, []).append(fault)
            self._rules.append((rule, row, fault))
        self._postpone()
        self._team_items = {team.id: {**asdict(team), "full_name": team.full_name} for team in league.teams}
        self._player_items: dict[int, Item] = {}
        self.tipoffs = self.games["tipoff_at"].to_numpy(dtype="datetime64[ns]", na_value=np.datetime64("NaT"))
        self.ordinals = np.array([day.toordinal() for day in self.games["game_date"]])
        self.game_ids = self.games["game_id"].to_numpy()
        self.box_games = self.box["game_row"].to_numpy()
        self.box_players = self.box["player_id"].to_numpy()
        self.box_teams = self.box["team_id"].to_numpy()
        self.seasons = self.games["season"].to_numpy()
        self.postseasons = self.games["postseason"].to_numpy(dtype=bool)
        self._tipoff: list[datetime] = [instant.to_pydatetime() for instant in self.games["tipoff_at"]]
        self._game = {name: self.games[name].tolist() for name in self.games.columns}
        self._row = {name: self.box[name].to_numpy() for name in self.box.columns}

    def _row_of(self, rule: int, fault: GameFault) -> int:
        if fault.game_id is not None:
            rows = np.flatnonzero(self.games["game_id"] == fault.game_id)
        else:
            rows = np.flatnonzero(self.games["game_date"] == fault.game_date)[fault.index :]
        if not len(rows):
            named = (
                f"game_id {fault.game_id}" if fault.game_id is not None else f"{fault.game_date}, index {fault.index}"
            )
            raise FaultError(f"rule {rule}: {named} names no game of this league")
        return int(rows[0])

    def _check(self, rule: int, fault: GameFault, row: int) -> None:
        """Refuses a fault of players who are not in the game, and a correction that no row can have had."""
        rows = self.box.iloc[self._lines_of(row)]
        named: list[int] = []
        if isinstance(fault, MissingPlayersFault):
            named = fault.player_ids or []
        elif isinstance(fault, StatCorrectionFault) and fault.player_id is not None:
            named = [fault.player_id]
        if strangers := sorted(set(named) - set(rows["player_id"])):
            raise FaultError(f"rule {rule}: players {strangers} are not in game {self.games.at[row, 'game_id']}")
        if isinstance(fault, StatCorrectionFault):
            player = self.corrected_player(row, fault)
            counts = {name: int(rows.loc[rows["player_id"] == player, name].iloc[0]) for name in COUNTS}
            before = _uncorrected(counts, fault)
            if not _is_possible(before) or before == counts:
                raise FaultError(
                    f"rule {rule}: {fault.field} of player {player} is {counts[fault.field]} in the end and cannot "
                    f"have been {before[fault.field]} before the correction; choose another delta, value or player_id"
                )

    def _lines_of(self, row: int) -> slice:
        """Where the box scores of a game lie."""
        return slice(int(self._bounds[row]), int(self._bounds[row + 1]))

    def _faults_of(self, row: int, kind: type[GameFault]) -> list[Any]:
        return [fault for fault in self._faults.get(row, ()) if isinstance(fault, kind)]

    def _postpone(self) -> None:
        """Takes postponed games off the days on which they are not played."""
        self.postponed = np.zeros(len(self.games), dtype=bool)
        for row in list(self._faults):
            for fault in self._faults_of(row, PostponedGameFault):
                if fault.rescheduled_to is None:
                    self.postponed[row] = True
                else:
                    home = self.league.by_team[self.games.at[row, "home_team_id"]].abbreviation
                    self.games.at[row, "game_date"] = fault.rescheduled_to
                    self.games.at[row, "tipoff_at"] = pd.Timestamp(tip_off(fault.rescheduled_to, home, 1))

    def rows_of_games(self, game_ids: Sequence[int]) -> list[int]:
        """Where games lie; ids of no game are left out."""
        return [int(row) for row in np.flatnonzero(np.isin(self.game_ids, game_ids))]

    def tipoff(self, row: int) -> datetime:
        """When a game tips off."""
        return self._tipoff[row]

    def absent_rows(self, source: str, now: datetime) -> list[int]:
        """The games that faults hide from the answers about `games` or `stats` at the instant."""
        return [row for row in self._faults if self.absent(row, source, now)]

    def hidden_lines(self) -> list[int]:
        """The box-score rows that faults leave out."""
        return [
            number
            for row in self._faults
            if (hidden := self.hidden_players(row))
            for number in range(*self._lines_of(row).indices(len(self.box)))
            if int(self.box_players[number]) in hidden
        ]

    def absent(self, row: int, source: str, now: datetime) -> bool:
        """Whether a fault hides the game from the answers about `games` or `stats` at the instant."""
        return any(
            source in fault.absent_from and (fault.appears_at is None or now < fault.appears_at)
            for fault in self._faults_of(row, MissingGameFault)
        )

    def shown_faults(self, endpoint: str, now: datetime) -> list[tuple[int, set[date]]]:
        """The rules whose faults change what an endpoint says of their games at the instant, with the games' dates."""
        return [
            (rule, {self.league.games.at[row, "game_date"], self.games.at[row, "game_date"]})
            for rule, row, fault in self._rules
            if endpoint in GAME_ENDPOINTS and self._shows(row, fault, endpoint, now)
        ]

    def _shows(self, row: int, fault: GameFault, endpoint: str, now: datetime) -> bool:
        begun = self.progress(row, now) is not None
        match fault:
            case LateFinalFault():
                return self.progress(row, now) == 1.0 and self.is_late(row, now) is fault
            case StatCorrectionFault():
                return self.shown_progress(row, now) == 1.0 and now < fault.appears_at
            case MissingGameFault():
                # Before tip-off a game has no statistics that could be absent.
                source = "games" if endpoint == "games" else "stats"
                return self.absent(row, source, now) and (begun or source == "games")
            case MissingPlayersFault():
                return begun and endpoint != "games"
            case _:
                return True

    def progress(self, row: int, now: datetime) -> float | None:
        """How much of the game has been played: None before tip-off and when postponed, 1.0 when it is over."""
        if self.postponed[row]:
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
        return next((f for f in self._faults_of(row, LateFinalFault) if now < ended + timedelta(hours=f.hours)), None)

    def shown_progress(self, row: int, now: datetime) -> float | None:
        """How much of the game the numbers show: a late game stands still at nine tenths."""
        progress = self.progress(row, now)
        return LATE_GAME_STANDS_AT if progress == 1.0 and self.is_late(row, now) else progress

    def started(self, now: datetime) -> np.ndarray:
        """Which games have tipped off and so have statistics."""
        instant = np.datetime64(now.astimezone(UTC).replace(tzinfo=None))
        return (self.tipoffs <= instant) & ~self.postponed

    def game(self, row: int, now: datetime, *, teams: bool = True) -> Item:
        """A game as `/games` shows it; with `teams` both teams whole, else their ids."""
        game = {name: values[row] for name, values in self._game.items()}
        status, period, clock, scores = self._state(row, now)
        sides: Item = {}
        for side in ("home", "visitor"):
            team_id = int(game[f"{side}_team_id"])
            sides |= {f"{side}_team": self.team(team_id)} if teams else {f"{side}_team_id": team_id}
        return {
            "id": int(game["game_id"]),
            "date": str(game["game_date"]),
            "season": int(game["season"]),
            "status": status,
            "period": period,
            "time": clock,
            "postseason": bool(game["postseason"]),
            "home_team_score": scores[0],
            "visitor_team_score": scores[1],
            "datetime": _iso(game["tipoff_at"]),
            **sides,
        }

    def _state(self, row: int, now: datetime) -> tuple[str, int, str | None, tuple[int, int]]:
        if self.postponed[row]:
            return "Postponed", 0, None, (0, 0)
        progress = self.shown_progress(row, now)
        if progress is None:
            return _iso(self._game["tipoff_at"][row]), 0, None, (0, 0)
        scores = self.scores(row, now)
        late = self.is_late(row, now)
        if progress == 1.0 or (late and late.served_as == "final_incomplete" and self.progress(row, now) == 1.0):
            return "Final", 4 + int(self._game["overtimes"][row]), "Final", scores
        return *_game_clock(progress, int(self._game["overtimes"][row])), scores

    def scores(self, row: int, now: datetime) -> tuple[int, int]:
        """Both scores as shown: always the sums of the players' points, except of incomplete finals."""
        late = self.is_late(row, now)
        settled = late is None and not self._faults_of(row, StatCorrectionFault)
        if self.progress(row, now) == 1.0 and (settled or (late and late.served_as == "final_incomplete")):
            return int(self._game["home_score"][row]), int(self._game["visitor_score"][row])
        lines = self._lines(row, now)
        home = sum(line["pts"] for line in lines if line["team_id"] == self._game["home_team_id"][row])
        return home, sum(line["pts"] for line in lines) - home

    def _lines(self, row: int, now: datetime) -> list[Item]:
        return [self.line(n, now) for n in range(*self._lines_of(row).indices(len(self.box)))]

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
        for fault in self._faults_of(game_row, StatCorrectionFault):
            if now < fault.appears_at and player_id == self.corrected_player(game_row, fault):
                counts = _uncorrected(counts, fault)
        return counts

    def corrected_player(self, game_row: int, fault: StatCorrectionFault) -> int:
        """Whom a correction is about: the named player, else the one with the most of the count."""
        if fault.player_id is not None:
            return fault.player_id
        rows = self.box.iloc[self._lines_of(game_row)]
        counted = rows["fgm"] - rows["fg3m"] if fault.field == "fgm" else rows[fault.field]
        return int(rows.iloc[int(counted.to_numpy().argmax())]["player_id"])

    def hidden_players(self, game_row: int) -> set[int]:
        """Players that a fault leaves out of the game's statistics."""
        hidden: set[int] = set()
        for fault in self._faults_of(game_row, MissingPlayersFault):
            rows = self.box.iloc[self._lines_of(game_row)].sort_values("minutes", ascending=False, kind="stable")
            hidden |= {int(number) for number in fault.player_ids or rows["player_id"].head(fault.count)}
        return hidden

    def stat(self, number: int, now: datetime, game: Item) -> Item:
        """A box-score row as `/stats` shows it, with its game."""
        line = self.line(number, now)
        return {
            "id": number + 1,
            **api_counts(line),
            "player": {**self._player(line["player_id"]), "team_id": line["team_id"]},
            "team": self.team(line["team_id"]),
            "game": game,
        }

    def box_score(self, row: int, now: datetime) -> Item:
        """A game as `/box_scores` shows it: both teams with their players."""
        game = self.game(row, now)
        hidden = self.hidden_players(row)
        lines = self._lines(row, now) if self.progress(row, now) is not None else []
        for side in ("home", "visitor"):
            players = [
                {**api_counts(line), "player": self._player(line["player_id"])}
                for line in lines
                if line["team_id"] == game[f"{side}_team"]["id"] and line["player_id"] not in hidden
            ]
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
        begun = self.started(now) | ((self.ordinals == today) & ~self.postponed)
        near = begun & (self.ordinals > today - 365)
        rows = self.box[near[self.box_games]]
        latest = rows.drop_duplicates("player_id", keep="last")
        return dict(zip(latest["player_id"].tolist(), latest["team_id"].tolist(), strict=True))

    def known_players(self, now: datetime) -> set[int]:
        """Everyone who was on a roster or in a game by the instant."""
        today = game_date_of(now)
        if self.league.stays:
            return {stay.player_id for stay in self.league.stays if stay.first_day <= today}
        return set(self.box["player_id"][self.started(now)[self.box_games]].tolist())

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
        rows = [row for row in np.flatnonzero(self.ordinals == today) if not self.postponed[row]]
        playing = {player for row in rows for player in self.box_players[self._lines_of(int(row))].tolist()}
        for row in rows:
            if self._tipoff[row] - INJURIES_KNOWN > now:
                continue
            for side in ("home", "visitor"):
                absent |= self._recent_players(self.games.at[row, f"{side}_team_id"], today) - playing
        return sorted(absent)

    def _recent_players(self, team_id: int, before: int) -> set[int]:
        mine = (self.box_teams == team_id) & (self.ordinals < before)[self.box_games] & ~self.postponed[self.box_games]
        recent = np.unique(self.box_games[mine])[-RECENT_GAMES:]
        return set(self.box_players[mine & np.isin(self.box_games, recent)].tolist())


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


def _uncorrected(counts: dict[str, int], fault: StatCorrectionFault) -> dict[str, int]:
    """The counts before a correction. A three that was scored as a two was tried as a two as well."""
    change = fault.change(counts[fault.field])
    before = {**counts, fault.field: counts[fault.field] - change}
    if fault.field == "fg3m":
        before["fg3a"] -= change
    return before


def _is_possible(counts: dict[str, int]) -> bool:
    """Whether a player can have such counts: nothing negative, nothing made that was not tried."""
    twos_made, twos_tried = counts["fgm"] - counts["fg3m"], counts["fga"] - counts["fg3a"]
    shots = ((twos_made, twos_tried), (counts["fg3m"], counts["fg3a"]), (counts["ftm"], counts["fta"]))
    return min(counts.values()) >= 0 and all(0 <= made <= tried for made, tried in shots)


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


def _iso(instant: pd.Timestamp) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
