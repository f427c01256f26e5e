"""ML feature store: everything the models may know about a player before a game, one row each."""

from collections import Counter
from collections.abc import Mapping, Sequence

import ibis

from nba_pipeline.analytics import (
    player_game_summary,
    team_defense_game_summary,
    team_offense_game_summary,
    upcoming_player_game_context,
)
from nba_pipeline.as_of import GameLog, Known, as_of, as_of_each, asked_of
from nba_pipeline.assets.table_asset import transformed
from nba_pipeline.contracts import (
    GAME_DATE,
    GAME_ID,
    IS_HOME,
    OPPONENT,
    OPPONENT_ID,
    PLAYER_ID,
    PLAYER_NAME,
    POSITION,
    SEASON,
    TEAM,
    TEAM_ID,
    Column,
    Contract,
    Phase,
    Read,
    Window,
    same_keys,
)
from nba_pipeline.precompute import player_composite_factors, player_daily_cache, player_shot_zone_analysis
from nba_pipeline.precompute.calculations import window_completeness
from nba_pipeline.precompute.calculations.features import (
    STATS,
    Feature,
    added,
    missing_by_quality,
    qualities,
    quality_columns,
    tier,
)
from nba_pipeline.precompute.feature_groups import (
    departures,
    form,
    lineups,
    matchup,
    news,
    opponent_roles,
    participation,
    rates,
    roster,
    schedule,
    similar_roles,
    teams,
)

GROUPS: Mapping[str, tuple[Feature, ...]] = {
    "form": form.FEATURES,
    "rates": rates.FEATURES,
    "participation": participation.FEATURES,
    "schedule": schedule.FEATURES,
    "departures": departures.FEATURES,
    "roster": roster.FEATURES,
    "teams": teams.FEATURES,
    "opponent by role": opponent_roles.FEATURES,
    "match-up": matchup.FEATURES,
    "likely line-up": tuple(feature for feature in lineups.FEATURES if not feature.news),
    "known line-up": tuple(feature for feature in lineups.FEATURES if feature.news),
    "news": news.FEATURES,
    "similar roles": similar_roles.FEATURES,
}
"""The features by group, as they are left out and put in together when one asks what they bring."""

FEATURES: tuple[Feature, ...] = tuple(feature for features in GROUPS.values() for feature in features)

CONTRACT = Contract(
    name="precompute.ml_feature_store",
    description=(
        f"One row per game date and player expected to be available: {len(FEATURES)} features, all from games "
        "before the date. Missing is null, never a default. A feature's quality is 0 when it is missing, else that of "
        "its evidence, in a column that features with the same evidence share."
    ),
    phase=Phase.PRECOMPUTE,
    grain=("game_date", "game_id", "player_id"),
    columns=(
        GAME_DATE,
        GAME_ID,
        PLAYER_ID,
        *(feature.column for feature in FEATURES),
        *quality_columns(FEATURES),
        Column("quality", "float64",
               "Mean quality of the row's features, news aside; times the completeness of his team's windows where "
               "one is not complete.", "points of 100", between=(0, 100)),
        Column("quality_tier", "string",
               "Gold from 95, silver from 85, bronze from 70, poor from 50; at best poor where one of his team's "
               "windows is not complete.", "category", allowed=("gold", "silver", "bronze", "poor", "critical")),
        Column("missing_features", "int64", "Features that are null, news aside.", "features",
               between=(0, len(FEATURES))),
        Column("injury_report_known_at", "timestamp(6)",
               "Since when what the injury report says of his team was known; null, with all that follows from it, "
               "when none was known before tip-off.", "UTC", nullable=True),
        PLAYER_NAME,
        POSITION,
        SEASON,
        TEAM_ID,
        TEAM,
        OPPONENT_ID,
        OPPONENT,
        IS_HOME,
    ),
    reads={
        "cache": Read(player_daily_cache.CONTRACT),
        "history": Read(player_game_summary.CONTRACT, Window.BEFORE, earlier_seasons=1),
        "offense": Read(team_offense_game_summary.CONTRACT, Window.BEFORE, earlier_seasons=1),
        "defense": Read(team_defense_game_summary.CONTRACT, Window.BEFORE, earlier_seasons=1),
        "upcoming": Read(upcoming_player_game_context.CONTRACT),
        "factors": Read(player_composite_factors.CONTRACT, optional=True),
        "zones": Read(player_shot_zone_analysis.CONTRACT, optional=True),
    },
    grid=same_keys(player_daily_cache.CONTRACT, "game_id", "player_id", what="players"),
    before_tip_off=True,
    critical=True,
)  # fmt: skip


KEYS = ("game_date", "game_id", "player_id")

OF_LOADS = (
    "games_last_7_days",
    "games_last_14_days",
    "minutes_last_7_days",
    "minutes_last_14_days",
    "back_to_backs_last_14_days",
)

OF_CACHE = (
    *KEYS,
    "player_name",
    "position",
    "season",
    "team_id",
    "team",
    "opponent_id",
    "opponent",
    "is_home",
    "last_game_date",
    "games_played_season",
    "team_games_season",
    "three_point_share_last_10",
    "window_completeness",
    "opponent_window_completeness",
    *OF_LOADS,
)
"""What is taken from the cache as it stands there."""


OF_FACTORS = ("fatigue_score", "shot_zone_mismatch_score", "pace_score", *news.FROM_FACTORS)

OF_UPCOMING = (
    *schedule.FROM_CONTEXT,
    "injury_report_known_at",
    "opponent_injury_report_known_at",
    "injury_status",
    *news.FROM_CONTEXT,
)
"""What is taken from the other tables of the date as it stands there."""


def spine_of(cache: ibis.Table, upcoming: ibis.Table, factors: ibis.Table, zones: ibis.Table) -> ibis.Table:
    """The cache's rows beside the other tables of the date, with the entities of which something is known."""
    rows = cache.select(*OF_CACHE)
    rows = joined(rows, upcoming.select(*KEYS, *OF_UPCOMING))
    rows = joined(rows, factors.select(*KEYS, *OF_FACTORS))
    rows = joined(rows, zones.select(*KEYS, **matchup.shares(zones)))
    return rows.mutate(
        position_group=form.position_group(rows),
        everybody=ibis.literal(form.EVERYBODY),
        pairing=matchup.pairing(rows),
        stay=participation.stay(rows),
    )


def joined(rows: ibis.Table, other: ibis.Table, keys: Sequence[str] = KEYS) -> ibis.Table:
    """The rows beside those of the same keys."""
    both = rows.left_join(other, list(keys))
    return both.drop([column for column in both.columns if column.endswith("_right")])


def player_states(played: ibis.Table, spine: ibis.Table) -> ibis.Table:
    """What is known of a player after each game that he played."""
    log = form.with_averages_then(GameLog(played, "player_id", asked_of(spine, "player_id")))
    return log.states(last_team_id=log.rows.team_id, **form.measures(log), **rates.measures(log))


def team_states(results: ibis.Table, spine: ibis.Table) -> ibis.Table:
    """What is known of the player's team after each of its games."""
    log = GameLog(results, "team_id", asked_of(spine, "team_id"))
    return log.states(**teams.team_measures(log))


def opponent_states(results: ibis.Table, spine: ibis.Table) -> ibis.Table:
    """What is known of a team as an opponent after each of its games."""
    log = GameLog(results, "team_id", asked_of(spine, "team_id", on="opponent_id"))
    return log.states(**teams.opponent_measures(log))


def known_before(spine: ibis.Table, played: ibis.Table, results: ibis.Table) -> ibis.Table:
    """The spine with every state that the features are made from, and what departed players took along."""
    stays = participation.stay_log(played, results, spine)
    league = form.league_states(played)
    everybody = league.rename({f"everybody_{stat}": f"league_{stat}" for stat in STATS})
    gone = departures.departures(spine, stays, played, results)
    return as_of_each(
        joined(spine, gone, departures.SIDE),
        Known(player_states(played, spine), "player_id"),
        Known(stays.states(**participation.stay_measures(stays)), "stay"),
        Known(team_states(results, spine), "team_id"),
        Known(opponent_states(results, spine), "team_id", on="opponent_id"),
        Known(matchup.pairing_states(played, spine), "pairing"),
        Known(league, "position_group"),
        Known(everybody, "position_group", on="everybody"),
    )


COUNTED = (
    "evidence_games",
    "games_prior_season",
    "games_against_opponent",
    "opponent_games_season",
)
"""Counts of which nothing known means none."""


def features(rows: ibis.Table, played: ibis.Table, results: ibis.Table) -> ibis.Table:
    """The rows with the features that follow from the states, then from each other, then from teammates'."""
    rows = rows.mutate(**{name: rows[name].fill_null(0) for name in COUNTED})
    rows = rows.mutate(
        **form.derived(rows),
        **rates.derived(rows),
        **participation.derived(rows),
        **departures.derived(rows),
        **schedule.derived(rows),
        **teams.derived(rows),
    )
    own_role = opponent_roles.role(rows.rebounds_ewma_15, rows.assists_ewma_15, rows.minutes_ewma_15)
    rows = rows.mutate(**news.status(rows), opponent_role=opponent_roles.entity(rows.opponent_id, own_role))
    rows = as_of(rows, opponent_roles.role_states(played, rows), "opponent_role")
    # The qualities stand beside window functions, which Ibis computes once instead of copying what they are made of.
    rows = rows.mutate(**roster.derived(rows), **news.derived(rows), **lineups.parts(rows), **qualities(rows, FEATURES))
    return similar_roles.with_similar_roles(lineups.with_lineups(rows, lineups.numbered(played, results)))


def with_quality(rows: ibis.Table) -> ibis.Table:
    """The contract's columns: the features, the qualities by evidence, and the row's own."""
    lasting = [feature for feature in FEATURES if not feature.news]
    missing = missing_by_quality(rows, lasting)
    wanted = Counter(feature.quality_column.name for feature in lasting)
    total = added([rows[name] * (wanted[name] - count) for name, count in missing.items()])
    quality = total.cast("float64") / len(lasting)
    share = ibis.least(rows.window_completeness, rows.opponent_window_completeness)
    complete = window_completeness.is_complete(share)
    quality = complete.ifelse(quality, quality * share)
    return rows.select(
        *[c for c in CONTRACT.schema.names if c in rows.columns and c not in _FEATURE_NAMES],
        **{f.name: rows[f.name].cast("float64") for f in FEATURES},
        quality=quality,
        quality_tier=complete.ifelse(tier(quality), tier(ibis.least(quality, MOST_WITH_MISSING_GAMES))),
        missing_features=added(list(missing.values())),
    )


MOST_WITH_MISSING_GAMES = 69.0
"""The best quality by which a row is ranked of which a window lacks games, his team's or the opponent's: it is poor,
however much else is known."""

_FEATURE_NAMES = frozenset(feature.name for feature in FEATURES)


def ml_feature_store(
    cache: ibis.Table,
    upcoming: ibis.Table,
    factors: ibis.Table,
    zones: ibis.Table,
    history: ibis.Table,
    offense: ibis.Table,
    defense: ibis.Table,
) -> ibis.Table:
    """One row a date and expected player, from the tables of the date and everything before it."""
    played, results = form.with_ranks(history.filter(history.played)), teams.with_results(offense, defense)
    rows = known_before(spine_of(cache, upcoming, factors, zones), played, results)
    return with_quality(features(rows, played, results))


asset = transformed(CONTRACT, ml_feature_store)
