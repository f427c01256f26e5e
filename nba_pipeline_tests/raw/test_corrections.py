"""A correction that does not fit is told by name: what a person decided is never dropped without a word."""

from datetime import date, datetime
from typing import Any

import pytest

from nba_pipeline.decisions.game_decisions import GameDecision, Ruling
from nba_pipeline.raw.games import CONTRACT
from nba_pipeline.raw.parsing.listed_box_scores import LISTED, as_rows
from nba_pipeline.raw.rules.corrections import corrected_box_scores, corrected_schedule
from nba_pipeline_tests.support.undecided_games import DAY, WHOLE, listed, scheduled

ROWS = [listed(WHOLE, 7, "BKN", 101), listed(WHOLE, 8, "NYK", 90)]


def correction(values: dict[str, Any], game_id: int = WHOLE, day: date = DAY) -> GameDecision:
    return GameDecision(day, game_id, Ruling.CORRECT, values, "Ann", "seen on tape", None, datetime(2026, 1, 15))


def corrected(values: dict[str, Any], rows: list[dict] | None = None) -> tuple[list[dict], dict]:
    games = [scheduled(WHOLE), scheduled(502)]
    return corrected_schedule(games, [correction(values)], CONTRACT, ROWS if rows is None else rows)


def test_a_correction_that_fits_is_made_and_nothing_is_told():
    rows, failed = corrected({"players_sum": True})
    assert (rows[0]["home_score"], rows[0]["visitor_score"], failed) == (101, 90, {})
    assert rows[1] == scheduled(502)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"home_scores": 101}, "raw.games has no home_scores that can be set; did you mean home_score?"),
        ({"home_score": "many"}, "home_score is 'many'; it is a whole number"),
        ({"home_score": 900}, "home_score is 900; it lies between 1 and 250 points"),
        ({"status": "over"}, "status is 'over'; it is one of "),
        ({"home_team_id": 4}, "raw.games has no home_team_id that can be set"),
    ],
)
def test_one_that_does_not_leaves_the_game_as_the_source_has_it_and_says_whose_it_is_and_why(values, said):
    rows, failed = corrected(values)
    assert rows == [scheduled(WHOLE), scheduled(502)]
    [(key, why)] = failed.items()
    assert key == (DAY, WHOLE)
    assert why.startswith("the correction by Ann (")
    assert f"does not fit: game {WHOLE}: " in why
    assert said in why


def test_a_sum_of_players_who_are_not_listed_is_told():
    rows, failed = corrected({"players_sum": True}, ROWS[:1])
    assert rows[0] == scheduled(WHOLE)
    assert failed[DAY, WHOLE].endswith("NYK has no row, its sum is not known")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"player:99": {"points": 1}}, "player 99 has no row in it; these have: 7/BKN, 8/NYK"),
        ({"player:7/NYK": None}, "player 7/NYK has no row in it"),
        ({"player:7": {"point": 1}}, "did you mean points?"),
    ],
)
def test_so_is_one_of_a_player_who_is_not_in_the_game(values, said):
    rows = as_rows([]).from_pylist(ROWS, schema=LISTED.schema.to_pyarrow())
    found, failed = corrected_box_scores(rows, [correction(values)], LISTED)
    assert found == rows
    assert said in failed[DAY, WHOLE]
    assert failed[DAY, WHOLE].startswith("the correction by Ann (")
