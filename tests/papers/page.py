"""docs/papers.md: each paper's experiments, and the suites that repeat them. `python -m tests.papers` writes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from analysis.published import Experiment, Paper, papers
from sparkbed import documents
from sparkbed.suite import find, names
from sparkbed.suite.paper import words_of_one

FILE = Path(__file__).parents[2] / "docs" / "papers.md"
_TOP = """
# The papers, and how far each experiment is repeated

<!-- Made from analysis/published/ and suites/ by `python -m tests.papers`; a test holds them together. -->

Five papers must be repeatable here. Their tables are data in `analysis/published/` (values as printed, misprints
flagged); a suite's key [`paper`](suites.md) says which experiment it repeats, and its report puts the paper's table
beside ours. The states:

- **repeated**: the suite runs it end to end on real components of that kind;
- **repeated by substitute**: on the substitute that is named;
- **prepared**: suite and control path are there and tested; what it still needs is named;
- **not yet**: no suite of ours is about it.
"""


def declared() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Suites in suites/ with their states, by paper and experiment."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name in names():
        document = documents.load(find(name))
        said = document.get("paper")
        for one in said if isinstance(said, list) else [said] if said else []:
            state = words_of_one(one).partition(": ")[2]
            found.setdefault((one["key"], one["experiment"]), []).append((name, state))
    return found


def page(suites: Mapping[tuple[str, str], list[tuple[str, str]]], every: Iterable[Paper] | None = None) -> str:
    lines = [_TOP.strip(), ""]
    for paper in papers() if every is None else every:
        year = f", {paper.year}" if paper.year else ""
        lines += [f"## {paper.key}: {paper.title}", "", f"{', '.join(paper.authors)}{year}.", ""]
        lines += ["| experiment | what | where | state | suite |", "|---|---|---|---|---|"]
        lines += [_row(one, suites.get((paper.key, one.key), [])) for one in paper.experiments]
        lines += ["", *_flagged(paper)]
    return "\n".join(lines).rstrip() + "\n"


def _row(experiment: Experiment, suites: list[tuple[str, str]]) -> str:
    where = f"{experiment.where}; {experiment.shows}" if experiment.shows else experiment.where
    states = "<br>".join(state for _, state in suites) or "not yet"
    runs = "<br>".join(dict.fromkeys(f"`{name}`" for name, _ in suites))
    return f"| `{experiment.key}` | {experiment.title} | {where} | {states} | {runs} |".replace("|  |", "| |")


def _flagged(paper: Paper) -> list[str]:
    """What the paper has printed wrong, in its tables and beside them."""
    reasons: dict[tuple[str, str], None] = {}
    for table in paper.tables:
        for axis in (*table.columns, *table.rows):
            if axis.misprint:
                reasons[f"Table {table.number}, {axis.name}", axis.misprint] = None
    found = [f"- {where}: {what}" for where, what in reasons]
    found += [f"- {remark.where}: {remark.what}" for remark in paper.remarks]
    return ["About what is printed there:", "", *found, ""] if found else []
