"""The sensor that reads Dagster's event log and alerts: at least once, and never by the hundred."""

import time
from dataclasses import dataclass, field, replace

import dagster as dg
from pydantic import TypeAdapter

from nba_pipeline.automation.alert_sources import EventLog, Position
from nba_pipeline.automation.alert_windows import Windows, closed, ended, observed
from nba_pipeline.automation.alerts import Alert, AlertNotSentError, Slack
from nba_pipeline.clock import Clock
from nba_pipeline.settings import Settings

ALERT_SENSOR = "alerts"

ALERTS_KEY = dg.AssetKey(["operations", "alerts"])

ALERTS_ASSET = dg.AssetSpec(
    key=ALERTS_KEY,
    group_name="operations",
    description=(
        "Every alert that was sent, one observation each: what happened, since when, what does not work "
        "meanwhile, and the next command."
    ),
)
"""For the definitions: where the UI shows the alerts."""

TICK_SECONDS = 10.0
"""After this long a tick ends and the next goes on: Dagster ends it after sixty seconds, and loses its cursor."""


@dataclass(frozen=True)
class Cursor:
    """What one tick leaves to the next: how far it read, and which signatures have open windows."""

    position: Position = field(default_factory=Position)
    windows: Windows = field(default_factory=dict)

    def to_json(self) -> str:
        """The cursor as Dagster keeps it."""
        return _CURSOR.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str | None) -> "Cursor":
        """The cursor that Dagster kept; at the first tick, the start of the log.

        Raises `pydantic.ValidationError` when the text is no cursor: to start over would alert about old
        things, and to start at the end would lose new ones.
        """
        return _CURSOR.validate_json(text) if text else cls()


_CURSOR = TypeAdapter(Cursor)


class Tick:
    """One look at the log. `cursor` is always past what was sent or counted, and never past anything else."""

    def __init__(self, context: dg.SensorEvaluationContext, settings: Settings) -> None:
        self._log = context.log
        self._instance = context.instance
        self._events = EventLog(context.instance, settings.ui_url)
        self._clock = Clock.from_settings(settings)
        self._slack = Slack(settings) if settings.slack_webhook_url else None
        self._ends_at = time.monotonic() + TICK_SECONDS
        read = Cursor.from_json(context.cursor)
        self.cursor = replace(read, position=self._events.checked(read.position))
        self.sent = 0

    def run(self) -> None:
        """Sends the summaries that are due and alerts about what is new, until the end or as long as it may.

        Raises `AlertNotSentError` when an alert could not be sent.
        """
        for signature in ended(self.cursor.windows, self._clock.now()):
            if self._late():
                return
            summary = self.cursor.windows[signature].summary()
            if summary is not None:
                self._send(summary)
            self.cursor = replace(self.cursor, windows=closed(self.cursor.windows, signature, self._clock.now()))
        while entries := self._events.after(self.cursor.position):
            for entry in entries:
                if self._late():
                    return
                self._alert(entry.alert())
                self.cursor = replace(self.cursor, position=entry.passed(self.cursor.position))

    def _late(self) -> bool:
        return time.monotonic() >= self._ends_at

    def _alert(self, alert: Alert | None) -> None:
        if alert is None:
            return
        windows, send = observed(self.cursor.windows, alert, self._clock.now())
        if send:
            self._send(alert)
        self.cursor = replace(self.cursor, windows=windows)

    def _send(self, alert: Alert) -> None:
        """Logged first, so that it can be seen though Slack is down; recorded when Slack has it."""
        self._log.error(alert.text)
        if self._slack is not None:
            self._slack.send(alert)
        self._instance.report_runless_asset_event(_observation(alert))
        self.sent += 1


def _observation(alert: Alert) -> dg.AssetObservation:
    return dg.AssetObservation(
        asset_key=ALERTS_KEY,
        description=alert.what,
        metadata={
            "kind": dg.MetadataValue.text(alert.kind.value),
            "signature": dg.MetadataValue.text(alert.signature),
            "what": dg.MetadataValue.text(alert.what),
            "since": dg.MetadataValue.text(alert.since.isoformat()),
            "effect": dg.MetadataValue.text(alert.effect),
            "mend": dg.MetadataValue.text(alert.mend),
            "link": dg.MetadataValue.url(alert.link),
            **({"dates": dg.MetadataValue.text(" to ".join(alert.dates))} if alert.dates else {}),
        },
    )


def alert_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor that alerts, as the settings ask for it; on, also where people launch everything themselves.

    A tick that cannot send fails, and its alerts are sent by a later one. When it had sent others before, it
    ends well instead, so that its cursor keeps those from being sent again; the next tick then begins with
    what could not be sent.
    """

    @dg.sensor(
        name=ALERT_SENSOR,
        minimum_interval_seconds=settings.alert_interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Alerts about failed runs, checks and automation: to Slack, the log and operations/alerts.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        tick = Tick(context, settings)
        try:
            tick.run()
        except AlertNotSentError as error:
            if not tick.sent:
                raise
            context.log.error(str(error))
        return dg.SensorResult(cursor=tick.cursor.to_json(), skip_reason=f"{tick.sent} alerts sent.")

    return alerts
