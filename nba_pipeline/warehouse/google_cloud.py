"""The pipeline on Google's cloud: warehouse and landing from their URLs, with the clients of dagster-gcp.

Imported only where the settings ask for it: `pip install nba-pipeline[gcp]` brings what it needs.
"""

from urllib.parse import urlsplit

from dagster_gcp import BigQueryResource, GCSResource

from nba_pipeline.code_versions.translations import translations_at
from nba_pipeline.settings import Settings
from nba_pipeline.sources.bucket_store import BucketStore
from nba_pipeline.sources.landing import Landing
from nba_pipeline.warehouse.bigquery_budget import Budget
from nba_pipeline.warehouse.bigquery_jobs import Patience
from nba_pipeline.warehouse.bigquery_warehouse import BigQueryWarehouse


def bigquery_warehouse(settings: Settings, url: str) -> BigQueryWarehouse:
    """The warehouse at `bigquery://PROJECT/DATASET_PREFIX`."""
    parts = urlsplit(url)
    return BigQueryWarehouse(
        BigQueryResource(project=parts.netloc, location=settings.bigquery_location),
        parts.path.strip("/"),
        Budget(settings.bigquery_bytes_per_run, settings.bigquery_bytes_per_day),
        lock_wait_seconds=settings.lock_wait_seconds,
        patience=Patience(
            settings.bigquery_attempts, settings.bigquery_wait_min_seconds, settings.bigquery_wait_max_seconds
        ),
        storage_endpoint=settings.bigquery_storage_endpoint,
        translations=translations_at(settings.translations_path),
    )


def bucket_landing(url: str) -> Landing:
    """The landing at `gs://BUCKET/PREFIX`."""
    return Landing(bucket_store(url, "NBA_PIPELINE_LANDING"))


def bucket_store(url: str, setting: str) -> BucketStore:
    """The files at `gs://BUCKET/PREFIX`, which a setting names."""
    parts = urlsplit(url)
    return BucketStore(GCSResource().get_client(), parts.netloc, parts.path.strip("/"), setting)
