"""Season files become a league as they are, and a bad one is refused with the place and what to correct."""

from datetime import UTC, date, datetime

import pandas as pd
import pytest
import requests

from nba_pipeline.league.parquet_seasons import SeasonFileError, read_seasons
from nba_pipeline.league.server import LeagueServer
from nba_pipeline_tests.support.parquet_season import NAME, season


def listed(**changes) -> pd.DataFrame:
    game = {
        "season": "2031-32", "game_id": "0023100001", "game_date": "2031-10-21", "home_team_id": 1,
        "home_team": "BOS", "home_score": 160, "visitor_team_id": 2, "visitor_team": "NYK", "visitor_score": 144,
    }  # fmt: skip
    return pd.DataFrame([{**game, **changes}])


def with_value(column: str, value: object) -> pd.DataFrame:
    rows = season().astype({column: object})
    rows.loc[3, column] = value
    return rows


def answer(folder, path: str) -> list[dict]:
    with LeagueServer(read_seasons(folder), now=datetime(2032, 1, 1, tzinfo=UTC)) as server:
        return requests.get(f"{server.url}/v1/{path}", headers={"Authorization": "k"}, timeout=10).json()["data"]


def test_a_new_season_dropped_into_the_folder_is_served(tmp_path):
    season().to_parquet(tmp_path / NAME)
    games = answer(tmp_path, "games?seasons[]=2031")
    assert [(g["id"], g["home_team_score"], g["visitor_team_score"]) for g in games] == [(23100001, 160, 144)]


def test_a_season_that_the_games_file_does_not_know_is_derived_from_its_box_scores(tmp_path):
    season().to_parquet(tmp_path / NAME)
    listed(season="2030-31", game_id="0023000001", game_date="2030-10-21").to_parquet(tmp_path / "games.parquet")
    assert [g["id"] for g in answer(tmp_path, "games")] == [23100001]


def test_a_listed_game_without_box_scores_is_final_and_has_no_stats(tmp_path):
    season().to_parquet(tmp_path / NAME)
    listed(game_id="0023100002", game_date="2031-10-22").to_parquet(tmp_path / "games.parquet")
    games = {g["id"]: g for g in answer(tmp_path, "games")}
    assert (games[23100002]["status"], games[23100002]["home_team_score"]) == ("Final", 160)
    assert answer(tmp_path, "stats?game_ids[]=23100002") == []


@pytest.mark.parametrize(("minutes", "overtimes"), [(30, 0), (33, 1), (36, 2)])
def test_overtimes_follow_from_the_minutes_of_the_teams(tmp_path, minutes, overtimes):
    season(minutes=minutes).to_parquet(tmp_path / NAME)
    assert [g["period"] for g in answer(tmp_path, "games")] == [4 + overtimes]


def test_names_are_split_and_bios_used(tmp_path):
    season().to_parquet(tmp_path / NAME)
    bios = {"player_id": [3], "player_name": ["x"], "position": ["Guard-Forward"], "height": ["6-7"], "weight": [220.0]}
    pd.DataFrame(bios).to_parquet(tmp_path / "player_bios_2031-32.parquet")
    teams = {"season": ["2031-32"], "team_id": [1], "team": ["POR"], "team_name": ["Portland Trail Blazers"]}
    pd.DataFrame(teams).to_parquet(tmp_path / "teams.parquet")
    league = read_seasons(tmp_path)
    player = league.players[3]
    assert (player.first_name, player.last_name) == ("Player", "Number3 Jr.")
    assert (player.position, player.height, player.weight) == ("G-F", "6-7", "220")
    assert (league.by_team[1].city, league.by_team[1].name) == ("Portland", "Trail Blazers")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (season().drop(columns="assists"), "lacks the columns assists"),
        (with_value("assists", None), "row 3: assists is missing"),
        (with_value("assists", "many"), r"row 3: assists \('many'\) is no whole number"),
        (with_value("assists", "1.5"), r"row 3: assists \('1.5'\) is no whole number"),
        (with_value("steals", "-1"), r"row 3: steals \('-1'\) is no whole number"),
        (with_value("game_date", "soon"), "row 3: game_date is no date"),
        (with_value("game_date", "2033-01-01"), "row 3: game_date is in another season"),
        (with_value("is_home", "maybe"), "is_home is neither true nor false"),
        (with_value("player_id", "102"), "row 3: player_id is in this game already"),
        (with_value("points", "7"), "row 3: points does not follow"),
        (with_value("rebounds", "9"), "row 3: rebounds is not offensive and defensive"),
        (with_value("field_goals_attempted", "2"), "row 3: field_goals_made is more than"),
    ],
)
def test_a_bad_season_file_is_refused_with_its_name_row_and_column(tmp_path, rows, message):
    for column in rows.columns:
        if rows[column].map(type).nunique() > 1:
            rows = rows.assign(**{column: rows[column].map(lambda value: None if value is None else str(value))})
    rows.to_parquet(tmp_path / NAME)
    with pytest.raises(SeasonFileError, match=message) as refused:
        read_seasons(tmp_path)
    assert NAME in str(refused.value)


def test_a_file_that_is_no_parquet_or_names_no_season_is_refused(tmp_path):
    with pytest.raises(SeasonFileError, match=r"has no player_box_scores_<season>\.parquet"):
        read_seasons(tmp_path)
    (tmp_path / NAME).write_bytes(b"no parquet")
    with pytest.raises(SeasonFileError, match=rf"{NAME} cannot be read as Parquet"):
        read_seasons(tmp_path)
    season().to_parquet(tmp_path / "player_box_scores_2031-33.parquet")
    with pytest.raises(SeasonFileError, match=r"2031-33\.parquet names no season"):
        read_seasons(tmp_path)


def test_a_game_in_two_files_or_with_two_scores_is_refused(tmp_path):
    season().to_parquet(tmp_path / NAME)
    listed(home_score=161).to_parquet(tmp_path / "games.parquet")
    with pytest.raises(SeasonFileError, match=r"games\.parquet, row 0: home_score is not what the box scores"):
        read_seasons(tmp_path)
    (tmp_path / "games.parquet").unlink()
    season(day="2030-10-21").to_parquet(tmp_path / "player_box_scores_2030-31.parquet")
    with pytest.raises(SeasonFileError, match="game 23100001 is in the files of two seasons"):
        read_seasons(tmp_path)


def test_the_real_seasons_are_served_whole_with_nothing_invented(real_league):
    assert len(real_league.games) == 10_661
    assert not real_league.box["sat"].any()
    assert real_league.games["game_date"].max() == date(2024, 4, 14)
