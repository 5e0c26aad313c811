"""What all filters share: their error, and what counts as a list or as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class FilterError(Exception):
    """A filter can't use what it was given."""


def is_list(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)
