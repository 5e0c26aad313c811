"""The filters of playbooks: Jinja's own, and those of Ansible's that the documented subset has.

A filter that is given something undefined answers with it, so that `(a | upper) | default("x")` works; only those in
`_ASK` look at it themselves.
"""

from __future__ import annotations

import base64
import datetime
import functools
import glob
import hashlib
import itertools
import json
import math
import ntpath
import os
import re
import shlex
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import yaml
from jinja2.filters import FILTERS
from jinja2.runtime import Undefined

Filter = Callable[..., Any]


class FilterError(Exception):
    """A filter can't use what it was given."""


def _is_list(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


# -- what is missing ------------------------------------------------------------------------------------------------


def _default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    if isinstance(value, Undefined) and type(value).__name__ != "BrokenMarker":
        return default_value
    if boolean and not isinstance(value, Undefined) and not value:
        return default_value
    return value


def _mandatory(value: Any, msg: str | None = None) -> Any:
    if isinstance(value, Undefined):
        name = value._undefined_name
        raise FilterError(msg or f"Mandatory variable {f'{name!r} ' if name else ''}not defined.")
    return value


def _ternary(value: Any, true_val: Any, false_val: Any, none_val: Any = None) -> Any:
    if isinstance(value, Undefined):
        return value
    if value is None and none_val is not None:
        return none_val
    return true_val if value else false_val


def _type_debug(value: Any) -> str:
    # What YAML gave carries its place in the file; it is a dict or a list all the same.
    kind = next((kind for kind in (dict, list) if isinstance(value, kind)), type(value))
    return kind.__name__


# -- JSON, YAML -----------------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """What json and yaml can write: sequences of any kind as lists, mappings as dicts; undefined parts raise."""
    if isinstance(value, Undefined):
        str(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if _is_list(value):
        return [_plain(item) for item in value]
    return value


def _to_json(value: Any, **options: Any) -> str:
    options.pop("vault_to_text", None)
    options.pop("preprocess_unsafe", None)
    return json.dumps(_plain(value), default=str, **options)


def _to_nice_json(value: Any, indent: int = 4, sort_keys: bool = True, **options: Any) -> str:
    options.pop("separators", None)
    return _to_json(value, indent=indent, sort_keys=sort_keys, separators=(",", ": "), **options)


def _from_json(text: Any, **_options: Any) -> Any:
    return json.loads(text)


def _to_yaml(value: Any, *_args: Any, default_flow_style: bool | None = None, **options: Any) -> str:
    text: str = yaml.dump(
        _plain(value), Dumper=yaml.SafeDumper, allow_unicode=True, default_flow_style=default_flow_style, **options
    )
    return text


def _to_nice_yaml(value: Any, indent: int = 4, *_args: Any, **options: Any) -> str:
    options.pop("default_flow_style", None)
    return _to_yaml(value, indent=indent, default_flow_style=False, **options)


def _from_yaml(text: Any) -> Any:
    return yaml.safe_load(text) if isinstance(text, str) else text


def _from_yaml_all(text: Any) -> Any:
    return list(yaml.safe_load_all(text)) if isinstance(text, str) else text or []


# -- text -----------------------------------------------------------------------------------------------------------


def _flags(ignorecase: bool, multiline: bool) -> int:
    return (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)


def _regex_replace(
    value: Any = "",
    pattern: str = "",
    replacement: Any = "",
    ignorecase: bool = False,
    multiline: bool = False,
    count: int = 0,
    mandatory_count: int = 0,
) -> str:
    text, number = re.compile(pattern, _flags(ignorecase, multiline)).subn(replacement, _as_text(value), count=count)
    if mandatory_count and mandatory_count != number:
        raise FilterError(f"{pattern!r} should match {mandatory_count} times, but matches {number} times")
    return text


def _regex_search(
    value: Any, regex: str, *groups: str, ignorecase: bool = False, multiline: bool = False
) -> str | list[Any] | None:
    wanted: list[str | int] = []
    for group in groups:
        named, numbered = re.fullmatch(r"\\g<(\S+)>", group), re.fullmatch(r"\\(\d+)", group)
        if not named and not numbered:
            raise FilterError(f"regex_search takes groups such as '\\\\1' or '\\\\g<name>', not {group!r}")
        wanted.append(named[1] if named else int(numbered[1] if numbered else 0))
    found = re.search(regex, _as_text(value), _flags(ignorecase, multiline))
    if not found:
        return None
    return [found.group(group) for group in wanted] if wanted else found.group()


def _regex_findall(value: Any, regex: str, multiline: bool = False, ignorecase: bool = False) -> list[Any]:
    return re.findall(regex, _as_text(value), _flags(ignorecase, multiline))


def _regex_escape(value: Any, re_type: str = "python") -> str:
    if re_type == "python":
        return re.escape(_as_text(value))
    if re_type == "posix_basic":
        return re.sub(r"([].[^$*\\])", r"\\\1", _as_text(value))
    raise FilterError(f"regex_escape knows the types python and posix_basic, not {re_type!r}")


def _split(value: Any, *args: Any, **options: Any) -> list[str]:
    return _as_text(value).split(*args, **options)


def _quote(value: Any) -> str:
    return shlex.quote("" if value is None else _as_text(value))


_COMMENTS = {
    "plain": ("", "# ", ""),
    "erlang": ("", "% ", ""),
    "c": ("", "// ", ""),
    "cblock": ("/*", " * ", " */"),
    "xml": ("<!--", " - ", "-->"),
}


def _comment(text: str, style: str = "plain", **options: Any) -> str:
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


def _b64encode(value: Any, encoding: str = "utf-8", urlsafe: bool = False) -> str:
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    return encode(value if isinstance(value, bytes) else _as_text(value).encode(encoding)).decode("ascii")


def _b64decode(value: Any, encoding: str = "utf-8", urlsafe: bool = False) -> str:
    decode = base64.urlsafe_b64decode if urlsafe else base64.b64decode
    return decode(value).decode(encoding)


def _hash(value: Any, hashtype: str = "sha1") -> str:
    try:
        digest = hashlib.new(hashtype)
    except ValueError:
        raise FilterError(f"there is no hash {hashtype!r}") from None
    digest.update(value if isinstance(value, bytes) else _as_text(value).encode())
    return digest.hexdigest()


def _urldecode(value: Any) -> str:
    return urllib.parse.unquote_plus(_as_text(value))


_UUIDS = uuid.UUID("361E6D51-FAEC-444A-9079-341386DA8E2E")  # Ansible's own: the same text gives the same id there


def _to_uuid(value: Any, namespace: Any = _UUIDS) -> str:
    return str(uuid.uuid5(namespace if isinstance(namespace, uuid.UUID) else uuid.UUID(namespace), _as_text(value)))


def _bool(value: Any) -> bool:
    text = str(value).lower() if isinstance(value, (str, int)) else ""
    return text in ("yes", "on", "true", "1") or value == 1


# -- paths ----------------------------------------------------------------------------------------------------------


def _on_path(function: Callable[..., Any]) -> Filter:
    return lambda value, *args: function(_as_text(value), *args)


def _splitext(value: Any) -> list[str]:
    return list(os.path.splitext(_as_text(value)))  # noqa: PTH122  # text in, text out, as Ansible's filter


def _path_join(paths: Any) -> str:
    return os.path.join(paths) if isinstance(paths, str) else os.path.join(*paths)  # noqa: PTH118  # text, not a Path


def _fileglob(pattern: str) -> list[str]:
    return [name for name in glob.glob(pattern) if Path(name).is_file()]  # noqa: PTH207  # the pattern may be absolute


# -- lists and mappings ---------------------------------------------------------------------------------------------


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


def _combine(*terms: Any, recursive: bool = False, list_merge: str = "replace") -> Any:
    mappings = _flatten(terms, levels=1)
    for mapping in mappings:
        if not isinstance(mapping, Mapping):
            raise FilterError(f"combine takes mappings, not {type(mapping).__name__}")
    if not mappings:
        return {}
    return functools.reduce(lambda low, high: _merge(low, high, recursive, list_merge), mappings)


def _dict2items(value: Any, key_name: str = "key", value_name: str = "value") -> list[dict[str, Any]]:
    if not isinstance(value, Mapping):
        raise FilterError(f"dict2items takes a mapping, not {type(value).__name__}")
    return [{key_name: key, value_name: item} for key, item in value.items()]


def _items2dict(value: Any, key_name: str = "key", value_name: str = "value") -> dict[Any, Any]:
    if not _is_list(value):
        raise FilterError(f"items2dict takes a list, not {type(value).__name__}")
    try:
        return {item[key_name]: item[value_name] for item in value}
    except (KeyError, TypeError):
        raise FilterError(f"items2dict takes mappings with the keys {key_name!r} and {value_name!r}") from None


def _flatten(items: Iterable[Any], levels: int | None = None, skip_nulls: bool = True) -> list[Any]:
    result: list[Any] = []
    for item in items:
        if skip_nulls and (item is None or item in ("None", "null")):
            continue
        if _is_list(item) and (levels is None or levels >= 1):
            result.extend(_flatten(item, None if levels is None else int(levels) - 1, skip_nulls))
        else:
            result.append(item)
    return result


def _subelements(value: Any, path: str | Sequence[str], skip_missing: bool = False) -> list[list[Any]]:
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
        if not _is_list(found):
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


def _unique(items: Iterable[Any], case_sensitive: bool | None = None, attribute: str | None = None) -> list[Any]:
    if attribute is None and case_sensitive in (None, True):
        return _distinct(items)

    def key(item: Any) -> Any:
        part = item if attribute is None else item[attribute]
        return part.lower() if not case_sensitive and isinstance(part, str) else part

    result: dict[Any, Any] = {}
    for item in items:
        result.setdefault(key(item), item)
    return list(result.values())


def _union(left: Iterable[Any], right: Iterable[Any]) -> list[Any]:
    return _distinct([*left, *right])


def _intersect(left: Iterable[Any], right: Iterable[Any]) -> list[Any]:
    kept = list(right)
    return _distinct(item for item in left if item in kept)


def _difference(left: Iterable[Any], right: Iterable[Any]) -> list[Any]:
    dropped = list(right)
    return _distinct(item for item in left if item not in dropped)


def _symmetric_difference(left: Iterable[Any], right: Iterable[Any]) -> list[Any]:
    one, other = list(left), list(right)
    return _distinct([*(item for item in one if item not in other), *(item for item in other if item not in one)])


def _zip(*lists: Iterable[Any]) -> list[list[Any]]:
    return [list(row) for row in zip(*lists, strict=False)]


def _zip_longest(*lists: Iterable[Any], fillvalue: Any = None) -> list[list[Any]]:
    return [list(row) for row in itertools.zip_longest(*lists, fillvalue=fillvalue)]


def _product(*lists: Iterable[Any], repeat: int = 1) -> list[list[Any]]:
    return [list(row) for row in itertools.product(*lists, repeat=repeat)]


def _combinations(items: Iterable[Any], size: int) -> list[list[Any]]:
    return [list(row) for row in itertools.combinations(items, size)]


def _permutations(items: Iterable[Any], size: int | None = None) -> list[list[Any]]:
    return [list(row) for row in itertools.permutations(items, size)]


@jinja2.pass_environment
def _extract(environment: jinja2.Environment, key: Any, container: Any, morekeys: Any = None) -> Any:
    keys = [key, *(morekeys if isinstance(morekeys, list) else [] if morekeys is None else [morekeys])]
    for one in keys:
        container = environment.getitem(container, one)
    return container


# -- numbers and times ----------------------------------------------------------------------------------------------


def _log(value: float, base: float = math.e) -> float:
    return math.log10(value) if base == 10 else math.log(value, base)


def _power(value: float, exponent: float) -> float:
    return math.pow(value, exponent)


def _root(value: float, base: float = 2) -> float:
    return math.sqrt(value) if base == 2 else math.pow(value, 1.0 / float(base))


_UNITS = {"Y": 80, "Z": 70, "E": 60, "P": 50, "T": 40, "G": 30, "M": 20, "K": 10, "B": 0}


def _human_readable(size: Any, isbits: bool = False, unit: str | None = None) -> str:
    base = "bits" if isbits else "Bytes"
    for suffix, power in _UNITS.items():
        limit = 1 << power
        if (unit is None and float(size) >= limit) or (unit is not None and unit.upper() == suffix[0]):
            break
    name = base if power == 0 else suffix + ("b" if isbits else "B")
    return f"{float(size) / limit:.2f} {name}"


def _human_to_bytes(size: Any, default_unit: str | None = None, isbits: bool = False) -> int:
    match = re.match(r"^\s*(\d*\.?\d*)\s*([A-Za-z]+)?", str(size), flags=re.IGNORECASE)
    if not match or not match[1]:
        raise FilterError(f"human_to_bytes can't read {size!r}")
    unit = match[2] or default_unit
    if not unit:
        return round(float(match[1]))
    suffix = unit[0].upper()
    if suffix not in _UNITS:
        raise FilterError(f"human_to_bytes can't read the unit of {size!r}")
    del isbits  # bits and bytes are scaled alike
    return round(float(match[1]) * (1 << _UNITS[suffix]))


def _to_datetime(text: str, format: str = "%Y-%m-%d %H:%M:%S") -> datetime.datetime:
    return datetime.datetime.strptime(text, format)


def _strftime(format: str, second: Any = None, utc: bool = False) -> str:
    moment = None if second is None else float(second)
    return time.strftime(format, time.gmtime(moment) if utc else time.localtime(moment))


# -- the table ------------------------------------------------------------------------------------------------------

ANSIBLE: dict[str, Filter] = {
    "b64decode": _b64decode,
    "b64encode": _b64encode,
    "basename": _on_path(os.path.basename),  # text in, text out
    "bool": _bool,
    "checksum": _hash,
    "combinations": _combinations,
    "combine": _combine,
    "comment": _comment,
    "commonpath": os.path.commonpath,
    "d": _default,
    "default": _default,
    "dict2items": _dict2items,
    "difference": _difference,
    "dirname": _on_path(os.path.dirname),  # text in, text out
    "expanduser": _on_path(os.path.expanduser),  # text in, text out
    "expandvars": _on_path(os.path.expandvars),
    "extract": _extract,
    "fileglob": _fileglob,
    "flatten": _flatten,
    "from_json": _from_json,
    "from_yaml": _from_yaml,
    "from_yaml_all": _from_yaml_all,
    "hash": _hash,
    "human_readable": _human_readable,
    "human_to_bytes": _human_to_bytes,
    "intersect": _intersect,
    "items2dict": _items2dict,
    "log": _log,
    "mandatory": _mandatory,
    "md5": functools.partial(_hash, hashtype="md5"),
    "normpath": _on_path(os.path.normpath),
    "path_join": _path_join,
    "permutations": _permutations,
    "pow": _power,
    "product": _product,
    "quote": _quote,
    "realpath": _on_path(os.path.realpath),
    "regex_escape": _regex_escape,
    "regex_findall": _regex_findall,
    "regex_replace": _regex_replace,
    "regex_search": _regex_search,
    "relpath": _on_path(os.path.relpath),
    "root": _root,
    "sha1": _hash,
    "split": _split,
    "splitext": _splitext,
    "strftime": _strftime,
    "subelements": _subelements,
    "symmetric_difference": _symmetric_difference,
    "ternary": _ternary,
    "to_datetime": _to_datetime,
    "to_json": _to_json,
    "to_nice_json": _to_nice_json,
    "to_nice_yaml": _to_nice_yaml,
    "to_uuid": _to_uuid,
    "to_yaml": _to_yaml,
    "type_debug": _type_debug,
    "union": _union,
    "unique": _unique,
    "urldecode": _urldecode,
    "win_basename": _on_path(ntpath.basename),
    "zip": _zip,
    "zip_longest": _zip_longest,
}

REFUSED = {
    "password_hash": "it needs passlib, and a new salt would change the file on every run",
    "random": "its result changes on every run",
    "shuffle": "its result changes on every run",
    "vault": "vaults are outside the subset",
    "unvault": "vaults are outside the subset",
}

# These look at what is undefined themselves.
_ASK = frozenset(
    [
        "d",
        "default",
        "mandatory",
        "ternary",
        "type_debug",
        "list",
        "map",
        "select",
        "selectattr",
        "reject",
        "rejectattr",
        "first",
        "last",
        "length",
        "count",
    ]
)


def _lenient(function: Filter) -> Filter:
    """`function`, but an undefined argument is its answer, and a lazy result becomes a list."""
    skipped = 1 if hasattr(function, "jinja_pass_arg") else 0

    @functools.wraps(function)
    def wrapped(*args: Any, **options: Any) -> Any:
        for argument in args[skipped:]:
            if isinstance(argument, Undefined):
                return argument
        return _listed(function(*args, **options))

    return wrapped


def _listing(function: Filter) -> Filter:
    """`function`, but a lazy result becomes a list."""

    @functools.wraps(function)
    def wrapped(*args: Any, **options: Any) -> Any:
        return _listed(function(*args, **options))

    return wrapped


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, Iterator) else value


def _named(qualified: dict[str, Filter]) -> dict[str, Filter]:
    return {**qualified, **{f"ansible.builtin.{name}": function for name, function in qualified.items()}}


@functools.cache
def _table() -> dict[str, Filter]:
    """Jinja's and Ansible's filters, all treating undefined values as Ansible does."""
    known = {name: function for name, function in FILTERS.items() if name not in REFUSED}
    known.update(_named(ANSIBLE))
    return {
        name: (_listing if name.rpartition(".")[2] in _ASK else _lenient)(function) for name, function in known.items()
    }


def install(table: dict[str, Any]) -> None:
    """Put the filters of the subset into `table`, a Jinja environment's, in the place of what it has."""
    table.clear()
    table.update(_table())
