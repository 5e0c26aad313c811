"""What a Python file's statements would give its names, found out without running it.

Literals, names, arithmetic, lists, text formatting, `if` over what is known, functions of one `return`, and the calls
that a reader of ours knows are followed. All else is `Unknown`, which spreads to whatever is made from it. Lists are
shared by their names as in Python, so what changes one changes it for all; what may change one in a way that is not
followed makes every name that holds it `Unknown`.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sparkbed.spark_perf.changes import Changes, bound

Call = Callable[[list[Any], dict[str, Any], int], Any]
"""A known call: its arguments, its keywords, and its line."""

DEEPEST = 40
"""Functions inside functions, and expressions inside expressions. A configuration's are a few deep."""
MOST_STEPS = 100_000
"""Expressions in all: functions that call each other twice double the work at each step."""
LARGEST = 2**63
LONGEST = 10_000
"""Of numbers and of texts and lists that expressions may make: a file must not be able to fill the memory."""

_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, many: one in many,
    ast.NotIn: lambda one, many: one not in many,
}
_PLAIN: Mapping[str, Callable[..., Any]] = {"str": str, "int": int, "float": float, "len": len, "max": max, "min": min}


@dataclass(frozen=True)
class Unknown:
    """A value that can't be told without running the file; `line` says where it comes from."""

    line: int


class Names:
    """The names of a file after its statements, as far as they are known.

    Args:
        calls: what calls of these names give; they hold whatever the file says of the name.
    """

    def __init__(self, calls: Mapping[str, Call]) -> None:
        self._calls = calls
        self._functions: dict[str, ast.FunctionDef] = {}
        self._changes = Changes(self._functions, {*calls, *_PLAIN, "print"})
        self._steps = 0
        self.values: dict[str, Any] = {}
        self.lines: dict[str, int] = {}
        """Where each was last set."""

    def run(self, statements: Sequence[ast.stmt]) -> None:
        """Follow the statements in their order."""
        for statement in statements:
            if isinstance(statement, ast.If):
                self._branch(statement)
            elif isinstance(statement, ast.Assign):
                value = self.value(statement.value)
                self._change(statement)
                for target in statement.targets:
                    self._assign(target, value, statement.lineno)
            elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
                value = self.value(statement.value)
                self._change(statement)
                self._assign(statement.target, value, statement.lineno)
            elif isinstance(statement, ast.AugAssign):
                self._augment(statement)
            elif isinstance(statement, ast.FunctionDef):
                self._bind(statement.name, Unknown(statement.lineno), statement.lineno)
                self._functions[statement.name] = statement
            elif not isinstance(statement, ast.Expr) or not self._list_call(statement.value):
                self._forget(statement)

    def value(self, node: ast.expr, local: Mapping[str, Any] | None = None, depth: int = 0) -> Any:
        """What an expression gives; Unknown where it can't be told."""
        self._steps += 1
        if depth > DEEPEST or self._steps > MOST_STEPS:
            return Unknown(node.lineno)
        try:
            found = self._value(node, local or {}, depth)
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError):
            return Unknown(node.lineno)
        return found if _is_small(found) else Unknown(node.lineno)

    def _value(self, node: ast.expr, local: Mapping[str, Any], depth: int) -> Any:
        def of(part: ast.expr) -> Any:
            return self.value(part, local, depth + 1)

        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return local[node.id] if node.id in local else self.values.get(node.id, Unknown(node.lineno))
        if isinstance(node, (ast.List, ast.Tuple)):
            items = [of(item) for item in node.elts]
            return items if isinstance(node, ast.List) else tuple(items)
        if isinstance(node, ast.Dict):
            return {of(key): of(value) for key, value in zip(node.keys, node.values, strict=True) if key is not None}
        if isinstance(node, ast.Subscript):
            return of(node.value)[of(node.slice)]
        if isinstance(node, ast.BinOp):
            return self._binary(node.op, of(node.left), of(node.right), node.lineno)
        if isinstance(node, ast.UnaryOp):
            return self._unary(node.op, of(node.operand), node.lineno)
        if isinstance(node, ast.BoolOp):
            return self._boolean(node, of)
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            left, right = of(node.left), of(node.comparators[0])
            if not is_scalar(left):
                return Unknown(node.lineno)
            return self._known(lambda: _COMPARISONS[type(node.ops[0])](left, right), node.lineno, left, right)
        if isinstance(node, ast.IfExp):
            test = of(node.test)
            return test if isinstance(test, Unknown) else of(node.body if test else node.orelse)
        if isinstance(node, ast.Call):
            return self._call(node, of, depth)
        return Unknown(node.lineno)

    @staticmethod
    def _known(make: Callable[[], Any], line: int, *parts: Any) -> Any:
        return Unknown(line) if any(isinstance(part, Unknown) for part in parts) else make()

    def _binary(self, kind: ast.operator, left: Any, right: Any, line: int) -> Any:
        if isinstance(kind, ast.LShift):
            return self._known(lambda: left << right if 0 <= right < 64 else Unknown(line), line, left, right)
        if type(kind) not in _OPERATORS:
            return Unknown(line)
        if isinstance(kind, ast.Mult) and any(isinstance(one, (str, list, tuple)) for one in (left, right)):
            length = max(len(one) for one in (left, right) if isinstance(one, (str, list, tuple)))
            times = min(one if isinstance(one, int) else 0 for one in (left, right) if not isinstance(one, (str, list)))
            if length * times > LONGEST:
                return Unknown(line)
        if isinstance(kind, ast.Mod) and isinstance(left, str):
            parts = right if isinstance(right, tuple) else (right,)
            # A width such as %999999999d would fill the memory, and so would lists that hold others many times over.
            told = left.count("%") and not _wide(left) and all(is_scalar(part) for part in parts)
            return self._known(lambda: left % right if told else Unknown(line), line, *parts)
        return self._known(lambda: _OPERATORS[type(kind)](left, right), line, left, right)

    def _unary(self, kind: ast.unaryop, value: Any, line: int) -> Any:
        if isinstance(kind, ast.Not):
            return self._known(lambda: not value, line, value)
        if isinstance(kind, ast.USub):
            return self._known(lambda: -value, line, value)
        return value if isinstance(kind, ast.UAdd) else Unknown(line)

    @staticmethod
    def _boolean(node: ast.BoolOp, of: Callable[[ast.expr], Any]) -> Any:
        value: Any = None
        for part in node.values:
            value = of(part)
            if isinstance(value, Unknown) or bool(value) == isinstance(node.op, ast.Or):
                return value
        return value

    def _call(self, node: ast.Call, of: Callable[[ast.expr], Any], depth: int) -> Any:
        arguments = [of(argument) for argument in node.args]
        keywords = {keyword.arg: of(keyword.value) for keyword in node.keywords if keyword.arg}
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in self._calls:
            return self._calls[name](arguments, keywords, node.lineno)
        if name in self._functions:
            return self._own_function(self._functions[name], arguments, keywords, node.lineno, depth)
        if name in _PLAIN:
            scalar = all(is_scalar(argument) for argument in arguments) or name == "len"
            return (
                self._known(lambda: _PLAIN[name](*arguments), node.lineno, *arguments)
                if scalar
                else Unknown(node.lineno)
            )
        return Unknown(node.lineno)

    def _own_function(
        self, function: ast.FunctionDef, arguments: list[Any], keywords: dict[str, Any], line: int, depth: int
    ) -> Any:
        body = [one for one in function.body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))]
        if len(body) != 1 or not isinstance(body[0], ast.Return) or body[0].value is None:
            return Unknown(line)
        named = [argument.arg for argument in function.args.args]
        defaults = [self.value(default) for default in function.args.defaults]
        given = dict(zip(named[len(named) - len(defaults) :], defaults, strict=True))
        given.update(zip(named, arguments, strict=False))
        given.update(keywords)
        return self.value(body[0].value, given, depth + 1)

    def _bind(self, name: str, value: Any, line: int) -> None:
        self.values[name], self.lines[name] = value, line
        self._functions.pop(name, None)

    def _assign(self, target: ast.expr, value: Any, line: int) -> None:
        if isinstance(target, ast.Name):
            self._bind(target.id, value, line)
        elif isinstance(target, ast.Starred):
            self._assign(target.value, Unknown(line), line)
        elif isinstance(target, (ast.Tuple, ast.List)):
            starred = any(isinstance(part, ast.Starred) for part in target.elts)
            values = value if isinstance(value, (list, tuple)) and not starred else ()
            for index, part in enumerate(target.elts):
                self._assign(part, values[index] if index < len(values) else Unknown(line), line)

    def _augment(self, statement: ast.AugAssign) -> None:
        line = statement.lineno
        if not isinstance(statement.target, ast.Name):
            self._forget(statement)
            return
        name, more = statement.target.id, self.value(statement.value)
        self._change(statement.value)
        before = self.values.get(name, Unknown(line))
        if isinstance(before, list) and isinstance(statement.op, ast.Add):
            self._grow(name, before, more, line)
            return
        try:
            made = self._binary(statement.op, before, more, line)
        except (TypeError, ValueError, ArithmeticError):
            made = Unknown(line)
        if isinstance(before, (list, dict)):
            self._lose({id(before)}, line)  # it changes in place, for its other names too
        self._bind(name, made if _is_small(made) and not isinstance(before, list) else Unknown(line), line)

    def _branch(self, statement: ast.If) -> None:
        test = self.value(statement.test)
        if not isinstance(test, Unknown):
            self.run(statement.body if test else statement.orelse)
        else:
            self._forget(statement)

    def _list_call(self, node: ast.expr) -> bool:
        """Whether it is NAME.append(x) or NAME.extend(list), which are followed."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or len(node.args) != 1:
            return False
        if not isinstance(node.func.value, ast.Name) or node.func.attr not in ("append", "extend"):
            return False
        name, more = node.func.value.id, self.value(node.args[0])
        self._change(node.args[0])
        before = self.values.get(name)
        if not isinstance(before, list):
            return False
        self._grow(name, before, [more] if node.func.attr == "append" else more, node.lineno)
        return True

    def _grow(self, name: str, before: list[Any], more: Any, line: int) -> None:
        """Add to a list where it is, so that its other names see it; a list that would hold itself is lost."""
        known = isinstance(more, (list, tuple)) and len(before) + len(more) <= LONGEST
        if known and id(before) not in _parts(more):
            before.extend(more)
            self.lines[name] = line
        else:
            self._lose({id(before)}, line)

    def _forget(self, statement: ast.stmt) -> None:
        """What may be set or changed in there is no longer known."""
        self._change(statement)
        for name in list(bound(statement)):
            for one in [name] if name != "*" else list(self.values):
                self._bind(one, Unknown(statement.lineno), statement.lineno)

    def _change(self, node: ast.stmt | ast.expr) -> None:
        """Lose the lists and the like that may be changed in there."""
        changed: set[int] = set()
        for name, deep in self._changes.of(node):
            value = self.values.get(name)
            if not is_scalar(value):
                changed |= _parts([value]) if deep else {id(value)}
        self._lose(changed, node.lineno)

    def _lose(self, changed: set[int], line: int) -> None:
        """Every name is no longer known that holds one of these lists and the like, by their identities."""
        for name, held in list(self.values.items()):
            if changed and changed & _parts([held]):
                self._bind(name, Unknown(line), line)


def _parts(values: Iterable[Any]) -> set[int]:
    """The identities of the values and of what they hold, without scalars."""
    found: set[int] = set()
    todo = list(values)
    while todo:
        one = todo.pop()
        if not is_scalar(one) and not isinstance(one, Unknown) and one != () and id(one) not in found:
            found.add(id(one))
            held = one.values() if isinstance(one, dict) else getattr(one, "__dict__", {}).values()  # a call's own type
            todo += one if isinstance(one, (list, tuple)) else held
    return found


def _is_small(value: Any) -> bool:
    if isinstance(value, (int, float)):
        return abs(value) <= LARGEST  # which no infinity and no NaN is
    return not isinstance(value, (str, bytes, list, tuple, dict)) or len(value) <= LONGEST


def is_scalar(value: Any) -> bool:
    """Not a collection: those may hold each other many times over, and be short only until they are written out."""
    return value is None or isinstance(value, (str, int, float, bool))


def _wide(form: str) -> bool:
    """Whether a %-format names a width of more than three digits, which could fill the memory."""
    digits = 0
    for character in form:
        digits = digits + 1 if character.isdigit() else 0
        if digits > 3 or character == "*":
            return True
    return False
