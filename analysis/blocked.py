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
    keys = np.stack([columns["stage"], columns["stage_attempt"]], axis=1)
    _, stage = np.unique(keys, axis=0, return_inverse=True)
    order = np.lexsort((columns["launch_ms"], stage.reshape(-1)))
    cuts = np.flatnonzero(np.diff(stage.reshape(-1)[order])) + 1
    stages = np.split(order, cuts) if order.size else []

    def lasting(durations: Floats) -> float:
        return sum(makespan(durations[rows], slots) for rows in stages)

    whole = lasting(times)
    saved = {kind: whole - lasting(np.maximum(0.0, times - parts[kind])) for kind in KINDS}
    return {kind: min(1.0, max(0.0, seconds) / wall) for kind, seconds in saved.items()}


def makespan(durations: Floats, slots: int) -> float:
    """Seconds until the last task ends, of tasks that take the slots in order, each the one that is free first."""
    if durations.size <= slots:
        return float(durations.max(initial=0.0))
    free = [0.0] * slots
    for duration in durations.tolist():
        heapq.heappush(free, heapq.heappop(free) + duration)
    return max(free)
