"""Places in the package that refuse, close or hold, found in its syntax trees; `ways_out.py` is the register of them.

A place is a function together with what it does there, as `gates.rules.raw_is_complete: reasons`. There are five kinds:

- a **command** that a text names for a person to type: `gates.rules.raw_is_complete: backfill --from {} --to {}`.
  Texts are constants, f-strings and their sums; what an f-string puts in is `{}`, a constant of the package is its
  text. The command ends where the app would take no more words, and the rest of the sentence is left out.
- an **error** of the package's own that is made, or Dagster's `Failure`: `landing.assets._failure: Failure`.
- **reasons** that are added to something called `reasons`, `refused` or `faults`: `raw.players.whole_rosters: reasons`.
- a **cause** of an exit code that is not 0: `Cause(…)`.
- a **check** that may fail: an `AssetCheckResult` or `AssetCheckEvaluation` that is not `passed=True` as written.

Several lines of one kind in one function are one place. Docstrings are not read, nor the simulated league, which is a
source and refuses nobody of ours. Errors of Python's own (`ValueError`) are not places: they are a programmer's, or
one of the package's errors is made from them. A place is *silent* when one of its lines names no command.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from typer.main import get_command

import nba_pipeline
from nba_pipeline.cli.app import app

ROOT = Path(nba_pipeline.__file__).parent
PROGRAM = "nba-pipeline "
GAP = "{}"
"""What an f-string puts in."""

_NO_PROSE = re.compile(r"[{}A-Z0-9_\"]")
"""What an argument has, and the next word of the sentence has not."""

CHECKS = frozenset({"AssetCheckResult", "AssetCheckEvaluation"})
ADDED_TO = frozenset({"reasons", "refused", "faults"})
NO_ERRORS = frozenset({"_MayHealError"})
"""Errors that their own module catches and tries again after; what it gives up with is found by itself."""


class Site(NamedTuple):
    """One line of a place: the function, the kind (or the command), the file and line, and the commands it names."""

    function: str
    kind: str
    file: Path
    line: int
    names_command: bool

    @property
    def place(self) -> str:
        """The name of the place that the line belongs to."""
        return f"{self.function}: {self.kind}"


@cache
def sites() -> tuple[Site, ...]:
    """Every line of the package that refuses, closes, holds or names a command."""
    return tuple(site for file in _sources() for site in sites_of(_tree(file), file))


@cache
def places() -> frozenset[str]:
    """Every place of the package."""
    return frozenset(site.place for site in sites())


@cache
def silent() -> frozenset[str]:
    """The places of which a line refuses and names no command."""
    return frozenset(site.place for site in sites() if not site.names_command)


@cache
def commands() -> dict[str, str]:
    """The command that each place names which names one, without the program."""
    kinds = own_errors() | CHECKS | {"reasons", "Cause", "Failure"}
    return {site.place: site.kind for site in sites() if site.kind not in kinds}


@cache
def own_errors() -> frozenset[str]:
    """Names of the errors that the package defines."""
    bases = {
        node.name: {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        for file in _sources()
        for node in ast.walk(_tree(file))
        if isinstance(node, ast.ClassDef)
    }
    found = {name for name, of in bases.items() if any(base.endswith(("Error", "Exception")) for base in of)}
    while more := {name for name, of in bases.items() if of & found} - found:
        found |= more
    return frozenset(found)


def commands_in(text: str) -> list[str]:
    """The commands that a text names, without the program, each as far as the app would take its words."""
    return [taken for after in text.split(PROGRAM)[1:] if (taken := _taken(_words(after)))]


def _sources() -> list[Path]:
    return sorted(file for file in ROOT.rglob("*.py") if "league" not in file.relative_to(ROOT).parts)


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def sites_of(tree: ast.Module, file: Path) -> Iterator[Site]:
    """Every line of a module that refuses, closes, holds or names a command."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    yield from _within(tree, ".".join(parts[:-1] if parts[-1] == "__init__" else parts), file)


def _within(node: ast.AST, function: str, file: Path) -> Iterator[Site]:
    """What a node's body does, under the innermost function or class that it is in."""
    for child in _said(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _within(child, f"{function}.{child.name}", file)
            continue
        if kind := _kind(child):
            yield Site(function, kind, file, child.lineno, _names_command(child))
        text = _text(child)
        for command in commands_in(text) if text else ():
            yield Site(function, command, file, child.lineno, names_command=True)
        yield from _within(child, function, file) if text is None else _within_gaps(child, function, file)


def _within_gaps(node: ast.AST, function: str, file: Path) -> Iterator[Site]:
    for part in ast.walk(node):
        if isinstance(part, ast.FormattedValue):
            yield from _within(part, function, file)


def _said(node: ast.AST) -> Iterator[Any]:
    """A node's children without texts that stand alone: docstrings."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):
            yield child


def _kind(node: ast.AST) -> str | None:
    """What a node does, where it is a place and names no command by itself."""
    match node:
        case ast.Call(func=func) if (name := _name(func)) in own_errors() - NO_ERRORS | {"Failure", "Cause"}:
            return name
        case ast.Call(func=func, keywords=given) if (name := _name(func)) in CHECKS:
            passed = next((one.value for one in given if one.arg == "passed"), None)
            return None if isinstance(passed, ast.Constant) and passed.value is True else name
        case ast.Call(func=ast.Attribute(value=to, attr="append" | "extend")) if _is_reasons(to):
            return "reasons"
        case ast.AugAssign(target=target) if _is_reasons(target):
            return "reasons"
        case ast.Assign(targets=[ast.Subscript(value=target)]) if _is_reasons(target):
            return "reasons"
    return None


def _is_reasons(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in ADDED_TO
        case ast.Subscript(value=value) | ast.Call(func=ast.Attribute(value=value, attr="setdefault" | "get")):
            return _is_reasons(value)
        case ast.IfExp(body=body):
            return _is_reasons(body)
    return False


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _names_command(node: ast.AST) -> bool:
    """Whether a node names a command: in its text, or by calling a function whose text does."""
    called = {_name(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)}
    texts = (_text(part) for part in ast.walk(node))
    return bool(called & _makers()) or any(PROGRAM in text for text in texts if text)


@cache
def _makers() -> frozenset[str]:
    """Functions and properties that return a text with a command in it."""
    return frozenset(
        node.name
        for file in _sources()
        for node in ast.walk(_tree(file))
        if isinstance(node, ast.FunctionDef)
        and any(PROGRAM in (_text(part) or "") for end in _returns(node) for part in ast.walk(end))
    )


def _returns(node: ast.FunctionDef) -> Iterator[ast.AST]:
    return (part for part in ast.walk(node) if isinstance(part, ast.Return))


@cache
def _constants() -> dict[str, str]:
    """The texts that modules of the package give a name in capitals."""
    return {
        target.id: node.value.value
        for file in _sources()
        for node in _tree(file).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.isupper()
    }


def _text(node: ast.AST) -> str | None:
    """A text as it is written, with `{}` for what is put in; none when the node is no text."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.FormattedValue(value=ast.Name(id=name)) if name in _constants():
            return _constants()[name]
        case ast.JoinedStr(values=values):
            return "".join(GAP if text is None else text for text in map(_text, values))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            parts = (_text(left), _text(right))
            return None if parts == (None, None) else "".join(GAP if part is None else part for part in parts)
    return None


def _words(text: str) -> list[str]:
    """The words of a sentence up to where a command in it has to end, quoted ones in one piece."""
    words: list[str] = []
    for word in re.findall(r'"[^"]*"|[^\s`;,()]+|[`;,()\n]', text):
        if word in "`;,()\n":
            break
        words.append(word if word.startswith('"') else word.rstrip(".:'"))
        if word.endswith((".", ":")):
            break
    return words


def _taken(words: list[str]) -> str:
    command: Any = get_command(app)
    taken: list[str] = []
    arguments = 0
    rest = iter(words)
    for word in rest:
        if hasattr(command, "commands"):
            if word not in command.commands:
                return " ".join([*taken, word] if GAP in word else taken)
            command = command.commands[word]
            arguments = sum(param.param_type_name == "argument" for param in command.params)
        elif word.startswith("--"):
            option = next((p for p in command.params if word.removesuffix(GAP) in (*p.opts, *p.secondary_opts)), None)
            if option is not None and not option.is_flag:
                taken.append(word)
                word = next(rest, "")
        elif not arguments or not _NO_PROSE.search(word):
            break
        else:
            arguments -= 1
        taken.append(word)
    return " ".join(taken)
