"""What changed in a box score is a revision: old, new and since when; replayed, it gives what was known before."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import ibis
import numpy as np
import pytest

from nba_pipeline.raw.box_score_revisions import (
    CONTRACT,
    as_known_at,
    as_text,
    box_score_revisions,
    newest_landed,
    states,
)
from nba_pipeline.sources.landing import Capture, Landing
from nba_pipeline_tests.support.api_items import stat

DAY = date(2024, 1, 17)
NEXT = DAY + timedelta(days=1)
NOW = datetime(2024, 1, 18, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


def of(player_id: int, game_id: int = 3, day: date = DAY, **counts: object) -> dict:
    game = {"id": game_id, "date": str(day), "season": 2023}
    return stat(game=game, player={"id": player_id, "first_name": "A", "last_name": "B", "position": "G"}, **counts)


def land(landing: Landing, *items: object, at: datetime = NOW, last: date = DAY) -> Capture:
    writer = landing.begin("stats", DAY, last, at)
    writer.add_page(json.dumps({"data": items, "meta": {}}).encode(), {}, at)
    return writer.commit()


def found(landing: Landing, *dates: date) -> list[tuple]:
    rows = box_score_revisions(landing, dates or [DAY]).to_pylist()
    names = ("game_id", "player_id", "stat", "known_at", "old_value", "new_value")
    return [tuple(row[name] for name in names) for row in rows]


def naive(instant: datetime) -> datetime:
    return instant.replace(tzinfo=None)


def test_a_corrected_statistic_is_one_revision_with_the_instant_at_which_it_was_told(landing):
    land(landing, of(1, ast=4), of(2))
    land(landing, of(1, ast=5), of(2), at=NOW + HOUR)
    assert found(landing) == [
        (3, 1, "row", naive(NOW), None, "listed"),
        (3, 2, "row", naive(NOW), None, "listed"),
        (3, 1, "assists", naive(NOW + HOUR), "4", "5"),
    ]


def test_who_comes_late_and_who_is_taken_off_the_list_are_revisions_of_rows(landing):
    land(landing, of(1, pts=26, min="34"))
    land(landing, of(2), at=NOW + HOUR)
    rows = found(landing)
    assert rows[:2] == [(3, 1, "row", naive(NOW), None, "listed"), (3, 1, "row", naive(NOW + HOUR), "listed", None)]
    assert rows[-1] == (3, 2, "row", naive(NOW + HOUR), None, "listed")
    taken = {stat: (old, new) for _, player, stat, _, old, new in rows[2:-1] if player == 1}
    assert taken["points"] == ("26", None)
    assert taken["minutes"][0] == "34.0"


def test_a_correction_told_by_an_answer_about_many_dates_is_one_of_its_date(landing):
    land(landing, of(1), of(1, game_id=4, day=NEXT), last=NEXT)
    land(landing, of(1), of(1, game_id=4, day=NEXT, blk=3), at=NOW + HOUR, last=NEXT)
    assert [row for row in found(landing, DAY, NEXT) if row[2] != "row"] == [
        (4, 1, "blocks", naive(NOW + HOUR), as_text(of(1)["blk"]), "3")
    ]


def test_an_answer_that_says_the_same_again_revises_nothing(landing):
    for hours in range(4):
        land(landing, of(2), of(1), at=NOW + hours * HOUR)
    assert [row[2] for row in found(landing)] == ["row", "row"]


def test_an_item_that_cannot_be_read_revises_nothing_of_its_game(landing):
    land(landing, of(1), of(2), of(5, game_id=4, ast=4))
    land(landing, of(1, pts=None), of(5, game_id=4, ast=5), at=NOW + HOUR)
    assert [row[:3] for row in found(landing) if row[2] != "row"] == [(4, 5, "assists")]
    assert len([row for row in found(landing) if row[2] == "row"]) == 3


@pytest.mark.parametrize("item", [None, "words", {}, {"game": {"id": 3}}, {"game": {"id": "x", "date": str(DAY)}}])
def test_an_item_of_no_game_that_can_be_read_makes_its_answer_say_nothing(landing, item):
    land(landing, of(1, ast=4))
    land(landing, of(1, ast=5), item, at=NOW + HOUR)
    assert [row[2] for row in found(landing)] == ["row"]


def test_under_a_clock_that_stands_still_the_last_answer_counts(landing):
    for assists in (4, 6, 5):
        land(landing, of(1, ast=assists))
    assert [row[2] for row in found(landing)] == ["row"]
    land(landing, of(1, ast=7), at=NOW + HOUR)
    assert found(landing)[-1][4:] == ("5", "7")


def test_what_is_known_of_a_date_without_an_answer_is_nothing(landing):
    assert found(landing) == []


# replay


def history(random: np.random.Generator, landing: Landing, day: date, answers: int) -> None:
    """Lands answers about a date in which players come, go, and have other counts than before."""
    for number in range(answers):
        items = [
            of(
                player, game_id=3 + player % 2, day=day, ast=int(random.integers(0, 3)),
                min=str(random.choice(["0", "12:34", "34:31"])), plus_minus=None if random.random() < 0.3 else 5,
            )
            for player in range(5) if random.random() < 0.7
        ]  # fmt: skip
        if random.random() < 0.1:
            items.append({"game": {"id": 3, "date": str(day)}})
        writer = landing.begin("stats", day, day, NOW + number * HOUR)
        writer.add_page(json.dumps({"data": items, "meta": {}}).encode(), {}, NOW + number * HOUR)
        writer.commit()


def test_revisions_replayed_from_the_newest_give_every_earlier_state_exactly(landing):
    """Of thirty dates with up to six answers each; half an hour before the first nothing was known."""
    random = np.random.default_rng(11)
    dates = [DAY + timedelta(days=n) for n in range(30)]
    for day in dates:
        history(random, landing, day, int(random.integers(1, 7)))
    boxes, revised = newest_landed(landing, dates), box_score_revisions(landing, dates)
    assert len({row["stat"] for row in revised.to_pylist()}) >= 5
    engine = ibis.duckdb.connect()
    tables = [engine.create_table(name, rows) for name, rows in (("boxes", boxes), ("revised", revised))]
    for number in range(7):
        instant = NOW + (number - 0.5) * HOUR
        known = as_known_at(instant, *tables).to_pyarrow()
        assert known.schema.names == boxes.schema.names
        assert known.schema.types == boxes.schema.types
        got = {
            (row["game_date"], row["game_id"], row["player_id"]): {
                name: as_text(value) for name, value in row.items() if name not in CONTRACT.grain
            }
            for row in known.to_pylist()
        }
        wanted = {
            (day, *key): values
            for day in dates
            for key, values in (([{}] + [s for at, s in states(landing, day) if at <= instant])[-1]).items()
        }
        assert got == wanted, number
    assert not as_known_at(NOW - HOUR, *tables).count().execute()


def test_a_game_that_is_held_or_corrected_since_is_known_as_it_was_told_then(landing):
    land(landing, of(1, pts=26, min="34"), of(2, game_id=4))
    land(landing, of(1, pts=62, min="34"), at=NOW + HOUR)
    tables = [ibis.memtable(rows) for rows in (newest_landed(landing, [DAY]), box_score_revisions(landing, [DAY]))]
    engine = ibis.duckdb.connect()
    told = []
    for hours in (0, 1):
        known = engine.to_pyarrow(as_known_at(NOW + hours * HOUR, *tables)).to_pylist()
        told.append({row["game_id"]: row["points"] for row in known})
    assert told == [{3: 26, 4: 0}, {3: 62}]
    assert newest_landed(landing, [NEXT]).num_rows == 0, "nothing was landed about it"
