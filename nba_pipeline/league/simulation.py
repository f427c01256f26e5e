"""A league that behaves: a real calendar's shape, players with roles, form and injuries, trades, overtime.

Everything follows from the seed. Names are invented; cities are real.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from nba_pipeline.league.calendar import pairings, schedule, season_days, tip_off
from nba_pipeline.league.model import COUNTS, Injury, League, Player, Prospects, Stay, Team, points

TEAMS = (
    ("East", "Atlantic", "Boston", "Harbors", "BOS"), ("East", "Atlantic", "Brooklyn", "Bridges", "BKN"),
    ("East", "Atlantic", "New York", "Skylines", "NYK"), ("East", "Atlantic", "Philadelphia", "Bells", "PHI"),
    ("East", "Atlantic", "Toronto", "Northmen", "TOR"), ("East", "Central", "Chicago", "Gales", "CHI"),
    ("East", "Central", "Cleveland", "Forges", "CLE"), ("East", "Central", "Detroit", "Engines", "DET"),
    ("East", "Central", "Indianapolis", "Racers", "IND"), ("East", "Central", "Milwaukee", "Lakemen", "MIL"),
    ("East", "Southeast", "Atlanta", "Phoenixes", "ATL"), ("East", "Southeast", "Charlotte", "Pines", "CHA"),
    ("East", "Southeast", "Miami", "Tides", "MIA"), ("East", "Southeast", "Orlando", "Comets", "ORL"),
    ("East", "Southeast", "Washington", "Monuments", "WAS"), ("West", "Northwest", "Denver", "Summits", "DEN"),
    ("West", "Northwest", "Minneapolis", "Loons", "MIN"), ("West", "Northwest", "Oklahoma City", "Twisters", "OKC"),
    ("West", "Northwest", "Portland", "Ferns", "POR"), ("West", "Northwest", "Salt Lake City", "Arches", "UTA"),
    ("West", "Pacific", "San Francisco", "Fogs", "SFO"), ("West", "Pacific", "Los Angeles", "Palms", "LAX"),
    ("West", "Pacific", "San Diego", "Anchors", "SDG"), ("West", "Pacific", "Phoenix", "Cacti", "PHX"),
    ("West", "Pacific", "Sacramento", "Rivers", "SAC"), ("West", "Southwest", "Dallas", "Lariats", "DAL"),
    ("West", "Southwest", "Houston", "Orbits", "HOU"), ("West", "Southwest", "Memphis", "Blues", "MEM"),
    ("West", "Southwest", "New Orleans", "Brass", "NOP"), ("West", "Southwest", "San Antonio", "Missions", "SAS"),
)  # fmt: skip

FIRST_SYLLABLES = (
    "Ad",
    "Bel",
    "Cor",
    "Da",
    "El",
    "Fen",
    "Gar",
    "Hal",
    "Is",
    "Jo",
    "Ka",
    "Lor",
    "Ma",
    "Ne",
    "Or",
    "Ren",
)
LAST_SYLLABLES = ("van", "rick", "lo", "mar", "sen", "ton", "dley", "wyn", "ric", "bo", "las", "mund", "vere", "quin")
POSITIONS = ("G", "G", "G-F", "F", "F", "F-C", "C")

ROSTER_SIZE = 17
DRESSED = 13
MINUTES_BY_RANK = np.array([35, 33, 31, 28, 24, 20, 17, 14, 11, 8, 5, 3, 2, 1, 1, 1, 1], dtype=float)
REGULATION_MINUTES = 240
TEAM_SHOTS = 89
"""Field goals that a team tries in 48 minutes. Teams take turns with the ball: the players share these."""

TEAM_SHOTS_SPREAD = 2.5
FREE_THROWS_A_SHOT = 0.25
HOT_HAND = 0.2
HOME_EDGE = 0.012
LATE_EQUALISER = 0.4
"""How often a team that trails by one or two is fouled at the end and ties: close games are closer than chance."""
INJURY_RISK = 0.006
MEAN_INJURY_DAYS = 14
RESTED_STAR = 0.06
LATE_NEWS = 0.1
"""How much of the late information of a day comes only 40 minutes before the game."""
TRADES = 20


@dataclass
class Athlete:
    """A player of the simulation: who he is, how good he is, and how he is today."""

    player: Player
    talent: float
    shots_a_minute: float
    three_share: float
    two_rate: float
    three_rate: float
    free_rate: float
    rates: dict[str, float]
    form: float = 0.0
    out_until: date | None = None


@dataclass(frozen=True)
class Fixture:
    """A game on the calendar."""

    game_id: int
    day: date
    tipoff_at: datetime


@dataclass
class LeagueState:
    """What carries over from game to game and from season to season."""

    seed: int
    rng: np.random.Generator
    rosters: dict[int, list[Athlete]]
    since: dict[int, date] = field(default_factory=dict)
    stays: list[Stay] = field(default_factory=list)
    injuries: list[Injury] = field(default_factory=list)
    players: dict[int, Player] = field(default_factory=dict)
    prospects: dict[tuple[int, int], Prospects] = field(default_factory=dict)


def simulate(seed: int, seasons: Sequence[int]) -> League:
    """The league of a seed over the seasons, which are the years in which they start, in order.

    The same seed and seasons give the same league, byte for byte, on every machine.
    """
    teams = tuple(
        Team(number, conference, division, city, name, abbreviation)
        for number, (conference, division, city, name, abbreviation) in enumerate(TEAMS, start=1)
    )
    state = LeagueState(seed, np.random.default_rng(seed), {})
    for team in teams:
        state.rosters[team.id] = [_athlete(state) for _ in range(ROSTER_SIZE)]
    games: list[dict[str, object]] = []
    rows: list[dict[str, object]] = []
    for season in seasons:
        if season != seasons[0]:
            _off_season(state)
        _play_season(season, teams, state, games, rows)
    return League(
        teams, state.players, _frame(games), pd.DataFrame(rows), tuple(state.stays), tuple(state.injuries),
        state.prospects, seed,
    )  # fmt: skip


def _frame(games: list[dict[str, object]]) -> pd.DataFrame:
    frame = pd.DataFrame(games)
    return frame.assign(tipoff_at=pd.to_datetime(frame["tipoff_at"], utc=True))


def _athlete(state: LeagueState) -> Athlete:
    rng = state.rng
    number = len(state.players) + 1
    position = POSITIONS[rng.integers(len(POSITIONS))]
    inches = int(rng.normal({"G": 75, "F": 80, "C": 83}[position[0]], 1.5))
    first, last = (_name(rng) for _ in range(2))
    player = Player(
        id=number, first_name=first, last_name=last, position=position, height=f"{inches // 12}-{inches % 12}",
        weight=str(int(rng.normal(inches * 2.7, 10))), jersey_number=str(rng.integers(0, 100)), country="USA",
    )  # fmt: skip
    state.players[number] = player
    talent = float(rng.gamma(2.0, 0.5))
    big = position.endswith("C")
    per_minute = {
        "oreb": 0.06 if big else 0.022, "dreb": 0.19 if big else 0.1, "ast": 0.16 if position == "G" else 0.07,
        "stl": 0.033, "blk": 0.05 if big else 0.014, "turnover": 0.055, "pf": 0.085,
    }  # fmt: skip
    return Athlete(
        player=player,
        talent=talent,
        shots_a_minute=float(np.clip(0.245 + 0.075 * talent + rng.normal(0, 0.04), 0.15, 0.6)),
        three_share=float(np.clip(rng.normal(0.2 if big else 0.42, 0.12), 0.0, 0.8)),
        two_rate=float(np.clip(rng.normal(0.52 + 0.05 * big + 0.02 * (talent - 1), 0.03), 0.42, 0.68)),
        three_rate=float(np.clip(rng.normal(0.355 + 0.01 * (talent - 1), 0.025), 0.25, 0.43)),
        free_rate=float(np.clip(rng.normal(0.77, 0.07), 0.5, 0.93)),
        rates={name: rate * float(rng.lognormal(0, 0.25)) for name, rate in per_minute.items()},
    )


def _name(rng: np.random.Generator) -> str:
    return FIRST_SYLLABLES[rng.integers(len(FIRST_SYLLABLES))] + LAST_SYLLABLES[rng.integers(len(LAST_SYLLABLES))]


def _off_season(state: LeagueState) -> None:
    """Talents drift, the last three of each team give way to rookies, and a fifth of the players move."""
    for roster in state.rosters.values():
        roster.sort(key=lambda a: -a.talent)
        del roster[-3:]
        roster += [_athlete(state) for _ in range(3)]
        for athlete in roster:
            athlete.talent = float(max(0.05, athlete.talent + state.rng.normal(0, 0.15)))
            athlete.out_until = None
    for _ in range(45):
        _swap(state, None)


def _swap(state: LeagueState, day: date | None) -> None:
    """Two players of two teams change places; with a day, their stays end and begin."""
    one, other = (int(team) for team in state.rng.choice(sorted(state.rosters), size=2, replace=False))
    places = {team: int(state.rng.integers(len(state.rosters[team]))) for team in (one, other)}
    first, second = state.rosters[one][places[one]], state.rosters[other][places[other]]
    state.rosters[one][places[one]], state.rosters[other][places[other]] = second, first
    if day is not None:
        for athlete, left in ((first, one), (second, other)):
            _end_stay(state, athlete, left, day - timedelta(days=1))
            state.since[athlete.player.id] = day


def _end_stay(state: LeagueState, athlete: Athlete, team: int, last_day: date) -> None:
    number = athlete.player.id
    state.stays.append(Stay(number, team, state.since[number], last_day))


def _play_season(
    season: int,
    teams: tuple[Team, ...],
    state: LeagueState,
    games: list[dict[str, object]],
    rows: list[dict[str, object]],
) -> None:
    opening, closing = date(season, 8, 1), date(season + 1, 7, 31)
    for roster in state.rosters.values():
        state.since |= {athlete.player.id: opening for athlete in roster}
    divisions = [list(range(n, n + 5)) for n in range(0, 30, 5)]
    # The calendar draws from a stream of its own: no change to how games are played can move a game.
    planned = schedule(pairings(divisions), season_days(season), np.random.default_rng([state.seed, season]))
    trades = _trade_days(season, state.rng)
    number, today = 0, planned[0][0]
    for serial, (day, home, away) in enumerate(planned, start=1):
        if day != today:
            number, today = 0, day
        while trades and trades[0] <= day:
            _swap(state, trades.pop(0))
        number += 1
        sides = (teams[home].id, teams[away].id)
        game_id = (season % 100) * 10_000 + serial
        tip = tip_off(day, teams[home].abbreviation, number)
        scores, overtimes, played = _play(Fixture(game_id, day, tip), sides, state)
        games.append(
            {
                "game_id": game_id, "game_date": day, "season": season, "postseason": False,
                "tipoff_at": tip, "overtimes": overtimes,
                "home_team_id": sides[0], "visitor_team_id": sides[1],
                "home_score": scores[0], "visitor_score": scores[1],
            }
        )  # fmt: skip
        rows += [{"game_id": game_id, **row} for row in played]
    for team, roster in state.rosters.items():
        for athlete in roster:
            _end_stay(state, athlete, team, closing)


def _trade_days(season: int, rng: np.random.Generator) -> list[date]:
    """Most trades come in the week before the deadline in February, some through the season."""
    deadline = date(season + 1, 2, 6)
    near = [deadline - timedelta(days=int(n)) for n in rng.integers(0, 7, TRADES - 6)]
    far = [date(season, 11, 20) + timedelta(days=int(n)) for n in rng.integers(0, 70, 6)]
    return sorted(near + far)


def _play(
    fixture: Fixture, sides: tuple[int, int], state: LeagueState
) -> tuple[tuple[int, int], int, list[dict[str, object]]]:
    """One game: both scores, the overtimes, and a row a dressed player."""
    dressed = [_dressed(fixture, team, state) for team in sides]
    pace = float(state.rng.normal(1.0, 0.05))
    paces = (pace * (1 + HOME_EDGE), pace * (1 - HOME_EDGE))
    boxes = [_regulation(athletes, paces[n], state) for n, athletes in enumerate(dressed)]
    _equalise(boxes, state.rng)
    overtimes = 0
    while (scores := tuple(int(points(box).sum()) for box in boxes))[0] == scores[1]:
        overtimes += 1
        for athletes, box in zip(dressed, boxes, strict=True):
            _overtime(athletes, box, pace, state)
    rows: list[dict[str, object]] = []
    for n, (team, athletes, box) in enumerate(zip(sides, dressed, boxes, strict=True)):
        margin = scores[n] - scores[1 - n]
        share = box["minutes"] / (48 + 5 * overtimes)
        plus_minus = np.rint(margin * share + state.rng.normal(0, 5, len(athletes)) * (box["minutes"] > 0))
        for i, athlete in enumerate(athletes):
            rows.append(
                {
                    "player_id": athlete.player.id, "team_id": team, "minutes": int(box["minutes"][i]),
                    "sat": bool(box["minutes"][i] == 0), "plus_minus": int(plus_minus[i]),
                    **{name: int(box[name][i]) for name in COUNTS},
                }
            )  # fmt: skip
    return (scores[0], scores[1]), overtimes, rows


def _equalise(boxes: list[dict[str, np.ndarray]], rng: np.random.Generator) -> None:
    margin = int(points(boxes[0]).sum() - points(boxes[1]).sum())
    if abs(margin) in (1, 2) and rng.random() < LATE_EQUALISER:
        trailing = boxes[1] if margin > 0 else boxes[0]
        for name in ("fta", "ftm"):
            trailing[name][int(np.argmax(trailing["minutes"]))] += abs(margin)


def _dressed(fixture: Fixture, team: int, state: LeagueState) -> list[Athlete]:
    """The thirteen best who are fit, best first. New injuries and rest happen here, and form moves on."""
    rng, day = state.rng, fixture.day
    for athlete in state.rosters[team]:
        athlete.form = 0.85 * athlete.form + float(rng.normal(0, 0.07))
        if athlete.out_until is not None and athlete.out_until < day:
            athlete.out_until = None
        if athlete.out_until is None and rng.random() < INJURY_RISK:
            last_day = day + timedelta(days=1 + int(rng.geometric(1 / MEAN_INJURY_DAYS)))
            athlete.out_until = last_day
            part = ("ankle", "knee", "hamstring", "back", "wrist")[rng.integers(5)]
            known_from = _known_from(athlete, fixture, state)
            state.injuries.append(Injury(athlete.player.id, day, last_day, f"sore {part}", known_from))
    fit = [athlete for athlete in state.rosters[team] if athlete.out_until is None]
    fit.sort(key=lambda a: -a.talent)
    state.prospects[fixture.game_id, team] = _prospects(sorted(state.rosters[team], key=lambda a: -a.talent))
    if rng.random() < RESTED_STAR and len(fit) > DRESSED:
        star = fit.pop(int(rng.integers(2)))
        state.injuries.append(Injury(star.player.id, day, day, "rest", _known_from(star, fixture, state)))
    return fit[:DRESSED]


def _known_from(athlete: Athlete, fixture: Fixture, state: LeagueState) -> datetime:
    """When it becomes known that a player will miss a game, which nobody knew the day before.

    Mostly hours before it, now and then only just before. Drawn from a stream of its own, so that no change to
    what becomes known can change how games are played.
    """
    rng = np.random.default_rng([state.seed, athlete.player.id, fixture.day.toordinal()])
    minutes = 40 if rng.random() < LATE_NEWS else int(rng.uniform(120, 480))
    return fixture.tipoff_at - timedelta(minutes=minutes)


def _prospects(athletes: list[Athlete]) -> Prospects:
    abilities = [
        (
            a.shots_a_minute * _form(a), a.three_share, a.two_rate, a.three_rate, a.free_rate,
            a.rates["oreb"] + a.rates["dreb"], a.rates["ast"],
        )
        for a in athletes
    ]  # fmt: skip
    return Prospects(tuple(a.player.id for a in athletes), np.array(abilities))


def _form(athlete: Athlete) -> float:
    return float(np.clip(1 + athlete.form, 0.4, 1.6))


def _minutes(count: int, rng: np.random.Generator) -> np.ndarray:
    """Whole minutes that sum to 240, by rank with noise; the last of the bench mostly sit."""
    wanted = MINUTES_BY_RANK[:count] * rng.lognormal(0, 0.13, count)
    wanted[wanted < rng.uniform(2, 7)] = 0.0
    wanted[:8] = np.maximum(wanted[:8], 5.0)
    exact = wanted / wanted.sum() * REGULATION_MINUTES
    while (exact > 46).any():
        exact = np.minimum(exact, 46)
        room = exact < 46
        exact[room] *= (REGULATION_MINUTES - exact[~room].sum()) / exact[room].sum()
    whole = np.floor(exact).astype(int)
    short = REGULATION_MINUTES - whole.sum()
    whole[np.argsort(-(exact - whole), kind="stable")[:short]] += 1
    return whole


def _regulation(athletes: list[Athlete], pace: float, state: LeagueState) -> dict[str, np.ndarray]:
    minutes = _minutes(len(athletes), state.rng)
    box = {name: np.zeros(len(athletes), dtype=int) for name in COUNTS} | {"minutes": minutes}
    _add_counts(athletes, box, minutes, pace, state.rng)
    return box


def _overtime(athletes: list[Athlete], box: dict[str, np.ndarray], pace: float, state: LeagueState) -> None:
    five = np.zeros(len(athletes), dtype=int)
    five[np.argsort(-box["minutes"], kind="stable")[:5]] = 5
    box["minutes"] = box["minutes"] + five
    _add_counts(athletes, box, five, pace, state.rng)


def _add_counts(
    athletes: list[Athlete], box: dict[str, np.ndarray], minutes: np.ndarray, pace: float, rng: np.random.Generator
) -> None:
    """Adds what the players do in the minutes to their counts."""
    form = np.array([_form(athlete) for athlete in athletes])
    hot = rng.lognormal(0, HOT_HAND, len(athletes))
    wanted = np.array([a.shots_a_minute for a in athletes]) * minutes * form * hot
    part = minutes.sum() / REGULATION_MINUTES
    team_shots = rng.normal(TEAM_SHOTS * pace * part, TEAM_SHOTS_SPREAD * np.sqrt(part))
    shots = rng.multinomial(max(1, round(float(team_shots))), wanted / wanted.sum())
    threes = rng.binomial(shots, [a.three_share for a in athletes])
    made_threes = rng.binomial(threes, [a.three_rate for a in athletes])
    made_twos = rng.binomial(shots - threes, [a.two_rate for a in athletes])
    free = rng.poisson(shots * FREE_THROWS_A_SHOT)
    made_free = rng.binomial(free, [a.free_rate for a in athletes])
    for name, count in (
        ("fga", shots), ("fg3a", threes), ("fg3m", made_threes), ("fgm", made_twos + made_threes),
        ("fta", free), ("ftm", made_free),
    ):  # fmt: skip
        box[name] = box[name] + count
    for name in ("oreb", "dreb", "ast", "stl", "blk", "turnover", "pf"):
        box[name] = box[name] + rng.poisson(np.array([a.rates[name] for a in athletes]) * minutes * pace)
    box["pf"] = np.minimum(box["pf"], 6)
