"""Filters of text and of paths."""

from __future__ import annotations

import base64
import glob
import hashlib
import os
import re
import shlex
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sparkbed.playbook.filters.base import FilterError, as_text


def _flags(ignorecase: bool, multiline: bool) -> int:
    return (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)


def regex_replace(
    value: Any = "",
    pattern: str = "",
    replacement: Any = "",
    ignorecase: bool = False,
    multiline: bool = False,
    count: int = 0,
    mandatory_count: int = 0,
) -> str:
    text, number = re.compile(pattern, _flags(ignorecase, multiline)).subn(replacement, as_text(value), count=count)
    if mandatory_count and mandatory_count != number:
        raise FilterError(f"{pattern!r} should match {mandatory_count} times, but matches {number} times")
    return text


def regex_search(
    value: Any, regex: str, *groups: str, ignorecase: bool = False, multiline: bool = False
) -> str | list[Any] | None:
    wanted: list[str | int] = []
    for group in groups:
        named, numbered = re.fullmatch(r"\\g<(\S+)>", group), re.fullmatch(r"\\(\d+)", group)
        if not named and not numbered:
            raise FilterError(f"regex_search takes groups such as '\\\\1' or '\\\\g<name>', not {group!r}")
        wanted.append(named[1] if named else int(numbered[1] if numbered else 0))
    found = re.search(regex, as_text(value), _flags(ignorecase, multiline))
    if not found:
        return None
    return [found.group(group) for group in wanted] if wanted else found.group()


def regex_findall(value: Any, regex: str, multiline: bool = False, ignorecase: bool = False) -> list[Any]:
    return re.findall(regex, as_text(value), _flags(ignorecase, multiline))


def regex_escape(value: Any, re_type: str = "python") -> str:
    if re_type == "python":
        return re.escape(as_text(value))
    if re_type == "posix_basic":
        return re.sub(r"([].[^$*\\])", r"\\\1", as_text(value))
    raise FilterError(f"regex_escape knows the types python and posix_basic, not {re_type!r}")


def split(value: Any, *args: Any, **options: Any) -> list[str]:
    return str.split(value, *args, **options)


def quote(value: Any) -> str:
    return shlex.quote("" if value is None else as_text(value))


_COMMENTS = {
    "plain": ("", "# ", ""),
    "erlang": ("", "% ", ""),
    "c": ("", "// ", ""),
    "cblock": ("/*", " * ", " */"),
    "xml": ("<!--", " - ", "-->"),
}


def comment(text: str, style: str = "plain", **options: Any) -> str:
    if style not in _COMMENTS:
        raise FilterError(f"comment knows the styles {', '.join(_COMMENTS)}, not {style!r}")
    beginning, decoration, end = _COMMENTS[style]
    newline = options.get("newline", "\n")
    edge = options.get("decoration", decoration).rstrip()
    beginning, end = options.get("beginning", beginning), options.get("end", end)
    prefix, postfix = options.get("prefix", edge), options.get("postfix", edge)
    decoration = options.get("decoration", decoration)
    before = (
        (prefix + newline if prefix != newline else newline) * int(options.get("prefix_count", 1)) if prefix else ""
    )
    body = decoration + text.replace(newline, newline + decoration)
    body = body.replace(decoration + newline, decoration.rstrip() + newline)
    after = (newline + postfix) * int(options.get("postfix_count", 1))
    return f"{beginning + newline if beginning else ''}{before}{body}{after}{newline + end if end else ''}"


def b64encode(value: Any, encoding: str = "utf-8", urlsafe: bool = False) -> str:
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    return encode(value if isinstance(value, bytes) else as_text(value).encode(encoding)).decode("ascii")


def b64decode(value: Any, encoding: str = "utf-8", urlsafe: bool = False) -> str:
    decode = base64.urlsafe_b64decode if urlsafe else base64.b64decode
    return decode(value).decode(encoding, "surrogateescape")


def digest(value: Any, hashtype: str = "sha1") -> str:
    try:
        digest = hashlib.new(hashtype)
    except ValueError:
        raise FilterError(f"there is no hash {hashtype!r}") from None
    digest.update(value if isinstance(value, bytes) else as_text(value).encode())
    return digest.hexdigest()


def urldecode(value: Any) -> str:
    return urllib.parse.unquote_plus(as_text(value))


_UUIDS = "361E6D51-FAEC-444A-9079-341386DA8E2E"  # Ansible's own: the same text gives the same id there


def urlsplit(value: Any, query: str = "") -> Any:
    parts = urllib.parse.urlsplit(value)
    names = ("fragment", "hostname", "netloc", "password", "path", "port", "query", "scheme", "username")
    if not query:
        return {name: getattr(parts, name) for name in names}
    if query not in names:
        raise FilterError(f"urlsplit knows {', '.join(names)}, not {query!r}")
    return getattr(parts, query)


def to_uuid(value: Any, namespace: Any = _UUIDS) -> str:
    import uuid  # 3 ms of a start: it looks at what system this is

    return str(uuid.uuid5(namespace if isinstance(namespace, uuid.UUID) else uuid.UUID(namespace), as_text(value)))


def as_bool(value: Any) -> bool:
    text = str(value).lower() if isinstance(value, (str, int)) else ""
    return text in ("yes", "on", "true", "1") or value == 1


def on_path(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda value, *args: function(value, *args)


def splitext(value: Any) -> list[str]:
    return list(os.path.splitext(as_text(value)))  # noqa: PTH122  # text in, text out, as Ansible's filter


def path_join(paths: Any) -> str:
    return os.path.join(paths) if isinstance(paths, str) else os.path.join(*paths)  # noqa: PTH118  # text, not a Path


def fileglob(pattern: str) -> list[str]:
    return [name for name in glob.glob(pattern) if Path(name).is_file()]  # noqa: PTH207  # the pattern may be absolute
