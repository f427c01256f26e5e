"""A source that is silent beyond its deadline: which dates later ones do without, until it speaks."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from nba_pipeline.contracts import Phase
from nba_pipeline.gates.deadlines import is_late
from nba_pipeline.gates.evidence import KNOWN_GAP, Evidence, Override
from nba_pipeline.gates.overrides import gap_by_rule
from nba_pipeline.landing.assets import LANDED_GAMES, LANDED_PLAYER_BOX_SCORES

ASKED_IN_VAIN = 3
"""So often the source must have been asked about a date, and have been silent, before later dates do without it."""

NEVER_CAME = ("raw.games", "raw.player_box_scores")
"""The facts without which nothing is known of a date's games."""

FACTS_LANDED = frozenset({LANDED_GAMES, LANDED_PLAYER_BOX_SCORES})
"""What is asked for them: box scores are not asked for where the question about the games found no answer."""


def gaps_to_record(evidence: Evidence, unanswered: Mapping[date, Sequence[datetime]]) -> list[Override]:
    """The dates whose deadline is over and of which the source, asked again and again, said nothing at all.

    Later dates do without them from now on. Only what the source never said anything about can be passed over: what is
    missing though its facts came closes as ever.
    """
    now = evidence.clock.now()
    facts = [table for table in evidence.tables_of(Phase.RAW) if table.name in NEVER_CAME]
    gaps = []
    for day, asked in sorted(unanswered.items()):
        over = is_late(facts, day, now)
        never = [
            t for t in facts if day not in evidence.manifest.published(t) and evidence.coverage.has_no_answer(t, day)
        ]
        if over and never and len(asked) >= ASKED_IN_VAIN and may_be_passed_over(evidence, day):
            names = " and ".join(table.name for table in never)
            reason = (
                f"the source said nothing about {names}: it was asked {len(asked)} times since "
                f"{min(asked):%Y-%m-%d %H:%M} UTC, in vain, and the deadline is over. It is asked on, and the date "
                "counts again when it has come"
            )
            gaps.append(gap_by_rule(day, reason))
    return gaps


def may_be_passed_over(evidence: Evidence, day: date) -> bool:
    """Whether no gap of the date is in force, and no person ended one: who wants later dates to wait is obeyed."""
    last = evidence.decisions.last(KNOWN_GAP, day)
    return (KNOWN_GAP, day) not in evidence.decisions.overrides and (last is None or last.by_rule)


def gaps_to_end(evidence: Evidence) -> list[Override]:
    """The end of each gap by rule whose facts have come since."""
    gaps = [
        gap
        for gap in evidence.decisions.overrides.values()
        if gap.by_rule and not evidence.decisions.is_known_gap(gap.game_date)
    ]
    now = evidence.clock.now()
    return [gap_by_rule(gap.game_date, f"all of {gap.game_date} that the source tells has come", now) for gap in gaps]
