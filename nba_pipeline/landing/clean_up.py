"""The landing's retention by itself: what `landing clean-up` does, once a week, where a setting says so."""

from datetime import timedelta

import dagster as dg

from nba_pipeline.assets.contexts import AssetContext
from nba_pipeline.assets.table_asset import OWNERS
from nba_pipeline.landing.assets import SOURCE_POOL
from nba_pipeline.sources.retention import clean_up_of

CLEAN_UP_KEY = dg.AssetKey(["operations", "landing_clean_up"])


def landing_clean_up(keep_days: int) -> dg.AssetsDefinition:
    """The asset that removes answers that said nothing new and are older than so many days."""

    @dg.asset(
        key=CLEAN_UP_KEY,
        group_name="operations",
        owners=OWNERS,
        kinds={"json"},
        description=f"Removes landed answers older than {keep_days} days that said nothing new about any date and are "
        "the newest about none (NBA_PIPELINE_LANDING_KEEP_DAYS).",
        required_resource_keys={"landing", "clock"},
        pool=SOURCE_POOL,
    )
    def asset(context: AssetContext) -> dg.MaterializeResult:
        landing = context.resources.landing
        found = clean_up_of(landing, context.resources.clock.now() - timedelta(days=keep_days))
        for key in found.keys:
            landing.store.remove(key)
        return dg.MaterializeResult(
            metadata={"answers removed": len(found.captures), "files removed": len(found.keys), "kept": found.kept}
        )

    return asset
