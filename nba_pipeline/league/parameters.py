"""The query of a request. A value that is none of its kind is refused, never guessed at."""

import re
from collections.abc import Sequence
from datetime import date

INTEGER = re.compile(r"^-?[0-9]{1,18}$")
DAY = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")

TEXT_CURSOR = re.compile(r"^after-([0-9]{1,18})$")
"""A cursor as a text, which the server hands out on purpose only."""

LAP = 10**15
"""A cursor above this begins from the first page again: ids are below."""

MOST_PER_PAGE, DEFAULT_PER_PAGE = 100, 25


class BadRequestError(ValueError):
    """A parameter cannot be used; the message says which."""


class Parameters:
    """The parameters of one request. Raises `BadRequestError` for values that are none."""

    def __init__(self, items: Sequence[tuple[str, str]]) -> None:
        self._items = list(items)

    def text(self, name: str) -> str | None:
        """The last value of a parameter, None when it is not given."""
        values = self._values(name)
        return values[-1] if values else None

    def integers(self, name: str) -> list[int]:
        """All values of a list parameter, as integers."""
        return [self._integer(name, value) for value in self._values(name)]

    def day(self, name: str) -> date | None:
        """A date, None when it is not given."""
        value = self.text(name)
        return None if value is None else self._date(name, value)

    def days(self, name: str) -> list[date]:
        """All values of a list parameter, as dates."""
        return [self._date(name, value) for value in self._values(name)]

    def flag(self, name: str) -> bool | None:
        """True or false, None when it is not given."""
        value = self.text(name)
        if value is None:
            return None
        if value.lower() not in ("true", "false"):
            raise BadRequestError(f"{name} must be true or false")
        return value.lower() == "true"

    def per_page(self) -> int:
        """Items a page: 25 unless asked, 100 at the most."""
        value = self.text("per_page")
        number = DEFAULT_PER_PAGE if value is None else self._integer("per_page", value)
        if not 1 <= number <= MOST_PER_PAGE:
            raise BadRequestError(f"per_page must be between 1 and {MOST_PER_PAGE}")
        return number

    def cursor(self) -> int | None:
        """Where the page begins, None for the first."""
        asked = self.asked_cursor()
        return None if asked is None else asked % LAP if asked >= 0 else asked

    def asked_cursor(self) -> int | None:
        """The cursor as it was asked with, which may have been round the pages before."""
        value = self.text("cursor")
        text = TEXT_CURSOR.match(value) if value else None
        return None if value is None else self._integer("cursor", text[1] if text else value)

    def asks_about(self, day: date) -> bool | None:
        """Whether the request names a date, by itself or within a range; None when it names no dates."""
        dates = [*self.days("dates[]"), *self.days("date")]
        first, last = self.day("start_date"), self.day("end_date")
        if not dates and first is None and last is None:
            return None
        in_range = (first is not None or last is not None) and (first or day) <= day <= (last or day)
        return day in dates or in_range

    def _values(self, name: str) -> list[str]:
        return [value for key, value in self._items if key == name]

    def _integer(self, name: str, value: str) -> int:
        if not INTEGER.match(value):
            raise BadRequestError(f"{name} must be an integer, not {value!r}")
        return int(value)

    def _date(self, name: str, value: str) -> date:
        message = f"{name} must be a date as YYYY-MM-DD, not {value!r}"
        if not DAY.match(value):
            raise BadRequestError(message)
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise BadRequestError(message) from error
