"""How many games a team plays: any one that no answer lists is revealed, whatever else is listed."""

from collections.abc import Sequence
from datetime import date, timedelta

import hypothesis
import pytest
from hypothesis import strategies

from nba_pipeline.league.model import League
from nba_pipeline.sources.records import GameRecord
from nba_pipeline.sources.season_games import (
    CUP_FINALS,
    PublishedGames,
    SeasonGames,
    cup_final,
    expected_games,
    missing_games,
    missing_reason,
    schedule_is_complete,
    season_games,
)
from nba_pipeline_tests.support.game_records import SEASON, game


def listed(league: League, season: int) -> list[GameRecord]:
    """The games of a season of a league, as its source lists them."""
    names = {team.id: team.abbreviation for team in league.teams}
    rows = league.games[league.games["season"] == season].to_dict("records")
    return [
        game(
            row["game_id"], row["game_date"], names[row["home_team_id"]], names[row["visitor_team_id"]], season,
            postseason=bool(row["postseason"]),
        )
        for row in rows
    ]  # fmt: skip


def lacking(found: SeasonGames) -> dict[str, int]:
    return {team.team: team.lacking for team in found.lacking}


@pytest.fixture(scope="module")
def full(league: League) -> list[GameRecord]:
    return listed(league, SEASON)


@pytest.fixture(scope="module")
def around(full: list[GameRecord]) -> list[GameRecord]:
    """What else a source lists of a season: preseason, also against a club from abroad, all-star games, play-offs."""
    opening = min(one.game_date for one in full)
    teams = sorted({one.home_team for one in full if one.home_team})
    before = [
        game(900 + n, opening - timedelta(days=4 + n % 12), teams[n], teams[-1 - n] if n else "AUR") for n in range(15)
    ]
    stars = [game(950 + n, date(2026, 2, 15), *sides) for n, sides in enumerate([("STA", "STB"), ("STA", "WLD")])]
    after = [game(980 + n, date(2026, 4, 20), teams[n], teams[n + 8], postseason=True) for n in range(8)]
    return [*before, *stars, *after]


def test_a_full_season_lacks_nothing_whatever_else_is_listed_around_it(
    full: list[GameRecord], around: list[GameRecord]
) -> None:
    for games in (full, [*around, *full], [*full, *full]):
        found = season_games(SEASON, games)
        assert [(team.listed, team.expected) for team in found.teams] == [(82, 82)] * 30
        assert (found.reason, found.lacking) == (None, ())


@hypothesis.given(data=strategies.data())
def test_any_one_game_that_is_gone_reveals_exactly_its_two_teams(
    full: list[GameRecord], around: list[GameRecord], data: strategies.DataObject
) -> None:
    gone = data.draw(strategies.sampled_from(full))
    found = season_games(SEASON, [one for one in [*around, *full] if one != gone])
    assert lacking(found) == {gone.home_team: 1, gone.visitor_team: 1}
    one, other = sorted(map(str, (gone.home_team, gone.visitor_team)))
    assert found.reason == f"the schedule of 2025-26 lists 81 of 82 games of {one} and {other}; a game is in no answer"


def test_an_answer_that_is_cut_short_or_empty_is_no_full_season(full: list[GameRecord]) -> None:
    for games in (full[:100], full[:3], []):
        assert season_games(SEASON, games).reason is not None
    assert season_games(SEASON, []).reason == "the schedule of 2025-26 lists no game of any team"


def test_several_games_that_are_gone_are_counted_by_team(full: list[GameRecord]) -> None:
    teams = {"ATL": 0, "BOS": 0}
    for one in (gone := [one for one in full if "ATL" in (one.home_team, one.visitor_team)][:2]):
        teams |= {team: teams.get(team, 0) + 1 for team in map(str, (one.home_team, one.visitor_team))}
    found = season_games(SEASON, [one for one in full if one not in gone])
    assert lacking(found) == {team: count for team, count in teams.items() if count}
    assert found.reason is not None
    assert "lists 80 of 82 games of ATL" in found.reason
    assert found.reason.endswith("; 2 games are in no answer")


@pytest.mark.parametrize("season", [*CUP_FINALS, 2026])
def test_the_cup_final_counts_for_nobody(season: int) -> None:
    """Two teams list 83: without one of their other games they list 82, and it is found out all the same."""
    final = game(999, CUP_FINALS.get(season, date(season, 12, 15)), "AAA", "BBB", season)
    semi_finals = [
        game(990, date(season, 12, 12), "AAA", "CCC", season),
        game(991, date(season, 12, 12), "BBB", "DDD", season),
    ]
    assert cup_final(season, [*semi_finals, final]) == 999
    assert cup_final(season, [*semi_finals, final, game(1, final.game_date, "CCC", "DDD", season)]) is None
    assert cup_final(2022, [final]) is None
    days: Sequence[date] = [date(season, 11, 1) + timedelta(days=n) for n in range(82 + 30)]
    others = [one for one in days if one not in (final.game_date, semi_finals[0].game_date)][:82]
    pairs = [("AAA", "BBB"), ("CCC", "DDD")]
    full = [
        game(n * 2 + m, day, home, visitor, season)
        for n, day in enumerate(others)
        for m, (home, visitor) in enumerate(pairs)
    ]
    assert season_games(season, [*full, final]).reason is None
    assert lacking(season_games(season, [*full[1:], final])) == {"AAA": 1, "BBB": 1}


def test_years_with_other_numbers_and_other_leagues() -> None:
    years = {1997: 82, 1998: 50, 2010: 82, 2011: 66, 2018: 82, 2019: None, 2020: 72, 2021: 82, 2026: 82}
    assert {year: expected_games(year) for year in years} == years
    assert (expected_games(2019, 60), expected_games(2025, 0), expected_games(2025, 34)) == (60, None, 34)
    assert season_games(2025, [], 0).reason is None


def test_the_number_is_held_against_a_schedule_only_when_the_cup_has_decided_the_last_games() -> None:
    days = (date(2025, 10, 1), date(2025, 12, 15), date(2025, 12, 16), date(2026, 6, 1))
    assert [schedule_is_complete(2025, day) for day in days] == [False, False, True, True]


def test_a_game_is_missing_where_its_date_is_over_and_published_without_it(full: list[GameRecord]) -> None:
    first, second, third = sorted({one.game_date for one in full})[:3]
    of = {day: [one for one in full if one.game_date == day] for day in (first, second, third)}
    published = {day: {one.game_id for one in of[day][1:]} for day in (first, third)}
    # Of the second nothing was published, and the third is not over.
    assert missing_games(full, published, over=third) == {first: of[first][:1]}
    gone = of[first][0]
    assert missing_reason(SEASON, [gone]) == (
        f"game {gone.game_id} ({gone.visitor_team} at {gone.home_team}) is on the schedule of 2025-26 and not in "
        "raw.games of the date"
    )


@pytest.mark.parametrize("state", ["cancelled", "moved"])
def test_a_game_gone_from_its_date_by_one_answer_but_on_the_schedule_of_the_season_is_told(state: str) -> None:
    day, over = date(2025, 11, 5), date(2025, 11, 6)
    rows = [
        {"game_date": day, "game_id": 1, "status": state}, {"game_date": day, "game_id": 2, "status": "postponed"},
        {"game_date": over, "game_id": 3, "status": "cancelled"},
    ]  # fmt: skip
    published = PublishedGames.of(rows, [day])
    listed = [game(1, day, "BOS", "NYK"), game(2, day, "DEN", "UTA"), game(4, day, "LAL", "LAC")]
    missing = missing_games(listed, published.standing, over=over)
    assert {day: [one.game_id for one in games] for day, games in missing.items()} == {day: [1, 4]}
    assert missing_reason(SEASON, missing[day], published.gone) == (
        "game 4 (LAC at LAL) is on the schedule of 2025-26 and not in raw.games of the date; "
        f"game 1 (NYK at BOS) is on the schedule of 2025-26 and {state} in raw.games of the date"
    )
    assert missing_games(listed[1:2], published.standing, over=over) == {}


def test_a_moved_game_that_the_schedule_lists_on_its_new_date_only_is_not_missing() -> None:
    day, later = date(2025, 11, 5), date(2025, 11, 7)
    rows = [
        {"game_date": day, "game_id": 1, "status": "moved"}, {"game_date": later, "game_id": 1, "status": "final"}
    ]  # fmt: skip
    published = PublishedGames.of(rows, [day, later])
    assert missing_games([game(1, later, "BOS", "NYK")], published.standing, over=date(2025, 11, 8)) == {}


def test_every_team_of_nine_real_seasons_has_the_games_that_are_expected(real_league: League) -> None:
    for season in range(2015, 2024):
        found = season_games(season, listed(real_league, season))
        assert len(found.teams) == 30
        assert found.reason is None
        counts = {team.listed for team in found.teams}
        assert counts == ({expected_games(season)} if season != 2019 else {63, 64, 65, 66, 67}), season


def test_any_game_of_a_real_december_that_is_gone_is_revealed_beside_a_cup_final(real_league: League) -> None:
    full = listed(real_league, 2023)
    final = game(62_300_001, CUP_FINALS[2023], "LAL", "IND", 2023)
    december = [one for one in full if date(2023, 12, 3) <= one.game_date <= date(2023, 12, 20)]
    assert len(december) > 100
    for listing in (full, [*full, final]):
        for gone in december:
            found = season_games(2023, [one for one in listing if one is not gone])
            assert lacking(found) == {gone.home_team: 1, gone.visitor_team: 1}
