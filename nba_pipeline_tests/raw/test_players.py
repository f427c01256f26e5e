"""A roster counts before the games of its date: cut short, it holds up its own team's rows and nobody else."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest

from nba_pipeline.raw.players import CONTRACT, SMALLEST_ROSTER, Slate, Whole, fullest, short_rosters, whole_rosters
from nba_pipeline.sources.landing import Capture
from nba_pipeline.sources.records import PlayerRecord

DAY = date(2024, 1, 17)
TIP = datetime(2024, 1, 18, 0, 30, tzinfo=UTC)
MORNING, NEXT_SUMMER = TIP - timedelta(hours=9), datetime(2024, 7, 15, 15, tzinfo=UTC)
DEN, BOS, UTA, CLUB = 8, 2, 29, 99999
PLAYING = Slate({DEN: "DEN", BOS: "BOS", UTA: "UTA", CLUB: "RMD"}, TIP)


def listed(**players: int) -> pa.Table:
    """So many players of each team, as the source lists them."""
    ids = {"DEN": DEN, "BOS": BOS, "UTA": UTA, "RMD": CLUB}
    rows: list[dict[str, Any]] = [
        {"game_date": DAY, "player_id": 100 * ids[team] + number, "first_name": "A", "last_name": "B",
         "team_id": ids[team], "team": team, "known_at": MORNING.replace(tzinfo=None)}
        for team, count in players.items()
        for number in range(count)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=CONTRACT.schema.to_pyarrow())


def asked(at: datetime, found: pa.Table, slate: Slate = PLAYING) -> Whole:
    return whole_rosters(found, {DAY: slate}, {DAY: at})


def teams(rows: Iterable[dict]) -> set[str]:
    return {row["team"] for row in rows}


def test_a_short_roster_is_left_out_and_named_and_holds_up_no_other_team():
    whole = asked(MORNING, listed(DEN=SMALLEST_ROSTER, BOS=17, UTA=SMALLEST_ROSTER - 1))
    assert teams(whole.rows.to_pylist()) == {"DEN", "BOS"}
    assert whole.refused == {}
    said = ["UTA has only 7 players on its roster", "RMD has only 0 players on its roster"]
    assert sorted(reason for _, reason, _ in whole.rejected) == sorted(f"{what} and is left out" for what in said)
    answers = {found["team"]: found["player_ids"] for found in (json.loads(raw) for _, _, raw in whole.rejected)}
    assert answers == {"UTA": [100 * UTA + n for n in range(7)], "RMD": []}
    assert all(any(told.startswith(f"{what} for {DAY}: it is left out") for told in whole.warnings) for what in said)


@pytest.mark.parametrize("counts", [{}, {"DEN": 7, "BOS": 3}], ids=["nobody", "too few of each"])
def test_an_answer_that_lists_no_team_that_plays_refuses_its_date(counts):
    [reason] = asked(MORNING, listed(**counts)).refused[DAY]
    assert reason.startswith("no roster is whole: BOS has only")
    assert reason.endswith(f"ask again: nba-pipeline backfill --from {DAY} --to {DAY}")


@pytest.mark.parametrize("counts", [{}, {"DEN": 7, "BOS": 17}], ids=["nobody", "a club in July"])
def test_rosters_of_now_neither_refuse_a_past_date_nor_are_named_of_it(counts):
    whole = asked(NEXT_SUMMER, listed(**counts))
    assert (whole.refused, whole.rejected, whole.warnings) == ({}, [], [])
    assert whole.too_late == [DAY]
    assert teams(whole.rows.to_pylist()) == {team for team, count in counts.items() if count >= SMALLEST_ROSTER}


@pytest.mark.parametrize(("at", "ahead"), [
    (TIP - timedelta(seconds=1), True), (TIP, False), (TIP + timedelta(days=200), False),
])  # fmt: skip
def test_what_was_asked_for_at_the_first_tip_off_is_too_late(at, ahead):
    assert (DAY in asked(at, listed()).refused) is ahead


@pytest.mark.parametrize(("at", "ahead"), [
    (datetime(2024, 1, 18, 4, 59, tzinfo=UTC), True), (datetime(2024, 1, 18, 5, 0, tzinfo=UTC), False),
])  # fmt: skip
def test_where_no_tip_off_is_known_the_date_is_ahead_until_it_is_over_in_new_york(at, ahead):
    assert (DAY in asked(at, listed(), Slate({DEN: "DEN", BOS: "BOS"}, None)).refused) is ahead


@pytest.mark.parametrize("counts", [{}, {"DEN": 7, "BOS": 3}], ids=["nobody", "too few of each"])
def test_when_rosters_are_due_an_answer_that_lists_no_team_is_told_and_refuses_nothing(counts):
    whole = whole_rosters(listed(**counts), {DAY: PLAYING}, {DAY: MORNING}, [DAY])
    assert (whole.refused, whole.rows.num_rows) == ({}, 0)
    assert whole.warnings[0].startswith("no roster is whole: BOS has only")
    assert whole.warnings[0].endswith(f"ask again: nba-pipeline backfill --from {DAY} --to {DAY}")
    assert len(whole.rejected) == len(PLAYING.teams)


def chosen(*answers: tuple[timedelta, dict[int, int]]) -> int | None:
    """Which of answers is used: each came so long before tip-off, and lists so many players by team."""
    captures = [Capture(str(n), "players/active", DAY, DAY, TIP - early, TIP - early, ())
                for n, (early, _) in enumerate(answers)]  # fmt: skip
    nothing = {"first_name": "A", "last_name": "B", "position": None, "height_inches": None, "weight_pounds": None}
    found = {
        capture: [
            PlayerRecord(player_id=100 * team + n, team_id=team, team="X", **nothing)
            for team, count in counts.items()
            for n in range(count)
        ]
        for capture, (_, counts) in zip(captures, answers, strict=True)
    }
    slate = Slate({DEN: "DEN", BOS: "BOS"}, TIP)
    capture = fullest(captures, slate, found.__getitem__)
    return captures.index(capture) if capture else None


FULL, SHORT, HALF = {DEN: 15, BOS: 15}, {DEN: 3, BOS: 2}, {DEN: 15, BOS: 2}
NINE, SIX, THREE = (timedelta(hours=n) for n in (9, 6, 3))


@pytest.mark.parametrize(
    ("answers", "used"),
    [
        ([(NINE, FULL), (SIX, FULL), (THREE, SHORT)], 1), ([(NINE, SHORT), (SIX, FULL)], 1),
        ([(NINE, FULL), (SIX, HALF)], 0), ([(NINE, HALF), (SIX, HALF)], 1), ([(NINE, SHORT), (SIX, SHORT)], None),
        ([(NINE, SHORT), (-SIX, FULL)], None), ([(NINE, FULL), (timedelta(0), SHORT)], 0),
    ],
)  # fmt: skip
def test_of_the_answers_before_tip_off_the_newest_that_is_fullest_is_used(answers, used):
    assert chosen(*answers) == used


def test_on_a_date_on_which_nobody_plays_no_roster_is_missed():
    assert asked(MORNING, listed(), Slate({}, None)) == Whole(listed())
    assert whole_rosters(listed(), {}, {DAY: MORNING}) == Whole(listed())


def test_a_published_roster_that_is_cut_short_breaks_the_promise_of_the_table():
    staged = ibis.memtable(listed(DEN=SMALLEST_ROSTER, UTA=SMALLEST_ROSTER - 1))
    found = ibis.duckdb.connect().to_pyarrow(short_rosters(staged, lambda table: table.unbound()))
    assert found.to_pylist() == [{"game_date": DAY, "reason": "UTA has only 7 players on its roster"}]
