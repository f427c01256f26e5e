"""Whatever the rules about raw data admit, and a person's `accept`, no range of what is made of it refuses."""

from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from nba_pipeline.analytics import player_game_summary, team_defense_game_summary, team_offense_game_summary
from nba_pipeline.raw import games
from nba_pipeline.raw.parsing.listed_box_scores import COUNTS, LISTED
from nba_pipeline.raw.rules.box_score_rules import broken_games
from nba_pipeline.warehouse import audit

GAMES = 120
FIRST = date(2023, 10, 24)
MOST = {column.name: int(column.between[1]) for column in COUNTS if column.between}
SUMMARIES = (
    (player_game_summary.CONTRACT, player_game_summary.player_game_summary),
    (team_offense_game_summary.CONTRACT, team_offense_game_summary.team_offense_game_summary),
    (team_defense_game_summary.CONTRACT, team_defense_game_summary.team_defense_game_summary),
)
HOME, VISITOR = 1610612737, 1610612738


def team(rng: np.random.Generator, *, accepted: bool) -> pd.DataFrame:
    """A team whose numbers lie at the ends of what a box score can hold: one player's all, evenly spread, or none."""
    players = int(rng.choice([5, 8, 13, 20]))

    def spread(total: int, high: int) -> np.ndarray:
        if rng.random() < 0.5:
            shares = total // players + (np.arange(players) < total % players)
        else:
            shares, left = np.zeros(players, int), total
            for n in rng.permutation(players):
                shares[n] = min(high, left)
                left -= shares[n]
        return np.minimum(shares, high)

    def part(whole: np.ndarray, name: str, team_high: int) -> np.ndarray:
        made = np.minimum(np.floor(whole * rng.choice([0.05, 0.3, 1])).astype(int), MOST[name])
        return made if made.sum() <= team_high else np.zeros_like(made)

    rows = pd.DataFrame({"field_goals_attempted": spread(int(rng.choice([40, 60, 100, 200])), 80)})
    rows["field_goals_made"] = part(rows["field_goals_attempted"], "field_goals_made", 100)
    rows["three_pointers_made"] = part(rows["field_goals_made"], "three_pointers_made", 50)
    rows["three_pointers_attempted"] = rows["three_pointers_made"]
    rows["free_throws_attempted"] = spread(int(rng.choice([0, 20, 120])), 60)
    rows["free_throws_made"] = part(rows["free_throws_attempted"], "free_throws_made", 60)
    rows["turnovers"] = spread(int(rng.choice([0, 15, 60])), MOST["turnovers"])
    rows["offensive_rebounds"] = spread(int(rng.choice([0, 10, 80])), MOST["offensive_rebounds"])
    rows["defensive_rebounds"] = spread(int(rng.choice([0, 30, 100])), 20)
    rows["rebounds"] = rows["offensive_rebounds"] + rows["defensive_rebounds"]
    rows["points"] = 2 * rows["field_goals_made"] + rows["three_pointers_made"] + rows["free_throws_made"]
    if accepted:
        rows["points"] = spread(int(rng.choice([1, 100, 250])), MOST["points"])
    for name in ("assists", "steals", "blocks", "personal_fouls"):
        rows[name] = spread(int(rng.choice([0, 20, 50])), MOST[name])
    rows["minutes"] = rng.choice([0.0, 1 / 60, 0.98, 1.0, 12.0, 48.0, 70.0], players)
    rows.loc[:4, "minutes"] = rng.choice([1 / 60, 0.98, 1.0, 20.0], 5)
    return rows


def box_scores(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Games of one player row a player and the schedule that they belong to, a date each; every other is accepted."""
    rng = np.random.default_rng(seed)
    rows, schedule = [], []
    for game_id in range(1, GAMES + 1):
        day, accepted = FIRST + timedelta(days=game_id), game_id % 2 == 0
        sides = {HOME: team(rng, accepted=accepted), VISITOR: team(rng, accepted=accepted)}
        for team_id, side in sides.items():
            players = team_id * 100 + np.arange(len(side))
            if not accepted:
                # The first of the team has what is left of the game's minutes, as far as one player can.
                side["minutes"] = np.where(side["minutes"] > 0, side["minutes"].clip(upper=1.0), 0.0)
                side.loc[:4, "minutes"] = [0.0, 60.0, 60.0, 60.0, 60.0]
                side.loc[5:, "minutes"] = 0.0
                side.loc[0, "minutes"] = 1 / 60
            rows.append(side.assign(game_date=day, game_id=game_id, player_id=players, team_id=team_id,
                                    team="ATL" if team_id == HOME else "BOS"))  # fmt: skip
        home, visitor = (int(side["points"].sum()) for side in sides.values())
        home, visitor = (home + 1, visitor) if accepted and home == visitor else (home, visitor)
        period = int(rng.choice([4, 5, 14])) if accepted else 4
        schedule.append({
            "game_date": day, "game_id": game_id, "season": 2023, "status": "final", "status_text": "Final",
            "period": period, "tipoff_at": pd.Timestamp(day), "postseason": False, "home_team_id": HOME,
            "home_team": "ATL", "home_score": home, "visitor_team_id": VISITOR, "visitor_team": "BOS",
            "visitor_score": visitor, "moved_to": pd.NaT, "repaired_by": None,
        })  # fmt: skip
    listed = pd.concat(rows, ignore_index=True)
    listed = listed.assign(first_name="A", last_name="B", position="G", season=2023, plus_minus=0,
                           did_not_play=listed["minutes"] == 0)  # fmt: skip
    return listed[list(LISTED.schema.names)], pd.DataFrame(schedule)


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_range_of_analytics_refuses_what_the_rules_admit_or_a_person_may_accept(seed):
    engine = ibis.duckdb.connect()
    listed, scheduled = box_scores(seed)
    schedule = ibis.memtable(scheduled, schema=games.CONTRACT.schema)
    reasons = engine.to_pyarrow(broken_games(ibis.memtable(listed, schema=LISTED.schema), schedule)).to_pandas()
    never = set(reasons[~reasons["sums"]]["game_id"])
    usable = set(scheduled["game_id"]) - never
    whole = usable - set(reasons["game_id"])
    assert whole
    assert len(usable) > 10, reasons.groupby("reason").size().nlargest(5)
    rows = ibis.memtable(listed[listed["game_id"].isin(usable)], schema=LISTED.schema)
    played = ibis.memtable(scheduled[scheduled["game_id"].isin(usable)], schema=games.CONTRACT.schema)
    for contract, transform in SUMMARIES:
        made = audit.conform(transform(rows, played), contract)
        rules = audit.column_rules(made, contract)
        broken = engine.to_pyarrow(
            made.agg(**{f"r{n}": rule.fill_null(False).sum() for n, rule in enumerate(rules.values())})
        )
        counts = dict(zip(rules, broken.to_pylist()[0].values(), strict=True))
        assert {name: count for name, count in counts.items() if count} == {}, contract.name
