"""What a task repeats over: `loop`, and the `with_` forms, which are lookups by another name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sparkbed.playbook import lookup_files, lookups
from sparkbed.playbook.plays import Loop
from sparkbed.playbook.templating import TemplateError, UndefinedNameError
from sparkbed.playbook.values import flag
from sparkbed.playbook.variables import Scope

FORMS = frozenset(lookups.KINDS)
"""The kinds of `with_<kind>`."""


def items(loop: Loop, scope: Scope, module: str = "") -> list[Any]:
    """The items of `loop`, whose task runs `module`.

    Raises:
        TemplateError: when it has no value, or none that can be repeated over.
    """
    if loop.kind == "first_found":
        # The module says where its files are; a name that is not defined names no file.
        kind = next((kind for kind in ("template", "var") if kind in module), "file")
        return lookup_files.first_found(scope, _terms(_defined(loop.value, scope)), {}, kind=f"{kind}s")
    value = scope.value(loop.value)
    if loop.kind != "loop":
        return lookups.run(loop.kind, _terms(value), scope)
    if not isinstance(value, list):
        kind = type(value).__name__
        raise TemplateError(f"The `loop` value must resolve to a 'list', not {kind!r}.")
    return value


def _terms(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _defined(raw: Any, scope: Scope) -> Any:
    """`raw` rendered, without the members that name something undefined."""
    if isinstance(raw, Mapping):
        return {key: part for key, value in raw.items() if (part := _defined(value, scope)) is not None}
    if isinstance(raw, (list, tuple)):
        return [part for value in raw if (part := _defined(value, scope)) is not None]
    try:
        return scope.value(raw)
    except UndefinedNameError:
        return None


def extended(items: list[Any], index: int, *, allitems: bool = True) -> dict[str, Any]:
    """`ansible_loop` for the item at `index`, when loop_control says `extended`."""
    length = len(items)
    result: dict[str, Any] = {
        "index": index + 1,
        "index0": index,
        "first": index == 0,
        "last": index + 1 == length,
        "length": length,
        "revindex": length - index,
        "revindex0": length - index - 1,
    }
    if allitems:
        result["allitems"] = items
    if index + 1 < length:
        result["nextitem"] = items[index + 1]
    if index > 0:
        result["previtem"] = items[index - 1]
    return result


def variables(loop: Loop, items: list[Any], index: int, scope: Scope) -> dict[str, Any]:
    """What the round at `index` sees of its loop."""
    result = {"ansible_loop_var": loop.loop_var, loop.loop_var: items[index]}
    if loop.index_var:
        result.update({"ansible_index_var": loop.index_var, loop.index_var: index})
    if flag(scope, loop.extended):
        result["ansible_loop"] = extended(items, index, allitems=flag(scope, loop.extended_allitems))
    return result
