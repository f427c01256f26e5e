"""Items as the API of the source sends them."""


def player(**changes) -> dict:
    team = {"id": 8, "abbreviation": "DEN"}
    return {"id": 9, "first_name": "Nikola", "last_name": "Jokić", "position": "C", "height": "6-11",
            "weight": "284", "team": team, **changes}  # fmt: skip


TEAM = {"id": 1, "abbreviation": "BOS"}


def stat(**changes) -> dict:
    counts = dict.fromkeys(
        (
            "fgm",
            "fga",
            "fg3m",
            "fg3a",
            "ftm",
            "fta",
            "oreb",
            "dreb",
            "reb",
            "ast",
            "stl",
            "blk",
            "turnover",
            "pf",
            "pts",
        ),
        0,
    )
    return {
        "min": "34", **counts, "player": {"id": 9, "first_name": "A", "last_name": "B", "position": "G"}, "team": TEAM,
        "game": {"id": 3, "date": "2024-01-17", "season": 2023}, **changes,
    }  # fmt: skip


def game(**changes) -> dict:
    return {
        "id": 3, "date": "2024-01-17", "season": 2023, "status": "Final", "period": 4, "postseason": False,
        "home_team_score": 100, "visitor_team_score": 99, "home_team": TEAM,
        "visitor_team": {"id": 2, "abbreviation": "NYK"}, "datetime": "2024-01-18T00:30:00Z", **changes,
    }  # fmt: skip


def injury(**changes) -> dict:
    player = {"id": 9, "first_name": "A", "last_name": "B", "team_id": 1}
    return {"player": player, "status": "Out", "return_date": "Nov 18", "description": "Sore.", **changes}
