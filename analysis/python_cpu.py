"""CPU time that a trial's Python workers took between two moments, by what sparkbed/collectors/pythons.py counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sparkbed.model import Series

SOURCE, COLUMN = "python", "cpu_seconds.{}"
"""The collector's series, and an application's column in it: seconds of CPU, counted up."""

Between = Callable[[float, float], float]
"""Seconds of CPU between two moments (Unix seconds), of all hosts together."""


def python_cpu(series: Sequence[Series], application: str | None) -> Between | None:
    """None where it was not measured: no series of that source, or the application is not known."""
    found = [one for one in series if one.source == SOURCE and one.times.size]
    if not found or not application:
        return None
    name = COLUMN.format(application)
    counted = [(one.times, one.columns[name]) for one in found if name in one.columns]

    def between(start: float, end: float) -> float:
        return float(sum(np.interp(end, times, taken) - np.interp(start, times, taken) for times, taken in counted))

    return between
