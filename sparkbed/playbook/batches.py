"""Which hosts of a play go together: `order` and `serial`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sparkbed.errors import UsageError


def ordered(hosts: Sequence[str], order: str) -> list[str]:
    """The hosts in the order that a play's `order` asks for; they come in that of the inventory."""
    if order in ("sorted", "reverse_sorted"):
        return sorted(hosts, reverse=order == "reverse_sorted")
    return list(reversed(hosts)) if order == "reverse_inventory" else list(hosts)


def batches(hosts: Sequence[str], serial: Sequence[Any]) -> list[list[str]]:
    """The hosts by batches: the sizes of `serial` in turn, its last one again and again; all at once without it.

    Raises:
        UsageError: for a size that is neither a number nor a percentage.
    """
    left = list(hosts)
    result: list[list[str]] = []
    sizes = [_size(one, len(hosts)) for one in serial] or [0]
    while left:
        size = sizes[min(len(result), len(sizes) - 1)]
        if size <= 0:
            size = len(left)
        result.append(left[:size])
        left = left[size:]
    return result


def _size(raw: Any, hosts: int) -> int:
    """A batch's size; a percentage is of all hosts of the play, rounded down, and 1 at least."""
    text = str(raw).strip()
    try:
        if text.endswith("%"):
            return int(int(text[:-1]) / 100 * hosts) or 1
        return int(text)
    except ValueError:
        raise UsageError(f"serial {raw!r} is neither a number nor a percentage") from None
