"""The as-of date of a feature is that of the newest game with which its value changes: games are altered to see it.

Every feature of every group is looked at, found by looking, so that one that is added is proved like the others. The
rows are of teams that lost players, of one of which many are out, and of a tired team and its opponent.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nba_pipeline.league.model import League
from nba_pipeline.monitoring.newest_games import Newest, as_of, newest_games
from nba_pipeline.precompute.calculations.feature_group import FeatureGroup
from nba_pipeline.precompute.calculations.features import Feature
from nba_pipeline.precompute.calculations.games_used import (
    MISSING_TEAMMATES,
    NO_GAMES,
    OPPONENT,
    OWN,
    OWN_FOR_TEAM_THIS_SEASON,
    OWN_THIS_SEASON,
    TEAM,
    MadeFrom,
)
from nba_pipeline.precompute.feature_groups.participation import LONG_BACK
from nba_pipeline.precompute.ml_feature_store import FEATURES, GROUPS
from nba_pipeline.raw import players as raw_players
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline_tests.pipeline.altered_games import BOX, GAMES, Alteration, How, features_by, features_of
from nba_pipeline_tests.support.made_up_news import news, rosters
from nba_pipeline_tests.support.pure_history import Frames
from nba_pipeline_tests.support.season_frames import raw as raw_of

EARLY, LATER = date(2025, 10, 28), date(2025, 11, 12)

OFTEN_SHOWN = 3
"""So many of the as-of dates that a day's features show most are looked at, and one more for each feature without."""

HARMLESS = (How.MORE, How.ODD_SAT, How.EVEN_SAT, How.NEVER_PLAYED)
"""What leaves every value as it was that is not made from the altered games."""

UNMOVED = {
    "a flag, a count or a rank, which a game moves only at the edge": (
        "is_breakout", "is_new_to_team", "is_back_to_back", "opponent_is_back_to_back", "is_third_game_in_four_days",
        "top_five_ewma_5", "is_top_five_of_team_games_5",
        "minutes_rank_in_team", "points_rank_in_team",
        "role_rank_in_team", "present_rank", "chance_to_play",
        "did_not_play_rate_last_5", "did_not_play_rate_last_10", "active_teammates", "present_teammates",
        "star_teammates_out", "opponent_stars_out", "rotation_players_out", "stars_out", "back_to_backs_last_14_days",
    ),
    "a value of one among several games, of which another may have the same": (
        "minutes_last_but_one", "minutes_least_last_5",
    ),
    "0 while the season is no longer than the games that are held against it": (
        "points_z_score", "points_last_3_less_season", "minutes_change",
    ),
    "0 for a season without a game, and after a game above the mean": ("games_below_average_in_a_row",),
    "of players of his role, of whom none played in the opponent's newest game": (
        "opponent_allows_role_points", "opponent_allows_role_rebounds", "opponent_allows_role_assists",
        "opponent_allows_role_three_pointers_made",
    ),
    "held within limits": ("days_rest", "rest_advantage", "games_since_return", "fatigue_score"),
    "a sum that is 0 while nobody counts": (
        "departed_minutes", "departed_points", "departed_role_minutes", "out_above_minutes", "newly_out_above_minutes",
        "out_below_minutes", "long_absent_minutes",
    ),
}  # fmt: skip
"""The features that the game on their as-of date leaves as they are at some of the rows, by the reason."""

MAY_STAY = frozenset(name for names in UNMOVED.values() for name in names)

WRONG = [
    ("stars_out", OWN), ("out_minutes", OWN),
    ("similar_present_above", OWN), ("points_ewma_7", TEAM),
    ("points_ewma_7", NO_GAMES), ("points_prior", OWN), ("games_played_season", OWN), ("points_avg_prior_season", OWN),
    ("games_last_7_days", OWN), ("team_games_missed", OWN), ("participation_season", OWN_THIS_SEASON),
    ("departed_minutes", OWN), ("minutes_share", OWN), ("opponent_pace", TEAM), ("expected_margin", OPPONENT),
    ("is_breakout", NO_GAMES), ("shot_zone_mismatch_score", OWN | OPPONENT), ("points_against_opponent", OWN),
    ("minutes_with_likely_lineup", OWN_FOR_TEAM_THIS_SEASON), ("points_last_game", TEAM), ("is_home_game", TEAM),
]  # fmt: skip


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
        """Whether the newest game that it shows changes the value; None where that was not looked at.

        What is 0 or the whole because he never was there is moved by his being there alone.
        """
        shown = self.as_of(key, feature)
        if shown is None or Alteration(key[0], How.EVERYBODY_PLAYS, shown) not in self.changed:
            return None
        hows = (*HARMLESS, How.EVERYBODY_PLAYS) if self.rows[key][feature.name] in (0.0, 1.0) else HARMLESS
        return any(self.changed[Alteration(key[0], how, shown)].at[key[1], feature.name] for how in hows)


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
    """The rows of a game whose teams lost most, and half of those of a team that misses many and of a tired team's.

    Newcomers and players who just came back are added: there are few.
    """
    early, later = (rows[rows["game_date"] == day] for day in (EARLY, LATER))
    lost = early.groupby("game_id")["departed_minutes"].sum().idxmax()
    missing = later.groupby("team_id")["out_minutes"].max().idxmax()
    tired = later.loc[(later["is_back_to_back"] == 1.0) & (later["team_id"] != missing), "game_id"].min()
    of_day = later[(later["team_id"] == missing) | (later["game_id"] == tired)]
    new = early[
        (early["games_with_team"] == 1) & (early["games_played_season"] == 1) & (early["games_prior_season"] > 1)
    ]
    back = later[(later["games_since_return"] < LONG_BACK) & (later["team_games_missed"] == 0)]
    picked = pd.concat([early[early["game_id"] == lost], of_day[::2], new, back[:3]])
    return picked.drop_duplicates(["game_date", "player_id"], ignore_index=True)


def newest_by(home: Path, rows: Mapping[Key, Mapping[str, Any]]) -> dict[Key, Newest]:
    with DuckDBWarehouse(home, 5).session(read_only=True) as session:
        return {key: newest_games(session, row) for key, row in rows.items()}


def looked_at(
    rows: Mapping[Key, Mapping[str, Any]], newest: Mapping[Key, Newest], days: list[date]
) -> list[Alteration]:
    """What is altered: the games from each date looked at on, those from the next day of games on, and once nothing."""
    shown = {feature.name: Counter((key[0], as_of(feature, row, newest[key])) for key, row in rows.items())
             for feature in FEATURES}  # fmt: skip
    most = sum(shown.values(), Counter[tuple[date, date | None]]()).most_common()
    found = []
    for day in (EARLY, LATER):
        looked = set([each for each, _ in most if each[0] == day and each[1]][:OFTEN_SHOWN])
        for counted in shown.values():
            dated = [each for each, _ in counted.most_common() if each[0] == day and each[1]]
            looked |= set(dated[:1]) if looked.isdisjoint(dated) else set()
        dates = sorted(since for _, since in looked if since)
        later = {next((other for other in days if other > each), day) for each in dates} - {day}
        found += [Alteration(day, How.AS_IT_WAS, day)]
        found += [Alteration(day, how, since) for how in (*HARMLESS, How.EVERYBODY_PLAYS) for since in dates]
        found += [Alteration(day, how, since) for how in (How.MORE, How.NEVER_PLAYED)
                  for since in sorted({days[0], *later} - {*dates})]  # fmt: skip
    return found


def changed(altered: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    names = [feature.name for feature in FEATURES]
    one, other = (rows.loc[truth.index, names].to_numpy(float) for rows in (altered, truth))
    return pd.DataFrame((one != other) & ~(np.isnan(one) & np.isnan(other)), truth.index, names)


def moved(evidence: Evidence, feature: Feature) -> Counter[bool]:
    """How often the newest game shown changes the value, of the rows for which that was looked at."""
    return Counter(then for key in evidence.rows if (then := evidence.changes_then(key, feature)) is not None)


def moved_later(evidence: Evidence, feature: Feature) -> list[tuple[Key, date | None]]:
    """The rows whose value newer games change than the newest that it shows, with the date of that."""
    return [
        (key, evidence.as_of(key, feature))
        for key, row in evidence.rows.items()
        if row[feature.name] is not None and evidence.changes_later(key, feature)
    ]


def test_a_world_beside_others_has_the_features_that_it_has_alone(evidence: Evidence) -> None:
    alone = [changed for each, changed in evidence.changed.items() if each.how is How.AS_IT_WAS]
    assert len(alone) == 2
    assert not any(changed.to_numpy().any() for changed in alone)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_no_game_after_the_as_of_date_changes_the_value(evidence: Evidence, group: FeatureGroup) -> None:
    assert {feature.name: found for feature in group.features if (found := moved_later(evidence, feature))} == {}


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_the_game_on_the_as_of_date_changes_the_value(evidence: Evidence, group: FeatureGroup) -> None:
    found = {feature.name: moved(evidence, feature) for feature in group.features if feature.made_from.games}
    assert [name for name, times in found.items() if not times[True]] == [], "no alteration ever moves them"
    assert {name for name, times in found.items() if times[False]} == MAY_STAY & found.keys(), (
        "what stays at some rows is named in UNMOVED, and nothing else is"
    )


def test_a_value_that_is_missing_has_no_as_of_date(evidence: Evidence) -> None:
    missing = [(key, f) for key, row in evidence.rows.items() for f in FEATURES if row[f.name] is None]
    assert missing
    assert {evidence.as_of(key, feature) for key, feature in missing} == {None}


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_a_feature_that_names_other_games_is_caught(evidence: Evidence, name: str, wrong: MadeFrom) -> None:
    honest = next(feature for feature in FEATURES if feature.name == name)
    feature = replace(honest, made_from=wrong)
    times = moved(evidence, feature)
    stays = times[False] and name not in MAY_STAY
    assert moved_later(evidence, feature) or stays or not times[True]


def test_a_feature_that_names_no_games_is_refused() -> None:
    with pytest.raises(TypeError, match="made_from"):
        Feature("points_twice", "points", "Twice the points.")  # pyright: ignore[reportCallIssue]
    with pytest.raises(ValueError, match="not among the games"):
        MadeFrom(OWN.games, only_with=next(iter(TEAM.games)))
    with pytest.raises(ValueError, match="limits only a part"):
        _ = MISSING_TEAMMATES | OWN
