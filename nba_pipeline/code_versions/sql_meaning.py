"""What a query computes, whatever its names: one hash that a rename does not change.

A column is known by what it computes, and the rows of a source by where they come from. So aliases, local names,
the order of columns, columns that nobody uses and selects that only pass on what they are given leave no trace,
while a constant, a function, a condition or a join that reaches the result does.
"""

import enum
import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

Schemas = Mapping[str, Mapping[str, str]]
"""The columns of each table and their types, by the table's name with its schema."""


class UnknownQueryError(ValueError):
    """A query says something that this module cannot follow."""


@dataclass(frozen=True)
class Relation:
    """A source or a result: what its rows are, and what each of its columns computes, in their order."""

    rows: str
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Scope:
    """What a select can name: its sources, the named queries before it, and what the select around it can name."""

    schemas: Schemas
    named: Mapping[str, Relation]
    sources: Mapping[str, Relation] = field(default_factory=dict)
    outer: "Scope | None" = None

    def column(self, source: str, name: str) -> str:
        """What a column computes. Raises `UnknownQueryError` when there is none of the name."""
        scope: Scope | None = self
        depth = 0
        while scope is not None:
            places = [source] if source else list(scope.sources)
            found = [scope.sources[place].columns.get(name) for place in places if place in scope.sources]
            known = [what for what in found if what is not None]
            if known:
                return _hash("outer", str(depth), known[0]) if depth else known[0]
            scope, depth = scope.outer, depth + 1
        raise UnknownQueryError(f"no source has the column {source}.{name}")


def meaning_of(query: exp.Expression, schemas: Schemas) -> str:
    """SHA-256 over what a query computes: its rows, and each of its columns under its name.

    Raises `UnknownQueryError` when something in the query cannot be followed.
    """
    result = _query(query, Scope(schemas, {}))
    return _hash("result", result.rows, *(f"{name}={what}" for name, what in sorted(result.columns.items())))


def _hash(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _query(query: exp.Expression, scope: Scope) -> Relation:
    if isinstance(query, exp.Subquery):
        _refuse_others(query, {"this", "alias"})
        return _query(query.this, scope)
    if isinstance(query, exp.SetOperation):
        return _set_operation(query, _with_named(query, scope))
    if isinstance(query, exp.Select):
        return _select(query, _with_named(query, scope))
    raise UnknownQueryError(f"{type(query).__name__} is no query: {query.sql()[:80]}")


def _with_named(query: exp.Query, scope: Scope) -> Scope:
    named = dict(scope.named)
    for each in query.ctes:
        named[each.alias] = _query(each.this, Scope(scope.schemas, named, outer=scope))
    return Scope(scope.schemas, named, outer=scope.outer)


def _set_operation(query: exp.SetOperation, scope: Scope) -> Relation:
    _refuse_others(query, {"with", "with_", "this", "expression", "distinct"})
    left, right = _query(query.left, scope), _query(query.right, scope)
    kind = f"{type(query).__name__} {'distinct' if query.args.get('distinct') else 'all'}"
    pairs = list(zip(left.columns.items(), right.columns.values(), strict=True))
    both = {name: _hash(kind, one, other) for (name, one), other in pairs}
    # Of a union of all rows no column decides which rows there are; of every other one, all of them do.
    deciding = [] if kind == "Union all" else sorted(both.values())
    rows = _hash(kind, left.rows, right.rows, *deciding)
    return Relation(rows, both)


def _select(query: exp.Select, scope: Scope) -> Relation:
    rows, sources = _sources(query, scope)
    inner = Scope(scope.schemas, scope.named, sources, scope.outer)
    where = query.args.get("where")
    if where is not None:
        rows = _hash("where", rows, *sorted(_value(part, inner, rows) for part in _conjuncts(where.this)))
    projected = list(_projected(query, inner))
    rows = _grouped(query, projected, inner, rows)
    columns = {
        name: _value(what, inner, rows) if isinstance(what, exp.Expression) else what for name, what in projected
    }
    for name in ("having", "qualify", "order", "limit", "offset"):
        clause = query.args.get(name)
        if clause is not None:
            rows = _hash(name, rows, _value(clause, inner, rows))
    if query.args.get("distinct") is not None:
        rows = _hash("distinct", rows, _value(query.args["distinct"], inner, rows), *sorted(columns.values()))
    multiplied = [columns[name] for name, what in projected if isinstance(what, exp.Expression) and what.find(exp.UDTF)]
    if multiplied:
        rows = _hash("unnest", rows, *sorted(multiplied))
    _refuse_others(query, _READ)
    return Relation(rows, columns)


def _refuse_others(node: exp.Expression, read: Collection[str]) -> None:
    """Raises `UnknownQueryError` when a query says something that is not read here, and so could not count."""
    unread = sorted(name for name, value in node.args.items() if value and name not in read)
    if unread:
        raise UnknownQueryError(f"a {type(node).__name__.lower()} has {', '.join(unread)}: {node.sql()[:80]}")


_READ = {
    "with", "with_", "from", "from_", "joins", "where", "expressions", "group", "having", "qualify", "order", "limit",
    "offset", "distinct", "kind", "operation_modifiers",
}  # fmt: skip


def _sources(query: exp.Select, scope: Scope) -> tuple[str, dict[str, Relation]]:
    """The rows that a select begins with, and its sources by their aliases.

    A joined source is known by its place and its condition too: the same table joined twice is two sources.
    """
    begin = query.args.get("from_") or query.args.get("from")
    if begin is None:
        return _hash("nothing"), {}
    first = _source(begin.this, scope)
    sources, rows = {begin.this.alias_or_name: first}, first.rows
    for place, join in enumerate(query.args.get("joins") or (), start=1):
        known = _source(join.this, scope)
        beside = Relation(known.rows, {name: _hash("beside", str(place), what) for name, what in known.columns.items()})
        seen = Scope(scope.schemas, scope.named, {**sources, join.this.alias_or_name: beside}, scope.outer)
        how = " ".join(str(join.args.get(name) or "") for name in ("method", "side", "kind"))
        if join.args.get("using"):
            raise UnknownQueryError(f"a join by USING: {join.sql()[:80]}")
        on = [_value(part, seen, rows) for part in _conjuncts(join.args.get("on"))]
        joined = _hash("join", how, str(place), known.rows, *sorted(on))
        rows = _hash("joined", rows, joined)
        columns = {name: _hash("of", joined, what) for name, what in known.columns.items()}
        sources[join.this.alias_or_name] = Relation(known.rows, columns)
    return rows, sources


def _source(source: exp.Expression, scope: Scope) -> Relation:
    if isinstance(source, exp.Table):
        _refuse_others(source, {"this", "db", "alias"})
        if not source.db and source.name in scope.named:
            return scope.named[source.name]
        name = f"{source.db}.{source.name}" if source.db else source.name
        if name not in scope.schemas:
            raise UnknownQueryError(f"nobody knows the columns of {name}")
        types = scope.schemas[name]
        return Relation(
            _hash("table", name), {column: _hash("column", name, column, types[column]) for column in types}
        )
    return _query(source, scope)


def _conjuncts(condition: exp.Expression | None) -> list[exp.Expression]:
    """The conditions that must all hold."""
    if condition is None:
        return []
    if isinstance(condition, exp.Paren):
        return _conjuncts(condition.this)
    if isinstance(condition, exp.And):
        return [*_conjuncts(condition.left), *_conjuncts(condition.right)]
    return [condition]


def _projected(query: exp.Select, scope: Scope) -> Iterator[tuple[str, exp.Expression | str]]:
    """The columns of a select by name: an expression, or, behind a star, what the column of a source computes."""
    for projection in query.expressions:
        star = projection if isinstance(projection, exp.Star) else projection.this
        if not isinstance(star, exp.Star):
            yield projection.alias_or_name, projection
            continue
        chosen = [scope.sources[projection.table]] if isinstance(projection, exp.Column) else scope.sources.values()
        if star.args.get("replace") or star.args.get("rename"):
            raise UnknownQueryError(f"a star that replaces or renames: {projection.sql()[:80]}")
        left_out = {each.name for each in star.args.get("except_") or star.args.get("except") or ()}
        for relation in chosen:
            yield from ((name, what) for name, what in relation.columns.items() if name not in left_out)


def _grouped(query: exp.Select, projected: Sequence[tuple[str, exp.Expression | str]], scope: Scope, rows: str) -> str:
    """The rows after grouping: one a group, or one in all where something is aggregated without groups."""
    group = query.args.get("group")
    if group is not None:
        if {name for name, value in group.args.items() if value} - {"expressions"}:
            raise UnknownQueryError(f"groups of several kinds: {group.sql()[:80]}")
        return _hash("group", rows, *sorted(_group_key(key, projected, scope, rows) for key in group.expressions))
    return _hash("all", rows) if any(_aggregates(what) for _, what in projected) else rows


def _group_key(
    key: exp.Expression, projected: Sequence[tuple[str, exp.Expression | str]], scope: Scope, rows: str
) -> str:
    if isinstance(key, exp.Literal) and not key.is_string:
        what = projected[int(key.name) - 1][1]
        return _projection(what, scope, rows)
    return _value(key, scope, rows)


def _aggregates(what: exp.Expression | str) -> bool:
    """Whether something is aggregated over groups, and not over a window."""
    if isinstance(what, str):
        return False
    nearest = (found.find_ancestor(exp.Window, exp.Select) for found in what.find_all(exp.AggFunc))
    return any(not isinstance(ancestor, exp.Window) for ancestor in nearest)


def _projection(what: exp.Expression | str, scope: Scope, rows: str) -> str:
    return what if isinstance(what, str) else _value(what, scope, rows)


def _value(value: exp.Expression, scope: Scope, rows: str) -> str:
    """What an expression computes on the rows of its select."""
    if isinstance(value, exp.Alias | exp.Paren):
        return _value(value.this, scope, rows)
    if isinstance(value, exp.Column) and not isinstance(value.this, exp.Star):
        return scope.column(value.table, value.name)
    if isinstance(value, exp.Query):
        found = _query(value, Scope(scope.schemas, scope.named, outer=scope))
        return _hash("query", found.rows, *found.columns.values())
    # What is taken over other rows than its own depends on which those are.
    about = [rows] if isinstance(value, exp.Window | exp.AggFunc) else []
    said = {name: part for name, part in sorted(value.args.items()) if part not in (None, False, [], ())}
    parts = (f"{name}:{_part(part, scope, rows)}" for name, part in said.items())
    return _hash(type(value).__name__, *about, *parts)


def _part(part: object, scope: Scope, rows: str) -> str:
    if isinstance(part, exp.Expression):
        return _value(part, scope, rows)
    if isinstance(part, list | tuple):
        return _hash("list", *(_part(each, scope, rows) for each in part))
    if isinstance(part, str | int | float | enum.Enum):
        return str(part)
    if isinstance(part, type):
        return part.__name__
    raise UnknownQueryError(f"a query holds a {type(part).__name__}: {str(part)[:80]}")
