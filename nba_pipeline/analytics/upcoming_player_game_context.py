"""Upcoming player game context: who is expected in a game, and what surrounds him, as it is known before the game."""

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.analytics import upcoming_team_game_context as team_context
from nba_pipeline.analytics.calculations.absences import (
    EXPECTED,
    FORM,
    OUT,
    RECENT_FORM,
    ROTATION_MINUTES,
    STAR_POINTS,
    STATUSES,
    VACATED,
    is_star,
    left_by,
    with_form,
)
from nba_pipeline.analytics.calculations.betting_lines import preferred
from nba_pipeline.analytics.calculations.expected_players import RECENT_GAMES, ROSTER, expected_keys, expected_players
from nba_pipeline.analytics.upcoming_team_game_context import (
    POSTSEASON,
    SEASON_PHASE,
    TIME_ZONES_CROSSED,
    TIPOFF_AT,
    count,
    left_join,
    line_columns,
    report_columns,
    rest_column,
    vacated_columns,
)
from nba_pipeline.as_of import GameLog, as_of, exact, games_before, within_days
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
    Grid,
    Phase,
    Read,
    Window,
)
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw import injuries, player_prop_lines
from nba_pipeline.raw import players as raw_players

KEYS = ("game_date", "game_id", "player_id")

HIGHEST_LINE = 100

TOLD_APART = ("questionable", "probable")
"""What is counted among teammates who may yet play."""

RETURNING = tuple(f"returning_{name}" for name in RECENT_FORM)

TEAM_COLUMNS = {
    "postseason": "postseason", "season_phase": "season_phase", "tipoff_at": "tipoff_at",
    "team_days_rest": "days_rest", "team_is_back_to_back": "is_back_to_back",
    "team_is_third_game_in_four_days": "is_third_game_in_four_days",
    "opponent_days_rest": "opponent_days_rest",
    "team_games_last_7_days": "games_last_7_days", "game_number_in_season": "game_number_in_season",
    "time_zones_crossed": "time_zones_crossed", "consecutive_road_games": "consecutive_road_games",
    **{name: name for name in ("injury_report_known_at", "injury_report_minutes_before_tip_off")},
    **{column.name: column.name for column in line_columns()},
}  # fmt: skip
"""What stands beside a player of his team's context, under which name."""


EXPECTED_BECAUSE = Column(
    "expected_because", "string", "How we know that he may play: the roster, or the team's recent games.", "category",
    allowed=(ROSTER, RECENT_GAMES),
)  # fmt: skip
LAST_GAME_DATE = Column(
    "last_game_date", "date", "His last game before the date, of this season or the one before.", "date", nullable=True
)


def _line(name: str, definition: str) -> Column:
    return Column(name, "float64", definition, "points", nullable=True, between=(0, HIGHEST_LINE))


CONTRACT = Contract(
    name="analytics.upcoming_player_game_context",
    description=(
        "One row per game and player expected to be available: rest and load, injury status, who of his team and of "
        "the opponent is out and what they leave, and the lines, as known before the game. Made before the games of "
        "the date."
    ),
    phase=Phase.ANALYTICS,
    grain=KEYS,
    columns=(
        GAME_DATE,
        GAME_ID,
        PLAYER_ID,
        PLAYER_NAME,
        POSITION,
        SEASON,
        TEAM_ID,
        TEAM,
        OPPONENT_ID,
        OPPONENT,
        IS_HOME,
        POSTSEASON,
        SEASON_PHASE,
        TIPOFF_AT,
        EXPECTED_BECAUSE,
        LAST_GAME_DATE,
        rest_column("days_rest", "the player's"),
        Column("is_back_to_back", "boolean", "Whether he played the day before.", "flag"),
        rest_column("team_days_rest", "the team's"),
        Column("team_is_back_to_back", "boolean", "Whether the team played the day before.", "flag"),
        Column("team_is_third_game_in_four_days", "boolean",
               "Whether the team played two games in the 3 days before, this season.", "flag"),
        rest_column("opponent_days_rest", "the opponent's"),
        count("games_last_7_days", "Games played in the 7 days before.", "games", 7),
        count("games_last_14_days", "Games played in the 14 days before.", "games", 14),
        Column("minutes_last_7_days", "float64", "Minutes in the 7 days before.", "min", between=(0, 490)),
        Column("minutes_last_14_days", "float64", "Minutes in the 14 days before.", "min", between=(0, 980)),
        Column("minutes_per_game_last_7_days", "float64", "Minutes a game played in the 7 days before; null without "
               "one.", "min", nullable=True, between=(0, 70)),
        count("back_to_backs_last_14_days", "Games in the 14 days before that came the day after another of his.",
              "games", 13),
        count("team_games_last_7_days", "Games of the team in the 7 days before.", "games", 7),
        Column("game_number_in_season", "int64", "Number of this game in the team's season, from 1.", "games",
               between=(1, 130)),
        Column("opponent_game_number_in_season", "int64", "Number of this game in the opponent's season, from 1.",
               "games", between=(1, 130)),
        TIME_ZONES_CROSSED,
        count("consecutive_road_games", "Games on the road in a row, this season, with this one; 0 at home.", "games",
              130),
        *report_columns(),
        Column("injury_status", "string",
               "What the injury report says about him: available when a report of his team is known and does not list "
               "him, null when none is known.", "category", nullable=True, allowed=STATUSES),
        count("star_teammates_out",
              f"Teammates who are out and usually score {STAR_POINTS} and more; null without a report.", "players",
              40, nullable=True),
        *(
            count(f"teammates_{status}", f"Teammates who are listed as {status}; null without a report.", "players",
                  40, nullable=True)
            for status in TOLD_APART
        ),
        *vacated_columns("", "teammates"),
        *(
            Column(name, "float64",
                   f"Usual {FORM[what][1]} of teammates who are not expected to miss this game (listed as probable, "
                   f"or not at all) and usually play {ROTATION_MINUTES} minutes and more, each weighted by the share "
                   "of the team's games of the last days that he missed: what they take back. Null without a report.",
                   FORM[what][0], nullable=True, between=(0, 500))
            for name, what in zip(RETURNING, RECENT_FORM, strict=True)
        ),
        Column("opponent_injury_report_known_at", "timestamp(6)",
               "Since when what the injury report says of the opponent was known; null when none was before tip-off.",
               "UTC", nullable=True),
        count("opponent_stars_out", f"Opponents who are out and usually score {STAR_POINTS} and more; null without "
              "a report of theirs.", "players", 40, nullable=True),
        *vacated_columns("opponent_", "opponents"),
        *line_columns(),
        _line("points_line", "Newest over-under line on his points; null without one."),
        _line("opening_points_line", "The earliest line of the same bookmaker."),
        Column("points_line_movement", "float64", "Newest line less the opening one.", "points", nullable=True,
               between=(-HIGHEST_LINE, HIGHEST_LINE)),
        Column("points_line_source", "string", "Bookmaker of the line.", "text", nullable=True),
        Column("points_line_known_at", "timestamp(6)", "When the line was asked for.", "UTC", nullable=True),
        count("points_line_vendors", "Bookmakers with a line on his points; 0 without one.", "bookmakers", 100),
        _line("points_line_range", "Highest less lowest line of all bookmakers; null without one."),
        count("points_over_streak", "Games in a row, played this season, in which he scored more than tonight's line; "
              "null without one.", "games", 130, nullable=True),
        count("points_under_streak", "Games in a row, played this season, in which he scored less than tonight's "
              "line; null without one.", "games", 130, nullable=True),
    ),
    reads={
        "games": Read(raw_games.CONTRACT),
        "rosters": Read(raw_players.CONTRACT),
        "listed": Read(injuries.CONTRACT),
        "prop_lines": Read(player_prop_lines.CONTRACT),
        "teams": Read(team_context.CONTRACT),
        "history": Read(player_game_summary.CONTRACT, Window.BEFORE, earlier_seasons=1),
    },
    grid=Grid(("game_id", "player_id"), expected_keys, "players"),
    before_tip_off=True,
)  # fmt: skip


def last_games(history: ibis.Table) -> ibis.Table:
    """When a player last played."""
    log = GameLog(history.filter(history.played), "player_id")
    return log.states(last_game_date=log.rows.game_date)


def names(history: ibis.Table) -> ibis.Table:
    """Name and position of a player as last listed, whether he played or sat."""
    log = GameLog(history, "player_id")
    return log.states(listed_name=log.rows.player_name, listed_position=log.rows.position)


def loads(spine: ibis.Table, history: ibis.Table) -> ibis.Table:
    """Games and minutes of the days before each row of the spine."""
    played = history.filter(history.played)
    order = ibis.window(group_by=played.player_id, order_by=played.game_date)
    days_since = played.game_date.delta(played.game_date.lag().over(order), unit="day")
    marked = played.mutate(games=ibis.literal(1), back_to_back=(days_since == 1).fill_null(False).ifelse(1, 0))
    return within_days(
        spine,
        marked,
        "player_id",
        KEYS,
        {
            "games_last_7_days": ("games", 7),
            "games_last_14_days": ("games", 14),
            "minutes_last_7_days": ("minutes", 7),
            "minutes_last_14_days": ("minutes", 14),
            "back_to_backs_last_14_days": ("back_to_back", 14),
        },
    )


def with_himself(spine: ibis.Table, rosters: ibis.Table, history: ibis.Table) -> ibis.Table:
    """The expected players with name, rest, load and form."""
    rows = as_of(as_of(spine, last_games(history), "player_id"), names(history), "player_id")
    rows = left_join(with_form(rows, history), loads(spine, history), KEYS)
    on_roster = rosters.select(
        "game_date", "player_id", roster_position="position",
        roster_name=(rosters.first_name + " " + rosters.last_name).strip(),
    )  # fmt: skip
    rows = left_join(rows, on_roster, ("game_date", "player_id"))
    by_roster = rows.expected_because == ROSTER
    days_rest = rows.game_date.delta(rows.last_game_date, unit="day")
    return rows.mutate(
        player_name=ibis.coalesce(rows.listed_name, by_roster.ifelse(rows.roster_name, ibis.null("string"))),
        position=ibis.coalesce(rows.listed_position, by_roster.ifelse(rows.roster_position, ibis.null("string"))),
        days_rest=days_rest,
        is_back_to_back=(days_rest == 1).fill_null(False),
        minutes_per_game_last_7_days=rows.minutes_last_7_days / rows.games_last_7_days.nullif(0.0),
    )


def with_teams(rows: ibis.Table, teams: ibis.Table, listed: ibis.Table) -> ibis.Table:
    """The rows with their team's context, what the report says about the player, and the opponent's absences."""
    absences = ("stars_out", *(f"players_{status}" for status in TOLD_APART), *VACATED)
    own = teams.select("game_date", "game_id", "team_id", **TEAM_COLUMNS, **{f"all_{name}": name for name in absences})
    opponent = teams.select(
        "game_date", "game_id", opponent_id="team_id", opponent_injury_report_known_at="injury_report_known_at",
        opponent_game_number_in_season="game_number_in_season",
        **{f"opponent_{name}": name for name in ("stars_out", *VACATED)},
    )  # fmt: skip
    rows = left_join(rows, own, ("game_date", "game_id", "team_id"))
    rows = left_join(rows, opponent, ("game_date", "game_id", "opponent_id"))
    status = listed.select("game_date", "player_id", listed_by="team_id", listed_status="status")
    rows = left_join(rows, status, ("game_date", "player_id"))
    known = rows.injury_report_known_at.notnull()
    available = known.ifelse(ibis.literal("available"), ibis.null("string"))
    return rows.mutate(injury_status=ibis.coalesce(rows.listed_status, available))


def with_teammates(rows: ibis.Table) -> ibis.Table:
    """The rows with what the team misses, the player himself left aside, and what comes back to it."""
    himself = (rows.listed_by == rows.team_id).fill_null(False)
    out = himself & (rows.listed_status == OUT).fill_null(False)
    own = left_by(rows, out)
    others: dict[str, ir.Value] = {
        name: (exact(rows[f"all_{name}"]) - left).cast("float64") for name, left in own.items()
    }
    others["star_teammates_out"] = rows.all_stars_out - (out & is_star(rows)).ifelse(1, 0)
    for status in TOLD_APART:
        counted = himself & (rows.listed_status == status).fill_null(False)
        others[f"teammates_{status}"] = rows[f"all_players_{status}"] - counted.ifelse(1, 0)
    return returning(rows.mutate(**others))


def returning(rows: ibis.Table) -> ibis.Table:
    """The rows with what teammates take back who missed games of the last days and are expected in this one."""
    regular = rows.injury_status.isin(EXPECTED) & (rows.usual_minutes >= ROTATION_MINUTES)
    team = ibis.window(group_by=[rows.game_date, rows.game_id, rows.team_id])
    found: dict[str, ir.Value] = {}
    for name, what in zip(RETURNING, RECENT_FORM, strict=True):
        missed = (rows[f"usual_{what}"] * (1 - rows.recent_share)).fill_null(0.0)
        back = exact(regular.fill_null(False).ifelse(missed, 0.0))
        others = (back.sum().over(team) - back).cast("float64")
        found[name] = rows.injury_report_known_at.notnull().ifelse(others, ibis.null("float64"))
    return rows.mutate(**found)


def with_lines(rows: ibis.Table, prop_lines: ibis.Table, teams: ibis.Table, history: ibis.Table) -> ibis.Table:
    """The rows with the line on the player's points, and how his games this season stand to it."""
    on_points = prop_lines.filter(prop_lines.stat == "points")
    chosen = preferred(on_points, KEYS).select(
        *KEYS, points_line="line", opening_points_line="opening_line", points_line_source="vendor",
        points_line_known_at="known_at",
    )  # fmt: skip
    market = on_points.group_by(*KEYS).agg(
        points_line_vendors=ibis._.count(), points_line_range=on_points.line.max() - on_points.line.min()
    )
    seasons = teams.select("game_date", "game_id", "season").distinct()
    for lines in (chosen, market, line_streaks(chosen.inner_join(seasons, ["game_date", "game_id"]), history)):
        rows = left_join(rows, lines, KEYS)
    return rows.mutate(
        points_line_movement=rows.points_line - rows.opening_points_line,
        points_line_vendors=rows.points_line_vendors.fill_null(0),
        **{
            name: rows.points_line.notnull().ifelse(rows[name].fill_null(0), ibis.null("int64"))
            for name in ("points_over_streak", "points_under_streak")
        },
    )


def line_streaks(lines: ibis.Table, history: ibis.Table) -> ibis.Table:
    """Games in a row on either side of each line; a game on the line itself ends both."""
    asked = lines.select(*KEYS, "season", "points_line")
    pairs = games_before(asked, history.filter(history.played), "player_id", ("points",))
    of_row = ibis.window(group_by=[pairs[key] for key in KEYS])
    sides = {"over": pairs.past_points > pairs.points_line, "under": pairs.past_points < pairs.points_line}
    pairs = pairs.mutate(
        **{f"last_not_{side}": on.ifelse(ibis.null("date"), pairs.past_date).max().over(of_row)
           for side, on in sides.items()}
    )  # fmt: skip
    return pairs.group_by(*KEYS).agg(
        **{
            f"points_{side}_streak": (pairs.past_date > pairs[f"last_not_{side}"]).fill_null(True).ifelse(1, 0).sum()
            for side in sides
        }
    )


def upcoming_player_game_context(
    games: ibis.Table,
    rosters: ibis.Table,
    listed: ibis.Table,
    prop_lines: ibis.Table,
    teams: ibis.Table,
    history: ibis.Table,
) -> ibis.Table:
    """One row a game and expected player, from what is known of the dates and everything before them."""
    rows = with_himself(expected_players(games, rosters, history), rosters, history)
    rows = with_lines(with_teammates(with_teams(rows, teams, listed)), prop_lines, teams, history)
    return rows.select(CONTRACT.schema.names)


asset = transformed(CONTRACT, upcoming_player_game_context)
