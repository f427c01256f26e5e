"""The box scores of one game as a file of a season has them."""

import pandas as pd

NAME = "player_box_scores_2031-32.parquet"


def season(game_id: str = "0023100001", day: str = "2031-10-21", minutes: int = 30) -> pd.DataFrame:
    rows = []
    for team, opponent, home, made in (("BOS", "NYK", True, 10), ("NYK", "BOS", False, 9)):
        for n in range(8):
            rows.append(
                {
                    "season": "2031-32", "game_id": game_id, "game_date": day, "team": team,
                    "team_id": 1 if home else 2, "opponent": opponent, "is_home": home,
                    "player_id": n + 100 * home, "player_name": f"Player Number{n} Jr.", "minutes": minutes,
                    "points": 2 * made, "field_goals_made": made, "field_goals_attempted": 20,
                    "three_pointers_made": 0, "three_pointers_attempted": 1, "free_throws_made": 0,
                    "free_throws_attempted": 0, "offensive_rebounds": 1, "defensive_rebounds": 2, "rebounds": 3,
                    "assists": 1, "steals": 0, "blocks": 0, "turnovers": 1, "personal_fouls": 2, "plus_minus": 0,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)
