"""The newest game that each feature of a row was made from, by whose games it says that it is made from."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import player_game_summary, upcoming_player_game_context
from nba_pipeline.analytics.calculations import absences
from nba_pipeline.precompute import ml_feature_store
from nba_pipeline.precompute.calculations.features import Feature
from nba_pipeline.precompute.calculations.games_used import DAYS, Games, Whose, Within
from nba_pipeline.precompute.feature_groups import news
from nba_pipeline.precompute.feature_groups.form import position_group
from nba_pipeline.precompute.feature_groups.roster import ACTIVE_WITHIN
from nba_pipeline.raw import injuries
from nba_pipeline.warehouse.interface import Session

Row = Mapping[str, Any]

Newest = Mapping[Games, date | None]
"""The newest of some games before a date; None where there is none."""

EVERYBODY = Games(Whose.EVERYBODY)


Others = Mapping[Whose, frozenset[int]]
"""The ids of the other players whose games features of a row are made from."""


def as_of(feature: Feature, row: Row, newest: Newest) -> date | None:
    """The newest game that the feature's value in the row was made from.

    None where the value is missing, which no game made, or where it is made from no game before the date.
    """
    made_from = feature.made_from
    if row[feature.name] is None or (made_from.only_with and newest[made_from.only_with] is None):
        return None
    return max((day for games in made_from.games if (day := newest[games])), default=None)


def newest_games(session: Session, row: Row) -> Newest:
    """The newest game before the row's date of everybody whose games a feature is made from."""
    asked = {EVERYBODY, *(games for feature in ml_feature_store.FEATURES for games in feature.made_from.games)}
    before = _history(session, row)
    others = _others(session, row, before)
    names = {f"newest_{number}": games for number, games in enumerate(sorted(asked, key=str))}
    newest = before.agg(
        **{name: before.game_date.max(where=_played_by(before, row, others, games.whose) & _within(before, row, games))
           for name, games in names.items()}
    )  # fmt: skip
    found = session.query(newest).to_pylist()[0]
    dates = {games: found[name] for name, games in names.items()}
    # A player of a position that nobody has, or that is not listed, is compared with everybody.
    return {
        games: dates[EVERYBODY] if day is None and games.whose is Whose.POSITION else day
        for games, day in dates.items()
    }


def _history(session: Session, row: Row) -> ibis.Table:
    """What features read of the box scores: the games before the date of its season and the one before."""
    history = session.read(player_game_summary.CONTRACT)
    return history.filter(
        history.game_date < ibis.literal(row["game_date"]), history.season.isin([row["season"] - 1, row["season"]])
    )


def _played_by(before: ibis.Table, row: Row, others: Others, whose: Whose) -> ir.BooleanValue:
    """Whether a row of the history belongs to a game of theirs; a team plays whoever of it sits."""
    own = before.played & (before.player_id == row["player_id"])
    match whose:
        case Whose.PLAYER:
            return own
        case Whose.PLAYER_FOR_TEAM:
            return own & (before.team_id == row["team_id"])
        case Whose.PLAYER_AGAINST_OPPONENT:
            return own & (before.opponent_id == row["opponent_id"])
        case Whose.TEAM:
            return before.team_id == row["team_id"]
        case Whose.OPPONENT:
            return before.team_id == row["opponent_id"]
        case Whose.POSITION:
            return before.played & (position_group(before) == (row["position"] or "?")[0].upper())
        case Whose.EVERYBODY:
            return before.played
        case _:
            return before.played & before.player_id.isin(sorted(others[whose]))


def _within(before: ibis.Table, row: Row, games: Games) -> ir.BooleanValue:
    """Whether a row of the history is as near as the games that are looked at."""
    match games.within:
        case Within.TWO_SEASONS:
            return before.season <= row["season"]
        case Within.THIS_SEASON:
            return before.season == row["season"]
        case Within.SEASON_BEFORE:
            return before.season == row["season"] - 1
        case days:
            return before.game_date >= ibis.literal(row["game_date"] - timedelta(days=DAYS[days]))


def _others(session: Session, row: Row, before: ibis.Table) -> Others:
    """Who else counts, by the expected players, by the injury report and by who played for the teams."""
    team, opponent = row["team_id"], row["opponent_id"]
    statuses = _expected(session, row)
    expected = {side: {player for of, player in statuses if of == side} for side in (team, opponent)}
    missing = {side: {player for player in expected[side] if statuses[side, player] in news.OUT} for side in expected}
    played_for = _by_team(session, before.filter(before.played, before.team_id.isin([team, opponent])))
    listed_out = _by_team(session, _listed_out(session, row))
    himself = {row["player_id"]}
    return {
        Whose.TEAMMATES: frozenset(expected[team] - himself),
        Whose.TEAMMATES_OF_TEAM: frozenset((expected[team] & played_for[team]) - himself),
        Whose.OUT_TEAMMATES: frozenset(listed_out[team] - himself),
        Whose.MISSING_TEAMMATES: frozenset((missing[team] & played_for[team]) - himself),
        Whose.DEPARTED: frozenset(_played_lately(session, before, team) - expected[team]),
        Whose.OUT_OPPONENTS: frozenset(listed_out[opponent]),
        Whose.MISSING_OPPONENTS: frozenset(missing[opponent] & played_for[opponent]),
    }


def _expected(session: Session, row: Row) -> dict[tuple[int, int], str | None]:
    """What the injury report says of each player who is expected in the row's game, by team and player."""
    rows = session.read(upcoming_player_game_context.CONTRACT)
    same_game = [rows[name] == ibis.literal(row[name]) for name in ("game_date", "game_id")]
    found = session.query(rows.filter(*same_game).select("team_id", "player_id", "injury_status")).to_pylist()
    return {(each["team_id"], each["player_id"]): each["injury_status"] for each in found}


def _listed_out(session: Session, row: Row) -> ibis.Table:
    """Whom the reports of the two teams list as out, expected or not."""
    rows = session.read(injuries.CONTRACT)
    teams = rows.team_id.isin([row["team_id"], row["opponent_id"]])
    return rows.filter(rows.game_date == ibis.literal(row["game_date"]), teams, rows.status == absences.OUT)


def _by_team(session: Session, rows: ibis.Table) -> Mapping[int, set[int]]:
    """The players of the rows, by team."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    for each in session.query(rows.select("team_id", "player_id").distinct()).to_pylist():
        found[each["team_id"]].add(each["player_id"])
    return found


def _played_lately(session: Session, before: ibis.Table, team_id: int) -> set[int]:
    """Who played one of the team's last games."""
    of_team = before.filter(before.team_id == team_id)
    dates = of_team.select("game_date").distinct().order_by(ibis.desc("game_date")).limit(ACTIVE_WITHIN)
    lately = of_team.semi_join(dates, ["game_date"])
    return _by_team(session, lately.filter(lately.played))[team_id]
