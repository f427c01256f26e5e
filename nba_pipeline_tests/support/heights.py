"""A small table with a contract, and how its rows are published and read."""

from datetime import UTC, date, datetime

import pyarrow as pa

from nba_pipeline.contracts import GAME_DATE, Audit, Column, Contract, Grid, Phase
from nba_pipeline.warehouse.interface import Warehouse
from nba_pipeline.warehouse.publish import Rows, Stamp, publish

ONE, TWO = date(2024, 1, 1), date(2024, 1, 2)
STAMP = Stamp("run", datetime(2024, 1, 3, tzinfo=UTC))


def contract(*more: Column, grid: Grid | None = None, audits: tuple[Audit, ...] = ()) -> Contract:
    return Contract(
        name="raw.heights",
        description="Heights.",
        phase=Phase.RAW,
        grain=("game_date", "player_id"),
        columns=(
            GAME_DATE,
            Column("player_id", "int64", "Id.", "id"),
            Column("height", "float64", "Height.", "cm", between=(150, 250)),
            Column("position", "string", "Position.", "category", nullable=True, allowed=("G", "F")),
            *more,
        ),
        grid=grid,
        audits=audits,
    )


HEIGHTS = contract()


def rows(*values: tuple) -> pa.Table:
    names = HEIGHTS.schema.names
    return pa.Table.from_pylist([dict(zip(names, v, strict=True)) for v in values], HEIGHTS.schema.to_pyarrow())


def put(warehouse: Warehouse, made: pa.Table, *days: date, table: Contract = HEIGHTS, **refused):
    with warehouse.session() as session:
        return publish(session, table, Rows(made, refused.get("refused", {})), days or (ONE, TWO), STAMP)


def stored(warehouse: Warehouse, table: Contract = HEIGHTS) -> list[tuple]:
    with warehouse.session(read_only=True) as session:
        found = session.query(session.read(table).order_by("game_date", "player_id"))
    return [tuple(row.values()) for row in found.to_pylist()]


GOOD = [(ONE, 1, 200.0, "G"), (ONE, 2, 210.0, None), (TWO, 1, 200.0, "G")]
