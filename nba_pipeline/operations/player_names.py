"""Names of players as people type them: without accents, in any case and order, with or without hyphens and `Jr.`."""

import re
import unicodedata
from collections.abc import Callable, Iterable

LETTERS = str.maketrans(
    {"đ": "d", "ð": "d", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ħ": "h", "ŧ": "t"}
)
"""Letters that Unicode does not take for another one with a mark."""

DIGRAPHS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "đ": "dj"})
"""Letters that are written as two where a keyboard lacks them."""

APOSTROPHES = re.compile("['’‘ʼ`´′.]")
SUFFIX = re.compile(r" (?:jr|sr|ii|iii|iv|v)$")


def folded(name: str) -> str:
    """A name in plain small letters: no accents, apostrophes and dots, and a blank for all else between words."""
    plain = APOSTROPHES.sub("", name)
    parts = unicodedata.normalize("NFKD", plain.casefold().translate(LETTERS))
    letters = "".join(part for part in parts if not unicodedata.combining(part))
    return " ".join(re.sub(r"[\W_]+", " ", letters).split())


def _without_suffix(name: str) -> str:
    return SUFFIX.sub("", folded(name))


def _in_one_word(name: str) -> str:
    return _without_suffix(name).replace(" ", "")


def _with_digraphs(name: str) -> str:
    return _without_suffix(unicodedata.normalize("NFC", name).casefold().translate(DIGRAPHS))


def _in_any_order(name: str) -> str:
    # `Jackson Jr., Jaren`: turned round, the suffix stands in the middle.
    return " ".join(sorted(word for word in folded(name).split() if not SUFFIX.match(f" {word}")))


READINGS: tuple[Callable[[str], str], ...] = (folded, _without_suffix, _in_one_word, _with_digraphs, _in_any_order)
"""From the strictest on; the first under which anybody is meant counts."""


def meant(asked: str, names: Iterable[str]) -> set[str]:
    """The names that are meant: those that are written so, else those that hold what is asked for."""
    listed = set(names)
    for read in READINGS:
        wanted = read(asked)
        holding = {name for name in listed if wanted and wanted in read(name)}
        # A name that is part of another's can still be asked for: by writing all of it.
        whole = {name for name in holding if read(name) == wanted}
        if holding:
            return whole or holding
    return set()
