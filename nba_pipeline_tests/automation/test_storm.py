"""Five game days under the real daemon while everything fails once: `make storm`.

Seconds stand for hours: the clock is moved from one instant of the day to the next as soon as nothing is under
way. Self-heal has to do the work of the schedules too, whose times never come.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from dagster import RunsFilter

from nba_pipeline.alerting.windows import WINDOW
from nba_pipeline.assets.tables import all_tables, tables_of
from nba_pipeline.automation.launches import UNFINISHED
from nba_pipeline.clock import NEW_YORK
from nba_pipeline.contracts import Phase
from nba_pipeline.gates.rules import gate_into
from nba_pipeline.league.faults import FAULTS
from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer
from nba_pipeline_tests.automation.conftest import backfill
from nba_pipeline_tests.automation.real_daemon import RealDaemon
from nba_pipeline_tests.automation.simulated_daemon import SimulatedDaemon
from nba_pipeline_tests.automation.test_alerts import Webhook
from nba_pipeline_tests.automation.test_daemon import all_made, broken, executing, needs
from nba_pipeline_tests.automation.test_incident import rows_of
from nba_pipeline_tests.automation.told import all_told, failed_runs, falsely_made_good, heard, owed, unheard

pytestmark = pytest.mark.campaign

SEED = int(os.environ.get("NBA_PIPELINE_TEST_SEED") or 7)
LOADED = date(2025, 10, 22)
DAYS = [LOADED + timedelta(days=n) for n in range(1, 6)]
HOURS = ((7, 0), (7, 35), (10, 30), (11, 0), (12, 30), (25, 30), (28, 5))
"""The instants of a day; those over 24 belong to the night after it."""

CALM_SECONDS = 14
"""With nothing under way for this long, every sensor has looked and nothing was queued."""


def new_york(day: date, hour: int, minute: int) -> datetime:
    at = time_of_day(hour % 24, minute)
    return datetime.combine(day + timedelta(days=hour // 24), at, tzinfo=NEW_YORK).astimezone(UTC)


INSTANTS = [new_york(day, *at) for day in DAYS for at in HOURS]
AFTERWARDS = [new_york(DAYS[-1] + timedelta(days=1), hour, 0) for hour in (7, 9, 12, 16)]
"""For what is still to be healed."""


def truth(rng: random.Random) -> list[dict[str, Any]]:
    """What happens in the league itself, and so to the undisturbed twin: a correction on the second morning."""
    appears = new_york(DAYS[1] + timedelta(days=1), 9, 0).isoformat()
    return [{"kind": "stat_correction", "game_date": str(DAYS[1]), "field": rng.choice(["ast", "fgm"]),
             "appears_at": appears}]  # fmt: skip


def weather(rng: random.Random) -> list[dict[str, Any]]:
    """What the source does on each of the days."""
    first, second, third, fourth, fifth = DAYS
    many = {"times": rng.randint(6, 9)}
    return [
        {"kind": "status", "code": 503, "game_date": str(first), "endpoint": "games", **many},
        {"kind": "malformed_json", "game_date": str(second), "endpoint": "stats", **many},
        {"kind": "late_final", "game_date": str(third), "hours": 7},
        {"kind": "truncated_body", "game_date": str(fourth), "endpoint": rng.choice(["games", "stats"]), **many},
        {"kind": "status", "code": 503, "game_date": str(fifth), "endpoint": "stats", **many},
    ]


def undisturbed(twin: SimulatedDaemon) -> dict[str, pd.DataFrame]:
    """The tables of a home that lives through the same instants with nothing in its way."""
    backfill(twin, date(2025, 10, 1), LOADED)
    for instant in (*INSTANTS, *AFTERWARDS):
        twin.at(instant)
        for _ in range(3):
            twin.tick_sensor("self_heal")
            twin.settle()
    return {table.name: rows_of(twin, table, DAYS) for table in all_tables()}


class Watch:
    """Looks, whenever it is calm, for predictions whose inputs are not whole."""

    def __init__(self, real: RealDaemon) -> None:
        self._real = real
        self._seen: set[date] = set()
        self.incomplete: list[str] = []

    def calm(self) -> None:
        """Returns when nothing has been under way for a while; notes new predictions from incomplete data."""
        real, since = self._real, time.monotonic()
        deadline = since + 600
        while time.monotonic() < since + CALM_SECONDS:
            assert time.monotonic() < deadline, real.log()[-3000:]
            if real.instance.get_runs_count(RunsFilter(statuses=UNFINISHED)):
                since = time.monotonic()
            time.sleep(0.5)
        gate = gate_into(Phase.PREDICTIONS)
        assert gate is not None
        with real.gatekeeper.warehouse.session(read_only=True) as session:
            evidence = real.gatekeeper.evidence(session)
            made = {
                day for table in tables_of(Phase.PREDICTIONS) for day in evidence.manifest.published(table)
            } - self._seen
            verdicts = real.gatekeeper.verdicts(evidence, gate, sorted(made))
        self._seen |= made
        self.incomplete += [f"{day}: {v.reasons}" for day, v in verdicts.items() if not v.lets_through]


@contextmanager
def stormy(league: League, home: Path, webhook: Webhook, faults: list[dict[str, Any]]) -> Iterator[RealDaemon]:
    loaded_at = new_york(LOADED, 12, 0)
    with LeagueServer(league, now=loaded_at, faults=FAULTS.validate_python(faults)) as server:
        loaded = SimulatedDaemon(home, server, loaded_at)
        backfill(loaded, date(2025, 10, 1), LOADED)
        with RealDaemon(loaded, webhook.url) as real:
            yield real
        loaded.close()


def kill_a_run(real: RealDaemon) -> None:
    """Ends the process of the next run of analytics or precompute."""
    _, process = real.wait_until(
        lambda: executing(real, "analytics") or executing(real, "precompute"), "there was no run to kill"
    )
    os.kill(process, signal.SIGKILL)


def kill_everything(real: RealDaemon) -> None:
    """Ends `dagster dev` with its runs as soon as one is at work, and starts it again."""
    real.wait_until(lambda: executing(real, "raw") or executing(real, "precompute"), "there was no run to cut off")
    real.stop(signal.SIGKILL)
    real.start()


def test_five_days_in_a_storm_end_as_five_undisturbed_days(league: League, tmp_path: Path):
    rng = random.Random(SEED)
    happens = truth(rng)
    with LeagueServer(league, now=new_york(LOADED, 12, 0), faults=FAULTS.validate_python(happens)) as calm:
        twin = SimulatedDaemon(tmp_path / "twin", calm, new_york(LOADED, 12, 0))
        wanted = undisturbed(twin)
        twin.close()
    blows: dict[datetime, Callable[[RealDaemon], None]] = {
        new_york(DAYS[1], 7, 0): kill_a_run,
        new_york(DAYS[2], 7, 0): kill_everything,
    }
    with Webhook() as webhook, stormy(league, tmp_path / "storm", webhook, happens + weather(rng)) as real:
        watch = Watch(real)
        for instant in (*INSTANTS, *AFTERWARDS):
            webhook.down = new_york(DAYS[3], 0, 0) <= instant < new_york(DAYS[3], 24, 0)
            real.at(instant)
            blows.get(instant, lambda _: None)(real)
            watch.calm()
        real.wait_until(lambda: all_made(real), f"not everything was made: {needs(real)}")
        assert watch.incomplete == []
        assert broken(real) == {}
        found = {table.name: rows_of_home(real, table.name) for table in all_tables()}
        assert failed_runs(real.instance), "a storm that nothing felt shows nothing"
        # What was only counted is summed up when the window of its cause is over.
        real.at(AFTERWARDS[-1] + WINDOW + timedelta(minutes=1))
        real.wait_until(lambda: not untold(real, webhook), f"not told: {untold(real, webhook)}")
    for name, rows in wanted.items():
        pd.testing.assert_frame_equal(found[name], rows, check_exact=True, obj=name)


def rows_of_home(real: RealDaemon, name: str) -> pd.DataFrame:
    table = next(table for table in all_tables() if table.name == name)
    return rows_of(real.loaded, table, DAYS)


def untold(real: RealDaemon, webhook: Webhook) -> list[str]:
    """The failed runs and ticks that are in no alert at the webhook, and in no record that they were made good."""
    all_owed = owed(real.instance, real.ui_url)
    taken = [
        told
        for told in all_told(real.instance)
        if told.made_good or any(f"<{told.link}|" in text for text in webhook.taken)
    ]
    assert falsely_made_good(real.instance, taken) == []
    return unheard(real.instance, all_owed, heard(all_owed, taken))
