"""What the source's items mean."""

import copy
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nba_pipeline.raw import game_lines, games, injuries, player_box_scores, player_prop_lines, players
from nba_pipeline.sources.injury_words import injury_status
from nba_pipeline.sources.records import (
    GameLineRecord,
    GameRecord,
    InjuryRecord,
    PlayerRecord,
    PropLineRecord,
    StatRecord,
    game_status,
    parse_minutes,
    reason_of,
)
from nba_pipeline_tests.support.api_items import TEAM, game, injury, stat

INTERNALS = ("NoneType", "subscript", "attribute", "validation error", "pydantic", "unhashable", "argument")
"""How errors of Python and of pydantic speak."""


@given(minutes=st.integers(0, 70), seconds=st.integers(0, 59))
def test_minutes_with_seconds_are_minutes_and_a_fraction(minutes, seconds):
    assert parse_minutes(f"{minutes}:{seconds:02d}") == pytest.approx(minutes + seconds / 60)
    assert parse_minutes(f"{minutes:02d}") == minutes


@pytest.mark.parametrize("text", [None, "", "00", "0"])
def test_a_player_who_sat_has_no_minutes(text):
    assert parse_minutes(text) == 0.0


@pytest.mark.parametrize("text", ["x", "34:60", "-3", "3.5", "1e3"])
def test_other_minutes_are_no_minutes(text):
    with pytest.raises(ValueError, match="minutes"):
        parse_minutes(text)


@pytest.mark.parametrize(
    ("text", "period", "scores", "status"),
    [
        ("Final", 4, (100, 99), "final"),
        ("Final/OT", 5, (100, 99), "final"),
        ("Final", 4, (0, 0), "in_progress"),
        ("Final", 3, (80, 70), "in_progress"),
        ("Final", 4, (100, 0), "in_progress"),
        ("3rd Qtr", 3, (80, 70), "in_progress"),
        ("Halftime", 2, (50, 40), "in_progress"),
        ("2024-01-18T00:30:00Z", 0, (0, 0), "scheduled"),
        ("7:30 pm ET", 0, (0, 0), "scheduled"),
        ("Postponed", 0, (0, 0), "postponed"),
        (None, 0, (0, 0), "scheduled"),
    ],
)
def test_a_game_is_final_by_its_content(text, period, scores, status):
    assert game_status(text, period, scores) == status


def test_scores_of_a_game_that_is_not_final_are_not_kept():
    record = GameRecord.of(game(status="4th Qtr", home_team_score=88, visitor_team_score=80))
    assert (record.status, record.home_score, record.visitor_score) == ("in_progress", None, None)


def test_an_item_without_a_datetime_has_its_tip_off_from_the_status():
    item = game(status="2024-01-18T00:30:00Z", period=0, home_team_score=0, visitor_team_score=0)
    del item["datetime"]
    assert GameRecord.of(item).tipoff_at == datetime(2024, 1, 18, 0, 30, tzinfo=UTC)
    assert GameRecord.of({**item, "status": "7:30 pm ET"}).tipoff_at is None


def test_zero_minutes_with_a_foul_is_a_player_who_played():
    assert not StatRecord.of(stat(min="0", pf=1)).did_not_play
    assert StatRecord.of(stat(min="00")).did_not_play


def test_missing_counts_are_zeros_only_for_a_player_who_sat():
    assert StatRecord.of(stat(min="00", pts=None, ast=None)).points == 0
    with pytest.raises(ValueError, match="points missing for a player with 34 minutes"):
        StatRecord.of(stat(pts=None))


def test_negative_or_broken_counts_are_refused():
    with pytest.raises(ValueError, match="assists"):
        StatRecord.of(stat(ast=-1))
    with pytest.raises(ValueError, match="points"):
        StatRecord.of(stat(pts=1.5))


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (stat(min=34.5), "minutes 34.5 are neither M nor M:SS"),
        (stat(min=[]), "minutes [] are neither M nor M:SS"),
        (stat(pts="many"), "the field 'pts' (points) is 'many', no whole number"),
        (stat(pts=True), "the field 'pts' (points) is True, no whole number"),
        (stat(ast=-1), "assists is -1: it should be greater than or equal to 0"),
        (stat(player=None), "the field 'player' is None, not an object"),
        (stat(player={"first_name": "A"}), "the field 'id' is missing"),
        (stat(player={"id": None}), "player_id is None: it should be a valid integer"),
        (stat(game={"id": 3, "date": None, "season": 2023}), "the date None is no date such as 2024-01-17"),
        (stat(game={"id": 3, "date": 20240117, "season": 2023}), "the date 20240117 is no date such as 2024-01-17"),
    ],
)
def test_why_an_item_is_none_is_said_for_people(item, reason):
    with pytest.raises((ValueError, KeyError)) as failure:
        StatRecord.of(item)
    assert reason_of(failure.value) == reason


@pytest.mark.parametrize(
    "changes",
    [
        {"home_team_score": "x"}, {"home_team": "BOS"}, {"visitor_team": None}, {"period": []}, {"date": 7},
        {"status": 7}, {"id": "x"}, {"season": None}, {"home_team": {"id": 1}},
    ],
)  # fmt: skip
def test_a_game_that_cannot_be_read_is_refused_in_words(changes):
    with pytest.raises((ValueError, KeyError)) as failure:
        GameRecord.of(game(**changes))
    assert not any(internal in reason_of(failure.value) for internal in INTERNALS)


@pytest.mark.parametrize(("text", "points"), [("12", 12), (12.0, 12), (" 12 ", 12), ("0", 0)])
def test_a_count_may_come_as_text_or_with_a_point(text, points):
    assert StatRecord.of(stat(pts=text)).points == points


def test_noughts_as_text_of_a_player_who_sat_are_noughts():
    assert StatRecord.of(stat(min="00", pts="0", ast="0")).did_not_play


@pytest.mark.parametrize("text", [7, ["x"], "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_tip_off_that_is_no_instant_is_unknown(text):
    assert GameRecord.of(game(datetime=text)).tipoff_at is None


def prop(**changes) -> dict:
    market = {"type": "over_under", "over_odds": -110, "under_odds": -110}
    return {
        "id": 1, "game_id": 3, "player_id": 9, "vendor": "DraftKings", "prop_type": "threes", "line_value": "2.5",
        "market": market, **changes,
    }  # fmt: skip


def odds(**changes) -> dict:
    return {"id": 1, "game_id": 3, "vendor": "betway", "spread_home_value": "-5.5", "total_value": "221.5", **changes}


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Out", "out"), ("OUT FOR SEASON", "out"), ("Suspension", "out"), ("Doubtful", "doubtful"),
        ("Day-To-Day", "questionable"), ("day to day", "questionable"), ("GTD", "questionable"),
        (" questionable ", "questionable"), ("Probable", "probable"), ("Available", "available"),
        ("Inactive", "out"), ("INACTIVE_GLEAGUE_TWOWAY", "out"), ("Inactive - Coach's Decision", "out"),
        ("Not With Team", "out"), ("NWT", "out"), ("DNP-CD", "out"), ("Suspended", "out"), ("Rest", "out"),
        ("League Suspension", "out"), ("Out (knee)", "out"), ("Out Indefinitely", "out"), ("OFS", "out"),
        ("Injured List", "out"), ("G League", "out"), ("G-League - On Assignment", "out"), ("Unavailable", "out"),
        ("Not Available", "out"), ("Won't play", "out"), ("Not expected to play", "out"),
        ("DTD", "questionable"), ("Day-To-Day (ankle)", "questionable"), ("Game-Time Decision", "questionable"),
        ("Questionable; will warm up", "questionable"), ("Active", "available"), ("Cleared to play", "available"),
        ("Expected to play", "available"), ("Doubtful (illness)", "doubtful"),
        ("O", "out"), ("Q", "questionable"), ("D", "doubtful"), ("p", "probable"), ("ＯＵＴ", "out"),
        ("D-League", "out"), ("Scratched", "out"), ("Late Scratch", "out"), ("SUSP", "out"), ("Sidelined", "out"),
        ("Will miss Friday's game", "out"), ("Expected to miss game", "out"), ("Not with the team", "out"),
        ("Away from team - personal", "out"), ("Did not travel", "out"), ("Shut down for the season", "out"),
        ("Season-ending surgery", "out"), ("Week-To-Week", "out"), ("Indefinitely", "out"), ("Will not return", "out"),
        ("Downgraded to out", "out"), ("Unlikely", "doubtful"), ("Unlikely to play", "doubtful"),
        ("Upgraded to questionable", "questionable"), ("50-50", "questionable"), ("Uncertain", "questionable"),
        ("Likely to play", "probable"), ("Likely", "probable"), ("Upgraded to available", "available"),
        ("Likely out", "unknown"), ("Unlikely to miss", "unknown"), ("Not ruled out", "unknown"), ("N/A", "unknown"),
        ("P Knee", "unknown"), ("Health and Safety Protocols", "unknown"), ("Concussion Protocol", "unknown"),
        ("Rehabilitating", "unknown"), ("Personal", "unknown"), ("Two-Way", "unknown"), ("Outlook good", "unknown"),
        ("Activities limited", "unknown"), ("", "unknown"), ("---", "unknown"), (None, "unknown"),
    ],
)  # fmt: skip
def test_the_words_of_an_injury_list_are_one_of_six_and_kept(text, status):
    assert injury_status(text) == status
    assert InjuryRecord.of(injury(status=text)).status_text == (text or "")


@pytest.mark.parametrize(
    ("player", "team_id"),
    [({"team_id": 4}, 4), ({"team": {"id": 4}}, 4), ({"team": None}, None), ({"team_id": None}, None)],
)
def test_the_team_of_an_injured_player_comes_as_an_id_or_whole_or_not_at_all(player, team_id):
    record = InjuryRecord.of(injury(player={"id": 9, "first_name": "A", "last_name": None, **player}))
    assert (record.player_id, record.last_name, record.team_id) == (9, "", team_id)


@pytest.mark.parametrize("gone", ["player", "status"])
def test_an_injury_without_player_or_status_is_none(gone):
    item = injury()
    del item[gone]
    with pytest.raises(KeyError, match=gone):
        InjuryRecord.of(item)


def test_an_injured_player_who_tells_no_team_at_all_is_none():
    with pytest.raises(KeyError, match="team"):
        InjuryRecord.of(injury(player={"id": 9, "first_name": "A", "last_name": "B"}))


def test_a_line_on_a_player_has_our_name_of_the_stat_and_numbers():
    record = PropLineRecord.of(prop())
    assert (record.stat, record.line, record.vendor) == ("three_pointers_made", 2.5, "draftkings")
    assert (record.over_odds, record.under_odds) == (-110, -110)


@pytest.mark.parametrize(
    "changes",
    [{"market": {"type": "milestone", "odds": 200}}, {"prop_type": "points_1q"}, {"prop_type": "double_double"}],
    ids=["milestone", "quarter", "double double"],
)
def test_markets_that_are_none_of_ours_are_read_and_have_no_line(changes):
    record = PropLineRecord.of(prop(line_value=None, **changes))
    assert (record.stat, record.line, record.over_odds) == (None, None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"line_value": "many"}, {"line_value": None}, {"line_value": "nan"}, {"line_value": "-1"},
        {"line_value": "500"},        {"vendor": " "}, {"market": None}, {"game_id": None},
        {"market": {"type": "over_under", "over_odds": 0, "under_odds": -110}},
    ],
)  # fmt: skip
def test_a_line_on_a_player_that_cannot_be_one_is_none(changes):
    with pytest.raises((ValueError, TypeError, AttributeError)):
        PropLineRecord.of(prop(**changes))


def test_odds_that_are_not_offered_are_null():
    record = PropLineRecord.of(prop(market={"type": "over_under", "over_odds": None}))
    assert (record.over_odds, record.under_odds) == (None, None)


def test_spread_and_total_come_as_text_number_or_not_at_all():
    assert GameLineRecord.of(odds()).model_dump() == {
        "game_id": 3, "vendor": "betway", "spread_home": -5.5, "total": 221.5
    }  # fmt: skip
    record = GameLineRecord.of(odds(spread_home_value=None, total_value=221))
    assert (record.spread_home, record.total) == (None, 221.0)


@pytest.mark.parametrize("changes", [{"total_value": "PK"}, {"total_value": "22"}, {"spread_home_value": "99"}])
def test_a_game_line_that_cannot_be_one_is_none(changes):
    with pytest.raises(ValueError, match=r"float|greater|less"):
        GameLineRecord.of(odds(**changes))


# whatever stands in a field

UNUSUAL = ["\ud800", 10**30, -(2**63) - 1]
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["\ud800", 10**30, -(2**63) - 1]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)

ROSTERED = {**stat()["player"], "height": "6-11", "weight": "220", "team": TEAM}


def fields_of(item: dict) -> list[tuple[str, ...]]:
    """The fields of an item, and those of the objects in it."""
    inner = [(name, below) for name, value in item.items() if isinstance(value, dict) for below in value]
    return [*((name,) for name in item), *inner]


@pytest.mark.parametrize(
    ("of", "item", "table"),
    [
        (GameRecord.of, game(), games.CONTRACT), (StatRecord.of, stat(), player_box_scores.CONTRACT),
        (PlayerRecord.of, ROSTERED, players.CONTRACT), (InjuryRecord.of, injury(), injuries.CONTRACT),
        (PropLineRecord.of, prop(), player_prop_lines.CONTRACT), (GameLineRecord.of, odds(), game_lines.CONTRACT),
    ],
    ids=["game", "box score", "player", "injury", "line on a player", "line on a game"],
)  # fmt: skip
@given(data=st.data())
def test_whatever_stands_in_a_field_is_a_record_that_a_table_holds_or_a_reason_for_people(of, item, table, data):
    *outer, field = data.draw(st.sampled_from(fields_of(item)))
    item = copy.deepcopy(item)
    inner = item[outer[0]] if outer else item
    inner[field] = data.draw(ANY_JSON)
    try:
        record = of(item)
    except (KeyError, ValueError) as error:
        told = reason_of(error)
        assert told
        for internal in (
            "NoneType",
            "subscript",
            "attribute",
            "validation error",
            "pydantic",
            "unhashable",
            "argument",
        ):
            assert internal not in told
    else:
        kinds = table.schema.to_pyarrow()
        for name, value in record.model_dump().items():
            if name in kinds.names and not isinstance(value, datetime):
                pa.array([value], kinds.field(name).type)
