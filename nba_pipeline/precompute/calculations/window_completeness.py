"""Which of the games that a window looks back on are there: what the schedule expects and no history has is missing.

The rule of the system that this one replaces: per window the games that the schedule expects, those that are missing,
and a window is complete when at least 90 % are there. Why a game is missing makes no difference: it is held, its source
was silent, or somebody gave its date up.
"""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from nba_pipeline.as_of import FOR_EVER, GameLog, as_of, within_days
from nba_pipeline.contracts import Column
from nba_pipeline.precompute.calculations.beside import beside
from nba_pipeline.raw import games
from nba_pipeline.raw.rules.box_score_rules import expected_sides

KEYS = ("game_date", "game_id", "team_id")
OF_PLAYER = ("game_date", "game_id", "player_id")

LAST_GAMES = (5, 10)
LAST_DAYS = (7, 14)

MOST_GAMES = 14
"""The most games that any of the windows can hold."""

STILL_WITH_TEAM = 14
"""Days from a player's last listing for a team up to which a missing game of the team counts as his too."""

COMPLETE_FROM = 0.9
"""The share of its games from which a window is complete."""

WINDOWS = {f"last_{n}": f"his team's last {n} games this season" for n in LAST_GAMES} | {
    f"last_{n}_days": f"his team's games of the {n} days before" for n in LAST_DAYS
}
"""The windows, by the ends of their columns' names."""

COLUMNS = (
    *(
        column
        for name, looked_at in WINDOWS.items()
        for column in (
            Column(f"games_expected_{name}", "int64", f"Games that the schedule has among {looked_at}, and those "
                   "missing of a team that he has left since.", "games", between=(0, MOST_GAMES)),
            Column(f"games_missing_{name}", "int64", "Of these, those that are in no history.", "games",
                   between=(0, MOST_GAMES)),
        )
    ),
    Column("window_completeness", "float64",
           "The lowest share of its games that any of the windows has; 1 where none is missing.", "share",
           between=(0, 1)),
    Column("opponent_window_completeness", "float64", "The same of the windows of the opponent.", "share",
           between=(0, 1)),
)  # fmt: skip


def is_complete(completeness: ir.FloatingValue) -> ir.BooleanValue:
    """Whether all windows are complete."""
    return completeness >= COMPLETE_FROM


def expected_games(schedule: ibis.Table, team_history: ibis.Table) -> ibis.Table:
    """One row a team and game that the schedule expects, `missing` 1 where the team's history lacks it and else 0."""
    sides = expected_sides(games.team_games(schedule)).select(*KEYS, "season")
    both = sides.left_join(team_history.select(*KEYS, there=ibis.literal(True)), list(KEYS))
    return both.select(*(sides[name] for name in sides.columns), missing=both.there.isnull().cast("int64"))


def with_windows(spine: ibis.Table, schedule: ibis.Table, team_history: ibis.Table, history: ibis.Table) -> ibis.Table:
    """The rows of `spine`, one a game and player, with the windows of his team and how complete the opponent's are.

    What is missing of a team that he has left is missing from his windows too; `history` says when he was where.
    """
    own = spine.select(*KEYS, "season")
    opponents = spine.select("game_date", "game_id", "season", team_id="opponent_id").select(own.columns)
    expected = expected_games(schedule, team_history)
    sides = windows_of_teams(own.union(opponents).distinct(), expected)
    theirs = sides.select(
        "game_date", "game_id", opponent_id="team_id", opponent_window_completeness="window_completeness"
    )
    rows = beside(beside(spine, sides, KEYS), theirs, ("game_date", "game_id", "opponent_id"))
    rows = beside(rows, missing_elsewhere(spine, expected.filter(expected.missing == 1), history), OF_PLAYER)
    rows = rows.mutate(**_with_elsewhere(rows))
    return rows.drop([f"elsewhere_{name}" for name in WINDOWS])


def missing_elsewhere(spine: ibis.Table, gone: ibis.Table, history: ibis.Table) -> ibis.Table:
    """How many missing games of teams that a player has left are in each of his windows; of most players nothing.

    A missing game was his if his last listing before it, at most `STILL_WITH_TEAM` days ago, was for the team. It is
    among his last games until he was listed as often since.
    """
    listed = history.select("season", "game_date", "player_id", "team_id").distinct()
    log = GameLog(listed, "player_id")
    order = ibis.window(group_by=[listed.player_id, listed.season], order_by=listed.game_date)
    stints = listed.select(
        "season", "player_id", left_team="team_id", listed_on=listed.game_date,
        listed_next=listed.game_date.lead().over(order).fill_null(FOR_EVER),
        listed_until_then=ibis.row_number().over(order) + 1,
    )  # fmt: skip
    lost = gone.select(gone_season="season", gone_team="team_id", gone_on="game_date")
    his = stints.inner_join(lost, [stints.season == lost.gone_season, stints.left_team == lost.gone_team])
    his = his.filter(
        his.listed_on < his.gone_on,
        his.gone_on < his.listed_next,
        his.gone_on.delta(his.listed_on, unit="day") <= STILL_WITH_TEAM,
    )
    asked = spine.select(*OF_PLAYER, "season", "team_id")
    pairs = asked.inner_join(
        his.select("player_id", "season", "left_team", "gone_on", "listed_until_then"), ["player_id", "season"]
    )
    pairs = pairs.filter(pairs.left_team != pairs.team_id, pairs.gone_on < pairs.game_date)
    pairs = as_of(pairs, log.states(listed_so_far=log.count(log.this_season)), "player_id")
    since, age = pairs.listed_so_far - pairs.listed_until_then, pairs.game_date.delta(pairs.gone_on, unit="day")
    within = {f"last_{n}": since < n for n in LAST_GAMES} | {f"last_{n}_days": age <= n for n in LAST_DAYS}
    return pairs.group_by(list(OF_PLAYER)).agg(
        **{f"elsewhere_{name}": inside.cast("int64").sum() for name, inside in within.items()}
    )


def _with_elsewhere(rows: ibis.Table) -> dict[str, ir.Value]:
    """The columns of the windows with what is missing elsewhere."""
    values: dict[str, ir.Value] = {}
    most = {f"last_{n}": n for n in LAST_GAMES} | {f"last_{n}_days": MOST_GAMES for n in LAST_DAYS}
    for name in WINDOWS:
        elsewhere = rows[f"elsewhere_{name}"].fill_null(0)
        for what in ("expected", "missing"):
            column = f"games_{what}_{name}"
            values[column] = ibis.least(rows[column] + elsewhere, most[name]).cast("int64")
    return {**values, "window_completeness": _lowest_share(values)}


def windows_of_teams(sides: ibis.Table, expected: ibis.Table) -> ibis.Table:
    """The columns of all windows for each team of a game."""
    log = GameLog(expected, "team_id")
    states = log.states(
        games_so_far=log.count(log.this_season),
        **{f"share_missing_last_{n}": log.last(log.rows.missing, n) for n in LAST_GAMES},
    )
    rows = as_of(sides, states, "team_id")
    expected = expected.mutate(expected=ibis.literal(1, "int64"))
    sums = {f"games_{what}_last_{n}_days": (what, n) for n in LAST_DAYS for what in ("expected", "missing")}
    rows = rows.inner_join(within_days(rows, expected, "team_id", KEYS, sums), list(KEYS))
    return rows.select(*KEYS, **_values(rows))


def _values(rows: ibis.Table) -> dict[str, ir.Value]:
    so_far = rows.games_so_far.fill_null(0)
    values: dict[str, ir.Value] = {}
    for n in LAST_GAMES:
        expected = ibis.least(so_far, n)
        missing = (rows[f"share_missing_last_{n}"].fill_null(0.0) * expected).round()
        values |= {f"games_expected_last_{n}": expected, f"games_missing_last_{n}": missing.cast("int64")}
    for n in LAST_DAYS:
        names = (f"games_expected_last_{n}_days", f"games_missing_last_{n}_days")
        values |= {name: rows[name].cast("int64") for name in names}
    return {**values, "window_completeness": _lowest_share(values)}


def _lowest_share(values: Mapping[str, ir.Value]) -> ir.FloatingValue:
    """The lowest share of its games that any window has."""
    shares = [
        1.0 - (values[f"games_missing_{name}"] / values[f"games_expected_{name}"].nullif(0)).fill_null(0.0)
        for name in WINDOWS
    ]
    return ibis.least(*shares)
