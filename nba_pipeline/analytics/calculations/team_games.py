"""Both teams' totals of a game side by side, which every analytics table starts from."""

import ibis

from nba_pipeline.analytics.calculations.box_score_rates import game_minutes, possessions
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw.parsing.listed_box_scores import COUNTS


def team_totals(box_scores: ibis.Table, games: ibis.Table) -> ibis.Table:
    """One row a final game and team: the sums of its players' counts, possessions, and its side of the game.

    `possessions` are the team's own estimate and `game_possessions` the mean of both teams', which the
    two share on the floor.
    """
    sums = box_scores.group_by("game_date", "game_id", "team_id").agg(
        **{column.name: box_scores[column.name].sum() for column in COUNTS}
    )
    sides = raw_games.team_games(games).drop("status", "tipoff_at")
    totals = sums.inner_join(sides, ["game_date", "game_id", "team_id"])
    totals = totals.mutate(
        possessions=possessions(totals),
        game_minutes=game_minutes(totals),
        overtimes=ibis.greatest(totals.period - 4, 0),
    )
    both = totals.group_by("game_date", "game_id").agg(game_possessions=totals.possessions.mean())
    return totals.inner_join(both, ["game_date", "game_id"])


def with_opponent(totals: ibis.Table) -> ibis.Table:
    """The totals of each team with those of the other team of the game, prefixed `opponent_`."""
    counts = [column.name for column in COUNTS] + ["possessions"]
    other = totals.select(
        "game_date",
        "game_id",
        opponent_id=totals.team_id,
        **{f"opponent_{name}": totals[name] for name in counts},
    )
    return totals.inner_join(other, ["game_date", "game_id", "opponent_id"])
