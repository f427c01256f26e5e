"""Every setting of the pipeline, read from the environment; the mark of a clone overrules two and refuses four."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote

from pydantic import AwareDatetime, Field, SecretStr, StringConstraints, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Plan = Literal["free", "all-star", "goat"]

CLONE_MARK = "clone.json"
"""The file in a home that says of what it is a clone. While it is there, the home does nothing by itself."""

NOT_IN_A_CLONE = ("NBA_PIPELINE_WAREHOUSE", "NBA_PIPELINE_LANDING", "NBA_PIPELINE_PUBLISHED")
"""What a clone refuses: with them it would write where its home writes."""

BigQueryPlace = Annotated[str, StringConstraints(pattern=r"^bigquery://[a-z][a-z0-9-]*/[A-Za-z][A-Za-z0-9_]*$")]

REQUESTS_PER_MINUTE: dict[Plan, int] = {"free": 5, "all-star": 60, "goat": 600}
"""What each balldontlie plan allows, in requests a minute."""


def without_signs_of_addresses(folder: Path) -> Path:
    """The folder. Raises `ValueError` for one in which Dagster's databases would come to lie elsewhere."""
    if "?" in str(folder) or unquote(str(folder)) != str(folder):
        raise ValueError(
            f"{folder} has a '?' or a '%' with two hexadecimal digits in its path. Dagster puts its databases in "
            "another folder then; choose one without"
        )
    return folder


def is_clone(home: Path) -> bool:
    """Whether the mark of a clone is in a home."""
    return (home / CLONE_MARK).exists()


def environment_of(home: Path) -> Mapping[str, str]:
    """What makes commands use a home; both, for a shell in which one is set would use half of it."""
    return {"NBA_PIPELINE_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}


def as_export(environment: Mapping[str, str]) -> str:
    """The same as a person types it."""
    return " ".join(["export", *(f"{name}={shlex.quote(value)}" for name, value in environment.items())])


class Settings(BaseSettings):
    """The settings of one process; see the table in `docs/settings.md`.

    Raises `pydantic.ValidationError`, naming the variable, when a value cannot be used.
    """

    model_config = SettingsConfigDict(
        env_prefix="NBA_PIPELINE_", frozen=True, populate_by_name=True, env_ignore_empty=True, allow_inf_nan=False
    )

    home: Path = Field(
        default=Path(".nba_pipeline"),
        description="Folder of everything the pipeline keeps: warehouse, landing, models, Dagster's instance.",
    )
    now: AwareDatetime | None = Field(
        default=None,
        description="Sets the clock to this instant (ISO 8601 with offset), for tests and demos.",
    )
    clock_file: Path | None = Field(
        default=None,
        description="A file with an instant that all processes take for the time, for simulations that move it; "
        "partitions still end with the tomorrow of NBA_PIPELINE_NOW.",
    )
    warehouse: BigQueryPlace | None = Field(
        default=None,
        description="Where the tables are: bigquery://PROJECT/DATASET_PREFIX; without it, a DuckDB file in the home.",
    )
    landing: str | None = Field(
        default=None,
        pattern=r"^gs://[a-z0-9][a-z0-9._-]*(/[^/]+)*$",
        description="Where responses are landed: gs://BUCKET/PREFIX; without it, a folder in the home.",
    )
    landing_keep_days: int | None = Field(
        default=None,
        ge=14,
        description="After how many days answers that said nothing new are removed, every Monday by a schedule, or by "
        "`nba-pipeline landing clean-up`; without it, everything is kept.",
    )
    published: str | None = Field(
        default=None,
        pattern=r"^(gs://[a-z0-9][a-z0-9._-]*(/[^/]+)*|[^:]+)$",
        description="Where files for people outside are published: a folder or gs://BUCKET/PREFIX; without it, a "
        "folder in the home.",
    )
    translations: Path | None = Field(
        default=None,
        description="Folder of translated queries and code versions, which homes may share; without it, in the home.",
    )
    bigquery_location: str = Field(default="US", description="Where BigQuery keeps the datasets and runs the jobs.")
    bigquery_bytes_per_run: int = Field(
        default=50 * 2**30,
        gt=0,
        description="Most bytes that BigQuery may bill for one run; a query beyond is refused.",
    )
    bigquery_bytes_per_day: int = Field(
        default=500 * 2**30, gt=0, description="Most bytes that it may bill on one day (UTC) for all runs."
    )
    bigquery_attempts: int = Field(default=5, ge=1, description="Attempts for a job that may heal.")
    bigquery_wait_min_seconds: float = Field(default=1, ge=0, description="First wait between these attempts.")
    bigquery_wait_max_seconds: float = Field(default=30, ge=0, description="Longest wait between these attempts.")
    bigquery_storage_endpoint: str | None = Field(
        default=None,
        pattern=r"^(127\.0\.0\.1|localhost):\d+$",
        description="A Storage API on this machine (host:port), for an emulator.",
    )
    lock_wait_seconds: float = Field(
        default=600,
        ge=0,
        description="How long a step waits for the warehouse's single writer before it fails.",
    )
    step_retries: int = Field(default=3, ge=0, description="Retries of a step whose failure can heal by waiting.")
    step_retry_wait_seconds: float = Field(
        default=20, ge=0, description="First wait before such a retry; it doubles, with jitter."
    )
    gate_time_limit_seconds: float = Field(
        default=120, gt=0, description="Longest evaluation of a gate; one that takes longer is closed."
    )
    sensor_interval_seconds: int = Field(default=30, ge=1, description="Seconds between two looks of a sensor.")
    sensor_lock_wait_seconds: float = Field(
        default=20,
        ge=0,
        le=25,
        description="How long a sensor or schedule waits for DuckDB's lock before its tick fails; it may do so "
        "twice, and Dagster gives a tick a minute.",
    )
    self_heal_interval_seconds: int = Field(default=900, ge=1, description="Seconds between two rounds of self-heal.")
    automation: Literal["on", "off"] = Field(
        default="on",
        validate_default=True,
        description="Whether sensors and schedules run unless they are stopped in the UI; off in a clone, whatever is "
        "set.",
    )
    balldontlie_api_key: SecretStr | None = Field(default=None, validation_alias="BALLDONTLIE_API_KEY")
    balldontlie_api_url: str = Field(default="https://api.balldontlie.io", validation_alias="BALLDONTLIE_API_URL")
    balldontlie_plan: Plan = Field(
        default="all-star",
        validation_alias="BALLDONTLIE_PLAN",
        description="The plan of the key; it sets the rate limit that all steps of all runs share.",
    )
    balldontlie_requests_per_minute: int | None = Field(
        default=None,
        ge=1,
        validation_alias="BALLDONTLIE_REQUESTS_PER_MINUTE",
        description="Overrides the plan's limit, for a server of one's own.",
    )
    lines: Literal["on", "off"] = Field(
        default="off",
        description="Whether bookmakers' lines are asked for; the plan of the key must have them.",
    )
    games_a_team: int | None = Field(
        default=None,
        ge=0,
        description="Games of a team in a regular season where the league is not the NBA; 0 expects no number.",
    )
    http_attempts: int = Field(default=5, ge=1, description="Attempts for a request that may heal.")
    http_wait_min_seconds: float = Field(default=60, ge=0, description="First wait between attempts.")
    http_wait_max_seconds: float = Field(default=1800, ge=0, description="Longest wait between attempts.")
    http_timeout_seconds: float = Field(
        default=60,
        gt=0,
        description="Longest time for one response, from the first byte sent to the last received.",
    )

    slack_webhook_url: SecretStr | None = Field(
        default=None,
        description="Where alerts are sent; without it, and in a clone, they go to the log and the UI only.",
    )
    alert_attempts: int = Field(default=3, ge=1, description="Attempts to send one alert.")
    alert_wait_min_seconds: float = Field(default=2, ge=0, description="First wait between attempts to send.")
    alert_wait_max_seconds: float = Field(default=8, ge=0, description="Longest wait between attempts to send.")
    alert_interval_seconds: int = Field(
        default=60, ge=1, description="How often the event log is read for something to alert about."
    )
    ui_url: str = Field(default="http://127.0.0.1:3000", description="Where Dagster's UI is, for links in alerts.")

    @field_validator("home", "translations")
    @classmethod
    def _absolute(cls, folder: Path | None) -> Path | None:
        return None if folder is None else folder.expanduser().resolve()

    @field_validator("home")
    @classmethod
    def _in_an_address(cls, folder: Path) -> Path:
        """Dagster names its databases by address, in which these characters do not stand for themselves."""
        return without_signs_of_addresses(folder)

    @field_validator("automation", "slack_webhook_url")
    @classmethod
    def _as_a_clone_may(cls, value: object, known: ValidationInfo) -> object:
        """A clone does nothing by itself and alerts nobody, even where the environment is its home's."""
        home = known.data.get("home")
        if home is None or not is_clone(home):
            return value
        return "off" if known.field_name == "automation" else None

    @field_validator("warehouse", "landing", "published")
    @classmethod
    def _in_its_folder(cls, place: str | None, known: ValidationInfo) -> str | None:
        """A clone writes nowhere but in its folder, even where the environment is its home's."""
        home = known.data.get("home")
        if place is not None and home is not None and is_clone(home):
            raise ValueError(
                f"{home} is a clone, which has everything in its folder; with {place} it would write where other homes "
                f"do. Run: unset {' '.join(NOT_IN_A_CLONE)}"
            )
        return place

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file."""
        return self.home / "warehouse.duckdb"

    @property
    def translations_path(self) -> Path:
        """The folder of what was worked out of the code: translated queries and code versions."""
        return self.translations or self.home / "translated"

    @property
    def landing_path(self) -> Path:
        """The folder of exact response bytes."""
        return self.home / "landing"

    @property
    def published_path(self) -> Path:
        """The folder of files for people outside, where it is none of a bucket."""
        return Path(self.published).expanduser().resolve() if self.published else self.home / "published"

    @property
    def dagster_home(self) -> Path:
        """The folder of Dagster's instance: run and event storage."""
        return self.home / "dagster"

    @property
    def models_path(self) -> Path:
        """The folder of trained models, one file each, named by content."""
        return self.home / "models"

    @property
    def requests_per_minute(self) -> int:
        """The rate limit in force: the plan's, unless it is overridden."""
        return self.balldontlie_requests_per_minute or REQUESTS_PER_MINUTE[self.balldontlie_plan]


def instance_folder(settings: Settings) -> Path:
    """Where Dagster's instance is: in `DAGSTER_HOME` if it is set, else where the settings say.

    Raises `ValueError` for a folder in which its databases cannot lie, and where a clone would write into the instance
    of another home, or another home into that of a clone.
    """
    folder = Path(os.environ.get("DAGSTER_HOME") or settings.dagster_home)
    without_signs_of_addresses(folder)
    home, beside = settings.home.resolve(), folder.resolve().parent
    if is_clone(home) and folder.resolve() != home / "dagster":
        raise ValueError(
            f"{folder} is not Dagster's folder in the clone {home}, which would write into the runs of another home. "
            f"Name both: {as_export(environment_of(home))}"
        )
    if is_clone(beside) and beside != home:
        raise ValueError(
            f"{folder} is Dagster's folder in a clone, and the home is {home}, which would write into the runs of the "
            f"clone. Name both: for the clone {as_export(environment_of(beside))}; for the home "
            f"{as_export(environment_of(home))}, or where else its Dagster is"
        )
    return folder
