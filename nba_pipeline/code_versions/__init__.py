"""Code as an input: the version of the code that makes a table, as one hash that a rename does not change.

For a table that the warehouse computes it follows from the SQL that the transform translates to (`sql_meaning`), for
one made in Python from the syntax trees that its asset reaches (`python_meaning`), and for both from the names, types,
nullability and ranges of the contract's columns. Nobody has to remember to raise it.
"""

import hashlib
from collections.abc import Callable, Mapping
from functools import cache

import ibis
from ibis.backends.sql.compilers.duckdb import DuckDBCompiler
from ibis.expr.operations import InMemoryTable

from nba_pipeline.code_versions import python_meaning, sql_meaning
from nba_pipeline.code_versions.translations import Translations, name_of
from nba_pipeline.contracts import Contract

SHOWN = 16
"""Characters of a version."""

_MAKERS: dict[str, Callable[[], str]] = {}
_VERSIONS: dict[str, str] = {}
_kept: Translations | None = None


def keep_in(translations: Translations) -> None:
    """Where versions are kept that this process works out: one takes seconds to work out, and none to look up."""
    global _kept
    _kept = translations


def version_of(table: Contract) -> str | None:
    """The version of the code that makes a table in this process; None of a table that no asset makes."""
    if table.name not in _VERSIONS and table.name in _MAKERS:
        _VERSIONS[table.name] = _MAKERS[table.name]()
    return _VERSIONS.get(table.name)


def made_by_transform(table: Contract, transform: Callable[..., ibis.Table]) -> None:
    """Notes, for `version_of`, the transform by which the warehouse computes a table from those that it reads."""

    def worked_out() -> dict[str, str]:
        return {"version": _hash(_columns(table), _sql(table, transform))}

    def version() -> str:
        name = name_of(("code version", transform))
        return _once(name and f"{name} of {table.name}", worked_out)

    _note(table, version)


def made_by_python(table: Contract, function: Callable[..., object]) -> None:
    """Notes, for `version_of`, the Python function that makes a table."""

    def worked_out() -> dict[str, str]:
        return {"version": _hash(_columns(table), python_meaning.meaning_of_function(function))}

    def version() -> str:
        # By its name: under it the module has the asset that was made of the function.
        ours = function.__module__.startswith(f"{python_meaning.PACKAGE}.")
        name = f"code version of {table.name} by {function.__module__}.{function.__qualname__}"
        return _once(name if ours else None, worked_out)

    _note(table, version)


def _note(table: Contract, version: Callable[[], str]) -> None:
    _MAKERS[table.name] = version
    _VERSIONS.pop(table.name, None)


def _once(name: str | None, worked_out: Callable[[], dict[str, str]]) -> str:
    """A version as it is kept under a name; worked out where none is, or where none can be kept."""
    return (worked_out() if name is None or _kept is None else _kept.once(name, worked_out))["version"]


@cache
def of_class(kind: type) -> str:
    """The version of a class that makes no table of its own, such as a system whose models are trained."""
    return python_meaning.meaning_of_function(kind)[:SHOWN]


def _columns(table: Contract) -> str:
    """What a contract says of single values, but for the words."""
    said = [(c.name, str(c.dtype), c.nullable, c.between, c.allowed, c.volatile) for c in table.columns]
    return repr(said)


def _sql(table: Contract, transform: Callable[..., ibis.Table]) -> str:
    inputs = {name: read.table.unbound() for name, read in table.reads.items()}
    schemas = {read.table.name: _types(read.table.schema) for read in table.reads.values()}
    expression = transform(**inputs)
    rows = expression.select(**{c.name: expression[c.name].cast(c.dtype) for c in table.columns})
    if rows.op().find(InMemoryTable):
        raise ValueError(
            f"the transform of {table.name} holds rows of its own, which no SQL shows; read them as a table"
        )
    return sql_meaning.meaning_of(DuckDBCompiler().to_sqlglot(rows), schemas)


def _types(schema: ibis.Schema) -> Mapping[str, str]:
    return {name: str(dtype) for name, dtype in schema.items()}


def _hash(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:SHOWN]
