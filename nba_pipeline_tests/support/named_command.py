"""Commands that messages name: a person types them as they stand."""

import shlex
from typing import Any

from typer.main import get_command

from nba_pipeline.cli.app import app


def named_command(message: str) -> list[str]:
    """The arguments of the command that a message ends in, which the app takes as they are; nothing is run.

    Raises typer's error of usage for one that it does not take, and `ValueError` when the message ends in none.
    """
    program, *arguments = shlex.split(message[message.rindex("nba-pipeline ") :])
    assert program == "nba-pipeline"
    command: Any = get_command(app)
    name, rest = program, arguments
    while hasattr(command, "commands"):
        name, *rest = rest
        command = command.commands[name]
    command.make_context(name, [*rest])
    return arguments


def commands(command: Any = None, name: str = "") -> set[str]:
    """Every command of the app, with those of its groups."""
    command = command or get_command(app)
    below = getattr(command, "commands", {})
    return {full for one, sub in below.items() for full in commands(sub, f"{name} {one}".strip())} or {name}
