"""What stands in the file of a date: live rows only, the newest before tip-off, and the same in each of its forms."""

import csv
import io
import json
from datetime import timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator

from nba_pipeline.predictions.calculations.ledger import BACKTEST, HASH, POSITION
from nba_pipeline.predictions.walk_forward.forecasts import STATS
from nba_pipeline.publishing.predictions_file import (
    CONTRACT,
    FORMAT,
    STATISTICS,
    NotPublishableError,
    Standing,
    chosen_rows,
    faults_of,
    files_of,
    json_schema,
    says_the_same,
)
from nba_pipeline_tests.support.named_command import named_command
from nba_pipeline_tests.support.night_rows import (
    EARLY_GAME,
    LATE_GAME,
    MADE,
    NIGHT,
    TIP,
    Row,
    chained,
    made_of,
    said,
    scheduled,
)

WITH_A_LINE = {"line": 19.5, "over_probability": 0.5731}


def chosen(*rows: Row, **status: object) -> list[Row]:
    return chosen_rows(NIGHT, chained(*rows), scheduled(**status), "open")[0]


def left_out(*rows: Row, **status: object) -> dict[int, str]:
    found = chosen_rows(NIGHT, chained(*rows), scheduled(**status), "open")[1]
    return {game["game_id"]: game["reason"] for game in found}


def test_of_a_player_and_statistic_the_newest_value_counts() -> None:
    [row] = chosen(said(value=20.5), said(value=22.0, made_at=MADE + timedelta(hours=3)))
    assert (row["predicted_value"], row[POSITION]) == (22.0, 2)


def test_what_knew_the_injury_report_counts_though_a_value_of_the_morning_came_later() -> None:
    [row] = chosen(said(value=22.0, setting="pre_tip"), said(value=20.5, made_at=MADE + timedelta(hours=3)))
    assert (row["predicted_value"], row["setting"]) == (22.0, "pre_tip")


def test_backtests_and_other_systems_are_not_given_away() -> None:
    backtest = said(2, mode=BACKTEST, made_at=TIP + timedelta(days=1))
    others = said(system_id="similarity", value=1.0), said(3, system_id="similarity")
    assert [(row["player_id"], row["predicted_value"]) for row in chosen(backtest, said(), *others)] == [(1, 20.5)]


def test_each_player_and_statistic_has_one_row_in_the_order_of_the_grain() -> None:
    rows = chosen(said(2), said(1, stat="minutes"), said(1), said(3, game_id=LATE_GAME))
    keys = [tuple(row[name] for name in CONTRACT.grain[1:]) for row in rows]
    assert keys == sorted({*keys})
    assert len(keys) == 4


def test_one_live_row_that_was_made_after_its_tip_off_keeps_all_from_being_published() -> None:
    for late in (TIP, TIP + timedelta(hours=1)):
        with pytest.raises(NotPublishableError, match=r"1 rows .* made after tip-off, .* at position 2") as refused:
            chosen(said(), said(2, made_at=late, system_id="similarity"))
        assert named_command(str(refused.value)) == ["ledger", "verify", "--from", str(NIGHT), "--to", str(NIGHT)]
    assert chosen(said(), said(2, made_at=TIP - timedelta(microseconds=1)))


def test_a_game_without_a_tip_off_is_given_away_as_of_before_the_earliest_hour() -> None:
    assert chosen(said(tipoff_at=None), early_tip=None)
    with pytest.raises(NotPublishableError):
        chosen(said(tipoff_at=None, made_at=TIP))


def test_predictions_of_a_game_that_is_off_are_left_out_with_the_reason() -> None:
    rows = said(1), said(2, game_id=LATE_GAME)
    assert [row["game_id"] for row in chosen(*rows, early="postponed")] == [LATE_GAME]
    assert left_out(*rows, early="postponed") == {EARLY_GAME: "it is postponed"}
    assert left_out(said(game_id=12)) == {12: "the schedule of the date has it no more"}
    assert left_out(*rows) == {}


def test_of_a_game_that_was_moved_forward_only_what_was_said_before_it_is_given_away() -> None:
    rows = said(value=20.5), said(value=22.0, made_at=MADE + timedelta(hours=3))
    assert [row["predicted_value"] for row in chosen(*rows, early_tip=MADE + timedelta(hours=1))] == [20.5]
    assert chosen(*rows, early_tip=MADE) == []
    assert "tips off before" in left_out(*rows, early_tip=MADE)[EARLY_GAME]


# the three forms


NIGHT_OF_FOUR = made_of(said(1, **WITH_A_LINE), said(1, stat="minutes", code_version=None), said(2, tipoff_at=None),
                        said(3, game_id=LATE_GAME))  # fmt: skip


def test_the_three_files_say_the_same_and_the_schema_holds() -> None:
    assert faults_of(NIGHT_OF_FOUR, files_of(NIGHT_OF_FOUR)) == []
    Draft202012Validator.check_schema(json_schema())


def test_a_night_whose_games_are_all_off_is_a_file_without_rows() -> None:
    none = {**NIGHT_OF_FOUR, "rows": [], "known_at": None, "statistics": []}
    assert faults_of(none, files_of(none)) == []


def test_the_same_rows_give_the_same_bytes() -> None:
    assert files_of(NIGHT_OF_FOUR) == files_of(json.loads(files_of(NIGHT_OF_FOUR)["predictions.json"]))


def test_a_spreadsheet_and_a_notebook_read_what_the_json_says() -> None:
    files = files_of(NIGHT_OF_FOUR)
    of_csv = pd.read_csv(io.BytesIO(files["predictions.csv"]))
    of_parquet = pd.read_parquet(io.BytesIO(files["predictions.parquet"]))
    names = [column.name for column in CONTRACT.columns]
    assert [*of_csv.columns] == [*of_parquet.columns] == names
    for name in ("predicted_value", "line", "player_name", HASH):
        assert of_csv[name].equals(of_parquet[name]), name
    assert of_parquet["made_at"].dt.tz is not None
    head = json.loads(pq.read_schema(pa.BufferReader(files["predictions.parquet"])).metadata[FORMAT.encode()])
    assert head == {name: value for name, value in NIGHT_OF_FOUR.items() if name != "rows"}


def test_each_form_that_says_something_else_is_found() -> None:
    files = files_of(NIGHT_OF_FOUR)
    other = files_of(made_of(said(1, 7.0)))
    for name in files:
        [fault] = faults_of(NIGHT_OF_FOUR, {**files, name: other[name]})
        assert name in fault


@pytest.mark.parametrize(
    ("field", "value"),
    [("predicted_value", "20.5"), ("made_at", "yesterday"), ("plays_probability", 1.2), ("setting", "evening"),
     (HASH, None), ("date_status", "closed")],
)  # fmt: skip
def test_a_row_that_breaks_the_schema_is_found_with_its_place(field: str, value: object) -> None:
    rows = [NIGHT_OF_FOUR["rows"][0], {**NIGHT_OF_FOUR["rows"][1], field: value}]
    broken = {**NIGHT_OF_FOUR, "rows": rows}
    found = Draft202012Validator(json_schema()).iter_errors(broken)
    assert [error.json_path for error in found] == [f"$.rows[1].{field}"]


def test_a_field_that_nobody_declared_breaks_the_schema() -> None:
    assert faults_of({**NIGHT_OF_FOUR, "tip": "bet"}, files_of({**NIGHT_OF_FOUR, "tip": "bet"}))


def test_a_statistic_to_come_needs_no_new_version() -> None:
    more = made_of(said(), said(stat="fantasy_points", predicted_value=-3.5, interval_low=-9.0, interval_high=131.0))
    assert faults_of(more, files_of(more)) == []


def test_every_statistic_of_today_has_its_unit_and_definition() -> None:
    assert {*STATISTICS} == {*STATS}


def test_every_row_says_what_was_known_when_and_by_which_version() -> None:
    for row in csv.DictReader(io.StringIO(files_of(NIGHT_OF_FOUR)["predictions.csv"].decode())):
        assert row["made_at"] == "2025-11-12T12:30:00.000000Z"
        assert all(row[name] for name in ("setting", "model_version", "quality", HASH, "date_status"))


def test_numbers_and_the_words_of_gates_are_no_news_and_everything_else_is() -> None:
    one = made_of(said())
    told = Standing("open", [{"gate": "predictions_to_grades", "state": "open", "reasons": ["other words"]}])
    assert says_the_same(one, made_of(said(), number=2, previous={"number": 1}, standing=told))
    assert not says_the_same(one, made_of(said(value=20.6)))
    assert not says_the_same(one, made_of(said(), standing=Standing("degraded")))
    assert not says_the_same(one, {**one, "held_games": [{}]})
    assert not says_the_same(one, {**one, "left_out": [{}]})
