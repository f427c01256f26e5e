"""What Dagster loads: nothing but assembly."""

import dagster as dg

from nba_pipeline.alerting.sensor import ALERTS_ASSET, alert_sensor
from nba_pipeline.assets.assembly import assembled
from nba_pipeline.assets.table_checks import checks_of, gate_checks
from nba_pipeline.assets.tables import all_tables, table_assets
from nba_pipeline.automation.decided_games import GAME_DECISIONS_ASSET, decided_games_sensor, no_game_is_decided
from nba_pipeline.automation.jobs import DEFINED, jobs_in
from nba_pipeline.automation.phase_sensors import phase_sensor
from nba_pipeline.automation.planning import FED_PHASES
from nba_pipeline.automation.publishing import tonights_file_sensor
from nba_pipeline.automation.schedules import schedules
from nba_pipeline.automation.self_heal import (
    SELF_HEAL_ASSET,
    code_is_current,
    nothing_given_up,
    nothing_passed_over,
    self_heal_sensor,
)
from nba_pipeline.landing.assets import (
    landed_game_lines,
    landed_games,
    landed_injuries,
    landed_player_box_scores,
    landed_player_prop_lines,
    landed_players,
    landed_season_schedule,
)
from nba_pipeline.landing.clean_up import landing_clean_up
from nba_pipeline.monitoring.data_quality import quality_checks
from nba_pipeline.monitoring.freshness import freshness_checks, freshness_sensor
from nba_pipeline.monitoring.ledger_verification import ledger_check
from nba_pipeline.monitoring.pipeline_health import pipeline_health
from nba_pipeline.monitoring.season_schedule import season_schedule_checks
from nba_pipeline.partitions import game_date_partitions
from nba_pipeline.predictions.models.model_assets import model_assets
from nba_pipeline.publishing.tonights_file import published_files_stand, tonights_file
from nba_pipeline.runtime import Runtime, described
from nba_pipeline.settings import Settings, instance_folder


def definitions(runtime: Runtime) -> dg.Definitions:
    """Everything that Dagster knows, on the warehouse and landing of a runtime."""
    tables, settings, clock = all_tables(), runtime.settings, runtime.clock
    game_dates = game_date_partitions(clock)
    landed = [
        landed_games,
        landed_player_box_scores,
        landed_players,
        landed_injuries,
        landed_player_prop_lines,
        landed_game_lines,
        landed_season_schedule,
    ]
    return dg.Definitions(
        assets=[
            *assembled([*landed, *model_assets(), tonights_file], clock),
            *assembled([*table_assets(), pipeline_health], clock, [runtime.engine]),
            ALERTS_ASSET,
            SELF_HEAL_ASSET,
            GAME_DECISIONS_ASSET,
            *([landing_clean_up(settings.landing_keep_days)] if settings.landing_keep_days is not None else []),
        ],
        asset_checks=[
            *(checks_of(table, game_dates) for table in tables),
            *gate_checks(tables, game_dates),
            freshness_checks(tables),
            quality_checks(tables),
            ledger_check(game_dates),
            published_files_stand(game_dates),
            season_schedule_checks,
            nothing_given_up,
            nothing_passed_over,
            no_game_is_decided,
            code_is_current,
        ],
        jobs=[DEFINED[job] for job in jobs_in(settings)],
        sensors=[
            *(phase_sensor(phase, tables, settings) for phase in FED_PHASES),
            tonights_file_sensor(settings),
            self_heal_sensor(tables, settings),
            freshness_sensor(tables, settings),
            decided_games_sensor(settings),
            alert_sensor(settings),
        ],
        schedules=schedules(settings),
        resources=described(runtime),
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster loads: the settings are read then, and not when this module is imported.

    Raises `ValueError` for one half of a clone: what `dagster` or `dg` launches would be in the runs of another home.
    """
    settings = Settings()
    instance_folder(settings)
    return definitions(Runtime(settings))
