"""Of each game the last answer counts that has it whole: what comes later broken or not at all replaces nothing."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nba_pipeline.assets.tables import all_tables
from nba_pipeline.clock import Clock
from nba_pipeline.contracts import Contract, Read
from nba_pipeline.decisions.game_decisions import GameDecision, Ruling, record_decision
from nba_pipeline.gates.evidence import Evidence
from nba_pipeline.raw import games, held_games, player_box_scores
from nba_pipeline.raw.parsing.earlier_answers import last_with
from nba_pipeline.sources.landing import Capture, Landing
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline.warehouse.interface import Session
from nba_pipeline.warehouse.operations_tables import QUARANTINE
from nba_pipeline.warehouse.publish import Outcome, Rows, Stamp, publish
from nba_pipeline_tests.named_command import named_command
from nba_pipeline_tests.sources.test_records import stat

DAY, NEXT = date(2024, 1, 17), date(2024, 1, 18)
NIGHT, MORNING = datetime(2024, 1, 18, 7, tzinfo=UTC), datetime(2024, 1, 18, 12, tzinfo=UTC)
"""Before the deadline of the first date, and after it."""

TEAMS = {1: ("ATL", "BOS"), 2: ("CHI", "DEN")}
IDS = {"ATL": 1, "BOS": 2, "CHI": 3, "DEN": 4}


def scheduled(game_id: int, day: date = DAY, **other: Any) -> dict[str, Any]:
    home, visitor = TEAMS[game_id]
    return {
        "game_date": day, "game_id": game_id, "season": 2023, "status": "final", "status_text": "Final", "period": 4,
        "tipoff_at": None, "postseason": False, "home_team_id": IDS[home], "home_team": home, "home_score": 100,
        "visitor_team_id": IDS[visitor], "visitor_team": visitor, "visitor_score": 90, "moved_to": None, **other,
    }  # fmt: skip


def listed(game_id: int, day: date = DAY, assists: int = 3) -> list[dict[str, Any]]:
    """The players of a game that is whole: five a team, with all minutes and points."""
    return [
        stat(
            game={"id": game_id, "date": str(day), "season": 2023},
            player={"id": 100 * IDS[team] + n, "first_name": "A", "last_name": f"B{n}", "position": "G"},
            team={"id": IDS[team], "abbreviation": team}, min="48", fgm=made, fga=20, pts=2 * made, ast=assists,
        )
        for team, made in zip(TEAMS[game_id], (10, 9), strict=True)
        for n in range(5)
    ]  # fmt: skip


class Home:
    """A warehouse and a landing, and the two tables made as their assets make them."""

    def __init__(self, folder: Path) -> None:
        self.warehouse = DuckDBWarehouse(folder / "warehouse.duckdb")
        self.landing = Landing(folder / "landing")
        self.asked = NIGHT - timedelta(hours=1)
        self.schedule(*map(scheduled, TEAMS))

    def schedule(self, *rows: Mapping[str, Any], day: date = DAY) -> None:
        found = pa.Table.from_pylist([dict(row) for row in rows], schema=games.CONTRACT.schema.to_pyarrow())
        self.publish(games.CONTRACT, Rows(found), day)

    def publish(self, table: Contract, made: Rows, *days: date, now: datetime = NIGHT) -> dict[date, Outcome]:
        with self.warehouse.session() as session:
            session.ensure(held_games.CONTRACT)
            inputs = self.evidence(session, now).lineage.inputs(table, days)
            return publish(session, table, replace(made, inputs=inputs), days, Stamp("run", self.asked))

    def evidence(self, session: Session, now: datetime = MORNING) -> Evidence:
        return Evidence(session, Clock(now), all_tables(), self.landing)

    def land(self, *items: Sequence[object], first: date = DAY, last: date = DAY) -> Capture:
        self.asked += timedelta(minutes=1)
        writer = self.landing.begin("stats", first, last, self.asked)
        body = json.dumps({"data": [one for some in items for one in some], "meta": {}}).encode()
        writer.add_page(body, {}, self.asked)
        return writer.commit()

    def make(self, now: datetime = MORNING, *days: date) -> dict[date, Outcome]:
        """Judges and publishes; returns what became of the box scores."""
        days = days or (DAY,)
        resources = {"warehouse": self.warehouse, "landing": self.landing, "clock": Clock(now)}
        with dg.build_asset_context(resources=resources) as context:
            ruled = self.publish(held_games.CONTRACT, held_games.judged_dates(context, days), *days, now=now)
            assert {outcome.status for outcome in ruled.values()} != {"refused"}
            inputs = games.CONTRACT.unbound(), held_games.CONTRACT.unbound()
            made = player_box_scores.parsed_dates(context, days, *inputs)
        return self.publish(player_box_scores.CONTRACT, made, *days, now=now)

    def rows(self, table: Contract) -> list[dict[str, Any]]:
        with self.warehouse.session(read_only=True) as session:
            return session.query(session.read(table)).to_pylist()

    def states(self) -> dict[int, str]:
        return {row["game_id"]: row["state"] for row in self.rows(held_games.CONTRACT)}

    def assists(self) -> dict[int, set[int]]:
        """What is published: the assists of each game's players, of whom there must be ten."""
        found: dict[int, list[int]] = {}
        for row in self.rows(player_box_scores.CONTRACT):
            found.setdefault(row["game_id"], []).append(row["assists"])
        assert all(len(numbers) == 10 for numbers in found.values())
        return {game_id: set(numbers) for game_id, numbers in found.items()}

    def inputs(self, day: date = DAY) -> str:
        with self.warehouse.session() as session:
            return self.evidence(session, NIGHT).lineage.inputs(held_games.CONTRACT, [day])[day]

    def is_stale(self, now: datetime) -> bool:
        """Whether the rulings of the date are not those that would be made at an instant."""
        with self.warehouse.session() as session:
            return self.evidence(session, now).lineage.is_stale(held_games.CONTRACT, DAY)

    def nothing_arrived(self) -> bool:
        with self.warehouse.session() as session:
            return self.evidence(session).calendar.nothing_arrived(DAY)

    def decide(self, ruling: Ruling, game_id: int = 1, **corrections: Any) -> None:
        at = self.asked.replace(tzinfo=None)
        with self.warehouse.session() as session:
            record_decision(session, GameDecision(DAY, game_id, ruling, corrections, "Ann", "seen", None, at))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def without_points(items: list[dict]) -> list[dict]:
    return [items[0] | {"pts": 0}, *items[1:]]


STRANGER = listed(1)[0] | {"team": {"id": 9, "abbreviation": "MIA"}, "player": listed(2)[0]["player"]}

BROKEN = {
    "absent": [],
    "cut short": listed(1)[:7],
    "not adding up": without_points(listed(1)),
    "unreadable": [*listed(1)[1:], listed(1)[0] | {"pts": None}],
    "of a third team": [*listed(1), STRANGER],
}


@pytest.mark.parametrize("newest", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("now", [NIGHT, MORNING], ids=["before the deadline", "after it"])
def test_a_newer_answer_with_a_game_broken_or_absent_replaces_nothing(home, newest, now):
    home.land(listed(1), listed(2))
    assert home.make(NIGHT)[DAY].status == "published"
    good = home.rows(player_box_scores.CONTRACT)
    home.land(newest, listed(2))
    assert home.make(now)[DAY].status == "unchanged"
    assert home.rows(player_box_scores.CONTRACT) == good
    assert home.states() == {1: held_games.KEPT}
    row, *_ = home.rows(held_games.CONTRACT)
    assert "the answer of 2024-01-18 06:01 UTC counts, the newest is set aside: " in row["reasons"]
    assert (row["decided_by"], row["listed"]) == (held_games.BY_ANSWER, len(newest))
    aside = [row for row in home.rows(QUARANTINE) if row["reason"].startswith("game 1 is kept: ")]
    assert len(aside) == len([item for item in newest if item["pts"] is not None])


@pytest.mark.parametrize(("name", "acceptable"), [("absent", False), ("not adding up", True)])
def test_of_a_game_that_is_kept_it_is_known_whether_a_person_can_accept_what_the_newest_answer_has(
    home, name, acceptable
):
    home.land(listed(1), listed(2))
    home.land(BROKEN[name], listed(2))
    home.make()
    assert {row["not_acceptable"] is None for row in home.rows(held_games.CONTRACT)} == {acceptable}


def test_an_answer_cut_short_to_nothing_never_makes_a_published_date_one_without_rows(home):
    home.schedule({**scheduled(1, NEXT)}, day=NEXT)
    home.land(listed(1), listed(2))
    home.land(listed(1, NEXT), first=NEXT, last=NEXT)
    after = MORNING + timedelta(days=1)
    home.make(after, DAY, NEXT)
    good = home.rows(player_box_scores.CONTRACT)
    home.land([], first=DAY, last=NEXT)
    assert {outcome.status for outcome in home.make(after, DAY, NEXT).values()} == {"unchanged"}
    assert home.rows(player_box_scores.CONTRACT) == good
    assert len(good) == 30


def test_the_last_answer_that_has_a_game_whole_counts_for_that_game_alone(home):
    home.land(listed(1, assists=1), listed(2, assists=1))
    home.land(listed(1, assists=2), without_points(listed(2)))
    home.land([], listed(2, assists=3))
    home.land(listed(1)[:3], without_points(listed(2)))
    home.make()
    assert home.assists() == {1: {2}, 2: {3}}
    assert home.states() == {1: held_games.KEPT, 2: held_games.KEPT}


def test_a_true_correction_wins_and_so_does_what_comes_whole_after_a_broken_answer(home):
    home.land(listed(1, assists=1), listed(2))
    home.make()
    home.land(listed(1, assists=2), listed(2))
    home.make()
    assert (home.assists()[1], home.states()) == ({2}, {})
    home.land([], listed(2))
    home.make()
    home.land(listed(1, assists=4), listed(2))
    home.make()
    assert (home.assists()[1], home.states()) == ({4}, {})


def test_a_game_that_no_answer_ever_had_whole_is_waited_for_and_then_held_by_rule(home):
    home.land(listed(1)[:4], listed(2))
    home.land(without_points(listed(1)), listed(2))
    assert home.make(NIGHT)[DAY].status == "refused"
    assert home.states() == {}
    assert home.make(MORNING)[DAY].status == "published"
    assert home.states() == {1: held_games.HELD}
    assert set(home.assists()) == {2}


@pytest.mark.parametrize(
    "off", [{"status": "postponed"}, {"status": "moved", "moved_to": NEXT}, {"status": "cancelled"}]
)
def test_a_game_that_is_taken_out_is_not_kept_from_an_old_answer(home, off):
    home.land(listed(1), listed(2))
    home.make()
    home.schedule(scheduled(1, home_score=None, visitor_score=None, period=0, **off), scheduled(2))
    home.land([], listed(2))
    home.make()
    assert set(home.assists()) == {2}
    assert home.states() == {}


def test_a_score_that_the_schedule_corrects_is_not_answered_by_old_rows(home):
    home.land(listed(1), listed(2))
    home.make()
    home.schedule(scheduled(1, home_score=101), scheduled(2))
    home.land([], listed(2))
    home.make()
    assert (home.states(), set(home.assists())) == ({1: held_games.HELD}, {2})


def test_what_a_person_decided_counts_whatever_earlier_answers_have(home):
    home.land(listed(1), listed(2))
    home.land(without_points(listed(1)), listed(2))
    home.decide(Ruling.HOLD)
    home.make()
    assert (home.states(), set(home.assists())) == ({1: held_games.HELD}, {2})
    home.decide(Ruling.RELEASE)
    home.make()
    assert (home.states(), set(home.assists())) == ({1: held_games.KEPT}, {1, 2})


def test_a_game_that_a_person_accepted_is_kept_as_it_was_accepted(home):
    home.land([item | {"ast": 7} for item in without_points(listed(1))], listed(2))
    home.decide(Ruling.ACCEPT)
    home.make()
    assert (home.states(), home.assists()[1]) == ({1: held_games.ACCEPTED}, {7})
    home.land([], listed(2))
    home.make()
    assert (home.states(), home.assists()[1]) == ({1: held_games.ACCEPTED}, {7})


def test_a_correction_that_fits_an_earlier_answer_only_is_made_there(home):
    home.land(without_points(listed(1)), listed(2))
    home.decide(Ruling.CORRECT, **{"player:100": {"points": 20}})
    home.make()
    assert (home.states(), set(home.assists())) == ({}, {1, 2})
    home.land([], listed(2))
    assert home.make()[DAY].status == "unchanged"
    assert home.states() == {1: held_games.KEPT}


def test_who_asks_first_does_not_decide_what_a_table_is_made_from(home):
    home.land(listed(1), listed(2))
    home.land([], listed(2))
    both = held_games.CONTRACT, player_box_scores.CONTRACT
    with home.warehouse.session() as session:
        one, other = home.evidence(session).coverage, home.evidence(session).coverage
        assert [one.answers(table, DAY) for table in both] == [other.answers(table, DAY) for table in both[::-1]][::-1]


def test_rows_that_stand_whole_stay_when_the_landing_has_lost_their_answer_until_a_person_holds_the_game(home):
    lost = home.land(listed(1), listed(2))
    home.make()
    good = home.rows(player_box_scores.CONTRACT)
    home.land([], listed(2))
    shutil.rmtree(Path(lost.pages[0].where).parent)
    found = home.make()[DAY]
    assert found.status == "refused"
    assert "game 1 stands here whole" in found.reasons[0]
    assert named_command(found.reasons[0])[:3] == ["game", "hold", "1"]
    assert home.rows(player_box_scores.CONTRACT) == good
    home.decide(Ruling.HOLD)
    assert home.make()[DAY].status == "published"
    assert set(home.assists()) == {2}


def test_a_game_whose_correction_is_taken_back_is_held_although_its_rows_stand_whole(home):
    home.land(without_points(listed(1)), listed(2))
    home.decide(Ruling.CORRECT, **{"player:100": {"points": 20}})
    home.make()
    home.decide(Ruling.RELEASE)
    home.make()
    assert (home.states(), set(home.assists())) == ({1: held_games.HELD}, {2})


def test_a_game_kept_from_an_answer_that_is_gone_is_judged_again(home):
    lost = home.land(listed(1), listed(2))
    home.land([], listed(2))
    home.make()
    kept = {(DAY, 1): lost.fingerprint}
    assert len(player_box_scores.earlier_records(home.landing, kept)[0]) == 10
    shutil.rmtree(Path(lost.pages[0].where).parent)
    records, gone = player_box_scores.earlier_records(home.landing, kept)
    assert records == []
    assert named_command(gone[DAY, 1]) == ["backfill", "--from", str(DAY), "--to", str(DAY), "--phase", "raw"]


def test_an_earlier_answer_that_is_damaged_is_passed_over(home):
    home.land(listed(1, assists=1), listed(2))
    damaged = home.land(listed(1, assists=2), listed(2))
    home.land([], listed(2))
    Path(damaged.pages[0].where).write_bytes(b"nothing")
    home.make()
    assert home.assists()[1] == {1}


def test_every_answer_that_said_something_new_is_part_of_what_a_date_is_made_from(home):
    seen = [home.inputs()]
    for items in (listed(1), [], listed(1), []):
        home.land(items, listed(2))
        seen.append(home.inputs())
    assert len(set(seen)) == 5, "also one that says what was said before"
    home.land([], listed(2))
    assert home.inputs() == seen[-1], "one that repeats the one before it says nothing new"


def test_no_older_answer_is_read_where_the_newest_has_every_game_whole(home):
    damaged = home.land(listed(1), listed(2))
    home.land(listed(1, assists=2), listed(2))
    Path(damaged.pages[0].where).unlink()
    assert home.make()[DAY].status == "published"


def test_the_deadline_makes_stale_what_was_waited_for_and_nothing_else(home):
    home.land(listed(1)[:4], listed(2))
    home.make(NIGHT)
    assert not home.is_stale(NIGHT)
    assert home.is_stale(MORNING), "though nothing was landed since"
    home.make(MORNING)
    assert (home.states(), home.is_stale(MORNING)) == ({1: held_games.HELD}, False)


def test_a_date_that_was_whole_before_its_deadline_is_not_judged_again_by_it(home):
    home.land(listed(1), listed(2))
    home.make(NIGHT)
    assert not home.is_stale(MORNING)
    home.land(listed(1, assists=5), listed(2))
    assert home.is_stale(MORNING)
    home.make(MORNING)
    assert not home.is_stale(MORNING)


@pytest.mark.parametrize("by_deadline", [True, False])
def test_a_table_follows_from_the_deadline_because_its_contract_says_so_whatever_its_name(home, by_deadline):
    ruled = replace(held_games.CONTRACT, name="raw.rulings_of_another", by_deadline=by_deadline)
    made_of_it = replace(player_box_scores.CONTRACT, name="raw.made_of_it", reads={"rulings": Read(ruled)})
    home.land(listed(1)[:4], listed(2))
    with home.warehouse.session() as session:
        found = [
            Evidence(session, Clock(now), (games.CONTRACT, ruled, made_of_it), home.landing).lineage.inputs(
                ruled, [DAY]
            )
            for now in (NIGHT, MORNING)
        ]
    assert (found[0] != found[1]) is by_deadline


@pytest.mark.parametrize("items", [listed(1)[:4], without_points(listed(1)), BROKEN["unreadable"]])
def test_of_a_date_whose_only_game_came_broken_something_arrived(home, items):
    put_off = {"status": "postponed", "home_score": None, "visitor_score": None, "period": 0}
    home.schedule(scheduled(1), scheduled(2, **put_off))
    home.land(items)
    home.make()
    assert home.states() == {1: held_games.HELD}
    assert home.rows(player_box_scores.CONTRACT) == []
    assert not home.nothing_arrived()


def test_of_a_date_of_which_the_answer_lists_nothing_nothing_arrived(home):
    home.land([])
    home.make()
    assert home.states() == {1: held_games.HELD, 2: held_games.HELD}
    assert home.nothing_arrived()


ANSWERS = st.lists(st.frozensets(st.integers(1, 4)), max_size=6)
"""Older answers about a date, newest first: the games that each has whole."""


@given(st.dictionaries(st.sampled_from([DAY, NEXT]), ANSWERS), st.frozensets(st.integers(1, 4)))
def test_the_choice_is_the_newest_that_has_the_game_and_no_more_are_looked_at_than_needed(told, games_sought):
    sought = {(day, game_id) for day in (DAY, NEXT) for game_id in games_sought}
    looked_at: list[tuple[date, int]] = []

    def usable(step: Mapping[date, int]) -> list[tuple[date, int]]:
        looked_at.extend(step.items())
        return [(day, game_id) for day, place in step.items() for game_id in told[day][place]]

    found = last_with(sought, lambda day: range(len(told.get(day, []))), usable)  # type: ignore[arg-type, return-value]
    for day, game_id in sought:
        places = [place for place, whole in enumerate(told.get(day, [])) if game_id in whole]
        assert found.get((day, game_id)) == (places[0] if places else None)
    assert found.keys() <= sought
    for day in (DAY, NEXT):
        mine = [found.get((day, game_id), len(told.get(day, [])) - 1) for game_id in games_sought]
        assert [place for at, place in looked_at if at == day] == list(range(max(mine, default=-1) + 1))  # type: ignore
