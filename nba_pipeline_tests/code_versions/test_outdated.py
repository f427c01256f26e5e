"""What was made by other code is outdated: it blocks what would read it, and what cannot be made again stays valid."""

from datetime import UTC, date, datetime, timedelta

import pytest

from nba_pipeline import code_versions
from nba_pipeline.analytics import player_game_summary
from nba_pipeline.assets.tables import all_tables
from nba_pipeline.clock import Clock
from nba_pipeline.contracts import Contract
from nba_pipeline.gates.evidence import Evidence, Need
from nba_pipeline.gates.overrides import known_gap, record_override
from nba_pipeline.gates.rules import gate_named
from nba_pipeline.grades import prediction_accuracy
from nba_pipeline.monitoring.code_changes import outdated_history
from nba_pipeline.monitoring.pipeline_health import health
from nba_pipeline.operations.runs import instance_of
from nba_pipeline.precompute import ml_feature_store
from nba_pipeline.predictions import player_predictions
from nba_pipeline.raw import player_box_scores
from nba_pipeline_tests.support.warehouse_copy import Copy
from nba_pipeline_tests.support.workbench import NOW

SUMMARY, FEATURES, PREDICTIONS = player_game_summary.CONTRACT, ml_feature_store.CONTRACT, player_predictions.CONTRACT
BOX_SCORES, GRADES = player_box_scores.CONTRACT, prediction_accuracy.CONTRACT

EARLY, TODAY = date(2025, 10, 22), date(2025, 11, 12)
AFTER_THE_GAMES = datetime(2025, 11, 14, 15, tzinfo=UTC)


def age(copy: Copy, table: Contract, *days: date) -> None:
    """Makes the manifest say that other code made the rows; all of them, if no dates are given."""
    within = f" AND game_date IN ({', '.join(repr(str(day)) for day in days)})" if days else ""
    copy.sql(
        f"UPDATE operations.published_partitions SET code_version = 'older' WHERE table_name = '{table.name}'{within}"
    )


def asked(copy: Copy, question, **when):
    gatekeeper = copy.gatekeeper(**when)
    with copy.warehouse.session() as session:
        return question(gatekeeper.evidence(session))


def test_the_manifest_notes_the_version_of_every_row(copy):
    by_name = {table.name: table for table in all_tables()}
    for name, version in copy.sql("SELECT DISTINCT table_name, code_version FROM operations.published_partitions"):
        assert version == code_versions.version_of(by_name[name])


def test_an_old_version_is_outdated_and_changes_no_inputs(copy):
    before = asked(copy, lambda evidence: evidence.lineage.inputs(FEATURES, [TODAY]))
    age(copy, SUMMARY)
    assert asked(copy, lambda evidence: evidence.lineage.inputs(FEATURES, [TODAY])) == before
    assert asked(copy, lambda evidence: evidence.lineage.needs([SUMMARY], [EARLY])) == {
        (SUMMARY.name, EARLY): Need.OUTDATED
    }


def test_another_version_is_another_launch(copy, monkeypatch):
    def launch(evidence: Evidence) -> str:
        return evidence.lineage.inputs_from_outside([SUMMARY], EARLY)

    before = asked(copy, launch)
    monkeypatch.setitem(code_versions._VERSIONS, SUMMARY.name, "another")
    assert asked(copy, launch) != before


@pytest.mark.parametrize("table", [BOX_SCORES, SUMMARY, FEATURES], ids=lambda table: table.name)
def test_one_outdated_date_of_the_history_closes_predictions_and_names_the_one_command(copy, table):
    age(copy, table, EARLY)
    admission = asked(copy, lambda evidence: copy.gatekeeper().judge(evidence, PREDICTIONS, [TODAY]))
    said = " ".join(admission.refused[TODAY])
    assert f"{table.name} on {EARLY} was made by other code than runs now" in said
    assert "nba-pipeline backfill --outdated" in said


def test_outdated_rows_of_the_date_close_the_gate_behind_them(copy):
    age(copy, BOX_SCORES, EARLY)
    verdicts = copy.verdicts(gate_named("raw_to_analytics"), [EARLY, date(2025, 10, 23)])
    assert [verdict.lets_through for verdict in verdicts.values()] == [False, True]


def test_live_predictions_are_never_outdated_once_their_games_have_begun(copy):
    age(copy, PREDICTIONS)

    def outdated(evidence: Evidence) -> list[bool]:
        return [evidence.lineage.is_outdated(PREDICTIONS, day) for day in (EARLY, TODAY)]

    assert asked(copy, outdated) == [True, True]
    assert asked(copy, outdated, now=AFTER_THE_GAMES) == [True, False]


def test_parsed_rows_whose_landed_answers_are_gone_stay_valid(copy):
    age(copy, BOX_SCORES, EARLY)
    (copy.settings.home / "landing").unlink()
    assert not asked(copy, lambda evidence: evidence.lineage.is_outdated(BOX_SCORES, EARLY))


def test_a_known_gap_whose_rows_other_code_made_locks_out_nothing(copy):
    settled = date(2025, 10, 23)
    record_override(copy.warehouse, Clock(NOW), known_gap(settled, "Ann", "the league rests"))
    age(copy, SUMMARY, settled)
    assert asked(copy, lambda evidence: copy.gatekeeper().judge(evidence, FEATURES, [TODAY])).refused == {}
    assert asked(copy, outdated_history) == {}


def test_health_counts_what_is_outdated_of_all_that_predictions_read(copy):
    age(copy, SUMMARY, EARLY)
    with instance_of(copy.settings) as instance:
        found = health(copy.gatekeeper(), instance, TODAY - timedelta(days=1))
    assert found.outdated == 1
    (cause,) = [cause for cause in found.causes if "other code" in cause.what]
    assert cause.command == "nba-pipeline backfill --outdated"


def test_grades_wait_for_backtests_of_the_present_code(copy):
    age(copy, PREDICTIONS, EARLY)
    admission = asked(copy, lambda evidence: copy.gatekeeper().judge(evidence, GRADES, [EARLY]))
    assert f"{PREDICTIONS.name} on {EARLY} was made by other code" in " ".join(admission.refused[EARLY])
