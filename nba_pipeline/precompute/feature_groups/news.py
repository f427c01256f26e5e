"""News: who is out tonight by the injury report, what that leaves and takes, and what the lines say.

Of those who are not on a report only the active teammates count as present: a report says nothing about players who
have not been with the team for weeks.
"""

from functools import partial

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import upcoming_player_game_context as context
from nba_pipeline.as_of import exact
from nba_pipeline.precompute import player_composite_factors
from nba_pipeline.precompute.feature_groups.roster import ACTIVE_WITHIN, of_team, rank, teammates
from nba_pipeline.precompute.features import Feature

OUT = ("out", "doubtful")
"""What counts as not playing; of players listed as doubtful hardly any play."""

ROTATION_MINUTES, STAR_POINTS = 12, 18

TEAM_MINUTES = 240

CONTEXT = context.CONTRACT.name

_news = partial(Feature, source=CONTEXT, news=True)

FROM_CONTEXT = (
    *(f"{prefix}vacated_{what}" for prefix in ("", "newly_") for what in ("minutes", "usage")),
    *(f"vacated_{what}" for what in ("points", "rebounds", "assists", "field_goals_attempted",
                                     "three_pointers_attempted")),
    "returning_minutes", "returning_usage", "star_teammates_out", "teammates_questionable", "teammates_probable",
    "opponent_vacated_minutes", "opponent_vacated_points", "opponent_stars_out",
    "points_line", "opening_points_line", "points_line_movement", "points_line_range", "points_over_streak",
    "points_under_streak", "spread", "total", "total_movement", "implied_team_total",
)  # fmt: skip
"""What is taken from the context as it stands there, with its definition and unit."""

FROM_FACTORS = ("usage_spike_score", "injury_risk")

VACATED_ROLES = ("minutes", "points", "rebounds", "assists", "three_pointers_made")


def _taken(name: str) -> Feature:
    of_factors = name in FROM_FACTORS
    table = player_composite_factors.CONTRACT if of_factors else context.CONTRACT
    column = next(column for column in table.columns if column.name == name)
    return Feature(name, column.unit, column.definition, source=table.name, news=True)


FEATURES = (
    *(_taken(name) for name in (*FROM_CONTEXT, *FROM_FACTORS)),
    _news("has_points_line", "flag", "1 if there is a line on his points, 0 if the game has lines and he has none."),
    _news("points_line_less_season", "points", "The line on his points less his mean of the season."),
    _news("spread_size", "points", "The spread without its sign."),
    _news("out_minutes", "min", "Sum of the minutes with half-life 7 of active teammates who are out."),
    _news("out_points", "points", "Sum of the points with half-life 10 of active teammates who are out."),
    _news("out_usage", "share", "Sum of what active teammates who are out have of the team's plays: usage rate with "
          "half-life 15 by minutes with half-life 7, per 48."),
    *(
        _news(f"out_{stat}_of_team_games", "per game",
              f"Sum of {stat.replace('_', ' ')} over the team's games, half-life 5, of active teammates who are out.")
        for stat in VACATED_ROLES
    ),
    _news("newly_out_minutes", "min", "Sum of the minutes with half-life 7 of teammates who are out and played the "
          "team's last game."),
    _news("newly_out_points", "points", "Sum of the points with half-life 10 of teammates who are out and played the "
          "team's last game."),
    _news("rotation_players_out", "players", f"Active teammates who are out and play {ROTATION_MINUTES} minutes, "
          "half-life 7."),
    _news("stars_out", "players", f"Active teammates who are out and score {STAR_POINTS}, half-life 10."),
    _news("back_minutes", "min", "Sum of the minutes with half-life 7 of active teammates who missed the last game and "
          "are not out now."),
    _news("present_beyond_role_minutes", "min", "Of teammates who are present, minutes with half-life 7 beyond those "
          "over the team's games: what they take back."),
    _news("present_beyond_role_points", "points", "Of teammates who are present, points with half-life 10 beyond those "
          "over the team's games."),
    _news("present_minutes", "min", "Sum of the minutes with half-life 7 of active teammates who are not out."),
    _news("present_points", "points", "Sum of the points with half-life 10 of active teammates who are not out."),
    _news("present_usage", "share", "Sum of what active teammates who are not out have of the team's plays."),
    _news("present_teammates", "players", "Active teammates who are not out."),
    _news("balanced_minutes", "min", "His minutes with half-life 7, multiplied as everybody's so that all who are "
          f"present play {TEAM_MINUTES}."),
    _news("left_less_taken_back", "min", "Minutes over the team's games of teammates who are out, less what those "
          "present take back."),
    _news("present_rank", "rank", "Rank by minutes with half-life 7 among the teammates who are present and himself."),
    _news("opponent_out_minutes_of_team_games", "min", "Sum of the minutes over their team's games, half-life 7, of "
          "active opponents who are out."),
    _news("opponent_out_points_of_team_games", "points", "Sum of the points over their team's games of active "
          "opponents who are out."),
    _news("opponent_newly_out_minutes", "min", "Sum of the minutes with half-life 7 of opponents who are out and "
          "played their last game."),
    _news("opponent_out_points", "points", "Sum of the points with half-life 10 of active opponents who are out."),
    _news("opponent_out_plus_minus", "points", "Sum of the plus-minus with half-life 30 of active opponents who are "
          "out."),
)  # fmt: skip


def status(rows: ibis.Table) -> dict[str, ir.Value]:
    """Per row, whether the player is out, and whether he plays by the report; null without one."""
    out = rows.injury_status.isin(OUT)
    active = (rows.team_games_missed < ACTIVE_WITHIN).fill_null(False)
    plays = ibis.cases((out.isnull() | ~active, ibis.null("float64")), (out, 0.0), else_=1.0)
    return {"is_out": out, "plays_by_report": plays}


def derived(rows: ibis.Table) -> dict[str, ir.Value]:
    """The features of tonight's absences and lines; null without a report, or without a line."""
    known, theirs = rows.injury_report_known_at.notnull(), rows.opponent_injury_report_known_at.notnull()
    own = {name: known.ifelse(value, ibis.null("float64")) for name, value in of_teammates(rows).items()}
    other = {name: theirs.ifelse(value, ibis.null("float64")) for name, value in of_opponents(rows).items()}
    return {
        **own,
        **other,
        "has_points_line": ibis.cases(
            (rows.points_line.notnull(), 1.0), (rows.spread.notnull(), 0.0), else_=ibis.null("float64")
        ),
        "points_line_less_season": rows.points_line - rows.points_avg_season,
        "spread_size": rows.spread.abs(),
    }


def of_teammates(rows: ibis.Table) -> dict[str, ir.Value]:
    """What the absences among the teammates leave, and what those present take."""
    out, present = (rows.plays_by_report == 0.0).fill_null(False), (rows.plays_by_report == 1.0).fill_null(False)
    last = (rows.team_games_missed == 0).fill_null(False)
    minutes, points, role = rows.minutes_ewma_7, rows.points_ewma_10, rows.minutes_of_team_games_5
    usage = usage_of(rows)
    one = ibis.literal(1.0)
    beyond = (minutes - role).clip(lower=0.0)
    present_minutes, taken = teammates(rows, minutes, present), teammates(rows, beyond, present)
    left = {f"out_{stat}_of_team_games": teammates(rows, rows[f"{stat}_of_team_games_5"], out)
            for stat in VACATED_ROLES}  # fmt: skip
    return {
        **left,
        "out_minutes": teammates(rows, minutes, out),
        "out_points": teammates(rows, points, out),
        "out_usage": teammates(rows, usage, out),
        "newly_out_minutes": teammates(rows, minutes, out & last),
        "newly_out_points": teammates(rows, points, out & last),
        "rotation_players_out": teammates(rows, one, out & (minutes >= ROTATION_MINUTES)),
        "stars_out": teammates(rows, one, out & (points >= STAR_POINTS)),
        "back_minutes": teammates(rows, minutes, present & ~last),
        "present_beyond_role_minutes": taken,
        "present_beyond_role_points": teammates(rows, (points - rows.points_of_team_games_5).clip(lower=0.0), present),
        "present_minutes": present_minutes,
        "present_points": teammates(rows, points, present),
        "present_usage": teammates(rows, usage, present),
        "present_teammates": teammates(rows, one, present),
        "balanced_minutes": minutes * TEAM_MINUTES / (present_minutes + minutes).nullif(0.0),
        "left_less_taken_back": left["out_minutes_of_team_games"] - taken,
        "present_rank": rank(rows, minutes, present).cast("float64"),
    }


def of_opponents(rows: ibis.Table) -> dict[str, ir.Value]:
    """What the opponent misses."""
    out = (rows.plays_by_report == 0.0).fill_null(False)
    last = (rows.team_games_missed == 0).fill_null(False)
    return {
        "opponent_out_minutes_of_team_games": opponents(rows, rows.minutes_of_team_games_7, out),
        "opponent_out_points_of_team_games": opponents(rows, rows.points_of_team_games_5, out),
        "opponent_newly_out_minutes": opponents(rows, rows.minutes_ewma_7, out & last),
        "opponent_out_points": opponents(rows, rows.points_ewma_10, out),
        "opponent_out_plus_minus": opponents(rows, rows.plus_minus_ewma_30, out),
    }


def usage_of(rows: ibis.Table) -> ir.FloatingValue:
    """Share of the team's plays that the player usually ends: usage is per minute on the floor."""
    return rows.usage_rate_ewma_15 * rows.minutes_ewma_7 / 48


def opponents(rows: ibis.Table, value: ir.NumericValue, condition: ir.BooleanValue) -> ir.FloatingValue:
    """Exact sum of the value over the opponents who meet the condition: the game's less the team's."""
    counted = exact(condition.fill_null(False).ifelse(value.cast("float64").fill_null(0.0), 0.0))
    game = ibis.window(group_by=[rows.game_date, rows.game_id])
    return (counted.sum().over(game) - counted.sum().over(of_team(rows))).cast("float64")
