"""Which snapshot of injuries and lines speaks for a game, and what becomes of it."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import ibis
import pyarrow as pa
import pytest

from nba_pipeline.contracts import StoredTable
from nba_pipeline.raw import games, injury_reports, player_prop_lines
from nba_pipeline.raw.game_lines import game_line_snapshots, game_lines
from nba_pipeline.raw.injuries import CONTRACT, injuries, unknown_words, unlike_the_reports
from nba_pipeline.raw.injury_reports import injury_snapshots
from nba_pipeline.raw.parsing.scheduled_games import ScheduledGame, known_too_late
from nba_pipeline.raw.parsing.snapshots import Quote, newest_and_opening
from nba_pipeline.raw.player_prop_lines import main_lines, prop_line_snapshots
from nba_pipeline.sources.balldontlie import GAME_LINES, INJURIES, PROP_LINES
from nba_pipeline.sources.landing import Landing
from nba_pipeline.sources.records import PropLineRecord

DAY = date(2025, 11, 12)
NOON = datetime(2025, 11, 12, 17, tzinfo=UTC)
EARLY = ScheduledGame(DAY, 1, datetime(2025, 11, 13, 0, tzinfo=UTC), {10: "BOS", 20: "NYK"})
LATE = ScheduledGame(DAY, 2, datetime(2025, 11, 13, 3, tzinfo=UTC), {30: "LAX", 40: "UTA"})
UNTIMED = ScheduledGame(DAY, 3, None, {50: "MIA", 60: "CHI"})
EARLIEST = datetime(2025, 11, 12, 16, tzinfo=UTC)
"""When the date begins in New York."""

Land = Callable[..., None]


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


@pytest.fixture
def land(landing: Landing) -> Land:
    def one(endpoint: str, at: datetime, *pages: list, took: timedelta = timedelta()) -> None:
        writer = landing.begin(endpoint, DAY, DAY, at)
        for number, items in enumerate(pages):
            body = json.dumps({"data": items, "meta": {}}).encode()
            writer.add_page(body, {}, at + took * number)
        writer.commit()

    return one


def hurt(player_id: int, team_id: int, status: str | None = "Out", **player) -> dict:
    who = {"id": player_id, "first_name": "A", "last_name": "B", "team_id": team_id, **player}
    return {"player": who, "status": status, "return_date": "Nov 18", "description": "Sore."}


def unreadable(**player) -> dict:
    return {"player": {"id": "nobody", "first_name": "A", "last_name": "B", **player}, "status": "Out"}


def prop(game_id: int, line: float, player_id: int = 9, vendor: str = "betway", odds: int = -110, **more) -> dict:
    market = {"type": "over_under", "over_odds": odds, "under_odds": -110}
    return {
        "id": 1, "game_id": game_id, "player_id": player_id, "vendor": vendor, "prop_type": "points",
        "line_value": str(line), "market": market, **more,
    }  # fmt: skip


def odds(game_id: int, spread: str | None, total: str | None, vendor: str = "betway") -> dict:
    return {"id": 1, "game_id": game_id, "vendor": vendor, "spread_home_value": spread, "total_value": total}


def reports(landing: Landing, *playing: ScheduledGame) -> dict[str, tuple[datetime, int]]:
    """Per team with a report, since when it was known and how many players it lists."""
    rows = injury_reports.injury_reports(injury_snapshots(landing, DAY), playing).to_pylist()
    return {row["team"]: (row["known_at"].replace(tzinfo=UTC), row["players_listed"]) for row in rows}


def listed(landing: Landing, *playing: ScheduledGame) -> list[dict]:
    snapshots = injury_snapshots(landing, DAY)
    known = injury_reports.injury_reports(snapshots, playing).to_pylist()
    return injuries(injury_snapshots(landing, DAY), known).to_pylist()


# injuries


def test_each_team_has_the_newest_snapshot_before_its_own_game(landing, land):
    between = EARLY.news_ends_at + timedelta(hours=1)
    land(INJURIES, NOON, [hurt(1, 10), hurt(3, 30)])
    land(INJURIES, between, [hurt(2, 20), hurt(3, 30), hurt(4, 30)])
    assert reports(landing, EARLY, LATE) == {
        "BOS": (NOON, 1),
        "NYK": (NOON, 0),
        "LAX": (between, 2),
        "UTA": (NOON, 0),
    }
    assert [row["player_id"] for row in listed(landing, EARLY, LATE)] == [1, 3, 4]


@pytest.mark.parametrize(
    ("late", "known"), [(timedelta(seconds=-1), True), (timedelta(), False), (timedelta(1), False)]
)
def test_a_snapshot_at_or_after_tip_off_is_never_used(landing, land, late, known):
    land(INJURIES, EARLY.news_ends_at + late, [hurt(1, 10)])
    assert bool(reports(landing, EARLY)) is known


def test_a_snapshot_counts_from_when_its_last_page_was_asked_for(landing, land):
    land(INJURIES, EARLY.news_ends_at - timedelta(minutes=5), [hurt(1, 10)], [hurt(2, 20)], took=timedelta(minutes=5))
    assert reports(landing, EARLY) == {}


def test_without_a_known_tip_off_what_was_known_before_the_earliest_there_can_be_counts(landing, land):
    land(INJURIES, EARLIEST, [hurt(1, 50)])
    assert reports(landing, UNTIMED) == {}
    land(INJURIES, EARLIEST - timedelta(seconds=1), [])
    assert reports(landing, UNTIMED) == {
        "MIA": (EARLIEST - timedelta(seconds=1), 0),
        "CHI": (EARLIEST - timedelta(seconds=1), 0),
    }


def test_without_a_snapshot_there_is_no_row(landing):
    assert reports(landing, EARLY, LATE, UNTIMED) == {}
    assert listed(landing, EARLY) == []


def test_a_list_that_says_the_same_again_is_known_since_the_first_of_them(landing, land):
    asked = [NOON + timedelta(hours=n) for n in range(4)]
    land(INJURIES, asked[0], [hurt(1, 10), hurt(3, 30)])
    land(INJURIES, asked[1], [hurt(1, 10), hurt(2, 10)])
    land(INJURIES, asked[2], [hurt(2, 10), hurt(1, 10), hurt(3, 30)])
    land(INJURIES, asked[3], [unreadable(team_id=10), hurt(3, 30)])
    assert reports(landing, EARLY, LATE) == {
        "BOS": (asked[1], 2), "NYK": (asked[0], 0), "LAX": (asked[2], 1), "UTA": (asked[0], 0)
    }  # fmt: skip
    assert {row["player_id"]: row["known_at"].replace(tzinfo=UTC) for row in listed(landing, EARLY, LATE)} == {
        1: asked[1], 2: asked[1], 3: asked[2]
    }  # fmt: skip


def test_a_change_of_words_is_news(landing, land):
    land(INJURIES, NOON, [hurt(1, 10)])
    land(INJURIES, NOON + timedelta(hours=1), [hurt(1, 10, "Questionable")])
    assert reports(landing, EARLY)["BOS"] == (NOON + timedelta(hours=1), 1)


def test_an_item_that_cannot_be_read_sends_its_team_to_the_snapshot_before(landing, land):
    later = NOON + timedelta(hours=1)
    land(INJURIES, NOON, [hurt(1, 10)])
    land(INJURIES, later, [unreadable(team_id=10), hurt(2, 20), hurt(3, 30)])
    assert reports(landing, EARLY, LATE) == {"BOS": (NOON, 1), "NYK": (later, 1), "LAX": (later, 1), "UTA": (NOON, 0)}
    assert [row["player_id"] for row in listed(landing, EARLY, LATE)] == [1, 2, 3]


@pytest.mark.parametrize("item", [unreadable(), "words", None, {"player": 3, "status": "Out"}], ids=str)
def test_an_item_that_may_be_about_anybody_takes_its_snapshot_out_and_is_kept_as_evidence(landing, land, item):
    land(INJURIES, NOON, [])
    land(INJURIES, NOON + timedelta(hours=1), [hurt(1, 10), item])
    assert reports(landing, EARLY)["BOS"] == (NOON, 0)
    snapshots = injury_snapshots(landing, DAY)
    injury_reports.injury_reports(snapshots, [EARLY])
    assert [(day, json.loads(raw)) for day, _, raw in snapshots.rejected] == [(DAY, item)]


def test_a_player_listed_twice_has_the_worst_of_his_statuses(landing, land):
    land(INJURIES, NOON, [hurt(1, 10, "Probable"), hurt(1, 10, "Out"), hurt(1, 10, "Day-To-Day")])
    assert reports(landing, EARLY)["BOS"] == (NOON, 1)
    assert [(row["player_id"], row["status"], row["status_text"]) for row in listed(landing, EARLY)] == [
        (1, "out", "Out")
    ]


def test_words_that_nobody_knows_are_told_with_the_player_since_he_counts_as_not_out(landing, land):
    land(INJURIES, NOON, [hurt(1, 10, "Rehabilitating"), hurt(2, 10, "Inactive"), hurt(3, 20, None)])
    rows = pa.Table.from_pylist(listed(landing, EARLY), schema=CONTRACT.schema.to_pyarrow())
    found = unknown_words(rows)
    assert [(day, json.loads(raw)["player_id"]) for day, _, raw in found] == [(DAY, 1), (DAY, 3)]
    assert [reason for _, reason, _ in found] == [
        "the status 'Rehabilitating' of A B (1, BOS) is no word that is known: he counts as neither out nor available",
        "the status '' of A B (3, NYK) is no word that is known: he counts as neither out nor available",
    ]


def test_odd_words_beside_the_facts_of_an_injury_keep_the_report(landing, land):
    land(INJURIES, NOON, [hurt(1, 10, first_name=None), hurt(2, 10, last_name=7)])
    assert reports(landing, EARLY)["BOS"] == (NOON, 2)
    snapshots = injury_snapshots(landing, DAY)
    injury_reports.injury_reports(snapshots, [EARLY])
    assert snapshots.odd == ["the last_name 7 of A (2) is no text; it is left out"]


def test_two_snapshots_of_one_instant_give_reports_and_players_of_the_same(landing, land):
    land(INJURIES, NOON, [hurt(1, 10)])
    land(INJURIES, NOON, [hurt(2, 10), hurt(3, 10)])
    assert reports(landing, EARLY)["BOS"] == (NOON, 2)
    assert [row["player_id"] for row in listed(landing, EARLY)] == [2, 3]


# lines


def test_of_the_snapshots_that_tell_anything_the_newest_speaks_and_the_first_opens():
    first, second, third = (NOON + timedelta(hours=n) for n in range(3))
    told = [(first, {"a": 1, "gone": 7}), (second, {"a": 2, "b": 5}), (third, {})]
    assert newest_and_opening(told) == {
        "a": (Quote(2, second), Quote(1, first)), "b": (Quote(5, second), Quote(5, second))
    }  # fmt: skip
    assert newest_and_opening([(first, {})]) == {}


def test_a_line_has_its_newest_value_before_tip_off_and_its_opening(landing, land):
    land(PROP_LINES, NOON, [prop(1, 20.5)], [prop(2, 8.5)])
    land(PROP_LINES, NOON + timedelta(hours=2), [prop(1, 21.5)], [prop(2, 9.5)])
    land(PROP_LINES, EARLY.news_ends_at, [prop(1, 99.5)], [prop(2, 10.5)])
    rows = player_prop_lines.player_prop_lines(prop_line_snapshots(landing, DAY), [EARLY, LATE]).to_pylist()
    found = [(r["game_id"], r["line"], r["opening_line"], r["known_at"].replace(tzinfo=UTC)) for r in rows]
    assert found == [(1, 21.5, 20.5, NOON + timedelta(hours=2)), (2, 10.5, 8.5, EARLY.news_ends_at)]
    assert {row["opening_known_at"].replace(tzinfo=UTC) for row in rows} == {NOON}


def test_only_over_under_lines_on_our_stats_are_kept(landing, land):
    others = [
        prop(1, 25, market={"type": "milestone", "odds": 200}),
        prop(1, 30.5, prop_type="points_rebounds_assists"),
        prop(1, 5.5, prop_type="points_1q"),
    ]
    land(PROP_LINES, NOON, [*others, prop(1, 2.5, prop_type="threes")])
    rows = player_prop_lines.player_prop_lines(prop_line_snapshots(landing, DAY), [EARLY]).to_pylist()
    assert [(row["stat"], row["line"]) for row in rows] == [("three_pointers_made", 2.5)]


def test_a_line_that_cannot_be_read_is_no_line_and_kept_as_evidence(landing, land):
    land(PROP_LINES, NOON, [prop(1, 20.5), prop(1, 20.5, player_id=8, line_value="many")])
    snapshots = prop_line_snapshots(landing, DAY)
    rows = player_prop_lines.player_prop_lines(snapshots, [EARLY]).to_pylist()
    assert [row["player_id"] for row in rows] == [9]
    assert len(snapshots.rejected) == 1


def test_of_alternative_lines_the_one_with_the_most_even_odds_is_the_line():
    records = [
        PropLineRecord.of(prop(1, line, odds=price)) for line, price in ((15.5, -400), (20.5, -115), (25.5, 300))
    ]
    without = PropLineRecord.of(prop(1, 1.5, market={"type": "over_under"}))
    for order in (records, records[::-1], [without, *records]):
        assert [record.line for record in main_lines(order).values()] == [20.5]
    assert [record.line for record in main_lines([without]).values()] == [1.5]


def test_a_game_line_has_each_bookmaker_who_still_offers_one(landing, land):
    land(GAME_LINES, NOON, [odds(1, "-5.5", "220.5"), odds(1, "-5", "219.5", "fanduel"), odds(2, None, None)])
    land(GAME_LINES, NOON + timedelta(hours=1), [odds(1, "-6.5", None), odds(2, None, "230")])
    rows = game_lines(game_line_snapshots(landing, DAY), [EARLY, LATE]).to_pylist()
    names = ("game_id", "vendor", "spread_home", "total", "opening_spread_home", "opening_total")
    assert [tuple(row[name] for name in names) for row in rows] == [
        (1, "betway", -6.5, None, -5.5, 220.5), (2, "betway", None, 230.0, None, 230.0)
    ]  # fmt: skip


# promises


def test_a_row_that_was_known_too_late_breaks_the_promise():
    tip = EARLY.news_ends_at.replace(tzinfo=None)
    row = {"game_date": DAY, "game_id": 1, "vendor": "betway", "spread_home": 1.0, "total": 220.0}
    row |= {"opening_spread_home": 1.0, "opening_total": 220.0, "opening_known_at": tip - timedelta(hours=2)}
    schedule = {**dict.fromkeys(games.CONTRACT.schema.names), "game_date": DAY, "game_id": 1, "tipoff_at": tip}
    for known_at, broken in ((tip - timedelta(seconds=1), 0), (tip, 1)):
        staged = ibis.memtable(pa.Table.from_pylist([row | {"known_at": known_at}]))
        read = reader({"raw.games": [schedule]})
        assert len(known_too_late(staged, read).execute()) == broken


@pytest.mark.parametrize(("shift", "broken"), [(0, 0), (1, 1)])
def test_players_of_another_snapshot_than_the_report_break_the_promise(landing, land, shift, broken):
    land(INJURIES, NOON, [hurt(1, 10)])
    known = injury_reports.injury_reports(injury_snapshots(landing, DAY), [EARLY]).to_pylist()
    staged = ibis.memtable(injuries(injury_snapshots(landing, DAY), known))
    changed = [row | {"known_at": row["known_at"] + timedelta(hours=shift)} for row in known]
    assert len(unlike_the_reports(staged, reader({"raw.injury_reports": changed})).execute()) == broken


def reader(rows: dict[str, list[dict]]) -> Callable[[StoredTable], ibis.Table]:
    """Reads tables from rows in memory."""
    return lambda table: ibis.memtable(pa.Table.from_pylist(rows[table.name], schema=table.schema.to_pyarrow()))
