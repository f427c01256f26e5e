"""Each kind of feature against values worked out by hand, and its sign."""

from collections.abc import Sequence
from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest

from nba_pipeline.as_of import GameLog, Known, as_of, as_of_each
from nba_pipeline.precompute.calculations.features import STATS, Feature, qualities
from nba_pipeline.precompute.calculations.games_used import NO_GAMES, OWN
from nba_pipeline.precompute.feature_groups import (
    departures,
    form,
    lineups,
    news,
    opponent_roles,
    participation,
    roster,
    schedule,
    similar_roles,
    teams,
)

START, SEASON = date(2023, 11, 1), 2023
COUNTS = (*form.EWMA_STATS, "is_top_five", "minutes_rank")


def run(expression: ibis.Table) -> pd.DataFrame:
    return ibis.duckdb.connect().to_pyarrow(expression).to_pandas(date_as_object=True)


def games(player: int, **values: Sequence[float]) -> pd.DataFrame:
    """Games played every second day, with what is named and nothing else."""
    rows = pd.DataFrame(values)
    days = [START + timedelta(days=2 * n) for n in range(len(rows))]
    rows = rows.assign(player_id=player, season=SEASON, game_date=days, team_id=1, opponent_id=2, position="G")
    return rows.assign(**{name: 0.0 for name in COUNTS if name not in rows})


LEAGUE = {f"league_{stat}": 8.0 for stat in STATS} | {f"everybody_{stat}": 9.0 for stat in STATS}


def form_of(*players: pd.DataFrame) -> pd.DataFrame:
    """The form features of players after their games."""
    played = ibis.memtable(pd.concat(players))
    log = form.with_averages_then(GameLog(played, "player_id"))
    days = max(rows["game_date"].max() for rows in players) + timedelta(days=1)
    spine = pd.DataFrame(
        {"player_id": range(1, len(players) + 1), "season": SEASON, "game_date": days, **LEAGUE,
         "games_played_season": [len(rows) for rows in players]}
    )  # fmt: skip
    rows = as_of(ibis.memtable(spine), log.states(**form.measures(log)), "player_id")
    return run(rows.mutate(**form.derived(rows))).set_index("player_id").sort_index()


RISING = [10, 12, 9, 11, 10, 14, 18, 22, 26, 30, 34, 40]


@pytest.fixture(scope="module")
def two_players() -> pd.DataFrame:
    """One whose points and minutes rise, and one whose fall."""
    minutes = [20.0 + n for n in range(12)]
    usage = [0.1 + 0.01 * n for n in range(12)]
    return form_of(
        games(1, points=RISING, minutes=minutes, usage_rate=usage),
        games(2, points=RISING[::-1], minutes=minutes[::-1], usage_rate=usage[::-1]),
    )


@pytest.mark.parametrize(
    "name",
    ["points_trend", "minutes_trend", "minutes_long_trend", "usage_rate_trend", "points_recent_trend",
     "points_slope_last_10", "points_slope_last_7", "points_z_score", "points_last_3_less_season", "minutes_change"],
)  # fmt: skip
def test_rising_is_positive_and_falling_negative(two_players, name):
    assert two_players.loc[1, name] > 0 > two_players.loc[2, name]


def test_the_form_of_a_player_by_hand(two_players):
    row, points = two_players.loc[1], np.array(RISING, float)
    assert row["points_avg_last_3"] == pytest.approx(points[-3:].mean())
    assert row["points_recent_trend"] == pytest.approx(points[-3:].mean() - points[-5:-3].mean())
    assert row["points_slope_last_10"] == pytest.approx(np.polyfit(range(10), points[-10:], 1)[0])
    assert row["points_slope_last_7"] == pytest.approx(np.polyfit(range(7), points[-7:], 1)[0])
    assert row["points_z_score"] == pytest.approx((points[-5:].mean() - points.mean()) / points.std(ddof=1))
    assert row["points_last_3_less_season"] == pytest.approx(points[-3:].mean() - points.mean())
    assert row["minutes_change"] == pytest.approx((26.5 - 25.5) / 25.5)
    assert row["points_deviation_last_10"] == pytest.approx(points[-10:].std(ddof=1))
    assert (row["minutes_last_game"], row["minutes_last_but_one"]) == (31, 30)
    assert (row["minutes_most_last_5"], row["minutes_least_last_5"]) == (31, 27)
    weights = 0.5 ** (np.arange(12)[::-1] / 10)
    mean = np.average(points, weights=weights)
    assert row["points_ewma_10"] == pytest.approx(mean, abs=1e-6)
    deviation = np.sqrt(np.average((points - mean) ** 2, weights=weights))
    assert row["points_ewma_deviation_10"] == pytest.approx(deviation, abs=1e-4)


def test_games_below_the_average_count_from_the_last_one_back(two_players):
    assert two_players["games_below_average_in_a_row"].tolist() == [0, 11]


def test_a_breakout_is_one_and_a_half_deviations_above_the_season():
    found = form_of(games(1, points=[10, 12] * 10 + [30] * 5), games(2, points=[10, 12] * 12), games(3, points=[10]))
    assert found["is_breakout"].iloc[:2].tolist() == [1.0, 0.0]
    assert pd.isna(found.loc[3, ["is_breakout", "points_z_score", "points_slope_last_10"]]).all(), (
        "one game has no spread"
    )
    assert pd.isna(found.loc[3, "points_recent_trend"])


def test_a_prior_is_the_season_shrunk_to_the_one_before_and_that_to_the_league():
    rows = pd.DataFrame({
        "points_avg_season": [20.0, None, None], "games_played_season": [10, 0, 0],
        "points_avg_prior_season": [10.0, 10.0, None], "games_prior_season": [30, 30, None],
        "league_points": [8.0, 8.0, None], "everybody_points": 9.0,
    })  # fmt: skip
    table = ibis.memtable(rows, schema={name: "int64" if "games" in name else "float64" for name in rows})
    found = run(table.select(prior=form.shrunk(table, "points")))["prior"].tolist()
    before = (10.0 * 30 + 8.0 * 10) / 40
    assert found == pytest.approx([(20.0 * 10 + before * 10) / 20, before, 9.0])


def test_the_league_has_a_mean_for_each_position_and_for_everybody():
    guards = games(1, points=[10.0, 20.0], minutes=[10.0, 10.0])
    centers = games(2, points=[4.0, 4.0], minutes=[30.0, 20.0]).assign(position="C-F")
    log = form.league_log(ibis.memtable(pd.concat([guards, centers])))
    states = run(log.states(**form.league_means(log, of="league")))
    last = states[(states["as_of_season"] == SEASON) & (states["known_from"] == START + timedelta(days=2))]
    last = last.set_index("position_group")
    assert last["league_points"].to_dict() == {"G": 15.0, "C": 4.0, form.EVERYBODY: 9.5}
    assert last["league_minutes"].to_dict() == {"G": 10.0, "C": 25.0, form.EVERYBODY: 17.5}


TEAM_GAMES = 12
PLAYED = {1: [1, 2, 3, 9, 11], 2: list(range(1, 13)), 3: [1, 2, 3]}
"""Numbers of the team's games that each player played."""


@pytest.fixture(scope="module")
def stays() -> pd.DataFrame:
    """The participation features of three players at their team, after its 12 games."""
    days = [START + timedelta(days=2 * n) for n in range(TEAM_GAMES)]
    results = pd.DataFrame({"team_id": 1, "season": SEASON, "game_date": days, "game_id": range(1, TEAM_GAMES + 1)})
    played = pd.DataFrame(
        [
            {"player_id": player, "team_id": 1, "season": SEASON, "game_date": days[n - 1], "game_id": n,
             "minutes": 10.0 * player, "points": 1.0, "rebounds": 1.0, "assists": 1.0, "three_pointers_made": 1.0,
             "field_goals_attempted": 1.0, "is_top_five": 1}
            for player, numbers in PLAYED.items() for n in numbers
        ]
    )  # fmt: skip
    spine = pd.DataFrame({
        "player_id": [1, 2, 3, 4], "team_id": 1, "season": SEASON, "game_date": days[-1] + timedelta(days=1),
        "team_games_season": TEAM_GAMES, "games_played_season": [5, 12, 3, 0], "last_team_id": [1, 1, 7, None],
        "team_games_known": TEAM_GAMES,
    })  # fmt: skip
    rows = ibis.memtable(spine, schema={"last_team_id": "int64"} | {
        name: "date" if name == "game_date" else "int64" for name in spine if name != "last_team_id"})  # fmt: skip
    rows = rows.mutate(stay=participation.stay(rows))
    log = participation.stay_log(ibis.memtable(played), ibis.memtable(results), rows)
    known = as_of_each(rows, Known(log.states(**participation.stay_measures(log)), "stay"))
    derived = known.mutate(**participation.derived(known))
    return run(derived).set_index("player_id").sort_index()


def test_missed_games_are_those_since_the_last_one_for_the_team(stays):
    assert stays["team_games_missed"].iloc[:3].tolist() == [1, 0, 9]
    assert pd.isna(stays.loc[4, "team_games_missed"])
    assert stays["chance_to_play"].iloc[:3].tolist() == [0.45, 0.89, 0.1]


def test_the_rate_of_games_not_played_is_that_of_the_teams_last_ones(stays):
    assert stays["did_not_play_rate_last_10"].tolist() == pytest.approx([0.7, 0.0, 0.9, 1.0])
    assert stays["did_not_play_rate_last_5"].tolist() == pytest.approx([0.6, 0.0, 1.0, 1.0])


def test_over_the_teams_games_missed_ones_are_zeros(stays):
    weights = 2.0 ** (np.arange(1, TEAM_GAMES + 1) / 5)
    for player, numbers in PLAYED.items():
        there = np.isin(np.arange(1, TEAM_GAMES + 1), numbers)
        wanted = np.average(there * 10.0 * player, weights=weights)
        assert stays.loc[player, "minutes_of_team_games_5"] == pytest.approx(wanted, abs=1e-6)
    assert stays.loc[2, "participation_ewma_3"] == pytest.approx(1.0)
    assert stays.loc[4, "minutes_of_team_games_5"] == 0.0, "he has not played for the team, which is known"


def test_a_return_is_coming_back_from_four_missed_games(stays):
    assert stays["games_since_return"].iloc[:3].tolist() == [2, participation.LONG_BACK, participation.LONG_BACK]
    assert pd.isna(stays.loc[4, "games_since_return"])


def test_a_player_is_new_to_a_team_that_was_not_his_last(stays):
    assert stays["is_new_to_team"].iloc[:3].tolist() == [0.0, 0.0, 1.0]
    assert pd.isna(stays.loc[4, "is_new_to_team"])
    assert stays["games_with_team"].tolist() == [5, 12, 3, 0]


def test_a_player_who_left_for_another_team_is_missed_as_long_as_he_was_there_lately():
    """Of team 1, player 1 is expected, 2 is team 2's by now, and 3 has not played for six games."""
    days = [START + timedelta(days=2 * n) for n in range(8)]
    results = pd.DataFrame({"team_id": 1, "season": SEASON, "game_date": days, "game_id": range(1, 9)})
    played = pd.DataFrame(
        [(1, n, 20.0, 10.0) for n in range(1, 9)] + [(2, n, 30.0, 15.0) for n in range(1, 6)] + [(3, 2, 40.0, 9.0)],
        columns=["player_id", "game_id", "minutes", "points"],
    )  # fmt: skip
    played = played.assign(team_id=1, season=SEASON, game_date=played["game_id"].map(lambda n: days[n - 1]))
    spine = pd.DataFrame({"game_date": days[-1] + timedelta(days=1), "game_id": 9, "season": SEASON,
                          "player_id": [1, 2], "team_id": [1, 2]})  # fmt: skip
    tables = [ibis.memtable(rows) for rows in (spine, played, results)]
    rows = tables[0].mutate(stay=participation.stay(tables[0]))
    stays = participation.stay_log(tables[1], tables[2], rows)
    (gone,) = run(departures.departures(rows, stays, tables[1], tables[2])).itertuples()
    assert (gone.team_id, gone.gone_minutes, gone.gone_points) == (1, pytest.approx(30.0), pytest.approx(15.0))
    weights = 2.0 ** (np.arange(1, 9) / 5)
    assert gone.gone_role_minutes == pytest.approx(30 * weights[:5].sum() / weights.sum(), abs=1e-6)


def test_a_team_that_nobody_left_misses_nothing_and_of_a_new_one_it_is_not_known():
    rows = ibis.memtable(
        pd.DataFrame({"team_games_known": [8, None, 8], "gone_minutes": [30.0, None, None]}).assign(
            gone_points=1.0, gone_role_minutes=1.0
        ),
        schema={"team_games_known": "int64", **dict.fromkeys(
            ("gone_minutes", "gone_points", "gone_role_minutes"), "float64")},
    )  # fmt: skip
    found = run(rows.select(**departures.derived(rows)))["departed_minutes"].tolist()
    assert found[0] == 30.0
    assert pd.isna(found[1])
    assert found[2] == 0.0


TEAM_ROWS = (
    # id, team, minutes, missed, status
    (1, 1, 36.0, 0, "available"),
    (2, 1, 30.0, 0, "out"),
    (3, 1, 24.0, 2, "available"),
    (4, 1, 34.0, 30, "available"),
    (5, 1, None, None, "available"),
    (6, 2, 33.0, 0, "out"),
    (7, 2, 28.0, 7, "out"),
)
"""A regular, a teammate out tonight, one who missed two games and is back, a star long gone, a debutant; opponents."""


def team_rows(**changes: object) -> ibis.Table:
    rows = pd.DataFrame(TEAM_ROWS, columns=["player_id", "team_id", "minutes_ewma_7", "team_games_missed",
                                            "injury_status"])  # fmt: skip
    minutes = rows["minutes_ewma_7"]
    rows = rows.assign(
        game_date=START, game_id=1, minutes_ewma_30=minutes, points_ewma_10=minutes / 2, points_ewma_15=minutes / 2,
        team_points=110.0, minutes_of_team_games_5=minutes - 6, minutes_of_team_games_7=minutes - 4,
        points_of_team_games_5=minutes / 2 - 3, rebounds_of_team_games_5=4.0, assists_of_team_games_5=3.0,
        three_pointers_made_of_team_games_5=1.0, participation_ewma_3=0.75, chance_to_play=0.5, plus_minus_ewma_30=2.0,
        usage_rate_ewma_15=0.2, points_avg_season=15.0, points_line=None, spread=None,
        injury_report_known_at=pd.Timestamp("2023-11-01 22:00"), opponent_injury_report_known_at=None,
    )  # fmt: skip
    rows.loc[rows["team_id"] == 1, "opponent_injury_report_known_at"] = pd.Timestamp("2023-11-01 22:00")
    rows = rows.assign(**changes)
    kinds = {"player_id": "int64", "team_id": "int64", "game_id": "int64", "team_games_missed": "int64",
             "game_date": "date", "injury_status": "string", "injury_report_known_at": "timestamp(6)",
             "opponent_injury_report_known_at": "timestamp(6)"}  # fmt: skip
    return ibis.memtable(rows, schema={name: kinds.get(name, "float64") for name in rows})


@pytest.fixture(scope="module")
def team() -> pd.DataFrame:
    rows = team_rows()
    return run(rows.mutate(**roster.derived(rows))).set_index("player_id").sort_index()


def test_a_star_who_is_long_gone_pushes_nobody_down(team):
    assert team["minutes_rank_in_team"].loc[[1, 2, 3, 4]].tolist() == [1, 2, 3, 2]
    assert pd.isna(team.loc[5, "minutes_rank_in_team"])
    assert team.loc[1, "long_absent_minutes"] == 34


def test_sums_over_teammates_leave_the_player_himself_out(team):
    row = team.loc[1]
    assert row["active_teammates"] == 2
    assert row["active_teammates_minutes"] == 30 + 24
    assert row["last_game_teammates_minutes"] == 30
    assert (row["lately_absent_minutes"], row["lately_absent_points"]) == (24, 12)
    assert row["lately_absent_role_minutes"] == 18
    assert row["returning_teammates_minutes"] == pytest.approx((30 + 24) * 0.25)
    assert row["returned_teammates_minutes"] == 6
    assert row["likely_teammates_minutes"] == (30 + 24 + 34) * 0.5
    assert row["minutes_share"] == pytest.approx(36 / 90)
    assert row["team_points_share"] == pytest.approx(18 / 110)
    assert team.loc[3, "lately_absent_minutes"] == 0, "he is the one who was absent"


def newest(**changes: object) -> pd.DataFrame:
    rows = team_rows(**changes)
    rows = rows.mutate(**news.status(rows))
    return run(rows.mutate(**news.derived(rows))).set_index("player_id").sort_index()


def test_what_absent_teammates_leave_and_present_ones_take():
    row = newest().loc[1]
    assert (row["out_minutes"], row["out_points"], row["out_minutes_of_team_games"]) == (30, 15, 24)
    assert row["out_usage"] == pytest.approx(0.2 * 30 / 48)
    assert (row["newly_out_minutes"], row["newly_out_points"]) == (30, 15)
    assert (row["rotation_players_out"], row["stars_out"]) == (1, 0)
    assert (row["back_minutes"], row["present_minutes"], row["present_teammates"]) == (24, 24, 1)
    assert (row["present_beyond_role_minutes"], row["present_beyond_role_points"]) == (6, 3)
    assert row["left_less_taken_back"] == 24 - 6
    assert row["balanced_minutes"] == pytest.approx(36 * 240 / (36 + 24))
    assert row["opponent_out_points"] == pytest.approx(16.5), "one of the two has been out for long"
    assert row["opponent_newly_out_minutes"] == 33


def test_a_player_who_is_out_leaves_nothing_to_himself():
    assert newest().loc[2, ["out_minutes", "newly_out_minutes"]].tolist() == [0, 0]


def test_without_a_report_the_news_is_unknown_and_not_nobody_out():
    found = newest(injury_report_known_at=pd.NaT, injury_status=None)
    computed = [name for name in found if name in {f.name for f in news.FEATURES} and not name.startswith("opponent")]
    computed = [name for name in computed if name not in ("points_line", "spread")]
    assert len(computed) > 15
    assert found[computed].isna().all().all()
    assert found.loc[6, [n for n in found if n.startswith("opponent_out")]].isna().all(), "his opponents' is not known"


def test_a_line_is_null_where_there_is_none():
    found = newest(points_line=[18.5] + [None] * 6, spread=[-4.0] * 5 + [None] * 2)
    assert found["has_points_line"].iloc[:5].tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert found["has_points_line"].iloc[5:].isna().all()
    assert found.loc[1, ["points_line_less_season", "spread_size"]].tolist() == [3.5, 4.0]
    assert pd.isna(found.loc[2, "points_line_less_season"])


def test_absences_weigh_most_for_those_who_do_the_same():
    """A big is out: another big gains by likeness, a guard hardly."""
    rows = team_rows(
        rebounds_ewma_30=[10.0, 11.0, 2.0, 5.0, None, 5.0, 5.0], assists_ewma_30=[1.0, 1.0, 8.0, 3.0, None, 3.0, 3.0],
        three_pointers_attempted_ewma_30=[0.0, 0.0, 8.0, 2.0, None, 2.0, 2.0], field_goals_attempted_ewma_30=10.0,
    )  # fmt: skip
    found = run(similar_roles.with_similar_roles(rows.mutate(**news.status(rows)))).set_index("player_id")
    big, guard = found.loc[1], found.loc[3]
    reb, ast = (10 / 36 - 11 / 30) / 0.08, (1 / 36 - 1 / 30) / 0.07
    assert big["similar_out_minutes"] == pytest.approx(30 * np.exp(-(reb**2 + ast**2) / 4), abs=1e-6)
    assert big["similar_out_minutes"] > 10 * guard["similar_out_minutes"] > 0
    assert (big["out_above_minutes"], big["out_below_minutes"]) == (0, 30)
    assert (guard["out_above_minutes"], guard["newly_out_above_minutes"]) == (30, 30)
    assert guard["similar_present_above"] == pytest.approx(found.loc[3, "similar_present_above"])
    roles = dict.fromkeys(("rebounds", "assists", "three_pointers_attempted", "field_goals_attempted"), 5.0)
    unknown = team_rows(injury_report_known_at=pd.NaT, injury_status=None,
                        **{f"{name}_ewma_30": value for name, value in roles.items()})  # fmt: skip
    unknown = run(similar_roles.with_similar_roles(unknown.mutate(**news.status(unknown))))
    assert unknown["similar_out_minutes"].isna().all()


@pytest.fixture(scope="module")
def lined_up() -> pd.DataFrame:
    """A player and a star; the star played the first of two games. In game 3 he is out by the report."""
    past = pd.DataFrame(
        [(1, 1, 1, 20.0, 8.0), (2, 1, 1, 36.0, 30.0), (1, 2, 2, 32.0, 20.0)],
        columns=["player_id", "game_id", "number_in_season", "minutes", "points"],
    )  # fmt: skip
    past = past.assign(season=SEASON, team_id=1, game_date=[START, START, START + timedelta(days=2)],
                       field_goals_attempted=1.0, rebounds=1.0, assists=1.0, three_pointers_made=1.0)  # fmt: skip
    played = ibis.memtable(past)
    played = played.mutate(stay=participation.stay(played))
    rows = pd.DataFrame({
        "player_id": [1, 2], "game_id": 3, "game_date": START + timedelta(days=4), "season": SEASON, "team_id": 1,
        "team_games_season": 2, "minutes_ewma_7": [26.0, 36.0], "chance_to_play": [1.0, 0.25],
        "plays_by_report": [1.0, 0.0], "injury_report_known_at": pd.Timestamp("2023-11-05 22:00"),
    })  # fmt: skip
    table = ibis.memtable(rows)
    table = table.mutate(stay=participation.stay(table))
    table = table.mutate(**lineups.parts(table))
    return run(lineups.with_lineups(table, played)).set_index("player_id").sort_index()


def test_games_with_tonights_line_up_count_most(lined_up):
    """With the star in game 1 and out tonight, that game differs by his 36 minutes; game 2 by nothing."""
    one, two = 2.0 ** (-2 / 12) * np.exp(-36 / 25), 2.0 ** (-1 / 12)
    row = lined_up.loc[1]
    assert row["games_with_known_lineup"] == pytest.approx(one + two, abs=1e-6)
    assert row["points_with_known_lineup"] == pytest.approx((8 * one + 20 * two) / (one + two), abs=1e-6)
    assert row["minutes_with_same_lineup"] > row["minutes_with_known_lineup"] > row["minutes_with_similar_lineup"] > 26


def test_without_news_each_teammate_counts_by_his_chance_to_play(lined_up):
    one, two = 2.0 ** (-2 / 12) * np.exp(-36 * 0.75 / 25), 2.0 ** (-1 / 12) * np.exp(-36 * 0.25 / 25)
    assert lined_up.loc[1, "points_with_likely_lineup"] == pytest.approx((8 * one + 20 * two) / (one + two), abs=1e-6)


def test_an_opponent_allows_a_role_what_its_players_make_beyond_their_means():
    """A wing makes 10 points in 20 minutes, then 16 in 20 against team 2, and 8 in 10 against team 3."""
    rows = games(1, points=[10, 10, 16, 8], minutes=[20.0, 20.0, 20.0, 10.0]).assign(opponent_id=[9, 9, 2, 3])
    asked = ibis.memtable(pd.DataFrame({"season": [SEASON]}))
    states = run(opponent_roles.role_states(ibis.memtable(rows), asked))
    found = states.set_index("opponent_role")["opponent_allows_role_points"]
    assert found["2-wing"] == pytest.approx(6.0)
    usual = np.average([10, 10, 16], weights=0.5 ** (np.arange(3)[::-1] / 15))
    assert found["3-wing"] == pytest.approx(8 - usual / 2, abs=1e-6)


@pytest.mark.parametrize(("per_game", "kind"), [((10.0, 2.0), "big"), ((4.0, 8.0), "play-maker"), ((4.0, 2.0), "wing")])
def test_roles_follow_from_rebounds_and_assists_per_minute(per_game, kind):
    rows = ibis.memtable(pd.DataFrame({"rebounds": [per_game[0]], "assists": [per_game[1]], "minutes": [32.0]}))
    found = run(rows.select(role=opponent_roles.role(rows.rebounds, rows.assists, rows.minutes)))
    assert found["role"].tolist() == [kind]


def test_the_better_team_is_the_favourite_and_more_so_at_home():
    rows = ibis.memtable(pd.DataFrame({
        "is_home": [True, False], "team_margin_long": [5.0, -1.0], "opponent_margin_long": [-1.0, 5.0],
        "team_points_long": 115.0, "opponent_points_allowed_long": 111.0, "team_pace_long": 100.0,
        "opponent_pace_long": 102.0, "team_offensive_rating_long": 112.0, "opponent_defensive_rating_long": 110.0,
        "opponent_pace": 102.0, "team_pace": 99.0,
    }))  # fmt: skip
    found = run(rows.select(**teams.derived(rows)))
    assert found["expected_margin"].tolist() == [8.0, -8.0]
    assert found["expected_margin_size"].tolist() == [8.0, 8.0]
    assert found.loc[0, ["expected_team_points", "expected_pace", "expected_efficiency"]].tolist() == [113, 202, 222]
    assert found.loc[0, "pace_mismatch"] == 3.0, "a faster opponent makes a faster game"


def test_rest_counts_for_the_rested():
    day = START + timedelta(days=10)
    rows = pd.DataFrame({
        "game_date": day, "is_home": True, "postseason": False, "last_game_date": [day - timedelta(days=3), None],
        "team_days_rest": [3, 140], "opponent_days_rest": [1, 140], "game_number_in_season": [9, 1],
        "opponent_game_number_in_season": [9, 1], "team_is_third_game_in_four_days": False,
    })  # fmt: skip
    kinds = {name: "int64" if "number" in name or "rest" in name else "boolean" for name in rows}
    table = ibis.memtable(rows, schema=kinds | {"game_date": "date", "last_game_date": "date"})
    found = run(table.select(**schedule.derived(table)))
    rest = ["days_rest", "team_days_rest", "opponent_days_rest", "rest_advantage"]
    assert found.loc[0, rest].tolist() == [3, 3, 1, 2]
    assert found["opponent_is_back_to_back"].tolist() == [1.0, 0.0]
    assert found["is_third_game_in_four_days"].tolist() == [0.0, 0.0]
    assert found.loc[1, ["days_rest", "team_days_rest", "rest_advantage"]].isna().all()


def test_quality_grows_with_the_evidence_from_forty_and_is_zero_for_what_is_missing():
    one = Feature("a", "x", "A.", "games", 10, "t", made_from=OWN)
    other = Feature("b", "x", "B.", source="t", made_from=NO_GAMES)
    kinds = {"games": "int64", "a": "float64", "b": "float64"}
    rows = ibis.memtable(pd.DataFrame({"games": [0, 5, 10, 82, None], "a": 1.0, "b": [1.0, None] * 2 + [1.0]}),
                         schema=kinds)  # fmt: skip
    rows = rows.mutate(**qualities(rows, [one, other]))
    found = run(rows.select(one=one.quality(rows), other=other.quality(rows)))
    assert found["one"].tolist() == [40, 70, 100, 100, 40]
    assert found["other"].tolist() == [100, 0, 100, 0, 100]
