"""Dagster's contexts, with the types of the resources that every step, check, sensor and schedule here is given.

To Python they are Dagster's own classes: only the type checker learns more, so nothing is looked up at run time.
"""

from typing import TYPE_CHECKING, Protocol

import dagster as dg

from nba_pipeline.assets.progress import Progress
from nba_pipeline.clock import Clock
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.settings import Settings
from nba_pipeline.sources.balldontlie import BalldontlieClient
from nba_pipeline.sources.landing import Landing
from nba_pipeline.sources.landing_store import LandingStore
from nba_pipeline.warehouse.interface import Warehouse


class Resources(Protocol):
    """What is made of the settings once a process: see `runtime.resources`."""

    settings: Settings
    clock: Clock
    warehouse: Warehouse
    landing: Landing
    source: BalldontlieClient
    progress: Progress
    gatekeeper: Gatekeeper
    published: LandingStore


if TYPE_CHECKING:

    class AssetContext(dg.AssetExecutionContext):
        """The context of an asset's step."""

        @property
        def resources(self) -> Resources:
            """What the settings ask for."""
            ...

    class CheckContext(dg.AssetCheckExecutionContext):
        """The context of an asset check's step."""

        @property
        def resources(self) -> Resources:
            """What the settings ask for."""
            ...

    class SensorContext(dg.SensorEvaluationContext):
        """The context of a sensor's tick."""

        @property
        def resources(self) -> Resources:  # pyright: ignore[reportIncompatibleMethodOverride]
            """What the settings ask for."""
            ...

    class ScheduleContext(dg.ScheduleEvaluationContext):
        """The context of a schedule's tick."""

        @property
        def resources(self) -> Resources:  # pyright: ignore[reportIncompatibleMethodOverride]
            """What the settings ask for."""
            ...

else:
    AssetContext = dg.AssetExecutionContext
    CheckContext = dg.AssetCheckExecutionContext
    SensorContext = dg.SensorEvaluationContext
    ScheduleContext = dg.ScheduleEvaluationContext
