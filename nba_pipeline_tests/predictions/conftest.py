"""Made-up months of games, and boosted systems of few rounds."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from nba_pipeline.predictions.systems import boosted_ridge, gradient_boosting, systems
from nba_pipeline.predictions.walk_forward.walk import Past
from nba_pipeline_tests.support.made_up_months import made_up_rows, past_of


@pytest.fixture(scope="session")
def months() -> pd.DataFrame:
    return made_up_rows()


@pytest.fixture
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> Iterator[gradient_boosting.GradientBoosting]:
    """Boosted systems of few rounds in place of the real ones, wherever they are used; gives gradient boosting."""
    quick = gradient_boosting.GradientBoosting(rounds=15)
    monkeypatch.setattr(gradient_boosting, "SYSTEM", quick)
    monkeypatch.setattr(boosted_ridge, "SYSTEM", boosted_ridge.BoostedRidge(rounds=15))
    systems.cache_clear()
    yield quick
    systems.cache_clear()


@pytest.fixture
def past(months: pd.DataFrame, few_rounds: object, tmp_path: Path) -> Past:
    return past_of(months, tmp_path)
