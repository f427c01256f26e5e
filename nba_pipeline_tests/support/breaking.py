"""Makes what a test walks raise: methods of classes, and functions wherever they were imported."""

import inspect
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

import pytest

NEVER = 10**9
"""The call from which on nothing raises."""


class BrokenError(Exception):
    """What is raised; nothing in the product knows it, so nothing may catch it by name."""


def broken(what: str) -> Callable[..., NoReturn]:
    def raises(*args: object, **kwargs: object) -> NoReturn:
        raise BrokenError(f"{what} is broken")

    return raises


class Break:
    """Makes a method raise from its n-th call on, and counts the calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: type, method: str, what: str, at: int = 1) -> None:
        self.calls = 0
        works = getattr(owner, method)

        def called(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls >= at:
                raise BrokenError(f"{what} is broken")
            return works(*args, **kwargs)

        monkeypatch.setattr(owner, method, called)


class BreakWherever(Break):
    """Breaks a function in every module that has imported it, as `Break` does a method."""

    def __init__(self, patched: pytest.MonkeyPatch, owner: Any, name: str, what: str, at: int = 1) -> None:
        works = getattr(owner, name)
        super().__init__(patched, owner, name, what, at)
        if isinstance(owner, ModuleType):
            for module in [module for path, module in sys.modules.items() if path.startswith("nba_pipeline.")]:
                if vars(module).get(name) is works:
                    patched.setattr(module, name, getattr(owner, name))


def public_methods(owner: type) -> list[str]:
    return sorted(n for n, value in vars(owner).items() if inspect.isfunction(value) and not n.startswith("_"))


def operations_of(module: ModuleType) -> set[tuple[Any, str]]:
    """The public functions of a module and the public methods of its classes, each with what holds it."""
    own = {name: value for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}
    public = {name: value for name, value in own.items() if not name.startswith("_")}
    methods = {(value, name) for value in public.values() if inspect.isclass(value) for name in methods_of(value)}
    return methods | {(module, name) for name, value in public.items() if inspect.isfunction(value)}


def methods_of(owner: type) -> list[str]:
    """The public methods, those of the class itself among them."""
    of_class = [n for n, value in vars(owner).items() if isinstance(value, classmethod) and not n.startswith("_")]
    return [*public_methods(owner), *of_class]


def short_name(owner: Any) -> str:
    return owner.__name__.rpartition(".")[2]


def named(operation: tuple[Any, str]) -> tuple[str, str]:
    return short_name(operation[0]), operation[1]
