"""The games of a league that faults strike: which, on which date they are listed when, and who is in their rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from nba_pipeline.clock import NEW_YORK, season_of
from nba_pipeline.league.calendar import tip_off
from nba_pipeline.league.faults import (
    CalendarFault,
    FaultError,
    GameFault,
    MissingGameFault,
    MissingPlayersFault,
    MovedGameFault,
    OnePlayerFault,
    PlayerOnBothTeamsFault,
    PostponedGameFault,
    StatCorrectionFault,
    StatValueFault,
    StoppedGameFault,
    StrayGameFault,
    UndecidedGameFault,
    UndecidedTipOffFault,
    WithdrawnGameFault,
    WrongScoreFault,
)
from nba_pipeline.league.model import COUNTS, League

F = TypeVar("F", bound=GameFault)


@dataclass(frozen=True)
class Listing:
    """Where and as what a game stands in the schedule at an instant.

    `status` is a word instead of what the clock says, and None for a game that goes as planned; `score` is what the
    word comes with.
    """

    day: date
    tipoff_at: pd.Timestamp | None
    status: str | None = None
    score: tuple[int, int] = (0, 0)
    teams_known: bool = True


class BrokenGames:
    """The games of a league with the faults that strike them, each with the number of its rule.

    `games` are those of the league on the dates on which they are played in the end, and `unplayed` says which
    never are. Raises `FaultError` for a fault that cannot happen in this league.
    """

    def __init__(self, league: League, faults: Sequence[tuple[int, GameFault]]) -> None:
        self.league = league
        self.games = league.games.copy()
        # The box scores are sorted by game: those of a game lie between two of these.
        self._bounds = np.searchsorted(league.box["game_row"].to_numpy(), np.arange(len(self.games) + 1))
        self.unplayed = np.zeros(len(self.games), dtype=bool)
        self._faults: dict[int, list[GameFault]] = {}
        self.rules: list[tuple[int, int, GameFault]] = []
        self._ranked: dict[int, list[int]] = {}
        for rule, fault in faults:
            for row in self._rows_of(rule, fault):
                self._check(rule, fault, row)
                self._faults.setdefault(row, []).append(fault)
                self.rules.append((rule, row, fault))
                if isinstance(fault, CalendarFault):
                    self._replan(rule, fault, row)
        self.rows = tuple(self._faults)
        self.replanned = tuple(row for row in self.rows if self.of(row, CalendarFault))
        """The games that are listed elsewhere, or not at all, at some instant."""
        self._planned = [self._plan_of(frame) for frame in (league.games, self.games)]

    def of(self, row: int, kind: type[F]) -> list[F]:
        """The faults of a kind that strike a game."""
        return [fault for fault in self._faults.get(row, ()) if isinstance(fault, kind)]

    def lines_of(self, row: int) -> slice:
        """Where the box scores of a game lie."""
        return slice(int(self._bounds[row]), int(self._bounds[row + 1]))

    def box_of(self, row: int) -> pd.DataFrame:
        """The box scores of a game."""
        return self.league.box.iloc[self.lines_of(row)]

    @staticmethod
    def _plan_of(games: pd.DataFrame) -> list[Listing]:
        return [Listing(day, tip) for day, tip in zip(games["game_date"], games["tipoff_at"], strict=True)]

    # Which games

    def _rows_of(self, rule: int, fault: GameFault) -> list[int]:
        if fault.game_id is not None:
            rows = np.flatnonzero(self.league.games["game_id"] == fault.game_id)
        else:
            rows = np.flatnonzero(self.league.games["game_date"] == fault.game_date)[fault.index :]
        if not len(rows):
            named = (
                f"game_id {fault.game_id}" if fault.game_id is not None else f"{fault.game_date}, index {fault.index}"
            )
            raise FaultError(f"rule {rule}: {named} names no game of this league")
        whole = isinstance(fault, UndecidedTipOffFault) and fault.whole_date
        return [int(row) for row in (rows if whole else rows[:1])]

    def _check(self, rule: int, fault: GameFault, row: int) -> None:
        """Refuses what cannot happen in the game."""
        game_id = self.games.at[row, "game_id"]
        named: list[int] = []
        if isinstance(fault, MissingPlayersFault):
            named = fault.player_ids or []
        elif isinstance(fault, OnePlayerFault | StatCorrectionFault):
            named = [] if fault.player_id is None else [fault.player_id]
        if isinstance(fault, MissingPlayersFault | OnePlayerFault | StatCorrectionFault) and self.box_of(row).empty:
            raise FaultError(f"rule {rule}: game {game_id} has no box scores in this league")
        if strangers := sorted(set(named) - set(self.box_of(row)["player_id"])):
            raise FaultError(f"rule {rule}: players {strangers} are not in game {game_id}")
        if isinstance(fault, StatCorrectionFault):
            self._check_correction(rule, fault, row)
        if isinstance(fault, WrongScoreFault):
            right = int(self.games.at[row, f"{fault.side}_score"])
            if fault.served(right) < 0 or fault.served(right) == right:
                raise FaultError(
                    f"rule {rule}: the {fault.side} score of game {game_id} is {right} and cannot be served wrongly as "
                    f"{fault.served(right)}; choose another delta or value"
                )
        if isinstance(fault, StatValueFault) and fault.field in COUNTS:
            right = self._count(row, self.player_of(row, fault), fault.field)
            if fault.value == right:
                raise FaultError(f"rule {rule}: {fault.field} is {right} in game {game_id}; choose another value")
        if isinstance(fault, StrayGameFault) and fault.also_on == self.league.games.at[row, "game_date"]:
            raise FaultError(f"rule {rule}: game {game_id} is no stray on {fault.also_on}, its own date")

    def _check_correction(self, rule: int, fault: StatCorrectionFault, row: int) -> None:
        player = self.corrected_player(row, fault)
        counts = {name: self._count(row, player, name) for name in COUNTS}
        before = uncorrected(counts, fault)
        if not _is_possible(before) or before == counts:
            raise FaultError(
                f"rule {rule}: {fault.field} of player {player} is {counts[fault.field]} in the end and cannot "
                f"have been {before[fault.field]} before the correction; choose another delta, value or player_id"
            )

    # When they are played, and what is known of it

    def _replan(self, rule: int, fault: CalendarFault, row: int) -> None:
        """Puts a game on the date on which it is played in the end, or on none."""
        game = self.league.games.loc[row]
        if len(self.of(row, CalendarFault)) > 1:
            raise FaultError(f"rule {rule}: another rule says already when game {game['game_id']} is played")
        match fault:
            case PostponedGameFault(rescheduled_to=None) | WithdrawnGameFault():
                self.unplayed[row] = True
            case StoppedGameFault():
                self.unplayed[row] = fault.played == 0
            case PostponedGameFault(rescheduled_to=date() as day, rescheduled_at=known, announced_at=announced):
                self._move(rule, row, day, known or announced)
            case MovedGameFault(moved_to=day, announced_at=known):
                self._move(rule, row, day, known)
            case UndecidedGameFault(decided_at=known) if known >= game["tipoff_at"]:
                raise FaultError(f"rule {rule}: game {game['game_id']} tips off before it is decided, at {known}")

    def _move(self, rule: int, row: int, day: date, known: datetime | None) -> None:
        game = self.league.games.loc[row]
        what = f"rule {rule}: game {game['game_id']} of {game['game_date']} cannot be played on {day}"
        tip = tip_off(day, self.league.by_team[game["home_team_id"]].abbreviation, 1)
        if day == game["game_date"]:
            raise FaultError(f"{what}, its own date")
        if season_of(day) != game["season"]:
            raise FaultError(f"{what}, in another season")
        if known is not None and known >= tip:
            raise FaultError(f"{what}: it tips off at {tip}, before anybody knows")
        if busy := self._busy(row, day):
            free = next((d for n in range(1, 300) if not self._busy(row, d := day + timedelta(days=n))), None)
            raise FaultError(f"{what}: {' and '.join(busy)} play another game then; the next free date is {free}")
        self.games.at[row, "game_date"] = day
        self.games.at[row, "tipoff_at"] = pd.Timestamp(tip)

    def _busy(self, row: int, day: date) -> list[str]:
        """Which of a game's teams play another game on a date."""
        sides = ["home_team_id", "visitor_team_id"]
        that_day = self.games[(self.games["game_date"] == day) & ~self.unplayed].drop(index=row, errors="ignore")
        playing = set(that_day[sides].to_numpy().ravel().tolist())
        return sorted(self.league.by_team[team].abbreviation for team in playing & set(self.games.loc[row, sides]))

    def listing(self, row: int, now: datetime) -> Listing | None:
        """Where the game stands in the schedule at the instant; None while it stands nowhere."""
        listing: Listing | None = self._planned[1][row]
        for fault in self.of(row, CalendarFault):
            listing = self._listing_by(fault, row, now)
        for fault in self.of(row, UndecidedTipOffFault):
            if listing is not None and fault.lasts(now):
                listing = replace(listing, tipoff_at=_placeholder(fault, listing.day))
        return listing

    def _listing_by(self, fault: CalendarFault, row: int, now: datetime) -> Listing | None:
        first, last = (plan[row] for plan in self._planned)
        match fault:
            case PostponedGameFault():
                if fault.rescheduled_to is not None and _is_known(fault.rescheduled_at, now):
                    return last
                return replace(first, status="Postponed") if _is_known(fault.announced_at, now) else first
            case MovedGameFault():
                return last if now >= fault.announced_at else first
            case StoppedGameFault() if fault.played == 0 and _is_known(fault.announced_at, now):
                return replace(first, status=fault.status, score=fault.score or (0, 0))
            case WithdrawnGameFault() if fault.withdrawn_at is not None and now >= fault.withdrawn_at:
                return None
            case UndecidedGameFault() if now >= fault.decided_at:
                return last
            case WithdrawnGameFault() | UndecidedGameFault():
                unsettled = replace(first, teams_known=fault.teams_known)
                return replace(unsettled, tipoff_at=None, status="TBD") if fault.listed_as == "TBD" else unsettled
            case _:
                return first

    def absent(self, row: int, source: str, now: datetime) -> bool:
        """Whether a fault hides the game from the answers about `games` or `stats` at the instant."""
        missing = any(source in fault.absent_from and fault.lasts(now) for fault in self.of(row, MissingGameFault))
        return missing or (bool(self.of(row, WithdrawnGameFault)) and self.listing(row, now) is None)

    def strays(self, source: str, now: datetime) -> list[tuple[int, date]]:
        """The games that answers about `games` or `stats` of another date carry at the instant, with that date."""
        return [
            (row, fault.also_on)
            for row in self.rows
            for fault in self.of(row, StrayGameFault)
            if source in fault.carried_by and fault.lasts(now)
        ]

    # Who is in their rows

    def player_of(self, row: int, fault: OnePlayerFault) -> int:
        """Whom a fault is about: the named player, else the one with the most minutes."""
        return fault.player_id if fault.player_id is not None else int(self._by_minutes(row)[0])

    def corrected_player(self, row: int, fault: StatCorrectionFault) -> int:
        """Whom a correction is about: the named player, else the one with the most of the count."""
        if fault.player_id is not None:
            return fault.player_id
        rows = self.box_of(row)
        counted = rows["fgm"] - rows["fg3m"] if fault.field == "fgm" else rows[fault.field]
        return int(rows.iloc[int(counted.to_numpy().argmax())]["player_id"])

    def hidden_players(self, row: int, now: datetime) -> set[int]:
        """Players that a fault leaves out of the game's statistics at the instant."""
        return {
            int(player)
            for fault in self.of(row, MissingPlayersFault)
            if fault.lasts(now)
            for player in fault.player_ids or self._by_minutes(row)[: fault.count]
        }

    def _count(self, row: int, player: int, name: str) -> int:
        rows = self.box_of(row)
        return int(rows.loc[rows["player_id"] == player, name].iloc[0])

    def _by_minutes(self, row: int) -> list[int]:
        if row not in self._ranked:
            rows = self.box_of(row).sort_values("minutes", ascending=False, kind="stable")
            self._ranked[row] = rows["player_id"].tolist()
        return self._ranked[row]

    def second_rows(self) -> list[tuple[PlayerOnBothTeamsFault, dict[str, Any]]]:
        """The rows of players under a team that is not theirs, each with its fault."""
        found = []
        for _, row, fault in self.rules:
            if isinstance(fault, PlayerOnBothTeamsFault):
                rows = self.box_of(row)
                line = rows[rows["player_id"] == self.player_of(row, fault)].iloc[0].to_dict()
                sides = {int(self.games.at[row, f"{side}_team_id"]) for side in ("home", "visitor")}
                line["team_id"] = (sides - {int(line["team_id"])}).pop()
                if fault.counts == "none":
                    line |= dict.fromkeys((*COUNTS, "minutes", "plus_minus"), 0) | {"sat": True}
                found.append((fault, line))
        return found


def _is_known(at: datetime | None, now: datetime) -> bool:
    return at is None or now >= at


def _placeholder(fault: UndecidedTipOffFault, day: date) -> pd.Timestamp | None:
    if fault.shown_as == "nothing":
        return None
    zone = NEW_YORK if fault.shown_as == "midnight_new_york" else UTC
    return pd.Timestamp(datetime.combine(day, time(), zone).astimezone(UTC))


def uncorrected(counts: dict[str, int], fault: StatCorrectionFault) -> dict[str, int]:
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
