"""The tests of playbooks (`x is ...`): Jinja's own, and those of Ansible's that the documented subset has."""

from __future__ import annotations

import functools
import math
import operator
import os
import re
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from jinja2.runtime import Undefined
from jinja2.tests import TESTS

from sparkbed.playbook import versions
from sparkbed.playbook.markers import BrokenMarker, Marker

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


def _finished(value: Any) -> bool:
    """Whether an asynchronous task is done; any other task is."""
    return bool(_result("finished", value).get("finished", True))


def _started(value: Any) -> bool:
    return bool(_result("started", value).get("started", True))


def _timedout(value: Any) -> bool:
    after = _result("timedout", value).get("timedout")
    return bool(after and after.get("period"))


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


def _version(
    value: Any, version: Any, operator: str = "eq", strict: Any = None, version_type: str | None = None
) -> bool:
    if strict is not None and version_type is not None:
        raise TestError("Cannot specify both 'strict' and 'version_type'")
    if not value or not version:
        raise TestError("a version to compare can't be empty")
    kind = "strict" if strict else version_type or "loose"
    if kind not in versions.KINDS:
        raise TestError(f"Invalid version type ({kind}). Must be one of {', '.join(versions.KINDS)}")
    if operator not in _OPERATORS:
        raise TestError(f"Invalid operator type ({operator}). Must be one of {', '.join(_OPERATORS)}")
    read = versions.KINDS[kind]
    try:
        return bool(_OPERATORS[operator](read(str(value)), read(str(version))))
    except (TypeError, ValueError) as error:
        raise TestError(f"Version comparison failed: {error}") from None


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


def _uri(value: Any, schemes: Any = None) -> bool:
    try:
        scheme = urllib.parse.urlparse(value).scheme
    except (ValueError, AttributeError, TypeError):
        return False
    return not schemes or scheme in schemes


def _url(value: Any, schemes: Any = None) -> bool:
    if not _uri(value, schemes):
        return False
    parts = urllib.parse.urlparse(value)
    return bool(parts.netloc or parts.scheme == "file")


def _urn(value: Any) -> bool:
    return _uri(value, ["urn"])


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
    "finished": _finished,
    "is_abs": os.path.isabs,  # texts
    "is_dir": os.path.isdir,  # texts
    "is_file": os.path.isfile,  # texts
    "is_mount": os.path.ismount,  # texts
    "is_link": os.path.islink,  # texts
    "is_same_file": _same_file,
    "isnan": _nan,
    "issubset": _subset,
    "issuperset": _superset,
    "link": os.path.islink,  # texts
    "link_exists": os.path.lexists,
    "match": _match,
    "mount": os.path.ismount,  # texts
    "nan": _nan,
    "reachable": _reachable,
    "regex": _regex,
    "same_file": _same_file,
    "search": _search,
    "skip": _skipped,
    "skipped": _skipped,
    "started": _started,
    "subset": _subset,
    "succeeded": _succeeded,
    "success": _succeeded,
    "successful": _succeeded,
    "superset": _superset,
    "timedout": _timedout,
    "truthy": _truthy,
    "unreachable": _unreachable,
    "uri": _uri,
    "url": _url,
    "urn": _urn,
    "version": _version,
    "version_compare": _version,
}


def _defined(value: Any) -> Any:
    return _known(value, not isinstance(value, Undefined))


def _undefined(value: Any) -> Any:
    return _known(value, isinstance(value, Undefined))


def _known(value: Any, answer: bool) -> Any:
    """Whether a broken template is defined can't be said: its error is the answer."""
    if isinstance(value, BrokenMarker):
        str(value)
    return answer


def _lenient(test: Test) -> Test:
    """`test`, but a question about something undefined raises its error."""
    skipped = 1 if hasattr(test, "jinja_pass_arg") else 0

    @functools.wraps(test)
    def wrapped(*args: Any, **options: Any) -> Any:
        for argument in args[skipped:]:
            if isinstance(argument, Marker):
                str(argument)
        return test(*args, **options)

    return wrapped


@functools.cache
def _table() -> dict[str, Test]:
    """Jinja's and Ansible's tests."""
    known: dict[str, Any] = {**TESTS, **ANSIBLE}
    table = {**{name: _lenient(test) for name, test in known.items()}, "defined": _defined, "undefined": _undefined}
    return {**table, **{f"ansible.builtin.{name}": test for name, test in table.items()}}


def install(table: dict[str, Any]) -> None:
    """Put the tests of the subset into `table`, a Jinja environment's, in the place of what it has."""
    table.clear()
    table.update(_table())
