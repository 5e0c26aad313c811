"""The tests of playbooks (`x is ...`): Jinja's own, and those of Ansible's that the documented subset has."""

from __future__ import annotations

import functools
import math
import operator
import os
import re
from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any

from jinja2.runtime import Undefined
from jinja2.tests import TESTS

Test = Callable[..., Any]


class TestError(Exception):
    """A test can't use what it was given."""

    __test__ = False  # not a pytest class


def _result(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TestError(f"The {name!r} test expects a dictionary")
    return value


def _failed(value: Any) -> bool:
    return bool(_result("failed", value).get("failed"))


def _succeeded(value: Any) -> bool:
    return not _failed(value)


def _unreachable(value: Any) -> bool:
    return bool(_result("unreachable", value).get("unreachable"))


def _reachable(value: Any) -> bool:
    return not _unreachable(value)


def _changed(value: Any) -> bool:
    result = _result("changed", value)
    if "changed" in result:
        return bool(result["changed"])
    return any(isinstance(item, Mapping) and item.get("changed") for item in result.get("results") or ())


def _skipped(value: Any) -> bool:
    return bool(_result("skipped", value).get("skipped"))


def _regex(
    value: Any = "", pattern: str = "", ignorecase: bool = False, multiline: bool = False, match_type: str = "search"
) -> bool:
    flags = (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)
    compiled = re.compile(pattern, flags)
    return bool(getattr(compiled, match_type)(value if isinstance(value, str) else str(value)))


def _match(value: Any, pattern: str = "", ignorecase: bool = False, multiline: bool = False) -> bool:
    return _regex(value, pattern, ignorecase, multiline, "match")


def _search(value: Any, pattern: str = "", ignorecase: bool = False, multiline: bool = False) -> bool:
    return _regex(value, pattern, ignorecase, multiline, "search")


_OPERATORS = {
    **dict.fromkeys(("==", "=", "eq"), operator.eq),
    **dict.fromkeys(("<", "lt"), operator.lt),
    **dict.fromkeys(("<=", "le"), operator.le),
    **dict.fromkeys((">", "gt"), operator.gt),
    **dict.fromkeys((">=", "ge"), operator.ge),
    **dict.fromkeys(("!=", "<>", "ne"), operator.ne),
}


def _version_parts(text: str) -> list[int | str]:
    return [int(part) if part.isdigit() else part for part in re.findall(r"\d+|[a-z]+", text.lower())]


def _order(left: str, right: str) -> int:
    """-1, 0 or 1 as `left` is older, equal or newer; a version with more parts is newer."""
    for one, other in zip_longest(_version_parts(left), _version_parts(right)):
        if one == other:
            continue
        if one is None or other is None:
            return -1 if one is None else 1
        if isinstance(one, int) and isinstance(other, int):
            return -1 if one < other else 1
        if isinstance(one, str) and isinstance(other, str):
            return -1 if one < other else 1
        raise TestError(f"Version comparison failed: {left!r} and {right!r} have different forms")
    return 0


def _version(
    value: Any, version: Any, operator: str = "eq", strict: Any = None, version_type: str | None = None
) -> bool:
    if value in ("", None) or version in ("", None):
        raise TestError("a version to compare can't be empty")
    if operator not in _OPERATORS:
        raise TestError(f"Invalid operator type ({operator}). Must be one of {', '.join(_OPERATORS)}")
    if strict or version_type not in (None, "loose"):
        raise TestError("only loose version comparison is in the subset")
    return bool(_OPERATORS[operator](_order(str(value), str(version)), 0))


_TRUE, _FALSE = ("yes", "on", "1", "true", "y", "t"), ("no", "off", "0", "false", "n", "f")


def _truthy(value: Any, convert_bool: bool = False) -> bool:
    if convert_bool:
        text = str(value).lower()
        value = True if text in _TRUE else False if text in _FALSE else value
    return bool(value)


def _falsy(value: Any, convert_bool: bool = False) -> bool:
    return not _truthy(value, convert_bool)


def _contains(sequence: Any, value: Any) -> bool:
    return value in sequence


def _subset(left: Any, right: Any) -> bool:
    return set(left) <= set(right)


def _superset(left: Any, right: Any) -> bool:
    return set(left) >= set(right)


def _nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _any(values: Any) -> bool:
    return any(values)


def _all(values: Any) -> bool:
    return all(values)


def _same_file(path: Any, other: Any) -> bool:
    return os.path.samefile(path, other)  # noqa: PTH121  # texts


ANSIBLE: dict[str, Test] = {
    "abs": os.path.isabs,  # texts, as Ansible's test
    "all": _all,
    "any": _any,
    "change": _changed,
    "changed": _changed,
    "contains": _contains,
    "directory": os.path.isdir,  # texts
    "exists": os.path.exists,  # texts
    "failed": _failed,
    "failure": _failed,
    "falsy": _falsy,
    "file": os.path.isfile,  # texts
    "is_abs": os.path.isabs,  # texts
    "is_dir": os.path.isdir,  # texts
    "is_file": os.path.isfile,  # texts
    "is_link": os.path.islink,  # texts
    "is_same_file": _same_file,
    "isnan": _nan,
    "issubset": _subset,
    "issuperset": _superset,
    "link": os.path.islink,  # texts
    "link_exists": os.path.lexists,
    "match": _match,
    "nan": _nan,
    "reachable": _reachable,
    "regex": _regex,
    "same_file": _same_file,
    "search": _search,
    "skip": _skipped,
    "skipped": _skipped,
    "subset": _subset,
    "succeeded": _succeeded,
    "success": _succeeded,
    "successful": _succeeded,
    "superset": _superset,
    "truthy": _truthy,
    "unreachable": _unreachable,
    "version": _version,
    "version_compare": _version,
}


def _defined(value: Any) -> Any:
    return _known(value, not isinstance(value, Undefined))


def _undefined(value: Any) -> Any:
    return _known(value, isinstance(value, Undefined))


def _known(value: Any, answer: bool) -> Any:
    """Whether a broken template is defined can't be said: its error is the answer."""
    if type(value).__name__ == "BrokenMarker":
        str(value)
    return answer


def _lenient(test: Test) -> Test:
    """`test`, but a question about something undefined raises its error."""
    skipped = 1 if hasattr(test, "jinja_pass_arg") else 0

    @functools.wraps(test)
    def wrapped(*args: Any, **options: Any) -> Any:
        for argument in args[skipped:]:
            if isinstance(argument, Undefined):
                str(argument)
        return test(*args, **options)

    return wrapped


@functools.cache
def _table() -> dict[str, Test]:
    """Jinja's and Ansible's tests."""
    known: dict[str, Any] = {**TESTS, **ANSIBLE}
    known.update({f"ansible.builtin.{name}": test for name, test in ANSIBLE.items()})
    return {**{name: _lenient(test) for name, test in known.items()}, "defined": _defined, "undefined": _undefined}


def install(table: dict[str, Any]) -> None:
    """Put the tests of the subset into `table`, a Jinja environment's, in the place of what it has."""
    table.clear()
    table.update(_table())
