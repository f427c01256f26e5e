"""The landing: the exact bytes of every answer, each with its SHA-256, its request and its time.

A *capture* is the complete answer to one question, on one page or many. Its pages are written first and
`capture.json` last, whole or not at all: until that moment the capture does not exist for readers, so a
process killed half-way leaves nothing that could be taken for an answer.
"""

import gzip
import hashlib
import json
import re
import time
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from nba_pipeline.sources.errors import DamagedLandingError
from nba_pipeline.sources.landing_store import FolderStore, LandingStore

CAPTURE_FILE = "capture.json"
PAGE, REQUEST = ".json.gz", ".request.json"
SPAN = re.compile(r"(\d{4}-\d{2}-\d{2})_(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True)
class Page:
    """One landed response."""

    store: LandingStore = field(repr=False, compare=False)
    key: str
    sha256: str

    @property
    def where(self) -> str:
        """The path or URL of its file."""
        return self.store.where(self.key)

    def body(self) -> bytes:
        """The exact bytes of the response.

        Raises `DamagedLandingError`, naming the file, when they are not those that were landed.
        """
        try:
            body = gzip.decompress(self.store.read(self.key))
        except (OSError, EOFError, zlib.error) as error:
            raise DamagedLandingError(_damaged(self.where, str(error))) from error
        if hashlib.sha256(body).hexdigest() != self.sha256:
            raise DamagedLandingError(_damaged(self.where, "its bytes do not have the SHA-256 noted for them"))
        return body


@dataclass(frozen=True)
class Capture:
    """A complete answer about the dates `first_date` to `last_date`.

    `fetched_at` is the time of its first request: a snapshot is as old as its oldest part. `known_at` is the
    time of its last one: before that, nobody knew all of it.
    """

    key: str
    endpoint: str
    first_date: date
    last_date: date
    fetched_at: datetime
    known_at: datetime
    pages: tuple[Page, ...] = field(hash=False)

    @property
    def name(self) -> str:
        """The name of its folder, which begins with its time."""
        return self.key.rsplit("/", 1)[-1]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the pages' SHA-256, in order."""
        return hashlib.sha256(",".join(page.sha256 for page in self.pages).encode()).hexdigest()

    def request(self, place: int) -> dict[str, Any]:
        """What was asked for a page, by its place, and what is noted of it.

        Raises `DamagedLandingError` when that cannot be read.
        """
        store, key = self.pages[place].store, f"{self.key}/{_page_name(place)}{REQUEST}"
        try:
            return json.loads(store.read(key))
        except (OSError, ValueError) as error:
            raise DamagedLandingError(_damaged(store.where(key), str(error))) from error


def _page_name(place: int) -> str:
    return f"page-{place + 1:04d}"


class CaptureWriter:
    """Writes one capture page by page."""

    def __init__(self, store: LandingStore, key: str, endpoint: str, first: date, last: date) -> None:
        self._store, self._key = store, key
        self._question = {"endpoint": endpoint, "first_date": str(first), "last_date": str(last)}
        self._pages: list[dict[str, Any]] = []
        self._rejected = 0

    def add_page(self, body: bytes, request: Mapping[str, Any], fetched_at: datetime) -> Page:
        """Lands a response as the next page and returns it."""
        name = _page_name(len(self._pages))
        entry = self._land(name, body, request, fetched_at)
        self._pages.append(entry)
        return Page(self._store, f"{self._key}/{entry['file']}", entry["sha256"])

    def add_rejected(self, body: bytes, request: Mapping[str, Any], fetched_at: datetime) -> None:
        """Lands a response that is known to be no page, as evidence beside the capture."""
        self._rejected += 1
        self._land(f"rejected-{self._rejected:04d}", body, request, fetched_at)

    def reject_last_page(self) -> None:
        """Takes the last page out of the capture and keeps its bytes as evidence, as `rejected-…`."""
        entry = self._pages.pop()
        self._rejected += 1
        page, rejected = entry["file"].removesuffix(PAGE), f"rejected-{self._rejected:04d}"
        for kind in (PAGE, REQUEST):
            self._store.rename(f"{self._key}/{page}{kind}", f"{self._key}/{rejected}{kind}")

    def commit(self) -> Capture:
        """Makes the capture visible."""
        content = {**self._question, "fetched_at": self._pages[0]["fetched_at"], "pages": self._pages}
        self._store.write(f"{self._key}/{CAPTURE_FILE}", json.dumps(content, indent=1).encode())
        return read_capture(self._store, self._key)

    def _land(self, name: str, body: bytes, request: Mapping[str, Any], fetched_at: datetime) -> dict[str, Any]:
        entry = {
            "file": f"{name}{PAGE}",
            "sha256": hashlib.sha256(body).hexdigest(),
            "bytes": len(body),
            "fetched_at": fetched_at.astimezone(UTC).isoformat(),
        }
        self._store.write(f"{self._key}/{name}{PAGE}", gzip.compress(body, compresslevel=5, mtime=0))
        self._store.write(f"{self._key}/{name}{REQUEST}", json.dumps({**request, **entry}, indent=1).encode())
        return entry


class Landing:
    """All captures of a store: `<endpoint>/<first>_<last>/<time>-<id>/`. A folder will do for a store."""

    def __init__(self, store: LandingStore | Path) -> None:
        self.store: LandingStore = FolderStore(store) if isinstance(store, Path) else store

    def begin(self, endpoint: str, first: date, last: date, at: datetime) -> CaptureWriter:
        """Opens a new capture about the dates; nobody sees it before it is committed."""
        # A clock that stands still gives many captures the same time; real time then tells their order.
        order = f"{time.time_ns():016x}{uuid.uuid4().hex[:6]}"
        unique = f"{at.astimezone(UTC):%Y%m%dT%H%M%S%fZ}-{order}"
        return CaptureWriter(self.store, f"{_folder(endpoint)}/{first}_{last}/{unique}", endpoint, first, last)

    def captures(self, endpoint: str, day: date) -> list[Capture]:
        """The captures that cover a date, oldest first."""
        found = [
            read_capture(self.store, key.removesuffix(f"/{CAPTURE_FILE}"))
            for span in self._spans(endpoint, day)
            for key in self.store.keys(span)
            if key.endswith(f"/{CAPTURE_FILE}")
        ]
        return sorted(found, key=lambda capture: (capture.fetched_at, capture.name))

    def latest(self, endpoint: str, day: date, *, before: datetime | None = None) -> Capture | None:
        """The newest capture that covers a date, of those fetched before an instant if one is given."""
        chosen = [c for c in self.captures(endpoint, day) if before is None or c.fetched_at < before]
        return chosen[-1] if chosen else None

    def as_it_is(self) -> "Landing":
        """The landing as it is now, for many questions at one moment: a bucket is then listed only once."""
        return Landing(self.store.listed_once())

    def _spans(self, endpoint: str, day: date) -> list[str]:
        folder = _folder(endpoint)
        chosen = []
        for name in self.store.folders(folder):
            dates = SPAN.fullmatch(name)
            if dates and date.fromisoformat(dates[1]) <= day <= date.fromisoformat(dates[2]):
                chosen.append(f"{folder}/{name}")
        return chosen


def _folder(endpoint: str) -> str:
    return f"balldontlie/{endpoint.replace('/', '_')}"


def read_capture(store: LandingStore, key: str) -> Capture:
    """The committed capture of a folder. Raises `DamagedLandingError` when it cannot be read."""
    try:
        content = json.loads(store.read(f"{key}/{CAPTURE_FILE}"))
        return Capture(
            key=key,
            endpoint=content["endpoint"],
            first_date=date.fromisoformat(content["first_date"]),
            last_date=date.fromisoformat(content["last_date"]),
            fetched_at=datetime.fromisoformat(content["fetched_at"]),
            known_at=max(datetime.fromisoformat(page["fetched_at"]) for page in content["pages"]),
            pages=tuple(Page(store, f"{key}/{page['file']}", page["sha256"]) for page in content["pages"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedLandingError(_damaged(store.where(f"{key}/{CAPTURE_FILE}"), str(error))) from error


def _damaged(place: str, why: str) -> str:
    return f"{place} is damaged ({why}). Move its folder away and fetch the dates again; nothing was published from it."
