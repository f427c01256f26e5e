"""Answers of a source in the order that a test writes down."""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

DAY = date(2024, 1, 17)
KEY = "a-very-secret-key"
NOW = datetime(2024, 1, 18, 12, tzinfo=UTC)


def page(*items: dict, cursor: int | None = None) -> bytes:
    meta = {"per_page": 100} | ({} if cursor is None else {"next_cursor": cursor})
    return json.dumps({"data": list(items), "meta": meta}, indent=1).encode()


@dataclass
class Script:
    """What a real HTTP server answers, in order; the last answer is repeated."""

    answers: list = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    url: str = ""

    def next(self):
        self.seen.append("")
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def ok(body: bytes = page({"id": 1})) -> tuple[int, bytes, dict]:
    return 200, body, {}


def changed(client, **settings):
    client._settings = client._settings.model_copy(update=settings)
    return client
