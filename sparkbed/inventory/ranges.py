"""Host ranges: `worker-[1:4]`, `[01:20]`, `[a:f]`, `[1:9:2]`, several in one name; and `name:port`."""

from __future__ import annotations

import re
from string import ascii_letters

from sparkbed.errors import DocumentError
from sparkbed.position import Position

_LARGEST = 100_000
_PORT = re.compile(r"(?P<name>(?:[^:\[\]]|\[[^\]]*\])+):(?P<port>\d+)")
_NAME = re.compile(r"[A-Za-z0-9_:][\w.:-]*")
_HINT = "A range is [first:last] or [first:last:step], as in worker-[1:4], node[01:20] or rack-[a:f]."


def expand(pattern: str, where: Position) -> tuple[tuple[str, ...], int | None]:
    """The host names that `pattern` stands for, in order, and the port behind its colon if it has one.

    Raises:
        DocumentError: at `where`, for a bad range or a name that no host can have.
    """
    match = _PORT.fullmatch(pattern)
    text, port = (match["name"], int(match["port"])) if match else (pattern, None)
    names = tuple(_expand(text, where))
    if not names:
        raise DocumentError(f"the range in {pattern!r} holds no host", where=where, hint=_HINT)
    for name in names:
        if not _NAME.fullmatch(name):
            raise DocumentError(
                f"{name!r} can't be the name of a host",
                where=where,
                hint="Names have letters, digits, '-', '_' and '.', and begin with a letter or a digit.",
            )
    return names, port


def _expand(text: str, where: Position) -> list[str]:
    head, opening, rest = text.partition("[")
    if not opening:
        if "]" in text:
            raise DocumentError(f"{text!r} has a ']' without a '['", where=where, hint=_HINT)
        return [text]
    inside, closing, tail = rest.partition("]")
    if not closing:
        raise DocumentError(f"{text!r} has a '[' without a ']'", where=where, hint=_HINT)
    tails = _expand(tail, where)
    steps = _steps(inside, where)
    if len(steps) * len(tails) > _LARGEST:
        raise DocumentError(f"the range [{inside}] stands for more than {_LARGEST} hosts", where=where, hint=_HINT)
    return [f"{head}{step}{end}" for step in steps for end in tails]


def _steps(inside: str, where: Position) -> list[str]:
    """What `1:4`, `01:20`, `a:f` or `1:9:2` stands for."""

    def bad(why: str) -> DocumentError:
        return DocumentError(f"the host range [{inside}] {why}", where=where, hint=_HINT)

    bounds = inside.split(":")
    if len(bounds) not in (2, 3):
        raise bad("must have a first and a last")
    first, last = bounds[0] or "0", bounds[1]
    step_text = bounds[2] if len(bounds) == 3 else "1"
    if not step_text.isdecimal() or int(step_text) < 1:
        raise bad("must have a whole number above 0 as its step")
    step = int(step_text)
    if not last:
        raise bad("has no last")
    if first.isdecimal() and last.isdecimal():
        width = len(first) if first.startswith("0") and len(first) > 1 else 0
        if width and len(last) != width:
            raise bad("begins with a zero, so both ends must have the same number of digits")
        if int(first) > int(last):
            raise bad("begins after its end")
        if (int(last) - int(first)) // step >= _LARGEST:
            raise bad(f"stands for more than {_LARGEST} hosts")
        return [str(number).zfill(width) for number in range(int(first), int(last) + 1, step)]
    if len(first) == len(last) == 1 and first in ascii_letters and last in ascii_letters:
        begin, end = ascii_letters.index(first), ascii_letters.index(last)
        if begin > end:
            raise bad("begins after its end")
        return list(ascii_letters[begin : end + 1 : step])
    raise bad("must run between two numbers or between two letters")
