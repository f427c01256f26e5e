"""ML feature store: everything the models may know about a player before a game, one row each."""

from collections import Counter
from collections.abc import Mapping

import ibis

from nba_pipeline.as_of import as_of_each
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
    same_keys,
)
from nba_pipeline.precompute import player_daily_cache
from nba_pipeline.precompute.calculations import window_completeness
from nba_pipeline.precompute.calculations.beside import beside
from nba_pipeline.precompute.calculations.feature_group import (
    FeatureGroup,
    each_once,
    entities,
    known,
    logs_of,
    reads_of,
    taken_by,
)
from nba_pipeline.precompute.calculations.features import (
    Feature,
    added,
    missing_by_quality,
    qualities,
    quality_columns,
    tier,
)
from nba_pipeline.precompute.calculations.past_games import CACHE, UPCOMING, PastGames
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

GROUPS: tuple[FeatureGroup, ...] = (
    form.GROUP,
    rates.GROUP,
    participation.GROUP,
    schedule.GROUP,
    departures.GROUP,
    roster.GROUP,
    teams.GROUP,
    opponent_roles.GROUP,
    matchup.GROUP,
    lineups.GROUP,
    news.GROUP,
    similar_roles.GROUP,
)
"""The groups of features, in the order of their columns."""

FEATURES: tuple[Feature, ...] = tuple(feature for group in GROUPS for feature in group.features)

KEYS = ("game_date", "game_id", "player_id")

ROW = FeatureGroup(
    name="row",
    features=(),
    takes={
        CACHE: ("player_name", "position", "season", "team_id", "team", "opponent_id", "opponent", "is_home",
                "window_completeness", "opponent_window_completeness"),
        UPCOMING: ("injury_report_known_at",),
    },
)  # fmt: skip
"""What every row has beside its features."""

ALL = (*GROUPS, ROW)

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
    reads=reads_of(ALL),
    grid=same_keys(player_daily_cache.CONTRACT, "game_id", "player_id", what="players"),
    before_tip_off=True,
    critical=True,
)  # fmt: skip


def spine_of(tables: Mapping[str, ibis.Table]) -> ibis.Table:
    """The cache's rows beside the other tables of the date, with the entities of which something is known."""
    taken = taken_by(ALL)
    rows = tables[CACHE.name].select(*KEYS, *taken.pop(CACHE))
    for source, names in taken.items():
        rows = beside(rows, tables[source.name].select(*KEYS, *names), KEYS)
    return rows.mutate(**entities(rows, logs_of(GROUPS)))


def known_before(past: PastGames) -> ibis.Table:
    """The rows that are asked about with everything that the groups know before their dates."""
    rows = past.asked
    for group in GROUPS:
        if group.gathered:
            found = group.gathered(past.only(group.looks_back_on))
            rows = beside(rows, found, [column for column in found.columns if column in past.asked.columns])
    return as_of_each(rows, *(known(log, GROUPS, past) for log in logs_of(GROUPS)))


def with_features(rows: ibis.Table, past: PastGames) -> ibis.Table:
    """The rows with the features that follow from what is known, then from each other, then from teammates'."""
    rows = rows.mutate(**{name: rows[name].fill_null(0) for group in GROUPS for name in group.counts})
    rows = rows.mutate(**each_once((group.name, group.derived(rows)) for group in GROUPS if group.derived))
    for group in GROUPS:
        rows = group.looked_up(rows, past.only(group.looks_back_on)) if group.looked_up else rows
    among = each_once((group.name, group.among_expected(rows)) for group in GROUPS if group.among_expected)
    # The qualities stand beside window functions, which Ibis computes once instead of copying what they are made of.
    rows = rows.mutate(**among, **qualities(rows, FEATURES))
    for group in GROUPS:
        rows = group.compared(rows, past.only(group.looks_back_on)) if group.compared else rows
    return rows


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


def ml_feature_store(**tables: ibis.Table) -> ibis.Table:
    """One row a date and expected player, from the tables of the date and everything before it."""
    past = PastGames(spine_of(tables), tables)
    return with_quality(with_features(known_before(past), past))


asset = transformed(CONTRACT, ml_feature_store)
