"""`lookup(kind, terms)` in templates, `query`, and the `with_` forms of loops: one table of kinds for all."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import jinja2
from jinja2.runtime import Context
from jinja2.utils import missing

from sparkbed.inventory import patterns
from sparkbed.playbook import lookup_files, lookup_lists
from sparkbed.playbook.lookup_files import search_path
from sparkbed.playbook.templating import Constant, TemplateError, final, names_of

__all__ = ["KINDS", "REFUSED", "lookup", "run", "search_path"]

Options = Mapping[str, Any]
Kind = Callable[[Any, "list[Any]", Options], "list[Any]"]


@jinja2.pass_context
def lookup(
    context: Context, kind: str, *terms: Any, wantlist: bool = False, errors: str = "strict", **options: Any
) -> Any:
    """What Ansible's lookup of that name gives: one value, texts joined by commas, or a list if `wantlist`."""
    names = names_of(context)
    try:
        # A text that the author wrote as a term may hold a template itself.
        known = [names.templates.render(term, names) if isinstance(term, Constant) else term for term in terms]
        found = run(kind, [final(term) for term in known], names, options)
    except TemplateError:
        if errors == "strict":
            raise
        return [] if wantlist else None
    if wantlist or not found:
        return found
    if len(found) == 1:
        return found[0]
    return ",".join(found) if all(isinstance(one, str) for one in found) else found


def run(kind: str, terms: list[Any], scope: Any, options: Options | None = None) -> list[Any]:
    """What the lookup of that name finds.

    Raises:
        TemplateError: when it is outside the subset, or finds nothing where it must.
    """
    name = kind.removeprefix("ansible.builtin.").removeprefix("community.general.")
    if name not in KINDS:
        why = REFUSED.get(name, f"it has {', '.join(sorted(KINDS))}")
        raise TemplateError(f"lookup {kind!r} is outside the subset: {why}")
    return KINDS[name](scope, terms, options or {})


def _each(one: Callable[[Any, Any, Options], Any]) -> Kind:
    """A lookup that answers for each term by itself; a list in the terms stands for its members."""

    def every(scope: Any, terms: list[Any], options: Options) -> list[Any]:
        found: list[Any] = []
        for term in lookup_lists.items(terms):
            value = one(scope, term, options)
            found.extend(value if isinstance(value, list) else [value])
        return found

    return every


def _whole(one: Callable[[list[Any]], list[Any]]) -> Kind:
    """A lookup that asks nothing but its terms."""
    return lambda _scope, terms, _options: one(terms)


def _env(_scope: Any, term: Any, options: Options) -> Any:
    return os.environ.get(str(term).split()[0], options.get("default", ""))


def _vars(scope: Any, terms: list[Any], options: Options) -> list[Any]:
    found = []
    for term in lookup_lists.items(terms):
        if not isinstance(term, str):
            raise TemplateError(f"Variable name must be 'str' not {type(term).__name__!r}.")
        value = scope.resolve(term)
        if value is missing:
            if options.get("default") is None:
                raise TemplateError(f"No variable named {term!r} was found.")
            value = options["default"]
        found.append(value)
    return found


def _inventory_hostnames(scope: Any, terms: list[Any], _options: Options) -> list[Any]:
    groups = scope.resolve("groups")
    return patterns.select(",".join(str(term) for term in terms), groups, groups["all"], strict=False)


KINDS: dict[str, Kind] = {
    "cartesian": _whole(lookup_lists.cartesian),
    "csvfile": _each(lookup_files.csvfile),
    "dict": _whole(lookup_lists.dict_),
    "env": _each(_env),
    "file": _each(lookup_files.file),
    "fileglob": lookup_files.fileglob,
    "first_found": lookup_files.first_found,
    "flattened": _whole(lookup_lists.flattened),
    "indexed_items": _whole(lookup_lists.indexed_items),
    "ini": _each(lookup_files.ini),
    "inventory_hostnames": _inventory_hostnames,
    "items": _whole(lookup_lists.items),
    "lines": lookup_files.lines,
    "list": _whole(list),
    "nested": _whole(lookup_lists.nested),
    "pipe": _each(lookup_files.pipe),
    "sequence": _whole(lookup_lists.sequence),
    "subelements": _whole(lookup_lists.subelements),
    "template": lookup_files.template,
    "together": _whole(lookup_lists.together),
    "url": _each(lookup_files.url),
    "vars": _vars,
}
"""By name: what finds a list, from a scope, terms and options."""

REFUSED = {
    "password": "it would make another one for every host and keep it in a file",
    "random_choice": "its result changes on every run; `random(seed=inventory_hostname)` gives the same one again",
    "unvault": "vaults aren't read here",
}
"""Lookups that the subset leaves out for a reason of their own."""
