"""What a trial's Python workers took between two moments, by what sparkbed/collectors/pythons.py counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sparkbed.model import Series

SOURCE = "python"
CPU, READY = "cpu_seconds.{}", "ready_seconds.{}"
"""The collector's series, and an application's columns in it, seconds counted up: on a CPU, and ready for one."""

Between = Callable[[float, float], float]
"""Seconds between two moments (Unix seconds), of all hosts together."""


@dataclass(frozen=True)
class PythonWorkers:
    """How long they were on a CPU, and how long they could have run but had none (0 where no kernel counted it)."""

    cpu: Between
    ready: Between


def python_workers(series: Sequence[Series], application: str | None) -> PythonWorkers | None:
    """None where it was not measured: no series of that source, or the application is not known."""
    found = [one for one in series if one.source == SOURCE and one.times.size]
    if not found or not application:
        return None
    return PythonWorkers(*(_between(found, column.format(application)) for column in (CPU, READY)))


def _between(series: Sequence[Series], name: str) -> Between:
    counted = [(one.times, one.columns[name]) for one in series if name in one.columns]

    def between(start: float, end: float) -> float:
        return float(sum(np.interp(end, times, taken) - np.interp(start, times, taken) for times, taken in counted))

    return between
