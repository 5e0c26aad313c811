"""What could be saved at most: the blocked-time analysis of Ousterhout et al. (NSDI 2015, "Making Sense of Performance
in Data Analytics Frameworks", section 3.2).

A stage's tasks are put on the slots again in the order in which they were launched, each on the slot that is free
first: once with their own durations, once with the time taken off for which they were blocked. The difference of the
two makespans is what the stage could be shorter; over all stages, what the application could be. It is a bound from
above: what a task waits for less, it may wait for elsewhere, and stages that ran side by side are counted one after
another.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import decompose
from analysis.attempts import rows_by_attempt

Floats = NDArray[np.float64]

KINDS = {
    "shuffle_read": "waiting for shuffle reads",
    "shuffle_write": "shuffle writes",
    "gc": "garbage collection",
    "deserialize": "deserialization",
    "scheduler_delay": "scheduler delay",
}
"""The kinds of waiting, parts of `decompose.PARTS`, with their names for people."""


def could_save(columns: Mapping[str, NDArray[Any]], slots: int, wall: float) -> dict[str, float]:
    """By kind of waiting, at most which share of `wall` seconds would be gone without it, 0 to 1.

    Args:
        columns: a task table's columns.
        slots: how many tasks run at a time: the cores of all executors.
    """
    times, parts = decompose.task_seconds(columns), decompose.per_task(columns)
    launch = columns["launch_ms"]
    stages = [rows[np.argsort(launch[rows], kind="stable")] for rows in rows_by_attempt(columns).values()]

    def lasting(durations: Floats) -> float:
        return sum(makespan(durations[rows], slots) for rows in stages)

    whole = lasting(times)
    waited = {kind: parts[kind] for kind in KINDS if parts[kind].any()}
    saved = {kind: whole - lasting(np.maximum(0.0, times - lost)) for kind, lost in waited.items()}
    return {kind: min(1.0, max(0.0, saved.get(kind, 0.0)) / wall) for kind in KINDS}


def makespan(durations: Floats, slots: int) -> float:
    """Seconds until the last task ends, of tasks that take the slots in order, each the one that is free first."""
    if durations.size <= slots:
        return float(durations.max(initial=0.0))
    free = [0.0] * slots
    for duration in durations.tolist():
        heapq.heapreplace(free, free[0] + duration)
    return max(free)
