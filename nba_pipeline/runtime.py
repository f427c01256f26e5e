"""What follows from the settings: clock, warehouse, landing, source and gates, for commands, Dagster and tests."""

from pathlib import Path

from nba_pipeline.assets.io_manager import WarehouseIOManager
from nba_pipeline.assets.progress import PROGRESS
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.clock import Clock
from nba_pipeline.code_versions.translations import translations_at
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.settings import Settings
from nba_pipeline.sources.balldontlie import BalldontlieClient
from nba_pipeline.sources.landing import Landing
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline.warehouse.interface import Warehouse


def warehouse_of(settings: Settings) -> Warehouse:
    """The warehouse that the settings ask for."""
    if settings.warehouse is None:
        translations = translations_at(settings.translations_path)
        return DuckDBWarehouse(settings.warehouse_path, settings.lock_wait_seconds, translations)
    # Google's libraries take a second to import, and are not installed where nobody uses them.
    from nba_pipeline.warehouse.google_cloud import bigquery_warehouse

    return bigquery_warehouse(settings, settings.warehouse)


def warehouse_at(settings: Settings, place: str) -> Warehouse:
    """The warehouse at a place that is not the settings' own: `bigquery://PROJECT/PREFIX`, or a DuckDB file."""
    if "://" in place:
        return warehouse_of(Settings.model_validate({**settings.model_dump(), "warehouse": place}))
    return DuckDBWarehouse(Path(place), settings.lock_wait_seconds)


def landing_of(settings: Settings) -> Landing:
    """The landing that the settings ask for."""
    if settings.landing is None:
        return Landing(settings.landing_path)
    from nba_pipeline.warehouse.google_cloud import bucket_landing

    return bucket_landing(settings.landing)


def gatekeeper_of(settings: Settings) -> Gatekeeper:
    """The gates on the warehouse and landing of the settings."""
    return gatekeeper_on(warehouse_of(settings), landing_of(settings), settings)


def gatekeeper_on(warehouse: Warehouse, landing: Landing, settings: Settings) -> Gatekeeper:
    """The gates on a warehouse and a landing that are there."""
    limits = settings.gate_time_limit_seconds, settings.games_a_team
    return Gatekeeper(warehouse, Clock.from_settings(settings), landing, all_tables(), *limits)


def resources(settings: Settings) -> dict[str, object]:
    """The resources of every asset, as the settings ask for them.

    All of them share one warehouse, so that what gates ask is charged to the run that they ask for.
    """
    clock = Clock.from_settings(settings)
    warehouse = warehouse_of(settings)
    landing = landing_of(settings)
    return {
        "settings": settings,
        "clock": clock,
        "warehouse": warehouse,
        "landing": landing,
        "source": BalldontlieClient(settings, landing, clock),
        "progress": PROGRESS,
        "gatekeeper": gatekeeper_on(warehouse, landing, settings),
        "warehouse_io": WarehouseIOManager(warehouse, clock, settings, {table.name: table for table in all_tables()}),
    }
