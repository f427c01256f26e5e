"""Box score revisions: what the source said of a box score before it said something else, and since when it did."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from nba_pipeline.assets.contexts import AssetContext
from nba_pipeline.assets.table_asset import table_asset
from nba_pipeline.contracts import GAME_DATE, GAME_ID, PLAYER_ID, Audit, Column, Contract, Phase, Reader
from nba_pipeline.landing.assets import LANDED_PLAYER_BOX_SCORES
from nba_pipeline.raw import player_box_scores
from nba_pipeline.sources.balldontlie import STATS, Parsed, StatRecord, parse_stats
from nba_pipeline.sources.landing import Capture, Landing
from nba_pipeline.sources.records import parse_date

KEYS = ("game_date", "game_id", "player_id")
REVISED = tuple(name for name in player_box_scores.CONTRACT.schema.names if name not in KEYS)
"""The columns of a box score that can be revised."""

ROW, LISTED = "row", "listed"
"""The revision of a whole row, and its value while the player is listed."""

PARSED_AT_ONCE = 8
"""Answers of which the records are kept: one about many dates is parsed once for all of them."""

State = Mapping[tuple[int, int], Mapping[str, str | None]]
"""What was known of a date: per game and player, each column as text."""


def nothing_changed(staged: ibis.Table, read: Reader) -> ibis.Table:
    """A reason for each revision that says what was said before."""
    same = staged.filter(staged.old_value.identical_to(staged.new_value))
    return same.select(
        "game_date",
        reason=ibis.literal("game ")
        + same.game_id.cast("string")
        + ": "
        + same.stat
        + " of player "
        + same.player_id.cast("string")
        + " is revised to what it was",
    )


CONTRACT = Contract(
    name="raw.box_score_revisions",
    description=(
        "One row per player, game and column of `raw.player_box_scores` of which an answer said something else than "
        "the answer before, and one, `row`, when the player came onto the list or left it. Every answer that was "
        "landed about the date counts, also one that was never published; an answer with an item that cannot be read "
        "says nothing about its game."
    ),
    phase=Phase.RAW,
    grain=(*KEYS, "stat", "known_at"),
    columns=(
        GAME_DATE,
        GAME_ID,
        PLAYER_ID,
        Column(
            "stat",
            "string",
            "The column that changed; `row` for the player as a whole, who is `listed` or not.",
            "name",
            allowed=(ROW, *REVISED),
        ),
        Column("known_at", "timestamp(6)", "When the last page of the answer that says so had come.", "UTC"),
        Column(
            "old_value",
            "string",
            "What was said before, as text; null where nothing was, or the player was not listed.",
            "the column's",
            nullable=True,
        ),
        Column(
            "new_value",
            "string",
            "What is said since, as text; null where nothing is, or the player is not listed any more.",
            "the column's",
            nullable=True,
        ),
    ),
    audits=(Audit("something changed", "The old value and the new one differ.", nothing_changed),),
    landed=STATS,
    every_answer=True,
)


def revisions(day: date, told: Sequence[tuple[datetime, State]]) -> Iterator[dict[str, object]]:
    """One row a change, from what was known of a date since when, in order.

    Of what was told at one instant the last counts. When a player is listed first, only his `row` is a revision:
    before, there was nothing of him.
    """
    by_instant: dict[datetime, State] = {}
    for known_at, state in told:
        # An answer that was asked for later can be there earlier; the order in which they count is that of asking.
        by_instant[max([known_at, *by_instant])] = state
    before: State = {}
    seen: set[tuple[int, int]] = set()
    for known_at, state in by_instant.items():
        for key in sorted({*before, *state}):
            old, new = before.get(key), state.get(key)
            for stat, values in _changes(old, new, first=key not in seen):
                yield {
                    "game_date": day,
                    "game_id": key[0],
                    "player_id": key[1],
                    "stat": stat,
                    "known_at": known_at.astimezone(UTC).replace(tzinfo=None),
                    "old_value": values[0],
                    "new_value": values[1],
                }
        seen |= set(state)
        before = state


def _changes(
    old: Mapping[str, str | None] | None, new: Mapping[str, str | None] | None, *, first: bool
) -> Iterator[tuple[str, tuple[str | None, str | None]]]:
    if (old is None) != (new is None):
        yield ROW, (LISTED if old else None, LISTED if new else None)
        if first:
            return
    for stat in REVISED:
        values = (old or {}).get(stat), (new or {}).get(stat)
        if values[0] != values[1]:
            yield stat, values


def as_text(value: object) -> str | None:
    """A value of a box score as text, from which a cast to the column's type gives it back."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def states(landing: Landing, day: date) -> list[tuple[datetime, State]]:
    """What was known of a date with each landed answer that said something new about it."""
    found: list[tuple[datetime, State]] = []
    state: State = {}
    for capture in landing.telling(STATS, day):
        state = _state(_parsed(capture), day, state)
        found.append((capture.known_at, state))
    return found


@lru_cache(maxsize=PARSED_AT_ONCE)
def _parsed(capture: Capture) -> Parsed[StatRecord]:
    return parse_stats(capture)


def _state(parsed: Parsed[StatRecord], day: date, before: State) -> State:
    """What is known with an answer: of games of which it has an item that cannot be read, what was known before."""
    unreadable: set[int] = set()
    for item in parsed.rejected:
        claimed, game_id = _claimed(item.raw)
        if claimed not in (None, day):
            continue
        if claimed is None or game_id is None:
            return before
        unreadable.add(game_id)
    state = {
        (record.game_id, record.player_id): {name: as_text(getattr(record, name)) for name in REVISED}
        for record in parsed.records
        if record.game_date == day and record.game_id not in unreadable
    }
    return state | {key: values for key, values in before.items() if key[0] in unreadable}


def _claimed(raw: str) -> tuple[date | None, int | None]:
    """The date and the game that an unreadable item claims to be of, as far as they can be read."""
    item = json.loads(raw)
    game = item.get("game") if isinstance(item, dict) else None
    if not isinstance(game, dict):
        return None, None
    game_id = game.get("id")
    try:
        claimed = parse_date(game.get("date"))
    except ValueError:
        claimed = None
    return claimed, game_id if isinstance(game_id, int) else None


def box_score_revisions(landing: Landing, dates: Iterable[date]) -> pa.Table:
    """The revisions of the dates, from all that was landed about them."""
    rows = [row for day in dates for row in revisions(day, states(landing, day))]
    return pa.Table.from_pylist(rows, schema=CONTRACT.schema.to_pyarrow())


def newest_landed(landing: Landing, dates: Iterable[date]) -> pa.Table:
    """The box scores of the dates as the source has them now, of every game: held, kept and corrected ones too."""
    schema = player_box_scores.CONTRACT.schema.to_pyarrow()
    rows = [
        {"game_date": day, "game_id": game_id, "player_id": player_id, **values}
        for day in dates
        for (game_id, player_id), values in (states(landing, day) or [(None, {})])[-1][1].items()
    ]
    as_texts = pa.schema([column if column.name in KEYS else column.with_type(pa.string()) for column in schema])
    return pa.Table.from_pylist(rows, schema=as_texts).cast(schema)


def as_known_at(instant: datetime, newest: ibis.Table, revisions: ibis.Table) -> ibis.Table:
    """The box scores as they were known at an instant: from the `newest` ones every later revision is taken back.

    Published rows are no such beginning: they lack games that are held since, and have what people corrected. Of dates
    about which nothing was landed by then there are no rows.
    """
    later = revisions.filter(revisions.known_at > ibis.literal(instant.astimezone(UTC).replace(tzinfo=None)))
    nth = ibis.row_number().over(group_by=[*KEYS, "stat"], order_by="known_at")
    next_ones = later.mutate(nth=nth).filter(ibis._.nth == 0)
    taken_back: dict[str, ir.Value] = {}
    for name in (ROW, *REVISED):
        of_it = next_ones.stat == name
        taken_back[f"{name}_changed"] = of_it.any()
        taken_back[f"{name}_before"] = next_ones.old_value.max(where=of_it)
    before = next_ones.group_by(*KEYS).agg(**taken_back)
    keys = newest.select(*KEYS).union(before.select(*KEYS), distinct=True)
    now = newest.mutate(is_listed=ibis.literal(True))
    both = keys.left_join(now, KEYS).select(*KEYS, *REVISED, "is_listed")
    both = both.left_join(before, KEYS).select(*both.columns, *taken_back)
    was_listed = both.row_changed.fill_null(False).ifelse(
        (both.row_before == LISTED).fill_null(False), both.is_listed.fill_null(False)
    )
    types = player_box_scores.CONTRACT.schema
    columns = {
        name: both[f"{name}_changed"].fill_null(False).ifelse(both[f"{name}_before"].cast(types[name]), both[name])
        for name in REVISED
    }
    return both.filter(was_listed).select(*KEYS, **columns).select(*types.names)


@table_asset(CONTRACT, kinds=("python",), deps=[LANDED_PLAYER_BOX_SCORES])
def asset(context: AssetContext, dates: Sequence[date]) -> pa.Table:
    """Compares every landed answer about each date with the one before."""
    return box_score_revisions(context.resources.landing.as_it_is(), dates)
