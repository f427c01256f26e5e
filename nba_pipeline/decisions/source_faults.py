"""What is known to be wrong with the sources: a catalogue that ships with the package, and the repairs that it has.

A repair is a decision by rule: it is made as a person's would be, says where it comes from, and gives way to what a
person decided about the same game.
"""

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from nba_pipeline.decisions.game_decisions import GameDecision, Ruling, decision_hash

CATALOGUE = "source_faults.toml"

BY_CATALOGUE = "the catalogue of known source faults"
"""Who decided what a repair does."""

Words = Annotated[str, Field(min_length=3)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FaultyGame(_Entry):
    """The game that a fault is about, by date and teams, and what the source says of it while it is wrong.

    Not by id: of some the report names none, and a repair of another game would be a fault of ours.
    """

    game_date: date
    home_team: str
    visitor_team: str
    holds: dict[str, Any] = Field(min_length=1)

    def is_it(self, record: Mapping[str, Any]) -> bool:
        """Whether a game as the source has it is this one, and still wrong."""
        known = {"game_date": self.game_date, "home_team": self.home_team, "visitor_team": self.visitor_team}
        return all(record.get(name) == value for name, value in (known | self.holds).items())


class Repair(_Entry):
    """What is done about a game, as `nba-pipeline game` would do it."""

    ruling: Ruling
    corrections: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.ruling not in (Ruling.HOLD, Ruling.CORRECT):
            raise ValueError(
                "a repair holds or corrects; to accept what is wrong, or to release, is a person's to decide"
            )
        if bool(self.corrections) is not (self.ruling is Ruling.CORRECT):
            raise ValueError("a correction has values, and nothing else has")
        return self


class SourceFault(_Entry):
    """One thing that is known to be wrong with a source, what it does here, and what is done about it."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    source: Words
    where: Words
    wrong: Words
    effect: Words
    mend: Words | None = None
    heals: str = Field(pattern=r"^(yes|no|sometimes|unknown)\b")
    seen: Literal["ours", "report", "described"]
    evidence: Words
    reported: date | None = None
    game: FaultyGame | None = None
    repair: Repair | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.repair is not None and (self.game is None or self.reported is None):
            raise ValueError("a repair is of one game, and since the day of the report")
        return self

    @property
    def repaired(self) -> str:
        """What is done about it, for people."""
        if self.repair is None:
            return self.mend or "none needed"
        values = ", ".join(f"`{name}` = {value}" for name, value in self.repair.corrections.items())
        return f"{self.repair.ruling}: {values}" if values else str(self.repair.ruling)

    def decision_about(self, record: Mapping[str, Any]) -> GameDecision | None:
        """The repair as a decision about a game as the source has it; None where it is not the game, or is right."""
        if self.repair is None or self.game is None or self.reported is None or not self.game.is_it(record):
            return None
        return self.decision(record["game_id"])

    def decision(self, game_id: int) -> GameDecision | None:
        """The repair as a decision about a game that is known to be the one; None where there is no repair."""
        if self.repair is None or self.game is None or self.reported is None:
            return None
        since = datetime.combine(self.reported, time())
        about = self.game.game_date, game_id, self.repair.ruling, self.repair.corrections
        return GameDecision(*about, BY_CATALOGUE, f"{self.id}: {self.wrong}", None, since)


@cache
def source_faults() -> tuple[SourceFault, ...]:
    """The catalogue, in its order. Raises `ValidationError` for an entry that cannot be."""
    text = files("nba_pipeline.decisions").joinpath(CATALOGUE).read_text(encoding="utf-8")
    found = TypeAdapter(tuple[SourceFault, ...]).validate_python(tomllib.loads(text)["fault"])
    names = [fault.id for fault in found]
    if len({*names}) != len(names):
        raise ValueError(f"{CATALOGUE} names a fault twice: {sorted({n for n in names if names.count(n) > 1})}")
    return found


def repairs_of(records: Iterable[Mapping[str, Any]]) -> dict[tuple[date, int], GameDecision]:
    """The repairs of games, given as the source has them: the columns of the table of games, before any correction."""
    repairs = [fault for fault in source_faults() if fault.repair is not None]
    found = (fault.decision_about(record) for record in records for fault in repairs)
    return {decision.key: decision for decision in found if decision is not None}


def fault_of(decision: GameDecision) -> str | None:
    """The id of the fault that a repair is of; None where a person decided."""
    return decision.reason.partition(":")[0] if decision.decided_by == BY_CATALOGUE else None


def repairs_marked(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[date, int], GameDecision]:
    """The repairs of games as the table has them: those that were made are marked with the fault's id."""
    faults = {fault.id: fault for fault in source_faults()}
    marked = ((faults.get(row["repaired_by"] or ""), row["game_id"]) for row in rows)
    found = (fault.decision(game_id) for fault, game_id in marked if fault is not None)
    return {decision.key: decision for decision in found if decision is not None}


def repaired_dates() -> list[date]:
    """The dates of the games that the catalogue repairs."""
    return sorted({fault.game.game_date for fault in source_faults() if fault.game is not None and fault.repair})


def with_repairs(
    decisions: Mapping[tuple[date, int], GameDecision], records: Iterable[Mapping[str, Any]]
) -> dict[tuple[date, int], GameDecision]:
    """What is decided about games, by people and else by the catalogue; `accept` takes the source's word against it."""
    return {**repairs_of(records), **decisions}


def repairs_hash(day: date) -> str:
    """A hash of the repairs of a date's games, `-` when there are none: part of what the games are made from."""
    faults = [fault for fault in source_faults() if fault.game is not None and fault.game.game_date == day]
    repairs = [fault.decision_about(_as_reported(fault, n)) for n, fault in enumerate(faults)]
    return decision_hash({one.key: one for one in repairs if one is not None}, day)


def _as_reported(fault: SourceFault, number: int) -> dict[str, Any]:
    """A game as the source had it when its fault was reported."""
    game = fault.game
    known = game.model_dump() if game else {}
    return known | known.pop("holds", {}) | {"game_id": number}


def as_markdown() -> str:
    """The catalogue as the page of the documentation."""
    faults = source_faults()
    lines = [
        "# Known faults of the sources",
        "",
        f"Made from `nba_pipeline/decisions/{CATALOGUE}` by `nba-pipeline faults --markdown`, never edited. Of each",
        "fault: what is wrong, what it does here, what is done about it, and whether asking again heals it. The",
        "evidence is `ours` (in data that we have), a `report` (public, not seen by us) or `described` (by the source",
        "itself).",
        "",
        "A repair of a game is made while the source still says what is wrong, and is known as one; what a person",
        "decides with `nba-pipeline game` goes before it.",
        "",
        "## Games",
        "",
        "| fault | game | wrong | repair | asking again heals it | evidence |",
        "|---|---|---|---|---|---|",
        *(
            f"| `{f.id}` | {f.where} | {f.wrong} | {f.repaired} | {f.heals} | {f.seen}: {f.evidence} |"
            for f in faults
            if f.game is not None
        ),
        "",
        "## Kinds",
    ]
    for source in dict.fromkeys(fault.source for fault in faults if fault.game is None):
        lines += [
            "",
            "### Any source" if source == "any" else f"### {source}",
            "",
            "| fault | where | wrong | what it does here | fixed by | asking again heals it | evidence |",
            "|---|---|---|---|---|---|---|",
            *(
                f"| `{f.id}` | {f.where} | {f.wrong} | {f.effect} | {f.repaired} | {f.heals} | {f.seen}: {f.evidence} |"
                for f in faults
                if f.game is None and f.source == source
            ),
        ]
    return "\n".join(lines) + "\n"
