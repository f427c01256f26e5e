"""Participation: whether the player has been there at all, for this team, and since when he is back."""

from functools import partial, reduce
from operator import add

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.analytics.calculations.box_score_rates import ratio
from nba_pipeline.as_of import GameLog, asked_of
from nba_pipeline.precompute.calculations.feature_group import FeatureGroup, Log
from nba_pipeline.precompute.calculations.features import Feature, flag
from nba_pipeline.precompute.calculations.games_used import OWN, OWN_FOR_TEAM, OWN_THIS_SEASON, TEAM, TEAM_THIS_SEASON
from nba_pipeline.precompute.calculations.past_games import CACHE, HISTORY, RESULTS
from nba_pipeline.precompute.feature_groups.form import PLAYER

TEAM_GAMES = "team_games_known"

HALF_LIVES = (3, 7, 10)

HALF_LIFE_OF_ROLE = 5
"""In team games: what a player lately had of the team's games."""

LAST_GAMES = (10, 5)

STATS_OF_TEAM_GAMES = {
    "minutes": ("min", (3, 5, 7)),
    "points": ("points", (5,)),
    "field_goals_attempted": ("shots", (5,)),
    "rebounds": ("rebounds", (5,)),
    "assists": ("assists", (5,)),
    "three_pointers_made": ("threes", (5,)),
    "is_top_five": ("share", (5,)),
}
"""What is averaged over the team's games, those that he missed as 0, with units and half-lives in team games."""

SAID = {"is_top_five": "being among the five of his team with the most minutes"}

ABSENCE = 4
"""From so many missed team games in a row on, coming back is a return."""

LONG_BACK = 40
"""Games after a return beyond which more say nothing more."""

CHANCES = (0.89, 0.45, 0.33, 0.25, 0.19, 0.18, 0.15, 0.12, 0.12, 0.1)
"""Chance to play by how many of his team's games a player has missed: shares of the seasons 2015-16 to 2017-18."""

RARE_CHANCE, LONG_AWAY, LEAST_CHANCE = 0.06, 20, 0.01
"""The chance after more missed games, and from `LONG_AWAY` of them on."""

_feature = partial(Feature, source=player_game_summary.CONTRACT.name)
_of_team_games = partial(_feature, made_from=TEAM)

FEATURES = (
    _of_team_games("team_games_missed", "games",
                   "Games of his team since the last one that he played for it, of this season and the one before."),
    _of_team_games(
        "chance_to_play", "share", "Chance to play by the number of team games missed alone: the share of players "
        "who played, in the seasons 2015-16 to 2017-18."),
    _feature("participation_season", "share", "Share of his team's games this season that he played.",
             "team_games_season", 10, made_from=OWN_THIS_SEASON | TEAM_THIS_SEASON),
    *(
        _of_team_games(
            f"did_not_play_rate_last_{games}", "share",
            f"Share of his team's last {games} games, of this season and the one before, that he did not play for "
            "it.", TEAM_GAMES, games)
        for games in LAST_GAMES
    ),
    *(
        _of_team_games(
            f"participation_ewma_{h}", "share",
            f"Share of his team's games that he played for it, exponentially weighted with half-life {h} team "
            "games.", TEAM_GAMES, h)
        for h in HALF_LIVES
    ),
    *(
        _of_team_games(
            f"{stat}_of_team_games_{h}", unit,
            f"Exponentially weighted mean of {SAID.get(stat, stat.replace('_', ' '))} over his team's games, 0 in "
            f"those that he missed, half-life {h} team games.", TEAM_GAMES, h)
        for stat, (unit, half_lives) in STATS_OF_TEAM_GAMES.items()
        for h in half_lives
    ),
    _feature("games_with_team", "games", "Games that he played for his present team, of this season and the one "
             "before.", made_from=OWN_FOR_TEAM),
    _feature("is_new_to_team", "flag", "1 if his last game was for another team.", "evidence_games", 1, made_from=OWN),
    _feature("games_since_return", "games",
             f"Games of this season since he came back from missing {ABSENCE} or more of his team's games in a row, at "
             f"most {LONG_BACK}; {LONG_BACK} if he never did.", "games_with_team", 1, made_from=OWN_FOR_TEAM),
)  # fmt: skip


def stay(rows: ibis.Table) -> ir.StringValue:
    """The player and his team as one entity."""
    return rows.player_id.cast("string") + "-" + rows.team_id.cast("string")


def stay_log(played: ibis.Table, results: ibis.Table, spine: ibis.Table) -> GameLog:
    """The games of players for the teams of `spine`, with the number of the team's game and the games missed before."""
    teams = asked_of(spine, "team_id")
    team_games = GameLog(results, "team_id", teams)
    keys = ("as_of_season", "game_date", "game_id", "team_id")
    numbers = team_games.rows.select(*keys, team_game_number=team_games.rows.game_number)
    log = GameLog(played.mutate(stay=stay(played)), "stay", teams)
    log = log.joined(numbers, *keys)
    number = log.rows.team_game_number
    return log.with_values(missed_before=number - log.back(number, 1) - 1)


def stay_measures(log: GameLog) -> dict[str, ir.Value]:
    """What is known of a player at one team after each game that he played for it."""
    rows = log.rows
    number = rows.team_game_number
    return {
        "games_with_team": log.count(),
        "games_with_team_season": log.count(log.this_season),
        "games_without_absence": log.streak((rows.missed_before < ABSENCE).fill_null(True)),
        **{_number_back(games): log.back(number, games) if games else number for games in range(LAST_GAMES[0])},
        **{f"participation_sum_{h}": log.weighted_sum(ibis.literal(1), number, h) for h in HALF_LIVES},
        **{
            f"{stat}_sum_{h}": log.weighted_sum(rows[stat], number, h)
            for stat, (_, half_lives) in STATS_OF_TEAM_GAMES.items()
            for h in half_lives
        },
    }


def last_team(log: GameLog) -> dict[str, ir.Value]:
    """For whom a player played each of his games."""
    return {"last_team_id": log.rows.team_id}


def derived(rows: ibis.Table) -> dict[str, ir.Value]:
    """The features, from the states of the player at his team and of the team."""
    known = rows.team_games_known.nullif(0)
    missed = known - rows[_number_back(0)]
    never_away = rows.games_without_absence >= rows.games_with_team_season
    return {
        "games_with_team": rows.games_with_team.fill_null(0),
        "games_with_team_season": rows.games_with_team_season.fill_null(0),
        "is_new_to_team": flag(rows.last_team_id != rows.team_id),
        "team_games_missed": missed,
        "chance_to_play": chance_to_play(missed),
        "participation_season": ratio(rows.games_played_season, rows.team_games_season).clip(upper=1.0),
        **{f"did_not_play_rate_last_{games}": 1 - played_of_last(rows, games) for games in LAST_GAMES},
        **{f"participation_ewma_{h}": over_team_games(rows, "participation", h).clip(upper=1.0) for h in HALF_LIVES},
        **{
            f"{stat}_of_team_games_{h}": over_team_games(rows, stat, h)
            for stat, (_, half_lives) in STATS_OF_TEAM_GAMES.items()
            for h in half_lives
        },
        "games_since_return": ibis.cases(
            (rows.games_with_team.isnull(), ibis.null("int64")),
            (never_away, LONG_BACK),
            else_=ibis.least(rows.games_without_absence + 1, LONG_BACK),
        ),
    }  # fmt: skip


def _number_back(games: int) -> str:
    return f"team_game_number_back_{games}"


def chance_to_play(missed: ir.IntegerValue) -> ir.FloatingValue:
    """The chance by the number of team games missed; null where that is unknown."""
    return ibis.cases(
        (missed.isnull(), ibis.null("float64")),
        *((missed == games, chance) for games, chance in enumerate(CHANCES)),
        (missed < LONG_AWAY, RARE_CHANCE),
        else_=LEAST_CHANCE,
    )


def played_of_last(rows: ibis.Table, games: int) -> ir.FloatingValue:
    """Share of the team's last games that he played for it; null before the team's first."""
    oldest = rows.team_games_known - games
    numbers = [rows[_number_back(back)] for back in range(games)]
    played = reduce(add, [(number > oldest).fill_null(False).ifelse(1, 0) for number in numbers])
    return ratio(played, ibis.least(rows.team_games_known, games))


def over_team_games(rows: ibis.Table, name: str, half_life: int) -> ir.FloatingValue:
    """The weighted sum over his games by the weights of all the team's games: Σ 2^(j/h) = q·(qⁿ - 1) / (q - 1)."""
    step = 2.0 ** (1 / half_life)
    weights = step * (ibis.literal(step) ** rows.team_games_known.cast("float64") - 1) / (step - 1)
    return ratio(rows[f"{name}_sum_{half_life}"].fill_null(0.0), weights)


STAY = Log(
    "stay",
    lambda past: stay_log(past.played, past.results, past.asked),
    reads=(HISTORY, *RESULTS),
    named=stay,
)
"""The games of a player for his team, numbered as the team's."""

GROUP = FeatureGroup(
    name="participation",
    features=FEATURES,
    takes={CACHE: ("games_played_season", "team_games_season")},
    measures={PLAYER: last_team, STAY: stay_measures},
    derived=derived,
)
