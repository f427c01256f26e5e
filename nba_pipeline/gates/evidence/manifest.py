"""What was published: the lines that the pipeline noted, one a table and date."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

import ibis

from nba_pipeline.contracts import Contract, Reader
from nba_pipeline.warehouse.interface import Session
from nba_pipeline.warehouse.operations_tables import PUBLISHED_PARTITIONS


@dataclass(frozen=True)
class Published:
    """One line of the manifest: what was published, from which inputs, by which code, and when."""

    row_count: int
    fingerprint: str
    inputs: str | None
    published_at: datetime
    code_version: str | None = None
    fingerprint_columns: str | None = None


class Manifest:
    """What was published of each table on each date, and whether the table is still there."""

    def __init__(self, session: Session, tables: Sequence[Contract]) -> None:
        self._session = session
        self._tables = tables

    @cached_property
    def lines(self) -> Mapping[str, Mapping[date, Published]]:
        """Per table and date, what was published."""
        found: dict[str, dict[date, Published]] = {}
        for row in self._session.query(_lines).to_pylist():
            line = Published(
                row["row_count"], row["fingerprint"], row["inputs"], row["published_at"], row["code_version"],
                row["fingerprint_columns"],
            )  # fmt: skip
            found.setdefault(row["table_name"], {})[row["game_date"]] = line
        return found

    def published(self, table: Contract) -> Mapping[date, Published]:
        """Per date, what was published of a table; nothing when the table itself is gone from the warehouse."""
        return self.lines.get(table.name, {}) if self._session.exists(table) else {}

    @property
    def lost(self) -> set[str]:
        """The tables that were published and are not in the warehouse any more."""
        return {t.name for t in self._tables if t.name in self.lines and not self._session.exists(t)}

    def first_loaded(self, begin: date) -> date | None:
        """The earliest date, from `begin` on, on which anything was published; None when nothing was."""
        dates = [day for lines in self.lines.values() for day in lines if day >= begin]
        return min(dates) if dates else None


def _lines(read: Reader) -> ibis.Table:
    return read(PUBLISHED_PARTITIONS)
