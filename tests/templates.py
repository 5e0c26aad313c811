"""Jinja2 as ansible.builtin.template sets it up, for tests that render a template by itself."""

from __future__ import annotations

import shlex
from pathlib import Path

import jinja2


def templates_in(folder: Path) -> jinja2.Environment:
    """The templates of a folder. Undefined names are errors, and the filter `quote` is there."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quote"] = lambda value: shlex.quote(str(value))
    return environment
