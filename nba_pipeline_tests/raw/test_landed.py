"""What a landed answer says about the dates of a run, what is set aside of it, and who is told."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from nba_pipeline.raw.parsing.landed import MOST_TOLD, Landed, read_landed, tell
from nba_pipeline.raw.players import in_two_teams, players
from nba_pipeline.sources.balldontlie import parse_active_players, parse_games, parse_stats
from nba_pipeline.sources.landing import Landing
from nba_pipeline_tests.support.api_items import game, player, stat

DAY = date(2024, 1, 17)
NEXT = DAY + timedelta(days=1)
NOW = datetime(2024, 1, 18, 12, tzinfo=UTC)


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


@pytest.fixture
def told() -> list[str]:
    return []


def land(landing: Landing, endpoint: str, *items: object, last: date = DAY) -> None:
    writer = landing.begin(endpoint, DAY, last, NOW)
    writer.add_page(json.dumps({"data": items, "meta": {}}).encode(), {}, NOW)
    writer.commit()


def of_game(game_id: int, day: date, player_id: int) -> dict:
    return stat(game={"id": game_id, "date": str(day), "season": 2023}, player=player(id=player_id))


def test_a_game_of_another_date_is_set_aside_and_told_and_refuses_nothing(landing, told):
    land(landing, "games", game(id=3), game(id=4, date="2024-02-20"))
    found = read_landed(landing, "games", [DAY], parse_games, warn=told.append)
    assert [record.game_id for record in found.records] == [3]
    assert found.refused == {}
    [(day, reason, raw)] = found.rejected
    assert (day, json.loads(raw)["game_id"]) == (DAY, 4)
    assert reason == "asked about 2024-01-17, /games answered with game 4 of 2024-02-20, which is left out"
    assert told == [f"{reason} and is in operations.quarantine"]


def test_the_rows_of_a_game_of_another_date_are_told_once_with_their_number(landing, told):
    land(landing, "stats", of_game(3, DAY, 1), *(of_game(4, NEXT, number) for number in range(5)))
    found = read_landed(landing, "stats", [DAY], parse_stats, warn=told.append)
    assert (len(found.records), len(found.rejected), found.refused) == (1, 5, {})
    [sentence] = told
    assert "game 4 of 2024-01-18" in sentence
    assert sentence.endswith("(5 times)")


def test_what_was_asked_for_and_is_not_of_this_run_is_no_stranger(landing, told):
    land(landing, "games", game(id=3), game(id=4, date=str(NEXT)), last=NEXT)
    found = read_landed(landing, "games", [NEXT], parse_games, warn=told.append)
    assert [record.game_id for record in found.records] == [4]
    assert (found.rejected, told) == ([], [])


ROSTER = [player(id=number, height=height) for number, height in enumerate(["6-11", "6'7\"", "211cm", "tall"])]


def everybody(landing: Landing, told: list[str], *items: object) -> Landed:
    land(landing, "players/active", *items, last=NEXT)
    return read_landed(landing, "players/active", [DAY, NEXT], parse_active_players, warn=told.append, dated=False)


def test_one_odd_height_of_the_list_of_everybody_refuses_no_date(landing, told):
    found = everybody(landing, told, *ROSTER)
    assert [record.height_inches for record in found.records] == [83, 79, 83, None]
    assert (found.refused, found.rejected) == ({}, [])
    assert told == ["the height 'tall' of Nikola Jokić (3) cannot be read; it is left out"]


@pytest.mark.parametrize("item", [player(id=None), player(id="x"), player(team={"id": 1}), "words", None, {}], ids=str)
def test_a_player_who_cannot_be_read_at_all_is_set_aside_and_the_others_go_on(landing, told, item):
    found = everybody(landing, told, *ROSTER[:2], item)
    assert [record.player_id for record in found.records] == [0, 1]
    assert found.refused == {}
    assert [(day, json.loads(raw)) for day, _, raw in found.rejected] == [(DAY, item), (NEXT, item)]
    [sentence] = told
    assert "item 2 cannot be read and is in operations.quarantine: " in sentence


def test_a_box_score_that_cannot_be_read_still_refuses_its_date(landing, told):
    land(landing, "stats", of_game(3, DAY, 1), of_game(4, NEXT, 2) | {"pts": None}, last=NEXT)
    found = read_landed(landing, "stats", [DAY, NEXT], parse_stats, warn=told.append)
    assert list(found.refused) == [NEXT]


def test_a_box_score_that_cannot_be_read_refuses_no_other_date_of_its_answer(landing, told):
    land(landing, "stats", of_game(3, DAY, 1), of_game(4, NEXT, 2) | {"pts": None}, last=NEXT)
    found = read_landed(landing, "stats", [DAY], parse_stats, warn=told.append)
    assert (found.refused, found.rejected, told) == ({}, [], [])


NO_GAME = {"game": {"id": 4, "date": None, "season": 2023}}
NO_GAME_AND_NO_TEAM = {"game": None, "team": None}


@pytest.mark.parametrize(("gone", "refuses"), [({}, True), (NO_GAME, True), (NO_GAME_AND_NO_TEAM, False)], ids=str)
def test_a_box_score_of_nobody_is_told_and_refuses_nothing(landing, told, gone, refuses):
    land(landing, "stats", of_game(3, DAY, 1), of_game(4, DAY, 2) | {"pts": None} | gone)
    found = read_landed(landing, "stats", [DAY], parse_stats, warn=told.append)
    assert ([*found.refused], len(found.rejected), len(told)) == ([DAY] if refuses else [], 1, 0 if refuses else 1)
    assert [(item.game_id, item.team_id) for item in found.unreadable] == ([(4, 1)] if refuses else [])


def test_an_undated_box_score_of_a_month_refuses_no_date_of_it(landing, told):
    land(landing, "stats", of_game(3, DAY, 1), of_game(4, NEXT, 2) | NO_GAME, last=NEXT)
    found = read_landed(landing, "stats", [DAY, NEXT], parse_stats, warn=told.append)
    assert (found.refused, found.unreadable) == ({}, [])
    assert [day for day, _, _ in found.rejected] == [DAY]
    [sentence] = told
    assert "cannot be read and is in operations.quarantine" in sentence


def games_of(landing: Landing, told: list[str], *items: object, last: date = DAY) -> Landed:
    land(landing, "games", *items, last=last)
    days = [DAY + timedelta(days=n) for n in range((last - DAY).days + 1)]
    return read_landed(landing, "games", days, parse_games, warn=told.append, refuses=False)


BROKEN = {"season": None, "postseason": "no"}


def test_a_date_of_which_no_game_can_be_read_is_refused_for_a_format_changed_and_no_game_broke(landing, told):
    on_next = {"date": str(NEXT)}
    found = games_of(
        landing, told, game(id=3), game(id=4, **BROKEN), *(game(id=n, **BROKEN | on_next) for n in (5, 6)), last=NEXT
    )
    assert list(found.refused) == [NEXT]
    [reason] = found.refused[NEXT]
    assert reason.startswith("none of 2 items about it can be read: ")


def test_a_date_whose_only_game_cannot_be_read_is_refused_where_nothing_else_can_be(landing, told):
    assert games_of(landing, told, game(id=3, **BROKEN)).refused == {}
    assert list(games_of(landing, told, game(id=None)).refused) == [DAY], "or the date would have no games"


@pytest.mark.parametrize("changed", [{"date": "17.1.2024"}, {"id": None}, {"season": None}], ids=str)
def test_an_answer_in_another_format_refuses_all_its_dates_and_is_no_empty_one(landing, told, changed):
    items = [game(id=n, date=str(DAY + timedelta(days=n)), **BROKEN) | changed for n in range(3)]
    found = games_of(landing, told, *items, last=DAY + timedelta(days=5))
    assert len(found.refused) == 6


def test_a_player_who_is_listed_twice_is_one_and_two_teams_are_told(landing, told):
    moved = player(id=1, team={"id": 9, "abbreviation": "MIA"})
    found = everybody(landing, told, *ROSTER[:2], ROSTER[0], moved)
    listed = list(zip(found.records, found.captured, strict=True))
    rows = players(listed, found.days_of, {DAY: frozenset([8, 9])}).to_pylist()
    assert [(row["player_id"], row["team"]) for row in rows] == [(0, "DEN"), (1, "MIA")]
    assert in_two_teams(listed) == [
        "Nikola Jokić (1) is on the rosters of DEN and MIA; the second counts, which was listed last"
    ]


def test_of_many_warnings_the_first_are_named_and_the_others_counted(told):
    tell([f"thing {number}" for number in range(MOST_TOLD + 7)], told.append)
    assert len(told) == MOST_TOLD + 1
    assert told[-1] == "and 7 more of this kind"
