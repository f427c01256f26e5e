"""What is published in the home of a simulated daemon."""

from collections.abc import Sequence
from datetime import date

import pandas as pd

from nba_pipeline.contracts import Contract
from nba_pipeline.grades import prediction_accuracy
from nba_pipeline.predictions import player_predictions
from nba_pipeline.raw import box_score_revisions
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon


def newest_rows(daemon: SimulatedDaemon, table: Contract, days: Sequence[date]) -> pd.DataFrame:
    """The published rows of the days; of predictions the newest value of each, however late it was made."""
    with daemon.warehouse.session(read_only=True) as session:
        rows = session.read(table)
        found = session.query(rows.filter(rows.game_date.isin(list(days)))).to_pandas(date_as_object=True)
    names = [c.name for c in table.columns if not c.volatile]
    if table.name in (player_predictions.CONTRACT.name, prediction_accuracy.CONTRACT.name):
        keys = ["game_date", "game_id", "player_id", "stat", "system_id", "setting"]
        found = found.sort_values("made_at").groupby(keys, as_index=False).last()
        names.remove("mode")
    if table.name == box_score_revisions.CONTRACT.name:
        # When a source is silent, what it corrected is known later.
        found = found.sort_values("known_at")
        names.remove("known_at")
    order = [key for key in table.grain if key in names]
    return found[names].sort_values(order, kind="stable").reset_index(drop=True)


def published_rows(daemon: SimulatedDaemon, table: Contract, *days: date) -> pd.DataFrame:
    with daemon.warehouse.session(read_only=True) as session:
        found = session.read(table)
        rows = session.query(found.filter(found.game_date.isin(days)) if days else found).to_pandas(date_as_object=True)
    return rows.sort_values(list(table.grain)).reset_index(drop=True)
