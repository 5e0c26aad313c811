"""Factors and their levels, and how levels are combined: product, zip, exclude."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from sparkbed.documents import Map, Seq, expect_keys
from sparkbed.errors import DocumentError, UsageError
from sparkbed.kinds import kind
from sparkbed.nearest import nearest
from sparkbed.position import Position
from sparkbed.suite.fields import is_scalar, level_text, put
from sparkbed.suite.overlay import path_of

SECTIONS = ("inventory", "count", "platform", "settings", "workload", "parameters")
"""What a cell is made of, and so what a level may set."""

DEADLINE = "deadline"
"""What a level may set besides: it is no part of what a cell is."""

MOST_CELLS = 10_000
"""More combinations than anybody runs; far beyond it they would fill the memory before the mistake is seen."""


@dataclass(frozen=True)
class Level:
    """One value of a factor: its name, and what it sets (`content`, keys as in SECTIONS, and DEADLINE)."""

    text: str
    content: Map
    alias: str | None = None

    def paths(self) -> dict[str, Position]:
        """What it sets, as dotted paths with their places."""
        found: dict[str, Position] = {}
        for key, value in self.content.items():
            _collect(found, key, value, self.content.where(key))
        return found


def _collect(found: dict[str, Position], path: str, value: Any, where: Position) -> None:
    # Parameters may be mappings themselves; only the cell's own structure is taken apart.
    if isinstance(value, Map) and path in ("count", "settings", "parameters"):
        for key, item in value.items():
            _collect(found, f"{path}.{key}", item, value.where(key))
    else:
        found[path] = where


@dataclass(frozen=True)
class Factor:
    """What a suite varies."""

    name: str
    levels: tuple[Level, ...]
    position: Position

    def level(self, value: Any, where: Position) -> Level:
        """The level that a document names by `value`.

        Raises:
            DocumentError: when the factor has no such level.
        """
        named = level_text(value)
        for level in self.levels:
            if level.text == named:
                return level
        raise DocumentError(
            f"factor {self.name!r} has no level {named!r}",
            where=where,
            hint=nearest(named, [level.text for level in self.levels], every="It has"),
        )


def read_factors(document: Map) -> tuple[Factor, ...]:
    """The factors in the suite's mapping `factors`, in its order.

    Raises:
        DocumentError: for a factor without levels, a level that sets nothing known, or two factors that set the same.
    """
    factors = tuple(_factor(name, value, document.where(name)) for name, value in document.items())
    setter: dict[str, str] = {}
    for factor in factors:
        paths = {path: where for level in factor.levels for path, where in level.paths().items()}
        for path, where in paths.items():
            if path in setter:
                raise DocumentError(
                    f"factors {setter[path]!r} and {factor.name!r} both set {path}",
                    where=where,
                    hint="Let one of them set it, or make their combinations levels of one factor.",
                )
            setter[path] = factor.name
    return factors


def _factor(name: Any, value: Any, where: Position) -> Factor:
    if not isinstance(name, str) or not name:
        raise DocumentError(f"the name of a factor must be text, not {kind(name)}", where=where)
    if isinstance(value, Map):
        levels = tuple(_named_level(name, key, value[key], value.where(key)) for key in value)
    elif isinstance(value, Seq):
        levels = _listed_levels(name, value, where)
    else:
        raise DocumentError(
            f"factor {name!r} must be a list of values or a mapping of levels, not {kind(value)}",
            where=where,
            hint="For example: parameters.num-tasks: [1000, 2000]",
        )
    if not levels:
        raise DocumentError(f"factor {name!r} has no levels", where=where, hint="Give it one or more, or take it out.")
    return Factor(name, levels, where)


def _named_level(factor: str, name: Any, body: Any, where: Position) -> Level:
    what = f"level {level_text(name)!r} of factor {factor!r}"
    if not isinstance(body, Map):
        raise DocumentError(
            f"{what} must be a mapping, not {kind(body)}",
            where=where,
            hint=f"It can set {', '.join((*SECTIONS, DEADLINE))}.",
        )
    expect_keys(body, (*SECTIONS, DEADLINE, "alias"), what)
    content = Map(body.position)
    for key, value in body.items():
        if key == "alias":
            if not isinstance(value, str):
                raise DocumentError(f"alias must be text, not {kind(value)}", where=body.where(key))
            continue
        if key in ("count", "settings", "parameters") and not isinstance(value, Map):
            raise DocumentError(f"{key} of {what} must be a mapping, not {kind(value)}", where=body.where(key))
        put(content, key, value, body.where(key))
    return Level(level_text(name), content, body.get("alias"))


def _listed_levels(factor: str, values: Seq, where: Position) -> tuple[Level, ...]:
    try:
        path = path_of(factor, SECTIONS, where)
    except UsageError as error:
        raise DocumentError(
            f"factor {factor!r} has a list of values, so its name must be the path of what it sets: {error.what}",
            where=where,
            hint="For example parameters.num-tasks or settings.executor_memory; or give it named levels.",
        ) from None
    levels: list[Level] = []
    for index, value in enumerate(values):
        place = values.where(index)
        if not is_scalar(value):
            raise DocumentError(
                f"a value of factor {factor!r} must be text or a number, not {kind(value)}",
                where=place,
                hint="For more, give the factor named levels.",
            )
        if level_text(value) in [level.text for level in levels]:
            raise DocumentError(f"factor {factor!r} has the value {value!r} twice", where=place, hint="Keep one.")
        content = value
        for key in reversed(path):
            outer = Map(place)
            put(outer, key, content, place)
            content = outer
        levels.append(Level(level_text(value), content))
    return tuple(levels)


# -- combinations -----------------------------------------------------------------------------------------------------

Combination = Mapping[str, Level]
"""One level of every factor, by the factor's name, in the factors' order."""


def zip_groups(value: Any, where: Position, factors: tuple[Factor, ...]) -> list[tuple[str, ...]]:
    """The groups of factors that run side by side, from the suite's `combine`.

    Raises:
        DocumentError: for anything but `product`, a `{zip: [factor, factor]}`, or a list of these.
    """
    if value is None or value == "product":
        return []
    items = (
        [(item, value.where(index)) for index, item in enumerate(value)] if isinstance(value, Seq) else [(value, where)]
    )
    groups = [_zip_group(item, place, factors) for item, place in items]
    for index, group in enumerate(groups):
        for name in group:
            if any(name in earlier for earlier in groups[:index]):
                raise DocumentError(f"factor {name!r} stands in two zips", where=items[index][1], hint="Keep one.")
    return groups


def _zip_group(item: Any, where: Position, factors: tuple[Factor, ...]) -> tuple[str, ...]:
    if not isinstance(item, Map) or set(item) != {"zip"} or not isinstance(item["zip"], Seq) or len(item["zip"]) < 2:
        raise DocumentError(
            f"combine can't be {kind(item)}",
            where=where,
            hint="Write product, {zip: [factor, factor]}, or a list of such zips.",
        )
    listed: Seq = item["zip"]
    chosen = [find_factor(name, factors, listed.where(index)) for index, name in enumerate(listed)]
    lengths = {factor.name: len(factor.levels) for factor in chosen}
    if len(lengths) < len(chosen):
        raise DocumentError("a factor stands twice in this zip", where=where, hint="Keep one.")
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise DocumentError(f"factors in a zip need the same number of levels: {counts}", where=where)
    return tuple(lengths)


def find_factor(name: Any, factors: tuple[Factor, ...], where: Position) -> Factor:
    """The factor called `name`.

    Raises:
        DocumentError: when there is none.
    """
    for factor in factors:
        if factor.name == name:
            return factor
    raise DocumentError(
        f"the suite has no factor {name!r}", where=where, hint=nearest(name, [f.name for f in factors], every="It has")
    )


def assignment(value: Any, where: Position, factors: tuple[Factor, ...], what: str) -> dict[str, str]:
    """A partial assignment, `{factor: level}`, checked against the factors; levels as text.

    Raises:
        DocumentError: when it is no mapping, or names an unknown factor or level.
    """
    if not isinstance(value, Map) or not value:
        raise DocumentError(
            f"{what} must be a mapping of factors to levels, not {kind(value)}",
            where=where,
            hint="For example: {layout: one-worker}",
        )
    return {
        name: find_factor(name, factors, value.where(name)).level(level, value.where(name)).text
        for name, level in value.items()
    }


def combinations(
    factors: tuple[Factor, ...], groups: list[tuple[str, ...]], excluded: list[dict[str, str]]
) -> list[Combination]:
    """Every combination of levels that is left, the first factor varying slowest.

    Raises:
        DocumentError: when there are more than MOST_CELLS before anything is excluded.
    """
    by_name = {factor.name: factor for factor in factors}
    grouped = {name: group for group in groups for name in group}
    axes: list[list[dict[str, Level]]] = []
    for factor in factors:
        group = grouped.get(factor.name, (factor.name,))
        if factor.name == min(group, key=list(by_name).index):
            rows = zip(*(by_name[name].levels for name in group), strict=True)
            axes.append([dict(zip(group, row, strict=True)) for row in rows])
    count = prod(len(axis) for axis in axes)
    if count > MOST_CELLS:
        raise DocumentError(
            f"the factors have {count:,} combinations; {MOST_CELLS:,} is the most",
            where=factors[0].position,
            hint="Take levels out, or run factors side by side with combine: {zip: [...]}.",
        )
    found: list[Combination] = []
    for parts in product(*axes):
        united = {name: level for part in parts for name, level in part.items()}
        combination = {name: united[name] for name in by_name}
        if not any(all(combination[name].text == level for name, level in one.items()) for one in excluded):
            found.append(combination)
    return found
