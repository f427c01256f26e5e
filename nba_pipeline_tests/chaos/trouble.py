"""A season of ordinary trouble: what goes wrong at a public source in a season in which nothing is out of the way.

The same league and seed give the same trouble. Every game has one fault at the most, so that what follows from it can
be told.
"""

import gzip
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from nba_pipeline.clock import NEW_YORK
from nba_pipeline.league.model import League

Rule = dict[str, Any]

POSTPONED, MOVED, UNDECIDED, LATE, CORRECTED, NEVER_CORRECTED = 30, 5, 6, 10, 20, 40
"""Games, each of another kind of trouble; of those never corrected, a team each."""

PLACEHOLDER_DAYS = 4
SILENCES = (3, 1, 1)
"""Days on which nothing answers, one after the other."""

CORRECTED_FIELDS = ("ast", "fgm", "dreb", "pf", "ftm")
MADE_UP_FOR_WITHIN = 60
"""Days until a postponed game is played; one that is moved waits three weeks at least."""


def ordinary_trouble(league: League, season: int, seed: int) -> list[Rule]:
    """The faults of a season, as rules of the replay server.

    Raises `ValueError` for a season that has too few games, or too few free dates, for all of them.
    """
    return list(_Season(league, season, seed).rules())


class _Season:
    """What is left to choose from: the games without a fault, and the dates on which teams are free."""

    def __init__(self, league: League, season: int, seed: int) -> None:
        self.rng = random.Random(seed)
        games = league.games[(league.games["season"] == season) & ~league.games["postseason"]]
        with_rows = set(league.box["game_id"])
        self.games = games[games["game_id"].isin(with_rows)].reset_index(drop=True)
        if self.games.empty:
            raise ValueError(f"season {season} has no games with box scores in this league")
        self.first, self.last = self.games["game_date"].min(), self.games["game_date"].max()
        self.busy: dict[int, set[date]] = {}
        for row in games.itertuples():
            for team in (row.home_team_id, row.visitor_team_id):
                self.busy.setdefault(team, set()).add(row.game_date)
        self.left = list(self.games.itertuples())
        self.rng.shuffle(self.left)

    def rules(self) -> Iterator[Rule]:
        silent = self.silences()
        placeholders = self.rng.sample(sorted(set(self.days(self.first, self.last)) - silent), PLACEHOLDER_DAYS)
        self.left = [game for game in self.left if game.game_date not in silent.union(placeholders)]
        yield from self.silent_rules(silent)
        yield from (
            {"kind": "undecided_tip_off", "game_date": str(day), "whole_date": True} for day in sorted(placeholders)
        )
        # The scarcest first: cup games are played in December, and what is made up for needs dates that are left.
        yield from self.of(
            UNDECIDED, self.undecided, lambda game: game.game_date.month == 12 and game.game_date.day < 17
        )
        makes_up = self.last - timedelta(days=MADE_UP_FOR_WITHIN)
        early = lambda game: self.first + timedelta(days=7) < game.game_date < makes_up  # noqa: E731
        yield from self.of(MOVED, self.moved, early)
        yield from self.of(POSTPONED, self.postponed, early)
        settled = lambda game: game.game_date <= self.last - timedelta(days=7)  # noqa: E731
        yield from self.of(LATE, self.late, settled)
        yield from self.of(CORRECTED, self.corrected, settled)
        yield from self.of(NEVER_CORRECTED, self.never_corrected, settled)

    def of(self, count: int, make: Callable[[Any, int], Rule | None], fits: Callable[[Any], bool]) -> Iterator[Rule]:
        """So many rules of a kind, each about a game that fits and has no fault yet."""
        made = 0
        for game in [game for game in self.left if fits(game)]:
            rule = make(game, made)
            if rule is not None:
                self.left.remove(game)
                made += 1
                yield {"game_id": int(game.game_id), **rule}
            if made == count:
                return
        raise ValueError(f"{made} games of {count} could be found for {make.__name__}")

    def days(self, first: date, last: date) -> list[date]:
        return sorted(day for day in set(self.games["game_date"]) if first <= day <= last)

    def silences(self) -> set[date]:
        """Dates in January to March, apart from each other, on which the source says nothing."""
        year = self.last.year
        days = self.days(date(year, 1, 5), date(year, 3, 25))
        found: set[date] = set()
        for length in SILENCES:
            near = {day + timedelta(days=n) for day in found for n in range(-10, 11)}
            begins = self.rng.choice([day for day in days if day not in near])
            found |= {begins + timedelta(days=n) for n in range(length)}
        return found

    def silent_rules(self, silent: set[date]) -> Iterator[Rule]:
        for day in sorted(silent):
            if day - timedelta(days=1) not in silent:
                until = next(later for n in range(1, 9) if (later := day + timedelta(days=n)) not in silent)
                yield {"kind": "silent_days", "since": _at(day, time(0)), "until": _at(until, time(0))}

    def undecided(self, game: Any, number: int) -> Rule:
        decided = game.game_date - timedelta(days=3 + number % 3)
        return {"kind": "undecided_game", "decided_at": _at(decided, time(23, 30)), "teams_known": False}

    def moved(self, game: Any, number: int) -> Rule | None:
        day = self.free_date(game, 21)
        announced = game.game_date - timedelta(days=1 + number % 3)
        return day and {"kind": "moved_game", "moved_to": str(day), "announced_at": _at(announced, time(14))}

    def postponed(self, game: Any, number: int) -> Rule | None:
        day = self.free_date(game, 8)
        return day and {
            "kind": "postponed_game",
            "announced_at": (game.tipoff_at - timedelta(hours=2 + number % 7)).isoformat(),
            "rescheduled_to": str(day),
            "rescheduled_at": _at(game.game_date + timedelta(days=2 + number % 5), time(12)),
        }

    def late(self, game: Any, number: int) -> Rule:
        if number % 2:
            appears = game.game_date + timedelta(days=2)
            return {"kind": "missing_game", "appears_at": _at(appears, time(13))}
        served_as = ("in_progress", "final_incomplete")[number // 2 % 2]
        return {"kind": "late_final", "hours": 20 + 5 * number, "served_as": served_as}

    def corrected(self, game: Any, number: int) -> Rule:
        field = CORRECTED_FIELDS[number % len(CORRECTED_FIELDS)]
        appears = _at(game.game_date + timedelta(days=3), time(12))
        return {"kind": "stat_correction", "field": field, "appears_at": appears}

    def never_corrected(self, game: Any, number: int) -> Rule:
        if number % 2:
            return {"kind": "missing_players", "count": 1}
        return {"kind": "wrong_score", "side": ("home", "visitor")[number // 2 % 2], "delta": 1 + number % 3}

    def free_date(self, game: Any, days_ahead: int) -> date | None:
        """A date on which neither team plays, and from now on both do; None when there is none in time."""
        teams = (game.home_team_id, game.visitor_team_id)
        busy = self.busy[teams[0]] | self.busy[teams[1]]
        days = [game.game_date + timedelta(days=n) for n in range(days_ahead, MADE_UP_FOR_WITHIN)]
        played = set(self.days(self.first, self.last))
        free = [day for day in days if day in played - busy]
        if not free:
            return None
        chosen = self.rng.choice(free)
        for team in teams:
            self.busy[team].add(chosen)
        return chosen


def _at(day: date, clock: time) -> str:
    """The instant of a New York time, as text."""
    return datetime.combine(day, clock, NEW_YORK).astimezone(UTC).isoformat()


def with_real_tip_offs(league: League, schedule: Path) -> League:
    """The league with the tip-offs of a season's schedule file of the NBA, of the games that are in it on their dates.

    Games that came on the schedule later keep the tip-offs that were made up for them.
    """
    with gzip.open(schedule) as file:
        dates = json.load(file)["leagueSchedule"]["gameDates"]
    listed: Sequence[Rule] = [game for day in dates for game in day["games"]]
    # The file's New York times are marked as UTC, and its dates of UTC disagree with its instants.
    known = {
        (int(game["gameId"]), date.fromisoformat(game["gameDateEst"][:10])): pd.Timestamp(game["gameDateTimeUTC"])
        for game in listed
    }
    games = league.games.copy()
    keys = zip(games["game_id"].tolist(), games["game_date"], strict=True)
    tips = [known.get(key, tip) for key, tip in zip(keys, games["tipoff_at"], strict=True)]
    games["tipoff_at"] = pd.to_datetime(tips, utc=True)
    return replace(league, games=games, box=league.box.drop(columns="game_row"))
