"""How far a held game reaches: its two teams, who meets them, and of everybody else only the means of the league."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from rich.progress import Progress

from nba_pipeline.decisions.game_decisions import GameDecision, Ruling, record_decision
from nba_pipeline.league.faults import FAULTS
from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.operations.remaking import make_again
from nba_pipeline.operations.runs import opened
from nba_pipeline.precompute import ml_feature_store, player_daily_cache, team_defense_zone_analysis
from nba_pipeline.precompute.calculations.features import STATS
from nba_pipeline.precompute.feature_groups.opponent_roles import GAMES_OF_ROLE
from nba_pipeline.predictions import player_predictions
from nba_pipeline.raw import games, held_games
from nba_pipeline.runtime import Runtime
from nba_pipeline_tests.support.warehouse_copy import Copy
from nba_pipeline_tests.support.workbench import DAY_OFF, NOW, Workbench

pytestmark = pytest.mark.campaign

HELD, TODAY = date(2025, 11, 5), date(2025, 11, 12)
AFTER = [HELD + timedelta(days=n) for n in range(1, (TODAY - HELD).days + 1)]

LEAGUE_WIDE = (*(f"{stat}_prior" for stat in STATS), "shot_zone_mismatch_score")
"""Features of which a part is the league's mean, so that one game of the league moves them for everybody."""

OF_WHO_MET_THEM = ("opponent_allows_role_", f"quality_at_20_{GAMES_OF_ROLE}", "quality")
"""Begin what an opponent allowed to roles, and how much is known of that: players of the two teams have roles by their
own games, so it differs for who met them since."""

MOST_OF_OTHERS = 0.05
"""How far a prediction of somebody whom the game does not reach may move, in units of its statistic: the priors do."""

MOST_BY_SYSTEM = {"similarity": 0.5, "ensemble": 0.1}
"""The same where a system sorts players into quarters of the league, or is made of such a one: who stands at an edge
changes his quarter."""

UNLISTED = {"kind": "missing_game", "absent_from": ["games"]}

KINDS = [
    {"kind": "missing_game", "absent_from": ["stats"]},
    UNLISTED,
    {"kind": "missing_players", "count": 1},
    {"kind": "late_final", "hours": 24 * 60},
    {"kind": "late_final", "hours": 24 * 60, "served_as": "final_incomplete"},
    {"kind": "null_player"},
    {"kind": "wrong_score"},
    {"kind": "stat_value", "field": "pf", "value": 7},
    {"kind": "player_on_both_teams"},
]
"""What the source can have wrong of a game, so that it is held."""

FOLLOW = [player_daily_cache, team_defense_zone_analysis, ml_feature_store, player_predictions]


class Pair:
    """The same three weeks twice: once with a game held by decision, and once undisturbed."""

    def __init__(self, held: Workbench | Copy, twin: Workbench, teams: set[int]) -> None:
        self.held, self.twin, self.teams = held, twin, teams

    def rows(self, table, day: date) -> tuple[pd.DataFrame, pd.DataFrame]:
        keys = [column.name for column in table.columns if not column.volatile]
        with self.held.warehouse.session(read_only=True) as session:
            found = session.query(session.read(table).select(keys).filter(lambda t: t.game_date == day))
        order = [key for key in table.grain if key in keys]
        mine = found.to_pandas(date_as_object=True).sort_values(order).reset_index(drop=True)
        return mine, self.twin.rows(table, day, day)

    def others(self, rows: pd.DataFrame) -> pd.Series:
        """The rows of players and teams who neither played the game nor meet who did."""
        return ~(rows["team_id"].isin(self.teams) | rows["opponent_id"].isin(self.teams))

    def met_since(self, day: date) -> set[int]:
        """The teams that met one of the two from the held game to the day before."""
        since = self.twin.rows(games.CONTRACT, HELD, day - timedelta(days=1))
        home, visitor = since["home_team_id"], since["visitor_team_id"]
        return {*home[visitor.isin(self.teams)], *visitor[home.isin(self.teams)]} - self.teams


def held_by_decision(original: Workbench, home: Path, game_ids: Sequence[int]) -> Copy:
    """The season with games that somebody held, and all that follows made again."""
    copy = Copy(original, home)
    with copy.warehouse.session() as session:
        now, because = NOW.replace(tzinfo=None), "the source counts another game"
        for game in game_ids:
            record_decision(session, GameDecision(HELD, game, Ruling.HOLD, {}, "Ann", because, None, now))
    with Progress(console=Console(quiet=True)) as bars, opened(Runtime(copy.settings), bars) as pipeline:
        attempts = list(make_again(pipeline, copy.gatekeeper(), (HELD, TODAY)))
    assert all(attempt.success for attempt in attempts), [attempt.failures for attempt in attempts]
    return copy


@pytest.fixture(scope="module")
def pair(season_start: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    game = season_start.rows(games.CONTRACT, HELD, HELD).iloc[0]
    copy = held_by_decision(season_start, tmp_path_factory.mktemp("held") / "copy", [int(game["game_id"])])
    return Pair(copy, season_start, {int(game["home_team_id"]), int(game["visitor_team_id"])})


@pytest.fixture(scope="module")
def broken_and_decided(
    league: League, season_start: Workbench, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Workbench, Pair]]:
    """The three weeks with games that the source broke, one of each kind, and with the same games held by decision.

    The teams of the pair are those of the game that no schedule lists: they are not known to have played.
    """
    played = league.games[league.games["game_date"] == HELD].sort_values("game_id").reset_index(drop=True)
    rules = [fault | {"game_date": str(HELD), "index": place} for place, fault in enumerate(KINDS)]
    with LeagueServer(league, now=NOW, faults=FAULTS.validate_python(rules)) as server:
        bench = Workbench(tmp_path_factory.mktemp("broken") / "home", server)
        report = bench.backfill(DAY_OFF, TODAY)
        assert report.complete, [attempt.failures for attempt in report.attempts]
        assert len(played) > len(KINDS), "one game of the date is well"
        ids = played["game_id"].tolist()[: len(KINDS)]
        unlisted = played.iloc[KINDS.index(UNLISTED)]
        copy = held_by_decision(season_start, tmp_path_factory.mktemp("decided") / "copy", ids)
        yield bench, Pair(copy, bench, {int(unlisted["home_team_id"]), int(unlisted["visitor_team_id"])})


@pytest.mark.parametrize("table", FOLLOW, ids=lambda table: table.__name__)
def test_whatever_broke_a_game_what_follows_is_that_of_a_game_held_by_decision(broken_and_decided, table):
    broken, pair = broken_and_decided
    assert {*broken.rows(held_games.CONTRACT, HELD, HELD)["state"]} == {"held"}
    # Of today the ledger keeps what was predicted live before the decision, beside what was predicted after it.
    for day in AFTER[:-1] if table is player_predictions else AFTER:
        decided, found = pair.rows(table.CONTRACT, day)
        if table is player_predictions:
            of_unlisted = broken.rows(games.CONTRACT, day, day)
            theirs = of_unlisted["home_team_id"].isin(pair.teams) | of_unlisted["visitor_team_id"].isin(pair.teams)
            decided, found = (rows[~rows["game_id"].isin(of_unlisted["game_id"][theirs])] for rows in (decided, found))
        else:
            decided, found = decided[pair.others(decided)], found[pair.others(found)]
        decided, found = decided.reset_index(drop=True), found.reset_index(drop=True)
        pd.testing.assert_frame_equal(found, decided, check_exact=True, obj=f"{table.__name__} of {day}")


def differing(mine: pd.DataFrame, twin: pd.DataFrame) -> set[str]:
    """The columns in which two frames of the same rows differ."""
    return {name for name in twin.columns if not mine[name].equals(twin[name])}


@pytest.mark.parametrize("day", AFTER, ids=str)
def test_nobody_else_has_another_feature_but_for_the_leagues_means(pair, day):
    mine, twin = pair.rows(ml_feature_store.CONTRACT, day)
    assert mine[["game_id", "player_id"]].equals(twin[["game_id", "player_id"]]), "everybody has his row"
    others = pair.others(twin)
    met = twin["opponent_id"].isin(pair.met_since(day))
    assert differing(mine[others & ~met], twin[others & ~met]) <= {*LEAGUE_WIDE}
    found = differing(mine[others & met], twin[others & met])
    assert {name for name in found if not name.startswith(OF_WHO_MET_THEM)} <= {*LEAGUE_WIDE}


@pytest.mark.parametrize("table", [player_daily_cache, team_defense_zone_analysis], ids=lambda table: table.__name__)
def test_the_game_reaches_its_two_teams(pair, table):
    reached = set()
    for day in AFTER:
        mine, twin = pair.rows(table.CONTRACT, day)
        differ = (mine.fillna(-1) != twin.fillna(-1)).any(axis=1)
        reached |= {*twin.loc[differ & ~pair.others(twin), "team_id"]}
        if table is player_daily_cache:
            assert not (differ & pair.others(twin)).any()
    assert pair.teams <= reached


def test_nobody_elses_prediction_moves_by_more_than_what_the_priors_bring(pair):
    keys = ["game_id", "player_id", "stat", "system_id", "setting", "mode"]
    for day in AFTER:
        mine, twin = (rows.set_index(keys)["predicted_value"] for rows in pair.rows(player_predictions.CONTRACT, day))
        schedule = pair.twin.rows(games.CONTRACT, day, day)
        theirs = schedule[schedule["home_team_id"].isin(pair.teams) | schedule["visitor_team_id"].isin(pair.teams)]
        moved = (mine - twin).abs()
        moved = moved[~moved.index.get_level_values("game_id").isin(theirs["game_id"])]
        assert moved.notna().all(), "the same predictions are there"
        most = moved.groupby(level="system_id").max()
        allowed = {system: MOST_BY_SYSTEM.get(str(system), MOST_OF_OTHERS) for system in most.index}
        assert not (far := {s: most[s] for s in most.index if most[s] > allowed[s]}), f"{day}: {far}"
