"""An answer can be odd in every way in which the network and the source have been seen to be odd."""

import gzip
import json
import zlib
from datetime import UTC, datetime, timedelta

import pytest
import requests

from nba_pipeline.league.faults import FAULTS, FaultError
from nba_pipeline.league.server import LeagueServer
from nba_pipeline_tests.support.league_questions import AFTER, DAY, KEY, ask, first_game

DECODED = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "byte_order_mark": lambda body: body.removeprefix(b"\xef\xbb\xbf"),
    "utf-16": lambda body: body.decode("utf-16").encode(),
}


def bytes_of(server: LeagueServer, endpoint: str) -> tuple[bytes, requests.Response]:
    """The body as it was sent, with nothing undone."""
    headers = {**KEY, "Accept-Encoding": "identity"}
    params = {"dates[]": DAY, "per_page": 100}
    with requests.get(f"{server.url}/v1/{endpoint}", params=params, headers=headers, timeout=10, stream=True) as answer:
        return answer.raw.read(decode_content=False), answer


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("how", DECODED)
def test_a_body_comes_in_another_encoding_than_was_asked_for(struck, how, labelled):
    plain, _ = bytes_of(struck(), "games")
    body, answer = bytes_of(struck({"kind": "encoding", "how": how, "labelled": labelled}), "games")
    assert body != plain
    assert json.loads(DECODED[how](body)) == json.loads(plain)
    told = how if how in ("gzip", "deflate") else None
    assert answer.headers.get("Content-Encoding") == (told if labelled else None)


@pytest.mark.parametrize("labelled", [True, False])
def test_names_can_come_in_latin_1(struck, labelled):
    server = struck({"kind": "encoding", "how": "latin-1", "endpoint": "players/active", "labelled": labelled})
    body, answer = bytes_of(server, "players/active")
    with pytest.raises(UnicodeDecodeError):
        body.decode()
    assert any(letter in json.loads(body.decode("latin-1"))["data"][0]["last_name"] for letter in "áéíóú")
    assert ("iso-8859-1" in answer.headers["Content-Type"]) is labelled


def test_what_latin_1_lacks_stays_an_escape(struck, league):
    rule = {"kind": "odd_decoration", "field": "last_name", "value": "Dončić"}
    server = struck(rule, {"kind": "encoding", "how": "latin-1"})
    body, _ = bytes_of(server, "players/active")
    assert json.loads(body.decode("latin-1"))["data"][0]["last_name"] == "Dónčíć"


def test_a_firewall_answers_with_a_page_for_browsers(struck):
    server = struck({"kind": "challenge", "endpoint": "games", "times": 1})
    answer = ask(server, "games")
    assert answer.status_code == 403
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<!DOCTYPE html>")
    assert ask(server, "games").status_code == 200


@pytest.mark.parametrize("code", [403, 408, 425])
def test_a_refusal_can_pass(struck, code):
    server = struck({"kind": "status", "code": code, "endpoint": "games", "times": 1})
    assert [ask(server, "games").status_code for _ in range(2)] == [code, 200]


def test_nothing_at_all_answers_in_silent_days(struck, league):
    since, until = AFTER, AFTER + timedelta(days=5)
    server = struck({"kind": "silent_days", "since": since.isoformat(), "until": until.isoformat()})
    asked = ("games", "stats", "teams", "players/active", f"games/{first_game(league)}", "games/1", "stats?cursor=x")
    for instant in (since, until - timedelta(seconds=1)):
        server.clock.fixed = instant
        for endpoint in asked:
            with pytest.raises(requests.exceptions.RequestException):
                ask(server, endpoint)
    assert server.struck == {0: 2 * len(asked)}
    for instant in (since - timedelta(seconds=1), until):
        server.clock.fixed = instant
        assert ask(server, "games").status_code == 200
        assert ask(server, "games/1").status_code == 404


def test_what_is_not_found_stays_so_whatever_happens_to_its_body(struck):
    server = struck({"kind": "malformed_json", "endpoint": "games"}, {"kind": "cursor", "how": "text"})
    answer = ask(server, "games/1")
    assert answer.status_code == 404
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()
    assert ask(server, "games", cursor="x").status_code == 400


def test_any_fault_of_answers_can_last_from_one_instant_to_another(struck):
    window = {"since": AFTER.isoformat(), "until": (AFTER + timedelta(hours=1)).isoformat()}
    server = struck({"kind": "status", "code": 503, **window}, now=AFTER - timedelta(minutes=1))
    statuses = []
    for instant in (AFTER - timedelta(minutes=1), AFTER, AFTER + timedelta(hours=1)):
        server.clock.fixed = instant
        statuses.append(ask(server, "games").status_code)
    assert statuses == [200, 503, 200]


def pages(server: LeagueServer, most: int) -> list[dict]:
    found, cursor = [], None
    while len(found) < most and (not found or cursor is not None):
        more = {} if cursor is None else {"cursor": cursor}
        found.append(ask(server, "stats", per_page=50, **more).json())
        cursor = found[-1]["meta"].get("next_cursor")
    return found


@pytest.mark.parametrize(("how", "begins"), [("text", "after-"), ("digits", "")])
def test_a_cursor_in_another_form_leads_through_all_pages(struck, how, begins):
    plain = pages(struck(), 99)
    found = pages(struck({"kind": "cursor", "how": how}), 99)
    assert [page["data"] for page in found] == [page["data"] for page in plain]
    cursors = [page["meta"]["next_cursor"] for page in found[:-1]]
    assert cursors == [f"{begins}{page['meta']['next_cursor']}" for page in plain[:-1]]


@pytest.mark.parametrize("forms", [[], ["text"], ["digits"]])
def test_a_cursor_that_repeats_never_leaves_the_page(struck, forms):
    server = struck(*({"kind": "cursor", "how": how} for how in ("repeats", *forms)))
    found = pages(server, 6)
    assert len(found) == 6
    assert len({page["meta"]["next_cursor"] for page in found}) == 1
    assert {page["data"][0]["id"] for page in found} == {found[0]["data"][0]["id"]}


@pytest.mark.parametrize("forms", [[], ["text"], ["digits"]])
def test_an_endless_cursor_is_new_on_every_page_and_no_page_is_empty(struck, forms):
    whole = pages(struck(), 99)
    server = struck(*({"kind": "cursor", "how": how} for how in ("endless", *forms)))
    found = pages(server, 3 * len(whole))
    assert len(found) == 3 * len(whole)
    assert [page["data"] for page in found] == 3 * [page["data"] for page in whole]
    cursors = [page["meta"]["next_cursor"] for page in found]
    assert len(set(cursors)) == len(cursors)
    if not forms:
        assert cursors == sorted(cursors)


@pytest.mark.parametrize(
    ("field", "value"), [("height", "6'7\""), ("height", "211cm"), ("first_name", None), ("weight", "95,5")]
)
def test_the_decoration_of_one_player_can_be_odd_wherever_he_is_named(struck, league, field, value):
    row = league.box[league.box["game_id"] == first_game(league)].iloc[0]
    player = int(row["player_id"])
    server = struck({"kind": "odd_decoration", "field": field, "value": value, "player_ids": [player]})
    for endpoint in ("players", "players/active"):
        shown = {
            item["id"]: item[field] for item in ask(server, endpoint, **{"team_ids[]": row["team_id"]}).json()["data"]
        }
        assert shown.pop(player, value) == value
        assert value not in shown.values()
    rows = ask(server, "stats", **{"game_ids[]": first_game(league)}).json()["data"]
    assert [item["player"][field] for item in rows].count(value) == 1
    boxes = requests.get(f"{server.url}/v1/box_scores", params={"date": DAY}, headers=KEY, timeout=10).json()["data"]
    told = [line["player"] for box in boxes for side in ("home_team", "visitor_team") for line in box[side]["players"]]
    assert [item["id"] for item in told if item[field] == value] == [player]


def test_the_decoration_of_all_players_can_be_odd(struck):
    server = struck({"kind": "odd_decoration", "field": "position", "value": None, "endpoint": "players/active"})
    assert {item["position"] for item in ask(server, "players/active").json()["data"]} == {None}
    assert None not in {item["position"] for item in ask(server, "players").json()["data"]}


@pytest.mark.parametrize("word", ["Inactive", "Not With Team", "DTD", None])
def test_the_injury_list_can_use_any_word(struck, word):
    calm = {item["player"]["id"]: item["status"] for item in ask(struck(), "player_injuries").json()["data"]}
    one = next(iter(calm))
    server = struck({"kind": "injury_word", "status": word, "player_ids": [one]})
    told = {item["player"]["id"]: item["status"] for item in ask(server, "player_injuries").json()["data"]}
    assert told == {**calm, one: word}
    everybody = struck({"kind": "injury_word", "status": word})
    assert {item["status"] for item in ask(everybody, "player_injuries").json()["data"]} == {word}


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            {"kind": "odd_decoration", "value": "x", "player_ids": [999_999]},
            r"players \[999999\] are not in this league",
        ),
        ({"kind": "injury_word", "status": "x", "player_ids": [999_999]}, r"players \[999999\] are not in this league"),
    ],
)
def test_an_odd_answer_about_nobody_is_refused_with_its_rule(league, rule, message):
    rules = FAULTS.validate_python([{"kind": "empty"}, rule])
    with pytest.raises(FaultError, match=f"rule 1: {message}"):
        LeagueServer(league, now=datetime(2026, 1, 5, tzinfo=UTC), faults=rules)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"kind": "silent_days", "until": "2025-12-08T05:00:00Z"}, "since"),
        ({"kind": "silent_days", "since": "2025-12-08T05:00:00Z", "until": "2025-12-08T05:00:00Z"}, "not after since"),
        ({"kind": "encoding", "how": "br"}, "how"),
        ({"kind": "injury_word", "status": "DTD", "endpoint": "games"}, "endpoint"),
        ({"kind": "odd_decoration", "field": "pts", "value": 1}, "field"),
    ],
)
def test_an_odd_answer_that_cannot_be_is_refused(rule, message):
    with pytest.raises(ValueError, match=message):
        FAULTS.validate_python([rule])
