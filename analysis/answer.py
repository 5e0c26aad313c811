"""A report's findings in plain sentences. Pure functions over a report's data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.findings import by_size
from analysis.words import change, count, percent, probability, with_unit

Data = Mapping[str, Any]


def answer(report: Data) -> list[str]:
    """The findings as sentences, the largest first; what there is instead when nothing was compared."""
    if not report["campaign"]["trials_ok"]:
        failed = report["campaign"]["trials_failed"]
        return [f"There is no answer: all {count(failed, 'trial')} failed." if failed else "No trial has run yet."]
    cells = {cell["id"]: cell for cell in report["cells"]}
    sentences = [sentence(finding, cells) for finding in by_size(report["findings"])]
    return sentences or ["Nothing was compared: the suite names no baseline, or no cell that has one was run."]


def sentence(finding: Data, cells: Mapping[str, Data]) -> str:
    """One finding in a sentence, with ratio, interval and n."""
    baseline, cell = cells[finding["baseline"]], cells[finding["cell"]]
    names = short_names([baseline, cell])
    where = shared_levels([baseline, cell])
    scene = f"{where}: " if where else ""
    if finding["ratio"] is None:
        return f"{scene}{names[1]} could not be compared with {names[0]}."
    unit = finding["unit"]
    verdict = {
        "slower": f"{names[1]} is slower than {names[0]}: {finding['metric']} is {change(finding['ratio'], unit)}",
        "faster": f"{names[1]} is faster than {names[0]}: {finding['metric']} is {change(finding['ratio'], unit)}",
        "undecided": f"undecided between {names[1]} and {names[0]}: {finding['metric']} was "
        f"{change(finding['ratio'], unit)} with {names[1]}",
        "not randomised": f"no verdict on {names[1]} against {names[0]}, which did not run interleaved: "
        f"{finding['metric']} was {change(finding['ratio'], unit)} with {names[1]}",
    }.get(
        finding["verdict"],
        f"{names[1]} and {names[0]} are equivalent within {percent(finding['margin'])}: "
        f"{finding['metric']} is {change(finding['ratio'], unit)} with {names[1]}",
    )
    return f"{scene}{verdict} ({evidence(finding, cells)})."


def evidence(finding: Data, cells: Mapping[str, Data]) -> str:
    """What stands in brackets behind a finding: interval, medians, n, p."""
    medians = [_median(cells[finding[key]], finding["metric"]) for key in ("cell", "baseline")]
    parts = [
        f"95 % interval {interval(finding)}",
        f"medians {with_unit(medians[0], finding['unit'])} and {with_unit(medians[1], finding['unit'])}",
        trials_of(finding),
    ]
    if finding["p_adjusted"] is not None:
        parts.append(f"p {equals(probability(finding['p_adjusted']))}")
    return "; ".join(parts)


def interval(finding: Data) -> str:
    """The interval of the ratio as changes: `+8.1 % to +16 %`; says so when an end is open."""
    low, high = finding["ci_low"], finding["ci_high"]
    if low is None or high is None:
        return "open: too few trials"
    return f"{signed(low)} to {signed(high)}"


def signed(ratio: float) -> str:
    """A ratio as a signed change: `+12 %`, `−3.4 %`, `×2.3` from twofold on."""
    if ratio >= 2:
        return f"×{ratio:.2g}"
    size = percent(ratio - 1)
    return size if size == "0 %" else f"{'+' if ratio > 1 else '−'}{size}"


def trials_of(finding: Data) -> str:
    """`6 trials each`, or both numbers where they differ."""
    before, after = finding["n"]
    return f"{count(after, 'trial')} each" if before == after else f"{after} and {count(before, 'trial')}"


# -- names -------------------------------------------------------------------------------------------------------------


def short_names(cells: Sequence[Data]) -> list[str]:
    """What tells the cells apart: the factors' levels in which they differ; whole labels if that is too little."""
    differing = _differing(cells)
    names = [" ".join(_level(name, cell["factors"][name]) for name in differing) for cell in cells]
    return names if differing and len(set(names)) == len(cells) else [cell["label"] for cell in cells]


def names_of(report: Data) -> dict[str, str]:
    """A name for each cell's row in a table: its levels without the factors' names, where they say enough."""
    names = {c["id"]: " ".join(_level(name, level) for name, level in c["factors"].items()) for c in report["cells"]}
    unique = len(set(names.values())) == len(names) and all(names.values())
    return names if unique else {cell["id"]: cell["label"] for cell in report["cells"]}


def shared_levels(cells: Sequence[Data]) -> str:
    """The levels of the factors in which the cells agree: `workload agg-by-key`."""
    first = cells[0]["factors"]
    differing = _differing(cells)
    if not differing:
        return ""
    return ", ".join(f"{name} {level}" for name, level in first.items() if name not in differing)


def _differing(cells: Sequence[Data]) -> list[str]:
    factors = cells[0]["factors"]
    if any(set(cell["factors"]) != set(factors) for cell in cells):
        return []
    return [name for name in factors if len({cell["factors"][name] for cell in cells}) > 1]


def _level(name: str, level: str) -> str:
    """A level with its factor's name where the level alone would say little: `workers=2`, but `two-workers`."""
    return f"{name}={level}" if len(level) < 3 or not any(letter.isalpha() for letter in level) else level


def groups(report: Data) -> list[list[Data]]:
    """The report's cells in the groups in which they are compared; cells with the same work where nothing is."""
    baseline_of = {finding["cell"]: finding["baseline"] for finding in report["findings"]}
    found: dict[str, list[Data]] = {}
    for cell in report["cells"]:
        key = baseline_of.get(cell["id"], cell["id"])
        if not baseline_of:
            key = f"{cell['workload']} {sorted(map(str, cell['parameters'].items()))}"
        found.setdefault(key, []).append(cell)
    return list(found.values())


def _median(cell: Data, metric: str) -> float | None:
    found = cell["metrics"].get(metric)
    return float(found["median"]) if found else None


def equals(p: str) -> str:
    """A p-value as words give it, behind `p`."""
    return p if p.startswith("<") else f"= {p}"
