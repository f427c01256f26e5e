"""Departures: who played for the team lately and is not expected any more, because he is another team's by now."""

from functools import partial

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.as_of import GameLog, Known, as_of, as_of_each, asked_of, exact
from nba_pipeline.precompute.calculations.feature_group import FeatureGroup
from nba_pipeline.precompute.calculations.features import Feature
from nba_pipeline.precompute.calculations.games_used import DEPARTED, TEAM
from nba_pipeline.precompute.calculations.past_games import HISTORY, RESULTS, PastGames
from nba_pipeline.precompute.feature_groups.participation import HALF_LIFE_OF_ROLE, over_team_games, stay_log
from nba_pipeline.precompute.feature_groups.roster import ACTIVE_WITHIN

SIDE = ["game_date", "game_id", "team_id"]

_feature = partial(Feature, source=player_game_summary.CONTRACT.name, evidence="team_games_known", wanted=5)

_GONE = f"of players who played one of the team's last {ACTIVE_WITHIN} games and are not expected any more."

FEATURES = (
    _feature("departed_minutes", "min", f"Sum of the minutes with half-life 7 {_GONE}", made_from=TEAM | DEPARTED),
    _feature("departed_points", "points", f"Sum of the points with half-life 10 {_GONE}", made_from=TEAM | DEPARTED),
    _feature("departed_role_minutes", "min",
             f"Sum of the minutes over the team's games, half-life {HALF_LIFE_OF_ROLE}, {_GONE}", made_from=TEAM),
)  # fmt: skip


def gathered(past: PastGames) -> ibis.Table:
    """What departed players took along, of the teams of the rows that are asked about."""
    stays = stay_log(past.played, past.results, past.asked)
    return departures(past.asked, stays, past.played, past.results)


def departures(spine: ibis.Table, stays: GameLog, played: ibis.Table, results: ibis.Table) -> ibis.Table:
    """One row a game and team with the sums; none for a team that everybody is still with."""
    log, half_life = stays.rows, HALF_LIFE_OF_ROLE
    of_team = stays.states(
        player_id=log.player_id,
        team_id=log.team_id,
        last_number=log.team_game_number,
        **{f"minutes_sum_{half_life}": stays.weighted_sum(log.minutes, log.team_game_number, half_life)},
    ).drop("stay")
    team_games = GameLog(results, "team_id", asked_of(spine, "team_id"))
    known = team_games.states(team_games_known=team_games.count())
    sides = spine.select(*SIDE, "season").distinct()
    gone = as_of_each(sides, Known(known, "team_id"), Known(of_team, "team_id"))
    gone = gone.filter(gone.team_games_known - gone.last_number < ACTIVE_WITHIN)
    gone = gone.anti_join(spine, [*SIDE, "player_id"])
    form = GameLog(played, "player_id", asked_of(gone, "player_id"))
    states = form.states(usual_minutes=form.ewma(form.rows.minutes, 7), usual_points=form.ewma(form.rows.points, 10))
    gone = as_of(gone, states, "player_id")
    gone = gone.mutate(role_minutes=over_team_games(gone, "minutes", half_life))
    return gone.group_by(SIDE).agg(
        gone_minutes=exact(gone.usual_minutes).sum().cast("float64"),
        gone_points=exact(gone.usual_points).sum().cast("float64"),
        gone_role_minutes=exact(gone.role_minutes).sum().cast("float64"),
    )


def derived(rows: ibis.Table) -> dict[str, ir.Value]:
    """The sums, 0 where nobody is gone; null before the team's first game that is known."""
    known = rows.team_games_known.notnull()
    return {
        f"departed_{name}": known.ifelse(rows[f"gone_{name}"].fill_null(0.0), ibis.null("float64"))
        for name in ("minutes", "points", "role_minutes")
    }


GROUP = FeatureGroup(
    name="departures",
    features=FEATURES,
    looks_back_on=(HISTORY, *RESULTS),
    gathered=gathered,
    derived=derived,
)
