"""The sensor that reads Dagster's event log and alerts: at least once, and never by the hundred."""

import time
from collections import Counter
from dataclasses import dataclass, field, replace

import dagster as dg
from pydantic import TypeAdapter

from nba_pipeline.alerting.alerts import Alert, AlertNotSentError, Closing, Good, Slack
from nba_pipeline.alerting.closings import Opens, going_on, looked_at, with_sent
from nba_pipeline.alerting.closings import ended as without
from nba_pipeline.alerting.complaints import SilenceComplaint, days_of
from nba_pipeline.alerting.sources import EventLog, Position
from nba_pipeline.alerting.truth import Truth
from nba_pipeline.alerting.windows import Windows, closed, ended, made_good, observed
from nba_pipeline.assets.contexts import SensorContext
from nba_pipeline.assets.table_asset import OWNERS
from nba_pipeline.clock import Clock
from nba_pipeline.gates.alert_metadata import NEXT_COMMAND_METADATA
from nba_pipeline.gates.evidence import as_said_now
from nba_pipeline.settings import Settings

ALERT_SENSOR = "alerts"

ALERTS_KEY = dg.AssetKey(["operations", "alerts"])

ALERTS_ASSET = dg.AssetSpec(
    key=ALERTS_KEY,
    group_name="operations",
    owners=OWNERS,
    kinds={"log"},
    description=(
        "No table: every alert that was sent, one observation each: what happened, since when, what does not work "
        "meanwhile, and the next command. What was made good before it was sent is here too, and so is the "
        "end of what was sent."
    ),
)
"""For the definitions: where the UI shows the alerts."""

SENT, MADE_GOOD, RESOLVED = "sent", "made good before it was sent", "resolved"
GOES_ON = "goes on"
"""What an observation of `operations/alerts` says became of an alert. One from before there were these was sent.

What goes on was sent before, in an alert that is not closed.
"""

CLOSING_SECONDS = 3.0
"""Of a tick, for looks at what was sent; the others are looked at by the next, before these."""

TICK_SECONDS = 10.0
"""After this long a tick ends and the next goes on: Dagster ends it after sixty seconds, and loses its cursor."""


@dataclass(frozen=True)
class AlertCursor:
    """What one tick leaves to the next: how far it read, which signatures have open windows, and what is not closed."""

    position: Position = field(default_factory=Position)
    windows: Windows = field(default_factory=dict)
    opens: Opens = field(default_factory=dict)

    def to_json(self) -> str:
        """The cursor as Dagster keeps it."""
        return _CURSOR.dump_json(self, by_alias=True).decode()

    @classmethod
    def from_json(cls, text: str | None) -> "AlertCursor":
        """The cursor that Dagster kept; at the first tick, the start of the log.

        Raises `pydantic.ValidationError` when the text is no cursor: to start over would alert about old
        things, and to start at the end would lose new ones.
        """
        return _CURSOR.validate_json(as_said_now(text)) if text else cls()


_CURSOR = TypeAdapter(AlertCursor)


class Tick:
    """One look at the log. `cursor` is always past what was sent, counted or made good, and past nothing else.

    `said` counts by outcome what was sent or recorded, and so must not be said again though the tick could not say all.
    """

    def __init__(self, context: SensorContext, settings: Settings) -> None:
        self._log = context.log
        self._instance = context.instance
        self._clock = Clock.from_settings(settings)
        self._events = EventLog(context.instance, settings.ui_url, automation=settings.automation == "on")
        self._truth = Truth(context.instance, self._clock.today)
        self._slack = Slack(settings) if settings.slack_webhook_url else None
        self._ends_at = time.monotonic() + TICK_SECONDS
        read = AlertCursor.from_json(context.cursor)
        self.cursor = replace(read, position=self._events.checked(read.position))
        self.said: Counter[str] = Counter()

    def run(self) -> None:
        """Closes what is good again, sends the summaries that are due, and alerts about what is new and still so.

        It goes on until the end, or as long as it may. Raises `AlertNotSentError` when a message could not be sent.
        """
        closing_ends_at = time.monotonic() + CLOSING_SECONDS
        for signature in list(self.cursor.opens):
            if self._late() or time.monotonic() >= closing_ends_at:
                break
            self._look_at(signature)
        for signature in ended(self.cursor.windows, self._clock.now()):
            if self._late():
                return
            self._sum_up(signature)
            self.cursor = replace(self.cursor, windows=closed(self.cursor.windows, signature, self._clock.now()))
        while entries := self._events.after(self.cursor.position):
            for entry in entries:
                if self._late():
                    return
                self._alert(entry.alert())
                self.cursor = replace(self.cursor, position=entry.passed(self.cursor.position))

    def _late(self) -> bool:
        return time.monotonic() >= self._ends_at

    def _look_at(self, signature: str) -> None:
        """Closes what was sent of a signature, if all of it is good, and so is what was only counted meanwhile."""
        entry = self.cursor.opens[signature]
        if entry.alert.complaint is None:
            return
        found = self._truth.of(entry.alert.complaint)
        if not isinstance(found, Good):
            self.cursor = replace(self.cursor, opens=looked_at(self.cursor.opens, signature, found))
        elif self._rest_is_good(signature):
            self._close(Closing(entry.alert, entry.sent, found))
            self.cursor = replace(self.cursor, opens=without(self.cursor.opens, signature))

    def _rest_is_good(self, signature: str) -> bool:
        """Whether nothing that a window only counted is still so; if all of it was made good, that is recorded."""
        window = self.cursor.windows.get(signature)
        summary = window.summary() if window else None
        if summary is None:
            return True
        good = self._good(summary)
        if good is None:
            return False
        self._record(summary, MADE_GOOD, good)
        self.cursor = replace(self.cursor, windows=made_good(self.cursor.windows, signature))
        return True

    def _sum_up(self, signature: str) -> None:
        window = self.cursor.windows[signature]
        summary = window.summary()
        if summary is not None and not self._rest_is_good(signature):
            self._send(summary)
            self.cursor = replace(self.cursor, opens=self._with_sent(summary, window.counted))

    def _alert(self, alert: Alert | None) -> None:
        if alert is None:
            return
        good = self._good(alert)
        if good is not None:
            self._record(alert, MADE_GOOD, good)
            return
        if isinstance(alert.complaint, SilenceComplaint) and self._is_sent(alert.signature, alert.complaint):
            self._record(alert, GOES_ON)
            self.cursor = replace(self.cursor, opens=going_on(self.cursor.opens, alert))
            return
        windows, send = observed(self.cursor.windows, alert, self._clock.now())
        opens = self.cursor.opens
        if send:
            self._send(alert)
            opens = self._with_sent(alert)
        self.cursor = replace(self.cursor, windows=windows, opens=opens)

    def _is_sent(self, signature: str, complaint: SilenceComplaint) -> bool:
        """Whether a silence was sent and is not over: people are notified of it once, and of its end.

        Sent is an asset about which nothing was answered since, and a date that was left unanswered before.
        """
        if signature in self.cursor.opens:
            self._look_at(signature)
        entry = self.cursor.opens.get(signature)
        before = entry.alert.complaint if entry else None
        if not isinstance(before, SilenceComplaint):
            return False
        known = {part.asset: part for part in before.silent}
        return all(
            part.asset in known
            and ({*days_of(part.ranges)} <= {*days_of(known[part.asset].ranges)}
                 or self._truth.answered(known[part.asset]) is None)
            for part in complaint.silent
        )  # fmt: skip

    def _good(self, alert: Alert) -> Good | None:
        """What made an alert good before it was sent; None while it is so, or cannot be known, or is always sent."""
        if alert.always_sent or alert.complaint is None:
            return None
        found = self._truth.of(alert.complaint)
        return found if isinstance(found, Good) else None

    def _with_sent(self, alert: Alert, count: int = 1) -> Opens:
        opens = with_sent(self.cursor.opens, alert, count)
        for signature in self.cursor.opens.keys() - opens.keys():
            self._log.warning(f"Too much is not good again at once; the end of this will not be sent: {signature}")
        return opens

    def _send(self, alert: Alert) -> None:
        """Logged first, so that it can be seen though Slack is down; recorded when Slack has it."""
        self._log.error(alert.text)
        if self._slack is not None:
            self._slack.send(alert)
        self._record(alert, SENT)

    def _close(self, closing: Closing) -> None:
        self._log.info(closing.text)
        if self._slack is not None:
            self._slack.send(closing)
        self._record(replace(closing.alert, what=closing.what), RESOLVED, closing.good)

    def _record(self, alert: Alert, outcome: str, good: Good | None = None) -> None:
        self._instance.report_runless_asset_event(_observation(alert, outcome, good))
        self.said[outcome] += 1


def _observation(alert: Alert, outcome: str, good: Good | None = None) -> dg.AssetObservation:
    made_good = {
        "made good by": dg.MetadataValue.text(good.by),
        "made good at": dg.MetadataValue.text(good.at.isoformat()),
    } if good else {}  # fmt: skip
    return dg.AssetObservation(
        asset_key=ALERTS_KEY,
        description=alert.what if outcome == SENT else f"{outcome}: {alert.what}",
        metadata={
            "outcome": dg.MetadataValue.text(outcome),
            "kind": dg.MetadataValue.text(alert.kind.value),
            "signature": dg.MetadataValue.text(alert.signature),
            "what": dg.MetadataValue.text(alert.what),
            "since": dg.MetadataValue.text(alert.since.isoformat()),
            "effect": dg.MetadataValue.text(alert.effect),
            NEXT_COMMAND_METADATA: dg.MetadataValue.text(alert.next_command),
            "link": dg.MetadataValue.url(alert.link),
            **({"dates": dg.MetadataValue.text(" to ".join(alert.dates))} if alert.dates else {}),
            **made_good,
        },
    )


def alert_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor that alerts, as the settings ask for it; on, also where people launch everything themselves.

    A tick that cannot send fails, and its messages are sent by a later one. When it had said something before, it
    ends well instead, so that its cursor keeps that from being said again; the next tick then begins with what
    could not be sent.
    """

    @dg.sensor(
        name=ALERT_SENSOR,
        minimum_interval_seconds=settings.alert_interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Alerts about failed runs, checks and automation: to Slack, the log and operations/alerts.",
    )
    def alerts(context: SensorContext) -> dg.SensorResult:
        tick = Tick(context, settings)
        try:
            tick.run()
        except AlertNotSentError as error:
            if not tick.said:
                raise
            context.log.error(str(error))
        reason = (
            f"{tick.said[SENT]} alerts sent, {tick.said[MADE_GOOD]} made good before, {tick.said[RESOLVED]} closed, "
            f"{tick.said[GOES_ON]} go on."
        )
        return dg.SensorResult(cursor=tick.cursor.to_json(), skip_reason=reason)

    return alerts
