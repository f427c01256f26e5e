"""The ledger: predictions made before tip-off are only ever added, each hash-chained to the one before.

There is one chain a game date. A row's hash covers the hash of the row before it and everything that the row
says, so that no row can be changed, taken out, put in or moved without every later hash telling of it. What a
chain by itself cannot tell is that its end is missing: for that, its length and last hash are recorded outside
of the warehouse whenever the date is published.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from nba_pipeline.contracts import Column
from nba_pipeline.raw import games as raw_games

KEYS = ("game_date", "game_id", "player_id", "stat", "system_id", "setting", "mode")
"""What a prediction is about; of several live ones with the same keys, the newest counts."""

LIVE, BACKTEST = "live", "backtest"

POSITION, PREVIOUS, HASH = "chain_position", "previous_hash", "row_hash"

CHAIN = (
    Column(POSITION, "int64", "Place in the chain of the date's live rows, from 1; null for a backtest.", "rank",
           nullable=True, volatile=True),
    Column(PREVIOUS, "string", "Hash of the row before it in the chain; for the first, one made of the date.",
           "SHA-256", nullable=True, volatile=True),
    Column(HASH, "string", "SHA-256 over the hash before it and all that the row says.", "SHA-256",
           nullable=True, volatile=True),
)  # fmt: skip
"""The columns by which live rows hang together."""

LENGTH, HEAD = "chain_length", "chain_head"
"""What is recorded of a date's chain whenever it is published: its length, and the hash of its last row."""

ASIDE = frozenset({"made_at", "code_version", POSITION, PREVIOUS, HASH})
"""What does not tell two predictions apart: when and by which code they were made, and where they stand."""

NEXT_INSTANT = timedelta(microseconds=1)

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Head:
    """How long a date's chain was, and the hash of its last row, as recorded at an instant."""

    game_date: date
    length: int
    row_hash: str
    recorded_at: datetime


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a chain; `position` and `key` say which row, where there is one."""

    game_date: date
    position: int | None
    key: str | None
    what: str

    def __str__(self) -> str:
        """The problem as a sentence."""
        place = "" if self.position is None else f", position {self.position}"
        about = "" if self.key is None else f" ({self.key})"
        return f"{self.game_date}{place}{about}: {self.what}"


def standing(published: ibis.Table, made: pa.Table) -> ibis.Table:
    """The published rows that `append` must know of: live ones of the dates for which something live was made."""
    dates = _of_mode(made, LIVE)["game_date"].unique().to_pylist()
    if not dates:
        return ibis.memtable(published.schema().to_pyarrow().empty_table())
    return published.filter(published.mode == LIVE, published.game_date.isin([ibis.literal(day) for day in dates]))


def append(standing: pa.Table, made: pa.Table) -> pa.Table:
    """What is to be published, from the standing rows and the freshly made ones, in the columns of `standing`.

    Every standing live row stays as it is. A live row that was made is added, chained after the last one of its
    date, if it says anything that the newest live row with its keys does not. Made backtests take the place of
    standing ones, except of games that have live rows: what was said before a game is never mixed with what was
    computed afterwards. `made` needs no chain columns; those that it has are not looked at.
    """
    made = _unchained(made, standing.schema)
    kept = _of_mode(standing, LIVE)
    added = _chained(kept.to_pylist(), _of_mode(made, LIVE).to_pylist(), standing.schema)
    live = pa.concat_tables([kept, added])
    backtests = _of_mode(made, BACKTEST)
    predicted_live = set(_games(live))
    apart = pa.array([game not in predicted_live for game in _games(backtests)], pa.bool_())
    return pa.concat_tables([live, backtests.filter(apart)])


def _games(rows: pa.Table) -> list[tuple[date, int]]:
    """The game of each row: a game that was put off stands on two dates under one id."""
    return list(zip(rows["game_date"].to_pylist(), rows["game_id"].to_pylist(), strict=True))


def backtests(rows: ibis.Table) -> ibis.Table:
    """For the contract's `made_again`: what was computed after the games, which nobody knew before them."""
    return rows.filter(rows.mode == BACKTEST)


def keep_live(staged: ibis.Table, published: ibis.Table) -> ibis.Table:
    """For the contract's `keeps`: whatever a step made, published live rows survive and are mixed with nothing."""
    kept = published.filter(published.mode == LIVE)
    live = kept.union(staged.filter(staged.mode == LIVE).anti_join(kept, [*KEYS, "made_at"]))
    backtests = staged.filter(staged.mode == BACKTEST)
    return live.union(backtests.anti_join(live, ["game_date", "game_id"]))


def still_expected(keys: ibis.Table, published: ibis.Table, games: ibis.Table) -> ibis.Table:
    """For the contract's `grid`: the keys without those that nobody can say live any more.

    A game that is over and was predicted live gets no row after it; what stands of it is all that there can be.
    """
    names = [name for name in keys.columns if name in published.columns]
    live = published.filter(published.mode == LIVE)
    over = games.filter((games.status == "final") | raw_games.is_off(games))
    settled = over.semi_join(live, ["game_date", "game_id"])
    return keys.anti_join(settled, ["game_date", "game_id"]).union(keys.semi_join(live, names), distinct=True)


def broken_links(staged: ibis.Table, read: object = None) -> ibis.Table:
    """For the contract's `audits`: a reason for each live row that is not linked to the one before it.

    Two runs that added to the same chain at once would give a position twice; neither may be published over
    the other.
    """
    order = ibis.window(group_by="game_date", order_by=[POSITION, HASH])
    live = staged.filter(staged.mode == LIVE)
    placed = live.mutate(rank=ibis.row_number().over(order) + 1, before=live[HASH].lag().over(order))
    unlinked = (placed.rank != placed[POSITION]) | (placed[PREVIOUS] != placed.before) | placed[HASH].isnull()
    wrong = placed.filter(unlinked.fill_null(placed[POSITION].isnull() | placed[PREVIOUS].isnull()))
    return wrong.select(
        "game_date",
        reason=ibis.literal("the live row at position ")
        + wrong[POSITION].cast("string").fill_null("(none)")
        + " is not linked to the one before it; if two runs predicted the date at once, run it again, and else see "
        "what was taken out: nba-pipeline ledger verify",
    )


def chain_heads(rows: ibis.Table) -> ibis.Table:
    """Per date with live rows, the length of its chain and the hash of its last row."""
    chained = rows.filter(rows[POSITION].notnull())
    return chained.group_by("game_date").agg(
        **{LENGTH: chained[POSITION].max(), HEAD: chained[HASH].argmax(chained[POSITION])}
    )


def problems(day: date, rows: pa.Table, recorded: Iterable[Head] = ()) -> list[Problem]:
    """What is wrong with the chain of a date: nothing, if its rows are those that were added, in their order.

    `rows` are the published rows of the date, backtests or not, and `recorded` the heads that were recorded
    of it outside of the warehouse.
    """
    chained = [row for row in rows.to_pylist() if row["mode"] == LIVE or _any_place(row)]
    placed = [row for row in chained if _whole_place(row)]
    found = [
        Problem(day, row[POSITION], _key(row), "a live row that has no whole place in the chain")
        for row in chained
        if not _whole_place(row)
    ]
    placed.sort(key=lambda row: (row[POSITION], _key(row)))
    found += _broken(day, placed)
    return found + _differing(day, placed, sorted(recorded, key=lambda head: head.length), found)


def genesis(day: date) -> str:
    """What stands for the hash before the first row of a date."""
    return hashlib.sha256(f"nba_pipeline ledger of predictions, {day}".encode()).hexdigest()


def row_hash(row: Row, previous: str) -> str:
    """SHA-256 over the hash of the row before and the canonical JSON of everything that the row says.

    Nulls are left out, so that a column that the contract gains does not change what older rows said.
    """
    said = {name: value for name, value in row.items() if value is not None and name not in (PREVIOUS, HASH)}
    return hashlib.sha256((previous + _json(said)).encode()).hexdigest()


def _json(said: Row) -> str:
    """Sorted names; floats as Python writes them exactly, dates and instants as ISO 8601."""
    return json.dumps(said, sort_keys=True, separators=(",", ":"), default=lambda value: value.isoformat())


def _of_mode(rows: pa.Table, mode: str) -> pa.Table:
    return rows.filter(pc.field("mode") == mode)


def _unchained(made: pa.Table, schema: pa.Schema) -> pa.Table:
    """The made rows in the given columns and types, without a place in any chain."""
    return pa.table(
        [
            pa.nulls(len(made), field.type)
            if field.name in (POSITION, PREVIOUS, HASH)
            else made[field.name].cast(field.type)
            for field in schema
        ],
        schema=schema,
    )


def _chained(standing: Sequence[Row], made: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """The made live rows that say something new, each with its place in the chain of its date."""
    ordered = sorted(standing, key=lambda row: row[POSITION])
    newest = {_keys(row): row for row in ordered}
    ends = {row["game_date"]: (row[POSITION], row[HASH]) for row in ordered}
    added = []
    for row in sorted(made, key=_keys):
        before = newest.get(_keys(row))
        if before is not None and _says(before) == _says(row):
            continue
        day = row["game_date"]
        position, previous = ends.get(day, (0, genesis(day)))
        placed = {**row, "made_at": _after(before, row["made_at"]), POSITION: position + 1, PREVIOUS: previous}
        placed[HASH] = row_hash(placed, previous)
        ends[day] = placed[POSITION], placed[HASH]
        added.append(placed)
    return pa.Table.from_pylist(added, schema=schema)


def _after(before: Row | None, made_at: datetime) -> datetime:
    """When a later value was made; a clock that stood still, or went back, gives the next instant.

    The newest value counts, and order in time must be the order of the chain.
    """
    return made_at if before is None else max(made_at, before["made_at"] + NEXT_INSTANT)


def _keys(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEYS)


def _says(row: Row) -> str:
    """What a prediction says, whenever it was made and wherever it stands."""
    return _json({name: value for name, value in row.items() if name not in ASIDE and value is not None})


def _any_place(row: Row) -> bool:
    return any(row[column.name] is not None for column in CHAIN)


def _whole_place(row: Row) -> bool:
    return all(row[column.name] is not None for column in CHAIN)


def _key(row: Row) -> str:
    return (
        f"game {row['game_id']}, player {row['player_id']}, {row['stat']}, {row['system_id']}, {row['setting']}, "
        f"{row['mode']}"
    )


def _broken(day: date, placed: Sequence[Row]) -> list[Problem]:
    """Where the chain itself does not hold, in the order of its positions."""
    found = []
    expected, previous = 1, genesis(day)
    for row in placed:
        position = row[POSITION]
        if position > expected:
            gone = f"{expected}" if position == expected + 1 else f"{expected} to {position - 1}"
            found.append(Problem(day, expected, None, f"the rows at {gone} are gone"))
        elif position < expected:
            found.append(
                Problem(day, position, _key(row), "a row at a position that another one has, or none can have")
            )
        elif row[PREVIOUS] != previous:
            found.append(Problem(day, position, _key(row), "does not follow from the row before it"))
        if row_hash(row, row[PREVIOUS]) != row[HASH]:
            found.append(Problem(day, position, _key(row), "was changed: what it says does not give its hash"))
        expected, previous = position + 1, row[HASH]
    return found


def _differing(day: date, placed: Sequence[Row], recorded: Sequence[Head], known: Sequence[Problem]) -> list[Problem]:
    """Where the chain is not the one whose heads were recorded."""
    hashes = {row[POSITION]: row[HASH] for row in placed}
    length = max(hashes, default=0)
    found = [
        Problem(day, head.length, None, f"the row is not the one {_recorded(head)}")
        for head in recorded
        if hashes.get(head.length, head.row_hash) != head.row_hash
    ]
    if recorded and recorded[-1].length > length:
        gone = f"the rows at {length + 1} to {recorded[-1].length}, {_recorded(recorded[-1])}, are gone"
        found.append(Problem(day, length + 1, None, gone))
    newest = recorded[-1].length if recorded else 0
    if newest < length and not known:
        found.append(
            Problem(
                day, newest + 1, None,
                f"no run recorded the rows at {newest + 1} to {length}: either a run was killed between publishing and "
                f"recording them, or somebody else added them; nba-pipeline backfill --from {day} --to {day} --phase "
                "predictions records what stands",
            )
        )  # fmt: skip
    return found


def _recorded(head: Head) -> str:
    return f"recorded on {head.recorded_at:%Y-%m-%d %H:%M} UTC"
