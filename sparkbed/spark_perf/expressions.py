"""What a Python file's statements would give its names, found out without running it.

Literals, names, arithmetic, lists, text formatting, `if` over what is known, functions of one `return`, and the calls
that a reader of ours knows are followed. All else is `Unknown`, which spreads to whatever is made from it.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
        self._steps = 0
        self.values: dict[str, Any] = {}
        self.lines: dict[str, int] = {}
        """Where each was last set."""

    def run(self, statements: Sequence[ast.stmt]) -> None:
        """Follow the statements in their order."""
        for statement in statements:
            if isinstance(statement, ast.Assign):
                for target in statement.targets:
                    self._assign(target, self.value(statement.value), statement.lineno)
            elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
                self._assign(statement.target, self.value(statement.value), statement.lineno)
            elif isinstance(statement, ast.AugAssign):
                self._augment(statement)
            elif isinstance(statement, ast.FunctionDef):
                self._functions[statement.name] = statement
            elif isinstance(statement, ast.If):
                self._branch(statement)
            elif isinstance(statement, ast.Expr):
                self._list_call(statement.value)
            elif isinstance(statement, (ast.For, ast.While, ast.With, ast.Try, ast.Delete)):
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
            # A width such as %999999999d would fill the memory.
            return self._known(
                lambda: left % right if left.count("%") and not _wide(left) else Unknown(line), line, *parts
            )
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

    def _assign(self, target: ast.expr, value: Any, line: int) -> None:
        if isinstance(target, ast.Name):
            self.values[target.id], self.lines[target.id] = value, line
        elif isinstance(target, (ast.Tuple, ast.List)):
            values = value if isinstance(value, (list, tuple)) else ()
            for index, part in enumerate(target.elts):
                self._assign(part, values[index] if index < len(values) else Unknown(line), line)

    def _augment(self, statement: ast.AugAssign) -> None:
        if isinstance(statement.target, ast.Name):
            before = self.values.get(statement.target.id, Unknown(statement.lineno))
            try:
                made = self._binary(statement.op, before, self.value(statement.value), statement.lineno)
            except (TypeError, ValueError, ArithmeticError):
                made = Unknown(statement.lineno)
            self._assign(statement.target, made if _is_small(made) else Unknown(statement.lineno), statement.lineno)

    def _branch(self, statement: ast.If) -> None:
        test = self.value(statement.test)
        if not isinstance(test, Unknown):
            self.run(statement.body if test else statement.orelse)
        else:
            self._forget(statement)

    def _list_call(self, node: ast.expr) -> None:
        """NAME.append(x) and NAME.extend(list)."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or len(node.args) != 1:
            return
        if not isinstance(node.func.value, ast.Name) or node.func.attr not in ("append", "extend"):
            return
        before, more = self.values.get(node.func.value.id), self.value(node.args[0])
        if isinstance(before, list):
            added = [more] if node.func.attr == "append" else more
            known = isinstance(added, list) and len(before) < LONGEST
            self._assign(node.func.value, before + added if known else Unknown(node.lineno), node.lineno)

    def _forget(self, statement: ast.stmt) -> None:
        """What may be set in there is no longer known."""
        for part in ast.walk(statement):
            if isinstance(part, ast.Name) and isinstance(part.ctx, (ast.Store, ast.Del)):
                self.values[part.id] = Unknown(statement.lineno)


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
