"""A season's calendar: who plays whom on which day, and when the games tip off."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

GAMES_A_TEAM = 82
MOST_GAMES_A_DAY = 15
WEEKDAY_WEIGHTS = (7, 6, 10, 4, 10, 8, 7)
"""Share of a week's games by day, Monday first: Wednesdays and Fridays are full, Thursdays belong to television."""

PLAYS_AGAIN_NEXT_DAY = 0.35
"""How often a team that played yesterday is still put on today's schedule."""

TEAM_ZONES = {
    "America/Los_Angeles": ("GSW", "LAC", "LAL", "POR", "SAC", "SEA", "SDG", "OAK", "ANA", "SFO", "LAX"),
    "America/Phoenix": ("PHX",),
    "America/Denver": ("DEN", "UTA", "ABQ"),
    "America/Chicago": ("CHI", "DAL", "HOU", "MEM", "MIL", "MIN", "NOP", "OKC", "SAS", "STL", "KCM", "AUS"),
}


def season_days(season: int) -> list[date]:
    """The days on which games are played: late October to mid April, less holidays and the all-star break."""
    opening = date(season, 10, 15)
    opening += timedelta(days=(1 - opening.weekday()) % 7)
    thanksgiving = date(season, 11, 22) + timedelta(days=(3 - date(season, 11, 22).weekday()) % 7)
    break_starts = date(season + 1, 2, 12) + timedelta(days=(4 - date(season + 1, 2, 12).weekday()) % 7)
    closed = {thanksgiving, date(season, 12, 24)} | {break_starts + timedelta(days=n) for n in range(6)}
    days = (opening + timedelta(days=n) for n in range(176))
    return [day for day in days if day not in closed]


def pairings(divisions: list[list[int]]) -> np.ndarray:
    """How often each team hosts each other team, for six divisions of five of which three are a conference.

    Four games within the division, three or four within the conference, two with the other: 82 a team.
    """
    hosts = np.zeros((30, 30), dtype=int)
    place = {team: (d, n) for d, teams in enumerate(divisions) for n, team in enumerate(teams)}
    for home, (d, n) in place.items():
        for away, (e, m) in place.items():
            if home == away:
                continue
            if d // 3 != e // 3:
                hosts[home, away] = 1
            elif d == e:
                hosts[home, away] = 2
            else:
                offset = (m - n) % 5 if d < e else (n - m) % 5
                short = offset in (0, 1)
                hosts[home, away] = 2 if not short or (offset == 0) == (d < e) else 1
    return hosts


def schedule(hosts: np.ndarray, days: list[date], rng: np.random.Generator) -> list[tuple[date, int, int]]:
    """The games as (day, home, away): no team twice a day or three days in a row."""
    left = hosts.copy()
    games: list[tuple[date, int, int]] = []
    played: dict[date, set[int]] = {}
    weights = [WEEKDAY_WEIGHTS[day.weekday()] for day in days]
    for number, day in enumerate(_with_spare_days(days)):
        if not left.any():
            return games
        rest = sum(weights[number:]) or 1
        share = weights[number] / rest if number < len(weights) else 1.0
        target = min(MOST_GAMES_A_DAY, int(np.ceil(left.sum() * share)))
        yesterday = played.get(day - timedelta(days=1), set())
        tired = yesterday & played.get(day - timedelta(days=2), set())
        today = _one_day(left, target, yesterday, tired, rng)
        played[day] = {team for game in today for team in game}
        games += [(day, home, away) for home, away in today]
    raise ValueError("the games do not fit into the season; this is a defect of the calendar")


def _with_spare_days(days: list[date]) -> list[date]:
    return days + [days[-1] + timedelta(days=n) for n in range(1, 40)]


def _one_day(
    left: np.ndarray, target: int, yesterday: set[int], tired: set[int], rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Up to `target` games of a day, teams with the most games left first; takes them off `left`."""
    need = (left.sum(axis=0) + left.sum(axis=1)) + rng.random(30)
    spared = {team for team in yesterday if rng.random() > PLAYS_AGAIN_NEXT_DAY}
    free = [int(team) for team in np.argsort(-need) if int(team) not in tired | spared]
    games: list[tuple[int, int]] = []
    while len(games) < target and len(free) > 1:
        team = free.pop(0)
        rivals = [other for other in free if left[team, other] or left[other, team]]
        if not rivals:
            continue
        rival = max(rivals, key=lambda other: need[other] + 2 * rng.random())
        home, away = (team, rival) if left[team, rival] > left[rival, team] else (rival, team)
        if not left[home, away]:
            home, away = away, home
        left[home, away] -= 1
        free.remove(rival)
        games.append((home, away))
    return games


def zone_of(team: str) -> ZoneInfo:
    """The time zone that a team plays in; New York's unless known otherwise."""
    return ZoneInfo(next((zone for zone, teams in TEAM_ZONES.items() if team in teams), "America/New_York"))


def tip_off(day: date, home_team: str, number: int) -> datetime:
    """A plausible tip-off in UTC: in the evening of the home team, a little apart from the others of the day.

    On Sundays every third game is an early one. The New York date is always the day itself.
    """
    local = time(15, 30) if day.weekday() == 6 and number % 3 == 0 else time(19 + number % 2, (number * 30) % 60)
    return datetime.combine(day, local, zone_of(home_team)).astimezone(UTC)
