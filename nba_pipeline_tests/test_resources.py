"""The resources as Dagster's UI shows them: what they were set to, no secret, and nothing that a run could change."""

from pathlib import Path

import dagster as dg
import pytest
from pydantic import SecretStr

from nba_pipeline.definitions import definitions
from nba_pipeline.runtime import Runtime, described
from nba_pipeline.settings import Settings

SECRET = "a-key-that-nobody-may-see"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path, balldontlie_api_key=SecretStr(SECRET), slack_webhook_url=SecretStr(f"http://127.0.0.1/{SECRET}")
    )


def shown(settings: Settings) -> dict[str, dict[str, str]]:
    """The values of each resource, by its name."""
    found = definitions(Runtime(settings)).get_repository_def().get_top_level_resources()
    return {
        name: resource.config_schema.default_value if resource.config_schema.default_provided else {}
        for name, resource in found.items()
    }


def test_every_resource_says_what_it_is_for_and_what_it_was_set_to(settings):
    found = described(Runtime(settings))
    assert found.keys() == Runtime(settings).resources.keys()
    assert found["source"].resource_fn.__name__ == "BalldontlieClient"
    assert all((resource.description or "").endswith(".") for resource in found.values())
    values = shown(settings)
    assert values["warehouse"]["engine"] == "DuckDB"
    assert values["warehouse"]["place"] == str(settings.warehouse_path)
    assert values["landing"]["place"] == str(settings.landing_path)
    assert values["source"] | {"key": "set", "plan": "all-star", "requests a minute": "60"} == values["source"]


def test_no_secret_is_among_what_is_shown(settings):
    assert SECRET not in str(shown(settings))
    without = settings.model_copy(update={"balldontlie_api_key": None})
    assert shown(without)["source"]["key"] == "not set: BALLDONTLIE_API_KEY"


def test_a_run_that_sets_a_resource_to_something_else_is_refused_with_where_it_is_set(settings):
    @dg.asset(required_resource_keys={"warehouse"})
    def asset(context: dg.AssetExecutionContext) -> None:
        context.log.info(str(context.resources.warehouse.path))

    given = {"warehouse": described(Runtime(settings))["warehouse"]}
    assert dg.materialize([asset], resources=given).success
    changed = {"resources": {"warehouse": {"config": {**shown(settings)["warehouse"], "place": "/elsewhere"}}}}
    with pytest.raises(dg.DagsterInvalidConfigError, match="place of a resource cannot be set for a run"):
        dg.materialize([asset], resources=given, run_config=changed)
