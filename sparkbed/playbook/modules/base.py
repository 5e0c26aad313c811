"""What a module is, as far as the controller must know: its options, where it runs, how its arguments are read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sparkbed.playbook.modules.refused import REFUSED

OptionType = Literal["str", "path", "bool", "int", "float", "list", "dict", "mode", "raw"]
"""`path`: a text that the host expands (~ and its variables); `mode`: permission bits; `raw`: as it is."""


@dataclass(frozen=True, eq=False, repr=False)
class Option:
    """One option of a module. `default` is for people: a module knows its own when the option is absent.

    No message shows the value of a `secret` one.
    """

    type: OptionType = "str"
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    secret: bool = False


ATTRIBUTES = {"mode": Option("mode"), "owner": Option("str"), "group": Option("str")}
"""Options of every module that makes files."""

# A rename within a folder is atomic, so nothing needs to be unsafe; the option is accepted for Ansible's sake.
WRITING = {
    **ATTRIBUTES,
    "backup": Option("bool", default=False),
    "validate": Option("str"),
    "unsafe_writes": Option("bool", default=False),
}
"""Options of every module that writes a file's content."""


@dataclass(frozen=True, eq=False, repr=False)
class ModuleSpec:
    """One module of the subset.

    Attributes:
        free_form: a text is its whole argument (`command: ls /`), and arrives as `_raw_params`.
        runs_on: `host`: `Agent.call(name, items)`; `controller`: `controller.run`, which uses the agent if it must.
        loops_together: all items of a loop may go in one `Agent.call` or `controller.run_many`.
        check: what check mode does: the module foretells what it would do, or is skipped.
        once: it acts for the first host of the batch only.
        any_options: option names are the user's own (set_fact).
        exclusive: sets of options of which one at most may be given.
        one_of: sets of options of which one at least must be given.
    """

    name: str
    options: Mapping[str, Option] = field(default_factory=dict)
    free_form: bool = False
    runs_on: Literal["host", "controller"] = "host"
    loops_together: bool = True
    check: Literal["supported", "skipped"] = "supported"
    once: bool = False
    any_options: bool = False
    exclusive: tuple[tuple[str, ...], ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()

    def canonical(self, name: str) -> str | None:
        """The option that `name` means, which may be an alias; None when the module has none of that name."""
        if name in self.options:
            return name
        return next((known for known, option in self.options.items() if name in option.aliases), None)


class ArgumentError(ValueError):
    """An argument that its module can't take, with the option's name."""

    def __init__(self, message: str, option: str | None) -> None:
        super().__init__(message)
        self.option = option


def check_arguments(spec: ModuleSpec, args: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """What is wrong with a task's arguments before anything runs: (message, option) each.

    Values with templates are left alone, as only the run knows them.
    """
    return _problems(spec, args, templated=True)


def _problems(spec: ModuleSpec, args: Mapping[str, Any], *, templated: bool) -> list[tuple[str, str | None]]:
    problems: list[tuple[str, str | None]] = []
    given: dict[str, str] = {}
    for name, value in args.items():
        option = spec.canonical(str(name))
        if option is None:
            if not spec.any_options:
                problems.append((_no_option(spec, str(name)), str(name)))
            continue
        if option in given:
            problems.append((f"{spec.name}: {given[option]!r} and {name!r} are the same option", str(name)))
        if value is None:
            continue
        given[option] = str(name)
        if not (templated and is_template(value)):
            try:
                convert(spec, option, value)
            except ArgumentError as error:
                problems.append((str(error), str(name)))
    return problems + _missing(spec, given)


def _no_option(spec: ModuleSpec, name: str) -> str:
    refused = REFUSED.get(spec.name, {})
    if name in refused:
        return f"option {name!r} of {spec.name} is outside the subset: {refused[name]}"
    known = ", ".join(sorted(key for key in spec.options if not key.startswith("_")))
    return f"{spec.name} has no option {name!r}; it has: {known}"


def _missing(spec: ModuleSpec, given: Mapping[str, str]) -> list[tuple[str, str | None]]:
    problems: list[tuple[str, str | None]] = []
    for name, option in spec.options.items():
        if option.required and name not in given:
            problems.append((f"{spec.name} needs the option {name!r}", None))
    for names in spec.exclusive:
        both = [given[name] for name in names if name in given]
        if len(both) > 1:
            problems.append((f"{spec.name} takes only one of {', '.join(both)}", both[-1]))
    for names in spec.one_of:
        if not any(name in given for name in names):
            shown = " or ".join(name for name in names if not name.startswith("_"))
            problems.append((f"{spec.name} needs {'a command' if 'cmd' in names else shown}", None))
    return problems


def coerce(spec: ModuleSpec, args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the module takes them, after templating: aliases resolved, types converted, nulls left out.

    Raises:
        ArgumentError: for the first argument that does not fit.
    """
    # By now a text with braces is content, not a template, so everything is looked at.
    for message, option in _problems(spec, args, templated=False):
        raise ArgumentError(message, option)
    result: dict[str, Any] = {}
    for name, value in args.items():
        canonical = spec.canonical(str(name))
        if value is None:
            continue
        result[canonical or str(name)] = convert(spec, canonical, value) if canonical else value
    return result


def is_template(value: Any) -> bool:
    """Whether a value, or anything in it, holds a template."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    if isinstance(value, Mapping):
        return any(is_template(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(is_template(part) for part in value)


_TRUE = {"yes", "on", "true", "1", "1.0", "y", "t"}
_FALSE = {"no", "off", "false", "0", "0.0", "n", "f"}
_MODE = re.compile(
    r"^(?:0o?)?[0-7]{1,5}$|^[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+(?:,[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+)*$"
)


def convert(spec: ModuleSpec, name: str, value: Any) -> Any:
    """One value as its option's type. Raises ArgumentError."""
    option = spec.options[name]
    shown = name.lstrip("_")
    try:
        converted = _CONVERT[option.type](value)
    except (ValueError, TypeError):
        given = "what it is" if option.secret else repr(value)
        raise ArgumentError(f"{spec.name}: {shown} must be {_MEANING[option.type]}, not {given}", name) from None
    if option.type == "path" and option.required and not converted:
        raise ArgumentError(f"{spec.name}: {shown} must not be empty", name)
    if option.choices and converted not in option.choices:
        raise ArgumentError(f"{spec.name}: {shown} must be one of {', '.join(option.choices)}, not {value!r}", name)
    return converted


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise ValueError


def _int(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError
    number = float(value) if isinstance(value, float) else int(value)
    if number != int(number):
        raise ValueError
    return int(number)


def _float(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    return float(value)


def _text(value: Any) -> str:
    if isinstance(value, (Mapping, list)):
        raise TypeError
    return str(value)


def _path(value: Any) -> str:
    text = _text(value)
    if "\0" in text:
        raise ValueError
    return text


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return list(value)
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    if isinstance(value, Mapping) or value is None:
        raise TypeError
    return [value]


def _dict(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        value = json.loads(value)
    if not isinstance(value, Mapping):
        raise TypeError
    return dict(value)


def _mode(value: Any) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value <= 0o7777:
            raise ValueError
        return value
    text = _text(value).strip()
    if text != "preserve" and not _MODE.match(text):
        raise ValueError
    return text


def _raw(value: Any) -> Any:
    return value


_CONVERT = {
    "str": _text,
    "path": _path,
    "bool": _bool,
    "int": _int,
    "float": _float,
    "list": _list,
    "dict": _dict,
    "mode": _mode,
    "raw": _raw,
}
_MEANING: Mapping[str, str] = {
    "str": "a text",
    "path": "a path without NUL",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "list": "a list",
    "dict": "a mapping",
    "mode": "permission bits, such as '0644' or u=rw,g=r",
    "raw": "a value",
}
