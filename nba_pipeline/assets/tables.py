"""Every table of the pipeline, found by looking: a new file with a `CONTRACT` and an `asset` is a new table."""

import pkgutil
from functools import cache
from importlib import import_module
from types import ModuleType

import dagster as dg

from nba_pipeline.contracts import Contract, Phase

ROOMS = ("raw", "analytics", "precompute", "predictions", "grades")
"""The folders with tables. By their names: what is made of a contract knows no single table."""


PACKAGE = __name__.split(".", maxsplit=1)[0]


@cache
def table_modules() -> tuple[ModuleType, ...]:
    """The modules that define a table, upstream before downstream."""
    rooms = [import_module(f"{PACKAGE}.{room}") for room in ROOMS]
    found = [
        import_module(f"{room.__name__}.{module.name}")
        for room in rooms
        for module in pkgutil.iter_modules(room.__path__)
        if not module.ispkg
    ]
    return tuple(_in_order([module for module in found if hasattr(module, "CONTRACT")]))


def _in_order(modules: list[ModuleType]) -> list[ModuleType]:
    """The modules so that every table comes after those that it reads; ties by phase and name."""
    waiting = sorted(modules, key=lambda m: (m.CONTRACT.phase.value, m.CONTRACT.name))
    ordered: list[ModuleType] = []
    while waiting:
        placed = {module.CONTRACT.name for module in ordered}
        ready = [m for m in waiting if {r.table.name for r in m.CONTRACT.reads.values()} <= placed]
        if not ready:
            raise ValueError(f"tables read each other in a circle: {[m.CONTRACT.name for m in waiting]}")
        ordered.append(ready[0])
        waiting.remove(ready[0])
    return ordered


def all_tables() -> tuple[Contract, ...]:
    """The contracts of all tables, upstream before downstream."""
    return tuple(module.CONTRACT for module in table_modules())


def table_assets() -> list[dg.AssetsDefinition]:
    """The assets of all tables."""
    return [module.asset for module in table_modules()]


def tables_of(phase: Phase) -> tuple[Contract, ...]:
    """The tables of one phase."""
    return tuple(table for table in all_tables() if table.phase is phase)
