"""Opponent by role: what the opponent allows players of his kind beyond what they usually do."""

from functools import partial

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.analytics.calculations.box_score_rates import ratio
from nba_pipeline.as_of import GameLog, as_of, exact
from nba_pipeline.precompute.calculations.feature_group import FeatureGroup
from nba_pipeline.precompute.calculations.features import STATS, UNITS, Feature
from nba_pipeline.precompute.calculations.games_used import OPPONENT, OWN
from nba_pipeline.precompute.calculations.past_games import HISTORY, PastGames

HALF_LIFE = 15
"""In games of the player: what he usually does."""

OPPONENT_HALF_LIFE = 20
"""In games of the opponent: what it allows."""

BIG_REBOUNDS, MAKER_ASSISTS = 0.22, 0.13
"""Per minute: from there on a player is a big, else a play-maker; all others are wings. Listed positions are missing
for most players of earlier seasons."""

ALLOWED = tuple(stat for stat in STATS if stat != "minutes")

GAMES_OF_ROLE = "opponent_games_of_role"

_feature = partial(Feature, source=player_game_summary.CONTRACT.name, evidence=GAMES_OF_ROLE, wanted=20,
                   made_from=OWN | OPPONENT)  # fmt: skip

FEATURES = (
    *(
        _feature(
            f"opponent_allows_role_{stat}",
            UNITS[stat],
            f"{stat.replace('_', ' ').capitalize()} that players of his role (big, play-maker or wing, by what he does "
            "per minute) make against the opponent in a game beyond what their minutes and their own means with "
            f"half-life {HALF_LIFE} promised, half-life {OPPONENT_HALF_LIFE} games: positive is good for him.",
        )
        for stat in ALLOWED
    ),
)


def role(rebounds: ir.NumericValue, assists: ir.NumericValue, minutes: ir.NumericValue) -> ir.StringValue:
    """Big, play-maker or wing, by rebounds and assists per minute; null without minutes."""
    return ibis.cases(
        (minutes.isnull(), ibis.null("string")),
        (ratio(rebounds, minutes) > BIG_REBOUNDS, "big"),
        (ratio(assists, minutes) > MAKER_ASSISTS, "play-maker"),
        else_="wing",
    )


def entity(opponent_id: ir.IntegerValue, role: ir.StringValue) -> ir.StringValue:
    """The opponent and the role as one entity; null without a role."""
    return opponent_id.cast("string") + "-" + role


def with_roles(rows: ibis.Table, past: PastGames) -> ibis.Table:
    """The rows with what the opponent allows the player's role."""
    own_role = role(rows.rebounds_ewma_15, rows.assists_ewma_15, rows.minutes_ewma_15)
    rows = rows.mutate(opponent_role=entity(rows.opponent_id, own_role))
    return as_of(rows, role_states(past.played, past.asked), "opponent_role")


def role_states(played: ibis.Table, spine: ibis.Table) -> ibis.Table:
    """What each opponent allowed each role after each day of games against it."""
    log = GameLog(played, "player_id", spine.select(as_of_season=spine.season).distinct())
    usual = {f"usual_{stat}": log.ewma(log.rows[stat], HALF_LIFE, never_null=True) for stat in STATS}
    log = log.with_values(**usual)
    before = log.with_values(**{f"before_{stat}": log.back(log.rows[f"usual_{stat}"], 1) for stat in STATS}).rows
    before = before.filter(before.before_minutes > 0)
    share = before.minutes / before.before_minutes
    beyond = {f"beyond_{stat}": before[stat] - before[f"before_{stat}"] * share for stat in ALLOWED}
    kind = role(before.before_rebounds, before.before_assists, before.before_minutes)
    games = before.mutate(opponent_role=entity(before.opponent_id, kind), **beyond)
    days = games.group_by("opponent_role", "as_of_season", "season", "game_date").agg(
        **{name: exact(games[name]).sum().cast("float64") for name in beyond}
    )
    seen = GameLog.of_seen(days, "opponent_role")
    return seen.states(
        opponent_games_of_role=seen.count(),
        **{
            f"opponent_allows_role_{stat}": seen.ewma(seen.rows[f"beyond_{stat}"], OPPONENT_HALF_LIFE, never_null=True)
            for stat in ALLOWED
        },
    )


GROUP = FeatureGroup(
    name="opponent by role",
    features=FEATURES,
    looks_back_on=(HISTORY,),
    looked_up=with_roles,
)
