"""The prediction systems, one file each. A new system is a new file with a `SYSTEM` in it."""

import pkgutil
from functools import cache
from importlib import import_module

from nba_pipeline.predictions.walk_forward.walk import System


@cache
def systems() -> tuple[System, ...]:
    """Every system of this package, in the order of their ids."""
    modules = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    found = [module.SYSTEM for module in modules if hasattr(module, "SYSTEM")]
    return tuple(sorted(found, key=lambda system: system.system_id))
