"""A model is what it learned from: no file, setting or library version can put another in its place."""

from datetime import date
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pytest

from nba_pipeline.predictions.systems.gradient_boosting import FEWEST_ROWS, SYSTEM
from nba_pipeline.predictions.systems.interface import FEATURE_NAMES, Past

SLATE_ROWS = 20


def games(count: int, seed: int = 1) -> pd.DataFrame:
    """Feature rows of which one feature tells the outcome."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(rng.normal(size=(count, len(FEATURE_NAMES))), columns=FEATURE_NAMES)
    rows["points_prior"] = rng.uniform(5, 25, count)
    return rows.assign(outcome=10 + 4 * rows[FEATURE_NAMES[0]])


@pytest.fixture
def slate() -> pd.DataFrame:
    return games(SLATE_ROWS, seed=2)


@pytest.fixture
def past(tmp_path: Path) -> Past:
    return Past(date(2025, 12, 1), games(FEWEST_ROWS), tmp_path / "models")


def test_a_model_that_is_gone_is_trained_again_and_predicts_the_same(slate: pd.DataFrame, past: Past) -> None:
    first = SYSTEM.forecast(slate, past)
    (model,) = past.models_path.rglob("*.txt")
    assert first.model_version == model.stem
    model.unlink()
    again = SYSTEM.forecast(slate, past)
    assert again.model_version == first.model_version
    np.testing.assert_array_equal(again.values, first.values)


def test_another_past_and_another_library_make_another_model(
    slate: pd.DataFrame, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = [SYSTEM.forecast(slate, past).model_version]
    corrected = past.rows.copy()
    corrected.loc[0, "outcome"] += 1
    versions.append(SYSTEM.forecast(slate, Past(past.until, corrected, past.models_path)).model_version)
    monkeypatch.setattr(lightgbm, "__version__", "0.0.1")
    versions.append(SYSTEM.forecast(slate, past).model_version)
    assert len(set(versions)) == 3
    assert {model.stem for model in past.models_path.rglob("*.txt")} == set(versions)


def test_a_model_file_that_was_damaged_is_refused(slate: pd.DataFrame, past: Past) -> None:
    SYSTEM.forecast(slate, past)
    (model,) = past.models_path.rglob("*.txt")
    model.write_text(model.read_text()[:200])
    with pytest.raises(lightgbm.basic.LightGBMError):
        SYSTEM.forecast(slate, past)


def test_a_prior_in_place_of_a_model_says_so_in_its_version(slate: pd.DataFrame, past: Past) -> None:
    few = Past(past.until, past.rows.iloc[: FEWEST_ROWS - 1], past.models_path)
    forecast = SYSTEM.forecast(slate, few)
    assert forecast.model_version == f"prior-only-{FEWEST_ROWS - 1}-rows"
    np.testing.assert_array_equal(forecast.values, slate["points_prior"])
