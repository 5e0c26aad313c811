"""Which names of a Python file a statement may change, found out without running it."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator, Mapping

Change = tuple[str, bool]
"""A name whose value may be changed in place, and whether that may be deep in it."""

_READING = ("index", "count", "copy", "get", "keys", "values", "items")
"""Methods that leave a list or a dictionary as it is."""
_OF_LISTS = ("append", "extend", "insert", "remove", "add", "discard", "update", "setdefault")
"""Methods that change what they are called on, and not what they are given."""


class Changes:
    """Looks for what may change the values of names in place.

    Args:
        functions: the file's own, by name; what they do is looked into.
        harmless: names of other functions that change nothing.
    """

    def __init__(self, functions: Mapping[str, ast.FunctionDef], harmless: Container[str]) -> None:
        self._functions = functions
        self._harmless = harmless

    def of(self, node: ast.AST) -> set[Change]:
        """What may be changed in there, also under another name that it has in there."""
        sources, found = _sources(node), set()
        for name, deep in set(self._direct(node, {})):
            found.add((name, deep))
            todo, seen = [name], {name}
            while todo:
                new = sources.get(todo.pop(), set()) - seen
                seen |= new
                todo += new
            found.update((one, True) for one in seen - {name})
        return found

    def _direct(self, node: ast.AST, known: dict[str, set[Change]]) -> Iterator[Change]:
        """`known` has the functions that were looked into already, each once: they may call each other."""
        for part in ast.walk(node):
            if isinstance(part, ast.Call):
                yield from self._by_call(part, known)
            elif isinstance(part, ast.AugAssign) and isinstance(part.target, ast.Name):
                yield part.target.id, False
            elif isinstance(part, (ast.Subscript, ast.Attribute)) and not isinstance(part.ctx, ast.Load):
                yield from ((name, not isinstance(part.value, ast.Name)) for name in _base(part))
            elif isinstance(part, ast.Expr) and isinstance(part.value, ast.Call):
                yield from self._by_effect(part.value)

    def _by_call(self, call: ast.Call, known: dict[str, set[Change]]) -> Iterator[Change]:
        """By a method; or by a function of the file's own, which may change what it is given."""
        if isinstance(call.func, ast.Attribute) and call.func.attr not in _READING:
            yield from ((name, not isinstance(call.func.value, ast.Name)) for name in _base(call.func))
        elif isinstance(call.func, ast.Name) and (function := self._functions.get(call.func.id)):
            if function.name not in known:
                known[function.name] = set()
                known[function.name] = set(self._direct(function, known))
            yield from known[function.name]
            if {name for name, _ in known[function.name]} & {argument.arg for argument in function.args.args}:
                yield from _given(call)

    def _by_effect(self, call: ast.Call) -> Iterator[Change]:
        """By a function that is not known, and called for what it does: nobody takes its value."""
        if isinstance(call.func, ast.Name):
            known = call.func.id in self._functions or call.func.id in self._harmless
        else:
            known = isinstance(call.func, ast.Attribute) and call.func.attr in (*_READING, *_OF_LISTS)
        if not known:
            yield from _given(call)


def bound(node: ast.AST) -> Iterator[str]:
    """The names that are set or deleted in there; `*` for an import of all that a module has."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
            yield part.id
        elif isinstance(part, ast.alias):
            yield part.asname or part.name.split(".")[0]
        elif isinstance(name := getattr(part, "name", None), str):  # functions, classes, errors that are caught
            yield name


def _sources(node: ast.AST) -> dict[str, set[str]]:
    """By name that is set in there: the names whose value, or a part of it, it may be."""
    found: dict[str, set[str]] = {}
    for part in ast.walk(node):
        if isinstance(part, (ast.For, ast.comprehension)):
            targets, source = [part.target], part.iter
        elif isinstance(part, ast.Assign) and not isinstance(part.value, (ast.BinOp, ast.Call)):
            targets, source = part.targets, part.value
        else:
            continue
        names = {one.id for one in ast.walk(source) if isinstance(one, ast.Name)}
        for target in (one for each in targets for one in ast.walk(each)):
            if isinstance(target, ast.Name):
                found.setdefault(target.id, set()).update(names)
    return found


def _given(call: ast.Call) -> Iterator[Change]:
    """The names in a call's arguments."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return ((part.id, True) for one in given for part in ast.walk(one) if isinstance(part, ast.Name))


def _base(node: ast.expr) -> Iterator[str]:
    """The name that a chain such as NAME[0].attribute begins with, if it does with a name."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Name):
        yield node.id
