"""The landing: the exact bytes of every answer, each with its SHA-256, its request and its time.

A *capture* is the complete answer to one question, on one page or many. Its pages are written first and
`capture.json` last, whole or not at all: until that moment the capture does not exist for readers, so a
process killed half-way leaves nothing that could be taken for an answer. A page whose bytes came before is not
written again: `capture.json` names the file that has them, in the folder of the capture that brought them first.
"""

import gzip
import hashlib
import json
import re
import time
import uuid
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from nba_pipeline.sources import answers
from nba_pipeline.sources.answers import NoPageError
from nba_pipeline.sources.contents import DATE_OF, LEFT, OF_NOW, OTHERWISE, contents, of_one_game
from nba_pipeline.sources.errors import DamagedLandingError
from nba_pipeline.sources.landing_store import FolderStore, LandingStore

SOURCE = "balldontlie"
"""The folder of everything that the source answered."""

CAPTURE_FILE = "capture.json"
PAGE, REQUEST = ".json.gz", ".request.json"
SPAN = re.compile(r"(\d{4}-\d{2}-\d{2})_(\d{4}-\d{2}-\d{2})")

NAMED_BY = "%Y%m%dT%H%M%S%fZ"
"""How the name of a capture's folder begins: the instant, in UTC, at which it was asked for."""

KNOWN_FOR = timedelta(days=10)
"""How long after an answer its bytes are known. No clean-up takes away what is younger, see `retention.py`."""


@dataclass(frozen=True)
class Page:
    """One landed response; `stands_in` is the capture that it is a page of, which may be another than its file's."""

    store: LandingStore = field(repr=False, compare=False)
    key: str
    sha256: str
    stands_in: str = field(default="", repr=False, compare=False)

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
            raise DamagedLandingError(self._damaged(str(error))) from error
        if hashlib.sha256(body).hexdigest() != self.sha256:
            raise DamagedLandingError(self._damaged("its bytes do not have the SHA-256 noted for them"))
        return body

    def _damaged(self, why: str) -> str:
        if not self.stands_in or self.key.startswith(f"{self.stands_in}/"):
            return _damaged(self.where, why)
        other = self.store.where(self.stands_in)
        return (
            f"{self.where}, which has a page of {other} too, is damaged ({why}). Move {other} away and fetch the dates "
            "again; nothing was published from it."
        )


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
    said: Mapping[str, str] | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The name of its folder, which begins with its time."""
        return self.key.rsplit("/", 1)[-1]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the pages' SHA-256, in order."""
        return hashlib.sha256(",".join(page.sha256 for page in self.pages).encode()).hexdigest()

    def about(self, day: date) -> str:
        """A hash over what it says about a date: over all that it says, where its items are about no date."""
        if self.endpoint not in DATE_OF:
            return self.fingerprint
        try:
            said = _said(self) if self.said is None else self.said
        except (DamagedLandingError, NoPageError):
            # Whoever makes rows of it reads it too, and raises this.
            return self.fingerprint
        return said.get(str(day), said[OTHERWISE])

    def request(self, place: int) -> dict[str, Any]:
        """What was asked for a page, by its place, and what is noted of it.

        Raises `DamagedLandingError` when that cannot be read.
        """
        store, key = self.pages[place].store, f"{self.key}/{_page_name(place)}{REQUEST}"
        try:
            return json.loads(store.read(key))
        except (OSError, ValueError) as error:
            raise DamagedLandingError(_damaged(store.where(key), str(error))) from error


@lru_cache(maxsize=1000)
def _said(capture: Capture) -> Mapping[str, str]:
    """What an answer says by date, of one that was landed before this was noted with it."""
    return contents(capture.endpoint, (item for page in capture.pages for item in answers.list_page(page.body()).items))


def _page_name(place: int) -> str:
    return f"page-{place + 1:04d}"


class CaptureWriter:
    """Writes one capture page by page; `known` has the pages, by SHA-256, that need not be written again."""

    def __init__(
        self,
        store: LandingStore,
        key: str,
        endpoint: str,
        first: date,
        last: date,
        known: Mapping[str, Page] | None = None,
    ) -> None:
        self._store, self._key = store, key
        self._question = {"endpoint": endpoint, "first_date": str(first), "last_date": str(last)}
        self._known = known or {}
        self._pages: list[dict[str, Any]] = []
        self._items: list[list[object] | None] = []
        self._rejected = 0

    def add_page(self, body: bytes, request: Mapping[str, Any], fetched_at: datetime) -> Page:
        """Lands a response as the next page and returns it."""
        name = _page_name(len(self._pages))
        entry = self._entry(body, fetched_at) | self._place(body, name)
        self._note(name, request, entry)
        self._pages.append(entry)
        self._items.append(_items_of(body, request))
        return _page(self._store, self._key, entry)

    def add_rejected(self, body: bytes, request: Mapping[str, Any], fetched_at: datetime) -> None:
        """Lands a response that is known to be no page, as evidence beside the capture."""
        self._rejected += 1
        name = f"rejected-{self._rejected:04d}"
        self._note(name, request, self._entry(body, fetched_at) | self._written(body, name))

    def reject_last_page(self) -> None:
        """Takes the last page out of the capture and keeps its bytes as evidence, as `rejected-…`."""
        entry = self._pages.pop()
        self._items.pop()
        self._rejected += 1
        page, rejected = f"page-{len(self._pages) + 1:04d}", f"rejected-{self._rejected:04d}"
        for kind in (PAGE, REQUEST) if "file" in entry else (REQUEST,):
            self._store.rename(f"{self._key}/{page}{kind}", f"{self._key}/{rejected}{kind}")

    def commit(self) -> Capture:
        """Makes the capture visible."""
        content = {**self._question, "fetched_at": self._pages[0]["fetched_at"], "pages": self._pages}
        endpoint = self._question["endpoint"]
        if endpoint in DATE_OF and None not in self._items:
            content["said"] = contents(endpoint, (item for items in self._items for item in items or ()))
        self._store.write(f"{self._key}/{CAPTURE_FILE}", json.dumps(content, indent=1).encode())
        return read_capture(self._store, self._key)

    def _entry(self, body: bytes, fetched_at: datetime) -> dict[str, Any]:
        sha256 = hashlib.sha256(body).hexdigest()
        return {"sha256": sha256, "bytes": len(body), "fetched_at": fetched_at.astimezone(UTC).isoformat()}

    def _place(self, body: bytes, name: str) -> dict[str, str]:
        """Where the bytes of a page are: in the file that has them already, if it is whole, or in one of its own."""
        known = self._known.get(hashlib.sha256(body).hexdigest())
        if known is not None and _is_whole(known):
            return {"same_as": known.key}
        return self._written(body, name)

    def _written(self, body: bytes, name: str) -> dict[str, str]:
        self._store.write(f"{self._key}/{name}{PAGE}", gzip.compress(body, compresslevel=5, mtime=0))
        return {"file": f"{name}{PAGE}"}

    def _note(self, name: str, request: Mapping[str, Any], entry: Mapping[str, Any]) -> None:
        self._store.write(f"{self._key}/{name}{REQUEST}", json.dumps({**request, **entry}, indent=1).encode())


def _is_whole(page: Page) -> bool:
    """Whether the bytes of a page are those that were landed; of one that is damaged nothing is made again."""
    try:
        page.body()
    except DamagedLandingError:
        return False
    return True


def _items_of(body: bytes, request: Mapping[str, Any]) -> list[object] | None:
    """The items of a page, or what it says of one game; None where it is neither, which its writer finds out too."""
    try:
        return answers.list_page(body).items
    except NoPageError:
        return [of_one_game(body, request[LEFT])] if LEFT in request else None


class Landing:
    """All captures of a store: `<endpoint>/<first>_<last>/<time>-<id>/`. A folder will do for a store."""

    def __init__(self, store: LandingStore | Path) -> None:
        self.store: LandingStore = FolderStore(store) if isinstance(store, Path) else store

    def begin(self, endpoint: str, first: date, last: date, at: datetime) -> CaptureWriter:
        """Opens a new capture about the dates; nobody sees it before it is committed."""
        # A clock that stands still gives many captures the same time; real time then tells their order.
        order = f"{time.time_ns():016x}{uuid.uuid4().hex[:6]}"
        unique = f"{at.astimezone(UTC):{NAMED_BY}}-{order}"
        folder, known = _folder(endpoint), self._known(endpoint, first, last, at)
        return CaptureWriter(self.store, f"{folder}/{first}_{last}/{unique}", endpoint, first, last, known)

    def captures(self, endpoint: str, day: date) -> list[Capture]:
        """The captures that cover a date, oldest first."""
        keys = [key for span in self._spans(endpoint, day) for key in self._captures_in(span)]
        found = [capture for key in keys if (capture := self._read_if_there(key))]
        return sorted(found, key=lambda capture: (capture.fetched_at, capture.name))

    def telling(self, endpoint: str, day: date) -> list[Capture]:
        """The captures that said something new about a date, oldest first: of those that say the same, the first.

        Where nothing says which items are about which date, all of them.
        """
        captures = self.captures(endpoint, day)
        return first_to_say(captures, day) if endpoint in DATE_OF else captures

    def latest(self, endpoint: str, day: date, *, before: datetime | None = None) -> Capture | None:
        """The newest capture that covers a date, of those fetched before an instant if one is given."""
        chosen = [c for c in self.captures(endpoint, day) if before is None or c.fetched_at < before]
        return chosen[-1] if chosen else None

    def newest(self, endpoint: str, span: tuple[date, date], *, before: datetime | None = None) -> Capture | None:
        """The newest answer about exactly these dates, of those asked for before an instant if one is given.

        Reads no other: of a question that is asked every day there are hundreds.
        """
        keys = self._captures_in(f"{_folder(endpoint)}/{span[0]}_{span[1]}")
        end = before and f"{before.astimezone(UTC):{NAMED_BY}}"
        chosen = [key for key in keys if end is None or key.rsplit("/", 1)[-1] < end]
        return self._read(max(chosen)) if chosen else None

    def as_it_is(self) -> "Landing":
        """The landing as it is now, for many questions at one moment: it is then listed only once."""
        return LandingAsItIs(self.store.listed_once())

    def first_asked(self, endpoint: str, since: date) -> date | None:
        """The earliest date from `since` on that was ever asked about; None when none was."""
        spans = [dates for dates, _ in self._folders(endpoint)]
        return min((max(first, since) for first, last in spans if last >= since), default=None)

    def all_captures(self) -> list[Capture]:
        """Every capture of every endpoint."""
        folders = [f"{SOURCE}/{name}" for name in self.store.folders(SOURCE)]
        return [self._read(key) for folder in folders for key in self._captures_in(folder)]

    def _read(self, key: str) -> Capture:
        return read_capture(self.store, key)

    def _read_if_there(self, key: str) -> Capture | None:
        """A capture; None when a clean-up has taken it away since it was listed."""
        try:
            return self._read(key)
        except DamagedLandingError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    def _captures_in(self, folder: str) -> list[str]:
        """The keys of the captures in a folder, at any depth."""
        last = f"/{CAPTURE_FILE}"
        return [key.removesuffix(last) for key in self.store.keys(folder) if key.endswith(last)]

    def _known(self, endpoint: str, first: date, last: date, at: datetime) -> dict[str, Page]:
        """The pages of the newest answer to the same question, by SHA-256; none when it is old or unreadable.

        The same question is one about the same dates, and of what the source knows of now the one asked last.
        """
        folder = _folder(endpoint)
        captures = self._captures_in(f"{folder}/{first}_{last}")
        if not captures and endpoint in OF_NOW:
            names = [name for name in self.store.folders(folder) if SPAN.fullmatch(name)]
            captures = self._captures_in(f"{folder}/{max(names)}") if names else []
        if not captures:
            return {}
        try:
            newest = read_capture(self.store, max(captures))
        except DamagedLandingError:
            return {}
        young = timedelta() <= at - newest.fetched_at <= KNOWN_FOR
        return {page.sha256: page for page in newest.pages} if young else {}

    def _spans(self, endpoint: str, day: date) -> list[str]:
        """The folders of the answers that cover a date."""
        return [folder for (first, last), folder in self._folders(endpoint) if first <= day <= last]

    def _folders(self, endpoint: str) -> list[tuple[tuple[date, date], str]]:
        """The folders of an endpoint's answers, each with the first and last date that it is about."""
        folder = _folder(endpoint)
        return [(dates, f"{folder}/{name}") for name in self.store.folders(folder) if (dates := _dates(name))]


class LandingAsItIs(Landing):
    """The landing of one moment: what was listed or read of it is listed and read once."""

    def __init__(self, store: LandingStore) -> None:
        super().__init__(store)
        self._captures: dict[str, Capture] = {}
        self._listed: dict[str, list[tuple[tuple[date, date], str]]] = {}

    def as_it_is(self) -> "Landing":
        """Itself."""
        return self

    def _folders(self, endpoint: str) -> list[tuple[tuple[date, date], str]]:
        if endpoint not in self._listed:
            self._listed[endpoint] = super()._folders(endpoint)
        return self._listed[endpoint]

    def _read(self, key: str) -> Capture:
        if key not in self._captures:
            self._captures[key] = super()._read(key)
        return self._captures[key]


def first_to_say(captures: Sequence[Capture], day: date) -> list[Capture]:
    """Of captures in order, those that say something else about a date than the one before."""
    return [
        capture
        for before, capture in zip([None, *captures], captures, strict=False)
        if before is None or (before.fingerprint != capture.fingerprint and before.about(day) != capture.about(day))
    ]


def _dates(name: str) -> tuple[date, date] | None:
    """The first and last date of the folder of a span; None for another folder."""
    dates = SPAN.fullmatch(name)
    return (date.fromisoformat(dates[1]), date.fromisoformat(dates[2])) if dates else None


def _page(store: LandingStore, key: str, entry: Mapping[str, Any]) -> Page:
    """A page of a capture, from what `capture.json` says of it."""
    place = entry["same_as"] if "same_as" in entry else f"{key}/{entry['file']}"
    return Page(store, place, entry["sha256"], key)


def _folder(endpoint: str) -> str:
    return f"{SOURCE}/{endpoint.replace('/', '_')}"


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
            pages=tuple(_page(store, key, page) for page in content["pages"]),
            said=content.get("said"),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedLandingError(_damaged(store.where(f"{key}/{CAPTURE_FILE}"), str(error))) from error


def _damaged(place: str, why: str) -> str:
    return f"{place} is damaged ({why}). Move its folder away and fetch the dates again; nothing was published from it."
