"""Histories that differ in the games of some days before a date, and the features that each gives.

Translating and planning the queries takes far longer than running them, so many histories run as one: each is a world
with ids and seasons of its own, which nothing reads across.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from nba_pipeline.analytics import upcoming_team_game_context
from nba_pipeline.contracts import Phase
from nba_pipeline.precompute import ml_feature_store
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw import player_box_scores
from nba_pipeline_tests.support.pure_history import CONTRACTS, Frames, loaded, queries

GAMES, BOX = raw_games.CONTRACT.name, player_box_scores.CONTRACT.name

BY_PLAYER = ["minutes", "plus_minus", *(column.name for column in player_box_scores.COUNTS)]

APART = 1_000_000
"""By how much the ids of one world are above those of the one before."""

SEASONS_APART = 10
"""The same of seasons: a date reads its own and the one before."""


class How(Enum):
    """What is made of games; who sat them out still does, except in `EVERYBODY_PLAYS`, which is about a single day."""

    AS_IT_WAS = "nothing is altered"
    MORE = "who played had much more of everything, and the home team won"
    ODD_SAT = "players of odd ids sat, the others had little, and the visitors won"
    EVEN_SAT = "players of even ids sat, the others had little, and the visitors won"
    NEVER_PLAYED = "the games were not played at all"
    EVERYBODY_PLAYS = "who sat, or was not listed, played"


@dataclass(frozen=True)
class Alteration:
    """One history: what is made of the games before `day` from `since` on."""

    day: date
    how: How
    since: date


def altered_by(raw: Frames, alteration: Alteration, expected: pd.DataFrame) -> Frames:
    """The raw rows that the day sees; `expected` are the players of the day, with their teams."""
    first, day, how = alteration.since, alteration.day, alteration.how
    seen = {
        name: rows[rows["game_date"] == day if CONTRACTS[name].before_tip_off else rows["game_date"] <= day].copy()
        for name, rows in raw.items()
    }
    seen[GAMES] = raw[GAMES][raw[GAMES]["game_date"] <= day].copy()
    if how is How.NEVER_PLAYED:
        kept = {name: ~seen[name]["game_date"].between(first, day, inclusive="left") for name in (GAMES, BOX)}
        return {**seen, **{name: seen[name][rows] for name, rows in kept.items()}}
    if how is How.EVERYBODY_PLAYS:
        return {**seen, BOX: everybody_plays(seen[BOX], first, expected)}
    if how is not How.AS_IT_WAS:
        played_otherwise(seen[BOX], seen[BOX]["game_date"].between(first, day, inclusive="left"), how)
        on = seen[GAMES]["game_date"].between(first, day, inclusive="left")
        seen[GAMES].loc[on, ["home_score", "visitor_score"]] = (161, 89) if how is How.MORE else (71, 133)
    return seen


def played_otherwise(box: pd.DataFrame, on: pd.Series, how: How) -> None:
    """Alters the box scores of who played; others stay as they are."""
    rng = np.random.default_rng(4)
    played = on & (box["minutes"] > 0)
    more = how is How.MORE
    for name in BY_PLAYER:
        numbers = (
            box.loc[played, name] + rng.integers(20, 40, played.sum()) if more else rng.integers(0, 3, played.sum())
        )
        box.loc[played, name] = numbers
    for name in ("field_goals", "three_pointers", "free_throws"):
        missed = rng.integers(1, 9, played.sum())
        box.loc[played, f"{name}_attempted"] = box.loc[played, f"{name}_made"] + missed
    box.loc[played, "minutes"] = rng.uniform(45, 70, played.sum()) if more else rng.uniform(1, 5, played.sum())
    if not more:
        sat = played & (box["player_id"] % 2 == (1 if how is How.ODD_SAT else 0))
        box.loc[sat, BY_PLAYER] = 0


def everybody_plays(box: pd.DataFrame, day: date, expected: pd.DataFrame) -> pd.DataFrame:
    """The box scores in which all who sat on the day, or were not there, had a long night."""
    box = box.copy()
    there = box["game_date"] == day
    night = dict.fromkeys(BY_PLAYER, 20) | {"minutes": 60.0}
    box.loc[there & (box["minutes"] == 0), list(night)] = list(night.values())
    absent = expected[~expected["player_id"].isin(box.loc[there, "player_id"])][["player_id", "team_id"]]
    one = box[there].drop_duplicates("team_id").drop(columns="player_id")
    return pd.concat([box, absent.merge(one, on="team_id").assign(**night)[box.columns]], ignore_index=True)


def apart(frames: Frames, world: int) -> Frames:
    """The same rows with ids and seasons that no other world has."""
    return {
        name: rows.assign(
            **{c: rows[c] + world * APART for c in rows.columns if c.endswith("_id")},
            **{c: rows[c] + world * SEASONS_APART for c in rows.columns if c == "season"},
        )
        for name, rows in frames.items()
    }


def features_of(raw: Frames, asked: pd.Series, home: Path | None = None) -> pd.DataFrame:
    """The rows of the feature store for the asked games, from all the raw rows before them; kept in a file if asked to.

    As in a run, rest is told by the whole schedule, and nothing else is made of a game that is not asked for.
    """
    store, sides = ml_feature_store.CONTRACT.name, upcoming_team_game_context.CONTRACT.name
    made_before = (Phase.ANALYTICS, Phase.PRECOMPUTE)
    tables = {name: query for name, query in queries().items() if CONTRACTS[name].phase in made_before}
    with duckdb.connect(str(home or ":memory:")) as connection:
        loaded(connection, raw)
        for name in sorted(tables, key=lambda name: CONTRACTS[name].before_tip_off):
            connection.execute(f"CREATE TABLE {name} AS {tables[name]}")
            if name == sides:
                connection.register("asked", asked.to_frame())
                for rows in (GAMES, sides):
                    connection.execute(f"DELETE FROM {rows} WHERE game_id NOT IN (SELECT game_id FROM asked)")
        written = connection.execute(f"FROM {store} ORDER BY game_id, player_id")
        return written.to_arrow_table().to_pandas(date_as_object=True)


def features_by(raw: Frames, alterations: Sequence[Alteration], rows: pd.DataFrame) -> list[pd.DataFrame]:
    """For each alteration the features that it gives the rows of its day, in their order."""
    worlds, asked = [], []
    for world, alteration in enumerate(alterations):
        expected = rows[rows["game_date"] == alteration.day]
        worlds.append(apart(altered_by(raw, alteration, expected), world))
        asked.append(expected["game_id"].drop_duplicates() + world * APART)
    found = features_of(
        {name: pd.concat([frames[name] for frames in worlds], ignore_index=True) for name in raw}, pd.concat(asked)
    )
    of_world, found["player_id"] = found["player_id"] // APART, found["player_id"] % APART
    return [
        found[of_world == world].set_index("player_id").loc[rows.loc[rows["game_date"] == each.day, "player_id"]]
        for world, each in enumerate(alterations)
    ]
