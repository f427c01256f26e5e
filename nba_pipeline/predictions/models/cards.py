"""Model cards: what a model is made of; and where a home keeps models with their cards."""

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


@dataclass(frozen=True)
class KeptModel:
    """Where one model of one month is kept, whether it is there yet or not: its file, and its card beside it."""

    models_path: Path
    model: str
    stat: str
    setting: str
    version: str

    @property
    def file(self) -> Path:
        """The model itself; one whose card says everything has none."""
        return self.models_path / self.model / f"{self.stat}-{self.setting}" / f"{self.version}.txt"

    @property
    def card_file(self) -> Path:
        """Its card, as JSON."""
        return self.file.with_suffix(".json")

    def card(self) -> Card:
        """Its card."""
        return Card.read(self.card_file)

    def keep(self, card: Card, text: str | None = None) -> None:
        """Keeps the card, then the model, so that one that is there has its card."""
        card.write(self.card_file)
        if text is not None:
            write_whole(self.file, text)


def write_whole(path: Path, text: str) -> None:
    """Writes a file that holds all of the text or does not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    unfinished.write_text(text)
    unfinished.replace(path)
