"""Rest in the feature store: what the context makes of the schedule, beside the schedule read once more."""

from datetime import date, datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest

from nba_pipeline.analytics import upcoming_player_game_context as player_context
from nba_pipeline.analytics import upcoming_team_game_context as team_context
from nba_pipeline.as_of import GameLog, as_of
from nba_pipeline.contracts import Contract
from nba_pipeline.precompute.feature_groups import schedule
from nba_pipeline.precompute.feature_groups.schedule import LONGEST_REST
from nba_pipeline.raw import games as raw_games
from nba_pipeline.raw import players as raw_players
from nba_pipeline.raw.rules.box_score_rules import expected_sides
from nba_pipeline_tests.support.season_frames import frame_of, raw, run

KEYS = ["game_date", "game_id", "team_id"]
REST = ["team_days_rest", "opponent_days_rest", "rest_advantage", "is_back_to_back", "opponent_is_back_to_back",
        "is_third_game_in_four_days"]  # fmt: skip

BOS, LAL, DEN, MIA = 1, 2, 3, 4
NAMES = {BOS: "BOS", LAL: "LAL", DEN: "DEN", MIA: "MIA"}
LAST_SPRING, OPENING = date(2024, 4, 10), date(2024, 10, 22)


def from_context(listed: pd.DataFrame) -> pd.DataFrame:
    """The features of one player of each team in each game, by way of the two contexts of the schedule."""
    games = frame_of(listed, raw_games.CONTRACT)
    sides = run(expected_sides(raw_games.team_games(games)))
    rosters = sides[["game_date", "team_id", "team"]].assign(
        player_id=sides["team_id"], first_name="A", last_name="B", known_at=pd.to_datetime(sides["game_date"])
    )
    known = {"games": games, "rosters": frame_of(rosters, raw_players.CONTRACT)}
    known["teams"] = made(team_context.CONTRACT, team_context.upcoming_team_game_context, known)
    rows = made(player_context.CONTRACT, player_context.upcoming_player_game_context, known)
    return sorted_rows(run(rows.select(*KEYS, **{name: schedule.derived(rows)[name] for name in REST})))


def made(table: Contract, transform, known: dict[str, ibis.Table]) -> ibis.Table:
    """The rows of a context; what it reads beside what is known is empty."""
    reads = {name: known.get(name, ibis.memtable([], schema=read.table.schema)) for name, read in table.reads.items()}
    return frame_of(run(transform(**reads)).replace({np.nan: None}), table)


def from_schedule(listed: pd.DataFrame) -> pd.DataFrame:
    """The same from the dates of each team's games this season, as the feature store read them itself."""
    sides = expected_sides(raw_games.team_games(frame_of(listed, raw_games.CONTRACT)))
    log = GameLog(sides, "team_id")
    last = log.this_season.ifelse(log.rows.game_date, ibis.null("date"))
    rows = as_of(sides, log.states(last=last, before_last=log.back(last, 1)), "team_id")
    rows = as_of(rows, log.states(opponent_last=last), "team_id", on="opponent_id")
    own, met = (
        rows.game_date.delta(rows[name], unit="day").clip(upper=LONGEST_REST).cast("float64")
        for name in ("last", "opponent_last")
    )
    third = rows.game_date.delta(rows.before_last, unit="day") <= 3
    flags = {"is_back_to_back": own == 1, "opponent_is_back_to_back": met == 1, "is_third_game_in_four_days": third}
    return sorted_rows(
        run(
            rows.select(
                *KEYS,
                team_days_rest=own,
                opponent_days_rest=met,
                rest_advantage=(own - met).clip(-3.0, 3.0),
                **{name: known.fill_null(False).cast("int64").cast("float64") for name, known in flags.items()},
            )
        )
    )


def sorted_rows(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values(KEYS).reset_index(drop=True)[[*KEYS, *REST]]


def game(day: date, home: int, visitor: int, status: str = "final") -> dict:
    return {
        "game_date": day, "game_id": day.toordinal() * 10 + home, "season": day.year - (day.month < 8),
        "status": status, "status_text": status, "period": 4, "postseason": False,
        "tipoff_at": datetime.combine(day, datetime.min.time()) + timedelta(hours=23),
        "home_team_id": home, "home_team": NAMES[home], "visitor_team_id": visitor, "visitor_team": NAMES[visitor],
    }  # fmt: skip


def night(number: int) -> date:
    return OPENING + timedelta(days=number)


UNEVEN = [
    game(LAST_SPRING - timedelta(days=1), BOS, LAL),
    game(LAST_SPRING, DEN, BOS),
    game(night(0), BOS, LAL),
    game(night(1), BOS, DEN),
    game(night(2), LAL, DEN, "postponed"),
    game(night(3), BOS, LAL, "in_progress"),
    game(night(4), LAL, BOS),
    game(night(5), DEN, MIA),
    game(night(60), DEN, BOS),
]
"""Two games of a spring, opening night, back-to-backs, one put off, one held without a result, and a long break."""


@pytest.fixture(scope="module")
def uneven() -> pd.DataFrame:
    return from_context(pd.DataFrame(UNEVEN))


def test_rest_by_hand_at_an_opening_after_one_put_off_and_after_one_without_a_result(uneven):
    rows = uneven.set_index(["game_date", "team_id"])

    def of(number: int, team: int) -> list[float | None]:
        return rows.loc[(night(number), team)].drop("game_id").replace({np.nan: None}).tolist()

    assert of(0, BOS) == [None, None, None, 0, 0, 0], "the summer is no rest of the season"
    assert of(1, BOS) == [1, None, None, 1, 0, 0], "opening night follows on no game of the spring"
    assert of(1, DEN) == [None, 1, None, 0, 1, 0]
    assert of(3, LAL) == [3, 2, 1, 0, 0, 0], "a game that was put off is no game"
    assert of(3, BOS) == [2, 3, -1, 0, 0, 1], "opening night and the night after lie within 3 days"
    assert of(4, BOS) == [1, 1, 0, 1, 1, 1], "a game without a result is one"
    assert of(4, LAL) == [1, 1, 0, 1, 1, 0], "its opening night is 4 days ago"
    assert of(5, MIA) == [None, 4, None, 0, 0, 0]
    assert of(60, BOS) == [30, 30, 0, 0, 0, 0], f"no rest is longer than {LONGEST_REST} days"


def test_of_an_uneven_schedule_the_context_tells_the_rest_that_the_schedule_does(uneven):
    pd.testing.assert_frame_equal(uneven, from_schedule(pd.DataFrame(UNEVEN)), check_exact=True)


def test_of_a_league_some_of_whose_games_are_put_off_or_held_it_does_so_too(league):
    listed = raw(league)[0]
    status = np.random.default_rng(1).choice(["final", "postponed", "in_progress"], len(listed), p=[0.8, 0.1, 0.1])
    listed = listed.assign(status=status)
    found, truth = from_context(listed), from_schedule(listed)
    pd.testing.assert_frame_equal(found, truth, check_exact=True)
    assert truth["team_days_rest"].isna().sum() >= 30, "every team has an opening night"
    assert truth[["is_back_to_back", "is_third_game_in_four_days"]].sum().min() > 50
