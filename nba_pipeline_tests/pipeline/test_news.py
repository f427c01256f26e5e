"""Injuries and lines through the whole pipeline: asked for in time or not at all, and never in anybody's way."""

from datetime import UTC, date, datetime, timedelta

from nba_pipeline.assets.tables import all_tables
from nba_pipeline.contracts import Phase
from nba_pipeline.gates.evidence import Need
from nba_pipeline.monitoring.smoke_test import DateState, smoke_test
from nba_pipeline.raw import game_lines, games, injury_reports, player_prop_lines
from nba_pipeline.runtime import Runtime
from nba_pipeline.warehouse.operations_tables import QUARANTINE
from nba_pipeline_tests.support.workbench import NOW, OPENING, Workbench

OF_NEWS = tuple(table for table in all_tables() if table.landed_optional)

LANDED = (Phase.LANDING, Phase.RAW)
TODAY = OPENING + timedelta(days=1)
MORNING = datetime(2025, 10, 22, 15, tzinfo=UTC)
AFTERNOON = datetime(2025, 10, 22, 21, tzinfo=UTC)
NIGHT = datetime(2025, 10, 23, 4, 45, tzinfo=UTC)
"""Every game of the day has begun."""


def with_lines(bench: Workbench, now: datetime) -> Workbench:
    bench.at(now)
    bench.settings = bench.settings.model_copy(update={"lines": "on"})
    return bench


def needs(bench: Workbench, day: date) -> dict[tuple[str, date], Need]:
    gatekeeper = Runtime(bench.settings).gatekeeper
    with gatekeeper.warehouse.session(read_only=True) as session:
        return gatekeeper.evidence(session).lineage.needs(OF_NEWS, [day])


def test_the_tables_of_news_are_optional_and_made_before_tip_off():
    assert {table.name for table in OF_NEWS} == {
        "raw.injury_reports", "raw.injuries", "raw.player_prop_lines", "raw.game_lines"
    }  # fmt: skip
    assert all(table.before_tip_off for table in OF_NEWS)


def test_of_dates_that_are_over_nobody_is_asked_what_was_known_and_they_are_complete(season_start):
    spans = [path.name for path in (season_start.settings.landing_path / "balldontlie" / "player_injuries").iterdir()]
    assert spans == [f"{NOW.date()}_{NOW.date() + timedelta(days=1)}"]
    yesterday = NOW.date() - timedelta(days=1)
    for table in OF_NEWS:
        assert season_start.rows(table, last=yesterday).empty
    for found in smoke_test(season_start.gatekeeper, OPENING, yesterday, OF_NEWS):
        assert {result.state for result in found.tables} == {DateState.VALID_SKIP}
    assert needs(season_start, OPENING) == {}


def test_with_lines_off_nobody_is_asked_for_them(season_start):
    landed = {path.name for path in (season_start.settings.landing_path / "balldontlie").iterdir()}
    assert landed == {"games", "stats", "players_active", "player_injuries"}
    assert season_start.rows(game_lines.CONTRACT).empty
    assert season_start.rows(player_prop_lines.CONTRACT).empty
    assert len(season_start.rows(injury_reports.CONTRACT))


def test_news_of_today_is_that_of_the_newest_snapshot_until_the_games_begin(workbench):
    bench = with_lines(workbench(), MORNING)
    assert bench.backfill(TODAY, TODAY, *LANDED, history=False).complete
    teams = len(bench.rows(games.CONTRACT, TODAY, TODAY)) * 2
    morning = {table.name: bench.rows(table) for table in OF_NEWS}
    assert len(morning["raw.injury_reports"]) == teams
    assert set(morning["raw.game_lines"]["game_id"]) == set(bench.rows(games.CONTRACT)["game_id"])
    assert set(morning["raw.player_prop_lines"]["stat"]) == {"points", "rebounds", "assists", "three_pointers_made"}

    with_lines(bench, AFTERNOON).backfill(TODAY, TODAY, Phase.LANDING, history=False)
    stale = {name for name, _ in needs(bench, TODAY)}
    assert stale == {table.name for table in OF_NEWS}
    bench.backfill(TODAY, TODAY, Phase.RAW, history=False)
    afternoon = {table.name: bench.rows(table) for table in OF_NEWS}
    lines, before = afternoon["raw.player_prop_lines"], morning["raw.player_prop_lines"]
    assert set(lines["known_at"]) == {AFTERNOON.replace(tzinfo=None)}
    both = lines.merge(before, on=["game_id", "player_id", "stat", "vendor"], suffixes=("", "_before"))
    assert len(both) > 100
    assert (both["opening_line"] == both["line_before"]).all()
    assert set(both["opening_known_at"]) == {MORNING.replace(tzinfo=None)}
    assert (both["line"] != both["line_before"]).any()

    with_lines(bench, NIGHT).backfill(TODAY, TODAY, *LANDED, history=False)
    for table in OF_NEWS:
        assert bench.rows(table).equals(afternoon[table.name]), table.name


def test_news_that_is_refused_or_does_not_come_fails_loudly_and_holds_up_nothing(workbench):
    faults = (
        {"kind": "status", "code": 403, "endpoint": "player_injuries"},
        {"kind": "status", "code": 503, "endpoint": "odds"},
        {"kind": "malformed_json", "endpoint": "player_props"},
    )
    bench = with_lines(workbench(*faults), MORNING)
    report = bench.backfill(TODAY, TODAY, *LANDED, history=False)
    assert report.failed
    assert report.outcome.undone == ()
    failures = [failure for attempt in report.attempts for failure in attempt.failures]
    for name in ("landing__injuries", "landing__game_lines", "landing__player_prop_lines"):
        assert any(failure.startswith(name) for failure in failures), failures
    assert len(bench.rows(games.CONTRACT, TODAY, TODAY))
    for table in OF_NEWS:
        assert bench.rows(table).empty
    assert needs(bench, TODAY) == {}


def test_a_list_in_which_nothing_can_be_read_is_no_report_that_all_are_well(workbench):
    fault = {"kind": "missing_field", "endpoint": "player_injuries", "field": "player"}
    bench = workbench(fault, now=datetime(2025, 12, 3, 15, tzinfo=UTC))
    day = date(2025, 12, 3)
    assert bench.backfill(day, day, *LANDED, history=False).complete
    assert bench.rows(injury_reports.CONTRACT).empty
    with bench.warehouse.session(read_only=True) as session:
        kept = session.query(session.read(QUARANTINE)).to_pylist()
    assert {row["table_name"] for row in kept} == {"raw.injury_reports"}
