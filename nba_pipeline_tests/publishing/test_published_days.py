"""Published days: never half there, never changed, each naming the one before, read by one function."""

import hashlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nba_pipeline.publishing.published_days import (
    INDEX,
    LATEST,
    PARTS,
    SCHEMA,
    SEAL,
    DamagedPublicationError,
    NotPublishedError,
    publications,
    publish,
    published_day,
)
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings
from nba_pipeline.sources.landing_store import UNFINISHED, FolderStore
from nba_pipeline_tests.support.named_command import named_command
from nba_pipeline_tests.support.night_rows import LATER, MADE, NIGHT, NOW, made_of, published, said


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "published")


def tree(store: FolderStore) -> dict[str, bytes]:
    """Every file, the unfinished ones as well."""
    files = (path for path in store.root.rglob("*") if path.is_file())
    return {path.relative_to(store.root).as_posix(): path.read_bytes() for path in files}


# what stands after publishing


def test_a_published_day_is_read_as_it_was_published(store: FolderStore) -> None:
    made = published(store, said())
    assert made.new
    for day in (None, NIGHT):
        found = published_day(store, day)
        assert (found.publication, found.document) == (made.publication, made.document)
    assert sorted(store.keys("days")) == sorted(f"{made.publication.path}/{part}" for part in PARTS)
    assert json.loads(store.read(SCHEMA))["title"]


def test_the_hash_that_names_a_file_is_that_of_its_bytes_for_anybody(store: FolderStore) -> None:
    made = published(store, said()).publication
    for name, sha256 in made.files.items():
        assert hashlib.sha256(store.read(f"{made.path}/{name}")).hexdigest() == sha256
    assert made.sha256 == made.files["predictions.json"]
    assert made.path.endswith(f"0001-{made.sha256[:12]}")


def test_the_same_rows_twice_make_no_second_file_and_change_no_byte(store: FolderStore) -> None:
    first = published(store, said())
    before = tree(store)
    again = published(store, said(), now=NOW + timedelta(hours=5))
    assert not again.new
    assert again.publication == first.publication
    assert tree(store) == before


def test_later_rows_make_a_new_file_that_names_the_one_before_which_stays_as_it_was(store: FolderStore) -> None:
    first = published(store, said()).publication
    before = tree(store)
    second = published(store, said(), LATER)
    named = {"number": 1, "path": first.path, "sha256": first.sha256}
    assert second.document["previous"] == second.publication.previous == named
    assert second.publication.number == 2
    assert {name: content for name, content in tree(store).items() if name in before} == before | {
        name: store.read(name) for name in (INDEX, LATEST)
    }
    assert published_day(store, NIGHT).publication == published_day(store).publication == second.publication


def test_latest_is_the_file_of_today_though_tomorrow_is_published_and_old_dates_are_later(store: FolderStore) -> None:
    yesterday, tomorrow = NIGHT - timedelta(days=1), NIGHT + timedelta(days=1)
    assert published_day(store).publication if published(store, said(), day=tomorrow) else None
    for day in (NIGHT, yesterday):
        published(store, said(), day=day)
        assert published_day(store).publication.game_date == str(NIGHT)
    days = [line["game_date"] for line in json.loads(store.read(INDEX))["days"]]
    assert days == [str(yesterday), str(NIGHT), str(tomorrow)]
    published(store, said(), day=tomorrow, today=tomorrow)
    assert published_day(store).publication.game_date == str(tomorrow)


def test_an_index_that_is_gone_is_made_again_of_what_is_published(store: FolderStore) -> None:
    published(store, said(), day=NIGHT - timedelta(days=1))
    published(store, said())
    index = store.read(INDEX)
    store.remove(INDEX)
    published(store, said())
    assert store.read(INDEX) == index


# what is refused


def test_what_is_not_published_names_the_command_that_publishes_it(store: FolderStore) -> None:
    with pytest.raises(NotPublishedError) as nothing:
        published_day(store, NIGHT)
    assert named_command(str(nothing.value)) == ["publish", "--from", str(NIGHT), "--to", str(NIGHT)]
    with pytest.raises(NotPublishedError) as nothing:
        published_day(store)
    assert named_command(str(nothing.value)) == ["publish"]


@pytest.mark.parametrize("part", ["predictions.json", SEAL])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"{}")], ids=["gone", "changed"])
def test_a_published_file_that_is_not_what_was_published_is_named_and_nothing_follows_it(
    store: FolderStore, part: str, damage: Callable[[Path], object]
) -> None:
    path = published(store, said()).publication.path
    damage(store.root / path / part)
    before = tree(store)
    for act in (partial(published_day, store), partial(published, store, said(), LATER)):
        with pytest.raises(DamagedPublicationError, match=rf"{path}/{part}"):
            act()
    assert tree(store) == before


def test_nothing_follows_a_file_of_which_one_form_was_changed(store: FolderStore) -> None:
    path = published(store, said()).publication.path
    (store.root / path / "predictions.parquet").write_bytes(b"PAR1")
    before = tree(store)
    with pytest.raises(DamagedPublicationError, match=r"predictions\.parquet"):
        published(store, said(), LATER)
    assert tree(store) == before


def test_a_damaged_date_is_published_again_once_it_and_the_index_are_moved_away_as_it_says(store: FolderStore) -> None:
    yesterday = published(store, said(), day=NIGHT - timedelta(days=1)).publication
    path = published(store, said()).publication.path
    (store.root / path / "predictions.json").write_bytes(b"{}")
    with pytest.raises(DamagedPublicationError, match=f"move days/{NIGHT} and index.json away") as damaged:
        published(store, said())
    assert named_command(str(damaged.value)) == ["publish", "--from", str(NIGHT), "--to", str(NIGHT)]
    shutil.move(store.root / "days" / str(NIGHT), store.root.parent)
    store.remove(INDEX)
    assert published(store, said()).new
    assert published_day(store, NIGHT - timedelta(days=1)).publication == yesterday


def test_an_index_that_cannot_be_read_is_named(store: FolderStore) -> None:
    published(store, said())
    store.write(INDEX, b"half")
    with pytest.raises(DamagedPublicationError, match=INDEX) as damaged:
        published(store, said())
    assert named_command(str(damaged.value)) == ["publish"]


class Lying(FolderStore):
    """A disk that takes a file and keeps another."""

    def write(self, key: str, content: bytes) -> None:
        super().write(key, content[:-1] if key.endswith(".csv") else content)


def test_what_cannot_be_read_back_is_never_named(store: FolderStore) -> None:
    published(store, said())
    before = published_day(store)
    with pytest.raises(DamagedPublicationError, match=r"predictions\.csv"):
        published(Lying(store.root), said(), LATER)
    assert published_day(store) == before
    assert published(store, said(), LATER).new
    assert len(publications(store, NIGHT)) == 2


def test_what_breaks_the_schema_is_never_named(store: FolderStore) -> None:
    broken = {**made_of(said()), "tip": "bet"}
    with pytest.raises(DamagedPublicationError, match="tip"):
        publish(store, NIGHT, lambda number, previous: broken, NOW, NIGHT)
    assert not store.keys("days") or not any(key.endswith(SEAL) for key in store.keys("days"))
    with pytest.raises(NotPublishedError):
        published_day(store)


# killed


TOUCHES = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir"}


def killed_at(step: int, root: Path, act: Callable[[], object]) -> bool:
    """Does something in a process of its own that dies by SIGKILL at its nth touch of the folder; whether it died."""
    child = os.fork()
    if child == 0:
        left = [step]

        def count(event: str, arguments: tuple[Any, ...]) -> None:
            if event not in TOUCHES or not str(arguments[0]).startswith(str(root)):
                return
            if event == "open" and "r" in str(arguments[1]):
                return
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            act()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def steps(folder: Path, begun: FolderStore, act: Callable[[FolderStore], object]) -> Iterator[FolderStore]:
    """The folder as it is left by a process that was killed, once for each touch that there is."""
    for step in range(1, 1000):
        store = FolderStore(folder / str(step))
        if begun.root.exists():
            shutil.copytree(begun.root, store.root)
        if not killed_at(step, store.root, lambda store=store: act(store)):
            assert step > 15, "it touches more than that"
            return
        yield store


def test_whoever_is_killed_at_any_step_leaves_a_whole_latest_and_the_next_ends_as_undisturbed(
    tmp_path: Path,
) -> None:
    begun, whole = FolderStore(tmp_path / "begun"), FolderStore(tmp_path / "whole")
    first = published(begun, said()).document
    shutil.copytree(begun.root, whole.root)
    second = published(whole, said(), LATER).document
    seen = []
    for left in steps(tmp_path, begun, lambda store: published(store, said(), LATER)):
        latest, of_day = published_day(left).document, published_day(left, NIGHT).document
        assert latest in (first, second)
        assert of_day in (first, second)
        seen.append((latest == second, of_day == second))
        published(left, said(), LATER)
        assert tree(left) == tree(whole)
    assert seen == sorted(seen)
    assert {*seen} >= {(False, False), (False, True)}, "it was killed before and after it was sealed"


def test_whoever_is_killed_at_the_very_first_day_leaves_nothing_that_is_named(tmp_path: Path) -> None:
    begun, whole = FolderStore(tmp_path / "begun"), FolderStore(tmp_path / "whole")
    document = published(whole, said()).document
    for left in steps(tmp_path, begun, lambda store: published(store, said())):
        if (left.root / LATEST).exists():
            assert published_day(left).document == document
        else:
            with pytest.raises(NotPublishedError):
                published_day(left)
        published(left, said())
        assert tree(left) == tree(whole)


def test_what_a_killed_process_left_of_another_file_is_taken_away(tmp_path: Path) -> None:
    begun = FolderStore(tmp_path / "begun")
    published(begun, said())
    other = said(value=30.0, made_at=MADE + timedelta(hours=5))
    for left in steps(tmp_path, begun, lambda store: published(store, said(), LATER)):
        sealed = len(publications(left, NIGHT))
        published(left, said(), LATER, other)
        named = {f"{made.path}/{part}" for made in publications(left, NIGHT) for part in PARTS}
        assert {name for name in tree(left) if name.startswith("days/")} == named
        assert len(publications(left, NIGHT)) == sealed + 1
        assert not any(name.endswith(UNFINISHED) and name.startswith("days/") for name in tree(left))


# where


def test_the_folder_lies_in_the_home_unless_a_setting_says_where(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert Runtime(Settings(home=home)).published.where("") == str(home.resolve() / "published")
    elsewhere = Runtime(Settings(home=home, published=str(tmp_path / "elsewhere"))).published
    assert elsewhere.where(LATEST) == str(tmp_path / "elsewhere" / LATEST)
