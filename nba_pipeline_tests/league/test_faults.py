"""Every kind of fault is seen over the wire, and a fault file that is wrong says where."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from nba_pipeline.league.faults import FAULTS, FaultBook, FaultError, FaultFileError, StatusFault, read_faults
from nba_pipeline.league.server import LeagueServer
from nba_pipeline_tests.support.league_questions import AFTER, DAY, ask, first_game


def test_a_status_strikes_as_often_as_it_says(struck):
    server = struck({"kind": "status", "code": 503, "endpoint": "stats", "times": 2, "retry_after": 7})
    answers = [ask(server, "stats") for _ in range(3)]
    assert [a.status_code for a in answers] == [503, 503, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert ask(server, "games").status_code == 200


def test_a_fault_strikes_only_its_date_and_its_requests(struck):
    server = struck(
        {"kind": "status", "code": 500, "game_date": DAY, "requests": [2]},
    )
    assert ask(server, "games", **{"dates[]": "2025-12-04"}).status_code == 200
    assert [ask(server, "games").status_code for _ in range(3)] == [200, 500, 200]


def test_a_truncated_body_is_shorter_than_announced(struck):
    server = struck({"kind": "truncated_body", "endpoint": "games"})
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
        ask(server, "games")


def test_a_time_out_says_nothing(struck):
    server = struck({"kind": "timeout", "endpoint": "games", "seconds": 3})
    with pytest.raises(requests.exceptions.RequestException):
        requests.get(f"{server.url}/v1/games", headers={"Authorization": "k"}, timeout=0.5)


def test_a_slow_drip_takes_its_time(struck):
    server = struck({"kind": "slow_drip", "endpoint": "teams", "bytes_per_second": 20_000})
    began = time.monotonic()
    assert len(ask(server, "teams").json()["data"]) == 30
    assert time.monotonic() - began > 0.1


def test_a_time_out_ends_with_a_closed_connection_and_no_byte_of_the_body(struck):
    server = struck({"kind": "timeout", "endpoint": "games", "seconds": 0.2})
    began = time.monotonic()
    with requests.get(f"{server.url}/v1/games", headers={"Authorization": "k"}, timeout=5, stream=True) as response:
        assert time.monotonic() - began >= 0.2
        with pytest.raises(requests.exceptions.RequestException):
            _ = response.content
    assert ask(server, "teams").status_code == 200


def test_a_request_without_dates_is_about_those_of_its_answer(struck, league):
    server = struck({"kind": "status", "code": 500, "game_date": DAY})
    game = first_game(league)
    other = int(league.games[league.games["game_date"] == date(2025, 12, 5)]["game_id"].iloc[0])

    def status(path: str) -> int:
        return requests.get(f"{server.url}/v1/{path}", headers={"Authorization": "k"}, timeout=10).status_code

    assert [status(f"games/{game}"), status(f"stats?game_ids[]={game}")] == [500, 500]
    assert [status(f"games/{other}"), status(f"stats?game_ids[]={other}"), status("teams")] == [200, 200, 200]
    assert status("games?start_date=2025-12-01&end_date=2025-12-04") == 500
    assert status("games?dates[]=2025-12-02&dates[]=2025-12-04") == 200


class SlowlyRead(StatusFault):
    """Lets other threads run between reading how often it struck and counting one more."""

    def __getattribute__(self, name: str) -> Any:
        if name == "times":
            time.sleep(0.0005)
        return super().__getattribute__(name)


def test_times_are_counted_over_requests_at_once():
    book = FaultBook([SlowlyRead(kind="status", code=503, times=7)])
    with ThreadPoolExecutor(8) as pool:
        strikes = pool.map(book.striking, ["teams"] * 80, [AFTER] * 80, [lambda _: True] * 80)
        assert sum(map(len, strikes)) == 7


def test_malformed_json_is_no_json(struck):
    server = struck({"kind": "malformed_json", "endpoint": "games"})
    response = ask(server, "games")
    assert response.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        response.json()


def test_fields_go_missing_and_come_new(struck):
    server = struck(
        {"kind": "missing_field", "endpoint": "stats", "field": "pts"},
        {"kind": "extra_field", "endpoint": "games", "field": "arena", "value": "dome"},
    )
    assert all("pts" not in row for row in ask(server, "stats").json()["data"])
    assert all(game["arena"] == "dome" for game in ask(server, "games").json()["data"])


def test_an_empty_answer_and_repeated_rows(struck):
    server = struck({"kind": "empty", "endpoint": "games"}, {"kind": "duplicate_rows", "endpoint": "stats", "count": 3})
    assert ask(server, "games").json() == {"data": [], "meta": {"per_page": 100}}
    ids = [row["id"] for row in ask(server, "stats").json()["data"]]
    assert ids[:3] == ids[3:6]


@pytest.mark.parametrize("source", ["games", "stats"])
def test_a_missing_game_is_absent_from_where_it_should_be(struck, league, source):
    game = first_game(league)
    server = struck({"kind": "missing_game", "game_id": game, "absent_from": [source]})
    games = {g["id"] for g in ask(server, "games").json()["data"]}
    rows = ask(server, "stats", **{"game_ids[]": game}).json()["data"]
    assert (game in games) is (source == "stats")
    assert bool(rows) is (source == "games")
    single = requests.get(f"{server.url}/v1/games/{game}", headers={"Authorization": "k"}, timeout=10)
    assert (single.status_code == 404) is (source == "games")


def test_a_missing_game_appears_when_it_should(struck, league):
    game, later = first_game(league), AFTER + timedelta(hours=3)
    rule = {"kind": "missing_game", "game_id": game, "absent_from": ["stats"], "appears_at": later.isoformat()}
    server = struck(rule)
    assert ask(server, "stats", **{"game_ids[]": game}).json()["data"] == []
    server.clock.fixed = later
    assert ask(server, "stats", **{"game_ids[]": game}).json()["data"]


def test_it_is_counted_how_many_answers_each_fault_changed(struck):
    server = struck(
        {"kind": "status", "code": 503, "endpoint": "stats", "game_date": "2025-12-04", "times": 2},
        {"kind": "status", "code": 503, "endpoint": "stats", "game_date": "2025-12-05", "times": 2},
        {"kind": "postponed_game", "game_date": DAY, "index": 1},
    )
    for day in ("2025-12-04", "2025-12-04", "2025-12-04", DAY):
        ask(server, "stats", **{"dates[]": day})
    ask(server, "games")
    assert server.struck == {0: 2, 2: 2}


@pytest.mark.parametrize(
    ("rule", "endpoint", "shows", "shows_no_more"),
    [
        ({"kind": "late_final", "hours": 3}, "games", timedelta(hours=3), timedelta(hours=8)),
        ({"kind": "stat_correction", "appears_at": "2025-12-04T08:00:00Z"}, "stats", timedelta(hours=3), None),
        ({"kind": "missing_game", "absent_from": ["stats"], "appears_at": "2025-12-04T08:00:00Z"}, "stats",
         timedelta(hours=1), None),
        ({"kind": "missing_players"}, "stats", timedelta(hours=1), timedelta(hours=-1)),
    ],
)  # fmt: skip
def test_a_fault_of_a_game_counts_only_while_it_shows(struck, league, rule, endpoint, shows, shows_no_more):
    game = league.games[league.games["game_id"] == first_game(league)].iloc[0]
    tip_off = game["tipoff_at"].to_pydatetime()
    server = struck({**rule, "game_id": first_game(league)}, now=tip_off - timedelta(hours=1))
    ask(server, endpoint)
    assert server.struck[0] == 0
    server.clock.fixed = tip_off + shows
    ask(server, endpoint)
    ask(server, "teams")
    assert server.struck[0] == 1
    server.clock.fixed = tip_off + shows_no_more if shows_no_more else datetime(2025, 12, 4, 8, tzinfo=UTC)
    ask(server, endpoint)
    assert server.struck[0] == 1


def test_missing_players_are_those_with_the_most_minutes(struck, league):
    game = first_game(league)
    server = struck({"kind": "missing_players", "game_id": game, "count": 2})
    shown = {row["player"]["id"] for row in ask(server, "stats", **{"game_ids[]": game}).json()["data"]}
    box = league.box[league.box["game_id"] == game].sort_values("minutes", ascending=False)
    assert set(box["player_id"]) - shown == set(box["player_id"].head(2))


def test_a_postponed_game_is_not_played_or_moves(struck, league):
    game = first_game(league)
    server = struck({"kind": "postponed_game", "game_date": DAY})
    shown = next(g for g in ask(server, "games").json()["data"] if g["id"] == game)
    assert (shown["status"], shown["home_team_score"]) == ("Postponed", 0)
    assert ask(server, "stats", **{"game_ids[]": game}).json()["data"] == []
    server = struck({"kind": "postponed_game", "game_id": game, "rescheduled_to": "2025-12-29"})
    assert game not in {g["id"] for g in ask(server, "games").json()["data"]}
    moved = ask(server, "games", **{"dates[]": "2025-12-29"}).json()["data"]
    assert next(g for g in moved if g["id"] == game)["status"] == "Final"


def test_a_stat_correction_appears_when_it_says_and_stays_consistent(struck, league):
    game = first_game(league)
    rule = {"kind": "stat_correction", "game_id": game, "field": "fgm", "appears_at": "2026-01-05T00:00:00Z"}
    server = struck(rule, now=datetime(2026, 1, 4, tzinfo=UTC))

    def total() -> tuple[int, int]:
        rows = ask(server, "stats", **{"game_ids[]": game}).json()["data"]
        shown = next(g for g in ask(server, "games").json()["data"] if g["id"] == game)
        return sum(row["pts"] for row in rows), shown["home_team_score"] + shown["visitor_team_score"]

    before = total()
    server.clock.fixed = AFTER
    after = total()
    assert before[0] == before[1] == after[0] - 2
    assert after[0] == after[1]


@pytest.mark.parametrize("field", ["fgm", "fg3m", "ftm", "ast", "oreb", "dreb", "stl", "blk", "turnover", "pf"])
@pytest.mark.parametrize("change", [{}, {"value": 0}], ids=["delta", "value"])
def test_a_correction_of_any_count_leaves_a_row_that_adds_up(struck, league, field, change):
    if field == "fgm" and change:
        change = {"delta": 2}
    rule = {"kind": "stat_correction", "game_date": DAY, "field": field, "appears_at": AFTER.isoformat(), **change}
    server = struck(rule, now=AFTER - timedelta(hours=1))

    def shown() -> dict[int, dict]:
        rows = ask(server, "stats", **{"game_ids[]": first_game(league)}).json()["data"]
        score = rows[0]["game"]["home_team_score"] + rows[0]["game"]["visitor_team_score"]
        assert sum(row["pts"] for row in rows) == score
        for row in rows:
            assert row["pts"] == 2 * row["fgm"] + row["fg3m"] + row["ftm"]
            assert row["reb"] == row["oreb"] + row["dreb"]
            assert 0 <= row["fgm"] - row["fg3m"] <= row["fga"] - row["fg3a"]
            assert row["fg3m"] <= row["fg3a"]
            assert 0 <= row["ftm"] <= row["fta"]
        return {row["player"]["id"]: row for row in rows}

    before = shown()
    server.clock.fixed = AFTER
    after = shown()
    changed = [number for number in after if after[number] | {"game": None} != before[number] | {"game": None}]
    assert len(changed) == 1
    assert before[changed[0]][field] < after[changed[0]][field]
    if change == {"value": 0}:
        assert before[changed[0]][field] == 0


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"kind": "stat_correction", "field": "stl", "delta": 90}, "cannot have been -"),
        ({"kind": "stat_correction", "field": "ftm", "delta": -90}, "cannot have been"),
        ({"kind": "stat_correction", "field": "ast", "player_id": 999_999}, r"players \[999999\] are not in game"),
        ({"kind": "missing_players", "player_ids": [999_999]}, r"players \[999999\] are not in game"),
        ({"kind": "missing_game", "index": 40}, "2025-12-03, index 40 names no game"),
    ],
)
def test_a_fault_that_cannot_happen_is_refused_with_its_rule(league, rule, message):
    when = {"appears_at": AFTER.isoformat()} if rule["kind"] == "stat_correction" else {}
    rules = FAULTS.validate_python([{"kind": "empty"}, {"game_date": DAY, **rule, **when}])
    with pytest.raises(FaultError, match=f"rule 1: .*{message}"):
        LeagueServer(league, faults=rules)


@pytest.mark.parametrize(("served_as", "status"), [("in_progress", "4th Qtr"), ("final_incomplete", "Final")])
def test_a_late_game_is_final_45_hours_after_its_end(struck, league, served_as, status):
    row = league.games[league.games["game_id"] == first_game(league)].iloc[0]
    end = row["tipoff_at"].to_pydatetime() + timedelta(hours=2, minutes=25)
    rule = {"kind": "late_final", "game_id": int(row["game_id"]), "served_as": served_as}
    server = struck(rule, now=end + timedelta(hours=44))

    def shown() -> tuple[str, bool]:
        game = next(g for g in ask(server, "games").json()["data"] if g["id"] == row["game_id"])
        rows = ask(server, "stats", **{"game_ids[]": int(row["game_id"])}).json()["data"]
        points = sum(r["pts"] for r in rows)
        return game["status"], points == row["home_score"] + row["visitor_score"]

    assert shown() == (status, False)
    server.clock.fixed = end + timedelta(hours=46)
    assert shown() == ("Final", True)


def test_every_kind_of_fault_is_documented_with_an_example_that_can_be_read():
    text = (Path(__file__).parents[2] / "docs" / "replay-server.md").read_text()
    examples = [json.loads(example) for example in re.findall(r'`(\{"kind":.*?\})`', text, re.DOTALL)]
    kinds = set(FAULTS.json_schema()["items"]["discriminator"]["mapping"])
    assert {example["kind"] for example in examples} == kinds
    assert len(FAULTS.validate_python(examples)) == len(examples)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        (json.dumps([{"kind": "status", "code": 200}]), r"rule 0: status\.code"),
        (json.dumps([{"kind": "empty"}, {"kind": "earthquake"}]), "rule 1"),
        (json.dumps([{"kind": "empty", "endpoint": "standings"}]), r"rule 0: empty\.endpoint"),
        (json.dumps([{"kind": "empty", "requests": [0]}]), r"rule 0: empty\.requests\.0"),
        (json.dumps([{"kind": "missing_game"}]), "rule 0: missing_game: .*give either game_id or game_date"),
        (json.dumps([{"kind": "status", "code": 500, "endpont": "games"}]), r"rule 0: status\.endpont"),
    ],
)
def test_a_wrong_fault_file_names_file_rule_and_field(tmp_path, content, message):
    path = tmp_path / "faults.json"
    path.write_text(content)
    with pytest.raises(FaultFileError, match=message) as caught:
        read_faults(path)
    assert str(path) in str(caught.value)


def test_a_fault_of_a_game_that_does_not_exist_is_refused(league):
    with pytest.raises(ValueError, match="names no game of this league"):
        LeagueServer(league, faults=FAULTS.validate_python([{"kind": "missing_game", "game_id": 1}]))
