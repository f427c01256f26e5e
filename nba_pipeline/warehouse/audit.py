"""The audit: everything a contract promises, asked of staged rows in the engine, per game date."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import cache, partial
from typing import cast

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from nba_pipeline.contracts import Column, Contract, Grid, Reader, StoredTable
from nba_pipeline.warehouse.date_scope import in_scope
from nba_pipeline.warehouse.interface import Session

STAGED = "staged_rows"

NANO, MOST_IN_NANO = 1e9, 9e9

Reasons = dict[date, list[str]]
"""Per game date, why its rows cannot be published. Dates without a reason are absent."""


class ContractError(Exception):
    """Rows cannot be the table's at all: columns are missing or unknown, or dates were never asked for."""


def conform(rows: ibis.Table, table: Contract) -> ibis.Table:
    """The rows with exactly the contract's columns, in its order and types.

    Raises `ContractError` when a column is missing or unknown.
    """
    missing = [name for name in table.schema.names if name not in rows.columns]
    unknown = [name for name in rows.columns if name not in table.schema.names]
    if missing or unknown:
        raise ContractError(
            f"{table.name}: the rows do not have the contract's columns (missing: {missing or 'none'}; "
            f"not in the contract: {unknown or 'none'})"
        )
    return rows.select(**{c.name: rows[c.name].cast(c.dtype) for c in table.columns})


def column_rules(rows: ibis.Table, table: Contract) -> dict[str, ir.BooleanValue]:
    """For each rule about single values, the condition under which a row breaks it."""
    rules: dict[str, ir.BooleanValue] = {}
    for column in table.columns:
        value = rows[column.name]
        if not column.nullable:
            rules[f"{column.name} is null"] = value.isnull()
        if column.dtype.is_floating():
            rules[f"{column.name} is not a number"] = value.isnan() | value.isinf()
        if column.between is not None:
            low, high = column.between
            rules[f"{column.name} is outside {low:g} to {high:g} {column.unit}"] = ~value.between(low, high)
        if column.allowed is not None:
            rules[f"{column.name} is none of {', '.join(column.allowed)}"] = value.notin(column.allowed)
    return rules


def duplicate_rule(table: Contract) -> str:
    """The name of the rule that a key stands once."""
    return f"more than one row per {', '.join(table.grain)}"


def broken_rows(rows: ibis.Table, table: Contract, broken: Collection[str]) -> ibis.Table:
    """The rows that break the named rules about single values and keys, with `reason`."""
    parts = [
        rows.filter(condition.fill_null(False)).mutate(reason=ibis.literal(name))
        for name, condition in column_rules(rows, table).items()
        if name in broken
    ]
    if duplicate_rule(table) in broken:
        copies = rows.mutate(copies=ibis._.count().over(ibis.window(group_by=table.grain)))
        duplicated = copies.filter(copies.copies > 1).drop("copies")
        parts.append(duplicated.mutate(reason=ibis.literal(duplicate_rule(table))))
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


@cache
def staged_rows(table: Contract, name: str = STAGED) -> ibis.Table:
    """The rows under audit, wherever they come from: a session stages them under this name."""
    return ibis.table(table.schema, name=name)


def count_broken(table: Contract, read: Reader) -> ibis.Table:
    """Per game date, how many staged rows break each rule: `rule_0` and so on, as in `column_rules`."""
    rows = staged_rows(table)
    rules = column_rules(rows, table)
    counts = {f"rule_{n}": condition.fill_null(False).sum() for n, condition in enumerate(rules.values())}
    keys = rows.group_by(table.grain).agg(copies=ibis._.count())
    duplicates = keys.group_by("game_date").agg(duplicates=(keys.copies - 1).sum())
    by_date = rows.group_by("game_date").agg(**counts)
    return by_date.inner_join(duplicates, "game_date")


def audit_columns(session: Session, table: Contract) -> dict[date, dict[str, int]]:
    """Per date, the rules about single values and keys that the staged rows break, and how many rows do."""
    names = list(column_rules(staged_rows(table), table))
    broken: dict[date, dict[str, int]] = {}
    for row in session.query(partial(count_broken, table)).to_pylist():
        counts = {name: row[f"rule_{n}"] for n, name in enumerate(names)}
        counts[duplicate_rule(table)] = row["duplicates"]
        found = {name: count for name, count in counts.items() if count}
        if found:
            broken[row["game_date"]] = found
    return broken


def as_reasons(broken: Mapping[date, Mapping[str, int]]) -> Reasons:
    """The broken rules as sentences, per date."""
    return {day: [f"{count} rows: {name}" for name, count in rules.items()] for day, rules in broken.items()}


def audit_promises(session: Session, table: Contract, dates: Sequence[date]) -> Reasons:
    """Per date, the promises about its staged rows as a whole that are broken."""
    if not table.audits:
        return {}
    reasons: Reasons = defaultdict(list)
    found = session.query(partial(broken_promises, table), dates=dates)
    for row in sorted(found.to_pylist(), key=lambda row: (row["place"], row["reason"])):
        reasons[row["game_date"]].append(f"{table.audits[row['place']].name}: {row['reason']}")
    return dict(reasons)


def broken_promises(table: Contract, read: Reader) -> ibis.Table:
    """The dates of staged rows that break a promise as a whole: `game_date`, `reason`, and the promise's `place`.

    One query for all of them: a warehouse that bills asks a price for each.
    """
    staged = staged_rows(table)
    return ibis.union(
        *(
            audit.violations(staged, read).select("game_date", "reason", place=ibis.literal(place, "int64"))
            for place, audit in enumerate(table.audits)
        )
    )


def grid_gaps(rows: ibis.Table, table: Contract, read: Reader) -> ibis.Table:
    """Keys that should exist and do not, or exist and should not, on the dates in scope.

    Returns `game_date`, the grid's keys and `gap` (`missing` or `unexpected`).
    """
    grid = cast(Grid, table.grid)
    keys = ["game_date", *grid.keys]
    expected, present = grid.expected(read).select(keys), grid.present(rows).select(keys)
    expected, present = expected.filter(in_scope(expected.game_date)), present.filter(in_scope(present.game_date))
    missing = expected.anti_join(present, keys).mutate(gap=ibis.literal("missing"))
    if not grid.exact:
        return missing
    unexpected = present.anti_join(expected, keys).mutate(gap=ibis.literal("unexpected"))
    return missing.union(unexpected)


def describe_gaps(gaps: pa.Table, grid: Grid, shown: int = 3) -> Reasons:
    """The gaps as sentences, per date: how many, and the first few keys."""
    found: dict[tuple[date, str], list[str]] = defaultdict(list)
    for row in gaps.to_pylist():
        found[row["game_date"], row["gap"]].append(" ".join(f"{key} {row[key]}" for key in grid.keys))
    reasons: Reasons = defaultdict(list)
    for (day, gap), keys in sorted(found.items()):
        more = f" and {len(keys) - shown} more" if len(keys) > shown else ""
        reasons[day].append(f"{len(keys)} {grid.what} {gap}: {'; '.join(sorted(keys)[:shown])}{more}")
    return dict(reasons)


def audit_grid(session: Session, table: Contract, dates: Sequence[date]) -> Reasons:
    """Per date, what the expected grid wants and the staged rows lack, and what they have beyond it."""
    grid = table.grid
    if grid is None or not dates:
        return {}
    return describe_gaps(session.query(partial(_staged_gaps, table), dates=dates), grid)


def _staged_gaps(table: Contract, read: Reader) -> ibis.Table:
    return grid_gaps(staged_rows(table), table, read)


def fingerprint_columns(table: StoredTable) -> str:
    """The columns over which a fingerprint is taken, as the manifest notes them."""
    return ",".join(column.name for column in table.columns if not column.volatile)


def fingerprints(
    session: Session, table: Contract, staged_as: str = STAGED, over: str | None = None
) -> Mapping[date, tuple[int, str]]:
    """Per date with staged rows: their number and the SHA-256 over their content in the order of the grain.

    `over` are the columns to take it over, as the manifest notes them; those of the contract, if not given.
    """
    names = over or fingerprint_columns(table)
    found = session.query(partial(_fingerprints, table, staged_as, names))
    return {row["game_date"]: (row["row_count"], row["fingerprint"]) for row in found.to_pylist()}


def fingerprints_as_noted(
    session: Session, table: Contract, noted: Mapping[date, str | None], staged_as: str = STAGED
) -> dict[date, str]:
    """Per date, the fingerprint of the staged rows over the columns that the manifest notes of it.

    A contract that has gained a column since says nothing about rows from before. Dates without rows are left out.
    """
    found: dict[date, str] = {}
    for over in {columns or fingerprint_columns(table) for columns in noted.values()}:
        mine = fingerprints(session, table, staged_as, over)
        same = (day for day, columns in noted.items() if (columns or fingerprint_columns(table)) == over)
        found |= {day: mine[day][1] for day in same if day in mine}
    return found


def dates_with_values(session: Session, table: Contract, columns: Collection[str]) -> set[date]:
    """The dates on which some staged row has a value in one of the columns."""
    found = session.query(partial(_dates_with_values, table, tuple(sorted(columns))))
    return {row["game_date"] for row in found.to_pylist()}


def _dates_with_values(table: Contract, columns: Sequence[str], read: Reader) -> ibis.Table:
    rows = staged_rows(table)
    return rows.filter(ibis.or_(*(rows[name].notnull() for name in columns))).select("game_date").distinct()


def content_hashes(session: Session, table: StoredTable, dates: Sequence[date]) -> Mapping[date, tuple[int, str]]:
    """Per date with published rows: their number and the SHA-256 over all that they say, volatile columns too.

    The same rows give the same hash in every engine.
    """
    published = session.read(table)
    session.stage(STAGED, published.filter(published.game_date.isin([ibis.literal(day) for day in dates])))
    found = session.query(partial(_content_hashes, table))
    return {row["game_date"]: (row["row_count"], row["fingerprint"]) for row in found.to_pylist()}


def _fingerprints(table: Contract, staged_as: str, names: str, read: Reader) -> ibis.Table:
    order = [name for name in table.grain if name != "game_date"]
    by_name = {column.name: column for column in table.columns}
    # Of a column that the contract has lost nothing can be said: the rows are then not those that were published.
    columns = [by_name[name] for name in names.split(",") if name in by_name]
    return _hash_of_hashes(_row_hashes(staged_rows(table, staged_as), columns, order), order)


def _content_hashes(table: StoredTable, read: Reader) -> ibis.Table:
    """In the order of the rows' own hashes: tables that only ever grow need not be unique in their grain."""
    return _hash_of_hashes(_row_hashes(staged_rows(table), table.columns, ()), ["row_hash"])


def _row_hashes(rows: ibis.Table, columns: Sequence[Column], kept: Sequence[str]) -> ibis.Table:
    # Joined at once: adding one text to the others at a time would copy a wide row once a column.
    row_text = ibis.literal("|").join([_text(rows[column.name], column) for column in columns])
    return rows.select("game_date", *kept, row_hash=row_text.hexdigest("sha256"))


def _hash_of_hashes(hashed: ibis.Table, order: Sequence[str]) -> ibis.Table:
    by_date = hashed.group_by("game_date").agg(
        row_count=ibis._.count(),
        fingerprint=hashed.row_hash.group_concat(sep=",", order_by=[hashed[name] for name in order] or None),
    )
    return by_date.mutate(fingerprint=by_date.fingerprint.hexdigest("sha256"))


def _text(value: ir.Value, column: Column) -> ir.StringValue:
    """The value as text that is the same in every engine: numbers to nine decimals, instants in microseconds.

    What does not fit 64 bits at nine decimals, and what is no number at all, is written as the engine writes it.
    """
    text = value if column.dtype.is_string() else value.cast("string")
    if column.dtype.is_floating():
        fits = (value.abs() < MOST_IN_NANO).ifelse(value, ibis.null("float64"))  # type: ignore[attr-defined]
        text = (fits * NANO).round().cast("string").fill_null(text)
    elif column.dtype.is_timestamp():
        text = _instant(value)
    return text.fill_null("␀") if column.nullable else text  # type: ignore[return-value]


def _instant(value: ir.Value) -> ir.StringValue:
    """The day, and the microseconds since it began. Some engines count the seconds among the microseconds of one."""
    seconds = (value.hour() * 60 + value.minute()) * 60 + value.second()  # type: ignore[attr-defined]
    fraction = value.microsecond() % 1_000_000  # type: ignore[attr-defined]
    of_day = seconds.cast("int64") * 1_000_000 + fraction
    return value.date().cast("string") + " " + of_day.cast("string")  # type: ignore[attr-defined]
