"""A game that was put off on one date and played on another stands on both, under one id."""

import ast
from datetime import date, datetime
from pathlib import Path

import ibis
import pandas as pd
import pytest

import nba_pipeline
from nba_pipeline.analytics import player_game_summary
from nba_pipeline.analytics.calculations.team_games import team_totals, with_opponent
from nba_pipeline.precompute import ml_feature_store
from nba_pipeline.predictions import player_predictions
from nba_pipeline.predictions.calculations import ledger
from nba_pipeline.predictions.player_predictions import lines_of, median_lines, slate_rows
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw import player_prop_lines
from nba_pipeline.raw.player_box_scores import CONTRACT as BOX_SCORES
from nba_pipeline_tests.support.grading import DAY, GAME, HE, TIP_OFF, grades, outcome, prediction, rows_of, run
from nba_pipeline_tests.support.ledger_rows import after
from nba_pipeline_tests.support.ledger_rows import prediction as told

PUT_OFF = date(2025, 10, 22)
ON_BOTH = (
    {"game_date": PUT_OFF, "status": "postponed", "tipoff_at": datetime(2025, 10, 22, 23)},
    {"game_date": DAY, "status": "final", "tipoff_at": TIP_OFF},
)

LOOKS_ON_ALL_DATES = "raw/games.py"
"""Whose audit asks where else a game stands."""


def both_games() -> ibis.Table:
    sides = {"home_team_id": 1, "home_team": "BOS", "visitor_team_id": 2, "visitor_team": "NYK", "period": 4}
    return rows_of(raw_games.CONTRACT, *(row | sides for row in ON_BOTH))


def test_its_box_score_is_counted_once():
    box = rows_of(BOX_SCORES, *({"player_id": n, "team_id": n, "points": 10} for n in (1, 2)))
    totals = run(with_opponent(team_totals(box, both_games()))).sort_values("team_id")
    assert totals[["game_date", "team_id", "points", "opponent_points"]].to_numpy().tolist() == [
        [DAY, 1, 10, 10], [DAY, 2, 10, 10],
    ]  # fmt: skip
    assert len(run(player_game_summary.player_game_summary(box, both_games()))) == 2


def test_it_is_predicted_with_the_tip_off_of_its_date_and_its_own_line():
    features = rows_of(ml_feature_store.CONTRACT, {"points_prior": 9.0}, {"points_prior": 9.0, "game_date": PUT_OFF})
    slate = run(slate_rows(features, both_games(), [DAY, PUT_OFF])).sort_values("game_date", ignore_index=True)
    assert slate[["game_date", "tipoff_at"]].to_numpy().tolist() == [[r["game_date"], r["tipoff_at"]] for r in ON_BOTH]
    offered = ({"line": 20.5}, {"line": 30.5, "game_date": PUT_OFF})
    lines = rows_of(player_prop_lines.CONTRACT, *({"stat": "points"} | row for row in offered))
    assert lines_of(slate, run(median_lines(lines, [DAY, PUT_OFF])), "points").tolist() == [30.5, 20.5]


def test_what_was_predicted_before_it_was_put_off_is_kept_beside_what_the_played_game_makes():
    rows = after([told(20.0, day=PUT_OFF)], [told(22.0, day=DAY, mode="backtest")])
    assert [(row["game_date"], row["mode"]) for row in rows.to_pylist()] == [(PUT_OFF, "live"), (DAY, "backtest")]
    settled = rows_of(raw_games.CONTRACT, {"game_date": PUT_OFF, "status": "moved"}, {"status": "final"})
    keys = ibis.memtable(pd.DataFrame({"game_date": [PUT_OFF, DAY], "game_id": GAME, "player_id": HE}))
    published = rows_of(player_predictions.CONTRACT, {"game_date": PUT_OFF, "mode": "live", "player_id": 99})
    assert run(ledger.still_expected(keys, published, settled))["game_date"].tolist() == [DAY]


def test_it_is_graded_where_it_was_played():
    outcomes = [outcome(25), outcome(11, game_date=PUT_OFF)]
    found = grades([prediction(20), prediction(18, game_date=PUT_OFF)], outcomes)
    assert found[["game_date", "actual_value"]].to_numpy().tolist() == [[DAY, 25.0]]


def joins_without_a_date() -> list[str]:
    """Where the package joins by a game's id and not by its date."""
    found = []
    root = Path(nba_pipeline.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if "league" in path.parts or str(path.relative_to(root)) == LOOKS_ON_ALL_DATES:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.endswith("join"):
                names = {n.value for arg in node.args[1:] for n in ast.walk(arg) if isinstance(n, ast.Constant)}
                if "game_id" in names and "game_date" not in names:
                    found.append(f"{path.relative_to(root)}:{node.lineno}")
    return found


def test_no_join_of_the_package_takes_a_game_by_its_id_alone():
    assert joins_without_a_date() == []


@pytest.mark.parametrize("status", raw_games.NOT_PLAYED)
def test_nobody_waits_for_a_game_that_is_not_played_on_its_date(status):
    games = rows_of(raw_games.CONTRACT, {"status": status}, {"status": "scheduled", "game_id": 2})
    assert run(games.filter(~raw_games.is_off(games)))["game_id"].tolist() == [2]
