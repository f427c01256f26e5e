"""What a command ends with: the one place that decides exit codes, and the one field that says the same in JSON."""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ParamSpec

from rich.console import Console

from nba_pipeline.warehouse.errors import WarehouseError

OK, FAILED, NOT_TRIED = 0, 1, 2

COMMAND = "nba-pipeline "
"""How every command begins that a message names."""

console = Console()
errors = Console(stderr=True)

P = ParamSpec("P")


class NotTriedError(Exception):
    """What was asked for could not be tried; the message says why, and what a person should do."""


@dataclass(frozen=True)
class Cause:
    """Something that is wrong, what fails only because of it, and the command that a person needs next.

    `command` is None where the sentence ends in one already.
    """

    what: str
    command: str | None = None
    follows: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The cause first, then in one line what follows from it, then the command."""
        follows = [f"    follows from it: {', '.join(self.follows)}"] if self.follows else []
        command = [f"    Next: {self.command}"] if self.command else []
        return [self.what, *follows, *command]

    def __str__(self) -> str:
        """All of it as one sentence, the command at its end."""
        follows = f"; follows from it: {', '.join(self.follows)}" if self.follows else ""
        return f"{self.what}{follows}" + (f". Next: {self.command}" if self.command else "")


@dataclass(frozen=True)
class Outcome:
    """What became of a command.

    `failed` are runs and steps that it started and that failed; `undone` is what it was asked about and is not
    complete, current and open. `decided` is what is held, skipped or overridden by a recorded decision or a rule:
    it is no reason to fail, and is always named.
    """

    failed: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()
    decided: tuple[str, ...] = ()
    not_tried: str | None = None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the exit code is not 0: what failed first, then what is not done."""
        return (self.not_tried,) if self.not_tried is not None else (*self.failed, *self.undone)

    @property
    def exit_code(self) -> int:
        """0 when all is done, 1 when not, 2 when it could not be tried."""
        if self.not_tried is not None:
            return NOT_TRIED
        return FAILED if self.reasons else OK

    def as_object(self) -> dict[str, object]:
        """The field `outcome` of every `--json` output."""
        return {"exit_code": self.exit_code, "reasons": list(self.reasons), "decided": list(self.decided)}


def end(outcome: Outcome, content: Mapping[str, object], print_it: Callable[[], None], *, as_json: bool) -> int:
    """Tells what a command found, as JSON with its outcome or to people with what was decided; the exit code."""
    if as_json:
        print_json(outcome, content)
    else:
        print_it()
        for decision in outcome.decided:
            console.print(f"decided: {decision}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    return outcome.exit_code


def print_json(outcome: Outcome, content: Mapping[str, object]) -> None:
    """Prints a command's result for scripts: one object, with the field `outcome`."""
    print(json.dumps({**content, "outcome": outcome.as_object()}, indent=2, default=str))


def say(lines: Sequence[str], *, style: str | None = None, on: Console = console) -> None:
    """Prints lines as they are: no markup is read out of names and reasons, and none is broken."""
    for line in lines:
        on.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def refuse(message: str, *, as_json: bool = False) -> int:
    """Says that something could not be tried, and why: in red on standard error, and as JSON for scripts; 2."""
    say([message], style="red", on=errors)
    if as_json:
        print_json(Outcome(not_tried=message), {})
    return NOT_TRIED


def refusing(run: Callable[P, int]) -> Callable[P, int]:
    """Lets a command end with 2, and say why, when it could not be tried: a busy warehouse, an impossible range."""

    @functools.wraps(run)
    def tried(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            return run(*args, **kwargs)
        except (NotTriedError, WarehouseError) as error:
            return refuse(str(error), as_json=bool(kwargs.get("as_json")))

    return tried
