"""Zones and composite factors against other ways to compute them, and against the future."""

from datetime import date, timedelta
from itertools import combinations, pairwise

import ibis
import numpy as np
import pandas as pd
import pytest

from nba_pipeline.analytics import upcoming_player_game_context as player_context
from nba_pipeline.precompute import player_composite_factors as factors
from nba_pipeline.precompute import player_daily_cache as cache
from nba_pipeline.precompute import player_shot_zone_analysis as player_zones
from nba_pipeline.precompute import team_defense_zone_analysis as team_zones
from nba_pipeline_tests.support.season_frames import EARLY, LATE, MIDDLE, OPENING, TABLES, Season, frame_of, raw, run

ZONES = ("two_point", "three_point", "free_throw")
WORTH = {"two_point": 2, "three_point": 3, "free_throw": 1}


@pytest.fixture(scope="module")
def season(league) -> Season:
    return Season(*raw(league))


@pytest.fixture(scope="module")
def made(season) -> dict[str, pd.DataFrame]:
    return season.tables(OPENING, EARLY, MIDDLE, LATE)


def same(found: dict[str, pd.DataFrame], truth: dict[str, pd.DataFrame], *days: date) -> None:
    for name, rows in truth.items():
        wanted = rows[rows["game_date"].isin(days)].reset_index(drop=True)
        assert len(wanted)
        pd.testing.assert_frame_equal(
            found[name][found[name]["game_date"].isin(days)].reset_index(drop=True), wanted, check_exact=True, obj=name
        )


def zoned(rows: pd.DataFrame, made: str, attempted: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "two_point_makes": rows[f"field_goals_{made}"] - rows[f"three_pointers_{made}"],
            "two_point_attempts": rows[f"field_goals_{attempted}"] - rows[f"three_pointers_{attempted}"],
            "three_point_makes": rows[f"three_pointers_{made}"],
            "three_point_attempts": rows[f"three_pointers_{attempted}"],
            "free_throw_makes": rows[f"free_throws_{made}"],
            "free_throw_attempts": rows[f"free_throws_{attempted}"],
        }
    )


def close(found: float, wanted: float | None) -> None:
    if wanted is None or np.isnan(wanted):
        assert pd.isna(found)
    else:
        assert found == pytest.approx(wanted, rel=1e-9, abs=1e-9)


def quotient(makes: pd.Series, attempts: pd.Series) -> float | None:
    return makes.sum() / attempts.sum() if attempts.sum() >= 10 else None


@pytest.mark.parametrize("day", [OPENING, EARLY, MIDDLE, LATE])
def test_a_defence_is_what_its_opponents_did_before_the_date(season, made, day):
    rows = made[team_zones.CONTRACT.name]
    rows = rows[rows["game_date"] == day]
    past = season.defense[(season.defense["game_date"] < day) & (season.defense["season"] == 2025)]
    possessions = 100 * past["points_allowed"] / past["defensive_rating"]
    zones = zoned(past, "allowed", "faced").assign(possessions=possessions)
    playing = season.games[season.games["game_date"] == day]
    assert set(rows["team_id"]) == set(playing["home_team_id"]) | set(playing["visitor_team_id"])
    for row in rows.itertuples():
        mine = past[past["team_id"] == row.team_id].sort_values("game_date")
        assert (row.games_played_season, row.games_in_sample) == (len(mine), min(len(mine), 15))
        last = zones.loc[mine.index[-15:]]
        close(row.pace_last_10, mine["pace"].tail(10).mean())
        close(row.points_allowed_last_15, mine["points_allowed"].tail(15).mean())
        close(row.defensive_rating_last_15, 100 * mine["points_allowed"].tail(15).sum() / last["possessions"].sum()
              if len(mine) else None)  # fmt: skip
        for zone in ZONES:
            makes, attempts = f"{zone}_makes", f"{zone}_attempts"
            for window, games in (("last_15", last), ("season", zones.loc[mine.index])):
                close(getattr(row, f"{zone}_attempts_faced_{window}"), games[attempts].mean())
                close(getattr(row, f"{zone}_makes_allowed_{window}"), games[makes].mean())
                close(getattr(row, f"{zone}_points_allowed_{window}"), WORTH[zone] * games[makes].mean())
                close(getattr(row, f"{zone}_rate_allowed_{window}"), quotient(games[makes], games[attempts]))
            if len(mine):
                own, everyone = (g[makes].sum() / g["possessions"].sum() for g in (last, zones))
                close(getattr(row, f"{zone}_points_vs_league"), 100 * (own / everyone - 1))
                rate = quotient(last[makes], last[attempts])
                league = zones[makes].sum() / zones[attempts].sum()
                close(getattr(row, f"{zone}_rate_vs_league"), None if rate is None else rate - league)


@pytest.mark.parametrize("day", [OPENING, EARLY, MIDDLE, LATE])
def test_a_players_zones_are_those_of_the_games_that_he_played_before_the_date(season, made, day):
    rows = made[player_zones.CONTRACT.name]
    rows = rows[rows["game_date"] == day]
    past = season.history[
        (season.history["game_date"] < day) & (season.history["season"] == 2025) & season.history["played"]
    ]
    zones = zoned(past, "made", "attempted")
    by_player = {player: games.sort_values("game_date").index for player, games in past.groupby("player_id")}
    for row in rows.itertuples():
        mine = zones.loc[by_player.get(row.player_id, zones.index[:0])]
        assert (row.games_played_season, row.games_in_sample) == (len(mine), min(len(mine), 10))
        for window, games in (("last_10", mine.tail(10)), ("season", mine)):
            attempts = {zone: games[f"{zone}_attempts"].sum() for zone in ZONES}
            weighted = attempts | {"free_throw": 0.44 * attempts["free_throw"]}
            enough = sum(attempts.values()) >= 10
            for zone in ZONES:
                share = weighted[zone] / sum(weighted.values()) if enough else None
                close(getattr(row, f"{zone}_attempts_{window}"), games[f"{zone}_attempts"].mean())
                close(getattr(row, f"{zone}_attempt_share_{window}"), share)
                close(getattr(row, f"{zone}_points_{window}"), WORTH[zone] * games[f"{zone}_makes"].mean())
                makes = games[f"{zone}_makes"]
                close(getattr(row, f"{zone}_rate_{window}"), quotient(makes, games[f"{zone}_attempts"]))


def test_both_tables_of_players_agree_on_who_is_expected_and_where_he_scores(made):
    known, zones, both = (made[t.name] for t in (cache.CONTRACT, player_zones.CONTRACT, factors.CONTRACT))
    keys = ["game_date", "game_id", "player_id", "team_id", "opponent_id"]
    pd.testing.assert_frame_equal(known[keys], zones[keys])
    pd.testing.assert_frame_equal(known[keys], both[keys])
    pd.testing.assert_series_equal(known["primary_scoring_zone"], zones["primary_scoring_zone"])
    points = zones[[f"{zone}_points_last_10" for zone in ZONES]].rename(columns=lambda n: n.split("_points")[0])
    scored = zones["primary_scoring_zone"].notna()
    assert (scored == (points.sum(axis=1) > 0)).all()
    ordered = np.sort(points.to_numpy(), axis=1)
    clear = scored & (ordered[:, 2] - ordered[:, 1] > 1e-6)
    assert (zones["primary_scoring_zone"][clear] == points[clear].idxmax(axis=1).str.replace("_", "-")).all()
    assert zones["primary_scoring_zone"].nunique() >= 2


def test_the_strongest_and_the_weakest_zone_are_the_ends_of_the_comparison_with_the_league(made):
    rows = made[team_zones.CONTRACT.name]
    differences = rows[[f"{zone}_points_vs_league" for zone in ZONES]].rename(
        columns=lambda name: name.removesuffix("_points_vs_league").replace("_", "-")
    )
    known = differences.notna().all(axis=1)
    assert known.any()
    assert not known.all()
    assert (rows.loc[known, "strongest_zone"] == differences[known].idxmin(axis=1)).all()
    assert (rows.loc[known, "weakest_zone"] == differences[known].idxmax(axis=1)).all()
    assert rows.loc[~known, ["strongest_zone", "weakest_zone"]].isna().all().all()


def test_before_the_first_game_of_a_season_nothing_is_known_of_it(made):
    teams, players, both = (made[t.name] for t in TABLES)
    for rows, own in ((teams, ZONES), (players, ZONES)):
        opening = rows[rows["game_date"] == OPENING]
        values = [c for c in opening.columns if c.startswith(own)]
        assert len(opening)
        assert opening[values].isna().all().all()
        assert (opening["games_played_season"] == 0).all()
    scores = both.loc[both["game_date"] == OPENING, ["shot_zone_mismatch_score", "pace_score"]]
    assert scores.isna().all().all()


@pytest.mark.parametrize("day", [EARLY, MIDDLE])
def test_nothing_on_or_after_a_date_changes_its_zones_and_factors(season, made, day):
    rng = np.random.default_rng(3)
    box = season.box.copy()
    later = (box["game_date"] >= day).to_numpy()
    for made_by, tried in (
        ("field_goals_made", "field_goals_attempted"),
        ("free_throws_made", "free_throws_attempted"),
    ):
        box.loc[later, made_by] = rng.integers(0, 9, later.sum())
        box.loc[later, tried] = box.loc[later, made_by] + rng.integers(0, 9, later.sum())
    box.loc[later, ["three_pointers_made", "three_pointers_attempted"]] = 0
    box.loc[later, "minutes"] = rng.integers(0, 40, later.sum()).astype(float)
    box["points"] = 2 * box["field_goals_made"] + box["three_pointers_made"] + box["free_throws_made"]
    other = Season(season.games, box)
    assert not other.defense.equals(season.defense)
    same(other.tables(EARLY, MIDDLE, LATE), made, day)
    same(season.tables(day, until=day), made, day)
    after = other.tables(LATE)
    for table in TABLES:
        truth = made[table.name]
        assert not after[table.name].equals(truth[truth["game_date"] == LATE].reset_index(drop=True)), table.name


def test_a_range_of_dates_gives_what_single_dates_give(season):
    days = [date(2025, 11, 1) + timedelta(days=n) for n in range(6)]
    together = season.tables(*days, until=days[-1])
    for day in days:
        same(season.tables(day, until=day), together, day)


def test_every_value_keeps_the_bounds_and_the_columns_of_its_contract(made):
    for table in TABLES:
        rows = made[table.name]
        assert list(rows.columns) == list(table.schema.names)
        assert not rows.duplicated(list(table.grain)).any()
        for column in table.columns:
            values = rows[column.name].dropna()
            assert column.nullable or len(values) == len(rows), column.name
            if column.between:
                assert values.between(*column.between).all(), column.name
            if column.allowed:
                assert values.isin(column.allowed).all(), column.name


def test_percentages_and_shares_are_null_below_ten_attempts_and_exact_from_ten_on():
    from nba_pipeline.precompute.calculations.zones import rate

    rows = [(makes / 7, attempts / 7) for makes, attempts in ((9, 9), (0, 10), (7, 10))]
    table = ibis.memtable(pd.DataFrame(rows, columns=["makes", "attempts"]))
    found = run(table.select(rate=rate(table.makes, table.attempts, ibis.literal(7))))["rate"]
    assert pd.isna(found[0])
    assert found[1:].tolist() == pytest.approx([0.0, 0.7])


def a_player(**changes) -> dict:
    """A cache row of a player whom nothing tires and whose games tell nothing: two days of rest, no load."""
    return {
        "game_date": date(2025, 12, 12), "game_id": 1, "player_id": 1, "player_name": "A", "position": "G",
        "season": 2025, "team_id": 1, "team": "BOS", "opponent_id": 2, "opponent": "NYK", "is_home": True,
        "expected_because": "roster", "last_game_date": date(2025, 12, 10), "games_played_season": 20,
        "team_games_season": 20, "games_last_7_days": 2, "minutes_last_7_days": 60.0, "games_last_14_days": 4,
        "minutes_last_14_days": 120.0, "minutes_per_game_last_7_days": 30.0, "back_to_backs_last_14_days": 0,
        "team_pace_last_10": 100.0, "is_early_season": False, **changes,
    }  # fmt: skip


def scored(
    player: dict, zones: dict | None = None, defence: dict | None = None, upcoming: dict | None = None
) -> pd.Series:
    inputs = (
        (cache.CONTRACT, player),
        (player_context.CONTRACT, {"game_id": 1, "player_id": 1, **(upcoming or {})}),
        (player_zones.CONTRACT, {"game_id": 1, "player_id": 1, "games_in_sample": 10,
                                 **{f"{zone}_points_last_10": 5.0 for zone in ZONES}, **(zones or {})}),
        (team_zones.CONTRACT, {"game_id": 1, "team_id": 2, "games_played_season": 20, "pace_last_10": 100.0,
                               **{f"{zone}_points_vs_league": 0.0 for zone in ZONES}, **(defence or {})}),
    )  # fmt: skip
    frames = [
        frame_of(
            pd.DataFrame([{"game_date": player["game_date"], **row}])
            .reindex(columns=list(table.schema.names))
            .astype(object),
            table,
        )
        for table, row in inputs
    ]
    rows = run(factors.player_composite_factors(*frames))
    assert len(rows) == 1
    return rows.iloc[0]


YESTERDAY = {"last_game_date": date(2025, 12, 11)}
TIRING = {
    "back to back": (YESTERDAY, 15),
    "4 games in 7 days": ({"games_last_7_days": 4}, 10),
    "over 240 minutes": ({"minutes_last_7_days": 240.5}, 10),
    "over 35 minutes a game": ({"minutes_per_game_last_7_days": 35.5}, 8),
    "one back-to-back in 14 days": ({"back_to_backs_last_14_days": 1}, 5),
    "two back-to-backs in 14 days": ({"back_to_backs_last_14_days": 2}, 12),
    "three back-to-backs in 14 days": ({"back_to_backs_last_14_days": 3}, 12),
}


@pytest.mark.parametrize("why", TIRING)
def test_each_load_costs_what_the_rule_says_and_tired_is_never_better(why):
    changes, cost = TIRING[why]
    row = scored(a_player(**changes))
    assert row["fatigue_score"] == 100 - cost
    assert row["fatigue_points"] == pytest.approx(-cost / 20)


@pytest.mark.parametrize(
    "changes",
    [
        {"games_last_7_days": 3},
        {"minutes_last_7_days": 240.0},
        {"minutes_per_game_last_7_days": 35.0},
        {"minutes_per_game_last_7_days": None, "games_last_7_days": 0, "minutes_last_7_days": 0.0},
    ],
)
def test_at_the_threshold_nothing_is_taken(changes):
    row = scored(a_player(**changes))
    assert (row["fatigue_score"], row["fatigue_points"]) == (100, 0.0)


@pytest.mark.parametrize(("first", "second"), combinations(list(TIRING)[:5], 2))
def test_loads_add_up(first, second):
    (one, cost), (other, more) = TIRING[first], TIRING[second]
    assert scored(a_player(**one, **other))["fatigue_score"] == 100 - cost - more


def test_three_days_since_the_last_game_give_back_five_and_never_more_than_fresh():
    tired = {"back_to_backs_last_14_days": 2}
    scores = [
        scored(a_player(last_game_date=date(2025, 12, 12) - timedelta(days=days), **tired))["fatigue_score"]
        for days in (1, 2, 3, 9)
    ]
    assert scores == [73, 88, 93, 93]
    assert scored(a_player(last_game_date=date(2025, 12, 1)))["fatigue_score"] == 100


def test_the_worst_week_stays_within_the_scale():
    everything = {name: value for changes, _ in TIRING.values() for name, value in changes.items()}
    row = scored(a_player(**everything))
    assert row["fatigue_score"] == 100 - 15 - 10 - 10 - 8 - 12
    assert -5 <= row["fatigue_points"] <= 0


def test_without_a_game_of_his_fatigue_is_unknown_and_not_a_default():
    row = scored(a_player(last_game_date=None))
    assert row[["days_since_last_game", "is_back_to_back", "fatigue_score", "fatigue_points"]].isna().all()


def test_a_back_to_back_is_a_game_of_his_the_day_before(season, made):
    both = made[factors.CONTRACT.name]
    past = season.history[season.history["played"]]
    seen = set()
    for row in both[both["game_date"].isin([EARLY, MIDDLE, LATE])].itertuples():
        mine = past.loc[(past["player_id"] == row.player_id) & (past["game_date"] < row.game_date), "game_date"]
        if mine.empty:
            continue
        days = (row.game_date - mine.max()).days
        assert (row.days_since_last_game, row.is_back_to_back) == (days, days == 1)
        seen.add(row.is_back_to_back)
    assert seen == {True, False}


def test_back_to_backs_before_the_date_are_not_the_one_of_tonight(season, made):
    known = made[cache.CONTRACT.name]
    past = season.history[season.history["played"]]
    rows = known[known["game_date"] == LATE]
    for row in rows.itertuples():
        mine = sorted(past.loc[(past["player_id"] == row.player_id) & (past["game_date"] < LATE), "game_date"])
        second_nights = [b for a, b in pairwise(mine) if (b - a).days == 1]
        assert row.back_to_backs_last_14_days == sum((LATE - day).days <= 14 for day in second_nights)
    assert rows["back_to_backs_last_14_days"].max() >= 2


def test_a_defence_weak_in_his_zone_is_good_for_him_and_by_how_much_he_scores_there():
    shooter = {"two_point_points_last_10": 2.0, "three_point_points_last_10": 7.0, "free_throw_points_last_10": 1.0}
    weak = {
        "two_point_points_vs_league": -2.0,
        "three_point_points_vs_league": 8.0,
        "free_throw_points_vs_league": 10.0,
    }
    row = scored(a_player(), shooter, weak)
    assert row["shot_zone_mismatch_score"] == pytest.approx(0.2 * -2 + 0.7 * 8 + 0.1 * 10)
    mirrored = scored(a_player(), shooter, {name: -value for name, value in weak.items()})
    assert mirrored["shot_zone_mismatch_score"] == pytest.approx(-row["shot_zone_mismatch_score"])


def test_the_mismatch_is_bounded_and_null_where_a_side_is_unknown():
    everywhere = {f"{zone}_points_vs_league": 50.0 for zone in ZONES}
    assert scored(a_player(), None, everywhere)["shot_zone_mismatch_score"] == 10
    assert scored(a_player(), None, {n: -v for n, v in everywhere.items()})["shot_zone_mismatch_score"] == -10
    unknown = (
        ({"games_in_sample": 4}, None),
        (None, {"games_played_season": 4}),
        (None, {"two_point_points_vs_league": None}),
        ({f"{zone}_points_last_10": 0.0 for zone in ZONES}, None),
    )
    for zones, defence in unknown:
        assert pd.isna(scored(a_player(), zones, defence)["shot_zone_mismatch_score"])


def test_a_faster_opponent_makes_a_faster_game_by_half_the_difference():
    paces = {98.0: -1.0, 100.0: 0.0, 104.0: 2.0, 120.0: 3.0, 80.0: -3.0}
    for pace, score in paces.items():
        assert scored(a_player(), None, {"pace_last_10": pace})["pace_score"] == score
    assert pd.isna(scored(a_player(), None, {"pace_last_10": None})["pace_score"])
    assert pd.isna(scored(a_player(team_games_season=4))["pace_score"])
    assert pd.isna(scored(a_player(), None, {"games_played_season": 4})["pace_score"])


def test_what_teammates_newly_leave_is_shared_out_by_usage():
    player = a_player(usage_rate_last_10=0.2)
    # He ends 20 % of the plays; with a fifth of them vacated, 20 of the other 80: 25 %.
    found = scored(player, upcoming={"newly_vacated_usage": 0.2, "returning_usage": 0.0, "injury_status": "available"})
    assert found["usage_spike_score"] == pytest.approx(0.3 * 5)
    back = scored(player, upcoming={"newly_vacated_usage": 0.0, "returning_usage": 0.2, "injury_status": "available"})
    assert back["usage_spike_score"] == pytest.approx(-0.3 * 4)
    star = a_player(usage_rate_last_10=0.35)
    most = scored(star, upcoming={"newly_vacated_usage": 0.9, "returning_usage": 0.0, "injury_status": "available"})
    assert most["usage_spike_score"] == 3


def test_without_a_report_neither_a_spike_nor_a_risk_is_known():
    found = scored(a_player(usage_rate_last_10=0.2), upcoming={"newly_vacated_usage": None, "injury_status": None})
    assert found[["usage_spike_score", "injury_risk"]].isna().all()


@pytest.mark.parametrize(
    ("status", "level"),
    [("available", 0), ("probable", 1), ("questionable", 2), ("doubtful", 3), ("out", 3), ("unknown", None)],
)
def test_the_risk_grows_with_what_the_report_says(status, level):
    found = scored(a_player(), upcoming={"injury_status": status})["injury_risk"]
    assert pd.isna(found) if level is None else found == level


def test_the_scores_of_a_season_are_the_rules_applied_to_the_other_tables(made):
    known, teams, zones, both = (made[t.name] for t in (cache.CONTRACT, *TABLES))
    rows = known.merge(zones, on=["game_date", "game_id", "player_id"], suffixes=("", "_z"))
    opponents = teams.drop(columns="opponent_id").rename(columns={"team_id": "opponent_id"})
    rows = rows.merge(opponents, on=["game_date", "game_id", "opponent_id"], suffixes=("", "_t"))
    rows = rows.sort_values(["game_date", "game_id", "player_id"]).reset_index(drop=True)
    points = rows[[f"{zone}_points_last_10" for zone in ZONES]]
    differences = rows[[f"{zone}_points_vs_league" for zone in ZONES]].to_numpy()
    weighted = (points * differences).sum(axis=1, skipna=False)
    mismatch = (weighted / points.sum(axis=1).replace(0.0, np.nan)).clip(-10, 10)
    mismatch = mismatch.where((rows["games_in_sample"] >= 5) & (rows["games_played_season_t"] >= 5))
    pace = ((rows["pace_last_10"] - rows["team_pace_last_10"]) / 2).clip(-3, 3)
    pace = pace.where((rows["team_games_season"] >= 5) & (rows["games_played_season_t"] >= 5))
    np.testing.assert_allclose(both["shot_zone_mismatch_score"], mismatch, atol=1e-9)
    np.testing.assert_allclose(both["pace_score"], pace, atol=1e-9)
    assert mismatch.notna().sum() > 100
    assert pace.notna().sum() > 100
