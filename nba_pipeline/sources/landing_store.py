"""Where landed bytes lie: a folder of this machine, or what else can write a file whole or not at all.

A key is a path below the root with `/` between its parts, on every system.
"""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

UNFINISHED = ".unfinished"


class LandingStore(Protocol):
    """Files by key. Raises `LandingUnavailableError` when the place cannot be reached, and `OSError` for the rest."""

    def read(self, key: str) -> bytes:
        """The bytes of a file. Raises `FileNotFoundError` when there is none."""
        ...

    def write(self, key: str, content: bytes) -> None:
        """Writes a file; readers see all of it or nothing, also when the process is killed."""
        ...

    def rename(self, key: str, new_key: str) -> None:
        """Gives a file another key."""
        ...

    def remove(self, key: str) -> None:
        """Takes a file away, if it is there."""
        ...

    def folders(self, key: str) -> Sequence[str]:
        """The names of the folders right below a key; none when it does not exist."""
        ...

    def keys(self, key: str) -> Sequence[str]:
        """The keys of all files below a key, at any depth."""
        ...

    def where(self, key: str) -> str:
        """The place of a file, for people."""
        ...

    def listed_once(self) -> "LandingStore":
        """The same files, looked up at most once: for many questions at one moment."""
        ...


class FolderStore:
    """Files in a folder; every write is on the disk before it can be seen."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, key: str) -> bytes:
        """The bytes of a file."""
        return (self.root / key).read_bytes()

    def write(self, key: str, content: bytes) -> None:
        """Writes beside the file, then renames."""
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(path.name + UNFINISHED)
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)

    def rename(self, key: str, new_key: str) -> None:
        """Gives a file another key."""
        (self.root / key).rename(self.root / new_key)

    def remove(self, key: str) -> None:
        """Takes a file away, and its folder with the last one."""
        path = self.root / key
        path.unlink(missing_ok=True)
        # Somebody else may be at the same work.
        with contextlib.suppress(FileNotFoundError):
            if not any(path.parent.iterdir()):
                path.parent.rmdir()

    def folders(self, key: str) -> Sequence[str]:
        """The names of the folders right below a key."""
        try:
            with os.scandir(self.root / key) as entries:
                return [entry.name for entry in entries if entry.is_dir()]
        except FileNotFoundError:
            return []

    def keys(self, key: str) -> Sequence[str]:
        """The keys of all finished files below a key."""
        found = []
        for folder, _, names in os.walk(self.root / key, onerror=_unless_it_is_gone):
            below = Path(folder).relative_to(self.root).as_posix()
            found += [f"{below}/{name}" for name in names if not name.endswith(UNFINISHED)]
        return found

    def where(self, key: str) -> str:
        """The path of a file."""
        return str(self.root / key)

    def listed_once(self) -> "FolderStore":
        """Itself: looking up a file of this machine costs next to nothing."""
        return self


def _unless_it_is_gone(error: OSError) -> None:
    """Raises why a folder cannot be looked at; one that is not there, or not any more, has no files."""
    if not isinstance(error, FileNotFoundError):
        raise error


class ListedOnce:
    """A store as it was when it was first looked at, to be read only."""

    def __init__(self, store: LandingStore) -> None:
        self._store = store
        self._found: dict[str, Sequence[str]] = {}
        self._read: dict[str, bytes] = {}

    def read(self, key: str) -> bytes:
        """The bytes of an object."""
        if key not in self._read:
            self._read[key] = self._store.read(key)
        return self._read[key]

    def write(self, key: str, content: bytes) -> None:
        """Nothing is written through a view. Raises `PermissionError`."""
        raise PermissionError(f"{self.where(key)} cannot be written through a view")

    def rename(self, key: str, new_key: str) -> None:
        """Nothing is renamed through a view. Raises `PermissionError`."""
        raise PermissionError(f"{self.where(key)} cannot be renamed to {new_key} through a view")

    def remove(self, key: str) -> None:
        """Nothing is removed through a view. Raises `PermissionError`."""
        raise PermissionError(f"{self.where(key)} cannot be removed through a view")

    def folders(self, key: str) -> Sequence[str]:
        """The names of the folders right below a key."""
        depth = key.count("/") + 1
        return sorted({parts[depth] for found in self.keys(key) if len(parts := found.split("/")) > depth + 1})

    def keys(self, key: str) -> Sequence[str]:
        """The keys of all objects below a key."""
        above = next((known for known in self._found if key == known or key.startswith(f"{known}/")), None)
        if above is None:
            self._found[key] = self._store.keys(key)
            return self._found[key]
        return [found for found in self._found[above] if found.startswith(f"{key}/")]

    def where(self, key: str) -> str:
        """The URL of an object."""
        return self._store.where(key)

    def listed_once(self) -> "ListedOnce":
        """Itself."""
        return self
