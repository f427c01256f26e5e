"""Rosters are waited for until they are due: from then on their date is made without, until a whole one comes."""

import shutil
from datetime import date, datetime, time

import pytest
from dagster import DagsterInstance

from nba_pipeline.analytics import upcoming_player_game_context
from nba_pipeline.analytics.calculations.expected_players import RECENT_GAMES, ROSTER
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.automation.launches import Attempted, Launches
from nba_pipeline.automation.reconciler import reconcile
from nba_pipeline.clock import NEW_YORK, Clock
from nba_pipeline.contracts import Phase
from nba_pipeline.gates.deadlines import due
from nba_pipeline.gates.evidence import Evidence, Need
from nba_pipeline.gates.verdicts import State
from nba_pipeline.landing.assets import LANDED_GAMES, LANDED_PLAYERS
from nba_pipeline.raw import players
from nba_pipeline.sources.landing import Landing
from nba_pipeline_tests.support.damaged_weeks import BAD, INTO_ANALYTICS, INTO_PRECOMPUTE, TODAY, TOMORROW
from nba_pipeline_tests.support.warehouse_copy import Copy
from nba_pipeline_tests.support.workbench import NOW, Workbench

ROSTERS, CONTEXT = players.CONTRACT, upcoming_player_game_context.CONTRACT
DUE = due(ROSTERS, TODAY)
TOO_EARLY = datetime.combine(TODAY, time(7, 59), NEW_YORK)


@pytest.fixture
def without(copy: Copy) -> Copy:
    """A home that was told everything but rosters of today, which none are published of."""
    landing = copy.settings.landing_path
    original = landing.resolve()
    landing.unlink()
    shutil.copytree(original, landing, ignore=shutil.ignore_patterns("players_active"))
    copy.forget(ROSTERS, TODAY)
    return copy


def launched(copy: Copy, now: datetime, day: date, monkeypatch: pytest.MonkeyPatch, *tried: Attempted) -> list[set]:
    """What self-heal would launch for a date that was tried before."""
    gatekeeper = copy.gatekeeper(now)
    with copy.warehouse.session(read_only=True) as session, DagsterInstance.ephemeral() as instance:
        evidence = Evidence(session, Clock(now), all_tables(), Landing(copy.settings.landing_path))
        launches = Launches(instance)
        monkeypatch.setattr(launches, "attempts", lambda *about: list(tried))
        found = reconcile(gatekeeper, evidence, launches, Phase.RAW, [day], ask_source=True)
        return [set(launch.keys) for launch in found.launches]


def test_rosters_are_asked_for_until_they_are_due_and_then_done_without(without: Copy, monkeypatch) -> None:
    assert launched(without, TOO_EARLY, TODAY, monkeypatch) == [{LANDED_PLAYERS, asset_key(ROSTERS)}]
    assert launched(without, DUE, TODAY, monkeypatch) == [{asset_key(ROSTERS)}]


def test_rosters_of_a_past_date_are_asked_for_once_and_then_done_without(without: Copy, monkeypatch) -> None:
    without.forget(ROSTERS, BAD)
    both = {LANDED_PLAYERS, asset_key(ROSTERS)}
    assert launched(without, NOW, BAD, monkeypatch) == [both]
    silent = Attempted(NOW, False, frozenset({LANDED_PLAYERS}))
    assert launched(without, NOW, BAD, monkeypatch, silent) == [{asset_key(ROSTERS)}]
    of_all = Attempted(NOW, False, frozenset({LANDED_PLAYERS, LANDED_GAMES}))
    assert launched(without, NOW, BAD, monkeypatch, of_all) == []


def test_rosters_that_never_came_hold_up_nobody_when_they_are_due_and_count_when_they_come(
    without: Copy, season_start: Workbench
) -> None:
    now = without.settings
    without.settings = now.model_copy(update={"now": TOO_EARLY})
    early = without.run(ROSTERS, TODAY, TODAY)
    assert "nothing complete was landed from players/active" in " ".join(early.failures)
    assert without.verdicts(INTO_ANALYTICS, [TODAY])[TODAY].state is State.CLOSED

    without.settings = now
    assert without.run(ROSTERS, TODAY, TODAY).success
    [(none,)] = without.sql(f"SELECT count(*) FROM raw.players WHERE game_date = '{TODAY}'")
    verdict = without.verdicts(INTO_ANALYTICS, [TODAY])[TODAY]
    assert (none, verdict.state) == (0, State.DEGRADED)
    [reason] = verdict.reasons
    assert reason.startswith(f"raw.players has nothing of {TODAY}, whose deadline is over")
    assert reason.endswith(f"Next: nba-pipeline backfill --from {TODAY} --to {TODAY}")

    assert without.run(CONTEXT, TODAY, TODAY).success
    assert because(without) == {RECENT_GAMES}
    later = " ".join(without.verdicts(INTO_PRECOMPUTE, [TOMORROW])[TOMORROW].reasons)
    assert f"{ROSTERS.name} on {TODAY}" not in later
    assert f"never published for {TODAY}" not in later

    came = season_start.settings.landing_path / "balldontlie" / "players_active"
    shutil.copytree(came, without.settings.landing_path / "balldontlie" / "players_active")
    with without.warehouse.session(read_only=True) as session:
        evidence = Evidence(session, Clock(NOW), all_tables(), Landing(without.settings.landing_path))
        assert evidence.lineage.needs([ROSTERS], [TODAY]) == {(ROSTERS.name, TODAY): Need.STALE}
    assert without.run(ROSTERS, TODAY, TODAY).success
    assert without.run(CONTEXT, TODAY, TODAY).success
    assert because(without) == {ROSTER}
    assert without.verdicts(INTO_ANALYTICS, [TODAY])[TODAY].state is State.OPEN


def because(copy: Copy) -> set[str]:
    rows = copy.sql(f"SELECT DISTINCT expected_because FROM {CONTEXT.name} WHERE game_date = '{TODAY}'")
    return {why for (why,) in rows}
