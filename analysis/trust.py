"""What limits the trust in a report's answer: each check says what it saw, and what that means for the answer.

Pure functions over a report's data. A check that could be wrong by chance speaks up at p <= 0.01, since there are many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from analysis import stats
from analysis.answer import equals, signed
from analysis.words import count, listed, percent, probability, with_unit

Data = Mapping[str, Any]

UNLIKELY = 0.01
STEAL = 0.02
"""Of the CPUs' time during a trial; below it, it is lost in what trials scatter anyway."""
CLOCK_STEP = 0.25
"""Seconds; less can be a sampler that had to wait between its looks at two clocks."""
WARM = 0.05
"""By so much the first iteration that counts is longer than the others before it is worth a word."""


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
    before = [*_unfinished(report), *_failed(report), *preflight, *_faults(report), *_clocks(report)]
    after = [*_stolen(report), *_warming(report), *_outlying(report)]
    return [*before, *_few(report), *_drifting(report), *_alike(report), *after]


def _unfinished(report: Data) -> list[dict[str, str]]:
    campaign = report["campaign"]
    done = campaign["trials_ok"] + campaign["trials_failed"]
    planned = campaign["trials_planned"]
    # Incomplete is a campaign that came to its end with failures, which are told by themselves; it may have stopped
    # before what was planned, where cells were tight enough.
    if campaign["status"] in ("complete", "incomplete") or done == planned:
        return []
    return [_warning(
        f"The campaign is {campaign['status']}: {done} of {planned} trials are done.",
        "Intervals are wider than planned; './inv run-suite' goes on with an interrupted campaign.",
    )]  # fmt: skip


def _failed(report: Data) -> list[dict[str, str]]:
    failed = {cell["label"]: sum(trial["status"] != "ok" for trial in cell["trials"]) for cell in report["cells"]}
    if not any(failed.values()):
        return []
    each = listed([f"{number} of {label}" for label, number in failed.items() if number])
    uneven = stats.spread_unevenly(list(failed.values()), [len(cell["trials"]) for cell in report["cells"]])
    seldom = (
        f" Chance spreads as many failures so unevenly with p {equals(probability(uneven))}: they belong to what these "
        "cells do, and their trials that are left are a choice."
    )
    return [_warning(
        f"{count(sum(failed.values()), 'trial')} failed: {each}.",
        "They are left out. If slow trials are the ones that fail, what remains looks too fast."
        + (seldom if uneven is not None and uneven <= UNLIKELY else ""),
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
    found = stats.drift([value for _, value in _residuals(report)])
    if found is None or found[1] > UNLIKELY:
        return []
    way = "rise" if found[0] > 0 else "fall"
    return [_warning(
        f"Values {way} during the campaign (Spearman's rho {found[0]:.2f}, p {equals(probability(found[1]))}).",
        "Comparisons inside blocks are hardly touched; medians of cells depend on when the campaign ran.",
    )]  # fmt: skip


def _alike(report: Data) -> list[dict[str, str]]:
    """Whether a trial resembles the one before it, each cell's median taken off."""
    found = stats.autocorrelation([value for _, value in _residuals(report)])
    if found is None or found[0] < 0 or found[1] > UNLIKELY:
        return []
    return [{
        "level": "note",
        "what": f"A trial resembles the one before it (correlation {found[0]:.2f}, p {equals(probability(found[1]))}).",
        "means": "The machine had slower and faster times of some trials' length. Verdicts hold: they exchange trials "
        "inside blocks, whose order was drawn. The intervals of single cells' medians take trials for independent, and "
        "are too narrow.",
    }]  # fmt: skip


def _stolen(report: Data) -> list[dict[str, str]]:
    """What the host of this virtual machine gave to others while a trial ran."""
    shares = {
        trial["id"]: max(place.get("steal", 0.0) for place in places.values()) for _, trial, places in _watched(report)
    }
    often = [share for share in shares.values() if share > STEAL]
    if not often:
        return []
    residuals = dict(_residuals(report))
    by_position = {trial["position"]: shares[trial["id"]] for _, trial, _ in _watched(report)}
    both = [(by_position[place], value) for place, value in residuals.items() if place in by_position]
    related = stats.rank_correlation([one for one, _ in both], [one for _, one in both])
    means = "Other machines on the same host took that time. Trials are compared inside blocks, so that it touches all "
    means += "cells alike, but scatters more; "
    if related is not None and related[1] <= UNLIKELY:
        way = "slower" if related[0] > 0 else "faster"
        means += f"trials with more of it were {way} (Spearman's rho {related[0]:.2f}, p "
        means += f"{equals(probability(related[1]))})."
    else:
        means += "it does not go with the trials' times here."
    return [_warning(
        f"In {len(often)} of {count(len(shares), 'trial')} more than {percent(STEAL)} of the CPUs' time was stolen "
        f"(at most {percent(max(often))}).",
        means,
    )]  # fmt: skip


def _clocks(report: Data) -> list[dict[str, str]]:
    """Clocks that were set while a trial ran."""
    steps = {
        (trial["id"], name): place["clock_step"]
        for _, trial, places in _watched(report)
        for name, place in places.items()
        if abs(place.get("clock_step", 0.0)) > CLOCK_STEP
    }
    if not steps:
        return []
    largest = max(steps, key=lambda key: abs(steps[key]))
    trials = len({trial for trial, _ in steps})
    return [_warning(
        f"In {count(trials, 'trial')} a clock was set (by {steps[largest]:+.1f} s on {largest[1]} in {largest[0]}).",
        "Times of the trials come from monotonic clocks and are right. What the event log says of tasks, and where "
        "series stand beside them, is off by as much.",
    )]  # fmt: skip


def _warming(report: Data) -> list[dict[str, str]]:
    """Cells whose first iteration that counts is longer than the others, trial after trial."""
    metric = report["campaign"]["metric"]
    found = []
    for cell in report["cells"]:
        ratios = []
        for trial in cell["trials"]:
            kept = [one for one in trial["samples"] if one["metric"] == metric and one["kept"] and one["value"] > 0]
            kept.sort(key=lambda one: one["iteration"] or 0)
            if trial["status"] == "ok" and len(kept) > 2:
                ratios.append(kept[0]["value"] / float(np.median([one["value"] for one in kept[1:]])))
        if ratios and np.median(ratios) > 1 + WARM and stats.sign_test(np.log(ratios)) <= UNLIKELY:
            found.append(f"{cell['label']} ({signed(float(np.median(ratios)))})")
    if not found:
        return []
    return [{
        "level": "note",
        "what": f"The first iteration that counts is longer than those after it: {listed(found)}.",
        "means": "Its programs were not warm yet (JIT, caches). A trial's value is the median of its iterations, which "
        "this hardly moves; a higher `warmup` leaves it out.",
    }]  # fmt: skip


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


def _residuals(report: Data) -> list[tuple[int, float]]:
    """Position and logarithm of each trial's value, its cell's median taken off, in the order in which they ran."""
    metric = report["campaign"]["metric"]
    points = []
    for cell in report["cells"]:
        done = [trial for trial in cell["trials"] if trial["status"] == "ok" and trial["values"].get(metric, 0) > 0]
        logs = np.log([trial["values"][metric] for trial in done])
        middle = float(np.median(logs)) if done else 0.0
        points += [(trial["position"], float(value) - middle) for trial, value in zip(done, logs, strict=True)]
    return sorted(points)


def _watched(report: Data) -> list[tuple[Data, Data, Mapping[str, Mapping[str, float]]]]:
    """Cell, trial and what disturbed it by place, of the trials in which hosts were watched."""
    return [
        (cell, trial, places)
        for cell in report["cells"]
        for trial in cell["trials"]
        if (places := (trial["facts"].get("application") or {}).get("host"))
    ]


def _warning(what: str, means: str) -> dict[str, str]:
    return {"level": "warning", "what": what, "means": means}
