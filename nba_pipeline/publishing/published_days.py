"""Published days in a folder or a bucket: how they are written, so that none is ever half there, and how they are read.

    schema/predictions-1.0.json              the JSON Schema of the files
    days/2025-11-12/0001-3f9c…/              the first file of a date, named by its number and its hash
      predictions.json, .csv, .parquet
      publication.json                       written last: without it, nothing of the folder is published
    index.json                               every published date, with its newest file
    latest.json                              the newest file of today, or else of the newest date before

Each write is seen in full or not at all, and what is named was written and read back before. So whoever dies between
two of them leaves files that nobody names, and the next to publish the date takes them away.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from nba_pipeline.publishing.predictions_file import (
    VERSION,
    Document,
    faults_of,
    files_of,
    json_schema,
    says_the_same,
)
from nba_pipeline.sources.landing_store import UNFINISHED, LandingStore

DAYS, SEAL, INDEX, LATEST = "days", "publication.json", "index.json", "latest.json"
SCHEMA = f"schema/predictions-{VERSION}.json"
NAMING = "predictions.json"
"""The file by whose hash a publication is named."""

PARTS = (NAMING, "predictions.csv", "predictions.parquet", SEAL)
"""All that is ever written of a publication, the last of it last."""


class NotPublishedError(Exception):
    """Nothing is published of a date; the message names the command that publishes it."""


class DamagedPublicationError(Exception):
    """A published file is not what was published; the message names it."""


@dataclass(frozen=True)
class PublishedFile:
    """One published file of a date, in its forms: where it lies, and the SHA-256 of each of them."""

    game_date: str
    number: int
    path: str
    sha256: str
    files: Mapping[str, str]
    schema: str
    status: str
    rows: int
    known_at: str | None
    published_at: str
    previous: Mapping[str, Any] | None

    @property
    def named(self) -> dict[str, Any]:
        """By what a later file names this one."""
        return {"number": self.number, "path": self.path, "sha256": self.sha256}


@dataclass(frozen=True)
class PublishedDay:
    """A published date: its newest file, all that it says, and whether it was written just now."""

    publication: PublishedFile
    document: Document
    new: bool = False


Made = Callable[[int, Mapping[str, Any] | None], Document]
"""Makes the document of a date, given its number and the file before it."""


# reading


def published_day(store: LandingStore, day: date | None = None) -> PublishedDay:
    """What is published of a date, or of the latest one; the one way in which published files are read.

    Raises `NotPublishedError` when there is nothing, and `DamagedPublicationError`, naming the file, when bytes are not
    those that were published.
    """
    if day is None:
        found = publication_of(store, _named_by_latest(store))
    else:
        every = publications(store, day)
        if not every:
            raise NotPublishedError(
                f"nothing is published of {day} in {store.where(DAYS)}. Next: "
                f"nba-pipeline publish --from {day} --to {day}"
            )
        found = every[-1]
    return PublishedDay(found, json.loads(content_of(store, found, NAMING)))


def _named_by_latest(store: LandingStore) -> str:
    try:
        return json.loads(store.read(LATEST))["path"]
    except FileNotFoundError as error:
        raise NotPublishedError(
            f"nothing is published in {store.where(DAYS)} yet. Next: nba-pipeline publish"
        ) from error


def publications(store: LandingStore, day: date) -> list[PublishedFile]:
    """Every published file of a date, the oldest first; what was never sealed is none."""
    folders = sorted(store.folders(f"{DAYS}/{day}"))
    found = [publication_of(store, f"{DAYS}/{day}/{name}") for name in folders if _is_sealed(store, day, name)]
    return sorted(found, key=lambda publication: publication.number)


def _is_sealed(store: LandingStore, day: date, name: str) -> bool:
    return f"{DAYS}/{day}/{name}/{SEAL}" in store.keys(f"{DAYS}/{day}/{name}")


def publication_of(store: LandingStore, path: str) -> PublishedFile:
    """The publication in a folder."""
    key = f"{path}/{SEAL}"
    try:
        return PublishedFile(**json.loads(store.read(key)))
    except (FileNotFoundError, ValueError, TypeError) as error:
        raise _not_as_published(store, key, str(error)) from None


def content_of(store: LandingStore, publication: PublishedFile, name: str) -> bytes:
    """The bytes of a published file, which are those that were published."""
    key = f"{publication.path}/{name}"
    try:
        content = store.read(key)
    except FileNotFoundError:
        # Of a failed step people are shown the innermost cause, and that one names no command.
        raise _not_as_published(store, key, "it is gone") from None
    if hashlib.sha256(content).hexdigest() != publication.files[name]:
        raise _not_as_published(store, key, "its bytes do not have the SHA-256 that was published")
    return content


def _not_as_published(store: LandingStore, key: str, why: str) -> DamagedPublicationError:
    day = key.split("/")[1]
    return DamagedPublicationError(
        f"{store.where(key)} is not what was published ({why}). Bring it back from a copy, or move {DAYS}/{day} and "
        f"{INDEX} away; then publish the date again. Next: nba-pipeline publish --from {day} --to {day}"
    )


# writing


def publish(store: LandingStore, day: date, make: Made, now: datetime, today: date) -> PublishedDay:
    """Publishes a date: a new file if it would say anything new, and else none; what names it is put right.

    Raises `DamagedPublicationError` when the file before is not what was published, or when what was written is not
    what was to be written; then nothing names it.
    """
    before = publications(store, day)
    last = before[-1] if before else None
    for line in indexed(store):
        if line["game_date"] == day.isoformat() and line["path"] not in {made.path for made in before}:
            raise _not_as_published(store, f"{line['path']}/{SEAL}", "it is gone")
    said = make(len(before) + 1, last.named if last else None)
    if last is not None:
        stands = json.loads({name: content_of(store, last, name) for name in last.files}[NAMING])
        if says_the_same(stands, said):
            _point(store, last, today)
            return PublishedDay(last, stands, new=False)
    _take_away_what_was_never_sealed(store, day)
    _write_once(store, SCHEMA, _as_json(json_schema()))
    written = _write(store, day, said, now)
    _point(store, written, today)
    return PublishedDay(written, said, new=True)


def _write(store: LandingStore, day: date, said: Document, now: datetime) -> PublishedFile:
    """Writes the files of a document, reads them back, and seals them."""
    files = files_of(said)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    made = PublishedFile(
        game_date=day.isoformat(),
        number=said["number"],
        path=f"{DAYS}/{day}/{said['number']:04d}-{hashes[NAMING][:12]}",
        sha256=hashes[NAMING],
        files=hashes,
        schema=SCHEMA,
        status=said["status"],
        rows=len(said["rows"]),
        known_at=said["known_at"],
        published_at=now.isoformat(),
        previous=said["previous"],
    )
    for name, content in files.items():
        store.write(f"{made.path}/{name}", content)
    faults = faults_of(said, {name: content_of(store, made, name) for name in files})
    if faults:
        raise _not_as_published(store, made.path, "; ".join(faults))
    store.write(f"{made.path}/{SEAL}", _as_json(asdict(made)))
    return publication_of(store, made.path)


def _take_away_what_was_never_sealed(store: LandingStore, day: date) -> None:
    for name in store.folders(f"{DAYS}/{day}"):
        if not _is_sealed(store, day, name):
            for part in PARTS:
                store.remove(f"{DAYS}/{day}/{name}/{part}")
                store.remove(f"{DAYS}/{day}/{name}/{part}{UNFINISHED}")


def _point(store: LandingStore, newest: PublishedFile, today: date) -> None:
    """Names the newest file of a date in the index, and in `latest.json` the one that people look for today."""
    lines = {line["game_date"]: line for line in indexed(store)} | {newest.game_date: _line(newest)}
    days = [lines[day] for day in sorted(lines)]
    _write_once(store, INDEX, _as_json({"days": days}))
    _write_once(store, LATEST, _as_json(_latest(days, today)))


def _line(newest: PublishedFile) -> dict[str, Any]:
    """A date as the index has it: its newest file."""
    return {name: value for name, value in asdict(newest).items() if name != "previous"}


def _latest(days: Sequence[dict[str, Any]], today: date) -> dict[str, Any]:
    """Today's, or that of the newest date before; where all are to come, the first of them."""
    until = [line for line in days if line["game_date"] <= today.isoformat()]
    return until[-1] if until else days[0]


def indexed(store: LandingStore) -> list[dict[str, Any]]:
    """Every published date as the index has it; one that is gone is made again of what is published."""
    try:
        return json.loads(store.read(INDEX))["days"]
    except FileNotFoundError:
        every = (publications(store, date.fromisoformat(day)) for day in sorted(store.folders(DAYS)))
        return [_line(found[-1]) for found in every if found]
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedPublicationError(
            f"{store.where(INDEX)} cannot be read ({error}). Move it away; it is made again of what is published. "
            "Next: nba-pipeline publish"
        ) from error


def _write_once(store: LandingStore, key: str, content: bytes) -> None:
    """Writes a file unless it says so already."""
    try:
        if store.read(key) == content:
            return
    except FileNotFoundError:
        pass
    store.write(key, content)


def _as_json(content: object) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
