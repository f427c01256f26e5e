"""Who is predicted: decided before the game, never from the box score of the day."""

import ibis

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.as_of import GameLog, as_of
from nba_pipeline.contracts import Reader
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw import players as raw_players

RECENT_TEAM_GAMES = 100
"""A player listed within his team's last 100 games is expected: somebody may come back after a season. On 2023-24 that
finds 98.7 % of the rows, 20 games 98.3 %; the others are debuts and players of another team before, whom only a roster
knows. A team has 21 expected players then, instead of 17."""

ROSTER = "roster"
RECENT_GAMES = "recent games"


def expected_players(games: ibis.Table, rosters: ibis.Table, history: ibis.Table) -> ibis.Table:
    """One row a game and player expected to be available, from the schedule of the dates.

    A team whose roster was known before tip-off has the players on it. Any other team has those whose
    latest game before the date was for it, within its last `RECENT_TEAM_GAMES` games. `expected_because` says which.
    """
    sides = raw_games.team_games(games)
    sides = sides.filter(~raw_games.is_off(sides)).select(
        "game_date", "game_id", "season", "team_id", "team", "opponent_id", "opponent", "is_home", "tipoff_at"
    )
    known = rosters.inner_join(sides.select("game_date", "team_id", "tipoff_at"), ["game_date", "team_id"])
    known = known.filter(raw_games.is_before_tip_off(known.known_at, known.game_date, known.tipoff_at))
    listed = sides.inner_join(known.select("game_date", "team_id", "player_id"), ["game_date", "team_id"])
    without = sides.anti_join(known, ["game_date", "team_id"])
    columns = [
        "game_date",
        "game_id",
        "player_id",
        "season",
        "team_id",
        "team",
        "opponent_id",
        "opponent",
        "is_home",
    ]
    return (
        listed.mutate(expected_because=ibis.literal(ROSTER))
        .select(*columns, "expected_because")
        .union(
            recent_players(without, history)
            .mutate(expected_because=ibis.literal(RECENT_GAMES))
            .select(*columns, "expected_because")
        )
    )


def recent_players(sides: ibis.Table, history: ibis.Table) -> ibis.Table:
    """One row a game and player whose latest listing before the date was for the team, not too long ago."""
    team_log = GameLog(history.select("season", "game_date", "team_id").distinct(), "team_id")
    numbered = team_log.rows.select("as_of_season", "game_date", "team_id", "game_number")
    team_states = team_log.states(team_games_before=team_log.rows.game_number)
    player_log = GameLog(history.select("season", "game_date", "team_id", "player_id"), "player_id")
    latest = player_log.states(team_id=player_log.rows.team_id)
    latest = latest.left_join(
        numbered,
        [
            latest.team_id == numbered.team_id,
            latest.as_of_season == numbered.as_of_season,
            latest.known_from == numbered.game_date,
        ],
    ).select("player_id", "as_of_season", "known_from", "known_until", "team_id", seen_in="game_number")
    teams = as_of(sides, team_states, "team_id")
    pairs = teams.inner_join(
        latest,
        [
            teams.team_id == latest.team_id,
            teams.season == latest.as_of_season,
            latest.known_from < teams.game_date,
            latest.known_until >= teams.game_date,
        ],
    )
    return pairs.filter(pairs.team_games_before - pairs.seen_in < RECENT_TEAM_GAMES)


def expected_keys(read: Reader) -> ibis.Table:
    """The game and player keys that every table of one row an expected player must have."""
    rows = expected_players(read(raw_games.CONTRACT), read(raw_players.CONTRACT), read(player_game_summary.CONTRACT))
    return rows.select("game_date", "game_id", "player_id")
