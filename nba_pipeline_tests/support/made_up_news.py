"""Injury reports, lines and rosters for a league that has none."""

from datetime import date

import pandas as pd

from nba_pipeline.league.model import League
from nba_pipeline.raw import game_lines, injuries, injury_reports, player_prop_lines
from nba_pipeline.raw import players as raw_players
from nba_pipeline_tests.support.pure_history import Frames


def news(games: pd.DataFrame, listed: pd.DataFrame) -> Frames:
    """Injury reports of every team that plays, every ninth of whose players is out, and two bookmakers' lines."""
    known = listed.assign(known_at=listed["known_at"] + pd.Timedelta(hours=1))
    hurt = known[(known["player_id"] + known["game_date"].map(date.toordinal)) % 9 == 0].assign(
        status="out", status_text="Out"
    )
    sides = [games.rename(columns={f"{side}_team_id": "team_id"}) for side in ("home", "visitor")]
    teams = pd.concat(sides)[["game_date", "game_id", "team_id", "tipoff_at"]]
    reports = known.groupby(["game_date", "team_id"], as_index=False).first().merge(teams, on=["game_date", "team_id"])
    vendors = pd.DataFrame({"vendor": ["a", "b"], "line": [8.5, 9.5], "total": [220.5, 221.5], "spread_home": -3.5})
    vendors = vendors.assign(opening_line=9.5, opening_total=222.5, opening_spread_home=-2.5)
    offered = known.merge(teams, on=["game_date", "team_id"]).merge(vendors, how="cross")
    offered = offered.assign(stat="points", opening_known_at=offered["known_at"])
    found = {
        injury_reports: reports.assign(players_listed=1),
        injuries: hurt,
        player_prop_lines: offered,
        game_lines: offered.drop_duplicates(["game_date", "game_id", "vendor"]),
    }
    return {
        module.CONTRACT.name: rows.reindex(columns=list(module.CONTRACT.schema.names)) for module, rows in found.items()
    }


def rosters(league: League, games: pd.DataFrame) -> pd.DataFrame:
    """The players of the teams that play, asked for at noon."""
    sides = pd.concat([games[["game_date", f"{side}_team_id"]].set_axis(["game_date", "team_id"], axis=1)
                       for side in ("home", "visitor")])  # fmt: skip
    stays = pd.DataFrame([vars(stay) for stay in league.stays])
    listed = sides.merge(stays, on="team_id")
    listed = listed[listed["game_date"].between(listed["first_day"], listed["last_day"])]
    known = {"first_name": "A", "last_name": listed["player_id"].astype(str), "team": "T", "position": "G"}
    listed = listed.assign(**known, known_at=pd.to_datetime(listed["game_date"]) + pd.Timedelta(hours=12))
    return listed.reindex(columns=list(raw_players.CONTRACT.schema.names)).drop_duplicates(["game_date", "player_id"])
