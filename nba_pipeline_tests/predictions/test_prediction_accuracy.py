"""A prediction is graded against what happened, on the same row as the baselines; a void is never a grade."""

import ibis
import pandas as pd
import pytest

from nba_pipeline.grades import prediction_accuracy
from nba_pipeline.predictions.player_predictions import STATS
from nba_pipeline_tests.support.grading import (
    FEATURES,
    HE,
    LATER,
    SHE,
    features,
    grades,
    outcome,
    prediction,
    rows_of,
    run,
)


def only(rows: pd.DataFrame) -> pd.Series:
    assert len(rows) == 1
    return rows.iloc[0]


def test_a_prediction_by_hand():
    row = only(grades([prediction(20, interval_low=15, interval_high=24.5)], [outcome(25)]))
    assert (row["actual_value"], row["absolute_error"], row["signed_error"]) == (25, 5, -5)
    assert row["played"]
    assert not row["in_interval"]
    assert row["brier"] == pytest.approx(0.01)
    assert row[["last_10_value", "season_mean_value", "ewma_7_value"]].tolist() == [10, 11, 12]
    assert row[["last_10_absolute_error", "season_mean_absolute_error", "ewma_7_absolute_error"]].tolist() == [
        15, 14, 13,
    ]  # fmt: skip


@pytest.mark.parametrize(("ruled", "graded"), [("held", 0), ("accepted", 1), (None, 1)])
def test_predictions_of_a_held_game_are_void_and_those_of_an_accepted_one_are_graded(ruled, graded):
    assert len(grades([prediction()], ruled=ruled)) == graded


@pytest.mark.parametrize("listed", [True, False], ids=["listed without minutes", "not in the box score"])
def test_a_player_who_sat_is_void_and_never_a_perfect_zero(listed):
    outcomes = [outcome(played=False)] if listed else [outcome(player_id=SHE)]
    row = only(grades([prediction(0.0, interval_low=0.0, line=10.5, over_probability=0.4)], outcomes))
    assert not row["played"]
    empty = ["actual_value", "absolute_error", "signed_error", "in_interval", "went_over"]
    empty += [f"{name}_absolute_error" for name in prediction_accuracy.BASELINES]
    assert row[empty].isna().all()
    assert row["brier"] == pytest.approx(0.81), "that he plays was predicted all the same"


@pytest.mark.parametrize("stat", STATS)
def test_each_statistic_is_graded_by_its_own_outcome_and_its_own_baselines(stat):
    done = {"points": 31, "rebounds": 12, "assists": 9, "three_pointers_made": 4, "minutes": 37.0}
    row = only(grades([prediction(10, stat=stat)], [outcome(**done)]))
    assert row["actual_value"] == done[stat]
    wanted = [FEATURES[f"{stat}_{kind}"] for kind in ("last_10", "avg_season", "ewma_7")]
    assert row[["last_10_value", "season_mean_value", "ewma_7_value"]].tolist() == wanted
    assert row["ewma_7_absolute_error"] == abs(wanted[2] - done[stat])


def test_where_a_baseline_knows_nothing_the_prior_of_the_same_statistic_stands_in():
    nothing = {f"assists_{kind}": None for kind in ("last_10", "avg_season", "ewma_7")}
    row = only(grades([prediction(stat="assists")], known=[features(**nothing)]))
    assert set(row[["last_10_value", "season_mean_value", "ewma_7_value"]]) == {FEATURES["assists_prior"]}


@pytest.mark.parametrize(("points", "went_over"), [(26, True), (25, None), (24, False)])
def test_a_push_is_neither_over_nor_under(points, went_over):
    row = only(grades([prediction(line=25.0, over_probability=0.6)], [outcome(points)]))
    assert (None if pd.isna(row["went_over"]) else bool(row["went_over"])) is went_over


def test_without_a_line_nothing_goes_over_it():
    assert pd.isna(only(grades([prediction()]))["went_over"])


def test_the_ends_of_an_interval_belong_to_it():
    for low, high in ((25, 30), (20, 25)):
        assert only(grades([prediction(25, interval_low=low, interval_high=high)], [outcome(25)]))["in_interval"]


@pytest.mark.parametrize(("missed", "played", "brier"), [(0, True, 0), (1, True, 1), (0, False, 1), (3, False, 0)])
def test_the_baseline_of_playing_is_that_he_played_last_time(missed, played, brier):
    rows = grades([prediction()], [outcome(played=played)], [features(team_games_missed=float(missed))])
    assert only(rows)["last_game_brier"] == brier


def test_of_several_live_predictions_the_newest_before_tip_off_counts():
    first, second = prediction(20), prediction(22, made_at=LATER.replace(hour=0, minute=29))
    assert only(grades([first, second]))["predicted_value"] == 22
    late = prediction(25, made_at=LATER)
    assert only(grades([first, second, late]))["predicted_value"] == 22
    assert not len(grades([late]))


def test_settings_systems_and_modes_are_graded_apart():
    rows = grades(
        [
            prediction(20),
            prediction(21, setting="pre_tip"),
            prediction(22, system_id="theirs"),
            prediction(23, mode="backtest", made_at=LATER),
        ]
    )
    assert sorted(rows["predicted_value"]) == [20, 21, 22, 23]
    assert rows["ewma_7_absolute_error"].nunique() == 1, "the baselines are those of the same row"


@pytest.mark.parametrize("status", ["scheduled", "in_progress", "postponed"])
def test_games_that_are_not_final_have_no_grades(status):
    assert not len(grades([prediction()], status=status))


def test_what_was_expected_of_him_is_known_before_the_game():
    row = only(grades([prediction(stat="rebounds")]))
    assert (row["expected_minutes"], row["expected_points"]) == (FEATURES["minutes_ewma_7"], FEATURES["points_ewma_7"])


def test_an_error_of_a_void_or_none_of_a_baseline_is_refused():
    whole = grades([prediction(), prediction(player_id=SHE)], [outcome(), outcome(played=False, player_id=SHE)],
                   [features(), features(player_id=SHE)])  # fmt: skip
    (audit,) = prediction_accuracy.CONTRACT.audits
    assert not len(run(audit.violations(frame_of(whole), rows_of)))
    for player, column, value in ((HE, "ewma_7_absolute_error", None), (SHE, "absolute_error", 0.0)):
        broken = whole.astype({column: "object"})
        broken.loc[broken["player_id"] == player, column] = value
        assert run(audit.violations(frame_of(broken), rows_of))["reason"].str.startswith("1 rows").tolist() == [True]


def frame_of(rows: pd.DataFrame) -> ibis.Table:
    return ibis.memtable(rows.astype(object).where(rows.notna(), None).to_dict("records"),
                         schema=prediction_accuracy.CONTRACT.schema)  # fmt: skip
