"""The as-of date of a feature is that of the newest game with which its value changes: games are altered to see it.

Every feature of every group is looked at, on the rows of one team that lost players and of a game with a team on the
second night of a back-to-back. Features are found by looking, so that one that is added is proved like the others.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nba_pipeline.league.model import League
from nba_pipeline.operations.newest_games import Newest, as_of, newest_games
from nba_pipeline.precompute import games_used
from nba_pipeline.precompute.feature_groups.lineups import LIKENESSES
from nba_pipeline.precompute.features import Feature
from nba_pipeline.precompute.games_used import MadeFrom
from nba_pipeline.precompute.ml_feature_store import FEATURES, GROUPS
from nba_pipeline.raw import players as raw_players
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline_tests.pipeline.altered_games import BOX, GAMES, Alteration, How, features_by, features_of
from nba_pipeline_tests.pipeline.pure_history import Frames
from nba_pipeline_tests.pipeline.test_future import news, rosters
from nba_pipeline_tests.precompute.test_zones_and_factors import raw as raw_of

EARLY, LATER = date(2025, 10, 28), date(2025, 11, 12)

DATES_LOOKED_AT = 4
"""Of the as-of dates that a day's features show, those that most of them have."""

HARMLESS = (How.MORE, How.ODD_SAT, How.EVEN_SAT, How.NEVER_PLAYED)
"""What leaves every value as it was that is not made from the altered games."""

UNMOVED = {
    "a flag, a rank, a count or a comparison with a threshold, which a game moves only at its edge": (
        "is_breakout", "is_new_to_team", "is_back_to_back", "opponent_is_back_to_back", "is_third_game_in_four_days",
        "minutes_rank_in_team", "points_rank_in_team", "role_rank_in_team", "present_rank", "present_teammates",
        "star_teammates_out", "opponent_stars_out", "rotation_players_out", "stars_out", "out_above_minutes",
        "newly_out_above_minutes", "out_below_minutes", "similar_present_above",
    ),
}  # fmt: skip


Key = tuple[date, int]
"""A day and a player."""


@dataclass(frozen=True)
class Evidence:
    """Rows of the feature store, the newest games of everybody behind them, and what each alteration changes."""

    rows: Mapping[Key, Mapping[str, Any]]
    newest: Mapping[Key, Newest]
    changed: Mapping[Alteration, pd.DataFrame]

    def as_of(self, key: Key, feature: Feature) -> date | None:
        return as_of(feature, self.rows[key], self.newest[key])

    def changes_later(self, key: Key, feature: Feature) -> bool:
        """Whether games change the value that are newer than the newest that it shows."""
        shown = self.as_of(key, feature)
        return any(
            changed.at[key[1], feature.name]
            for each, changed in self.changed.items()
            if each.day == key[0] and each.how in HARMLESS and (shown is None or each.since > shown)
        )

    def changes_then(self, key: Key, feature: Feature) -> bool | None:
        """Whether the newest game that it shows changes the value; None where that was not looked at."""
        shown = self.as_of(key, feature)
        then = [each for each in self.changed if each.day == key[0] and each.since == shown]
        if How.EVERYBODY_PLAYS not in {each.how for each in then}:
            return None
        return any(self.changed[each].at[key[1], feature.name] for each in then)


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return rows.astype(object).where(rows.notna(), None).to_dict("records")


@pytest.fixture(scope="module")
def raw(league: League) -> Frames:
    """A month of one season and three weeks of the next; rosters, injury reports and lines of the two days."""
    games, box = (rows[rows["game_date"] <= LATER].reset_index(drop=True) for rows in raw_of(league))
    asked = games[games["game_date"].isin([EARLY, LATER])]
    listed = rosters(league, asked)
    return {GAMES: games, BOX: box, raw_players.CONTRACT.name: listed, **news(asked, listed)}


@pytest.fixture(scope="module")
def evidence(raw: Frames, tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    home = tmp_path_factory.mktemp("newest") / "warehouse.duckdb"
    asked = raw[GAMES][raw[GAMES]["game_date"].isin([EARLY, LATER])]
    rows = chosen(features_of(raw, asked["game_id"], home))
    of_key = {(row["game_date"], row["player_id"]): row for row in records(rows)}
    newest = newest_by(home, of_key)
    alterations = looked_at(of_key, newest, sorted(set(raw[GAMES]["game_date"])))
    truth = {day: rows[rows["game_date"] == day].set_index("player_id") for day in (EARLY, LATER)}
    found = features_by(raw, alterations, rows)
    return Evidence(of_key, newest, {
        each: changed(altered, truth[each.day]) for each, altered in zip(alterations, found, strict=True)
    })  # fmt: skip


def chosen(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the team that most minutes have left, and of the game of a tired team that misses the most."""
    early, later = (rows[rows["game_date"] == day] for day in (EARLY, LATER))
    team = early.groupby("team_id")["departed_minutes"].max().idxmax()
    tired = later[later["is_back_to_back"] == 1.0]
    game = tired.groupby("game_id")["out_minutes"].max().idxmax()
    return pd.concat([early[early["team_id"] == team], later[later["game_id"] == game]], ignore_index=True)


def newest_by(home: Path, rows: Mapping[Key, Mapping[str, Any]]) -> dict[Key, Newest]:
    with DuckDBWarehouse(home, 5).session(read_only=True) as session:
        return {key: newest_games(session, row) for key, row in rows.items()}


def looked_at(
    rows: Mapping[Key, Mapping[str, Any]], newest: Mapping[Key, Newest], days: list[date]
) -> list[Alteration]:
    """What is altered: the games from each as-of date on, those from the next day of games on, and once nothing."""
    found = []
    for day in (EARLY, LATER):
        shown = Counter(as_of(f, row, newest[key]) for key, row in rows.items() if key[0] == day for f in FEATURES)
        dates = [each for each, _ in shown.most_common() if each is not None][:DATES_LOOKED_AT]
        later = {next((other for other in days if other > each), day) for each in dates} - {day}
        found += [Alteration(day, How.AS_IT_WAS, day)]
        found += [Alteration(day, how, since) for how in HARMLESS for since in sorted({days[0], *dates, *later})]
        found += [Alteration(day, How.EVERYBODY_PLAYS, since) for since in sorted(dates)]
    return found


def changed(altered: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    names = [feature.name for feature in FEATURES]
    one, other = (rows.loc[truth.index, names].to_numpy(float) for rows in (altered, truth))
    return pd.DataFrame((one != other) & ~(np.isnan(one) & np.isnan(other)), truth.index, names)


def looked_through(evidence: Evidence, feature: Feature) -> Counter[bool]:
    """How often the newest game shown changes the value, of the rows for which that was looked at."""
    return Counter(then for key in evidence.rows if (then := evidence.changes_then(key, feature)) is not None)


def test_a_world_beside_others_has_the_features_that_it_has_alone(evidence: Evidence) -> None:
    alone = [changed for each, changed in evidence.changed.items() if each.how is How.AS_IT_WAS]
    assert len(alone) == 2
    assert not any(changed.to_numpy().any() for changed in alone)


def test_no_game_after_the_as_of_date_changes_the_value(evidence: Evidence) -> None:
    wrong = defaultdict(list)
    for feature in FEATURES:
        for key, row in evidence.rows.items():
            if row[feature.name] is not None and evidence.changes_later(key, feature):
                wrong[feature.name].append((key, evidence.as_of(key, feature)))
    assert not wrong


@pytest.mark.parametrize("group", GROUPS)
def test_the_game_on_the_as_of_date_changes_the_value(evidence: Evidence, group: str) -> None:
    unmoved = {name for names in UNMOVED.values() for name in names}
    games = [feature for feature in GROUPS[group] if feature.made_from.games]
    found = {feature.name: looked_through(evidence, feature) for feature in games}
    assert {name for name, times in found.items() if not times[True]} == set(), "no alteration ever changes them"
    assert {name for name, times in found.items() if times[False]} == unmoved & found.keys(), "at each of its rows"
