"""Whether a campaign shows a regression against an earlier one: the rule behind `run-suite --against`.

For every cell that both have (its id is a digest of its content), the ratio later / earlier of the metric, as
geometric means, with the interval of a permutation test on logarithms that exchanges trials between the two campaigns.
With k cells each interval covers 1 - 0.05 / k, so that all k hold together in at least 95 % of all pairs of campaigns.

    regression      the whole interval lies beyond the margin, on the worse side
    worse           the whole interval lies on the worse side, but not beyond the margin: not shown to be that large
    none shown      everything else
    can't tell      so few trials that no difference, however large, would be seen

The campaigns were not randomised against each other, and the interval knows only the scatter among trials. What differs
from day to day on one machine must be within the margin, or the answer is wrong: `inv report --history` shows it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from analysis import stats
from analysis.findings import higher_is_better
from analysis.words import change, fixed, percent

Data = Mapping[str, Any]

MARGIN = 0.05
ALPHA = 1 - stats.LEVEL


def against(before: Data, after: Data, metric: str, margin: float = MARGIN) -> list[dict[str, Any]]:
    """One row a cell of both campaigns (as `report.measured` gives them), in the order of the later one."""
    earlier = {cell["id"]: cell for cell in before["cells"]}
    pairs = [(earlier[cell["id"]], cell) for cell in after["cells"] if cell["id"] in earlier]
    return [_row(a, b, metric, margin, 1 - ALPHA / len(pairs)) for a, b in pairs]


def fewest_trials(before: int, cells: int) -> int | None:
    """The fewest trials of a cell that can show a regression beside `before` earlier ones; None when none can."""
    for after in range(1, 1001):
        swaps = 2 if after == before else 1
        if swaps / math.comb(before + after, after) <= ALPHA / cells + 1e-12:
            return after
    return None


def rows_in_words(rows: Sequence[Data]) -> list[list[str]]:
    """Cells of a table: label, medians, ratio, interval, verdict."""
    return [
        [
            row["label"],
            f"{row['n'][0]} and {row['n'][1]}",
            fixed(row["ratio"], 3),
            f"{_end(row['low'])} to {_end(row['high'])}",
            row["verdict"],
        ]
        for row in rows
    ]


def sentence(row: Data, margin: float) -> str:
    """A regression in words."""
    return (
        f"{row['label']}: {row['metric']} is {change(row['ratio'], row['unit'])} "
        f"(at least {percent(row['at_least'])}; allowed {percent(margin)})"
    )


def _end(value: float | None) -> str:
    return "open" if value is None else fixed(value, 3)


def _row(before: Data, after: Data, metric: str, margin: float, level: float) -> dict[str, Any]:
    a, b = _values(before, metric), _values(after, metric)
    unit = next((c["metrics"][metric]["unit"] for c in (after, before) if metric in c["metrics"]), "")
    found = stats.compare(a, [0] * len(a), b, [0] * len(b), level=level) if a and b else None
    ratio, low, high = (found.ratio, found.low, found.high) if found else (None, None, None)
    best_worst = (1 / high if high else None) if higher_is_better(unit) else low
    return {
        "cell": after["id"],
        "label": after["label"],
        "metric": metric,
        "unit": unit,
        "n": [len(a), len(b)],
        "ratio": ratio,
        "low": low,
        "high": high,
        "at_least": best_worst - 1 if best_worst is not None else None,
        "verdict": _verdict(best_worst, margin),
    }


def _verdict(at_least: float | None, margin: float) -> str:
    """`at_least` is the end of the interval that is nearest to no loss, as a ratio above 1 for a loss."""
    if at_least is None:
        return "can't tell"
    if at_least > 1 + margin:
        return "regression"
    return "worse" if at_least > 1 else "none shown"


def _values(cell: Data, metric: str) -> list[float]:
    return [t["values"][metric] for t in cell["trials"] if t["status"] == "ok" and metric in t["values"]]
