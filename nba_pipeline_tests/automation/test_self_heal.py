"""Self-heal repairs what is missing, stale or failed with the smallest runs, a bounded number of times, and says so."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRunStatus
from hypothesis import given, settings
from hypothesis import strategies as st

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.automation import attempts
from nba_pipeline.automation.attempts import FIRST_WAIT, LONGEST_WAIT, MOST_ATTEMPTS, Decision, decide, wait_after
from nba_pipeline.automation.launches import INPUTS_TAG, LAUNCHED_AT_TAG, PHASE_TAG, Attempted, Launch, Launches
from nba_pipeline.automation.self_heal import GIVEN_UP_CHECK, SELF_HEAL
from nba_pipeline.clock import NEW_YORK
from nba_pipeline.contracts import Contract, Phase
from nba_pipeline.gates.alert_metadata import AlertKind
from nba_pipeline.gates.deadlines import OPERATED
from nba_pipeline.gates.evidence import Need, Standing
from nba_pipeline.gates.gatekeeper import Admission, Gatekeeper
from nba_pipeline.grades import daily_scoreboard, prediction_accuracy
from nba_pipeline.partitions import PARTITION, RANGE_END, RANGE_START, dates_of, game_dates
from nba_pipeline.precompute import ml_feature_store, player_composite_factors, player_daily_cache
from nba_pipeline.predictions import player_predictions
from nba_pipeline.sources.landing import Landing
from nba_pipeline.warehouse.operations_tables import PUBLISHED_PARTITIONS
from nba_pipeline_tests.support.loaded_season import CORRECTED_GAME, LOADED_AT, lose
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon, Ticked

Loaded = Callable[..., SimulatedDaemon]

SUMMARY = player_game_summary.CONTRACT
CACHE = player_daily_cache.CONTRACT
COMPOSITE = player_composite_factors.CONTRACT
FEATURES = ml_feature_store.CONTRACT

OPENING = date(2025, 10, 21)

# the decision, over random histories

MINUTES = st.integers(1, 60 * 30)
JUMPS = st.sampled_from([timedelta(0)] * 6 + [timedelta(hours=1), timedelta(hours=-1), timedelta(days=3)])
STARTS = st.sampled_from([datetime(2025, 11, 1, 20, tzinfo=NEW_YORK), datetime(2026, 3, 7, 20, tzinfo=NEW_YORK)])


class Thing:
    """One phase of one date that is not there, and what Dagster knows of its launches."""

    def __init__(self) -> None:
        self.attempts: list[Attempted] = []
        self.keys: set[int] = set()
        self.given_up = False
        self.by_elsewhere: list[bool] = []

    def tick(self, now: datetime, last_success: datetime | None, *, crash: str, succeeds: bool) -> Decision:
        """A tick that may crash before or after its launch; a run key is used once."""
        decision = decide(sorted(self.attempts, key=lambda a: a.launched_at), now, last_success)
        if self.given_up:
            assert decision is Decision.GIVE_UP
        if decision is Decision.GIVE_UP:
            self.given_up = True
        if decision is Decision.LAUNCH and crash != "before":
            assert len(self.attempts) not in self.keys
            self.keys.add(len(self.attempts))
            self.attempts.append(Attempted(now.astimezone(UTC), succeeds))
        return decision


TICKS = st.lists(
    st.tuples(
        MINUTES,
        JUMPS,
        st.sampled_from(["no", "no", "no", "before", "after"]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=120,
)


@settings(max_examples=150, deadline=None)
@given(start=STARTS, ticks=TICKS)
def test_whatever_happens_there_are_bounded_attempts_and_then_none(start: datetime, ticks: list) -> None:
    thing, now, success = Thing(), start.astimezone(UTC), None
    for minutes, jump, crash, succeeds, elsewhere in ticks:
        now += timedelta(minutes=minutes) + jump
        if elsewhere:
            success = now
        before = list(thing.attempts)
        if thing.tick(now, success, crash=crash, succeeds=succeeds) is Decision.LAUNCH and before:
            # Never sooner than the first wait; sooner than its own wait only after a success elsewhere.
            waited = now - max(a.launched_at for a in before)
            assert waited >= FIRST_WAIT
            last = max(a.launched_at for a in before)
            assert waited >= wait_after(len(before)) or (success is not None and success > last)
        assert len(thing.attempts) <= MOST_ATTEMPTS
    for _ in range(MOST_ATTEMPTS + 1):
        now += LONGEST_WAIT + timedelta(days=7)
        thing.tick(now, success, crash="no", succeeds=False)
    assert thing.given_up
    assert len(thing.attempts) == MOST_ATTEMPTS


@settings(max_examples=60, deadline=None)
@given(
    data=st.lists(
        st.tuples(st.integers(0, 5), MINUTES, st.sampled_from(["no", "before", "after"]), st.booleans()), max_size=300
    )
)
def test_many_dates_and_phases_at_once_are_each_bounded_and_do_not_use_up_each_others_attempts(data: list) -> None:
    things = [Thing() for _ in range(6)]
    now, success = datetime(2025, 11, 1, 20, tzinfo=UTC), None
    for n, minutes, crash, succeeds in data:
        now += timedelta(minutes=minutes / 10)
        before = [len(thing.attempts) for thing in things]
        things[n].tick(now, success, crash=crash, succeeds=succeeds)
        if succeeds and len(things[n].attempts) > before[n]:
            success = now
        assert [len(t.attempts) for i, t in enumerate(things) if i != n] == [b for i, b in enumerate(before) if i != n]
    for _ in range(MOST_ATTEMPTS + 1):
        now += LONGEST_WAIT
        for thing in things:
            thing.tick(now, success, crash="no", succeeds=False)
    assert [len(thing.attempts) for thing in things] == [MOST_ATTEMPTS] * 6
    assert all(thing.given_up for thing in things)


def test_the_waits_double_up_to_half_a_day_and_cover_five_days() -> None:
    waits = [wait_after(n) for n in range(1, MOST_ATTEMPTS)]
    assert waits[0] == timedelta(minutes=15)
    assert all(later == min(2 * wait, timedelta(hours=12)) for wait, later in pairwise(waits))
    assert waits[-1] == timedelta(hours=12)
    assert timedelta(days=5) <= sum(waits, timedelta()) <= timedelta(days=6)


def test_a_success_elsewhere_shortens_the_wait_but_not_below_the_first_and_not_the_bound() -> None:
    launched = datetime(2025, 11, 1, 12, tzinfo=UTC)
    failed = [Attempted(launched - timedelta(days=n), False) for n in range(5, -1, -1)]
    soon, later = launched + timedelta(minutes=14), launched + timedelta(minutes=15)
    assert decide(failed, later, None) is Decision.WAIT
    assert decide(failed, later, launched - timedelta(minutes=1)) is Decision.WAIT
    assert decide(failed, later, launched + timedelta(minutes=1)) is Decision.LAUNCH
    assert decide(failed, soon, launched + timedelta(minutes=1)) is Decision.WAIT
    spent = [Attempted(launched, False)] * MOST_ATTEMPTS
    assert decide(spent, later, later) is Decision.GIVE_UP
    assert decide(spent, launched + timedelta(days=365), later) is Decision.GIVE_UP


def test_however_often_others_succeed_the_attempts_cover_three_days_and_a_half() -> None:
    now = begin = datetime(2025, 11, 1, tzinfo=UTC)
    attempts: list[Attempted] = []
    while (decision := decide(attempts, now, last_success=now)) is not Decision.GIVE_UP:
        if decision is Decision.LAUNCH:
            attempts.append(Attempted(now, False))
        now += timedelta(minutes=15)
    assert timedelta(days=3.5) <= attempts[-1].launched_at - begin <= timedelta(days=5)


def test_every_attempt_of_a_whole_failing_season_is_remembered() -> None:
    """However many runs there were: a forgotten attempt would be made again."""
    days = game_dates(date(2025, 10, 1), date(2026, 6, 30))[:130]
    begin = datetime(2025, 11, 1, tzinfo=UTC)
    with DagsterInstance.ephemeral() as instance:
        runs = [
            dg.DagsterRun(
                job_name="j",
                status=DagsterRunStatus.FAILURE,
                tags={
                    PHASE_TAG: "raw", PARTITION: str(day), INPUTS_TAG: f'{{"{day}": "the source"}}',
                    LAUNCHED_AT_TAG: (begin + timedelta(days=attempt)).isoformat(),
                },
            )
            for attempt in range(MOST_ATTEMPTS)
            for day in days
        ]  # fmt: skip
        for run in runs:
            instance.add_run(run)
        launches = Launches(instance)
        assert {len(launches.attempts(Phase.RAW, day, "the source")) for day in days[::13]} == {MOST_ATTEMPTS}


# real runs


def new_york(day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=NEW_YORK).astimezone(UTC)


def make_stale(daemon: SimulatedDaemon, table: Contract, *days: date) -> None:
    """Marks dates as made from something else than what stands there now."""
    import duckdb

    with duckdb.connect(str(daemon.settings.warehouse_path)) as connection:
        for day in days:
            connection.execute(
                f"update {PUBLISHED_PARTITIONS.name} set inputs = 'other' where game_date = ? and table_name = ?",
                [day, table.name],
            )


def needs(daemon: SimulatedDaemon, days: Iterable[date]) -> dict[tuple[str, date], Need]:
    gatekeeper: Gatekeeper = daemon.gatekeeper
    with daemon.warehouse.session(read_only=True) as session:
        return gatekeeper.evidence(session).lineage.needs(all_tables(), list(days))


def heal(daemon: SimulatedDaemon) -> Ticked:
    ticked = daemon.tick_sensor("self_heal")
    assert ticked.error is None
    return ticked


def made(ticked: Ticked) -> list[tuple[set[str], list[date]]]:
    """What runs were launched: their assets and their dates."""
    return [({key.to_user_string() for key in run.asset_selection or ()}, dates_of(run)) for run in ticked.runs]


def healed(daemon: SimulatedDaemon) -> list[str]:
    """What was observed as healed, oldest first."""
    records = daemon.instance.fetch_observations(SELF_HEAL, limit=100, ascending=True).records
    observed = [record.asset_observation for record in records if record.asset_observation]
    return [str(one.metadata["healed"].value) for one in observed if "healed" in one.metadata]


def assert_healthy(daemon: SimulatedDaemon) -> None:
    today = daemon.now.astimezone(NEW_YORK).date()
    assert needs(daemon, game_dates(date(2025, 10, 1), today)) == {}


def test_a_loaded_home_needs_nothing_and_self_heal_launches_nothing(loaded: Loaded) -> None:
    daemon = loaded()
    assert_healthy(daemon)
    assert not heal(daemon).runs


def test_a_missing_date_is_made_again_by_self_heal_alone_with_the_smallest_run_and_verified(loaded: Loaded) -> None:
    daemon = loaded()
    lose(daemon, SUMMARY, CORRECTED_GAME)
    first = heal(daemon)
    assert made(first) == [({"analytics/player_game_summary"}, [CORRECTED_GAME])]
    assert first.runs[0].is_success
    assert not healed(daemon)
    assert_healthy(daemon)

    daemon.at(daemon.now + timedelta(minutes=15))
    assert not heal(daemon).runs
    assert healed(daemon) == [f"analytics {CORRECTED_GAME}"]
    daemon.at(daemon.now + timedelta(minutes=15))
    heal(daemon)
    assert len(healed(daemon)) == 1


def test_a_stale_table_is_made_again_with_what_follows_from_it_and_nothing_else(loaded: Loaded) -> None:
    daemon = loaded()
    day = LOADED_AT.date()
    make_stale(daemon, COMPOSITE, day)
    assert needs(daemon, [day]) == {(COMPOSITE.name, day): Need.STALE}
    follows = {"precompute/player_composite_factors", "precompute/ml_feature_store"}
    assert made(heal(daemon)) == [(follows, [day])]
    assert_healthy(daemon)

    make_stale(daemon, player_shot_zone_analysis_contract(), day)
    daemon.at(daemon.now + timedelta(minutes=15))
    assert made(heal(daemon)) == [({"precompute/player_shot_zone_analysis", *follows}, [day])]
    assert_healthy(daemon)
    daemon.at(daemon.now + timedelta(minutes=15))
    heal(daemon)
    assert healed(daemon) == [f"precompute {day}"]


def player_shot_zone_analysis_contract() -> Contract:
    return next(table for table in all_tables() if table.name == "precompute.player_shot_zone_analysis")


def test_news_of_a_date_that_is_over_is_made_again_without_asking_the_source(loaded: Loaded) -> None:
    daemon = loaded()
    news = next(table for table in all_tables() if table.name == "raw.injury_reports")
    lose(daemon, news, CORRECTED_GAME)
    [(keys, dates)] = made(heal(daemon))
    assert keys == {"raw/injury_reports", "raw/injuries"}
    assert dates == [CORRECTED_GAME]
    assert_healthy(daemon)


def test_what_waited_for_a_gate_is_made_when_the_reason_is_gone(loaded: Loaded) -> None:
    daemon = loaded()
    day, reason = LOADED_AT.date(), OPENING
    lose(daemon, CACHE, day)
    lose(daemon, SUMMARY, reason)
    asked = heal(daemon)
    # Precompute of today looks back on the lost date: it is not launched against a closed gate.
    assert made(asked) == [({"analytics/player_game_summary"}, [reason])]
    daemon.at(daemon.now + timedelta(minutes=15))
    [(keys, dates)] = made(heal(daemon))
    assert "precompute/player_daily_cache" in keys
    assert dates == [day]
    assert_healthy(daemon)
    daemon.at(daemon.now + timedelta(minutes=15))
    heal(daemon)
    assert sorted(healed(daemon)) == [f"analytics {reason}", f"precompute {day}"]


def test_scores_are_made_of_what_was_graded_though_the_days_before_were_never_predicted(loaded: Loaded) -> None:
    daemon = loaded()
    unpredicted = game_dates(date(2025, 10, 1), LOADED_AT.date() - OPERATED - timedelta(days=1))
    lose(daemon, player_predictions.CONTRACT, *unpredicted)
    lose(daemon, prediction_accuracy.CONTRACT, *unpredicted)
    lose(daemon, daily_scoreboard.CONTRACT, *unpredicted, OPENING)
    [(keys, dates)] = made(heal(daemon))
    assert keys == {"predictions/daily_scoreboard"}
    # The month of the other operated days has lost grades as well.
    assert dates == game_dates(unpredicted[-1] + timedelta(days=1), LOADED_AT.date() - timedelta(days=1))
    assert needs(daemon, dates) == {}


def test_what_can_be_done_without_holds_nothing_up_while_it_waits(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = loaded()
    day = LOADED_AT.date()
    lose(daemon, COMPOSITE, day)
    lose(daemon, FEATURES, day)
    not_landed = Standing.not_landed
    monkeypatch.setattr(
        Standing,
        "not_landed",
        lambda self, table, dates: {day: ["waits"]} if table.name == COMPOSITE.name else not_landed(self, table, dates),
    )
    assert made(heal(daemon)) == [({"precompute/ml_feature_store"}, [day])]


def test_a_hole_older_than_the_operated_days_is_made_again_by_the_look_of_the_next_day(loaded: Loaded) -> None:
    daemon = loaded()
    hole = date(2025, 10, 5)
    assert not heal(daemon).runs
    lose(daemon, SUMMARY, hole)
    for _ in range(3):
        daemon.at(daemon.now + timedelta(minutes=15))
        assert not heal(daemon).runs
    daemon.at(new_york(LOADED_AT.date() + timedelta(days=1), time(0, 5)))
    assert made(heal(daemon)) == [({"analytics/player_game_summary"}, [hole])]
    daemon.at(daemon.now + timedelta(minutes=15))
    assert not heal(daemon).runs


@contextmanager
def failing(table: Contract, *days: date) -> Iterator[None]:
    """The table's steps about any of the days raise."""
    admit = Gatekeeper.admit

    def failing_admit(self: Gatekeeper, asked: Contract, dates: list[date], asked_by: str) -> Admission:
        if asked.name == table.name and {*days} & {*dates}:
            raise RuntimeError("a bug")
        return admit(self, asked, dates, asked_by)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gatekeeper, "admit", failing_admit)
        yield


@pytest.mark.campaign
def test_what_a_round_did_not_look_at_is_neither_called_healed_nor_told_again(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "MOST_ATTEMPTS", 1)
    daemon = loaded()
    hole = date(2025, 10, 5)
    lose(daemon, SUMMARY, hole)
    launched: list[date] = []
    with failing(SUMMARY, hole):
        for day in (1, 2, 3):
            for minutes in (0, 15, 30):
                at = new_york(LOADED_AT.date() + timedelta(days=day), time(0, 5))
                daemon.at(at + timedelta(minutes=minutes))
                launched += [made_for for _, dates in made(heal(daemon)) for made_for in dates]
                daemon.tick_sensor("alerts")
                assert not [name for name in healed(daemon) if str(hole) in name]
    assert launched.count(hole) == 1
    gave_up = [alert for alert in daemon.alerts() if alert["kind"] == AlertKind.SELF_HEAL_GAVE_UP.value]
    assert len([alert for alert in gave_up if str(hole) in alert["what"]]) == 1
    daemon.launch(dg.RunRequest(partition_key=str(hole), asset_selection=[dg.AssetKey(SUMMARY.name.split("."))]), "me")
    daemon.at(new_york(LOADED_AT.date() + timedelta(days=4), time(0, 5)))
    heal(daemon)
    assert f"analytics {hole}" in healed(daemon)


def test_an_answer_that_was_damaged_closes_its_date_and_holds_up_no_other(loaded: Loaded) -> None:
    daemon = loaded()
    landing = Landing(daemon.settings.landing_path)
    capture = landing.latest("players/active", LOADED_AT.date())
    assert capture is not None
    (daemon.settings.landing_path / capture.key / "capture.json").write_text("{")
    lose(daemon, SUMMARY, CORRECTED_GAME)
    assert ({"analytics/player_game_summary"}, [CORRECTED_GAME]) in made(heal(daemon))
    assert (SUMMARY.name, CORRECTED_GAME) not in needs(daemon, [CORRECTED_GAME])
    gatekeeper: Gatekeeper = daemon.gatekeeper
    with daemon.warehouse.session(read_only=True) as session:
        players = next(table for table in all_tables() if table.name == "raw.players")
        found = gatekeeper.evidence(session).coverage.not_landed(players, [LOADED_AT.date()])
    assert "is damaged" in " ".join(found[LOADED_AT.date()])


def test_out_of_season_and_before_anything_was_loaded_it_does_nothing(
    loaded: Loaded, daemon: Callable[..., SimulatedDaemon]
) -> None:
    found = loaded()
    lose(found, SUMMARY, CORRECTED_GAME)
    for now in (new_york(date(2026, 8, 15), time(12)), new_york(date(2026, 9, 30), time(12))):
        found.at(now)
        assert made(heal(found)) == []
    empty = daemon(LOADED_AT, name="empty")
    ticked = heal(empty)
    assert made(ticked) == []
    assert str(ticked.skipped).startswith("0 dates looked at")


def test_a_date_whose_games_are_all_postponed_is_not_missing_anything(loaded: Loaded) -> None:
    day = LOADED_AT.date()
    probe = loaded(name="probe")
    games = len(rows_of_schedule(probe, day))
    daemon = loaded(*({"kind": "postponed_game", "game_date": str(day), "index": n} for n in range(games)))
    daemon.at(new_york(day + timedelta(days=1), time(6, 30)))
    daemon.tick_schedule("box_scores", daemon.now)
    daemon.settle()
    assert {row["status"] for row in rows_of_schedule(daemon, day)} == {"postponed"}
    daemon.at(new_york(day + timedelta(days=1), time(6, 40)))
    for _ in range(2):
        assert not heal(daemon).runs
    assert needs(daemon, [day]) == {}


def rows_of_schedule(daemon: SimulatedDaemon, day: date) -> list[dict]:
    schedule = next(table for table in all_tables() if table.name == "raw.games")
    with daemon.warehouse.session(read_only=True) as session:
        rows = session.read(schedule)
        return session.query(rows.filter(rows.game_date == day)).to_pylist()


def test_what_always_fails_is_given_up_after_the_bound_with_one_alert_naming_the_next_command(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "MOST_ATTEMPTS", 3)
    daemon = loaded()
    lose(daemon, SUMMARY, CORRECTED_GAME)
    launched: list[datetime] = []
    with failing(SUMMARY, CORRECTED_GAME):
        for _ in range(12):
            ticked = heal(daemon)
            launched += [ticked.at] * len(ticked.runs)
            daemon.tick_sensor("alerts")
            daemon.at(daemon.now + timedelta(minutes=15))
    minutes = [(b - a).total_seconds() / 60 for a, b in pairwise(launched)]
    assert minutes == [15, 30]
    alerts = [alert for alert in daemon.alerts() if alert["kind"] == AlertKind.SELF_HEAL_GAVE_UP.value]
    assert len(alerts) == 1
    assert str(CORRECTED_GAME) in alerts[0]["what"]
    assert "launched 3 times" in alerts[0]["what"]
    assert f"nba-pipeline smoke-test {CORRECTED_GAME} --verbose" in alerts[0]["mend"]
    assert not healed(daemon)
    assert asked_by_hand(daemon) == (False, [f"analytics {CORRECTED_GAME}"])
    # A person fixes it: nothing is left to say, and nothing is launched.
    daemon.launch(
        dg.RunRequest(partition_key=str(CORRECTED_GAME), asset_selection=[dg.AssetKey(SUMMARY.name.split("."))]), "me"
    )
    assert asked_by_hand(daemon) == (True, [])
    assert not heal(daemon).runs
    assert healed(daemon) == [f"analytics {CORRECTED_GAME}"]


def asked_by_hand(daemon: SimulatedDaemon) -> tuple[bool, list[str]]:
    """What the check says that a person runs in the UI: whether nothing is given up, and what is."""
    key = dg.AssetCheckKey(SELF_HEAL, GIVEN_UP_CHECK)
    check = daemon.job.get_subset(asset_selection=set(), asset_check_selection={key})
    [said] = check.execute_in_process(instance=daemon.instance).get_asset_check_evaluations()
    given_up = said.metadata["given up"].value
    assert isinstance(given_up, Sequence)
    return said.passed, [*map(str, given_up)]


def test_a_schedule_keeps_to_the_waits_and_to_the_bound_of_self_heal(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "MOST_ATTEMPTS", 2)
    daemon = loaded()
    yesterday = daemon.now.astimezone(NEW_YORK).date() - timedelta(days=1)
    lose(daemon, SUMMARY, yesterday)
    with failing(SUMMARY, yesterday):
        assert made(heal(daemon)) == [({"analytics/player_game_summary"}, [yesterday])]
        ticked = daemon.tick_schedule("yesterday_analytics", daemon.now)
        assert not ticked.runs
        assert "self-heal tries again later" in str(ticked.skipped)
        daemon.at(daemon.now + timedelta(minutes=15))
        assert len(daemon.tick_schedule("yesterday_analytics", daemon.now).runs) == 1
        daemon.at(daemon.now + timedelta(hours=1))
        assert not heal(daemon).runs, "what a schedule tried in vain counts"
        ticked = daemon.tick_schedule("yesterday_analytics", daemon.now)
        assert not ticked.runs
        assert "given up after 2 attempts" in str(ticked.skipped)


def test_what_failed_together_is_tried_again_one_by_one(loaded: Loaded) -> None:
    daemon = loaded()
    bad, good = OPENING, CORRECTED_GAME
    lose(daemon, SUMMARY, bad, good)
    with failing(SUMMARY, bad):
        assert made(heal(daemon)) == [({"analytics/player_game_summary"}, [bad, good])]
        daemon.at(daemon.now + timedelta(minutes=15))
        assert [dates for _, dates in made(heal(daemon))] == [[bad], [good]]
    assert (SUMMARY.name, good) not in needs(daemon, [good])
    assert needs(daemon, [bad])[SUMMARY.name, bad] is Need.MISSING


def test_the_launches_of_a_range_count_for_each_of_its_dates() -> None:
    inputs = {date(2025, 11, 1): "a" * 64, date(2025, 11, 2): "b" * 64}
    key = dg.AssetKey(SUMMARY.name.split("."))
    request = Launch(Phase.ANALYTICS, (key,), inputs).request("self_heal", datetime(2025, 11, 3, tzinfo=UTC))
    assert request.tags[RANGE_START] == "2025-11-01"
    assert request.tags[RANGE_END] == "2025-11-02"
    with DagsterInstance.ephemeral() as instance:
        run = dg.DagsterRun(job_name="j", tags=dict(request.tags), status=DagsterRunStatus.FAILURE)
        instance.add_run(run)
        launches = Launches(instance)
        for day, what in inputs.items():
            assert len(launches.attempts(Phase.ANALYTICS, day, what)) == 1
            assert not launches.attempts(Phase.ANALYTICS, day, "c" * 64)
            assert not launches.attempts(Phase.PRECOMPUTE, day, what)
