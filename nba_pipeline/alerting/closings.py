"""What was sent and is not good again, one entry a signature: a state machine without side effects.

An entry ends with one closing message, however many alerts and dates it stands for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nba_pipeline.alerting.alerts import Alert
from nba_pipeline.alerting.complaints import Complaint

MOST_OPEN = 50
"""Signatures that are watched for their end. Of more the oldest is let go: it was sent, and nothing closes it."""


@dataclass(frozen=True)
class Open:
    """How many were sent of one signature, and the first: with the dates of all, and what is still to be made good."""

    alert: Alert
    sent: int = 1


Opens = Mapping[str, Open]
"""The open entry of each signature that has one; those come first that were not looked at for longest."""


def with_sent(opens: Opens, alert: Alert, count: int = 1) -> Opens:
    """The entries after an alert, or a summary of so many, was sent. What cannot be looked up is not watched."""
    if alert.complaint is None:
        return opens
    signature = alert.signature
    before = opens.get(signature)
    if before is not None:
        return {**opens, signature: Open(before.alert.standing_for(alert), before.sent + count)}
    found = {**opens, signature: Open(alert.kept_short(), count)}
    return {key: found[key] for key in list(found)[-MOST_OPEN:]}


def going_on(opens: Opens, alert: Alert) -> Opens:
    """The entries after something that was sent goes on: it is watched as well, and not sent again."""
    before = opens[alert.signature]
    return {**opens, alert.signature: replace(before, alert=before.alert.standing_for(alert))}


def looked_at(opens: Opens, signature: str, left: Complaint) -> Opens:
    """The entries after a look at one, of which this is left; the others come before it from now on."""
    entry = opens[signature]
    return {**ended(opens, signature), signature: replace(entry, alert=replace(entry.alert, complaint=left))}


def ended(opens: Opens, signature: str) -> Opens:
    """The entries without one."""
    return {key: entry for key, entry in opens.items() if key != signature}
