"""The rooms of the package, from the top of the house down: each may use those below it, and none above."""

ROOMS = (
    "cli", "operations", "definitions", "alerting", "automation", "publishing", "monitoring", "runtime", "grades",
    "predictions", "precompute", "analytics", "raw", "landing", "assets", "gates", "decisions", "warehouse",
    "code_versions", "sources", "league", "dagster_internals", "as_of", "partitions", "contracts", "clock", "settings",
)  # fmt: skip
