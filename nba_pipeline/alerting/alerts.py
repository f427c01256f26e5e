"""What an alert is, and how it is sent. No other module talks to Slack.

Other modules do not send alerts: they report an asset check that did not pass, with `alert_metadata`, and
the sensor in `alerting/sensor.py` makes an alert of it.
"""

import http.client
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

import tenacity
from pydantic import Field
from slack_sdk.errors import SlackRequestError
from slack_sdk.webhook import WebhookClient

from nba_pipeline.alerting.complaints import Complaint, SilenceComplaint, merged
from nba_pipeline.gates.alert_metadata import AlertKind
from nba_pipeline.settings import Settings

WEBHOOK_SETTING = "NBA_PIPELINE_SLACK_WEBHOOK_URL"

SEND_TIMEOUT_SECONDS = 8
"""With three attempts and the longest waits between them, a tick still ends within Dagster's minute."""

LONGEST_WHAT, LONGEST_DETAIL = 2_000, 500
"""Characters of what happened, and of each of the other texts. Slack cuts a message at 40,000; escaping can
make five characters of one, and this stays below it even so."""

LONGEST_CAUSE = 200


class AlertNotSentError(Exception):
    """Slack did not take an alert. Names the setting to correct, never its value."""


@dataclass(frozen=True)
class Alert:
    """One thing that a person should know.

    `subject` is the asset, gate or trigger that it is about. Runs that another run makes good share one.
    `cause` says why, in words that two alerts of one outage share but for numbers, dates and ids. `dates` are the first
    and the last partition concerned. `complaint` is what is looked up to see whether it is still so; without one that
    cannot be known. `always_sent` is what a person must hear of though it is over already.
    In cursors `next_command` and `always_sent` are called `mend` and `news`, as from the start.
    """

    kind: AlertKind
    subject: str
    cause: str
    what: str
    since: datetime
    effect: str
    next_command: Annotated[str, Field(alias="mend")]
    link: str
    dates: tuple[str, str] | None = None
    complaint: Complaint | None = None
    always_sent: Annotated[bool, Field(alias="news")] = False

    @property
    def signature(self) -> str:
        """The same for all alerts of one outage: kind, subject, and the cause without what varies."""
        return f"{self.kind.value} | {self.subject} | {without_particulars(self.cause)}"

    @property
    def text(self) -> str:
        """The alert in words, without markup."""
        return (
            f"{self.kind.value}: {shortened(self.what, LONGEST_WHAT)}\n"
            f"Since: {self.since:%Y-%m-%d %H:%M:%S} UTC\n"
            f"Effect: {shortened(self.effect, LONGEST_DETAIL)}\n"
            f"Next: {shortened(self.next_command, LONGEST_DETAIL)}\n"
            f"{self.link}"
        )

    @property
    def slack_text(self) -> str:
        """The alert in Slack's markup, within Slack's limits."""
        return (
            f":rotating_light: *{_escaped(self.kind.value, LONGEST_DETAIL)}*: {_escaped(self.what, LONGEST_WHAT)}\n"
            f"*Since* {self.since:%Y-%m-%d %H:%M:%S} UTC\n"
            f"*Effect* {_escaped(self.effect, LONGEST_DETAIL)}\n"
            f"*Next* `{_escaped(self.next_command.replace('`', chr(39)), LONGEST_DETAIL)}`\n"
            f"<{self.link}|Open in Dagster>"
        )

    def kept_short(self) -> "Alert":
        """The alert as it is kept in the sensor's cursor, which Dagster stores with every tick."""
        return replace(
            self,
            what=shortened(self.what, LONGEST_DETAIL),
            cause=shortened(self.cause, LONGEST_DETAIL),
            effect=shortened(self.effect, LONGEST_DETAIL),
            next_command=shortened(self.next_command, LONGEST_DETAIL),
        )

    def standing_for(self, other: "Alert") -> "Alert":
        """The alert in the name of another of its signature as well: the earliest `since`, the dates of both."""
        pairs = [dates for dates in (self.dates, other.dates) if dates]
        dates = (min(first for first, _ in pairs), max(last for _, last in pairs)) if pairs else None
        complaint = merged(self.complaint, other.complaint)
        return replace(self, since=min(self.since, other.since), dates=dates, complaint=complaint)


@dataclass(frozen=True)
class Good:
    """What made good what an alert said, and when."""

    by: str
    at: datetime


@dataclass(frozen=True)
class Closing:
    """The end of what was sent of one signature: the first alert of it, how many they were, and what made it good."""

    alert: Alert
    sent: int
    good: Good

    @property
    def what(self) -> str:
        """What is over, in words."""
        first = shortened(self.alert.what, LONGEST_DETAIL)
        dates = f", dates {self.alert.dates[0]} to {self.alert.dates[1]}" if self.alert.dates else ""
        said = first if self.sent == 1 else f"{self.sent} of the same{dates}. The first: {first}"
        complaint = self.alert.complaint
        rest = "\nOnly the newest of them were watched." if complaint and complaint.unwatched else ""
        if isinstance(complaint, SilenceComplaint) and complaint.asked > 1:
            rest += f"\nIt was asked in {complaint.asked} runs in vain."
        return f"{self.alert.kind.value}: {said}{rest}"

    @property
    def text(self) -> str:
        """The closing in words, without markup."""
        return (
            f"resolved: {self.what}\n"
            f"Since: {self.alert.since:%Y-%m-%d %H:%M:%S} UTC\n"
            f"Good again: {self.good.at:%Y-%m-%d %H:%M:%S} UTC, {shortened(self.good.by, LONGEST_DETAIL)}\n"
            f"{self.alert.link}"
        )

    @property
    def slack_text(self) -> str:
        """The closing in Slack's markup, within Slack's limits."""
        return (
            f":white_check_mark: *resolved*: {_escaped(self.what, LONGEST_WHAT)}\n"
            f"*Since* {self.alert.since:%Y-%m-%d %H:%M:%S} UTC\n"
            f"*Good again* {self.good.at:%Y-%m-%d %H:%M:%S} UTC, {_escaped(self.good.by, LONGEST_DETAIL)}\n"
            f"<{self.alert.link}|Open in Dagster>"
        )


def shortened(text: str, longest: int) -> str:
    """The text, cut to `longest` characters; a cut is shown."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


_PARTICULARS = (
    (r"'[^'\n]*'|\"[^\"\n]*\"", "'…'"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "#"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", "#"),
    (r"\d+(?:[-:.,/T]\d+)*(?:Z\b|[+]\d\d:\d\d)?", "#"),
    (r"\s*\(and # more[^)]*\)| and # more\b.*", ""),
    (r"# to #", "#"),
    (r"\s+", " "),
)


def without_particulars(text: str) -> str:
    """The cause without what differs between two of a kind: numbers, dates, ids, quoted words, enumerations.

    Only the first of several causes counts, because an outage over several dates names a different number
    of them each time.
    """
    first = next((line for line in re.split(r"[\n;]", text) if line.strip()), "").strip().lstrip("-* ")
    for pattern, replacement in _PARTICULARS:
        first = re.sub(pattern, replacement, first)
    return first.strip()[:LONGEST_CAUSE]


class Slack:
    """An incoming webhook of Slack. Every message is tried again while that may help."""

    def __init__(self, settings: Settings) -> None:
        """Raises `ValueError` without a webhook in the settings."""
        if settings.slack_webhook_url is None:
            raise ValueError(f"{WEBHOOK_SETTING} is not set")
        self._settings = settings
        # The client logs the address at DEBUG, and errors that may show it: its logger says nothing.
        silent = logging.Logger("nba_pipeline.slack", logging.CRITICAL + 1)
        self._client = WebhookClient(
            settings.slack_webhook_url.get_secret_value().strip(),
            timeout=SEND_TIMEOUT_SECONDS,
            logger=silent,
            retry_handlers=[],
        )
        # Left to itself the client sends everything through HTTP_PROXY; urllib below it also reads NO_PROXY.
        self._client.proxy = None

    def send(self, message: Alert | Closing) -> None:
        """Returns when Slack has taken the message.

        Raises `AlertNotSentError` at once when Slack refuses it, or after the last attempt.
        """
        causes: list[str] = []
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._settings.alert_attempts),
            wait=self._wait,
            retry=tenacity.retry_if_exception_type(_MayHealError),
            before_sleep=lambda state: causes.append(str(state.outcome.exception() if state.outcome else None)),
            reraise=True,
        )
        try:
            retrying(self._attempt, message.slack_text)
        except _MayHealError as error:
            tried = "; ".join([*causes, str(error)])
            # From None: the errors below may show the address, and Dagster stores the whole chain.
            raise AlertNotSentError(
                f"Slack did not take an alert in {len(causes) + 1} attempts ({tried}). It is sent again at the "
                f"next tick. If this stays so, check {WEBHOOK_SETTING} and the network."
            ) from None

    def _attempt(self, text: str) -> None:
        try:
            response = self._client.send(text=text)
        except (http.client.InvalidURL, SlackRequestError, ValueError) as error:
            raise AlertNotSentError(
                f"{WEBHOOK_SETTING} is no address of a webhook ({type(error).__name__}). Set it again."
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise _MayHealError(self._without_secret(f"{type(error).__name__}: {error}")) from None
        status = response.status_code
        if status == 429 or status >= 500:
            raise _MayHealError(f"HTTP {status}", _retry_after(response.headers))
        if not 200 <= status < 300:
            said = self._without_secret(shortened(response.body or "", 80))
            raise AlertNotSentError(
                f"Slack refused an alert with HTTP {status} ({said}). It is sent again at the next tick, but "
                f"only a valid webhook will help: set {WEBHOOK_SETTING}."
            )

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Seconds before the next attempt: what Slack asks for, else exponential with jitter."""
        low, high = self._settings.alert_wait_min_seconds, self._settings.alert_wait_max_seconds
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, _MayHealError) and error.retry_after is not None:
            return min(error.retry_after, high)
        return tenacity.wait_random(low, max(low, min(high, low * 2**state.attempt_number)))(state)

    def _without_secret(self, text: str) -> str:
        """The text without the address, its path (the secret is there) and the parts of the path."""
        _, _, path = self._client.url.partition("://")[2].partition("/")
        secrets = [self._client.url, path, *(part for part in path.split("/") if len(part) >= 8)]
        for secret in filter(None, secrets):
            text = text.replace(secret, "***")
        return text


class _MayHealError(Exception):
    """An attempt failed in a way that another may not; `retry_after` is what Slack asked for, in seconds."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Slack gives seconds, always whole ones."""
    asked = headers.get("Retry-After", "").strip()
    return float(asked) if asked.isdecimal() else None


def _escaped(text: str, longest: int) -> str:
    """Cut first, since a cut through an escape would leave half of it."""
    return shortened(text, longest).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
