"""The replay server speaks the balldontlie API over real HTTP."""

import io
import re
import subprocess
import sys
import time
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import requests
from balldontlie import BalldontlieAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nba_pipeline.clock import game_date_of
from nba_pipeline.league.faults import FaultFileError
from nba_pipeline.league.server import LeagueServer, PlanLimit
from nba_pipeline.league.serving import OptionError, serve_league
from nba_pipeline_tests.support.parquet_season import NAME, season

KEY = {"Authorization": "any"}


def get(server: LeagueServer, path: str, **kwargs) -> requests.Response:
    return requests.get(f"{server.url}{path}", headers=KEY, timeout=10, **kwargs)


def everything(server: LeagueServer, path: str, params: dict, per_page: int) -> list[dict]:
    items, cursor = [], None
    while True:
        extra = {} if cursor is None else {"cursor": cursor}
        answer = get(server, path, params={**params, "per_page": per_page, **extra}).json()
        items += answer["data"]
        cursor = answer["meta"].get("next_cursor")
        if cursor is None:
            return items


@pytest.fixture
def mid_game(league):
    """A server whose clock stands in the middle of the first game of a November day."""
    game = league.games[league.games["game_date"] >= datetime(2025, 11, 20, tzinfo=UTC).date()].iloc[0]
    with LeagueServer(league, now=game["tipoff_at"].to_pydatetime() + timedelta(hours=1)) as server:
        yield server, game


@pytest.mark.parametrize("prefix", ["/v1", "/nba/v1"])
def test_without_a_key_nothing_is_answered(server, prefix):
    response = requests.get(f"{server.url}{prefix}/teams", timeout=10)
    assert response.status_code == 401
    assert "error" in response.json()


def test_the_official_sdk_lists_teams_players_games_and_stats(server, league):
    api = BalldontlieAPI(api_key="any", base_url=server.url)
    with redirect_stdout(io.StringIO()):
        teams = api.nba.teams.list()
        players = api.nba.players.list(per_page=100)
        active = api.nba.players.list_active(per_page=100)
        games = api.nba.games.list(dates=["2025-11-20"], per_page=100)
        stats = api.nba.stats.list(game_ids=[games.data[0].id], per_page=100)
        boxes = api.nba.box_scores.get_by_date("2025-11-20")
        injuries = api.nba.injuries.list()
    assert len(teams.data) == 30
    assert len(players.data) == len(active.data) == 100
    assert players.meta.next_cursor == players.data[-1].id
    assert len(games.data) == (league.games["game_date"].astype(str) == "2025-11-20").sum()
    shown = games.data[0]
    assert sum(row.pts or 0 for row in stats.data) == (shown.home_team_score or 0) + (shown.visitor_team_score or 0)
    assert len(boxes.data) == len(games.data)
    assert isinstance(injuries.data, list)


def test_the_official_sdk_reads_real_seasons_with_their_ids(real_league):
    with LeagueServer(real_league, now=datetime(2024, 6, 1, tzinfo=UTC)) as server:
        api = BalldontlieAPI(api_key="any", base_url=server.url)
        with redirect_stdout(io.StringIO()):
            games = api.nba.games.list(dates=["2024-01-17"], per_page=100)
            stats = api.nba.stats.list(dates=["2024-01-17"], per_page=100)
            players = api.nba.players.list_active(per_page=100)
        assert len(api.nba.teams.list().data) == 30
    assert {game.id for game in games.data} <= set(real_league.games["game_id"])
    assert games.data[0].id == 22300569
    assert len(stats.data) == len(players.data) == 100


def test_a_game_after_now_is_scheduled_and_has_no_stats(mid_game):
    server, game = mid_game
    day = str(game["game_date"] + timedelta(days=1))
    games = get(server, "/v1/games", params={"dates[]": day}).json()["data"]
    assert games
    assert all(g["period"] == 0 and g["home_team_score"] == 0 and g["status"].endswith("Z") for g in games)
    assert get(server, "/v1/stats", params={"dates[]": day}).json()["data"] == []


def test_a_game_in_progress_shows_part_of_its_numbers_and_is_not_final(mid_game):
    server, game = mid_game
    shown = get(server, f"/v1/games/{game['game_id']}").json()["data"]
    assert shown["status"] != "Final"
    assert 1 <= shown["period"] <= 4
    assert 0 < shown["home_team_score"] < game["home_score"]
    rows = get(server, "/v1/stats", params={"game_ids[]": int(game["game_id"]), "per_page": 100}).json()["data"]
    assert sum(row["pts"] for row in rows) == shown["home_team_score"] + shown["visitor_team_score"]
    server.clock.fixed += timedelta(hours=3)
    final = get(server, f"/v1/games/{game['game_id']}").json()["data"]
    assert (final["status"], final["home_team_score"]) == ("Final", game["home_score"])


def test_nobody_is_on_a_team_before_his_trade(league):
    moved = pd.DataFrame([vars(stay) for stay in league.stays if stay.first_day.month in (1, 2)])
    stay = moved.iloc[0]
    with LeagueServer(league) as server:
        for days, same in ((-1, False), (1, True)):
            server.clock.fixed = datetime.combine(stay["first_day"], datetime.min.time(), UTC) + timedelta(
                days=days, hours=17
            )
            team = get(server, f"/v1/players/{stay['player_id']}").json()["data"]["team"]["id"]
            assert bool(team == stay["team_id"]) is same


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/games?dates[]=17.01.2024", 400),
        ("/v1/games?dates[]=20240117", 400),
        ("/v1/games?start_date=2024-02-30", 400),
        ("/v1/stats?player_ids[]=1_0", 400),
        ("/v1/stats?cursor=99999999999999999999", 400),
        ("/v1/teams?division=Nowhere", 400),
        ("/v1/games?per_page=101", 400),
        ("/v1/games?per_page=0", 400),
        ("/v1/games?cursor=x", 400),
        ("/v1/stats?player_ids[]=bob", 400),
        ("/v1/games?postseason=maybe", 400),
        ("/v1/box_scores", 400),
        ("/v1/games/1", 404),
        ("/v1/teams/99", 404),
        ("/v1/nowhere", 404),
    ],
)
def test_what_cannot_be_answered_has_its_status_and_an_error(server, path, status):
    response = get(server, path)
    assert response.status_code == status
    assert response.json()["error"]


def test_more_requests_than_the_plan_allows_are_told_to_wait(league):
    with LeagueServer(league, plan="free") as server:
        statuses = [get(server, "/v1/teams").status_code for _ in range(6)]
        assert statuses == [200] * 5 + [429]
        assert int(get(server, "/v1/teams").headers["Retry-After"]) <= 61
        other = requests.get(f"{server.url}/v1/teams", headers={"Authorization": "other"}, timeout=10)
        assert other.status_code == 200


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(per_page=st.integers(7, 100))
def test_pages_of_any_size_give_every_row_once(server, per_page):
    params = {"dates[]": "2025-12-03"}
    ids = [row["id"] for row in everything(server, "/v1/stats", params, per_page)]
    assert len(ids) == len(set(ids))
    assert ids == [row["id"] for row in everything(server, "/v1/stats", params, 100)]


def test_filters_narrow_to_what_they_say(server, league):
    season = everything(server, "/v1/games", {"seasons[]": 2024}, 100)
    assert len(season) == 1230
    week = everything(server, "/v1/games", {"start_date": "2025-11-03", "end_date": "2025-11-09"}, 100)
    assert {g["date"] for g in week} <= {f"2025-11-0{n}" for n in range(3, 10)}
    team = everything(server, "/v1/games", {"seasons[]": 2025, "team_ids[]": 4}, 100)
    assert len(team) == 82
    assert get(server, "/v1/games", params={"postseason": "true"}).json()["data"] == []
    anyone = int(league.box["player_id"].iloc[-1])
    rows = everything(server, "/v1/stats", {"player_ids[]": anyone, "seasons[]": 2025}, 100)
    assert {row["player"]["id"] for row in rows} == {anyone}


def test_everything_real_arrives_over_http(real_league):
    with LeagueServer(real_league, now=datetime(2024, 6, 1, tzinfo=UTC)) as server:
        games = everything(server, "/v1/games", {"seasons[]": 2023}, 100)
        rows = everything(server, "/v1/stats", {"seasons[]": 2023}, 100)
    assert len(games) == 1230
    assert len(rows) == len({row["id"] for row in rows}) == 26_401
    season = real_league.games["season"].to_numpy()[real_league.box["game_row"]] == 2023
    box = real_league.box[season]
    for name in ("ast", "pf", "fga", "oreb", "plus_minus"):
        assert sum(row[name] for row in rows) == box[name].sum()
    assert sum(int(row["min"]) for row in rows) == box["minutes"].sum()
    assert sum(row["pts"] for row in rows) == sum(g["home_team_score"] + g["visitor_team_score"] for g in games)


def test_absent_recent_players_are_the_proxy_for_injuries_from_half_an_hour_before_the_game(real_league):
    game = real_league.games[real_league.games["game_id"] == 22300570].iloc[0]
    tip = game["tipoff_at"].to_pydatetime()
    with LeagueServer(real_league, now=tip - timedelta(hours=6)) as server:
        params = {"team_ids[]": int(game["home_team_id"]), "per_page": 100}
        assert everything(server, "/v1/player_injuries", params, 100) == []
        server.clock.fixed = tip - timedelta(minutes=20)
        out = everything(server, "/v1/player_injuries", params, 100)
    in_game = set(real_league.box["player_id"][real_league.box["game_id"] == 22300570])
    assert out
    assert not {item["player"]["id"] for item in out} & in_game


def test_tip_offs_fall_on_the_new_york_date_of_the_game(league, real_league):
    for games in (league.games, real_league.games):
        assert all(game_date_of(tip) == day for tip, day in zip(games["tipoff_at"], games["game_date"], strict=True))


def test_a_key_may_come_as_a_bearer_and_an_empty_one_is_none(server):
    for key, status in (("Bearer any", 200), ("Bearer ", 401), ("", 401)):
        assert requests.get(f"{server.url}/v1/teams", headers={"Authorization": key}, timeout=10).status_code == status


def test_only_reading_is_allowed(server):
    response = requests.post(f"{server.url}/v1/teams", headers=KEY, timeout=10)
    assert (response.status_code, list(response.json())) == (405, ["error"])


class SlowlyCounted(deque[float]):
    """Lets other threads run between counting and what follows from the count."""

    def __len__(self) -> int:
        count = super().__len__()
        time.sleep(0.0005)
        return count


def test_requests_at_once_do_not_slip_past_the_plan():
    limit = PlanLimit(20, defaultdict(SlowlyCounted))
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(limit.seconds_to_wait, ["key"] * 80))
    assert waits.count(0.0) == 20


def test_the_last_page_has_no_cursor_and_every_page_its_size(server):
    params = {"seasons[]": 2025, "per_page": 100}
    first = get(server, "/v1/games", params=params).json()
    assert first["meta"] == {"per_page": 100, "next_cursor": first["data"][-1]["id"]}
    last = get(server, "/v1/games", params={**params, "cursor": first["data"][-1]["id"] + 1100}).json()
    assert last["meta"] == {"per_page": 100}
    rest = len(last["data"])
    full = get(server, "/v1/games", params={**params, "per_page": rest, "cursor": last["data"][0]["id"] - 1}).json()
    assert (len(full["data"]), full["meta"]) == (rest, {"per_page": rest})
    assert get(server, "/v1/games").json()["meta"]["per_page"] == 25


def test_players_are_found_by_parts_of_their_names(server, league):
    player = league.players[17]
    for params in (
        {"search": player.last_name[:3].upper()},
        {"first_name": player.first_name, "last_name": player.last_name},
        {"player_ids[]": 17},
    ):
        found = everything(server, "/v1/players", params, 100)
        assert 17 in {p["id"] for p in found}
        assert len(found) < len(league.players)


def test_the_active_players_of_a_team_are_seventeen_the_injured_among_them(league):
    with LeagueServer(league, now=datetime(2026, 1, 20, 15, tzinfo=UTC)) as server:
        active = everything(server, "/v1/players/active", {"team_ids[]": [3]}, 100)
        out = everything(server, "/v1/player_injuries", {"team_ids[]": [3]}, 100)
        everyone_out = everything(server, "/v1/player_injuries", {}, 100)
    assert len(active) == 17
    assert {item["player"]["id"] for item in out} <= {p["id"] for p in active}
    assert len(everyone_out) > 5
    assert all(re.fullmatch(r"[A-Z][a-z]{2} \d{1,2}", item["return_date"]) for item in everyone_out)


def test_nobody_who_is_injured_plays(league):
    box = league.box.join(league.games["game_date"], on="game_row")
    days = {(player, day) for player, day in zip(box["player_id"], box["game_date"], strict=True)}
    for injury in league.injuries:
        spell = (injury.last_day - injury.first_day).days + 1
        assert not {(injury.player_id, injury.first_day + timedelta(days=n)) for n in range(spell)} & days


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(minutes=st.integers(0, 144), number=st.integers(0, 9))
def test_a_game_in_progress_never_contradicts_itself(server, league, minutes, number):
    longest = league.games.sort_values("overtimes", kind="stable").iloc[-1 - number]
    server.clock.fixed = longest["tipoff_at"].to_pydatetime() + timedelta(minutes=minutes)
    boxes = get(server, "/v1/box_scores", params={"date": str(longest["game_date"])}).json()["data"]
    box = next(b for b in boxes if b["id"] == longest["game_id"])
    assert box["status"] != "Final"
    assert 1 <= box["period"] <= 4 + longest["overtimes"]
    assert box["status"] == "Halftime" or re.fullmatch(r"(Q[1-4]|OT\d) (1[0-2]|\d):[0-5]\d", box["time"])
    for side in ("home", "visitor"):
        players = box[f"{side}_team"]["players"]
        assert box[f"{side}_team_score"] == sum(p["pts"] for p in players) <= longest[f"{side}_score"]
        for p in players:
            assert p["pts"] == 2 * p["fgm"] + p["fg3m"] + p["ftm"]
            assert p["reb"] == p["oreb"] + p["dreb"]
            assert p["ftm"] <= p["fta"]
            assert 0 <= p["fg3m"] <= p["fg3a"]
            assert 0 <= p["fgm"] - p["fg3m"] <= p["fga"] - p["fg3a"]


@pytest.mark.parametrize(
    ("minutes", "status", "period"),
    [(1, "1st Qtr", 1), (50, "2nd Qtr", 2), (70, "Halftime", 2), (90, "3rd Qtr", 3), (140, "4th Qtr", 4)],
)
def test_the_status_names_the_quarter_of_the_clock(mid_game, minutes, status, period):
    server, game = mid_game
    server.clock.fixed = game["tipoff_at"].to_pydatetime() + timedelta(minutes=minutes)
    shown = get(server, f"/v1/games/{game['game_id']}").json()["data"]
    assert (shown["status"], shown["period"]) == (status, period)


def test_a_player_who_sat_has_no_minutes_and_no_counts(server):
    rows = everything(server, "/v1/stats", {"dates[]": "2025-12-03"}, 100)
    sat = [row for row in rows if row["min"] == "00"]
    assert sat
    assert all(row["fga"] == row["reb"] == row["ast"] == row["pts"] == 0 for row in sat)


def test_a_real_player_who_came_on_for_seconds_has_zero_minutes_and_his_counts(real_league):
    seconds = real_league.box[(real_league.box["minutes"] == 0) & (real_league.box["fga"] > 0)].iloc[-1]
    with LeagueServer(real_league, now=datetime(2024, 6, 1, tzinfo=UTC)) as server:
        params = {"game_ids[]": int(seconds["game_id"]), "player_ids[]": int(seconds["player_id"])}
        row = get(server, "/v1/stats", params=params).json()["data"][0]
    assert (row["min"], row["fga"]) == ("0", seconds["fga"])


def test_the_command_says_where_it_answers_and_what_it_cannot_do(tmp_path):
    season().to_parquet(tmp_path / NAME)
    command = [sys.executable, "-m", "nba_pipeline.cli", "serve-league", "--simulate", "1", "--now"]
    command += ["2026-01-20T15:00:00+00:00", "--port"]
    with subprocess.Popen([*command, "0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert url
            assert requests.get(f"{url[0]}/v1/teams", headers=KEY, timeout=10).status_code == 200
            faults = tmp_path / "faults.json"
            faults.write_text('[{"kind": "empty"}, {"kind": "missing_game", "game_id": 5}]')
            with pytest.raises(FaultFileError, match=r"faults\.json, rule 1: game_id 5 names no game"):
                serve_league(simulate_seed=None, data=tmp_path, port=0, now=None, faults=faults, plan=None)
            taken = int(url[0].rpartition(":")[2])
            with pytest.raises(OptionError, match="choose another: --port"):
                serve_league(simulate_seed=None, data=tmp_path, port=taken, now=None, faults=None, plan=None)
        finally:
            process.terminate()
    with pytest.raises(OptionError, match="either --simulate SEED or --data DIR"):
        serve_league(simulate_seed=None, data=None, port=0, now=None, faults=None, plan=None)
