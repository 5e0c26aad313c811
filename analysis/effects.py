"""What a suite's factors do over all its cells, where it has several: main effects and interactions.

A main effect is of a factor that the baseline names: the ratio of one level to the baseline's, over all combinations
of the other factors. An interaction says whether that ratio is another at one level of another factor than at its
first. Both are means of differences (of differences) of logarithms inside blocks, tested by exchanging what the design
drew: the sign of each is turned by itself where cells ran in an order of their own, and the signs of all cells of two
clusters together where clusters took turns as whole plots. If the factor does nothing (there is no interaction), each
such exchange was as likely to be run. The comparisons of cells and these are two families, each corrected after Holm.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis import stats
from analysis.answer import signed
from analysis.findings import INTERLEAVED, MARGIN, decided, higher_is_better
from analysis.words import change, count, percent, probability

Data = Mapping[str, Any]
Levels = Mapping[str, str]


@dataclass(frozen=True)
class _Contrast:
    """Cells with the sign with which their logarithms enter; `plot` is what an exchange turns in a block."""

    cells: tuple[tuple[str, float], ...]
    plot: object


@dataclass(frozen=True)
class _Asked:
    """One effect: what it is about, and its contrasts, of which the effect is the mean."""

    factor: str
    level: str
    against: str
    contrasts: Sequence[_Contrast]
    other: str = ""
    at: str = ""
    first: str = ""


def effects(report: Data) -> list[dict[str, Any]]:
    """One entry for each effect of the campaign's metric; none where the suite has one factor, or no baseline.

    Returns:
        For each: `factor`, `level` and `against` (its level and the baseline's); for an interaction `other`, `at` and
        `first` (the other factor, its level, and the first one), else empty; `metric`, `unit`, `ratio`, `ci_low`,
        `ci_high`, `p`, `p_adjusted`, `units` (what was exchanged), `combinations`, `whole_plots` (whether clusters were
        exchanged whole), `verdict`: slower, faster, equivalent, undecided; and for interactions larger, smaller,
        equivalent, undecided. Nothing is said where the order was not drawn.
    """
    plan = report["campaign"]["plan"]
    if plan.get("order") not in INTERLEAVED:
        return []
    metric = report["campaign"]["metric"]
    logs = {cell["id"]: _by_block(cell, metric) for cell in report["cells"]}
    unit = next((one["unit"] for cell in report["cells"] if (one := cell["metrics"].get(metric))), "")
    asked = list(_asked(report["cells"], plan))
    found = [_tested(one, logs, int(plan.get("seed") or 0)) for one in asked]
    known = [index for index, one in enumerate(found) if one is not None]
    adjusted = dict(zip(known, stats.holm([one.p for one in found if one is not None]), strict=True))
    return [
        _entry(one, compared, adjusted[index], metric, unit)
        for index, (one, compared) in enumerate(zip(asked, found, strict=True))
        if compared is not None
    ]


def sentences(found: Sequence[Data]) -> list[str]:
    """A sentence for each main effect, and for each interaction."""
    return [_interaction(one) if one["other"] else _main(one) for one in found]


# -- what is asked -----------------------------------------------------------------------------------------------------


def _asked(cells: Sequence[Data], plan: Data) -> Iterator[_Asked]:
    factors: Mapping[str, Sequence[str]] = plan.get("factors") or {}
    zipped = {name for group in plan.get("zips") or () for name in group}
    baseline = {name: level for name, level in (plan.get("baseline") or {}).items() if name not in zipped}
    free = [name for name, levels in factors.items() if name not in zipped and len(levels) > 1]
    if len(free) < 2:
        return
    by_levels = {_key(cell["factors"]): cell for cell in cells}
    for factor, against in baseline.items():
        for level in (one for one in factors[factor] if one != against):
            steps = [
                (before, after)
                for before in cells
                if before["factors"].get(factor) == against
                and (after := by_levels.get(_key({**before["factors"], factor: level}))) is not None
            ]
            if len(steps) < 2:
                continue
            main = [_Contrast(((b["id"], 1.0), (a["id"], -1.0)), _plot(plan, a, b)) for a, b in steps]
            yield _Asked(factor, level, against, main)
            for other in (name for name in free if name != factor):
                yield from _interactions(plan, (factor, level, against), other, factors[other], steps)


def _interactions(
    plan: Data, effect: tuple[str, str, str], other: str, levels: Sequence[str], steps: Sequence[tuple[Data, Data]]
) -> Iterator[_Asked]:
    first = str((plan.get("baseline") or {}).get(other) or levels[0])
    by_levels = {_key(before["factors"]): (before, after) for before, after in steps}
    for at in (level for level in levels if level != first):
        contrasts = []
        for before, after in steps:
            there = by_levels.get(_key({**before["factors"], other: at}))
            if before["factors"].get(other) == first and there is not None:
                signs = ((there[1], 1.0), (there[0], -1.0), (after, -1.0), (before, 1.0))
                four = (before, after, *there)
                contrasts.append(_Contrast(tuple((one["id"], sign) for one, sign in signs), _plot(plan, *four)))
        if contrasts:
            yield _Asked(*effect, contrasts, other, at, first)


def _key(levels: Levels) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(levels.items()))


def _plot(plan: Data, *cells: Data) -> object:
    """What one exchange turns: all contrasts of the same clusters where these took turns, else this one alone."""
    clusters = {_cluster(cell) for cell in cells}
    if plan.get("cluster") == "per-trial" or len(clusters) == 1:
        return tuple(cell["id"] for cell in cells)
    return frozenset(clusters)


def _cluster(cell: Data) -> str:
    return repr((cell["hosts"], cell["platform"], sorted(cell["settings"].items())))


# -- how ---------------------------------------------------------------------------------------------------------------


def _by_block(cell: Data, metric: str) -> dict[int, float]:
    """Mean logarithm of the cell's trials by block; nothing where a value is not above zero."""
    values: dict[int, list[float]] = defaultdict(list)
    for trial in cell["trials"]:
        if trial["status"] == "ok" and trial["values"].get(metric, 0) > 0:
            values[trial["block"]].append(float(np.log(trial["values"][metric])))
    return {block: float(np.mean(found)) for block, found in values.items()}


def _tested(asked: _Asked, logs: Mapping[str, Mapping[int, float]], seed: int) -> stats.Comparison | None:
    turned: dict[tuple[int, object], list[float]] = defaultdict(list)
    blocks = sorted(set(itertools.chain.from_iterable(logs.values())))
    for block, contrast in itertools.product(blocks, asked.contrasts):
        if all(block in logs[cell] for cell, _ in contrast.cells):
            value = sum(sign * logs[cell][block] for cell, sign in contrast.cells)
            turned[block, contrast.plot].append(value)
    if not turned:
        return None
    means = [float(np.mean(values)) for values in turned.values()]
    return stats.turn_signs(means, [len(values) for values in turned.values()], seed=seed)


def _entry(asked: _Asked, found: stats.Comparison, p_adjusted: float, metric: str, unit: str) -> dict[str, Any]:
    return {
        "factor": asked.factor,
        "level": asked.level,
        "against": asked.against,
        "other": asked.other,
        "at": asked.at,
        "first": asked.first,
        "metric": metric,
        "unit": unit,
        "ratio": found.ratio,
        "ci_low": found.low,
        "ci_high": found.high,
        "p": found.p,
        "p_adjusted": p_adjusted,
        "units": found.blocks,
        "combinations": len(asked.contrasts),
        "whole_plots": any(isinstance(one.plot, frozenset) for one in asked.contrasts),
        "verdict": _verdict(asked, found, p_adjusted, unit),
    }


def _verdict(asked: _Asked, found: stats.Comparison, p_adjusted: float, unit: str) -> str:
    low, high = found.low, found.high
    if low is not None and high is not None and low >= 1 / (1 + MARGIN) and high <= 1 + MARGIN:
        return "equivalent"
    if not decided(p_adjusted):
        return "undecided"
    if asked.other:
        return "larger" if found.ratio > 1 else "smaller"
    return "slower" if (found.ratio > 1) != higher_is_better(unit) else "faster"


# -- in words ----------------------------------------------------------------------------------------------------------


def _main(one: Data) -> str:
    over = f"Over {one['combinations']} combinations of the other factors, {one['factor']} {one['level']}"
    against, size = one["against"], change(one["ratio"], one["unit"])
    verdict = {
        "equivalent": f"is equivalent to {against} within {percent(MARGIN)}: {one['metric']} is {size}",
        "undecided": f"is undecided against {against}: {one['metric']} was {size}",
    }.get(one["verdict"], f"is {one['verdict']} than {against}: {one['metric']} is {size}")
    return f"{over} {verdict} ({_evidence(one)})."


def _interaction(one: Data) -> str:
    ratio = f"The ratio of {one['level']} to {one['against']} ({one['factor']})"
    where = f"at {one['other']} {one['at']}", f"at {one['first']}"
    size = signed(one["ratio"])
    verdict = {
        "equivalent": f"is the same {where[0]} as {where[1]} within {percent(MARGIN)} ({size}",
        "undecided": f"is not shown to be another {where[0]} than {where[1]} ({size}",
    }.get(one["verdict"], f"is {one['verdict']} {where[0]} than {where[1]} ({size}")
    return f"{ratio} {verdict}; {_evidence(one)})."


def _evidence(one: Data) -> str:
    low, high = one["ci_low"], one["ci_high"]
    interval = "open: too few blocks" if low is None or high is None else f"{signed(low)} to {signed(high)}"
    exchanged = count(one["units"], "exchange") + (" of whole clusters" if one["whole_plots"] else "")
    p = probability(one["p_adjusted"])
    return f"95 % interval {interval}; {exchanged}; p {p if p.startswith('<') else f'= {p}'}"
