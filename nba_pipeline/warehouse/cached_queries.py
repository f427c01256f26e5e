"""Query functions and their translations, which are kept: translating a query takes longer than running it."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import ibis
from ibis.expr.operations import InMemoryTable

from nba_pipeline.code_versions.translations import Translations, key_of, name_of
from nba_pipeline.warehouse.date_scope import OpenDates
from nba_pipeline.warehouse.interface import QueryFunction


@dataclass(frozen=True)
class Statement:
    """A translated query: its text, the schema of its rows, and the dates that it leaves open.

    `tables` has the columns that each table had when it was translated, `held` the rows that must be staged beside it.
    """

    text: str
    schema: ibis.Schema
    dates: OpenDates
    tables: Mapping[str, frozenset[str]]
    held: tuple[InMemoryTable, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The statement as `Translations` keep it; one that holds rows cannot be kept."""
        return {
            "text": self.text,
            "schema": {name: str(dtype) for name, dtype in self.schema.items()},
            "scope": self.dates.scope,
            "windows": sorted(self.dates.windows),
            "tables": {name: sorted(columns) for name, columns in self.tables.items()},
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Statement":
        """The statement that was kept."""
        tables = {name: frozenset(columns) for name, columns in kept["tables"].items()}
        dates = OpenDates(kept["scope"], frozenset(kept["windows"]))
        return cls(kept["text"], ibis.schema(kept["schema"]), dates, tables)


_TRANSLATED: dict[Hashable, Statement] = {}
"""The statements of this process, by engine, query function and arguments."""


class CachedQueries:
    """The statements of query functions: those of this process, and those that others with the same sources kept.

    `engine` tells apart what is translated for different engines and places of tables.
    """

    def __init__(self, engine: tuple[str, ...], translations: Translations | None) -> None:
        self._engine = engine
        self._translations = translations

    def find(self, query: QueryFunction, columns_of: Callable[[str], frozenset[str] | None]) -> Statement | None:
        """The statement of a query function, if it is known and each table has the columns that it had."""
        if (key := self._key(query)) is None:
            return None
        known = _TRANSLATED.get(key) or self._from_another_process(key)
        if known is None or not all(columns <= (columns_of(t) or set()) for t, columns in known.tables.items()):
            return None
        return _TRANSLATED.setdefault(key, known)

    def keep(self, query: QueryFunction, statement: Statement) -> None:
        """Keeps the statement of a query function; a lambda or a closure is another one each time, and not kept."""
        if (key := self._key(query)) is None:
            return
        _TRANSLATED[key] = statement
        if self._translations and (name := name_of(key)):
            self._translations.put(name, statement.as_json())

    def _key(self, query: QueryFunction) -> Hashable | None:
        key = key_of(query)
        return None if key is None else (self._engine, key)

    def _from_another_process(self, key: Hashable) -> Statement | None:
        name = name_of(key) if self._translations else None
        kept = self._translations.get(name) if self._translations and name else None
        return Statement.from_json(kept) if kept else None
