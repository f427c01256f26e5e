"""The whole feature store on a simulated season, against a second implementation, and with and without news."""

from datetime import date, datetime

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nba_pipeline.contracts import Contract
from nba_pipeline.precompute import ml_feature_store as store
from nba_pipeline.precompute.feature_groups import lineups, schedule, similar_roles
from nba_pipeline_tests.support.season_frames import Season, frame_of, raw, run

DAY = date(2025, 12, 12)
KEYS = ["game_date", "game_id", "player_id"]
REPORTED = datetime(2025, 12, 12, 22)


@pytest.fixture(scope="module")
def season(league) -> Season:
    return Season(*raw(league))


def spine(season: Season) -> pd.DataFrame:
    """The players of the teams that play on the day, by their last game; one is a debutant of whom nothing is known."""
    games = season.games[season.games["game_date"] == DAY]
    sides = pd.concat(
        [
            games.assign(team_id=games[f"{side}_team_id"], team=games[f"{side}_team"], is_home=side == "home",
                         opponent_id=games[f"{other}_team_id"], opponent=games[f"{other}_team"])
            for side, other in (("home", "visitor"), ("visitor", "home"))
        ]
    )  # fmt: skip
    past = season.history[season.history["game_date"] < DAY].sort_values("game_date")
    last = past.drop_duplicates("player_id", keep="last")[["player_id", "team_id", "player_name", "position"]]
    rows = sides.merge(last, on="team_id")
    debut = rows.iloc[[0]].assign(player_id=999_999, player_name="A Debutant", position="C")
    rows = pd.concat([rows, debut], ignore_index=True)
    played = past[past["played"]]
    of_season = played[played["season"] == 2025]
    return rows.assign(
        last_game_date=rows["player_id"].map(played.groupby("player_id")["game_date"].max()),
        games_played_season=rows["player_id"].map(of_season.groupby("player_id").size()).fillna(0).astype(int),
        team_games_season=rows["team_id"].map(past[past["season"] == 2025].groupby("team_id")["game_id"].nunique()),
        postseason=False, **dict.fromkeys(schedule.LOADS, 0.0),
    )  # fmt: skip


def filled(rows: pd.DataFrame, table: Contract) -> ibis.Table:
    """The rows in the columns of the contract, null where the frame has nothing."""
    schema = table.schema.to_pyarrow()
    columns = [
        pa.array(rows[field.name], type=field.type, from_pandas=True)
        if field.name in rows
        else pa.nulls(len(rows), field.type)
        for field in schema
    ]
    return ibis.memtable(pa.table(columns, schema=schema))


def lacking(season: Season) -> tuple[int, int]:
    """Two who have played: of one's team a game is missing, and of the other's opponent."""
    own, met = spine(season).nlargest(2, "games_played_season")["player_id"]
    return int(own), int(met)


@pytest.fixture(scope="module")
def made(season) -> pd.DataFrame:
    """The store of the day. One team's report is known, and says that one who played its last game is out."""
    rows = spine(season)
    own, met = lacking(season)
    rows = rows.assign(
        window_completeness=(rows["player_id"] == own).map({True: 0.8, False: 1.0}),
        opponent_window_completeness=rows["player_id"].map({own: 0.95, met: 0.7}).fillna(1.0),
    )
    reported = rows["team_id"] == rows["team_id"].iloc[0]
    out = rows.index == pd.to_datetime(rows.loc[reported, "last_game_date"]).idxmax()
    upcoming = rows.assign(
        team_days_rest=40, opponent_days_rest=1, team_is_third_game_in_four_days=False,
        game_number_in_season=20, opponent_game_number_in_season=20,
        injury_report_known_at=pd.Series(pd.NaT, index=rows.index).mask(reported, pd.Timestamp(REPORTED)),
        injury_status=pd.Series(None, index=rows.index, dtype=object).mask(reported, "available").mask(out, "out"),
        opponent_injury_report_known_at=pd.Series(pd.NaT, index=rows.index).mask(
            rows["opponent_id"] == rows["team_id"].iloc[0], pd.Timestamp(REPORTED)
        ),
    )  # fmt: skip
    reads = store.CONTRACT.reads
    inputs = {"cache": rows, "upcoming": upcoming, "factors": rows, "zones": rows}
    tables = {name: filled(frame, reads[name].table) for name, frame in inputs.items()}
    for name in ("history", "offense", "defense"):
        past = getattr(season, name)
        tables[name] = frame_of(past[past["game_date"] < DAY], reads[name].table)
    assert set(tables) == set(reads)
    return run(store.ml_feature_store(**tables)).sort_values(KEYS).reset_index(drop=True)


def test_each_expected_player_has_one_row_in_the_columns_of_the_contract(season, made):
    assert set(made) == set(store.CONTRACT.schema.names)
    assert len(made) == len(spine(season)) == len(made[KEYS].drop_duplicates())


def weighted(values: pd.Series, half_life: float) -> float:
    weights = 0.5 ** (np.arange(len(values))[::-1] / half_life)
    return float(np.average(values, weights=weights))


def test_a_second_implementation_in_pandas_agrees(season, made):
    past = season.history[(season.history["game_date"] < DAY) & season.history["played"]].sort_values("game_date")
    teams = season.offense[season.offense["game_date"] < DAY].sort_values("game_date")
    compared = 0
    for row in made.itertuples():
        mine = past[past["player_id"] == row.player_id]
        if mine.empty:
            continue
        now = mine[mine["season"] == 2025]
        games = teams.loc[teams["team_id"] == row.team_id, "game_id"].tolist()
        there = mine[mine["team_id"] == row.team_id]
        wanted = {
            "assists_ewma_60": weighted(mine["assists"], 60),
            "three_pointers_made_ewma_15": weighted(mine["three_pointers_made"], 15),
            "rebounds_last_10": mine["rebounds"].tail(10).mean(),
            "minutes_avg_last_5": now["minutes"].tail(5).mean(),
            "rebounds_deviation_last_10": now["rebounds"].tail(10).std(),
            "assists_per_minute": weighted(mine["assists"], 15) / weighted(mine["minutes"], 15),
            "participation_ewma_7": weighted(pd.Series(games).isin(there["game_id"]), 7),
            "did_not_play_rate_last_10": 1 - pd.Series(games[-10:]).isin(there["game_id"]).mean(),
            "team_margin": weighted(teams.loc[teams["team_id"] == row.team_id, "margin"], 15),
            "opponent_points_allowed": weighted(
                season.defense[(season.defense["team_id"] == row.opponent_id) & (season.defense["game_date"] < DAY)]
                .sort_values("game_date")["points_allowed"], 15),
        }  # fmt: skip
        for name, value in wanted.items():
            np.testing.assert_allclose(getattr(row, name), value, atol=1e-6, err_msg=name)
            compared += 1
    assert compared > 1000


def test_rest_is_what_the_context_tells(made):
    rest = made[["team_days_rest", "opponent_days_rest", "rest_advantage", "opponent_is_back_to_back"]]
    assert rest.drop_duplicates().values.tolist() == [[30, 1, 3, 1]]


def test_a_debutant_has_a_prior_of_his_position_and_nothing_else_of_his_own(season, made):
    row = made[made["player_id"] == 999_999].iloc[0]
    past = season.history[(season.history["game_date"] < DAY) & season.history["played"]]
    for stat in ("points", "rebounds", "assists", "three_pointers_made", "minutes"):
        assert row[f"{stat}_prior"] == pytest.approx(past[stat].mean()), "no center was seen: everybody stands for them"
        assert pd.isna(row[[f"{stat}_ewma_7", f"{stat}_last_10", f"{stat}_avg_season"]]).all()
    assert row["missing_features"] > 100
    assert row["quality_tier"] == "critical"


def test_news_is_there_for_the_team_whose_report_is_known_and_for_nobody_else(made):
    known = made["injury_report_known_at"].notna()
    news = [f.name for group in (lineups.GROUP, similar_roles.GROUP) for f in group.features if f.news]
    news += ["out_minutes", "present_minutes", "balanced_minutes", "present_rank"]
    assert made.loc[~known, news].isna().all().all()
    regulars = made[known & (made["games_played_season"] > 5)]
    assert regulars[news].notna().all().all()
    assert (regulars["out_minutes"] > 0).sum() == len(regulars) - 1, "all but the one who is out himself"


def test_without_news_the_quality_is_the_same_and_where_games_are_missing_it_is_poor_at_best(season, made):
    lasting = [feature for feature in store.FEATURES if not feature.news]
    known = made[[feature.name for feature in lasting]].notna().to_numpy()
    qualities = made[[feature.quality_column.name for feature in lasting]].to_numpy()
    own, met = lacking(season)
    shares = made["player_id"].map({own: 0.8, met: 0.7}).fillna(1.0)
    by_features = (qualities * known).mean(axis=1)
    np.testing.assert_allclose(made["quality"], by_features * shares)
    marked = made["player_id"].isin([own, met])
    assert (by_features[marked] > 70).all(), "by their features alone they would be bronze at least"
    assert made.loc[marked, "quality_tier"].tolist() == ["poor", "poor"]


def test_the_store_compiles_for_bigquery():
    tables = {name: read.table.unbound() for name, read in store.CONTRACT.reads.items()}
    statement = ibis.to_sql(store.ml_feature_store(**tables), dialect="bigquery", pretty=False)
    assert len(statement) < 1_000_000, "BigQuery takes no longer query"
