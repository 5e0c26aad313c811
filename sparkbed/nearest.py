"""The hint that follows an unknown name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: object, known: Iterable[str], *, every: str = "There are") -> str:
    """`Did you mean 'workers'?` when something near is known, else all that is known after the words in `every`."""
    names = sorted(set(known))
    near = get_close_matches(str(name), names, n=2, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(repr(one) for one in near)}?"
    return f"{every}: {', '.join(names) or 'none'}."
