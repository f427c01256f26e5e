"""Rates against hand-computed fixtures and identities, on real box scores where they are."""

from datetime import date

import ibis
import pandas as pd
import pytest

from nba_pipeline.analytics.player_game_summary import player_game_summary
from nba_pipeline.analytics.team_defense_game_summary import team_defense_game_summary
from nba_pipeline.analytics.team_offense_game_summary import team_offense_game_summary
from nba_pipeline.raw.player_box_scores import COUNTS

NAMES = [column.name for column in COUNTS]


def run(expression: ibis.Table) -> pd.DataFrame:
    return ibis.duckdb.connect().to_pyarrow(expression).to_pandas()


def box(player: int, team: int, minutes: float, **counts: int) -> dict:
    made, threes, free = (counts.get(n, 0) for n in ("field_goals_made", "three_pointers_made", "free_throws_made"))
    filled = {
        **dict.fromkeys(NAMES, 0), **counts, "points": 2 * made + threes + free,
        "rebounds": counts.get("offensive_rebounds", 0) + counts.get("defensive_rebounds", 0),
    }  # fmt: skip
    return {
        "game_date": date(2024, 1, 17), "game_id": 1, "player_id": player, "first_name": "A", "last_name": str(player),
        "position": "G", "season": 2023, "team_id": team, "team": "BOS" if team == 1 else "NYK", "minutes": minutes,
        "did_not_play": minutes == 0, "plus_minus": 0, **filled,
    }  # fmt: skip


def game(period: int, home: int, visitor: int) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "game_date": date(2024, 1, 17), "game_id": 1, "season": 2023, "status": "final", "period": period,
                "tipoff_at": pd.Timestamp("2024-01-18"), "postseason": False, "home_team_id": 1, "home_team": "BOS",
                "home_score": home, "visitor_team_id": 2, "visitor_team": "NYK", "visitor_score": visitor,
            }
        ]
    )  # fmt: skip


@pytest.fixture
def overtime_game() -> tuple[ibis.Table, ibis.Table]:
    """A game with one overtime: a star and the rest of his team, against one line for the others."""
    rows = [
        box(1, 1, 44, field_goals_made=15, field_goals_attempted=30, three_pointers_made=4, three_pointers_attempted=10,
            free_throws_made=8, free_throws_attempted=10, turnovers=5, assists=9, defensive_rebounds=6),
        box(2, 1, 221, field_goals_made=30, field_goals_attempted=65, three_pointers_made=8, free_throws_made=6,
            free_throws_attempted=10, turnovers=9, offensive_rebounds=10, defensive_rebounds=30),
        box(3, 2, 265, field_goals_made=40, field_goals_attempted=95, three_pointers_made=12, free_throws_made=20,
            free_throws_attempted=25, turnovers=12, offensive_rebounds=12, defensive_rebounds=33),
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    scores = frame.groupby("team_id")["points"].sum()
    return ibis.memtable(frame), ibis.memtable(game(5, int(scores[1]), int(scores[2])))


def test_rates_of_a_player_by_hand(overtime_game):
    star = run(player_game_summary(*overtime_game)).set_index("player_id").loc[1]
    plays, team_plays = 30 + 0.44 * 10 + 5, 95 + 0.44 * 20 + 14
    assert star["usage_rate"] == pytest.approx(plays * 53 / (44 * team_plays))
    assert star["true_shooting"] == pytest.approx(42 / (2 * (30 + 0.44 * 10)))
    assert star["effective_field_goal_rate"] == pytest.approx((15 + 2) / 30)
    assert star["points_per_36"] == pytest.approx(42 / 44 * 36)


def test_rates_of_minutes_are_null_below_a_minute_and_the_counts_stand():
    seconds = box(4, 1, 4 / 60, field_goals_made=1, field_goals_attempted=1, three_pointers_made=1)
    minute = box(5, 1, 1.0, field_goals_made=1, field_goals_attempted=1)
    others = [box(1, 1, 238, field_goals_made=40, field_goals_attempted=90), box(2, 2, 240, field_goals_attempted=80)]
    rows = ibis.memtable(pd.DataFrame([seconds, minute, *others]))
    made = run(player_game_summary(rows, ibis.memtable(game(4, 85, 0)))).set_index("player_id")
    rates = ["usage_rate", "points_per_36", "rebounds_per_36", "assists_per_36"]
    assert made.loc[4, rates].isna().all()
    assert (made.loc[4, "points"], made.loc[4, "played"], made.loc[4, "true_shooting"]) == (3, True, 1.5)
    assert made.loc[5, rates].notna().all()


def test_pace_counts_overtime_minutes_and_both_teams(overtime_game):
    teams = run(team_offense_game_summary(*overtime_game)).set_index("team")
    boston, newyork = 95 + 0.44 * 20 + 14 - 10, 95 + 0.44 * 25 + 12 - 12
    assert teams.loc["BOS", "possessions"] == pytest.approx(boston)
    assert teams["pace"].tolist() == pytest.approx([(boston + newyork) / 2 * 48 / 53] * 2)
    assert teams.loc["BOS", "offensive_rating"] == pytest.approx(100 * 116 / boston)
    assert teams.loc["BOS", "offensive_rebound_rate"] == pytest.approx(10 / (10 + 33))
    assert (
        teams["two_point_points"] + teams["three_point_points"] + teams["free_throw_points"] == teams["points"]
    ).all()


def test_what_one_team_scores_the_other_allows(overtime_game):
    offense = run(team_offense_game_summary(*overtime_game)).set_index("team_id")
    defense = run(team_defense_game_summary(*overtime_game)).set_index("opponent_id")
    assert defense["points_allowed"].to_dict() == offense["points"].to_dict()
    assert defense["defensive_rating"].to_dict() == pytest.approx(offense["offensive_rating"].to_dict())
    assert (defense["won"] != offense["won"].reindex(defense.index)).all()


def test_usage_of_a_team_weighted_by_minutes_is_one_on_every_team_of_a_season(league):
    rows = run(player_game_summary(*as_raw(league, 2025)))
    played = rows[rows["played"]]
    share = (played["usage_rate"] * played["minutes"]).groupby([played["game_id"], played["team_id"]]).sum()
    floor = played.groupby(["game_id", "team_id"])["minutes"].sum() / 5
    assert (share / floor).to_numpy() == pytest.approx(1.0)


def as_raw(league, season: int) -> tuple[ibis.Table, ibis.Table]:
    """A season of the league in the shape of the raw tables."""
    from nba_pipeline.league.parquet_seasons import COLUMNS

    ours = {theirs: name for name, theirs in COLUMNS.items()}
    games = league.games[league.games["season"] == season]
    rows = league.box[league.box["game_id"].isin(games["game_id"])].rename(columns=ours)
    rows = rows.merge(games[["game_id", "game_date", "season"]], on="game_id")
    rows = rows.assign(
        points=2 * rows["field_goals_made"] + rows["three_pointers_made"] + rows["free_throws_made"],
        rebounds=rows["offensive_rebounds"] + rows["defensive_rebounds"],
        first_name="A", last_name="B", position="G", team=rows["team_id"].astype(str),
        minutes=rows["minutes"].astype(float), did_not_play=rows["sat"],
    )  # fmt: skip
    sides = {f"{s}_team": games[f"{s}_team_id"].astype(str) for s in ("home", "visitor")}
    schedule = games.assign(status="final", period=4 + games["overtimes"], **sides)
    schedule = schedule.assign(tipoff_at=schedule["tipoff_at"].dt.tz_localize(None))
    return ibis.memtable(rows), ibis.memtable(schedule)
