"""What an asset has only once the settings are known, put in when Dagster's definitions are assembled.

Files declare assets and read no settings: their partitions are those of the real time, and no code is worked out.
"""

from collections.abc import Iterable

import dagster as dg

from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.clock import Clock
from nba_pipeline.code_versions import version_of
from nba_pipeline.partitions import GAME_DATES, MONTHS, game_date_partitions, month_partitions


def assembled(
    assets: Iterable[dg.AssetsDefinition], clock: Clock, kinds: Iterable[str] = ()
) -> list[dg.AssetsDefinition]:
    """The assets with partitions up to the clock's tomorrow, tables with their code versions, all with more kinds."""
    partitions: dict[dg.PartitionsDefinition | None, dg.PartitionsDefinition] = {
        GAME_DATES: game_date_partitions(clock),
        MONTHS: month_partitions(clock),
    }
    tables = {asset_key(table): table for table in all_tables()}

    def completed(spec: dg.AssetSpec) -> dg.AssetSpec:
        return spec.replace_attributes(
            partitions_def=partitions[spec.partitions_def],
            code_version=version_of(tables[spec.key]) if spec.key in tables else spec.code_version,
            kinds={*spec.kinds, *kinds},
        )

    return [asset.map_asset_specs(completed) for asset in assets]
