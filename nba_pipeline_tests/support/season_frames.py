"""Frames of raw tables made from the simulated league, without a warehouse."""

from datetime import date

import ibis
import pandas as pd

from nba_pipeline.analytics import upcoming_player_game_context as player_context
from nba_pipeline.analytics import upcoming_team_game_context as team_context
from nba_pipeline.analytics.player_game_summary import player_game_summary
from nba_pipeline.analytics.team_defense_game_summary import team_defense_game_summary
from nba_pipeline.analytics.team_offense_game_summary import team_offense_game_summary
from nba_pipeline.contracts import Contract
from nba_pipeline.precompute import player_composite_factors as factors
from nba_pipeline.precompute import player_daily_cache as cache
from nba_pipeline.precompute import player_shot_zone_analysis as player_zones
from nba_pipeline.precompute import team_defense_zone_analysis as team_zones
from nba_pipeline.raw import game_lines, injuries, injury_reports, player_box_scores, player_prop_lines
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw import players as raw_players

FIRST, LAST = date(2025, 3, 20), date(2025, 12, 20)
OPENING, EARLY, MIDDLE, LATE = date(2025, 10, 21), date(2025, 10, 23), date(2025, 11, 7), date(2025, 12, 12)
TABLES = (team_zones.CONTRACT, player_zones.CONTRACT, factors.CONTRACT)
COLUMNS = {
    "fgm": "field_goals_made", "fga": "field_goals_attempted", "fg3m": "three_pointers_made",
    "fg3a": "three_pointers_attempted", "ftm": "free_throws_made", "fta": "free_throws_attempted",
    "oreb": "offensive_rebounds", "dreb": "defensive_rebounds", "ast": "assists", "stl": "steals", "blk": "blocks",
    "turnover": "turnovers", "pf": "personal_fouls",
}  # fmt: skip


def run(expression: ibis.Table) -> pd.DataFrame:
    return ibis.duckdb.connect().to_pyarrow(expression).to_pandas(date_as_object=True)


def frame_of(rows: pd.DataFrame, table: Contract) -> ibis.Table:
    rows = rows.assign(**{c.name: None for c in table.columns if c.nullable and c.name not in rows})
    return ibis.memtable(rows[list(table.schema.names)], schema=table.schema)


def raw(league) -> tuple[pd.DataFrame, pd.DataFrame]:
    games = league.games[league.games["game_date"].between(FIRST, LAST)].copy()
    names = {team.id: team.abbreviation for team in league.teams}
    games = games.assign(
        status="final", status_text="Final", period=4 + games["overtimes"], moved_to=None,
        tipoff_at=games["tipoff_at"].dt.tz_localize(None),
        home_team=games["home_team_id"].map(names), visitor_team=games["visitor_team_id"].map(names),
    )  # fmt: skip
    box = league.box.merge(games[["game_id", "game_date", "season"]], on="game_id").rename(columns=COLUMNS)
    box = box.assign(
        points=2 * box["field_goals_made"] + box["three_pointers_made"] + box["free_throws_made"],
        rebounds=box["offensive_rebounds"] + box["defensive_rebounds"], did_not_play=box["sat"],
        first_name="A", last_name=box["player_id"].astype(str), position="G", team=box["team_id"].map(names),
        minutes=box["minutes"].astype(float),
    )  # fmt: skip
    return games, box


class Season:
    """The analytics tables of a season, and what the precomputed tables make of them."""

    def __init__(self, games: pd.DataFrame, box: pd.DataFrame) -> None:
        self.games, self.box = games, box
        inputs = frame_of(box, player_box_scores.CONTRACT), frame_of(games, raw_games.CONTRACT)
        self.history = run(player_game_summary(*inputs))
        self.offense = run(team_offense_game_summary(*inputs))
        self.defense = run(team_defense_game_summary(*inputs))

    def tables(self, *days: date, until: date = date(2100, 1, 1)) -> dict[str, pd.DataFrame]:
        """The rows of the dates, from history before `until`."""
        asked = self.games["game_date"].isin(days)
        games = frame_of(self.games[asked], raw_games.CONTRACT)
        schedule = frame_of(self.games[asked | (self.games["game_date"] < until)], raw_games.CONTRACT)
        nothing = {
            table.CONTRACT: ibis.memtable([], schema=table.CONTRACT.schema)
            for table in (raw_players, injury_reports, injuries, game_lines, player_prop_lines)
        }
        history, offense, defense = (
            ibis.memtable(rows[rows["game_date"] < until]) for rows in (self.history, self.offense, self.defense)
        )
        reports, listed, lines, rosters, props = (
            nothing[table.CONTRACT] for table in (injury_reports, injuries, game_lines, raw_players, player_prop_lines)
        )
        sides = run(team_context.upcoming_team_game_context(games, reports, listed, lines, history, offense))
        sides = frame_of(sides, team_context.CONTRACT)
        expected = run(player_context.upcoming_player_game_context(games, rosters, listed, props, sides, history))
        upcoming = frame_of(expected, player_context.CONTRACT)
        known = run(cache.player_daily_cache(upcoming, history, offense, schedule))
        players = run(player_zones.player_shot_zone_analysis(frame_of(known, cache.CONTRACT), history))
        teams = run(team_zones.team_defense_zone_analysis(schedule, defense))
        teams = teams[teams["game_date"].isin(days)]
        inputs = (
            (known, cache.CONTRACT), (expected, player_context.CONTRACT), (players, player_zones.CONTRACT),
            (teams, team_zones.CONTRACT),
        )  # fmt: skip
        both = run(factors.player_composite_factors(*[frame_of(rows, table) for rows, table in inputs]))
        made = zip((cache.CONTRACT, *TABLES), (known, teams, players, both), strict=True)
        return {t.name: rows.sort_values(list(t.grain)).reset_index(drop=True) for t, rows in made}
