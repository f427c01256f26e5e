"""Nothing on or after a date changes what was known before its games: every column of every table, and every model.

Tables are found by looking, so that one that is added is proved like the others. A proof that cannot fail is none:
each classic kind of leak is planted, and caught.
"""

from datetime import date
from itertools import takewhile
from types import ModuleType

import ibis
import pytest

from nba_pipeline.analytics.calculations import expected_players as expecting
from nba_pipeline.as_of import GameLog
from nba_pipeline.assets.tables import all_tables, table_modules
from nba_pipeline.contracts import Phase
from nba_pipeline.league.model import League
from nba_pipeline.precompute import ml_feature_store, player_daily_cache
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw import player_box_scores
from nba_pipeline.raw import players as raw_players
from nba_pipeline_tests.support.made_up_news import news, rosters
from nba_pipeline_tests.support.pure_history import (
    CONTRACTS,
    Frames,
    altered,
    known_by,
    leaks,
    made,
    queries,
    reads_by_name,
    removed,
    transform_of,
    translated,
)
from nba_pipeline_tests.support.season_frames import raw as raw_of

OPENING, LATER, LAST = date(2025, 10, 21), date(2025, 11, 4), date(2025, 11, 12)
DAYS = (OPENING, LATER)
ROSTERS_SINCE = date(2025, 11, 1)

MODELLED = {"predictions.player_predictions"}
"""Tables that models make; the proof of those runs the models: see `test_season.py`."""


@pytest.fixture(scope="module")
def raw(league: League) -> Frames:
    """A month of one season and three weeks of the next, as the source tells them; rosters, news from November on."""
    games, box = raw_of(league)
    games, box = (rows[rows["game_date"] <= LAST].reset_index(drop=True) for rows in (games, box))
    recent = games[games["game_date"] >= ROSTERS_SINCE]
    listed = rosters(league, recent)
    return {
        raw_games.CONTRACT.name: games,
        player_box_scores.CONTRACT.name: box,
        raw_players.CONTRACT.name: listed,
        **news(recent, listed),
    }


@pytest.fixture(scope="module")
def truth(raw: Frames) -> Frames:
    return made(raw, queries())


def test_every_table_has_a_pure_transform_of_its_name_or_is_made_by_models():
    modules = [module for module in table_modules() if module.CONTRACT.phase is not Phase.RAW]
    for module in modules:
        assert reads_by_name(module) or module.CONTRACT.name in MODELLED, module.CONTRACT.name
    assert {module.CONTRACT.name for module in modules if transform_of(module) is None} == MODELLED


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_nothing_on_or_after_a_date_changes_any_column_of_what_was_known_before_it(raw, truth, day):
    assert truth.keys() == {table.name for table in all_tables() if table.phase is not Phase.RAW}
    other = made(altered(raw, day), queries())
    assert leaks(other, truth, day) == {}
    assert leaks(made(removed(raw, day), queries()), truth, day) == {}
    unreached = [name for name, rows in truth.items() if rows.equals(other[name])]
    assert unreached == [], "of a table that no alteration reaches, this proves nothing"
    proved = [name for name, rows in truth.items() if len(known_by(rows, CONTRACTS[name], day))]
    assert day == OPENING or len(proved) == len(truth)


def inclusive_date(patch: pytest.MonkeyPatch) -> ModuleType:
    """A state speaks for its own date too, as with `<=` in place of `<`."""
    honest, day = GameLog.states, ibis.interval(days=1)

    def leaky(self: GameLog, **measures: ibis.Value) -> ibis.Table:
        states = honest(self, **measures)
        moved = states.mutate(known_from=states.known_from - day, known_until=states.known_until - day)
        return moved.cast({"known_from": "date", "known_until": "date"})

    patch.setattr(GameLog, "states", leaky)
    return player_daily_cache


def current_row_in_the_window(patch: pytest.MonkeyPatch) -> ModuleType:
    """The window of the games so far reaches one game further."""

    def reaching(self: GameLog) -> object:
        return ibis.window(group_by=self._keys, order_by=self.rows.game_date, preceding=None, following=1)

    patch.setattr(GameLog, "_so_far", property(reaching, lambda self, window: None), raising=False)
    return player_daily_cache


def same_game_column(patch: pytest.MonkeyPatch) -> ModuleType:
    """A feature is joined from the summary of the game that is to be predicted."""
    honest = ml_feature_store.ml_feature_store

    def leaky(**inputs: ibis.Table) -> ibis.Table:
        rows, history = honest(**inputs), inputs["history"]
        tonight = history.select("game_id", "player_id", tonight=history.minutes)
        joined = rows.left_join(tonight, ["game_id", "player_id"])
        return joined.mutate(minutes_ewma_7=joined.tonight).drop("tonight", "game_id_right", "player_id_right")

    patch.setattr(ml_feature_store, "ml_feature_store", leaky)
    return ml_feature_store


def post_game_roster(patch: pytest.MonkeyPatch) -> ModuleType:
    """Those are expected who then played."""
    honest = expecting.expected_players
    reading = next(module for module in table_modules() if getattr(module, "expected_players", None) is honest)

    def leaky(games: ibis.Table, rosters: ibis.Table, history: ibis.Table) -> ibis.Table:
        played = history.filter(history.played)
        return honest(games, rosters, history).semi_join(played, ["game_id", "player_id"])

    patch.setattr(reading, "expected_players", leaky)
    return reading


@pytest.mark.parametrize("plant", [inclusive_date, current_row_in_the_window, same_game_column, post_game_roster])
def test_a_planted_leak_of_each_classic_kind_is_caught(raw, monkeypatch, plant):
    upstream = dict(queries())
    module = plant(monkeypatch)
    name = module.CONTRACT.name
    leaky = {other: upstream[other] for other in takewhile(lambda other: other != name, upstream)}
    leaky[name] = translated(module)
    found = leaks(made(altered(raw, LATER), leaky), made(raw, leaky), LATER)
    assert set(found) == {name}, "what is upstream of the leak is honest"
    if plant is same_game_column:
        assert found[name] == ["minutes_ewma_7"]
