"""Checked reading of single values of a suite: each names its file, line and kind when it is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from sparkbed.documents import Map, Seq
from sparkbed.errors import DocumentError
from sparkbed.kinds import kind
from sparkbed.nearest import nearest
from sparkbed.position import Position


def put(mapping: Map, key: Any, value: Any, where: Position) -> None:
    """Set a key together with its place."""
    mapping[key] = value
    mapping.key_positions[key] = where


def text(mapping: Map, key: str, default: str | None = None) -> str | None:
    """The text at `key`; the default when it is absent or empty."""
    value = mapping.get(key)
    if value is None:
        return default
    if not isinstance(value, str) or not value.strip():
        raise DocumentError(
            f"{key} must be text, not {kind(value)}", where=mapping.where(key), hint="Put it in quotes."
        )
    return value.strip()


def one_of(mapping: Map, key: str, known: Iterable[str], default: str) -> str:
    """The text at `key`, which is one of `known`."""
    value = text(mapping, key, default) or default
    if value not in known:
        raise DocumentError(
            f"{key} can't be {value!r}", where=mapping.where(key), hint=nearest(value, known, every="It is one of")
        )
    return value


MOST = 100_000
"""More trials or iterations than anybody wants; far beyond it an order of trials would fill the memory."""


def whole(mapping: Map, key: str, default: int, *, least: int, most: int = MOST) -> int:
    """The whole number at `key`, from `least` to `most`."""
    value = mapping.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise DocumentError(
            f"{key} must be a whole number from {least} on, not {kind(value)}",
            where=mapping.where(key),
            hint="Write it in digits, without quotes.",
        )
    if value > most:
        raise DocumentError(f"{key} can be at most {most:,}", where=mapping.where(key), hint="Choose a smaller one.")
    return value


def section(mapping: Map, key: str) -> Map:
    """The mapping at `key`; an empty one when it is absent."""
    value = mapping.get(key)
    if value is None:
        return Map(mapping.where(key))
    if not isinstance(value, Map):
        raise DocumentError(
            f"{key} must be a mapping, not {kind(value)}",
            where=mapping.where(key),
            hint="Write 'name: value' lines below it.",
        )
    return value


def texts(mapping: Map, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """The list of names at `key`, each once."""
    value = mapping.get(key)
    if value is None:
        return default
    if not isinstance(value, Seq):
        raise DocumentError(
            f"{key} must be a list, not {kind(value)}", where=mapping.where(key), hint="Write it as [one, two]."
        )
    for index, item in enumerate(value):
        if not isinstance(item, str):
            raise DocumentError(f"{key} must hold names, not {kind(item)}", where=value.where(index))
        if item in value[:index]:
            raise DocumentError(f"{item!r} stands twice in {key}", where=value.where(index), hint="Keep one.")
    return tuple(value)


def level_text(value: Any) -> str:
    """A scalar as a level's text: as YAML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def is_scalar(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool))


def expect_plain(value: Any, where: Position, what: str) -> None:
    """Refuse what JSON can't hold: dates, infinities, sets, keys that aren't text."""
    if isinstance(value, Map):
        for key, item in value.items():
            if not isinstance(key, str):
                raise DocumentError(
                    f"a key in {what} must be text, not {kind(key)}", where=value.where(key), hint="Put it in quotes."
                )
            expect_plain(item, value.where(key), what)
    elif isinstance(value, Seq):
        for index, item in enumerate(value):
            expect_plain(item, value.where(index), what)
    elif isinstance(value, float) and not math.isfinite(value):
        raise DocumentError(
            f"{what} must be a finite number, not {value}", where=where, hint="Write a number in digits."
        )
    elif value is not None and not is_scalar(value):
        raise DocumentError(
            f"{what} must be text, a number, true or false, not {kind(value)}", where=where, hint="Put it in quotes."
        )


NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What a suite may be called: it becomes part of file names."""
