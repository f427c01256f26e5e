"""What Dagster loads: nothing but assembly."""

from pathlib import Path

import dagster as dg

from nba_pipeline.automation.alert_sensor import ALERTS_ASSET, alert_sensor
from nba_pipeline.automation.decided_games import GAME_DECISIONS_ASSET, decided_games_sensor, no_game_is_decided
from nba_pipeline.automation.freshness import freshness_checks, freshness_sensor
from nba_pipeline.automation.phase_sensors import phase_sensor
from nba_pipeline.automation.planning import FED_PHASES
from nba_pipeline.automation.schedules import schedules
from nba_pipeline.automation.self_heal import (
    SELF_HEAL_ASSET,
    code_is_current,
    nothing_given_up,
    nothing_passed_over,
    self_heal_sensor,
)
from nba_pipeline.clock import Clock
from nba_pipeline.code_versions.translations import translations_at
from nba_pipeline.gates import Gatekeeper
from nba_pipeline.landing import (
    landed_game_lines,
    landed_games,
    landed_injuries,
    landed_player_box_scores,
    landed_player_prop_lines,
    landed_players,
    landed_season_schedule,
)
from nba_pipeline.operations.data_quality import quality_checks
from nba_pipeline.operations.landing_retention import landing_clean_up
from nba_pipeline.operations.ledger_verification import ledger_check
from nba_pipeline.operations.pipeline_health import pipeline_health
from nba_pipeline.operations.season_schedule import season_schedule_checks
from nba_pipeline.predictions.model_assets import model_assets
from nba_pipeline.progress import PROGRESS
from nba_pipeline.settings import Settings
from nba_pipeline.sources.balldontlie import BalldontlieClient
from nba_pipeline.sources.landing import Landing
from nba_pipeline.table_checks import checks_of, gate_checks
from nba_pipeline.tables import all_tables, table_assets
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline.warehouse.interface import Warehouse
from nba_pipeline.warehouse.io_manager import WarehouseIOManager


def warehouse_of(settings: Settings) -> Warehouse:
    """The warehouse that the settings ask for."""
    if settings.warehouse is None:
        translations = translations_at(settings.translations_path)
        return DuckDBWarehouse(settings.warehouse_path, settings.lock_wait_seconds, translations)
    # Google's libraries take a second to import, and are not installed where nobody uses them.
    from nba_pipeline.google_cloud import bigquery_warehouse

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
    from nba_pipeline.google_cloud import bucket_landing

    return bucket_landing(settings.landing)


def gatekeeper_of(settings: Settings) -> Gatekeeper:
    """The gates on the warehouse and landing of the settings."""
    clock, landing = Clock.from_settings(settings), landing_of(settings)
    limits = settings.gate_time_limit_seconds, settings.games_a_team
    return Gatekeeper(warehouse_of(settings), clock, landing, all_tables(), *limits)


def resources(settings: Settings) -> dict[str, object]:
    """The resources of every asset, as the settings ask for them."""
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
        "gatekeeper": gatekeeper_of(settings),
        "warehouse_io": WarehouseIOManager(warehouse, clock, settings, {table.name: table for table in all_tables()}),
    }


def definitions(settings: Settings) -> dg.Definitions:
    """Everything that Dagster knows, on the warehouse and landing of the settings."""
    tables = all_tables()
    return dg.Definitions(
        assets=[
            landed_games,
            landed_player_box_scores,
            landed_players,
            landed_injuries,
            landed_player_prop_lines,
            landed_game_lines,
            landed_season_schedule,
            *table_assets(),
            *model_assets(),
            ALERTS_ASSET,
            SELF_HEAL_ASSET,
            GAME_DECISIONS_ASSET,
            pipeline_health,
            *([landing_clean_up(settings.landing_keep_days)] if settings.landing_keep_days is not None else []),
        ],
        asset_checks=[
            *(check for table in tables for check in checks_of(table)),
            *gate_checks(tables),
            freshness_checks(tables),
            quality_checks(tables),
            ledger_check(),
            season_schedule_checks,
            nothing_given_up,
            nothing_passed_over,
            no_game_is_decided,
            code_is_current,
        ],
        sensors=[
            *(phase_sensor(phase, tables, settings) for phase in FED_PHASES),
            self_heal_sensor(tables, settings),
            freshness_sensor(tables, settings),
            decided_games_sensor(settings),
            alert_sensor(settings),
        ],
        schedules=schedules(settings),
        resources=resources(settings),
        executor=dg.in_process_executor,
    )


defs = definitions(Settings())
