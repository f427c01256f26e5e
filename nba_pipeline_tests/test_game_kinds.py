"""What kind a game is, what counts, and that no real game is taken for one that does not."""

from datetime import date, timedelta
from typing import Any, get_args

import pandas as pd
import pytest

from nba_pipeline.league.model import League
from nba_pipeline.raw.games import EXHIBITION, games
from nba_pipeline.raw.rules.game_kinds import EARLIEST_OPENING, NOT_COUNTING, Kind, kind_of, opening_of
from nba_pipeline.sources.records import GameRecord
from nba_pipeline_tests.support.game_records import SEASON
from nba_pipeline_tests.support.game_records import game as of_season

LAKERS, SUNS = 1610612747, 1610612756
OPENING = date(2025, 10, 21)


def row(
    day: date = date(2025, 11, 5), game_id: int = 18447001, home: int | None = 14, visitor: int | None = 24, **said: Any
) -> dict:
    return {"game_id": game_id, "game_date": day, "season": SEASON, "postseason": False, "home_team_id": home,
            "visitor_team_id": visitor, **said}  # fmt: skip


@pytest.mark.parametrize(
    ("game", "opens", "kind"),
    [
        (row(), None, "regular"),
        (row(date(2026, 3, 1)), OPENING, "regular"),
        (row(date(2026, 4, 30), postseason=True), None, "play-offs"),
        (row(date(2025, 10, 14)), None, "preseason"),
        (row(date(2025, 10, 17)), OPENING, "preseason"),
        (row(OPENING), OPENING, "regular"),
        (row(date(2025, 10, 17)), None, "unknown"),
        (row(date(2025, 10, 31)), None, "unknown"),
        (row(date(2025, 10, 8), visitor=12321), OPENING, "exhibition"),
        (row(date(2026, 2, 15), home=99, visitor=98), OPENING, "exhibition"),
        (row(home=None, visitor=None), OPENING, "regular"),
    ],
)
def test_a_kind_follows_from_the_teams_the_play_offs_and_the_first_date_of_the_season(game, opens, kind):
    assert kind_of(game, opens) == kind


@pytest.mark.parametrize(
    ("game_id", "kind"),
    [
        (12500061, "preseason"), (22500061, "regular"), (32500001, "all-star"), (42500101, "play-offs"),
        (52500101, "play-in"), (62500001, "cup final"), (72500001, "regular"), (22400061, "regular"),
    ],
)  # fmt: skip
def test_the_leagues_own_id_says_the_kind_where_its_own_teams_play(game_id, kind):
    assert kind_of(row(game_id=game_id, home=LAKERS, visitor=SUNS)) == kind
    assert kind_of(row(game_id=game_id)) == "regular", "another source's id says nothing"


def test_only_what_is_known_not_to_count_does_not():
    assert set(NOT_COUNTING) < set(get_args(Kind))
    assert "unknown" not in NOT_COUNTING


PRESEASON = [date(2025, 10, day) for day in (2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17)]


def schedule(*days: date) -> list[GameRecord]:
    return [of_season(number, day, "LAL", "PHX") for number, day in enumerate(days)]


def test_the_schedule_of_a_season_tells_its_first_date_where_it_has_its_preseason():
    regular = [OPENING + timedelta(days=n) for n in range(60)]
    assert opening_of(SEASON, schedule(*PRESEASON, *regular)) == OPENING
    assert opening_of(SEASON, schedule(*regular)) is None, "a first rest in it may be any"
    assert opening_of(SEASON, schedule(*PRESEASON)) is None, "of the season nothing is listed yet"
    assert opening_of(SEASON, []) is None
    assert opening_of(SEASON + 1, schedule(*PRESEASON, *regular)) is None


def status(day: date, said: str = "final", opens: date | None = None) -> str:
    final = {"status": said, "period": 4, "home_score": 101, "visitor_score": 99} if said == "final" else {}
    record = of_season(1, day, "LAL", "PHX", home_team_id=14, visitor_team_id=24, **final)
    (made,) = games([record], {SEASON: opens}).to_pylist()
    assert (made["home_score"] is None) == (made["status"] != "final")
    return made["status"]


def test_preseason_between_teams_of_the_league_counts_for_nothing():
    assert status(date(2025, 10, 10)) == status(date(2025, 10, 10), "scheduled") == EXHIBITION
    assert status(date(2025, 10, 16), opens=OPENING) == EXHIBITION
    assert status(date(2025, 10, 16)) == "final", "what is not known counts"
    assert status(OPENING, opens=OPENING) == "final"


def test_every_game_of_nine_real_seasons_counts(real_league: League) -> None:
    found = pd.Series([kind_of(game) for game in real_league.games.to_dict("records")])
    assert found.value_counts().to_dict() == {"regular": len(real_league.games)}
    firsts = real_league.games.groupby("season")["game_date"].min()
    assert all((day.month, day.day) >= EARLIEST_OPENING for day in firsts)


def test_every_game_of_a_simulated_league_counts_by_its_date_alone(league: League) -> None:
    found = {kind_of(game) for game in league.games.to_dict("records")}
    assert found.isdisjoint(NOT_COUNTING)
    for season in (2024, 2025):
        days = league.games.loc[league.games["season"] == season, "game_date"]
        assert opening_of(season, [of_season(1, day, "A", "B", season) for day in sorted({*days})]) is None
