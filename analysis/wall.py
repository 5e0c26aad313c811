"""Where a whole submit's time goes, and which of it makes two cells differ: parts that add up to `submit_seconds`.

    start-up        spark-submit, the driver's start, and the wait for executors:  submit - application + ready
    task parts      a part's task-seconds (analysis/decompose.py) over the slots that ran them side by side
    outside tasks   what is left of the application: the driver's own work, idle slots, rests between iterations

The task parts are gathered into what people ask about (GROUPS). Dividing by the slots treats them as evenly used; what
straggling tasks cost beyond that stands in `outside tasks`, and the parts add up to the whole by construction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis.answer import short_names
from analysis.decompose import Difference
from analysis.stats import bootstrap_interval
from analysis.words import listed, number, percent

Data = Mapping[str, Any]

GROUPS = {
    "start_up": ("start-up", ()),
    "cpu": ("CPU: computing, Python, (de)serialization", ("compute", "deserialize", "result_serialization")),
    "gc": ("GC and heap", ("gc",)),
    "network": ("network path: waiting for shuffle reads and results", ("shuffle_read", "getting_result")),
    "disk": ("shuffle writes", ("shuffle_write",)),
    "scheduling": ("scheduling", ("scheduler_delay",)),
    "lost": ("failed tasks, clocks' rest", ("failed", "rest")),
    "outside": ("outside tasks", ()),
}
"""The parts in the order in which they are shown: name for people, and the parts of tasks' time gathered in it."""

NANOSECONDS = 9
"""Decimals of a part: Spark's clocks count milliseconds, and what float sums leave of nothing is not to be shown."""


def wall_parts(trial: Data) -> dict[str, float] | None:
    """The parts of one trial's submit, in seconds; None where it lacks a figure that they need.

    Args:
        trial: a report's trial: its values by metric, its facts and the totals of its tasks.
    """
    values = trial["values"]
    slots = ((trial.get("facts") or {}).get("workload") or {}).get("default_parallelism")
    wanted = ("submit_seconds", "application_seconds", "ready_seconds")
    tasks = trial.get("tasks")
    if not tasks or not slots or any(name not in values for name in wanted):
        return None
    submit, application, ready = (float(values[name]) for name in wanted)
    parts = {
        name: round(sum(float(tasks[one]) for one in members) / slots, NANOSECONDS)
        for name, (_, members) in GROUPS.items()
    }
    parts["start_up"] = submit - application + ready
    parts["outside"] = submit - sum(parts.values())
    return parts


def wall_differences(baseline: Data, cell: Data) -> list[Difference]:
    """Cell minus baseline by part, in seconds of a submit: means over the blocks that both have, largest first."""
    before, after = ({t["block"]: p for t in one["trials"] if (p := wall_parts(t))} for one in (baseline, cell))
    pairs = [(before[block], after[block]) for block in sorted(before.keys() & after.keys())]
    if not pairs:
        return []
    found = []
    for name in GROUPS:
        first, second = (np.array([pair[side][name] for pair in pairs]) for side in (0, 1))
        interval = bootstrap_interval(second - first, np.mean)
        means = float(first.mean()), float(second.mean())
        found.append(Difference(name, *means, means[1] - means[0], interval.low, interval.high))
    return sorted(found, key=lambda part: -abs(part.difference))


def wall_sentence(parts: Sequence[Difference]) -> str | None:
    """What makes a whole submit differ, the largest parts first, each with its share; None where nothing is known.

    Shares are of the sum of all parts' sizes, since parts of both signs may cancel out.
    """
    moved = sum(abs(part.difference) for part in parts)
    if not parts or not moved:
        return None
    whole = sum(part.difference for part in parts)
    named = [
        f"{GROUPS[part.part][0]} {_signed(part.difference)} s ({percent(abs(part.difference) / moved)})"
        for part in parts
        if abs(part.difference) >= 0.05 * moved
    ]
    return f"A whole submit differs by {_signed(whole)} s: {listed(named)}; shares are of all that differs, either way."


Table = tuple[list[str], list[list[str]]]


def wall_tables(report: Data, cells: Sequence[Data]) -> list[dict[str, Any]]:
    """A table with its title for each finding about these cells, where its parts are known."""
    by_id = {cell["id"]: cell for cell in cells}
    found = []
    for finding in report["findings"]:
        if finding.get("wall") and {finding["baseline"], finding["cell"]} <= set(by_id):
            names = short_names([by_id[finding["baseline"]], by_id[finding["cell"]]])
            title = f"Where a whole submit differs: {names[1]} against {names[0]}"
            found.append({"title": title, "table": wall_table(finding["wall"], names)})
    return found


def wall_table(parts: Sequence[Data], names: Sequence[str]) -> Table:
    """One row a part of the submit: both cells' seconds, the difference with its interval.

    Args:
        names: the baseline's and the cell's.
    """
    order = {name: place for place, name in enumerate(GROUPS)}
    rows = [
        [
            GROUPS[part["part"]][0],
            number(part["baseline"]),
            number(part["cell"]),
            _signed(part["difference"]),
            "–" if part["low"] is None else f"{_signed(part['low'])} to {_signed(part['high'])}",
        ]
        for part in sorted(parts, key=lambda part: order[part["part"]])
    ]
    sums = [sum(part[side] for part in parts) for side in ("baseline", "cell", "difference")]
    rows.append(["the whole submit", number(sums[0]), number(sums[1]), _signed(sums[2]), ""])
    return ["part, s a trial (means)", *names, "difference", "95 % interval"], rows


def _signed(value: float) -> str:
    text = number(abs(value), 2)
    return text if not float(text.replace(",", "")) else f"{'+' if value > 0 else '−'}{text}"
