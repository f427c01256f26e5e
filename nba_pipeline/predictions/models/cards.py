"""Model cards: what a model is made of, kept beside the model."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Card:
    """One model of one month: what it learned from and how, and what it goes by.

    `rows` are the rows learned from, `training_data` is the hash of them and of the recipe. `importance` says
    what each feature, or each system combined, counts for; `scores` are those of its forerunners, once known.
    """

    model: str
    stat: str
    setting: str
    month: str
    version: str
    rows: int
    first_date: str
    last_date: str
    features: list[str]
    parameters: dict[str, Any]
    library: str
    training_data: str
    importance: dict[str, float]
    scores: list[dict[str, object]] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Keeps the card at `path`."""
        write_whole(path, json.dumps(self.as_dict(), indent=1))

    def as_dict(self) -> dict[str, Any]:
        """The card as JSON takes it."""
        return asdict(self)

    @classmethod
    def read(cls, path: Path) -> "Card":
        """The card at `path`."""
        return cls(**json.loads(path.read_text()))


def model_file(models_path: Path, model: str, what: str, version: str) -> Path:
    """Where a model is kept; its card lies beside it, as JSON."""
    return models_path / model / what / f"{version}.txt"


def card_file(model: Path) -> Path:
    """Where the card of a model is kept."""
    return model.with_suffix(".json")


def write_whole(path: Path, text: str) -> None:
    """Writes a file that holds all of the text or does not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    unfinished.write_text(text)
    unfinished.replace(path)
