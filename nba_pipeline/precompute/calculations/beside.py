"""Rows beside other rows of the same keys."""

from collections.abc import Sequence

import ibis


def beside(rows: ibis.Table, other: ibis.Table, keys: Sequence[str]) -> ibis.Table:
    """The rows beside those of the same keys. Raises `ValueError` where both have a column that is no key."""
    if twice := sorted({*rows.columns} & {*other.columns} - {*keys}):
        raise ValueError(f"{', '.join(twice)} is there already: give it another name")
    both = rows.left_join(other, list(keys))
    return both.drop([column for column in both.columns if column.endswith("_right")])
