"""Names, positions, heights and weights refuse nobody: they are read where they can be, else left out and told."""

import math

import pytest

from nba_pipeline.sources.decoration import HEIGHTS, WEIGHTS, parse_height, parse_weight, shown
from nba_pipeline.sources.records import InjuryRecord, PlayerRecord, StatRecord
from nba_pipeline_tests.support.api_items import injury, player, stat


@pytest.mark.parametrize(
    ("text", "inches"),
    [
        ("6-11", 83), ("6-7.5", 80), ("6-7,4", 79), ("6 - 7", 79), ("6–7", 79), ("7-0", 84), ("5-3", 63),
        ("6‑7", 79), ("6—7", 79), ("6−7", 79),
        ("6'7\"", 79), ("6'7", 79), ("6' 7\"", 79), ("6’7”", 79), ("6′ 7″", 79), ("6'7''", 79), ("7'", 84),
        ("6 ft 7 in", 79), ("6ft. 7in.", 79), ("6 feet 7 inches", 79), ("7 ft", 84), ("6 7", 79),
        ("211cm", 83), ("211 cm", 83), ("210,8 cm", 83), ("2.11 m", 83), ("2,11m", 83), ("2.11", 83), ("211", 83),
        (211, 83), (2.11, 83), ("83", 83), (83, 83), (83.0, 83), ("83 in", 83), ("83\"", 83),
        ("6-11 (2.11m)", 83), ("6'11\" / 211 cm", 83), (" 6-11 ", 83),
    ],
)  # fmt: skip
def test_a_height_is_read_as_people_write_it(text, inches):
    assert parse_height(text) == inches


@pytest.mark.parametrize("text", [None, "", " ", "-", "--", "N/A", "unknown", "0", 0, "0-0", "None"])
def test_where_nothing_is_written_there_is_no_height_and_no_weight(text):
    assert parse_height(text) is parse_weight(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "6-12", "6-99", "tall", "6.11", "1-2", "9-9", "20 cm", "3.5 m", "211 kg", -83, True, [6, 11], {"feet": 6},
        math.inf, 1e300, "²-7", "6-7-8", "9" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_height_is_left_out_and_told_with_the_player_and_the_text(text):
    record = PlayerRecord.of(player(height=text))
    assert (record.player_id, record.height_inches, record.weight_pounds) == (9, None, 284)
    [told] = record.odd
    assert told.startswith(f"the height {shown(text)} of Nikola Jokić (9) ")
    assert told.endswith("it is left out")


@pytest.mark.parametrize(
    ("text", "pounds"),
    [
        ("220", 220), (220, 220), (220.4, 220), ("220 lbs", 220), ("220lb.", 220), ("220 pounds", 220),
        ("99.8 kg", 220), ("99,8kg", 220), ("100 kilograms", 220), ("220 lbs (100 kg)", 220),
    ],
)  # fmt: skip
def test_a_weight_is_read_in_pounds_and_in_kilograms(text, pounds):
    assert parse_weight(text) == pounds


@pytest.mark.parametrize("text", ["99", "heavy", "1000", "15 st", True, [], math.inf, "30 kg"])
def test_what_is_no_weight_is_left_out_and_told(text):
    record = PlayerRecord.of(player(weight=text))
    assert (record.height_inches, record.weight_pounds) == (83, None)
    assert [told.startswith(f"the weight {shown(text)} of Nikola Jokić (9) ") for told in record.odd] == [True]


def test_no_measure_that_is_read_breaks_the_contract():
    heights = [parse_height(text) for text in ("5-0", "8-4", 60, 100, "152.4 cm", "2.54 m")]
    weights = [parse_weight(text) for text in (120, 400, "54.5 kg", "181.4 kg")]
    assert {*HEIGHTS} <= {*heights} <= {*range(HEIGHTS[0], HEIGHTS[1] + 1)}
    assert {*WEIGHTS} <= {*weights} <= {*range(WEIGHTS[0], WEIGHTS[1] + 1)}


@pytest.mark.parametrize(
    "of", [PlayerRecord.of, lambda item: StatRecord.of(stat(player=item))], ids=["list", "box score"]
)
@pytest.mark.parametrize(
    ("changes", "first_name", "position", "odd"),
    [
        ({"first_name": None}, "", "C", 0), ({"first_name": 7}, "", "C", 1), ({"first_name": []}, "", "C", 1),
        ({"position": None}, "Nikola", None, 0), ({"position": ""}, "Nikola", None, 0),
        ({"position": "G-F"}, "Nikola", "G-F", 0), ({"position": ["G", "F"]}, "Nikola", None, 1),
        ({"position": 5}, "Nikola", None, 1), ({"position": {}}, "Nikola", None, 1),
        ({"first_name": "A\ud800"}, "A?", "C", 0), ({"jersey_number": ["00"]}, "Nikola", "C", 0),
        ({"jersey_number": "two"}, "Nikola", "C", 0),
    ],
)  # fmt: skip
def test_an_odd_name_position_or_number_refuses_nobody(of, changes, first_name, position, odd):
    record = of(player(**changes))
    assert (record.player_id, record.first_name, record.position, len(record.odd)) == (9, first_name, position, odd)


@pytest.mark.parametrize(
    "of", [PlayerRecord.of, lambda item: StatRecord.of(stat(player=item))], ids=["list", "box score"]
)
def test_names_that_are_not_there_at_all_refuse_nobody(of):
    item = player()
    for field in ("first_name", "last_name", "position", "height", "weight"):
        del item[field]
    record = of(item)
    assert (record.player_id, record.first_name, record.last_name, record.position) == (9, "", "", None)


def test_odd_words_about_an_injury_leave_its_facts():
    record = InjuryRecord.of(injury(description={"en": "Sore."}, return_date=7))
    assert (record.status, record.description, record.return_date_text) == ("out", None, None)
    assert len(record.odd) == 2
    assert InjuryRecord.of(injury(status=3)).status == "unknown"


def test_what_is_odd_about_a_record_is_no_part_of_what_it_says():
    assert "odd" not in PlayerRecord.of(player(height="tall")).model_dump()
    assert (
        PlayerRecord.of(player(height="tall")).model_dump_json()
        == PlayerRecord.of(player(height=None)).model_dump_json()
    )


def test_an_absurdly_long_text_is_shown_as_far_as_people_read():
    assert len(shown("x" * 10_000)) < 100
    assert shown("a\nb\x1b[31m").isprintable()
