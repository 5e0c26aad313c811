"""Cores that had no task while a stage was running: for want of a launched task, or because the stage was ending.

    dispatch     some stage still had tasks that were not launched: the driver did not give them out as fast as cores
                 came free
    stragglers   all tasks of the running stages were launched, and the last of them were not at their end

A stage is taken to have tasks to launch from its first task's launch to the last one's that was launched for the first
time: nobody knew of further attempts and of speculative copies before. Cores that idle while no stage runs are neither:
the driver was at work, or nobody was.
"""

from __future__ import annotations

import numpy as np

from analysis.attempts import rows_by_attempt
from analysis.decompose import Columns, Floats


def idle_cores(columns: Columns, cores: int) -> dict[str, float]:
    """Core-seconds of both kinds over these tasks.

    Args:
        columns: a task table's: launch_ms, finish_ms, and of stage, stage_attempt, attempt, speculative those that
            there are.
        cores: of all executors together.
    """
    launch, finish = (np.asarray(columns[name], dtype=np.float64) / 1e3 for name in ("launch_ms", "finish_ms"))
    if not launch.size:
        return {"dispatch": 0.0, "stragglers": 0.0}
    attempts = rows_by_attempt(columns).values()
    count = len(attempts)
    place = np.zeros(launch.size, dtype=np.intp)
    for number, rows in enumerate(attempts):
        place[rows] = number
    first, last, end = np.full(count, np.inf), np.full(count, -np.inf), np.full(count, -np.inf)
    np.minimum.at(first, place, launch)
    again = [np.asarray(columns[name], dtype=np.bool_) for name in ("attempt", "speculative") if name in columns]
    new = ~np.logical_or.reduce(again) if again else np.ones(launch.size, dtype=np.bool_)
    np.maximum.at(last, place[new], launch[new])
    np.maximum.at(end, place, finish)
    moments = np.unique(np.concatenate([launch, finish]))
    last = np.maximum(last, first)  # of an attempt of a stage that had further attempts of tasks only
    running, launching, active = (
        _open(moments, *ends) for ends in ((launch, finish), (first, last), (first, end))
    )  # between each moment and the next
    idle = np.diff(moments) * (cores - running)
    return {
        "dispatch": float(idle[launching > 0].sum()),
        "stragglers": float(idle[(launching == 0) & (active > 0)].sum()),
    }


def _open(moments: Floats, starts: Floats, ends: Floats) -> Floats:
    """How many intervals are open between each moment and the next, shape (moments - 1,)."""
    change = np.zeros(moments.size)
    np.add.at(change, np.searchsorted(moments, starts), 1)
    np.add.at(change, np.searchsorted(moments, ends), -1)
    return np.cumsum(change)[:-1]
