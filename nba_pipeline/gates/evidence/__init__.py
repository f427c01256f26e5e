"""The evidence that gates judge by: what stands of each table on each date, against what should.

Everything here is read from the warehouse and the landing. No status flag and no memory of what a run
believed takes part: a date is complete because its rows are there.
"""

from collections.abc import Sequence

from nba_pipeline.clock import Clock
from nba_pipeline.contracts import Contract, Phase
from nba_pipeline.gates.evidence.calendar import HELD_BY_RULE, Calendar, Held
from nba_pipeline.gates.evidence.coverage import Coverage, Standing
from nba_pipeline.gates.evidence.decisions import GAP_BY_RULE, KNOWN_GAP, Decisions, Override
from nba_pipeline.gates.evidence.lineage import Lineage
from nba_pipeline.gates.evidence.manifest import Manifest, Published
from nba_pipeline.gates.evidence.needs import NEXT_COMMAND, WHY_NOT_CURRENT, Need, as_said_now, make_again
from nba_pipeline.sources.landing import Landing
from nba_pipeline.warehouse.interface import Session

__all__ = [
    "GAP_BY_RULE",
    "HELD_BY_RULE",
    "KNOWN_GAP",
    "NEXT_COMMAND",
    "WHY_NOT_CURRENT",
    "Calendar",
    "Coverage",
    "Decisions",
    "Evidence",
    "Held",
    "Lineage",
    "Manifest",
    "Need",
    "Override",
    "Published",
    "Standing",
    "as_said_now",
    "make_again",
]


class Evidence:
    """Everything that gates, sensors, self-heal, health and smoke test ask, each looked up once a session.

    It is true for as long as its session lasts and is then thrown away.
    """

    manifest: Manifest
    """What was published."""

    decisions: Decisions
    """What was decided about dates and games."""

    calendar: Calendar
    """What time says: what can exist, has begun or is held."""

    coverage: Standing
    """What stands, against what should."""

    lineage: Lineage
    """What was made from what, and is not what would be made now."""

    def __init__(
        self, session: Session, clock: Clock, tables: Sequence[Contract], landing: Landing | None = None
    ) -> None:
        self.session = session
        self.clock = clock
        self.tables = tables
        self.manifest = Manifest(session, tables)
        self.decisions = Decisions(session, clock, tables, self.manifest)
        self.calendar = Calendar(session, clock, tables, self.manifest)
        self.coverage = Standing(session, self.manifest, landing)
        self.lineage = Lineage(clock, tables, self.manifest, self.decisions, self.calendar, self.coverage)

    def tables_of(self, phase: Phase) -> list[Contract]:
        """The tables of one phase."""
        return [table for table in self.tables if table.phase is phase]
