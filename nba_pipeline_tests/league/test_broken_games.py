"""A game can be wrong in every way that a source has been seen to be wrong about one."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import requests

from nba_pipeline.league.broken_games import BrokenGames
from nba_pipeline.league.faults import FAULTS, FaultBook, FaultError
from nba_pipeline.league.server import LeagueServer
from nba_pipeline_tests.support.league_questions import AFTER, DAY, KEY, ask, first_game

CORRECTED = AFTER + timedelta(hours=3)
UNTIL = {"appears_at": CORRECTED.isoformat()}
TIP_OFF_OF_THE_DAY = datetime(2025, 12, 4, 0, tzinfo=UTC)


def game_of(server: LeagueServer, game: int, day: str = DAY) -> Any:
    """The game as the answer about a date lists it; None when it does not."""
    listed = {item["id"]: item for item in ask(server, "games", **{"dates[]": day}).json()["data"]}
    return listed.get(game)


def by_id(server: LeagueServer, game: int) -> requests.Response:
    return requests.get(f"{server.url}/v1/games/{game}", headers=KEY, timeout=10)


def rows_of(server: LeagueServer, game: int) -> list[dict]:
    return requests.get(
        f"{server.url}/v1/stats", params={"game_ids[]": game, "per_page": 100}, headers=KEY, timeout=10
    ).json()["data"]


def box_score_of(server: LeagueServer, game: int, day: str = DAY) -> list[dict]:
    boxes = requests.get(f"{server.url}/v1/box_scores", params={"date": day}, headers=KEY, timeout=10).json()["data"]
    box = next(item for item in boxes if item["id"] == game)
    return [*box["home_team"]["players"], *box["visitor_team"]["players"]]


def busiest(league, game: int) -> int:
    rows = league.box[league.box["game_id"] == game].sort_values("minutes", ascending=False, kind="stable")
    return int(rows["player_id"].iloc[0])


def free_date(league, game: int, after: date) -> date:
    """A date on which neither team of the game plays."""
    games = league.games
    row = games[games["game_id"] == game].iloc[0]
    sides = {row["home_team_id"], row["visitor_team_id"]}
    busy = games[games["home_team_id"].isin(sides) | games["visitor_team_id"].isin(sides)]["game_date"]
    return next(day for n in range(90) if (day := after + timedelta(days=n)) not in set(busy))


@pytest.mark.parametrize(("change", "by"), [({"delta": 3}, 3), ({"delta": -2}, -2), ({"value": 0}, None)])
@pytest.mark.parametrize("side", ["home", "visitor"])
def test_a_wrong_score_is_told_of_one_side_while_the_players_are_right(struck, league, side, change, by):
    game = first_game(league)
    right = league.games[league.games["game_id"] == game].iloc[0]
    server = struck({"kind": "wrong_score", "game_id": game, "side": side, **change, **UNTIL})
    other = "visitor" if side == "home" else "home"
    shown = game_of(server, game)
    assert shown[f"{side}_team_score"] == (0 if by is None else right[f"{side}_score"] + by)
    assert shown[f"{other}_team_score"] == right[f"{other}_score"]
    assert {row["game"][f"{side}_team_score"] for row in rows_of(server, game)} == {shown[f"{side}_team_score"]}
    assert sum(row["pts"] for row in rows_of(server, game)) == right["home_score"] + right["visitor_score"]
    server.clock.fixed = CORRECTED
    assert game_of(server, game)[f"{side}_team_score"] == right[f"{side}_score"]


def test_a_wrong_score_is_told_of_a_final_game_only(struck, league):
    game = first_game(league)
    tip = league.games[league.games["game_id"] == game].iloc[0]["tipoff_at"].to_pydatetime()
    server = struck({"kind": "wrong_score", "game_id": game, "delta": 90}, now=tip + timedelta(hours=1))
    shown = game_of(server, game)
    assert shown["home_team_score"] + shown["visitor_team_score"] == sum(row["pts"] for row in rows_of(server, game))
    assert server.struck[0] == 0


def test_a_row_can_come_without_its_player(struck, league):
    game = first_game(league)
    server = struck({"kind": "null_player", "game_id": game, **UNTIL})
    whole = len(league.box[league.box["game_id"] == game])
    nobody = [row for row in rows_of(server, game) if row["player"] is None]
    assert len(rows_of(server, game)) == whole
    assert len(nobody) == 1
    assert nobody[0]["team"]["id"] in set(league.by_team)
    assert [row["player"] for row in box_score_of(server, game)].count(None) == 1
    server.clock.fixed = CORRECTED
    assert busiest(league, game) in {row["player"]["id"] for row in rows_of(server, game)}


@pytest.mark.parametrize("counts", ["same", "none"])
def test_a_player_can_be_listed_under_both_teams(struck, league, counts):
    game = first_game(league)
    server = struck({"kind": "player_on_both_teams", "game_id": game, "counts": counts, **UNTIL})
    mine = [row for row in rows_of(server, game) if row["player"]["id"] == busiest(league, game)]
    own, second = sorted(mine, key=lambda row: row["id"])
    teams = league.games[league.games["game_id"] == game][["home_team_id", "visitor_team_id"]].to_numpy()[0]
    assert {own["team"]["id"], second["team"]["id"]} == set(teams)
    assert second["player"]["team_id"] == second["team"]["id"]
    assert second["pts"] == (own["pts"] if counts == "same" else 0)
    assert second["min"] == (own["min"] if counts == "same" else "00")
    listed = [row["player"]["id"] for row in box_score_of(server, game)]
    assert listed.count(busiest(league, game)) == 2
    score = game_of(server, game)["home_team_score"]
    server.clock.fixed = CORRECTED
    assert game_of(server, game)["home_team_score"] == score
    assert len([row for row in rows_of(server, game) if row["player"]["id"] == busiest(league, game)]) == 1


def test_a_second_row_changes_the_ids_of_no_other_and_no_page_loses_any(struck, league):
    game = first_game(league)
    whole = {row["id"] for row in rows_of(struck(), game)}
    server = struck({"kind": "player_on_both_teams", "game_id": game})
    found, cursor = [], 0
    while cursor is not None:
        page = ask(server, "stats", **{"game_ids[]": game, "per_page": 7, "cursor": cursor}).json()
        found += [row["id"] for row in page["data"]]
        cursor = page["meta"].get("next_cursor")
    assert len(found) == len(set(found)) == len(whole) + 1
    assert whole < set(found)


def test_a_player_on_both_teams_is_on_one_roster(struck, real_league):
    game = int(real_league.games[real_league.games["game_date"] == date(2024, 1, 17)]["game_id"].iloc[0])
    rules = FAULTS.validate_python([{"kind": "player_on_both_teams", "game_id": game}])
    who = {"player_ids[]": busiest(real_league, game)}
    teams = []
    for faults in ([], rules):
        with LeagueServer(real_league, now=datetime(2024, 1, 18, 17, tzinfo=UTC), faults=faults) as server:
            players = ask(server, "players/active", **who).json()["data"]
            teams.append([player["team"]["id"] for player in players])
    assert teams[0] == teams[1]
    assert len(teams[0]) == 1


@pytest.mark.parametrize(
    ("field", "value"), [("pf", 7), ("pts", 99), ("reb", None), ("min", "61:30"), ("fg_pct", 1.4), ("plus_minus", None)]
)
def test_one_field_of_one_row_can_be_anything_and_nothing_follows_from_it(struck, league, field, value):
    game = first_game(league)
    right = {row["player"]["id"]: row for row in rows_of(struck(), game)}
    server = struck({"kind": "stat_value", "game_id": game, "field": field, "value": value, **UNTIL})
    wrong = {row["player"]["id"]: row for row in rows_of(server, game)}
    player = busiest(league, game)
    assert wrong == {**right, player: {**right[player], field: value}}
    assert next(row for row in box_score_of(server, game) if row["player"]["id"] == player)[field] == value
    server.clock.fixed = CORRECTED
    assert {row["player"]["id"]: row for row in rows_of(server, game)} == right


def test_missing_players_come_when_they_should(struck, league):
    game = first_game(league)
    server = struck({"kind": "missing_players", "game_id": game, "count": 2, **UNTIL})
    whole = len(league.box[league.box["game_id"] == game])
    assert len(rows_of(server, game)) == whole - 2
    server.clock.fixed = CORRECTED
    assert len(rows_of(server, game)) == whole


@pytest.mark.parametrize("carried_by", ["games", "stats"])
def test_a_stray_game_is_in_the_answers_about_another_date(struck, league, carried_by):
    game, other = first_game(league), "2025-12-06"
    rule = {"kind": "stray_game", "game_id": game, "also_on": other, "carried_by": [carried_by], **UNTIL}
    server = struck(rule)
    rows = ask(server, "stats", **{"dates[]": other, "team_ids[]": int(team_of(league, game))}).json()["data"]
    strays = [game_of(server, game, other)] if carried_by == "games" else [r["game"] for r in rows]
    assert {item["date"] for item in strays if item["id"] == game} == {DAY}
    assert (game_of(server, game, other) is None) == (carried_by == "stats")
    assert any(row["game"]["id"] == game for row in rows) == (carried_by == "stats")
    assert game_of(server, game)["date"] == DAY
    assert server.struck[0] >= 1
    server.clock.fixed = CORRECTED
    assert game_of(server, game, other) is None
    assert not any(r["game"]["id"] == game for r in ask(server, "stats", **{"dates[]": other}).json()["data"])


def team_of(league, game: int) -> int:
    return league.games[league.games["game_id"] == game]["home_team_id"].iloc[0]


def test_a_stray_game_is_in_the_box_scores_of_the_other_date(struck, league):
    game = first_game(league)
    server = struck({"kind": "stray_game", "game_id": game, "also_on": "2025-12-06"})
    assert box_score_of(server, game, "2025-12-06") == box_score_of(server, game)


def test_a_moved_game_is_listed_on_its_old_date_until_that_is_announced_and_then_on_the_new(struck, league):
    game = first_game(league)
    new, announced = free_date(league, game, date(2026, 3, 1)), datetime(2025, 12, 2, 17, tzinfo=UTC)
    rule = {"kind": "moved_game", "game_id": game, "moved_to": str(new), "announced_at": announced.isoformat()}
    server = struck(rule, now=announced - timedelta(hours=1))
    assert game_of(server, game)["date"] == by_id(server, game).json()["data"]["date"] == DAY
    assert game_of(server, game, str(new)) is None
    assert server.struck[0] == 0
    server.clock.fixed = announced
    assert game_of(server, game) is None
    moved = game_of(server, game, str(new))
    assert moved["date"] == by_id(server, game).json()["data"]["date"] == str(new)
    assert moved["status"] == moved["datetime"]
    assert server.struck[0] == 3
    server.clock.fixed = TIP_OFF_OF_THE_DAY + timedelta(hours=6)
    assert rows_of(server, game) == []
    server.clock.fixed = datetime.combine(new + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=12)
    assert game_of(server, game, str(new))["status"] == "Final"
    assert {row["game"]["date"] for row in rows_of(server, game)} == {str(new)}


def test_a_postponed_game_is_listed_as_such_until_its_new_date_is_known(struck, league):
    game = first_game(league)
    new = free_date(league, game, date(2026, 1, 10))
    rule = {
        "kind": "postponed_game", "game_id": game, "announced_at": "2025-12-03T20:00:00Z",
        "rescheduled_to": str(new), "rescheduled_at": "2025-12-20T17:00:00Z",
    }  # fmt: skip
    server = struck(rule, now=datetime(2025, 12, 3, 19, tzinfo=UTC))
    assert game_of(server, game)["status"] == game_of(server, game)["datetime"]
    server.clock.fixed = datetime(2025, 12, 3, 20, tzinfo=UTC)
    assert game_of(server, game)["status"] == "Postponed"
    assert game_of(server, game, str(new)) is None
    server.clock.fixed = datetime(2025, 12, 20, 17, tzinfo=UTC)
    assert game_of(server, game) is None
    assert game_of(server, game, str(new))["status"] == game_of(server, game, str(new))["datetime"]
    server.clock.fixed = datetime.combine(new + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=12)
    assert game_of(server, game, str(new))["status"] == "Final"
    assert len(rows_of(server, game)) == len(league.box[league.box["game_id"] == game])


@pytest.mark.parametrize("listed_as", ["TBD", "scheduled"])
def test_a_withdrawn_game_is_listed_and_then_nowhere(struck, league, listed_as):
    game, gone = first_game(league), datetime(2025, 12, 6, 12, tzinfo=UTC)
    rule = {"kind": "withdrawn_game", "game_id": game, "listed_as": listed_as, "withdrawn_at": gone.isoformat()}
    server = struck(rule, now=gone - timedelta(hours=1))
    shown = game_of(server, game)
    assert shown["period"] == 0
    assert shown["status"] == ("TBD" if listed_as == "TBD" else shown["datetime"])
    assert (shown["datetime"] is None) == (listed_as == "TBD")
    assert rows_of(server, game) == []
    server.clock.fixed = gone
    assert game_of(server, game) is None
    assert by_id(server, game).status_code == 404
    assert game not in {
        item["id"] for item in ask(server, "games", **{"team_ids[]": team_of(league, game)}).json()["data"]
    }


def test_a_game_that_is_never_played_can_stay_listed_for_good(struck, league):
    server = struck({"kind": "withdrawn_game", "game_id": first_game(league)})
    assert game_of(server, first_game(league))["status"] == "TBD"


def test_an_undecided_game_has_no_teams_until_it_is_decided(struck, league):
    game, decided = first_game(league), datetime(2025, 11, 29, 5, tzinfo=UTC)
    rule = {"kind": "undecided_game", "game_id": game, "decided_at": decided.isoformat(), "teams_known": False}
    server = struck(rule, now=decided - timedelta(hours=1))
    shown = game_of(server, game)
    assert (shown["status"], shown["datetime"], shown["home_team"], shown["visitor_team"]) == ("TBD", None, None, None)
    asked = ask(server, "games", **{"team_ids[]": team_of(league, game)}).json()["data"]
    assert game not in {item["id"] for item in asked}
    server.clock.fixed = decided
    assert game_of(server, game)["home_team"]["id"] == team_of(league, game)
    server.clock.fixed = AFTER
    assert game_of(server, game)["status"] == "Final"


@pytest.mark.parametrize("status", ["Cancelled", "Canceled", "Forfeited"])
def test_a_game_can_end_before_it_begins_in_the_words_of_the_source(struck, league, status):
    game, announced = first_game(league), datetime(2025, 12, 3, 15, tzinfo=UTC)
    rule = {"kind": "stopped_game", "game_id": game, "status": status, "announced_at": announced.isoformat()}
    server = struck({**rule, "score": [2, 0]}, now=announced - timedelta(hours=1))
    assert game_of(server, game)["status"].endswith("Z")
    server.clock.fixed = AFTER
    shown = game_of(server, game)
    assert (shown["status"], shown["home_team_score"], shown["visitor_team_score"]) == (status, 2, 0)
    assert rows_of(server, game) == []


def test_a_suspended_game_stands_still_and_goes_on_when_it_is_resumed(struck, league):
    game, resumes = first_game(league), datetime(2025, 12, 19, tzinfo=UTC)
    rule = {"kind": "stopped_game", "game_id": game, "status": "Suspended", "played": 0.6}
    server = struck({**rule, "resumes_at": resumes.isoformat()}, now=resumes - timedelta(days=9))
    shown, rows = game_of(server, game), rows_of(server, game)
    assert (shown["status"], shown["period"]) == ("Suspended", 3)
    assert 0 < shown["home_team_score"] + shown["visitor_team_score"] == sum(row["pts"] for row in rows)
    server.clock.fixed = resumes
    assert game_of(server, game)["status"] == "3rd Qtr"
    server.clock.fixed = resumes + timedelta(hours=1)
    assert game_of(server, game)["home_team_score"] >= shown["home_team_score"]
    server.clock.fixed = resumes + timedelta(hours=3)
    right = league.games[league.games["game_id"] == game].iloc[0]
    assert (game_of(server, game)["status"], game_of(server, game)["home_team_score"]) == ("Final", right["home_score"])


@pytest.mark.parametrize(
    ("shown_as", "instant"),
    [("midnight_new_york", "2025-12-03T05:00:00Z"), ("midnight_utc", "2025-12-03T00:00:00Z"), ("nothing", None)],
)
def test_a_tip_off_that_is_not_fixed_is_a_placeholder(struck, league, shown_as, instant):
    known = datetime(2025, 12, 3, 14, tzinfo=UTC)
    rule = {"kind": "undecided_tip_off", "game_date": DAY, "shown_as": shown_as, "appears_at": known.isoformat()}
    server = struck(rule, now=known - timedelta(hours=1))
    shown = game_of(server, first_game(league))
    assert (shown["datetime"], shown["status"], shown["date"]) == (instant, instant or "TBD", DAY)
    others = [game for game in ask(server, "games").json()["data"] if game["id"] != first_game(league)]
    assert others
    assert all(game["datetime"] != instant for game in others)
    server.clock.fixed = known
    right = league.games[league.games["game_id"] == first_game(league)].iloc[0]["tipoff_at"]
    assert game_of(server, first_game(league))["datetime"] == right.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_all_tip_offs_of_a_date_can_be_placeholders_and_its_games_are_played_all_the_same(struck):
    rule = {"kind": "undecided_tip_off", "game_date": DAY, "whole_date": True}
    server = struck(rule, now=datetime(2025, 12, 3, 15, tzinfo=UTC))
    assert {game["datetime"] for game in ask(server, "games").json()["data"]} == {"2025-12-03T05:00:00Z"}
    assert server.struck == {0: 1}
    server.clock.fixed = AFTER
    assert {game["status"] for game in ask(server, "games").json()["data"]} == {"Final"}


def test_an_all_star_game_has_four_quarters_two_strange_teams_and_players_of_the_league(struck, league):
    server = struck({"kind": "unusual_game", "game_date": DAY, "what": "all_star"})
    (game,) = [g for g in ask(server, "games").json()["data"] if g["home_team"]["id"] not in league.by_team]
    assert (game["status"], game["period"], game["visitor_team"]["id"] in league.by_team) == ("Final", 4, False)
    rows = rows_of(server, game["id"])
    assert len(rows) == 24
    assert {row["player"]["id"] for row in rows} <= set(league.players)
    assert sum(row["pts"] for row in rows) == game["home_team_score"] + game["visitor_team_score"]
    assert game["home_team_score"] != game["visitor_team_score"]
    assert sum(int(row["min"]) for row in rows) == 480
    assert first_game(league) == min(g["id"] for g in ask(server, "games").json()["data"])
    assert server.struck[0] == 3


def test_an_all_star_game_moves_nobodys_roster(real_league):
    teams = []
    for rules in ([], [{"kind": "unusual_game", "game_date": "2024-02-18", "what": "all_star"}]):
        faults = FAULTS.validate_python(rules)
        with LeagueServer(real_league, now=datetime(2024, 2, 20, 17, tzinfo=UTC), faults=faults) as server:
            players = ask(server, "players/active").json()["data"]
            teams.append({player["id"]: player["team"]["id"] for player in players})
    assert teams[0] == teams[1]


def test_a_preseason_game_is_against_a_club_that_has_no_roster(struck, league):
    server = struck({"kind": "unusual_game", "game_date": "2025-10-08", "what": "preseason"})
    (game,) = ask(server, "games", **{"dates[]": "2025-10-08"}).json()["data"]
    assert game["home_team"]["id"] in league.by_team
    club = game["visitor_team"]["id"]
    assert club not in league.by_team
    rows = rows_of(server, game["id"])
    assert sum(row["pts"] for row in rows) == game["home_team_score"] + game["visitor_team_score"]
    strangers = {row["player"]["id"] for row in rows if row["team"]["id"] == club}
    assert strangers
    assert not strangers & set(league.players)
    assert ask(server, "players/active", **{"team_ids[]": club}).json()["data"] == []


def test_a_fault_of_a_game_is_counted_once_an_answer(struck):
    server = struck({"kind": "undecided_tip_off", "game_date": DAY, "whole_date": True})
    ask(server, "games")
    ask(server, "teams")
    assert server.struck == {0: 1}


MOVED = {"kind": "moved_game", "announced_at": "2025-12-02T17:00:00Z"}


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"kind": "wrong_score", "delta": -400}, "cannot be served wrongly as -"),
        ({"kind": "null_player", "player_id": 999_999}, r"players \[999999\] are not in game"),
        ({"kind": "stat_value", "field": "pf", "value": 7, "player_id": 999_999}, r"players \[999999\] are not in"),
        ({"kind": "stray_game", "also_on": DAY}, "its own date"),
        ({**MOVED, "moved_to": DAY}, "its own date"),
        ({**MOVED, "moved_to": "2026-10-30"}, "in another season"),
        ({**MOVED, "moved_to": "2025-12-01"}, "before anybody knows"),
        ({"kind": "postponed_game", "rescheduled_to": "2025-11-30", "rescheduled_at": "2025-12-03T20:00:00Z"},
         "before anybody knows"),
        ({"kind": "undecided_game", "decided_at": "2025-12-05T20:00:00Z"}, "tips off before it is decided"),
    ],
)  # fmt: skip
def test_what_cannot_happen_to_a_game_is_refused_with_its_rule(league, rule, message):
    rules = FAULTS.validate_python([{"kind": "empty"}, {"game_date": DAY, **rule}])
    with pytest.raises(FaultError, match=f"rule 1: .*{message}"):
        LeagueServer(league, faults=rules)


def test_a_score_that_is_right_is_no_wrong_score_and_a_value_that_is_right_no_fault(league):
    game = first_game(league)
    score = int(league.games[league.games["game_id"] == game]["home_score"].iloc[0])
    row = league.box[(league.box["game_id"] == game) & (league.box["player_id"] == busiest(league, game))].iloc[0]
    for rule in (
        {"kind": "wrong_score", "value": score},
        {"kind": "stat_value", "field": "ast", "value": int(row["ast"])},
    ):
        with pytest.raises(FaultError, match="rule 0: "):
            LeagueServer(league, faults=FAULTS.validate_python([{"game_id": game, **rule}]))


def test_no_game_is_moved_to_a_date_on_which_its_teams_play_and_the_next_free_one_is_named(league):
    game = first_game(league)
    games = league.games
    team = team_of(league, game)
    later = games[(games["home_team_id"] == team) & (games["game_date"] > date(2025, 12, 10))]["game_date"].min()
    rule = {**MOVED, "game_id": game, "moved_to": str(later)}
    with pytest.raises(FaultError, match="play another game then; the next free date is") as refused:
        LeagueServer(league, faults=FAULTS.validate_python([rule]))
    free = date.fromisoformat(str(refused.value).rsplit(" ", 1)[-1])
    BrokenGames(league, FaultBook(FAULTS.validate_python([{**rule, "moved_to": str(free)}])).game_faults)


def test_two_rules_cannot_say_when_one_game_is_played(league):
    rules = FAULTS.validate_python(
        [{"kind": "postponed_game", "game_date": DAY}, {"kind": "withdrawn_game", "game_date": DAY}]
    )
    with pytest.raises(FaultError, match="rule 1: another rule says already when game"):
        LeagueServer(league, faults=rules)


@pytest.mark.parametrize(
    ("day", "what", "message"),
    [
        (DAY, "preseason", "the season has begun"),
        ("2025-10-08", "all_star", "too few have played"),
        ("2031-02-15", "all_star", "no season of this league"),
    ],
)
def test_an_unusual_game_is_refused_where_there_is_none(league, day, what, message):
    rules = FAULTS.validate_python([{"kind": "unusual_game", "game_date": day, "what": what}])
    with pytest.raises(FaultError, match=f"rule 0: .*{message}"):
        LeagueServer(league, faults=rules)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"kind": "wrong_score", "delta": 0}, "changes nothing"),
        ({"kind": "wrong_score", "delta": 2, "value": 90}, "either delta or value"),
        ({"kind": "postponed_game", "rescheduled_at": "2025-12-20T17:00:00Z"}, "needs rescheduled_to"),
        ({"kind": "postponed_game", "announced_at": "2025-12-03T20:00:00Z", "rescheduled_to": "2026-01-10"},
         "give rescheduled_at"),
        ({"kind": "postponed_game", "announced_at": "2025-12-03T20:00:00Z", "rescheduled_to": "2026-01-10",
          "rescheduled_at": "2025-12-03T19:00:00Z"}, "not after announced_at"),
        ({"kind": "stopped_game", "status": "Suspended", "resumes_at": "2025-12-20T17:00:00Z"}, "that has begun"),
        ({"kind": "stopped_game", "status": "Suspended", "played": 0.5, "announced_at": "2025-12-20T17:00:00Z"},
         "has not begun"),
        ({"kind": "undecided_tip_off", "whole_date": True, "game_id": 1}, "whole_date needs game_date"),
        ({"kind": "moved_game", "moved_to": "2026-01-10"}, "announced_at"),
    ],
)  # fmt: skip
def test_a_rule_that_contradicts_itself_is_refused(rule, message):
    with pytest.raises(ValueError, match=message):
        FAULTS.validate_python([{"game_date": DAY, **rule} if "game_id" not in rule else rule])
