"""The models as assets: trained by the month on what was known, with a card that the UI shows."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance

from nba_pipeline.assets.assembly import assembled
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import table_assets
from nba_pipeline.clock import Clock
from nba_pipeline.predictions import player_predictions
from nba_pipeline.predictions.models import availability, cards
from nba_pipeline.predictions.models.cards import Card
from nba_pipeline.predictions.models.model_assets import MODEL_KEYS, MODELS, model_asset, model_assets
from nba_pipeline.runtime import Runtime
from nba_pipeline_tests.support.breaking import BreakWherever, operations_of, short_name
from nba_pipeline_tests.support.warehouse_copy import Copy

NOVEMBER = "2025-11-01"
CLOCK = Clock(datetime(2026, 1, 20, 15, tzinfo=UTC))


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ten days of the season teach who plays."""
    monkeypatch.setattr(availability.Availability, "fewest_rows", 500)


def materialized(copy: Copy, instance: DagsterInstance, model: str) -> dg.ExecuteInProcessResult:
    chosen = next(m for m in MODELS if m.learner.system_id == model)
    return dg.materialize(
        assembled([model_asset(chosen)], CLOCK), partition_key=NOVEMBER, instance=instance,
        resources=Runtime(copy.settings).resources, raise_on_error=False,
    )  # fmt: skip


def test_models_have_one_partition_a_month_of_the_season() -> None:
    [partitions] = {asset.partitions_def for asset in assembled(model_assets(), CLOCK)}
    assert partitions is not None
    keys = partitions.get_partition_keys()
    assert keys[0] == "2015-10-01"
    assert keys[-1] == "2026-01-01", "the month of the clock's tomorrow"
    assert {int(key[5:7]) for key in keys} == {10, 11, 12, 1, 2, 3, 4, 5, 6}


def test_predictions_hang_behind_the_models_in_the_graph() -> None:
    (asset,) = [a for a in table_assets() if a.key == asset_key(player_predictions.CONTRACT)]
    assert set(MODEL_KEYS) <= set(asset.dependency_keys)


def test_a_model_is_materialized_with_a_card_that_the_ui_draws(
    copy: Copy, instance: DagsterInstance, few_are_enough: None
) -> None:
    assert materialized(copy, instance, "availability").success
    event = instance.get_latest_materialization_event(dg.AssetKey(["models", "availability"]))
    assert event is not None
    assert event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    page = metadata["played, morning"].value
    assert "data:image/svg+xml;base64," in str(page)
    card = Card(**metadata["card of played, morning"].value)  # type: ignore[arg-type]
    assert card.rows >= availability.MODEL.fewest_rows
    assert card.last_date == "2025-10-31", "nothing of November"
    (kept,) = copy.settings.models_path.glob(f"availability/played-morning/{card.version}.json")
    assert Card.read(kept) == card


def test_what_predictions_had_to_train_is_recorded_as_a_materialization_of_the_model(
    copy: Copy, few_are_enough: None
) -> None:
    day = date(2025, 11, 5)
    copy.forget(player_predictions.CONTRACT, day)
    assert copy.run(player_predictions.CONTRACT, day, day).success
    with DagsterInstance.from_config(str(copy.settings.dagster_home)) as kept:
        partitions = kept.get_materialized_partitions(dg.AssetKey(["models", "availability"]))
    assert partitions == {NOVEMBER}
    assert len(list(copy.settings.models_path.glob("availability/played-morning/2025-11-*.txt"))) == 1


def test_a_model_is_not_trained_on_a_part_of_its_past(copy: Copy, instance: DagsterInstance) -> None:
    day = date(2025, 10, 25)
    copy.sql(f"DELETE FROM precompute.ml_feature_store WHERE game_date = '{day}' AND player_id % 2 = 0")
    result = materialized(copy, instance, "availability")
    assert not result.success
    (failure,) = [e for e in result.all_events if e.event_type_value == "STEP_FAILURE"]
    assert str(day) in str(failure.event_specific_data)


@pytest.mark.parametrize(
    ("owner", "name"),
    sorted(operations_of(cards), key=str),
    ids=lambda value: value if isinstance(value, str) else short_name(value),
)
def test_a_model_whose_card_or_file_cannot_be_kept_or_read_is_not_made(
    copy: Copy, instance: DagsterInstance, few_are_enough: None, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    key = dg.AssetKey(["models", "availability"])
    with monkeypatch.context() as patched:
        used = BreakWherever(patched, owner, name, f"{short_name(owner)} {name}")
        result = materialized(copy, instance, "availability")
    assert used.calls
    assert not result.success
    assert instance.get_latest_materialization_event(key) is None
    assert materialized(copy, instance, "availability").success, "fixed, whatever was kept before it broke"
    assert len(list(copy.settings.models_path.glob("availability/played-morning/*.txt"))) == 1
