"""Late truth comes in by itself: the last 14 days are asked for again every night, the season every week."""

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, time, timedelta

import dagster as dg
import pandas as pd
import pytest

from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.automation.schedules import SCHEDULE_SPECS
from nba_pipeline.clock import NEW_YORK
from nba_pipeline.gates.deadlines import OPERATED
from nba_pipeline.landing.assets import LANDED_GAMES, LANDED_PLAYER_BOX_SCORES
from nba_pipeline.operations.backfill import history_ranges
from nba_pipeline.partitions import RANGE_END, RANGE_START, dates_of, game_dates
from nba_pipeline.predictions import player_predictions
from nba_pipeline.raw import box_score_revisions, held_games, player_box_scores
from nba_pipeline.sources.balldontlie import PER_PAGE, parse_stats
from nba_pipeline.sources.landing import Landing
from nba_pipeline_tests.support.loaded_season import CORRECTED_GAME, LOADED_AT, lose
from nba_pipeline_tests.support.published_rows import published_rows
from nba_pipeline_tests.support.simulated_daemon import SimulatedDaemon

DAY = timedelta(days=1)
MONDAY = date(2025, 11, 10)
FIRST, LAST = MONDAY - timedelta(days=14), MONDAY - timedelta(days=1)
NIGHT = datetime.combine(MONDAY, time(4, 30), NEW_YORK)

Daemon = Callable[..., SimulatedDaemon]


def load(daemon: SimulatedDaemon, first: date, last: date) -> None:
    """Lands dates for the first time, as a backfill does."""
    tags = {RANGE_START: str(first), RANGE_END: str(last)}
    run = daemon.launch(dg.RunRequest(asset_selection=[LANDED_GAMES, LANDED_PLAYER_BOX_SCORES], tags=tags), "me")
    assert run is not None
    assert run.is_success


def asked(daemon: SimulatedDaemon, since: int) -> tuple[Counter[str], set[tuple[str, ...]]]:
    """Of the requests since a number of them: how many of each path, and the different dates that they name."""
    found = daemon.server.requests[since:]
    dates = {tuple(value for name, value in request["params"] if "date" in name) for request in found}
    return Counter(request["path"] for request in found), dates


def test_the_last_14_days_are_asked_for_again_in_one_question_and_no_more_pages_than_they_fill(daemon: Daemon) -> None:
    home = daemon(NIGHT)
    load(home, FIRST, LAST)
    by_date, before = asked(home, 0)[0]["/v1/stats"], len(home.server.requests)
    landing = Landing(home.settings.landing_path)
    alone = [landing.latest("stats", day) for day in game_dates(FIRST, LAST)]

    [run] = home.tick_schedule("last_14_days_again", NIGHT).runs
    assert run.is_success
    assert (run.tags[RANGE_START], run.tags[RANGE_END]) == (str(FIRST), str(LAST))
    pages, dates = asked(home, before)
    assert dates == {(str(FIRST), str(LAST))}
    [together] = {landing.latest("stats", day) for day in game_dates(FIRST, LAST)}
    assert together is not None
    rows = len(parse_stats(together).records)
    assert pages == {"/v1/games": 1 + (pages["/v1/games"] > 1), "/v1/stats": -(-rows // PER_PAGE)}
    assert pages["/v1/stats"] < by_date
    assert sum(pages.values()) <= 40

    # Whatever is said again is news about no date.
    told = [landing.telling("stats", day) for day in game_dates(FIRST, LAST)]
    assert told == [[capture] for capture in alone]
    assert len(landing.captures("stats", LAST)) == 2


def test_the_season_is_asked_for_again_in_months_and_what_it_says_again_is_not_stored_twice(daemon: Daemon) -> None:
    home = daemon(NIGHT)
    begin = date(2025, 10, 8)
    load(home, begin, LAST)
    landing = Landing(home.settings.landing_path)
    stored: list[int] = []
    for hours in (1, 2):
        home.at(NIGHT + timedelta(hours=hours))
        before = len(home.server.requests)
        [run] = home.tick_schedule("season_again", home.now).runs
        assert run.is_success
        assert asked(home, before)[1] == {("2025-10-08", "2025-11-07"), ("2025-11-08", "2025-11-09")}
        stored.append(len(list(home.settings.landing_path.rglob("page-*.json.gz"))))
    assert stored[0] == stored[1]
    assert all(len(landing.telling("stats", day)) == 1 for day in game_dates(begin, LAST))


def test_a_home_that_was_never_loaded_is_not_loaded_by_asking_again(daemon: Daemon) -> None:
    home = daemon(NIGHT)
    ticked = home.tick_schedule("last_14_days_again", NIGHT)
    assert (ticked.runs, ticked.skipped) == (
        [],
        f"nobody asked about {FIRST} to {LAST} before, so there is nothing to ask again",
    )
    load(home, LAST, LAST)
    [run] = home.tick_schedule("season_again", NIGHT).runs
    assert run.tags["dagster/partition"] == str(LAST)


def test_a_correction_on_day_three_comes_in_by_night_and_leaves_what_was_predicted_before(
    loaded: Callable[..., SimulatedDaemon],
) -> None:
    home = loaded()
    predictions, boxes = (
        published_rows(home, table) for table in (player_predictions.CONTRACT, player_box_scores.CONTRACT)
    )
    # A few minutes later the source is three days ahead, so that nothing but the correction is new.
    home.at(home.now + timedelta(minutes=5))
    home.server.clock.fixed = datetime.combine(date(2025, 10, 27), time(9), NEW_YORK)
    assert home.tick_schedule("last_14_days_again", home.now).runs
    [made] = home.tick_sensor("raw_when_upstream_is_fresh").runs
    assert (dates_of(made), made.asset_selection) == (
        [CORRECTED_GAME],
        {asset_key(table.CONTRACT) for table in (held_games, player_box_scores, box_score_revisions)},
    )
    changed = boxes.compare(published_rows(home, player_box_scores.CONTRACT))
    assert len(changed) == 1
    revised = published_rows(home, box_score_revisions.CONTRACT)
    [revision] = revised[revised["stat"] != "row"].to_dict("records")
    assert (revision["game_date"], revision["stat"]) == (CORRECTED_GAME, "assists")
    assert int(revision["new_value"]) - int(revision["old_value"]) == -int(
        changed["assists"]["self"].iloc[0] - changed["assists"]["other"].iloc[0]
    )

    [summed] = home.tick_sensor("analytics_when_upstream_is_fresh").runs
    assert (dates_of(summed), summed.is_success) == ([CORRECTED_GAME], True)
    assert home.tick_sensor("analytics_when_upstream_is_fresh").runs, "what looks back on it follows"
    pd.testing.assert_frame_equal(published_rows(home, player_predictions.CONTRACT), predictions, check_exact=True)


def test_a_home_from_before_revisions_asks_the_source_for_none_of_its_history_again(
    loaded: Callable[..., SimulatedDaemon],
) -> None:
    home, revised, today = loaded(), box_score_revisions.CONTRACT, LOADED_AT.date()
    lose(home, revised, *game_dates(date(2025, 10, 1), today))
    assert history_ranges(home.warehouse, home.gatekeeper.clock, today) == []
    before = len(home.server.requests)
    healed = [run for run in home.tick_sensor("self_heal").runs if asset_key(revised) in (run.asset_selection or ())]
    assert {day for run in healed for day in dates_of(run)} == {*game_dates(today - OPERATED, CORRECTED_GAME + DAY)}
    assert all(run.is_success and run.asset_selection == {asset_key(revised)} for run in healed)
    assert len(home.server.requests) == before


@pytest.mark.parametrize("spec", [spec for spec in SCHEDULE_SPECS if spec.since], ids=lambda spec: spec.name)
def test_who_asks_again_has_the_time_for_it_at_the_rate_of_the_plan(spec) -> None:
    """A regular season has 1,230 games of some 26 rows; the all-star plan allows 60 pages a minute."""
    days = 14 if spec.name == "last_14_days_again" else 180
    pages = 1230 / 170 * days * 26 / PER_PAGE + 2 * days / 30
    assert pages / 60 * 60 < spec.longest_seconds / 2
