"""The three weeks of `season_start`: their dates, tables and gates, and a game to be damaged."""

from datetime import date, timedelta

from nba_pipeline.assets.tables import tables_of
from nba_pipeline.contracts import Phase
from nba_pipeline.gates.rules import GATES
from nba_pipeline.grades import prediction_accuracy
from nba_pipeline.partitions import game_dates
from nba_pipeline_tests.support.warehouse_copy import Copy
from nba_pipeline_tests.support.workbench import OPENING

BAD = date(2025, 11, 5)
TODAY, TOMORROW = date(2025, 11, 12), date(2025, 11, 13)
PLAYED = game_dates(OPENING, TODAY - timedelta(days=1))
KNOWN = [*PLAYED, TODAY, TOMORROW]
INTO_ANALYTICS, INTO_PRECOMPUTE, INTO_PREDICTIONS, INTO_GRADES = GATES
SUMMARIES = [table for table in tables_of(Phase.ANALYTICS) if not table.before_tip_off]
CONTEXTS = [table for table in tables_of(Phase.ANALYTICS) if table.before_tip_off]
GAME = f"(SELECT min(game_id) FROM raw.games WHERE game_date = '{BAD}')"
TEAM = f"(SELECT min(home_team_id) FROM raw.games WHERE game_id = {GAME})"
THEIRS = f"game_id = {GAME} AND team_id = {TEAM}"
REGULAR = f"(SELECT min(player_id) FROM raw.player_box_scores WHERE {THEIRS} AND minutes BETWEEN 20 AND 45)"
HIS = f"game_id = {GAME} AND player_id = {REGULAR}"


def scale(copy: Copy, share: float, system: str | None = None) -> None:
    """Makes the errors a share of EWMA-7's."""
    mine = f"AND system_id = '{system}'" if system else ""
    copy.sql(
        f"UPDATE {prediction_accuracy.CONTRACT.name} SET absolute_error = {share} * ewma_7_absolute_error "
        f"WHERE played {mine}"
    )
