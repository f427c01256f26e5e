"""Games as the schedule of a season lists them."""

from datetime import date

from nba_pipeline.sources.records import GameRecord

SEASON = 2025


def game(game_id: int, day: date, home: str, visitor: str, season: int = SEASON, **others: object) -> GameRecord:
    return GameRecord.model_validate(
        {
            "game_id": game_id, "game_date": day, "season": season, "status": "scheduled", "status_text": None,
            "period": 0, "tipoff_at": None, "postseason": False, "home_team_id": 1, "home_team": home,
            "home_score": None, "visitor_team_id": 2, "visitor_team": visitor, "visitor_score": None, **others,
        }
    )  # fmt: skip
