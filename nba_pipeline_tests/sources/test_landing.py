"""What an answer says about each date, and that bytes which are known are not stored twice."""

import gzip
import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nba_pipeline.sources.balldontlie import parse_games, parse_stats
from nba_pipeline.sources.contents import LEFT, contents
from nba_pipeline.sources.errors import DamagedLandingError
from nba_pipeline.sources.landing import CAPTURE_FILE, KNOWN_FOR, Capture, Landing
from nba_pipeline_tests.support.api_items import game
from nba_pipeline_tests.support.captures import DAY, HOUR, NEXT, NOW, land, of


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


# what is said about a date


def test_an_answer_about_many_dates_says_of_each_what_an_answer_about_it_alone_says(landing):
    alone = land(landing, [of(DAY), of(DAY, player_id=8)])
    among = land(landing, [of(NEXT), of(DAY, player_id=8)], [of(DAY)], last=NEXT, at=NOW + HOUR)
    assert alone.about(DAY) == among.about(DAY)
    assert landing.telling("stats", DAY) == [alone]
    assert landing.telling("stats", NEXT) == [among]


def land_left(landing: Landing, body: object, listed: list, hours: int = 0, stood: date = DAY) -> Capture:
    """An answer about two dates with what the source says of game 3 by its id, which stood on one of them."""
    writer = landing.begin("games", DAY, NEXT, NOW + hours * HOUR)
    writer.add_page(json.dumps({"data": listed, "meta": {}}).encode(), {}, NOW)
    left = [{"game_id": 3, "game_date": str(stood)}]
    writer.add_page(body if isinstance(body, bytes) else json.dumps(body).encode(), {LEFT: left}, NOW)
    return writer.commit()


MOVED = {"data": game(date="2024-03-20")}


def test_what_is_said_of_one_game_by_its_id_is_news_about_the_dates_it_stood_on_and_no_other(landing):
    tomorrows = game(id=4, date=str(NEXT))
    first = land_left(landing, MOVED, [tomorrows])
    assert first.said is not None
    again = land_left(landing, MOVED, [tomorrows | {"period": 3}], hours=1)
    assert (first.about(DAY) == again.about(DAY), first.about(NEXT) == again.about(NEXT)) == (True, False)
    gone = land_left(landing, {"error": "Not Found"}, [tomorrows], hours=2)
    assert (first.about(DAY) == gone.about(DAY), first.about(NEXT) == gone.about(NEXT)) == (False, True)
    unanswered = land_left(landing, b"", [tomorrows], hours=3)
    assert unanswered.about(DAY) not in (first.about(DAY), gone.about(DAY))
    assert unanswered.about(NEXT) == gone.about(NEXT)


def test_an_answer_about_one_game_that_cannot_be_read_may_be_about_any_date(landing):
    first = land_left(landing, MOVED, [])
    odd = land_left(landing, {"data": game(season=None)}, [], hours=1)
    assert odd.about(NEXT) != first.about(NEXT)


def test_a_correction_on_one_date_is_news_about_no_other(landing):
    first = land(landing, [of(DAY), of(NEXT)], last=NEXT)
    second = land(landing, [of(DAY), of(NEXT, points=21)], last=NEXT, at=NOW + HOUR)
    assert landing.latest("stats", DAY) == second
    assert landing.telling("stats", DAY) == [first]
    assert landing.telling("stats", NEXT) == [first, second]


def test_what_is_taken_back_is_news_again(landing):
    answers = [land(landing, [of(DAY, points)], at=NOW + n * HOUR) for n, points in enumerate([20, 21, 21, 20, 20])]
    assert landing.telling("stats", DAY) == [answers[0], answers[1], answers[3]]


def test_a_date_of_which_nothing_is_said_any_more_is_news(landing):
    captures = [land(landing, items, last=NEXT, at=NOW + n * HOUR) for n, items in enumerate([[of(DAY)], [], []])]
    assert landing.telling("stats", DAY) == captures[:2]
    assert landing.telling("stats", NEXT) == captures[:1]


@pytest.mark.parametrize("odd", ["words", None, {}, {"game": None}, {"game": {"date": "soon"}}], ids=str)
def test_an_item_of_no_date_may_be_about_any(landing, odd):
    captures = [
        land(landing, items, last=NEXT, at=NOW + n * HOUR) for n, items in enumerate([[of(DAY)], [of(DAY), odd]])
    ]
    assert landing.telling("stats", DAY) == landing.telling("stats", NEXT) == captures


def test_of_snapshots_of_now_each_one_tells(landing):
    captures = [land(landing, [{"id": 1}], endpoint="player_injuries", at=NOW + n * HOUR) for n in range(3)]
    assert landing.telling("player_injuries", DAY) == captures


def without_notes(landing: Landing, capture: Capture, tmp_path: Path) -> None:
    """Makes a capture one that an earlier version landed."""
    path = tmp_path / capture.key / "capture.json"
    content = json.loads(path.read_text())
    assert "same_as" not in str(content)
    path.write_text(json.dumps({name: value for name, value in content.items() if name != "said"}))


def test_answers_that_were_landed_before_this_was_noted_say_the_same(landing, tmp_path):
    old = land(landing, [of(DAY), of(NEXT)], last=NEXT)
    without_notes(landing, old, tmp_path)
    land(landing, [of(DAY)], at=NOW + HOUR)
    [read] = landing.telling("stats", DAY)
    assert (read, read.said) == (old, None)
    assert [read.about(day) for day in (DAY, NEXT)] == [old.about(day) for day in (DAY, NEXT)]


def test_an_old_answer_that_cannot_be_read_stands_for_itself(landing, tmp_path):
    old = land(landing, [of(DAY)])
    without_notes(landing, old, tmp_path)
    (tmp_path / old.pages[0].key).write_bytes(b"other")
    new = land(landing, [of(DAY)], [of(NEXT)], last=NEXT, at=NOW + HOUR)
    assert landing.telling("stats", DAY) == [old, new]


@given(st.permutations([of(DAY), of(DAY, 21, 8), of(NEXT), of(NEXT, 22, 9), {"game": {}}]))
def test_the_order_of_the_items_says_nothing(items):
    assert contents("stats", items) == contents("stats", sorted(items, key=json.dumps))


def test_games_say_their_date_themselves():
    assert set(contents("games", [game(), game(date="2024-01-18")])) == {"2024-01-17", "2024-01-18", "otherwise"}


# bytes that are known


def bodies(tmp_path: Path) -> int:
    return len(list(tmp_path.rglob("page-*.json.gz")))


def test_bytes_that_are_known_are_not_stored_twice_and_read_as_ever(landing, tmp_path):
    first = land(landing, [of(DAY)], [of(DAY, 21, 8)])
    second = land(landing, [of(DAY)], [of(DAY, 22, 8)], at=NOW + HOUR)
    third = land(landing, [of(DAY)], [of(DAY, 22, 8)], at=NOW + 2 * HOUR)
    assert bodies(tmp_path) == 3
    assert [page.key for page in third.pages] == [first.pages[0].key, second.pages[1].key]
    assert third.fingerprint == second.fingerprint != first.fingerprint
    for capture in landing.captures("stats", DAY):
        assert len([page.body() for page in capture.pages]) == 2
        assert len(list((tmp_path / capture.key).glob("page-*.request.json"))) == 2


def test_a_list_of_now_is_known_whatever_the_date_that_it_is_wanted_for(landing, tmp_path):
    for number in range(3):
        day = DAY + timedelta(days=number)
        land(landing, [{"id": 1}], endpoint="players/active", first=day, last=day, at=NOW + number * HOUR)
    assert bodies(tmp_path) == 1


def test_known_bytes_that_are_damaged_are_stored_again(landing, tmp_path):
    first = land(landing, [of(DAY)])
    (tmp_path / first.pages[0].key).write_bytes(gzip.compress(b"other"))
    second = land(landing, [of(DAY)], at=NOW + HOUR)
    assert second.pages[0].key.startswith(second.key)
    assert second.pages[0].body()


def test_what_is_older_than_a_clean_up_may_spare_is_stored_again(landing, tmp_path):
    land(landing, [of(DAY)])
    land(landing, [of(DAY)], at=NOW + KNOWN_FOR + HOUR)
    assert bodies(tmp_path) == 2


def test_a_page_whose_file_is_gone_names_the_folder_to_move_away(landing, tmp_path):
    first = land(landing, [of(DAY)])
    second = land(landing, [of(DAY)], at=NOW + HOUR)
    (tmp_path / first.pages[0].key).unlink()
    with pytest.raises(DamagedLandingError, match=f"Move {tmp_path / second.key} away"):
        second.pages[0].body()


def test_a_capture_whose_note_is_damaged_names_the_folder_to_move_away(landing, tmp_path):
    capture = land(landing, [of(DAY)])
    note = tmp_path / capture.key / CAPTURE_FILE
    whole = note.read_bytes()
    note.write_bytes(whole[:-20])
    with pytest.raises(DamagedLandingError, match=f"{note} is damaged .* Move its folder away and fetch the dates"):
        Landing(tmp_path).latest("stats", DAY)
    note.parent.rename(tmp_path / "away")
    assert Landing(tmp_path).latest("stats", DAY) is None
    again = land(Landing(tmp_path), [of(DAY)])
    assert Landing(tmp_path).latest("stats", DAY) == again


def test_a_landed_body_that_is_no_page_names_the_folder_to_move_away(landing, tmp_path):
    writer = landing.begin("stats", DAY, DAY, NOW)
    writer.add_page(b"[]", {}, NOW)
    capture = writer.commit()
    with pytest.raises(
        DamagedLandingError, match=f"{tmp_path}/{capture.key}.* is no page of a list: .* Move its folder"
    ):
        parse_stats(capture)


def test_a_note_of_what_was_asked_that_is_damaged_names_the_folder_to_move_away(landing, tmp_path):
    capture = land(landing, [of(DAY)])
    [note] = (tmp_path / capture.key).glob("*request*")
    note.write_text("{")
    with pytest.raises(DamagedLandingError, match=f"{note} is damaged .* Move its folder away and fetch the dates"):
        capture.request(0)


def test_a_landed_body_about_one_game_that_is_none_names_the_folder_to_move_away(landing, tmp_path):
    writer = landing.begin("games", DAY, DAY, NOW)
    writer.add_page(b'{"data": [], "meta": {}}', {}, NOW)
    writer.add_page(b'{"data": 7}', {LEFT: []}, NOW)
    capture = writer.commit()
    with pytest.raises(
        DamagedLandingError, match=f"{tmp_path}/{capture.key}.* is no answer about one game: .* Move its folder away"
    ):
        parse_games(capture)


def test_an_answer_that_is_no_page_is_known_of_nobody(landing, tmp_path):
    writer = landing.begin("stats", DAY, DAY, NOW)
    writer.add_page(b"broken", {}, NOW)
    writer.reject_last_page()
    writer.add_page(b'{"data": [], "meta": {}}', {}, NOW)
    capture = writer.commit()
    assert [page.body() for page in capture.pages] == [b'{"data": [], "meta": {}}']
    assert [path.name for path in (tmp_path / capture.key).glob("rejected-*.gz")] == ["rejected-0001.json.gz"]


def test_the_first_date_that_was_asked_about_is_known_without_an_answer(landing):
    assert landing.first_asked("stats", DAY) is None
    land(landing, [], first=NEXT, last=NEXT)
    land(landing, [], first=DAY - timedelta(days=30), last=DAY - timedelta(days=20))
    assert landing.first_asked("stats", DAY) == NEXT
    assert landing.first_asked("stats", DAY - timedelta(days=25)) == DAY - timedelta(days=25)


# looking at a folder


def test_the_landing_as_it_is_stays_as_it_was_and_the_landing_itself_goes_on(landing):
    seen = landing.as_it_is()
    before = land(landing, [of(DAY)])
    assert seen.telling("stats", DAY) == [before]
    later = land(landing, [of(DAY, player_id=8)], last=NEXT, at=NOW + HOUR)
    assert seen.telling("stats", DAY) == [before]
    assert landing.telling("stats", DAY) == [before, later]


def test_what_is_unfinished_or_not_there_is_no_file_and_what_cannot_be_looked_at_is_said(landing, tmp_path):
    assert landing.store.keys("no/such/place") == []
    assert landing.store.folders("no/such/place") == []
    landing.store.write("a/b/whole", b"")
    (tmp_path / "a" / "b" / "half.unfinished").write_bytes(b"")
    assert landing.store.keys("a") == ["a/b/whole"]
    with pytest.raises(NotADirectoryError):
        landing.store.keys("a/b/whole")
