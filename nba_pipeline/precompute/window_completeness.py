"""Which of the games that a window looks back on are there: a held game is missing from the windows of its teams.

The rule of the system that this one replaces: per window the games that the schedule expects, those that are missing,
and a window is complete when at least 90 % are there.
"""

import ibis
import ibis.expr.types as ir

from nba_pipeline.as_of import GameLog, as_of, within_days
from nba_pipeline.contracts import Column
from nba_pipeline.raw import held_games

LAST_GAMES = (5, 10)
LAST_DAYS = (7, 14)

COMPLETE_FROM = 0.9
"""The share of its games from which a window is complete."""

WINDOWS = {f"last_{n}": f"his team's last {n} games this season" for n in LAST_GAMES} | {
    f"last_{n}_days": f"his team's games of the {n} days before" for n in LAST_DAYS
}
"""The windows, by the ends of their columns' names."""

COLUMNS = (
    *(
        column
        for name, games in WINDOWS.items()
        for column in (
            Column(f"games_expected_{name}", "int64", f"Games played among {games}.", "games", between=(0, 14)),
            Column(f"games_missing_{name}", "int64", "Of these, the ones that are held.", "games", between=(0, 14)),
        )
    ),
    Column("window_completeness", "float64",
           "The lowest share of its games that any of the windows has; 1 where none is missing.", "share",
           between=(0, 1)),
)  # fmt: skip


def is_complete(completeness: ir.FloatingValue) -> ir.BooleanValue:
    """Whether all windows are complete."""
    return completeness >= COMPLETE_FROM


def games_of_teams(team_history: ibis.Table, rulings: ibis.Table) -> ibis.Table:
    """One row a team and game that was played, `missing` 1 where the game is held and else 0."""
    names = ("season", "game_date", "game_id", "team_id")
    held = rulings.filter(rulings.state == held_games.HELD)
    return team_history.select(*names, missing=ibis.literal(0, "int64")).union(
        held.select(*names, missing=ibis.literal(1, "int64"))
    )


def with_windows(spine: ibis.Table, team_history: ibis.Table, rulings: ibis.Table) -> ibis.Table:
    """The rows of `spine`, one a game and player, with the windows of the player's team."""
    played = games_of_teams(team_history, rulings)
    log = GameLog(played, "team_id")
    states = log.states(
        games_so_far=log.count(log.this_season),
        **{f"share_missing_last_{n}": log.last(log.rows.missing, n) for n in LAST_GAMES},
    )
    sides = as_of(spine.select(*KEYS, "season").distinct(), states, "team_id")
    played = played.mutate(expected=ibis.literal(1, "int64"))
    sums = {f"games_{what}_last_{n}_days": (what, n) for n in LAST_DAYS for what in ("expected", "missing")}
    by_days = within_days(sides, played, "team_id", KEYS, sums)
    sides = sides.inner_join(by_days, KEYS)
    rows = spine.left_join(sides.select(*KEYS, **_values(sides)), KEYS)
    return rows.drop([name for name in rows.columns if name.endswith("_right")])


KEYS = ("game_date", "game_id", "team_id")


def _values(sides: ibis.Table) -> dict[str, ir.Value]:
    so_far = sides.games_so_far.fill_null(0)
    values: dict[str, ir.Value] = {}
    for n in LAST_GAMES:
        expected = ibis.least(so_far, n)
        missing = (sides[f"share_missing_last_{n}"].fill_null(0.0) * expected).round()
        values |= {f"games_expected_last_{n}": expected, f"games_missing_last_{n}": missing.cast("int64")}
    for n in LAST_DAYS:
        names = (f"games_expected_last_{n}_days", f"games_missing_last_{n}_days")
        values |= {name: sides[name].cast("int64") for name in names}
    shares = [
        1.0 - (values[f"games_missing_{name}"] / values[f"games_expected_{name}"].nullif(0)).fill_null(0.0)
        for name in WINDOWS
    ]
    return {**values, "window_completeness": ibis.least(*shares)}
