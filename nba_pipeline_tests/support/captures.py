"""Answers put into a landing."""

import json
from datetime import UTC, date, datetime, timedelta

from nba_pipeline.sources.landing import Capture, Landing
from nba_pipeline_tests.support.api_items import stat

DAY = date(2024, 1, 17)
NEXT = DAY + timedelta(days=1)
NOW = datetime(2024, 1, 18, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def of(day: date, points: int = 20, player_id: int = 7) -> dict:
    return stat(game={"id": 3, "date": str(day), "season": 2023}, pts=points, player={"id": player_id, "position": "G"})


def land(
    landing: Landing, *pages: list, endpoint: str = "stats", first: date = DAY, last: date = DAY, at: datetime = NOW
) -> Capture:
    writer = landing.begin(endpoint, first, last, at)
    for items in pages:
        writer.add_page(json.dumps({"data": items, "meta": {}}).encode(), {"page": 1}, at)
    return writer.commit()
