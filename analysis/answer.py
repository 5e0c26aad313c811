"""A report's findings in plain sentences, and what limits the trust in them. Pure functions over a report's data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis import stats
from analysis.findings import by_size
from analysis.words import change, count, listed, percent, probability, with_unit

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
        parts.append(f"p {_equals(probability(finding['p_adjusted']))}")
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


# -- trust -------------------------------------------------------------------------------------------------------------


def trust(report: Data) -> list[dict[str, str]]:
    """What limits the answer, each as level (warning or note), what, and what it means."""
    facts = report["campaign"]["facts"]
    preflight = [
        {
            "level": "warning",
            "what": f"Before the start, {str(remark['what']).rstrip('.')}.",
            "means": str(remark["means"]),
        }
        for remark in facts.get("preflight") or ()
        if remark.get("level") not in ("ok", None)
    ]
    before = [*_unfinished(report), *_failed(report), *preflight, *_faults(report)]
    return [*before, *_few(report), *_drifting(report), *_outlying(report)]


def _unfinished(report: Data) -> list[dict[str, str]]:
    campaign = report["campaign"]
    done = campaign["trials_ok"] + campaign["trials_failed"]
    planned = campaign["trials_planned"]
    if campaign["status"] == "complete" or done == planned:
        return []  # what failed is told by itself
    return [_warning(
        f"The campaign is {campaign['status']}: {done} of {planned} trials are done.",
        "Intervals are wider than planned; './inv run-suite' goes on with an interrupted campaign.",
    )]  # fmt: skip


def _failed(report: Data) -> list[dict[str, str]]:
    failed = {
        cell["label"]: sum(trial["status"] != "ok" for trial in cell["trials"])
        for cell in report["cells"]
        if any(trial["status"] != "ok" for trial in cell["trials"])
    }
    if not failed:
        return []
    each = listed([f"{number} of {label}" for label, number in failed.items()])
    return [_warning(
        f"{count(sum(failed.values()), 'trial')} failed: {each}.",
        "They are left out. If slow trials are the ones that fail, what remains looks too fast.",
    )]  # fmt: skip


def _faults(report: Data) -> list[dict[str, str]]:
    """What collectors could not do, each sentence once, with the number of trials that it is about."""
    said = Counter(
        fault for cell in report["cells"] for trial in cell["trials"] for fault in trial["facts"].get("faults") or ()
    )
    return [
        _warning(f"In {count(number, 'trial')}: {fault}.", "What it would have gathered or prepared is missing there.")
        for fault, number in said.most_common()
    ]


def _few(report: Data) -> list[dict[str, str]]:
    """When no comparison could have passed the test, whatever the numbers."""
    tested = [finding for finding in report["findings"] if finding["smallest_p"] is not None]
    if not tested or min(finding["smallest_p"] for finding in tested) * len(tested) <= 1 - stats.LEVEL:
        return []
    most = max(finding["blocks"] for finding in tested)
    return [_warning(
        f"No comparison has more than {count(most, 'block')} of trials.",
        f"With {count(len(tested), 'comparison')} it takes {stats.blocks_needed(comparisons=len(tested))} trials of "
        "each cell before a difference, however large, can be told from chance at 95 %.",
    )]  # fmt: skip


def _drifting(report: Data) -> list[dict[str, str]]:
    """Whether times rise or fall with the position in the campaign, each cell's median taken off."""
    metric = report["campaign"]["metric"]
    points = []
    for cell in report["cells"]:
        measured = [trial for trial in cell["trials"] if trial["values"].get(metric, 0) > 0]
        logs = np.log([trial["values"][metric] for trial in measured])
        points += [
            (trial["position"], value - float(np.median(logs)))
            for trial, value in zip(measured, logs, strict=True)
            if trial["status"] == "ok"
        ]
    found = stats.drift([value for _, value in sorted(points)])
    if found is None or found[1] > 0.01:
        return []
    way = "rise" if found[0] > 0 else "fall"
    return [_warning(
        f"Values {way} during the campaign (Kendall's tau {found[0]:.2f}, p {_equals(probability(found[1]))}).",
        "Comparisons inside blocks are hardly touched; medians of cells depend on when the campaign ran.",
    )]  # fmt: skip


def _outlying(report: Data) -> list[dict[str, str]]:
    metric = report["campaign"]["metric"]
    found = []
    for cell in report["cells"]:
        measured = [trial for trial in cell["trials"] if trial["status"] == "ok" and metric in trial["values"]]
        far = stats.far_outliers([trial["values"][metric] for trial in measured])
        unit = cell["metrics"][metric]["unit"] if measured else ""
        found += [
            f"{measured[i]['id']} ({with_unit(measured[i]['values'][metric], unit)}, {cell['label']})" for i in far
        ]
    if not found:
        return []
    return [{
        "level": "note",
        "what": f"Far from the other trials of {'its cell' if len(found) == 1 else 'their cells'}: {listed(found)}.",
        "means": "They are kept: nothing is left out for being slow. './inv logs TRIAL' shows what happened.",
    }]  # fmt: skip


def _warning(what: str, means: str) -> dict[str, str]:
    return {"level": "warning", "what": what, "means": means}


def _median(cell: Data, metric: str) -> float | None:
    found = cell["metrics"].get(metric)
    return float(found["median"]) if found else None


def _equals(p: str) -> str:
    return p if p.startswith("<") else f"= {p}"
