"""Sixty game days under a seeded storm: `make chaos`.

A simulated season is played against the replay server while everything that we claim to survive happens to it.
The clock is simulated; the sensors and schedules are the shipped ones, ticked in their order; the runs are
real. At the end the tables must equal those of an undisturbed twin, which saw the same games.
"""

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time as wall
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

os.environ["NBA_PIPELINE_NOW"] = "2026-05-01T15:00:00+00:00"
os.environ.pop("DAGSTER_HOME", None)

import dagster as dg
import ibis
import pandas as pd
from dagster import DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.scheduler.instigation import TickStatus
from rich.console import Console
from rich.table import Table as RichTable

from nba_pipeline.alerting.sensor import ALERT_SENSOR
from nba_pipeline.alerting.windows import WINDOW
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.automation.attempts import MOST_ATTEMPTS
from nba_pipeline.automation.launches import INPUTS_TAG, PHASE_TAG
from nba_pipeline.clock import NEW_YORK
from nba_pipeline.contracts import Phase
from nba_pipeline.gates.deadlines import due
from nba_pipeline.grades import daily_scoreboard, prediction_accuracy
from nba_pipeline.league.faults import FAULTS
from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.league.simulation import simulate
from nba_pipeline.partitions import dates_of
from nba_pipeline.precompute import ml_feature_store, player_daily_cache
from nba_pipeline.predictions import player_predictions
from nba_pipeline.raw import games as raw_games
from nba_pipeline.warehouse.interface import Warehouse
from nba_pipeline_tests.chaos.verdict import (
    Fault,
    detect,
    heard_of_late,
    mattered_and_not_told,
    never_healed,
    never_injected,
    never_mattered,
)
from nba_pipeline_tests.support.loaded_season import backfill
from nba_pipeline_tests.support.nightly_landings import LANDINGS
from nba_pipeline_tests.support.published_rows import newest_rows
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon, Ticked
from nba_pipeline_tests.support.told import Late, Told, all_told, falsely_made_good, heard, owed, tick_named, unheard
from nba_pipeline_tests.support.webhook import Webhook

console = Console(width=140)

OPENING = date(2025, 10, 1)
"""The first partition of the season."""

STRETCHES = {"autumn": (date(2025, 10, 21), 31), "spring": (date(2026, 2, 24), 29)}
"""First date and number of days: over the end of daylight-saving time on 2 November 2025, and its beginning on 8 March.

Each is played in a process of its own, with its own twin.
"""

CALM_DAYS = 2
"""At the end of each stretch, for what is still to be healed."""

HOLDS_THE_LOCK = "import duckdb,sys,time; c=duckdb.connect(sys.argv[1]); print('held', flush=True); time.sleep(4)"

AT_THE_SOURCE = ("http 503", "http 429", "malformed json", "truncated body", "time-out", "empty answer")
IN_THE_GAMES = ("late final", "late and incomplete", "missing game", "postponed", "corrected")
IN_THE_PROCESSES = ("kill -9 of a step", "daemon killed after launch", "lock held", "disk full", "launch refused")
SLACK = "slack down"
GROUPS = {"at the source": AT_THE_SOURCE, "in the games": IN_THE_GAMES, "in the processes": IN_THE_PROCESSES}
KINDS = (*AT_THE_SOURCE, *IN_THE_GAMES, *IN_THE_PROCESSES, SLACK)

SHARE_OF_DATES = 0.65
"""Of the dates that can have a fault at the source or in their games."""

SHARE_OF_SLACK = 0.25
"""Of the days, on which Slack takes nothing until noon."""


def new_york(day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=NEW_YORK).astimezone(UTC)


def rules_of(fault: Fault, rng: random.Random) -> dict[str, object]:
    """The replay server's rule for a fault at the source or in a game."""
    about = {"game_date": str(fault.day)}
    endpoint = {"endpoint": rng.choice(["games", "stats"])}
    times = {"times": rng.randint(2, 7)}
    match fault.kind:
        case "http 503":
            return {"kind": "status", "code": 503, **about, **endpoint, **times}
        case "http 429":
            return {"kind": "status", "code": 429, "retry_after": 0, **about, **endpoint, **times}
        case "malformed json":
            return {"kind": "malformed_json", **about, **endpoint, **times}
        case "truncated body":
            return {"kind": "truncated_body", **about, **endpoint, **times}
        case "time-out":
            return {"kind": "timeout", "seconds": 2, **about, **endpoint, "times": rng.randint(2, 4)}
        case "empty answer":
            return {"kind": "empty", **about, "endpoint": "stats", "times": 1}
        case "late final":
            return {"kind": "late_final", **about, "hours": rng.randint(8, 30)}
        case "late and incomplete":
            return {"kind": "late_final", **about, "hours": rng.randint(8, 14), "served_as": "final_incomplete"}
        case "missing game":
            # It appears when its box scores are due already: before that nobody can know that they will not come.
            appears = new_york(fault.day + timedelta(days=1), time(rng.randint(9, 14), 0))
            absent = {"absent_from": ["stats"], "appears_at": appears.isoformat()}
            return {"kind": "missing_game", **about, **absent}
        case "postponed":
            return {"kind": "postponed_game", **about}
        case _:
            appears = new_york(fault.day + timedelta(days=1), time(5, 0))
            return {"kind": "stat_correction", **about, "field": "fgm", "appears_at": appears.isoformat()}


def source_faults(league: League, days: Sequence[date], rng: random.Random) -> list[Fault]:
    """One fault a date at most, on two thirds of the dates with games, and of each class one where there is room.

    None where the next month's model begins. A few days have one on the second, so that it can still heal.
    """
    played = set(league.games["game_date"])
    can_be = [
        day
        for day in days[1 : max(2, len(days) - CALM_DAYS - 2)]
        if day in played and (day + timedelta(days=3)).month == day.month
    ]
    kinds = [*AT_THE_SOURCE, *IN_THE_GAMES]
    count = min(len(can_be), max(len(kinds), round(SHARE_OF_DATES * len(can_be))))
    chosen = sorted(rng.sample(can_be, count))
    rng.shuffle(kinds)
    return [Fault(kinds[n % len(kinds)], day, rule=n) for n, day in enumerate(chosen)]


class StormDaemon(SimulatedDaemon):
    """A simulated daemon whose runs are killed, locked out, starved of disk or refused, now and then."""

    storm: random.Random
    share = 0.0
    faults: list[Fault]
    told: list[Told]
    sent: dict[int, datetime]
    late: dict[str, Late]
    webhook: Webhook
    predicted_from: dict[date, dict[int, int]]
    incomplete: list[str]
    struck: dict[int, int]
    twin: SimulatedDaemon | None = None
    forgotten: tuple[str | None, str, Fault] | None = None

    def begin(self, storm: random.Random, faults: list[Fault], twin: SimulatedDaemon, webhook: Webhook) -> None:
        self.storm, self.faults, self.twin, self.webhook = storm, faults, twin, webhook
        self.told, self.sent, self.late, self.predicted_from, self.incomplete = [], {}, {}, {}, []
        self.struck = dict(self.server.struck)

    def launch(self, request: dg.RunRequest, by: str) -> DagsterRun | None:
        """Launches a request, with a fault of the processes for a share of them."""
        day, hit = to_day(request), None
        kind = self.storm.choice(IN_THE_PROCESSES) if self.storm.random() < self.share else None
        if kind is None or day is None or request.asset_selection is None:
            run = super().launch(request, by)
        else:
            hit = Fault(kind, day)
            self.faults.append(hit)
            run = self._launch_with(hit, request, by)
        self.look_at_source(run, hit)
        self.look_at_predictions(run)
        return run

    def _launch_with(self, fault: Fault, request: dg.RunRequest, by: str) -> DagsterRun | None:
        if fault.kind == "daemon killed after launch":
            before = dict(self.cursors)
            run = super().launch(request, by)
            self.forgotten = before.get(by), by, fault
            return run
        if fault.kind == "kill -9 of a step":
            run = self._killed(request, by)
        elif fault.kind == "lock held":
            command = [sys.executable, "-c", HOLDS_THE_LOCK, str(self.settings.warehouse_path)]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
                assert holder.stdout is not None
                holder.stdout.readline()
                run = super().launch(request, by)
        elif fault.kind == "disk full":
            soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.settings.warehouse_path.stat().st_size, hard))
            try:
                run = super().launch(request, by)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        else:
            self.refuse_launch = lambda request: True
            run = super().launch(request, by)
            self.refuse_launch = lambda request: False
        if run is not None:
            fault.strikes(self.now)
            if run.status is not DagsterRunStatus.SUCCESS:
                fault.troubles.add(run.run_id)
        return run

    def _killed(self, request: dg.RunRequest, by: str) -> DagsterRun | None:
        tags = dict(request.tags) | {"dagster/sensor_name": by, "dagster/run_key": request.run_key or ""}
        what = {
            "assets": [list(key.path) for key in request.asset_selection or ()],
            "partition_key": request.partition_key,
            "tags": tags,
        }
        environment = {
            "NBA_PIPELINE_HOME": str(self.home), "NBA_PIPELINE_CLOCK_FILE": str(self.clock_file),
            "BALLDONTLIE_API_URL": self.server.url, "BALLDONTLIE_API_KEY": "k",
            "BALLDONTLIE_REQUESTS_PER_MINUTE": "100000", "NBA_PIPELINE_HTTP_WAIT_MIN_SECONDS": "0.01",
            "NBA_PIPELINE_HTTP_WAIT_MAX_SECONDS": "0.02",
        }  # fmt: skip
        same = RunsFilter(tags={"dagster/run_key": request.run_key or "-"})
        command = [sys.executable, "-m", "nba_pipeline_tests.chaos.one_run", json.dumps(environment), json.dumps(what)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            waited = wall.monotonic()
            while process.poll() is None and not self.instance.get_runs_count(same) and wall.monotonic() - waited < 60:
                wall.sleep(0.05)
            wall.sleep(self.storm.uniform(0.1, 2.5))
            process.kill()
        runs = self.instance.get_runs(same, limit=1)
        run = runs[0] if runs else None
        if run is not None:
            self.launched.append(run)
        return run

    def tick_sensor(self, name: str):
        """A tick; after a killed daemon the cursor is the one from before, and the tick is done again."""
        if name == "freshness":
            self.look_for_late()
        self.forgotten = None
        ticked = super().tick_sensor(name)
        cursor, by, fault = self.forgotten or (None, None, None)
        if by == name and fault is not None:
            fault.strikes(self.now)
            self.cursors[name] = cursor
            ticked = super().tick_sensor(name)
        if name == ALERT_SENSOR:
            self.take_alerts()
            self.look_at_slack(ticked)
        return ticked

    def take_alerts(self) -> None:
        """Notes when which alert was sent."""
        new = all_told(self.instance, self.told[-1].number if self.told else None)
        self.told += new
        self.sent |= {alert.number: self.now for alert in new}

    def hear_the_rest(self) -> None:
        """Lets the windows of the alerts end, so that all that was only counted is summed up."""
        heard_so_far = -1
        while heard_so_far < len(self.told):
            heard_so_far = len(self.told)
            self.at(self.now + WINDOW + timedelta(minutes=1))
            self.tick_sensor(ALERT_SENSOR)

    def look_at_slack(self, ticked: Ticked) -> None:
        """After a tick of the alerts: one that failed while Slack was down is what came of that."""
        down = [fault for fault in self.faults if fault.kind == SLACK and fault.healed is None]
        if ticked.error is not None and self.webhook.down:
            state = self._state(self.repository.get_sensor_def(ALERT_SENSOR))
            failed = self.instance.get_ticks(
                state.instigator_origin_id, state.selector_id, limit=1, statuses=[TickStatus.FAILURE]
            )
            for fault in down:
                fault.strikes(self.now)
                fault.troubles.add(tick_named(ALERT_SENSOR, failed[0].timestamp))
        elif ticked.error is None and not self.webhook.down:
            for fault in down:
                fault.healed = self.now

    def look_at_source(self, run: DagsterRun | None, hit: Fault | None) -> None:
        """After a launch: which faults the source served meanwhile, and which of them the run failed of.

        It failed of those that it met, and of those of its dates that are not healed, if nothing else hit it.
        """
        served = dict(self.server.struck)
        met = [f for f in self.faults if f.rule is not None and served.get(f.rule, 0) > self.struck.get(f.rule, 0)]
        self.struck = served
        for fault in met:
            fault.strikes(self.now)
        if run is None or hit is not None or run.status is not DagsterRunStatus.FAILURE:
            return
        for fault in self._open_at_source():
            if fault in met or fault.day in dates_of(run):
                fault.troubles.add(run.run_id)

    def _open_at_source(self) -> list[Fault]:
        return [fault for fault in self.faults if fault.rule is not None and fault.struck and fault.healed is None]

    def look_for_late(self) -> None:
        """Notes the tables that are past their deadlines and incomplete, of the dates of faults that are not healed."""
        waiting = self._open_at_source()
        if not waiting:
            return
        days = sorted({fault.day for fault in waiting})
        with self.warehouse.session(read_only=True) as session:
            evidence = self.gatekeeper.evidence(session)
            late = {
                (table.name, day)
                for table in all_tables()
                for day, found in evidence.coverage.of(table, [d for d in days if due(table, d) <= self.now]).items()
                if not found.complete
            }
        alerts_before = self.told[-1].number if self.told else 0
        for table, day in sorted(late):
            noticed = Late(table, day, alerts_before)
            self.late.setdefault(str(noticed), noticed)
            for fault in waiting:
                if fault.day == day:
                    fault.troubles.add(str(noticed))

    def look_at_predictions(self, run: DagsterRun | None) -> None:
        """After every run that predicts: were the inputs of each date whole, by the twin's rows, not by our gates?"""
        if run is None or player_predictions.CONTRACT.name not in {".".join(k.path) for k in run.asset_selection or ()}:
            return
        for day in dates_of(run):
            rows = self._predicted_now(day)
            if run.status is DagsterRunStatus.SUCCESS or not rows.empty:
                self.predicted_from.setdefault(day, {}).update(self._still_to_tip_off(day))
            if rows.empty:
                continue
            cache, features = (
                set(newest_rows(self, table, [day])["player_id"])
                for table in (player_daily_cache.CONTRACT, ml_feature_store.CONTRACT)
            )
            if not set(rows["player_id"]) <= cache or cache != features:
                self.incomplete.append(f"{day} at {self.now}: predictions beyond, or from less than, its cache")
            self._history_is_complete(day)

    def _still_to_tip_off(self, day: date) -> dict[int, int]:
        """A hash of each player's features that could still be predicted from: his game has not begun."""
        now = pd.Timestamp(self.now.astimezone(UTC).replace(tzinfo=None))
        games = newest_rows(self, raw_games.CONTRACT, [day])
        ahead = games[pd.to_datetime(games["tipoff_at"]) > now]
        features = newest_rows(self, ml_feature_store.CONTRACT, [day])
        return hashed(features[features["game_id"].isin(ahead["game_id"])])

    def _predicted_now(self, day: date) -> pd.DataFrame:
        """The predictions of a date that were made just now: earlier live rows stay, whoever has left since."""
        with self.warehouse.session(read_only=True) as session:
            rows = session.read(player_predictions.CONTRACT)
            made = self.now.astimezone(UTC).replace(tzinfo=None)
            found = rows.filter(rows.game_date == ibis.literal(day), rows.made_at == ibis.literal(made))
            return session.query(found).to_pandas(date_as_object=True)

    def _history_is_complete(self, day: date) -> None:
        assert self.twin is not None
        table = next(t for t in all_tables() if t.name == "analytics.player_game_summary")
        last = min(day, self.now.astimezone(NEW_YORK).date()) - timedelta(days=1)
        counts = []
        for daemon in (self, self.twin):
            with daemon.warehouse.session(read_only=True) as session:
                rows = session.read(table)
                found = session.query(rows.filter(rows.game_date <= last).group_by("game_date").agg(n=ibis._.count()))
            counts.append({row["game_date"]: row["n"] for row in found.to_pylist()})
        missing = {d for d, n in counts[1].items() if counts[0].get(d, 0) < n}
        if missing:
            self.incomplete.append(f"{day} at {self.now}: predicted without {sorted(missing)}")

    def look_for_healed(self) -> None:
        """Notes the faults whose date needs nothing any more."""
        waiting = [f for f in self.faults if f.kind != SLACK and f.struck and f.healed is None]
        if not waiting:
            return
        gatekeeper = self.gatekeeper
        with self.warehouse.session(read_only=True) as session:
            needs = gatekeeper.evidence(session).lineage.needs(all_tables(), sorted({fault.day for fault in waiting}))
        needy = {day for _, day in needs}
        for fault in waiting:
            if fault.day not in needy:
                fault.healed = self.now

    def live(self, day: date) -> None:
        """One day: every schedule at its time, self-heal every two hours, Slack down on some afternoons."""
        end = new_york(day + timedelta(days=1), time(0, 0))
        slack_fails = self.share > 0 and self.storm.random() < SHARE_OF_SLACK
        if slack_fails:
            self.faults.append(Fault(SLACK, day))
        while self.now < end:
            self.webhook.down = slack_fails and self.now.astimezone(NEW_YORK).hour < 12
            self.run_until(min(self.now + timedelta(hours=2), end), timedelta(hours=2))
            self.look_for_healed()
        self.webhook.down = False


def to_day(request: dg.RunRequest) -> date | None:
    """The first date of a request."""
    key = request.partition_key or request.tags.get("dagster/asset_partition_range_start")
    return date.fromisoformat(key) if key else None


def play_twin(twin: SimulatedDaemon, days: Sequence[date]) -> None:
    """The undisturbed run: answers landed at the same times, and everything made of them in ranges."""
    load_before(twin, days[0])
    for day in days:
        for name, at in LANDINGS:
            twin.at(new_york(day, at))
            twin.tick_schedule(name, twin.now)
    last = days[-1] + timedelta(days=1)
    twin.at(new_york(last, time(6, 30)))
    twin.tick_schedule("box_scores", twin.now)
    twin.at(new_york(last, time(12, 0)))
    made = [phase for phase in Phase if phase is not Phase.LANDING]
    backfill(twin, days[0] - timedelta(days=1), days[-1], *made)


def load_before(daemon: SimulatedDaemon, first: date) -> None:
    """Loads the season up to the day before the storm, at noon of that day."""
    daemon.at(new_york(first - timedelta(days=1), time(12, 0)))
    daemon.last_schedule = daemon.now
    backfill(daemon, OPENING, first - timedelta(days=2), *[phase for phase in Phase if phase.value < 5])
    backfill(daemon, first - timedelta(days=1), first - timedelta(days=1))


def weather(daemon: StormDaemon, days: Sequence[date], share: float) -> None:
    """The storm itself, day by day."""
    load_before(daemon, days[0])
    for day in days:
        began, launched = wall.monotonic(), len(daemon.launched)
        daemon.share = share if day in days[:-CALM_DAYS] else 0.0
        daemon.live(day)
        runs = len(daemon.launched) - launched
        console.print(f"{day}: {runs} runs, {wall.monotonic() - began:.0f} s", style="dim")
    after = days[-1] + timedelta(days=1)
    daemon.at(new_york(after, time(6, 30)))
    daemon.tick_schedule("box_scores", daemon.now)
    daemon.at(new_york(after, time(12, 0)))
    daemon.run_until(daemon.now + timedelta(hours=1))
    daemon.look_for_healed()
    daemon.hear_the_rest()


def tell_the_news(twin: SimulatedDaemon, daemon: StormDaemon, days: Sequence[date]) -> None:
    """Gives the twin the injury lists that the storm let through, and makes everything of them again in ranges.

    What could not be asked for in time can never be had; from what was had, the same must follow.
    """
    had, told = (d.settings.landing_path / "balldontlie" / "player_injuries" for d in (daemon, twin))
    shutil.rmtree(told, ignore_errors=True)
    if had.exists():
        shutil.copytree(had, told)
    made = [phase for phase in Phase if phase is not Phase.LANDING]
    backfill(twin, days[0] - timedelta(days=1), days[-1], *made)


def hashed(features: pd.DataFrame) -> dict[int, int]:
    """A hash of everything that each player's feature row says."""
    return dict(zip(features["player_id"], pd.util.hash_pandas_object(features.astype(str), index=False), strict=True))


def differences(daemon: StormDaemon, twin: SimulatedDaemon, days: Sequence[date]) -> list[str]:
    """What differs from the undisturbed twin; of predictions, those that were last made from what stood at the end.

    Of the scoreboard, what does not follow from the storm's own grades.
    """
    same, expected = same_features(daemon, days)
    found = scores_that_do_not_follow(daemon.warehouse, days)
    if sum(map(len, same.values())) * 2 < expected:
        found.append("predictions: less than half were made from the features that stood at the end")
    for table in all_tables():
        if table == daily_scoreboard.CONTRACT:
            continue
        pair = [newest_rows(d, table, days) for d in (daemon, twin)]
        if table.phase.value >= Phase.PREDICTIONS.value:
            pair = [of_players(rows, same) for rows in pair]
        try:
            pd.testing.assert_frame_equal(*pair, check_exact=True)
        except AssertionError as error:
            found.append(f"{table.name}: {str(error)[:300]}")
    console.print(
        f"Predictions compared of {sum(map(len, same.values()))} of {expected} players and dates, on "
        f"{sum(map(bool, same.values()))} of {len(days)} days; all other tables whole."
    )
    return found


def same_features(daemon: StormDaemon, days: Sequence[date]) -> tuple[dict[date, set[int]], int]:
    """The players of each day whose features at the end are those they were last predicted from, and how many could be.

    What is known only after tip-off, of a game that was put off or an answer that came too late, changes features
    that nobody may predict from any more.
    """
    same, expected = {}, 0
    for day in days:
        final = hashed(newest_rows(daemon, ml_feature_store.CONTRACT, [day]))
        made = daemon.predicted_from.get(day, {})
        same[day] = {player for player, row in final.items() if made.get(player) == row}
        expected += len(final)
    return same, expected


def of_players(rows: pd.DataFrame, players: Mapping[date, set[int]]) -> pd.DataFrame:
    """The rows of the players of each date."""
    chosen = [player in players[day] for day, player in zip(rows["game_date"], rows["player_id"], strict=True)]
    return rows[chosen].reset_index(drop=True)


def scores_that_do_not_follow(warehouse: Warehouse, days: Sequence[date]) -> list[str]:
    """Whether the scoreboard is not what its own transform makes of the grades that stand there now.

    The twin has no live predictions, and a month of scores mixes days; so it cannot be compared with the twin's.
    """
    order = list(daily_scoreboard.CONTRACT.grain)
    with warehouse.session(read_only=True) as session:
        stands = session.read(daily_scoreboard.CONTRACT)
        follows = daily_scoreboard.daily_scoreboard(session.read(prediction_accuracy.CONTRACT)).select(stands.columns)
        one, other = (
            session.query(rows.filter(rows.game_date.isin(list(days)))).to_pandas(date_as_object=True)
            for rows in (stands, follows)
        )
    pair = (rows.sort_values(order).reset_index(drop=True) for rows in (one, other))
    try:
        pd.testing.assert_frame_equal(*pair, check_exact=True)
    except AssertionError as error:
        return [f"{daily_scoreboard.CONTRACT.name} does not follow from its grades: {str(error)[:300]}"]
    return []


def over_the_bound(daemon: StormDaemon) -> list[str]:
    """The phases and dates that were launched more often from the same inputs than self-heal may."""
    counted: dict[tuple[str, str, str], int] = {}
    for run in daemon.instance.get_runs():
        if PHASE_TAG in run.tags:
            for day, inputs in json.loads(run.tags[INPUTS_TAG]).items():
                key = run.tags[PHASE_TAG], day, inputs
                counted[key] = counted.get(key, 0) + 1
    return [f"{key}: {count}" for key, count in counted.items() if count > MOST_ATTEMPTS + 1]


def report(daemon: StormDaemon) -> None:
    """The table of fault classes."""
    table = RichTable(title="The storm: what was injected, and what became of it")
    for heading in ("class", "injected", "mattered", "detected", "minutes to detection (median)", "healed"):
        table.add_column(heading, justify="left" if heading == "class" else "right")
    for kind in KINDS:
        mine = [fault for fault in daemon.faults if fault.kind == kind and fault.struck]
        minutes = [(f.detected - f.struck).total_seconds() / 60 for f in mine if f.detected and f.struck]
        table.add_row(
            kind, str(len(mine)), str(sum(f.mattered for f in mine)), str(len(minutes)),
            f"{statistics.median(minutes):.0f}" if minutes else "-", str(sum(f.healed is not None for f in mine)),
        )  # fmt: skip
    console.print(table)


def main() -> int:
    """Plays one stretch, or all of them side by side; 0 when everything held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--stretch", choices=STRETCHES, help="only this one")
    parser.add_argument("--days", type=int, help="at most so many days of a stretch")
    parser.add_argument("--share", type=float, default=0.06, help="share of runs with a fault of the processes")
    arguments = parser.parse_args()
    if arguments.stretch:
        first, count = STRETCHES[arguments.stretch]
        days = [first + timedelta(days=n) for n in range(min(count, arguments.days or count))]
        return 0 if storm_over(days, arguments.seed, arguments.share, whole=len(days) == count) else 1
    again = [sys.executable, "-m", "nba_pipeline_tests.chaos.storm", *sys.argv[1:], "--stretch"]
    processes = [subprocess.Popen([*again, stretch]) for stretch in STRETCHES]
    return max(process.wait() for process in processes)


def storm_over(days: Sequence[date], seed: int, share: float, *, whole: bool) -> bool:
    """Plays the days twice, undisturbed and in a storm, and prints what became of it; true when everything held.

    A whole stretch has to have met every class of faults.
    """
    rng = random.Random(f"{seed} {days[0]}")
    league = simulate(seed, [2024, 2025])
    faults = source_faults(league, days, rng)
    rules = [(fault, rules_of(fault, rng)) for fault in faults]
    truths = [rule for fault, rule in rules if fault.kind in ("postponed", "corrected")]
    folder = Path(tempfile.mkdtemp(prefix="nba_pipeline_chaos_"))
    began = wall.monotonic()
    start = new_york(days[0] - timedelta(days=1), time(12, 0))
    with (
        Webhook() as webhook,
        LeagueServer(league, now=start, faults=FAULTS.validate_python(truths)) as calm,
        LeagueServer(league, now=start, faults=FAULTS.validate_python([rule for _, rule in rules])) as stormy,
    ):
        twin = SimulatedDaemon(folder / "twin", calm, start)
        play_twin(twin, days)
        daemon = StormDaemon(folder / "storm", stormy, start, webhook.url)
        daemon.settings = daemon.settings.model_copy(update={"lock_wait_seconds": 1.0})
        daemon.load()
        daemon.begin(rng, faults, twin, webhook)
        weather(daemon, days, share)
        held = verdict(daemon, twin, days, whole=whole)
        console.print(
            f"{len(days)} days from {days[0]} in {(wall.monotonic() - began) / 60:.0f} min, {len(daemon.launched)} "
            f"runs, {sum(not told.made_good for told in daemon.told)} alerts, "
            f"{sum(told.made_good for told in daemon.told)} made good before they were sent, "
            f"{len(webhook.taken)} messages at the webhook, closings included."
        )
        twin.close()
        daemon.close()
    if held:
        shutil.rmtree(folder)
    return held


def verdict(daemon: StormDaemon, twin: SimulatedDaemon, days: Sequence[date], *, whole: bool) -> bool:
    """Prints what did not hold; true when everything did."""
    owing = owed(daemon.instance, daemon.settings.ui_url)
    heard_of = heard(owing, daemon.told)
    told = heard_of | heard_of_late(daemon.late.values(), daemon.told)
    detect(daemon.faults, told, daemon.sent)
    report(daemon)
    tell_the_news(twin, daemon, days)
    problems = {
        "differs from the undisturbed run": differences(daemon, twin, days),
        "predicted from incomplete data": daemon.incomplete,
        "failed without an alert": unheard(daemon.instance, owing, heard_of),
        "recorded as made good and was not": falsely_made_good(daemon.instance, daemon.told),
        "mattered and not told": mattered_and_not_told(daemon.faults, told),
        "never injected": never_injected(daemon.faults, KINDS) if whole else [],
        "never mattered": never_mattered(daemon.faults, GROUPS) if whole else [],
        "launched too often": over_the_bound(daemon),
        "never healed": never_healed(daemon.faults),
    }
    for what, found in problems.items():
        console.print(f"{what}: {'nothing' if not found else ''}", style="red" if found else "green")
        for line in found[:20]:
            console.print(f"  {line}", markup=False)
    return not any(problems.values())


if __name__ == "__main__":
    sys.exit(main())
