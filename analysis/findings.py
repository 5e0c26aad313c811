"""Verdicts on comparisons of cells: one rule, in words that a reviewer can check.

A finding is about one metric of a cell and its baseline. Trials are compared inside blocks by a permutation test on
logarithms (`stats.compare`); the p-values of one report's findings are corrected together after Holm.

    not randomised     the trials were not interleaved in blocks: any difference may be one of time
    slower, faster     the adjusted p is at most 0.05, and the ratio lies on that side
                       (a metric per second, such as records/s, is slower where it is lower)
    equivalent ...     the 95 % interval of the ratio lies within the margin: 5 % by default, 1/1.05 to 1.05
    undecided          everything else; the reasons are given

A difference can be both significant and within the margin. Then it is called equivalent, and the size is told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis import stats
from analysis.decompose import PARTS, Difference
from analysis.words import change, count, listed, number, percent, probability

MARGIN = 0.05
LEVEL = stats.LEVEL
INTERLEAVED = ("randomized", "blocked")


@dataclass(frozen=True)
class Side:
    """One cell's trials in a comparison: values of the metric and their blocks, in order of time.

    `places` are the trials' places in the campaign's order; none where they are not known.
    """

    cell: str
    label: str
    values: Sequence[float]
    blocks: Sequence[int]
    failed: int = 0
    places: Sequence[int] = ()


@dataclass(frozen=True)
class Design:
    """How the campaign was run, as far as verdicts depend on it.

    order:      sequential, blocked or randomized.
    own_start:  the two cells ran on clusters of their own, each started once for the whole campaign.
    """

    order: str
    own_start: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Question:
    """One comparison to be made, with what may explain its answer."""

    metric: str
    unit: str
    baseline: Side
    cell: Side
    design: Design
    parts: Sequence[Difference] = ()


def higher_is_better(unit: str) -> bool:
    """True for rates: `records/s`, `1/s`, `per second`."""
    return unit.strip().lower().endswith(("/s", "/sec", "/second", "per second"))


def findings(questions: Sequence[Question], margin: float = MARGIN) -> list[dict[str, Any]]:
    """One finding a question, in the same order, as the JSON contract has it; corrected after Holm together."""
    compared = [_compare(question) for question in questions]
    tested = [index for index, found in enumerate(compared) if _testable(questions[index], found)]
    adjusted = dict(zip(tested, stats.holm([_p(compared[i]) for i in tested]), strict=True))
    return [
        _finding(question, found, adjusted.get(index), len(tested), margin)
        for index, (question, found) in enumerate(zip(questions, compared, strict=True))
    ]


def decided(p_adjusted: float | None) -> bool:
    """Whether there is a difference to be explained: where there may be none, a cause of it would be made up."""
    return p_adjusted is not None and p_adjusted <= 1 - LEVEL + 1e-12


def by_size(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Decided ones first, then the largest effect first."""
    rank = {"slower": 0, "faster": 0, "equivalent": 1, "undecided": 2}
    return sorted(found, key=lambda f: (rank.get(str(f["verdict"]).split()[0], 3), -abs(math.log(f["ratio"] or 1.0))))


def _compare(question: Question) -> stats.Comparison | None:
    a, b = question.baseline, question.cell
    return stats.compare(a.values, a.blocks, b.values, b.blocks, seed=question.design.seed, places=_places(question))


def _places(question: Question) -> tuple[Sequence[int], Sequence[int]] | None:
    """Where the trials ran, if that was drawn: in a fixed order a cell's effect is one with that of its place."""
    a, b = question.baseline, question.cell
    return (a.places, b.places) if a.places and b.places and question.design.order == "randomized" else None


def _scatter(question: Question) -> stats.Floats:
    """The differences inside blocks, without a drift that the test takes out."""
    a, b = question.baseline, question.cell
    return stats.block_differences(a.values, a.blocks, b.values, b.blocks, _places(question))


def _testable(question: Question, found: stats.Comparison | None) -> bool:
    return found is not None and question.design.order in INTERLEAVED


def _p(found: stats.Comparison | None) -> float:
    return found.p if found is not None else 1.0


def _finding(
    question: Question, found: stats.Comparison | None, p_adjusted: float | None, tested: int, margin: float
) -> dict[str, Any]:
    verdict = _verdict(question, found, p_adjusted, margin)
    a, b = question.baseline, question.cell
    medians = stats.median(a.values), stats.median(b.values)
    scatter = _scatter(question)
    return {
        "metric": question.metric,
        "baseline": a.cell,
        "cell": b.cell,
        "ratio": found.ratio if found else None,
        "ci_low": found.low if found else None,
        "ci_high": found.high if found else None,
        "p_adjusted": p_adjusted,
        "verdict": verdict,
        "because": " ".join(_because(question, found, p_adjusted, tested, verdict)),
        "p": found.p if found and p_adjusted is not None else None,
        "unit": question.unit,
        "blocks": found.blocks if found else 0,
        "n": list(found.trials) if found else [len(a.values), len(b.values)],
        "baseline_label": a.label,
        "cell_label": b.label,
        "ratio_of_medians": medians[1] / medians[0] if min(medians) > 0 else None,
        "difference_of_medians": medians[1] - medians[0] if a.values and b.values else None,
        "margin": margin,
        "smallest_p": found.smallest_p if found and p_adjusted is not None else None,
        "minimum_detectable_ratio": stats.minimum_detectable_ratio(scatter, _corrected(tested)),
        "trials_for_margin": stats.trials_needed(scatter, 1 + margin, _corrected(tested)),
        "test": _test(found) if p_adjusted is not None else None,
        "parts": [vars(part) for part in question.parts],
    }


def _verdict(question: Question, found: stats.Comparison | None, p_adjusted: float | None, margin: float) -> str:
    if question.design.order not in INTERLEAVED:
        return "not randomised"
    if found is None or p_adjusted is None:
        return "undecided"
    if found.low is not None and found.high is not None and 1 / (1 + margin) <= found.low and found.high <= 1 + margin:
        return f"equivalent within {percent(margin)}"
    if decided(p_adjusted):
        return "slower" if (found.ratio > 1) != higher_is_better(question.unit) else "faster"
    return "undecided"


def _test(found: stats.Comparison | None) -> str | None:
    if found is None:
        return None
    how = f"all {found.arrangements:,}" if found.exact else f"{found.arrangements:,} random"
    test = f"permutation within {count(found.blocks, 'block')}, {how} arrangements"
    if found.rise is None:
        return test
    drift = f"{percent(math.expm1(found.rise))} {'more' if found.rise > 0 else 'less'}"
    return f"{test}, without a drift inside blocks ({drift} from place to place)"


# -- the reasons ---------------------------------------------------------------------------------------------------


def _because(
    question: Question, found: stats.Comparison | None, p_adjusted: float | None, tested: int, verdict: str
) -> list[str]:
    if found is None:
        return [_why_not_compared(question)]
    sentences = []
    if verdict == "not randomised":
        sentences.append(
            "The cells ran one after the other, so the difference may come from anything that changed in between; "
            "use 'order: randomized' for a verdict."
        )
    elif verdict == "undecided":
        sentences += _why_undecided(question, found, p_adjusted, tested)
    elif verdict.startswith("equivalent") and decided(p_adjusted):
        sentences.append(f"There is a difference ({change(found.ratio, question.unit)}), but a small one.")
    if decided(p_adjusted):
        sentences += explained(question.parts)
    return sentences + _reservations(question)


def _why_not_compared(question: Question) -> str:
    for side in (question.baseline, question.cell):
        if not side.values:
            failed = f" ({count(side.failed, 'trial')} failed)" if side.failed else ""
            return f"{side.label} has no trial with {question.metric}{failed}."
    if min(min(question.baseline.values), min(question.cell.values)) <= 0:
        return f"{question.metric} is not above zero in every trial, so there is no ratio."
    return "No block has trials of both cells."


def _why_undecided(question: Question, found: stats.Comparison, p_adjusted: float | None, tested: int) -> list[str]:
    needed = stats.blocks_needed(comparisons=tested)
    if found.smallest_p > 1 - LEVEL:
        besides = "" if tested == 1 else f", or {needed} when {tested} comparisons are made"
        return [
            f"{count(found.blocks, 'block')} cannot show any difference at 95 %, however large: "
            f"it takes {stats.blocks_needed()} trials of each cell{besides}."
        ]
    scatter = _scatter(question)
    sentences = []
    possible = found.smallest_p * tested <= 1 - LEVEL
    if found.p <= 1 - LEVEL < (p_adjusted or 0):
        sentences.append(
            f"On its own the difference would pass (p = {probability(found.p)}), "
            f"but not among {tested} comparisons (adjusted p = {probability(p_adjusted)})."
        )
    elif possible:
        sentences.append("The trials scatter too much to tell the difference from chance.")
    else:
        sentences.append(
            f"{count(found.blocks, 'block')} cannot tell a difference from chance among {tested} comparisons, "
            "however large."
        )
    if not possible:
        return [*sentences, f"From {needed} trials of each cell on, one that is large enough always passes."]
    level = _corrected(tested)
    smallest = stats.minimum_detectable_ratio(scatter, level)
    more = stats.trials_needed(scatter, 1 + MARGIN, level)
    if smallest is not None and more is not None:
        sentences.append(
            f"With this scatter {count(found.blocks, 'block')} find a change of {percent(smallest - 1)} four times in "
            f"five; one of {percent(MARGIN)} would take about {more:,} trials of each cell."
        )
    return sentences


def _corrected(tested: int) -> float:
    """The level that one of so many comparisons has to pass at (Holm's first step), as what is to be covered."""
    return 1 - (1 - LEVEL) / max(tested, 1)


def _reservations(question: Question) -> list[str]:
    sentences = []
    if question.design.order == "blocked":
        sentences.append("The order inside the blocks was fixed, not drawn: what ran before a cell is always the same.")
    if question.design.own_start:
        sentences.append(
            "Each cell had one cluster, started once: the difference includes whatever that start happened to be."
        )
    failed = [
        f"{count(side.failed, 'trial')} of {side.label}" for side in (question.baseline, question.cell) if side.failed
    ]
    if failed:
        sentences.append(f"{listed(failed)} failed and {'takes' if len(failed) == 1 else 'take'} no part.")
    return sentences


def explained(parts: Sequence[Difference]) -> list[str]:
    """The parts of the tasks' time that differ between two cells, in a sentence; nothing where no part is clear.

    Named are the up to three largest parts whose interval excludes 0 (all of them hold together) and that are at
    least a tenth of the largest.
    """
    before, after = sum(part.baseline for part in parts), sum(part.cell for part in parts)
    if not parts or not before:
        return []
    clear = [p for p in parts if p.clear and abs(p.difference) >= 0.1 * abs(parts[0].difference) and p.part != "rest"]
    whole = f"Per trial, tasks took {number(after)} s in sum against {number(before)} s for the baseline"
    if not clear:
        return [f"{whole}; no single part of them differs clearly."]
    return [f"{whole}: {listed([_named(part) for part in clear[:3]])}."]


def _named(part: Difference) -> str:
    between = f"{_signed(part.low or 0)} to {_signed(part.high or 0)}"
    return f"{PARTS[part.part]} {_signed(part.difference)} s ({between})"


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else '−'}{number(abs(value), 2)}"
