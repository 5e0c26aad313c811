"""What a task repeats over: `loop`, and the `with_` forms of common use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from sparkbed.playbook.arguments import options
from sparkbed.playbook.plays import Loop
from sparkbed.playbook.templating import TemplateError
from sparkbed.playbook.variables import Scope

_SHORTCUT = re.compile(r"(?P<start>\d+)-(?P<end>\d+)(?:/(?P<stride>\d+))?(?::(?P<format>.+))?")


def items(loop: Loop, scope: Scope) -> list[Any]:
    """The items of `loop`.

    Raises:
        TemplateError: when it has no value, or none that can be repeated over.
    """
    value = scope.value(loop.value)
    if loop.kind == "loop":
        if not isinstance(value, list):
            kind = type(value).__name__
            raise TemplateError(f"The `loop` value must resolve to a 'list', not {kind!r}.")
        return value
    if loop.kind == "dict":
        return _of_mapping(value)
    terms = value if isinstance(value, list) else [value]
    if loop.kind == "list":
        return terms
    if loop.kind == "together":
        return [list(row) for row in zip_longest(*terms)]
    if loop.kind == "sequence":
        return [text for term in terms for text in _sequence(str(term))]
    flat = [item for term in terms for item in (term if isinstance(term, list) else [term])]
    if loop.kind == "indexed_items":
        return [[index, item] for index, item in enumerate(flat)]
    return flat


def _of_mapping(value: Any) -> list[Any]:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping):
        raise TemplateError(f"with_dict expects a dict, not {type(value).__name__!r}")
    return [{"key": key, "value": item} for key, item in value.items()]


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


def extended(items: list[Any], index: int) -> dict[str, Any]:
    """`ansible_loop` for the item at `index`, when loop_control says `extended`."""
    length = len(items)
    result = {
        "index": index + 1,
        "index0": index,
        "first": index == 0,
        "last": index + 1 == length,
        "length": length,
        "revindex": length - index,
        "revindex0": length - index - 1,
        "allitems": items,
    }
    if index + 1 < length:
        result["nextitem"] = items[index + 1]
    if index > 0:
        result["previtem"] = items[index - 1]
    return result
