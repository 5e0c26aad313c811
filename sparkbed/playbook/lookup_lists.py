"""Lookups that make lists of lists and mappings: what the `with_` forms of the same names repeat over."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import product, zip_longest
from typing import Any

from sparkbed.playbook.arguments import options
from sparkbed.playbook.templating import TemplateError

_SHORTCUT = re.compile(r"(?:(?P<start>\d+)-)?(?P<end>\d+)(?:/(?P<stride>\d+))?(?::(?P<format>.+))?")


def items(terms: list[Any]) -> list[Any]:
    """The terms, and what is in those that are lists."""
    return [item for term in terms for item in (term if isinstance(term, (list, tuple)) else [term])]


def flattened(terms: Iterable[Any]) -> list[Any]:
    """What is in the terms at any depth."""
    return [item for term in terms for item in (flattened(term) if isinstance(term, (list, tuple)) else [term])]


def indexed_items(terms: list[Any]) -> list[Any]:
    return [[index, item] for index, item in enumerate(items(terms))]


def together(terms: list[Any]) -> list[Any]:
    """The first ones of all lists, then the second ones, and so on."""
    if not terms:
        raise TemplateError("with_together requires at least one element in each list")
    return [items(list(row)) for row in zip_longest(*terms)]


def nested(terms: list[Any]) -> list[Any]:
    """Each of the first list with each of the second one, and so on; lists in them are opened once a step."""
    if not terms:
        raise TemplateError("with_nested requires at least one element in the nested list")
    rows: list[Any] = terms[0] if isinstance(terms[0], list) else [terms[0]]
    for term in terms[1:]:
        rows = [items([row, item]) for row in rows for item in (term if isinstance(term, list) else [term])]
    return [items(row) if isinstance(row, list) else [row] for row in rows]


def cartesian(terms: list[Any]) -> list[Any]:
    if not terms:
        raise TemplateError("with_cartesian requires at least one element in each list")
    return [items(list(row)) for row in product(*(items([term]) for term in terms))]


def dict_(terms: list[Any]) -> list[Any]:
    """Each member of the mappings as its `key` and `value`."""
    found: list[Any] = []
    for term in terms:
        if not isinstance(term, Mapping):
            raise TemplateError(f"with_dict expects a dict, not {type(term).__name__!r}")
        found.extend({"key": key, "value": value} for key, value in term.items())
    return found


def subelements(terms: list[Any]) -> list[Any]:
    """Each mapping, without its list under a (dotted) key, with each member of that list."""
    if not 2 <= len(terms) <= 3 or not isinstance(terms[0], (list, Mapping)) or not isinstance(terms[1], str):
        raise TemplateError("subelements expects a list or dict, the key of a list in its members, and flags")
    flags = terms[2] if len(terms) == 3 else {}
    if not isinstance(flags, Mapping):
        raise TemplateError("the flags of subelements are a mapping, as in {'skip_missing': true}")
    skip_missing = str(flags.get("skip_missing", False)).lower() in ("true", "yes", "1", "on")
    outer = terms[0]
    if isinstance(outer, Mapping):
        outer = [] if outer.get("skipped", False) is not False else list(outer.values())
    found: list[Any] = []
    for member in outer:
        if not isinstance(member, Mapping):
            raise TemplateError(f"subelements expects a dictionary, got {member!r}")
        if member.get("skipped", False) is False:
            rest, inner = _taken_out(member, terms[1].split("."), skip_missing=skip_missing)
            found.extend([rest, item] for item in inner)
    return found


def _taken_out(member: Mapping[Any, Any], keys: list[str], *, skip_missing: bool) -> tuple[dict[Any, Any], list[Any]]:
    """`member` without the list under `keys`, and that list."""
    rest = dict(member)
    key, deeper = keys[0], keys[1:]
    wanted, kind = (Mapping, "dictionary") if deeper else (list, "list")
    if key not in rest or (deeper and skip_missing and not isinstance(rest[key], wanted)):
        if skip_missing:
            return rest, []
        raise TemplateError(f"could not find {key!r} key in iterated item {dict(member)!r}")
    if not isinstance(rest[key], wanted):
        raise TemplateError(f"the key {key} should point to a {kind}, got {rest[key]!r}")
    if deeper:
        rest[key], found = _taken_out(rest[key], deeper, skip_missing=skip_missing)
        return rest, found
    return rest, list(rest.pop(key))


def sequence(terms: list[Any]) -> list[Any]:
    return [text for term in terms for text in _sequence(str(term))]


def _sequence(text: str) -> list[str]:
    match = _SHORTCUT.fullmatch(text.strip())
    given = {key: part for key, part in match.groupdict().items() if part} if match else options(text)[0]
    try:
        start, stride = int(given.get("start", "1"), 0), int(given.get("stride", "1"), 0)
        end = start + (int(given["count"]) - 1) * stride if "count" in given else int(given["end"], 0)
        form = given.get("format", "%d")
        return [form % number for number in range(start, end + (1 if stride > 0 else -1), stride)]
    except (KeyError, ValueError, TypeError):
        raise TemplateError(f"with_sequence can't read {text!r}; give it as start=1 end=5") from None
