"""The dates that a query is about, told to the session and not written into the query.

A query that names no date is built and translated once; translating one takes longer than running it.
"""

from datetime import date

import ibis


@ibis.udf.scalar.builtin
def is_asked(game_date: date) -> bool:
    """Whether a date is one of those that the session was last asked about (`Session.ask_about`)."""
    ...


@ibis.udf.scalar.builtin
def is_read(game_date: date, name: str) -> bool:
    """Whether a date is one of those that the asked ones may read of an input, by the input's name."""
    ...
