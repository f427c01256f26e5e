"""What is decided about a game is recorded for good, counts until it is taken back or over, and does as it says."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nba_pipeline.decisions.game_decisions import (
    GameDecision,
    Ruling,
    corrected_game,
    corrected_rows,
    decision_hash,
    decisions_in_force,
    record_decision,
    recorded_decisions,
    refuse_corrections,
)
from nba_pipeline.operations.warehouse_copying import copied_tables
from nba_pipeline.raw import games, player_box_scores
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline.warehouse.operations_tables import GAME_DECISIONS

GAME, OTHER = 18447073, 18447074
DAY, LATER_DAY = date(2026, 1, 14), date(2026, 3, 2)
NOW = datetime(2026, 1, 15, 14, tzinfo=UTC)
RECORDED = NOW.replace(tzinfo=None)

HOLD = GameDecision(DAY, GAME, Ruling.HOLD, {}, "Ann", "the league is looking into it", None, RECORDED)
CORRECT = replace(HOLD, ruling=Ruling.CORRECT, corrections={"home_score": 101, "player:7": {"points": 12}})
RELEASE = replace(HOLD, ruling=Ruling.RELEASE, reason="it is fixed")

RECORD: dict[str, Any] = {
    "game_date": DAY, "game_id": GAME, "home_team_id": 3, "home_team": "BKN", "home_score": 99,
    "visitor_team_id": 20, "visitor_team": "NYK", "visitor_score": 90,
}  # fmt: skip


def row(player: int, team: str = "BKN", points: int | None = 10, **other: Any) -> dict[str, Any]:
    teams = {"BKN": 3, "NYK": 20}
    return {"game_date": DAY, "game_id": GAME, "player_id": player, "team": team, "team_id": teams[team],
            "points": points, "minutes": 20.0, **other}  # fmt: skip


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "warehouse.duckdb")


def in_force(warehouse: DuckDBWarehouse, now: datetime = NOW) -> dict[tuple[date, int], GameDecision]:
    with warehouse.session(read_only=True) as session:
        return decisions_in_force(session, now)


def record(warehouse: DuckDBWarehouse, *decisions: GameDecision) -> None:
    with warehouse.session() as session:
        for decision in decisions:
            record_decision(session, decision)


def test_where_nothing_was_decided_nothing_is_in_force(warehouse: DuckDBWarehouse) -> None:
    record(warehouse, replace(HOLD, recorded_at=RECORDED + timedelta(days=1)))
    assert in_force(warehouse) == {}, "what is decided tomorrow does not count today"


def test_the_last_decision_about_a_game_counts_though_both_were_made_in_one_instant(
    warehouse: DuckDBWarehouse,
) -> None:
    record(warehouse, HOLD, CORRECT)
    assert in_force(warehouse) == {(DAY, GAME): CORRECT}
    record(warehouse, RELEASE)
    assert in_force(warehouse) == {}
    record(warehouse, HOLD)
    assert in_force(warehouse) == {(DAY, GAME): HOLD}
    with warehouse.session(read_only=True) as session:
        assert recorded_decisions(session) == [HOLD, CORRECT, RELEASE, HOLD]


def test_a_decision_is_over_at_its_instant_and_the_one_before_it_does_not_come_back(
    warehouse: DuckDBWarehouse,
) -> None:
    record(warehouse, HOLD, replace(HOLD, ruling=Ruling.ACCEPT, until=RECORDED + timedelta(hours=1)))
    assert [found.ruling for found in in_force(warehouse).values()] == [Ruling.ACCEPT]
    assert in_force(warehouse, NOW + timedelta(hours=1)) == {}


def test_one_id_on_two_dates_is_decided_about_apart(warehouse: DuckDBWarehouse) -> None:
    played = replace(CORRECT, game_date=LATER_DAY)
    record(warehouse, HOLD, played, replace(RELEASE, game_date=DAY))
    assert in_force(warehouse) == {(LATER_DAY, GAME): played}


def test_what_is_decided_travels_with_a_copy_of_the_warehouse() -> None:
    assert GAME_DECISIONS in copied_tables()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (replace(HOLD, decided_by=" "), "say who decides"),
        (replace(HOLD, reason=""), "say who decides"),
        (replace(HOLD, until=RECORDED), "2026-01-15 14:00 UTC is over already"),
        (replace(CORRECT, corrections={}), "a decision to correct names no value"),
        (replace(HOLD, corrections={"home_score": 3}), "a decision to hold takes no values"),
    ],
)  # fmt: skip
def test_a_decision_that_cannot_be_is_not_recorded(warehouse: DuckDBWarehouse, wrong: GameDecision, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        record(warehouse, wrong)
    assert in_force(warehouse) == {}


def test_a_decision_is_a_sentence() -> None:
    until = replace(CORRECT, until=RECORDED + timedelta(days=1))
    assert str(until) == (
        "Ann corrects game 18447073 of 2026-01-14 (home_score=101, 7.points=12) until 2026-01-16 14:00 UTC: "
        "the league is looking into it"
    )
    assert str(HOLD).startswith("Ann holds game 18447073 of 2026-01-14 until it is released: ")


def test_the_hash_of_a_date_follows_what_is_decided_about_its_games_and_nothing_else() -> None:
    of = {found.key: found for found in (HOLD, replace(CORRECT, game_date=LATER_DAY))}
    assert decision_hash(of, DAY + timedelta(days=1)) == "-"
    alone = decision_hash({HOLD.key: HOLD}, DAY)
    assert decision_hash(of, DAY) == alone
    assert decision_hash({HOLD.key: replace(HOLD, recorded_at=RECORDED + timedelta(days=3))}, DAY) == alone
    assert decision_hash({HOLD.key: CORRECT}, DAY) != alone
    turned = replace(CORRECT, corrections=dict(reversed([*CORRECT.corrections.items()])))
    assert decision_hash({HOLD.key: turned}, DAY) == decision_hash({HOLD.key: CORRECT}, DAY)


def test_a_correction_alters_the_values_that_it_names_of_its_own_game() -> None:
    rows = [row(7), row(8), row(7) | {"game_id": OTHER}, row(7) | {"game_date": LATER_DAY}]
    assert corrected_game(RECORD, CORRECT, games.CONTRACT) == RECORD | {"home_score": 101}
    assert corrected_rows(rows, CORRECT, player_box_scores.CONTRACT) == [row(7, points=12), *rows[1:]]
    assert rows[0] == row(7), "what it was given stays"


def test_the_players_sum_is_taken_after_their_rows_were_corrected() -> None:
    both = replace(CORRECT, corrections={"players_sum": True, "player:7": {"points": 30}})
    rows = corrected_rows([row(7), row(8), row(9, "NYK", 25)], both, player_box_scores.CONTRACT)
    summed = corrected_game(RECORD, both, games.CONTRACT, rows)
    assert (summed["home_score"], summed["visitor_score"]) == (40, 25)
    assert corrected_game(RECORD, both, games.CONTRACT) == RECORD, "without the rows nothing is known of their sum"
    with pytest.raises(ValueError, match="NYK has no row, its sum is not known"):
        corrected_game(RECORD, both, games.CONTRACT, rows[:2])
    with pytest.raises(ValueError, match="BKN has a row without points"):
        corrected_game(RECORD, both, games.CONTRACT, [*rows, row(10, points=None)])


def test_of_a_player_under_both_teams_one_row_is_left_out() -> None:
    twice = [row(7), row(7, "NYK"), row(8)]
    unclear = replace(CORRECT, corrections={"player:7": {"points": 3}})
    with pytest.raises(ValueError, match="player 7 has 2 rows, say which: 7/BKN, 7/NYK"):
        corrected_rows(twice, unclear, player_box_scores.CONTRACT)
    clear = replace(CORRECT, corrections={"player:7/NYK": None})
    assert corrected_rows(twice, clear, player_box_scores.CONTRACT) == [row(7), row(8)]


@pytest.mark.parametrize(
    ("corrections", "said"),
    [
        ({"home_scores": 3}, "raw.games has no home_scores that can be set; did you mean home_score?"),
        ({"zzz": 3}, "raw.games has no zzz that can be set; these can be set: status, "),
        ({"game_id": 3}, "raw.games has no game_id that can be set"),
        ({"home_score": 251}, "home_score is 251; it lies between 1 and 250 points"),
        ({"home_score": "101"}, "home_score is '101'; it is a whole number"),
        ({"home_score": 10.5}, "home_score is 10.5; it is a whole number"),
        ({"home_score": True}, "home_score is True; it is a whole number"),
        ({"status": "over"}, "status is 'over'; it is one of "),
        ({"tipoff_at": "soon"}, "tipoff_at is 'soon'; it is an instant such as"),
        ({"player:7": {"point": 3}}, "raw.player_box_scores has no point that can be set; did you mean points?"),
        ({"player:7": {"team_id": 3}}, "raw.player_box_scores has no team_id that can be set"),
        ({"player:7": {"points": None}}, "player 7: points is never empty"),
        ({"player:7": {"minutes": 71}}, "player 7: minutes is 71.0; it lies between 0 and 70 min"),
        ({"player:7": {"minutes": float("nan")}}, "minutes is nan; it lies between"),
        ({"player:Doncic": {"points": 3}}, "player:Doncic names no player"),
        ({"player:7": 12}, "player:7 is 12; it names columns with their values, or is null"),
        ({"player:7/": None}, "player:7/ names no player"),
        ({"player:70": {"points": 3}}, "player 70 has no row in it; these have: 7/BKN, 8/NYK"),
        ({"player:7/NYK": None}, "player 7/NYK has no row in it; these have: 7/BKN, 8/NYK"),
        ({"players_sum": 100}, "players_sum is true or is not there"),
        ({"players_sum": True, "home_score": 100}, "the score is the players' sum, or it is set: not both"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_the_right_spelling(corrections: dict[str, Any], said: str) -> None:
    wrong = replace(CORRECT, corrections=corrections)
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        refuse_corrections(wrong, games.CONTRACT, player_box_scores.CONTRACT, [row(7), row(8, "NYK")], RECORD)
    assert said in str(refused.value)


def test_values_are_kept_as_their_columns_hold_them() -> None:
    values = {"tipoff_at": "2026-01-14T19:30-05:00", "postseason": False, "visitor_score": 88.0, "status_text": None}
    found = corrected_game(RECORD, replace(CORRECT, corrections=values), games.CONTRACT)
    assert found["tipoff_at"] == datetime(2026, 1, 15, 0, 30)
    assert (found["visitor_score"], type(found["visitor_score"])) == (88, int)
    (mine,) = corrected_rows([row(7)], replace(CORRECT, corrections={"player:7": {"minutes": 31}}),
                             player_box_scores.CONTRACT)  # fmt: skip
    assert (mine["minutes"], type(mine["minutes"])) == (31.0, float)
