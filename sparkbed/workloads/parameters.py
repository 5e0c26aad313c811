"""Declared parameters: types, defaults, scaling, and checking what a suite gives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sparkbed.documents import Map, plain
from sparkbed.errors import DocumentError, UsageError
from sparkbed.nearest import nearest
from sparkbed.position import Position

TYPES = ("integer", "number", "text", "flag", "choice", "list", "mapping")


@dataclass(frozen=True)
class Parameter:
    """One row of a workload's parameter table. A default of None means that a value must be given."""

    name: str
    type: str
    default: Any
    meaning: str
    source: str
    scales: bool = False
    minimum: float | None = None
    maximum: float | None = None
    exclusive: bool = False
    choices: tuple[str, ...] = field(default=())

    @property
    def expected(self) -> str:
        """What a value must be, in words: `a whole number of at least 1`."""
        words = {
            "integer": "a whole number",
            "number": "a number",
            "text": "text",
            "flag": "true or false",
            "choice": f"one of {', '.join(self.choices)}",
            "list": "a list of texts or numbers",
            "mapping": "a mapping",
        }[self.type]
        if self.minimum is not None:
            words += f" {'above' if self.exclusive else 'of at least'} {self.minimum:g}"
        if self.maximum is not None:
            words += f" and at most {self.maximum:.0f}"
        return words

    def scaled(self, scale: float) -> Any:
        """The default at `scale`: max(1, int(default * scale)) if it scales, as spark-perf has it."""
        return max(1, int(self.default * scale)) if self.scales else self.default

    def accepts(self, value: Any) -> bool:
        """Whether `value` has the declared type and lies in the declared range."""
        if self.type in ("integer", "number"):
            return self._is_number(value) and self._in_range(value)
        if self.type == "choice":
            return value in self.choices
        if self.type == "list":
            return isinstance(value, list) and all(
                isinstance(item, (str, int, float)) and not isinstance(item, bool) for item in value
            )
        return isinstance(value, {"text": str, "flag": bool, "mapping": dict}[self.type])

    def _is_number(self, value: Any) -> bool:
        if isinstance(value, bool):
            return False
        return isinstance(value, int) or (isinstance(value, float) and self.type == "number" and math.isfinite(value))

    def _in_range(self, value: float) -> bool:
        if self.minimum is not None and (value < self.minimum or (self.exclusive and value == self.minimum)):
            return False
        return self.maximum is None or value <= self.maximum


def place(given: Mapping[str, Any], key: str) -> Position | None:
    """Where `key` stands, when `given` comes from a YAML document."""
    return given.where(key) if isinstance(given, Map) else None


def refusal(what: str, given: Mapping[str, Any], key: str, hint: str | None = None) -> UsageError:
    """The error about parameter `key`: with file and line when they are known."""
    where = place(given, key)
    return DocumentError(what, where=where, hint=hint) if where else UsageError(what, hint=hint)


def resolve(workload: str, table: Mapping[str, Parameter], scale: float, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter of `table` with the value given, or its default at scale-factor x `scale` (see Workload)."""
    for key in given:
        if key not in table:
            raise refusal(f"workload {workload} has no parameter {key!r}", given, key, nearest(key, table))
    values = {key: _checked(workload, table[key], value, given) for key, value in given.items()}
    factor = float(values.get("scale-factor", table["scale-factor"].default if "scale-factor" in table else 1))
    for name, parameter in table.items():
        if name not in values and parameter.default is None:
            raise UsageError(
                f"workload {workload} needs the parameter {name!r}",
                where=given.position if isinstance(given, Map) else None,
                hint=f"{parameter.meaning} It is {parameter.expected}.",
            )
    return {
        name: values[name] if name in values else parameter.scaled(factor * scale) for name, parameter in table.items()
    }


def _checked(workload: str, parameter: Parameter, value: Any, given: Mapping[str, Any]) -> Any:
    value = plain(value)
    if isinstance(value, bool) and parameter.type == "choice":
        value = str(value).lower()  # YAML reads true as a flag, where spark-perf has the word
    if parameter.accepts(value):
        return value
    hint = None
    if isinstance(value, str) and parameter.type in ("integer", "number"):
        hint = f"{value!r} is text here: take off the quotes; YAML reads 1e6 as text too, so write it as 1_000_000."
    elif parameter.type == "integer" and isinstance(value, float):
        hint = "Give it without a fraction."
    raise refusal(
        f"parameter {parameter.name!r} of {workload} must be {parameter.expected}, not {value!r}",
        given,
        parameter.name,
        hint,
    )
