"""How far a held game reaches: its two teams, who meets them, and of everybody else only the means of the league."""

from datetime import date, timedelta

import pandas as pd
import pytest
from rich.console import Console
from rich.progress import Progress

from nba_pipeline.game_decisions import GameDecision, Ruling, record_decision
from nba_pipeline.operations.remaking import make_again
from nba_pipeline.operations.runs import opened
from nba_pipeline.precompute import ml_feature_store, player_daily_cache, team_defense_zone_analysis
from nba_pipeline.precompute.features import STATS
from nba_pipeline.predictions import player_predictions
from nba_pipeline.raw import games
from nba_pipeline_tests.pipeline.conftest import NOW, Workbench
from nba_pipeline_tests.warehouse_copy import Copy

pytestmark = pytest.mark.campaign

HELD, TODAY = date(2025, 11, 5), date(2025, 11, 12)
AFTER = [HELD + timedelta(days=n) for n in range(1, (TODAY - HELD).days + 1)]

LEAGUE_WIDE = (*(f"{stat}_prior" for stat in STATS), "shot_zone_mismatch_score")
"""Features of which a part is the league's mean, so that one game of the league moves them for everybody."""

OF_WHO_MET_THEM = "opponent_allows_role_"
"""Begins what an opponent allowed to roles: these are ranked within the games, those of the two teams among them."""

MOST_OF_OTHERS = 0.05
"""How far a prediction of somebody whom the game does not reach may move, in units of its statistic: the priors do."""


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


@pytest.fixture(scope="module")
def pair(season_start: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    copy = Copy(season_start, tmp_path_factory.mktemp("held") / "copy")
    game = season_start.rows(games.CONTRACT, HELD, HELD).iloc[0]
    with copy.warehouse.session() as session:
        now = NOW.replace(tzinfo=None)
        because = "the source counts another game"
        record_decision(session, GameDecision(HELD, int(game["game_id"]), Ruling.HOLD, {}, "Ann", because, None, now))
    with Progress(console=Console(quiet=True)) as bars, opened(copy.settings, bars) as pipeline:
        attempts = list(make_again(pipeline, copy.gatekeeper(), (HELD, TODAY)))
    assert all(attempt.success for attempt in attempts), [attempt.failures for attempt in attempts]
    return Pair(copy, season_start, {int(game["home_team_id"]), int(game["visitor_team_id"])})


def differing(mine: pd.DataFrame, twin: pd.DataFrame) -> set[str]:
    """The columns in which two frames of the same rows differ."""
    return {name for name in twin.columns if not mine[name].equals(twin[name])}


@pytest.mark.parametrize("day", AFTER, ids=str)
def test_nobody_else_has_another_feature_but_for_the_leagues_means(pair, day):
    mine, twin = pair.rows(ml_feature_store.CONTRACT, day)
    assert mine[["game_id", "player_id"]].equals(twin[["game_id", "player_id"]]), "everybody has his row"
    others = pair.others(twin)
    found = differing(mine[others], twin[others])
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
        assert moved.max() <= MOST_OF_OTHERS, f"{day}: {moved.idxmax()} moved by {moved.max():.3f}"
