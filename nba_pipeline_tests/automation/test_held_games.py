"""A broken game under the automation: waited for in the night, held in the morning, told once, released when whole."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster import DagsterInstance

from nba_pipeline.alerting.sensor import RESOLVED, SENT
from nba_pipeline.analytics import player_game_summary
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.table_checks import said_of
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.clock import NEW_YORK, Clock
from nba_pipeline.gates.alert_metadata import AlertKind
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.gates.rules import GATES, last_table
from nba_pipeline.gates.verdicts import State
from nba_pipeline.predictions import player_predictions
from nba_pipeline.raw import held_games, player_box_scores
from nba_pipeline_tests.support.judged_home import DAY, Home, listed
from nba_pipeline_tests.support.judged_home import MORNING as AFTER_DEADLINE
from nba_pipeline_tests.support.loaded_season import LOADED_AT
from nba_pipeline_tests.support.named_command import named_command
from nba_pipeline_tests.support.pager import Pager
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon
from nba_pipeline_tests.support.webhook import Webhook

Loaded = Callable[..., SimulatedDaemon]

NIGHT = LOADED_AT.date()
MORNING = NIGHT + timedelta(days=1)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK)


def dates_of(daemon: SimulatedDaemon, table) -> set[date]:
    with daemon.gatekeeper.warehouse.session(read_only=True) as session:
        rows = session.query(session.read(table).select("game_date").distinct())
    return set(rows["game_date"].to_pylist())


def skip_to(daemon: SimulatedDaemon, now: datetime) -> None:
    """Hours in which nobody looked."""
    daemon.at(now)
    daemon.last_schedule = now


def test_a_broken_game_is_waited_for_then_held_and_the_morning_goes_on(loaded: Loaded) -> None:
    corrected_at = at(MORNING, 12)
    fault = {"kind": "missing_players", "game_date": str(NIGHT), "count": 1, "appears_at": corrected_at.isoformat()}
    daemon = loaded(fault)
    skip_to(daemon, at(MORNING, 3, 20))
    daemon.run_until(at(MORNING, 4))
    assert NIGHT not in dates_of(daemon, player_box_scores.CONTRACT), "until the deadline the night is waited for"
    assert NIGHT not in dates_of(daemon, held_games.CONTRACT)
    skip_to(daemon, at(MORNING, 6, 35))
    daemon.run_until(at(MORNING, 7, 45))
    assert NIGHT in dates_of(daemon, held_games.CONTRACT)
    assert NIGHT in dates_of(daemon, player_box_scores.CONTRACT)
    assert MORNING in dates_of(daemon, player_predictions.CONTRACT), "long before anybody plays"
    told = [alert for alert in daemon.alerts() if alert["kind"] == AlertKind.GAME_HELD.value]
    assert len(told) == 1
    assert "nba-pipeline game show" in str(told[0])

    skip_to(daemon, at(MORNING + timedelta(days=1), 4, 20))
    daemon.run_until(at(MORNING + timedelta(days=1), 5, 30))
    assert NIGHT not in dates_of(daemon, held_games.CONTRACT), "the nightly look has brought what was missing"


def test_a_source_that_is_silent_since_the_night_keeps_no_deadline_from_holding_what_it_broke(loaded: Loaded) -> None:
    silence = {
        "kind": "silent_days",
        "since": at(MORNING, 2).isoformat(),
        "until": at(MORNING, 20).isoformat(),
    }
    daemon = loaded({"kind": "missing_players", "game_date": str(NIGHT), "count": 1}, silence)
    waits = {"http_attempts": 1, "http_timeout_seconds": 0.5}
    daemon.settings = daemon.settings.model_copy(update=waits)
    daemon.load()
    daemon.at(at(MORNING, 1, 30))
    daemon.tick_schedule("box_scores", daemon.now)
    daemon.at(at(MORNING, 4))
    daemon.tick_schedule("yesterday_analytics", daemon.now)
    assert NIGHT not in dates_of(daemon, player_box_scores.CONTRACT), "until the deadline the night is waited for"
    for minutes in range(0, 90, 15):
        daemon.at(at(MORNING, 6, 45) + timedelta(minutes=minutes))
        for sensor in ("self_heal", "analytics_when_upstream_is_fresh"):
            assert daemon.tick_sensor(sensor).error is None
    for table in (held_games, player_box_scores, player_game_summary):
        assert NIGHT in dates_of(daemon, table.CONTRACT), table.CONTRACT.name


def test_a_game_that_the_newest_answer_has_broken_is_told_and_closes_when_that_has_it_whole(
    tmp_path: Path,
    instance: DagsterInstance,
    webhook: Webhook,
) -> None:
    home, pager = Home(tmp_path), Pager(instance, webhook)
    gatekeeper = Gatekeeper(home.warehouse, Clock(AFTER_DEADLINE), home.landing, all_tables())
    gate = GATES[0]

    def judge() -> list[dict[str, object]]:
        """What a run of the raw phase does, with the check of the gate behind it, and then the alert sensor."""
        home.make()
        with home.warehouse.session() as session:
            evidence = gatekeeper.evidence(session)
            verdict = gatekeeper.verdicts(evidence, gate, [DAY], [player_game_summary.CONTRACT])[DAY]
        reasons = {"reasons": dg.MetadataValue.json({str(DAY): list(verdict.reasons)})}
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=asset_key(last_table(gate, all_tables())), check_name=gate.check_name,
                passed=verdict.state is State.OPEN, severity=dg.AssetCheckSeverity.WARN, blocking=True,
                metadata={**reasons, **said_of([verdict], gatekeeper)},
            )
        )  # fmt: skip
        pager.tick()
        return pager.recorded()

    home.land(listed(1), listed(2))
    assert judge() == []
    home.land(listed(1)[:7], listed(2))
    [told] = judge()
    assert (told["kind"], told["outcome"]) == (AlertKind.GAME_KEPT.value, SENT)
    what = str(told["what"])
    assert "game 1 of ATL and BOS on 2024-01-17 is kept by an earlier answer" in what
    assert "the answer of 2024-01-18 06:01 UTC counts" in what
    assert "BOS has no 5 players who played" in what
    assert "is not made" not in str(told["effect"]), "everything goes on"
    assert named_command(str(told["mend"])) == ["game", "show", "1"]
    home.land(listed(1), listed(2))
    assert [said["outcome"] for said in judge()] == [SENT, RESOLVED]
