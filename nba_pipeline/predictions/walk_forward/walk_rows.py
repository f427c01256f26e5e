"""The rows that a walk is made of: features and what came of them, from the warehouse as pandas."""

from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from nba_pipeline.predictions.walk_forward.forecasts import FEATURE_NAMES
from nba_pipeline.predictions.walk_forward.walk import OUTCOMES

REPORT_KNOWN_AT = "injury_report_known_at"
"""The column of the feature store that says when the injury report of his team became known; null if it did not."""


def feature_columns(rows: ibis.Table) -> dict[str, ir.Value]:
    """The columns of the feature store that models see: the features, and whether the injury report is known."""
    known = rows[REPORT_KNOWN_AT].notnull() if REPORT_KNOWN_AT in rows.columns else ibis.literal(False)
    return {"report_known": known, **{name: rows[name].cast("float32") for name in FEATURE_NAMES}}


def walk_rows(features: ibis.Table, outcomes: ibis.Table, until: date) -> ibis.Table:
    """The feature rows of games played before `until`, each with what came of it; see `Walk`."""
    before = outcomes.filter(outcomes.game_date < ibis.literal(until))
    results = before.filter(before.played).select(
        "game_date",
        "game_id",
        "player_id",
        **{column: before[stat].cast("float32") for stat, column in OUTCOMES.items()},
    )
    rows = features.filter(features.points_prior.notnull())
    rows = rows.select("game_date", "game_id", "player_id", **feature_columns(rows))
    rows = rows.semi_join(before, ["game_date", "game_id"])
    joined = rows.left_join(results, ["game_date", "game_id", "player_id"])
    joined = joined.drop([c for c in joined.columns if c.endswith("_right")])
    played = joined.mutate(played=joined[OUTCOMES["minutes"]].notnull())
    return played.order_by("game_date", "game_id", "player_id")


def to_frame(rows: pa.Table) -> pd.DataFrame:
    """Query results as pandas: dates as dates, features and outcomes as float32, which is all that models use."""
    single = {*FEATURE_NAMES, *OUTCOMES.values()} & set(rows.column_names)
    schema = pa.schema([pa.field(f.name, pa.float32() if f.name in single else f.type) for f in rows.schema])
    return rows.cast(schema).to_pandas(date_as_object=True)
