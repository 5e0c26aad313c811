"""validate_argument_spec: whether variables are what a role says of its arguments."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sparkbed.playbook.modules.controller.context import ActionContext, failed


def validate_argument_spec(args: Mapping[str, Any], context: ActionContext) -> dict[str, Any]:
    spec: Mapping[str, Any] = args["argument_spec"]
    about = args.get("validate_args_context") or {}
    given = {name: context.variable(name) for name in spec if context.has_variable(name)}
    found = list(problems(spec, {**given, **(args.get("provided_arguments") or {})}))
    if found:
        text = "\n".join(found)
        told = {"argument_errors": found, "argument_spec_data": spec, "validate_args_context": about}
        return failed(f"Validation of arguments failed:\n{text}", **told)
    return {"changed": False, "msg": "The arg spec validation passed", "validate_args_context": about}


def problems(spec: Mapping[str, Any], given: Mapping[str, Any], where: str = "") -> Iterator[str]:
    """What is wrong with `given` by `spec`, an argument specification as Ansible's roles have it."""
    known = {alias: name for name, one in spec.items() for alias in [name, *((one or {}).get("aliases") or [])]}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            yield f"{where}{name} is no argument; these are: {', '.join(sorted(spec))}"
        else:
            values[known[name]] = value
    for name, one in spec.items():
        if (one or {}).get("required") and name not in values:
            yield f"missing required argument: {where}{name}"
    for name, value in values.items():
        if value is not None:
            yield from _of_value(spec[name] or {}, value, f"{where}{name}")


def _of_value(one: Mapping[str, Any], value: Any, name: str) -> Iterator[str]:
    kind = one.get("type", "str")
    try:
        converted = _CONVERT[kind](value)
    except KeyError:
        yield f"{name} has the unknown type {kind!r}"
        return
    except (ValueError, TypeError, OverflowError):
        yield f"{name} is of type {type(value).__name__} and can't be converted to {kind}"
        return
    parts: Sequence[Any] = converted if isinstance(converted, list) else [converted]
    element = one.get("elements")
    if kind == "list" and element:
        try:
            parts = converted = [_CONVERT[element](part) for part in converted]
        except (ValueError, TypeError, OverflowError, KeyError):
            yield f"elements of {name} can't be converted to {element}"
            return
    choices = one.get("choices")
    if choices is not None:
        strange = [part for part in parts if part not in choices]
        if strange:
            yield f"value of {name} must be one of {', '.join(map(str, choices))}, got {strange[0]}"
    inner = one.get("options")
    if inner:
        for part in parts:
            if isinstance(part, Mapping):
                yield from problems(inner, part, f"{name}.")
                yield from _together(one, part, name)


def _together(one: Mapping[str, Any], given: Mapping[str, Any], name: str) -> Iterator[str]:
    """What is wrong with arguments that depend on each other."""
    for names in one.get("mutually_exclusive") or []:
        if sum(part in given for part in names) > 1:
            yield f"arguments of {name} are mutually exclusive: {', '.join(names)}"
    for names in one.get("required_together") or []:
        if 0 < sum(part in given for part in names) < len(names):
            yield f"arguments of {name} are required together: {', '.join(names)}"
    for names in one.get("required_one_of") or []:
        if not any(part in given for part in names):
            yield f"one of these arguments of {name} is required: {', '.join(names)}"
    for condition in one.get("required_if") or []:
        key, wanted, names, *any_of = condition
        there = [part in given for part in names]
        if key in given and given[key] == wanted and not (any(there) if any_of and any_of[0] else all(there)):
            yield f"{name}.{key} is {wanted} but arguments are missing: {', '.join(names)}"
    for key, names in (one.get("required_by") or {}).items():
        needed = [names] if isinstance(names, str) else names
        if key in given and not all(given.get(part) is not None for part in needed):
            yield f"{name}.{key} requires: {', '.join(needed)}"


# -- types ------------------------------------------------------------------------------------------------------------


def _integer(value: Any) -> int:
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise TypeError(value)


def _number(value: Any) -> float:
    if isinstance(value, (int, float, str)):
        return float(value)
    raise TypeError(value)


_TRUE = ("y", "yes", "on", "1", "true", "t", "1.0")
_FALSE = ("n", "no", "off", "0", "false", "f", "0.0")


def _boolean(value: Any) -> bool:
    word = str(value).lower().strip() if isinstance(value, (str, int, float)) else ""
    if word not in _TRUE + _FALSE:
        raise TypeError(value)
    return word in _TRUE


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    if isinstance(value, (int, float)):
        return [str(value)]
    raise TypeError(value)


def _dict(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, str) and value.strip().startswith("{"):
        found = json.loads(value)
        if isinstance(found, dict):
            return found
    if isinstance(value, str) and "=" in value:
        pairs = [part.partition("=") for part in value.replace(",", " ").split()]
        return {name: text for name, _, text in pairs}
    raise TypeError(value)


def _json(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple, Mapping)):
        return json.dumps(value)
    raise TypeError(value)


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "str": str,
    "path": str,
    "raw": lambda value: value,
    "int": _integer,
    "float": _number,
    "bool": _boolean,
    "list": _list,
    "dict": _dict,
    "json": _json,
    "jsonarg": _json,
}
