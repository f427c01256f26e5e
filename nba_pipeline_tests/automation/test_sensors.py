"""The sensors between the phases launch what changes upstream reach, once, and lose no date whatever goes wrong."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta

import dagster as dg
import duckdb
import pandas as pd
import pytest

from nba_pipeline.alerting.sensor import RESOLVED
from nba_pipeline.analytics import player_game_summary, upcoming_player_game_context, upcoming_team_game_context
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.automation import phase_sensors
from nba_pipeline.automation.launches import PHASE_TAG
from nba_pipeline.automation.phase_sensors import PhaseCursor, Waiting, changes_since
from nba_pipeline.automation.planning import FED_PHASES
from nba_pipeline.clock import NEW_YORK
from nba_pipeline.contracts import Contract
from nba_pipeline.gates.alert_metadata import AlertKind
from nba_pipeline.gates.evidence import Lineage, Need
from nba_pipeline.gates.gatekeeper import Admission, Gatekeeper
from nba_pipeline.partitions import dates_of, game_dates
from nba_pipeline.precompute import ml_feature_store, player_daily_cache
from nba_pipeline.predictions import player_predictions
from nba_pipeline.raw import games, held_games, injury_reports, player_box_scores
from nba_pipeline.sources.landing import Landing
from nba_pipeline.warehouse.operations_tables import PUBLISHED_PARTITIONS
from nba_pipeline_tests.support.loaded_season import CORRECTED_GAME, LOADED_AT, lose
from nba_pipeline_tests.support.published_rows import published_rows
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon, Ticked

Loaded = Callable[..., SimulatedDaemon]

SUMMARY, BOX_SCORES, PREDICTIONS = player_game_summary.CONTRACT, player_box_scores.CONTRACT, player_predictions.CONTRACT
CONTEXTS = (upcoming_team_game_context.CONTRACT, upcoming_player_game_context.CONTRACT)
CACHE, FEATURES, GAMES = player_daily_cache.CONTRACT, ml_feature_store.CONTRACT, games.CONTRACT
RAW, ANALYTICS = "raw_when_upstream_is_fresh", "analytics_when_upstream_is_fresh"
FIRST, SECOND, THIRD = CORRECTED_GAME - timedelta(days=1), CORRECTED_GAME, CORRECTED_GAME + timedelta(days=1)
TODAY = LOADED_AT.date()


def new_york(day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=NEW_YORK)


def publish_again(daemon: SimulatedDaemon, *days: date) -> None:
    """What a run that publishes the box scores of the days again, unchanged, leaves in the event log."""
    for day in days:
        daemon.instance.report_runless_asset_event(dg.AssetMaterialization(asset_key(BOX_SCORES), partition=str(day)))


def tick(daemon: SimulatedDaemon, name: str = ANALYTICS) -> Ticked:
    ticked = daemon.tick_sensor(name)
    assert ticked.error is None, ticked.error
    return ticked


def dates(ticked: Ticked) -> list[list[date]]:
    return [dates_of(run) for run in ticked.runs]


def needs(daemon: SimulatedDaemon, table: Contract) -> dict[date, Need]:
    with daemon.warehouse.session(read_only=True) as session:
        found = daemon.gatekeeper.evidence(session).lineage.needs([table], game_dates(date(2025, 10, 1), TODAY))
    return {day: need for (_, day), need in found.items()}


@contextmanager
def failing(table: Contract) -> Iterator[None]:
    """Every step of the table raises."""
    admit = Gatekeeper.admit

    def failing_admit(self: Gatekeeper, asked: Contract, days: list[date], asked_by: str) -> Admission:
        if asked.name == table.name:
            raise RuntimeError("a bug")
        return admit(self, asked, days, asked_by)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gatekeeper, "admit", failing_admit)
        yield


@contextmanager
def busy(daemon: SimulatedDaemon) -> Iterator[None]:
    """Another process writes to the warehouse all the time."""
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(daemon.settings.warehouse_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"open\n"
        try:
            yield
        finally:
            writer.stdin.close()
            writer.wait(10)


# once


def test_an_injury_list_that_says_the_same_again_makes_nothing_behind_it_again(loaded: Loaded) -> None:
    daemon = loaded()
    before = published_rows(daemon, injury_reports.CONTRACT, TODAY)
    daemon.at(LOADED_AT + timedelta(minutes=10))
    [landed] = daemon.tick_schedule("same_day_injuries", daemon.now).runs
    assert landed.is_success
    daemon.settle()
    after = daemon.launched[daemon.launched.index(landed) + 1 :]
    assert {key.to_user_string() for run in after for key in run.asset_selection or ()} == {
        "raw/injuries", "raw/injury_reports"
    }  # fmt: skip
    pd.testing.assert_frame_equal(published_rows(daemon, injury_reports.CONTRACT, TODAY), before)


def test_a_date_is_launched_once_and_an_unchanged_upstream_wakes_nobody(loaded: Loaded) -> None:
    daemon = loaded()
    lose(daemon, SUMMARY, SECOND, THIRD)
    assert not tick(daemon).runs
    publish_again(daemon, FIRST, SECOND, THIRD)
    first = tick(daemon)
    assert dates(first) == [[SECOND, THIRD]]
    assert first.runs[0].asset_selection == {asset_key(SUMMARY)}
    assert not needs(daemon, SUMMARY)
    assert not tick(daemon).runs
    publish_again(daemon, FIRST, SECOND, THIRD)
    for name in daemon.sensors():
        assert not tick(daemon, name).runs, name


def test_the_first_tick_of_all_over_a_loaded_home_launches_nothing(loaded: Loaded) -> None:
    daemon = loaded()
    daemon.cursors = {}
    for name in daemon.sensors():
        assert not tick(daemon, name).runs, name


def test_more_events_than_one_tick_takes_are_left_to_the_next(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = loaded()
    monkeypatch.setattr(phase_sensors, "EVENTS_A_TICK", 2)
    seen = PhaseCursor.read(daemon.cursors[ANALYTICS]).events
    days = [date(2025, 10, n) for n in range(19, 24)]
    publish_again(daemon, *days)
    upstream = {asset_key(BOX_SCORES): ("raw.player_box_scores",)}
    found = []
    for _ in range(4):
        changed, events = changes_since(daemon.instance, upstream, seen)
        seen |= events
        found += sorted(changed.get("raw.player_box_scores", ()))
    assert found == days


def test_a_crash_between_launch_and_cursor_launches_nothing_twice(loaded: Loaded) -> None:
    daemon = loaded()
    lose(daemon, SUMMARY, SECOND)
    publish_again(daemon, SECOND)
    old = daemon.cursors[ANALYTICS]
    with failing(SUMMARY):
        assert dates(tick(daemon)) == [[SECOND]]
    daemon.cursors[ANALYTICS] = old
    assert not tick(daemon).runs


def test_two_daemons_in_the_same_state_ask_for_the_same_run_key_and_one_run_comes_of_it(loaded: Loaded) -> None:
    daemon = loaded()
    lose(daemon, SUMMARY, SECOND)
    publish_again(daemon, SECOND)
    requests = []
    for _ in range(2):
        with dg.build_sensor_context(
            daemon.instance, cursor=daemon.cursors[ANALYTICS], repository_def=daemon.repository, sensor_name=ANALYTICS,
            resources={key: daemon.resources[key] for key in ("gatekeeper", "settings")},
        ) as context:  # fmt: skip
            requests += daemon.repository.get_sensor_def(ANALYTICS).evaluate_tick(context).run_requests or ()
        daemon.at(daemon.now + timedelta(seconds=30))
    assert len(requests) == 2
    assert requests[0].run_key == requests[1].run_key
    assert [daemon.launch(request, ANALYTICS) is not None for request in requests] == [True, False]
    for request in requests:
        assert request.tags["dagster/max_runtime"] == "600"


# what a correction reaches


def test_a_correction_of_an_old_game_makes_exactly_what_it_reaches(loaded: Loaded) -> None:
    """Of predictions only what was computed after the games: nothing that was said before them.

    The third day is graded twice: its scoreboard after the second day's grades, its grades after its predictions.
    """
    daemon = loaded(now=new_york(date(2025, 10, 27), time(9)))
    predictions, boxes = published_rows(daemon, PREDICTIONS), published_rows(daemon, BOX_SCORES)
    # Not what was played meanwhile: only the old date is asked about again.
    daemon.launch(
        dg.RunRequest(partition_key=str(SECOND), asset_selection=[dg.AssetKey(["landing", "player_box_scores"])]), "me"
    )
    before = len(daemon.launched)
    daemon.settle()
    launched = [(run.tags[PHASE_TAG], day) for run in daemon.launched[before:] for day in dates_of(run)]
    assert sorted(launched) == sorted(
        [("raw", SECOND), ("analytics", SECOND), ("analytics", THIRD), ("analytics", TODAY), ("precompute", THIRD),
         ("precompute", TODAY), ("predictions", THIRD), ("grades", SECOND), ("grades", THIRD),
         ("grades", THIRD)]
    )  # fmt: skip
    assert all(run.is_success for run in daemon.launched)
    after = published_rows(daemon, BOX_SCORES)
    changed = boxes.compare(after)
    assert len(changed) == 1
    assert set(boxes.loc[changed.index, "game_date"]) == {SECOND}
    assert after.loc[changed.index, "assists"].tolist() != boxes.loc[changed.index, "assists"].tolist()
    made_again = published_rows(daemon, PREDICTIONS)
    backtests = predictions["game_date"] == THIRD
    assert {*predictions.loc[backtests, "mode"]} == {"backtest"}
    pd.testing.assert_frame_equal(made_again[~backtests], predictions[~backtests], check_exact=True)
    for name in daemon.sensors():
        if name.endswith("_is_fresh"):
            assert not tick(daemon, name).runs, name


def test_predictions_of_a_date_are_made_again_until_its_last_game_tips_off_and_never_after(loaded: Loaded) -> None:
    daemon = loaded()
    tips = [tip.replace(tzinfo=UTC) for tip in published_rows(daemon, GAMES, TODAY)["tipoff_at"]]
    assert min(tips) < max(tips)
    with duckdb.connect(str(daemon.settings.warehouse_path)) as connection:
        changed = f"update {PUBLISHED_PARTITIONS.name} set fingerprint = 'other' where table_name = ? and game_date = ?"
        connection.execute(changed, [FEATURES.name, TODAY])
    for now, frozen in ((min(tips), False), (max(tips) - timedelta(seconds=1), False), (max(tips), True)):
        daemon.at(now)
        assert needs(daemon, PREDICTIONS).get(TODAY, Need.NOTHING) is (Need.NOTHING if frozen else Need.STALE), now


def answer_again(daemon: SimulatedDaemon, day: date, more: int) -> None:
    """The source answers about the games of a day again, with more points for one home team; nothing else changes."""
    landing = Landing(daemon.settings.landing_path)
    capture = landing.latest("games", day)
    assert capture is not None
    daemon.at(daemon.now + timedelta(minutes=1))
    writer = landing.begin("games", capture.first_date, capture.last_date, daemon.now)
    for number, page in enumerate(capture.pages):
        content = json.loads(page.body())
        if number == 0:
            next(game for game in content["data"] if game["date"] == str(day))["home_team_score"] += more
        writer.add_page(json.dumps(content).encode(), {}, daemon.now)
    writer.commit()
    daemon.instance.report_runless_asset_event(dg.AssetMaterialization(["landing", "games"], partition=str(day)))


def test_a_game_whose_score_is_wrong_is_held_and_a_correction_of_the_games_alone_releases_it(loaded: Loaded) -> None:
    daemon = loaded()
    lose(daemon, BOX_SCORES, THIRD)
    answer_again(daemon, THIRD, 30)
    for _ in range(3):
        tick(daemon, RAW)
    assert needs(daemon, BOX_SCORES) == {}, "its deadline is over: the others go on"
    assert published_rows(daemon, held_games.CONTRACT, THIRD)["game_id"].nunique() == 1, (
        "points do not sum to the score"
    )
    answer_again(daemon, THIRD, -30)
    for _ in range(3):
        tick(daemon, RAW)
    assert needs(daemon, BOX_SCORES) == {}
    assert published_rows(daemon, held_games.CONTRACT).empty


def test_a_roster_that_never_came_holds_up_no_box_scores(loaded: Loaded) -> None:
    daemon = loaded()
    players = next(table for table in all_tables() if table.name == "raw.players")
    lose(daemon, players, THIRD)
    lose(daemon, BOX_SCORES, THIRD)
    for capture in Landing(daemon.settings.landing_path).captures("players/active", THIRD):
        shutil.rmtree(daemon.settings.landing_path / capture.key)
    landed = dg.AssetMaterialization(["landing", "player_box_scores"], partition=str(THIRD))
    daemon.instance.report_runless_asset_event(landed)
    assert [run.asset_selection for run in tick(daemon, RAW).runs] == [{asset_key(BOX_SCORES)}]
    assert needs(daemon, BOX_SCORES) == {}
    assert not tick(daemon, RAW).runs
    assert set(PhaseCursor.read(daemon.cursors[RAW]).waiting) == {THIRD}
    daemon.tick_sensor("alerts")
    daemon.at(daemon.now + timedelta(minutes=31))
    tick(daemon, RAW)
    daemon.tick_sensor("alerts")
    told = [alert["what"] for alert in daemon.alerts() if alert["kind"] == AlertKind.GATE_CLOSED.value]
    assert any("nothing was landed from players/active" in said and "raw.players" in said for said in told), told


def test_a_context_waits_for_the_summaries_of_the_day_before_and_follows_them(loaded: Loaded) -> None:
    daemon = loaded()
    lose(daemon, SUMMARY, THIRD)
    for table in CONTEXTS:
        lose(daemon, table, TODAY)
    publish_again(daemon, THIRD)
    daemon.instance.report_runless_asset_event(dg.AssetMaterialization(["raw", "games"], partition=str(TODAY)))
    [first] = tick(daemon).runs
    assert (first.asset_selection, dates_of(first)) == ({asset_key(SUMMARY)}, [THIRD])
    assert TODAY in PhaseCursor.read(daemon.cursors[ANALYTICS]).waiting
    [second] = tick(daemon).runs
    assert (second.asset_selection, dates_of(second)) == ({asset_key(table) for table in CONTEXTS}, [TODAY])
    assert all(run.is_success for run in daemon.launched)
    for name in daemon.sensors():
        assert not tick(daemon, name).runs, name


# a tick that fails


def test_a_tick_that_finds_the_warehouse_busy_keeps_its_cursor_and_the_next_handles_all(loaded: Loaded) -> None:
    daemon = loaded()
    lose(daemon, SUMMARY, SECOND)
    publish_again(daemon, SECOND)
    old, warehouse = daemon.cursors[ANALYTICS], daemon.gatekeeper.warehouse
    warehouse.lock_wait_seconds = 0.3  # type: ignore[attr-defined]
    with busy(daemon):
        failed = daemon.tick_sensor(ANALYTICS)
    assert "was locked for more than" in str(failed.error.__cause__ if failed.error else None)
    assert daemon.cursors[ANALYTICS] == old
    assert dates(tick(daemon)) == [[SECOND]]


def test_a_tick_that_raises_in_the_middle_keeps_its_cursor(loaded: Loaded) -> None:
    daemon = loaded()
    lose(daemon, SUMMARY, SECOND)
    publish_again(daemon, SECOND)
    old = daemon.cursors[ANALYTICS]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lineage, "needs", lambda *_: 1 / 0)
        for _ in range(2):
            assert daemon.tick_sensor(ANALYTICS).error is not None
            assert daemon.cursors[ANALYTICS] == old
    daemon.tick_sensor("alerts")
    assert AlertKind.AUTOMATION_FAILED.value in {alert["kind"] for alert in daemon.alerts()}
    assert dates(tick(daemon)) == [[SECOND]]
    assert not tick(daemon).runs
    daemon.tick_sensor("alerts")
    closed = [said["kind"] for said in daemon.everything_said() if said["outcome"] == RESOLVED]
    assert closed == [AlertKind.AUTOMATION_FAILED.value]


# a run that fails


@pytest.mark.parametrize("how", ["could not be launched", "failed after its launch"])
def test_a_date_whose_run_failed_is_not_orphaned_and_self_heal_makes_it(loaded: Loaded, how: str) -> None:
    daemon = loaded()
    lose(daemon, SUMMARY, SECOND)
    publish_again(daemon, SECOND)
    if how == "could not be launched":
        daemon.refuse_launch = lambda request: True
        lost = tick(daemon)
        daemon.refuse_launch = lambda request: False
    else:
        with failing(SUMMARY):
            lost = tick(daemon)
    assert [run.is_failure for run in lost.runs] == [True]
    # The sensor does not try again by itself, however often upstream is published unchanged.
    publish_again(daemon, SECOND)
    assert not tick(daemon).runs
    assert not tick(daemon, "self_heal").runs
    daemon.at(daemon.now + timedelta(minutes=15))
    assert dates(tick(daemon, "self_heal")) == [[SECOND]]
    assert not needs(daemon, SUMMARY)


# gates


def test_a_closed_gate_makes_its_date_wait_and_no_other_and_opens_by_itself(loaded: Loaded) -> None:
    daemon = loaded()
    whole = daemon.home / "whole.duckdb"
    shutil.copy(daemon.settings.warehouse_path, whole)
    lose(daemon, SUMMARY, SECOND, THIRD)
    lose(daemon, BOX_SCORES, THIRD)
    publish_again(daemon, SECOND, THIRD)
    assert dates(tick(daemon)) == [[SECOND]]
    assert set(PhaseCursor.read(daemon.cursors[ANALYTICS]).waiting) == {THIRD}
    for _ in range(2):
        assert not tick(daemon).runs
    with duckdb.connect(str(daemon.settings.warehouse_path)) as connection:
        connection.execute(f"attach '{whole}' as whole (read_only)")
        connection.execute(
            f"insert into {BOX_SCORES.name} select * from whole.{BOX_SCORES.name} where game_date = ?", [THIRD]
        )
        manifest = PUBLISHED_PARTITIONS.name
        connection.execute(
            f"insert into {manifest} select * from whole.{manifest} where game_date = ? and table_name = ?",
            [THIRD, BOX_SCORES.name],
        )
    assert dates(tick(daemon)) == [[THIRD]]
    tick(daemon)
    assert PhaseCursor.read(daemon.cursors[ANALYTICS]).waiting == {}
    assert not needs(daemon, SUMMARY)


@pytest.mark.campaign
def test_tomorrow_without_its_analytics_is_blocked_however_launched_alerts_and_comes_with_them(
    loaded: Loaded,
) -> None:
    daemon = loaded()
    tomorrow, behind = TODAY + timedelta(days=1), (CACHE, FEATURES, PREDICTIONS)
    daemon.tick_sensor("alerts")
    lose(daemon, SUMMARY, THIRD)
    with failing(SUMMARY):
        daemon.run_until(new_york(TODAY, time(18, 30)), timedelta(hours=2))
        assert all(published_rows(daemon, table, tomorrow).empty for table in behind)
        waiting = PhaseCursor.read(daemon.cursors["precompute_when_upstream_is_fresh"]).waiting
        assert tomorrow in waiting
        for table in behind:
            key = asset_key(table)
            run = daemon.launch(dg.RunRequest(partition_key=str(tomorrow), asset_selection=[key]), "a person")
            assert run is not None
            assert run.is_failure, table.name
        assert all(published_rows(daemon, table, tomorrow).empty for table in behind)
        daemon.tick_sensor("alerts")
    told = [f"{alert['kind']} {alert['what']}" for alert in daemon.alerts()]
    assert any(str(THIRD) in said and SUMMARY.name.split(".")[1] in said for said in told), told
    for table in behind:
        assert any(f"into {table.name} is closed for {tomorrow}" in said for said in told), told
    daemon.run_until(daemon.now + timedelta(hours=1), timedelta(minutes=30))
    assert not any(published_rows(daemon, table, tomorrow).empty for table in behind)


@pytest.mark.parametrize(
    ("asked", "silent", "told"),
    [
        # The box scores of the day before are due at eight in the morning.
        (time(7, 0), time(7, 59), time(8, 1)),
        (time(12, 0), time(12, 29), time(12, 31)),
    ],
    ids=["before its deadline", "after its deadline, half an hour of patience"],
)
def test_a_date_that_waits_alerts_once_after_its_deadline(
    loaded: Loaded, asked: time, silent: time, told: time
) -> None:
    daemon = loaded(now=new_york(TODAY, asked))
    daemon.tick_sensor("alerts")
    lose(daemon, SUMMARY, THIRD)
    lose(daemon, BOX_SCORES, THIRD)
    publish_again(daemon, THIRD)

    def alerts_at(at: datetime) -> list[dict[str, str]]:
        daemon.at(at)
        assert not tick(daemon).runs
        daemon.tick_sensor("alerts")
        return [alert for alert in daemon.alerts() if alert["kind"] == AlertKind.GATE_CLOSED.value]

    before = len(alerts_at(daemon.now))
    assert len(alerts_at(new_york(TODAY, silent))) == before
    found = alerts_at(new_york(TODAY, told))
    assert len(found) == before + 1
    assert str(THIRD) in found[-1]["what"]
    assert BOX_SCORES.name in found[-1]["what"]
    assert found[-1]["mend"] == f"nba-pipeline backfill --from {THIRD} --to {THIRD}"
    for later in (5, 60, 600):
        assert len(alerts_at(new_york(TODAY, told) + timedelta(minutes=later))) == before + 1


def test_games_that_are_not_final_are_a_wait_and_no_failed_run(loaded: Loaded) -> None:
    # The last game of today becomes final at about eight in the morning.
    daemon = loaded({"kind": "late_final", "game_date": str(TODAY), "hours": 10})
    tomorrow = TODAY + timedelta(days=1)
    daemon.at(new_york(tomorrow, time(1, 30)))
    daemon.tick_schedule("box_scores", daemon.now)
    for _ in range(3):
        tick(daemon, RAW)
        tick(daemon)
    assert TODAY in PhaseCursor.read(daemon.cursors[RAW]).waiting
    assert [run.run_id for run in daemon.launched if run.is_failure] == []

    def told_at(at: time) -> list[str]:
        daemon.at(new_york(tomorrow, at))
        for _ in range(2):
            tick(daemon, RAW)
        daemon.tick_sensor("alerts")
        kinds = AlertKind.GATE_CLOSED.value, AlertKind.GAME_HELD.value
        return [a["what"] for a in daemon.alerts() if a["kind"] in kinds and str(TODAY) in a["what"]]

    assert told_at(time(2, 5)) == told_at(time(6, 40)) == [], "the night is for late games"
    assert "not final" in " ".join(told_at(time(8, 5))), "the deadline holds it, and needs no answer for that"
    daemon.at(new_york(tomorrow, time(15, 0)))
    daemon.tick_schedule("box_scores", daemon.now)
    assert [dates(tick(daemon, RAW)) for _ in range(3)] == [
        [[TODAY]],
        [[TODAY]],
        [],
    ]  # the games, then their box scores
    assert TODAY not in PhaseCursor.read(daemon.cursors[RAW]).waiting
    assert not needs(daemon, BOX_SCORES)
    assert [run.run_id for run in daemon.launched if run.is_failure] == []


# the cursor


def test_a_cursor_is_kept_as_it_is() -> None:
    cursor = PhaseCursor({"raw/games": 7}, {THIRD: Waiting(LOADED_AT, notified=True), SECOND: Waiting(LOADED_AT)})
    assert PhaseCursor.read(str(cursor)) == cursor
    assert PhaseCursor.read(None) == PhaseCursor()
    assert '"told":true' in str(cursor), "as homes have it"


def test_every_phase_that_is_fed_has_one_sensor() -> None:
    assert [phase.name for phase in FED_PHASES] == [
        "RAW", "ANALYTICS", "PRECOMPUTE", "PREDICTIONS", "GRADES"
    ]  # fmt: skip
    assert {table.phase for table in all_tables()} <= set(FED_PHASES)
