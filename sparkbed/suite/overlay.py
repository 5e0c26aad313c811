"""Laying changes over a suite's document: a profile, and `--set path=value`. Each value keeps where it was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sparkbed import documents
from sparkbed.documents import Map
from sparkbed.errors import DocumentError, UsageError
from sparkbed.nearest import nearest
from sparkbed.position import Position
from sparkbed.suite.fields import put

# These mappings are one statement each: half of one would mean something else.
_WHOLE = frozenset({"baseline", "combine", "exclude"})
_MAPPINGS = ("settings", "parameters", "count", "factors")


@dataclass(frozen=True)
class Flag(Position):
    """A place on the command line, such as `--set trials=2`."""

    flag: str = ""

    def __str__(self) -> str:
        return self.flag


def flag(text: str) -> Flag:
    return Flag(Path(text), 1, flag=text)


def overlay(base: Map, over: Map) -> Map:
    """`base` with the values of `over`: mappings are merged key by key, everything else is replaced."""
    result = Map(base.position)
    for source in (base, over):
        for key, value in source.items():
            below = result.get(key)
            if isinstance(below, Map) and isinstance(value, Map) and key not in _WHOLE:
                put(result, key, overlay(below, value), result.where(key))
            else:
                put(result, key, value, source.where(key))
    return result


def path_of(dotted: str, known: Sequence[str], where: Position) -> tuple[str, ...]:
    """The keys that a dotted path stands for: `trials` is one; `settings.spark.ui.enabled` two, the property whole.

    Args:
        known: the first keys that a path may have.

    Raises:
        UsageError: for a first key that is not known, or a path that ends too early or too late.
    """
    root, dot, rest = dotted.partition(".")
    if root not in known:
        raise UsageError(f"nothing is called {root!r} here", where=where, hint=nearest(root, known, every="There are"))
    if root not in _MAPPINGS:
        if dot:
            raise UsageError(f"{root!r} is one value: nothing can follow its name", where=where)
        return (root,)
    if not rest:
        raise UsageError(f"{root!r} is a mapping: name a key in it", where=where, hint=f"Write {root}.KEY.")
    if root == "settings":
        # Also right: the path as the document may be written, with the properties gathered under `spark:`.
        rest = rest.removeprefix("spark.") if rest.startswith("spark.spark.") else rest
    return (root, rest)


def parse_sets(sets: Mapping[str, str] | Sequence[str]) -> list[tuple[str, str, Flag]]:
    """Each `path=value` as path, value and the words by which a message names it.

    Raises:
        UsageError: for one without a `=`.
    """
    pairs = [f"{path}={value}" for path, value in sets.items()] if isinstance(sets, Mapping) else list(sets)
    parsed = []
    for pair in pairs:
        path, equals, value = pair.partition("=")
        where = flag(f"--set {pair}")
        if not equals or not path.strip():
            raise UsageError("not of the form path=value", where=where, hint="For example: --set trials=2")
        parsed.append((path.strip(), value, where))
    return parsed


def assign(document: Map, path: tuple[str, ...], value: str, where: Flag) -> Map:
    """`document` with `value`, read as YAML, at `path`.

    Raises:
        UsageError: when the value is not YAML.
    """
    try:
        parsed = documents.parse(value, where.file)
    except DocumentError as error:
        raise UsageError(error.what, where=where, hint="Quote it for YAML.") from None
    inner = Map(where)
    put(inner, path[-1], _placed(parsed, where), where)
    for key in reversed(path[:-1]):
        outer = Map(where)
        put(outer, key, inner, where)
        inner = outer
    return overlay(document, inner)


def _placed(value: object, where: Flag) -> object:
    """The value with every position in it made the flag's: its own lines and columns say nothing to a reader."""
    if isinstance(value, Map):
        placed = Map(where)
        for key, item in value.items():
            put(placed, key, _placed(item, where), where)
        return placed
    if isinstance(value, documents.Seq):
        items = documents.Seq(where)
        items.extend(_placed(item, where) for item in value)
        items.item_positions.extend(where for _ in value)
        return items
    return value
