"""The context of a coming game, by hand: rest, travel, streaks, who is out and what he leaves, lines."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import duckdb
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nba_pipeline.analytics import upcoming_player_game_context as player_context
from nba_pipeline.analytics import upcoming_team_game_context as team_context
from nba_pipeline.analytics.calculations.arena_time_zones import TEAMS_BY_HOURS_BEHIND_NEW_YORK, hours_behind_new_york
from nba_pipeline.contracts import Contract

TONIGHT = date(2025, 1, 20)
TIP_OFF = datetime(2025, 1, 21, 0, 30)
BOS, LAL, DEN, XYZ = 1, 2, 3, 4
NAMES = {BOS: "BOS", LAL: "LAL", DEN: "DEN", XYZ: "XYZ"}
STAR, STARTER, RESERVE, OPPONENT = 11, 12, 13, 21
HALF_LIFE = 7


@cache
def query(table: Contract) -> str:
    """The transform of a context as SQL, translated once for all tests."""
    module = {t.CONTRACT: t for t in (team_context, player_context)}[table]
    made = getattr(module, table.short_name)(**{name: read.table.unbound() for name, read in table.reads.items()})
    return str(ibis.to_sql(made, dialect="duckdb"))


def context(table: Contract, inputs: dict[str, list[dict]]) -> pd.DataFrame:
    """The rows of a context, from rows of what it reads; what is not said of them is null."""
    with duckdb.connect() as connection:
        for name, read in table.reads.items():
            frame = pd.DataFrame(inputs.get(name, []), columns=read.table.schema.names).astype(object)
            rows = pa.Table.from_pandas(frame, schema=read.table.schema.to_pyarrow(), preserve_index=False)
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {read.table.schema_name}")
            connection.register("rows", rows)
            connection.execute(f"CREATE TABLE {read.table.name} AS FROM rows")
        return connection.execute(query(table)).fetch_arrow_table().to_pandas(date_as_object=True)


def scheduled(home: int = BOS, visitor: int = LAL, **changes) -> dict:
    return {
        "game_date": TONIGHT, "game_id": 900, "season": 2024, "status": "scheduled", "period": 0, "tipoff_at": TIP_OFF,
        "postseason": False, "home_team_id": home, "home_team": NAMES[home], "visitor_team_id": visitor,
        "visitor_team": NAMES[visitor], **changes,
    }  # fmt: skip


def team_game(days_before: int, team: int, opponent: int, *, home: bool = True, margin: int = 5, **changes) -> dict:
    day = TONIGHT - timedelta(days=days_before)
    return {
        "game_date": day, "game_id": 900 - days_before, "team_id": team, "team": NAMES[team], "opponent_id": opponent,
        "opponent": NAMES[opponent], "season": 2024, "postseason": False, "is_home": home, "won": margin > 0,
        "margin": margin, **changes,
    }  # fmt: skip


def player_game(days_before: int, player: int, team: int = BOS, *, minutes: float = 30.0, points: int = 20, **changes):
    day = TONIGHT - timedelta(days=days_before)
    return {
        "game_date": day, "game_id": 900 - days_before, "player_id": player, "player_name": f"Player {player}",
        "season": 2024, "team_id": team, "team": NAMES[team], "played": minutes > 0, "minutes": minutes,
        "points": points, "usage_rate": 0.24, "rebounds": 6, "assists": 4, "field_goals_attempted": 15,
        "three_pointers_attempted": 5, **changes,
    }  # fmt: skip


def report(team: int, hours_before: float = 2.0) -> dict:
    known = TIP_OFF - timedelta(hours=hours_before)
    return {"game_date": TONIGHT, "team_id": team, "team": NAMES[team], "game_id": 900, "known_at": known}


def injured(player: int, status: str, team: int = BOS) -> dict:
    return {"game_date": TONIGHT, "player_id": player, "team_id": team, "team": NAMES[team], "status": status}


def line(vendor: str, spread: float | None, total: float | None, opening: tuple[float, float] = (-3.0, 220.0)) -> dict:
    return {
        "game_date": TONIGHT, "game_id": 900, "vendor": vendor, "spread_home": spread, "total": total,
        "opening_spread_home": opening[0], "opening_total": opening[1], "known_at": TIP_OFF - timedelta(hours=1),
    }  # fmt: skip


def prop(player: int, vendor: str, value: float, opening: float = 20.5, stat: str = "points") -> dict:
    return {
        "game_date": TONIGHT, "game_id": 900, "player_id": player, "stat": stat, "vendor": vendor, "line": value,
        "opening_line": opening, "known_at": TIP_OFF - timedelta(hours=1),
    }  # fmt: skip


CALENDAR = [team_game(n, team, other) for n in (2, 5, 9, 30) for team, other in ((BOS, DEN), (LAL, DEN))]
GAMES_OF = {STAR: (30.0, 30), STARTER: (28.0, 12), RESERVE: (8.0, 3)}
HISTORY = [
    player_game(n, player, minutes=minutes, points=points)
    for n in (2, 5, 9)
    for player, (minutes, points) in GAMES_OF.items()
] + [player_game(n, OPPONENT, LAL, points=25) for n in (2, 5, 9)]


def on_schedule(game: dict) -> dict:
    """The game of a team as the schedule has it."""
    own, other = ("home", "visitor") if game["is_home"] else ("visitor", "home")
    return {
        **scheduled(), **{name: game[name] for name in ("game_date", "season", "postseason")}, "status": "final",
        "game_id": 1000 * game["team_id"] + game["game_id"], "tipoff_at": None,
        f"{own}_team_id": game["team_id"], f"{own}_team": game["team"],
        f"{other}_team_id": game["opponent_id"], f"{other}_team": game["opponent"],
    }  # fmt: skip


def teams(earlier: list[dict] | None = None, **inputs: list[dict]) -> pd.DataFrame:
    """The context of tonight's teams, by id; the schedule of earlier dates is that of the history if none is given."""
    told = {"games": [scheduled()], "team_history": CALENDAR, "history": HISTORY, **inputs}
    tonight = {game["game_id"] for game in told["games"]}
    earlier = [on_schedule(game) for game in told["team_history"]] if earlier is None else earlier
    found = context(team_context.CONTRACT, {**told, "games": [*told["games"], *earlier]})
    return found[found["game_id"].isin(tonight)].set_index("team_id").sort_index()


def expected(**inputs: list[dict]) -> pd.DataFrame:
    """The context of tonight's players, by id."""
    told = {"games": [scheduled()], "history": HISTORY, **inputs}
    sides = teams(**inputs).reset_index().astype(object)
    told["teams"] = sides.where(sides.notna(), None).to_dict("records")
    return context(player_context.CONTRACT, told).set_index("player_id").sort_index()


# rest and results


def test_rest_is_days_from_game_to_game_and_one_is_a_back_to_back():
    calendar = [team_game(1, BOS, DEN), team_game(4, BOS, DEN), team_game(3, LAL, DEN), team_game(16, LAL, DEN)]
    found = teams(team_history=calendar)
    assert found["days_rest"].tolist() == [1, 3]
    assert found["opponent_days_rest"].tolist() == [3, 1]
    assert found["is_back_to_back"].tolist() == [True, False]
    assert found["games_last_7_days"].tolist() == [2, 1]
    assert found["games_last_14_days"].tolist() == [2, 1]
    assert found["game_number_in_season"].tolist() == [3, 3]


def test_a_game_without_a_box_score_counts_in_the_calendar_and_in_no_result():
    """As one that is held, or of a date of which the source never said anything."""
    played = [team_game(3, BOS, DEN, margin=9), team_game(5, LAL, DEN, margin=9)]
    unseen = [team_game(1, BOS, DEN, home=False), team_game(2, LAL, DEN, home=False)]
    off = [{**on_schedule(team_game(n, BOS, DEN)), "status": "postponed"} for n in (2, 4)]
    found = teams([*map(on_schedule, [*played, *unseen]), *off], team_history=played)
    assert found["days_rest"].tolist() == [1, 2]
    assert found["opponent_days_rest"].tolist() == [2, 1]
    assert found["is_back_to_back"].tolist() == [True, False]
    assert found["games_last_7_days"].tolist() == [2, 2]
    assert found["game_number_in_season"].tolist() == [3, 3]
    assert found["consecutive_road_games"].tolist() == [0, 2]
    assert found["time_zones_crossed"].tolist() == [2, 2]
    assert found["win_streak"].tolist() == [1, 1]
    assert found["last_margin"].tolist() == [9, 9]


def test_a_season_begins_with_the_rest_of_the_summer_and_without_a_streak():
    calendar = [team_game(200, BOS, DEN, season=2023, margin=9), team_game(203, BOS, DEN, season=2023, margin=9)]
    found = teams(team_history=calendar)
    row = found.loc[BOS]
    assert row["days_rest"] == 200
    assert not row["is_back_to_back"]
    assert row[["win_streak", "loss_streak", "game_number_in_season", "games_last_14_days"]].tolist() == [0, 0, 1, 0]
    assert row[["last_margin", "time_zones_crossed"]].isna().all(), "they belong to the season before"
    assert pd.isna(found.loc[LAL, "days_rest"]), "of a team without a game nothing is known"


@pytest.mark.parametrize(
    ("margins", "wins", "losses"), [([5, -3, 2, 8], 2, 0), ([5, -3], 0, 1), ([-1, -1, -1], 0, 3), ([4], 1, 0)]
)
def test_a_streak_counts_back_to_the_last_game_that_ended_otherwise(margins, wins, losses):
    calendar = [team_game(2 * (len(margins) - n), BOS, DEN, margin=margin) for n, margin in enumerate(margins)]
    row = teams(team_history=calendar).loc[BOS]
    assert (row["win_streak"], row["loss_streak"], row["last_margin"]) == (wins, losses, margins[-1])


@pytest.mark.parametrize(
    ("day", "postseason", "phase"),
    [
        (date(2024, 10, 22), False, "early"), (date(2024, 11, 30), False, "early"), (date(2024, 12, 1), False, "mid"),
        (date(2025, 2, 28), False, "mid"), (date(2025, 3, 1), False, "late"), (date(2025, 4, 20), True, "playoffs"),
    ],
)  # fmt: skip
def test_a_season_has_three_phases_and_the_playoffs(day, postseason, phase):
    found = teams(games=[scheduled(game_date=day, postseason=postseason)])
    assert set(found["season_phase"]) == {phase}


def test_a_postponed_game_has_no_context():
    assert teams(games=[scheduled(status="postponed")]).empty


# travel


ZONES = {0: "America/New_York", 1: "America/Chicago", 2: "America/Denver", 3: "America/Los_Angeles"}


def test_every_arena_is_as_far_behind_new_york_as_its_clock_on_every_day_of_a_season():
    rows = [
        (team, date(2024, 10, 1) + timedelta(days=n), "America/Phoenix" if team == "PHX" else ZONES[hours])
        for hours, teams_there in TEAMS_BY_HOURS_BEHIND_NEW_YORK.items()
        for team in teams_there
        for n in range(270)
    ]
    table = ibis.memtable(pd.DataFrame(rows, columns=["team", "day", "zone"]))
    hours = table.mutate(hours=hours_behind_new_york(table.team, table.day))
    found = ibis.duckdb.connect().to_pyarrow(hours).to_pandas(date_as_object=True)
    assert found["team"].nunique() == 30

    def clock(zone: str, day: date) -> datetime:
        tip_off = datetime.combine(day, datetime.min.time(), UTC).replace(hour=23)
        return tip_off.astimezone(ZoneInfo(zone)).replace(tzinfo=None)

    wanted = [(clock("America/New_York", day) - clock(zone, day)) / timedelta(hours=1)
              for day, zone in zip(found["day"], found["zone"], strict=True)]  # fmt: skip
    assert found["hours"].tolist() == wanted


def test_coming_home_from_the_west_crosses_three_zones_east_and_staying_none():
    calendar = [team_game(2, BOS, LAL, home=False), team_game(2, LAL, BOS, home=True)]
    found = teams(team_history=calendar)
    assert found["time_zones_crossed"].tolist() == [3, 3]
    found = teams(games=[scheduled(home=LAL, visitor=BOS)], team_history=calendar)
    assert found["time_zones_crossed"].tolist() == [0, 0]
    found = teams(games=[scheduled(home=XYZ, visitor=BOS)], team_history=calendar)
    assert found["time_zones_crossed"].isna().all(), "of a team that is none of the thirty nobody knows the arena"


def test_road_games_in_a_row_count_tonights_and_end_at_home():
    calendar = [team_game(9, BOS, DEN), team_game(5, BOS, DEN, home=False), team_game(2, BOS, DEN, home=False)]
    away = teams(games=[scheduled(home=LAL, visitor=BOS)], team_history=calendar)
    assert away["consecutive_road_games"].tolist() == [3, 0]
    assert teams(team_history=calendar)["consecutive_road_games"].tolist() == [0, 1]


# who is out


VACATED = [name for name in team_context.CONTRACT.schema.names if "vacated_" in name]


def test_no_report_is_null_and_a_report_that_lists_nobody_is_nought():
    found = teams(reports=[report(BOS)])
    counts = ["players_out", "players_doubtful", "players_questionable", "players_probable", "stars_out", *VACATED]
    assert (found.loc[BOS, counts] == 0).all()
    assert found.loc[LAL, [*counts, "injury_report_known_at"]].isna().all()
    assert found.loc[BOS, "injury_report_minutes_before_tip_off"] == 120
    rows = expected(reports=[report(BOS)])
    assert rows.loc[STAR, "injury_status"] == "available"
    assert (rows.loc[STAR, VACATED] == 0).all()
    assert rows.loc[STAR, "opponent_vacated_minutes":"opponent_vacated_points"].isna().all()
    assert pd.isna(rows.loc[OPPONENT, "injury_status"])


def test_who_is_out_leaves_the_weighted_means_of_the_games_that_he_played():
    points = [10, 30, 21, 40]
    own = [player_game(20 - 3 * n, STAR, points=value, minutes=20.0 + n) for n, value in enumerate(points)]
    sat = player_game(3, STAR, minutes=0.0, points=0)
    row = teams(history=[*own, sat], reports=[report(BOS)], listed=[injured(STAR, "out")]).loc[BOS]
    weights = 0.5 ** (np.arange(4)[::-1] / HALF_LIFE)
    assert row["players_out"] == row["stars_out"] == 1
    assert row["vacated_points"] == pytest.approx(np.average(points, weights=weights), abs=1e-6)
    minutes = np.array([20.0, 21, 22, 23])
    assert row["vacated_minutes"] == pytest.approx(np.average(minutes, weights=weights), abs=1e-6)
    assert row["vacated_usage"] == pytest.approx(np.average(0.24 * minutes / 48, weights=weights), abs=1e-6)


def test_of_the_absent_only_those_out_leave_anything_and_nobody_leaves_it_to_himself():
    listed = [injured(STAR, "out"), injured(STARTER, "questionable"), injured(RESERVE, "probable")]
    found = expected(reports=[report(BOS), report(LAL)], listed=listed)
    assert found["injury_status"].to_dict() == {
        STAR: "out", STARTER: "questionable", RESERVE: "probable", OPPONENT: "available"
    }  # fmt: skip
    assert found["star_teammates_out"].to_dict() == {STAR: 0, STARTER: 1, RESERVE: 1, OPPONENT: 0}
    assert found["teammates_questionable"].to_dict() == {STAR: 1, STARTER: 0, RESERVE: 1, OPPONENT: 0}
    assert found["teammates_probable"].to_dict() == {STAR: 1, STARTER: 1, RESERVE: 0, OPPONENT: 0}
    assert found["vacated_points"].to_dict() == pytest.approx({STAR: 0, STARTER: 30, RESERVE: 30, OPPONENT: 0})
    assert found.loc[STAR, "vacated_points"] == 0, "to the last digit"
    assert found["opponent_vacated_points"].to_dict() == pytest.approx({STAR: 0, STARTER: 0, RESERVE: 0, OPPONENT: 30})
    assert found.loc[OPPONENT, "opponent_stars_out"] == 1


def test_what_has_long_been_missing_is_vacated_but_not_newly_and_what_comes_back_is_taken_back():
    calendar = [team_game(n, team, DEN) for n in (2, 5, 9, 12, 30) for team in (BOS, LAL)]
    history = [
        *(player_game(n, STARTER, minutes=28.0, points=12) for n in (2, 5, 9, 12)),
        *(player_game(n, STAR, points=30) for n in (12, 30)),
        *(player_game(n, RESERVE, minutes=8.0, points=3) for n in (12, 30)),
        *(player_game(n, OPPONENT, LAL) for n in (2, 5, 9, 12)),
    ]
    known = {"history": history, "team_history": calendar, "reports": [report(BOS)]}
    out = expected(listed=[injured(STAR, "out")], **known).loc[STARTER]
    assert out["vacated_minutes"] == pytest.approx(30)
    assert out["newly_vacated_minutes"] == pytest.approx(30 / 4), (
        "he played one of the team's four games of the last days"
    )
    assert out["returning_minutes"] == 0, "nobody of the rotation comes back"
    back = expected(**known)
    assert back.loc[STARTER, "returning_minutes"] == pytest.approx(30 * 3 / 4)
    assert back.loc[STARTER, "returning_usage"] == pytest.approx(0.24 * 30 / 48 * 3 / 4)
    assert back.loc[STAR, "returning_minutes"] == 0, "he takes nothing back from himself"
    assert expected(history=history, team_history=calendar)["returning_minutes"].isna().all()


# lines


def test_lines_are_seen_from_the_side_of_the_team_and_of_one_bookmaker():
    lines = [line("fanduel", -6.5, 229.0), line("draftkings", -5.5, 230.0), line("another", -9.0, 240.0)]
    found = teams(lines=lines)
    assert found["line_source"].tolist() == ["draftkings"] * 2
    assert found["spread"].tolist() == [-5.5, 5.5]
    assert found["spread_movement"].tolist() == [-2.5, 2.5]
    assert found["total_movement"].tolist() == [10.0, 10.0]
    assert found["implied_team_total"].tolist() == [117.75, 112.25]
    assert found["implied_team_total"].sum() == found["total"].iloc[0]
    assert teams(lines=[line("draftkings", None, 230.0), lines[0]])["line_source"].iloc[0] == "fanduel"
    without = teams()
    assert without[[c.name for c in team_context.line_columns()]].isna().all().all()


def test_the_line_of_a_player_is_one_bookmakers_and_its_movement_his():
    props = [
        prop(STAR, "zebra", 28.5),
        prop(STAR, "fanduel", 27.5, opening=26.0),
        prop(STAR, "fanduel", 5.5, stat="assists"),
    ]
    found = expected(prop_lines=props)
    row = found.loc[STAR]
    assert (row["points_line"], row["opening_points_line"], row["points_line_movement"]) == (27.5, 26.0, 1.5)
    assert (row["points_line_source"], row["points_line_vendors"], row["points_line_range"]) == ("fanduel", 2, 1.0)
    assert found.loc[STARTER, ["points_line", "points_over_streak", "points_under_streak"]].isna().all()
    assert found.loc[STARTER, "points_line_vendors"] == 0


@pytest.mark.parametrize(
    ("points", "over", "under"),
    [([10, 30, 25], 2, 0), ([30, 10, 15], 0, 2), ([30, 30, 22], 0, 0), ([30, 22, 30], 1, 0), ([23, 24], 2, 0)],
)
def test_a_streak_is_of_games_played_this_season_against_tonights_line(points, over, under):
    own = [player_game(2 * (len(points) - n), STAR, points=value) for n, value in enumerate(points)]
    others = [
        player_game(1, STAR, points=0, minutes=0.0),
        player_game(200, STAR, points=40, season=2023),
        player_game(2, STARTER, points=0),
    ]
    row = expected(history=[*own, *others], prop_lines=[prop(STAR, "draftkings", 22.0)]).loc[STAR]
    assert (row["points_over_streak"], row["points_under_streak"]) == (over, under)


# the player himself


def test_a_players_rest_and_load_are_those_of_the_games_that_he_played():
    history = [player_game(n, STAR, minutes=30.0 + n) for n in (1, 2, 6, 10, 14, 15)] + [
        player_game(3, STAR, minutes=0.0)
    ]
    row = expected(history=history).loc[STAR]
    assert (row["days_rest"], row["is_back_to_back"], row["team_days_rest"]) == (1, True, 2)
    assert (row["games_last_7_days"], row["games_last_14_days"], row["back_to_backs_last_14_days"]) == (3, 5, 2)
    assert row["minutes_last_7_days"] == 31 + 32 + 36
    assert row["minutes_per_game_last_7_days"] == pytest.approx(33)
    assert row["expected_because"] == "recent games"


def test_nothing_on_or_after_the_date_changes_the_context_of_its_games():
    known = {
        "reports": [report(BOS), report(LAL)], "listed": [injured(STAR, "out")],
        "lines": [line("draftkings", -5, 230)], "prop_lines": [prop(STARTER, "draftkings", 11.5)],
    }  # fmt: skip
    later_calendar = [team_game(n, team, DEN, margin=-40) for n in (0, -1) for team in (BOS, LAL)]
    players = (STAR, STARTER, RESERVE, 14)
    later = [player_game(n, player, minutes=48.0, points=60) for n in (0, -1) for player in players]
    before = expected(**known)
    after = expected(history=HISTORY + later, team_history=CALENDAR + later_calendar, **known)
    pd.testing.assert_frame_equal(before, after, check_exact=True)
