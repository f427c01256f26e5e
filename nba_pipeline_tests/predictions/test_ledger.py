"""A row of the ledger cannot be changed, taken out, put in or moved unseen; adding to it changes nothing before."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nba_pipeline.predictions.calculations import ledger
from nba_pipeline.predictions.calculations.ledger import (
    BACKTEST,
    HASH,
    HEAD,
    LENGTH,
    LIVE,
    POSITION,
    PREVIOUS,
    Head,
    Problem,
)
from nba_pipeline_tests.support.ledger_rows import DAY, MORNING, NEXT_DAY, SCHEMA, Row, after, prediction, table


def recorded(rows: pa.Table) -> list[Head]:
    """The heads that a run which publishes the rows records."""
    chained = sorted((row for row in rows.to_pylist() if row[POSITION]), key=lambda row: row[POSITION])
    ends = {row["game_date"]: row for row in chained}
    return [Head(day, row[POSITION], row[HASH], datetime(2025, 11, 12, tzinfo=UTC)) for day, row in ends.items()]


def run(expression: ibis.Table) -> list[Row]:
    return ibis.duckdb.connect().to_pyarrow(expression).to_pylist()


def problems(rows: pa.Table, heads: list[Head]) -> list[Problem]:
    """What verification says of all dates."""
    by_day: dict[date, list[Row]] = {DAY: [], NEXT_DAY: []}
    for row in rows.to_pylist():
        by_day.setdefault(row["game_date"], []).append(row)
    return [
        problem
        for day, mine in by_day.items()
        for problem in ledger.problems(
            day, pa.Table.from_pylist(mine, schema=SCHEMA), [head for head in heads if head.game_date == day]
        )
    ]


values = st.floats(0, 100, allow_nan=False)
made_rows = st.builds(
    prediction,
    values,
    player=st.integers(1, 3),
    game=st.integers(10, 11),
    mode=st.sampled_from([LIVE, LIVE, BACKTEST]),
    day=st.sampled_from([DAY, NEXT_DAY]),
    made=st.integers(0, 500),
    line=st.none() | values,
)
batches = st.lists(
    st.lists(made_rows, max_size=5, unique_by=lambda row: tuple(row[name] for name in ledger.KEYS)), max_size=4
)
chains = batches.map(lambda made: after(*made)).filter(lambda rows: HASH in rows.column_names and bool(recorded(rows)))
patient = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


def live_places(rows: pa.Table) -> list[int]:
    return [n for n, row in enumerate(rows.to_pylist()) if row["mode"] == LIVE]


def another(value: Any, name: str) -> st.SearchStrategy[Any]:
    """Another value of the column."""
    if name == "mode":
        return st.just(BACKTEST)
    kinds: dict[type, st.SearchStrategy[Any]] = {
        int: st.integers(0, 99),
        float: values,
        str: st.text("abc", max_size=3),
        datetime: st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
        date: st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    }
    kind = type(value) if value is not None else float
    other = kinds[kind] if name in ("game_date", "game_id", "player_id") else st.none() | kinds[kind]
    return other.filter(lambda found: found != value)


@given(rows=chains)
@patient
def test_an_untouched_chain_is_whole(rows: pa.Table) -> None:
    assert problems(rows, recorded(rows)) == []


def test_the_heads_of_published_rows_are_the_last_of_each_date() -> None:
    backtest = prediction(game=12, mode=BACKTEST)
    rows = after([prediction(), prediction(player=2), prediction(day=NEXT_DAY, game=11), backtest], [prediction(9.0)])
    found = run(ledger.chain_heads(ibis.memtable(rows)).order_by("game_date"))
    assert found == [{"game_date": head.game_date, LENGTH: head.length, HEAD: head.row_hash} for head in recorded(rows)]
    assert [row[LENGTH] for row in found] == [3, 1]


@given(rows=chains, data=st.data())
@patient
def test_a_single_changed_value_in_any_column_is_found(rows: pa.Table, data: st.DataObject) -> None:
    content, heads = rows.to_pylist(), recorded(rows)
    place = data.draw(st.sampled_from(live_places(rows)))
    column = data.draw(st.sampled_from(SCHEMA.names))
    content[place][column] = data.draw(another(content[place][column], column))
    assert problems(pa.Table.from_pylist(content, schema=SCHEMA), heads)


@pytest.mark.parametrize("column", SCHEMA.names)
def test_a_change_of_each_column_is_found_and_named_by_date_and_position(column: str) -> None:
    rows = after([prediction(player=n) for n in (1, 2, 3)])
    changed = rows.to_pylist()
    other = {
        "game_date": NEXT_DAY, "mode": BACKTEST, "made_at": MORNING + timedelta(microseconds=1), "line": 21.5,
        "tipoff_at": None, "predicted_value": 20.500000000000004,
    }  # fmt: skip
    changed[1][column] = other.get(column, 77 if isinstance(changed[1][column], int) else "other")
    found = problems(pa.Table.from_pylist(changed, schema=SCHEMA), recorded(rows))
    assert any(problem.position in (2, 77) for problem in found), found


@given(rows=chains, data=st.data())
@patient
def test_a_removed_row_is_found_wherever_it_stood(rows: pa.Table, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(live_places(rows)))
    kept = [row for n, row in enumerate(rows.to_pylist()) if n != place]
    assert problems(pa.Table.from_pylist(kept, schema=SCHEMA), recorded(rows))


def test_an_end_that_is_gone_is_found_by_the_recorded_head_and_only_by_it() -> None:
    rows = after([prediction(player=n) for n in (1, 2, 3)])
    short, none = rows.slice(0, 2), rows.slice(0, 0)
    assert problems(short, []) != problems(short, recorded(rows))
    assert "the rows at 3 to 3, recorded on 2025-11-12" in str(problems(short, recorded(rows))[0])
    assert "the rows at 1 to 3" in str(problems(none, recorded(rows))[0])


def three() -> list[Row]:
    return after([prediction(player=n) for n in (1, 2, 3)]).to_pylist()


def told(rows: list[Row], heads: list[Head]) -> list[tuple[int | None, str]]:
    return [(problem.position, problem.what) for problem in problems(pa.Table.from_pylist(rows, schema=SCHEMA), heads)]


def test_a_row_that_was_changed_and_hashed_anew_is_found_by_the_row_after_it() -> None:
    rows = three()
    rows[1]["predicted_value"] = 99.0
    rows[1][HASH] = ledger.row_hash(rows[1], rows[1][PREVIOUS])
    assert (3, "does not follow from the row before it") in told(rows, [])


def test_a_chain_that_was_computed_anew_from_its_beginning_is_found_by_the_recorded_heads() -> None:
    heads = recorded(after([prediction(player=n) for n in (1, 2, 3)]))
    other = after([prediction(99.0, player=n) for n in (1, 2, 3)]).to_pylist()
    assert [what.split(":")[0] for _, what in told(other, [])] == ["no run recorded the rows at 1 to 3"]
    assert told(other, heads) == [(3, "the row is not the one recorded on 2025-11-12 00:00 UTC")]


def test_what_is_wrong_is_named_as_what_it_is() -> None:
    first, second, third = three()
    assert (2, "the rows at 2 are gone") in told([first, third], [])
    assert (1, "the rows at 1 to 2 are gone") in told([third], [])
    twice = "a row at a position that another one has, or none can have"
    assert (2, twice) in told([first, second, {**second, "player_id": 7}, third], [])
    assert told([first, second, {**third, **dict.fromkeys((POSITION, PREVIOUS, HASH))}], []) == [
        (None, "a live row that has no whole place in the chain")
    ]


@given(rows=chains, row=made_rows, data=st.data())
@patient
def test_an_inserted_row_is_found_even_when_it_is_hashed_as_if_it_belonged(
    rows: pa.Table, row: Row, data: st.DataObject
) -> None:
    content, heads = rows.to_pylist(), recorded(rows)
    day = data.draw(st.sampled_from(sorted({content[place]["game_date"] for place in live_places(rows)})))
    mine = sorted((r for r in content if r["game_date"] == day and r["mode"] == LIVE), key=lambda r: r[POSITION])
    position = data.draw(st.integers(1, len(mine) + 1))
    previous = mine[position - 2][HASH] if position > 1 else ledger.genesis(day)
    forged = {**row, "game_date": day, "mode": LIVE, POSITION: position, PREVIOUS: previous}
    forged[HASH] = ledger.row_hash(forged, previous)
    assert problems(pa.Table.from_pylist([*content, forged], schema=SCHEMA), heads)
    # So is one for which all that follow are moved up and hashed anew: only the recorded head can tell.
    before = forged
    for follower in mine[position - 1 :]:
        follower |= {POSITION: follower[POSITION] + 1, PREVIOUS: before[HASH]}
        follower[HASH] = ledger.row_hash(follower, before[HASH])
        before = follower
    rewritten = pa.Table.from_pylist([*content, forged], schema=SCHEMA)
    assert problems(rewritten, heads)


@given(rows=chains, data=st.data())
@patient
def test_rows_that_change_places_are_found(rows: pa.Table, data: st.DataObject) -> None:
    content, heads = rows.to_pylist(), recorded(rows)
    days = [content[place]["game_date"] for place in live_places(rows)]
    pairs = [
        (a, b)
        for a in live_places(rows)
        for b in live_places(rows)
        if a < b and content[a]["game_date"] == content[b]["game_date"]
    ]
    if not pairs:
        assert len(days) == len(set(days))
        return
    a, b = data.draw(st.sampled_from(pairs))
    moved = data.draw(st.sampled_from([(POSITION,), (POSITION, PREVIOUS), (POSITION, PREVIOUS, HASH)]))
    for name in moved:
        content[a][name], content[b][name] = content[b][name], content[a][name]
    assert problems(pa.Table.from_pylist(content, schema=SCHEMA), heads)


@given(made=batches, again=st.integers(0, 3))
@patient
def test_saying_the_same_again_is_harmless(made: list[list[Row]], again: int) -> None:
    rows = after(*made)
    last = made[-1] if made else []
    later = [{**row, "made_at": row["made_at"] + timedelta(hours=again)} for row in last]
    repeated = ledger.append(rows, table(later))
    live = [row for row in rows.to_pylist() if row["mode"] == LIVE]
    assert [row for row in repeated.to_pylist() if row["mode"] == LIVE] == live


@given(made=batches, more=batches)
@patient
def test_what_stands_live_stays_and_backtests_are_never_mixed_with_it(
    made: list[list[Row]], more: list[list[Row]]
) -> None:
    rows = after(*made)
    live = [row for row in rows.to_pylist() if row["mode"] == LIVE]
    for batch in more:
        rows = ledger.append(rows, table(batch))
        assert [row for row in rows.to_pylist() if row in live] == live
        modes: dict[tuple[date, int], set[str]] = {}
        for row in rows.to_pylist():
            modes.setdefault((row["game_date"], row["game_id"]), set()).add(row["mode"])
        assert all(len(found) == 1 for found in modes.values())
        assert not [row for row in rows.to_pylist() if row["mode"] == BACKTEST and row[HASH]]


def test_a_later_value_is_a_new_row_and_so_is_a_value_that_comes_back() -> None:
    rows = after(*[[prediction(value, made=n)] for n, value in enumerate((20.0, 21.0, 21.0, 20.0))])
    assert rows["predicted_value"].to_pylist() == [20.0, 21.0, 20.0]
    assert rows[POSITION].to_pylist() == [1, 2, 3]


def test_a_clock_that_stands_still_or_goes_back_keeps_the_order() -> None:
    rows = after([prediction(20.0, made=9)], [prediction(21.0, made=9)], [prediction(22.0, made=0)])
    made_at = rows["made_at"].to_pylist()
    assert made_at == sorted(set(made_at))
    assert rows["predicted_value"].to_pylist() == [20.0, 21.0, 22.0]


def test_a_game_that_has_begun_keeps_its_live_rows_and_the_others_go_on() -> None:
    morning = [prediction(20.0, game=10), prediction(30.0, game=11)]
    evening = [prediction(25.0, game=10, mode=BACKTEST, made=60), prediction(35.0, game=11, made=60)]
    rows = after(morning, evening).to_pylist()
    assert [(row["game_id"], row["predicted_value"]) for row in rows] == [(10, 20.0), (11, 30.0), (11, 35.0)]


def test_a_backtest_takes_the_place_of_a_backtest() -> None:
    rows = after([prediction(20.0, mode=BACKTEST)], [prediction(21.0, mode=BACKTEST, made=60)])
    assert rows["predicted_value"].to_pylist() == [21.0]


def test_a_column_that_the_contract_gains_breaks_no_chain() -> None:
    rows = after([prediction(player=n) for n in (1, 2)])
    wider = rows.append_column("over_probability", pa.nulls(len(rows), pa.float64()))
    assert ledger.problems(DAY, wider, recorded(rows)) == []


def test_rows_that_no_run_recorded_are_found() -> None:
    first = after([prediction(20.0)])
    second = ledger.append(first, table([prediction(21.0, made=60)]))
    (problem,) = problems(second, recorded(first))
    assert "no run recorded the rows at 2 to 2" in problem.what
    assert problems(second, [*recorded(first), *recorded(second)]) == []


def published_over(staged: pa.Table, published: pa.Table) -> list[Row]:
    """What the contract publishes of staged rows, whatever made them."""
    kept = ledger.keep_live(ibis.memtable(staged), ibis.memtable(published))
    return run(kept.order_by("game_id", POSITION))


def test_whatever_a_step_made_published_live_rows_survive_unchanged_and_unmixed() -> None:
    published = after([prediction(20.0, game=10)])
    changed = published.set_column(7, "predicted_value", pa.array([99.0]))
    assert published_over(changed, published) == published.to_pylist()
    backtests = after([prediction(25.0, game=10, mode=BACKTEST), prediction(26.0, game=11, mode=BACKTEST)])
    kept = published_over(backtests, published)
    assert [(row["game_id"], row["mode"]) for row in kept] == [(10, LIVE), (11, BACKTEST)]


def unlinked(rows: pa.Table) -> list[Row]:
    return run(ledger.broken_links(ibis.memtable(rows)))


def test_two_runs_that_added_to_one_chain_at_once_cannot_both_be_published() -> None:
    standing = after([prediction(20.0)])
    one = ledger.append(standing, table([prediction(21.0, made=60)]))
    other = ledger.append(standing, table([prediction(22.0, made=61)]))
    assert unlinked(one) == unlinked(other) == []
    both = pa.Table.from_pylist(published_over(other, one), schema=SCHEMA)
    assert len(both) == 3
    (reason,) = unlinked(both)
    assert reason["game_date"] == DAY
    assert "run it again" in reason["reason"]


@pytest.mark.parametrize("name", [POSITION, PREVIOUS, HASH])
def test_a_live_row_without_a_whole_place_is_not_published(name: str) -> None:
    rows = after([prediction(20.0), prediction(21.0, player=2)]).to_pylist()
    rows[0][name] = None
    assert unlinked(pa.Table.from_pylist(rows, schema=SCHEMA))


@pytest.mark.parametrize("dialect", ["duckdb", "bigquery"])
def test_what_the_warehouse_is_asked_compiles_for_both_engines(dialect: str) -> None:
    names = ibis.schema(SCHEMA)
    staged, published = ibis.table(names, name="staged"), ibis.table(names, name="published")
    games = ibis.table({"game_date": "date", "game_id": "int64", "status": "string"}, name="games")
    keys = published.select("game_date", "game_id", "player_id").distinct()
    for asked in (
        ledger.keep_live(staged, published),
        ledger.still_expected(keys, published, games),
        ledger.broken_links(staged),
        ledger.chain_heads(published),
        ledger.standing(published, table([prediction()])),
    ):
        assert ibis.to_sql(asked, dialect=dialect)


def test_only_the_live_rows_of_dates_that_are_predicted_live_have_to_be_known() -> None:
    published = after(
        [prediction(20.0, game=1), prediction(20.0, game=2, day=NEXT_DAY), prediction(20.0, game=3, mode=BACKTEST)]
    )
    made = table([prediction(21.0, game=1), prediction(21.0, game=2, day=NEXT_DAY, mode=BACKTEST)])
    found = run(ledger.standing(ibis.memtable(published), made))
    assert [row["game_id"] for row in found] == [1]


def test_a_player_of_whom_nothing_was_said_in_time_is_no_longer_expected_once_his_game_is_over() -> None:
    published = after([prediction(player=1, game=10), prediction(player=1, game=11)])
    keys = pa.table({"game_date": [DAY] * 5, "game_id": [10, 10, 11, 11, 12], "player_id": [1, 2, 1, 2, 1]})
    games = pa.table({"game_date": [DAY] * 3, "game_id": [10, 11, 12], "status": ["final", "scheduled", "final"]})
    left = ledger.still_expected(ibis.memtable(keys), ibis.memtable(published), ibis.memtable(games))
    assert sorted((row["game_id"], row["player_id"]) for row in run(left)) == [(10, 1), (11, 1), (11, 2), (12, 1)]
