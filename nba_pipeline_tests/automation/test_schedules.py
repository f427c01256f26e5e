"""Schedules, deadlines and freshness in New York time, the shipped instance, and the retries of a step."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import DecoratedScheduleFunction

from nba_pipeline.assets.step_retries import CAN_HEAL, LONGEST_WAIT, retrying_what_can_heal, seconds_to_wait
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.automation.launches import Launch
from nba_pipeline.automation.schedules import SCHEDULE_SPECS
from nba_pipeline.clock import NEW_YORK, game_date_of
from nba_pipeline.contracts import Contract, Phase
from nba_pipeline.definitions import definitions
from nba_pipeline.gates.deadlines import PATIENCE, due, healed_from, is_late, newest_due_date
from nba_pipeline.landing.assets import LANDED_INJURIES
from nba_pipeline.monitoring.freshness import Freshness, freshness
from nba_pipeline.operations.runs import instance_of, prepare_home
from nba_pipeline.precompute import player_daily_cache
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings
from nba_pipeline.sources.errors import LandingUnavailableError
from nba_pipeline.warehouse.errors import WarehouseBusyError, WarehouseError, WarehouseUnavailableError
from nba_pipeline_tests.support.loaded_season import LOADED_AT, lose
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon
from nba_pipeline_tests.support.warehouse_copy import Copy

FALL_BACK, SPRING_FORWARD = date(2025, 11, 2), date(2026, 3, 8)

CRONS = {
    "box_scores": ("30 1 * * *", "30 3 * * *", "30 6 * * *"),
    "last_14_days_again": ("30 4 * * *",),
    "season_schedule": ("10 5 * * *",),
    "season_again": ("15 5 * * 1",),
    "same_day_schedule_and_rosters": ("40 6 * * *", "0 10 * * *", "0 13 * * *", "0 16 * * *", "30 18 * * *"),
    "same_day_injuries": ("30 17 * * *", "0 19 * * *", "30 20 * * *", "30 21 * * *"),
    "tomorrow_schedule_and_rosters": ("0 17 * * *",),
    "overnight_precompute": ("0 7 * * *",),
    "same_day_predictions": ("30 7 * * *", "30 10 * * *", "30 13 * * *", "30 16 * * *"),
    "tomorrow_precompute": ("30 17 * * *",),
    "tomorrow_predictions": ("0 18 * * *",),
    "yesterday_analytics": ("0 4 * * *", "0 8 * * *"),
    "grading": ("0 9 * * *",),
    "daily_health": ("15 10 * * *",),
    "monthly_models": ("0 5 1 * *",),
}
"""Minute and hour in New York."""

ABOUT = {
    "box_scores": -1, "last_14_days_again": -1, "season_again": -1, "season_schedule": 0,
    "same_day_schedule_and_rosters": 0, "same_day_injuries": 0, "tomorrow_schedule_and_rosters": 1,
    "overnight_precompute": 0, "same_day_predictions": 0, "tomorrow_precompute": 1, "tomorrow_predictions": 1,
    "yesterday_analytics": -1, "grading": -1, "daily_health": -1, "monthly_models": 0,
}  # fmt: skip
"""Yesterday, today or tomorrow, counted from the New York date of the tick; models are about its month."""

BY_NAME: dict[str, Contract] = {table.name: table for table in all_tables()}


def settings_of(home: Path, **others: object) -> Settings:
    return Settings.model_validate({"home": home, "now": datetime(2026, 1, 20, 15, tzinfo=UTC), **others})


def new_york(day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=NEW_YORK).astimezone(UTC)


def times_of(crons: tuple[str, ...]) -> list[time]:
    return sorted(time(int(cron.split()[1]), int(cron.split()[0])) for cron in crons)


@pytest.fixture(scope="module")
def empty(league, tmp_path_factory) -> Iterator[SimulatedDaemon]:
    """A home in which nothing was ever loaded. No run is started in it."""
    from nba_pipeline.league.server import LeagueServer

    now = new_york(date(2025, 11, 1), time(12, 0))
    with LeagueServer(league, now=now) as server:
        daemon = SimulatedDaemon(tmp_path_factory.mktemp("empty") / "home", server, now)
        yield daemon
        daemon.close()


def requests_of(daemon: SimulatedDaemon, name: str, at: datetime) -> tuple[list[dg.RunRequest], str | None]:
    """What a tick of a schedule asks for, launching nothing."""
    daemon.at(at)
    with dg.build_schedule_context(
        daemon.instance,
        scheduled_execution_time=at,
        repository_def=daemon.repository,
        resources={key: daemon.resources[key] for key in ("gatekeeper", "settings")},
    ) as context:
        # The function itself: Dagster's tick around it knows no partition after the tomorrow of the tests' clock.
        function = daemon.repository.get_schedule_def(name)._execution_fn
        assert isinstance(function, DecoratedScheduleFunction)
        found = function.decorated_fn(context)
    if isinstance(found, dg.SkipReason):
        return [], found.skip_message
    assert isinstance(found, dg.RunRequest | list)
    return [found] if isinstance(found, dg.RunRequest) else found, None


# schedules


def test_the_schedules_are_those_listed_in_new_york_time(empty: SimulatedDaemon) -> None:
    found = {s.name: s for s in empty.repository.schedule_defs}
    assert set(found) == set(CRONS)
    for name, crons in CRONS.items():
        cron = found[name].cron_schedule
        assert sorted([cron] if isinstance(cron, str) else cron) == sorted(crons), name
        assert found[name].execution_timezone == "America/New_York"


def test_injuries_are_asked_for_through_the_day_and_until_the_last_games_begin() -> None:
    asked = [
        (at, spec.day) for spec in SCHEDULE_SPECS if LANDED_INJURIES in spec.job.assets for at in times_of(spec.crons)
    ]
    today = sorted(at for at, day in asked if day == 0)
    assert today == times_of(("40 6", "0 10", "0 13", "0 16", "30 17", "30 18", "0 19", "30 20", "30 21"))
    assert [at for at, day in asked if day == 1] == [time(17)]


def test_lines_are_asked_for_only_where_the_settings_say_so(empty: SimulatedDaemon, tmp_path: Path) -> None:
    repository = definitions(Runtime(settings_of(tmp_path, lines="on"))).get_repository_def()
    assert {s.name for s in repository.schedule_defs} - set(CRONS) == {"same_day_lines", "tomorrow_lines"}
    cron = repository.get_schedule_def("same_day_lines").cron_schedule
    assert cron == ["0 10 * * *", "0 13 * * *", "0 16 * * *", "0 18 * * *"]
    assert not {"same_day_lines", "tomorrow_lines"} & {s.name for s in empty.repository.schedule_defs}


@pytest.mark.parametrize(
    ("day", "hours_before", "hours_after"),
    [(FALL_BACK, 4, 5), (SPRING_FORWARD, 5, 4)],
    ids=["clocks back", "clocks forward"],
)
def test_every_schedule_fires_once_at_each_of_its_times_on_the_day_the_clocks_change(
    empty: SimulatedDaemon, day: date, hours_before: int, hours_after: int
) -> None:
    begin, end = new_york(day, time(0)), new_york(day + timedelta(days=1), time(0))
    fired: dict[str, list[datetime]] = {}
    for at, name in empty.due_schedules(begin - timedelta(seconds=1), end - timedelta(seconds=1)):
        fired.setdefault(name, []).append(at)
    for name, crons in CRONS.items():
        wanted = []
        for at in times_of(crons):
            # When clocks go back, 01:30 happens twice: the second counts. Forward, 01:30 is before the change.
            offset = hours_before if at < (time(1) if day == FALL_BACK else time(2)) else hours_after
            wanted.append(datetime.combine(day, at, tzinfo=UTC) + timedelta(hours=offset))
        on_other_days = (name == "monthly_models" and day.day != 1) or (name == "season_again" and day.weekday() != 0)
        assert sorted(fired.get(name, [])) == ([] if on_other_days else wanted), name


@pytest.mark.parametrize("day", [FALL_BACK, SPRING_FORWARD], ids=str)
def test_ticks_are_about_yesterday_today_and_tomorrow_of_new_york(empty: SimulatedDaemon, day: date) -> None:
    for name, crons in CRONS.items():
        for at in {times_of(crons)[0], times_of(crons)[-1]}:
            asked, said = requests_of(empty, name, new_york(day, at))
            about = day.replace(day=1) if name == "monthly_models" else day + timedelta(days=ABOUT[name])
            if asked:
                assert [request.partition_key for request in asked] == [str(about)], name
            else:
                assert str(about) in str(said), name


def test_an_empty_home_gets_its_landing_and_report_in_runs_of_ten_minutes_at_most(
    empty: SimulatedDaemon,
) -> None:
    of_landing = {spec.name for spec in SCHEDULE_SPECS if spec.job.assets and spec.since is None}
    for name in CRONS:
        asked, said = requests_of(empty, name, new_york(date(2025, 11, 1), times_of(CRONS[name])[0]))
        if name in of_landing | {"daily_health"}:
            assert [request.tags["dagster/max_runtime"] for request in asked] == ["600"], name
        else:
            assert not asked
            assert said, name


@pytest.mark.parametrize(
    ("day", "about_a_game_date"),
    [
        (date(2026, 6, 30), {-1: True, 0: True, 1: False}),
        (date(2026, 7, 1), {-1: True, 0: False, 1: False}),
        (date(2026, 8, 15), {-1: False, 0: False, 1: False}),
        (date(2025, 9, 30), {-1: False, 0: False, 1: True}),
        (date(2025, 10, 1), {-1: False, 0: True, 1: True}),
    ],
)
def test_out_of_season_schedules_skip_and_say_so(
    empty: SimulatedDaemon, day: date, about_a_game_date: dict[int, bool]
) -> None:
    for name in CRONS:
        asked, said = requests_of(empty, name, new_york(day, times_of(CRONS[name])[0]))
        out = not about_a_game_date[ABOUT[name]]
        assert ("out of season" in str(said)) is out, (name, said)
        if out:
            assert not asked


@pytest.mark.parametrize("inputs", [{date(2025, 11, 1): "a"}, {date(2025, 11, 1): "a", date(2025, 11, 2): "b"}])
def test_every_launch_of_sensors_and_self_heal_is_ended_after_ten_minutes(inputs: dict[date, str]) -> None:
    launch = Launch(Phase.ANALYTICS, (dg.AssetKey(["analytics", "player_game_summary"]),), inputs)
    assert launch.request("anyone", datetime(2025, 11, 3, tzinfo=UTC)).tags["dagster/max_runtime"] == "600"


def test_the_models_of_a_month_have_an_hour(copy: Copy) -> None:
    repository, gatekeeper = definitions(Runtime(copy.settings)).get_repository_def(), copy.gatekeeper()
    with dg.build_schedule_context(
        scheduled_execution_time=gatekeeper.clock.now(),
        repository_def=repository,
        resources={"gatekeeper": gatekeeper, "settings": copy.settings},
    ) as context:
        asked = repository.get_schedule_def("monthly_models").evaluate_tick(context).run_requests or ()
    assert [(each.partition_key, each.tags["dagster/max_runtime"]) for each in asked] == [("2025-11-01", "3600")]


def test_a_landing_tick_that_comes_twice_has_one_run_key_and_the_next_another(empty: SimulatedDaemon) -> None:
    def key(at: time) -> str | None:
        return requests_of(empty, "box_scores", new_york(date(2025, 11, 1), at))[0][0].run_key

    assert key(time(1, 30)) == key(time(1, 30)) != key(time(3, 30))


@pytest.mark.parametrize("switch", ["on", "off"])
def test_all_automation_runs_by_default_and_nothing_but_alerts_where_it_is_switched_off(
    tmp_path: Path, switch: str
) -> None:
    found = definitions(Runtime(settings_of(tmp_path, automation=switch))).get_repository_def()
    assert {sensor.name for sensor in found.sensor_defs} >= {"self_heal", "freshness", "decided_games", "alerts"}
    assert len(found.sensor_defs) == 10
    wanted = "RUNNING" if switch == "on" else "STOPPED"
    states = {sensor.name: sensor.default_status.value for sensor in found.sensor_defs}
    assert states.pop("alerts") == "RUNNING"
    assert set(states.values()) == {wanted}
    assert {schedule.default_status.value for schedule in found.schedule_defs} == {wanted}


def test_the_switch_is_read_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBA_PIPELINE_AUTOMATION", "off")
    assert settings_of(tmp_path).automation == "off"


# deadlines


@pytest.mark.parametrize(
    ("table", "day", "deadline"),
    [
        # What exists before the games is due on the date, what they make on the morning after.
        ("raw.games", FALL_BACK, datetime(2025, 11, 2, 13, tzinfo=UTC)),
        ("raw.players", FALL_BACK - timedelta(days=1), datetime(2025, 11, 1, 12, tzinfo=UTC)),
        ("raw.players", FALL_BACK, datetime(2025, 11, 2, 13, tzinfo=UTC)),
        ("precompute.player_daily_cache", FALL_BACK, datetime(2025, 11, 2, 14, tzinfo=UTC)),
        ("predictions.player_predictions", FALL_BACK, datetime(2025, 11, 2, 15, tzinfo=UTC)),
        ("predictions.player_predictions", SPRING_FORWARD, datetime(2026, 3, 8, 14, tzinfo=UTC)),
        ("analytics.upcoming_team_game_context", FALL_BACK, datetime(2025, 11, 2, 13, 30, tzinfo=UTC)),
        ("analytics.player_game_summary", FALL_BACK - timedelta(days=1), datetime(2025, 11, 2, 13, tzinfo=UTC)),
        ("analytics.player_game_summary", SPRING_FORWARD - timedelta(days=1), datetime(2026, 3, 8, 12, tzinfo=UTC)),
        ("predictions.prediction_accuracy", SPRING_FORWARD, datetime(2026, 3, 9, 14, tzinfo=UTC)),
    ],
)
def test_deadlines_follow_the_clocks_of_new_york(table: str, day: date, deadline: datetime) -> None:
    assert due(BY_NAME[table], day) == deadline


@pytest.mark.parametrize("day", [FALL_BACK, SPRING_FORWARD, date(2025, 12, 1)])
@pytest.mark.parametrize("table", all_tables(), ids=lambda table: table.name)
def test_a_date_becomes_the_newest_due_one_exactly_at_its_deadline(table: Contract, day: date) -> None:
    deadline = due(table, day)
    assert newest_due_date(table, deadline) == day
    assert newest_due_date(table, deadline - timedelta(microseconds=1)) == day - timedelta(days=1)
    assert healed_from(table, day) < deadline


def test_what_is_late_is_due_with_all_that_is_asked_about_and_was_waited_for_long_enough() -> None:
    early, last = BY_NAME["raw.games"], BY_NAME["raw.player_box_scores"]
    over, instant = due(last, FALL_BACK), timedelta(microseconds=1)
    assert is_late([early, last], FALL_BACK, over)
    assert not is_late([early, last], FALL_BACK, over - instant)
    assert is_late([early], FALL_BACK, over - instant)
    for since in (over - timedelta(days=1), over + timedelta(days=9)):
        begins = max(over, since + PATIENCE + instant)
        assert is_late([last], FALL_BACK, begins, since)
        assert not is_late([last], FALL_BACK, begins - instant, since)


@pytest.mark.parametrize("table", all_tables(), ids=lambda table: table.name)
def test_self_heal_waits_for_the_schedule_that_would_bring_a_date(table: Contract) -> None:
    """The schedules have had their first chance at a date before self-heal takes it for lost."""
    names = {
        Phase.PRECOMPUTE: "overnight_precompute", Phase.PREDICTIONS: "same_day_predictions",
        Phase.RAW: "same_day_schedule_and_rosters" if table.before_tip_off else "box_scores",
        Phase.ANALYTICS: "overnight_precompute" if table.before_tip_off else "box_scores", Phase.GRADES: "box_scores",
    }  # fmt: skip
    spec = next(spec for spec in SCHEDULE_SPECS if spec.name == names[table.phase])
    day = date(2025, 12, 1)
    first = new_york(day - timedelta(days=spec.day), times_of(spec.crons)[0])
    assert game_date_of(first) == day - timedelta(days=spec.day)
    assert healed_from(table, day) >= first


# freshness


def state_of(daemon: SimulatedDaemon, table: Contract) -> Freshness:
    gatekeeper = daemon.gatekeeper
    with daemon.warehouse.session(read_only=True) as session:
        return freshness(gatekeeper.evidence(session), [table])[0]


def evaluations(daemon: SimulatedDaemon, table: Contract) -> list[bool]:
    """What the check of a table said, newest first."""
    key = dg.AssetCheckKey(asset_key(table), "freshness")
    records = daemon.instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
    found = [record.event.dagster_event for record in records if record.event]
    return [e.asset_check_evaluation_data.passed for e in found if e and e.event_type_value == "ASSET_CHECK_EVALUATION"]


def test_the_newest_due_date_is_late_at_its_deadline_and_fresh_when_it_is_there(
    loaded: Callable[..., SimulatedDaemon],
) -> None:
    daemon, cache = loaded(), player_daily_cache.CONTRACT
    day = LOADED_AT.date()
    lose(daemon, cache, day)

    daemon.at(due(cache, day) - timedelta(seconds=1))
    daemon.tick_sensor("freshness")
    assert state_of(daemon, cache) == Freshness(cache, day - timedelta(days=1), ())
    before = len(evaluations(daemon, cache))

    daemon.at(due(cache, day))
    daemon.tick_sensor("freshness")
    daemon.tick_sensor("freshness")
    state = state_of(daemon, cache)
    assert (state.game_date, state.fresh) == (day, False)
    assert cache.name in " ".join(state.reasons)
    assert evaluations(daemon, cache)[0] is False
    assert len(evaluations(daemon, cache)) == before + 1

    # An old date made again is the newest event of the asset, and does not make the due one fresh.
    for made, fresh in ((day - timedelta(days=1), False), (day, True)):
        daemon.launch(dg.RunRequest(partition_key=str(made), asset_selection=[asset_key(cache)]), by="a person")
        daemon.tick_sensor("freshness")
        assert state_of(daemon, cache).fresh is fresh
        assert evaluations(daemon, cache)[0] is fresh


def test_nothing_is_due_before_anything_was_loaded_or_out_of_season(
    empty: SimulatedDaemon, loaded: Callable[..., SimulatedDaemon]
) -> None:
    found = loaded()
    for daemon, now in ((empty, new_york(date(2025, 11, 1), time(12))), (found, new_york(date(2026, 8, 1), time(12)))):
        daemon.at(now)
        with daemon.warehouse.session(read_only=True) as session:
            assert freshness(daemon.gatekeeper.evidence(session), all_tables()) == []


# the shipped instance


def test_the_shipped_instance_retries_crashed_workers_ends_hung_runs_and_has_one_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with instance_of(settings_of(tmp_path)) as instance:
        assert instance.run_retries_enabled
        assert instance.run_retries_max_retries == 2
        assert instance.run_retries_retry_on_asset_or_op_failure is False
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_poll_interval_seconds == 20
        assert instance.run_monitoring_start_timeout_seconds == 180
        assert instance.run_monitoring_cancel_timeout_seconds == 60
        assert instance.run_monitoring_max_runtime_seconds == 14400
        concurrency = instance.get_concurrency_config()
        assert instance.global_op_concurrency_default_limit == 1
        assert concurrency.pool_config.pool_granularity is not None
        assert concurrency.pool_config.pool_granularity.value == "run"
        assert concurrency.run_queue_config is not None
        assert concurrency.run_queue_config.max_concurrent_runs == 4


def test_settings_of_dagster_that_somebody_changed_are_kept_and_named_at_every_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    kept = prepare_home(settings_of(tmp_path)) / "dagster.yaml"
    assert caplog.text == ""
    changed = kept.read_text() + "# mine\n"
    kept.write_text(changed)
    for _ in range(2):
        caplog.clear()
        prepare_home(settings_of(tmp_path))
        assert kept.read_text() == changed
        assert f"{kept} is not the dagster.yaml that comes with this version" in caplog.text


def test_every_table_is_written_in_the_pool_of_the_one_writer(empty: SimulatedDaemon) -> None:
    pools = {
        node.name: node.definition.pool for node in empty.job.nodes if isinstance(node.definition, dg.OpDefinition)
    }
    for table in all_tables():
        assert pools["__".join(asset_key(table).path)] == "warehouse_writer", table.name


# retries of a step


@pytest.mark.parametrize("kind", [WarehouseBusyError, WarehouseUnavailableError, LandingUnavailableError])
def test_only_what_waiting_mends_is_tried_again(tmp_path: Path, kind: type[Exception]) -> None:
    assert kind in CAN_HEAL
    assert len(CAN_HEAL) == 3
    settings = settings_of(tmp_path, step_retries=3)
    with pytest.raises(dg.RetryRequested) as raised, retrying_what_can_heal(settings, 0):
        raise kind("somebody writes, or nobody answers")
    assert raised.value.max_retries == 3
    assert isinstance(raised.value.__cause__, kind)


@pytest.mark.parametrize("error", [WarehouseError("broken"), ValueError("a bug"), TimeoutError(), dg.Failure("closed")])
def test_every_other_failure_ends_the_step_at_once(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as raised, retrying_what_can_heal(settings_of(tmp_path), 0):
        raise error
    assert raised.value is error


def test_the_waits_of_a_step_double_up_to_a_limit_and_differ_from_run_to_run(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, step_retry_wait_seconds=20)
    for retry in range(12):
        longest = min(LONGEST_WAIT, 20 * 2**retry)
        waits = [seconds_to_wait(settings, retry) for _ in range(50)]
        assert all(longest / 2 <= wait <= longest for wait in waits)
        assert len(set(waits)) > 40
    assert min(LONGEST_WAIT, 20 * 2**11) == LONGEST_WAIT


def test_a_step_whose_warehouse_stays_busy_is_tried_a_bounded_number_of_times(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, step_retries=2, step_retry_wait_seconds=0.01)
    tried = []

    @dg.op
    def step(context: dg.OpExecutionContext) -> None:
        tried.append(context.retry_number)
        with retrying_what_can_heal(settings, context.retry_number):
            raise WarehouseBusyError("somebody writes")

    @dg.job
    def job() -> None:
        step()

    assert not job.execute_in_process(raise_on_error=False).success
    assert tried == [0, 1, 2]
