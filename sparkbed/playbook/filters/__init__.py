"""The filters of playbooks: Jinja's own, and those of Ansible's that the documented subset has.

A filter that is given something undefined answers with it, so that `(a | upper) | default("x")` works; only those in
`_ASK` look at it themselves.
"""

from __future__ import annotations

import functools
import ntpath
import os
from collections.abc import Callable, Iterator
from typing import Any

from jinja2.filters import FILTERS

from sparkbed.playbook.filters import data, formats, numbers, text
from sparkbed.playbook.filters.base import FilterError as FilterError
from sparkbed.playbook.markers import Marker

Filter = Callable[..., Any]

ANSIBLE: dict[str, Filter] = {
    "b64decode": text.b64decode,
    "b64encode": text.b64encode,
    "basename": text.on_path(os.path.basename),  # text in, text out
    "bool": text.as_bool,
    "checksum": text.digest,
    "combinations": data.combinations,
    "combine": data.combine,
    "comment": text.comment,
    "commonpath": os.path.commonpath,
    "d": data.default,
    "default": data.default,
    "dict2items": data.dict2items,
    "difference": data.difference,
    "dirname": text.on_path(os.path.dirname),  # text in, text out
    "expanduser": text.on_path(os.path.expanduser),  # text in, text out
    "expandvars": text.on_path(os.path.expandvars),
    "extract": data.extract,
    "fileglob": text.fileglob,
    "flatten": data.flatten,
    "from_json": formats.from_json,
    "from_yaml": formats.from_yaml,
    "from_yaml_all": formats.from_yaml_all,
    "groupby": data.groupby,
    "hash": text.digest,
    "human_readable": numbers.human_readable,
    "human_to_bytes": numbers.human_to_bytes,
    "intersect": data.intersect,
    "items2dict": data.items2dict,
    "log": numbers.log,
    "mandatory": data.mandatory,
    "md5": functools.partial(text.digest, hashtype="md5"),
    "normpath": text.on_path(os.path.normpath),
    "path_join": text.path_join,
    "permutations": data.permutations,
    "pow": numbers.power,
    "pprint": formats.pprint,
    "product": data.product,
    "quote": text.quote,
    "random": data.random,
    "realpath": text.on_path(os.path.realpath),
    "regex_escape": text.regex_escape,
    "regex_findall": text.regex_findall,
    "regex_replace": text.regex_replace,
    "regex_search": text.regex_search,
    "rekey_on_member": data.rekey_on_member,
    "relpath": text.on_path(os.path.relpath),
    "root": numbers.root,
    "sha1": text.digest,
    "shuffle": data.shuffle,
    "split": text.split,
    "splitext": text.splitext,
    "strftime": numbers.strftime,
    "subelements": data.subelements,
    "symmetric_difference": data.symmetric_difference,
    "ternary": data.ternary,
    "to_datetime": numbers.to_datetime,
    "to_json": formats.to_json,
    "to_nice_json": formats.to_nice_json,
    "to_nice_yaml": formats.to_nice_yaml,
    "to_uuid": text.to_uuid,
    "to_yaml": formats.to_yaml,
    "type_debug": data.type_debug,
    "union": data.union,
    "unique": data.unique,
    "urldecode": text.urldecode,
    "urlsplit": text.urlsplit,
    "win_basename": text.on_path(ntpath.basename),
    "win_dirname": text.on_path(ntpath.dirname),
    "win_splitdrive": text.on_path(lambda path: list(ntpath.splitdrive(path))),
    "zip": data.zipped,
    "zip_longest": data.zip_longest,
}

REFUSED = {
    "password_hash": "it needs passlib, and a new salt would change the file on every run",
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
            if isinstance(argument, Marker):
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
    known = _named({**{name: function for name, function in FILTERS.items() if name not in REFUSED}, **ANSIBLE})
    return {
        name: (_listing if name.rpartition(".")[2] in _ASK else _lenient)(function) for name, function in known.items()
    }


def install(table: dict[str, Any]) -> None:
    """Put the filters of the subset into `table`, a Jinja environment's, in the place of what it has."""
    table.clear()
    table.update(_table())
