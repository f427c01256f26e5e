"""What a schedule has wrong about one game reaches that game: it is unclear, and the others of its date stand."""

import json
import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest

from nba_pipeline.assets.tables import all_tables
from nba_pipeline.clock import Clock
from nba_pipeline.gates.evidence import HELD_BY_RULE, Evidence
from nba_pipeline.gates.rules import unclear_games
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw import held_games
from nba_pipeline.raw.games import (
    CONTRACT,
    as_known_before,
    can_be_held,
    games,
    openings_known,
    team_games,
    unclear_sides,
)
from nba_pipeline.raw.held_games import faults_by_game, rulings, sides_of_games
from nba_pipeline.raw.parsing.landed import Landed, read_landed
from nba_pipeline.raw.parsing.listed_box_scores import LISTED, as_rows
from nba_pipeline.raw.rules.box_score_rules import broken_games, unfinished_games
from nba_pipeline.raw.rules.unclear_games import clear_games
from nba_pipeline.sources.balldontlie import GAMES, SEASON_GAMES, parse_games
from nba_pipeline.sources.landing import Landing
from nba_pipeline.sources.records import NOT_PLAYED, GameRecord
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline.warehouse.publish import Publication, Rows, Stamp, publish
from nba_pipeline_tests.support.api_items import game

DAY = date(2024, 1, 17)
NOW = datetime(2024, 1, 18, 15, tzinfo=UTC)
COMING = {"status": "2024-01-18T00:30:00Z", "period": 0, "home_team_score": 0, "visitor_team_score": 0}
OTHER = {
    "id": 4, "home_team": {"id": 5, "abbreviation": "CHI"}, "visitor_team": {"id": 6, "abbreviation": "CLE"},
}  # fmt: skip


def land(landing: Landing, *items: Any, last: date = DAY, endpoint: str = GAMES, at: datetime = NOW) -> None:
    writer = landing.begin(endpoint, DAY, last, at)
    writer.add_page(json.dumps({"data": items, "meta": {}}).encode(), {}, at)
    writer.commit()


def land_season(landing: Landing, *items: Any) -> None:
    writer = landing.begin(SEASON_GAMES, date(2023, 10, 1), date(2024, 6, 30), NOW)
    writer.add_page(json.dumps({"data": items, "meta": {}}).encode(), {}, NOW)
    writer.commit()


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


def read(landing: Landing, *days: date) -> tuple[list[dict], Landed[GameRecord], list[str]]:
    """The rows of dates as `raw.games` makes them, what was read of the landing, and what was told."""
    told: list[str] = []
    landed = read_landed(landing, GAMES, days or [DAY], parse_games, warn=told.append, refuses=False)
    rows, unclear = clear_games(games(as_known_before(landing, landed.records, told.append)).to_pylist(), CONTRACT)
    return rows, landed, [*told, *unclear.values()]


def of(rows: Iterable[dict], game_id: int) -> dict:
    (found,) = (row for row in rows if row["game_id"] == game_id)
    return found


def published(tmp_path: Path, rows: list[dict], *days: date) -> dict[date, Publication]:
    made = pa.Table.from_pylist(rows, schema=CONTRACT.schema.to_pyarrow())
    with DuckDBWarehouse(tmp_path / "warehouse.duckdb").session() as session:
        return publish(session, CONTRACT, Rows(made), days or [DAY], Stamp("run", NOW))


UNREADABLE = [
    {"season": None}, {"season": "last year"}, {"postseason": None}, {"postseason": "maybe"},
    {"home_team_score": "ninety"}, {"home_team_score": 99.5}, {"period": "four"}, {"home_team": None},
    {"home_team": "Boston"}, {"visitor_team": {"id": "x", "abbreviation": "NYK"}}, {"visitor_team": {}},
    {"home_team": {"id": 10**30, "abbreviation": "BOS"}}, {"period": -1}, {"period": [4]}, {"status": "\ud800"},
]  # fmt: skip


@pytest.mark.parametrize("broken", UNREADABLE, ids=str)
def test_an_item_that_cannot_be_read_makes_its_game_unclear_and_no_other(landing, tmp_path, broken):
    land(landing, game(**broken), game(**OTHER))
    rows, landed, told = read(landing)
    assert landed.refused == {}
    unclear = of(rows, 3)
    assert unclear["status"] == "unclear"
    assert unclear["status_text"]
    assert unclear["season"] == 2023
    assert {unclear["home_team"], unclear["visitor_team"]} >= {"BOS" if "visitor_team" in broken else "NYK"}
    assert {**of(rows, 4), "tipoff_at": None} == {
        **games([GameRecord.of(game(**OTHER))]).to_pylist()[0],
        "tipoff_at": None,
    }
    assert published(tmp_path, rows)[DAY].status == "published"
    [(day, _, raw)] = landed.rejected
    assert (day, json.loads(raw)["id"]) == (DAY, 3)
    assert any("item 0 cannot be read and is in operations.quarantine" in sentence for sentence in told)


NOBODYS = [
    game(id=None), game(id="three"), game(id=[3]), game(date="soon"), game(date=None), {}, None, "a game", [], 7,
]  # fmt: skip


@pytest.mark.parametrize("item", NOBODYS, ids=str)
def test_an_item_of_no_game_or_no_date_is_told_and_closes_nothing(landing, tmp_path, item):
    land(landing, item, game(**OTHER), last=DAY + timedelta(days=30))
    days = [DAY, DAY + timedelta(days=1)]
    rows, landed, told = read(landing, *days)
    assert landed.refused == {}
    assert [row["game_id"] for row in rows] == [4]
    assert {found.status for found in published(tmp_path, rows, *days).values()} <= {"published", "unchanged"}
    assert [(day, json.loads(raw)) for day, _, raw in landed.rejected] == [(DAY, item)]
    assert len([sentence for sentence in told if "cannot be read" in sentence]) == 1


def test_a_game_that_was_readable_before_keeps_what_was_said_of_it(landing):
    land(landing, game(**COMING), game(**OTHER))
    land(landing, game(season=None), game(**OTHER), at=NOW + timedelta(hours=1))
    land(landing, game(period="four"), game(**OTHER), at=NOW + timedelta(hours=2))
    rows, _, told = read(landing)
    assert (of(rows, 3)["status"], of(rows, 3)["home_team"]) == ("scheduled", "BOS")
    assert any("cannot be read" in sentence for sentence in told)


def test_a_game_that_only_the_schedule_of_the_season_had_readable_keeps_what_that_says(landing):
    land_season(landing, game(**COMING), game(id=5, date="2024-02-01"))
    land(landing, game(season=None), game(id=5, season=None), game(**OTHER))
    rows, _, _ = read(landing)
    assert [of(rows, number)["status"] for number in (3, 4, 5)] == ["scheduled", "final", "unclear"]


def test_a_damaged_schedule_of_the_season_is_told_and_closes_nothing(landing, tmp_path):
    land_season(landing, game(**COMING))
    [page] = (page for page in tmp_path.rglob("page-0001.json.gz") if SEASON_GAMES in str(page))
    page.write_bytes(b"damaged")
    land(landing, game(season=None), game(**OTHER))
    rows, landed, told = read(landing)
    assert (landed.refused, of(rows, 3)["status"]) == ({}, "unclear")
    assert any("is damaged" in sentence for sentence in told)
    told.clear()
    in_october = GameRecord.of(game(date="2023-10-18"))
    assert openings_known(landing, [in_october, *landed.records], told.append) == {2023: None}
    assert "is damaged" in told[0]


def test_the_first_date_of_a_season_is_read_from_its_landed_schedule(landing):
    days = [*(f"2023-10-{day:02d}" for day in (5, 8, 10, 13, 16, 19, 20)), "2023-10-24", "2023-10-25", "2023-10-26"]
    land_season(landing, *(game(id=n, date=day) for n, day in enumerate(days)))
    for day, status in (("2023-10-18", "exhibition"), ("2023-10-24", "final")):
        record = GameRecord.of(game(date=day))
        openings = openings_known(landing, [record], pytest.fail)
        assert openings == {2023: date(2023, 10, 24)}
        assert games([record], openings).to_pylist()[0]["status"] == status


# what a schedule cannot mean


def listed(game_id: int, home: str, visitor: str, **said: Any) -> dict:
    sides = {
        f"{side}_team": {"id": sorted(TEAMS).index(name) + 1, "abbreviation": name}
        for side, name in (("home", home), ("visitor", visitor))
    }
    return game(id=game_id, **sides, **{**COMING, **said})


TEAMS = {"ATL", "BOS", "CHI", "CLE", "DEN", "LAL"}
FINAL = {"status": "Final", "period": 4, "home_team_score": 100, "visitor_team_score": 99}


def states(*items: dict) -> dict[int, str]:
    rows, _ = clear_games(games(GameRecord.of(item) for item in items).to_pylist(), CONTRACT)
    return {row["game_id"]: row["status"] for row in rows}


def test_games_that_share_a_team_are_unclear_with_the_reason_and_the_others_stand(tmp_path):
    items = [listed(1, "ATL", "BOS"), listed(2, "CHI", "ATL"), listed(3, "DEN", "LAL")]
    rows, why = clear_games(games(map(GameRecord.of, items)).to_pylist(), CONTRACT)
    assert {row["game_id"]: row["status"] for row in rows} == {1: "unclear", 2: "unclear", 3: "scheduled"}
    assert of(rows, 1)["status_text"] == why[DAY, 1] == "ATL is listed for game 2 on this date too"
    assert of(rows, 2)["tipoff_at"] is not None
    assert published(tmp_path, rows)[DAY].status == "published"


def test_of_two_games_of_a_team_the_final_one_was_played_and_the_other_is_put_off(tmp_path):
    items = [listed(1, "ATL", "BOS", **FINAL), listed(2, "CHI", "ATL"), listed(3, "CHI", "LAL")]
    rows, why = clear_games(games(map(GameRecord.of, items)).to_pylist(), CONTRACT)
    assert {row["game_id"]: row["status"] for row in rows} == {1: "final", 2: "postponed", 3: "scheduled"}
    assert why == {(DAY, 2): "ATL played game 1 on this date"}
    assert published(tmp_path, rows)[DAY].status == "published"


def test_two_final_games_of_a_team_are_both_unclear():
    assert states(listed(1, "ATL", "BOS", **FINAL), listed(2, "CHI", "ATL", **FINAL)) == {1: "unclear", 2: "unclear"}


@pytest.mark.parametrize("off", ["PPD", "If Necessary", "Canceled"])
def test_a_game_that_is_off_makes_no_other_unclear(off):
    assert states(listed(1, "ATL", "BOS"), listed(2, "CHI", "ATL", status=off))[1] == "scheduled"


def test_the_same_game_listed_word_for_word_is_one_and_otherwise_it_is_unclear():
    one = listed(1, "ATL", "BOS")
    assert states(one, one) == {1: "scheduled"}
    assert states(one, {**one, **FINAL}) == {1: "unclear"}
    rows = [games([GameRecord.of(one)]).to_pylist()[0]]
    broken = GameRecord.unclear(one, "its season is missing")
    assert broken is not None
    assert clear_games([*games([broken]).to_pylist(), *rows], CONTRACT) == (rows, {})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({**FINAL, "home_team_score": 251}, "home_score is 251, outside 1 to 250"),
        ({**FINAL, "period": 15}, "period is 15, outside 0 to 14"),
        ({"season": 1900}, "season is 1900, outside 1946 to 2100"),
        ({**FINAL, "home_team": {"id": 2, "abbreviation": None}}, "it is final without both teams"),
        ({"home_team": {"id": 2, "abbreviation": "BOS"}}, "BOS plays against itself"),
    ],
)
def test_what_a_game_cannot_be_makes_it_unclear(tmp_path, said, why):
    item = {**listed(1, "ATL", "BOS"), **said}
    rows, told = clear_games(games([GameRecord.of(item), GameRecord.of(listed(2, "CHI", "DEN"))]).to_pylist(), CONTRACT)
    assert (of(rows, 1)["status"], of(rows, 2)["status"]) == ("unclear", "scheduled")
    assert told[DAY, 1] == why
    assert published(tmp_path, rows)[DAY].status == "published"


def altered(item: dict, dice: random.Random) -> Any:
    """An item with something else in one of its fields, or none at all."""
    odd = [None, "", "x", -1, 0, 4, 15, 300, 10**19, 1.5, True, [], {}, {"id": 2, "abbreviation": "BOS"}, "Final",
           "PPD", "TBD", {"id": None, "abbreviation": None}]  # fmt: skip
    return (
        dice.choice([None, "a game", {}]) if dice.random() < 0.05 else item | {dice.choice([*item]): dice.choice(odd)}
    )


def test_whatever_is_listed_of_games_no_date_is_refused_of_which_anything_can_be_read(tmp_path):
    """A hundred and fifty dates of up to five games, most of them altered, in front of the contract itself."""
    dice = random.Random(7)
    first = date(2024, 11, 1)
    days = [first + timedelta(days=n) for n in range(150)]
    items = []
    for day in days:
        for number in range(dice.randint(1, 5)):
            home, visitor = dice.sample(sorted(TEAMS), 2)
            item = listed(number, home, visitor, date=str(day), season=2024, **dice.choice([{}, FINAL]))
            items += [item if dice.random() < 0.3 else altered(item, dice)] * dice.choice([1, 1, 2])
    landing = Landing(tmp_path / "landing")
    writer = landing.begin(GAMES, days[0], days[-1], NOW)
    writer.add_page(json.dumps({"data": items, "meta": {}}).encode(), {}, NOW)
    writer.commit()
    rows, landed, _ = read(landing, *days)
    outcomes = published(tmp_path, rows, *(day for day in days if day not in landed.refused))
    assert len(landed.refused) < 30
    assert all(why.startswith("none of ") for [why] in landed.refused.values())
    assert {day: found.reasons for day, found in outcomes.items() if found.status == "refused"} == {}
    found = [row["status"] for row in rows]
    assert min(found.count(status) for status in ("unclear", "final", "scheduled")) > 20


# what becomes of a game that is unclear


def schedule(*items: dict, unclear: GameRecord | None = None) -> pa.Table:
    records = [*map(GameRecord.of, items), *([unclear] if unclear else [])]
    rows, _ = clear_games(games(records).to_pylist(), CONTRACT)
    return pa.Table.from_pylist(rows, schema=CONTRACT.schema.to_pyarrow())


def held(rows: pa.Table, *, over: bool) -> list[dict]:
    """The teams that are held of a date of which no box score is listed."""
    con = ibis.duckdb.connect()
    of_date = con.create_table("games", rows)
    listed_rows = con.create_table("listed", as_rows([]).cast(LISTED.schema.to_pyarrow()))
    sides = team_games(of_date)
    found = con.to_pyarrow(broken_games(listed_rows, of_date)).to_pylist()
    known = [*con.to_pyarrow(sides.filter(~raw_games.is_off(sides))).to_pylist(),
             *con.to_pyarrow(unclear_sides(sides)).to_pylist()]  # fmt: skip
    return rulings(sides_of_games(known, []), faults_by_game(found, [], {}), {}, lambda day: over)


TWICE = [listed(1, "ATL", "BOS"), listed(2, "CHI", "ATL"), listed(3, "DEN", "LAL", status="PPD")]


def test_a_game_that_is_unclear_is_waited_for_and_held_from_the_deadline_on():
    rows = schedule(*TWICE)
    assert held(rows, over=False) == []
    found = held(rows, over=True)
    assert sorted((row["game_id"], row["team"]) for row in found) == [
        (1, "ATL"), (1, "BOS"), (2, "ATL"), (2, "CHI")
    ]  # fmt: skip
    assert {row["decided_by"] for row in found} == {HELD_BY_RULE}
    assert found[0]["reasons"] == "BOS at ATL is unclear (ATL is listed for game 2 on this date too), not final"


def test_of_an_unclear_game_with_one_team_known_that_team_is_held_and_without_any_nobody_waits():
    item = listed(1, "ATL", "BOS")
    for gone, teams in ((("home_team",), ["BOS"]), (("home_team", "visitor_team"), [])):
        broken = GameRecord.unclear(item | dict.fromkeys(gone, "nobody"), "its teams are no teams")
        rows = schedule(unclear=broken)
        assert [row["team"] for row in held(rows, over=True)] == teams
        waiting = ibis.duckdb.connect().to_pyarrow(unfinished_games(ibis.memtable(rows)))
        assert waiting.num_rows == len(teams)
        assert ibis.duckdb.connect().to_pyarrow(ibis.memtable(rows).filter(can_be_held)).num_rows == len(teams)


def test_the_gate_names_an_unclear_game_with_the_next_command_until_it_is_held(tmp_path):
    rows = schedule(*TWICE)
    warehouse = DuckDBWarehouse(tmp_path / "warehouse.duckdb")
    with warehouse.session() as session:
        publish(session, CONTRACT, Rows(rows), [DAY], Stamp("run", NOW))
        found = unclear_games(Evidence(session, Clock(NOW), all_tables()), [DAY, DAY + timedelta(days=1)])
        assert list(found) == [DAY]
        assert found[DAY][0] == (
            f"game 1 of BOS and ATL on {DAY} is unclear, so that nothing is expected of it: ATL is listed for game 2 "
            "on this date too. Next: nba-pipeline game show 1"
        )
        made = pa.Table.from_pylist(held(rows, over=True), schema=held_games.CONTRACT.schema.to_pyarrow())
        publish(session, held_games.CONTRACT, Rows(made), [DAY], Stamp("run", NOW))
        assert unclear_games(Evidence(session, Clock(NOW), all_tables()), [DAY]) == {}


def test_nothing_is_expected_of_a_game_that_is_unclear():
    assert "unclear" in NOT_PLAYED
