"""Two bookmakers of the simulated league: they know what the players can do, and err a little, each in his own way.

A line is what a player is expected to do with those known to be out left out, so news moves it; a bookmaker's error
shrinks from the morning to tip-off. Leagues from files have no lines: nobody knows what was offered.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from math import erf, floor, sqrt

import numpy as np

from nba_pipeline.clock import NEW_YORK
from nba_pipeline.league.model import ABILITIES, Prospects
from nba_pipeline.league.simulation import (
    DRESSED,
    FREE_THROWS_A_SHOT,
    HOME_EDGE,
    MINUTES_BY_RANK,
    REGULATION_MINUTES,
    TEAM_SHOTS,
)
from nba_pipeline.league.view import Item, LeagueView

VENDORS = ("draftkings", "betrivers")
OPENS = time(8)
"""When lines on the games of the next date appear, in New York."""

PROPS = {"points": 1.45, "rebounds": 1.15, "assists": 1.15, "threes": 1.05}
"""The stats with lines, and their standard deviation as a multiple of the root of the mean."""

OPENING_ERROR, CLOSING_ERROR = 0.06, 0.03
"""Standard deviations of what a bookmaker's line is off by, as a share: what is gone by tip-off, and what stays."""

SPREAD_ERROR, TOTAL_ERROR = (1.5, 0.7), (3.0, 1.5)
"""The same of games, in points."""

MARGIN_SPREAD = 12.0
"""Standard deviation of a game's margin, in points."""

SHORTEST_MINUTES = 15
"""Nobody offers lines on players who are expected to play less."""

UNUSED_MINUTES = 4.5
"""A rank that brings less is mostly a seat on the bench."""

TAKE = 1.045
"""What the prices of both sides sum to: the bookmaker's share above 1."""


@dataclass(frozen=True)
class Offer:
    """The instant of an offer, and how much of the time from opening to tip-off is left."""

    at: datetime
    left: float


class Bookmakers:
    """The lines on a league's games at an instant."""

    def __init__(self, view: LeagueView) -> None:
        self._view = view
        self._seed = view.league.seed

    def game_lines(self, row: int, now: datetime) -> list[Item]:
        """Spread, total and winner of a game, an item a bookmaker; none before they open or after tip-off."""
        offer = self._offer(row, now)
        if offer is None:
            return []
        home, visitor = (sum(e["points"] for e in self._expected(row, now, side).values()) for side in (0, 1))
        game_id = int(self._view.game_ids[row])
        items = []
        for number, vendor in enumerate(VENDORS):
            spread = _half(home - visitor + self._error(SPREAD_ERROR, offer, game_id, 0, number))
            total = _half(home + visitor + self._error(TOTAL_ERROR, offer, game_id, 1, number))
            wins = _normal(spread / MARGIN_SPREAD)
            items.append(
                {
                    "id": game_id * 10 + number, "game_id": game_id, "vendor": vendor,
                    "spread_home_value": f"{-spread:.1f}", "spread_home_odds": _american(0.5),
                    "spread_away_value": f"{spread:.1f}", "spread_away_odds": _american(0.5),
                    "moneyline_home_odds": _american(wins), "moneyline_away_odds": _american(1 - wins),
                    "total_value": f"{total:.1f}", "total_over_odds": _american(0.5),
                    "total_under_odds": _american(0.5), "updated_at": _iso(offer.at),
                }
            )  # fmt: skip
        return items

    def player_props(self, row: int, now: datetime) -> list[Item]:
        """The lines on the players of a game who are expected to play; none before they open or after tip-off."""
        offer = self._offer(row, now)
        if offer is None:
            return []
        game_id = int(self._view.game_ids[row])
        items = []
        for side in (0, 1):
            for player_id, expected in self._expected(row, now, side).items():
                if expected["minutes"] < SHORTEST_MINUTES:
                    continue
                for stat, prop_type in enumerate(PROPS):
                    for number in range(len(VENDORS)):
                        error = self._error((OPENING_ERROR, CLOSING_ERROR), offer, game_id, 2 + stat, number, player_id)
                        mean = max(0.05, expected[prop_type] * (1 + error))
                        items += _offers(game_id, player_id, stat, number, mean, offer)
        return items

    def _offer(self, row: int, now: datetime) -> Offer | None:
        view, tip = self._view, self._view.tipoff(row)
        day = view.games.at[row, "game_date"]
        opens = datetime.combine(day - timedelta(days=1), OPENS, NEW_YORK)
        known = all(self._prospects(row, side) is not None for side in (0, 1))
        if not known or view.unplayed[row] or not opens <= now < tip:
            return None
        # Prices are looked at once an hour, so that two requests in a minute tell the same.
        at = opens + timedelta(hours=floor((now - opens) / timedelta(hours=1)))
        return Offer(at, (tip - at) / (tip - opens))

    def _prospects(self, row: int, side: int) -> Prospects | None:
        team_id = int(self._view.games.at[row, ("home_team_id", "visitor_team_id")[side]])
        return self._view.league.prospects.get((int(self._view.game_ids[row]), team_id))

    def _expected(self, row: int, now: datetime, side: int) -> dict[int, dict[str, float]]:
        """What each player of a side is expected to do if those known to be out are."""
        prospects = self._prospects(row, side)
        if prospects is None:
            return {}
        out = self._view.known_out(self._view.games.at[row, "game_date"], now)
        return expected_counts(prospects, out, 1 + HOME_EDGE if side == 0 else 1 - HOME_EDGE)

    def _error(self, size: tuple[float, float], offer: Offer, *about: int) -> float:
        """A bookmaker's own error about something, the same whenever it is asked for, and smaller later."""
        passing, staying = np.random.default_rng([self._seed, *about]).normal(0, size)
        return float(passing * offer.left + staying)


def expected_counts(prospects: Prospects, out: set[int], pace: float) -> dict[int, dict[str, float]]:
    """Per player who is not out, what he does in a game on average, if minutes go by rank."""
    available = [n for n, player_id in enumerate(prospects.player_ids) if player_id not in out][:DRESSED]
    shots_a_minute, three_share, two_rate, three_rate, free_rate, rebounds, assists = (
        prospects.abilities[available, n] for n in range(len(ABILITIES))
    )
    by_rank = MINUTES_BY_RANK[: len(available)]
    used = np.where(by_rank < UNUSED_MINUTES, 0.0, by_rank)
    minutes = used / used.sum() * REGULATION_MINUTES
    wanted = shots_a_minute * minutes
    shots = wanted / wanted.sum() * TEAM_SHOTS * pace
    threes = shots * three_share * three_rate
    twos = shots * (1 - three_share) * two_rate
    found = {
        "minutes": minutes,
        "points": 2 * twos + 3 * threes + shots * FREE_THROWS_A_SHOT * free_rate,
        "rebounds": rebounds * minutes * pace,
        "assists": assists * minutes * pace,
        "threes": threes,
    }
    return {
        prospects.player_ids[n]: {name: float(values[place]) for name, values in found.items()}
        for place, n in enumerate(available)
    }


def _offers(game_id: int, player_id: int, stat: int, number: int, mean: float, offer: Offer) -> list[Item]:
    """The over-under line nearest the mean and, of points, a milestone, which pays for reaching a round number."""
    prop_type, spread = list(PROPS.items())[stat]
    line = floor(mean) + 0.5
    deviation = spread * sqrt(mean)
    over = 1 - _normal((line - mean) / deviation)
    market = {"type": "over_under", "over_odds": _american(over), "under_odds": _american(1 - over)}
    offered = [(f"{line:.1f}", market)]
    if prop_type == "points":
        round_number = 5 * (floor(mean / 5) + 1)
        reached = 1 - _normal((round_number - 0.5 - mean) / deviation)
        offered.append((f"{round_number:.1f}", {"type": "milestone", "odds": _american(reached)}))
    return [
        {
            "id": (((game_id * 10_000 + player_id) * 10 + stat) * 10 + number) * 10 + place,
            "game_id": game_id,
            "player_id": player_id,
            "vendor": VENDORS[number],
            "prop_type": prop_type,
            "line_value": value,
            "market": what,
            "updated_at": _iso(offer.at),
        }
        for place, (value, what) in enumerate(offered)
    ]


def _normal(z: float) -> float:
    return (1 + erf(z / sqrt(2))) / 2


def _american(probability: float) -> int:
    """The odds for something of a probability, less the bookmaker's share."""
    price = min(max(probability * TAKE, 0.03), 0.97)
    return -round(100 * price / (1 - price)) if price >= 0.5 else round(100 * (1 - price) / price)


def _half(value: float) -> float:
    return round(value * 2) / 2


def _iso(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z"
