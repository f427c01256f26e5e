"""What may change about a table in the warehouse by itself: columns that its contract has gained, nothing else."""

from collections.abc import Mapping, Sequence

from ibis.expr.datatypes import DataType

from nba_pipeline.contracts import Table
from nba_pipeline.warehouse.interface import SchemaMismatchError


def columns_to_add(table: Table, existing: Mapping[str, DataType], wanted: Mapping[str, DataType]) -> Sequence[str]:
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
