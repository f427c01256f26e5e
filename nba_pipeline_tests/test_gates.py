"""The gates on a real warehouse: each is closed by each thing that must close it, and by nothing else."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import pytest
from dagster import AssetCheckKey, AssetCheckSeverity, DagsterEventType, DagsterInstance
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionResolvedStatus as Status
from hypothesis import given
from hypothesis import strategies as st
from ibis.expr.operations import UnboundTable

from nba_pipeline.analytics import upcoming_player_game_context
from nba_pipeline.assets.io_manager import CONTRACT_CHECK
from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.assets.table_checks import said_of
from nba_pipeline.assets.tables import all_tables, tables_of
from nba_pipeline.clock import Clock
from nba_pipeline.contracts import Contract, Phase
from nba_pipeline.definitions import definitions
from nba_pipeline.gates.accuracy_tripwire import (
    ENOUGH_GRADES,
    RECENT,
    TOO_BAD,
    TOO_GOOD,
    TOO_GOOD_MINUTES,
    ErrorSums,
    tripped,
)
from nba_pipeline.gates.alert_metadata import (
    ALERT_KIND_METADATA,
    EFFECT_METADATA,
    EFFECT_OF_WARNING,
    HELD_METADATA,
    NEXT_COMMAND_METADATA,
    AlertKind,
)
from nba_pipeline.gates.evidence import Held, Override
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.gates.overrides import known_gap, record_override
from nba_pipeline.gates.rules import GATES, enough_tables, gate_named, last_table
from nba_pipeline.gates.verdicts import Gate, State, Verdict, alert_kind
from nba_pipeline.grades import prediction_accuracy
from nba_pipeline.operations.runs import instance_of
from nba_pipeline.partitions import RANGE_END, RANGE_START, game_date_partitions, game_dates, to_key
from nba_pipeline.precompute import (
    ml_feature_store,
    player_composite_factors,
    player_daily_cache,
    player_shot_zone_analysis,
)
from nba_pipeline.predictions import player_predictions
from nba_pipeline.predictions.walk_forward.forecasts import SETTINGS, STATS
from nba_pipeline.raw import games, player_box_scores, players
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBSession, DuckDBWarehouse
from nba_pipeline.warehouse.errors import QueryError
from nba_pipeline.warehouse.operations_tables import PUBLISHED_PARTITIONS
from nba_pipeline_tests.support.damaged_weeks import (
    BAD,
    CONTEXTS,
    GAME,
    HIS,
    INTO_ANALYTICS,
    INTO_GRADES,
    INTO_PRECOMPUTE,
    INTO_PREDICTIONS,
    KNOWN,
    PLAYED,
    SUMMARIES,
    TEAM,
    THEIRS,
    TODAY,
    TOMORROW,
    scale,
)
from nba_pipeline_tests.support.warehouse_copy import Copy
from nba_pipeline_tests.support.workbench import NOW, OPENING, Workbench

PHASE_4 = tables_of(Phase.PRECOMPUTE)
CRITICAL = {table.name for table in PHASE_4 if table.critical}


def closed(verdicts: Mapping[date, Verdict]) -> dict[date, str]:
    """The closed dates, each with its reasons."""
    return {day: " | ".join(v.reasons) for day, v in verdicts.items() if v.state is State.CLOSED}


# 2→3


A_BENCH_PLAYER = (
    "SELECT * EXCLUDE extra REPLACE (player_id + 1000000 + extra AS player_id, 0 AS minutes, true AS did_not_play, "
    + ", ".join(f"0 AS {column.name}" for column in player_box_scores.COUNTS)
    + f", NULL AS plus_minus) FROM raw.player_box_scores, range(12) AS r(extra) WHERE {HIS}"
)


@dataclass(frozen=True)
class Damage:
    """Something that is wrong with one date; with `stamped` the manifest says that it was published so."""

    what: str
    statements: tuple[str, ...]
    said: str
    stamped: bool = True
    table: Contract = player_box_scores.CONTRACT


DAMAGES = (
    Damage(
        "a game is in progress",
        (
            "UPDATE raw.games SET status = 'in_progress', home_score = NULL, visitor_score = NULL "
            f"WHERE game_id = {GAME}",
        ),
        "is in_progress",
    ),
    Damage(
        "a final game has no score",
        (f"UPDATE raw.games SET home_score = NULL WHERE game_id = {GAME}",),
        "final with an impossible score",
    ),
    Damage(
        "one team has no box score",
        (f"DELETE FROM raw.player_box_scores WHERE {THEIRS}",),
        "1 team box scores missing",
    ),
    Damage(
        "four players of a team were on the floor",
        (
            f"CREATE TEMP TABLE four AS SELECT player_id FROM raw.player_box_scores WHERE {THEIRS} LIMIT 4",
            f"UPDATE raw.player_box_scores SET minutes = CASE WHEN player_id IN (FROM four) THEN 60 ELSE 0 END "
            f"WHERE {THEIRS}",
        ),
        "1 team box scores missing",
    ),
    Damage(
        "a team lists more players than it can have",
        (f"INSERT INTO raw.player_box_scores BY NAME {A_BENCH_PLAYER}",),
        "players listed",
    ),
    Damage(
        "points do not sum to the score",
        (
            "UPDATE raw.player_box_scores SET points = points + 2, field_goals_made = field_goals_made + 1, "
            f"field_goals_attempted = field_goals_attempted + 1 WHERE {HIS}",
        ),
        "points, the team",
    ),
    Damage(
        "minutes do not sum to the game",
        (f"UPDATE raw.player_box_scores SET minutes = minutes + 10 WHERE {HIS}",),
        "minutes in 4 periods",
    ),
    Damage(
        "minutes with fractions sum to a minute and a half more than the game",
        (
            "UPDATE raw.player_box_scores SET minutes = minutes + 1.5 + 240 - "
            f"(SELECT sum(minutes) FROM raw.player_box_scores WHERE {THEIRS}) WHERE {HIS}",
        ),
        "minutes in 4 periods",
    ),
    Damage(
        "four players of a game that nobody knows are listed",
        (
            "INSERT INTO raw.player_box_scores SELECT * REPLACE (999999999 AS game_id) "
            f"FROM raw.player_box_scores WHERE {THEIRS} LIMIT 4",
        ),
        "game 999999999: 4 players of",
    ),
    Damage(
        "a player of a team that does not play is listed with a game that is known",
        (
            "INSERT INTO raw.player_box_scores SELECT * REPLACE (player_id + 1000000 AS player_id, 999 AS team_id, "
            f"'XYZ' AS team) FROM raw.player_box_scores WHERE {HIS}",
        ),
        "1 players of XYZ are listed",
    ),
    Damage(
        "a roster is cut short",
        (
            f"DELETE FROM raw.players WHERE game_date = '{BAD}' AND team_id = {TEAM} AND player_id > "
            f"(SELECT min(player_id) FROM raw.players WHERE game_date = '{BAD}' AND team_id = {TEAM})",
        ),
        "has only 1 players on its roster",
        table=players.CONTRACT,
    ),
    Damage(
        "a row stands twice",
        (f"INSERT INTO raw.player_box_scores SELECT * FROM raw.player_box_scores WHERE {HIS}",),
        "more than one row per game_date, game_id, player_id",
    ),
    Damage(
        "there is a box score of a game that nobody knows",
        (
            "INSERT INTO raw.player_box_scores "
            f"SELECT * REPLACE (999999999 AS game_id) FROM raw.player_box_scores WHERE {THEIRS}",
        ),
        "1 team box scores unexpected: game_id 999999999",
    ),
    Damage(
        "a row is not the one that was published",
        (f"UPDATE raw.player_box_scores SET assists = assists + 1 WHERE {HIS}",),
        "the rows are not those that the pipeline published",
        stamped=False,
    ),
)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.what)
def test_whatever_is_wrong_with_a_date_of_raw_closes_that_date_and_no_other(copy, damage):
    with duckdb.connect(str(copy.settings.warehouse_path)) as connection:
        for statement in damage.statements:
            connection.execute(statement)
    if damage.stamped:
        copy.stamp(games.CONTRACT, BAD)
        copy.stamp(damage.table, BAD)
    found = closed(copy.verdicts(INTO_ANALYTICS, PLAYED))
    assert set(found) == {BAD}
    assert damage.said in found[BAD]
    assert str(BAD) in found[BAD]
    assert ("not those that the pipeline published" in found[BAD]) is not damage.stamped


def test_an_overtime_asks_for_25_minutes_more(copy):
    (game, day) = copy.sql("SELECT game_id, game_date FROM raw.games WHERE period = 5 AND status = 'final' LIMIT 1")[0]
    assert not closed(copy.verdicts(INTO_ANALYTICS, PLAYED)), "games with overtime among them"
    copy.sql(f"UPDATE raw.games SET period = 4 WHERE game_id = {game}")
    copy.stamp(games.CONTRACT, day)
    assert "minutes in 4 periods" in closed(copy.verdicts(INTO_ANALYTICS, PLAYED))[day]


@pytest.mark.parametrize("table", [games.CONTRACT, player_box_scores.CONTRACT], ids=lambda table: table.name)
def test_a_date_of_raw_that_was_never_published_is_closed_and_no_other(copy, table):
    copy.forget(table, BAD)
    found = closed(copy.verdicts(INTO_ANALYTICS, PLAYED))
    assert set(found) == {BAD}
    assert f"{table.name} was never published for {BAD}" in found[BAD]


def test_a_postponed_game_is_not_waited_for(copy):
    copy.sql(f"DELETE FROM raw.player_box_scores WHERE game_id = {GAME}")
    copy.sql(
        "UPDATE raw.games SET status = 'postponed', home_score = NULL, visitor_score = NULL, period = 0 "
        f"WHERE game_id = {GAME}"
    )
    copy.stamp(games.CONTRACT, BAD)
    copy.stamp(player_box_scores.CONTRACT, BAD)
    verdicts = copy.verdicts(INTO_ANALYTICS, PLAYED)
    assert {v.state for v in verdicts.values()} == {State.OPEN}


# 3→4


@pytest.mark.parametrize("table", tables_of(Phase.ANALYTICS), ids=lambda table: table.name)
def test_one_missing_day_of_one_analytics_table_closes_every_date_that_looks_back_on_it(copy, table):
    assert not closed(copy.verdicts(INTO_PRECOMPUTE, KNOWN))
    copy.forget(table, BAD)
    found = closed(copy.verdicts(INTO_PRECOMPUTE, KNOWN))
    # The context of a game is made before it, and its features are made from it.
    assert set(found) == {day for day in KNOWN if day > BAD or (day == BAD and table.before_tip_off)}
    assert all(f"{table.name} was never published for {BAD}" in reasons for reasons in found.values())
    assert set(closed(copy.verdicts(INTO_PREDICTIONS, KNOWN))) >= set(found), "and predictions look back on it too"


def test_a_single_missing_row_of_the_look_back_closes_it(copy):
    copy.sql(f"DELETE FROM analytics.player_game_summary WHERE {HIS}")
    found = closed(copy.verdicts(INTO_PRECOMPUTE, KNOWN))
    assert set(found) == {day for day in KNOWN if day > BAD}
    assert all("1 players missing" in reasons for reasons in found.values())


def test_a_recorded_known_gap_opens_the_look_back_again(copy):
    for table in tables_of(Phase.ANALYTICS):
        copy.forget(table, BAD)
    assert closed(copy.verdicts(INTO_PRECOMPUTE, KNOWN))
    record_override(copy.warehouse, Clock(NOW), known_gap(BAD, "Ann", "the source lost it"))
    found = closed(copy.verdicts(INTO_PRECOMPUTE, KNOWN))
    assert "was never published" in found.pop(BAD), "without a context it has no features itself"
    assert all("was made before what it is made from changed" in reasons for reasons in found.values())
    assert not any(f"for {BAD}" in reasons for reasons in found.values()), (
        "what looked back on the lost date is to be made again without it, and nothing else is waited for"
    )
    copy.forget(SUMMARIES[0], BAD + timedelta(days=1))
    reasons = closed(copy.verdicts(INTO_PRECOMPUTE, KNOWN))[TODAY]
    assert f"was never published for {BAD + timedelta(days=1)}" in reasons, "a gap is known for its date and no other"


def test_a_context_made_before_what_it_is_made_from_changed_closes_its_date_and_no_other(copy):
    copy.sql(f"UPDATE raw.players SET weight_pounds = 200 WHERE game_date = '{BAD}'")
    copy.stamp(players.CONTRACT, BAD)
    found = closed(copy.verdicts(INTO_PRECOMPUTE, KNOWN))
    assert set(found) == {BAD}
    made_from_rosters = [t for t in CONTEXTS if any(read.table is players.CONTRACT for read in t.reads.values())]
    assert made_from_rosters
    for table in made_from_rosters:
        assert f"{table.name} on {BAD} was made before what it is made from changed" in found[BAD]


def test_a_summary_older_than_its_corrected_box_score_closes_every_date_that_looks_back_on_it(copy):
    copy.sql(f"UPDATE raw.player_box_scores SET steals = steals + 1 WHERE {HIS}")
    copy.stamp(player_box_scores.CONTRACT, BAD)
    for gate in (INTO_PRECOMPUTE, INTO_PREDICTIONS):
        found = closed(copy.verdicts(gate, KNOWN))
        assert set(found) == {day for day in KNOWN if day > BAD}
        for reasons in found.values():
            assert f"analytics.player_game_summary on {BAD} was made before what it is made from changed" in reasons
            assert f"Next: nba-pipeline backfill --outdated --from {BAD} --to {BAD}" in reasons


# 4→5


def all_combinations() -> list[frozenset[str]]:
    """Every set of Phase 4 tables that may be missing."""
    flags = product([False, True], repeat=len(PHASE_4))
    return [frozenset(t.name for t, gone in zip(PHASE_4, missing, strict=True) if gone) for missing in flags]


def wanted_state(missing: frozenset[str]) -> State:
    """The requirement, in its own words: at least 3 of the 5, and both critical ones."""
    if not missing:
        return State.OPEN
    return State.CLOSED if len(missing) > 2 or missing & CRITICAL else State.DEGRADED


def test_there_are_five_phase_4_tables_and_two_of_them_are_critical():
    assert len(PHASE_4) == 5
    assert {player_daily_cache.CONTRACT.name, ml_feature_store.CONTRACT.name} == CRITICAL
    states = [wanted_state(missing) for missing in all_combinations()]
    assert [states.count(state) for state in (State.OPEN, State.DEGRADED, State.CLOSED)] == [1, 6, 25]


@pytest.mark.parametrize("missing", all_combinations(), ids=lambda names: f"without {sorted(names)}")
def test_three_of_five_and_both_critical_ones_as_a_rule(missing):
    finding = enough_tables({table.name: table.name not in missing for table in PHASE_4}, CRITICAL)
    assert bool(finding.reasons) is (wanted_state(missing) is State.CLOSED)
    assert bool(finding.warnings) is (wanted_state(missing) is State.DEGRADED)
    said = " ".join([*finding.reasons, *finding.warnings])
    assert all(name in said for name in missing)


@pytest.mark.parametrize("half", [0, 1])
def test_three_of_five_and_both_critical_ones_in_the_warehouse(copy, half):
    """A combination a date, so that each is also shown to concern no other date."""
    combinations = dict(zip(PLAYED[4:20], all_combinations()[half * 16 : half * 16 + 16], strict=True))
    for day, missing in combinations.items():
        for table in PHASE_4:
            if table.name in missing:
                copy.forget(table, day)
        for table in PHASE_4:
            copy.stamp_inputs(table, day)
    verdicts = copy.verdicts(INTO_PREDICTIONS, KNOWN)
    assert {day: v.state for day, v in verdicts.items()} == {
        day: wanted_state(combinations.get(day, frozenset())) for day in KNOWN
    }
    for day, missing in combinations.items():
        said = " | ".join(verdicts[day].reasons)
        assert all(f"{name} was never published for {day}" in said for name in missing)
        if missing and player_daily_cache.CONTRACT.name not in missing:
            names = ", ".join(sorted(missing))
            assert f"{5 - len(missing)} of 5 Phase 4 tables are complete; missing: {names}" in said


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.booleans(), max_size=8), st.data())
def test_a_critical_table_or_too_few_close_and_one_more_never_does(complete, data):
    critical = set(data.draw(st.lists(st.sampled_from(sorted(complete)), unique=True))) if complete else set()
    finding = enough_tables(complete, critical)
    count = sum(complete.values())
    enough = count >= min(3, len(complete)) and all(complete[name] for name in critical)
    assert bool(finding.reasons) is not enough
    assert bool(finding.warnings) is (enough and count < len(complete))
    for name in complete:
        more = enough_tables({**complete, name: True}, critical)
        assert enough <= (not more.reasons)


def one_row_instead_of_a_slate(copy: Copy) -> int:
    """Takes all rows of a date's cache away but one, and returns how many."""
    cache = f"precompute.player_daily_cache WHERE game_date = '{BAD}'"
    before = copy.sql(f"SELECT count(*) FROM {cache}")[0][0]
    assert before > 180
    copy.sql(f"DELETE FROM {cache} AND player_id <> (SELECT min(player_id) FROM {cache})")
    return before - 1


def test_one_row_instead_of_a_slate_closes_predictions(copy):
    missing = one_row_instead_of_a_slate(copy)
    for stamped in (False, True):
        if stamped:
            copy.stamp(player_daily_cache.CONTRACT, BAD)
        found = closed(copy.verdicts(INTO_PREDICTIONS, KNOWN))
        assert set(found) == {BAD}
        assert f"player_daily_cache on {BAD}: {missing} players missing" in found[BAD]


def test_predictions_on_one_row_instead_of_a_slate_fail_with_the_reasons_and_publish_nothing(copy):
    table = player_predictions.CONTRACT
    missing = one_row_instead_of_a_slate(copy)
    copy.stamp(player_daily_cache.CONTRACT, BAD)
    copy.stamp_inputs(ml_feature_store.CONTRACT, BAD)
    copy.forget(table, BAD)
    attempt = copy.run(table, BAD, BAD)
    assert not attempt.success
    said = " ".join(attempt.failures)
    assert f"The gate {INTO_PREDICTIONS.name} into {table.name} is closed for {BAD}" in said
    assert f"player_daily_cache on {BAD}: {missing} players missing" in said
    for name in (table.name, "operations.published_partitions"):
        where = f"game_date = '{BAD}'" + ("" if name == table.name else f" AND table_name = '{table.name}'")
        assert copy.sql(f"SELECT * FROM {name} WHERE {where}") == []


def test_features_made_before_their_inputs_changed_close_predictions(copy):
    copy.sql(f"UPDATE analytics.player_game_summary SET assists = assists + 1 WHERE {HIS}")
    copy.stamp(next(t for t in tables_of(Phase.ANALYTICS) if t.name == "analytics.player_game_summary"), BAD)
    found = closed(copy.verdicts(INTO_PREDICTIONS, KNOWN))
    assert set(found) == {day for day in KNOWN if day > BAD}
    for day, reasons in found.items():
        for name in CRITICAL:
            assert f"{name} on {day} was made before what it is made from changed" in reasons


def test_features_are_made_without_what_they_can_do_without_and_again_once_it_is_there(copy):
    lost = [player_composite_factors.CONTRACT, player_shot_zone_analysis.CONTRACT]
    for table in (*lost, ml_feature_store.CONTRACT):
        copy.forget(table, BAD)
    assert copy.run(ml_feature_store.CONTRACT, BAD, BAD).success
    verdict = copy.verdicts(INTO_PREDICTIONS, KNOWN)[BAD]
    assert verdict.state is State.DEGRADED
    assert "3 of 5 Phase 4 tables are complete" in " ".join(verdict.reasons)
    unknown = copy.sql(
        f"SELECT count(*), count(fatigue_score) FROM {ml_feature_store.CONTRACT.name} WHERE game_date = '{BAD}'"
    )
    assert unknown[0][0] > 0
    assert unknown[0][1] == 0
    assert all(copy.run(table, BAD, BAD).success for table in reversed(lost))
    assert "was made before what it is made from changed" in closed(copy.verdicts(INTO_PREDICTIONS, KNOWN))[BAD]


# 5→6


@pytest.fixture
def graded(copy) -> Copy:
    """The copy with the errors that our systems have over a whole season, of players who have a record."""
    scale(copy, 0.97)
    copy.sql(f"UPDATE {prediction_accuracy.CONTRACT.name} SET quality_tier = 'silver'")
    return copy


def enough_graded(copy: Copy, system: str, kind: str = "stat = 'points'") -> set[date]:
    """The dates before which the system has enough graded rows of a kind."""
    counts = dict(
        copy.sql(
            f"SELECT game_date, count(*) FROM {prediction_accuracy.CONTRACT.name} "
            f"WHERE played AND system_id = '{system}' AND {kind} GROUP BY 1"
        )
    )
    recent = {day: sum(n for d, n in counts.items() if day - RECENT <= d < day) for day in PLAYED}
    return {day for day, rows in recent.items() if rows >= ENOUGH_GRADES}


def test_honest_errors_and_whole_predictions_are_open(graded):
    assert {v.state for v in graded.verdicts(INTO_GRADES, PLAYED).values()} == {State.OPEN}


def test_predictions_of_one_system_that_are_missing_close_their_date(graded):
    graded.sql(
        f"DELETE FROM predictions.player_predictions WHERE game_date = '{BAD}' AND system_id = 'gradient_boosting'"
    )
    graded.stamp(player_predictions.CONTRACT, BAD)
    found = closed(graded.verdicts(INTO_GRADES, PLAYED))
    assert set(found) == {BAD}
    assert "predictions missing" in found[BAD]
    assert "system_id gradient_boosting" in found[BAD]
    assert "system_id moving_average" not in found[BAD]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("100.5", "is outside 0 to 100"),
        ("-1", "is outside 0 to 100"),
        ("'nan'", "is not a number"),
        ("NULL", "is null"),
    ],
)
def test_a_prediction_that_cannot_be_closes_its_date(graded, value, said):
    graded.sql(
        f"UPDATE predictions.player_predictions SET predicted_value = {value} "
        f"WHERE game_date = '{BAD}' AND system_id = 'moving_average' AND player_id = "
        f"(SELECT min(player_id) FROM predictions.player_predictions WHERE game_date = '{BAD}')"
    )
    graded.stamp(player_predictions.CONTRACT, BAD)
    found = closed(graded.verdicts(INTO_GRADES, PLAYED))
    assert set(found) == {BAD}
    assert f"{len(STATS)} rows: predicted_value {said}" in found[BAD]


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.85, "moving_average (points, morning, backtest) is too good to be true"),
        (1.6, "moving_average (points, morning, backtest) is too bad to be used"),
    ],
    ids=["too good", "too bad"],
)
def test_errors_that_cannot_be_honest_close_what_is_graded_after_them(graded, share, said):
    scale(graded, share, "moving_average")
    found = closed(graded.verdicts(INTO_GRADES, PLAYED))
    assert set(found) == enough_graded(graded, "moving_average")
    assert set() < set(found) < set(PLAYED), "the first dates have too few rows before them"
    assert all(said in reasons for reasons in found.values())
    assert all("gradient_boosting" not in reasons for reasons in found.values())


@pytest.mark.parametrize(
    ("column", "value"),
    [("stat", "rebounds"), ("setting", "pre_tip"), ("mode", "live")],
    ids=["stat", "setting", "mode"],
)
def test_a_leak_into_one_statistic_setting_or_mode_is_not_hidden_by_honest_others(graded, column, value):
    """Grades of another kind are added to the same number of honest ones: their mean is within the range."""
    name = prediction_accuracy.CONTRACT.name
    kind = {"stat": "points", "setting": "morning", "mode": "backtest"}
    honest, leaky = (
        " AND ".join(f"{key} = '{said}'" for key, said in chosen.items()) for chosen in (kind, {**kind, column: value})
    )
    graded.sql(f"DELETE FROM {name} WHERE {leaky}")
    graded.sql(
        f"INSERT INTO {name} SELECT * REPLACE ('{value}' AS {column}, 0.7 * ewma_7_absolute_error AS absolute_error) "
        f"FROM {name} WHERE system_id = 'moving_average' AND {honest}"
    )
    found = closed(graded.verdicts(INTO_GRADES, PLAYED))
    assert found
    assert set(found) == enough_graded(graded, "moving_average", leaky)
    assert all("moving_average (" in said and value in said for said in found.values())
    assert all(said.count("too good to be true") == 1 for said in found.values())


def test_too_few_grades_say_nothing(graded):
    scale(graded, 0.1)
    graded.sql(
        f"DELETE FROM {prediction_accuracy.CONTRACT.name} WHERE rowid NOT IN (SELECT rowid FROM "
        f"{prediction_accuracy.CONTRACT.name} WHERE played AND system_id = 'moving_average' LIMIT {ENOUGH_GRADES - 1})"
    )
    assert not closed(graded.verdicts(INTO_GRADES, PLAYED))


def test_who_has_no_record_is_beaten_honestly_but_never_too_bad(graded):
    graded.sql(f"UPDATE {prediction_accuracy.CONTRACT.name} SET quality_tier = 'bronze'")
    scale(graded, 0.4)
    assert not closed(graded.verdicts(INTO_GRADES, PLAYED))
    graded.sql(f"UPDATE {prediction_accuracy.CONTRACT.name} SET quality_tier = 'silver' WHERE stat = 'points'")
    assert closed(graded.verdicts(INTO_GRADES, PLAYED))
    graded.sql(f"UPDATE {prediction_accuracy.CONTRACT.name} SET quality_tier = 'bronze'")
    scale(graded, 1.6, "moving_average")
    assert set(closed(graded.verdicts(INTO_GRADES, PLAYED))) == enough_graded(graded, "moving_average")


def test_the_tripwires_bite_beyond_the_honest_range_only():
    def found(share: float, rows: int = ENOUGH_GRADES) -> str:
        sums = ErrorSums(rows, share * rows, float(rows))
        return tripped("s", 0.88, sums, sums) or ""

    assert not found(0.88)
    assert not found(TOO_BAD)
    assert "too good" in found(0.8799)
    assert "too bad" in found(TOO_BAD + 0.0001)
    assert not found(0.1, ENOUGH_GRADES - 1)
    assert not found(9.9, ENOUGH_GRADES - 1)


@pytest.mark.parametrize(("stat", "limits"), [("points", TOO_GOOD), ("minutes", TOO_GOOD_MINUTES)])
def test_what_is_too_good_in_the_morning_may_be_honest_before_tip_off(graded, stat, limits):
    name = prediction_accuracy.CONTRACT.name
    between = (limits["morning"] + limits["pre_tip"]) / 2
    graded.sql(
        f"UPDATE {name} SET absolute_error = {between} * ewma_7_absolute_error "
        f"WHERE played AND system_id = 'ensemble' AND stat = '{stat}'"
    )
    assert tuple(limits) == SETTINGS
    for setting, said in zip(SETTINGS, (True, False), strict=True):
        graded.sql(f"UPDATE {name} SET setting = '{setting}'")
        found = closed(graded.verdicts(INTO_GRADES, PLAYED))
        assert any(f"ensemble ({stat}, {setting}" in reasons for reasons in found.values()) is said


# dates to come


@pytest.mark.parametrize("gate", [INTO_PRECOMPUTE, INTO_PREDICTIONS], ids=lambda gate: gate.name)
def test_a_gate_for_tomorrow_asks_only_for_what_can_exist(copy, gate):
    verdicts = copy.verdicts(gate, [TODAY, TOMORROW])
    assert {v.state for v in verdicts.values()} == {State.OPEN}
    copy.forget(tables_of(Phase.ANALYTICS)[0], TODAY - timedelta(days=1))
    assert set(closed(copy.verdicts(gate, [TODAY, TOMORROW]))) == {TODAY, TOMORROW}, "yesterday is due"


def test_before_the_games_their_context_is_let_in_without_box_scores_and_nothing_is_summarized(copy):
    days = [TODAY, TOMORROW]
    assert {v.state for v in copy.verdicts(INTO_ANALYTICS, days).values()} == {State.OPEN}
    for table in CONTEXTS:
        assert copy.gatekeeper().admit(table, days, "a step").refused == {}, table.name
    for table in SUMMARIES:
        refused = copy.gatekeeper().admit(table, days, "a step").refused
        assert set(refused) == set(days)
        assert "raw.player_box_scores was never published" in " ".join(refused[TODAY])


def test_the_context_of_a_date_waits_for_its_roster_and_for_yesterdays_summaries(copy):
    copy.forget(players.CONTRACT, TODAY)
    for day in (TODAY, TOMORROW):
        assert (day in closed(copy.verdicts(INTO_ANALYTICS, [TODAY, TOMORROW]))) is (day == TODAY)
    copy.forget(SUMMARIES[0], TODAY - timedelta(days=1))
    refused = copy.gatekeeper().admit(upcoming_player_game_context.CONTRACT, [TOMORROW], "a step").refused
    assert f"was never published for {TODAY - timedelta(days=1)}" in " ".join(refused[TOMORROW])


def test_an_undecided_game_to_come_whose_teams_are_known_degrades_its_date_and_is_named(copy):
    game = copy.sql(f"SELECT min(game_id) FROM raw.games WHERE game_date = '{TOMORROW}'")[0][0]
    copy.sql(f"UPDATE raw.games SET status = 'undecided', status_text = 'If necessary' WHERE game_id = {game}")
    copy.stamp(games.CONTRACT, TOMORROW)
    found = copy.verdicts(INTO_ANALYTICS, [TODAY, TOMORROW])
    assert {day: verdict.state for day, verdict in found.items()} == {TODAY: State.OPEN, TOMORROW: State.DEGRADED}
    [reason] = found[TOMORROW].reasons
    assert reason.startswith(f"nothing is expected of game {game} of ")
    assert "'If necessary'" in reason
    assert reason.endswith(f"Next: nba-pipeline backfill --from {TOMORROW} --to {TOMORROW}")


def test_bad_box_scores_hold_up_the_summaries_of_their_date_and_not_its_context(copy):
    copy.forget(player_box_scores.CONTRACT, BAD)
    assert set(closed(copy.verdicts(INTO_ANALYTICS, PLAYED))) == {BAD}
    for table in CONTEXTS:
        assert BAD not in copy.gatekeeper().admit(table, [BAD], "a step").refused
    for table in SUMMARIES:
        assert BAD in copy.gatekeeper().admit(table, [BAD], "a step").refused


# what cannot be evaluated


@contextmanager
def reads_recorded() -> Iterator[set[str]]:
    """The published tables that whatever is asked meanwhile reads, be its query built anew or known already."""
    found: set[str] = set()

    def note(expression: ibis.Table | pa.Table) -> None:
        if isinstance(expression, ibis.Table):
            places = ((op.namespace.database, op.name) for op in expression.op().find(UnboundTable))
            found.update(f"{schema}.{name}" for schema, name in places if schema)

    def recording(works: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(session: DuckDBSession, *args: Any, **dates: Any) -> Any:
            note(args[-1](session.read) if callable(args[-1]) else args[-1])
            return works(session, *args, **dates)

        return recorded

    with pytest.MonkeyPatch.context() as patched:
        for name in ("query", "stage"):
            patched.setattr(DuckDBSession, name, recording(getattr(DuckDBSession, name)))
        yield found


def tables_read(copy: Copy, gate: Gate) -> set[str]:
    """What the gate reads of the warehouse when it opens for every date."""
    gatekeeper = copy.gatekeeper()
    with copy.warehouse.session() as session, reads_recorded() as found:
        assert not closed(gatekeeper.verdicts(gatekeeper.evidence(session), gate, PLAYED))
    return found


ELSEWHERE = {
    INTO_PREDICTIONS.name: {table.name for table in tables_of(Phase.ANALYTICS)},
    INTO_GRADES.name: {prediction_accuracy.CONTRACT.name, ml_feature_store.CONTRACT.name},
}
"""What gates read of other phases than the one that they come after, and must not cease to."""


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_a_gate_reads_every_table_that_it_judges(copy, gate):
    """Without this, the next test could pass because no read was recorded."""
    behind = {read.table for table in tables_of(gate.into) for read in table.reads.values()}
    judged = [table for table in tables_of(gate.out_of) if table in behind or gate is not INTO_ANALYTICS]
    assert {table.name for table in judged} | ELSEWHERE.get(gate.name, set()) | {
        PUBLISHED_PARTITIONS.name
    } <= tables_read(copy, gate)


@contextmanager
def without_its_dates(copy: Copy, name: str) -> Iterator[None]:
    """Every query about the table errs."""
    copy.sql(f"ALTER TABLE {name} RENAME COLUMN game_date TO was_game_date")
    yield
    copy.sql(f"ALTER TABLE {name} RENAME COLUMN was_game_date TO game_date")


@contextmanager
def without_the_table(copy: Copy, name: str) -> Iterator[None]:
    schema, _, short = name.partition(".")
    copy.sql(f"ALTER TABLE {name} RENAME TO was_{short}")
    yield
    copy.sql(f"ALTER TABLE {schema}.was_{short} RENAME TO {short}")


BEHIND_CRITICAL = {read.table.name for table in PHASE_4 if table.critical for read in table.reads.values()}

NOT_NEEDED = {
    (INTO_PREDICTIONS.name, without_the_table): {table.name for table in PHASE_4} - CRITICAL - BEHIND_CRITICAL,
    (INTO_GRADES.name, without_the_table): {prediction_accuracy.CONTRACT.name},
}
"""The tables without any one of which a gate opens all the same, with a warning.

Three of five are enough, and a gate that closed for grades that are gone would keep them from being made again.
"""


@pytest.mark.parametrize(
    "damage",
    [without_its_dates, pytest.param(without_the_table, marks=pytest.mark.campaign)],
    ids=lambda damage: damage.__name__,
)
@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_a_gate_that_cannot_be_evaluated_is_closed_for_every_date(copy, gate, damage):
    """Whichever of the tables that it reads is broken or gone; repaired, it is open again."""
    scale(copy, 0.97)
    behind = tables_of(gate.into)
    let_through = {}
    for name in sorted(tables_read(copy, gate)):
        with damage(copy, name):
            verdicts = copy.verdicts(gate, PLAYED)
            if any(verdict.lets_through for verdict in verdicts.values()):
                let_through[name] = {verdict.state for verdict in verdicts.values()}
            elif damage is without_its_dates:
                assert all("could not be evaluated" in reasons for reasons in closed(verdicts).values()), name
                readers = [table for table in behind if name in {read.table.name for read in table.reads.values()}]
                assert_refused(copy, (readers or behind)[0], copy.gatekeeper(), f"a step without {name}")
    assert let_through == {name: {State.DEGRADED} for name in NOT_NEEDED.get((gate.name, damage), ())}
    assert not closed(copy.verdicts(gate, PLAYED))


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_a_gate_that_takes_too_long_is_closed_for_every_date(copy, gate):
    scale(copy, 0.97)
    assert_shut(copy, gate, copy.gatekeeper(time_limit_seconds=0.001), "the time limit is over")


def test_a_time_limit_ends_a_long_query_and_holds_between_queries_and_after_the_last(copy):
    numbers = ibis.range(0, 70_000).unnest().as_table()
    column = numbers.columns[0]
    slow = numbers.cross_join(numbers.view()).agg(total=(ibis._[column] % 7).sum())
    short = ibis.memtable({"one": [1]})
    with copy.warehouse.session() as session:
        begun = time.monotonic()
        with pytest.raises(QueryError, match="the time limit is over"), session.time_limit(0.3):
            session.query(slow)
        assert time.monotonic() - begun < 3
        for waits in (("before", "query"), ("query", "after")):
            with pytest.raises(QueryError, match="the time limit is over"), session.time_limit(0.05):
                in_turn({"query": lambda: session.query(short)}, waits)
        with session.time_limit(60):
            assert session.query(short).num_rows == 1
        assert session.query(short).num_rows == 1


def in_turn(work: Mapping[str, Callable[[], object]], names: Sequence[str]) -> None:
    """Does the work in turn; what is not known takes a tenth of a second."""
    for name in names:
        work.get(name, lambda: time.sleep(0.1))()


def assert_shut(copy: Copy, gate: Gate, gatekeeper: Gatekeeper, said: str) -> None:
    """The gate is closed for every date, the steps behind it refuse all of them, and that is on record."""
    with copy.warehouse.session() as session:
        found = closed(gatekeeper.verdicts(gatekeeper.evidence(session), gate, PLAYED))
    assert set(found) == set(PLAYED)
    assert all(reasons and said in reasons for reasons in found.values()), found[BAD]
    for table in tables_of(gate.into):
        assert_refused(copy, table, gatekeeper, f"a step of {table.name}")


def assert_refused(copy: Copy, table: Contract, gatekeeper: Gatekeeper, step: str) -> None:
    """The step may make no date, and it is on record that its gate was closed."""
    admission = gatekeeper.admit(table, PLAYED, step)
    assert set(admission.refused) == set(PLAYED)
    assert all(admission.refused.values())
    recorded = copy.sql(
        f"SELECT game_date, state FROM operations.gate_verdicts WHERE asked_by = '{step}' ORDER BY game_date"
    )
    assert recorded == [(day, "closed") for day in PLAYED]


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_a_run_behind_a_gate_that_cannot_be_evaluated_publishes_nothing(copy, gate):
    scale(copy, 0.97)
    table = tables_of(gate.into)[0]
    broken = next(read.table for read in table.reads.values() if read.table.phase is gate.out_of)
    copy.sql(f"ALTER TABLE {broken.name} DROP COLUMN game_date")
    before = copy.sql(f"SELECT * FROM {table.name} ORDER BY ALL")
    manifest = copy.sql("SELECT * FROM operations.published_partitions ORDER BY ALL")
    attempt = copy.run(table, BAD, BAD + timedelta(days=1))
    assert not attempt.success
    (said,) = attempt.failures
    assert f"The gate {gate.name} into {table.name} is closed for {BAD} (and 1 more dates)" in said
    assert "could not be evaluated, so it is closed" in said
    assert f"Next: nba-pipeline backfill --from {BAD} --to {BAD}" in said
    assert copy.sql(f"SELECT * FROM {table.name} ORDER BY ALL") == before
    assert copy.sql("SELECT * FROM operations.published_partitions ORDER BY ALL") == manifest


def test_grades_that_are_gone_warn_and_close_nothing_so_that_they_can_be_made_again(copy):
    copy.sql(f"DROP TABLE {prediction_accuracy.CONTRACT.name}")
    verdicts = copy.verdicts(INTO_GRADES, KNOWN)
    assert {verdict.state for verdict in verdicts.values()} == {State.DEGRADED}
    assert all("is gone, so no error can be judged" in " ".join(v.reasons) for v in verdicts.values())


def test_a_table_that_is_gone_is_made_again(copy):
    table = player_daily_cache.CONTRACT
    query = f"SELECT * FROM {table.name} WHERE game_date = '{BAD}' ORDER BY ALL"
    before = copy.sql(query)
    copy.sql(f"DROP TABLE {table.name}")
    assert copy.run(table, BAD, BAD).success
    assert copy.sql(query) == before


@pytest.mark.parametrize("damage", ["DELETE FROM {}", "UPDATE {} SET points_avg_season = 99"])
def test_rows_that_somebody_changed_are_published_again_by_the_next_run(copy, damage):
    table = player_daily_cache.CONTRACT
    query = f"SELECT * FROM {table.name} WHERE game_date = '{BAD}' ORDER BY ALL"
    before = copy.sql(query)
    copy.sql(f"{damage.format(table.name)} WHERE game_date = '{BAD}'")
    assert copy.sql(query) != before
    assert copy.run(table, BAD, BAD).success
    assert copy.sql(query) == before


# overrides


def unreadable_overrides(copy: Copy) -> None:
    copy.sql("ALTER TABLE operations.gate_overrides DROP COLUMN until")


def override(gate: Gate, day: date, hours: int = 6) -> Override:
    return Override(
        gate.name, day, "Ann", "the paper has the box score", (NOW + timedelta(hours=hours)).replace(tzinfo=None)
    )


@pytest.fixture
def damaged(copy) -> Copy:
    """Raw data of two dates are not whole; one of them has an override of the gate behind it."""
    for day in (BAD, BAD + timedelta(days=1)):
        copy.forget(player_box_scores.CONTRACT, day)
    record_override(copy.warehouse, Clock(NOW), override(INTO_ANALYTICS, BAD))
    return copy


def test_an_override_lets_one_date_through_one_gate_and_keeps_the_reasons(damaged):
    verdicts = damaged.verdicts(INTO_ANALYTICS, PLAYED)
    assert verdicts[BAD].state is State.OVERRIDDEN
    assert verdicts[BAD].lets_through
    said = " | ".join(verdicts[BAD].reasons)
    assert "Ann let raw_to_analytics pass" in said
    assert f"raw.player_box_scores was never published for {BAD}" in said
    assert set(closed(verdicts)) == {BAD + timedelta(days=1)}
    damaged.forget(tables_of(Phase.ANALYTICS)[0], BAD - timedelta(days=1))
    assert BAD in closed(damaged.verdicts(INTO_PRECOMPUTE, PLAYED)), "another gate is not overridden"


def test_an_override_ends_by_the_clock(damaged):
    assert BAD not in closed(damaged.verdicts(INTO_ANALYTICS, PLAYED, now=NOW + timedelta(hours=6, seconds=-1)))
    assert BAD in closed(damaged.verdicts(INTO_ANALYTICS, PLAYED, now=NOW + timedelta(hours=6)))
    assert BAD in closed(damaged.verdicts(INTO_ANALYTICS, PLAYED, now=NOW - timedelta(seconds=1))), "not yet recorded"


def test_a_check_over_a_range_says_of_each_date_whether_its_gate_is_open_overridden_or_closed(damaged):
    key = AssetCheckKey(asset_key(last_table(INTO_ANALYTICS, all_tables())), INTO_ANALYTICS.check_name)
    job = definitions(Runtime(damaged.settings)).resolve_implicit_global_asset_job_def()
    job = job.get_subset(asset_selection=set(), asset_check_selection={key})
    tags = {RANGE_START: str(PLAYED[0]), RANGE_END: str(PLAYED[-1])}
    with instance_of(damaged.settings) as instance:
        run = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
        logged = instance.all_logs(run.run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
    said = [entry.dagster_event.asset_check_evaluation_data for entry in logged if entry.dagster_event]
    found = {evaluation.partition: evaluation for evaluation in said if evaluation.partition}
    opened = dict.fromkeys(map(str, PLAYED), (True, AssetCheckSeverity.ERROR))
    assert {day: (each.passed, each.severity) for day, each in found.items()} == opened | {
        str(BAD): (False, AssetCheckSeverity.WARN),
        str(BAD + timedelta(days=1)): (False, AssetCheckSeverity.ERROR),
    }
    overridden = found[str(BAD)].metadata
    assert "Ann let raw_to_analytics pass" in str(overridden["reasons"].value)
    assert overridden[ALERT_KIND_METADATA].value == AlertKind.OVERRIDE_USED
    assert "was never published" in str(found[str(BAD + timedelta(days=1))].metadata["reasons"].value)


HELD = Held(BAD, 7, ("BKN", "NYK"), "the scores differ", "Ann")
KEPT = Held(BAD, 8, ("ATL", "BOS"), "the newest lists it no more", "an earlier answer", "kept")


@pytest.mark.parametrize(
    ("verdicts", "kind"),
    [
        ([Verdict("g", BAD, State.DEGRADED, ("spelled in any way",), (HELD,))], AlertKind.GAME_HELD),
        ([Verdict("g", BAD, State.DEGRADED, ("spelled in any way",), kept=(KEPT,))], AlertKind.GAME_KEPT),
        ([Verdict("g", BAD, State.DEGRADED, ("both",), (HELD,), (KEPT,))], AlertKind.GAME_HELD),
        ([Verdict("g", BAD, State.CLOSED, ("broken",), kept=(KEPT,))], None),
        ([Verdict("g", BAD, State.DEGRADED, ("a seat is held by nobody, accuracy tripwire",))], None),
        ([Verdict("g", BAD, State.CLOSED, ("broken",), (HELD,))], None),
        ([Verdict("g", BAD, State.OVERRIDDEN, ("Ann let it pass",), (HELD,))], AlertKind.OVERRIDE_USED),
        ([Verdict("g", BAD, State.CLOSED, ("too good",), dishonest=True)], AlertKind.ACCURACY_TRIPWIRE),
        ([Verdict("g", BAD, State.OVERRIDDEN, ("too good",), dishonest=True)], AlertKind.OVERRIDE_USED),
    ],
)
def test_what_a_verdict_alerts_about_follows_from_what_it_carries_and_not_from_its_words(verdicts, kind):
    assert alert_kind(verdicts) is kind


def test_the_check_of_a_gate_that_goes_on_without_a_game_names_the_game_as_data(gatekeeper_of_now):
    said = said_of([Verdict("g", BAD, State.DEGRADED, ("spelled in any way",), (HELD,))], gatekeeper_of_now)
    assert said[ALERT_KIND_METADATA].value == AlertKind.GAME_HELD
    assert said[NEXT_COMMAND_METADATA].value == "nba-pipeline game show 7"
    game = {"game_date": str(BAD), "game_id": 7, "teams": ["BKN", "NYK"], "decided_by": "Ann"}
    assert said[HELD_METADATA].value == [game]


@pytest.mark.parametrize(("state", "effect"), [(State.DEGRADED, [EFFECT_OF_WARNING]), (State.CLOSED, [])])
def test_the_check_of_a_gate_that_only_warns_does_not_say_that_nothing_is_made(gatekeeper_of_now, state, effect):
    said = said_of([Verdict("g", BAD, state, ("game 7 is unclear",))], gatekeeper_of_now)
    assert [value.value for value in said.values()] == effect


@pytest.mark.parametrize(("held", "named", "sentences"), [((), 8, 1), ((HELD,), 7, 2)])
def test_a_gates_check_names_a_game_that_an_earlier_answer_speaks_for_and_what_that_means(
    gatekeeper_of_now, held, named, sentences
):
    said = said_of([Verdict("g", BAD, State.DEGRADED, ("in any way",), held, (KEPT,))], gatekeeper_of_now)
    assert said[NEXT_COMMAND_METADATA].value == f"nba-pipeline game show {named}", "what is in no history goes first"
    effect = str(said[EFFECT_METADATA].value)
    assert "The game counts as an earlier answer has it" in effect
    assert effect.count("The game ") == sentences


@pytest.fixture
def gatekeeper_of_now(tmp_path):
    return Gatekeeper(DuckDBWarehouse(tmp_path / "warehouse.duckdb", 1), Clock(NOW), None, all_tables())


def test_overrides_that_cannot_be_read_open_nothing(damaged):
    unreadable_overrides(damaged)
    assert set(closed(damaged.verdicts(INTO_ANALYTICS, PLAYED))) == {BAD, BAD + timedelta(days=1)}
    assert set(closed(damaged.verdicts(INTO_PRECOMPUTE, PLAYED))) == set(PLAYED), "nor are gaps known"


# verdicts


def test_every_evaluation_is_one_row_a_date_and_gate_with_its_reasons(copy):
    copy.forget(player_box_scores.CONTRACT, BAD)
    table = tables_of(Phase.ANALYTICS)[0]
    for number in (1, 2):
        copy.gatekeeper(now=NOW + timedelta(minutes=number)).admit(table, PLAYED, f"evaluation {number}")
    rows = copy.sql(
        "SELECT game_date, gate, evaluated_at, asked_by, state, reasons FROM operations.gate_verdicts "
        "WHERE asked_by LIKE 'evaluation %' ORDER BY asked_by, game_date"
    )
    assert [(row[3], row[0]) for row in rows] == [(f"evaluation {n}", day) for n in (1, 2) for day in PLAYED]
    assert {row[1] for row in rows} == {"raw_to_analytics"}
    assert {row[2] for row in rows} == {(NOW + timedelta(minutes=n)).replace(tzinfo=None) for n in (1, 2)}
    for day, _, _, _, state, reasons in rows:
        assert state == ("closed" if day == BAD else "open")
        said = json.loads(reasons)
        assert any(str(BAD) in reason for reason in said) if day == BAD else said == []


# shown by


def infos(settings: Settings, check: AssetCheckKey, dates: Sequence[date]) -> dict[date, Status]:
    """What the UI shows for a check on each of the dates."""
    partitions = game_date_partitions(Clock.from_settings(settings))
    with DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        state = instance.event_log_storage.get_asset_check_state([(check, partitions)])[check]
    shown = {status: set(subset.subset_value.get_partition_keys()) for status, subset in state.subsets.items()}
    return {day: status for status, keys in shown.items() for day in dates if to_key(day) in keys}


UP_TO_ANALYTICS = (Phase.LANDING, Phase.RAW, Phase.ANALYTICS)

THIRTY = game_dates(OPENING, OPENING + timedelta(days=29))
THE_BAD_ONE = THIRTY[20]
ITS_FAULT = {"kind": "status", "code": 500, "endpoint": "stats", "game_date": str(THE_BAD_ONE)}
AFTER_ALL = NOW + timedelta(days=12)


def test_a_range_of_thirty_dates_publishes_29_blocks_one_and_the_ui_shows_it_until_it_heals(workbench):
    bench = workbench(ITS_FAULT, now=AFTER_ALL)
    report = bench.backfill(THIRTY[0], THIRTY[-1], *UP_TO_ANALYTICS)
    assert not report.complete
    said = " ".join(failure for attempt in report.attempts for failure in attempt.failures)
    assert f"raw.player_box_scores: 29 of 30 dates published, 1 refused. {THE_BAD_ONE}" in said
    assert "nothing complete was landed from stats" in said
    for table in CONTEXTS:
        assert set(published(bench, table)) & set(THIRTY) == {day for day in THIRTY if day <= THE_BAD_ONE}, table.name
    for table in (player_box_scores.CONTRACT, *SUMMARIES):
        assert set(published(bench, table)) & set(THIRTY) == set(THIRTY) - {THE_BAD_ONE}, table.name
        found = infos(bench.settings, AssetCheckKey(asset_key(table), CONTRACT_CHECK), THIRTY)
        assert found == {d: Status.FAILED if d == THE_BAD_ONE else Status.SUCCEEDED for d in THIRTY}, table.name

    healed = workbench(name=bench.home.name, now=AFTER_ALL)
    assert healed.backfill(THIRTY[0], THIRTY[-1], *UP_TO_ANALYTICS).complete
    for table in (player_box_scores.CONTRACT, *tables_of(Phase.ANALYTICS)):
        assert set(published(healed, table)) >= set(THIRTY)
        found = infos(healed.settings, AssetCheckKey(asset_key(table), CONTRACT_CHECK), THIRTY)
        assert found == dict.fromkeys(THIRTY, Status.SUCCEEDED), table.name


@pytest.mark.campaign
def test_of_thirty_dates_those_that_look_back_on_a_bad_one_have_no_features_until_it_heals(workbench):
    bench = workbench(ITS_FAULT, now=AFTER_ALL)
    phases = (*UP_TO_ANALYTICS, Phase.PRECOMPUTE)
    assert not bench.backfill(THIRTY[0], THIRTY[-1], *phases).complete
    for table in PHASE_4:
        assert set(published(bench, table)) & set(THIRTY) == {d for d in THIRTY if d <= THE_BAD_ONE}, table.name
    gate = AssetCheckKey(asset_key(last_table(INTO_PRECOMPUTE, all_tables())), INTO_PRECOMPUTE.check_name)
    healed = workbench(name=bench.home.name, now=AFTER_ALL)
    assert healed.backfill(THIRTY[0], THIRTY[-1], *phases).complete
    for table in PHASE_4:
        assert set(published(healed, table)) >= set(THIRTY), table.name
    assert set(infos(healed.settings, gate, THIRTY).values()) == {Status.SUCCEEDED}


def published(bench: Workbench, table: Contract) -> list[date]:
    """The dates that the manifest names."""
    with duckdb.connect(str(bench.settings.warehouse_path), read_only=True) as connection:
        rows = connection.execute(
            "SELECT game_date FROM operations.published_partitions WHERE table_name = ?", [table.name]
        ).fetchall()
    return [day for (day,) in rows]


def test_every_gate_has_a_name_that_finds_it():
    assert [gate_named(gate.name) for gate in GATES] == list(GATES)
