"""What the source's items mean."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nba_pipeline.sources.records import GameRecord, StatRecord, game_status, parse_height, parse_minutes

TEAM = {"id": 1, "abbreviation": "BOS"}


def stat(**changes) -> dict:
    counts = dict.fromkeys(
        (
            "fgm",
            "fga",
            "fg3m",
            "fg3a",
            "ftm",
            "fta",
            "oreb",
            "dreb",
            "reb",
            "ast",
            "stl",
            "blk",
            "turnover",
            "pf",
            "pts",
        ),
        0,
    )
    return {
        "min": "34", **counts, "player": {"id": 9, "first_name": "A", "last_name": "B", "position": "G"}, "team": TEAM,
        "game": {"id": 3, "date": "2024-01-17", "season": 2023}, **changes,
    }  # fmt: skip


def game(**changes) -> dict:
    return {
        "id": 3, "date": "2024-01-17", "season": 2023, "status": "Final", "period": 4, "postseason": False,
        "home_team_score": 100, "visitor_team_score": 99, "home_team": TEAM,
        "visitor_team": {"id": 2, "abbreviation": "NYK"}, "datetime": "2024-01-18T00:30:00Z", **changes,
    }  # fmt: skip


@given(minutes=st.integers(0, 70), seconds=st.integers(0, 59))
def test_minutes_with_seconds_are_minutes_and_a_fraction(minutes, seconds):
    assert parse_minutes(f"{minutes}:{seconds:02d}") == pytest.approx(minutes + seconds / 60)
    assert parse_minutes(f"{minutes:02d}") == minutes


@pytest.mark.parametrize("text", [None, "", "00", "0"])
def test_a_player_who_sat_has_no_minutes(text):
    assert parse_minutes(text) == 0.0


@pytest.mark.parametrize("text", ["x", "34:60", "-3", "3.5", "1e3"])
def test_other_minutes_are_no_minutes(text):
    with pytest.raises(ValueError, match="minutes"):
        parse_minutes(text)


@pytest.mark.parametrize(
    ("text", "period", "scores", "status"),
    [
        ("Final", 4, (100, 99), "final"),
        ("Final/OT", 5, (100, 99), "final"),
        ("Final", 4, (0, 0), "in_progress"),
        ("Final", 3, (80, 70), "in_progress"),
        ("Final", 4, (100, 0), "in_progress"),
        ("3rd Qtr", 3, (80, 70), "in_progress"),
        ("Halftime", 2, (50, 40), "in_progress"),
        ("2024-01-18T00:30:00Z", 0, (0, 0), "scheduled"),
        ("7:30 pm ET", 0, (0, 0), "scheduled"),
        ("Postponed", 0, (0, 0), "postponed"),
        (None, 0, (0, 0), "scheduled"),
    ],
)
def test_a_game_is_final_by_its_content(text, period, scores, status):
    assert game_status(text, period, scores) == status


def test_scores_of_a_game_that_is_not_final_are_not_kept():
    record = GameRecord.of(game(status="4th Qtr", home_team_score=88, visitor_team_score=80))
    assert (record.status, record.home_score, record.visitor_score) == ("in_progress", None, None)


def test_an_item_without_a_datetime_has_its_tip_off_from_the_status():
    item = game(status="2024-01-18T00:30:00Z", period=0, home_team_score=0, visitor_team_score=0)
    del item["datetime"]
    assert GameRecord.of(item).tipoff_at == datetime(2024, 1, 18, 0, 30, tzinfo=UTC)
    assert GameRecord.of({**item, "status": "7:30 pm ET"}).tipoff_at is None


def test_zero_minutes_with_a_foul_is_a_player_who_played():
    assert not StatRecord.of(stat(min="0", pf=1)).did_not_play
    assert StatRecord.of(stat(min="00")).did_not_play


def test_missing_counts_are_zeros_only_for_a_player_who_sat():
    assert StatRecord.of(stat(min="00", pts=None, ast=None)).points == 0
    with pytest.raises(ValueError, match="points missing for a player with 34 minutes"):
        StatRecord.of(stat(pts=None))


def test_negative_or_broken_counts_are_refused():
    with pytest.raises(ValueError, match="assists"):
        StatRecord.of(stat(ast=-1))
    with pytest.raises(ValueError, match="points"):
        StatRecord.of(stat(pts=1.5))


def test_heights_are_feet_and_inches():
    assert parse_height("6-11") == 83
    assert parse_height("") is None
    with pytest.raises(ValueError, match="feet-inches"):
        parse_height("211 cm")
