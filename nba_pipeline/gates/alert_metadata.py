"""The words by which an asset check that did not pass says what its alert shall say.

Whoever reports a check uses them; only `alerting/alerts.py` reads them, and only it sends anything.
"""

from datetime import UTC, datetime
from enum import StrEnum

import dagster as dg

ALERT_KIND_METADATA = "alert_kind"
"""A value of `AlertKind`; without it a check that did not pass is `check failed`."""

SINCE_METADATA = "since"
"""Since when it is so: an instant, ISO 8601."""

EFFECT_METADATA = "effect"
"""What does not work meanwhile."""

NEXT_COMMAND_METADATA = "mend"
"""The next command to run."""

WAITS_METADATA = "waits"
"""JSON, asset keys: what a closed gate keeps from being made. Once it is made all the same, the alert is good."""

COVERED_METADATA = "dates looked at"
"""As `2025-10-01 to 2026-06-30`: what a check without a partition is about, where its run is about other dates."""

HELD_METADATA = "held games"
"""JSON: the games that a gate goes on without, each with its date, id and teams, and who decided."""

EFFECT_OF_WARNING = "What follows is made all the same."
"""The effect of a check that only warns."""

REASONS_METADATA = ("reasons", "incomplete", "broken")
"""Why: Markdown, or JSON with reasons or with dates and their reasons. The first that is there is shown."""


class AlertKind(StrEnum):
    """What alerts. Nothing else does."""

    RUN_FAILED = "run failed"
    SOURCE_SILENT = "source silent"
    KEY_REFUSED = "key refused"
    CHECK_FAILED = "check failed"
    GATE_CLOSED = "gate closed past its deadline"
    FRESHNESS_MISSED = "freshness missed"
    SELF_HEAL_GAVE_UP = "self-heal gave up"
    PASSED_OVER = "date passed over by rule"
    OVERRIDE_USED = "override used"
    GAME_HELD = "game held"
    GAME_KEPT = "game kept"
    GAME_DECIDED = "game decided"
    GAME_MISSING = "game missing"
    ACCURACY_TRIPWIRE = "accuracy tripwire"
    AUTOMATION_FAILED = "automation failed"
    CODE_CHANGED = "code changed"


def alert_metadata(kind: AlertKind, since: datetime, effect: str, next_command: str) -> dict[str, dg.MetadataValue]:
    """The metadata by which a check that did not pass says what its alert shall say.

    Raises `ValueError` for a naive `since`: without an offset it is no instant.
    """
    if since.tzinfo is None:
        raise ValueError(f"{since.isoformat()} has no UTC offset; an alert cannot tell since when it is so")
    return {
        ALERT_KIND_METADATA: dg.MetadataValue.text(kind.value),
        SINCE_METADATA: dg.MetadataValue.text(since.astimezone(UTC).isoformat()),
        EFFECT_METADATA: dg.MetadataValue.text(effect),
        NEXT_COMMAND_METADATA: dg.MetadataValue.text(next_command),
    }
