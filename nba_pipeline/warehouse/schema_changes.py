"""What may change about a table in the warehouse by itself: columns that its contract has gained, nothing else."""

from collections.abc import Collection, Mapping, Sequence

import ibis
from ibis.expr.datatypes import DataType

from nba_pipeline.contracts import StoredTable
from nba_pipeline.warehouse.errors import SchemaMismatchError


def rows_lacking(table: StoredTable, existing: Collection[str]) -> ibis.Table | None:
    """The rows of a table that lacks columns of its contract which may be null, with nulls in them; else None.

    A contract may have gained a column that nobody has written yet: of rows from before nothing is known in it. A
    table that lacks any other column is damaged, and what is asked of it fails.
    """
    lacking = {column.name: column.dtype for column in table.columns if column.name not in existing}
    if not lacking or not all(column.nullable for column in table.columns if column.name in lacking):
        return None
    there = {name: dtype for name, dtype in table.schema.items() if name not in lacking}
    rows = ibis.table(ibis.schema(there), name=table.short_name, database=table.schema_name)
    return rows.mutate(**{name: ibis.null(dtype) for name, dtype in lacking.items()}).select(table.schema.names)


def columns_to_add(
    table: StoredTable, existing: Mapping[str, DataType], wanted: Mapping[str, DataType]
) -> Sequence[str]:
    """The columns of the contract that the table lacks, in the contract's order.

    `wanted` is the contract's schema in the types that the engine has. Raises `SchemaMismatchError` with the
    differences when the table has other columns, or others types of them.
    """
    conflicts = [
        f"{name} is {found} in the warehouse and {wanted.get(name, 'absent')} in the contract"
        for name, found in existing.items()
        if wanted.get(name) != found
    ]
    if conflicts:
        raise SchemaMismatchError(
            f"{table.name} in the warehouse does not fit its contract: {'; '.join(conflicts)}. Only added "
            "columns are applied by themselves. Rename or drop the table, then backfill it again."
        )
    return [name for name in wanted if name not in existing]
