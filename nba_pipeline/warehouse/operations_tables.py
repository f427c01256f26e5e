"""The warehouse's own tables: what is published where, and what was refused and why."""

from nba_pipeline.contracts import GAME_DATE, Column, Phase, Table

_TABLE_NAME = Column("table_name", "string", "Schema and name of the table that the row is about.", "text")
_RUN_ID = Column("run_id", "string", "The Dagster run that did it.", "id")

PUBLISHED_PARTITIONS = Table(
    name="operations.published_partitions",
    description=(
        "One row per table and game date that was published, written in the transaction that published it. "
        "It is how a date on which nothing was expected (0 rows) is told from one that was never loaded."
    ),
    phase=Phase.RAW,
    grain=("game_date", "table_name"),
    columns=(
        GAME_DATE,
        _TABLE_NAME,
        Column("row_count", "int64", "Rows published.", "rows", between=(0, 1e9)),
        Column(
            "fingerprint",
            "string",
            "SHA-256 over the rows' content, in the order of the grain, without volatile columns.",
            "hex",
        ),
        Column("published_at", "timestamp(6)", "When the content last changed.", "UTC"),
        _RUN_ID,
    ),
)

QUARANTINE = Table(
    name="operations.quarantine",
    description="Rows that broke a contract, with the reason; the date that they belong to was not published.",
    phase=Phase.RAW,
    grain=("game_date", "table_name", "reason", "row_json"),
    columns=(
        GAME_DATE,
        _TABLE_NAME,
        Column("reason", "string", "Which promise the row broke.", "text"),
        Column("row_json", "string", "The row, as JSON.", "JSON"),
        Column("quarantined_at", "timestamp(6)", "When it was refused.", "UTC"),
        _RUN_ID,
    ),
)
