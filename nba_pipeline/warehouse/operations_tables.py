"""The warehouse's own tables, which are of no phase: what is published where, and what was refused and why."""

from nba_pipeline.contracts import GAME_DATE, GAME_ID, Column, StoredTable

_TABLE_NAME = Column("table_name", "string", "Schema and name of the table that the row is about.", "text")
_RUN_ID = Column("run_id", "string", "The Dagster run that did it.", "id")

PUBLISHED_PARTITIONS = StoredTable(
    name="operations.published_partitions",
    description=(
        "One row per table and game date that was published, written in the transaction that published it. "
        "It is how a date on which nothing was expected (0 rows) is told from one that was never loaded."
    ),
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
        Column(
            "inputs",
            "string",
            "SHA-256 over the fingerprints of everything that the rows were made from; another one now means "
            "that they are stale.",
            "hex",
            nullable=True,
        ),
        Column("published_at", "timestamp(6)", "When the content last changed.", "UTC"),
        _RUN_ID,
        Column(
            "code_version",
            "string",
            "Version of the code that last made the rows; another one now means that they are outdated. Null in lines "
            "from before versions were noted.",
            "hex",
            nullable=True,
        ),
        Column(
            "fingerprint_columns",
            "string",
            "The columns over which the fingerprint was taken, in their order, with commas between them: a contract "
            "may have gained others since. Null in lines from before they were noted: those of the contract.",
            "text",
            nullable=True,
        ),
    ),
)

QUARANTINE = StoredTable(
    name="operations.quarantine",
    description=(
        "Rows that broke a contract, and items of the source that were set aside, with the reason. The date of a row "
        "that broke a contract was not published; an item that was set aside may refuse nothing."
    ),
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

_GATE = Column("gate", "string", "Name of the gate.", "text")

GATE_VERDICTS = StoredTable(
    name="operations.gate_verdicts",
    description="What every gate said about a date each time it was asked: by a step, a check or a sensor.",
    grain=("game_date", "gate", "evaluated_at", "asked_by"),
    columns=(
        GAME_DATE,
        _GATE,
        Column("evaluated_at", "timestamp(6)", "When the gate was asked.", "UTC"),
        Column("asked_by", "string", "The table, run or sensor that asked.", "text"),
        Column(
            "state",
            "string",
            "Open; degraded (open with a warning); overridden by a person; or closed.",
            "category",
            allowed=("open", "degraded", "overridden", "closed"),
        ),
        Column("reasons", "string", "Why, as a JSON list of sentences; empty for an open gate.", "JSON"),
    ),
)

GATE_OVERRIDES = StoredTable(
    name="operations.gate_overrides",
    description=(
        "Decisions of people to let one date through one gate, or to count a date as a known gap, until an "
        "instant. Rows are only ever added; the last one for a date and gate counts."
    ),
    grain=("game_date", "gate", "recorded_at"),
    columns=(
        GAME_DATE,
        _GATE,
        Column("decided_by", "string", "Who decided.", "text"),
        Column("reason", "string", "Why the date may pass all the same.", "text"),
        Column("until", "timestamp(6)", "When the decision ends.", "UTC"),
        Column("recorded_at", "timestamp(6)", "When it was recorded.", "UTC"),
    ),
)

GAME_DECISIONS = StoredTable(
    name="operations.game_decisions",
    description=(
        "Decisions about one game whose facts the source has wrong or not at all: held, accepted as it is, "
        "corrected, or released. Rows are only ever added; the last one for a date and game counts."
    ),
    grain=("game_date", "game_id", "recorded_at", "number"),
    columns=(
        GAME_DATE,
        GAME_ID,
        Column("number", "int64", "Which decision about the game it is, from 1.", "count", between=(1, 1e6)),
        Column(
            "ruling",
            "string",
            "Leave the game out of history, take it as the source has it, take the corrections for the source's "
            "values, or take back what was decided before.",
            "category",
            allowed=("hold", "accept", "correct", "release"),
        ),
        Column(
            "corrections",
            "string",
            'What is put in the place of the source\'s values: {"home_score": 101}, {"players_sum": true} or '
            '{"player:123": {"points": 12}}; a player\'s row that is null is left out.',
            "JSON",
        ),
        Column("decided_by", "string", "Who decided.", "text"),
        Column("reason", "string", "Why.", "text"),
        Column("until", "timestamp(6)", "When the decision ends; null until it is released.", "UTC", nullable=True),
        Column("recorded_at", "timestamp(6)", "When it was recorded.", "UTC"),
    ),
)

PIPELINE_HEALTH = StoredTable(
    name="operations.pipeline_health",
    description="How the pipeline stood on a morning: one row a day, over the two weeks up to it.",
    grain=("game_date",),
    columns=(
        GAME_DATE,
        Column("score", "float64", "Share of what was due that is complete.", "%", between=(0, 100)),
        Column("due", "int64", "Tables and dates that were due.", "partitions", between=(0, 1e6)),
        Column("complete", "int64", "Of these, how many have all that is expected.", "partitions", between=(0, 1e6)),
        Column("stale", "int64", "Complete ones whose inputs have changed since.", "partitions", between=(0, 1e6)),
        Column("outdated", "int64", "Tables and dates that other code made, of all that predictions read.",
               "partitions", nullable=True, between=(0, 1e6)),
        Column("closed_gates", "int64", "Gates that are closed for a date that is due.", "gates", between=(0, 1e6)),
        Column("overrides", "int64", "Overrides, known gaps and decisions about games in force.", "decisions",
               between=(0, 1e6)),
        Column("quarantined", "int64", "Rows in quarantine for these dates.", "rows", between=(0, 1e9)),
        Column("failed_runs", "int64", "Runs that failed in the last 24 hours.", "runs", between=(0, 1e6)),
        Column("failed_ticks", "int64", "Failed ticks of sensors and schedules in that time.", "ticks",
               between=(0, 1e6)),
        Column("problems", "string", "What is wrong, as a JSON list of sentences.", "JSON"),
        Column("reported_at", "timestamp(6)", "When it was looked at.", "UTC"),
    ),
)  # fmt: skip
