"""A tip-off that is not fixed is unknown, and what is known before the earliest that there can be counts."""

import gzip
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import ibis
import pandas as pd
import pytest

from nba_pipeline.clock import tips_off_by
from nba_pipeline.predictions.player_predictions import modes
from nba_pipeline.raw.games import is_before_tip_off
from nba_pipeline.raw.parsing.scheduled_games import ScheduledGame
from nba_pipeline.sources.records import GameRecord
from nba_pipeline_tests.support.api_items import game
from nba_pipeline_tests.support.grading import run
from nba_pipeline_tests.support.judged_home import Home, scheduled
from nba_pipeline_tests.support.named_command import named_command

DAY = date(2024, 1, 17)
EARLIEST = datetime(2024, 1, 17, 16, tzinfo=UTC)
TIP_OFF = datetime(2024, 1, 18, 0, 30)


def coming(**said) -> dict:
    return game(status="TBD", period=0, home_team_score=0, visitor_team_score=0) | said


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("2024-01-17", "2024-01-17T05:00:00Z"), ("2024-01-17", "2024-01-17T00:00:00-05:00"),
        ("2023-10-25", "2023-10-25T04:00:00Z"), ("2024-01-17", "2024-01-17T00:00:00Z"),
        ("2024-01-17", "2024-01-17"), ("2024-01-17", "2024-01-17T00:00:00"), ("2024-01-17", None),
        ("2024-01-17", "TBD"),
    ],
    ids=["midnight in New York", "with its offset", "in summer", "midnight in UTC", "a date", "without a zone", "null",
         "words"],
)  # fmt: skip
def test_a_placeholder_is_no_tip_off(day, said):
    assert GameRecord.of(coming(date=day, datetime=said)).tipoff_at is None


@pytest.mark.parametrize("text", ["TBD", "TBA", " tbd", "To be determined", "To Be Decided"])
def test_a_game_of_which_only_the_hour_is_open_is_scheduled_without_a_tip_off(text):
    record = GameRecord.of(coming(status=text, datetime=None))
    assert (record.status, record.tipoff_at, record.home_team, record.status_text) == ("scheduled", None, "BOS", text)


@pytest.mark.parametrize(
    "said", [{"status": "If necessary"}, {"status": "Undecided"}, {"postseason": True}, {"home_team": None}], ids=str
)
def test_a_game_that_may_never_be_played_is_undecided(said):
    assert GameRecord.of(coming(**said)).status == "undecided"


@pytest.mark.parametrize(("said_on", "status"), [(DAY, "scheduled"), (DAY + timedelta(days=1), "undecided")])
def test_a_game_whose_hour_was_open_when_its_date_was_over_was_never_played(said_on, status):
    assert GameRecord.of(coming()).on(said_on).status == status
    assert GameRecord.of(coming(status="2024-01-18T00:30:00Z")).on(said_on).status == "scheduled"


SCHEDULE = Path(__file__).parents[3] / "shared" / "source-shapes" / "nba_cdn_schedule_2023-24.json.gz"


@pytest.mark.skipif(not SCHEDULE.exists(), reason="the league's own schedule of 2023-24 is not there")
def test_the_placeholders_of_a_real_season_have_no_teams_and_are_undecided():
    """The quarter-finals, semi-finals and final of the cup, as they stood in September."""
    listed = [
        each
        for day in json.loads(gzip.decompress(SCHEDULE.read_bytes()))["leagueSchedule"]["gameDates"]
        for each in day["games"]
        if each["gameStatusText"] == "TBD"
    ]
    for each in listed:
        team = {side: {"id": 1, "abbreviation": code} if (code := each[f"{theirs}Team"]["teamTricode"]) else None
                for side, theirs in (("home_team", "home"), ("visitor_team", "away"))}  # fmt: skip
        record = GameRecord.of(coming(date=each["gameDateEst"], datetime=each["gameDateTimeUTC"], **team))
        assert (record.status, record.tipoff_at, record.home_team) == ("undecided", None, None)
    assert len(listed) == 7


@pytest.mark.parametrize("said", ["2024-01-18T00:00:00Z", "2024-01-17T17:00:00Z", "2024-01-17T11:00:00Z"])
def test_seven_in_the_evening_and_noon_are_tip_offs(said):
    assert GameRecord.of(game(datetime=said)).tipoff_at == datetime.fromisoformat(said)


@pytest.mark.parametrize(
    ("instant", "tip", "before"),
    [
        (TIP_OFF - timedelta(seconds=1), TIP_OFF, True), (TIP_OFF, TIP_OFF, False),
        (datetime(2024, 1, 17, 15, 59, 59), None, True), (datetime(2024, 1, 17, 16), None, False),
        (datetime(2024, 1, 16, 23), None, True), (datetime(2024, 1, 18, 1), None, False),
    ],
)  # fmt: skip
def test_the_warehouse_and_the_code_judge_an_instant_alike(instant, tip, before):
    schema = {"game_date": "date", "tipoff_at": "timestamp(6)", "known_at": "timestamp(6)"}
    rows = ibis.memtable([{"game_date": DAY, "tipoff_at": tip, "known_at": instant}], schema=ibis.schema(schema))
    assert run(rows.select(before=is_before_tip_off(rows.known_at, rows.game_date, rows.tipoff_at)))[
        "before"
    ].tolist() == [before]
    told = tip and tip.replace(tzinfo=UTC)
    assert (instant.replace(tzinfo=UTC) < tips_off_by(DAY, told)) is before
    assert ScheduledGame(DAY, 1, told, {}).news_ends_at == tips_off_by(DAY, told)
    slate = pd.DataFrame({"game_date": [DAY], "tipoff_at": [tip]})
    assert modes(slate, instant.replace(tzinfo=UTC)) == ["live" if before else "backtest"]


def test_the_earliest_tip_off_is_noon_or_eleven_in_new_york():
    assert [tips_off_by(day, None).isoformat() for day in (DAY, date(2024, 4, 17))] == [
        "2024-01-17T16:00:00+00:00", "2024-04-17T16:00:00+00:00",
    ]  # fmt: skip


OPEN = {"status": "scheduled", "status_text": "TBD", "period": 0, "home_score": None, "visitor_score": None}
MORNING = datetime(2024, 1, 17, 12, tzinfo=UTC)


def said_of_the_date(home: Home, *rows: dict, now: datetime = MORNING) -> list[str]:
    home.schedule(*rows)
    with home.warehouse.session() as session:
        return [*home.evidence(session, now).calendar.without_tip_off(DAY)]


def test_games_of_a_date_to_come_whose_tip_off_nobody_knows_are_named_with_what_is_live_then(tmp_path: Path) -> None:
    home = Home(tmp_path)
    [both] = said_of_the_date(home, scheduled(1, **OPEN), scheduled(2, **OPEN))
    assert "game 1 of BOS and ATL, game 2 of DEN and CHI on 2024-01-17 are not known" in both
    assert "before 16:00 UTC of the date is live" in both
    assert named_command(both) == ["backfill", "--from", "2024-01-17", "--to", "2024-01-17"]
    [one] = said_of_the_date(home, scheduled(1, **OPEN), scheduled(2, **OPEN | {"tipoff_at": TIP_OFF}))
    assert "game 1 of BOS and ATL on 2024-01-17 is not known" in one
    assert "game 2" not in one


@pytest.mark.parametrize(
    ("said", "now"),
    [
        (OPEN | {"tipoff_at": TIP_OFF}, MORNING), (OPEN | {"status": "undecided"}, MORNING),
        (OPEN | {"status": "postponed"}, MORNING), (OPEN, datetime(2024, 1, 18, 5, tzinfo=UTC)), ({}, MORNING),
    ],
    ids=["known", "undecided", "off", "the date is over", "final"],
)  # fmt: skip
def test_nothing_is_said_where_the_tip_off_is_known_or_nobody_waits_for_it(tmp_path: Path, said, now) -> None:
    assert said_of_the_date(Home(tmp_path), scheduled(1, **said), now=now) == []
