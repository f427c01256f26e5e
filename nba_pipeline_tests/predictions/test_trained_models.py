"""A model is what it learned from: no file, setting or library version can put another in its place."""

import json
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pytest

from nba_pipeline.predictions.models.cards import KeptModel
from nba_pipeline.predictions.models.trained_models import FEWEST_ROWS, TrainedModels
from nba_pipeline.predictions.systems.boosted_ridge import BoostedRidge
from nba_pipeline.predictions.systems.gradient_boosting import GradientBoosting
from nba_pipeline.predictions.systems.level import level
from nba_pipeline.predictions.walk_forward.forecasts import MORNING, PRE_TIP, SETTINGS, STATS, Forecast
from nba_pipeline.predictions.walk_forward.walk import OUTCOMES, Past
from nba_pipeline_tests.support.made_up_months import past_of, slate_of

SYSTEMS = (GradientBoosting(rounds=15), BoostedRidge(rounds=15))


@pytest.fixture(params=SYSTEMS, ids=lambda system: system.system_id)
def system(request: pytest.FixtureRequest) -> TrainedModels:
    return request.param


@pytest.fixture
def slate(months: pd.DataFrame) -> pd.DataFrame:
    return slate_of(months).head(20)


def forecast(system: TrainedModels, slate: pd.DataFrame, past: Past, setting: str = MORNING) -> Forecast:
    return system.forecast(slate, past, "points", setting)


def models_of(system: TrainedModels, past: Past) -> dict[str, Path]:
    """The models of points in the morning, by version."""
    return {path.stem: path for path in past.walk.models_path.glob(f"{system.system_id}/points-{MORNING}/*.txt")}


def test_a_model_that_is_gone_is_trained_again_and_predicts_the_same(system, slate, months, tmp_path) -> None:
    past = past_of(months, tmp_path)
    first = forecast(system, slate, past)
    models_of(system, past)[first.model_version].unlink()
    again = past_of(months, tmp_path)
    second = forecast(system, slate, again)
    assert second.model_version == first.model_version
    assert [card.stat for card in again.walk.trained] == ["points"], "the others are still there"
    np.testing.assert_allclose(second.values, first.values, rtol=1e-9)


def test_a_model_that_is_there_is_not_trained_again(system, slate, months, tmp_path) -> None:
    first = past_of(months, tmp_path)
    trained = system.learn(first)
    assert {(card.stat, card.setting) for card in trained} == {(stat, s) for stat in STATS for s in SETTINGS}
    again = past_of(months, tmp_path)
    assert system.learn(again) == trained
    assert again.walk.trained == []


def test_another_past_and_another_library_make_another_model(system, slate, months, tmp_path, monkeypatch) -> None:
    versions = [forecast(system, slate, past_of(months, tmp_path)).model_version]
    corrected = months.copy()
    corrected.loc[corrected["played"].idxmax(), OUTCOMES["points"]] += 1
    versions.append(forecast(system, slate, past_of(corrected, tmp_path)).model_version)
    monkeypatch.setattr(lightgbm, "__version__", "0.0.1")
    versions.append(forecast(system, slate, past_of(months, tmp_path)).model_version)
    assert len(set(versions)) == 3
    assert set(models_of(system, past_of(months, tmp_path))) == set(versions)


def test_a_model_file_that_was_damaged_is_refused(system, slate, months, tmp_path) -> None:
    past = past_of(months, tmp_path)
    version = forecast(system, slate, past).model_version
    model = models_of(system, past)[version]
    model.write_text(model.read_text()[:200])
    with pytest.raises((lightgbm.basic.LightGBMError, json.JSONDecodeError)):
        forecast(system, slate, past_of(months, tmp_path))


def test_the_card_beside_a_model_says_what_it_was_made_of(system, slate, months, tmp_path) -> None:
    past = past_of(months, tmp_path)
    version = forecast(system, slate, past).model_version
    kept = KeptModel(past.walk.models_path, system.system_id, "points", MORNING, version)
    assert kept.file == models_of(system, past)[version]
    card = kept.card()
    assert (card.version, card.stat, card.setting, card.month) == (version, "points", MORNING, "2026-01-01")
    assert card.rows == past.count(MORNING)
    assert card.last_date == "2025-12-31"
    assert version.endswith(card.training_data[:16])
    assert sum(card.importance.values()) == pytest.approx(1)
    assert next(iter(card.importance)).startswith("points_"), "what tells points counts most"


def test_a_level_in_place_of_a_model_says_so_in_its_version(system, slate, months, tmp_path) -> None:
    few = past_of(months[months["game_date"].astype(str) >= "2025-12-01"].reset_index(drop=True), tmp_path)
    assert few.count(MORNING) < FEWEST_ROWS
    found = forecast(system, slate, few)
    assert found.model_version == f"level-only-{few.count(MORNING)}-rows"
    np.testing.assert_array_equal(found.values, level(slate, "points"))


def test_until_there_are_reports_enough_the_mornings_model_speaks_before_tip_off(
    system, slate, months, tmp_path
) -> None:
    past = past_of(months.assign(report_known=False), tmp_path)
    morning, pre_tip = forecast(system, slate, past), forecast(system, slate, past, setting=PRE_TIP)
    assert morning.model_version == pre_tip.model_version
    assert morning.model_version.startswith("2026-01-")
    np.testing.assert_array_equal(morning.values, pre_tip.values)
