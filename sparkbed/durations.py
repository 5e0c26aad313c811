"""Lengths of time as people write them: `90s`, `10m`, `2h`, `1d`, `1h30m`, or a number of seconds."""

from __future__ import annotations

import re

from sparkbed.errors import UsageError
from sparkbed.position import Position

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?[dhms])+")
MOST = 366 * _UNITS["d"]
"""A year: clocks and timers overflow somewhere above it."""
_PART = re.compile(r"(\d+(?:\.\d+)?)([dhms])")


def seconds(value: object, *, where: Position | str | None = None, what: str = "a duration") -> float:
    """The seconds in `value`, which is a number of them or text such as `2h` or `1h30m`; always more than none.

    Raises:
        UsageError: when it is neither; `what` names the value in the message.
    """
    result: float | None = None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        result = float(min(value, 2 * MOST) if isinstance(value, int) else value)
    elif isinstance(value, str):
        text = value.strip().replace(" ", "")
        if _WHOLE.fullmatch(text):
            result = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
        elif re.fullmatch(r"\d+(\.\d+)?", text):
            result = float(text)
    if result is None or not 0 < result < float("inf"):
        raise UsageError(
            f"{what} must be a length of time, not {value!r}",
            where=where,
            hint="Write it as 90s, 10m, 2h, 1d or 1h30m.",
        )
    if result > MOST:
        raise UsageError(f"{what} can be at most a year, not {value!r}", where=where, hint="Choose a shorter time.")
    return result
