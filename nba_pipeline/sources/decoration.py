"""What a source says of a player beside the facts: names, position, height, weight. It never refuses anything."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

HEIGHTS = (60, 100)
"""Inches. Nobody shorter or taller ever played; what is beyond is a slip of the source's."""

WEIGHTS = (120, 400)
"""Pounds."""

NOTHING = frozenset(["", "-", "--", "n/a", "na", "none", "null", "unknown", "0", "0-0"])
"""What sources write where they know nothing."""

FEET = re.compile(r"(\d)\s*(?:['’′`]|ft\.?|feet)")
FEET_AND_INCHES = re.compile(
    r"(\d)\s*(?:[-‐‑‒–—−\s]|['’′`]|ft\.?|feet)\s*(\d{1,2}(?:[.,]\d+)?)\s*(?:[\"”″]|''|’’|in\.?|inch(?:es)?)?"
)
MEASURE = re.compile(r"(\d{1,3}(?:[.,]\d+)?)\s*([a-z\"”″]*)\.?")

CENTIMETRES_AN_INCH = 2.54
KILOGRAMS_A_POUND = 0.45359237

INCHES = frozenset(["in", "inch", "inches", '"', "”", "″"])
METRES = frozenset(["m", "metre", "metres", "meter", "meters"])
POUNDS = frozenset(["", "lb", "lbs", "pound", "pounds"])
KILOGRAMS = frozenset(["kg", "kgs", "kilo", "kilos", "kilogram", "kilograms"])

LONGEST_SHOWN = 60


class Decoration:
    """Reads what an item says of a player beside the facts.

    What cannot be read is left out, and `odd` has a sentence about it that names the player and the text.
    """

    def __init__(self, player: Mapping[str, Any]) -> None:
        self._player = player
        self._odd: list[str] = []

    @property
    def odd(self) -> tuple[str, ...]:
        """A sentence for each thing that could not be read so far."""
        return tuple(self._odd)

    def name(self, field: str) -> str:
        """A part of his name; empty when there is none."""
        return self.text(field, self._player.get(field)) or ""

    def text(self, field: str, value: object) -> str | None:
        """A text of the source's; None when there is none."""
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            return self._left_out(field, value, "is no text")
        # Half of a pair of surrogates is legal in JSON, and nothing behind it can keep one.
        return value.encode(errors="replace").decode()

    def measure(self, field: str, parse: Callable[[object], int | None]) -> int | None:
        """A height or a weight; None when there is none."""
        value = self._player.get(field)
        try:
            return parse(value)
        except ValueError as error:
            return self._left_out(field, value, str(error))

    def _left_out(self, field: str, value: object, why: str) -> None:
        names = (self._player.get(part) for part in ("first_name", "last_name"))
        name = " ".join(part for part in names if isinstance(part, str) and part)
        who = f"{name or 'a player without a name'} ({self._player.get('id')})"
        self._odd.append(f"the {field} {shown(value)} of {who} {why}; it is left out")


def shown(value: object) -> str:
    """A value of the source's for a sentence: not longer than people read, and safe to print."""
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def parse_height(value: object) -> int | None:
    """Inches from `6-11`, `6'11"`, `211 cm`, `2.11 m`, `83` or 83; None when none is given.

    Raises `ValueError` for anything else and for what nobody's height is.
    """
    text = _written(value)
    if text is None:
        return None
    if match := FEET_AND_INCHES.fullmatch(text):
        return _within(HEIGHTS, _feet_and_inches(match), "inches")
    if match := FEET.fullmatch(text):
        return _within(HEIGHTS, 12 * int(match[1]), "inches")
    number, unit = _number_and_unit(text)
    if unit in INCHES or (not unit and HEIGHTS[0] <= number <= HEIGHTS[1]):
        return _within(HEIGHTS, number, "inches")
    if unit in METRES or (not unit and 1.5 <= number <= 2.6):
        return _within(HEIGHTS, 100 * number / CENTIMETRES_AN_INCH, "inches")
    if unit == "cm" or (not unit and 150 <= number <= 260):
        return _within(HEIGHTS, number / CENTIMETRES_AN_INCH, "inches")
    raise ValueError("cannot be read as a height")


def parse_weight(value: object) -> int | None:
    """Pounds from `220`, 220, `220 lbs` or `99.8 kg`; None when none is given.

    Raises `ValueError` for anything else and for what nobody's weight is.
    """
    text = _written(value)
    if text is None:
        return None
    number, unit = _number_and_unit(text)
    if unit in POUNDS:
        return _within(WEIGHTS, number, "pounds")
    if unit in KILOGRAMS:
        return _within(WEIGHTS, number / KILOGRAMS_A_POUND, "pounds")
    raise ValueError("cannot be read as a weight")


def _written(value: object) -> str | None:
    """A measure as text, without what is said a second time in brackets or behind a stroke."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("is neither a text nor a number")  # noqa: TRY004 - the item is no program's
    text = str(value).strip().lower()
    return None if text in NOTHING else re.split(r"[(/]", text)[0].strip()


def _feet_and_inches(match: re.Match[str]) -> float:
    inches = _number(match[2])
    if inches >= 12:
        raise ValueError("has a foot or more of inches")
    return 12 * int(match[1]) + inches


def _number_and_unit(text: str) -> tuple[float, str]:
    match = MEASURE.fullmatch(text)
    if match is None:
        raise ValueError("cannot be read")
    return _number(match[1]), match[2]


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def _within(bounds: tuple[int, int], number: float, unit: str) -> int:
    """The whole number next to a measure. Raises `ValueError` when nobody measures that."""
    whole = math.floor(number + 0.5)
    if not bounds[0] <= whole <= bounds[1]:
        raise ValueError(f"is not between {bounds[0]} and {bounds[1]} {unit}")
    return whole
