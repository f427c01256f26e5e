"""The simulated league behaves like one."""

import hashlib
import itertools
import subprocess
import sys
from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nba_pipeline.league.calendar import pairings, schedule, season_days
from nba_pipeline.league.model import League, points
from nba_pipeline.league.simulation import simulate

FINGERPRINT = """
import hashlib, pandas as pd
from nba_pipeline.league.simulation import simulate
league = simulate(3, [2025])
print(hashlib.sha256((league.games.to_csv() + league.box.to_csv()).encode()).hexdigest())
"""


def team_days(league: League) -> pd.DataFrame:
    sides = [league.games[["game_date", f"{s}_team_id"]].set_axis(["day", "team"], axis=1) for s in ("home", "visitor")]
    frame = pd.concat(sides)
    return frame.assign(day=pd.to_datetime(frame["day"])).sort_values(["team", "day"])


def test_the_same_seed_gives_the_same_league_in_another_process():
    league = simulate(3, [2025])
    here = hashlib.sha256((league.games.to_csv() + league.box.to_csv()).encode()).hexdigest()
    there = subprocess.run([sys.executable, "-c", FINGERPRINT], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here
    assert simulate(4, [2025]).games["home_score"].tolist() != league.games["home_score"].tolist()


def test_every_team_plays_82_games_half_of_them_at_home(league):
    for _, games in league.games.groupby("season"):
        home, visitor = games["home_team_id"].value_counts(), games["visitor_team_id"].value_counts()
        assert set(home) == {41}
        assert set(home + visitor) == {82}


def test_no_team_plays_twice_a_day_or_three_days_in_a_row(league):
    days = team_days(league)
    assert not days.duplicated().any()
    gaps = days.groupby("team")["day"].diff()
    again = gaps == timedelta(days=1)
    assert again.any(), "a league without back-to-backs is none"
    assert not (again & again.groupby(days["team"]).shift(fill_value=False)).any()


def test_the_calendar_has_an_all_star_break_and_holidays(league):
    days = sorted(set(league.games["game_date"]))
    february = [day for day in days if (day.year, day.month) == (2026, 2)]
    assert max((b - a).days for a, b in itertools.pairwise(february)) >= 6
    assert not any((day.month, day.day) == (12, 24) for day in days)
    assert not {date(2024, 11, 28), date(2025, 11, 27)} & set(days)


def test_the_calendar_of_a_season_depends_on_the_seed_and_the_season_only(league):
    columns = ["game_id", "game_date", "home_team_id", "visitor_team_id", "tipoff_at"]
    alone = simulate(7, [2025]).games[columns]
    after_another = league.games.loc[league.games["season"] == 2025, columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, after_another)


def test_scores_overtimes_and_margins_look_like_the_nba(league):
    games = league.games
    margins = games["home_score"] - games["visitor_score"]
    assert all(105 < games[f"{side}_score"].mean() < 120 for side in ("home", "visitor"))
    assert 11 < games["home_score"].std() < 16
    assert margins.std() < 19
    assert 0.03 < (games["overtimes"] > 0).mean() < 0.09
    assert 0.51 < (margins > 0).mean() < 0.62


def test_minutes_sum_to_the_game_and_points_to_the_score(league):
    box = league.box.assign(points=points(league.box))
    teams = box.groupby(["game_id", "team_id"])[["minutes", "points"]].sum().reset_index()
    games = league.games.set_index("game_id")
    teams = teams.join(games, on="game_id")
    assert (teams["minutes"] == 240 + 25 * teams["overtimes"]).all()
    home = teams["team_id"] == teams["home_team_id"]
    assert (teams["points"] == teams["home_score"].where(home, teams["visitor_score"])).all()
    assert (games["home_score"] != games["visitor_score"]).all()
    assert (games["overtimes"] > 0).any()


def test_players_have_roles_and_form_that_averages_can_see(league):
    box = league.box[league.box["minutes"] > 0].assign(points=points)
    means = box.groupby("player_id")["points"].transform("mean")
    assert 90 < league.games["home_score"].mean() < 125
    assert box["points"].corr(means) > 0.6
    assert league.box["sat"].mean() > 0.03
    assert league.injuries


def test_traded_players_play_for_one_team_at_a_time(league):
    stays = pd.DataFrame([vars(stay) for stay in league.stays]).sort_values(["player_id", "first_day"])
    after = stays.groupby("player_id")["first_day"].shift(-1)
    assert (stays["last_day"] < after.fillna(pd.Timestamp("2100-01-01").date())).all()
    assert stays["player_id"].duplicated().any(), "nobody was traded"


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_seed_makes_a_box_score_that_contradicts_itself(seed):
    league = simulate(seed, [2025])
    box = league.box.assign(points=points(league.box))
    twos_made, twos_tried = box["fgm"] - box["fg3m"], box["fga"] - box["fg3a"]
    shots = ((twos_made, twos_tried), (box["fg3m"], box["fg3a"]), (box["ftm"], box["fta"]))
    assert all((made <= tried).all() and (made >= 0).all() for made, tried in shots)
    assert box["pf"].between(0, 6).all()
    assert (box.loc[box["sat"], ["fga", "fta", "oreb", "dreb", "ast", "pf", "plus_minus"]] == 0).all(axis=None)
    test_minutes_sum_to_the_game_and_points_to_the_score(league)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), season=st.integers(2015, 2030))
def test_any_seed_makes_a_whole_schedule(seed, season):
    import numpy as np

    hosts = pairings([list(range(n, n + 5)) for n in range(0, 30, 5)])
    games = schedule(hosts, season_days(season), np.random.default_rng(seed))
    assert len(games) == 1230
    assert max(day for day, _, _ in games).month in (4, 5)


@pytest.mark.parametrize("season", [2015, 2020, 2025])
def test_pairings_give_82_games_and_41_at_home(season):
    hosts = pairings([list(range(n, n + 5)) for n in range(0, 30, 5)])
    assert set(hosts.sum(axis=1)) == {41}
    assert set(hosts.sum(axis=0)) == {41}
