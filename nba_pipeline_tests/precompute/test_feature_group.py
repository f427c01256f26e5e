"""A group of features declares what it takes, reads and makes; what it does not declare it does not get."""

from pathlib import Path

import ibis
import pytest

from nba_pipeline.as_of import GameLog
from nba_pipeline.contracts import Read
from nba_pipeline.precompute import ml_feature_store as store
from nba_pipeline.precompute.calculations.beside import beside
from nba_pipeline.precompute.calculations.feature_group import (
    FeatureGroup,
    Log,
    each_once,
    known,
    reads_of,
    taken_by,
)
from nba_pipeline.precompute.calculations.past_games import (
    CACHE,
    FACTORS,
    HISTORY,
    RESULTS,
    UPCOMING,
    PastGames,
    Source,
    UndeclaredReadError,
)

HERE = Path(store.__file__).parent / "feature_groups"
HISTORY_TABLE = HISTORY.read.table.unbound()
PAST = PastGames(CACHE.read.table.unbound(), {HISTORY.name: HISTORY_TABLE})


def log_of(*reads: Source) -> Log:
    return Log("player_id", lambda past: GameLog(past.played, "player_id"), reads)


def counted(log: GameLog) -> dict[str, ibis.Value]:
    return {"games": log.count()}


def test_every_file_of_the_folder_is_a_group_of_the_list():
    listed = {group.features for group in store.GROUPS}
    files = [path.stem for path in HERE.glob("*.py") if path.stem != "__init__"]
    assert len(files) == len(listed) == len(store.GROUPS)
    assert {group.features for group in (getattr(store, name).GROUP for name in files)} == listed


def test_the_store_reads_what_its_groups_read_and_each_feature_comes_from_there():
    assert list(store.CONTRACT.reads) == ["cache", "history", "offense", "defense", "upcoming", "factors", "zones"]
    tables = {read.table.name for read in store.CONTRACT.reads.values()}
    assert {feature.source for feature in store.FEATURES} <= tables


def test_a_group_reads_what_it_takes_what_its_logs_read_and_what_it_looks_back_on():
    group = FeatureGroup(
        name="a", features=(), takes={CACHE: ("season",)}, measures={log_of(HISTORY): counted},
        looks_back_on=(*RESULTS, HISTORY),
    )  # fmt: skip
    assert group.reads == (CACHE, HISTORY, *RESULTS)


def test_games_that_a_log_or_a_group_does_not_declare_are_not_there():
    undeclared = log_of(*())
    with pytest.raises(UndeclaredReadError, match="reads history without declaring it"):
        known(undeclared, [FeatureGroup(name="a", features=(), measures={undeclared: counted})], PAST)
    with pytest.raises(UndeclaredReadError, match="reads history without declaring it"):
        _ = PAST.only(()).played
    assert PAST.only((HISTORY,)).played.columns[:3] == HISTORY_TABLE.columns[:3]


def test_groups_that_measure_one_log_share_one_look_back():
    log = log_of(HISTORY)
    other = {log: lambda games: {"minutes_so_far": games.mean(games.rows.minutes)}}
    measured = {"a": {log: counted}, "b": other}
    groups = [FeatureGroup(name=name, features=(), measures=mine) for name, mine in measured.items()]
    assert known(log, groups, PAST).states.columns[-2:] == ("games", "minutes_so_far")


def test_one_name_for_two_things_is_refused_with_both():
    value = ibis.literal(1)
    with pytest.raises(ValueError, match="made by the groups a and b"):
        each_once([("a", {"games": value}), ("b", {"games": value})])
    both = [FeatureGroup(name=s.name, features=(), takes={s: ("injury_risk",)}) for s in (UPCOMING, FACTORS)]
    with pytest.raises(ValueError, match="injury_risk is taken from upcoming and from factors"):
        taken_by(both)
    other = Source("cache", Read(UPCOMING.read.table))
    named = [FeatureGroup(name=s.read.table.name, features=(), takes={s: ()}) for s in (CACHE, other)]
    with pytest.raises(ValueError, match="reads another table as cache"):
        reads_of(named)


def test_rows_that_have_a_column_already_are_not_put_beside_others_that_have_it_too():
    rows = ibis.memtable({"player_id": [7], "points": [20]})
    more = ibis.memtable({"player_id": [7], "assists": [3]})
    assert beside(rows, more, ["player_id"]).columns == ("player_id", "points", "assists")
    with pytest.raises(ValueError, match="points is there already: give it another name"):
        beside(rows, more.mutate(points=1), ["player_id"])
