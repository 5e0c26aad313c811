"""`inv compare`, and what `run-suite --against` asks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from fnmatch import fnmatchcase
from typing import Any

from sparkbed.errors import UsageError
from sparkbed.home import Home
from sparkbed.nearest import nearest
from sparkbed.table import table
from sparkbed.verbs.campaigns import campaign_of, is_file

FORMATS = ("table", "md", "json")


def compare(wanted: Sequence[str], metric: str, form: str) -> None:
    """Print the campaigns, or cells, side by side.

    Raises:
        UsageError: for fewer than two of them, unknown ones, or when they have nothing in common.
    """
    from analysis import compare as comparison
    from analysis.text import as_json

    if form not in FORMATS:
        raise UsageError(f"there is no format {form!r}", hint=nearest(form, FORMATS, every="There are"))
    if len(wanted) < 2:
        raise UsageError(
            "compare takes two campaigns or more", hint="For example: ./inv compare quick-20261120 quick-20261121"
        )
    with ExitStack() as stack:
        sides = [_chosen(stack, word) for word in wanted]
    found = comparison.compared(sides, metric)
    if not any(any(row["sides"][1:]) for row in found["rows"]):
        raise UsageError(
            "they have no cell in common: cells are matched by their content",
            hint="Name one cell of each to compare them all the same: CAMPAIGN:CELL, by its id or label.",
        )
    measured = {name for side in sides for cell in side.data["cells"] for name in cell["metrics"]}
    if found["metric"] not in measured:
        raise UsageError(
            f"there is no metric {found['metric']!r}",
            hint=nearest(found["metric"], sorted(measured), every="There are"),
        )
    if form == "json":
        print(as_json(found), end="")
    elif form == "md":
        print(comparison.as_markdown(found), end="")
    else:
        table(*comparison.table(found))
        for note in comparison.notes(found):
            print(f"\n{note}")


def _chosen(stack: ExitStack, word: str) -> Any:
    from analysis.compare import Chosen
    from analysis.report import measured

    campaign, _, cell = (word, "", "") if is_file(word) else word.partition(":")
    store, found = stack.enter_context(campaign_of(Home(), campaign))
    data = measured(store, found.id)
    return Chosen(data, _cell(data, cell) if cell else None)


def _cell(data: Mapping[str, Any], wanted: str) -> Any:
    """The cell whose id begins with `wanted`, or whose label is that or matches it."""
    cells = data["cells"]
    found = [cell for cell in cells if cell["label"] == wanted]
    found = found or [c for c in cells if c["id"].startswith(wanted) or fnmatchcase(c["label"], wanted)]
    if len(found) != 1:
        known = "; ".join(f"{cell['id']} ({cell['label']})" for cell in cells[:12])
        what = f"{len(found)} cells match {wanted!r}" if found else f"there is no cell {wanted!r}"
        raise UsageError(f"{what} in {data['campaign']['id']}", hint=f"It has: {known}.")
    return found[0]


def share(text: str, flag: str) -> float:
    """`5%`, `5 %` or `0.05` as 0.05.

    Raises:
        UsageError: for anything else, or a share that is not above 0 and below 1.
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(%?)", text.strip())
    value = float(found[1]) / (100 if found[2] else 1) if found else 0.0
    if not 0 < value < 1:
        raise UsageError(f"{flag} must be a share such as 5%, not {text!r}", hint=f"For example: {flag} 5%")
    return value
