"""What was decided: overrides of gates, known gaps, and decisions about single games."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

import ibis

from nba_pipeline.clock import Clock
from nba_pipeline.contracts import Contract, Phase, Reader, Window
from nba_pipeline.decisions.game_decisions import GameDecision, decisions_in_force
from nba_pipeline.gates.evidence.manifest import Manifest
from nba_pipeline.warehouse.interface import Session
from nba_pipeline.warehouse.operations_tables import GATE_OVERRIDES

KNOWN_GAP = "known_gap"
"""The override that lets look-backs pass over a date whose games will never be had."""

GAP_BY_RULE = "the deadline's rule"
"""Who decided of a known gap that was recorded when the deadline of a silent source was over: nobody."""


@dataclass(frozen=True)
class Override:
    """A person's recorded decision to open a gate for a date, until an instant."""

    gate: str
    game_date: date
    decided_by: str
    reason: str
    until: datetime

    @property
    def by_rule(self) -> bool:
        """Whether no person decided, but the rule about a source that is silent beyond its deadline."""
        return self.gate == KNOWN_GAP and self.decided_by == GAP_BY_RULE

    def __str__(self) -> str:
        """The decision as a sentence."""
        return (
            f"{self.decided_by} let {self.gate} pass for {self.game_date} until {self.until:%Y-%m-%d %H:%M} UTC: "
            f"{self.reason}"
        )


class Decisions:
    """What people decided about dates and games, and the rule where nobody did."""

    def __init__(self, session: Session, clock: Clock, tables: Sequence[Contract], manifest: Manifest) -> None:
        self._session = session
        self._clock = clock
        self._tables = tables
        self._manifest = manifest

    @cached_property
    def overrides(self) -> Mapping[tuple[str, date], Override]:
        """The overrides in force, by gate and date: the last recorded counts, and none when that one is over."""
        now = self._clock.now().replace(tzinfo=None)
        return {key: decision for key, decision in self._last_recorded.items() if now < decision.until}

    def last(self, gate: str, day: date) -> Override | None:
        """What was recorded last about a gate and a date, over or not."""
        return self._last_recorded.get((gate, day))

    @cached_property
    def _last_recorded(self) -> Mapping[tuple[str, date], Override]:
        found = self._session.query(_in_order)
        now = self._clock.now().replace(tzinfo=None)
        return {
            (row["gate"], row["game_date"]): Override(
                row["gate"], row["game_date"], row["decided_by"], row["reason"], row["until"]
            )
            for row in found.to_pylist()
            if row["recorded_at"] <= now
        }

    @cached_property
    def about_games(self) -> Mapping[tuple[date, int], GameDecision]:
        """What people decided about games, and is in force now, by date and game."""
        return decisions_in_force(self._session, self._clock.now())

    def is_known_gap(self, day: date, table: Contract | None = None) -> bool:
        """Whether what is not there of a date is passed over: a person recorded that it will never be had.

        Or the rule did, when the source was silent beyond its deadline: then only what lacks facts of the source is
        passed over, and only as long as they lack. What is made from facts that came must be there as ever.
        """
        gap = self.overrides.get((KNOWN_GAP, day))
        if gap is None or not gap.by_rule:
            return gap is not None
        raw = (each for each in self._tables if each.phase is Phase.RAW)
        facts = [each for each in raw if each.landed and not each.landed_optional]
        return any(self._lacks_facts(each, day) for each in ([table] if table else facts))

    def is_left_alone(self, day: date) -> bool:
        """Whether a person recorded that the games of a date will never be had: nobody asks for them any more."""
        gap = self.overrides.get((KNOWN_GAP, day))
        return gap is not None and not gap.by_rule

    def _lacks_facts(self, table: Contract, day: date) -> bool:
        """Whether anything of the source that a table's rows of a date are made from, of the same date, never came."""
        if table.phase is Phase.RAW:
            return not table.landed_optional and day not in self._manifest.published(table)
        return any(self._lacks_facts(r.table, day) for r in table.reads.values() if r.window is not Window.BEFORE)


def _in_order(read: Reader) -> ibis.Table:
    return read(GATE_OVERRIDES).order_by("recorded_at", ibis.desc("until"))
