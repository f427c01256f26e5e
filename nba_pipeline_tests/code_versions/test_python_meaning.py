"""The version of a table made in Python follows from the definitions that its asset reaches, and from no words."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nba_pipeline.code_versions import python_meaning
from nba_pipeline.code_versions.python_meaning import UnknownCodeError, meaning_of, reached

PARSER = '''
"""A parser."""
from nba_pipeline.{package}.words import RULES
from nba_pipeline.{package} import words

SHARE = 0.5


def parse(item: dict) -> list:
    """The rows of an item."""
    # A comment.
    rows = [words.cleaned(row) for row in item["r"] if row in RULES]
    kept = []
    for row in rows:
        kept.append(SHARE * len(row))
    return kept


def unused():
    return 1
'''

WORDS = """
RULES = ("a", "b")
LIMIT = 3


def cleaned(row):
    return row[:LIMIT]


def elsewhere():
    return 2
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator["Package"]:
    """A package of two modules within this one, which a test rewrites."""
    import nba_pipeline

    monkeypatch.setattr(nba_pipeline, "__path__", [*nba_pipeline.__path__, str(tmp_path)])
    yield Package(tmp_path)
    for name in [name for name in sys.modules if name.startswith("nba_pipeline.made_up")]:
        del sys.modules[name]
    python_meaning._module.cache_clear()
    python_meaning._is_module.cache_clear()


class Package:
    """Versions of the made-up parser's code."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    def meaning(self, change: tuple[str, str] | None = None) -> str:
        return self.meaning_of_texts(*(text.replace(*change) if change else text for text in (PARSER, WORDS)))

    def meaning_of_texts(self, parser: str, words: str) -> str:
        self.count += 1
        name = f"made_up_{self.count}"
        (self.folder / name).mkdir()
        (self.folder / name / "__init__.py").write_text("")
        for module, text in (("parser", parser), ("words", words)):
            (self.folder / name / f"{module}.py").write_text(text.replace("{package}", name))
        return meaning_of(f"nba_pipeline.{name}.parser", "parse")


@pytest.mark.parametrize(
    "change",
    [
        ('"""The rows of an item."""', '"""Something else."""'),
        ("# A comment.", "# Another."),
        ("rows", "found"),
        ("kept", "chosen"),
        ("item: dict", "item: object"),
        ("return 1", "return 7"),
        ("return 2", "return 7"),
    ],
    ids=["docstring", "comment", "local", "another local", "annotation", "unused code", "unused code elsewhere"],
)
def test_words_local_names_modules_and_what_is_not_reached_leave_no_trace(package, change):
    """Each meaning is that of another module, so that where code stands leaves no trace either."""
    assert package.meaning(change) == package.meaning()


@pytest.mark.parametrize(
    "change",
    [
        ("SHARE = 0.5", "SHARE = 0.6"),
        ("LIMIT = 3", "LIMIT = 4"),
        ('("a", "b")', '("a",)'),
        ("SHARE * len", "SHARE + len"),
        ("row[:LIMIT]", "row[LIMIT:]"),
    ],
)
def test_a_constant_or_a_step_that_is_reached_makes_a_difference(package, change):
    assert package.meaning(change) != package.meaning()


def test_two_constants_of_one_name_that_change_places_make_a_difference(package):
    """Which of two that are called the same a definition names is a part of what it computes."""

    def with_shares(mine: float, theirs: float) -> str:
        used = f"SHARE = {theirs}\n\n\ndef cleaned(row):\n    return SHARE and"
        return package.meaning_of_texts(
            PARSER.replace("SHARE = 0.5", f"SHARE = {mine}"), WORDS.replace("def cleaned(row):\n    return", used)
        )

    assert with_shares(0.5, 0.25) == with_shares(0.5, 0.25)
    assert with_shares(0.5, 0.25) != with_shares(0.25, 0.5)


def test_a_name_that_is_not_defined_is_refused():
    with pytest.raises(UnknownCodeError, match="does not define nothing_of_the_kind"):
        meaning_of("nba_pipeline.raw.games", "nothing_of_the_kind")


def test_a_module_that_is_not_there_is_refused():
    with pytest.raises(UnknownCodeError, match=r"there is no module nba_pipeline\.raw\.nowhere"):
        meaning_of("nba_pipeline.raw.nowhere", "CONTRACT")


def test_who_looks_for_modules_where_there_are_none_is_refused(package):
    with pytest.raises(UnknownCodeError, match=r"parser looks for modules and is no package"):
        package.meaning(("SHARE * len", "len(__path__) * len"))


def test_predictions_reach_every_system_and_the_version_of_what_trains_them():
    found = reached("nba_pipeline.predictions.player_predictions", "asset")
    folder = Path(python_meaning.__file__).parents[1] / "predictions" / "systems"
    systems = {path.stem for path in folder.glob("*.py") if "SYSTEM =" in path.read_text()}
    assert len(systems) >= 6
    assert {f"nba_pipeline.predictions.systems.{name}" for name in systems} <= {
        where for where, name in found if name == "SYSTEM"
    }
    assert any("lightgbm " in text for text in found.values())


def test_what_only_stores_asks_judges_or_shows_is_not_followed():
    found = reached("nba_pipeline.predictions.player_predictions", "asset")
    assert not [where for where, _ in found if python_meaning._beyond(where)]
