"""Filters of lists and mappings, and of what is missing."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, ItemsView, Iterable, KeysView, Mapping, Sequence, ValuesView
from random import Random
from typing import Any

import jinja2
from jinja2.filters import do_unique, make_attrgetter, sync_do_groupby
from jinja2.runtime import Undefined

from sparkbed.playbook.filters.base import FilterError, is_list
from sparkbed.playbook.markers import BrokenMarker, Marker


def default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    if isinstance(value, Marker) and not isinstance(value, BrokenMarker):
        return default_value
    if boolean and not isinstance(value, Undefined) and not value:
        return default_value
    return value


def mandatory(value: Any, msg: str | None = None) -> Any:
    if isinstance(value, Marker):
        name = value._undefined_name
        raise FilterError(msg or f"Mandatory variable {f'{name!r} ' if name else ''}not defined.")
    return value


def ternary(value: Any, true_val: Any, false_val: Any, none_val: Any = None) -> Any:
    if isinstance(value, Undefined):
        return value
    if value is None and none_val is not None:
        return none_val
    return true_val if value else false_val


def type_debug(value: Any) -> str:
    # What YAML gave carries its place in the file; it is a dict or a list all the same.
    if isinstance(value, Marker):
        return "UndefinedMarker"
    kinds = (dict, list)
    if isinstance(value, (KeysView, ValuesView, ItemsView)):
        return "list"
    kind = next((kind for kind in kinds if isinstance(value, kind)), type(value))
    return kind.__name__


def _merge(low: Mapping[Any, Any], high: Mapping[Any, Any], recursive: bool, lists: str) -> dict[Any, Any]:
    result = dict(low)
    for key, value in high.items():
        old = result.get(key)
        if recursive and isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = _merge(old, value, recursive, lists)
        elif isinstance(old, list) and isinstance(value, list):
            result[key] = _merge_lists(old, value, lists)
        else:
            result[key] = value
    return result


def _merge_lists(old: list[Any], new: list[Any], how: str) -> list[Any]:
    ways: dict[str, Callable[[], list[Any]]] = {
        "replace": lambda: new,
        "keep": lambda: old,
        "append": lambda: old + new,
        "prepend": lambda: new + old,
        "append_rp": lambda: [item for item in old if item not in new] + new,
        "prepend_rp": lambda: new + [item for item in old if item not in new],
    }
    if how not in ways:
        raise FilterError(f"list_merge is one of {', '.join(ways)}, not {how!r}")
    return ways[how]()


def combine(*terms: Any, recursive: bool = False, list_merge: str = "replace") -> Any:
    mappings = flatten(terms, levels=1)
    for mapping in mappings:
        if not isinstance(mapping, Mapping):
            raise FilterError(f"combine takes mappings, not {type(mapping).__name__}")
    if not mappings:
        return {}
    return functools.reduce(lambda low, high: _merge(low, high, recursive, list_merge), mappings)


def dict2items(value: Any, key_name: str = "key", value_name: str = "value") -> list[dict[str, Any]]:
    if not isinstance(value, Mapping):
        raise FilterError(f"dict2items takes a mapping, not {type(value).__name__}")
    return [{key_name: key, value_name: item} for key, item in value.items()]


def items2dict(value: Any, key_name: str = "key", value_name: str = "value") -> dict[Any, Any]:
    if not is_list(value):
        raise FilterError(f"items2dict takes a list, not {type(value).__name__}")
    try:
        return {item[key_name]: item[value_name] for item in value}
    except (KeyError, TypeError):
        raise FilterError(f"items2dict takes mappings with the keys {key_name!r} and {value_name!r}") from None


def flatten(items: Iterable[Any], levels: int | None = None, skip_nulls: bool = True) -> list[Any]:
    result: list[Any] = []
    for item in items:
        if skip_nulls and (item is None or item in ("None", "null")):
            continue
        if is_list(item) and (levels is None or levels >= 1):
            result.extend(flatten(item, None if levels is None else int(levels) - 1, skip_nulls))
        else:
            result.append(item)
    return result


def subelements(value: Any, path: str | Sequence[str], skip_missing: bool = False) -> list[list[Any]]:
    elements = list(value.values()) if isinstance(value, Mapping) else list(value)
    steps = path.split(".") if isinstance(path, str) else list(path)
    result: list[list[Any]] = []
    for element in elements:
        found: Any = element
        try:
            for step in steps:
                found = found[step]
        except (KeyError, TypeError):
            if skip_missing:
                continue
            raise FilterError(f"subelements finds no {path!r} in {element!r}") from None
        if not is_list(found):
            raise FilterError(f"subelements wants a list at {path!r}, not {type(found).__name__}")
        result.extend([element, item] for item in found)
    return result


def _distinct(items: Iterable[Any]) -> list[Any]:
    result: list[Any] = []
    seen = set()
    for item in items:
        try:
            if item in seen:
                continue
            seen.add(item)
        except TypeError:
            if item in result:
                continue
        result.append(item)
    return result


@jinja2.pass_environment
def unique(
    environment: jinja2.Environment,
    items: Iterable[Any],
    case_sensitive: bool | None = None,
    attribute: str | int | None = None,
) -> list[Any]:
    """Jinja's, which takes texts that differ in case only for one; what can't be hashed is compared as it is."""
    every = list(items)
    try:
        return list(do_unique(environment, every, bool(case_sensitive), attribute))
    except TypeError:
        if case_sensitive is not None or attribute is not None:
            raise
        return _distinct(every)


@jinja2.pass_environment
def groupby(
    environment: jinja2.Environment, items: Iterable[Any], attribute: str | int, *_ignored: Any, **options: Any
) -> Any:
    """Jinja's, but an attribute that an item lacks is undefined, also with a `default`."""
    every, options = list(items), {**options}
    options.pop("default", None)
    read = make_attrgetter(environment, attribute)
    for item in every:
        if isinstance(read(item), Undefined):
            return read(item)
    return sync_do_groupby(environment, every, attribute, **options)


def rekey_on_member(value: Any, key: str, duplicates: str = "error") -> dict[Any, Any]:
    if duplicates not in ("error", "overwrite"):
        raise FilterError(f"duplicates is error or overwrite, not {duplicates!r}")
    if not isinstance(value, Mapping) and not is_list(value):
        raise FilterError(f"rekey_on_member takes a list or a mapping, not {type(value).__name__}")
    result: dict[Any, Any] = {}
    for item in value.values() if isinstance(value, Mapping) else value:
        if not isinstance(item, Mapping):
            raise FilterError(f"rekey_on_member takes mappings, not {type(item).__name__}")
        if key not in item:
            raise FilterError(f"rekey_on_member finds no {key!r} in an item")
        if item[key] in result and duplicates == "error":
            raise FilterError(f"{item[key]!r} is the {key!r} of two items")
        result[item[key]] = item
    return result


def random(end: Any, start: int | None = None, step: int | None = None, seed: Any = None) -> Any:
    """One of a list, or a number below `end`; the same for the same seed."""
    chooser = _seeded(seed)
    if isinstance(end, int):
        return chooser.randrange(start or 0, end, step or 1)
    if start or step:
        raise FilterError("start and step are for numbers")
    return chooser.choice(list(end))


def shuffle(items: Iterable[Any], seed: Any = None) -> list[Any]:
    """The list in another order; the same for the same seed."""
    shuffled = list(items)
    _seeded(seed).shuffle(shuffled)
    return shuffled


def _seeded(seed: Any) -> Random:
    if seed is None:
        raise FilterError("without a seed the result changes on every run; add `seed=...`")
    return Random(seed)  # noqa: S311  # what is wanted is the same on every run


def union(left: Iterable[Any], right: Iterable[Any]) -> list[Any]:
    return _distinct([*left, *right])


def intersect(left: Iterable[Any], right: Iterable[Any]) -> list[Any]:
    kept = list(right)
    return _distinct(item for item in left if item in kept)


def difference(left: Iterable[Any], right: Iterable[Any]) -> list[Any]:
    dropped = list(right)
    return _distinct(item for item in left if item not in dropped)


def symmetric_difference(left: Iterable[Any], right: Iterable[Any]) -> list[Any]:
    one, other = list(left), list(right)
    return _distinct([*(item for item in one if item not in other), *(item for item in other if item not in one)])


def zipped(*lists: Iterable[Any]) -> list[list[Any]]:
    return [list(row) for row in zip(*lists, strict=False)]


def zip_longest(*lists: Iterable[Any], fillvalue: Any = None) -> list[list[Any]]:
    return [list(row) for row in itertools.zip_longest(*lists, fillvalue=fillvalue)]


def product(*lists: Iterable[Any], repeat: int = 1) -> list[list[Any]]:
    return [list(row) for row in itertools.product(*lists, repeat=repeat)]


def combinations(items: Iterable[Any], size: int) -> list[list[Any]]:
    return [list(row) for row in itertools.combinations(items, size)]


def permutations(items: Iterable[Any], size: int | None = None) -> list[list[Any]]:
    return [list(row) for row in itertools.permutations(items, size)]


@jinja2.pass_environment
def extract(environment: jinja2.Environment, key: Any, container: Any, morekeys: Any = None) -> Any:
    keys = [key, *(morekeys if isinstance(morekeys, list) else [] if morekeys is None else [morekeys])]
    for one in keys:
        container = environment.getitem(container, one)
    return container
