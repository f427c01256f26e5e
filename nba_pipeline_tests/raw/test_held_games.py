"""Which games are held, and by whom: the rule by itself."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nba_pipeline.decisions.game_decisions import GameDecision, Ruling
from nba_pipeline.gates.deadlines import held_from
from nba_pipeline.gates.evidence import HELD_BY_RULE
from nba_pipeline.raw.held_games import ACCEPTED, HELD, Fault, faults_by_game, rulings, sides_of_games
from nba_pipeline.raw.parsing.landed import Landed, Unreadable
from nba_pipeline.sources.records import StatRecord
from nba_pipeline_tests.support.api_items import stat

DAY, OTHER = date(2025, 11, 5), date(2025, 12, 9)
SUMS = Fault("points sum to the score: players of BKN have 100 points, the team 101", sums=True)
NULL = Fault("a value that cannot be: points is null")
UNREAD = Fault("page-0001 item 3: 'player' is null", unread=True)


def side(game_id: int, team: str, day: date = DAY) -> dict:
    return {"game_date": day, "game_id": game_id, "team_id": ord(team[0]), "team": team, "season": 2025}


def record(game_id: int, team: str) -> StatRecord:
    ids = {"id": ord(team[0]), "abbreviation": team}
    return StatRecord.of(stat(game={"id": game_id, "date": str(DAY), "season": 2025}, team=ids))


SIDES = [side(1, "ATL"), side(1, "BOS"), side(2, "CHI"), side(2, "DEN")]


def decided(ruling: Ruling, game_id: int = 1, day: date = DAY) -> dict:
    found = GameDecision(day, game_id, ruling, {}, "Ann", "seen on tape", None, datetime(2025, 11, 6))
    return {found.key: found}


def states(faults=None, decisions=None, *, over=True) -> dict[int, str]:
    rows = rulings(SIDES, faults or {}, decisions or {}, lambda day: over)
    return {row["game_id"]: row["state"] for row in rows}


def test_a_game_without_faults_is_never_held():
    assert states() == {}
    assert states(over=False) == {}


def test_a_game_with_faults_is_waited_for_until_the_deadline_and_held_from_then_on():
    assert states({(DAY, 1): [SUMS]}, over=False) == {}
    assert states({(DAY, 1): [SUMS]}) == {1: HELD}


def test_both_teams_of_a_held_game_are_marked_with_every_reason_once_and_who_decided():
    rows = rulings(SIDES, {(DAY, 1): [SUMS, NULL, SUMS]}, {}, lambda day: True)
    assert [row["team"] for row in rows] == ["ATL", "BOS"]
    assert {row["reasons"] for row in rows} == {f"{SUMS.reason}; {NULL.reason}"}
    assert {row["decided_by"] for row in rows} == {HELD_BY_RULE}


def test_a_held_game_says_which_of_its_reasons_no_person_can_accept():
    (never,) = {row["not_acceptable"] for row in rulings(SIDES, {(DAY, 1): [SUMS, NULL, UNREAD]}, {}, lambda day: True)}
    assert never == NULL.reason
    (never,) = {row["not_acceptable"] for row in rulings(SIDES, {(DAY, 1): [SUMS, UNREAD]}, {}, lambda day: True)}
    assert never is None


def test_a_person_holds_a_game_at_once_and_without_any_fault():
    rows = rulings(SIDES, {}, decided(Ruling.HOLD), lambda day: False)
    assert {row["game_id"] for row in rows} == {1}
    assert {(row["state"], row["decided_by"], row["reasons"]) for row in rows} == {(HELD, "Ann", "seen on tape")}


def test_what_does_not_add_up_may_be_accepted_and_what_cannot_be_may_not():
    assert states({(DAY, 1): [SUMS]}, decided(Ruling.ACCEPT)) == {1: ACCEPTED}
    assert states({(DAY, 1): [SUMS]}, decided(Ruling.ACCEPT), over=False) == {1: ACCEPTED}
    assert states({(DAY, 1): [SUMS, NULL]}, decided(Ruling.ACCEPT)) == {1: HELD}
    assert states({(DAY, 1): [SUMS, UNREAD]}, decided(Ruling.ACCEPT)) == {1: ACCEPTED}, "what is read of it stands"
    assert states({(DAY, 1): [UNREAD, NULL]}, decided(Ruling.ACCEPT)) == {1: HELD}
    assert states({}, decided(Ruling.ACCEPT)) == {}, "a game that is whole needs no acceptance"


def test_a_decision_is_about_its_own_game_and_date():
    assert states({}, decided(Ruling.HOLD, day=OTHER)) == {}
    assert states({(DAY, 2): [SUMS]}, decided(Ruling.ACCEPT, game_id=1)) == {2: HELD}


@given(
    st.dictionaries(st.sampled_from([1, 2]), st.lists(st.sampled_from([SUMS, NULL]), min_size=1, max_size=3)),
    st.sampled_from([None, *Ruling]),
    st.booleans(),
)
def test_only_games_with_a_fault_or_a_decision_are_ever_held_and_always_both_teams(faults, ruling, over):
    decisions = decided(ruling) if ruling else {}
    rows = rulings(SIDES, {(DAY, game): found for game, found in faults.items()}, decisions, lambda day: over)
    games = {row["game_id"] for row in rows}
    assert games <= {*faults, *({1} if ruling is Ruling.HOLD else ())}
    assert len(rows) == 2 * len(games)


OF_TEAM = {(DAY, side["team_id"]): side["game_id"] for side in SIDES}
CHICAGO = ord("C")


def test_an_unreadable_item_holds_the_game_that_it_names_or_else_the_game_of_its_team():
    no_minutes = Fault("item 3: no minutes", unread=True)
    for item in (Unreadable(DAY, 2, no_minutes.reason), Unreadable(DAY, None, no_minutes.reason, CHICAGO)):
        assert faults_by_game([], [item], OF_TEAM) == {(DAY, 2): [no_minutes]}


def test_an_unreadable_item_of_no_game_of_the_date_holds_none():
    nobodys = [Unreadable(DAY, 99, "a"), Unreadable(DAY, 99, "b", CHICAGO), Unreadable(DAY, None, "c", 77)]
    assert faults_by_game([], [*nobodys, Unreadable(OTHER, 2, "d")], OF_TEAM) == {}
    landed = Landed(refused={DAY: ["a", "b", "c"]}, unreadable=nobodys)
    assert landed.refused_but_for({}, OF_TEAM) == {}


@pytest.mark.parametrize(
    ("held", "refused"),
    [
        ({}, ["a", "b", "c"]),
        ({DAY: {1}}, ["b", "c"]),
        ({DAY: {2}}, ["a"]),
        ({DAY: {1, 2}}, []),
        ({OTHER: {1, 2}}, ["a", "b", "c"]),
    ],
)
def test_what_cannot_be_read_refuses_its_date_unless_its_game_is_held(held, refused):
    landed = Landed(
        refused={DAY: ["a", "b", "c"]},
        unreadable=[Unreadable(DAY, 1, "a"), Unreadable(DAY, 2, "b"), Unreadable(DAY, None, "c", CHICAGO)],
    )
    assert landed.refused_but_for(held, OF_TEAM).get(DAY, []) == refused


def test_a_team_of_two_games_is_held_with_the_one_that_is_scheduled():
    listed = record(99, "CHI")
    found = sides_of_games(SIDES, [listed, record(99, "LAL"), record(2, "CHI")])
    assert [(row["game_id"], row["team"]) for row in found] == [
        (1, "ATL"), (1, "BOS"), (2, "CHI"), (2, "DEN"), (99, "CHI"), (99, "LAL")
    ]  # fmt: skip


def test_a_date_about_which_nothing_was_landed_stays_refused_whatever_is_held():
    landed = Landed(refused={DAY: ["nothing was landed"]})
    assert landed.refused_but_for({DAY: {1}}, OF_TEAM) == {DAY: ["nothing was landed"]}


@pytest.mark.parametrize(
    ("day", "utc"), [(date(2025, 11, 1), "2025-11-02T11:45"), (date(2025, 7, 4), "2025-07-05T10:45")]
)
def test_a_game_is_held_from_a_quarter_to_seven_in_new_york_on_the_day_after(day, utc):
    assert held_from(day).strftime("%Y-%m-%dT%H:%M") == utc
