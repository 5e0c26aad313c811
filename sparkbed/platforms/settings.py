"""The settings of a Spark cluster: their table, and the checks before any host is touched."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sparkbed.errors import UsageError
from sparkbed.nearest import nearest
from sparkbed.platforms.base import Setting

_UNITS = {"k": 1, "m": 2, "g": 3, "t": 4}
_MEMORY = re.compile(r"([1-9][0-9]*)([kmgt])b?", re.IGNORECASE)
_LARGEST = 2**31 - 1
"""What Spark's own whole numbers can hold."""
_PROPERTY = re.compile(r"spark\.[A-Za-z0-9_.\-]+")


def memory_bytes(text: str) -> int:
    """Bytes of a size as Spark writes it: 512m, 1g."""
    found = _MEMORY.fullmatch(text)
    if not found:
        raise ValueError(text)
    return int(found.group(1)) * int(1024 ** _UNITS[found.group(2).lower()])


def checked(table: Sequence[Setting], settings: Mapping[str, Any], platform: str) -> dict[str, Any]:
    """Every setting of the table: what `settings` says of it, in its type, else its default.

    Names that begin with `spark.` are Spark's own properties; they join the mapping `spark_properties`.

    Raises:
        UsageError: for an unknown name or a value of the wrong kind.
    """
    known = {setting.name: setting for setting in table}
    values = {setting.name: setting.default for setting in table}
    values["spark_properties"] = _mapping(settings.get("spark_properties"))
    for name, value in settings.items():
        if name.startswith("spark."):
            values["spark_properties"][name] = value
        elif name not in known:
            raise UsageError(
                f"platform {platform} has no setting {name!r}",
                hint=f"{nearest(name, known, every='It has')} Names that begin with spark. go to Spark as they are.",
            )
        elif name != "spark_properties":
            values[name] = _value(known[name], value)
    values["spark_properties"] = _properties(values["spark_properties"])
    return values


def _value(setting: Setting, value: Any) -> Any:
    if value is None:
        return setting.default
    if setting.kind == "int":
        return _whole(setting, value)
    if setting.kind == "texts":
        if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) and one.isprintable() for one in value):
            raise _wrong(setting, value)
        return list(value)
    if not isinstance(value, str):
        raise _wrong(setting, value)
    if setting.kind == "memory":
        if not _MEMORY.fullmatch(value):
            raise _wrong(setting, value)
        return value.lower()
    if setting.kind == "choice":
        found = [choice for choice in setting.choices if choice.lower() == value.lower()]
        if not found:
            raise _wrong(setting, value)
        return found[0]
    if not value.isprintable():
        raise _wrong(setting, value)
    return value


def _whole(setting: Setting, value: Any) -> int:
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < setting.minimum:
        raise _wrong(setting, value)
    if value > _LARGEST:
        raise UsageError(f"setting {setting.name} can be at most {_LARGEST:,}", hint="Choose a smaller number.")
    return value


def _wrong(setting: Setting, value: Any) -> UsageError:
    wanted = {
        "int": f"a whole number, {setting.minimum} or more",
        "memory": "a size such as 512m or 2g",
        "choice": f"one of {', '.join(setting.choices)}",
        "text": "one line of text",
        "texts": "a list of texts",
    }[setting.kind]
    return UsageError(f"setting {setting.name} can't be {value!r}", hint=f"It is {wanted}: {setting.meaning}.")


def _mapping(given: Any) -> dict[Any, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise UsageError(
            "setting spark_properties has to be a mapping", hint="Write spark_properties: {spark.locality.wait: 0s}."
        )
    return dict(given)


def _properties(values: Mapping[Any, Any]) -> dict[str, str]:
    """Properties as Spark reads them: text, sorted by name; YAML's true is Spark's `true`."""
    texts: dict[str, str] = {}
    for name, value in values.items():
        if not isinstance(name, str) or not _PROPERTY.fullmatch(name):
            raise UsageError(
                f"{name!r} is not the name of a Spark property", hint="They begin with spark., as spark.locality.wait."
            )
        if not isinstance(value, (str, int, float)):
            raise UsageError(f"property {name} can't be {value!r}", hint="It is text, a number, true or false.")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if not text.isprintable():
            raise UsageError(f"property {name} holds a character that can't be printed: {text!r}")
        texts[name] = text
    return dict(sorted(texts.items()))
