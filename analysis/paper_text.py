"""A paper's table beside ours, as tables and sentences for the page and for Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analysis.answer import names_of
from analysis.words import decimals, fixed, listed, number

Data = Mapping[str, Any]
Rows = tuple[list[str], list[list[str]]]

STATISTICS = {
    "mean": "mean",
    "median": "median",
    "": "value",
    "variance": "variance",
    "std": "std",
    "min": "min",
    "max": "max",
    "p95": "95th percentile",
}
NO_MARK, MARK = "", " †"
FULL_PROFILE = "paper"
"""The profile in which suites have the paper's own sizes, if they have them not without one."""


def heading(paper: Data) -> str:
    """`Paper 000 beside ours`."""
    return f"Paper {paper['key']} beside ours"


def state(paper: Data) -> str:
    """The state with what qualifies it: `repeated by substitute: YARN for Mesos`."""
    if paper["substitute"]:
        return f"{paper['state']}: {paper['substitute']}"
    return f"{paper['state']}; it needs {paper['needs']}" if paper["needs"] else str(paper["state"])


def introduction(paper: Data) -> list[str]:
    """What is repeated and how far, in sentences."""
    year = f", {paper['year']}" if paper["year"] else ""
    sentences = [
        f"{paper['title']} ({listed(paper['authors'])}{year}). Experiment: {paper['experiment']}.",
        f"State: {state(paper)}.",
    ]
    if paper["profile"] not in (None, FULL_PROFILE):
        sentences.append(f"This campaign ran with the profile {paper['profile']}: its sizes are not the paper's.")
    if paper["tables"]:
        sentences.append(
            "Machines and versions may differ from the paper's. What can be compared is how a table's cells stand to "
            "each other, more than the values themselves."
        )
    return sentences


def tables(report: Data, paper: Data) -> list[dict[str, Any]]:
    """Each published table: `title`, `conditions`, `table` and `ratios` (heads and rows, or None), `notes`."""
    names = names_of(report)
    return [
        {
            "title": f"Table {one['table']} ({one['where']}): {one['caption']}",
            "conditions": ", ".join(f"{name} {value}" for name, value in one["conditions"].items()),
            "table": _beside(paper, one, names),
            "ratios": _ratios(paper, one, names) if one["ratios"] else None,
            "notes": _notes(one),
        }
        for one in paper["tables"]
    ]


def _beside(paper: Data, table: Data, names: Mapping[str, str]) -> Rows:
    """One row for each of our cells: what the paper printed, ours, and the ratio of the two."""
    published = [row["published"] for row in table["rows"]]
    statistics = [name for name in STATISTICS if any(name in values for values in published)]
    ours = [one for row in table["rows"] for one in row["ours"]]
    shown = ["median", "mean", *(name for name in ("variance", "std", "min", "max") if name in statistics)]
    unit = next((one["unit"] for one in ours if one["unit"]), "")
    heads = [
        "cell",
        *(f"paper: {_headed(name, _unit(published, name))}" for name in statistics),
        _ours_headed(paper),
        "n",
        _headed("median", unit),
        "95 % interval",
        *(_headed(name, f"{unit}²" if name == "variance" and unit else unit) for name in shown[1:]),
        f"ours / paper{_of(one['ratio_of'] for one in ours)}",
    ]
    places = decimals([one["median"] for one in ours])
    rows = []
    for row in table["rows"]:
        printed = [_printed(row["published"].get(name)) for name in statistics]
        rows += [[row["cell"], *printed, *_our_fields(one, names, shown, places)] for one in row["ours"] or [None]]
    return heads, rows


def _ours_headed(paper: Data) -> str:
    if paper["substitute"]:
        return f"ours, by substitute: {paper['substitute']}"
    return f"ours ({paper['state']})"


def _our_fields(one: Data | None, names: Mapping[str, str], shown: Sequence[str], places: int) -> list[str]:
    if one is None:
        return ["not in this campaign", "0", "–", "–", *("–" for _ in shown[1:]), "–"]
    between = "–" if one["ci_low"] is None else f"{fixed(one['ci_low'], places)} to {fixed(one['ci_high'], places)}"
    values = [number(one[name]) if name == "variance" else fixed(one[name], places) for name in shown]
    return [names[one["cell"]], str(one["n"]), values[0], between, *values[1:], number(one["ratio"])]


def _of(statistics: Iterable[str | None]) -> str:
    """` (means)`: what a column of ratios is of; a table has one such statistic."""
    return next((f" ({STATISTICS[name]}s)" for name in statistics if name), "")


def _headed(name: str, unit: str) -> str:
    return f"{STATISTICS[name]} [{unit}]" if unit else STATISTICS[name]


def _unit(published: Sequence[Data], statistic: str) -> str:
    return next((values[statistic]["unit"] for values in published if statistic in values), "")


def _printed(value: Data | None) -> str:
    return "–" if value is None else f"{value['printed']}{MARK if value['misprint'] else NO_MARK}"


def _ratios(paper: Data, table: Data, names: Mapping[str, str]) -> Rows:
    of = _of(ratio["published_of"] for ratio in table["ratios"])
    heads = ["ratio", f"paper{of}", _ours_headed(paper), "our ratio", "95 % interval", "verdict"]
    rows = []
    for ratio in table["ratios"]:
        name = f"{ratio['cell']} / {ratio['against']}"
        rows += [[name, number(ratio["published"]), *_our_ratio(one, names)] for one in ratio["ours"] or [None]]
    return heads, rows


def _our_ratio(one: Data | None, names: Mapping[str, str]) -> list[str]:
    if one is None:
        return ["not in this campaign", "–", "–", "–"]
    between = "–" if one["ci_low"] is None else f"{number(one['ci_low'])} to {number(one['ci_high'])}"
    verdict = one["verdict"] or "not tested"
    return [f"{names[one['cell']]} / {names[one['against']]}", number(one["ratio"]), between, verdict]


def _notes(table: Data) -> list[str]:
    """What was printed wrong, which of the paper's cells are missing, and what ours are."""
    found = [f"Ours are {table['metric']} of trials; the median has the interval, and n counts trials."]
    if any(one["ci_low"] is not None for ratio in table["ratios"] for one in ratio["ours"]):
        found.append("Our ratios with an interval are those of the comparisons above; others are of medians.")
    misprints = dict.fromkeys(
        value["misprint"] for row in table["rows"] for value in row["published"].values() if value["misprint"]
    )
    found += [f"† As printed. {reason}" for reason in misprints]
    if table["left_out"]:
        found.append(f"Of the paper's table, this suite does not repeat {listed(table['left_out'])}.")
    return found
