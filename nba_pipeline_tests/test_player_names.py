"""Players are found by their names as people type them."""

import pytest

from nba_pipeline.operations.player_names import folded, meant

NAMES = (
    "Luka Dončić", "Nikola Jokić", "Nikola Jović", "Shai Gilgeous-Alexander", "Jaren Jackson Jr.", "Reggie Jackson",
    "Robert Williams III", "Royce O'Neale", "D'Angelo Russell", "Dennis Schröder", "Dario Šarić", "P.J. Washington",
    "Moussa Diabaté", "Ömer Aşık", "Đorđe Łukasz", "Alperen Şengün", "İlkan Karaman",
    "Jalen Williams", "Jaylin Williams", "Karl-Anthony Towns",
)  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("Doncic", "Luka Dončić"), ("luka doncic", "Luka Dončić"), ("DONČIĆ", "Luka Dončić"),
        ("Donc\u030cic\u0301", "Luka Dončić"), (" doncic ", "Luka Dončić"),
        ("gilgeous alexander", "Shai Gilgeous-Alexander"), ("Gilgeous-Alexander", "Shai Gilgeous-Alexander"),
        ("gilgeousalexander", "Shai Gilgeous-Alexander"), ("gilgeous‐alexander", "Shai Gilgeous-Alexander"),
        ("Jaren Jackson", "Jaren Jackson Jr."), ("jaren jackson jr", "Jaren Jackson Jr."),
        ("Jaren Jackson III", "Jaren Jackson Jr."), ("robert williams", "Robert Williams III"),
        ("Robert Williams Jr.", "Robert Williams III"), ("Reggie Jackson Jr.", "Reggie Jackson"),
        ("O'Neale", "Royce O'Neale"), ("oneale", "Royce O'Neale"), ("O’Neale", "Royce O'Neale"),
        ("o neale", "Royce O'Neale"), ("dangelo", "D'Angelo Russell"), ("D Angelo Russell", "D'Angelo Russell"),
        ("schroder", "Dennis Schröder"), ("Saric", "Dario Šarić"), ("PJ Washington", "P.J. Washington"),
        ("p j washington", "P.J. Washington"), ("diabate", "Moussa Diabaté"), ("omer asik", "Ömer Aşık"),
        ("JOKIC", "Nikola Jokić"), ("Sengun", "Alperen Şengün"), ("ŞENGÜN", "Alperen Şengün"),
        ("sengün", "Alperen Şengün"), ("ilkan", "İlkan Karaman"), ("Schroeder", "Dennis Schröder"),
        ("Oemer Asik", "Ömer Aşık"),
        ("Doncic, Luka", "Luka Dončić"), ("doncic luka", "Luka Dončić"), ("Jackson Jr., Jaren", "Jaren Jackson Jr."),
        ("luka_doncic", "Luka Dončić"), ("djordje", "Đorđe Łukasz"),
        ("dorde lukasz", "Đorđe Łukasz"), ("karl anthony", "Karl-Anthony Towns"),
        ("", None), ("'", None), ("...", None), ("nobody", None),
    ],
)  # fmt: skip
def test_a_name_is_found_without_accents_hyphens_apostrophes_and_suffix(asked, name):
    assert meant(asked, NAMES) == ({name} if name else set())


def test_several_who_may_be_meant_are_all_named():
    assert meant("nikola jo", NAMES) == {"Nikola Jokić", "Nikola Jović"}
    assert meant("williams", NAMES) == {"Robert Williams III", "Jalen Williams", "Jaylin Williams"}


def test_a_name_that_is_part_of_anothers_is_found_by_writing_all_of_it():
    assert meant("jalen williams", ["Jalen Williams", "Jalen Williamson", "Jalen Williams Jr."]) == {"Jalen Williams"}


def test_two_players_of_one_name_but_for_accents_are_both_meant():
    assert meant("luka doncic", ["Luka Dončić", "Luka Doncic"]) == {"Luka Dončić", "Luka Doncic"}


def test_a_name_that_is_folded_already_stays_as_it_is():
    assert all(folded(folded(name)) == folded(name) for name in NAMES)
