"""An explanation adds up: to the prediction, from features, box scores and landed bytes that anybody can look up."""

import gzip
import hashlib
import json
from datetime import date
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pytest

from nba_pipeline.cli.prediction_commands import run_explain
from nba_pipeline.decisions.game_decisions import GameDecision, Ruling, record_decision
from nba_pipeline.operations.explanation import (
    LEARNED,
    SAME,
    CannotExplainError,
    explain,
    feature_values,
    reasons_of,
    weights_of,
)
from nba_pipeline.precompute.calculations.games_used import Games, Whose
from nba_pipeline.precompute.ml_feature_store import FEATURES
from nba_pipeline.predictions import player_predictions
from nba_pipeline.predictions.models.cards import Card, KeptModel
from nba_pipeline.raw import player_box_scores
from nba_pipeline.sources.landing import Landing
from nba_pipeline_tests.support.warehouse_copy import Copy
from nba_pipeline_tests.support.workbench import NOW, Workbench

TODAY = date(2025, 11, 12)
VERSION = "2025-11-0123456789abcdef"

Printed = pytest.CaptureFixture[str]


# by a model

NAMES = ["points_ewma_7", "days_rest", "opponent_pace"]


@pytest.fixture(scope="module")
def models_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that learned from three features, kept by its version."""
    rng = np.random.default_rng(3)
    inputs = rng.normal(10, 4, (600, len(NAMES)))
    inputs[rng.random(inputs.shape) < 0.1] = np.nan
    outcome = np.nansum(inputs * [1.0, 0.3, -0.2], axis=1)
    data = lightgbm.Dataset(inputs, outcome, feature_name=NAMES)
    model = lightgbm.train({"objective": "regression_l1", "seed": 7, "num_threads": 1, "verbose": -1}, data, 40)
    path = tmp_path_factory.mktemp("models")
    learned_model(path).keep(card_of(LEARNED), model.model_to_string())
    return path


def learned_model(path: Path) -> KeptModel:
    return KeptModel(path, LEARNED, "points", "pre_tip", VERSION)


def card_of(model: str, importance: dict[str, float] | None = None) -> Card:
    return Card(model, "points", "pre_tip", "2025-11-01", VERSION, 9, "", "", [], {}, "", "", importance or {})


def prediction(value: float, version: str = VERSION) -> dict[str, object]:
    return {
        "stat": "points", "system_id": LEARNED, "setting": "pre_tip", "model_version": version,
        "predicted_value": value,
    }  # fmt: skip


@pytest.mark.parametrize("rest", [2.0, None], ids=["rested", "a feature is missing"])
def test_contributions_and_base_value_sum_to_the_prediction_of_the_very_model(
    models_path: Path, rest: float | None
) -> None:
    features = {"points_ewma_7": 21.5, "days_rest": rest, "opponent_pace": 99.1, "player_name": "not an input"}
    file = learned_model(models_path).file
    row = [[np.nan if features[name] is None else features[name] for name in NAMES]]
    value = float(np.asarray(lightgbm.Booster(model_file=file).predict(np.array(row, dtype=float)))[0])
    found = reasons_of(prediction(round(value, 4)), features, models_path)
    assert found.remark is None
    assert abs(found.total - value) < SAME
    assert {each.name for each in found.contributions} == set(NAMES)
    sizes = [abs(each.contribution) for each in found.contributions]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 0


def test_features_that_were_corrected_since_are_not_passed_off_as_the_reason(models_path: Path) -> None:
    features = {"points_ewma_7": 21.5, "days_rest": 2.0, "opponent_pace": 99.1}
    found = reasons_of(prediction(99.0), features, models_path)
    assert "corrected after the prediction was made" in str(found.remark)


def test_a_model_that_is_gone_and_a_feature_that_is_gone_are_said(models_path: Path) -> None:
    gone = reasons_of(prediction(20.0, "2025-11-other"), {}, models_path)
    assert "is not below" in str(gone.remark)
    renamed = reasons_of(prediction(20.0), {"points_ewma_7": 21.5, "opponent_pace": 99.1}, models_path)
    assert "does not have days_rest" in str(renamed.remark)
    assert gone.contributions == renamed.contributions == ()


# by the level


@pytest.mark.parametrize(("games", "share"), [(2.0, 0.6), (9.0, 1.0), (0.0, 0.2)])
def test_the_parts_of_a_level_are_his_form_and_the_prior_while_his_games_are_few(games: float, share: float) -> None:
    features = {"points_prior": 8.0, "points_ewma_7": 20.0, "games_played_season": games, "games_prior_season": 1.0}
    level = share * 20.0 + (1 - share) * 8.0
    found = reasons_of(prediction(level, "level-only-12-rows"), features, Path("nowhere"))
    assert "the level was published" in str(found.remark)
    assert "corrected" not in str(found.remark)
    assert [each.contribution for each in found.contributions] == [
        pytest.approx(share * 20.0), pytest.approx((1 - share) * 8.0)
    ]  # fmt: skip


def test_of_a_newcomer_the_level_is_the_prior_alone() -> None:
    features = {"points_prior": 7.5, "points_ewma_7": None, "games_played_season": 0.0, "games_prior_season": None}
    found = reasons_of(prediction(7.5, "level-only-0-rows"), features, Path("nowhere"))
    assert [each.contribution for each in found.contributions] == [0.0, 7.5]


# by the weights


def said(system: str, value: float, setting: str, version: str = VERSION) -> dict[str, object]:
    return {**prediction(value, version), "system_id": system, "setting": setting}


def test_the_ensemble_is_led_back_to_what_each_system_said_and_its_weight(tmp_path: Path) -> None:
    KeptModel(tmp_path, "ensemble", "points", "pre_tip", VERSION).keep(card_of("ensemble", {"a": 0.75, "b": 0.25}))
    others = [said("a", 20.0, "morning"), said("a", 16.0, "pre_tip"), said("b", 12.0, "morning")]
    whole = said("ensemble", 15.0, "pre_tip")
    found = weights_of(whole, [*others, whole], tmp_path)
    assert found.remark is None
    assert [(each.value, each.contribution) for each in found.contributions] == [(16.0, 12.0), (12.0, 3.0)]
    even = weights_of(said("ensemble", 14.0, "pre_tip", "equal-weights-3-rows"), [*others, whole], tmp_path)
    assert (even.remark, even.total) == (None, pytest.approx(14.0))
    gone = weights_of(said("ensemble", 14.0, "pre_tip", "2025-12-other"), [*others, whole], tmp_path)
    assert "are not below" in str(gone.remark)


# as-of dates


def test_a_feature_shows_the_newest_game_that_it_is_made_from_and_none_where_it_is_missing() -> None:
    row: dict[str, object] = {name: 1 for f in FEATURES for name in (f.name, f.quality_column.name)}
    row["points_last_3"] = None
    newest: dict[Games, date | None] = {games: None for feature in FEATURES for games in feature.made_from.games}
    newest |= {Games(Whose.PLAYER): date(2025, 10, 30), Games(Whose.TEAM): TODAY}
    dates = {each.name: each.as_of for each in feature_values(row, newest)}
    assert dates["points_ewma_7"] == date(2025, 10, 30), "he sat since"
    assert dates["participation_ewma_7"] == TODAY, "which counts here"
    assert dates["opponent_pace"] is None
    assert dates["points_last_3"] is None, "no game made what is missing"
    assert dates["is_home_game"] is None
    assert dates["out_minutes"] is None, "nobody is out"
    newest[Games(Whose.MISSING_TEAMMATES)] = date(2025, 10, 25)
    assert {each.name: each.as_of for each in feature_values(row, newest)}["out_minutes"] == TODAY


# on a real pipeline


@pytest.fixture(scope="module")
def names(season_start: Workbench) -> pd.Series:
    """The names of the players predicted today, by id."""
    rows = season_start.rows(player_predictions.CONTRACT, TODAY, TODAY)
    return rows.drop_duplicates("player_id").set_index("player_id")["player_name"].sort_index()


def test_a_prediction_is_led_back_to_the_bytes_that_the_source_sent(season_start: Workbench, names: pd.Series) -> None:
    landing, player = Landing(season_start.settings.landing_path), int(names.index[0])
    with season_start.warehouse.session(read_only=True) as session:
        found = explain(session, landing, season_start.settings.models_path, TODAY, str(player))
    assert [row["system_id"] for row in found.predictions] == sorted(row["system_id"] for row in found.predictions)
    assert {(each.system_id, each.setting) for each in found.reasons} == {
        (system, setting) for system in ("ensemble", LEARNED) for setting in ("morning", "pre_tip")
    }
    assert all(abs(each.total - each.predicted_value) < SAME for each in found.reasons)
    assert all("corrected" not in str(each.remark) for each in found.reasons)
    assert len(found.features) == len(FEATURES)
    assert all(each.as_of is None or each.as_of < TODAY for each in found.features)
    boxes = season_start.rows(player_box_scores.CONTRACT)
    mine = boxes[(boxes["player_id"] == player) & (boxes["minutes"] > 0) & (boxes["game_date"] < TODAY)]
    truth = mine.sort_values("game_date", ascending=False).head(10)
    assert [(each.game_id, each.value) for each in found.box_scores] == list(
        zip(truth["game_id"], truth["points"], strict=True)
    )
    for each in found.box_scores:
        body = gzip.decompress(Path(str(each.file)).read_bytes())
        assert hashlib.sha256(body).hexdigest() == each.sha256
        items = [item for item in json.loads(body)["data"] if item["player"]["id"] == player]
        assert each.value in [item["pts"] for item in items if item["game"]["id"] == each.game_id]


def test_a_row_that_no_landed_response_says_is_shown_as_such(copy: Copy, names: pd.Series) -> None:
    player = int(names.index[0])
    copy.sql(f"UPDATE {player_box_scores.CONTRACT.name} SET assists = assists + 1 WHERE player_id = {player}")
    with copy.warehouse.session(read_only=True) as session:
        found = explain(session, Landing(copy.settings.landing_path), copy.settings.models_path, TODAY, str(player))
    assert found.box_scores
    assert {each.sha256 for each in found.box_scores} == {None}


def test_what_a_person_decided_about_a_game_behind_a_prediction_is_named(
    copy: Copy, names: pd.Series, capsys: Printed
) -> None:
    player = str(names.index[0])
    with copy.warehouse.session() as session:
        found = explain(session, Landing(copy.settings.landing_path), copy.settings.models_path, TODAY, player)
        behind, at = found.box_scores[0], NOW.replace(tzinfo=None)
        for day in (behind.game_date, TODAY):
            about = GameDecision(day, behind.game_id, Ruling.ACCEPT, {}, "Ann", "a minute is missing", None, at)
            record_decision(session, about)
    run_explain(copy.settings, TODAY, player, "points", as_json=True)
    decided = json.loads(capsys.readouterr().out)["outcome"]["decided"]
    (named,) = [said for said in decided if said.startswith("Ann ")]
    assert named.startswith(f"Ann accepts as the source has it game {behind.game_id} of {behind.game_date} until it")


def test_the_command_takes_a_unique_part_of_a_name_and_lists_who_else_is_meant(
    season_start: Workbench, names: pd.Series, capsys: Printed
) -> None:
    settings, name = season_start.settings, names.drop_duplicates(keep=False).iloc[0]
    assert run_explain(settings, TODAY, name.upper(), "points", as_json=True) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["player_name"] == name
    assert {"name", "value", "quality", "unit", "definition", "as_of"} == set(said["features"][0])
    assert said["reasons"][0]["total"] == pytest.approx(said["reasons"][0]["predicted_value"], abs=SAME)
    assert run_explain(settings, TODAY, name, "points", as_json=False) == 0
    assert name in capsys.readouterr().out
    assert run_explain(settings, TODAY, "a", "points", as_json=False) == 2
    listed = capsys.readouterr().err
    assert f"{sum('a' in other.casefold() for other in names)} players" in listed
    assert sum(str(player) in listed for player in names.index) > 1


@pytest.mark.parametrize(
    ("day", "player", "stat", "told"),
    [
        (TODAY, "nobody of this name", "points", "no player whose id or name is like"),
        (date(2025, 7, 1), "1", "points", "nothing was predicted for 2025-07-01"),
        (TODAY, "", "steals", "nothing was predicted of steals"),
    ],
)
def test_what_was_not_predicted_cannot_be_explained(
    season_start: Workbench, names: pd.Series, day: date, player: str, stat: str, told: str
) -> None:
    settings = season_start.settings
    with (
        season_start.warehouse.session(read_only=True) as session,
        pytest.raises(CannotExplainError, match=told),
    ):
        explain(session, Landing(settings.landing_path), settings.models_path, day, player or str(names.index[0]), stat)
