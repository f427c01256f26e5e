"""How an outage is kept from sending hundreds of alerts, without losing one: a state machine without side effects.

The first alerts of a signature are sent one by one. Those that follow within a window are counted and sent in
one summary when it ends. While there is something to summarise, a new window follows in which all are counted;
a window in which nothing was counted ends silently, and the signature starts afresh.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nba_pipeline.alerting.alerts import Alert

SENT_ONE_BY_ONE = 3
"""Alerts of one signature in one window that are sent; the others are counted."""

WINDOW = timedelta(hours=1)


@dataclass(frozen=True)
class AlertWindow:
    """What happened to one signature since `opened_at`: how many were sent, how many were only counted.

    `rest` stands for those that were counted: it is the first of them, with the earliest `since` and the
    first and last date of all.
    """

    opened_at: datetime
    sent: int = 0
    counted: int = 0
    rest: Alert | None = None

    def over(self, now: datetime) -> bool:
        """Whether the window has ended; so has one that starts in the future, as a clock set back makes it."""
        return not self.opened_at <= now < self.opened_at + WINDOW

    def summary(self) -> Alert | None:
        """One alert in the name of all that were only counted; None when there are none."""
        if self.rest is None:
            return None
        dates = f", dates {self.rest.dates[0]} to {self.rest.dates[1]}" if self.rest.dates else ""
        what = f"{self.counted} more of the same{dates}, since {self.rest.since:%Y-%m-%d %H:%M} UTC. The first: "
        return replace(self.rest, what=what + self.rest.what)


Windows = Mapping[str, AlertWindow]
"""The open window of each signature that has one."""


def observed(windows: Windows, alert: Alert, now: datetime) -> tuple[Windows, bool]:
    """The windows after an alert, and whether it is to be sent; it is counted otherwise.

    A window that has ended stays open for this until `closed` ends it, so that its summary is not skipped.
    """
    signature = alert.signature
    window = windows.get(signature) or AlertWindow(opened_at=now)
    if window.sent < SENT_ONE_BY_ONE:
        return {**windows, signature: replace(window, sent=window.sent + 1)}, True
    rest = window.rest.standing_for(alert) if window.rest else alert.kept_short()
    return {**windows, signature: replace(window, counted=window.counted + 1, rest=rest)}, False


def ended(windows: Windows, now: datetime) -> list[str]:
    """The signatures whose windows have ended, and are to be closed when their summaries are sent."""
    return [signature for signature, window in windows.items() if window.over(now)]


def closed(windows: Windows, signature: str, now: datetime) -> Windows:
    """The windows after the end of one, whose summary, if it has one, was sent."""
    others = {key: window for key, window in windows.items() if key != signature}
    if not windows[signature].counted:
        return others
    return {**others, signature: AlertWindow(opened_at=now, sent=SENT_ONE_BY_ONE)}


def made_good(windows: Windows, signature: str) -> Windows:
    """The windows after all that one had only counted was made good: there is nothing to summarise."""
    return {**windows, signature: replace(windows[signature], counted=0, rest=None)}
