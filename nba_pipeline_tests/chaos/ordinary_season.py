"""A season of ordinary trouble, replayed day by day under the automation's logic, beside an undisturbed twin.

The real season 2023-24 with `trouble.ordinary_trouble`: each day the schedules ask at the times that matter, self-heal
looks once in the morning, and the sensors launch what follows. The twin is loaded at once from the same league without
trouble. `python -m nba_pipeline_tests.chaos.ordinary_season --days 30` prints the table; it ends with 0 when all holds.
With `--minutes` it plays as many of the days as fit, and judges these; with `--home` it keeps what it has, and goes on
from there when it is called again.
"""

import argparse
import hashlib
import json
import math
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import monotonic

import pandas as pd
from dagster import RunsFilter
from rich.console import Console
from rich.progress import track
from rich.table import Table as RichTable

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.clock import NEW_YORK
from nba_pipeline.contracts import Contract
from nba_pipeline.gates.deadlines import held_from
from nba_pipeline.league.faults import FAULTS
from nba_pipeline.league.model import League
from nba_pipeline.league.parquet_seasons import read_seasons
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.monitoring.orphans import UNFINISHED
from nba_pipeline.partitions import game_dates
from nba_pipeline.precompute import player_daily_cache
from nba_pipeline.predictions import player_predictions
from nba_pipeline.raw import held_games, player_box_scores, players
from nba_pipeline_tests.chaos.trouble import Rule, ordinary_trouble, with_real_tip_offs
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon
from nba_pipeline_tests.support.workbench import Workbench

SEASON = 2023

DATA = Path(__file__).parents[3] / "shared"

MOMENTS = (
    (time(3, 30), "box_scores"),
    (time(4, 30), "last_14_days_again"),
    (time(6, 40), "same_day_schedule_and_rosters"),
    (time(6, 55), "self_heal"),
    (time(7, 30), "same_day_predictions"),
    (time(9, 0), "grading"),
)
"""What looks at which time of each day, in New York; the sensors tick after each until they launch nothing."""

COMPLETE_FROM = 0.9
"""The share of its games from which a window is complete; said here once more, since the pipeline is judged by it."""

LEAST_SHARE = 0.95
"""The least share of the twin's player rows that must be predicted."""

LEAST_DAYS = 4
"""With fewer days than these nothing is judged."""

LONGEST_WAIT = timedelta(days=1)
"""How long after its deadline a date may wait."""

NEVER_CORRECTED = ("missing_players", "wrong_score")

KEYS = ["game_id", "player_id"]


@dataclass
class Replay:
    """What a replay left: the days played, the rows of both homes, the rules, and since when each date stood."""

    days: Sequence[date]
    tables: dict[str, pd.DataFrame]
    twin: pd.DataFrame
    rules: Sequence[Rule]
    stood: dict[date, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """A line of the table: what was asked, what was found, and whether it holds."""

    what: str
    found: str
    holds: bool
    named: tuple[str, ...] = ()


@dataclass
class Played:
    """How far a replay has come, kept beside its home after each moment: days, moments of the next one, and cursors."""

    file: Path
    asked: str = ""
    days: int = 0
    moments: int = 0
    stood: dict[date, datetime] = field(default_factory=dict)
    cursors: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def so_far(cls, file: Path, asked: str) -> "Played":
        """What an earlier call has played; nothing when there was none.

        Raises `ValueError` where that call asked for other days or troubles: they cannot be judged together.
        """
        if not file.exists():
            return cls(file, asked)
        kept = json.loads(file.read_text())
        if kept["asked"] != asked:
            raise ValueError(f"{file.parent} was begun with {kept['asked']}, and not with {asked}: name another --home")
        stood = {date.fromisoformat(day): datetime.fromisoformat(at) for day, at in kept["stood"].items()}
        return cls(file, asked, kept["days"], kept["moments"], stood, kept["cursors"])

    def keep(self) -> None:
        """Writes it down, whole or not at all."""
        stood = {str(day): at.isoformat() for day, at in self.stood.items()}
        kept = {
            "asked": self.asked, "days": self.days, "moments": self.moments, "stood": stood, "cursors": self.cursors,
        }  # fmt: skip
        unfinished = self.file.with_suffix(".new")
        unfinished.write_text(json.dumps(kept))
        unfinished.replace(self.file)


def played_by(daemon: SimulatedDaemon, days: Sequence[date], ends_at: float, played: Played) -> None:
    """Lets the days pass, until the clock of the machine says `ends_at`; since when box scores stand is noted."""
    daemon.cursors = played.cursors
    for day in track(days[played.days :], "the season, day by day", console=Console(stderr=True)):
        if played.days > LEAST_DAYS and monotonic() > ends_at:
            return
        for clock, name in MOMENTS[played.moments :]:
            daemon.at(datetime.combine(day, clock, NEW_YORK))
            if name == "self_heal":
                daemon.tick_sensor(name)
            else:
                daemon.tick_schedule(name, daemon.now)
            daemon.settle()
            standing = rows_of(daemon.warehouse, player_box_scores.CONTRACT, "published")
            played.stood |= dict.fromkeys(set(standing) - played.stood.keys(), daemon.now)
            played.moments += 1
            played.keep()
        played.days, played.moments = played.days + 1, 0
        played.keep()


def rows_of(warehouse, table: Contract, what: str = "rows") -> pd.DataFrame | list[date]:
    """The rows of a table, or the dates that the manifest names."""
    from nba_pipeline.warehouse.operations_tables import PUBLISHED_PARTITIONS

    with warehouse.session(read_only=True) as session:
        if what == "published":
            lines = session.read(PUBLISHED_PARTITIONS)
            found = session.query(lines.filter(lines.table_name == table.name).select("game_date"))
            return found["game_date"].to_pylist()
        return session.query(session.read(table)).to_pandas(date_as_object=True)


def twin_of(league: League, days: Sequence[date], folder: Path) -> pd.DataFrame:
    """The predictions of an undisturbed twin, loaded at once; kept in the folder."""
    kept = folder / "twin.parquet"
    if not kept.exists():
        ends = datetime.combine(days[-1], time(12), NEW_YORK)
        with LeagueServer(league, now=ends) as server:
            twin = Workbench(folder / "twin", server, ends)
            report = twin.backfill(days[0], days[-1])
            assert report.complete, report.failed
            twin.rows(player_predictions.CONTRACT, days[1], days[-1] - timedelta(days=1)).to_parquet(kept)
    return pd.read_parquet(kept)


def replay(
    league: League, rules: Sequence[Rule], days: Sequence[date], folder: Path, ends_at: float = math.inf
) -> Replay:
    """Plays the days with the rules, and the twin without; both homes are in the folder, begun or not."""
    folder.mkdir(parents=True, exist_ok=True)
    asked = f"{days[0]} to {days[-1]}, troubles {hashlib.sha256(json.dumps(rules).encode()).hexdigest()[:8]}"
    played = Played.so_far(folder / "played.json", asked)
    played.keep()
    expected = twin_of(league, days, folder)
    begins = datetime.combine(days[0], time(3), NEW_YORK)
    with LeagueServer(league, now=begins, faults=FAULTS.validate_python(list(rules))) as server:
        daemon = SimulatedDaemon(folder / "disturbed", server, begins)
        # An earlier call was killed in the middle of these: nobody else is there to close them.
        for run in daemon.instance.get_runs(RunsFilter(statuses=UNFINISHED)):
            daemon.instance.report_run_failed(run, "the replay was ended before the run was")
        try:
            played_by(daemon, days, ends_at, played)
            wanted = (held_games, players, player_game_summary, player_daily_cache, player_predictions)
            tables = {each.CONTRACT.name: pd.DataFrame(rows_of(daemon.warehouse, each.CONTRACT)) for each in wanted}
        finally:
            daemon.close()
    passed = days[: played.days]
    return Replay(passed, tables, expected[expected["game_date"] < passed[-1]], rules, played.stood)


def played_within(rows: pd.DataFrame, games: pd.DataFrame, rules: Iterable[Rule], last: date) -> pd.DataFrame:
    """The twin's rows of games that the disturbed league played and listed by the last day; `games` is its calendar.

    A game that was moved beyond it is not to be predicted yet, nor is one that no answer lists until after it.
    """
    ends = datetime.combine(last, time(0), NEW_YORK)
    unlisted = {
        rule["game_id"]
        for rule in rules
        if rule["kind"] == "missing_game" and datetime.fromisoformat(rule["appears_at"]) > ends
    }
    return rows[rows["game_id"].isin(set(games["game_id"]) - unlisted)]


def elsewhere(rosters: pd.DataFrame, games: pd.DataFrame) -> dict[tuple[int, int], str]:
    """Who was on another team's roster on the date of a game, by game and player: the team.

    The twin is loaded afterwards and takes for a player's team where he played last; who asks each morning knows of a
    trade before the first game for the new team.
    """
    teams = {row.game_id: {row.home_team_id, row.visitor_team_id} for row in games.itertuples()}
    on_date = rosters.merge(games[["game_id", "game_date"]], on="game_date")
    away = on_date[[team not in teams[game] for team, game in zip(on_date["team_id"], on_date["game_id"], strict=True)]]
    return {(row.game_id, row.player_id): row.team for row in away.itertuples()}


def unseen(box: pd.DataFrame, rosters: pd.DataFrame, games: pd.DataFrame) -> set[tuple[int, int]]:
    """Who was on no roster on the date of a game and had not played yet, by game and player; `games` is the calendar.

    The twin knows of everybody who played in the end. A league of box scores lists a player from his first game, and
    where that was moved he is nobody until then.
    """
    played = box.merge(games[["game_id", "game_date"]], on="game_id").groupby("player_id")["game_date"].min()
    listed = set(rosters[["game_date", "player_id"]].itertuples(index=False, name=None))
    return {
        (row.game_id, player)
        for row in games.itertuples()
        for player in box["player_id"].unique().tolist()
        if (row.game_date, player) not in listed and played.get(player, date.max) >= row.game_date
    }


def held_before(held: pd.DataFrame, team: int, day: date) -> list[str]:
    """The games of a team that are held and that its windows on a date may hold."""
    mine = held[(held["state"] == "held") & (held["team_id"] == team) & (held["game_date"] < day)]
    return [f"{row.game_id} of {row.game_date}" for row in mine.itertuples()]


@dataclass(frozen=True)
class Absence:
    """A game that no answer had whole between two instants; `None` where that has no end."""

    since: datetime
    until: datetime | None

    def holds(self, at: datetime) -> bool:
        """Whether the game cannot have counted at an instant."""
        return self.since <= at and (self.until is None or at < self.until)


def calendar(league: League, rules: Iterable[Rule], days: Sequence[date]) -> pd.DataFrame:
    """The games on the dates on which they were played at last: `game_id`, `game_date`, `tipoff_at`, `teams`."""
    played_on = {
        rule["game_id"]: date.fromisoformat(rule.get("moved_to") or rule["rescheduled_to"])
        for rule in rules
        if rule["kind"] in ("moved_game", "postponed_game")
    }
    games = league.games[["game_id", "game_date", "tipoff_at", "home_team_id", "visitor_team_id"]].copy()
    games["game_date"] = [
        played_on.get(game, day) for game, day in zip(games["game_id"].tolist(), games["game_date"], strict=True)
    ]
    return games[games["game_date"].between(days[0], days[-1])].sort_values("game_date")


def absences(rules: Iterable[Rule], games: pd.DataFrame) -> dict[int, list[Absence]]:
    """When each game cannot have counted, by the rules alone."""
    found: dict[int, list[Absence]] = {}
    ended = dict(zip(games["game_id"].tolist(), games["tipoff_at"], strict=True))
    for rule in rules:
        if rule["kind"] == "silent_days":
            since, until = (datetime.fromisoformat(rule[name]) for name in ("since", "until"))
            unheard = games["game_date"] >= since.astimezone(NEW_YORK).date() - timedelta(days=1)
            for game in games.loc[unheard, "game_id"].tolist():
                found.setdefault(game, []).append(Absence(since, until))
        elif rule["kind"] in (*NEVER_CORRECTED, "missing_game", "late_final") and rule["game_id"] in ended:
            tip = ended[rule["game_id"]].to_pydatetime()
            until = None
            if rule["kind"] == "missing_game":
                until = datetime.fromisoformat(rule["appears_at"])
            elif rule["kind"] == "late_final":
                until = tip + timedelta(hours=rule["hours"])
            found.setdefault(rule["game_id"], []).append(Absence(tip, until))
    return found


def lacking(games: pd.DataFrame, absent: Mapping[int, Sequence[Absence]], team: int, day: date, at: datetime) -> str:
    """The first window of a team on a date of which too few games can have counted at an instant; else empty."""
    mine = games[(games["home_team_id"] == team) | (games["visitor_team_id"] == team)]
    mine = mine[mine["game_date"] < day]
    gone = pd.Series([any(a.holds(at) for a in absent.get(g, ())) for g in mine["game_id"].tolist()], dtype=bool)
    ages = [(day - played).days for played in mine["game_date"]]
    windows = {f"last {n} games": gone.tail(n) for n in (5, 10)}
    windows |= {f"last {n} days": gone[[age <= n for age in ages]] for n in (7, 14)}
    return next((name for name, of in windows.items() if len(of) and 1 - of.mean() < COMPLETE_FROM), "")


def unmarked(predicted: pd.DataFrame, rules: Sequence[Rule], league: League, days: Sequence[date]) -> list[str]:
    """The predictions made with a window of either team that lacked games, at a tier that does not say so.

    What lacks is told from the rules alone: nothing that the pipeline says of its windows is asked.
    """
    games = calendar(league, rules, days)
    absent = absences(rules, games)
    teams = {row.game_id: (row.home_team_id, row.visitor_team_id) for row in games.itertuples()}
    found = []
    for (day, game, made_at), rows in predicted.groupby(["game_date", "game_id", "made_at"]):
        loud = rows[~rows["quality_tier"].isin(["poor", "critical"])]
        at = pd.Timestamp(made_at).to_pydatetime().replace(tzinfo=UTC)
        why = next(filter(None, (lacking(games, absent, team, day, at) for team in teams.get(game, ()))), "")
        if why and not loud.empty:
            found.append(f"{loud['player_id'].nunique()} players in game {game} of {day}, made at {at}: {why}")
    return found


def verdict(found: Replay, league: League) -> Iterator[Line]:
    """The table, line by line."""
    days = found.days
    held, cache = (found.tables[each.CONTRACT.name] for each in (held_games, player_daily_cache))
    predicted = found.tables[player_predictions.CONTRACT.name]
    there = set(predicted[KEYS].drop_duplicates().itertuples(index=False, name=None))
    games = calendar(league, found.rules, days[:-1])
    expected = played_within(found.twin[["game_date", *KEYS]].drop_duplicates(KEYS), games, found.rules, days[-1])
    cached = cache.drop_duplicates(KEYS).set_index(KEYS)
    missing = [row for row in expected.itertuples(index=False) if (row.game_id, row.player_id) not in there]
    traded = elsewhere(found.tables[players.CONTRACT.name], games)
    share = 1 - len(missing) / max(1, len(expected))
    yield Line("player rows that the twin predicts", f"{len(expected)}, {share:.2%} predicted", share >= LEAST_SHARE)
    teams = cached["team_id"].to_dict()
    named = {row: held_before(held, teams.get((row.game_id, row.player_id), -1), row.game_date) for row in missing}
    left = tuple(
        f"player {r.player_id} in game {r.game_id}: on the roster of {traded[r.game_id, r.player_id]}"
        for r in missing
        if (r.game_id, r.player_id) in traded
    )
    season = league.box[league.box["game_id"].isin(league.games.loc[league.games["season"] == SEASON, "game_id"])]
    nobody = unseen(season, found.tables[players.CONTRACT.name], games)
    new = tuple(
        f"player {r.player_id} in game {r.game_id}" for r in missing if (r.game_id, r.player_id) in nobody - {*traded}
    )
    unexplained = tuple(
        f"player {r.player_id} in game {r.game_id} of {r.game_date}"
        for r, why in named.items()
        if not why and (r.game_id, r.player_id) not in nobody | {*traded}
    )
    yield Line("not predicted without a held game in any window", str(len(unexplained)), not unexplained, unexplained)
    yield Line("not predicted, being on another team's roster by then", str(len(left)), True, left)
    yield Line("not predicted, being on no roster until a first game that was moved", str(len(new)), True, new)
    listed = tuple(f"player {r.player_id} in game {r.game_id}: {', '.join(why)}" for r, why in named.items() if why)
    yield Line("not predicted, with the game that held it", str(len(listed)), True, listed)
    silent = tuple(unmarked(predicted, found.rules, league, days))
    yield Line("predicted with a window that lacks games, unmarked", str(len(silent)), not silent, silent)
    broken = {int(rule["game_id"]) for rule in found.rules if rule["kind"] in NEVER_CORRECTED}
    used = broken & set(found.tables[player_game_summary.CONTRACT.name]["game_id"])
    yield Line("broken games in any history", str(len(used)), not used, tuple(map(str, sorted(used))))
    late = tuple(waits(found.stood, days))
    yield Line("dates that waited longer than their deadline and a day", str(len(late)), not late, late)


def waits(stood: dict[date, datetime], days: Sequence[date]) -> Iterable[str]:
    """The dates that were not there a day after their deadline."""
    for day in days[:-2]:
        at = stood.get(day)
        if at is None or at > held_from(day) + LONGEST_WAIT:
            yield f"{day}: {at or 'never'}"


def within(rules: Iterable[Rule], league: League, first: date, last: date) -> list[Rule]:
    """The rules that strike between two dates."""
    dates = dict(zip(league.games["game_id"].tolist(), league.games["game_date"], strict=True))

    def day_of(rule: Rule) -> date:
        if "game_id" in rule:
            return dates[rule["game_id"]]
        return date.fromisoformat(str(rule.get("game_date") or rule["since"])[:10])

    return [rule for rule in rules if first <= day_of(rule) <= last]


def main() -> int:
    """Plays the season, or its first days; 0 when every line holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--from", dest="first", type=date.fromisoformat, default=date(2023, 10, 24))
    parser.add_argument("--days", type=int, default=174, help="how many days to play")
    parser.add_argument("--home", type=Path, help="keep the homes here and go on from them; else they are thrown away")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no day after so many minutes")
    arguments = parser.parse_args()
    ends_at = monotonic() + 60 * arguments.minutes
    if not (DATA / "nba-data" / "games.parquet").exists():
        print(f"no real seasons at {DATA / 'nba-data'}", file=sys.stderr)
        return 2
    league = with_real_tip_offs(
        read_seasons(DATA / "nba-data"), DATA / "source-shapes" / "nba_cdn_schedule_2023-24.json.gz"
    )
    days = game_dates(arguments.first, arguments.first + timedelta(days=arguments.days - 1))
    rules = within(ordinary_trouble(league, SEASON, arguments.seed), league, days[0], days[-1])
    with tempfile.TemporaryDirectory(prefix="nba_pipeline-season-") as folder:
        found = replay(league, rules, days, arguments.home or Path(folder), ends_at)
        lines = list(verdict(found, league))
    struck = within(rules, league, days[0], found.days[-1])
    table = RichTable("of the season", "found", "holds")
    for line in lines:
        table.add_row(line.what, line.found, "yes" if line.holds else "NO")
    console = Console()
    console.print(f"{days[0]} to {found.days[-1]}, {len(struck)} troubles, seed {arguments.seed}")
    console.print(table)
    for line in lines:
        for name in line.named[:50]:
            console.print(f"{line.what}: {name}", soft_wrap=True)
    return 0 if all(line.holds for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
