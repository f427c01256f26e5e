"""What a league tells before its games: who is out, who is on which roster, and what bookmakers offer."""

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta

import pandas as pd
import pytest
import requests

from nba_pipeline.clock import NEW_YORK
from nba_pipeline.league.bookmakers import VENDORS, Bookmakers
from nba_pipeline.league.model import Injury, League
from nba_pipeline.league.parquet_seasons import read_seasons
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.league.view import LeagueView
from nba_pipeline_tests.support.parquet_season import NAME, season

DAY = date(2025, 12, 3)
KEY = {"Authorization": "any"}


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), NEW_YORK).astimezone(UTC)


def get(server: LeagueServer, path: str, **params) -> requests.Response:
    return requests.get(f"{server.url}{path}", params={"per_page": 100, **params}, headers=KEY, timeout=10)


def news_of_the_day(league: League) -> tuple[int, Injury]:
    """A game, by its row, and one of its best players of whom it becomes known that day that he is out."""
    for row in range(len(league.games)):
        game = league.games.iloc[row]
        best = [league.prospects[game["game_id"], game[f"{side}_team_id"]].player_ids[:2] for side in SIDES]
        for injury in league.injuries:
            if injury.first_day == game["game_date"] and injury.player_id in best[0] + best[1]:
                return row, injury
    raise AssertionError("nobody who matters was ever hurt or rested")


SIDES = ("home", "visitor")


@pytest.fixture(scope="module")
def view(league: League) -> LeagueView:
    return LeagueView(league)


def test_everybody_who_is_out_is_on_the_list_before_his_game_and_nobody_before_it_is_known(league, view):
    row, injury = news_of_the_day(league)
    assert injury.known_from < view.tipoff(row)

    def listed(now: datetime) -> dict[int, str]:
        return {found.player_id: found.status for found in view.injuries(now)}

    assert listed(injury.known_from).get(injury.player_id) == "Out"
    assert listed(injury.known_from - timedelta(seconds=1)).get(injury.player_id) != "Out"


def test_a_star_who_would_play_and_does_not_is_on_the_list_at_tip_off(league, view):
    """Of the players good enough to dress: whoever is absent from the box score is known to be out."""
    absent = 0
    for row in range(1300, 1400):
        game, out = league.games.iloc[row], {f.player_id for f in view.injuries(view.tipoff(row)) if f.status == "Out"}
        dressed = set(league.box["player_id"][league.box["game_row"] == row])
        for side in SIDES:
            best = set(league.prospects[game["game_id"], game[f"{side}_team_id"]].player_ids[:10])
            assert best - dressed <= out
            assert not best & dressed & out
            absent += len(best - dressed)
    assert absent


def test_who_was_hurt_until_yesterday_is_listed_as_day_to_day(league, view):
    injury = next(i for i in league.injuries if i.first_day < i.last_day and i.last_day.month == 12)
    found = {f.player_id: f for f in view.injuries(at(injury.last_day + timedelta(days=1), 9))}
    assert found[injury.player_id].status in ("Day-To-Day", "Out")
    assert any(f.status == "Day-To-Day" for f in found.values())


def test_lines_open_on_the_morning_before_and_end_at_tip_off(league):
    eve = DAY - timedelta(days=1)
    with LeagueServer(league, now=at(eve, 7, 59)) as server:
        game = get(server, "/v1/games", **{"dates[]": str(DAY)}).json()["data"][0]
        tip = datetime.fromisoformat(game["datetime"])

        def offered() -> tuple[int, int]:
            lines = get(server, "/v2/odds", **{"game_ids[]": game["id"]}).json()["data"]
            props = get(server, "/v2/odds/player_props", game_id=game["id"]).json()["data"]
            return len(lines), len(props)

        assert offered() == (0, 0)
        server.clock.fixed = at(eve, 8)
        lines, props = offered()
        assert lines == len(VENDORS)
        assert props > 60
        server.clock.fixed = tip - timedelta(seconds=1)
        assert offered()[0] == len(VENDORS)
        server.clock.fixed = tip
        assert offered() == (0, 0)


def test_a_bookmaker_answers_alike_within_the_hour_and_has_each_line_once(league):
    with LeagueServer(league, now=at(DAY, 12, 5)) as server:
        asked = {"game_id": get(server, "/v1/games", **{"dates[]": str(DAY)}).json()["data"][0]["id"]}
        first = get(server, "/v2/odds/player_props", **asked).json()
        server.clock.fixed = at(DAY, 12, 6)
        assert get(server, "/nba/v2/odds/player_props", **asked).json() == first
        server.clock.fixed = at(DAY, 16)
        assert get(server, "/v2/odds/player_props", **asked).json() != first
        lines = get(server, "/v2/odds", **{"dates[]": str(DAY)}).json()["data"]
    over_under = [item for item in first["data"] if item["market"]["type"] == "over_under"]
    keys = [(item["player_id"], item["prop_type"], item["vendor"]) for item in over_under]
    assert len(keys) == len(set(keys))
    assert len({item["id"] for item in first["data"]}) == len(first["data"])
    assert {item["market"]["type"] for item in first["data"]} == {"over_under", "milestone"}
    assert {item["vendor"] for item in lines} == set(VENDORS)
    assert all(float(line["spread_home_value"]) == -float(line["spread_away_value"]) for line in lines)


def test_news_takes_a_player_off_the_board_and_moves_the_lines_of_the_others(league, view):
    row, injury = news_of_the_day(league)
    bookmakers = Bookmakers(view)

    def points(now: datetime) -> dict[int, float]:
        lines: dict[int, list[float]] = defaultdict(list)
        for item in bookmakers.player_props(row, now):
            if item["prop_type"] == "points" and item["market"]["type"] == "over_under":
                lines[item["player_id"]].append(float(item["line_value"]))
        return {player: sum(values) / len(values) for player, values in lines.items()}

    before, after = points(injury.known_from - timedelta(minutes=1)), points(injury.known_from)
    assert injury.player_id in before
    assert injury.player_id not in after
    teams = [league.prospects[league.games.iloc[row]["game_id"], league.games.iloc[row][f"{s}_team_id"]] for s in SIDES]
    mates = next(set(team.player_ids) for team in teams if injury.player_id in team.player_ids)
    assert sum(after[p] - before[p] for p in mates & before.keys() & after.keys()) > 0


def test_lines_lie_at_what_players_do_on_average(league, view):
    bookmakers = Bookmakers(view)
    errors: dict[str, list[float]] = defaultdict(list)
    for row in range(300, 360):
        box = league.box[league.box["game_row"] == row].set_index("player_id")
        done = {
            "points": 2 * box["fgm"] + box["fg3m"] + box["ftm"], "rebounds": box["oreb"] + box["dreb"],
            "assists": box["ast"], "threes": box["fg3m"],
        }  # fmt: skip
        for item in bookmakers.player_props(row, view.tipoff(row) - timedelta(minutes=1)):
            if item["market"]["type"] == "over_under" and item["player_id"] in box.index:
                actual = done[item["prop_type"]][item["player_id"]]
                errors[item["prop_type"]].append(float(item["line_value"]) - actual)
    for stat, allowed in (("points", 0.6), ("rebounds", 0.2), ("assists", 0.2), ("threes", 0.15)):
        assert len(errors[stat]) > 1000
        assert abs(sum(errors[stat]) / len(errors[stat])) < allowed, stat


@pytest.mark.parametrize("path", ["/v2/odds", "/v2/odds/player_props", "/v2/odds/player_props?game_id=x"])
def test_a_question_about_lines_that_names_nothing_is_refused(server, path):
    response = get(server, path)
    assert response.status_code == 400
    assert response.json()["error"]


@pytest.mark.parametrize(
    ("endpoint", "path"), [("odds", "odds"), ("player_props", "odds/player_props")], ids=["odds", "player_props"]
)
def test_faults_strike_the_lines_of_a_date(struck, league, endpoint, path):
    server = struck({"kind": "status", "code": 503, "endpoint": endpoint, "game_date": str(DAY)}, now=at(DAY, 12))
    for day, status in ((DAY, 503), (DAY + timedelta(days=2), 200)):
        game_id = int(league.games["game_id"][league.games["game_date"] == day].iloc[0])
        asked = {"dates[]": str(day)} if endpoint == "odds" else {"game_id": game_id}
        assert get(server, f"/v2/{path}", **asked).status_code == status


def test_faults_strike_the_injury_list(struck):
    server = struck({"kind": "malformed_json", "endpoint": "player_injuries"}, now=at(DAY, 12))
    with pytest.raises(requests.exceptions.JSONDecodeError):
        get(server, "/v1/player_injuries").json()


# leagues from files


@pytest.fixture
def traded(tmp_path) -> League:
    """Two games a week apart; player 0 plays the first for one team and the second for the other."""
    first, second = season(), season(game_id="0023100002", day="2031-10-28")
    moved = second["player_id"] == 0
    second.loc[moved, ["team", "opponent", "team_id", "is_home"]] = ["BOS", "NYK", 1, True]
    pd.concat([first, second[second["player_id"] != 1]]).to_parquet(tmp_path / NAME)
    return read_seasons(tmp_path)


def roster(server: LeagueServer) -> dict[int, int]:
    return {p["id"]: p["team"]["id"] for p in get(server, "/v1/players/active").json()["data"]}


def test_who_is_new_to_a_team_is_on_its_roster_from_the_morning_of_his_first_game(traded):
    day = date(2031, 10, 28)
    with LeagueServer(traded, now=at(day, 0) - timedelta(seconds=1)) as server:
        before = roster(server)
        server.clock.fixed = at(day, 0)
        after = roster(server)
    assert (before[0], after[0]) == (2, 1)
    others = {player: team for player, team in before.items() if player != 0}
    assert others == {player: team for player, team in after.items() if player != 0}


def test_who_plays_for_another_team_today_is_not_out(traded):
    with LeagueServer(traded, now=traded.last_instant - timedelta(minutes=10)) as server:
        out = get(server, "/v1/player_injuries").json()["data"]
    assert [(item["player"]["id"], item["player"]["team_id"], item["status"]) for item in out] == [(1, 2, "Out")]


def test_nobody_knows_what_was_offered_on_games_from_files(traded):
    with LeagueServer(traded, now=traded.last_instant - timedelta(hours=1)) as server:
        assert get(server, "/v2/odds", **{"dates[]": "2031-10-28"}).json()["data"] == []
        assert get(server, "/v2/odds/player_props", game_id=23100002).json()["data"] == []
