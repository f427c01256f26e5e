"""The replay server speaks the balldontlie API over real HTTP."""

import io
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import requests
from balldontlie import BalldontlieAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nba_pipeline.clock import game_date_of
from nba_pipeline.league.parquet_seasons import SeasonFileError, read_seasons
from nba_pipeline.league.server import LeagueServer

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
        rows = everything(server, "/v1/stats", {"start_date": "2024-01-01", "end_date": "2024-01-31"}, 100)
    assert len(games) == 1230
    month = real_league.games["game_date"].between(pd.Timestamp("2024-01-01").date(), pd.Timestamp("2024-01-31").date())
    box = real_league.box[month.to_numpy()[real_league.box["game_row"]]]
    assert len(rows) == len(box)
    assert sum(row["ast"] for row in rows) == box["ast"].sum()


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


def write_season(folder, name: str, drop: str | None = None) -> None:
    rows = []
    for team, opponent, home, made in (("BOS", "NYK", True, 10), ("NYK", "BOS", False, 9)):
        for n in range(8):
            rows.append(
                {
                    "season": "2031-32", "game_id": "0023100001", "game_date": "2031-10-21", "team": team,
                    "team_id": 1 if home else 2, "opponent": opponent, "is_home": home,
                    "player_id": n + 100 * home, "player_name": f"Player Number{n}", "minutes": 30,
                    "points": 2 * made, "field_goals_made": made, "field_goals_attempted": 20,
                    "three_pointers_made": 0, "three_pointers_attempted": 1, "free_throws_made": 0,
                    "free_throws_attempted": 0, "offensive_rebounds": 1, "defensive_rebounds": 2, "rebounds": 3,
                    "assists": 1, "steals": 0, "blocks": 0, "turnovers": 1, "personal_fouls": 2, "plus_minus": 0,
                }
            )  # fmt: skip
    frame = pd.DataFrame(rows)
    frame.drop(columns=[drop] if drop else []).to_parquet(folder / name)


def test_a_new_season_dropped_into_the_folder_is_served(tmp_path):
    write_season(tmp_path, "player_box_scores_2031-32.parquet")
    with LeagueServer(read_seasons(tmp_path), now=datetime(2032, 1, 1, tzinfo=UTC)) as server:
        games = everything(server, "/v1/games", {"seasons[]": 2031}, 100)
    assert [(g["id"], g["home_team_score"], g["visitor_team_score"]) for g in games] == [(23100001, 160, 144)]


def test_a_season_file_without_a_column_is_refused_by_name(tmp_path):
    write_season(tmp_path, "player_box_scores_2031-32.parquet", drop="assists")
    with pytest.raises(SeasonFileError, match=r"player_box_scores_2031-32\.parquet lacks the columns assists"):
        read_seasons(tmp_path)
    (tmp_path / "player_box_scores_2031-32.parquet").write_bytes(b"no parquet")
    with pytest.raises(SeasonFileError, match="cannot be read as Parquet"):
        read_seasons(tmp_path)


def test_tip_offs_fall_on_the_new_york_date_of_the_game(league, real_data):
    for games in (league.games, read_seasons(real_data).games):
        assert all(game_date_of(tip) == day for tip, day in zip(games["tipoff_at"], games["game_date"], strict=True))
