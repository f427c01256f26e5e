"""A season of ordinary trouble has all that it promises, and each of its faults strikes."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import requests

from nba_pipeline.league.faults import FAULTS
from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer
from nba_pipeline_tests.chaos.trouble import Rule, ordinary_trouble, with_real_tip_offs

SCHEDULE = Path(__file__).parents[3] / "shared" / "source-shapes" / "nba_cdn_schedule_2023-24.json.gz"

PROMISED = {
    "silent_days": 3, "undecided_tip_off": 4, "undecided_game": 6, "moved_game": 5, "postponed_game": 30,
    "late_final": 5, "missing_game": 5, "stat_correction": 20, "wrong_score": 20, "missing_players": 20,
}  # fmt: skip

FROM_TIP_OFF = {
    "moved_game": timedelta(0), "postponed_game": timedelta(0), "undecided_tip_off": timedelta(hours=-1),
    "late_final": timedelta(hours=4), "missing_game": timedelta(hours=4), "stat_correction": timedelta(hours=5),
    "wrong_score": timedelta(days=9), "missing_players": timedelta(days=9),
}  # fmt: skip
"""When a fault of a game shows; one that is never corrected does so days later."""


def question(league: League, rule: Rule) -> tuple[datetime, str, str]:
    """When the fault of a game shows, where, and about which date one has to ask."""
    games = league.games
    by_date = games["game_date"].astype(str) == rule.get("game_date")
    game = games[games["game_id"] == rule["game_id"] if "game_id" in rule else by_date].iloc[0]
    endpoint = "stats" if rule["kind"] in ("stat_correction", "missing_players") else "games"
    if rule["kind"] == "undecided_game":
        return datetime.fromisoformat(rule["decided_at"]) - timedelta(hours=1), endpoint, str(game["game_date"])
    return game["tipoff_at"].to_pydatetime() + FROM_TIP_OFF[rule["kind"]], endpoint, str(game["game_date"])


def test_a_season_of_trouble_has_what_it_promises_and_every_fault_of_a_game_strikes(league):
    everything = ordinary_trouble(league, 2025, seed=3)
    assert Counter(rule["kind"] for rule in everything) == PROMISED
    # While nothing answers, no game shows anything.
    rules = [rule for rule in everything if rule["kind"] != "silent_days"]
    with LeagueServer(league, faults=FAULTS.validate_python(rules)) as server, requests.Session() as session:
        for number, rule in enumerate(rules):
            server.clock.fixed, endpoint, day = question(league, rule)
            before = server.struck[number]
            url, query = f"{server.url}/v1/{endpoint}", {"dates[]": day, "per_page": 1}
            session.get(url, params=query, headers={"Authorization": "k"}, timeout=10).raise_for_status()
            assert server.struck[number] > before, rule


def test_in_the_silent_days_of_a_season_of_trouble_nothing_answers(league):
    rules = [rule for rule in ordinary_trouble(league, 2025, seed=3) if rule["kind"] == "silent_days"]
    with LeagueServer(league, faults=FAULTS.validate_python(rules)) as server:
        for rule in rules:
            server.clock.fixed = datetime.fromisoformat(rule["until"]) - timedelta(hours=1)
            with pytest.raises(requests.RequestException):
                requests.get(f"{server.url}/v1/teams", headers={"Authorization": "k"}, timeout=10)


def test_five_days_are_silent(league):
    rules = [rule for rule in ordinary_trouble(league, 2025, seed=3) if rule["kind"] == "silent_days"]
    lasting = [datetime.fromisoformat(rule["until"]) - datetime.fromisoformat(rule["since"]) for rule in rules]
    assert sum(length.days for length in lasting) == 5


def test_moved_games_are_played_three_weeks_later_and_more_and_announced_before(league):
    for rule in ordinary_trouble(league, 2025, seed=3):
        if rule["kind"] == "moved_game":
            old = league.games[league.games["game_id"] == rule["game_id"]].iloc[0]
            assert date.fromisoformat(rule["moved_to"]) >= old["game_date"] + timedelta(days=21)
            assert datetime.fromisoformat(rule["announced_at"]) < old["tipoff_at"].to_pydatetime()


def test_no_game_has_two_faults(league):
    rules = ordinary_trouble(league, 2025, seed=3)
    games = [rule["game_id"] for rule in rules if "game_id" in rule]
    assert len(games) == len(set(games)) == 111
    days = {rule["game_date"] for rule in rules if rule["kind"] == "undecided_tip_off"}
    struck = league.games[league.games["game_id"].isin(games)]
    assert not days & set(struck["game_date"].astype(str))


def test_the_same_seed_brings_the_same_trouble_and_another_one_other(league):
    assert ordinary_trouble(league, 2025, seed=3) == ordinary_trouble(league, 2025, seed=3)
    assert ordinary_trouble(league, 2025, seed=3) != ordinary_trouble(league, 2025, seed=4)


def test_a_season_that_the_league_lacks_has_no_trouble_to_choose_from(league):
    with pytest.raises(ValueError, match="season 1999 has no games"):
        ordinary_trouble(league, 1999, seed=3)


@pytest.mark.parametrize("seed", range(3))
def test_a_real_season_with_its_tip_offs_can_have_all_of_it(real_league, seed):
    if not SCHEDULE.exists():
        pytest.skip(f"no schedule of 2023-24 at {SCHEDULE}")
    league = with_real_tip_offs(real_league, SCHEDULE)
    season = league.games[league.games["season"] == 2023]
    made_up = real_league.games[real_league.games["season"] == 2023]
    assert len(season) == len(made_up) == 1230
    assert (season["tipoff_at"].to_numpy() != made_up["tipoff_at"].to_numpy()).sum() > 600
    opening = season[season["game_id"] == 22300061].iloc[0]
    assert opening["tipoff_at"].to_pydatetime() == datetime(2023, 10, 24, 23, 30, tzinfo=UTC)
    rules = ordinary_trouble(league, 2023, seed)
    assert Counter(rule["kind"] for rule in rules) == PROMISED
    LeagueServer(league, faults=FAULTS.validate_python(rules))._socket.close()
