"""Of several bookmakers' lines the one that counts."""

import ibis
import ibis.expr.types as ir

VENDORS = ("draftkings", "fanduel", "betmgm", "caesars")
"""Whose line counts, the first that has one; after them anybody's, by name.

One bookmaker's line moves against his own opening. A median over bookmakers moves when one of them joins.
"""


def preferred(rows: ibis.Table, keys: tuple[str, ...], complete: ir.BooleanValue | None = None) -> ibis.Table:
    """One row per keys: that of the vendor who counts; `complete` rows go first."""
    rank = ibis.cases(*[(rows.vendor == name, place) for place, name in enumerate(VENDORS)], else_=len(VENDORS))
    whole = ibis.literal(0) if complete is None else complete.ifelse(0, 1)
    order = ibis.window(group_by=[rows[key] for key in keys], order_by=[whole, rank, rows.vendor])
    numbered = rows.mutate(place=ibis.row_number().over(order))
    return numbered.filter(numbered.place == 0).drop("place")
