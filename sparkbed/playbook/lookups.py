"""`lookup(kind, terms)` in templates: env, file and vars."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
from jinja2.runtime import Context
from jinja2.utils import missing

from sparkbed.playbook.actions import find_file
from sparkbed.playbook.templating import SCOPE, Constant, TemplateError, final


@jinja2.pass_context
def lookup(context: Context, kind: str, *terms: Any, wantlist: bool = False, **options: Any) -> Any:
    """What Ansible's lookup of that name gives: texts joined by commas, or a list if `wantlist`."""
    name = kind.rpartition(".")[2]
    if name not in KINDS:
        raise TemplateError(f"lookup {kind!r} is outside the subset; it has {', '.join(sorted(KINDS))}")
    names = context.parent[SCOPE]
    known = [final(names.templates.render(term, names)) if isinstance(term, Constant) else term for term in terms]
    flat = [one for term in known for one in (term if isinstance(term, list) else [term])]
    found = [KINDS[name](context.parent[SCOPE], term, options) for term in flat]
    if wantlist:
        return found
    if len(found) == 1:
        return found[0]
    # Only texts are joined.
    return ",".join(found) if all(isinstance(one, str) for one in found) else found


def _env(_scope: Any, term: Any, options: dict[str, Any]) -> Any:
    return os.environ.get(str(term), options.get("default", ""))


def _file(scope: Any, term: Any, options: dict[str, Any]) -> str:
    path = find_file(search_path(scope), "files", str(term))
    text = path.read_text(encoding="utf-8")
    return text.rstrip() if options.get("rstrip", True) else text


def search_path(scope: Any) -> list[Path]:
    """Where the task of `scope` looks for files."""
    found = scope.resolve("ansible_search_path")
    return [scope.folder.absolute()] if found is missing else [Path(path) for path in found]


def _vars(scope: Any, term: Any, options: dict[str, Any]) -> Any:
    value = scope.resolve(str(term))
    if value is missing:
        if options.get("default") is not None:
            return options["default"]
        raise TemplateError(f"No variable named {term!r} was found.")
    return value


KINDS: dict[str, Callable[[Any, Any, dict[str, Any]], Any]] = {"env": _env, "file": _file, "vars": _vars}
