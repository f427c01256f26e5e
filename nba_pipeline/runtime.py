"""What follows from the settings: clock, warehouse, landing, source and gates, for commands, Dagster and tests.

A command makes one `Runtime`, and so does a code location.
"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import TypeAdapter

from nba_pipeline import code_versions
from nba_pipeline.assets.io_manager import WarehouseIOManager
from nba_pipeline.assets.progress import PROGRESS
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.clock import Clock
from nba_pipeline.code_versions.translations import translations_at
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.settings import BigQueryPlace, Settings
from nba_pipeline.sources.balldontlie import BalldontlieClient
from nba_pipeline.sources.landing import Landing
from nba_pipeline.sources.landing_store import FolderStore, LandingStore
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline.warehouse.interface import Warehouse


class Runtime:
    """All that follows from the settings of a process, each made once: when it is first asked for.

    Gates and steps share one warehouse, so that what gates ask is charged to the run that they ask for.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock.from_settings(settings)
        self._translations = translations_at(settings.translations_path)
        code_versions.keep_in(self._translations)

    @property
    def engine(self) -> str:
        """The kind by which the UI shows where the tables are."""
        return "bigquery" if self.settings.warehouse else "duckdb"

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse that the settings ask for."""
        settings = self.settings
        if settings.warehouse is None:
            return DuckDBWarehouse(settings.warehouse_path, settings.lock_wait_seconds, self._translations)
        # Google's libraries take a second to import, and are not installed where nobody uses them.
        from nba_pipeline.warehouse.google_cloud import bigquery_warehouse

        return bigquery_warehouse(settings, settings.warehouse)

    @cached_property
    def landing(self) -> Landing:
        """The landing that the settings ask for."""
        if self.settings.landing is None:
            return Landing(self.settings.landing_path)
        from nba_pipeline.warehouse.google_cloud import bucket_landing

        return bucket_landing(self.settings.landing)

    @cached_property
    def source(self) -> BalldontlieClient:
        """The client of the source, which lands what it is answered."""
        return BalldontlieClient(self.settings, self.landing, self.clock)

    @cached_property
    def gatekeeper(self) -> Gatekeeper:
        """The gates on the warehouse and the landing."""
        limits = self.settings.gate_time_limit_seconds, self.settings.games_a_team
        return Gatekeeper(self.warehouse, self.clock, self.landing, all_tables(), *limits)

    @cached_property
    def published(self) -> LandingStore:
        """The store of the files for people outside: a folder, or the bucket that the settings ask for."""
        settings = self.settings
        if settings.published is None or not settings.published.startswith("gs://"):
            return FolderStore(settings.published_path)
        from nba_pipeline.warehouse.google_cloud import bucket_store

        return bucket_store(settings.published, "NBA_PIPELINE_PUBLISHED")

    @property
    def resources(self) -> dict[str, object]:
        """The resources of every asset."""
        tables = {table.name: table for table in all_tables()}
        return {
            "settings": self.settings,
            "clock": self.clock,
            "warehouse": self.warehouse,
            "landing": self.landing,
            "source": self.source,
            "progress": PROGRESS,
            "gatekeeper": self.gatekeeper,
            "published": self.published,
            "warehouse_io": WarehouseIOManager(self.warehouse, self.clock, self.settings, tables),
        }


def warehouse_at(settings: Settings, place: str) -> Warehouse:
    """The warehouse at a place that is not the settings' own: `bigquery://PROJECT/PREFIX`, or a DuckDB file."""
    if "://" in place:
        # Not what the settings refuse in a clone: who names a place means it.
        named = TypeAdapter(BigQueryPlace).validate_python(place)
        return Runtime(settings.model_copy(update={"warehouse": named})).warehouse
    return DuckDBWarehouse(Path(place), settings.lock_wait_seconds)


def described(runtime: Runtime) -> dict[str, dg.ResourceDefinition]:
    """The resources as Dagster's UI shows them: what each is for, and what it was set to. No secret is among it."""
    made, abouts = runtime.resources, _abouts(runtime.settings)
    return {name: _described(made[name], about, values) for name, (about, values) in abouts.items()}


def _abouts(settings: Settings) -> dict[str, tuple[str, dict[str, str]]]:
    """What each resource is for, and the values that say which one it is."""
    google = settings.warehouse is not None
    bounds = {"bytes a run": str(settings.bigquery_bytes_per_run), "bytes a day": str(settings.bigquery_bytes_per_day)}
    place = {"engine": "BigQuery" if google else "DuckDB", "place": settings.warehouse or str(settings.warehouse_path)}
    return {
        "warehouse": (
            "Where the tables are. One run at a time writes; who finds it taken waits.",
            {**place, "lock wait, seconds": str(settings.lock_wait_seconds), **(bounds if google else {})},
        ),
        "warehouse_io": ("Publishes what a step makes: written aside, audited, then put in place.", place),
        "landing": (
            "The exact responses of the source, from which every raw table can be made again.",
            {
                "place": settings.landing or str(settings.landing_path),
                "kept, days": str(settings.landing_keep_days or "for ever"),
            },
        ),
        "source": (
            "The client of balldontlie.io: its rate limit, its attempts and what it makes of bad answers.",
            {
                "address": settings.balldontlie_api_url,
                "key": "set" if settings.balldontlie_api_key else "not set: BALLDONTLIE_API_KEY",
                "plan": settings.balldontlie_plan,
                "requests a minute": str(settings.requests_per_minute),
                "attempts": str(settings.http_attempts),
                "betting lines": settings.lines,
            },
        ),
        "gatekeeper": (
            "The gates between phases: whether a date may be made, and why not.",
            {
                "time limit, seconds": str(settings.gate_time_limit_seconds),
                "games a team": str(settings.games_a_team or "by the season"),
            },
        ),
        "published": (
            "Files for people outside; what is there is never changed.",
            {"place": settings.published or str(settings.published_path)},
        ),
        "clock": (
            "The time in New York, which says what game date it is.",
            {"now": str(settings.now or "the real time")},
        ),
        "progress": ("Where a step says how far it has come, for the bars of a command.", {}),
        "settings": ("Every setting, read from the environment; see docs/settings.md.", {"home": str(settings.home)}),
    }


def _described(resource: object, about: str, values: Mapping[str, str]) -> dg.ResourceDefinition:
    """A resource that is made already, with what the UI shows of it; a run cannot set it to anything else."""

    def given(context: dg.InitResourceContext) -> Any:
        changed = [name for name, value in values.items() if context.resource_config.get(name) != value]
        if changed:
            raise dg.DagsterInvalidConfigError(
                f"{', '.join(changed)} of a resource cannot be set for a run. Set it in the environment (see "
                "docs/settings.md), and load the code location again.",
                [],
                context.resource_config,
            )
        return resource

    schema = {name: dg.Field(str, description="As the environment had it when Dagster loaded it.") for name in values}
    # The UI shows it as the resource's type.
    given.__module__, given.__qualname__ = type(resource).__module__, type(resource).__qualname__
    given.__name__ = type(resource).__name__
    kind = dg.IOManagerDefinition if isinstance(resource, dg.IOManager) else dg.ResourceDefinition
    config = dg.Field(schema, default_value=dict(values), is_required=False)
    return kind(resource_fn=given, config_schema=config, description=about)
