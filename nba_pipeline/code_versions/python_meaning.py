"""What Python code computes, whatever it is called inside: one hash over the definitions that a function reaches.

From a function's syntax tree every name is followed to the definition that it stands for, in its own module or in
another one of this package, and so on: functions, classes, constants. Docstrings, comments, layout, annotations of
functions and the names of local variables leave no trace. What lies beyond `BOUNDARY` (how rows are stored, asked
for, judged, run and shown) makes no rows and is not followed.
"""

import ast
import hashlib
import importlib
import importlib.util
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGE = __name__.split(".", maxsplit=1)[0]

Definition = tuple[str, str]
"""A module, and a name that it defines at its top."""

BOUNDARY = tuple(
    f"{PACKAGE}.{name}"
    for name in (
        "alerting", "assets", "automation", "cli", "code_versions", "contracts", "definitions", "gates", "landing",
        "monitoring", "operations", "predictions.models.cards", "predictions.models.model_assets",
        "predictions.models.plots", "predictions.models.scores", "runtime", "settings", "sources.landing",
        "sources.landing_store", "warehouse",
    )
)  # fmt: skip
"""Modules and folders that are not followed. One that is not listed is followed, so that nothing is left out unseen."""

DECIDING_LIBRARIES = ("lightgbm",)
"""Libraries whose version is a part of what the code computes: another one trains other models."""

CONTRACTS = ("Contract", "StoredTable")
"""A definition that makes one of these is a contract, whose columns count for its own table and for no other."""

BY_VALUE: Mapping[Definition, Callable[[Any], object]] = {
    (f"{PACKAGE}.precompute.ml_feature_store", "FEATURES"): lambda features: [(f.name, f.news) for f in features],
}
"""Definitions that count by what matters of their values: how features are made is the store's to tell."""


class UnknownCodeError(ValueError):
    """Code says something that this module cannot follow."""


@dataclass(frozen=True)
class Module:
    """The top of a module: its definitions, and where the names that it imports come from."""

    definitions: Mapping[str, tuple[ast.stmt, ...]]
    imports: Mapping[str, tuple[str, str | None]]
    folder: Path | None


def meaning_of(module: str, name: str, leave_out: Iterable[str] = ()) -> str:
    """SHA-256 over every definition that a name of a module reaches, itself included.

    `leave_out` are names of the module itself that are not followed. Raises `UnknownCodeError` when the module does
    not define the name.
    """
    followed = _followed(module, name, leave_out)
    digest = hashlib.sha256()
    # Without the modules, for where a definition stands says nothing of what it computes; with what it names, since two
    # modules may define the same name.
    lines = []
    for (_, what), (text, named) in followed.items():
        names = sorted(f"{place[1]}={followed[place][0]}" for place in named if place in followed)
        lines.append(f"{what}={text} of {names}")
    for line in sorted(lines):
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()


def meaning_of_function(function: Callable[..., object]) -> str:
    """The same of a function or a class; of one that stands within a function, over its own text."""
    if "<locals>" in function.__qualname__:
        return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()
    return meaning_of(function.__module__, function.__name__)


def reached(module: str, name: str, leave_out: Iterable[str] = ()) -> dict[Definition, str]:
    """The definitions that a name reaches, each as text that leaves out what does not count."""
    return {place: text for place, (text, _) in _followed(module, name, leave_out).items()}


def _followed(module: str, name: str, leave_out: Iterable[str]) -> dict[Definition, tuple[str, list[Definition]]]:
    """The same, each with the definitions that it names."""
    skipped = {(module, each) for each in leave_out}
    waiting, found = [(module, name)], {}
    while waiting:
        place = waiting.pop()
        if place in found or place in skipped:
            continue
        found[place] = _looked_at(*place)
        waiting.extend(found[place][1])
    return found


def _looked_at(module: str, name: str) -> tuple[str, list[Definition]]:
    """A definition as text, and the definitions that it names."""
    parsed = _module(module)
    if name not in parsed.definitions:
        raise UnknownCodeError(f"{module} does not define {name}")
    statements = [_Plain().visit(ast.parse(ast.unparse(each)).body[0]) for each in parsed.definitions[name]]
    if (module, name) in BY_VALUE:
        return repr(BY_VALUE[module, name](getattr(importlib.import_module(module), name))), []
    if any(_makes_a_contract(statement) for statement in statements):
        return "a contract", []
    following: list[Definition] = []
    libraries: set[str] = set()
    for statement in statements:
        for source, attribute in _named(statement, parsed, module):
            if source.split(".")[0] in DECIDING_LIBRARIES:
                libraries.add(f"{source.split('.')[0]} {version(source.split('.')[0])}")
            elif attribute is not None and not _beyond(source):
                following.append((source, attribute))
        if _looks_for_modules(statement):
            following += _all_definitions_below(module, parsed)
    text = "; ".join(_text(statement) for statement in statements)
    return f"{text} {sorted(libraries)}", following


def _beyond(module: str) -> bool:
    return not f"{module}.".startswith(f"{PACKAGE}.") or any(f"{module}.".startswith(f"{each}.") for each in BOUNDARY)


def _makes_a_contract(statement: ast.stmt) -> bool:
    value = getattr(statement, "value", None)
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in CONTRACTS


def _named(statement: ast.stmt, parsed: Module, module: str) -> Iterator[tuple[str, str | None]]:
    """Where the names in a statement come from: a module, and the name there (None for a module as a whole)."""
    for node in _free(statement, frozenset()):
        name = node.value.id if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) else None
        if isinstance(node, ast.Attribute):
            yield from _attribute(node, parsed) if name else ()
        elif node.id in parsed.definitions:
            yield module, node.id
        elif node.id in parsed.imports:
            yield _origin(*parsed.imports[node.id])


def _free(node: ast.AST, bound: frozenset[str]) -> Iterator[ast.Name | ast.Attribute]:
    """The names that code takes from outside of it, and the attributes of such names."""
    if isinstance(node, ast.FunctionDef | ast.Lambda):
        arguments = {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}
        body = node.body if isinstance(node.body, list) else [node.body]
        for each in (*node.args.defaults, *node.args.kw_defaults, *getattr(node, "decorator_list", ())):
            yield from _free(each, bound) if each is not None else ()
        for each in body:
            yield from _free(each, bound | arguments | {name for part in body for name in _stored(part)})
        return
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        bound = bound | {name for part in node.generators for name in _stored(part.target)}
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in bound:
        yield node
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id not in bound:
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _free(child, bound)


def _stored(node: ast.AST) -> Iterator[str]:
    """The names that code binds in the scope in which it stands."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
        return
    if isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    for child in ast.iter_child_nodes(node):
        yield from _stored(child)


def _attribute(node: ast.Attribute, parsed: Module) -> Iterator[tuple[str, str | None]]:
    """`module.name`, where `module` is one of ours that was imported as a whole."""
    known = parsed.imports.get(node.value.id) if isinstance(node.value, ast.Name) else None
    if known is None:
        return
    source, attribute = _origin(*known)
    if (
        attribute is None
        and not _beyond(source)
        and node.attr in {*_module(source).definitions, *_module(source).imports}
    ):
        yield _origin(source, node.attr)


def _origin(source: str, name: str | None) -> tuple[str, str | None]:
    """Where a name is defined in the end: it may be imported from a module that imports it itself."""
    while name is not None and not _beyond(source):
        if _is_module(f"{source}.{name}"):
            return f"{source}.{name}", None
        parsed = _module(source)
        if name in parsed.definitions or name not in parsed.imports:
            break
        source, name = parsed.imports[name]
    return source, name


@cache
def _is_module(name: str) -> bool:
    parent, _, _ = name.rpartition(".")
    folder = _module(parent).folder if parent.startswith(PACKAGE) else None
    leaf = name.rpartition(".")[2]
    return folder is not None and ((folder / f"{leaf}.py").exists() or (folder / leaf / "__init__.py").exists())


@cache
def _module(name: str) -> Module:
    """The top of one of our modules, as it lies in its file."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise UnknownCodeError(f"there is no module {name}")
    path = Path(spec.origin)
    definitions: dict[str, tuple[ast.stmt, ...]] = {}
    imports: dict[str, tuple[str, str | None]] = {}
    for statement in _top(ast.parse(path.read_text(encoding="utf-8")).body):
        for bound in _bound_by(statement):
            definitions[bound] = (*definitions.get(bound, ()), statement)
        if isinstance(statement, ast.ImportFrom) and statement.module:
            imports |= {each.asname or each.name: (statement.module, each.name) for each in statement.names}
        elif isinstance(statement, ast.Import):
            imports |= {each.asname or each.name.split(".")[0]: (each.name, None) for each in statement.names}
    return Module(definitions, imports, path.parent if path.name == "__init__.py" else None)


def _top(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those below `if` and `try` too."""
    for statement in body:
        if isinstance(statement, ast.If | ast.Try):
            yield from _top([*statement.body, *statement.orelse])
        else:
            yield statement


def _bound_by(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return {statement.name}
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}
    return set()


def _looks_for_modules(statement: ast.stmt) -> bool:
    """Whether code looks for the modules of its own package, which no name in it stands for."""
    return any(isinstance(node, ast.Name) and node.id == "__path__" for node in ast.walk(statement))


def _all_definitions_below(module: str, parsed: Module) -> list[Definition]:
    """What the modules of a package are found by: the public name in capitals that each of them defines."""
    if parsed.folder is None:
        raise UnknownCodeError(f"{module} looks for modules and is no package")
    names = sorted(path.stem for path in parsed.folder.glob("*.py") if path.stem != "__init__")
    return [
        (f"{module}.{name}", defined)
        for name in names
        for defined in _module(f"{module}.{name}").definitions
        if defined == "SYSTEM"
    ]


def _text(statement: ast.stmt) -> str:
    """A statement as text without what does not count."""
    return _dumped(_Locals().visit(statement))


class _Plain(ast.NodeTransformer):
    """Takes away docstrings, and the annotations and decorators that say how an asset hangs in the graph."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        for each in (*node.args.args, *node.args.posonlyargs, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg):
            if each is not None:
                each.annotation = None
        node.decorator_list = [each for each in node.decorator_list if not _hangs_in_the_graph(each)]
        return self._without_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._without_docstring(node)

    def _without_docstring(self, node: ast.FunctionDef | ast.ClassDef) -> ast.AST:
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        # A text that stands by itself says something to readers only.
        kept = [each for each in node.body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))]
        node.body = kept or [ast.Pass()]
        self.generic_visit(node)
        return node


def _hangs_in_the_graph(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(called) in ("table_asset", "dg.asset", "dg.multi_asset", "dg.asset_check")


class _Locals(ast.NodeTransformer):
    """Names the local variables of a function by the order in which they appear."""

    def __init__(self) -> None:
        self._names: list[dict[str, str]] = []
        self._count = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        arguments = {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
        outer = {name for each in ast.walk(node) if isinstance(each, ast.Global | ast.Nonlocal) for name in each.names}
        own = {name: known for name, known in (self._names[-1] if self._names else {}).items() if name not in arguments}
        for each in _in_order(node.body):
            bound = each.id if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store) else None
            if bound and bound not in arguments and bound not in outer:
                self._count += bound not in own
                own.setdefault(bound, f"local_{self._count}")
        self._names.append(own)
        self.generic_visit(node)
        self._names.pop()
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if self._names and node.id in self._names[-1]:
            node.id = self._names[-1][node.id]
        return node


def _in_order(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in nodes:
        yield node
        yield from _in_order(ast.iter_child_nodes(node))


def _dumped(node: object) -> str:
    """A syntax tree as text that is the same in every version of Python: fields that are empty are left out."""
    if isinstance(node, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(node) if name not in ("ctx", "type_comment", "kind"))
        said = (f"{name}={_dumped(value)}" for name, value in fields if value is not None and value != [])
        return f"{type(node).__name__}({', '.join(said)})"
    if isinstance(node, list):
        return f"[{', '.join(map(_dumped, node))}]"
    return repr(node)
