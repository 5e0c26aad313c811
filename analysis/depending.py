"""Whether what one cell costs against another depends on the size of the work: of a suite that says what its sizes are.

Two courses over a size (see `growing.growths`) that are compared size by size have a ratio at each. It is asked whether
the ratio at the largest size is another than at the smallest: inside blocks, on logarithms, so that what slows a whole
block down falls out. This is not told by two findings, of which one may be decided and the other not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from analysis.answer import short_names, signed
from analysis.findings import INTERLEAVED
from analysis.growing import medians_by_block, size_in_words
from analysis.stats import blocks_needed, intervals_together
from analysis.words import count

Data = Mapping[str, Any]


def dependences(report: Data, courses: Sequence[Data]) -> list[dict[str, Any]]:
    """One entry for each two courses that the suite compares at two sizes or more.

    Args:
        courses: the key `growth` of a report.

    Returns:
        For each: `size` (a parameter), `name`, `metric`, `baseline` and `cell` (what tells the courses apart), `first`
        and `last` (sizes), `ratios` (cell / baseline at these two), `change` (the latter over the former), `low`,
        `high`, `blocks` and `verdict`: larger, smaller, or not shown. `change` is the geometric mean over blocks that
        have all four cells; its interval is Student's t over them, None with too few blocks or where the order was not
        drawn, and all of a report's hold at once in 95 % of campaigns.
    """
    found = list(_pairs(report, courses))
    if report["campaign"]["plan"].get("order") not in INTERLEAVED:
        return [_entry(entry, values, None, None) for entry, values in found]
    intervals = intervals_together({str(index): values for index, (_, values) in enumerate(found)})
    return [
        _entry(entry, values, intervals[str(index)].low, intervals[str(index)].high)
        for index, (entry, values) in enumerate(found)
    ]


def sentences(found: Sequence[Data]) -> list[str]:
    """One sentence for each entry."""
    return [_sentence(one) for one in found]


def _pairs(report: Data, courses: Sequence[Data]) -> Iterator[tuple[dict[str, Any], list[float]]]:
    """What is compared, with the change of the logarithm of the ratio in each block."""
    cells = {cell["id"]: cell for cell in report["cells"]}
    compared = {(finding["baseline"], finding["cell"]) for finding in report["findings"]}
    for before in courses:
        for after in courses:
            if (before["size"], before["metric"]) != (after["size"], after["metric"]):
                continue
            at = {cells[one]["parameters"][before["size"]]: cells[one] for one in before["cells"]}
            both = [
                (at[size], cells[one])
                for one in after["cells"]
                if (size := cells[one]["parameters"][before["size"]]) in at and (at[size]["id"], one) in compared
            ]
            if len(both) > 1:
                yield _compared(before, both)


def _compared(course: Data, both: Sequence[tuple[Data, Data]]) -> tuple[dict[str, Any], list[float]]:
    ends = both[0], both[-1]
    sides = [[medians_by_block(cell, course["metric"]) for cell in end] for end in ends]
    blocks = sorted(set.intersection(*(set(side) for end in sides for side in end)))
    usable = [block for block in blocks if all(side[block] > 0 for end in sides for side in end)]
    logs = [[math.log(cell[block]) - math.log(baseline[block]) for block in usable] for baseline, cell in sides]
    baseline, cell = short_names(ends[0])
    entry = {
        "size": course["size"],
        "name": str(ends[0][0]["workload"]),
        "metric": course["metric"],
        "baseline": baseline,
        "cell": cell,
        "first": ends[0][0]["parameters"][course["size"]],
        "last": ends[1][0]["parameters"][course["size"]],
        "ratios": [math.exp(float(np.mean(one))) if one else None for one in logs],
        "blocks": len(usable),
    }
    return entry, [last - first for first, last in zip(*logs, strict=True)]


def _entry(entry: Mapping[str, Any], values: Sequence[float], low: float | None, high: float | None) -> dict[str, Any]:
    verdict = "larger" if (low or 0.0) > 0 else "smaller" if (high or 0.0) < 0 else "not shown"
    return {
        **entry,
        "change": math.exp(float(np.mean(values))) if values else None,
        "low": None if low is None else math.exp(low),
        "high": None if high is None else math.exp(high),
        "verdict": verdict,
    }


def _sentence(one: Data) -> str:
    what = f"{one['name']}, {one['cell']} against {one['baseline']}"
    if one["change"] is None:
        return f"{what}: no block has trials of both at the smallest and the largest {one['size']}."
    ratios = " and ".join(
        f"{signed(ratio)} at {one['size']} {size_in_words(at)}"
        for ratio, at in zip(one["ratios"], (one["first"], one["last"]), strict=True)
    )
    if one["low"] is None:
        why = (
            f"{count(one['blocks'], 'block')} in random order" if one["blocks"] < blocks_needed() else "no random order"
        )
        return f"{what}: {one['metric']} is {ratios}; with {why} nothing is said of whether that differs."
    verdict = {
        "larger": f"the ratio grows with {one['size']}",
        "smaller": f"the ratio falls with {one['size']}",
        "not shown": f"the ratio is not shown to depend on {one['size']}",
    }[one["verdict"]]
    return (
        f"{what}: {verdict}. {one['metric']} is {ratios}; the one over the other is {signed(one['change'])} "
        f"({signed(one['low'])} to {signed(one['high'])}, {count(one['blocks'], 'block')})."
    )
