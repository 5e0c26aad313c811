"""A paper's table beside ours: what a suite says that it repeats, with the campaign's numbers.

The plan of a campaign names, for each cell of a published table, the ids of our cells that stand for it. A value of
ours never takes the place of a published one: both have fields of their own, and ours carries its substitute's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis import published
from analysis.growing import published_course
from analysis.published import Table, Value

Data = Mapping[str, Any]

OURS = {"mean": "mean", "median": "median", "": "median"}
"""Which of our statistics is set against which of a paper's: the first of these that the paper has."""


_TURNED = {"slower": "faster", "faster": "slower"}


def papers(report: Data) -> list[dict[str, Any]]:
    """The key `papers` of a report: one entry for each experiment that the suite says it repeats.

    Experiments of papers that are not among ours (in the store of another version) are left out.

    Args:
        report: with `campaign`, `cells` and `findings` as in the JSON contract.

    Returns:
        Each with `key`, `title`, `authors`, `year`, `experiment`, `state`, `substitute`, `needs`, `profile`, and
        `tables`: each with `table`, `caption`, `where`, `label` (what its rows are), `conditions`, `metric`,
        `left_out` (published cells that the suite doesn't name), `rows` (a published cell, its values by statistic,
        and ours for each cell that stands for it), `ratios` (of two published cells, and of ours) and `growth` (of
        the paper's own times over sizes, where the suite has that key; else None). Variances are in the square of the
        metric's unit.
    """
    plan = report["campaign"]["plan"]
    said = plan.get("papers") or ([plan["paper"]] if plan.get("paper") else [])  # one alone, before there were several
    known = published.keys()
    return [_beside(report, one) for one in said if one["key"] in known]


def _beside(report: Data, plan: Data) -> dict[str, Any]:
    paper = published.paper(plan["key"])
    tables = {table.number: table for table in paper.tables}
    titles = {experiment.key: experiment.title for experiment in paper.experiments}
    return {
        "key": paper.key,
        "title": paper.title,
        "authors": list(paper.authors),
        "year": paper.year,
        "experiment": titles.get(plan["experiment"], plan["experiment"]),
        "state": plan["state"],
        "substitute": plan["substitute"],
        "needs": plan["needs"],
        "profile": report["campaign"]["plan"].get("profile"),
        "tables": [
            _table(report, plan["substitute"], one, tables[one["table"]])
            for one in plan["tables"]
            if one["table"] in tables
        ],
    }


def _table(report: Data, substitute: str, plan: Data, table: Table) -> dict[str, Any]:
    cells = table.cells()
    by_id = {cell["id"]: cell for cell in report["cells"]}
    named = {name: [by_id[one] for one in ids if one in by_id] for name, ids in plan["cells"].items() if name in cells}
    return {
        "table": table.number,
        "caption": table.caption,
        "where": table.where,
        "label": table.labels[0] if table.labels else "",
        "conditions": dict(table.conditions),
        "metric": plan["metric"],
        "left_out": [name for name in cells if name not in named],
        "rows": [
            {
                "cell": name,
                "published": {statistic: _published(value) for statistic, value in cells[name].items()},
                "ours": [_ours(one, plan["metric"], cells[name], substitute) for one in mine],
            }
            for name, mine in named.items()
        ],
        "ratios": [
            _ratio(report, plan["metric"], pair, cells, named)
            for pair in plan["compare"]
            if all(name in named for name in pair)
        ],
        "growth": published_course(cells, tuple(OURS)) if report["campaign"]["plan"].get("growth") else None,
    }


def _published(value: Value) -> dict[str, Any]:
    return {
        "value": value.number,
        "printed": value.text,
        "unit": value.unit,
        "misprint": value.misprint,
        "conditions": dict(value.conditions),
    }


def _ours(cell: Data, metric: str, values: Mapping[str, Value], substitute: str) -> dict[str, Any]:
    """Our numbers for a published cell; None for those that there are none of."""
    found = cell["metrics"].get(metric) or {}
    std = found.get("std")
    ratio, of = _against(found, values)
    return {
        "cell": cell["id"],
        "substitute": substitute,
        "unit": found.get("unit", ""),
        "n": found.get("n", 0),
        **{key: found.get(key) for key in ("median", "ci_low", "ci_high", "mean", "std", "min", "max")},
        "variance": None if std is None else std**2,
        "ratio": ratio,
        "ratio_of": of,
    }


def _against(found: Data, values: Mapping[str, Value]) -> tuple[float | None, str | None]:
    """Ours over the paper's, by a statistic that both have, where both are in one unit."""
    for theirs, mine in OURS.items():
        value = values.get(theirs)
        if value is not None and value.number and found.get(mine) is not None and found["unit"] == value.unit:
            return found[mine] / value.number, mine
    return None, None


def _ratio(
    report: Data,
    metric: str,
    pair: Sequence[str],
    cells: Mapping[str, Mapping[str, Value]],
    named: Mapping[str, Sequence[Data]],
) -> dict[str, Any]:
    cell, against = pair
    found = next(
        (
            (statistic, over.number / under.number)
            for statistic in OURS
            if (over := cells[cell].get(statistic)) and (under := cells[against].get(statistic))
            if over.number is not None and under.number
        ),
        (None, None),
    )
    return {
        "cell": cell,
        "against": against,
        "published": found[1],
        "published_of": found[0],
        "ours": list(_our_ratios(report, metric, named[cell], named[against])),
    }


def _our_ratios(report: Data, metric: str, over: Sequence[Data], under: Sequence[Data]) -> Iterator[dict[str, Any]]:
    """For each two cells that the suite compares, or the only two there are: the ratio, as tested where it was."""
    pairs = {(finding["cell"], finding["baseline"]): finding for finding in report["findings"]}
    for a in over:
        for b in under:
            finding = pairs.get((a["id"], b["id"]))
            swapped = pairs.get((b["id"], a["id"]))
            if finding is None and swapped is None and len(over) * len(under) > 1:
                continue
            tested = finding or swapped
            both = {"cell": a["id"], "against": b["id"]}
            if tested is not None and tested["metric"] == metric and tested["ratio"] is not None:
                yield {**both, **_as_tested(tested, swapped=finding is None)}
            else:
                yield {**both, **_of_medians(a, b, metric)}


def _as_tested(finding: Data, *, swapped: bool) -> dict[str, Any]:
    ratio, low, high = finding["ratio"], finding["ci_low"], finding["ci_high"]
    if swapped:
        ratio, low, high = 1 / ratio, high and 1 / high, low and 1 / low
    verdict = _TURNED.get(finding["verdict"], finding["verdict"]) if swapped else finding["verdict"]
    return {"ratio": ratio, "ci_low": low, "ci_high": high, "verdict": verdict}


def _of_medians(a: Data, b: Data, metric: str) -> dict[str, Any]:
    medians = [(cell["metrics"].get(metric) or {}).get("median") for cell in (a, b)]
    ratio = medians[0] / medians[1] if medians[0] is not None and medians[1] else None
    return {"ratio": ratio, "ci_low": None, "ci_high": None, "verdict": None}
