"""Upcoming team game context: what surrounds a team's game, as it is known before the game."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import player_game_summary, team_offense_game_summary
from nba_pipeline.analytics.calculations.absences import (
    FORM,
    HALF_LIFE,
    RECENT_DAYS,
    RECENT_FORM,
    STAR_POINTS,
    STATUSES,
    VACATED,
    absences_by_team,
    listed_players,
)
from nba_pipeline.analytics.calculations.arena_time_zones import hours_behind_new_york
from nba_pipeline.analytics.calculations.betting_lines import preferred
from nba_pipeline.as_of import GameLog, as_of, within_days
from nba_pipeline.assets.table_asset import transformed
from nba_pipeline.contracts import (
    GAME_DATE,
    GAME_ID,
    IS_HOME,
    OPPONENT,
    OPPONENT_ID,
    SEASON,
    TEAM,
    TEAM_ID,
    Column,
    Contract,
    Grid,
    Phase,
    Read,
    Reader,
    Window,
)
from nba_pipeline.raw import game_lines, injuries, injury_reports
from nba_pipeline.raw import games as raw_games

KEYS = ("game_date", "game_id", "team_id")

LONGEST_REST = 640
"""Days from a game early in one season to one late in the next, the longest that history reaches."""

EARLY, MID, LATE, PLAYOFFS = "early", "mid", "late", "playoffs"


def count(name: str, definition: str, unit: str, high: int, *, nullable: bool = False) -> Column:
    """A count, from none to `high`."""
    return Column(name, "int64", definition, unit, nullable=nullable, between=(0, high))


def rest_column(name: str, whose: str) -> Column:
    """Rest as every table of the phase counts it."""
    definition = (
        f"Days from {whose} game before to this one, of this season or the one before: 1 is a back-to-back. Null "
        "before the first."
    )
    return Column(name, "int64", definition, "days", nullable=True, between=(1, LONGEST_REST))


def line_columns() -> tuple[Column, ...]:
    """The lines on the game, as a team and its players have them."""

    def points(name: str, definition: str, low: float, high: float) -> Column:
        return Column(name, "float64", definition, "points", nullable=True, between=(low, high))

    return (
        points("spread", "Newest spread from the team's side: below 0 it is to win. Null without a line.", -60, 60),
        points("opening_spread", "The same of the earliest line of the same bookmaker.", -60, 60),
        points("spread_movement", "Newest spread less the opening one.", -120, 120),
        points("total", "Newest total of both teams' points. Null without a line.", 100, 400),
        points("opening_total", "The same of the earliest line of the same bookmaker.", 100, 400),
        points("total_movement", "Newest total less the opening one.", -300, 300),
        points("implied_team_total", "Points of the team by the lines: half of the total less the spread.", 0, 250),
        Column("line_source", "string", "Bookmaker of the spread and the total.", "text", nullable=True),
        Column("lines_known_at", "timestamp(6)", "When these lines were asked for.", "UTC", nullable=True),
    )


def report_columns() -> tuple[Column, ...]:
    """Since when the injury report of the team is known; null, with all that follows from it, when none is."""
    return (
        Column("injury_report_known_at", "timestamp(6)",
               "Since when what the injury report says of the team was known; null when none was before tip-off.",
               "UTC", nullable=True),
        Column("injury_report_minutes_before_tip_off", "float64",
               "How long before the scheduled tip-off that was; null without a report or a time.", "min",
               nullable=True, between=(0, 100_000)),
    )  # fmt: skip


def vacated_columns(prefix: str, whose: str) -> tuple[Column, ...]:
    """What absent players leave, as the team, its players and its opponents have it."""
    usual = f"exponentially weighted means of the games that each played, half-life {HALF_LIFE} games"
    known = "0 when a report is known and nobody is out; null when no report is known."
    vacated = [
        Column(f"{prefix}vacated_{name}", "float64", f"Usual {words} of {whose} who are out: sum of {usual}. {known}",
               unit, nullable=True, between=(0, 500))
        for name, (unit, words) in FORM.items()
    ]  # fmt: skip
    newly = [
        Column(f"{prefix}newly_vacated_{name}", "float64",
               f"As {prefix}vacated_{name}, each weighted by the share of the team's games of the last {RECENT_DAYS} "
               f"days that he still played. {known}", FORM[name][0], nullable=True, between=(0, 500))
        for name in RECENT_FORM
    ]  # fmt: skip
    return (*vacated, *newly)


SEASON_PHASE = Column(
    "season_phase", "string",
    "Playoffs by the game itself; else early up to November, mid from December to February, late from March on.",
    "category", allowed=(EARLY, MID, LATE, PLAYOFFS),
)  # fmt: skip
POSTSEASON = Column("postseason", "boolean", "Whether the game belongs to the play-offs.", "flag")
TIPOFF_AT = Column("tipoff_at", "timestamp(6)", "Scheduled tip-off.", "UTC", nullable=True)
TIME_ZONES_CROSSED = Column(
    "time_zones_crossed", "int64",
    "Hours by which clocks at this arena are ahead of those at the arena of the team's game before, this season: "
    "above 0 it came east. A game is taken to be at the home team's arena; null before the first game and for teams "
    "that are none of the thirty.", "hours", nullable=True, between=(-4, 4),
)  # fmt: skip


def expected_teams(read: Reader) -> ibis.Table:
    """Both teams of every game of the schedule that is to be played."""
    return playing(read(raw_games.CONTRACT)).select(*KEYS)


CONTRACT = Contract(
    name="analytics.upcoming_team_game_context",
    description=(
        "One row per team and game that is to be played: rest, travel, streaks, who is out, and lines, as known "
        "before the game. Rest and travel follow from the schedule, so that a game without a box score counts. Made "
        "before the games of the date."
    ),
    phase=Phase.ANALYTICS,
    grain=KEYS,
    columns=(
        GAME_DATE,
        GAME_ID,
        TEAM_ID,
        TEAM,
        OPPONENT_ID,
        OPPONENT,
        SEASON,
        POSTSEASON,
        SEASON_PHASE,
        TIPOFF_AT,
        IS_HOME,
        rest_column("days_rest", "the team's"),
        Column("is_back_to_back", "boolean", "Whether the team played the day before.", "flag"),
        Column("is_third_game_in_four_days", "boolean",
               "Whether the team played two games in the 3 days before, this season.", "flag"),
        rest_column("opponent_days_rest", "the opponent's"),
        count("games_last_7_days", "Games of the team in the 7 days before.", "games", 7),
        count("games_last_14_days", "Games of the team in the 14 days before.", "games", 14),
        Column("game_number_in_season", "int64", "Number of this game in the team's season, from 1.", "games",
               between=(1, 130)),
        count("win_streak", "Games won in a row before this one, this season.", "games", 130),
        count("loss_streak", "Games lost in a row before this one, this season.", "games", 130),
        Column("last_margin", "int64", "Points by which the team won its game before, this season; below 0 it lost.",
               "points", nullable=True, between=(-249, 249)),
        TIME_ZONES_CROSSED,
        count("consecutive_road_games", "Games on the road in a row, this season, with this one; 0 at home.", "games",
              130),
        *report_columns(),
        *(
            count(f"players_{status}", f"Players of the team who are listed as {status}; null without a report.",
                  "players", 40, nullable=True)
            for status in STATUSES[:4]
        ),
        count("stars_out", f"Players who are out and usually score {STAR_POINTS} and more; null without a report.",
              "players", 40, nullable=True),
        *vacated_columns("", "players"),
        *line_columns(),
    ),
    reads={
        "games": Read(raw_games.CONTRACT, Window.UP_TO, earlier_seasons=1),
        "reports": Read(injury_reports.CONTRACT),
        "listed": Read(injuries.CONTRACT),
        "lines": Read(game_lines.CONTRACT),
        "history": Read(player_game_summary.CONTRACT, Window.BEFORE, earlier_seasons=1),
        "team_history": Read(team_offense_game_summary.CONTRACT, Window.BEFORE, earlier_seasons=1),
    },
    grid=Grid(("game_id", "team_id"), expected_teams, "teams"),
    before_tip_off=True,
)  # fmt: skip


def playing(games: ibis.Table) -> ibis.Table:
    """One row a game and team, of games that are to be played."""
    sides = raw_games.team_games(games)
    return sides.filter(~raw_games.is_off(sides)).drop("status", "period", "score", "opponent_score")


def season_phase(rows: ibis.Table) -> ir.StringValue:
    """Where in the season a game lies."""
    month = rows.game_date.month()
    return ibis.cases((rows.postseason, PLAYOFFS), (month.between(8, 11), EARLY), (month.isin([12, 1, 2]), MID),
                      else_=LATE)  # fmt: skip


def arena(rows: ibis.Table) -> ir.StringValue:
    """The team at whose arena a game is played."""
    return rows.is_home.ifelse(rows.team, rows.opponent)


def calendar_states(schedule: ibis.Table) -> ibis.Table:
    """What is known of a team's calendar after each game that the schedule has of it."""
    log = GameLog(schedule, "team_id")
    rows = log.rows
    of_this_season = log.this_season.ifelse(rows.game_date, ibis.null("date"))
    return log.states(
        last_game_date=rows.game_date,
        date_before_last=log.back(of_this_season, 1),
        games_so_far=log.count(log.this_season),
        road_games_so_far=log.streak(~rows.is_home),
        hours_behind_before=log.this_season.ifelse(
            hours_behind_new_york(arena(rows), rows.game_date), ibis.null("int64")
        ),
    )


def result_states(team_history: ibis.Table) -> ibis.Table:
    """What is known of a team's results after each of its games."""
    log = GameLog(team_history, "team_id")
    return log.states(
        win_streak=log.streak(log.rows.won),
        loss_streak=log.streak(~log.rows.won),
        last_margin=log.this_season.ifelse(log.rows.margin, ibis.null("int64")),
    )


def rest_states(schedule: ibis.Table) -> ibis.Table:
    """When a team last played, as its opponents see it."""
    log = GameLog(schedule, "team_id")
    return log.states(opponent_last_game_date=log.rows.game_date)


def with_calendar(sides: ibis.Table, team_history: ibis.Table) -> ibis.Table:
    """The sides with rest, streaks and travel: the calendar by the schedule, which the sides are, results by games."""
    rows = as_of(as_of(sides, calendar_states(sides), "team_id"), result_states(team_history), "team_id")
    rows = as_of(rows, rest_states(sides), "team_id", on="opponent_id")
    counted = sides.mutate(games=ibis.literal(1))
    windows = {"games_last_7_days": ("games", 7), "games_last_14_days": ("games", 14)}
    rows = left_join(rows, within_days(sides, counted, "team_id", KEYS, windows), KEYS)
    days_rest = rows.game_date.delta(rows.last_game_date, unit="day")
    return rows.mutate(
        days_rest=days_rest,
        is_back_to_back=(days_rest == 1).fill_null(False),
        is_third_game_in_four_days=(rows.game_date.delta(rows.date_before_last, unit="day") <= 3).fill_null(False),
        opponent_days_rest=rows.game_date.delta(rows.opponent_last_game_date, unit="day"),
        game_number_in_season=rows.games_so_far.fill_null(0) + 1,
        win_streak=rows.win_streak.fill_null(0),
        loss_streak=rows.loss_streak.fill_null(0),
        time_zones_crossed=rows.hours_behind_before - hours_behind_new_york(arena(rows), rows.game_date),
        consecutive_road_games=rows.is_home.ifelse(0, rows.road_games_so_far.fill_null(0) + 1),
        season_phase=season_phase(rows),
    )


def with_absences(rows: ibis.Table, reports: ibis.Table, absent: ibis.Table) -> ibis.Table:
    """The rows with what the injury reports say: 0 where a report lists nobody, null where none is known."""
    known = reports.select("game_date", "team_id", injury_report_known_at="known_at")
    rows = left_join(left_join(rows, known, ("game_date", "team_id")), absent, KEYS)
    ahead = rows.tipoff_at.epoch_seconds() - rows.injury_report_known_at.epoch_seconds()
    absences = {
        name: rows.injury_report_known_at.notnull().ifelse(rows[name].fill_null(0), ibis.null(rows[name].type()))
        for name in (*(f"players_{status}" for status in STATUSES[:4]), "stars_out", *VACATED)
    }
    return rows.mutate(injury_report_minutes_before_tip_off=ahead / 60, **absences)


def with_lines(rows: ibis.Table, lines: ibis.Table) -> ibis.Table:
    """The rows with the lines of the bookmaker who counts, from the team's side."""
    chosen = preferred(lines, ("game_date", "game_id"), lines.spread_home.notnull() & lines.total.notnull())
    chosen = chosen.select(
        "game_date", "game_id", "spread_home", "opening_spread_home", "total", "opening_total",
        line_source="vendor", lines_known_at="known_at",
    )  # fmt: skip
    rows = left_join(rows, chosen, ("game_date", "game_id"))
    side = rows.is_home.ifelse(1.0, -1.0)
    rows = rows.mutate(spread=rows.spread_home * side, opening_spread=rows.opening_spread_home * side)
    return rows.mutate(
        spread_movement=rows.spread - rows.opening_spread,
        total_movement=rows.total - rows.opening_total,
        implied_team_total=(rows.total - rows.spread) / 2,
    )


def left_join(rows: ibis.Table, other: ibis.Table, keys: Sequence[str]) -> ibis.Table:
    """The rows with the columns of `other`, and the keys once."""
    joined = rows.left_join(other, list(keys))
    return joined.drop([c for c in joined.columns if c.endswith("_right")])


def upcoming_team_game_context(
    games: ibis.Table,
    reports: ibis.Table,
    listed: ibis.Table,
    lines: ibis.Table,
    history: ibis.Table,
    team_history: ibis.Table,
) -> ibis.Table:
    """One row a team and game, from what is known of the dates and everything before them."""
    sides = playing(games)
    absent = absences_by_team(listed_players(sides, listed, history))
    rows = with_lines(with_absences(with_calendar(sides, team_history), reports, absent), lines)
    return rows.select(CONTRACT.schema.names)


asset = transformed(CONTRACT, upcoming_team_game_context)
