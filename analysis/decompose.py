"""Where tasks spend their time: Spark's own formulas (AppStatusUtils.scala, as its web UI uses them), task by task.

    duration           finish - launch, on the driver's clock
    getting result     finish - the moment the driver began to fetch the result; 0 for results sent directly
    scheduler delay    duration - run - deserialization - result serialization - getting result, not below 0
    compute            run - fetch wait - shuffle write - GC, not below 0

The clocks differ and most metrics are whole milliseconds, so the parts miss the duration by a little: the `rest` is
that difference, of either sign, and the parts always add up to the duration. A failed or killed task's time is one part
of its own: its metrics are not complete. Work of Python workers is inside compute: the JVM's task thread waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.stats import intervals_together

Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]

PARTS = {
    "scheduler_delay": "scheduler delay",
    "deserialize": "deserialization",
    "shuffle_read": "waiting for shuffle reads",
    "shuffle_write": "shuffle writes",
    "gc": "GC",
    "compute": "compute",
    "result_serialization": "result serialization",
    "getting_result": "getting results",
    "failed": "failed tasks",
    "rest": "rest",
}
"""The parts of a task's time, in the order in which they are shown, with their names for people."""


def task_seconds(columns: Columns) -> Floats:
    """Each task's duration in seconds, shape (n,)."""
    return (_column(columns, "finish_ms") - _column(columns, "launch_ms")) / 1e3


def per_task(columns: Columns) -> dict[str, Floats]:
    """The parts of each task in seconds: every one of PARTS, shape (n,); their sum is `task_seconds`.

    Args:
        columns: a task table's columns (see sparkbed/collectors/eventlog.py); those that are missing count as 0.
    """
    duration = task_seconds(columns)
    run = _column(columns, "run_ms") / 1e3
    parts = {
        "deserialize": _column(columns, "deserialize_ms") / 1e3,
        "shuffle_read": _column(columns, "fetch_wait_ms") / 1e3,
        "shuffle_write": _column(columns, "shuffle_write_ns") / 1e9,
        "gc": _column(columns, "gc_ms") / 1e3,
        "result_serialization": _column(columns, "result_serialization_ms") / 1e3,
        "getting_result": _getting_result(columns),
    }
    inside = parts["shuffle_read"] + parts["shuffle_write"] + parts["gc"]
    outside = parts["deserialize"] + parts["result_serialization"] + parts["getting_result"]
    parts["compute"] = np.maximum(0.0, run - inside)
    parts["scheduler_delay"] = np.maximum(0.0, duration - run - outside)
    lost = _column(columns, "failed").astype(bool) | _column(columns, "killed").astype(bool)
    parts = {name: np.where(lost, 0.0, values) for name, values in parts.items()}
    parts["failed"] = np.where(lost, duration, 0.0)
    parts["rest"] = duration - np.sum(list(parts.values()), axis=0)
    return {name: parts[name] for name in PARTS}


def totals(columns: Columns) -> dict[str, float]:
    """The parts summed over a trial's tasks, in task-seconds."""
    return {name: float(values.sum()) for name, values in per_task(columns).items()}


def spilled(columns: Columns) -> dict[str, float]:
    """Bytes that tasks spilled for want of heap: what they held in memory, and what went to disk for it."""
    return {name: float(_column(columns, f"{name}_spilled").sum()) for name in ("memory", "disk")}


def busy_seconds(columns: Columns) -> float:
    """For how long at least one task was running: the length of the union of the tasks' times."""
    start, end = _column(columns, "launch_ms") / 1e3, _column(columns, "finish_ms") / 1e3
    if not start.size:
        return 0.0
    order = np.argsort(start, kind="stable")
    start, end = start[order], end[order]
    reached = np.maximum.accumulate(np.concatenate([[start[0]], end]))[:-1]
    return float(np.maximum(0.0, end - np.maximum(start, reached)).sum())


def on_cpu(columns: Columns, compute: Floats) -> Floats:
    """How much of each task's `compute` its own thread was on a CPU, in seconds, shape (n,).

    The rest of `compute` is waiting: for a Python worker, which is another process, or for a core.

    Args:
        compute: as `per_task` gives it for these columns.
    """
    return np.minimum(_column(columns, "cpu_ns") / 1e9, compute)


@dataclass(frozen=True)
class Difference:
    """One part's difference between two cells in seconds a trial (means).

    `low` and `high` are the ends of an interval that holds together with those of the other parts (see
    `stats.intervals_together`); None where there are too few blocks.
    """

    part: str
    baseline: float
    cell: float
    difference: float
    low: float | None
    high: float | None

    @property
    def clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def mean_parts(trials: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each part over trials; empty for no trials."""
    if not trials:
        return {}
    return {name: float(np.mean([trial[name] for trial in trials])) for name in PARTS}


def differences(baseline: Sequence[Mapping[str, float]], cell: Sequence[Mapping[str, float]]) -> list[Difference]:
    """Cell minus baseline by parts, largest first. The differences add up to that of the whole.

    Args:
        baseline, cell: parts of trials of the same blocks, in the same order, as `totals` gives them; of lists of
            different length the first trials that both have are used.
    """
    pairs = list(zip(baseline, cell, strict=False))
    if not pairs:
        return []
    names = list(pairs[0][0])
    before = {name: np.array([pair[0][name] for pair in pairs]) for name in names}
    after = {name: np.array([pair[1][name] for pair in pairs]) for name in names}
    between = intervals_together({name: after[name] - before[name] for name in names})
    found = []
    for name in names:
        means = float(before[name].mean()), float(after[name].mean())
        found.append(Difference(name, *means, means[1] - means[0], between[name].low, between[name].high))
    return sorted(found, key=lambda part: -abs(part.difference))


def _getting_result(columns: Columns) -> Floats:
    began = _column(columns, "getting_result_ms")
    return np.where(began > 0, _column(columns, "finish_ms") - began, 0.0) / 1e3


def _column(columns: Columns, name: str) -> Floats:
    if name in columns:
        return np.asarray(columns[name], dtype=np.float64)
    return np.zeros(len(next(iter(columns.values()), ())), dtype=np.float64)
