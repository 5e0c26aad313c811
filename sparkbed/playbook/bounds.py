"""Bounds for what templates may make: a slip such as `'x' * 3000000000` is an error, not the end of the controller."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import jinja2

LARGEST = 100_000_000
"""Characters of a text, or members of a list or range, that a template may make."""
LARGEST_BITS = 1_000_000
"""Bits of a whole number that `**` may make."""
OPERATORS = frozenset(["*", "**", "%"])
"""The operators that `operation` looks at first."""

_WIDTH = re.compile(r"%[^%a-zA-Z]*?(\d+)")
_PADDING = frozenset(["center", "ljust", "rjust", "zfill", "expandtabs"])


def operation(operator: str, left: Any, right: Any) -> None:
    """Refuse what would be too large.

    Raises:
        jinja2.TemplateRuntimeError: saying how large it would be.
    """
    if operator == "*":
        for many, times in ((left, right), (right, left)):
            if isinstance(many, (str, bytes, list, tuple)) and isinstance(times, int):
                _refuse(len(many) * times, f"a {_kind(many)} of {len(many)} times {times}")
    elif operator == "**" and isinstance(left, int) and isinstance(right, int) and right > 0:
        if left.bit_length() * right > LARGEST_BITS and abs(left) > 1:
            raise jinja2.TemplateRuntimeError(f"{_short(left)} ** {_short(right)} is too large a number to be made")
    elif operator == "%" and isinstance(left, str):
        for width in _WIDTH.findall(left):
            _refuse(int(width), f"a field of width {width}")


def calling(function: Any, args: tuple[Any, ...]) -> None:
    """Refuse a text's method that would pad it beyond all bounds."""
    owner = getattr(function, "__self__", None)
    name = getattr(function, "__name__", "")
    if isinstance(owner, str) and name in _PADDING and args and isinstance(args[0], int):
        _refuse(args[0], f"{name}({args[0]})")
    elif (
        isinstance(owner, str) and name == "replace" and len(args) > 1 and all(isinstance(one, str) for one in args[:2])
    ):
        _refuse(owner.count(args[0]) * len(args[1]), "what replace() makes")


def bounded_range(*args: int) -> range:
    """Python's range, as far as its members can be held."""
    made = range(*args)
    # Not len(): a range can have more members than that can say.
    members = max(0, (made.stop - made.start + made.step - (1 if made.step > 0 else -1)) // made.step)
    _refuse(members, "a range")
    return made


def bounded(pieces: Iterable[Any]) -> Iterator[Any]:
    """The pieces of a text, as long as it is not too long."""
    size = 0
    for piece in pieces:
        if isinstance(piece, str):
            size += len(piece)
            _refuse(size, "the text of a template")
        yield piece


def _refuse(size: int, what: str) -> None:
    if size > LARGEST:
        raise jinja2.TemplateRuntimeError(f"{what} is too large: a template may make {LARGEST:,} at most")


def _kind(value: Any) -> str:
    return "list" if isinstance(value, (list, tuple)) else "text"


def _short(number: int) -> str:
    return str(number) if number.bit_length() < 64 else "a number of that size"
