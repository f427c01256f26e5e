"""What was decided about games: by people, and else by the repairs of the catalogue of known source faults."""

from datetime import date, datetime

from nba_pipeline.decisions.game_decisions import GameDecision, decisions_in_force
from nba_pipeline.decisions.source_faults import repaired_dates, repairs_marked
from nba_pipeline.raw import games
from nba_pipeline.warehouse.interface import Session


def decided_games(session: Session, now: datetime) -> dict[tuple[date, int], GameDecision]:
    """The decisions that count at an instant, by date and game.

    What the catalogue repaired stands in `raw.games` under the fault's id: its values are the repaired ones, so the
    fault could not be seen in them any more.
    """
    rows = session.read(games.CONTRACT)
    marked = session.query(rows.filter(rows.game_date.isin(repaired_dates()), rows.repaired_by.notnull()))
    return {**repairs_marked(marked.to_pylist()), **decisions_in_force(session, now)}
