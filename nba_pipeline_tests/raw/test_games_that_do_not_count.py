"""A game with a team that is none of the league's counts for nothing; every game of the thirty teams does."""

from datetime import date

import pytest

from nba_pipeline.raw.games import EXHIBITION, games
from nba_pipeline.sources.records import NOT_PLAYED, GameRecord


def status(home: int | None, visitor: int | None, said: str = "final") -> dict:
    record = GameRecord.model_validate(
        {
            "game_id": 1, "game_date": date(2026, 2, 15), "season": 2025, "status": said, "status_text": said,
            "period": 4 if said == "final" else 0, "tipoff_at": None, "postseason": False,
            "home_team_id": home, "home_team": home and "AAA", "home_score": 101 if said == "final" else None,
            "visitor_team_id": visitor, "visitor_team": visitor and "BBB",
            "visitor_score": 99 if said == "final" else None,
        }
    )  # fmt: skip
    (row,) = games([record]).to_pylist()
    return row


@pytest.mark.parametrize(("home", "visitor"), [(1, 30), (1610612737, 1610612766), (7, 12)])
def test_games_of_the_thirty_teams_count_by_the_sources_ids_and_the_leagues_own(home, visitor):
    assert status(home, visitor)["status"] == "final"
    assert status(home, visitor)["home_score"] == 101


@pytest.mark.parametrize(("home", "visitor"), [(31, 32), (7, 12321), (99, 7)])
@pytest.mark.parametrize("said", ["scheduled", "in_progress", "final"])
def test_all_star_teams_and_clubs_from_abroad_play_exhibitions_without_a_score(home, visitor, said):
    row = status(home, visitor, said)
    assert row["status"] == EXHIBITION
    assert row["home_score"] is row["visitor_score"] is None


def test_nothing_is_expected_of_an_exhibition():
    assert EXHIBITION in NOT_PLAYED


def test_a_game_that_is_off_stays_so_whoever_was_to_play():
    assert status(7, None, "undecided")["status"] == "undecided"
    assert status(7, 99, "postponed")["status"] == "postponed"
