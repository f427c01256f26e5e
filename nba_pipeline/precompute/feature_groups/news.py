"""News: who is out tonight by the injury report, what that leaves and takes, and what the lines say.

Of those who are not on a report only the active teammates count as present: a report says nothing about players who
have not been with the team for weeks.
"""

from collections.abc import Mapping
from functools import partial

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import upcoming_player_game_context as context
from nba_pipeline.as_of import exact
from nba_pipeline.contracts import Contract
from nba_pipeline.precompute import player_composite_factors
from nba_pipeline.precompute.calculations.feature_group import FeatureGroup
from nba_pipeline.precompute.calculations.features import Feature
from nba_pipeline.precompute.calculations.games_used import (
    MISSING_OPPONENTS,
    MISSING_TEAMMATES,
    NO_GAMES,
    OUT_OPPONENTS,
    OUT_TEAMMATES,
    OWN,
    OWN_THIS_SEASON,
    TEAM,
    TEAM_LAST_20_DAYS,
    TEAMMATES,
    TEAMMATES_OF_TEAM,
    MadeFrom,
    Whose,
    only_with,
)
from nba_pipeline.precompute.calculations.past_games import FACTORS, UPCOMING, PastGames
from nba_pipeline.precompute.feature_groups.roster import ACTIVE_WITHIN, of_team, rank, teammates

OUT = ("out", "doubtful")
"""What counts as not playing; of players listed as doubtful hardly any play."""

ROTATION_MINUTES, STAR_POINTS = 12, 18

TEAM_MINUTES = 240

CONTEXT = context.CONTRACT.name

_news = partial(Feature, source=CONTEXT, news=True)
_of_missing = partial(_news, made_from=MISSING_TEAMMATES)
_of_present = partial(_news, made_from=TEAM | TEAMMATES_OF_TEAM)
_among_present = partial(_news, made_from=OWN | TEAM | TEAMMATES_OF_TEAM)
_of_missing_opponents = partial(_news, made_from=MISSING_OPPONENTS)

NEWLY_OUT_TEAMMATES = only_with(Whose.OUT_TEAMMATES, TEAM_LAST_20_DAYS)

FROM_CONTEXT: Mapping[str, MadeFrom] = {
    "vacated_minutes": OUT_TEAMMATES,
    "vacated_usage": OUT_TEAMMATES,
    "newly_vacated_minutes": NEWLY_OUT_TEAMMATES,
    "newly_vacated_usage": NEWLY_OUT_TEAMMATES,
    "vacated_points": OUT_TEAMMATES,
    "vacated_rebounds": OUT_TEAMMATES,
    "vacated_assists": OUT_TEAMMATES,
    "vacated_field_goals_attempted": OUT_TEAMMATES,
    "vacated_three_pointers_attempted": OUT_TEAMMATES,
    "returning_minutes": TEAMMATES | TEAM_LAST_20_DAYS,
    "returning_usage": TEAMMATES | TEAM_LAST_20_DAYS,
    "star_teammates_out": OUT_TEAMMATES,
    "teammates_questionable": NO_GAMES,
    "teammates_probable": NO_GAMES,
    "opponent_vacated_minutes": OUT_OPPONENTS,
    "opponent_vacated_points": OUT_OPPONENTS,
    "opponent_stars_out": OUT_OPPONENTS,
    "points_line": NO_GAMES,
    "opening_points_line": NO_GAMES,
    "points_line_movement": NO_GAMES,
    "points_line_range": NO_GAMES,
    "points_over_streak": OWN_THIS_SEASON,
    "points_under_streak": OWN_THIS_SEASON,
    "spread": NO_GAMES,
    "total": NO_GAMES,
    "total_movement": NO_GAMES,
    "implied_team_total": NO_GAMES,
}
"""What is taken from the context as it stands there, with its definition and unit, and whose games it is made from."""

FROM_FACTORS: Mapping[str, MadeFrom] = {
    "usage_spike_score": OWN_THIS_SEASON | OUT_TEAMMATES | TEAMMATES | TEAM_LAST_20_DAYS,
    "injury_risk": NO_GAMES,
}
"""The same from the factors."""

VACATED_ROLES = ("minutes", "points", "rebounds", "assists", "three_pointers_made")


def _taken(table: Contract, name: str, made_from: MadeFrom) -> Feature:
    column = next(column for column in table.columns if column.name == name)
    return Feature(name, column.unit, column.definition, source=table.name, news=True, made_from=made_from)


FEATURES = (
    *(_taken(context.CONTRACT, name, made_from) for name, made_from in FROM_CONTEXT.items()),
    *(_taken(player_composite_factors.CONTRACT, name, made_from) for name, made_from in FROM_FACTORS.items()),
    _news("has_points_line", "flag", "1 if there is a line on his points, 0 if the game has lines and he has none.",
          made_from=NO_GAMES),
    _news("points_line_less_season", "points", "The line on his points less his mean of the season.",
          made_from=OWN_THIS_SEASON),
    _news("spread_size", "points", "The spread without its sign.", made_from=NO_GAMES),
    _of_missing("out_minutes", "min", "Sum of the minutes with half-life 7 of active teammates who are out."),
    _of_missing("out_points", "points", "Sum of the points with half-life 10 of active teammates who are out."),
    _of_missing(
        "out_usage", "share", "Sum of what active teammates who are out have of the team's plays: usage rate with "
        "half-life 15 by minutes with half-life 7, per 48."),
    *(
        _of_missing(
            f"out_{stat}_of_team_games", "per game",
            f"Sum of {stat.replace('_', ' ')} over the team's games, half-life 5, of active teammates who are out.")
        for stat in VACATED_ROLES
    ),
    _of_missing(
        "newly_out_minutes", "min", "Sum of the minutes with half-life 7 of teammates who are out and played the "
        "team's last game."),
    _of_missing(
        "newly_out_points", "points", "Sum of the points with half-life 10 of teammates who are out and played the "
        "team's last game."),
    _of_missing("rotation_players_out", "players", f"Active teammates who are out and play {ROTATION_MINUTES} minutes, "
                "half-life 7."),
    _of_missing("stars_out", "players", f"Active teammates who are out and score {STAR_POINTS}, half-life 10."),
    _of_present(
        "back_minutes", "min", "Sum of the minutes with half-life 7 of active teammates who missed the last game and "
        "are not out now."),
    _of_present(
        "present_beyond_role_minutes", "min", "Of teammates who are present, minutes with half-life 7 beyond those "
        "over the team's games: what they take back."),
    _of_present(
        "present_beyond_role_points", "points", "Of teammates who are present, points with half-life 10 beyond those "
        "over the team's games."),
    _of_present("present_minutes", "min", "Sum of the minutes with half-life 7 of active teammates who are not out."),
    _of_present("present_points", "points", "Sum of the points with half-life 10 of active teammates who are not out."),
    _of_present("present_usage", "share", "Sum of what active teammates who are not out have of the team's plays."),
    _of_present("present_teammates", "players", "Active teammates who are not out."),
    _among_present(
        "balanced_minutes", "min", "His minutes with half-life 7, multiplied as everybody's so that all who are "
        f"present play {TEAM_MINUTES}."),
    _of_present(
        "left_less_taken_back", "min", "Minutes over the team's games of teammates who are out, less what those "
        "present take back."),
    _among_present(
        "present_rank", "rank", "Rank by minutes with half-life 7 among the teammates who are present and himself."),
    _of_missing_opponents(
        "opponent_out_minutes_of_team_games", "min", "Sum of the minutes over their team's games, half-life 7, of "
        "active opponents who are out."),
    _of_missing_opponents(
        "opponent_out_points_of_team_games", "points", "Sum of the points over their team's games of active "
        "opponents who are out."),
    _of_missing_opponents(
        "opponent_newly_out_minutes", "min", "Sum of the minutes with half-life 7 of opponents who are out and "
        "played their last game."),
    _of_missing_opponents(
        "opponent_out_points", "points", "Sum of the points with half-life 10 of active opponents who are out."),
    _of_missing_opponents(
        "opponent_out_plus_minus", "points", "Sum of the plus-minus with half-life 30 of active opponents who are "
        "out."),
)  # fmt: skip


def with_status(rows: ibis.Table, past: PastGames) -> ibis.Table:
    """The rows with who is out, and who plays."""
    return rows.mutate(**status(rows))


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


GROUP = FeatureGroup(
    name="news",
    features=FEATURES,
    takes={
        UPCOMING: (
            "injury_report_known_at",
            "opponent_injury_report_known_at",
            "injury_status",
            *FROM_CONTEXT,
        ),
        FACTORS: tuple(FROM_FACTORS),
    },
    looked_up=with_status,
    among_expected=derived,
)
